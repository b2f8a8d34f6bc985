/* Inside src/tensor: what forward and backward of the plain C reference share of the pair operations. z, m
 * and masks are those of one batch entry of n tokens. */
#ifndef OF3_TENSOR_REF_PAIR_H
#define OF3_TENSOR_REF_PAIR_H

#include "tensor/ref.h"

/* Pair (line, at): line is the row of a starting node, the column of an ending one. */
static inline int64_t ref_pair_at(const of3_call *c, int64_t n, int64_t line, int64_t at) {
  return c->attr.ending ? at * n + line : line * n + at;
}

/* Whether any pair of token i counts. Where none does (padding), the additive mask of its keys is the same
 * for all and cancels. */
static inline bool ref_any_pair(const float *mask, int64_t n, int64_t i) {
  for (int64_t j = 0; j < n; j++)
    if (of3_pair_mask(mask, i, j) != 0) return true;
  return false;
}

/* TRIANGLE_MUL: a and b [N,N,h]. */
void ref_triangle_operands(const of3_call *c, const float *z, const float *mask, int64_t n, double *a,
                           double *b);

/* OUTER_PRODUCT_MEAN: a and b [M,N,h]. */
void ref_outer_operands(const of3_call *c, const float *m, const float *mask, double *a, double *b);

/* PAIR_WEIGHTED_AVERAGE: softmax weights [N,N,H] over j of linear_z(LN_z(z_ij)) + INF (mask_i mask_j - 1); a
 * row without unmasked j goes unmasked. */
void ref_average_weights(const of3_call *c, const float *z, const float *mask, int64_t n, double *weight);

#endif
