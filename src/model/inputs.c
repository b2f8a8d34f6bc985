/* The features as tensors, and what follows from them alone: masks, relative positions, atom windows. */
#include <stdlib.h>
#include <string.h>

#include "model/run.h"

enum { Q = OF3_WINDOW_QUERIES, K = OF3_WINDOW_KEYS };

static int inputs_clamp(int x, int low, int high) { return x < low ? low : x > high ? high : x; }

/* Class of an offset in a block of 2 most + 2 classes, the last one meaning "elsewhere" (AF3 SI Alg. 4). */
static int offset_class(int offset, bool inside, int most) {
  return inside ? inputs_clamp(offset + most, 0, 2 * most) : 2 * most + 1;
}

/* Half of n, rounded half to even as Python rounds. */
static int half_to_even(int n) { return n % 4 == 3 ? n / 2 + 1 : n / 2; }

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

/* Offset from token j to token i around a ring of `length`. */
static int ring_offset(int rank_i, int rank_j, int length) {
  int ahead = (rank_j - rank_i + length) % length;
  return ahead <= half_to_even(length) ? -ahead : length - ahead;
}

static void relative_classes(const of3_features *f, int i, int j, bool ring, int around, int32_t out[4]) {
  const int idx = OF3_MAX_RELATIVE_INDEX, width = 2 * idx + 2;
  bool chain = f->asym_id[i] == f->asym_id[j], entity = f->entity_id[i] == f->entity_id[j];
  int residue = ring ? around : f->residue_index[i] - f->residue_index[j];
  int token = ring ? around : f->token_index[i] - f->token_index[j];
  int copy = ring ? around : f->sym_id[i] - f->sym_id[j];
  out[0] = offset_class(residue, chain, idx);
  out[1] = width + offset_class(token, chain && f->residue_index[i] == f->residue_index[j], idx);
  out[2] = entity ? 2 * width : -1;
  out[3] = 2 * width + 1 + offset_class(copy, entity, OF3_MAX_RELATIVE_CHAIN);
}

/* AF3 SI Alg. 3: the four ones of each pair's 139 classes. */
static void relative_positions(const of3_features *f, bool cyclic, int32_t *out, int *rank, int *length) {
  int n = f->n_token;
  bool rings = cyclic && f->cyclic_mask;
  if (rings) find_rings(f, rank, length);
  for (int i = 0; i < n; i++)
    for (int j = 0; j < n; j++) {
      bool ring = rings && length[i] && length[j] && f->asym_id[i] == f->asym_id[j];
      relative_classes(f, i, j, ring, ring ? ring_offset(rank[i], rank[j], length[i]) : 0,
                       out + 4 * ((int64_t)i * n + j));
    }
}

static of3_tensor *make_relpos(of3_run *r, const of3_features *f) {
  int64_t n = f->n_token;
  of3_tensor *t = OF3_NEW(r->cx, OF3_I32, n, n, 4);
  if (r->cx->planning) return t;
  int32_t *host = malloc((size_t)(n * n) * 4 * sizeof *host);
  int *rank = calloc((size_t)n * 2, sizeof *rank);
  if (host && rank) {
    relative_positions(f, r->net->switches.cyclic, host, rank, rank + n);
    of3_upload(r->cx, t, host);
  } else
    of3_ctx_fail(r->cx, OF3_ERR_MEMORY, "out of memory for relative positions");
  free(host);
  free(rank);
  return t;
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

static of3_tensor *make_bonds(of3_run *r, const of3_features *f) {
  int64_t n = f->n_token;
  if (!f->token_bonds) return NULL;
  of3_tensor *t = OF3_NEW(r->cx, OF3_F32, n, n, 1);
  if (r->cx->planning) return t;
  float *host = malloc((size_t)(n * n) * sizeof *host);
  for (int64_t i = 0; host && i < n * n; i++) host[i] = f->token_bonds[i];
  if (host)
    of3_upload(r->cx, t, host);
  else
    of3_ctx_fail(r->cx, OF3_ERR_MEMORY, "out of memory for bonds");
  free(host);
  return t;
}

void of3_make_inputs(of3_run *r, const of3_features *f) {
  of3_ctx *cx = r->cx;
  of3_inputs *in = &r->in;
  *in = (of3_inputs){.f = f, .n_token = f->n_token, .n_atom = f->n_atom};
  in->token_mask = of3_make_mask(r, f->token_mask, f->n_token);
  in->relpos = make_relpos(r, f);
  in->token_bonds = make_bonds(r, f);
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
