/* Outer product mean (AF3 SI Alg. 9) and pair-weighted averaging (Alg. 10). */
#include "state.hpp"

namespace of3 {

/* ---- OUTER_PRODUCT_MEAN */

/* sum_r a[r,i,:] x b[r,j,:] of a group of rows i of z is one product [i h, M] [M, j h]; then W_o. */
static void run_outer_product_mean(State &s, const of3_call &c) {
  const Tensor *m = c.in[OPM_M], *wo = c.in[OPM_WO];
  int64_t rows = m->shape[0], n = m->shape[1], h = c.in[OPM_W1]->shape[0], w = last(c.out);
  if (n == 0) return;
  std::optional<array> mask;
  if (c.in[OPM_MASK]) mask = get(c.in[OPM_MASK], {rows, n});
  array x = in_compute(s, norm(get_rows(m), c.in[OPM_SCALE], c.in[OPM_OFFSET]));
  auto side = [&](int at) {
    array y = shaped(product(s, x, c.in[at]), {rows, n, h});
    return mask ? y * in_compute(s, shaped(*mask, {rows, n, 1})) : y;
  };
  array a = side(OPM_W1), b = shaped(side(OPM_W2), {rows, n * h});
  const float all = static_cast<float>(rows) + 1e-3f;
  array both = mask ? mx::matmul(mx::transpose(*mask), *mask) + 1e-3f
                    : mx::full(dims({n, n}), all); /* counts: exact */
  update(s, c.out, n, rows_in_group(2 * h * h + 2 * w), [&](const array &old, const Group &g) {
    array left = mx::transpose(shaped(cut(a, 1, g.batch, g.batches), {rows, g.batches * h}));
    array o = mx::matmul(left, cut(b, 1, g.row * h, g.rows * h));
    o = mx::swapaxes(shaped(o, {g.batches, h, g.rows, h}), 1, 2);
    array y = product(s, shaped(o, {g.batches * g.rows, h * h}), wo) + get(c.in[OPM_BO]);
    array count = cut(cut(both, 0, g.batch, g.batches), 1, g.row, g.rows);
    return old + shaped(y, {g.batches, g.rows, w}) / shaped(count, {g.batches, g.rows, 1});
  });
}

static int64_t outer_product_bytes(const State &s, const of3_call &c) {
  const Tensor *m = c.in[OPM_M];
  const int64_t e = size_of(s), n = m->shape[1], h = c.in[OPM_W1]->shape[0], cells = of3_rows(m),
                w = last(c.in[OPM_Z]), group = std::max(group_floats, 2 * (h * h + w));
  return cells * ((4 + e) * last(m) + 4 * e * h) + 8 * n * n + 4 * n * n * w +
         2 * e * std::min(n * n * (h * h + w), group);
}
const Kernel ops::outer_product_mean{run_outer_product_mean, outer_product_bytes, Batch::one};

/* ---- PAIR_WEIGHTED_AVERAGE */

/* softmax_j of LN(z)_ij W_z^T, [H,N,N]; a row without unmasked j goes unmasked. */
static array average_weights(State &s, const of3_call &c) {
  const Tensor *z = c.in[PWA_Z];
  int64_t n = of3_dim(z, 1), w = last(z), heads = c.attr.heads,
          fit = std::max<int64_t>(1, group_floats / (n * w));
  array wz = in_compute(s, get(c.in[PWA_WZ]));
  std::vector<array> parts;
  for (int64_t i = 0; i < n; i += fit) {
    int64_t m = std::min(fit, n - i);
    array x = in_compute(s, norm(cut(get(z), 0, i, m), c.in[PWA_Z_SCALE], c.in[PWA_Z_OFFSET]));
    array logits = f32(mx::matmul(wz, mx::transpose(shaped(x, {m * n, w}))));
    logits = shaped(logits, {heads, m, n});
    if (c.in[PWA_MASK]) {
      array mask = cut(shaped(pair_mask(c.in[PWA_MASK]), {n, n}), 0, i, m),
            any = mx::max(mask, -1, true) > 0.0f;
      logits = logits + mx::where(any, mask_bias(s, mask), array(0.0f));
    }
    parts.push_back(in_compute(s, mx::softmax(logits, -1, true)));
    if (fit < n) settle(s, parts.back());
  }
  return parts.size() > 1 ? mx::concatenate(parts, 1) : parts[0];
}

/* Rows of the alignment at once. */
static int64_t msa_rows_at_once(const of3_call &c) {
  int64_t n = of3_dim(c.in[PWA_M], 1), hd = c.in[PWA_WV]->shape[0], w = last(c.in[PWA_M]);
  return rows_in_group(std::max<int64_t>(1, n * (4 * hd + 2 * w)));
}

/* weight [H,N,N] times the values of all rows together, [H,N,M d]. */
static void run_pair_weighted_average(State &s, const of3_call &c) {
  int64_t rows = c.out->shape[0], n = c.out->shape[1], w = last(c.out), heads = c.attr.heads,
          hd = c.in[PWA_WV]->shape[0], d = hd / heads, fit = msa_rows_at_once(c);
  if (of3_count(c.out) == 0) return;
  array weight = average_weights(s, c);
  for (int64_t r = 0; r < rows; r += fit) {
    int64_t m = std::min(fit, rows - r);
    Tensor part = *c.out;
    part.shape[0] = m;
    part.offset += r * n * w;
    array x = in_compute(s, norm(get(&part, {m * n, w}), c.in[PWA_M_SCALE], c.in[PWA_M_OFFSET]));
    array v = shaped(product(s, x, c.in[PWA_WV]), {m, n, heads, d});
    v = shaped(mx::transpose(v, {2, 1, 0, 3}), {heads, n, m * d});
    array o = mx::transpose(shaped(mx::matmul(weight, v), {heads, n, m, d}), {2, 1, 0, 3});
    o = sigmoid_mul(s, product(s, x, c.in[PWA_WG]), shaped(o, {m * n, hd}));
    set(s, &part, product_onto(s, get(&part, {m * n, w}), o, c.in[PWA_WO]));
    if (fit < rows) settle(s, *slot_of(c.out)->value);
  }
}

static int64_t average_bytes(const State &s, const of3_call &c) {
  const Tensor *z = c.in[PWA_Z], *m = c.in[PWA_M];
  const int64_t e = size_of(s), hd = c.in[PWA_WV]->shape[0], n = of3_dim(m, 1);
  int64_t weights = (8 + 2 * e) * of3_rows(z) * c.attr.heads + (4 + e) * std::min(of3_count(z), group_floats);
  int64_t at_once = std::min(msa_rows_at_once(c), m->shape[0]) * n;
  return weights + (c.in[PWA_MASK] ? 12 * of3_rows(z) : 0) + e * of3_count(m) +
         at_once * (7 * e * hd + (8 + 2 * e) * last(m));
}
const Kernel ops::pair_weighted_average{run_pair_weighted_average, average_bytes, Batch::one};

} // namespace of3
