#include "train/molecules.h"

#include <string.h>

enum {
  MOST_TRIES = 100000
}; /* pairs of chains that are tried before two molecules are taken for different */

/* A bond between chains: atoms by their place in their chains. */
typedef struct chain_bond {
  int32_t chain[2], atom[2];
} chain_bond;

typedef struct finder {
  const of3_complex *c;
  of3_molecules *out;
  int32_t *first_atom, *n_atom; /* [n_chain] */
  int n_bond;
  chain_bond *bond;
  int32_t *first, *member; /* of molecule m the chains member[first[m]] .. member[first[m+1]-1], ascending */
  int32_t *pair;           /* [n_chain] of a chain of the first molecule that of the other */
  bool *taken;             /* [n_chain] */
  int tries;
} finder;

static int chain_of_atom(const of3_complex *c, int atom) { return c->residue[c->atom[atom].residue].chain; }

static of3_status take_memory(finder *f, of3_arena *arena, of3_error *err) {
  const int n = f->c->n_chain;
  of3_molecules *out = f->out;
  out->of_chain = OF3_ARENA_NEW(arena, int32_t, n);
  out->entity = OF3_ARENA_NEW(arena, int32_t, n);
  out->copy = OF3_ARENA_NEW(arena, int32_t, n);
  out->order = OF3_ARENA_NEW(arena, int32_t, n);
  f->first_atom = OF3_ARENA_NEW(arena, int32_t, n);
  f->n_atom = OF3_ARENA_NEW(arena, int32_t, n);
  f->bond = OF3_ARENA_NEW(arena, chain_bond, f->c->n_bond);
  f->first = OF3_ARENA_NEW(arena, int32_t, n + 1);
  f->member = OF3_ARENA_NEW(arena, int32_t, n);
  f->pair = OF3_ARENA_NEW(arena, int32_t, n);
  f->taken = OF3_ARENA_NEW(arena, bool, n);
  return out->of_chain && out->entity && out->copy && out->order && f->first_atom && f->n_atom && f->bond &&
                 f->first && f->member && f->pair && f->taken
             ? OF3_OK
             : of3_fail_memory(err, "the molecules of an entry");
}

static void measure_chains(finder *f) {
  for (int i = 0; i < f->c->n_chain; i++) {
    const of3_residue *r = &f->c->residue[f->c->chain[i].first_residue];
    f->first_atom[i] = r->first_atom;
    for (int k = 0; k < f->c->chain[i].n_residue; k++) f->n_atom[i] += r[k].n_atom;
  }
}

static void find_bonds(finder *f) {
  for (int b = 0; b < f->c->n_bond; b++) {
    const int atom[2] = {f->c->bond[b].a, f->c->bond[b].b};
    const int chain[2] = {chain_of_atom(f->c, atom[0]), chain_of_atom(f->c, atom[1])};
    if (chain[0] == chain[1] || !of3_bond_is_known(&f->c->bond[b])) continue;
    chain_bond *to = &f->bond[f->n_bond++];
    for (int k = 0; k < 2; k++) {
      to->chain[k] = chain[k];
      to->atom[k] = atom[k] - f->first_atom[chain[k]];
    }
  }
}

/* Chains that bonds join get the least number among them; then molecules are numbered by their first chains.
 */
static void join_chains(finder *f) {
  int32_t *of = f->out->of_chain;
  for (int i = 0; i < f->c->n_chain; i++) of[i] = i;
  for (int b = 0; b < f->n_bond; b++) {
    const int32_t x = of[f->bond[b].chain[0]], y = of[f->bond[b].chain[1]];
    for (int i = 0; x != y && i < f->c->n_chain; i++)
      if (of[i] == x || of[i] == y) of[i] = x < y ? x : y;
  }
  for (int i = 0; i < f->c->n_chain; i++) of[i] = of[i] == i ? f->out->n++ : of[of[i]];
  for (int m = 0, at = 0; m < f->out->n; m++) {
    f->first[m] = at;
    for (int i = 0; i < f->c->n_chain; i++)
      if (of[i] == m) f->member[at++] = i;
    f->first[m + 1] = at;
  }
}

/* ---- Comparing */

static bool chains_equal(const finder *f, int a, int b) {
  const of3_chain *x = &f->c->chain[a], *y = &f->c->chain[b];
  if (x->entity_id != y->entity_id || x->type != y->type || x->n_residue != y->n_residue ||
      f->n_atom[a] != f->n_atom[b])
    return false;
  for (int k = 0; k < x->n_residue; k++) {
    const of3_residue *r = &f->c->residue[x->first_residue + k], *s = &f->c->residue[y->first_residue + k];
    if (strcmp(r->name, s->name) != 0 || r->n_atom != s->n_atom) return false;
    for (int i = 0; i < r->n_atom; i++)
      if (strcmp(f->c->atom[r->first_atom + i].name, f->c->atom[s->first_atom + i].name) != 0) return false;
  }
  return true;
}

static bool has_bond(const finder *f, int32_t chain_a, int32_t atom_a, int32_t chain_b, int32_t atom_b) {
  for (int i = 0; i < f->n_bond; i++) {
    const chain_bond *b = &f->bond[i];
    for (int k = 0; k < 2; k++)
      if (b->chain[k] == chain_a && b->atom[k] == atom_a && b->chain[1 - k] == chain_b &&
          b->atom[1 - k] == atom_b)
        return true;
  }
  return false;
}

static int bonds_of(const finder *f, int chain) {
  int n = 0;
  for (int i = 0; i < f->n_bond; i++) n += f->bond[i].chain[0] == chain || f->bond[i].chain[1] == chain;
  return n;
}

/* Whether chain a of the first molecule may be chain b of the other, when those in front of it are paired. */
static bool may_pair(const finder *f, int a, int b) {
  if (!chains_equal(f, a, b) || bonds_of(f, a) != bonds_of(f, b)) return false;
  for (int i = 0; i < f->n_bond; i++) {
    const chain_bond *x = &f->bond[i];
    for (int k = 0; k < 2; k++) {
      const int32_t other = x->chain[1 - k];
      if (x->chain[k] != a || other >= a) continue;
      if (!has_bond(f, b, x->atom[k], f->pair[other], x->atom[1 - k])) return false;
    }
  }
  return true;
}

/* Pairs the chains of the first molecule from number k on; chains at equal places are tried first. */
static bool pair_from(finder *f, int first, int other, int k) {
  const int n = f->first[first + 1] - f->first[first];
  if (k == n) return true;
  const int a = f->member[f->first[first] + k];
  for (int i = 0; i < n && f->tries < MOST_TRIES; i++) {
    const int b = f->member[f->first[other] + (k + i) % n];
    if (f->taken[b]) continue;
    f->tries++;
    if (!may_pair(f, a, b)) continue;
    f->pair[a] = b;
    f->taken[b] = true;
    if (pair_from(f, first, other, k + 1)) return true;
    f->taken[b] = false;
  }
  return false;
}

static int atoms_of(const finder *f, int m) {
  int n = 0;
  for (int i = f->first[m]; i < f->first[m + 1]; i++) n += f->n_atom[f->member[i]];
  return n;
}

static bool has_entity(const finder *f, int m, int entity) {
  for (int i = f->first[m]; i < f->first[m + 1]; i++)
    if (f->c->chain[f->member[i]].entity_id == entity) return true;
  return false;
}

/* Molecules of the same entities and number of atoms are a group, in which entities of molecules are numbered
 * one after the other (OpenFold3). */
static bool same_group(const finder *f, int a, int b) {
  if (atoms_of(f, a) != atoms_of(f, b)) return false;
  for (int i = f->first[a]; i < f->first[a + 1]; i++)
    if (!has_entity(f, b, f->c->chain[f->member[i]].entity_id)) return false;
  for (int i = f->first[b]; i < f->first[b + 1]; i++)
    if (!has_entity(f, a, f->c->chain[f->member[i]].entity_id)) return false;
  return true;
}

static bool are_copies(finder *f, int first, int other) {
  if (f->first[first + 1] - f->first[first] != f->first[other + 1] - f->first[other]) return false;
  f->tries = 0;
  for (int i = f->first[other]; i < f->first[other + 1]; i++) f->taken[f->member[i]] = false;
  return pair_from(f, first, other, 0);
}

/* ---- Numbering */

/* The chains of a copy take the places of the copy in the order of the first one. */
static void order_copy(finder *f, int first, int other) {
  for (int k = 0; k < f->first[other + 1] - f->first[other]; k++) {
    const int place = f->member[f->first[other] + k], chain = f->pair[f->member[f->first[first] + k]];
    f->out->order[place] = chain;
    f->out->moves |= place != chain;
  }
}

/* Molecule m is the next copy of the first one that it equals in its group, or an entity of its own. */
static void number_molecule(finder *f, int m) {
  of3_molecules *out = f->out;
  int first = 0, copies = 0;
  for (; first < m; first++)
    if (out->copy[first] == 1 && same_group(f, first, m) && are_copies(f, first, m)) break;
  out->entity[m] = first < m ? out->entity[first] : ++out->n_entity;
  for (int k = 0; k < m; k++) copies += out->copy[k] && out->entity[k] == out->entity[m];
  out->copy[m] = copies + 1;
  if (first < m) order_copy(f, first, m);
}

of3_status of3_molecules_find(const of3_complex *complex, of3_arena *arena, of3_molecules *out,
                              of3_error *err) {
  finder f = {.c = complex, .out = out};
  *out = (of3_molecules){0};
  OF3_TRY(take_memory(&f, arena, err));
  measure_chains(&f);
  find_bonds(&f);
  join_chains(&f);
  for (int i = 0; i < complex->n_chain; i++) out->order[i] = i;
  for (int m = 0; m < out->n; m++) {
    if (out->copy[m]) continue;
    for (int k = m; k < out->n; k++)
      if (!out->copy[k] && same_group(&f, m, k)) number_molecule(&f, k);
  }
  return OF3_OK;
}
