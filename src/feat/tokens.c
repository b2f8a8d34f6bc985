#include "feat/tokens.h"

#include <stdlib.h>

void of3_tokens_free(of3_tokens *t) {
  of3_arena_free(t->arena);
  *t = (of3_tokens){0};
}

static of3_token token_of_residue(const of3_complex *c, int residue) {
  const of3_residue *r = &c->residue[residue];
  const of3_component *from = r->component;
  return (of3_token){.residue = residue,
                     .first_atom = r->first_atom,
                     .n_atom = r->n_atom,
                     .center = of3_residue_atom(c, r, from->center),
                     .representative =
                         of3_residue_atom(c, r, of3_component_representative(from, c->chain[r->chain].type)),
                     .frame = {of3_residue_atom(c, r, from->frame[0]), of3_residue_atom(c, r, from->frame[1]),
                               of3_residue_atom(c, r, from->frame[2])},
                     .restype = from->restype};
}

static of3_token token_of_atom(const of3_complex *c, int residue, int atom) {
  return (of3_token){.residue = residue,
                     .first_atom = atom,
                     .n_atom = 1,
                     .center = atom,
                     .representative = atom,
                     .frame = {-1, -1, -1},
                     .restype = c->residue[residue].component->restype,
                     .atomized = true};
}

static void put_tokens(const of3_complex *c, int32_t *token_of_atom_, of3_tokens *out) {
  int n = 0;
  for (int i = 0; i < c->n_residue; i++) {
    const of3_residue *r = &c->residue[i];
    for (int a = r->first_atom; a < r->first_atom + r->n_atom; a++) {
      if (a == r->first_atom && r->standard) out->token[n++] = token_of_residue(c, i);
      if (!r->standard) out->token[n++] = token_of_atom(c, i, a);
      token_of_atom_[a] = n - 1;
    }
  }
}

static int by_tokens(const void *pa, const void *pb) {
  const int32_t *a = pa, *b = pb;
  return a[0] != b[0] ? (a[0] < b[0] ? -1 : 1) : a[1] != b[1] ? (a[1] < b[1] ? -1 : 1) : 0;
}

/* Bonds whose atoms are both tokens; bonds of residue tokens are not represented. */
static void put_bonds(const of3_complex *c, const int32_t *token, of3_tokens *out) {
  for (int k = 0; k < c->n_bond; k++) {
    if (!of3_bond_is_known(&c->bond[k])) continue;
    const int32_t i = token[c->bond[k].a], j = token[c->bond[k].b];
    if (i == j || !out->token[i].atomized || !out->token[j].atomized) continue;
    out->bond[2 * out->n_bond] = i < j ? i : j;
    out->bond[2 * out->n_bond++ + 1] = i < j ? j : i;
  }
  qsort(out->bond, (size_t)out->n_bond, 2 * sizeof *out->bond, by_tokens);
  int kept = 0;
  for (int k = 0; k < out->n_bond; k++) {
    const int32_t *from = out->bond + 2 * k;
    if (kept && by_tokens(from, out->bond + 2 * (kept - 1)) == 0) continue;
    out->bond[2 * kept] = from[0];
    out->bond[2 * kept++ + 1] = from[1];
  }
  out->n_bond = kept;
}

of3_status of3_tokens_build(const of3_complex *c, of3_tokens *out, of3_error *err) {
  *out = (of3_tokens){.arena = of3_arena_new(0)};
  for (int i = 0; i < c->n_residue; i++) out->n += c->residue[i].standard ? 1 : c->residue[i].n_atom;
  if (out->n > OF3_MAX_TOKENS) {
    const int n = out->n;
    of3_tokens_free(out);
    return of3_fail(err, OF3_ERR_INPUT, "the query has %d tokens; at most %d are allowed", n, OF3_MAX_TOKENS);
  }
  int32_t *token_of = malloc(((size_t)c->n_atom + 1) * sizeof *token_of);
  if (out->arena) {
    out->token = OF3_ARENA_NEW(out->arena, of3_token, out->n);
    out->bond = OF3_ARENA_NEW(out->arena, int32_t, 2 * (size_t)c->n_bond);
  }
  of3_status st = token_of && out->token && out->bond ? OF3_OK : of3_fail_memory(err, "the tokens");
  if (st == OF3_OK) {
    put_tokens(c, token_of, out);
    put_bonds(c, token_of, out);
  } else
    of3_tokens_free(out);
  free(token_of);
  return st;
}
