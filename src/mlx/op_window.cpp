/* Atom windows: block b holds queries 32 b + q and keys low[b] + k. Beyond the ends the nearest atom stands
 * in, which the masks take out. The first keys slide at the ends of the query, so windows are gathered, not
 * strided. */
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
static int64_t pair_floats(const of3_call &c) { return 6 * of3_count(c.out); }
const Kernel ops::atom_pair{run_atom_pair, pair_floats};

static void run_window_add(State &s, const of3_call &c) {
  const Tensor *row = c.in[WINDOW_ADD_ROW], *low = c.in[WINDOW_ADD_LOW];
  int64_t blocks = of3_count(low), w = last(c.out);
  if (blocks == 0) return;
  Pairs rows = at_windows(get_rows(row), low), cols = at_windows(get_rows(c.in[WINDOW_ADD_COL]), low);
  array sum = (rows.query + cols.key) * get(c.in[WINDOW_ADD_MASK], {blocks, Q, K, 1});
  set(s, c.out, get(c.out, {blocks, Q, K, w}) + sum);
}
const Kernel ops::window_add{run_window_add, pair_floats};

static void run_window_gather(State &s, const of3_call &c) {
  const Tensor *z = c.in[WINDOW_GATHER_Z], *low = c.in[WINDOW_GATHER_LOW], *token = c.in[WINDOW_GATHER_TOKEN];
  int64_t blocks = of3_count(low), atoms = of3_count(token), n = z->shape[1], w = last(z);
  if (blocks == 0) return;
  Pairs at = at_windows(get(token, {atoms, 1}), low);
  array index = shaped(at.query * array(static_cast<int32_t>(n)) + at.key, {blocks, Q, K});
  array found = mx::take(get_rows(z), index, 0) * get(c.in[WINDOW_GATHER_MASK], {blocks, Q, K, 1});
  set(s, c.out, get(c.out, {blocks, Q, K, w}) + found);
}
const Kernel ops::window_gather{run_window_gather, pair_floats};

/* [S,A,H*d] -> [S,B,H,n,d] at the atoms [B,n]. */
static array heads_at(const array &x, const array &atoms, int64_t heads) {
  int64_t blocks = atoms.shape(0), n = atoms.shape(1), samples = x.shape(0), w = x.shape(2);
  return mx::swapaxes(shaped(mx::take(x, atoms, 1), {samples, blocks, n, heads, w / heads}), 2, 3);
}

/* Composed: 32 x 128 logits are too few for the fused kernels to pay, and the bias is one for all samples. */
static void run_window_attention(State &s, const of3_call &c) {
  const Tensor *q = c.in[WINDOW_ATT_Q], *low = c.in[WINDOW_ATT_LOW];
  int64_t atoms = of3_dim(q, 1), w = last(q), heads = c.attr.heads, blocks = of3_count(low);
  if (of3_count(q) == 0) return;
  int64_t samples = of3_rows(q) / atoms;
  float scale = 1 / std::sqrt(static_cast<float>(w / heads));
  auto all = [&](int at) { return get(c.in[at], {samples, atoms, w}); };
  array keys = key_atoms(low, atoms);
  array query = heads_at(all(WINDOW_ATT_Q) * scale, query_atoms(blocks, atoms), heads);
  array logits = mx::matmul(query, swapped(heads_at(all(WINDOW_ATT_K), keys, heads)));
  logits = f32(logits) + f32(swapped(get(c.in[WINDOW_ATT_BIAS], {1, blocks, heads, K, Q})));
  array p = mx::astype(mx::softmax(logits, -1, true), query.dtype());
  array o = mx::matmul(p, heads_at(all(WINDOW_ATT_V), keys, heads));
  o = cut(shaped(mx::swapaxes(o, 2, 3), {samples, blocks * Q, w}), 1, 0, atoms);
  set(s, c.out, sigmoid_mul(s, all(WINDOW_ATT_G), o));
}

static int64_t window_attention_floats(const of3_call &c) {
  const Tensor *q = c.in[WINDOW_ATT_Q];
  int64_t samples = of3_dim(q, 1) ? of3_rows(q) / of3_dim(q, 1) : 0, blocks = of3_count(c.in[WINDOW_ATT_LOW]);
  int64_t gathered = samples * blocks * last(q) * (2 * Q + 2 * K);
  return 2 * gathered + 2 * samples * blocks * c.attr.heads * Q * K;
}
const Kernel ops::window_attention{run_window_attention, window_attention_floats};

} // namespace of3
