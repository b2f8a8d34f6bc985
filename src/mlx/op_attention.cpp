/* Attention with a pair bias, and the bias. */
#include "state.hpp"

namespace of3 {

/* [B,H,Q,K] in memory, the logical [B,H,K,Q] is its transpose: MLX reads the bias row by row of queries, and
 * the table's key-major order costs it nothing. */
static void run_pair_bias(State &s, const of3_call &c) {
  const Tensor *z = c.in[PAIR_BIAS_Z], *w = c.in[PAIR_BIAS_W], *mask = c.in[PAIR_BIAS_MASK];
  int64_t width = last(z), nk = of3_dim(z, 1), nq = of3_dim(z, 2), heads = w->shape[0];
  if (of3_rows(z) == 0) return;
  int64_t batches = of3_rows(z) / (nk * nq), lines = batches * nq,
          fit = std::max<int64_t>(1, group_floats / (nk * width));
  array x = get(z, {lines, nk, width}), wt = in_compute(s, get(w));
  std::vector<array> parts; /* [lines,H,K] */
  for (int64_t i = 0; i < lines; i += fit) {
    array rows = cut(x, 0, i, std::min(fit, lines - i));
    if (c.attr.norm) rows = norm(rows, c.in[PAIR_BIAS_SCALE], c.in[PAIR_BIAS_OFFSET]);
    rows = shaped(in_compute(s, rows), {rows.shape(0) * nk, width});
    parts.push_back(mx::matmul(wt, mx::transpose(rows))); /* [H, lines K] */
    if (fit < lines) settle(s, parts.back());
  }
  array bias = shaped(parts.size() > 1 ? mx::concatenate(parts, 1) : parts[0], {heads, batches, nq, nk});
  bias = mx::swapaxes(bias, 0, 1);
  if (mask) {
    array add = mask_bias(s, get(mask, {of3_count(mask) / (nq * nk), 1, nq, nk}));
    if (add.shape(0) > 1 && add.shape(0) < batches) add = repeated(add, batches / add.shape(0));
    bias = f32(bias) + add;
  }
  set(s, c.out, swapped(bias));
}

static int64_t pair_bias_bytes(const State &s, const of3_call &c) {
  const int64_t e = size_of(s), z = std::min(of3_count(c.in[PAIR_BIAS_Z]), group_floats);
  return (8 + e) * of3_count(c.out) + (8 + e) * z;
}
const Kernel ops::pair_bias{run_pair_bias, pair_bias_bytes};

static void run_attention(State &s, const of3_call &c) {
  const Tensor *q = c.in[ATT_Q], *mask = c.in[ATT_KEY_MASK], *bias = c.in[ATT_BIAS];
  int64_t w = last(q), nq = of3_dim(q, 1), nk = of3_dim(c.in[ATT_K], 1), heads = c.attr.heads, d = w / heads;
  if (of3_count(q) == 0) return;
  int64_t batches = of3_rows(q) / nq, shared = of3_count(bias) / (heads * nq * nk);
  auto split = [&](int at, int64_t n) { return mx::swapaxes(get(c.in[at], {batches, n, heads, d}), 1, 2); };
  array b = swapped(get(bias, {shared, heads, nk, nq}));
  if (shared > 1 && shared < batches) b = repeated(b, batches / shared);
  std::optional<array> key_bias;
  if (mask) {
    const int64_t masks = of3_rows(mask);
    key_bias = mask_bias(s, get(mask, {masks, nk}));
    if (masks > 1 && masks < batches) key_bias = repeated(*key_bias, batches / masks);
  }
  array o = attend(s, split(ATT_Q, nq), split(ATT_K, nk), split(ATT_V, nk), b, key_bias);
  set(s, c.out,
      sigmoid_mul(s, get(c.in[ATT_G], {batches, nq, w}), shaped(mx::swapaxes(o, 1, 2), {batches, nq, w})));
}

static int64_t attention_bytes(const State &s, const of3_call &c) {
  const Tensor *q = c.in[ATT_Q];
  int64_t nq = of3_dim(q, 1), heads = c.attr.heads;
  if (nq == 0) return 0;
  return 2 * size_of(s) * of3_count(q) + attend_bytes(s, of3_rows(q) / nq, heads, nq, of3_dim(c.in[ATT_K], 1),
                                                      last(q) / heads, c.in[ATT_KEY_MASK] != nullptr);
}
const Kernel ops::attention{run_attention, attention_bytes};

} // namespace of3
