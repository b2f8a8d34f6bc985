/* Bonds of the user's, and the atoms that leave for them.
 *
 * The molecules have been put together as if they stood alone. Here
 *
 *   1. the ends of bonds and the leaving atoms are found by their names (find_atom);
 *   2. if the query says so, atoms that the dictionary calls leaving are added: at each end of a bond the one
 *      group of such atoms that hangs on it (infer_leaving);
 *   3. leaving atoms are taken out, and atoms, residues and bonds get new numbers (take_out). The component
 * keeps them, and so does the conformer of a residue, which is one of the whole component;
 *   4. the bonds are put in, and the residues that they touch, or that an atom left, become a token for each
 *      atom: only such tokens have bonds that the network sees (AF3 SI 2.6).
 *
 * A bond that is there already changes nothing, and an atom that is not there leaves without a word. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "feat/complex_parts.h"

typedef struct bonding {
  const of3_query *query;
  const of3_log *log;
  of3_complex *c;
  bool *leaves; /* [n_atom] */
  bool *given;  /* [n_residue] the query says what leaves it */
  int *end;     /* [n_bond,2] atoms of the complex */
} bonding;

/* ---- Atoms by their names */

#define PLACE          "%s %d (%s)"
#define PLACE_OF(c, r) (c)->chain[(r)->chain].id, (r)->number, (r)->name

static of3_residue *find_residue(of3_complex *c, const of3_query_atom *at) {
  for (int k = 0; k < c->n_chain; k++)
    if (strcmp(c->chain[k].id, at->chain) == 0)
      return &c->residue[c->chain[k].first_residue + at->residue - 1];
  return NULL; /* of3_query_check_bonds does not let it come to this */
}

static bool equal_but_for_case(const char *a, const char *b) {
  while (*a && toupper((unsigned char)*a) == toupper((unsigned char)*b)) a++, b++;
  return !*a && !*b;
}

/* The name that was meant, if only the case is wrong; else the names that there are. */
static of3_status no_atom(const of3_complex *c, const of3_residue *r, const char *name, of3_error *err) {
  enum { SHOWN = 40 };
  of3_str list = {0};
  const char *meant = NULL;
  for (int k = 0; k < r->n_atom; k++) {
    const char *other = c->atom[r->first_atom + k].name;
    if (k < SHOWN) of3_str_addf(&list, "%s%s", k ? " " : "", other);
    if (equal_but_for_case(other, name)) meant = other;
  }
  if (r->n_atom > SHOWN) of3_str_addf(&list, " ... (%d in all)", r->n_atom);
  const of3_status st =
      list.failed ? of3_fail_memory(err, "a message")
      : meant ? of3_fail(err, OF3_ERR_INPUT, "residue " PLACE " has no atom '%s', but '%s'", PLACE_OF(c, r),
                         name, meant)
              : of3_fail(err, OF3_ERR_INPUT, "residue " PLACE " has no atom '%s'; its atoms are %s",
                         PLACE_OF(c, r), name, list.text);
  of3_str_free(&list);
  return st;
}

/* -1: the component has the atom and its residue does not (OXT in a chain). */
static of3_status find_atom(const bonding *b, const of3_query_atom *at, int *ret_atom, of3_error *err) {
  const of3_residue *r = find_residue(b->c, at);
  if (!r) return of3_fail(err, OF3_ERR_INPUT, "there is no chain '%s'", at->chain);
  const int of_component = of3_component_atom_named(r->component, at->name);
  if (of_component < 0) return no_atom(b->c, r, at->name, err);
  *ret_atom = of3_residue_atom(b->c, r, of_component);
  return OF3_OK;
}

static of3_status find_end(const bonding *b, const of3_query_atom *at, int *ret_atom, of3_error *err) {
  OF3_TRY(find_atom(b, at, ret_atom, err));
  if (*ret_atom >= 0) return OF3_OK;
  const of3_residue *r = find_residue(b->c, at);
  return of3_fail(err, OF3_ERR_INPUT,
                  "residue " PLACE " of a chain does not have the atom '%s' of its component",
                  PLACE_OF(b->c, r), at->name);
}

static of3_status find_all(const bonding *b, of3_error *err) {
  for (int k = 0; k < b->query->n_bond; k++) {
    const of3_query_bond *bond = &b->query->bond[k];
    if (find_end(b, &bond->a, &b->end[2 * k], err) != OF3_OK ||
        find_end(b, &bond->b, &b->end[2 * k + 1], err) != OF3_OK)
      return of3_prefix(err, "bond %d of 'covalent_bonds'", k + 1);
  }
  for (int k = 0; k < b->query->n_leaving; k++) {
    int atom = -1;
    if (find_atom(b, &b->query->leaving[k], &atom, err) != OF3_OK)
      return of3_prefix(err, "entry %d of 'leaving_atoms'", k + 1);
    if (atom >= 0) b->leaves[atom] = true;
    b->given[find_residue(b->c, &b->query->leaving[k]) - b->c->residue] = true;
  }
  return OF3_OK;
}

/* ---- Leaving atoms */

static int other_end(const of3_component_bond *bond, int atom) {
  return bond->a == atom ? bond->b : bond->b == atom ? bond->a : -1;
}

/* Adds the atoms of the group that `atom` of the component belongs to: those that the dictionary calls
 * leaving and that are bonded to each other, without `end`. */
static void add_group(const of3_component *c, int end, int atom, bool *in_group) {
  bool more = true;
  in_group[atom] = true;
  while (more) {
    more = false;
    for (int k = 0; k < 2 * c->n_bond; k++) {
      const of3_component_bond *bond = &c->bond[k / 2];
      const int from = k % 2 ? bond->b : bond->a, to = k % 2 ? bond->a : bond->b;
      if (to == end || !in_group[from] || in_group[to] || !c->atom[to].leaving) continue;
      in_group[to] = more = true;
    }
  }
}

/* How many groups there are at the end of a bond; their atoms of the component into in_group. */
static int find_groups(const of3_component *c, int end, bool *in_group) {
  int n = 0;
  memset(in_group, 0, (size_t)c->n_atom * sizeof *in_group);
  for (int k = 0; k < c->n_bond; k++) {
    const int next = other_end(&c->bond[k], end);
    if (next < 0 || !c->atom[next].leaving || in_group[next]) continue;
    add_group(c, end, next, in_group);
    n++;
  }
  return n;
}

static of3_status infer_at(const bonding *b, int atom, bool *in_group, of3_error *err) {
  const int residue = b->c->atom[atom].residue;
  const of3_residue *r = &b->c->residue[residue];
  const of3_component *c = r->component;
  if (b->given[residue]) return OF3_OK;
  const int n = find_groups(c, b->c->atom[atom].component_atom, in_group);
  if (n > 1)
    return of3_fail(err, OF3_ERR_INPUT,
                    "the atom %s of residue " PLACE
                    " is bonded to %d groups that may leave; name in 'leaving_atoms' "
                    "what is to leave",
                    b->c->atom[atom].name, PLACE_OF(b->c, r), n);
  for (int k = 0; k < c->n_atom; k++) {
    const int leaving = in_group[k] ? of3_residue_atom(b->c, r, k) : -1;
    if (leaving < 0 || b->leaves[leaving]) continue;
    b->leaves[leaving] = true;
    of3_logf(b->log, OF3_LOG_INFO, "query '%s': the atom %s of residue " PLACE " leaves, as %s is bonded",
             b->c->name, c->atom[k].name, PLACE_OF(b->c, r), b->c->atom[atom].name);
  }
  return OF3_OK;
}

static of3_status infer_leaving(const bonding *b, of3_error *err) {
  size_t most = 1;
  for (int k = 0; k < b->c->n_residue; k++)
    if ((size_t)b->c->residue[k].component->n_atom > most) most = (size_t)b->c->residue[k].component->n_atom;
  bool *in_group = calloc(most, sizeof *in_group);
  of3_status st = in_group ? OF3_OK : of3_fail_memory(err, "the leaving atoms");
  for (int k = 0; st == OF3_OK && k < 2 * b->query->n_bond; k++) st = infer_at(b, b->end[k], in_group, err);
  free(in_group);
  return st;
}

static of3_status check_leaving(const bonding *b, of3_error *err) {
  for (int k = 0; k < 2 * b->query->n_bond; k++) {
    const int atom = b->end[k];
    if (b->leaves[atom])
      return of3_fail(err, OF3_ERR_INPUT,
                      "the atom %s of residue " PLACE " is bonded, and would leave for another bond; "
                      "name in 'leaving_atoms' what is to leave",
                      b->c->atom[atom].name, PLACE_OF(b->c, &b->c->residue[b->c->atom[atom].residue]));
  }
  for (int k = 0; k < b->c->n_residue; k++) {
    const of3_residue *r = &b->c->residue[k];
    int left = r->n_atom;
    for (int a = 0; a < r->n_atom; a++) left -= b->leaves[r->first_atom + a];
    if (left == 0)
      return of3_fail(err, OF3_ERR_INPUT, "residue " PLACE " has no atom that stays", PLACE_OF(b->c, r));
  }
  return OF3_OK;
}

/* Renumbers all; number [n_atom] is written. */
static void take_out(const bonding *b, int *number) {
  of3_complex *c = b->c;
  int n = 0, bonds = 0;
  for (int k = 0; k < c->n_residue; k++) {
    of3_residue *r = &c->residue[k];
    const int first = r->first_atom, end = first + r->n_atom;
    r->first_atom = n;
    for (int a = first; a < end; a++) {
      number[a] = b->leaves[a] ? -1 : n;
      if (!b->leaves[a]) c->atom[n++] = c->atom[a];
    }
    if (n - r->first_atom < r->n_atom) r->standard = false;
    r->n_atom = n - r->first_atom;
  }
  for (int k = 0; k < c->n_bond; k++) {
    of3_bond bond = c->bond[k];
    bond.a = number[bond.a];
    bond.b = number[bond.b];
    if (bond.a >= 0 && bond.b >= 0) c->bond[bonds++] = bond;
  }
  for (int k = 0; k < 2 * b->query->n_bond; k++) b->end[k] = number[b->end[k]];
  c->n_atom = n;
  c->n_bond = bonds;
}

/* ---- Bonds */

/* Those between residues stand behind the others. */
static of3_bond *bond_between(of3_complex *c, int p, int q) {
  for (int k = c->n_bond - 1; k >= 0 && c->bond[k].kind != OF3_BOND_INSIDE; k--) {
    of3_bond *bond = &c->bond[k];
    if ((bond->a == p && bond->b == q) || (bond->a == q && bond->b == p)) return bond;
  }
  return NULL;
}

static void put_bond(const bonding *b, int p, int q) {
  of3_complex *c = b->c;
  of3_bond *there = bond_between(c, p, q);
  of3_residue *r = &c->residue[c->atom[p].residue], *s = &c->residue[c->atom[q].residue];
  if (there && there->kind == OF3_BOND_LINK) {
    of3_logf(b->log, OF3_LOG_INFO,
             "query '%s': the bond of " PLACE " %s and " PLACE " %s is one of the polymer anyway", c->name,
             PLACE_OF(c, r), c->atom[p].name, PLACE_OF(c, s), c->atom[q].name);
    return;
  }
  *(there ? there : &c->bond[c->n_bond++]) = (of3_bond){p, q, 1, false, OF3_BOND_USER};
  r->standard = s->standard = false;
}

/* Bonded atoms that keep what should have left: what the dictionary calls leaving, or a carbon that had no
 * hydrogen to give. */
static void warn_kept(const bonding *b, int atom) {
  const of3_complex *c = b->c;
  const of3_residue *r = &c->residue[c->atom[atom].residue];
  const of3_component *of = r->component;
  const int at = c->atom[atom].component_atom;
  bool left = false;
  for (int k = 0; k < of->n_bond; k++) {
    const int next = other_end(&of->bond[k], at), kept = next < 0 ? -1 : of3_residue_atom(c, r, next);
    left = left || (next >= 0 && kept < 0);
    if (kept >= 0 && of->atom[next].leaving)
      of3_logf(b->log, OF3_LOG_WARN,
               "query '%s': the atom %s of residue " PLACE
               " stays on %s, which is bonded; name it in 'leaving_atoms', or "
               "give --infer-covalent-leaving-atoms",
               c->name, of->atom[next].name, PLACE_OF(c, r), of->atom[at].name);
  }
  if (!left && strcmp(of->atom[at].element, "C") == 0 && of->atom[at].hydrogens == 0)
    of3_logf(b->log, OF3_LOG_WARN,
             "query '%s': the carbon %s of residue " PLACE
             " has no hydrogen to give for its bond, and no atom leaves it",
             c->name, of->atom[at].name, PLACE_OF(c, r));
}

static of3_status bond_all(const bonding *b, int *number, of3_error *err) {
  OF3_TRY(find_all(b, err));
  if (b->query->infer_leaving) OF3_TRY(infer_leaving(b, err));
  OF3_TRY(check_leaving(b, err));
  take_out(b, number);
  for (int k = 0; k < b->query->n_bond; k++) put_bond(b, b->end[2 * k], b->end[2 * k + 1]);
  for (int k = 0; k < 2 * b->query->n_bond; k++) warn_kept(b, b->end[k]);
  return OF3_OK;
}

of3_status of3_complex_put_bonds(const of3_query *q, const of3_log *log, of3_complex *out, of3_error *err) {
  if (q->n_bond == 0 && q->n_leaving == 0) return OF3_OK;
  const size_t atoms = (size_t)out->n_atom + 1;
  int *number = calloc(atoms, sizeof *number);
  bonding b = {.query = q,
               .log = log,
               .c = out,
               .leaves = calloc(atoms, sizeof *b.leaves),
               .given = calloc((size_t)out->n_residue + 1, sizeof *b.given),
               .end = calloc(2 * (size_t)q->n_bond + 1, sizeof *b.end)};
  const bool ok = b.leaves && b.given && b.end && number;
  of3_status st = ok ? bond_all(&b, number, err) : of3_fail_memory(err, "the bonds of a query");
  free(b.leaves);
  free(b.given);
  free(b.end);
  free(number);
  return st;
}
