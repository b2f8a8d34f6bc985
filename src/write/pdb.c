#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "write/bonds.h"
#include "write/structure.h"

enum { MOST_ATOMS = 99999, MOST_RESIDUES = 9999, CONECT_PARTNERS = 4 };

#define USE_CIF "write mmCIF instead (--format cif)"

of3_status of3_pdb_check(const of3_complex *c, of3_error *err) {
  if (c->n_atom > MOST_ATOMS)
    return of3_fail(err, OF3_ERR_INPUT, "'%s' has %d atoms, a PDB file holds at most %d: " USE_CIF, c->name,
                    c->n_atom, MOST_ATOMS);
  for (int k = 0; k < c->n_bond; k++)
    if (c->bond[k].kind == OF3_BOND_USER)
      return of3_fail(
          err, OF3_ERR_INPUT,
          "'%s' has bonds that the query asks for, which a PDB file cannot tell from others: " USE_CIF,
          c->name);
  for (int k = 0; k < c->n_chain; k++)
    if (strlen(c->chain[k].id) != 1)
      return of3_fail(err, OF3_ERR_INPUT,
                      "chain '%s' of '%s' has an id of %zu bytes, a PDB file holds one character: " USE_CIF,
                      c->chain[k].id, c->name, strlen(c->chain[k].id));
  for (int k = 0; k < c->n_residue; k++)
    if (c->residue[k].number > MOST_RESIDUES)
      return of3_fail(err, OF3_ERR_INPUT,
                      "chain '%s' of '%s' has residue number %d, a PDB file holds at most %d: " USE_CIF,
                      c->chain[c->residue[k].chain].id, c->name, c->residue[k].number, MOST_RESIDUES);
  for (int k = 0; k < c->n_atom; k++)
    if (strlen(c->atom[k].name) > 4 || abs(c->atom[k].charge) > 9)
      return of3_fail(
          err, OF3_ERR_INPUT,
          "atom '%s' (charge %d) of '%s' does not fit a PDB file, which holds names of four characters "
          "and charges of one digit: " USE_CIF,
          c->atom[k].name, c->atom[k].charge, c->name);
  return OF3_OK;
}

/* %8.3f and %6.2f keep to their columns. */
static of3_status check_values(const of3_complex *c, const float *x, const float *plddt, of3_error *err) {
  for (int k = 0; k < 3 * c->n_atom; k++)
    if (!(x[k] > -999.9995f && x[k] < 9999.9995f))
      return of3_fail(err, OF3_ERR_INPUT,
                      "coordinate %g of atom %d of '%s' does not fit a PDB file, which holds -999.999 .. "
                      "9999.999: " USE_CIF,
                      (double)x[k], k / 3 + 1, c->name);
  for (int k = 0; k < c->n_atom; k++)
    if (!(plddt[k] > -99.995f && plddt[k] < 999.995f))
      return of3_fail(
          err, OF3_ERR_INPUT,
          "pLDDT %g of atom %d of '%s' does not fit a PDB file, which holds -99.99 .. 999.99: " USE_CIF,
          (double)plddt[k], k + 1, c->name);
  return OF3_OK;
}

/* A name of one-letter elements starts in the second column unless it needs all four. */
static void add_atom(const of3_complex *c, int k, const float *x, float plddt, of3_str *out) {
  const of3_atom *a = &c->atom[k];
  const of3_residue *r = &c->residue[a->residue];
  bool shifted = strlen(a->element) == 1 && strlen(a->name) < 4;
  char charge[3] = "  ";
  if (a->charge) charge[0] = (char)('0' + abs(a->charge)), charge[1] = a->charge > 0 ? '+' : '-';
  of3_str_addf(out, "%-6s%5d %s%-*s %3.3s %s%4d ", r->hetero ? "HETATM" : "ATOM", k + 1, shifted ? " " : "",
               shifted ? 3 : 4, a->name, r->name, c->chain[r->chain].id, r->number);
  of3_str_addf(out, "   %8.3f%8.3f%8.3f  1.00%6.2f          %2s%s\n", (double)x[0], (double)x[1],
               (double)x[2], (double)plddt, a->element, charge);
}

static bool is_water(const char *residue) {
  static const char *const name[] = {"HOH", "DOD", "SOL", "WAT", "H2O"};
  for (size_t k = 0; k < sizeof name / sizeof *name; k++)
    if (strcmp(residue, name[k]) == 0) return true;
  return false;
}

static bool pdb_is_hetero(const of3_complex *c, int atom) {
  const of3_residue *r = &c->residue[c->atom[atom].residue];
  return r->hetero && !is_water(r->name);
}

/* Bonds that go into CONECT: all between residues, and all of hetero residues but water. */
static bool is_written(const of3_complex *c, const of3_bond *b) {
  return of3_bond_links(c, b) || pdb_is_hetero(c, b->a) || pdb_is_hetero(c, b->b);
}

/* Neighbours of each atom: start[a] .. start[a+1] in list, links between residues first. */
typedef struct neighbours {
  int *start, *list;
} neighbours;

static void fill_neighbours(const of3_complex *c, neighbours *n, int *at) {
  for (int k = 0; k < c->n_bond; k++)
    if (is_written(c, &c->bond[k])) {
      n->start[c->bond[k].a + 1]++;
      n->start[c->bond[k].b + 1]++;
    }
  for (int a = 0; a < c->n_atom; a++) n->start[a + 1] += n->start[a];
  memcpy(at, n->start, (size_t)c->n_atom * sizeof *at);
  for (int links = 1; links >= 0; links--)
    for (int k = 0; k < c->n_bond; k++) {
      const of3_bond *b = &c->bond[k];
      if (!is_written(c, b) || of3_bond_links(c, b) != (links == 1)) continue;
      n->list[at[b->a]++] = b->b;
      n->list[at[b->b]++] = b->a;
    }
}

static void add_conect(const of3_complex *c, const neighbours *n, of3_str *out) {
  for (int a = 0; a < c->n_atom; a++)
    for (int k = n->start[a]; k < n->start[a + 1]; k++) {
      int place = (k - n->start[a]) % CONECT_PARTNERS;
      if (place == 0) of3_str_addf(out, "CONECT%5d", a + 1);
      of3_str_addf(out, "%5d", n->list[k] + 1);
      if (place == CONECT_PARTNERS - 1 || k + 1 == n->start[a + 1]) of3_str_addc(out, '\n', 1);
    }
}

of3_status of3_pdb_text(const of3_complex *c, const float *x, const float *plddt, of3_cancel *opt_cancel,
                        of3_str *out, of3_error *err) {
  OF3_TRY(of3_pdb_check(c, err));
  OF3_TRY(check_values(c, x, plddt, err));
  neighbours n = {.start = calloc((size_t)c->n_atom + 1, sizeof *n.start),
                  .list = malloc((2 * (size_t)c->n_bond + 1) * sizeof *n.list)};
  int *at = malloc(((size_t)c->n_atom + 1) * sizeof *at);
  bool ok = n.start && n.list && at;
  if (ok) {
    for (int k = 0; k < c->n_atom && !of3_cancelled(opt_cancel); k++)
      add_atom(c, k, x + 3 * (size_t)k, plddt[k], out);
    fill_neighbours(c, &n, at);
    add_conect(c, &n, out);
  }
  free(n.start);
  free(n.list);
  free(at);
  return ok && !out->failed ? of3_go_on(opt_cancel, err) : of3_fail_memory(err, "the PDB file");
}
