/* Atom windows: block b holds queries 32 b + q and keys low[b] + k. Beyond the ends the nearest atom stands
 * in, which the masks take out. */
#include "state.hpp"

#include <cmath>

namespace of3 {

constexpr int64_t Q = OF3_WINDOW_QUERIES, K = OF3_WINDOW_KEYS;

static array clamped(const array &a, int64_t atoms) {
  return mx::clip(a, array(0), array(static_cast<int32_t>(atoms - 1)));
}

/* [B,32] and [B,128]: the atoms of each window. */
static array query_atoms(int64_t blocks, int64_t atoms) {
  return clamped(shaped(mx::arange(0, static_cast<int>(blocks * Q), mx::int32), {blocks, Q}), atoms);
}
static array key_atoms(const Tensor *low, int64_t atoms) {
  return clamped(
      get(low, {of3_count(low), 1}) + shaped(mx::arange(0, static_cast<int>(K), mx::int32), {1, K}), atoms);
}

/* Rows of a [A,w] at the queries and keys, to be combined over [B,32,128,w]. */
struct Pairs {
  array query, key;
};
static Pairs at_windows(const array &rows, const Tensor *low) {
  int64_t blocks = of3_count(low), atoms = rows.shape(0), w = rows.shape(1);
  return {shaped(mx::take(rows, query_atoms(blocks, atoms), 0), {blocks, Q, 1, w}),
          shaped(mx::take(rows, key_atoms(low, atoms), 0), {blocks, 1, K, w})};
}

static void run_atom_pair(State &s, const of3_call &c) {
  int64_t atoms = c.in[ATOM_PAIR_POS]->shape[0], blocks = of3_count(c.in[ATOM_PAIR_LOW]), w = last(c.out);
  const Tensor *low = c.in[ATOM_PAIR_LOW];
  if (blocks == 0) return;
  array mask = get(c.in[ATOM_PAIR_MASK], {blocks, Q, K, 1});
  Pairs pos = at_windows(get(c.in[ATOM_PAIR_POS]), low),
        uid = at_windows(get(c.in[ATOM_PAIR_UID], {atoms, 1}), low);
  array d = (pos.query - pos.key) * mask;
  array valid = mx::astype(mx::equal(uid.query, uid.key), mx::float32) * mask;
  array wd = f32(get(c.in[ATOM_PAIR_WD])),
        y = f32(get(c.in[ATOM_PAIR_WV], {1, 1, 1, w})) * valid +
            f32(get(c.in[ATOM_PAIR_WI], {1, 1, 1, w})) / (1.0f + mx::sum(d * d, -1, true));
  for (int k = 0; k < 3; k++) y = y + cut(d, 3, k, 1) * shaped(cut(wd, 1, k, 1), {1, 1, 1, w});
  set(s, c.out, valid * y);
}
static int64_t pair_bytes(const State &, const of3_call &c) { return 24 * of3_count(c.out); }
const Kernel ops::atom_pair{run_atom_pair, pair_bytes};

static void run_window_add(State &s, const of3_call &c) {
  const Tensor *row = c.in[WINDOW_ADD_ROW], *low = c.in[WINDOW_ADD_LOW];
  int64_t blocks = of3_count(low), w = last(c.out);
  if (blocks == 0) return;
  Pairs rows = at_windows(get_rows(row), low), cols = at_windows(get_rows(c.in[WINDOW_ADD_COL]), low);
  array sum = rows.query + cols.key;
  sum = sum * get_like(sum, c.in[WINDOW_ADD_MASK], {blocks, Q, K, 1});
  set(s, c.out, get(c.out, {blocks, Q, K, w}) + sum);
}
const Kernel ops::window_add{run_window_add, pair_bytes};

static void run_window_gather(State &s, const of3_call &c) {
  const Tensor *z = c.in[WINDOW_GATHER_Z], *low = c.in[WINDOW_GATHER_LOW], *token = c.in[WINDOW_GATHER_TOKEN];
  int64_t blocks = of3_count(low), atoms = of3_count(token), n = z->shape[1], w = last(z);
  if (blocks == 0) return;
  Pairs at = at_windows(get(token, {atoms, 1}), low);
  array index = shaped(at.query * array(static_cast<int32_t>(n)) + at.key, {blocks, Q, K});
  array found = mx::take(get_rows(z), index, 0);
  found = found * get_like(found, c.in[WINDOW_GATHER_MASK], {blocks, Q, K, 1});
  set(s, c.out, get(c.out, {blocks, Q, K, w}) + found);
}
const Kernel ops::window_gather{run_window_gather, pair_bytes};

/* ---- WINDOW_ATTENTION */

/* [S,A,H*d] -> [S,H,rows,d] in memory: rows first .. of the atoms, the nearest one beyond the ends. */
static array heads_first(const array &x, int64_t heads, int64_t first, int64_t rows) {
  int64_t samples = x.shape(0), atoms = x.shape(1), d = x.shape(2) / heads;
  int64_t from = std::max<int64_t>(first, 0), to = std::min(first + rows, atoms);
  array inside = mx::swapaxes(shaped(cut(x, 1, from, to - from), {samples, to - from, heads, d}), 1, 2);
  if (to - from < rows)
    inside =
        mx::pad(inside, {2}, dims({from - first}), dims({first + rows - to}), array(0, x.dtype()), "edge");
  return mx::contiguous(inside);
}

/* Windows [S,H,n,128,d] of x that begin at every 32nd row, in the memory of x [S,H,rows,d]: they overlap, and
 * products read them where they lie. */
static array strided(const array &x, int64_t n) {
  int64_t samples = x.shape(0), heads = x.shape(1), rows = x.shape(2), d = x.shape(3);
  return mx::as_strided(x, dims({samples, heads, n, K, d}),
                        {heads * rows * d, rows * d, OF3_WINDOW_QUERIES * d, d, 1}, 0);
}

/* Blocks first .. last - 1 have their keys at 32 b - 48. At the ends of a query windows may be slid. */
struct Interior {
  int64_t first = 0, last = 0;
};
static Interior interior_of(const Tensor *low) {
  constexpr int64_t before = (K - Q) / 2, few = 8; /* for fewer blocks one gather is better */
  const auto &at = slot_of(low)->known;
  Interior in;
  while (in.first < std::ssize(at) && at[static_cast<size_t>(in.first)] != Q * in.first - before) in.first++;
  in.last = in.first;
  while (in.last < std::ssize(at) && at[static_cast<size_t>(in.last)] == Q * in.last - before) in.last++;
  return in.last - in.first < few ? Interior{} : in;
}

/* Some blocks of one call. */
struct WindowCall {
  array query, key, value, bias; /* [S,H,n,32,d], [S,H,n,128,d], [S,H,n,128,d], [1,H,n,32,128] */
};

/* Composed: 32 x 128 logits are too few for the fused kernels to pay, and the bias is one for all samples. */
static array attended(const WindowCall &w) {
  array logits = mx::matmul(w.query, swapped(w.key)) + w.bias;
  return mx::matmul(mx::softmax(logits, -1, true), w.value);
}

static array without(const array &a, int axis, const Interior &in) {
  if (in.first == in.last) return a;
  return mx::concatenate({cut(a, axis, 0, in.first), cut(a, axis, in.last, a.shape(axis) - in.last)}, axis);
}

/* o [S,H,B,32,d] of all blocks: those inside by strides, the others by a gather. */
static array all_windows(const of3_call &c, const array &query, const array &key, const array &value) {
  constexpr int64_t before = (K - Q) / 2;
  const Tensor *low = c.in[WINDOW_ATT_LOW];
  int64_t blocks = of3_count(low), atoms = key.shape(1), heads = c.attr.heads;
  const Interior in = interior_of(low);
  const int64_t n = in.last - in.first, rows = Q * (n - 1) + K, start = Q * in.first - before;
  array bias = mx::swapaxes(swapped(get(c.in[WINDOW_ATT_BIAS], {1, blocks, heads, K, Q})), 1, 2);
  std::vector<array> parts;
  if (n > 0)
    parts.push_back(
        attended({cut(query, 2, in.first, n), strided(heads_first(key, heads, start, rows), n),
                  strided(heads_first(value, heads, start, rows), n), cut(bias, 2, in.first, n)}));
  if (n == blocks) return parts[0];
  array at = without(key_atoms(low, atoms), 0, in);
  auto gathered = [&](const array &x) {
    array y = shaped(mx::take(x, at, 1), {x.shape(0), at.shape(0), K, heads, x.shape(2) / heads});
    return mx::transpose(y, {0, 3, 1, 2, 4});
  };
  array ends = attended({without(query, 2, in), gathered(key), gathered(value), without(bias, 2, in)});
  if (n == 0) return ends;
  return mx::concatenate({cut(ends, 2, 0, in.first), parts[0], cut(ends, 2, in.first, blocks - in.last)}, 2);
}

static void run_window_attention(State &s, const of3_call &c) {
  const Tensor *q = c.in[WINDOW_ATT_Q];
  int64_t atoms = of3_dim(q, 1), w = last(q), heads = c.attr.heads, blocks = of3_count(c.in[WINDOW_ATT_LOW]);
  if (of3_count(q) == 0) return;
  int64_t samples = of3_rows(q) / atoms, d = w / heads;
  float scale = 1 / std::sqrt(static_cast<float>(d));
  auto all = [&](int at) { return get(c.in[at], {samples, atoms, w}); };
  array query =
      shaped(heads_first(all(WINDOW_ATT_Q) * scale, heads, 0, blocks * Q), {samples, heads, blocks, Q, d});
  array o =
      shaped(all_windows(c, query, all(WINDOW_ATT_K), all(WINDOW_ATT_V)), {samples, heads, blocks * Q, d});
  o = shaped(mx::swapaxes(cut(o, 2, 0, atoms), 1, 2), {samples, atoms, w});
  set(s, c.out, sigmoid_mul(s, all(WINDOW_ATT_G), o));
}

/* As if all blocks were gathered: the planner does not see where they lie. */
static int64_t window_attention_bytes(const State &s, const of3_call &c) {
  const Tensor *q = c.in[WINDOW_ATT_Q];
  const int64_t e = size_of(s), samples = of3_dim(q, 1) ? of3_rows(q) / of3_dim(q, 1) : 0,
                blocks = of3_count(c.in[WINDOW_ATT_LOW]);
  return 2 * e * samples * blocks * last(q) * (2 * Q + 2 * K) +
         (4 + e) * samples * blocks * c.attr.heads * Q * K;
}
const Kernel ops::window_attention{run_window_attention, window_attention_bytes};

} // namespace of3
