/* The atoms and bonds of a PDB file, format 3.3: ATOM and HETATM, TER, CONECT. What does not fit its columns
 * is refused beforehand (of3_pdb_check), with the advice to write mmCIF. What stands before the atoms in a
 * file that is not in OpenFold3's style is in pdb_head.c. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "write/bonds.h"
#include "write/pdb_parts.h"

enum { MOST_ATOMS = 99999, LEAST_RESIDUE = -999, MOST_RESIDUE = 9999, CONECT_PARTNERS = 4 };

#define USE_CIF "write mmCIF instead (--format cif)"

static of3_status check_residues(const of3_complex *c, of3_error *err) {
  for (int k = 0; k < c->n_residue; k++) {
    const of3_chain *chain = &c->chain[c->residue[k].chain];
    const int number = c->residue[k].number + chain->number_shift;
    if (number < LEAST_RESIDUE || number > MOST_RESIDUE)
      return of3_fail(err, OF3_ERR_INPUT,
                      "chain '%s' of '%s' has residue number %d, a PDB file holds %d .. %d: " USE_CIF,
                      chain->id, c->name, number, LEAST_RESIDUE, MOST_RESIDUE);
  }
  return OF3_OK;
}

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
  OF3_TRY(check_residues(c, err));
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

static void add_atom(const of3_complex *c, int k, const float *x, double occupancy, float plddt,
                     of3_str *out) {
  const of3_atom *a = &c->atom[k];
  const of3_residue *r = &c->residue[a->residue];
  const of3_chain *chain = &c->chain[r->chain];
  char charge[3] = "  ", name[OF3_PDB_ATOM_NAME];
  of3_pdb_atom_name(a, name);
  if (a->charge) charge[0] = (char)('0' + abs(a->charge)), charge[1] = a->charge > 0 ? '+' : '-';
  of3_str_addf(out, "%-6s%5d %s %3.3s %s%4d ", r->hetero ? "HETATM" : "ATOM", k + 1, name, r->name, chain->id,
               r->number + chain->number_shift);
  of3_str_addf(out, "   %8.3f%8.3f%8.3f%6.2f%6.2f          %2s%s\n", (double)x[0], (double)x[1], (double)x[2],
               occupancy, (double)plddt, a->element, charge);
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
typedef struct conect_rule {
  const of3_complex *c;
  bool only_known; /* without those that OpenFold3 does not have */
} conect_rule;

static bool is_written(const conect_rule *rule, const of3_bond *b) {
  const of3_complex *c = rule->c;
  if (rule->only_known && !of3_bond_is_known(b)) return false;
  return of3_bond_links(c, b) || pdb_is_hetero(c, b->a) || pdb_is_hetero(c, b->b);
}

/* Neighbours of each atom: start[a] .. start[a+1] in list, links between residues first. */
typedef struct neighbours {
  int *start, *list;
} neighbours;

static void fill_neighbours(const conect_rule *rule, neighbours *n, int *at) {
  const of3_complex *c = rule->c;
  for (int k = 0; k < c->n_bond; k++)
    if (is_written(rule, &c->bond[k])) {
      n->start[c->bond[k].a + 1]++;
      n->start[c->bond[k].b + 1]++;
    }
  for (int a = 0; a < c->n_atom; a++) n->start[a + 1] += n->start[a];
  memcpy(at, n->start, (size_t)c->n_atom * sizeof *at);
  for (int links = 1; links >= 0; links--)
    for (int k = 0; k < c->n_bond; k++) {
      const of3_bond *b = &c->bond[k];
      if (!is_written(rule, b) || of3_bond_links(c, b) != (links == 1)) continue;
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

/* The end of a polymer, with its last residue in the columns of an atom's. */
static void add_ter(const of3_complex *c, int atom, of3_str *out) {
  const of3_residue *r = &c->residue[c->atom[atom].residue];
  const of3_chain *chain = &c->chain[r->chain];
  of3_str_addf(out, "TER   %11s%3.3s %s%4d\n", "", r->name, chain->id, r->number + chain->number_shift);
}

/* With TER after each polymer, which takes no number: atoms are numbered alike in both styles. */
static void add_atoms(const of3_complex *c, const float *x, const float *plddt, bool with_ter,
                      of3_cancel *opt_cancel, of3_str *out) {
  const double occupancy = of3_only_smiles(c) && !with_ter ? 0 : 1;
  for (int k = 0; k < c->n_atom && !of3_cancelled(opt_cancel); k++) {
    const int chain = c->residue[c->atom[k].residue].chain;
    const bool last = k + 1 == c->n_atom || c->residue[c->atom[k + 1].residue].chain != chain;
    add_atom(c, k, x + 3 * (size_t)k, occupancy, plddt[k], out);
    if (with_ter && last && c->chain[chain].type != OF3_LIGAND) add_ter(c, k, out);
  }
}

of3_status of3_pdb_text(const of3_complex *c, const float *x, const float *plddt,
                        const of3_structure_about *about, of3_cancel *opt_cancel, of3_str *out,
                        of3_error *err) {
  OF3_TRY(of3_pdb_check(c, err));
  OF3_TRY(check_values(c, x, plddt, err));
  const conect_rule rule = {.c = c, .only_known = !about};
  neighbours n = {.start = calloc((size_t)c->n_atom + 1, sizeof *n.start),
                  .list = malloc((2 * (size_t)c->n_bond + 1) * sizeof *n.list)};
  int *at = malloc(((size_t)c->n_atom + 1) * sizeof *at);
  bool ok = n.start && n.list && at;
  if (ok) {
    if (about) of3_pdb_add_head(c, x, about, out);
    add_atoms(c, x, plddt, about, opt_cancel, out);
    fill_neighbours(&rule, &n, at);
    add_conect(c, &n, out);
    if (about) of3_str_add(out, "END\n");
  }
  free(n.start);
  free(n.list);
  free(at);
  return ok && !out->failed ? of3_go_on(opt_cancel, err) : of3_fail_memory(err, "the PDB file");
}
