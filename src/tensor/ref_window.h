/* Inside src/tensor: places in atom windows, for the plain C reference. Block b: queries 32 b + q, keys
 * low[b] + k. */
#ifndef OF3_TENSOR_REF_WINDOW_H
#define OF3_TENSOR_REF_WINDOW_H

#include "tensor/ref.h"

/* Where entry (e,b,q,k) = i of [..,W,32,128] has its query and key; beyond the ends the nearest atom, which
 * the mask takes out. */
typedef struct ref_window_pair {
  int64_t entry, l, m; /* batch entry; atoms of it */
} ref_window_pair;

static inline ref_window_pair ref_window_pair_of(int64_t i, const of3_tensor *low, int64_t atoms) {
  const int64_t windows = of3_dim(low, 0), block = i / (OF3_WINDOW_QUERIES * OF3_WINDOW_KEYS);
  return (ref_window_pair){
      .entry = block / windows,
      .l = of3_window_atom(block % windows * OF3_WINDOW_QUERIES + i / OF3_WINDOW_KEYS % OF3_WINDOW_QUERIES,
                           atoms),
      .m = of3_window_atom(of3_i32(low)[block % of3_count(low)] + i % OF3_WINDOW_KEYS, atoms)};
}

/* ATOM_PAIR: the offset d of entry i, masked; returns v, the mask where both atoms are of one residue, else 0
 * (AF3 SI Alg. 5 lines 2-3). */
static inline double ref_atom_offset(const of3_call *c, int64_t i, double d[3]) {
  const of3_tensor *at = c->in[ATOM_PAIR_POS], *same = c->in[ATOM_PAIR_UID], *mask = c->in[ATOM_PAIR_MASK];
  const int64_t atoms = of3_dim(at, 1);
  const ref_window_pair p = ref_window_pair_of(i, c->in[ATOM_PAIR_LOW], atoms);
  const float *pos = of3_f32(at) + p.entry * atoms * 3, masked = of3_f32(mask)[i % of3_count(mask)];
  const int32_t *uid = of3_i32(same) + p.entry % of3_rows(same) * atoms;
  for (int k = 0; k < 3; k++) d[k] = ((double)pos[3 * p.l + k] - (double)pos[3 * p.m + k]) * (double)masked;
  return uid[p.l] == uid[p.m] ? (double)masked : 0;
}

#endif
