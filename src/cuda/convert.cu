#include "cuda/convert.hpp"

#include <cuda_fp16.h>

#include "cuda/each.cuh"

namespace of3 {

void convert(cudaStream_t stream, void *to, of3_dtype as, const void *from, of3_dtype stored, int64_t n) {
  Run r;
  r.stream = stream;
  r.launches = true;
  each(r, n, [=] __device__(int64_t i) {
    float x = 0;
    if (stored == OF3_F32) x = static_cast<const float *>(from)[i];
    if (stored == OF3_BF16) x = __bfloat162float(static_cast<const bf16 *>(from)[i]);
    if (stored == OF3_F16) x = __half2float(static_cast<const __half *>(from)[i]);
    if (as == OF3_BF16)
      static_cast<bf16 *>(to)[i] = __float2bfloat16(x);
    else
      static_cast<float *>(to)[i] = x;
  });
  check(cudaGetLastError());
}

float one_and_one() {
  float *x = nullptr, two = 0;
  Run r;
  r.launches = true;
  check(cudaMalloc(reinterpret_cast<void **>(&x), sizeof *x));
  each(r, 1, [=] __device__(int64_t) { *x = 1.0f + 1.0f; });
  const cudaError_t launched = cudaGetLastError(),
                    copied = cudaMemcpy(&two, x, sizeof two, cudaMemcpyDeviceToHost);
  cudaFree(x);
  check(launched);
  check(copied);
  return two;
}

} // namespace of3
