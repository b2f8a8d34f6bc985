/* Chains that are taken out whole, with the ligands bonded to them. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cells.h"
#include "data/clean_parts.h"

/* Marks the chain and, if it is a polymer, the ligands that are bonded to it, and those bonded to these. */
static void remove_chain(cleaner *c, int chain) {
  c->gone[chain] = true;
  if (c->type[chain] == OF3_LIGAND) return;
  bool more = true;
  memset(c->with, 0, (size_t)c->s->n_chain * sizeof *c->with);
  c->with[chain] = true;
  while (more) {
    more = false;
    for (int i = 0; i < c->s->n_link; i++) {
      const int a = c->chain_of[c->residue_of[c->s->link[i].a]],
                b = c->chain_of[c->residue_of[c->s->link[i].b]];
      for (int turn = 0; turn < 2; turn++) {
        const int from = turn ? b : a, to = turn ? a : b;
        if (!c->with[from] || c->with[to] || c->type[to] != OF3_LIGAND) continue;
        c->with[to] = c->gone[to] = more = true;
      }
    }
  }
}

void clean_small_chains(cleaner *c) {
  enum { FEWEST = 4 };
  for (int i = 0; i < c->s->n_chain; i++) {
    const of3_structure_chain *chain = &c->s->chain[i];
    int resolved = 0;
    if (c->gone[i] || c->type[i] == OF3_LIGAND) continue;
    for (int k = chain->first_residue; k < chain->first_residue + chain->n_residue; k++) {
      const of3_structure_residue *r = &c->s->residue[k];
      bool any = false;
      for (int a = 0; a < r->n_atom; a++) {
        const of3_structure_atom *atom = &c->s->atom[r->first_atom + a];
        any |= clean_is_there(atom) && atom->occupancy > 0;
      }
      resolved += any;
    }
    if (resolved >= FEWEST) continue;
    remove_chain(c, i);
    c->counts->small_chains++;
  }
}

void clean_unknown_chains(cleaner *c) {
  for (int i = 0; i < c->s->n_chain; i++) {
    const of3_structure_chain *chain = &c->s->chain[i];
    bool all = true;
    if (c->gone[i] || c->type[i] == OF3_LIGAND) continue;
    for (int k = chain->first_residue; k < chain->first_residue + chain->n_residue; k++)
      all &= c->s->residue[k].n_atom == 0 || strcmp(c->s->residue[k].code, "UNK") == 0;
    if (!all) continue;
    remove_chain(c, i);
    c->counts->unknown_chains++;
  }
}

/* ---- Clashes */

typedef struct clash_pair {
  int32_t other, chain, atom; /* an atom of `chain` is too near to one of chain `other` */
} clash_pair;

typedef struct clash_search {
  const cleaner *c;
  int atom;
  double limit2;
  int64_t n, room;
  clash_pair *pair;
  bool failed;
} clash_search;

static int chain_of_atom(const cleaner *c, int atom) { return c->chain_of[c->residue_of[atom]]; }

static bool is_bonded(const cleaner *c, int a, int b) {
  for (int i = 0; i < c->s->n_link; i++) {
    const of3_structure_link *l = &c->s->link[i];
    if ((l->a == a && l->b == b) || (l->a == b && l->b == a)) return true;
  }
  return false;
}

static bool visit_atom(void *user, int j) {
  clash_search *s = user;
  const cleaner *c = s->c;
  const int mine = chain_of_atom(c, s->atom), other = chain_of_atom(c, j);
  if (mine == other || clean_distance2(&c->s->atom[s->atom], &c->s->atom[j]) >= s->limit2 ||
      is_bonded(c, s->atom, j))
    return true;
  if (s->n == s->room) {
    s->room = s->room ? 2 * s->room : 256;
    clash_pair *more = realloc(s->pair, (size_t)s->room * sizeof *more);
    if (!more) return !(s->failed = true);
    s->pair = more;
  }
  s->pair[s->n++] = (clash_pair){other, mine, s->atom};
  return true;
}

static int by_chains(const void *pa, const void *pb) {
  const clash_pair *a = pa, *b = pb;
  if (a->chain != b->chain) return a->chain < b->chain ? -1 : 1;
  if (a->other != b->other) return a->other < b->other ? -1 : 1;
  return (a->atom > b->atom) - (a->atom < b->atom);
}

/* Distinct atoms of `chain` near `other`, of pairs that are sorted. */
static int count_clashes(const clash_search *s, int chain, int other) {
  int n = 0;
  for (int64_t i = 0; i < s->n; i++) {
    const clash_pair *p = &s->pair[i];
    if (p->chain != chain || p->other != other) continue;
    n += i == 0 || s->pair[i - 1].chain != chain || s->pair[i - 1].other != other ||
         s->pair[i - 1].atom != p->atom;
  }
  return n;
}

/* OpenFold3 numbers chains from 1 and compares the numbers as text. */
static bool is_later(int a, int b) {
  char one[16], two[16];
  snprintf(one, sizeof one, "%d", a + 1);
  snprintf(two, sizeof two, "%d", b + 1);
  return strcmp(one, two) > 0;
}

/* Of chains a < b the one that has to go; -1: none. n: clashing atoms and atoms of each. */
static int which_goes(int a, int b, const int clashing[2], const int all[2]) {
  const double most = 0.3, one = (double)clashing[0] / all[0], two = (double)clashing[1] / all[1];
  if (one <= most && two <= most) return -1;
  if (one != two) return one > two ? a : b;
  return is_later(a, b) ? a : b;
}

static void judge_clashes(cleaner *c, const clash_search *s, bool *goes) {
  for (int64_t i = 0; i < s->n; i++) {
    const int a = s->pair[i].chain, b = s->pair[i].other;
    if (a > b || (i > 0 && s->pair[i - 1].chain == a && s->pair[i - 1].other == b)) continue;
    const int clashing[2] = {count_clashes(s, a, b), count_clashes(s, b, a)};
    const int all[2] = {clean_count_atoms(c, a), clean_count_atoms(c, b)};
    const int out = which_goes(a, b, clashing, all);
    if (out >= 0) goes[out] = true;
  }
}

static of3_status find_clashes(cleaner *c, const float *xyz, clash_search *s, of3_error *err) {
  of3_cells cells;
  const float limit = 1.7F; /* Angstrom */
  s->limit2 = (double)limit * (double)limit;
  OF3_TRY(of3_cells_build(xyz, c->s->n_atom, limit, &cells, err));
  for (s->atom = 0; s->atom < c->s->n_atom && !s->failed; s->atom++)
    of3_cells_near(&cells, s->atom, visit_atom, s);
  of3_cells_free(&cells);
  if (s->failed) return of3_fail_memory(err, "the clashes of a structure");
  if (s->pair) qsort(s->pair, (size_t)s->n, sizeof *s->pair, by_chains);
  return OF3_OK;
}

of3_status clean_clashing_chains(cleaner *c, of3_error *err) {
  clash_search s = {.c = c};
  float *xyz = OF3_ARENA_NEW(c->arena, float, 3 * (size_t)c->s->n_atom);
  bool *goes = OF3_ARENA_NEW(c->arena, bool, c->s->n_chain);
  if (!xyz || !goes) return of3_fail_memory(err, "the clashes of a structure");
  for (int a = 0; a < c->s->n_atom; a++) {
    const bool there = clean_is_there(&c->s->atom[a]) && !c->gone[chain_of_atom(c, a)];
    for (int d = 0; d < 3; d++) xyz[3 * (size_t)a + (size_t)d] = there ? c->s->atom[a].xyz[d] : NAN;
  }
  const of3_status status = find_clashes(c, xyz, &s, err);
  if (status == OF3_OK) judge_clashes(c, &s, goes);
  free(s.pair);
  for (int i = 0; status == OF3_OK && i < c->s->n_chain; i++) {
    if (!goes[i] || c->gone[i]) continue;
    remove_chain(c, i);
    c->counts->clashing_chains++;
  }
  return status;
}

/* ---- Breaks */

void clean_broken_chains(cleaner *c) {
  const double farthest = 10; /* Angstrom */
  for (int i = 0; i < c->s->n_chain; i++) {
    const of3_structure_chain *chain = &c->s->chain[i];
    bool broken = false;
    if (c->gone[i] || c->type[i] != OF3_PROTEIN) continue;
    for (int k = chain->first_residue + 1; k < chain->first_residue + chain->n_residue; k++) {
      const of3_structure_atom *before = clean_atom_named(c, &c->s->residue[k - 1], "CA"),
                               *here = clean_atom_named(c, &c->s->residue[k], "CA");
      broken |= before && here && clean_distance2(before, here) > farthest * farthest;
    }
    if (!broken) continue;
    remove_chain(c, i);
    c->counts->broken_chains++;
  }
}
