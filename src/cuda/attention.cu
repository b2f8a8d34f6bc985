/* Attention without a matrix of logits in memory (online softmax): for each query the largest logit so far,
 * the sum of exponentials and the weighted sum of values are kept while keys pass by, and rescaled when a
 * larger logit comes.
 *
 * attend_bf16: tensor cores. A block of 4 warps has 64 queries of one head of one entry, a warp 16 of them;
 * keys and values come through shared memory, 64 at a time, the next ones by cp.async while these are used:
 *
 *     warp   q [16, d] in registers        k [64, d+8]  v [64, d+8]   two stages in shared memory
 *            s = q k^T   [16, 64]          + bias[h, key, query], read from memory where it is added
 *            p = exp(s - largest)  bf16    o = o rescaled + p v       [16, d] in registers
 *
 * The bias is key-major, so that eight queries beside each other are 32 bytes. What binds it: the
 * exponentials, then reading the bias from L2.
 *
 * attend_plain: f32, or heads whose width is no multiple of 16. A thread has one query, all threads read the
 * same key from shared memory. The FMA units bind it. */
#include "cuda/attention.hpp"

#include "cuda/each.cuh"

namespace of3 {

/* What is added to the logit of a key: of a mask of keys, or of a triangle's tokens. */
struct KeyMask {
  const float *keys, *tokens;
  float line;
  __device__ KeyMask(const Attention &a, int64_t entry) : keys(nullptr), tokens(nullptr), line(1) {
    if (a.keys) keys = a.keys + entry % a.key_entries * a.nk;
    if (!a.tokens) return;
    line = a.tokens[a.first + entry];
    if (line != 0) tokens = a.tokens;
  }
  __device__ float operator()(int64_t k) const {
    if (keys) return 1e9f * (keys[k] - 1.0f);
    return tokens ? 1e9f * (line * tokens[k] - 1.0f) : 0.0f;
  }
};

static __device__ float gated(float x, float g) { return x / (1 + expf(-g)); }

/* ---- on the FMA units */

constexpr int plain_queries = 64, plain_keys = 32;

template <typename T, int most_d>
static __global__ void __launch_bounds__(plain_queries) attend_plain(const __grid_constant__ Attention a) {
  __shared__ float keys[plain_keys][most_d], values[plain_keys][most_d];
  const int64_t entry = blockIdx.z, head = blockIdx.y,
                i = static_cast<int64_t>(blockIdx.x) * plain_queries + threadIdx.x;
  const int64_t ld = static_cast<int64_t>(a.heads) * a.d, side = head * a.d;
  const int64_t row = (entry * a.nq + min(i, a.nq - 1)) * ld + side;
  const float *bias = a.bias + (entry % a.bias_entries * a.heads + head) * a.nk * a.nq + min(i, a.nq - 1);
  const KeyMask mask(a, entry);
  const float scale = rsqrtf(static_cast<float>(a.d));
  float q[most_d], o[most_d] = {}, most = -INFINITY, sum = 0;
#pragma unroll
  for (int e = 0; e < most_d; e++) q[e] = e < a.d ? number(static_cast<const T *>(a.q), row + e) : 0.0f;
  for (int64_t k0 = 0; k0 < a.nk; k0 += plain_keys) {
    __syncthreads();
    for (int at = threadIdx.x; at < plain_keys * most_d; at += plain_queries) {
      const int k = at / most_d, e = at % most_d;
      const bool there = k0 + k < a.nk && e < a.d;
      const int64_t from = (entry * a.nk + k0 + k) * ld + side + e;
      keys[k][e] = there ? number(static_cast<const T *>(a.k), from) : 0.0f;
      values[k][e] = there ? number(static_cast<const T *>(a.v), from) : 0.0f;
    }
    __syncthreads();
    for (int k = 0; k < plain_keys && k0 + k < a.nk; k++) {
      float s = 0;
#pragma unroll
      for (int e = 0; e < most_d; e++) s += q[e] * keys[k][e];
      s = s * scale + bias[(k0 + k) * a.nq] + mask(k0 + k);
      if (s > most) {
        const float smaller = expf(most - s);
        sum *= smaller;
#pragma unroll
        for (int e = 0; e < most_d; e++) o[e] *= smaller;
        most = s;
      }
      const float p = expf(s - most);
      sum += p;
#pragma unroll
      for (int e = 0; e < most_d; e++) o[e] += p * values[k][e];
    }
  }
  if (i >= a.nq) return;
#pragma unroll
  for (int e = 0; e < most_d; e++)
    if (e < a.d)
      put(static_cast<T *>(a.out), row + e, gated(o[e] / sum, number(static_cast<const T *>(a.g), row + e)));
}

/* ---- on tensor cores */

constexpr int queries = 64, keys_at_once = 64;

static __device__ unsigned shared_address(const void *p) {
  return static_cast<unsigned>(__cvta_generic_to_shared(p));
}

static __device__ void load_matrices(unsigned r[4], const bf16 *at) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0,%1,%2,%3}, [%4];"
               : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
               : "r"(shared_address(at)));
}

static __device__ void load_transposed(unsigned r[4], const bf16 *at) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0,%1,%2,%3}, [%4];"
               : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
               : "r"(shared_address(at)));
}

static __device__ void multiply(float d[4], const unsigned a[4], const unsigned b[2]) {
  asm volatile("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, "
               "{%0,%1,%2,%3};"
               : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
               : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
}

static __device__ unsigned pair(float low, float high) {
  const __nv_bfloat162 two = __floats2bfloat162_rn(low, high);
  return *reinterpret_cast<const unsigned *>(&two);
}

/* Rows `first` .. first + 63 of x, d numbers each; zeros beyond row n. */
template <int d>
static __device__ void fetch_rows(bf16 *to, const bf16 *x, int64_t ld, int64_t first, int64_t n) {
  constexpr int pieces = d / 8;
  for (int i = threadIdx.x; i < 64 * pieces; i += 128) {
    const int row = i / pieces, piece = i % pieces;
    const bool there = first + row < n;
    asm volatile(
        "cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(shared_address(to + row * (d + 8) + piece * 8)),
        "l"(x + (there ? first + row : 0) * ld + piece * 8), "r"(there ? 16 : 0));
  }
}

template <int d> struct Warp {
  unsigned q[d / 16][4];
  float o[d / 8][4] = {};
  float most[2] = {-INFINITY, -INFINITY}, sum[2] = {0, 0}; /* of this thread's two rows */

  /* Logits of 64 keys. */
  __device__ void logits(float s[8][4], const bf16 *k) const {
    const int lane = threadIdx.x % 32;
#pragma unroll
    for (int j = 0; j < 4; j++)
#pragma unroll
      for (int e = 0; e < d / 16; e++) {
        unsigned b[4];
        load_matrices(b, k + (j * 16 + lane % 8 + lane / 16 * 8) * (d + 8) + e * 16 + lane / 8 % 2 * 8);
        multiply(s[2 * j], q[e], b);
        multiply(s[2 * j + 1], q[e], b + 2);
      }
  }

  /* s becomes exponentials; what was summed is rescaled. */
  __device__ void soften(float s[8][4]) {
#pragma unroll
    for (int half = 0; half < 2; half++) {
      float top = most[half];
#pragma unroll
      for (int j = 0; j < 8; j++) top = fmaxf(top, fmaxf(s[j][2 * half], s[j][2 * half + 1]));
      top = fmaxf(top, __shfl_xor_sync(0xffffffffu, top, 1));
      top = fmaxf(top, __shfl_xor_sync(0xffffffffu, top, 2));
      const float smaller = exp2f((most[half] - top) * 1.4426950408889634f);
      most[half] = top;
      float added = 0;
#pragma unroll
      for (int j = 0; j < 8; j++)
#pragma unroll
        for (int e = 2 * half; e < 2 * half + 2; e++)
          added += s[j][e] = exp2f((s[j][e] - top) * 1.4426950408889634f);
      sum[half] = sum[half] * smaller + added;
#pragma unroll
      for (int j = 0; j < d / 8; j++) o[j][2 * half] *= smaller, o[j][2 * half + 1] *= smaller;
    }
  }

  __device__ void add_values(const float s[8][4], const bf16 *v) {
    const int lane = threadIdx.x % 32;
#pragma unroll
    for (int j = 0; j < 4; j++) {
      const unsigned p[4] = {pair(s[2 * j][0], s[2 * j][1]), pair(s[2 * j][2], s[2 * j][3]),
                             pair(s[2 * j + 1][0], s[2 * j + 1][1]), pair(s[2 * j + 1][2], s[2 * j + 1][3])};
#pragma unroll
      for (int e = 0; e < d / 16; e++) {
        unsigned b[4];
        load_transposed(b, v + (j * 16 + lane % 16) * (d + 8) + e * 16 + lane / 16 * 8);
        multiply(o[2 * e], p, b);
        multiply(o[2 * e + 1], p, b + 2);
      }
    }
  }
};

template <int d>
static __global__ void __launch_bounds__(128) attend_bf16(const __grid_constant__ Attention a) {
  constexpr int tile = 64 * (d + 8);
  __shared__ __align__(16) bf16 shared[4 * tile]; /* k, v of a stage; k, v of the other */
  const int lane = threadIdx.x % 32, warp = threadIdx.x / 32;
  const int64_t entry = blockIdx.z, head = blockIdx.y, q0 = static_cast<int64_t>(blockIdx.x) * queries;
  const int64_t ld = static_cast<int64_t>(a.heads) * d, of_q = entry * a.nq * ld + head * d,
                of_k = entry * a.nk * ld + head * d;
  const bf16 *k = static_cast<const bf16 *>(a.k) + of_k, *v = static_cast<const bf16 *>(a.v) + of_k;
  const float *bias = a.bias + (entry % a.bias_entries * a.heads + head) * a.nk * a.nq;
  const KeyMask mask(a, entry);
  const float scale = rsqrtf(static_cast<float>(d));
  const bool masked = mask.keys || mask.tokens;
  Warp<d> w;

  fetch_rows<d>(shared, static_cast<const bf16 *>(a.q) + of_q, ld, q0, a.nq);
  asm volatile("cp.async.commit_group;\n\tcp.async.wait_group 0;");
  __syncthreads();
#pragma unroll
  for (int e = 0; e < d / 16; e++)
    load_matrices(w.q[e], shared + (warp * 16 + lane % 16) * (d + 8) + e * 16 + lane / 16 * 8);
  __syncthreads();
  fetch_rows<d>(shared, k, ld, 0, a.nk);
  fetch_rows<d>(shared + tile, v, ld, 0, a.nk);
  asm volatile("cp.async.commit_group;");

  const int64_t row = q0 + warp * 16 + lane / 4; /* and row + 8 */
  const int64_t row_a = min(row, a.nq - 1), row_b = min(row + 8, a.nq - 1);
  int stage = 0;
  for (int64_t k0 = 0; k0 < a.nk; k0 += keys_at_once, stage ^= 1) {
    bf16 *next = shared + (stage ^ 1) * 2 * tile;
    if (k0 + keys_at_once < a.nk) {
      fetch_rows<d>(next, k, ld, k0 + keys_at_once, a.nk);
      fetch_rows<d>(next + tile, v, ld, k0 + keys_at_once, a.nk);
    }
    asm volatile("cp.async.commit_group;");
    float s[8][4] = {};
    float b[8][4];
#pragma unroll
    for (int j = 0; j < 8; j++)
#pragma unroll
      for (int e = 0; e < 2; e++) {
        const int64_t key = min(k0 + j * 8 + lane % 4 * 2 + e, a.nk - 1);
        b[j][e] = bias[key * a.nq + row_a];
        b[j][e + 2] = bias[key * a.nq + row_b];
      }
    asm volatile("cp.async.wait_group 1;");
    __syncthreads();
    w.logits(s, shared + stage * 2 * tile);
#pragma unroll
    for (int j = 0; j < 8; j++)
#pragma unroll
      for (int e = 0; e < 2; e++) {
        const int64_t key = k0 + j * 8 + lane % 4 * 2 + e;
        const float add = key >= a.nk ? -INFINITY : masked ? mask(key) : 0.0f;
        s[j][e] = s[j][e] * scale + b[j][e] + add;
        s[j][e + 2] = s[j][e + 2] * scale + b[j][e + 2] + add;
      }
    w.soften(s);
    w.add_values(s, shared + stage * 2 * tile + tile);
    __syncthreads();
  }
#pragma unroll
  for (int half = 0; half < 2; half++) {
    float sum = w.sum[half];
    sum += __shfl_xor_sync(0xffffffffu, sum, 1);
    sum += __shfl_xor_sync(0xffffffffu, sum, 2);
    const int64_t at_row = row + 8 * half;
    if (at_row >= a.nq) continue;
#pragma unroll
    for (int j = 0; j < d / 8; j++) {
      const int64_t at = of_q + at_row * ld + j * 8 + lane % 4 * 2;
      const bf16 *g = static_cast<const bf16 *>(a.g) + at;
      const float left = gated(w.o[j][2 * half] / sum, number(g, 0)),
                  right = gated(w.o[j][2 * half + 1] / sum, number(g, 1));
      *reinterpret_cast<unsigned *>(static_cast<bf16 *>(a.out) + at) = pair(left, right);
    }
  }
}

/* ---- launches */

static bool takes_tensor_cores(const Attention &a) {
  const auto places =
      reinterpret_cast<uintptr_t>(a.q) | reinterpret_cast<uintptr_t>(a.k) | reinterpret_cast<uintptr_t>(a.v);
  return a.bf16 && a.d % 16 == 0 && places % 16 == 0;
}

template <typename T> static void launch_plain(const Run &r, const Attention &a) {
  const dim3 grid(static_cast<unsigned>((a.nq + plain_queries - 1) / plain_queries),
                  static_cast<unsigned>(a.heads), static_cast<unsigned>(a.entries));
  if (a.d <= 32)
    attend_plain<T, 32><<<grid, plain_queries, 0, r.stream>>>(a);
  else
    attend_plain<T, 64><<<grid, plain_queries, 0, r.stream>>>(a);
}

void attend(const Run &r, const Attention &a) {
  if (!r.launches || a.entries == 0 || a.nq == 0 || a.nk == 0) return;
  if (!takes_tensor_cores(a)) {
    a.bf16 ? launch_plain<bf16>(r, a) : launch_plain<float>(r, a);
    return;
  }
  const dim3 grid(static_cast<unsigned>((a.nq + queries - 1) / queries), static_cast<unsigned>(a.heads),
                  static_cast<unsigned>(a.entries));
  if (a.d == 16) attend_bf16<16><<<grid, 128, 0, r.stream>>>(a);
  if (a.d == 32) attend_bf16<32><<<grid, 128, 0, r.stream>>>(a);
  if (a.d == 48) attend_bf16<48><<<grid, 128, 0, r.stream>>>(a);
  if (a.d == 64) attend_bf16<64><<<grid, 128, 0, r.stream>>>(a);
}

void ops::attention(Run &r, const of3_call &c) {
  const Tensor *q = c.in[ATT_Q], *k = c.in[ATT_K], *mask = c.in[ATT_KEY_MASK];
  Attention a;
  a.q = at<void>(q), a.k = at<void>(k), a.v = at<void>(c.in[ATT_V]), a.g = at<void>(c.in[ATT_G]),
  a.out = at<void>(c.out);
  a.bf16 = is_bf16(q);
  a.nq = of3_dim(q, 1), a.nk = of3_dim(k, 1);
  a.entries = a.nq ? rows(q) / a.nq : 0;
  a.heads = c.attr.heads, a.d = static_cast<int>(last(q) / c.attr.heads);
  a.bias = f32(c.in[ATT_BIAS]);
  if (a.nq && a.nk) a.bias_entries = count(c.in[ATT_BIAS]) / (a.heads * a.nq * a.nk);
  a.keys = f32(mask);
  if (mask && a.nk) a.key_entries = rows(mask);
  attend(r, a);
}

} // namespace of3
