#include "scores_of.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "score/frames.h"
#include "score/scores.h"

/* The fixtures have features but no molecules. These scores need chains only, so every chain becomes a ligand
 * of one residue: no disorder, no clash. */
static of3_complex chains_of(const of3_features *f, of3_arena *arena) {
  of3_complex c = {.name = "fixture", .n_atom = f->n_atom, .arena = arena};
  for (int i = 0; i < f->n_token; i++)
    if (f->asym_id[i] > c.n_chain) c.n_chain = f->asym_id[i];
  c.n_residue = c.n_chain;
  c.chain = OF3_ARENA_NEW(arena, of3_chain, c.n_chain);
  c.residue = OF3_ARENA_NEW(arena, of3_residue, c.n_chain);
  c.atom = OF3_ARENA_NEW(arena, of3_atom, c.n_atom);
  for (int k = 0; k < c.n_chain; k++) {
    c.chain[k] = (of3_chain){.id = of3_arena_printf(arena, "%c", 'A' + k),
                             .type = OF3_LIGAND,
                             .entity_id = k + 1,
                             .asym_id = k + 1,
                             .sym_id = 1,
                             .first_residue = k,
                             .n_residue = 1};
    c.residue[k] = (of3_residue){.name = "LIG", .number = 1, .chain = k, .hetero = true};
  }
  for (int a = 0; a < c.n_atom; a++) {
    int k = f->asym_id[f->atom_to_token_index[a]] - 1;
    of3_residue *r = &c.residue[k];
    if (r->n_atom++ == 0) r->first_atom = a;
    c.atom[a] = (of3_atom){.name = "C", .element = "C", .residue = k};
  }
  return c;
}

static void compare_named(comparison *c, const char *name, const float *x) {
  const of3_entry *e = of3_table_find(c->table, name);
  if (e) compare_entry(c, e, x);
}

static void compare_frames(comparison *c, const of3_features *f, const of3_prediction *p) {
  int n = f->n_token;
  uint8_t *frames = calloc((size_t)n, 1);
  float *all = calloc((size_t)(n * p->n_sample), sizeof *all);
  for (int s = 0; s < p->n_sample; s++) {
    of3_token_frames(f, p->x + (int64_t)s * f->n_atom * 3, frames);
    for (int i = 0; i < n; i++) all[s * n + i] = frames[i];
  }
  compare_named(c, "out/value/frames", all);
  free(frames);
  free(all);
}

/* Padding tokens belong to no chain; the program never has any outside these tests, and a chain is what
 * scores ask for. */
static of3_features with_chains(const of3_features *f, of3_arena *arena) {
  of3_features g = *f;
  g.asym_id = OF3_ARENA_NEW(arena, int32_t, f->n_token);
  for (int i = 0; i < f->n_token; i++) g.asym_id[i] = f->token_mask[i] > 0 ? f->asym_id[i] : 1;
  return g;
}

void compare_scores(comparison *c, const of3_features *padded, const of3_prediction *p, of3_variant variant) {
  of3_arena *arena = of3_arena_new(0);
  of3_features given = with_chains(padded, arena), *f = &given;
  of3_complex complex = chains_of(f, arena);
  of3_scores *s = NULL;
  of3_error err = {0};
  compare_frames(c, f, p);
  if (of3_scores_compute(&complex, f, p, variant, NULL, NULL, arena, &s, &err) != OF3_OK)
    printf("scores: %s\n", err.text);
  else {
    int n = p->n_sample, chains = complex.n_chain;
    float *gpde = OF3_ARENA_NEW(arena, float, n), *ptm = OF3_ARENA_NEW(arena, float, n),
          *iptm = OF3_ARENA_NEW(arena, float, n);
    float *one = OF3_ARENA_NEW(arena, float, n *chains),
          *pair = OF3_ARENA_NEW(arena, float, n *chains *chains);
    for (int i = 0; i < n; i++) {
      gpde[i] = s[i].gpde;
      ptm[i] = s[i].ptm;
      iptm[i] = s[i].iptm;
      memcpy(one + i * chains, s[i].chain_ptm, (size_t)chains * sizeof *one);
      memcpy(pair + i * chains * chains, s[i].chain_pair_iptm, (size_t)(chains * chains) * sizeof *pair);
    }
    compare_named(c, "out/value/gpde", gpde);
    compare_named(c, "out/value/ptm", ptm);
    compare_named(c, "out/value/iptm", iptm);
    compare_named(c, "out/value/chain_ptm", one);
    compare_named(c, "out/value/chain_pair_iptm", pair);
  }
  of3_arena_free(arena);
}
