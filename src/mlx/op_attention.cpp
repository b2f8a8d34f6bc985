/* Attention with a pair bias, and the bias. */
#include "backward.hpp"

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
    array open = get(mask, {of3_count(mask) / (nq * nk), 1, nq, nk}), add = mask_bias(s, open);
    if (open.shape(0) > 1 && open.shape(0) < batches) open = repeated(open, batches / open.shape(0));
    bias = passing(s, open > 0.0f, bias);
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

/* Arguments in the order of their numbers, [batches,n,w] and the bias [1 or batches,H,K,Q] -> [batches,Q,w].
 */
static array attention_of(State &s, const of3_call &c, Arrays in, const std::optional<array> &key_bias) {
  const int64_t batches = in[ATT_Q].shape(0), nq = in[ATT_Q].shape(1), w = in[ATT_Q].shape(2),
                heads = c.attr.heads;
  auto split = [&](int at) {
    const array &x = in[static_cast<size_t>(at)];
    return mx::swapaxes(shaped(x, {batches, x.shape(1), heads, w / heads}), 1, 2);
  };
  if (key_bias && s.deriving) { /* entries without a key */
    array open = mx::max(*key_bias, -1) > -1.0f;
    for (size_t i : {ATT_Q, ATT_K}) in[i] = passing(s, shaped(open, {open.shape(0), 1, 1}), in[i]);
    in[ATT_BIAS] = passing(s, shaped(open, {open.shape(0), 1, 1, 1}), in[ATT_BIAS]);
  }
  array o = attend(s, split(ATT_Q), split(ATT_K), split(ATT_V), swapped(in[ATT_BIAS]), key_bias);
  return sigmoid_mul(s, in[ATT_G], shaped(mx::swapaxes(o, 1, 2), {batches, nq, w}));
}

static Arrays attention_arguments(const of3_call &c, int64_t batches) {
  const int64_t w = last(c.in[ATT_Q]), nq = of3_dim(c.in[ATT_Q], 1), nk = of3_dim(c.in[ATT_K], 1),
                heads = c.attr.heads, shared = of3_count(c.in[ATT_BIAS]) / (heads * nq * nk);
  array bias = get(c.in[ATT_BIAS], {shared, heads, nk, nq});
  if (shared > 1 && shared < batches) bias = repeated(bias, batches / shared);
  return {get(c.in[ATT_Q], {batches, nq, w}), get(c.in[ATT_K], {batches, nk, w}),
          get(c.in[ATT_V], {batches, nk, w}), get(c.in[ATT_G], {batches, nq, w}), bias};
}

/* [1 or batches,K]. */
static std::optional<array> attention_mask(const State &s, const of3_call &c, int64_t batches) {
  const Tensor *mask = c.in[ATT_KEY_MASK];
  if (!mask) return std::nullopt;
  const int64_t masks = of3_rows(mask);
  array key_bias = mask_bias(s, get(mask, {masks, last(mask)}));
  return masks > 1 && masks < batches ? repeated(key_bias, batches / masks) : key_bias;
}

static void run_attention(State &s, const of3_call &c) {
  if (of3_count(c.out) == 0) return;
  const int64_t batches = of3_rows(c.in[ATT_Q]) / of3_dim(c.in[ATT_Q], 1);
  set(s, c.out, attention_of(s, c, attention_arguments(c, batches), attention_mask(s, c, batches)));
}

/* Batch entries first .. first + n - 1 of what has one for each. */
static array entries_of(const array &a, int64_t first, int64_t n) {
  return a.shape(0) > 1 ? cut(a, 0, first, n) : a;
}

/* In groups of batch entries, whose logits exist at the same time. The gradient of a bias that entries share
 * is the sum of theirs. */
static void back_attention(State &s, const of3_call &c) {
  const int64_t nq = of3_dim(c.in[ATT_Q], 1), nk = of3_dim(c.in[ATT_K], 1), w = last(c.in[ATT_Q]),
                batches = of3_rows(c.in[ATT_Q]) / nq,
                fit = std::max<int64_t>(1, derived_floats / std::max<int64_t>(1, c.attr.heads * nq * nk));
  const Arrays all = attention_arguments(c, batches);
  const std::optional<array> mask = attention_mask(s, c, batches);
  const array dy = get(c.dy, {batches, nq, w});
  Groups sums(s, fit < batches);
  for (int64_t b = 0; b < batches; b += fit) {
    const int64_t n = std::min(fit, batches - b);
    std::optional<array> key_bias;
    if (mask) key_bias = entries_of(*mask, b, n);
    Arrays in;
    for (const array &a : all) in.push_back(entries_of(a, b, n));
    const auto f = [&](const Arrays &x) { return Arrays{attention_of(s, c, x, key_bias)}; };
    sums.add(derive(s, f, in, {cut(dy, 0, b, n)}), [&](size_t i) { return all[i].shape(0) > 1; });
  }
  for (int i = ATT_Q; i <= ATT_BIAS; i++) add_shared_gradient(c, i, sums.total(static_cast<size_t>(i)));
}

static int64_t attention_bytes(const State &s, const of3_call &c) {
  const Tensor *q = c.in[ATT_Q];
  int64_t nq = of3_dim(q, 1), heads = c.attr.heads;
  if (nq == 0) return 0;
  return 2 * size_of(s) * of3_count(q) + attend_bytes(s, of3_rows(q) / nq, heads, nq, of3_dim(c.in[ATT_K], 1),
                                                      last(q) / heads, c.in[ATT_KEY_MASK] != nullptr);
}
const Kernel ops::attention{run_attention, attention_bytes, Batch::any, back_attention};

} // namespace of3
