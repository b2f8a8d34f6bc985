/* Rows as operands of products: converted, normalised, or normalised and modulated; each is read twice, once
 * for its mean and variance and once to be written, the second time from the cache. One warp a row. Memory
 * bandwidth binds it: 4 bytes in, 2 or 4 out for each number.
 *
 * operand_of_columns: the same of x [channels, rows], as a product over k in a triangle leaves it. A block
 * takes 32 rows through shared memory, so that both sides are read and written along their rows of memory. */
#include "cuda/each.cuh"
#include "cuda/products.hpp"

namespace of3 {

static __device__ float sum_of_warp(float x) {
#pragma unroll
  for (int d = 16; d; d /= 2) x += __shfl_xor_sync(0xffffffffu, x, d);
  return x;
}

struct Work {
  Rows x;
  void *to;
  int64_t ld;
};

/* Row g is read here. */
static __device__ int64_t source_row(const Rows &x, int64_t g) {
  if (!x.tokens) return g;
  const int64_t pairs = x.tokens * x.tokens, in = g % pairs;
  return g - in + in % x.tokens * x.tokens + in / x.tokens;
}

template <typename From, typename To> static __global__ void rows_kernel(const __grid_constant__ Work w) {
  const Rows &x = w.x;
  const int lane = threadIdx.x % 32;
  const int64_t row = static_cast<int64_t>(blockIdx.x) * (blockDim.x / 32) + threadIdx.x / 32;
  if (row >= x.n) return;
  const From *from = static_cast<const From *>(x.x) + source_row(x, x.first + row) * x.width;
  To *to = static_cast<To *>(w.to) + row * w.ld;
  float mean = 0, variance = 0;
  if (x.norm) {
    for (int64_t i = lane; i < x.width; i += 32) mean += number(from, i);
    mean = sum_of_warp(mean) / static_cast<float>(x.width);
    for (int64_t i = lane; i < x.width; i += 32) {
      const float d = number(from, i) - mean;
      variance += d * d;
    }
    variance = sum_of_warp(variance) / static_cast<float>(x.width);
  }
  const float factor = x.norm ? rsqrtf(variance + 1e-5f) : 1.0f;
  const int64_t gate_row = x.gate ? (x.first + row) % x.gate_rows * x.width : 0;
  for (int64_t i = lane; i < x.width; i += 32) {
    float y = (number(from, i) - mean) * factor;
    if (x.scale) y *= x.scale[i];
    if (x.offset) y += x.offset[i];
    if (x.gate) y = x.gate[gate_row + i] * y + x.shift[gate_row + i];
    put(to, i, y);
  }
}

template <typename From, typename To> static void launch(const Run &r, const Work &w) {
  constexpr int warps = 8;
  rows_kernel<From, To><<<static_cast<unsigned>((w.x.n + warps - 1) / warps), warps * 32, 0, r.stream>>>(w);
}

/* Whether products can read x where it lies. */
static bool fits(const Rows &x) {
  if (x.norm || x.gate || x.tokens || x.x_bf16 != x.bf16) return false;
  return !x.bf16 || (x.width % 8 == 0 && reinterpret_cast<uintptr_t>(x.x) % 16 == 0);
}

void rows_to(const Run &r, const Rows &x, void *to, int64_t ld) {
  const Work w{x, to, ld};
  if (!r.launches || x.n == 0) return;
  if (x.x_bf16)
    x.bf16 ? launch<bf16, bf16>(r, w) : launch<bf16, float>(r, w);
  else
    x.bf16 ? launch<float, bf16>(r, w) : launch<float, float>(r, w);
}

/* While scratch is counted nothing is known of addresses: a copy is counted then. */
Matrix operand(Run &r, const Rows &x) {
  const int64_t ld = x.bf16 ? padded(x.width) : x.width;
  const size_t size = x.bf16 ? 2 : 4;
  void *copy = r.take_bytes(static_cast<size_t>(x.n * ld) * size);
  if (!r.launches || x.n == 0) return {copy, ld, 0};
  if (fits(x)) {
    const char *from = static_cast<const char *>(x.x) + static_cast<size_t>(x.first * x.width) * size;
    return {const_cast<char *>(from), x.width, 0};
  }
  rows_to(r, x, copy, ld);
  return {copy, ld, 0};
}

/* ---- columns */

struct ColumnWork {
  const float *x, *scale, *offset;
  int64_t channels, n, ld;
  void *to;
};

template <typename To>
static __global__ void __launch_bounds__(256) columns_kernel(const __grid_constant__ ColumnWork w) {
  extern __shared__ float tile[]; /* [channels][33] */
  const int lane = threadIdx.x % 32, warp = threadIdx.x / 32;
  const int64_t first = static_cast<int64_t>(blockIdx.x) * 32;
  for (int64_t c = warp; c < w.channels; c += 8)
    tile[c * 33 + lane] = first + lane < w.n ? w.x[c * w.n + first + lane] : 0.0f;
  __syncthreads();
  for (int row = warp; row < 32 && first + row < w.n; row += 8) {
    float mean = 0, variance = 0;
    for (int64_t c = lane; c < w.channels; c += 32) mean += tile[c * 33 + row];
    mean = sum_of_warp(mean) / static_cast<float>(w.channels);
    for (int64_t c = lane; c < w.channels; c += 32) {
      const float d = tile[c * 33 + row] - mean;
      variance += d * d;
    }
    const float factor = rsqrtf(sum_of_warp(variance) / static_cast<float>(w.channels) + 1e-5f);
    for (int64_t c = lane; c < w.channels; c += 32) {
      float y = (tile[c * 33 + row] - mean) * factor;
      if (w.scale) y *= w.scale[c];
      if (w.offset) y += w.offset[c];
      put(static_cast<To *>(w.to), (first + row) * w.ld + c, y);
    }
  }
}

template <typename To> static void launch_columns(const Run &r, const ColumnWork &w) {
  const size_t bytes = static_cast<size_t>(w.channels) * 33 * sizeof(float);
  static size_t allowed = size_t{48} << 10;
  if (bytes > allowed) {
    check(cudaFuncSetAttribute(columns_kernel<To>, cudaFuncAttributeMaxDynamicSharedMemorySize,
                               static_cast<int>(bytes)));
    allowed = bytes;
  }
  columns_kernel<To><<<static_cast<unsigned>((w.n + 31) / 32), 256, bytes, r.stream>>>(w);
}

Matrix operand_of_columns(Run &r, const float *x, int64_t channels, int64_t n, const float *scale,
                          const float *offset, bool is_bf16) {
  const int64_t ld = is_bf16 ? padded(channels) : channels;
  void *to = r.take_bytes(static_cast<size_t>(n * ld) * (is_bf16 ? 2 : 4));
  const ColumnWork w{x, scale, offset, channels, n, ld, to};
  if (r.launches && n > 0) is_bf16 ? launch_columns<bf16>(r, w) : launch_columns<float>(r, w);
  return {to, ld, 0};
}

} // namespace of3
