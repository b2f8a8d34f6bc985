/* Operations on rows: products, norms, sums. */
#include "state.hpp"

namespace of3 {

/* ---- LINEAR */

static void run_linear(State &s, const of3_call &c) {
  const Tensor *x = c.in[LINEAR_X], *w = c.in[LINEAR_W], *b = c.in[LINEAR_B], *gate = c.in[LINEAR_GATE],
               *mask = c.in[LINEAR_MASK];
  int64_t n = w->shape[0], rows = of3_rows(x), m = rows;
  if (rows == 0) return;
  if (gate) m = std::min(m, of3_rows(gate));
  if (mask) m = std::min(m, of3_count(mask));
  array xr = get_rows(x);
  if (c.attr.norm) xr = norm(xr, c.in[LINEAR_SCALE], c.in[LINEAR_OFFSET]);
  if (c.attr.accumulate && !b && !gate && !mask && c.attr.act == OF3_ACT_NONE) {
    set(s, c.out, product_onto(s, get_rows(c.out), xr, w));
    return;
  }
  array y = shaped(activate(product(s, xr, w, b), c.attr.act), {rows / m, m, n});
  if (mask) y = y * repeating(get_like(y, mask, {of3_count(mask), 1}), rows / m, m);
  const mx::Shape whole = y.shape();
  if (gate && c.attr.accumulate)
    y = mul_add(s, y, repeating(get_rows(gate), rows / m, m), mx::reshape(get(c.out), whole));
  else if (gate)
    y = y * repeating(get_rows(gate), rows / m, m);
  else if (c.attr.accumulate)
    y = mx::reshape(get(c.out), whole) + y;
  set(s, c.out, y);
}

static int64_t linear_bytes(const State &s, const of3_call &c) {
  const int64_t x = of3_count(c.in[LINEAR_X]), out = of3_rows(c.in[LINEAR_X]) * c.in[LINEAR_W]->shape[0];
  const int64_t cast =
      s.compute == mx::float32 ? 0 : size_of(s) * (x + out); /* x and y in the compute type */
  return (c.attr.norm ? 4 * x : 0) + 8 * out + cast;
}

const Kernel ops::linear{run_linear, linear_bytes};

/* ---- NORM */

static void run_norm(State &s, const of3_call &c) {
  set(s, c.out, norm(get_rows(c.in[NORM_X]), c.in[NORM_SCALE], c.in[NORM_OFFSET]));
}
const Kernel ops::norm{run_norm, nullptr};

static array modulated(const State &s, const array &a, const array &gate, const array &shift) {
  return mul_add(s, gate, norm(a, nullptr, nullptr), shift);
}

/* ---- PROJECT */

static array project_input(const State &s, const of3_call &c) {
  const Tensor *x = c.in[PROJECT_X], *gate = c.in[PROJECT_GATE];
  if (!gate) return norm(get_rows(x), c.in[PROJECT_SCALE], c.in[PROJECT_OFFSET]);
  const int64_t m = of3_rows(gate), k = last(x);
  return shaped(modulated(s, get(x, {of3_rows(x) / m, m, k}), get(gate, {1, m, k}),
                          get(c.in[PROJECT_SHIFT], {1, m, k})),
                {of3_rows(x), k});
}

static void run_project(State &s, const of3_call &c) {
  if (of3_count(c.in[PROJECT_X]) == 0) return;
  array x = in_compute(s, project_input(s, c));
  std::vector<array> y;
  for (int i = 0; i < c.out->shape[0]; i++)
    y.push_back(product(s, x, c.in[PROJECT_W + i], c.in[PROJECT_B + i]));
  set_parts(s, c.out, y);
}

/* x normalised and in the type of products; the outputs before they are stacked. */
static int64_t project_bytes(const State &, const of3_call &c) {
  return 8 * of3_count(c.in[PROJECT_X]) + 4 * of3_count(c.out);
}
const Kernel ops::project{run_project, project_bytes};

/* ---- MODULATE */

static array gate_of(const State &s, const array &x, const Tensor *w, const Tensor *opt_bias) {
  return mx::sigmoid(product(s, x, w, opt_bias));
}

static void run_modulate(State &s, const of3_call &c) {
  if (of3_count(c.in[MODULATE_S]) == 0) return;
  array x = get_rows(c.in[MODULATE_S]), wide = f32(x);
  std::vector<array> y;
  for (int i = 0; i < MODULATE_MOST && c.in[i * MODULATE_STRIDE + MODULATE_WG]; i++) {
    const Tensor *const *in = c.in + i * MODULATE_STRIDE;
    array normed = in_compute(s, norm(wide, in[MODULATE_SCALE], nullptr));
    y.push_back(gate_of(s, normed, in[MODULATE_WG], in[MODULATE_BG]));
    y.push_back(product(s, normed, in[MODULATE_WS]));
    if (in[MODULATE_WO]) y.push_back(gate_of(s, x, in[MODULATE_WO], in[MODULATE_BO]));
  }
  set_parts(s, c.out, y);
}

/* s normalised for each modulation and in the type of products; the outputs, and gates before their sigmoid.
 */
static int64_t modulate_bytes(const State &, const of3_call &c) {
  return 12 * MODULATE_MOST * of3_count(c.in[MODULATE_S]) + 8 * of3_count(c.out);
}
const Kernel ops::modulate{run_modulate, modulate_bytes};

/* ---- sums, masks, copies */

static void run_act(State &s, const of3_call &c) { set(s, c.out, activate(get(c.out), c.attr.act)); }
const Kernel ops::act{run_act, nullptr};

/* y as [times, count of x]. */
static void run_add(State &s, const of3_call &c) {
  int64_t n = of3_count(c.in[ADD_X]);
  if (of3_count(c.out) == 0) return;
  int64_t m = of3_rows(c.in[ADD_X]), w = last(c.out);
  set(s, c.out, get(c.out, {of3_count(c.out) / n, m, w}) + get(c.in[ADD_X], {1, m, w}));
}
const Kernel ops::add{run_add, nullptr};

/* Coordinates: f32 throughout. */
static void run_combine(State &s, const of3_call &c) {
  const Tensor *x = c.in[COMBINE_X], *a = c.in[COMBINE_A], *b = c.in[COMBINE_B], *mask = c.in[COMBINE_MASK];
  if (of3_count(x) == 0) return;
  int64_t w = last(x), m = of3_dim(x, 1), samples = of3_rows(x) / m;
  auto factor = [&](const Tensor *f) {
    array g = get(f, {of3_count(f), 1, 1});
    return of3_count(f) == 1 || of3_count(f) == samples ? g : repeated(g, samples / of3_count(f));
  };
  array y = factor(a) * f32(get(x, {samples, m, w}));
  if (b) y = y + factor(b) * f32(get(c.in[COMBINE_Y], {samples, m, w}));
  if (mask) {
    int64_t each = of3_count(mask);
    y = shaped(y, {samples * m / each, each, w}) * get(mask, {1, each, 1});
  }
  set(s, c.out, y, true);
}
const Kernel ops::combine{run_combine, nullptr};

static void run_mask_rows(State &s, const of3_call &c) {
  const Tensor *mask = c.in[MASK_ROWS_MASK];
  if (of3_count(c.out) == 0 || !mask) return;
  int64_t m = of3_count(mask), w = last(c.out);
  array x = get(c.out, {of3_rows(c.out) / m, m, w});
  set(s, c.out, x * get_like(x, mask, {1, m, 1}));
}
const Kernel ops::mask_rows{run_mask_rows, nullptr};

/* y and x as [times, entries of keep, R, S, c]. */
static void run_dropout(State &s, const of3_call &c) {
  const Tensor *keep = c.in[DROPOUT_KEEP];
  const int64_t w = last(c.out), columns = of3_dim(c.out, 1), rows = of3_dim(c.out, 2),
                all = of3_count(c.out);
  if (all == 0) return;
  const int64_t own = c.attr.columns ? rows : columns, entries = of3_count(keep) / (own * w),
                times = all / (entries * rows * columns * w);
  array y = get(c.out, {times, entries, rows, columns, w}),
        x = get(c.in[DROPOUT_X], {times, entries, rows, columns, w});
  array part = get_like(y, keep, {1, entries, c.attr.columns ? rows : 1, c.attr.columns ? 1 : columns, w});
  set(s, c.out, x + part * (y - x));
}
const Kernel ops::dropout{run_dropout, nullptr};

/* As it is if it fits: the slots then share one array. */
static void run_copy(State &s, const of3_call &c) {
  int64_t n = of3_count(c.in[COPY_X]), all = of3_count(c.out);
  if (all == 0) return;
  array x = get(c.in[COPY_X]);
  if (n < all && n == 1)
    x = mx::broadcast_to(x, shape_of(c.out));
  else if (n < all)
    x = mx::broadcast_to(shaped(x, {1, of3_rows(c.in[COPY_X]), last(c.in[COPY_X])}),
                         dims({all / n, of3_rows(c.in[COPY_X]), last(c.in[COPY_X])}));
  set(s, c.out, x);
}
const Kernel ops::copy{run_copy, nullptr};

static void run_concat(State &s, const of3_call &c) {
  const Tensor *a = c.in[CONCAT_A], *b = c.in[CONCAT_B];
  int64_t m = of3_rows(b), batches = m ? of3_rows(a) / m : 0;
  if (batches == 0) return;
  array right = mx::broadcast_to(get(b, {1, m, last(b)}), dims({batches, m, last(b)}));
  set(s, c.out, mx::concatenate({get(a, {batches, m, last(a)}), right}, -1));
}
const Kernel ops::concat{run_concat, nullptr};

static void run_outer_sum(State &s, const of3_call &c) {
  const Tensor *a = c.in[OUTER_SUM_A], *b = c.in[OUTER_SUM_B];
  set(s, c.out, get(a, {of3_rows(a), 1, last(a)}) + get(b, {1, of3_rows(b), last(b)}));
}
const Kernel ops::outer_sum{run_outer_sum, nullptr, Batch::one};

static void run_symmetrize(State &s, const of3_call &c) {
  array x = get(c.in[SYMMETRIZE_X]);
  set(s, c.out, x + mx::swapaxes(x, -2, -3));
}
const Kernel ops::symmetrize{run_symmetrize, nullptr};

/* ---- TRANSITION, GATED_TRANSITION */

/* x [B,m,w] as [B m, w]. */
static array flat(const array &x) {
  return shaped(x, {static_cast<int64_t>(x.shape(0)) * x.shape(1), x.shape(2)});
}

static array swiglu(const State &s, const array &x, const Tensor *wa, const Tensor *wb) {
  array rows = in_compute(s, flat(x));
  return silu_mul(s, product(s, rows, wa), product(s, rows, wb));
}

/* Bytes for one row of [.., w] that becomes two of `hidden` channels. */
static int64_t transition_row(const State &s, int64_t hidden, int64_t w) {
  return 5 * size_of(s) * hidden + (16 + size_of(s)) * w;
}

static int64_t transition_group(const Tensor *wa) { return rows_in_group(2 * (wa->shape[0] + wa->shape[1])); }

static int64_t transition_bytes(const State &s, const of3_call &c) {
  const Tensor *wa = c.in[TRANS_WA];
  const int64_t rows = std::min(of3_rows(c.out), transition_group(wa));
  const int64_t masks = c.attr.pairs && c.in[TRANS_MASK] ? (4 + size_of(s)) * of3_rows(c.out) : 0;
  return masks + size_of(s) * of3_count(c.out) + rows * transition_row(s, wa->shape[0], wa->shape[1]);
}

/* Rows at once: more than were planned where the fold leaves room, for a group ends with waiting. */
static int64_t transition_rows(const State &s, const of3_call &c) {
  const Tensor *wa = c.in[TRANS_WA];
  const int64_t left = s.room - size_of(s) * of3_count(c.out);
  return std::max(transition_group(wa), left / transition_row(s, wa->shape[0], wa->shape[1]));
}

static void run_transition(State &s, const of3_call &c) {
  const Tensor *mask = c.in[TRANS_MASK], *wa = c.in[TRANS_WA];
  const int64_t rows = of3_rows(c.out), tokens = of3_dim(c.out, 1);
  if (rows == 0) return;
  const int64_t m = !mask ? rows : c.attr.pairs ? of3_count(mask) * tokens : of3_count(mask);
  update(s, c.out, m, transition_rows(s, c), [&](const array &x, const Group &g) {
    array hidden = swiglu(s, norm(x, c.in[TRANS_SCALE], c.in[TRANS_OFFSET]), wa, c.in[TRANS_WB]);
    if (!mask) return mx::reshape(product_onto(s, flat(x), hidden, c.in[TRANS_WO]), x.shape());
    array y = mx::reshape(product(s, hidden, c.in[TRANS_WO]), x.shape());
    if (!c.attr.pairs) return x + y * g(get_like(y, mask, {1, m, 1}));
    return x + y * g(shaped(in_compute(s, pair_mask(mask)), {1, m, 1}));
  });
}

const Kernel ops::transition{run_transition, transition_bytes};

static void run_gated_transition(State &s, const of3_call &c) {
  const Tensor *wa = c.in[GTRANS_WA], *mask = c.in[GTRANS_MASK];
  int64_t rows = of3_rows(c.out), m = std::min(rows, of3_rows(c.in[GTRANS_GATE]));
  if (rows == 0) return;
  if (mask) m = std::min(m, of3_count(mask));
  auto argument = [&](int at) { return repeating(get_rows(c.in[at]), rows / m, m); };
  array gate = argument(GTRANS_GATE), shift = argument(GTRANS_SHIFT), out_gate = argument(GTRANS_OUT_GATE);
  update(s, c.out, m, transition_rows(s, c), [&](const array &a, const Group &g) {
    array hidden = swiglu(s, modulated(s, a, g(gate), g(shift)), wa, c.in[GTRANS_WB]);
    array y = mx::reshape(product(s, hidden, c.in[GTRANS_WO]), a.shape());
    if (mask) y = y * g(repeating(get_like(y, mask, {of3_count(mask), 1}), rows / m, m));
    return mul_add(s, y, g(out_gate), a);
  });
}
const Kernel ops::gated_transition{run_gated_transition, transition_bytes};

} // namespace of3
