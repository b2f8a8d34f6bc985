/* Gathers, one-hot classes, bins, coordinates. Scatters are avoided: on GPUs they add in any order. */
#include "state.hpp"

#include <limits>
#include <numbers>

namespace of3 {

static array integers(int64_t n) { return mx::arange(0, static_cast<int>(n), mx::int32); }

/* The index is one column at a time, so that no [rows, n, c] array exists. */
static void run_embed_add(State &s, const of3_call &c) {
  const Tensor *index = c.in[EMBED_INDEX], *weight = c.in[EMBED_WEIGHT];
  int64_t rows = of3_rows(c.out), w = last(c.out), m = of3_rows(index), n = last(index);
  if (rows == 0) return;
  array at = get_rows(index), table = f32(get(c.in[EMBED_TABLE]));
  std::optional<array> sum;
  for (int64_t k = 0; k < n; k++) {
    array column = cut(at, 1, k, 1);
    array found = mx::where(column >= 0, mx::take(table, mx::maximum(mx::squeeze(column, 1), array(0)), 0),
                            array(0.0f));
    sum = sum ? *sum + found : found;
  }
  array y = get(c.out, {rows / m, m, w}), x = sum ? shaped(*sum, {1, m, w}) : array(0.0f);
  set(s, c.out, weight ? y + x * get(weight, {rows / m, m, 1}) : y + x);
}
const Kernel ops::embed_add{run_embed_add, nullptr};

static void run_one_hot(State &s, const of3_call &c) {
  const Tensor *index = c.in[ONE_HOT_INDEX];
  int64_t n = last(index), classes = c.attr.classes;
  array at = get_rows(index), sum = mx::zeros(dims({of3_rows(index), classes}), mx::float32);
  for (int64_t k = 0; k < n; k++)
    sum = sum + mx::astype(mx::equal(cut(at, 1, k, 1), integers(classes)), mx::float32);
  set(s, c.out, sum);
}
const Kernel ops::one_hot{run_one_hot, nullptr};

static void run_gather(State &s, const of3_call &c) {
  const Tensor *x = c.in[GATHER_X], *mask = c.in[GATHER_MASK];
  int64_t w = last(x), n = of3_dim(x, 1), atoms = of3_count(c.in[GATHER_INDEX]), batches = of3_rows(x) / n;
  if (of3_count(c.out) == 0) return;
  array y = mx::take(get(x, {batches, n, w}), get(c.in[GATHER_INDEX], {atoms}), 1);
  if (mask) y = y * get_like(y, mask, {1, atoms, 1});
  if (c.attr.accumulate)
    y = get(c.out, {of3_rows(c.out) / (batches * atoms), batches, atoms, w}) +
        shaped(y, {1, batches, atoms, w});
  set(s, c.out, y);
}
const Kernel ops::gather{run_gather, nullptr};

/* Atom k of every token together, k up to the largest number of atoms, which was seen when the counts were
 * uploaded. One batch entry at a time if all would be too large. */
static void run_segment_mean(State &s, const of3_call &c) {
  const Tensor *x = c.in[SEGMENT_X], *count = c.in[SEGMENT_COUNT];
  int64_t w = last(x), atoms = of3_dim(x, 1), n = of3_count(c.in[SEGMENT_START]), most = 1;
  int64_t batches = n ? of3_rows(c.out) / n : 0;
  if (batches == 0) return;
  for (int32_t of_token : slot_of(count)->known) most = std::max<int64_t>(most, of_token);
  array k = shaped(integers(most), {1, most});
  array at = get(c.in[SEGMENT_START], {n, 1}) + k;
  array real = mx::astype(k < get(count, {n, 1}), mx::float32);
  at = mx::minimum(at, array(static_cast<int32_t>(std::max<int64_t>(atoms - 1, 0))));
  array weight = real;
  if (!atoms)
    weight = real * 0.0f;
  else if (c.in[SEGMENT_MASK])
    weight = real * mx::take(get(c.in[SEGMENT_MASK], {atoms}), at, 0);
  array total = shaped(mx::sum(weight, 1) + 1e-9f, {n, 1});
  std::vector<array> parts;
  int64_t nb = std::max<int64_t>(1, group_floats / (n * most * w));
  for (int64_t b = 0; b < batches && atoms; b += nb) {
    int64_t size = std::min(nb, batches - b);
    array rows = mx::take(f32(cut(get(x, {batches, atoms, w}), 0, b, size)), at, 1); /* [size,n,most,w] */
    parts.push_back(mx::sum(rows * shaped(weight, {1, n, most, 1}), 2) / total);
    if (nb < batches) settle(s, parts.back());
  }
  set(s, c.out, parts.empty() ? mx::zeros(shape_of(c.out)) : mx::concatenate(parts, 0));
}

static int64_t segment_bytes(const State &, const of3_call &c) {
  constexpr int64_t most_atoms = 24; /* of one token, as far as the planner knows */
  return 4 * (of3_count(c.out) + 2 * std::min(group_floats, of3_count(c.out) * most_atoms));
}
const Kernel ops::segment_mean{run_segment_mean, segment_bytes};

/* Scores: f32. */
static void run_expect(State &s, const of3_call &c) {
  const Tensor *x = c.in[EXPECT_X], *set_of_row = c.in[EXPECT_SET];
  int64_t bins = last(x), rows = of3_rows(x);
  if (rows == 0) return;
  array p = mx::softmax(f32(get_rows(x)), -1, true), table = f32(get(c.in[EXPECT_TABLE]));
  if (set_of_row) {
    int64_t m = of3_count(set_of_row);
    array values = mx::take(table, get(set_of_row, {m}), 0);
    set(s, c.out, mx::sum(shaped(p, {rows / m, m, bins}) * shaped(values, {1, m, bins}), -1), true);
  } else
    set(s, c.out, mx::sum(p * cut(table, 0, 0, 1), -1), true);
}
static int64_t expect_bytes(const State &, const of3_call &c) { return 12 * of3_count(c.in[EXPECT_X]); }
const Kernel ops::expect{run_expect, expect_bytes};

/* cos(2 pi v) of v - round(v), which is exact: large arguments cost no digits. */
static void run_fourier(State &s, const of3_call &c) {
  int64_t n = of3_count(c.in[FOURIER_W]), samples = of3_count(c.in[FOURIER_T]);
  array u = 0.25f * mx::log(f32(get(c.in[FOURIER_T], {samples, 1})) / 16.0f);
  array v = u * f32(get(c.in[FOURIER_W], {1, n})) + f32(get(c.in[FOURIER_B], {1, n}));
  set(s, c.out, mx::cos(2 * std::numbers::pi_v<float> * (v - mx::round(v))), true);
}
const Kernel ops::fourier{run_fourier, nullptr};

/* Three terms by hand: a matrix unit might round them to tf32. */
static void run_augment(State &s, const of3_call &c) {
  int64_t samples = c.out->shape[0], atoms = c.out->shape[1];
  if (of3_count(c.out) == 0) return;
  array x = f32(get(c.out));
  std::optional<array> mask;
  if (c.in[AUGMENT_MASK]) mask = get(c.in[AUGMENT_MASK], {1, atoms, 1});
  array count = mask ? mx::maximum(mx::sum(*mask), array(1.0f)) : array(static_cast<float>(atoms));
  array d = x - mx::sum(mask ? x * *mask : x, 1, true) / count;
  array rotation = get(c.in[AUGMENT_ROTATION], {samples, 3, 3});
  array y = get(c.in[AUGMENT_SHIFT], {samples, 1, 3});
  for (int k = 0; k < 3; k++) y = y + cut(d, 2, k, 1) * mx::swapaxes(cut(rotation, 2, k, 1), 1, 2);
  set(s, c.out, mask ? y * *mask : y, true);
}
const Kernel ops::augment{run_augment, nullptr};

/* The bin by arithmetic, then put right by comparing with the edges themselves: a pair on an edge must fall
 * where the reference puts it. */
static void run_distance_bin(State &s, const of3_call &c) {
  constexpr int bins = 39;
  constexpr float first = 3.25f, width = 1.25f;
  int64_t n = of3_count(c.in[DISTANCE_REP]), samples = c.in[DISTANCE_X]->shape[0];
  array x = mx::take(f32(get(c.in[DISTANCE_X])), get(c.in[DISTANCE_REP], {n}), 1);
  std::optional<array> d2;
  for (int k = 0; k < 3; k++) {
    array column = cut(x, 2, k, 1), d = column - shaped(column, {samples, 1, n});
    d2 = d2 ? *d2 + d * d : d * d;
  }
  float edge2[bins + 1];
  for (int k = 0; k <= bins; k++) {
    float edge = first + width * static_cast<float>(k);
    edge2[k] = edge * edge;
  }
  edge2[bins] = 1e9f;
  array edges(edge2, {bins + 1}, mx::float32);
  array guess = mx::astype(mx::floor((mx::sqrt(*d2) - first) / width), mx::int32);
  array k = mx::clip(guess, array(0), array(bins - 1));
  k = k + mx::astype(*d2 >= mx::take(edges, k + 1, 0), mx::int32) -
      mx::astype(*d2 <= mx::take(edges, k, 0), mx::int32);
  array inside = mx::clip(k, array(0), array(bins - 1));
  array good = mx::logical_and(*d2 > mx::take(edges, inside, 0), *d2 < mx::take(edges, inside + 1, 0));
  set(s, c.out, mx::where(good, inside, array(-1)));
}
const Kernel ops::distance_bin{run_distance_bin, nullptr};

} // namespace of3
