/* Triangle multiplication (AF3 SI Alg. 12, 13) and triangle attention (Alg. 14, 15) on z [B,N,N,c]. */
#include "backward.hpp"

namespace of3 {

/* One batch entry of z as a handle of its own, and the mask that belongs to it. */
static Tensor entry_of(const Tensor *z, int64_t b) {
  int64_t n = of3_dim(z, 1), w = last(z);
  Tensor t = *z;
  t.rank = 3;
  t.shape[0] = n, t.shape[1] = n, t.shape[2] = w;
  t.offset += b * n * n * w;
  return t;
}

/* [1,N,N] of batch entry b, if there is one. */
static std::optional<array> mask_of(const Tensor *opt_mask, int64_t b) {
  if (!opt_mask) return std::nullopt;
  return cut(pair_mask(opt_mask), 0, b % of3_rows(opt_mask), 1);
}

/* Bytes of it, and of it in the compute type. */
static int64_t mask_bytes(const State &s, const Tensor *opt_mask, int64_t pairs) {
  return opt_mask ? (4 * of3_rows(opt_mask) + 4 + size_of(s)) * pairs : 0;
}

static int64_t entries(const Tensor *z) {
  return of3_count(z) ? of3_rows(z) / (of3_dim(z, 1) * of3_dim(z, 2)) : 0;
}

/* ---- TRIANGLE_MUL */

/* mask sigmoid(W_g x) W_p x for channels first .. first + n - 1, channels first: [n,N,N]. Made as W x^T, so
 * that the products over k need no transposition. */
static array projected(const State &s, const of3_call &c, int wp, int wg, const array &xt,
                       const std::optional<array> &mask, int64_t first, int64_t n) {
  int64_t tokens = of3_dim(c.out, 1);
  auto times = [&](int at) { return mx::matmul(cut(in_compute(s, get(c.in[at])), 0, first, n), xt); };
  array y = shaped(sigmoid_mul(s, times(wg), times(wp)), {n, tokens, tokens});
  return mask ? y * in_compute(s, *mask) : y;
}

/* Channels whose halves stay within a group, or the passes that are asked for. */
static int64_t channels_at_once(const of3_call &c, int64_t n) {
  const int64_t h = c.in[TRI_MUL_WAP]->shape[0], passes = std::max(c.attr.passes, 1);
  return std::min((h + passes - 1) / passes,
                  std::max<int64_t>(1, group_floats / std::max<int64_t>(1, 2 * n * n)));
}

/* sum_k a_ik b_jk or sum_k a_ki b_kj of all channels, [h,N,N]; groups of channels. */
static array triangle_product(State &s, const of3_call &c, const array &xt,
                              const std::optional<array> &mask) {
  int64_t h = c.in[TRI_MUL_WAP]->shape[0], fit = channels_at_once(c, of3_dim(c.out, 1));
  std::vector<array> parts;
  for (int64_t first = 0; first < h; first += fit) {
    int64_t m = std::min(fit, h - first);
    array a = projected(s, c, TRI_MUL_WAP, TRI_MUL_WAG, xt, mask, first, m),
          b = projected(s, c, TRI_MUL_WBP, TRI_MUL_WBG, xt, mask, first, m);
    parts.push_back(c.attr.outgoing ? mx::matmul(a, swapped(b)) : mx::matmul(swapped(a), b));
    if (fit < h) settle(s, parts.back());
  }
  return parts.size() > 1 ? mx::concatenate(parts, 0) : parts[0];
}

static void run_triangle_mul(State &s, const of3_call &c) {
  int64_t n = of3_dim(c.out, 1), w = last(c.out), h = c.in[TRI_MUL_WAP]->shape[0];
  for (int64_t b = 0; b < entries(c.out); b++) {
    Tensor z = entry_of(c.out, b);
    const std::optional<array> mask = mask_of(c.in[TRI_MUL_MASK], b);
    array x = in_compute(s, norm(get(&z, {n * n, w}), c.in[TRI_MUL_IN_SCALE], c.in[TRI_MUL_IN_OFFSET]));
    array p = shaped(triangle_product(s, c, mx::transpose(x), mask), {h, n * n});
    update(s, &z, n * n, rows_in_group(2 * h + 2 * w), [&](const array &old, const Group &g) {
      array rows =
          norm(mx::transpose(cut(p, 1, g.row, g.rows)), c.in[TRI_MUL_OUT_SCALE], c.in[TRI_MUL_OUT_OFFSET]);
      array gate = product(s, cut(x, 0, g.row, g.rows), c.in[TRI_MUL_WG]);
      return old + shaped(sigmoid_mul(s, gate, product(s, rows, c.in[TRI_MUL_WZ])), {1, g.rows, w});
    });
  }
}

static int64_t triangle_mul_bytes(const State &s, const of3_call &c) {
  const int64_t e = size_of(s), n = of3_dim(c.out, 1), pairs = n * n, w = last(c.out),
                h = c.in[TRI_MUL_WAP]->shape[0], group = channels_at_once(c, n) * pairs;
  const int64_t products = pairs * ((4 + 2 * e) * w + e * h) + 5 * e * group;
  const int64_t closing =
      e * pairs * (w + h) + (4 + e) * std::min(pairs * (h + w), group_floats) + 4 * pairs * w;
  return std::max(products + mask_bytes(s, c.in[TRI_MUL_MASK], pairs), closing);
}
const Kernel ops::triangle_mul{run_triangle_mul, triangle_mul_bytes};

/* ---- TRIANGLE_ATTENTION */

/* Lines of z along which it attends: rows, or columns of an ending node. [N,n,w] or [n,N,w] -> [n,N,w]. */
static array lines(const of3_call &c, const array &z, int64_t first, int64_t n) {
  array part = cut(z, c.attr.ending ? 1 : 0, first, n);
  return c.attr.ending ? mx::swapaxes(part, 0, 1) : part;
}

/* bias [1,H,N,N]: b[i,k], or of an ending node that takes it from the transposed z b[k,i]. */
static array triangle_bias(const State &s, const of3_call &c, const array &x) {
  int64_t n = x.shape(0), w = x.shape(2), heads = c.attr.heads;
  array b = mx::matmul(in_compute(s, get(c.in[TRI_ATT_WZ])), mx::transpose(shaped(x, {n * n, w})));
  b = shaped(b, {1, heads, n, n});
  return c.attr.ending && !c.attr.bias_from_z ? mx::contiguous(swapped(b)) : b;
}

/* Logits that the keys of each line get, [n,N]: a line without keys (padding) goes unmasked. */
static array line_mask(const State &s, const array &mask) {
  array any = mx::max(mask, -1, true) > 0.0f;
  return mx::where(any, mask_bias(s, mask), array(0.0f));
}

/* The update of n lines, [n,N,w]. */
static array attended(State &s, const of3_call &c, const array &x, const std::optional<array> &key_bias,
                      const array &bias) {
  int64_t n = x.shape(0), tokens = x.shape(1), w = x.shape(2), hd = c.in[TRI_ATT_WQ]->shape[0];
  array rows = shaped(x, {n * tokens, w});
  auto split = [&](int at) {
    array y = shaped(product(s, rows, c.in[at]), {n, tokens, c.attr.heads, hd / c.attr.heads});
    return mx::swapaxes(y, 1, 2);
  };
  array o = attend(s, split(TRI_ATT_WQ), split(TRI_ATT_WK), split(TRI_ATT_WV), bias, key_bias);
  o = shaped(mx::swapaxes(o, 1, 2), {n * tokens, hd});
  o = sigmoid_mul(s, product(s, rows, c.in[TRI_ATT_WG]), o);
  return shaped(product(s, o, c.in[TRI_ATT_WO]), {n, tokens, w});
}

/* Lines whose logits and projections stay within so many floats. */
static int64_t lines_at_once(const of3_call &c, int64_t n, int64_t floats = group_floats) {
  int64_t line = std::max(c.attr.heads * n * n, 6 * n * c.in[TRI_ATT_WQ]->shape[0]);
  return std::min(n, std::max<int64_t>(1, floats / line));
}

/* Logits of the keys of lines first .. first + n - 1, if any is masked. */
static std::optional<array> keys_of_lines(const State &s, const of3_call &c, const std::optional<array> &mask,
                                          int64_t first, int64_t n) {
  if (!mask) return std::nullopt;
  const int64_t all = mask->shape(1);
  return line_mask(s, shaped(lines(c, shaped(*mask, {all, all, 1}), first, n), {n, all}));
}

static void run_triangle_attention(State &s, const of3_call &c) {
  int64_t n = of3_dim(c.out, 1);
  for (int64_t b = 0; b < entries(c.out); b++) {
    Tensor z = entry_of(c.out, b);
    const std::optional<array> mask = mask_of(c.in[TRI_ATT_MASK], b);
    array x = in_compute(s, norm(get(&z), c.in[TRI_ATT_SCALE], c.in[TRI_ATT_OFFSET]));
    array bias = triangle_bias(s, c, x);
    int64_t fit = lines_at_once(c, n);
    std::vector<array> parts;
    for (int64_t i = 0; i < n; i += fit) {
      int64_t m = std::min(fit, n - i);
      parts.push_back(attended(s, c, lines(c, x, i, m), keys_of_lines(s, c, mask, i, m), bias));
      if (fit < n) settle(s, parts.back());
    }
    array y = parts.size() > 1 ? mx::concatenate(parts, 0) : parts[0];
    set(s, &z, get(&z) + (c.attr.ending ? mx::swapaxes(y, 0, 1) : y));
  }
}

static int64_t triangle_attention_bytes(const State &s, const of3_call &c) {
  const int64_t e = size_of(s), n = of3_dim(c.out, 1), pairs = n * n, w = last(c.out),
                hd = c.in[TRI_ATT_WQ]->shape[0], h = c.attr.heads;
  if (n == 0) return 0;
  int64_t m = lines_at_once(c, n);
  return pairs * ((4 + 2 * e) * w + 2 * e * h) + e * m * n * (5 * hd + w) +
         mask_bytes(s, c.in[TRI_ATT_MASK], pairs) +
         attend_bytes(s, m, h, n, n, hd / h, c.in[TRI_ATT_MASK] != nullptr);
}

/* ---- the way back of TRIANGLE_ATTENTION: groups of lines through attention, then norm and bias */

/* What attention of lines depends on beside x and the bias, and what these two depend on. */
static constexpr int line_weights[] = {TRI_ATT_WQ, TRI_ATT_WK, TRI_ATT_WV, TRI_ATT_WG, TRI_ATT_WO};
static constexpr int entry_weights[] = {TRI_ATT_SCALE, TRI_ATT_OFFSET, TRI_ATT_WZ};

/* The gradients of x [N,N,w] or, of an ending node, its transpose; of the bias; of line_weights. */
static Arrays back_lines(State &s, const of3_call &c, const std::optional<array> &mask, const array &x,
                         const array &bias, const array &dy) {
  const int64_t n = x.shape(0), fit = lines_at_once(c, n, derived_floats);
  Groups sums(s, fit < n);
  for (int64_t i = 0; i < n; i += fit) {
    const int64_t m = std::min(fit, n - i);
    const std::optional<array> key_bias = keys_of_lines(s, c, mask, i, m);
    Arrays in{lines(c, x, i, m), bias};
    for (int at : line_weights) in.push_back(get(c.in[at]));
    const auto f = [&](const Arrays &a) {
      Traced t(c);
      for (size_t k = 0; k < std::size(line_weights); k++) t.give(line_weights[k], a[k + 2]);
      return Arrays{attended(s, t.call, a[0], key_bias, a[1])};
    };
    sums.add(derive(s, f, in, {lines(c, dy, i, m)}), [](size_t k) { return k == 0; });
  }
  Arrays out;
  for (size_t k = 0; k < 2 + std::size(line_weights); k++) out.push_back(sums.total(k));
  return out;
}

/* x = norm(z) and the bias. in: z [N,N,w], then entry_weights. */
static Arrays line_inputs(const State &s, const of3_call &c, const Arrays &in) {
  Traced t(c);
  for (size_t k = 0; k < std::size(entry_weights); k++)
    if (c.in[entry_weights[k]]) t.give(entry_weights[k], in[k + 1]);
  array x = in_compute(s, norm(in[0], t.call.in[TRI_ATT_SCALE], t.call.in[TRI_ATT_OFFSET]));
  return {x, triangle_bias(s, t.call, x)};
}

/* Adds the gradients of one batch entry, of z to the handle if there is one. */
static void back_entry(State &s, const of3_call &c, int64_t b) {
  const Tensor z = entry_of(c.in[TRI_ATT_Z], b), dy = entry_of(c.dy, b);
  Arrays in{get(&z)};
  for (int at : entry_weights) in.push_back(c.in[at] ? get(c.in[at]) : array(0.0f));
  const Arrays made = line_inputs(s, c, in);
  Arrays d = back_lines(s, c, mask_of(c.in[TRI_ATT_MASK], b), made[0], made[1], get(&dy));
  for (size_t k = 0; k < std::size(line_weights); k++) add_gradient(c, line_weights[k], d[k + 2]);
  if (c.attr.ending) d[0] = mx::swapaxes(d[0], 0, 1);
  const auto f = [&](const Arrays &a) { return line_inputs(s, c, a); };
  const Arrays first = derive(s, f, in, {d[0], d[1]});
  for (size_t k = 0; k < std::size(entry_weights); k++)
    if (c.in[entry_weights[k]]) add_gradient(c, entry_weights[k], first[k + 1]);
  if (!c.dx[TRI_ATT_Z]) return;
  Tensor dz = entry_of(c.dx[TRI_ATT_Z], b);
  put(&dz, get(&dz) + get(&dy) + first[0]);
}

static void back_triangle_attention(State &s, const of3_call &c) {
  for (int64_t b = 0; b < entries(c.out); b++) back_entry(s, c, b);
}
const Kernel ops::triangle_attention{run_triangle_attention, triangle_attention_bytes, Batch::any,
                                     back_triangle_attention};

} // namespace of3
