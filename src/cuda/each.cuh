/* Kernels that do something for each of n numbers or rows: a lambda over the index. One thread an index, in
 * order, so that neighbouring threads touch neighbouring memory. Memory bandwidth binds these. */
#ifndef OF3_CUDA_EACH_CUH
#define OF3_CUDA_EACH_CUH

#include <cuda_bf16.h>

#include "cuda/state.hpp"

namespace of3 {

using bf16 = __nv_bfloat16;

template <typename F> __global__ void each_kernel(int64_t n, F f) {
  const int64_t i = static_cast<int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  if (i < n) f(i);
}

template <typename F> void each(const Run &r, int64_t n, F f) {
  constexpr int threads = 256;
  if (!r.launches || n <= 0) return;
  each_kernel<<<static_cast<unsigned>((n + threads - 1) / threads), threads, 0, r.stream>>>(n, f);
}

/* A vector that may be absent and may have fewer entries than are asked for. */
struct Repeated {
  const float *x;
  int64_t n;
  Repeated(const Tensor *t) : x(f32(t)), n(t ? of3_count(t) : 1) {}
  __device__ float operator[](int64_t i) const { return x ? x[n == 1 ? 0 : i % n] : 1.0f; }
};

/* Masks of tokens [~,N] (tensor/pairs.h). */
struct TokenMask {
  const float *x;
  int64_t n, entries;
  TokenMask(const Tensor *t, int64_t tokens)
      : x(f32(t)), n(tokens), entries(t && tokens ? std::max<int64_t>(1, of3_count(t) / tokens) : 1) {}
  __device__ const float *of_entry(int64_t b) const { return x ? x + b % entries * n : nullptr; }
};

__device__ inline float activated(float x, int act) {
  switch (act) {
  case OF3_ACT_RELU:
    return fmaxf(x, 0);
  case OF3_ACT_SIGMOID:
    return 1 / (1 + expf(-x));
  case OF3_ACT_SILU:
    return x / (1 + expf(-x));
  default:
    return x;
  }
}

__device__ inline float number(const float *p, int64_t i) { return p[i]; }
__device__ inline float number(const bf16 *p, int64_t i) { return __bfloat162float(p[i]); }
__device__ inline void put(float *p, int64_t i, float x) { p[i] = x; }
__device__ inline void put(bf16 *p, int64_t i, float x) { p[i] = __float2bfloat16(x); }

} // namespace of3

#endif
