/* Gathers, one-hot classes, bins, coordinates. Scatters are avoided: on GPUs they add in any order. */
#include "state.hpp"

#include <numbers>

extern "C" {
#include "tensor/pairs.h"
}

namespace of3 {

static array integers(int64_t n) { return mx::arange(0, static_cast<int>(n), mx::int32); }

/* The index is one column at a time, so that no [rows, n, c] array exists. */
static void run_embed_add(State &s, const of3_call &c) {
  const Tensor *index = c.in[EMBED_INDEX], *weight = c.in[EMBED_WEIGHT];
  int64_t rows = of3_rows(c.out), w = last(c.out), m = of3_rows(index), n = last(index);
  if (rows == 0) return;
  array at = get_rows(index), table = f32(get(c.in[EMBED_TABLE]));
  if (index->dtype == OF3_U8)
    at = mx::where(mx::equal(at, array(uint8_t{255})), array(-1), mx::astype(at, mx::int32));
  std::optional<array> sum;
  for (int64_t k = 0; k < n; k++) {
    array column = cut(at, 1, k, 1);
    array found = mx::where(column >= 0, mx::take(table, mx::maximum(mx::squeeze(column, 1), array(0)), 0),
                            array(0.0f));
    sum = sum ? *sum + found : found;
  }
  array y = get(c.out, {rows / m, m, w}), x = sum ? shaped(*sum, {1, m, w}) : array(0.0f);
  if (weight && of3_count(weight) < m) /* the rows of one index have several times the same weights */
    x = x * shaped(repeated(get(weight, {of3_count(weight)}), m / of3_count(weight)), {1, m, 1});
  else if (weight)
    x = x * repeating(get(weight, {of3_count(weight), 1}), rows / m, m);
  set(s, c.out, y + x);
}
const Kernel ops::embed_add{run_embed_add, nullptr};

/* ---- relative positions, AF3 SI Alg. 3 */

/* Column `what` of the places [N,OF3_N_PLACE]: [m,1] of the tokens from `first` on, and [1,N] of all. */
struct Both {
  array i, j;
};
static Both both(const array &place, int what, int64_t first, int64_t m) {
  array column = cut(place, 1, what, 1);
  return {cut(column, 0, first, m), mx::transpose(column)};
}

/* Class of an offset in a block of 2 most + 2 classes, the last one meaning "elsewhere" (AF3 SI Alg. 4). */
static array offset_class(const array &offset, const array &inside, int most) {
  return mx::where(inside, mx::clip(offset, array(-most), array(most)) + most, array(2 * most + 1));
}

/* Offset from token j to token i around their ring: of3_ring_offset. */
static array ring_offset(const Both &rank, const array &length_of_i) {
  array length = mx::maximum(length_of_i, array(1)), ahead = mx::remainder(rank.j - rank.i + length, length);
  array half = mx::floor_divide(length, array(2)) +
               mx::astype(mx::equal(mx::remainder(length, array(4)), array(3)), mx::int32);
  return mx::where(ahead <= half, -ahead, length - ahead);
}

/* The four classes [m,N] that are one, -1 for none, of pairs (i,j), i from `first` on: of3_relpos_classes. */
static std::vector<array> relpos_classes(const array &place, int64_t first, int64_t m) {
  constexpr int most = OF3_MAX_RELATIVE_INDEX, width = 2 * most + 2;
  auto of = [&](int what) { return both(place, what, first, m); };
  auto same = [&](int what) { return mx::equal(of(what).i, of(what).j); };
  array chain = same(OF3_PLACE_ASYM), entity = same(OF3_PLACE_ENTITY);
  const Both length = of(OF3_PLACE_LENGTH);
  array ring = mx::logical_and(chain, mx::logical_and(length.i > 0, length.j > 0));
  array around = ring_offset(of(OF3_PLACE_RANK), length.i);
  auto offset = [&](int what) { return mx::where(ring, around, of(what).i - of(what).j); };
  return {offset_class(offset(OF3_PLACE_RESIDUE), chain, most),
          offset_class(offset(OF3_PLACE_TOKEN), mx::logical_and(chain, same(OF3_PLACE_RESIDUE)), most) +
              width,
          mx::where(entity, array(2 * width), array(-1)),
          offset_class(offset(OF3_PLACE_SYM), entity, OF3_MAX_RELATIVE_CHAIN) + 2 * width + 1};
}

/* Places of batch entry b. */
static array places_of(const Tensor *place, int64_t b) {
  const int64_t n = of3_dim(place, 1), entries = of3_rows(place) / n;
  return shaped(cut(get(place, {entries, n, OF3_N_PLACE}), 0, b % entries, 1), {n, OF3_N_PLACE});
}

/* Rows i of z whose temporaries stay within a group. */
static int64_t relpos_rows(const of3_call &c) { return rows_in_group(2 * of3_dim(c.out, 1) * last(c.out)); }

static void run_relpos_add(State &s, const of3_call &c) {
  const int64_t n = of3_dim(c.out, 1), w = last(c.out);
  if (of3_count(c.out) == 0) return;
  array table = f32(get(c.in[RELPOS_ADD_TABLE]));
  const int64_t fit = std::min(n, relpos_rows(c));
  for (int64_t b = 0; b < of3_rows(c.out) / (n * n); b++) {
    const array place = places_of(c.in[RELPOS_ADD_PLACE], b);
    for (int64_t i = 0; i < n; i += fit) {
      Tensor part = *c.out;
      part.rank = 3;
      part.shape[0] = std::min(fit, n - i), part.shape[1] = n, part.shape[2] = w;
      part.offset += (b * n + i) * n * w;
      std::optional<array> sum;
      for (const array &at : relpos_classes(place, i, part.shape[0])) {
        array found = mx::where(shaped(at, {part.shape[0], n, 1}) >= 0,
                                mx::take(table, mx::maximum(at, array(0)), 0), array(0.0f));
        sum = sum ? *sum + found : found;
      }
      set(s, &part, get(&part) + *sum);
      if (fit < n) settle(s, *slot_of(c.out)->value);
    }
  }
}

static int64_t relpos_add_bytes(const State &s, const of3_call &c) {
  const int64_t n = of3_dim(c.out, 1), pairs = std::min(n, relpos_rows(c)) * n;
  return size_of(s) * of3_count(c.out) + pairs * ((12 + size_of(s)) * last(c.out) + 48);
}
const Kernel ops::relpos_add{run_relpos_add, relpos_add_bytes};

static void run_relpos_one_hot(State &s, const of3_call &c) {
  const Tensor *place = c.in[RELPOS_ONE_HOT_PLACE];
  const int64_t n = of3_dim(place, 1), rows = c.attr.rows;
  if (of3_count(c.out) == 0) return;
  std::vector<array> entries;
  for (int64_t b = 0; b < of3_rows(place) / n; b++) {
    std::optional<array> any; /* the four classes are in four ranges */
    for (const array &at : relpos_classes(places_of(place, b), c.attr.first, rows)) {
      array one = mx::equal(shaped(at, {rows, n, 1}), integers(OF3_RELPOS_CLASSES));
      any = any ? mx::logical_or(*any, one) : one;
    }
    entries.push_back(mx::astype(*any, s.compute));
  }
  set(s, c.out, entries.size() > 1 ? mx::stack(entries) : entries[0]);
}

static int64_t relpos_one_hot_bytes(const State &s, const of3_call &c) {
  const int64_t pairs = c.attr.rows * of3_rows(c.in[RELPOS_ONE_HOT_PLACE]);
  return pairs * ((size_of(s) + 5) * OF3_RELPOS_CLASSES + 64);
}
const Kernel ops::relpos_one_hot{run_relpos_one_hot, relpos_one_hot_bytes};

/* Each pair is listed once, so that nothing is added to one place twice. What is no bond adds 0 to place 0.
 */
static void run_bond_add(State &s, const of3_call &c) {
  const Tensor *bond = c.in[BOND_ADD_PAIR];
  const int64_t n = of3_dim(c.out, 1), w = last(c.out), bonds = of3_dim(bond, 1);
  if (of3_count(c.out) == 0 || of3_count(bond) == 0) return;
  const int64_t entries = of3_rows(bond) / bonds;
  for (int64_t b = 0; b < of3_rows(c.out) / (n * n); b++) {
    Tensor z = *c.out;
    z.rank = 2;
    z.shape[0] = n * n, z.shape[1] = w;
    z.offset += b * n * n * w;
    array ij = shaped(cut(get(bond, {entries, bonds, 2}), 0, b % entries, 1), {bonds, 2});
    array i = cut(ij, 1, 0, 1), j = cut(ij, 1, 1, 1), real = mx::logical_and(i >= 0, j >= 0);
    array length = array(static_cast<int32_t>(n));
    array at = mx::where(mx::concatenate({real, real}, 0),
                         mx::concatenate({i * length + j, j * length + i}, 0), array(0));
    array old = get(&z), add = mx::astype(get(c.in[BOND_ADD_ROW], {1, w}), old.dtype());
    array rows = mx::where(mx::concatenate({real, real}, 0), add, mx::zeros({1}, old.dtype()));
    set(s, &z, mx::scatter_add(old, shaped(at, {2 * bonds}), shaped(rows, {2 * bonds, 1, w}), 0));
  }
}
const Kernel ops::bond_add{run_bond_add, nullptr};

static void run_take_rows(State &s, const of3_call &c) {
  if (of3_count(c.out) == 0) return;
  array y = mx::take(get(c.in[TAKE_ROWS_X]), get(c.in[TAKE_ROWS_INDEX]), 0);
  set(s, c.out, y);
}
const Kernel ops::take_rows{run_take_rows, nullptr, Batch::one};

/* ---- TEMPLATE_ADD */

/* The bins of squared distances: edges 3.25 + 1.25 k, excluded; the last one ends where the square is `most`.
 * -1: none. The root says which bin it is but for rounding. */
static array bins_of(const array &d2, float most) {
  constexpr int bins = 39;
  constexpr float first = 3.25f, width = 1.25f;
  float edge2[bins + 1];
  for (int k = 0; k <= bins; k++) {
    float edge = first + width * static_cast<float>(k);
    edge2[k] = edge * edge;
  }
  edge2[bins] = most;
  array edges(edge2, {bins + 1}, mx::float32);
  array guess = mx::astype(mx::floor((mx::sqrt(d2) - first) / width), mx::int32);
  array k = mx::clip(guess, array(0), array(bins - 1));
  k = k + mx::astype(d2 >= mx::take(edges, k + 1, 0), mx::int32) -
      mx::astype(d2 <= mx::take(edges, k, 0), mx::int32);
  array inside = mx::clip(k, array(0), array(bins - 1));
  array good = mx::logical_and(d2 > mx::take(edges, inside, 0), d2 < mx::take(edges, inside + 1, 0));
  return mx::where(good, inside, array(-1));
}

/* Batch entry b of an argument [~,shape]. */
static array entry_at(const Tensor *t, int64_t b, std::initializer_list<int64_t> shape) {
  int64_t each = 1;
  for (int64_t d : shape) each *= d;
  const int64_t entries = of3_count(t) / each;
  return shaped(cut(get(t, {entries, each}), 0, b % entries, 1), shape);
}

/* The places [N,17] of one batch entry (tensor/template_pairs.h). */
static array entry_places(const of3_call &c, int64_t b, int64_t n) {
  return f32(entry_at(c.in[TEMPLATE_ADD_PLACE], b, {n, OF3_N_TEMPLATE_PLACE}));
}

/* Whether i and j are both in one group [N,N]. */
static array in_one_group(const array &place, int at, int64_t n) {
  array group = cut(place, 1, at, 1);
  return mx::logical_and(group > 0.0f, mx::equal(group, shaped(group, {1, n})));
}

/* Number `at` of j less that of i [N,N]. */
static array between(const array &place, int at, int64_t n) {
  array x = cut(place, 1, at, 1);
  return shaped(x, {1, n}) - x;
}

static array squared_distances(const array &place, int at, int64_t n) {
  array d2 = mx::square(between(place, at, n));
  for (int k = 1; k < 3; k++) d2 = d2 + mx::square(between(place, at + k, n));
  return d2;
}

/* Unit vectors [N,N,3] from the origin of frame i to that of j, in frame i. */
static array template_units(const array &place, int64_t n) {
  std::vector<array> v;
  for (int d = 0; d < 3; d++) {
    array sum = cut(place, 1, OF3_TEMPLATE_AXES + 3 * d, 1) * between(place, OF3_TEMPLATE_ORIGIN, n);
    for (int k = 1; k < 3; k++)
      sum =
          sum + cut(place, 1, OF3_TEMPLATE_AXES + 3 * d + k, 1) * between(place, OF3_TEMPLATE_ORIGIN + k, n);
    v.push_back(sum);
  }
  array length = mx::sqrt(mx::square(v[0]) + mx::square(v[1]) + mx::square(v[2]));
  array known = mx::astype(in_one_group(place, OF3_TEMPLATE_FRAME_GROUP, n), mx::float32);
  return mx::stack(v, -1) * shaped(known / mx::maximum(length, array(1e-6f)), {n, n, 1});
}

/* The five features [N,N,5] of the pairs of one batch entry, and the factor of the distogram. */
static array template_features(const of3_call &c, int64_t b, int64_t n, array *factor) {
  array asym = entry_at(c.in[TEMPLATE_ADD_ASYM], b, {n}), i = shaped(asym, {n, 1}), j = shaped(asym, {1, n});
  array chain = c.attr.chain_equal ? mx::astype(mx::equal(i, j), mx::float32) : f32(i) * f32(j);
  *factor = c.attr.chain_equal ? mx::ones_like(chain) : chain;
  auto masks = [&](int at) {
    array m = entry_at(c.in[at], b, {n});
    return shaped(shaped(m, {n, 1}) * shaped(m, {1, n}) * chain, {n, n, 1});
  };
  array unit = mx::zeros(dims({n, n, 3}));
  if (c.in[TEMPLATE_ADD_UNIT]) unit = entry_at(c.in[TEMPLATE_ADD_UNIT], b, {n, n, 3});
  if (c.in[TEMPLATE_ADD_PLACE]) unit = unit + template_units(entry_places(c, b, n), n);
  unit = unit * shaped(*factor, {n, n, 1});
  return mx::concatenate({masks(TEMPLATE_ADD_BETA), masks(TEMPLATE_ADD_FRAME), unit}, -1);
}

/* The bins [N,N] i32 of the pairs of one batch entry; -1: none. */
static array template_bins(const of3_call &c, int64_t b, int64_t n) {
  array bins = mx::full(dims({n, n}), -1, mx::int32);
  if (c.in[TEMPLATE_ADD_PLACE]) {
    array place = entry_places(c, b, n);
    array known = in_one_group(place, OF3_TEMPLATE_BETA_GROUP, n);
    bins = mx::where(known, bins_of(squared_distances(place, OF3_TEMPLATE_BETA, n), 1e8f), bins);
  }
  if (!c.in[TEMPLATE_ADD_BIN]) return bins;
  array given = entry_at(c.in[TEMPLATE_ADD_BIN], b, {n, n});
  return mx::where(mx::equal(given, array(uint8_t{255})), bins, mx::astype(given, mx::int32));
}

static void run_template_add(State &s, const of3_call &c) {
  const int64_t n = of3_dim(c.out, 1), w = last(c.out);
  if (of3_count(c.out) == 0) return;
  array wt = mx::transpose(f32(get(c.in[TEMPLATE_ADD_W]))), table = f32(get(c.in[TEMPLATE_ADD_TABLE]));
  for (int64_t b = 0; b < of3_rows(c.out) / (n * n); b++) {
    Tensor v = *c.out;
    v.rank = 3;
    v.shape[0] = n, v.shape[1] = n, v.shape[2] = w;
    v.offset += b * n * n * w;
    array factor(0.0f), x = template_features(c, b, n, &factor);
    array y = f32(get(&v)) + mx::matmul(x, wt);
    if (c.in[TEMPLATE_ADD_BIN] || c.in[TEMPLATE_ADD_PLACE]) {
      array at = template_bins(c, b, n), known = at >= 0;
      array row = mx::take(table, mx::maximum(at, array(0)), 0);
      y = y + row * shaped(mx::where(known, factor, array(0.0f)), {n, n, 1});
    }
    set(s, &v, y);
  }
}
static int64_t template_add_bytes(const State &s, const of3_call &c) {
  const int64_t n = of3_dim(c.out, 1);
  return size_of(s) * of3_count(c.out) + n * n * (20 * last(c.out) + 192);
}
const Kernel ops::template_add{run_template_add, template_add_bytes};

/* The rows of x [e,n,w] at index [e or 1,A], where e entries of the three may each be fewer: [e,A,w]. */
static array gathered_rows(const of3_call &c, int64_t e) {
  const Tensor *x = c.in[GATHER_X], *index = c.in[GATHER_INDEX];
  const int64_t w = last(x), n = of3_dim(x, 1), atoms = of3_dim(index, 0), entries = of3_rows(x) / n;
  if (of3_count(index) == atoms && entries == e)
    return mx::take(get(x, {entries, n, w}), get(index, {atoms}), 1);
  array at = repeating(get(index, {of3_count(index), 1}), e, atoms); /* [1 or e,A,1] */
  array first = shaped(mx::remainder(integers(e), array(static_cast<int32_t>(entries))), {e, 1, 1}) *
                array(static_cast<int32_t>(n));
  return shaped(mx::take(get_rows(x), at + first, 0), {e, atoms, w});
}

static void run_gather(State &s, const of3_call &c) {
  const Tensor *x = c.in[GATHER_X], *mask = c.in[GATHER_MASK];
  if (of3_count(c.out) == 0) return;
  const int64_t w = last(x), atoms = of3_dim(c.in[GATHER_INDEX], 0);
  const int64_t e =
      std::max({of3_rows(x) / of3_dim(x, 1), of3_rows(c.in[GATHER_INDEX]), mask ? of3_rows(mask) : 1});
  array y = gathered_rows(c, e);
  if (mask) y = y * repeating(get_like(y, mask, {of3_count(mask), 1}), e, atoms);
  if (c.attr.accumulate)
    y = get(c.out, {of3_rows(c.out) / (e * atoms), e, atoms, w}) + shaped(y, {1, e, atoms, w});
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
  for (int32_t of_token : slot_of(count)->known)
    most = std::max<int64_t>(most, of_token); /* of all entries */
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
const Kernel ops::segment_mean{run_segment_mean, segment_bytes, Batch::shared};

/* Scores: f32. */
static void run_expect(State &s, const of3_call &c) {
  const Tensor *x = c.in[EXPECT_X], *chain = c.in[EXPECT_CHAIN];
  int64_t bins = last(x), rows = of3_rows(x);
  if (rows == 0) return;
  array p = mx::softmax(f32(get_rows(x)), -1, true), table = f32(get(c.in[EXPECT_TABLE]));
  if (!chain) {
    set(s, c.out, mx::sum(p * cut(table, 0, 0, 1), -1), true);
    return;
  }
  const int64_t n = of3_dim(x, 1), m = of3_dim(x, 2), entries = rows / (m * n),
                chains = of3_count(chain) / (2 * n), sets = of3_count(c.in[EXPECT_SET_OF_SIZE]) / (n + 1);
  std::vector<array> parts;
  for (int64_t e = 0; e < entries; e++) {
    array of_tokens = shaped(cut(get(chain, {chains, n, 2}), 0, e % chains, 1), {n, 2});
    const Both number = both(of_tokens, 0, c.attr.first, m), size = both(of_tokens, 1, c.attr.first, m);
    array tokens = mx::where(mx::equal(number.i, number.j), size.i, size.i + size.j);
    array set_of_size = shaped(cut(get(c.in[EXPECT_SET_OF_SIZE], {sets, n + 1}), 0, e % sets, 1), {n + 1});
    array of_entry = shaped(cut(p, 0, e * m * n, m * n), {m, n, bins});
    parts.push_back(mx::sum(of_entry * mx::take(table, mx::take(set_of_size, tokens, 0), 0), -1));
  }
  set(s, c.out, parts.size() > 1 ? mx::stack(parts) : parts[0], true);
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

/* The bin by arithmetic, then put right by comparing with the edges themselves: a pair on an edge must fall
 * where the reference puts it. */
static void run_distance_bin(State &s, const of3_call &c) {
  int64_t n = of3_count(c.in[DISTANCE_REP]), samples = c.in[DISTANCE_X]->shape[0];
  array x = mx::take(f32(get(c.in[DISTANCE_X])), get(c.in[DISTANCE_REP], {n}), 1);
  std::optional<array> d2;
  for (int k = 0; k < 3; k++) {
    array column = cut(x, 2, k, 1), d = column - shaped(column, {samples, 1, n});
    d2 = d2 ? *d2 + d * d : d * d;
  }
  set(s, c.out, bins_of(*d2, 1e9f));
}
const Kernel ops::distance_bin{run_distance_bin, nullptr, Batch::shared};

} // namespace of3
