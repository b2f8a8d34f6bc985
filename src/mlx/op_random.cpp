/* Random numbers on the device, and what they move: Philox4x32-10 with Box-Muller as base/random.c has them,
 * and AF3 SI Alg. 19.
 *
 * A block of the stream is four words, which give four numbers. As operations of MLX that is some 150, cheap
 * on the CPU device; on CUDA each would be a launch, so there it is one kernel. */
#include "state.hpp"

#include <numbers>

namespace of3 {

/* ---- Philox as operations */

static array word(uint32_t w) { return array(w, mx::uint32); }

/* High and low word of x times a constant. */
struct Product {
  array high, low;
};
static Product times(const array &x, uint32_t factor) {
  array p = mx::astype(x, mx::uint64) * array(uint64_t{factor}, mx::uint64);
  return {mx::astype(mx::right_shift(p, array(uint64_t{32}, mx::uint64)), mx::uint32),
          mx::astype(p, mx::uint32)};
}

/* The words of all blocks: counter (block, step, sample, purpose) under the key (low, high half of the seed).
 */
static std::vector<array> philox(array c0, array c1, array c2, array c3, array k0, array k1) {
  for (int round = 0; round < 10; round++) {
    const Product p0 = times(c0, 0xD2511F53u), p1 = times(c2, 0xCD9E8D57u);
    c0 = mx::bitwise_xor(mx::bitwise_xor(p1.high, c1), k0);
    c2 = mx::bitwise_xor(mx::bitwise_xor(p0.high, c3), k1);
    c1 = p1.low;
    c3 = p0.low;
    k0 = k0 + word(0x9E3779B9u);
    k1 = k1 + word(0xBB67AE85u);
  }
  return {c0, c1, c2, c3};
}

/* In (0,1], exact in f32. */
static array uniform(const array &w) {
  return mx::astype(mx::right_shift(w, word(8)) + word(1), mx::float32) * 0x1p-24f;
}

/* cos and sin of 2 pi v are those of v - round(v), which is exact. */
static void normal_pair(const array &w0, const array &w1, std::vector<array> &out) {
  array r = mx::sqrt(-2.0f * mx::log(uniform(w0))), v = uniform(w1);
  array angle = 2 * std::numbers::pi_v<float> * (v - mx::round(v));
  out.push_back(r * mx::cos(angle));
  out.push_back(r * mx::sin(angle));
}

static array draw(const array &key, const array &step, const of3_attr &attr) {
  const int64_t rows = key.shape(0), blocks = (attr.count + 3) / 4;
  array words = mx::view(key, mx::uint32), block = mx::arange(0, static_cast<int>(blocks), mx::uint32);
  auto column = [&](int k) { return cut(words, 1, k, 1); };
  auto w = philox(shaped(block, {1, blocks}), shaped(mx::view(step, mx::uint32), {1, 1}), column(2),
                  word(static_cast<uint32_t>(attr.purpose)), column(0), column(1));
  std::vector<array> four;
  normal_pair(w[0], w[1], four);
  normal_pair(w[2], w[3], four);
  return cut(shaped(mx::stack(four, -1), {rows, 4 * blocks}), 1, 0, attr.count);
}

/* ---- and as a kernel */

static const char cuda_source[] = R"(
  const unsigned long long i = cooperative_groups::this_grid().thread_rank();
  const unsigned int n = sizes[0], blocks = (n + 3) / 4;
  const unsigned long long row = i / blocks;
  if (row >= key_shape[0]) return;
  unsigned int k0 = key[3 * row], k1 = key[3 * row + 1];
  unsigned int c0 = i % blocks, c1 = step[0], c2 = key[3 * row + 2], c3 = sizes[1];
  const unsigned int first = 4 * c0;
  for (int round = 0; round < 10; round++) {
    const unsigned int h0 = __umulhi(0xD2511F53u, c0), l0 = 0xD2511F53u * c0;
    const unsigned int h1 = __umulhi(0xCD9E8D57u, c2), l1 = 0xCD9E8D57u * c2;
    c0 = h1 ^ c1 ^ k0;
    c2 = h0 ^ c3 ^ k1;
    c1 = l1;
    c3 = l0;
    k0 += 0x9E3779B9u;
    k1 += 0xBB67AE85u;
  }
  float y[4];
  const unsigned int w[4] = {c0, c1, c2, c3};
  for (int k = 0; k < 4; k += 2) {
    const float scale = 1.0f / 16777216.0f;
    const float r = sqrtf(-2.0f * logf((float)((w[k] >> 8) + 1) * scale));
    float sine, cosine;
    sincospif(2.0f * ((float)((w[k + 1] >> 8) + 1) * scale), &sine, &cosine);
    y[k] = r * cosine;
    y[k + 1] = r * sine;
  }
  for (unsigned int k = 0; k < 4 && first + k < n; k++) out[row * n + first + k] = y[k];
)";

static array draw_by_kernel(const array &key, const array &step, const of3_attr &attr) {
  static const auto kernel =
      mx::fast::cuda_kernel("of3_random_normal", {"key", "step", "sizes"}, {"out"}, cuda_source);
  constexpr int threads = 256;
  const int64_t rows = key.shape(0), items = rows * ((attr.count + 3) / 4);
  const int grid = dims({(items + threads - 1) / threads * threads})[0];
  const int32_t sizes[] = {attr.count, attr.purpose};
  return kernel({key, step, array(sizes, {2}, mx::int32)}, {dims({rows, attr.count})}, {mx::float32},
                {grid, 1, 1}, {threads, 1, 1}, {}, std::nullopt, false, {})[0];
}

static void run_random_normal(State &s, const of3_call &c) {
  if (of3_count(c.out) == 0) return;
  const array key = get_rows(c.in[RANDOM_KEY]), step = get(c.in[RANDOM_STEP], {1});
  set(s, c.out, s.gpu && !s.metal ? draw_by_kernel(key, step, c.attr) : draw(key, step, c.attr), true);
}

/* The words of the blocks, and a round's 64-bit products of them, one by one. */
static int64_t random_bytes(const State &s, const of3_call &c) {
  return s.gpu && !s.metal ? 0 : 64 * of3_rows(c.in[RANDOM_KEY]) * (c.attr.count + 3);
}
const Kernel ops::random_normal{run_random_normal, random_bytes};

static void run_take_row(State &s, const of3_call &c) {
  set(s, c.out, mx::take(get(c.in[TAKE_ROW_TABLE]), get(c.in[TAKE_ROW_INDEX]), 0), true);
}
const Kernel ops::take_row{run_take_row, nullptr};

/* ---- AUGMENT */

/* Rotation matrices [S,3,3] of quaternions [S,4] (w,x,y,z) of any length: the identity, and twice these
 * products of two components of a unit quaternion (base/random.c has them in the same places). */
static array rotations(const array &quaternion) {
  constexpr int W = 0, X = 1, Y = 2, Z = 3;
  struct Term {
    int row, column, a, b;
    float factor;
  };
  static constexpr Term terms[] = {{0, 0, Y, Y, -2}, {0, 0, Z, Z, -2}, {0, 1, X, Y, 2}, {0, 1, W, Z, -2},
                                   {0, 2, X, Z, 2},  {0, 2, W, Y, 2},  {1, 0, X, Y, 2}, {1, 0, W, Z, 2},
                                   {1, 1, X, X, -2}, {1, 1, Z, Z, -2}, {1, 2, Y, Z, 2}, {1, 2, W, X, -2},
                                   {2, 0, X, Z, 2},  {2, 0, W, Y, -2}, {2, 1, Y, Z, 2}, {2, 1, W, X, 2},
                                   {2, 2, X, X, -2}, {2, 2, Y, Y, -2}};
  float factor[16 * 9] = {0};
  for (const Term &t : terms) factor[(4 * t.a + t.b) * 9 + 3 * t.row + t.column] = t.factor;
  const int64_t samples = quaternion.shape(0);
  array q = quaternion / mx::sqrt(mx::sum(mx::square(quaternion), 1, true));
  array products = shaped(shaped(q, {samples, 4, 1}) * shaped(q, {samples, 1, 4}), {samples, 16, 1});
  return mx::eye(3) + shaped(mx::sum(products * array(factor, {16, 9}, mx::float32), 1), {samples, 3, 3});
}

/* Three terms by hand: a matrix unit might round them to tf32. */
static void run_augment(State &s, const of3_call &c) {
  int64_t samples = c.out->shape[0], atoms = c.out->shape[1];
  if (of3_count(c.out) == 0) return;
  array x = f32(get(c.out));
  std::optional<array> mask;
  if (c.in[AUGMENT_MASK]) mask = get(c.in[AUGMENT_MASK], {1, atoms, 1});
  array pose = f32(get(c.in[AUGMENT_POSE], {samples, 7})), rotation = rotations(cut(pose, 1, 0, 4));
  array count = mask ? mx::maximum(mx::sum(*mask), array(1.0f)) : array(static_cast<float>(atoms));
  array d = x - mx::sum(mask ? x * *mask : x, 1, true) / count;
  array y = shaped(cut(pose, 1, 4, 3), {samples, 1, 3});
  for (int k = 0; k < 3; k++) y = y + cut(d, 2, k, 1) * mx::swapaxes(cut(rotation, 2, k, 1), 1, 2);
  set(s, c.out, mask ? y * *mask : y, true);
}
const Kernel ops::augment{run_augment, nullptr, Batch::shared};

} // namespace of3
