/* What a pair of tokens takes from vectors over the tokens, so that nothing of N x N numbers need be kept:
 * shared by the plain C reference and the CPU kernels. Rows of a tensor [..,N,N,c] are pairs: row r is pair
 * (i,j) with i = r / N mod N, j = r mod N. A vector over tokens [~,N] has one entry of the batch or all. */
#ifndef OF3_TENSOR_PAIRS_H
#define OF3_TENSOR_PAIRS_H

#include "tensor/tensor.h"

/* The vector of batch entry b. */
static inline const float *of3_entry_mask(const of3_tensor *opt_mask, int64_t n, int64_t b) {
  return opt_mask ? of3_f32(opt_mask) + b % (of3_count(opt_mask) / n) * n : NULL;
}

/* The mask of pair (i,j). */
static inline float of3_pair_mask(const float *opt_mask, int64_t i, int64_t j) {
  return opt_mask ? opt_mask[i] * opt_mask[j] : 1.0f;
}

/* The mask of row r of a tensor over pairs of n tokens. */
static inline float of3_row_pair_mask(const of3_tensor *opt_mask, int64_t n, int64_t r) {
  return of3_pair_mask(of3_entry_mask(opt_mask, n, r / (n * n)), r / n % n, r % n);
}

#endif
