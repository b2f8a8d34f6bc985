/* y = a b^T, twice: bf16 on tensor cores with f32 sums, and f32 on the FMA units.
 *
 * bf16: a block of 8 warps makes 128 x 128 numbers of y (or 128 x 32, where y has few columns). Three stages
 * of operands in shared memory are filled by cp.async, 16 bytes a thread, while tensor cores work on one of
 * them:
 *
 *              k ->  32 numbers a stage                     y: 128 x 128
 *     a [128][32+8]    b [128][32+8]                  warps  | 0 | 1 | 2 | 3 |   64 x 32 each:
 *     stage 0 .. 2     stage 0 .. 2                          | 4 | 5 | 6 | 7 |   4 x 4 of m16n8k16
 *
 * Rows are 80 bytes apart, so that the eight rows of an ldmatrix lie in different banks. Beyond the ends of a
 * and b cp.async writes zeros. Rows of b that are no multiple of 16 bytes (449 inputs of a token) are read
 * number by number. A dual product has the columns of two weights side by side, 16 and 16 of each 32, so that
 * one thread holds both numbers of a place.
 *
 * What binds: with k = 128, as for most of the network, the bytes of a and y; with k of hundreds the tensor
 * cores, of which mma.sync reaches about two thirds on sm_90 (wgmma: not yet).
 *
 * f32: 64 x 64 of y a block, 4 x 4 a thread, sums in the order of k. The FMA units bind it. */
#include "cuda/products.hpp"

#include "cuda/each.cuh"

namespace of3 {

/* ---- what is done to a number of y */

struct RowOf { /* what a row of y needs, once */
  int64_t y, gate;
  float factor, key;
};

static __device__ int64_t along(const Axis &a, int64_t i) {
  return a.rows ? i / a.rows * a.outer + i % a.rows * a.inner : i * a.inner;
}

static __device__ RowOf row_of(const Product &p, int64_t m, int64_t z) {
  RowOf r;
  const int64_t all = p.first + m;
  r.y = z * p.y_batch + along(p.row, m);
  r.gate = p.gate_rows ? all % p.gate_rows * p.n : r.y;
  r.factor = p.mask ? p.mask[p.mask_rows == 1 ? 0 : all % p.mask_rows] : 1.0f;
  r.key = p.keys ? 1e9f * (p.keys[all % p.key_rows] - 1.0f) : 0.0f;
  if (p.tokens) {
    const int64_t t = p.n_tokens;
    const float *mask = p.tokens + all / (t * t) % p.token_entries * t;
    r.factor *= mask[all / t % t] * mask[all % t];
  }
  return r;
}

static __device__ float read(const void *p, bool is_bf16, int64_t i) {
  return is_bf16 ? __bfloat162float(static_cast<const bf16 *>(p)[i]) : static_cast<const float *>(p)[i];
}

static __device__ void write(const Product &p, const RowOf &r, int z, int64_t n, float v) {
  if (p.bias[z]) v += p.bias[z][n];
  v = activated(v, p.act[z]) + r.key;
  const int64_t column = along(p.column, n), at = r.y + column;
  if (p.gate) v *= read(p.gate, p.gate_bf16, r.gate + (p.gate_rows ? n : column));
  v *= r.factor;
  if (p.accumulate) v += read(p.y, p.y_bf16, at);
  if (p.y_bf16)
    static_cast<bf16 *>(p.y)[at] = __float2bfloat16(v);
  else
    static_cast<float *>(p.y)[at] = v;
}

/* Which of bias and act product z has: those of a batch of more share the first. */
static __device__ int kind_of(const Product &p, int z) { return p.b_batch ? 0 : z; }

/* ---- f32 */

/* Local column of a tile -> column of y and which weight, for groups of `group` columns that two weights
 * share. */
template <bool dual, int group> static __device__ int64_t column_of(int local, bool &second) {
  second = dual && local % group >= group / 2;
  return dual ? local / group * (group / 2) + local % (group / 2) : local;
}

constexpr int f32_tile = 64, f32_k = 16;

template <bool dual>
static __global__ void __launch_bounds__(256) product_f32(const __grid_constant__ Product p) {
  __shared__ float a[f32_k][f32_tile + 4], b[f32_k][f32_tile + 4];
  constexpr int columns = dual ? f32_tile / 2 : f32_tile;
  const int z = blockIdx.z, kind = kind_of(p, z), tx = threadIdx.x % 16, ty = threadIdx.x / 16;
  const int64_t m0 = static_cast<int64_t>(blockIdx.x) * f32_tile,
                n0 = static_cast<int64_t>(blockIdx.y) * columns;
  const float *pa = static_cast<const float *>(p.a.p) + z * p.a.batch;
  const float *pb = static_cast<const float *>(p.b[kind]) + (p.b_batch ? z * p.b_batch : 0);
  float sum[4][4] = {};
  for (int64_t k0 = 0; k0 < p.k; k0 += f32_k) {
    for (int i = threadIdx.x; i < f32_tile * f32_k; i += 256) {
      const int row = i / f32_k, kk = i % f32_k;
      bool second;
      const int64_t m = m0 + row, n = n0 + column_of<dual, 4>(row, second), k = k0 + kk;
      const float *weight = second ? static_cast<const float *>(p.dual) : pb;
      a[kk][row] = m < p.m && k < p.k ? pa[m * p.a.ld + k] : 0.0f;
      b[kk][row] = n < p.n && k < p.k ? weight[n * p.b_ld + k] : 0.0f;
    }
    __syncthreads();
#pragma unroll
    for (int kk = 0; kk < f32_k; kk++)
#pragma unroll
      for (int i = 0; i < 4; i++)
#pragma unroll
        for (int j = 0; j < 4; j++) sum[i][j] += a[kk][ty * 4 + i] * b[kk][tx * 4 + j];
    __syncthreads();
  }
  for (int i = 0; i < 4; i++) {
    const int64_t m = m0 + ty * 4 + i;
    if (m >= p.m) continue;
    const RowOf r = row_of(p, m, z);
    if constexpr (dual) {
      for (int j = 0; j < 2; j++) {
        const int64_t n = n0 + tx * 2 + j;
        if (n < p.n) write(p, r, kind, n, activated(sum[i][j], p.dual_act) * sum[i][j + 2]);
      }
    } else {
      for (int j = 0; j < 4; j++) {
        const int64_t n = n0 + tx * 4 + j;
        if (n < p.n) write(p, r, kind, n, sum[i][j]);
      }
    }
  }
}

/* ---- bf16 */

constexpr int tile_m = 128, tile_k = 32, pitch = tile_k + 8, stages = 3;

static __device__ unsigned shared_address(const void *p) {
  return static_cast<unsigned>(__cvta_generic_to_shared(p));
}

/* 16 bytes, of which the last 16 - `bytes` become zeros. */
static __device__ void copy_async(void *to, const void *from, int bytes) {
  asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(shared_address(to)), "l"(from),
               "r"(bytes));
}

static __device__ void load_matrices(unsigned r[4], const bf16 *at) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0,%1,%2,%3}, [%4];"
               : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
               : "r"(shared_address(at)));
}

static __device__ void multiply(float d[4], const unsigned a[4], const unsigned b[2]) {
  asm volatile("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, "
               "{%0,%1,%2,%3};"
               : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
               : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
}

/* Eight numbers of row `row` of x from k on; zeros beyond the ends. */
static __device__ void fetch(bf16 *to, const bf16 *x, int64_t ld, int64_t row, int64_t n, int64_t k,
                             int64_t n_k, bool aligned) {
  const int64_t left = row < n ? n_k - k : 0;
  const int valid = left >= 8 ? 8 : left > 0 ? static_cast<int>(left) : 0;
  const bf16 *from = valid ? x + row * ld + k : x;
  if (aligned) {
    copy_async(to, from, valid * 2);
    return;
  }
  for (int i = 0; i < 8; i++) to[i] = i < valid ? from[i] : __float2bfloat16(0.0f);
}

template <int tile_n, bool dual> struct Tiles {
  static constexpr int warps_n = tile_n / 32, warps_m = 8 / warps_n, warp_m = tile_m / warps_m,
                       blocks_m = warp_m / 16;
  static constexpr int columns = dual ? tile_n / 2 : tile_n;
  static constexpr int stage = (tile_m + tile_n) * pitch;
  static constexpr size_t bytes = size_t{2} * stages * stage;
};

/* The operands of k0 .. k0 + 31. */
template <int tile_n, bool dual>
static __device__ void fetch_stage(const Product &p, bf16 *stage, int64_t m0, int64_t n0, int64_t k0, int z,
                                   bool aligned_b) {
  const int kind = kind_of(p, z);
  const bf16 *pa = static_cast<const bf16 *>(p.a.p) + z * p.a.batch;
  const bf16 *pb = static_cast<const bf16 *>(p.b[kind]) + (p.b_batch ? z * p.b_batch : 0);
  for (int i = threadIdx.x; i < tile_m * 4; i += 256)
    fetch(stage + i / 4 * pitch + i % 4 * 8, pa, p.a.ld, m0 + i / 4, p.m, k0 + i % 4 * 8, p.k, true);
  for (int i = threadIdx.x; i < tile_n * 4; i += 256) {
    bool second;
    const int64_t n = n0 + column_of<dual, 32>(i / 4, second);
    fetch(stage + (tile_m + i / 4) * pitch + i % 4 * 8, second ? static_cast<const bf16 *>(p.dual) : pb,
          p.b_ld, n, p.n, k0 + i % 4 * 8, p.k, aligned_b);
  }
}

template <int tile_n, bool dual>
static __global__ void __launch_bounds__(256)
    product_bf16(const __grid_constant__ Product p, bool aligned_b) {
  using T = Tiles<tile_n, dual>;
  extern __shared__ __align__(16) bf16 shared[];
  const int z = blockIdx.z, kind = kind_of(p, z), lane = threadIdx.x % 32, warp = threadIdx.x / 32;
  const int wm = warp / T::warps_n * T::warp_m, wn = warp % T::warps_n * 32;
  const int64_t m0 = static_cast<int64_t>(blockIdx.x) * tile_m,
                n0 = static_cast<int64_t>(blockIdx.y) * T::columns;
  const int steps = static_cast<int>((p.k + tile_k - 1) / tile_k);
  float sum[T::blocks_m][4][4] = {};
  for (int s = 0; s < stages - 1; s++) {
    if (s < steps)
      fetch_stage<tile_n, dual>(p, shared + s * T::stage, m0, n0, int64_t{s} * tile_k, z, aligned_b);
    asm volatile("cp.async.commit_group;");
  }
  for (int s = 0; s < steps; s++) {
    asm volatile("cp.async.wait_group %0;" ::"n"(stages - 2));
    __syncthreads();
    const int ahead = s + stages - 1;
    if (ahead < steps)
      fetch_stage<tile_n, dual>(p, shared + ahead % stages * T::stage, m0, n0, int64_t{ahead} * tile_k, z,
                                aligned_b);
    asm volatile("cp.async.commit_group;");
    const bf16 *a = shared + s % stages * T::stage, *b = a + tile_m * pitch;
#pragma unroll
    for (int kk = 0; kk < tile_k; kk += 16) {
      unsigned fa[T::blocks_m][4], fb[2][4];
#pragma unroll
      for (int i = 0; i < T::blocks_m; i++)
        load_matrices(fa[i], a + (wm + i * 16 + lane % 16) * pitch + kk + lane / 16 * 8);
#pragma unroll
      for (int j = 0; j < 2; j++)
        load_matrices(fb[j], b + (wn + j * 16 + lane % 8 + lane / 16 * 8) * pitch + kk + lane / 8 % 2 * 8);
#pragma unroll
      for (int i = 0; i < T::blocks_m; i++)
#pragma unroll
        for (int j = 0; j < 4; j++) multiply(sum[i][j], fa[i], fb[j / 2] + j % 2 * 2);
    }
  }
#pragma unroll
  for (int i = 0; i < T::blocks_m; i++)
#pragma unroll
    for (int half = 0; half < 2; half++) {
      const int64_t m = m0 + wm + i * 16 + lane / 4 + half * 8;
      if (m >= p.m) continue;
      const RowOf r = row_of(p, m, z);
#pragma unroll
      for (int j = 0; j < (dual ? 2 : 4); j++)
#pragma unroll
        for (int e = 0; e < 2; e++) {
          const int64_t n = n0 + (dual ? wn / 2 : wn) + j * 8 + lane % 4 * 2 + e;
          const float v = sum[i][j][half * 2 + e];
          if (n >= p.n) continue;
          if constexpr (dual)
            write(p, r, kind, n, activated(v, p.dual_act) * sum[i][j + 2][half * 2 + e]);
          else
            write(p, r, kind, n, v);
        }
    }
}

/* ---- launches */

template <int tile_n, bool dual> static void launch_bf16(const Run &r, const Product &p) {
  using T = Tiles<tile_n, dual>;
  static const cudaError_t allowed = cudaFuncSetAttribute(
      product_bf16<tile_n, dual>, cudaFuncAttributeMaxDynamicSharedMemorySize, static_cast<int>(T::bytes));
  check(allowed);
  const dim3 grid(static_cast<unsigned>((p.m + tile_m - 1) / tile_m),
                  static_cast<unsigned>((p.n + T::columns - 1) / T::columns),
                  static_cast<unsigned>(p.products));
  uintptr_t places = reinterpret_cast<uintptr_t>(p.dual);
  for (const void *b : p.b) places |= reinterpret_cast<uintptr_t>(b);
  const bool aligned_b = p.b_ld % 8 == 0 && p.b_batch % 8 == 0 && places % 16 == 0;
  product_bf16<tile_n, dual><<<grid, 256, T::bytes, r.stream>>>(p, aligned_b);
}

template <bool dual> static void launch_f32(const Run &r, const Product &p) {
  constexpr int columns = dual ? f32_tile / 2 : f32_tile;
  const dim3 grid(static_cast<unsigned>((p.m + f32_tile - 1) / f32_tile),
                  static_cast<unsigned>((p.n + columns - 1) / columns), static_cast<unsigned>(p.products));
  product_f32<dual><<<grid, 256, 0, r.stream>>>(p);
}

void product(const Run &r, const Product &p) {
  if (!r.launches || p.m == 0 || p.n == 0) return;
  if (!p.bf16)
    p.dual ? launch_f32<true>(r, p) : launch_f32<false>(r, p);
  else if (p.dual)
    launch_bf16<128, true>(r, p);
  else if (p.n > 32)
    launch_bf16<128, false>(r, p);
  else
    launch_bf16<32, false>(r, p);
}

} // namespace of3
