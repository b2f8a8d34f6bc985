/* Atom windows: block b holds queries 32 b + q and keys low[b] + k. Beyond the ends the nearest atom stands
 * in, which the masks take out. */
#include "state.hpp"

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <vector>

namespace of3 {

constexpr int64_t Q = OF3_WINDOW_QUERIES, K = OF3_WINDOW_KEYS;

/* First keys of the blocks. */
static std::vector<int32_t> first_keys(const Tensor *low) {
  const std::vector<int32_t> &known = slot_of(low)->known;
  if (std::ssize(known) < low->offset + of3_count(low)) throw std::logic_error("windows were not uploaded");
  return {known.begin() + low->offset, known.begin() + low->offset + of3_count(low)};
}

static std::vector<int32_t> first_queries(int64_t blocks) {
  std::vector<int32_t> first;
  for (int64_t b = 0; b < blocks; b++) first.push_back(static_cast<int32_t>(Q * b));
  return first;
}

/* [B,n]: step times the atom, for n atoms from each first one on. */
static array atoms_from(const std::vector<int32_t> &first, int64_t n, int64_t atoms, int64_t step) {
  std::vector<int32_t> at;
  at.reserve(first.size() * static_cast<size_t>(n));
  for (int64_t begin : first)
    for (int64_t i = begin; i < begin + n; i++)
      at.push_back(static_cast<int32_t>(step * std::clamp<int64_t>(i, 0, atoms - 1)));
  return array(at.data(), dims({std::ssize(first), n}), mx::int32);
}

/* Rows of a [A,w] at the queries and keys, to be combined over [B,32,128,w]. */
struct Pairs {
  array query, key;
};
static Pairs at_windows(const array &rows, const Tensor *low) {
  int64_t blocks = of3_count(low), atoms = rows.shape(0), w = rows.shape(1);
  auto take = [&](const std::vector<int32_t> &first, int64_t n) {
    return mx::take(rows, atoms_from(first, n, atoms, 1), 0);
  };
  return {shaped(take(first_queries(blocks), Q), {blocks, Q, 1, w}),
          shaped(take(first_keys(low), K), {blocks, 1, K, w})};
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
const Kernel ops::atom_pair{run_atom_pair, pair_bytes, Batch::one};

static void run_window_add(State &s, const of3_call &c) {
  const Tensor *row = c.in[WINDOW_ADD_ROW], *low = c.in[WINDOW_ADD_LOW];
  int64_t blocks = of3_count(low), w = last(c.out);
  if (blocks == 0) return;
  Pairs rows = at_windows(get_rows(row), low), cols = at_windows(get_rows(c.in[WINDOW_ADD_COL]), low);
  array sum = rows.query + cols.key;
  sum = sum * get_like(sum, c.in[WINDOW_ADD_MASK], {blocks, Q, K, 1});
  set(s, c.out, get(c.out, {blocks, Q, K, w}) + sum);
}
const Kernel ops::window_add{run_window_add, pair_bytes, Batch::one};

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
const Kernel ops::window_gather{run_window_gather, pair_bytes, Batch::one};

/* ---- WINDOW_ATTENTION */

/* x [S,A,H*d] of some atoms [n,m], given as H times their numbers: [S,H,n,m,d] in memory, as products want
 * it, in one pass. */
static array gathered(const array &x, int64_t heads, const array &at) {
  int64_t samples = x.shape(0), atoms = x.shape(1), d = x.shape(2) / heads;
  std::vector<int32_t> first;
  for (int64_t s = 0; s < samples; s++)
    for (int64_t h = 0; h < heads; h++) first.push_back(static_cast<int32_t>(s * atoms * heads + h));
  array rows = shaped(at, {1, 1, at.shape(0), at.shape(1)}) +
               array(first.data(), dims({samples, heads, 1, 1}), mx::int32);
  return mx::take(shaped(x, {samples * atoms * heads, d}), rows, 0);
}

/* Windows [S,H,n,128,d] of x [S,A,H*d] that begin at every 32nd atom from `first` on: heads first, each once.
 * They overlap, and products read them where they lie. */
static array strided(const array &x, int64_t heads, int64_t first, int64_t n) {
  int64_t samples = x.shape(0), rows = Q * (n - 1) + K, d = x.shape(2) / heads;
  array inside =
      mx::contiguous(mx::swapaxes(shaped(cut(x, 1, first, rows), {samples, rows, heads, d}), 1, 2));
  return mx::as_strided(inside, dims({samples, heads, n, K, d}), {heads * rows * d, rows * d, Q * d, d, 1},
                        0);
}

/* Blocks first .. last - 1 have their keys at 32 b - 48, all of them atoms. At the ends windows may be slid.
 */
struct Interior {
  int64_t first = 0, last = 0;
};
/* A gather copies each key four times, but is one kernel: better for few blocks, and on a GPU few are more.
 */
static Interior interior_of(const State &s, const std::vector<int32_t> &low, int64_t atoms) {
  const int64_t before = (K - Q) / 2, few = s.gpu ? 64 : 8, blocks = std::ssize(low);
  auto inside = [&](int64_t b) {
    int64_t at = low[static_cast<size_t>(b)];
    return at == Q * b - before && at >= 0 && at + K <= atoms;
  };
  Interior in;
  while (in.first < blocks && !inside(in.first)) in.first++;
  in.last = in.first;
  while (in.last < blocks && inside(in.last)) in.last++;
  return in.last - in.first < few ? Interior{} : in;
}

/* Some blocks of one call. */
struct WindowCall {
  array query, key, value, bias; /* [S,H,n,32,d], [S,H,n,128,d], [S,H,n,128,d], [1,H,n,32,128] */
};

/* Composed: 32 x 128 logits are too few for the fused kernels to pay, and the bias is one for all samples. */
static array attended(const State &s, const WindowCall &w) {
  constexpr float masked = -5e8f; /* the bias has the mask in it */
  array logits = passing(s, w.bias > masked, mx::matmul(w.query, swapped(w.key)) + w.bias);
  return mx::matmul(mx::softmax(logits, -1, true), w.value);
}

static array without(const array &a, int axis, const Interior &in) {
  if (in.first == in.last) return a;
  return mx::concatenate({cut(a, axis, 0, in.first), cut(a, axis, in.last, a.shape(axis) - in.last)}, axis);
}

/* o [S,H,B,32,d] of all blocks: those inside by strides, the others by a gather. */
static array all_windows(const State &s, const of3_call &c, const array &query, const array &key,
                         const array &value) {
  std::vector<int32_t> low = first_keys(c.in[WINDOW_ATT_LOW]);
  int64_t blocks = std::ssize(low), atoms = key.shape(1), heads = c.attr.heads;
  const Interior in = interior_of(s, low, atoms);
  const int64_t n = in.last - in.first;
  array bias = mx::swapaxes(swapped(get(c.in[WINDOW_ATT_BIAS], {1, blocks, heads, K, Q})), 1, 2);
  std::vector<array> parts;
  if (n > 0) {
    int64_t first = low[static_cast<size_t>(in.first)];
    parts.push_back(attended(s, {cut(query, 2, in.first, n), strided(key, heads, first, n),
                                 strided(value, heads, first, n), cut(bias, 2, in.first, n)}));
  }
  if (n == blocks) return parts[0];
  low.erase(low.begin() + in.first, low.begin() + in.last);
  array at = atoms_from(low, K, atoms, heads);
  array ends = attended(
      s, {without(query, 2, in), gathered(key, heads, at), gathered(value, heads, at), without(bias, 2, in)});
  if (n == 0) return ends;
  return mx::concatenate({cut(ends, 2, 0, in.first), parts[0], cut(ends, 2, in.first, blocks - in.last)}, 2);
}

static void run_window_attention(State &s, const of3_call &c) {
  const Tensor *q = c.in[WINDOW_ATT_Q];
  int64_t atoms = of3_dim(q, 1), w = last(q), heads = c.attr.heads, blocks = of3_count(c.in[WINDOW_ATT_LOW]);
  if (of3_count(q) == 0) return;
  int64_t samples = of3_rows(q) / atoms, d = w / heads;
  auto all = [&](int at) { return get(c.in[at], {samples, atoms, w}); };
  array query = all(WINDOW_ATT_Q);
  query = query * array(1 / std::sqrt(static_cast<float>(d)), query.dtype());
  query = gathered(query, heads, atoms_from(first_queries(blocks), Q, atoms, heads));
  array o =
      shaped(all_windows(s, c, query, all(WINDOW_ATT_K), all(WINDOW_ATT_V)), {samples, heads, blocks * Q, d});
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
const Kernel ops::window_attention{run_window_attention, window_attention_bytes, Batch::shared};

} // namespace of3
