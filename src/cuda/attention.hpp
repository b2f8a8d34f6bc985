/* Attention with pair bias, mask and gate: o = sigmoid(g) softmax_k(q k / sqrt d + bias + mask) v. */
#ifndef OF3_CUDA_ATTENTION_HPP
#define OF3_CUDA_ATTENTION_HPP

#include "cuda/state.hpp"

namespace of3 {

/* q, g, out [entries, nq, heads d], k, v [entries, nk, heads d], all f32 or all bf16; d <= 64. */
struct Attention {
  const void *q = nullptr, *k = nullptr, *v = nullptr, *g = nullptr;
  void *out = nullptr;
  bool bf16 = false;
  int64_t entries = 0, nq = 0, nk = 0;
  int heads = 1, d = 0;
  const float *bias = nullptr; /* [bias_entries, heads, nk, nq]; entry e uses e mod bias_entries */
  int64_t bias_entries = 1;
  const float *keys = nullptr; /* [key_entries, nk]: 1e9 (keys - 1) is added */
  int64_t key_entries = 1;
  /* [nk], masks of tokens: entry e is line `first` + e of a triangle, whose key j has tokens[line] tokens[j];
   * a line that counts nothing goes unmasked */
  const float *tokens = nullptr;
  int64_t first = 0;
};

void attend(const Run &r, const Attention &a);

} // namespace of3

#endif
