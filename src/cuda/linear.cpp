/* Linear layers with what goes with them, transitions, projections of attention, its bias, adaptive norms:
 * rows become operands (norms there), a product follows, and what is done to its numbers is done before they
 * are written.
 *
 * Where rows are many the work goes in groups, so that operands and the wide middle of a transition are
 * written and read again while they are in the L2 cache: its hidden channels never exist for more than a
 * group of rows. */
#include "cuda/products.hpp"

namespace of3 {

/* Bytes of scratch of a group: about half of the L2 cache of an H200, a fraction of an A100's. */
static constexpr int64_t group_bytes = int64_t{24} << 20;

/* Calls f(first, n) for groups of rows of `bytes` each; scratch is used again. */
template <typename F> static void in_groups(Run &r, int64_t n, int64_t bytes, F &&f) {
  const int64_t each = std::max<int64_t>(1024, group_bytes / std::max<int64_t>(1, bytes) / 128 * 128);
  const size_t mark = r.at;
  for (int64_t first = 0; first < n; first += each) {
    f(first, std::min(each, n - first));
    r.at = mark;
    if (!r.launches) break; /* the first group is the largest */
  }
}

void ops::linear(Run &r, const of3_call &c) {
  const Tensor *x = c.in[LINEAR_X], *w = c.in[LINEAR_W], *gate = c.in[LINEAR_GATE], *mask = c.in[LINEAR_MASK];
  Rows from;
  from.x = at<void>(x), from.x_bf16 = is_bf16(x), from.width = last(x), from.bf16 = is_bf16(w);
  from.norm = c.attr.norm != 0, from.scale = f32(c.in[LINEAR_SCALE]), from.offset = f32(c.in[LINEAR_OFFSET]);
  in_groups(r, rows(x), padded(from.width) * bytes_of(from.bf16), [&](int64_t first, int64_t n) {
    from.first = first, from.n = n;
    Product p = product_of(operand(r, from), n, w);
    p.y = f32(c.out) + first * p.n;
    p.first = first;
    p.accumulate = c.attr.accumulate != 0;
    p.bias[0] = f32(c.in[LINEAR_B]);
    p.act[0] = c.attr.act;
    p.gate = f32(gate), p.gate_rows = gate ? rows(gate) : 0;
    p.mask = f32(mask), p.mask_rows = mask ? count(mask) : 1;
    product(r, p);
  });
}

void ops::project(Run &r, const of3_call &c) {
  const Tensor *x = c.in[PROJECT_X], *gate = c.in[PROJECT_GATE], *w = c.in[PROJECT_W];
  Rows from;
  from.x = at<void>(x), from.x_bf16 = is_bf16(x), from.width = last(x), from.bf16 = is_bf16(w),
  from.norm = true;
  from.scale = f32(c.in[PROJECT_SCALE]), from.offset = f32(c.in[PROJECT_OFFSET]);
  from.gate = f32(gate), from.shift = f32(c.in[PROJECT_SHIFT]), from.gate_rows = gate ? rows(gate) : 1;
  in_groups(r, rows(x), padded(from.width) * bytes_of(from.bf16), [&](int64_t first, int64_t n) {
    from.first = first, from.n = n;
    Product p = product_of(operand(r, from), n, w);
    p.products = static_cast<int32_t>(c.out->shape[0]);
    p.y_bf16 = is_bf16(c.out);
    p.y = at<char>(c.out) + first * p.n * bytes_of(p.y_bf16);
    p.y_batch = rows(x) * p.n;
    for (int i = 0; i < p.products; i++)
      p.b[i] = at<void>(c.in[PROJECT_W + i]), p.bias[i] = f32(c.in[PROJECT_B + i]);
    product(r, p);
  });
}

/* Gate and shift of one modulation from n rows of s; then, of s itself, the gate of what comes out. */
static float *modulate_one(Run &r, const Tensor *s, const Tensor *const *in, int64_t first, int64_t n,
                           float *y) {
  Rows from;
  from.x = at<void>(s), from.width = last(s), from.bf16 = is_bf16(in[MODULATE_WG]);
  from.n = n, from.first = first, from.norm = true, from.scale = f32(in[MODULATE_SCALE]);
  Product p = product_of(operand(r, from), n, in[MODULATE_WG]);
  const int64_t share = rows(s) * p.n;
  p.products = 2;
  p.b[1] = at<void>(in[MODULATE_WS]);
  p.bias[0] = f32(in[MODULATE_BG]);
  p.act[0] = OF3_ACT_SIGMOID;
  p.y = y + first * p.n, p.y_batch = share;
  product(r, p);
  y += 2 * share;
  if (!in[MODULATE_WO]) return y;
  from.norm = false, from.scale = nullptr;
  p = product_of(operand(r, from), n, in[MODULATE_WO]);
  p.bias[0] = f32(in[MODULATE_BO]);
  p.act[0] = OF3_ACT_SIGMOID;
  p.y = y + first * p.n;
  product(r, p);
  return y + share;
}

void ops::modulate(Run &r, const of3_call &c) {
  const Tensor *s = c.in[MODULATE_S];
  float *y = f32(c.out);
  for (int i = 0; i < MODULATE_MOST && c.in[i * MODULATE_STRIDE + MODULATE_WG]; i++) {
    float *next = y;
    in_groups(r, rows(s), 2 * padded(last(s)) * 4, [&](int64_t first, int64_t n) {
      next = modulate_one(r, s, c.in + i * MODULATE_STRIDE, first, n, y);
    });
    y = next;
  }
}

/* Row (q,k) of z goes to column q of line k. */
void ops::pair_bias(Run &r, const of3_call &c) {
  const Tensor *z = c.in[PAIR_BIAS_Z], *w = c.in[PAIR_BIAS_W], *mask = c.in[PAIR_BIAS_MASK];
  const int64_t nk = of3_dim(z, 1), nq = of3_dim(z, 2), pairs = nq * nk, heads = w->shape[0];
  Rows from;
  from.x = at<void>(z), from.width = last(z), from.bf16 = is_bf16(w), from.norm = c.attr.norm != 0;
  from.scale = f32(c.in[PAIR_BIAS_SCALE]), from.offset = f32(c.in[PAIR_BIAS_OFFSET]);
  /* Groups are rows q of all entries; each is cut where an entry ends. */
  in_groups(r, rows(z), padded(from.width) * bytes_of(from.bf16), [&](int64_t first, int64_t n) {
    from.first = first, from.n = n;
    const Matrix a = operand(r, from);
    for (int64_t done = 0; pairs && done < n;) {
      const int64_t entry = (first + done) / pairs, in = (first + done) % pairs, q = in / nk, k = in % nk;
      const bool whole = k == 0 && n - done >= nk; /* lines of keys, else what is left of one */
      const int64_t lines = whole ? std::min((n - done) / nk, nq - q) : 1;
      Product p = product_of(a, whole ? lines * nk : std::min(nk - k, n - done), w);
      p.a.p = static_cast<char *>(a.p) + done * a.ld * bytes_of(p.bf16);
      p.y = f32(c.out) + entry * heads * pairs + k * nq + q;
      p.row = {nq, 1, static_cast<int32_t>(nk)};
      p.column.inner = pairs;
      p.first = first + done;
      p.keys = f32(mask), p.key_rows = mask ? count(mask) : 1;
      product(r, p);
      done += p.m;
      if (!r.launches) break;
    }
  });
}

/* ---- transitions */

/* x += [mask] [gate] W_o (silu(W_a x') * W_b x'). */
struct SwiGlu {
  Rows from;
  const Tensor *x, *wa, *wb, *wo, *mask, *gate;
  bool pairs;
};

static void swiglu(Run &r, SwiGlu &s) {
  const int64_t hidden = s.wa->shape[0], width = s.from.width, size = bytes_of(is_bf16(s.wa));
  s.from.x = at<void>(s.x), s.from.bf16 = is_bf16(s.wa), s.from.norm = true;
  in_groups(r, rows(s.x), (padded(width) + padded(hidden)) * size, [&](int64_t first, int64_t n) {
    s.from.first = first, s.from.n = n;
    Product p = product_of(operand(r, s.from), n, s.wa);
    p.dual = at<void>(s.wb), p.dual_act = OF3_ACT_SILU;
    const Matrix wide{r.take_bytes(static_cast<size_t>(n * padded(hidden) * size)), padded(hidden), 0};
    p.y = wide.p, p.y_bf16 = p.bf16;
    p.row.inner = wide.ld;
    product(r, p);
    p = product_of(wide, n, s.wo);
    p.y = f32(s.x) + first * width, p.accumulate = true, p.first = first;
    p.gate = f32(s.gate), p.gate_rows = s.gate ? rows(s.gate) : 0;
    if (s.pairs && s.mask)
      p.tokens = f32(s.mask), p.n_tokens = of3_dim(s.x, 1), p.token_entries = count(s.mask) / p.n_tokens;
    else
      p.mask = f32(s.mask), p.mask_rows = s.mask ? count(s.mask) : 1;
    product(r, p);
  });
}

void ops::transition(Run &r, const of3_call &c) {
  SwiGlu s{{},
           c.out,
           c.in[TRANS_WA],
           c.in[TRANS_WB],
           c.in[TRANS_WO],
           c.in[TRANS_MASK],
           nullptr,
           c.attr.pairs != 0};
  s.from.width = last(c.out), s.from.scale = f32(c.in[TRANS_SCALE]), s.from.offset = f32(c.in[TRANS_OFFSET]);
  if (count(c.out)) swiglu(r, s);
}

void ops::gated_transition(Run &r, const of3_call &c) {
  const Tensor *gate = c.in[GTRANS_GATE];
  SwiGlu s{{},
           c.out,
           c.in[GTRANS_WA],
           c.in[GTRANS_WB],
           c.in[GTRANS_WO],
           c.in[GTRANS_MASK],
           c.in[GTRANS_OUT_GATE],
           false};
  s.from.width = last(c.out), s.from.gate = f32(gate), s.from.shift = f32(c.in[GTRANS_SHIFT]),
  s.from.gate_rows = rows(gate);
  if (count(c.out)) swiglu(r, s);
}

} // namespace of3
