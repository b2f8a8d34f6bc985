/* What bonds, leaving atoms and pockets of a query name is there, as far as the query itself says: chains and
 * residues. Whether a component has an atom is known when the complex is built (complex_bonds.c). */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "feat/query_check.h"

enum { MAX_ATOM_NAME = 7, SHOWN_CHAINS = 20 };

static const of3_query_chain *chain_named(const of3_query *q, const char *id) {
  for (int i = 0; i < q->n_chain; i++)
    for (int k = 0; k < q->chain[i].n_id; k++)
      if (strcmp(q->chain[i].id[k], id) == 0) return &q->chain[i];
  return NULL;
}

static of3_status no_chain(const of3_query *q, const char *id, of3_error *err) {
  of3_str list = {0};
  int n = 0;
  for (int i = 0; i < q->n_chain; i++)
    for (int k = 0; k < q->chain[i].n_id; k++, n++)
      if (n < SHOWN_CHAINS) of3_str_addf(&list, "%s%s", n ? ", " : "", q->chain[i].id[k]);
  if (n > SHOWN_CHAINS) of3_str_addf(&list, ", ... (%d in all)", n);
  const of3_status st = list.failed
                            ? of3_fail_memory(err, "a message")
                            : of3_fail(err, OF3_ERR_INPUT, "there is no chain '%.*s'; the chains are %s",
                                       OF3_MAX_CHAIN_ID, id, list.text);
  of3_str_free(&list);
  return st;
}

static of3_status check_residue(const of3_query *q, const of3_query_atom *a, of3_error *err) {
  const of3_query_chain *c = chain_named(q, a->chain);
  if (!c) return no_chain(q, a->chain, err);
  if (a->residue >= 1 && a->residue <= c->n_residue) return OF3_OK;
  return of3_fail(err, OF3_ERR_INPUT, "chain %s has no residue %d; its residues are 1 to %d%s", a->chain,
                  a->residue, c->n_residue,
                  c->number_shift ? ", counted from 1 whatever number the first one has in files" : "");
}

static of3_status check_atom(const of3_query *q, const of3_query_atom *a, of3_error *err) {
  OF3_TRY(check_residue(q, a, err));
  const char *name = a->name ? a->name : "";
  const size_t n = strlen(name);
  if (n >= 1 && n <= MAX_ATOM_NAME) return OF3_OK;
  return of3_fail(err, OF3_ERR_INPUT, "'%.20s' is no name of an atom; 1 to %d characters were expected", name,
                  MAX_ATOM_NAME);
}

static int compare_atoms(const of3_query_atom *a, const of3_query_atom *b) {
  int order = strcmp(a->chain, b->chain);
  if (!order) order = (a->residue > b->residue) - (a->residue < b->residue);
  return order ? order : strcmp(a->name, b->name);
}

static int by_atom(const void *a, const void *b) { return compare_atoms(a, b); }

/* Both in the order in which a bond's ends are compared. */
static int by_ends(const void *pa, const void *pb) {
  const of3_query_bond *a = pa, *b = pb;
  const int order = compare_atoms(&a->a, &b->a);
  return order ? order : compare_atoms(&a->b, &b->b);
}

#define ATOM         "%s %d %s"
#define ATOM_OF(end) (end).chain, (end).residue, (end).name

static of3_status check_bond(const of3_query *q, const of3_query_bond *b, of3_error *err) {
  OF3_TRY(check_atom(q, &b->a, err));
  OF3_TRY(check_atom(q, &b->b, err));
  if (compare_atoms(&b->a, &b->b) == 0)
    return of3_fail(err, OF3_ERR_INPUT, "the atom " ATOM " is bonded to itself", ATOM_OF(b->a));
  if (strcmp(b->a.chain, b->b.chain) == 0 && b->a.residue == b->b.residue)
    return of3_fail(err, OF3_ERR_INPUT,
                    "the atoms " ATOM " and " ATOM
                    " are of one residue, whose bonds are those of its component; for "
                    "others, give a component of your own",
                    ATOM_OF(b->a), ATOM_OF(b->b));
  return OF3_OK;
}

/* scratch [n_bond]; leaving: in order */
static of3_status check_bonds(const of3_query *q, of3_query_bond *scratch, const of3_query_atom *leaving,
                              of3_error *err) {
  for (int i = 0; i < q->n_bond; i++) {
    const of3_query_bond *b = &q->bond[i];
    if (check_bond(q, b, err) != OF3_OK) return of3_prefix(err, "bond %d of 'covalent_bonds'", i + 1);
    for (int k = 0; k < 2; k++) {
      const of3_query_atom *end = k ? &b->b : &b->a;
      if (q->n_leaving && bsearch(end, leaving, (size_t)q->n_leaving, sizeof *leaving, by_atom))
        return of3_fail(err, OF3_ERR_INPUT,
                        "the atom " ATOM
                        " is named in 'covalent_bonds' and in 'leaving_atoms'; it cannot be bonded "
                        "and leave",
                        ATOM_OF(*end));
    }
    const bool swap = compare_atoms(&b->a, &b->b) > 0;
    scratch[i] = (of3_query_bond){swap ? b->b : b->a, swap ? b->a : b->b};
  }
  if (q->n_bond) qsort(scratch, (size_t)q->n_bond, sizeof *scratch, by_ends);
  for (int i = 1; i < q->n_bond; i++)
    if (by_ends(&scratch[i - 1], &scratch[i]) == 0)
      return of3_fail(err, OF3_ERR_INPUT,
                      "the bond of " ATOM " and " ATOM " is given twice in 'covalent_bonds'",
                      ATOM_OF(scratch[i].a), ATOM_OF(scratch[i].b));
  return OF3_OK;
}

/* Fills leaving [n_leaving] with those of the query in order. */
static of3_status check_leaving(const of3_query *q, of3_query_atom *leaving, of3_error *err) {
  for (int i = 0; i < q->n_leaving; i++) {
    if (check_atom(q, &q->leaving[i], err) != OF3_OK)
      return of3_prefix(err, "entry %d of 'leaving_atoms'", i + 1);
    leaving[i] = q->leaving[i];
  }
  if (q->n_leaving) qsort(leaving, (size_t)q->n_leaving, sizeof *leaving, by_atom);
  for (int i = 1; i < q->n_leaving; i++)
    if (compare_atoms(&leaving[i - 1], &leaving[i]) == 0)
      return of3_fail(err, OF3_ERR_INPUT, "the atom " ATOM " is named twice in 'leaving_atoms'",
                      ATOM_OF(leaving[i]));
  return OF3_OK;
}

of3_status of3_query_check_bonds(const of3_query *q, of3_error *err) {
  of3_query_bond *bond = calloc((size_t)q->n_bond + 1, sizeof *bond);
  of3_query_atom *leaving = calloc((size_t)q->n_leaving + 1, sizeof *leaving);
  of3_status st =
      bond && leaving ? check_leaving(q, leaving, err) : of3_fail_memory(err, "the bonds of a query");
  if (st == OF3_OK) st = check_bonds(q, bond, leaving, err);
  free(bond);
  free(leaving);
  return st;
}

of3_status of3_query_check_pocket(const of3_query *q, of3_error *err) {
  const of3_query_pocket *p = q->pocket;
  if (!p) return OF3_OK;
  const of3_query_chain *ligand = chain_named(q, p->ligand);
  if (!ligand) return no_chain(q, p->ligand, err);
  if (ligand->type != OF3_LIGAND)
    return of3_fail(err, OF3_ERR_INPUT, "chain %s is no ligand; a pocket is of a ligand", p->ligand);
  if (p->n_residue < 1)
    return of3_fail(err, OF3_ERR_INPUT, "the pocket has no residue; at least one is needed");
  if (!(p->max_distance > 0) || !isfinite(p->max_distance))
    return of3_fail(err, OF3_ERR_INPUT,
                    "the largest distance is %g; a number above 0 was expected, in Angstrom",
                    p->max_distance);
  for (int i = 0; i < p->n_residue; i++)
    if (check_residue(q, &p->residue[i], err) != OF3_OK)
      return of3_prefix(err, "residue %d of the pocket", i + 1);
  return OF3_OK;
}
