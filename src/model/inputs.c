/* The features as tensors, and what follows from them alone: masks, relative positions, atom windows. */
#include <stdlib.h>
#include <string.h>

#include "model/run.h"
#include "tensor/pairs.h"

enum { Q = OF3_WINDOW_QUERIES, K = OF3_WINDOW_KEYS };

/* Rank of each token in its ring and the ring's length (0: not in a ring), docs/model.md 4.1. */
static void find_rings(const of3_features *f, int *rank, int *length) {
  memset(length, 0, (size_t)f->n_token * sizeof *length);
  for (int i = 0; i < f->n_token; i++) {
    if (!f->cyclic_mask[i]) continue;
    int before = 0, all = 0;
    for (int j = 0; j < f->n_token; j++) {
      bool same = f->cyclic_mask[j] && f->asym_id[j] == f->asym_id[i];
      before += same && j < i;
      all += same;
    }
    rank[i] = before;
    length[i] = all;
  }
}

/* What relative positions (AF3 SI Alg. 3) follow from: [N,OF3_N_PLACE]. */
static of3_tensor *make_places(of3_run *r, const of3_features *f) {
  const int n = f->n_token;
  int32_t *place = OF3_ARENA_NEW(r->arena, int32_t, (size_t)n * OF3_N_PLACE);
  int *rank = OF3_ARENA_NEW(r->arena, int, 2 * (size_t)n), *length = rank + n;
  if (!place || !rank) {
    of3_ctx_fail(r->cx, OF3_ERR_MEMORY, "out of memory for relative positions");
    return OF3_NEW(r->cx, OF3_I32, n, OF3_N_PLACE);
  }
  if (r->net->switches.cyclic && f->cyclic_mask) find_rings(f, rank, length);
  for (int i = 0; i < n; i++) {
    int32_t *at = place + (int64_t)i * OF3_N_PLACE;
    at[OF3_PLACE_RESIDUE] = f->residue_index[i];
    at[OF3_PLACE_TOKEN] = f->token_index[i];
    at[OF3_PLACE_ASYM] = f->asym_id[i];
    at[OF3_PLACE_ENTITY] = f->entity_id[i];
    at[OF3_PLACE_SYM] = f->sym_id[i];
    at[OF3_PLACE_RANK] = rank[i];
    at[OF3_PLACE_LENGTH] = length[i];
  }
  return OF3_FROM_HOST(r->cx, OF3_I32, place, n, OF3_N_PLACE);
}

/* First key of block b (docs/model.md 5.3). real: number of real atoms. */
static int first_key(int b, int real, bool slides) {
  int low = Q * b - (K - Q) / 2;
  if (!slides) return low;
  if (low < 0) return 0;
  return low + K > real ? real - K : low;
}

static void window_mask(const of3_features *f, int b, int low, int end, float *out) {
  for (int q = 0; q < Q; q++)
    for (int k = 0; k < K; k++) {
      int l = Q * b + q, m = low + k;
      bool real = l < f->n_atom && m >= 0 && m < end;
      out[q * K + k] = real ? f->atom_mask[l] * f->atom_mask[m] : 0;
    }
}

static of3_windows make_windows(of3_run *r, const of3_features *f) {
  int blocks = (f->n_atom + Q - 1) / Q, real = 0;
  bool slides = r->net->switches.window_slides;
  of3_windows w = {.low = OF3_NEW(r->cx, OF3_I32, blocks), .mask = OF3_NEW(r->cx, OF3_F32, blocks, Q, K)};
  if (r->cx->planning) return w;
  for (int a = 0; a < f->n_atom; a++) real += f->atom_mask[a] > 0;
  int32_t *low = malloc((size_t)blocks * sizeof *low);
  float *mask = malloc((size_t)blocks * Q * K * sizeof *mask);
  if (low && mask) {
    for (int b = 0; b < blocks; b++) {
      low[b] = first_key(b, real, slides);
      window_mask(f, b, low[b], slides ? real : f->n_atom, mask + (int64_t)b * Q * K);
    }
    of3_upload(r->cx, w.low, low);
    of3_upload(r->cx, w.mask, mask);
  } else
    of3_ctx_fail(r->cx, OF3_ERR_MEMORY, "out of memory for atom windows");
  free(low);
  free(mask);
  return w;
}

of3_tensor *of3_make_mask(const of3_run *r, const float *mask, int64_t n) {
  for (int64_t i = 0; i < n; i++)
    if (mask[i] != 1) return OF3_FROM_HOST(r->cx, OF3_F32, mask, n);
  return NULL;
}

void of3_make_inputs(of3_run *r, const of3_features *f) {
  of3_ctx *cx = r->cx;
  of3_inputs *in = &r->in;
  *in = (of3_inputs){.f = f, .n_token = f->n_token, .n_atom = f->n_atom};
  in->token_mask = of3_make_mask(r, f->token_mask, f->n_token);
  in->place = make_places(r, f);
  if (f->n_bond) in->token_bonds = OF3_FROM_HOST(cx, OF3_I32, f->token_bonds, f->n_bond, 2);
  in->atom_mask = of3_make_mask(r, f->atom_mask, f->n_atom);
  in->atom_token = OF3_FROM_HOST(cx, OF3_I32, f->atom_to_token_index, f->n_atom);
  in->token_start = OF3_FROM_HOST(cx, OF3_I32, f->start_atom_index, f->n_token);
  in->token_count = OF3_FROM_HOST(cx, OF3_I32, f->num_atoms_per_token, f->n_token);
  float *mask = OF3_ARENA_NEW(r->arena, float, f->n_atom);
  for (int a = 0; mask && a < f->n_atom; a++)
    mask[a] = f->atom_mask[a] * f->token_mask[f->atom_to_token_index[a]];
  if (mask)
    in->atom_token_mask = of3_make_mask(r, mask, f->n_atom);
  else
    of3_ctx_fail(cx, OF3_ERR_MEMORY, "out of memory for atom masks");
  in->windows = make_windows(r, f);
}
