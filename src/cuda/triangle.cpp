/* Triangle multiplication (AF3 SI Alg. 12, 13) and triangle attention (Alg. 14, 15), one batch entry after
 * the other.
 *
 * Multiplication: the product over k of a channel is a product of two [N, N] matrices, for which a and b are
 * written channel by channel with k along their rows (of the incoming edges transposed); its result lies
 * channel by channel too, and the norm over channels turns it round again:
 *
 *     z -> x = norm(z) [N N, c] -> a, b [h, N, N] -> p = a b^T [h, N, N] -> norm [N N, h] -> z += (W_z ..)
 * sigmoid(W_g x)
 *
 * Attention: the bias of all pairs first; then groups of lines, which read and write their own rows of z
 * only. */
#include "cuda/attention.hpp"
#include "cuda/products.hpp"

namespace of3 {

static const float *entry_of(const Tensor *mask, int64_t n, int64_t b) {
  return mask ? f32(mask) + b % (count(mask) / n) * n : nullptr;
}

/* ---- multiplication */

struct Multiply {
  const of3_call &c;
  float *z;
  const float *mask;
  int64_t n, first, h; /* channels first .. first + h - 1 of the hidden ones */
  bool bf16;
};

/* mask sigmoid(W_g x) W_p x of these channels, [h, N, padded N]. */
static Matrix gated(Run &r, const Multiply &t, const Matrix &x, int wg, int wp) {
  const int64_t n = t.n, ld = t.bf16 ? padded(n) : n, size = bytes_of(t.bf16);
  const Matrix out{r.take_bytes(static_cast<size_t>(t.h * n * ld * size)), ld, n * ld};
  Product p = product_of(x, n * n, t.c.in[wg]);
  const int64_t skip = t.first * p.k * size;
  p.n = t.h;
  p.b[0] = at<char>(t.c.in[wg]) + skip;
  p.dual = at<char>(t.c.in[wp]) + skip, p.dual_act = OF3_ACT_SIGMOID;
  p.y = out.p, p.y_bf16 = t.bf16;
  p.row = t.c.attr.outgoing ? Axis{1, ld, static_cast<int32_t>(n)} : Axis{ld, 1, static_cast<int32_t>(n)};
  p.column.inner = n * ld;
  p.tokens = t.mask, p.n_tokens = n;
  product(r, p);
  return out;
}

static void multiply_entry(Run &r, Multiply t) {
  const of3_call &c = t.c;
  const int64_t n = t.n, width = last(c.out), hidden = c.in[TRI_MUL_WAP]->shape[0];
  const int64_t passes = std::max<int64_t>(1, c.attr.passes), each = (hidden + passes - 1) / passes;
  Rows from;
  from.x = t.z, from.n = n * n, from.width = width, from.norm = true, from.bf16 = t.bf16;
  from.scale = f32(c.in[TRI_MUL_IN_SCALE]), from.offset = f32(c.in[TRI_MUL_IN_OFFSET]);
  const Matrix x = operand(r, from);
  float *sums = r.take<float>(hidden * n * n);
  const size_t mark = r.at;
  for (t.first = 0; t.first < hidden; t.first += each) {
    r.at = mark;
    t.h = std::min(each, hidden - t.first);
    const Matrix a = gated(r, t, x, TRI_MUL_WAG, TRI_MUL_WAP), b = gated(r, t, x, TRI_MUL_WBG, TRI_MUL_WBP);
    Product p;
    p.m = p.n = p.k = n;
    p.products = static_cast<int32_t>(t.h);
    p.bf16 = t.bf16;
    p.a = a;
    p.b[0] = b.p, p.b_ld = b.ld, p.b_batch = b.batch;
    p.y = sums + t.first * n * n, p.y_batch = n * n;
    p.row.inner = n;
    product(r, p);
  }
  r.at = mark;
  const Matrix mean = operand_of_columns(r, sums, hidden, n * n, f32(c.in[TRI_MUL_OUT_SCALE]),
                                         f32(c.in[TRI_MUL_OUT_OFFSET]), t.bf16);
  void *gate = r.take_bytes(static_cast<size_t>(n * n * width * bytes_of(t.bf16)));
  Product p = product_of(x, n * n, c.in[TRI_MUL_WG]);
  p.act[0] = OF3_ACT_SIGMOID;
  p.y = gate, p.y_bf16 = t.bf16;
  product(r, p);
  p = product_of(mean, n * n, c.in[TRI_MUL_WZ]);
  p.y = t.z, p.accumulate = true;
  p.gate = gate, p.gate_bf16 = t.bf16;
  product(r, p);
}

void ops::triangle_mul(Run &r, const of3_call &c) {
  const int64_t n = of3_dim(c.out, 1), each = n * n * last(c.out);
  for (int64_t b = 0; each && b < count(c.out) / each; b++) {
    r.at = 0;
    multiply_entry(r, {c, f32(c.out) + b * each, entry_of(c.in[TRI_MUL_MASK], n, b), n, 0, 0,
                       is_bf16(c.in[TRI_MUL_WAP])});
    if (!r.launches) break;
  }
}

/* ---- attention */

/* Numbers of q, k, v, gate and result of a group of lines. */
static constexpr int64_t group_numbers = int64_t{1} << 27;

/* bias [heads, key, query] of all pairs. */
static float *bias_of(Run &r, const of3_call &c, const float *z, int64_t n) {
  const Tensor *w = c.in[TRI_ATT_WZ];
  float *bias = r.take<float>(w->shape[0] * n * n);
  const bool swapped = c.attr.ending && !c.attr.bias_from_z;
  const int64_t lines = std::max<int64_t>(1, group_numbers / 8 / std::max<int64_t>(1, n * last(c.out)));
  const size_t mark = r.at;
  for (int64_t i = 0; i < n; i += lines, r.at = mark) {
    Rows from;
    from.x = z, from.first = i * n, from.n = std::min(lines, n - i) * n, from.width = last(c.out),
    from.norm = true;
    from.scale = f32(c.in[TRI_ATT_SCALE]), from.offset = f32(c.in[TRI_ATT_OFFSET]), from.bf16 = is_bf16(w);
    Product p = product_of(operand(r, from), from.n, w);
    p.y = bias + (swapped ? i * n : i);
    p.row = swapped ? Axis{1, n, static_cast<int32_t>(n)} : Axis{n, 1, static_cast<int32_t>(n)};
    p.column.inner = n * n;
    product(r, p);
    if (!r.launches) break;
  }
  r.at = mark;
  return bias;
}

/* Lines first .. first + lines - 1 attend within themselves. */
static void attend_lines(Run &r, const of3_call &c, float *z, const float *bias, const float *mask,
                         int64_t first, int64_t lines) {
  const Tensor *wq = c.in[TRI_ATT_WQ], *wo = c.in[TRI_ATT_WO];
  const int64_t n = of3_dim(c.out, 1), width = last(c.out), hidden = wq->shape[0], m = lines * n;
  const bool bf16 = is_bf16(wq);
  Rows from;
  from.x = z, from.first = first * n, from.n = m, from.width = width, from.norm = true, from.bf16 = bf16;
  from.scale = f32(c.in[TRI_ATT_SCALE]), from.offset = f32(c.in[TRI_ATT_OFFSET]);
  from.tokens = c.attr.ending ? n : 0;
  Product p = product_of(operand(r, from), m, wq);
  const int64_t share = (m * hidden + 127) / 128 * 128, size = bytes_of(bf16);
  char *all = static_cast<char *>(r.take_bytes(static_cast<size_t>(5 * share * size)));
  p.products = 4;
  p.b[1] = at<void>(c.in[TRI_ATT_WK]), p.b[2] = at<void>(c.in[TRI_ATT_WV]),
  p.b[3] = at<void>(c.in[TRI_ATT_WG]);
  p.y = all, p.y_bf16 = bf16, p.y_batch = share;
  product(r, p);
  Attention a;
  a.q = all, a.k = all + share * size, a.v = all + 2 * share * size, a.g = all + 3 * share * size;
  a.out = all + 4 * share * size, a.bf16 = bf16;
  a.entries = lines, a.nq = a.nk = n, a.heads = c.attr.heads, a.d = static_cast<int>(hidden / c.attr.heads);
  a.bias = bias;
  a.tokens = mask, a.first = first;
  attend(r, a);
  from = {};
  from.x = a.out, from.x_bf16 = bf16, from.n = m, from.width = hidden, from.bf16 = is_bf16(wo);
  p = product_of(operand(r, from), m, wo);
  p.y = z + (c.attr.ending ? first * width : first * n * width), p.accumulate = true;
  p.row = c.attr.ending ? Axis{n * width, width, static_cast<int32_t>(n)} : Axis{width, 0, 0};
  product(r, p);
}

void ops::triangle_attention(Run &r, const of3_call &c) {
  const int64_t n = of3_dim(c.out, 1), each = n * n * last(c.out), hidden = c.in[TRI_ATT_WQ]->shape[0];
  const int64_t lines = n ? std::clamp<int64_t>(group_numbers / (n * (5 * hidden + last(c.out))), 1,
                                                std::min<int64_t>(n, 32768))
                          : 1;
  for (int64_t b = 0; each && b < count(c.out) / each; b++) {
    r.at = 0;
    float *z = f32(c.out) + b * each;
    const float *bias = bias_of(r, c, z, n);
    const size_t mark = r.at;
    for (int64_t i = 0; i < n; i += lines, r.at = mark) {
      attend_lines(r, c, z, bias, entry_of(c.in[TRI_ATT_MASK], n, b), i, std::min(lines, n - i));
      if (!r.launches) break;
    }
    if (!r.launches) break;
  }
}

} // namespace of3
