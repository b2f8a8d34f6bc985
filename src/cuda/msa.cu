/* Outer product mean (AF3 SI Alg. 9) and pair-weighted averaging (Alg. 10): products over the rows of an
 * alignment and over tokens, for which operands are written with that axis along their rows.
 *
 *     outer product   a [i e, r], b [j f, r] -> o [i, j, e f] for a group of rows i -> z[i,j] += (W_o o +
 * b_o) / both average         w [h, i, j], v [h, r e, j] -> o [r, i, h e] gated -> m += W_o o, for a group of
 * rows r */
#include "cuda/each.cuh"
#include "cuda/products.hpp"

namespace of3 {

/* Bytes of the scratch of a group. */
static constexpr int64_t group_bytes = int64_t{256} << 20;

static const float *entry_of(const Tensor *mask, int64_t n, int64_t b) {
  return mask && n ? f32(mask) + b % (count(mask) / n) * n : nullptr;
}

/* ---- OUTER_PRODUCT_MEAN */

/* mask W norm(m), written [i e, r]. */
static Matrix side(Run &r, const of3_call &c, const Matrix &x, const Tensor *w, const float *mask) {
  const int64_t n = of3_dim(c.in[OPM_M], 1), depth = of3_dim(c.in[OPM_M], 2), h = w->shape[0];
  const int64_t ld = is_bf16(w) ? padded(depth) : depth;
  const Matrix out{r.take_bytes(static_cast<size_t>(n * h * ld * bytes_of(is_bf16(w)))), ld, 0};
  Product p = product_of(x, depth * n, w);
  p.y = out.p, p.y_bf16 = p.bf16;
  p.row = {h * ld, 1, static_cast<int32_t>(n)};
  p.column.inner = ld;
  p.mask = mask, p.mask_rows = depth * n;
  product(r, p);
  return out;
}

/* 1 / (sum_r mask mask + 1e-3) of all pairs. */
static float *shares(Run &r, const float *mask, int64_t n, int64_t depth) {
  float *out = r.take<float>(n * n);
  each(r, n * n, [=] __device__(int64_t ij) {
    float both = mask ? 0.0f : static_cast<float>(depth);
    for (int64_t k = 0; mask && k < depth; k++) both += mask[k * n + ij / n] * mask[k * n + ij % n];
    out[ij] = 1.0f / (both + 1e-3f);
  });
  return out;
}

static void outer_entry(Run &r, const of3_call &c, float *z, const float *m, const float *mask) {
  const Tensor *wo = c.in[OPM_WO], *w1 = c.in[OPM_W1];
  const int64_t n = of3_dim(c.out, 1), width = last(c.out), depth = of3_dim(c.in[OPM_M], 2), h = w1->shape[0];
  const bool is16 = is_bf16(w1);
  Rows from;
  from.x = m, from.n = depth * n, from.width = last(c.in[OPM_M]), from.norm = true, from.bf16 = is16;
  from.scale = f32(c.in[OPM_SCALE]), from.offset = f32(c.in[OPM_OFFSET]);
  const Matrix x = operand(r, from), a = side(r, c, x, w1, mask), b = side(r, c, x, c.in[OPM_W2], mask);
  const float *share = shares(r, mask, n, depth);
  const int64_t lines =
      std::clamp<int64_t>(group_bytes / std::max<int64_t>(1, n * h * h * bytes_of(is16)), 1, n);
  const size_t mark = r.at;
  for (int64_t i = 0; i < n; i += lines, r.at = mark) {
    const int64_t some = std::min(lines, n - i);
    Product p;
    p.m = some * h, p.n = n * h, p.k = depth;
    p.bf16 = is16;
    p.a = {static_cast<char *>(a.p) + i * h * a.ld * bytes_of(is16), a.ld, 0};
    p.b[0] = b.p, p.b_ld = b.ld;
    const Matrix o{r.take_bytes(static_cast<size_t>(some * n * h * h * bytes_of(is16))), h * h, 0};
    p.y = o.p, p.y_bf16 = is16;
    p.row = {h, n * h * h, static_cast<int32_t>(h)};
    p.column = {1, h * h, static_cast<int32_t>(h)};
    product(r, p);
    from = {};
    from.x = o.p, from.x_bf16 = is16, from.n = some * n, from.width = h * h, from.bf16 = is_bf16(wo);
    p = product_of(operand(r, from), some * n, wo);
    p.y = z + i * n * width, p.accumulate = true;
    p.bias[0] = f32(c.in[OPM_BO]);
    p.mask = share + i * n, p.mask_rows = some * n;
    product(r, p);
    if (!r.launches) break;
  }
}

void ops::outer_product_mean(Run &r, const of3_call &c) {
  const Tensor *m = c.in[OPM_M];
  const int64_t n = of3_dim(c.out, 1), each = n * n * last(c.out), cells = of3_dim(m, 2) * n;
  for (int64_t b = 0; each && b < count(c.out) / each; b++) {
    r.at = 0;
    outer_entry(r, c, f32(c.out) + b * each, f32(m) + b * cells * last(m),
                entry_of(c.in[OPM_MASK], cells, b));
    if (!r.launches) break;
  }
}

/* ---- PAIR_WEIGHTED_AVERAGE */

struct Softmax {
  const float *x, *mask; /* [heads, n, n]; [n] */
  void *y;               /* [heads, n, ld] */
  int64_t n, ld;
};

/* One warp a row (h, i): softmax over j of x + 1e9 (mask_i mask_j - 1); a row without unmasked j goes
 * unmasked. */
template <typename T>
static __global__ void softmax_kernel(const __grid_constant__ Softmax s, int64_t all_rows) {
  const int lane = threadIdx.x % 32;
  const int64_t row = static_cast<int64_t>(blockIdx.x) * (blockDim.x / 32) + threadIdx.x / 32, i = row % s.n;
  if (row >= all_rows) return;
  const bool masked = s.mask && s.mask[i] != 0;
  const float *x = s.x + row * s.n;
  auto logit = [&](int64_t j) { return masked ? x[j] + 1e9f * (s.mask[i] * s.mask[j] - 1.0f) : x[j]; };
  float most = -INFINITY, sum = 0;
  for (int64_t j = lane; j < s.n; j += 32) most = fmaxf(most, logit(j));
#pragma unroll
  for (int d = 16; d; d /= 2) most = fmaxf(most, __shfl_xor_sync(0xffffffffu, most, d));
  for (int64_t j = lane; j < s.n; j += 32) sum += expf(logit(j) - most);
#pragma unroll
  for (int d = 16; d; d /= 2) sum += __shfl_xor_sync(0xffffffffu, sum, d);
  for (int64_t j = lane; j < s.n; j += 32)
    put(static_cast<T *>(s.y), row * s.ld + j, expf(logit(j) - most) / sum);
}

/* [heads, n, ld]: softmax over j of W_z norm(z_ij). */
static Matrix weights(Run &r, const of3_call &c, const float *z, const float *mask, int64_t n, bool is16) {
  const Tensor *w = c.in[PWA_WZ];
  const int64_t heads = c.attr.heads, ld = is16 ? padded(n) : n;
  const Matrix out{r.take_bytes(static_cast<size_t>(heads * n * ld * bytes_of(is16))), ld, n * ld};
  const size_t mark = r.at;
  float *logits = r.take<float>(heads * n * n);
  Rows from;
  from.x = z, from.n = n * n, from.width = last(c.in[PWA_Z]), from.norm = true, from.bf16 = is_bf16(w);
  from.scale = f32(c.in[PWA_Z_SCALE]), from.offset = f32(c.in[PWA_Z_OFFSET]);
  Product p = product_of(operand(r, from), n * n, w);
  p.y = logits;
  p.row.inner = 1;
  p.column.inner = n * n;
  product(r, p);
  const Softmax s{logits, mask, out.p, n, ld};
  const unsigned blocks = static_cast<unsigned>((heads * n + 7) / 8);
  if (r.launches && is16) softmax_kernel<bf16><<<blocks, 256, 0, r.stream>>>(s, heads * n);
  if (r.launches && !is16) softmax_kernel<float><<<blocks, 256, 0, r.stream>>>(s, heads * n);
  r.at = mark;
  return out;
}

/* `some` rows of the alignment. */
static void average_rows(Run &r, const of3_call &c, const Matrix &weight, float *m, int64_t some) {
  const Tensor *wv = c.in[PWA_WV], *wo = c.in[PWA_WO];
  const int64_t n = of3_dim(c.out, 1), width = last(c.out), hidden = wv->shape[0], heads = c.attr.heads,
                d = hidden / heads;
  const bool is16 = is_bf16(wv);
  const int64_t size = bytes_of(is16), ld = weight.ld;
  Rows from;
  from.x = m, from.n = some * n, from.width = width, from.norm = true, from.bf16 = is16;
  from.scale = f32(c.in[PWA_M_SCALE]), from.offset = f32(c.in[PWA_M_OFFSET]);
  const Matrix x = operand(r, from);
  void *v = r.take_bytes(static_cast<size_t>(hidden * some * ld * size));
  Product p = product_of(x, some * n, wv);
  p.y = v, p.y_bf16 = is16;
  p.row = {1, d * ld, static_cast<int32_t>(n)};
  p.column = {ld, some * d * ld, static_cast<int32_t>(d)};
  product(r, p);
  void *gate = r.take_bytes(static_cast<size_t>(some * n * hidden * size));
  p = product_of(x, some * n, c.in[PWA_WG]);
  p.act[0] = OF3_ACT_SIGMOID;
  p.y = gate, p.y_bf16 = is16;
  product(r, p);
  void *o = r.take_bytes(static_cast<size_t>(some * n * hidden * size));
  p = {};
  p.m = n, p.n = some * d, p.k = n, p.products = static_cast<int32_t>(heads), p.bf16 = is16;
  p.a = weight;
  p.b[0] = v, p.b_ld = ld, p.b_batch = some * d * ld;
  p.y = o, p.y_bf16 = is16, p.y_batch = d;
  p.row.inner = hidden;
  p.column = {1, n * hidden, static_cast<int32_t>(d)};
  p.gate = gate, p.gate_bf16 = is16;
  product(r, p);
  from = {};
  from.x = o, from.x_bf16 = is16, from.n = some * n, from.width = hidden, from.bf16 = is_bf16(wo);
  p = product_of(operand(r, from), some * n, wo);
  p.y = m, p.accumulate = true;
  product(r, p);
}

void ops::pair_weighted_average(Run &r, const of3_call &c) {
  const Tensor *z = c.in[PWA_Z];
  const int64_t n = of3_dim(c.out, 1), depth = of3_dim(c.out, 2), width = last(c.out),
                hidden = c.in[PWA_WV]->shape[0];
  const int64_t row = n * (4 * hidden + width) * bytes_of(is_bf16(c.in[PWA_WV]));
  const int64_t some =
      std::clamp<int64_t>(group_bytes / std::max<int64_t>(1, row), 1, std::max<int64_t>(1, depth));
  if (count(c.out) == 0) return;
  for (int64_t b = 0; b < rows(c.out) / (depth * n); b++) {
    r.at = 0;
    const Matrix weight =
        weights(r, c, f32(z) + b * n * n * last(z), entry_of(c.in[PWA_MASK], n, b), n, is_bf16(c.in[PWA_WV]));
    const size_t mark = r.at;
    for (int64_t i = 0; i < depth; i += some, r.at = mark) {
      average_rows(r, c, weight, f32(c.out) + (b * depth + i) * n * width, std::min(some, depth - i));
      if (!r.launches) break;
    }
    if (!r.launches) break;
  }
}

} // namespace of3
