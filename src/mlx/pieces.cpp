/* Pieces that several operations share. Elementwise chains are compiled into one kernel where the device is a
 * GPU; on the CPU device MLX would start a C++ compiler for them. */
#include "state.hpp"

#include <cmath>

namespace of3 {

array f32(const array &a) { return mx::astype(a, mx::float32); }
array in_compute(const State &s, const array &a) { return mx::astype(a, s.compute); }

array norm(const array &x, const Tensor *scale, const Tensor *offset) {
  auto given = [](const Tensor *t) { return t ? std::optional<array>(get(t)) : std::nullopt; };
  return mx::fast::layer_norm(scale || offset ? f32(x) : x, given(scale), given(offset), 1e-5f);
}

/* x and W^T as they are multiplied. */
struct Factors {
  array x, wt;
};
static Factors factors(const State &s, const array &x, const Tensor *w) {
  constexpr int coordinates = 3; /* inputs that must not be rounded to half precision: positions, charges */
  bool exact = w->shape[0] <= coordinates || w->shape[1] <= coordinates;
  mx::Dtype type = exact ? mx::float32 : s.compute;
  return {mx::astype(x, type), mx::transpose(mx::astype(get(w), type))};
}

array product(const State &s, const array &x, const Tensor *w, const Tensor *opt_bias) {
  const Factors f = factors(s, x, w);
  return opt_bias ? mx::addmm(get_like(f.x, opt_bias), f.x, f.wt) : mx::matmul(f.x, f.wt);
}

array product_onto(const State &s, const array &sum, const array &x, const Tensor *w) {
  const Factors f = factors(s, x, w);
  return mx::addmm(mx::astype(sum, f.x.dtype()), f.x, f.wt);
}

array activate(const array &x, int act) {
  switch (act) {
  case OF3_ACT_RELU:
    return mx::maximum(x, array(0.0f, x.dtype()));
  case OF3_ACT_SIGMOID:
    return mx::sigmoid(x);
  case OF3_ACT_SILU:
    return x * mx::sigmoid(x);
  default:
    return x;
  }
}

using Arrays = std::vector<array>;
static Arrays silu_mul_of(const Arrays &a) { return {a[0] * mx::sigmoid(a[0]) * a[1]}; }
static Arrays sigmoid_mul_of(const Arrays &a) { return {mx::sigmoid(a[0]) * a[1]}; }
static Arrays mul_add_of(const Arrays &a) { return {a[0] * a[1] + a[2]}; }

/* The chain on arrays that are broadcast to one shape. */
template <Arrays chain(const Arrays &)> static array fused(const State &s, const Arrays &a) {
  static const auto compiled = mx::compile(std::function<Arrays(const Arrays &)>(chain), true);
  return s.gpu ? compiled(mx::broadcast_arrays(a))[0] : chain(a)[0];
}

array silu_mul(const State &s, const array &a, const array &b) { return fused<silu_mul_of>(s, {a, b}); }

array sigmoid_mul(const State &s, const array &g, const array &x) { return fused<sigmoid_mul_of>(s, {g, x}); }

array mul_add(const State &s, const array &a, const array &b, const array &c) {
  return fused<mul_add_of>(s, {a, b, c});
}

array mask_bias(const State &s, const array &mask) {
  float most = s.compute == mx::float16 ? 3e4f : 1e9f; /* f16 ends at 65504 */
  return (f32(mask) - 1.0f) * array(most);
}

array passing(const State &s, const array &open, const array &x) {
  return s.deriving ? mx::where(open, x, mx::stop_gradient(x)) : x;
}

array pair_mask(const Tensor *mask) {
  const int64_t n = last(mask), entries = of3_rows(mask);
  return get(mask, {entries, n, 1}) * get(mask, {entries, 1, n});
}

array repeated(const array &a, int64_t times) {
  std::vector<int> reps(a.ndim(), 1);
  reps[0] = static_cast<int>(times);
  return mx::tile(a, reps);
}

array repeating(const array &rows, int64_t batches, int64_t m) {
  int64_t w = rows.shape(-1), there = static_cast<int64_t>(rows.size()) / (m * w);
  array a = shaped(rows, {there, m, w});
  if (there == 1 || there == batches) return a;
  return repeated(a, batches / there);
}

/* ---- attention */

/* Width at which MLX has a fused kernel for heads of d: steel attention on Metal, cuDNN on CUDA. The places
 * beyond d are zero, but for one that carries the key mask: q has sqrt(d) there, k the mask's logit, so that
 * no mask [B,H,Q,K] need exist. */
static int64_t padded_width(const State &s, int64_t d, bool masked) {
  int64_t need = d + (masked ? 1 : 0);
  if (!s.gpu) return need;
  if (!s.metal) return (need + 7) / 8 * 8;
  for (int64_t width : {64, 72, 80, 96, 128})
    if (need <= width) return width;
  return need;
}

/* [B,H,n,d] -> [B,H,n,width], the first new place being `column` [B or 1,1,n or 1,1] if given. */
static array widened(const array &x, int64_t width, const std::optional<array> &column) {
  int64_t b = x.shape(0), h = x.shape(1), n = x.shape(2), d = x.shape(3);
  if (width == d) return x;
  Arrays parts{x};
  if (column) parts.push_back(mx::broadcast_to(mx::astype(*column, x.dtype()), dims({b, h, n, 1})));
  int64_t zeros = width - d - (column ? 1 : 0);
  if (zeros > 0) parts.push_back(mx::zeros(dims({b, h, n, zeros}), x.dtype()));
  return mx::concatenate(parts, -1);
}

array attend(State &s, const array &q, const array &k, const array &v, const array &bias,
             const std::optional<array> &key_bias) {
  int64_t batch = q.shape(0), heads = q.shape(1), nq = q.shape(2), nk = k.shape(2), d = q.shape(3);
  float scale = 1 / std::sqrt(static_cast<float>(d));
  int64_t width = padded_width(s, d, key_bias.has_value());
  std::optional<array> q_column, k_column;
  if (key_bias) {
    q_column = array(1 / scale);
    k_column = shaped(*key_bias, {key_bias->shape(0), 1, nk, 1});
  }
  array qw = widened(q, width, q_column), kw = widened(k, width, k_column),
        vw = s.gpu ? widened(v, width, std::nullopt) : v;
  int64_t fit = std::max<int64_t>(1, group_floats / (heads * nk)); /* rows of queries */
  int64_t nb = std::min(batch, std::max<int64_t>(1, fit / nq)), nr = std::min(nq, fit);
  Arrays entries;
  for (int64_t b = 0; b < batch; b += nb) {
    int64_t n = std::min(nb, batch - b);
    Arrays rows;
    for (int64_t r = 0; r < nq; r += nr) {
      int64_t m = std::min(nr, nq - r);
      array mask = cut(bias.shape(0) > 1 ? cut(bias, 0, b, n) : bias, 2, r, m);
      rows.push_back(mx::fast::scaled_dot_product_attention(cut(cut(qw, 0, b, n), 2, r, m), cut(kw, 0, b, n),
                                                            cut(vw, 0, b, n), scale, "",
                                                            mx::astype(mask, q.dtype())));
      if (nb < batch || nr < nq) settle(s, rows.back());
    }
    entries.push_back(rows.size() > 1 ? mx::concatenate(rows, 2) : rows[0]);
  }
  array o = entries.size() > 1 ? mx::concatenate(entries, 0) : entries[0];
  return cut(o, 3, 0, v.shape(3));
}

int64_t attend_bytes(const State &s, int64_t batch, int64_t heads, int64_t nq, int64_t nk, int64_t d,
                     bool masked) {
  const int64_t e = size_of(s), width = padded_width(s, d, masked);
  int64_t logits = std::min(batch * heads * nq * nk, std::max(group_floats, heads * nk));
  return (4 + e) * logits + e * batch * heads * (nq + 2 * nk) * width;
}

} // namespace of3
