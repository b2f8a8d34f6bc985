/* The product in AVX512-BF16. */
#include "cpu/kernels.h"

#if defined(__x86_64__)
#include "cpu/simd_avx512.h"

#include "cpu/bf16x2_avx512.h"

#include "cpu/kernels_dot.inc"
#include "cpu/kernels_bf16.inc"

static void cpu_avx512bf16_dot_gemm(const of3_gemm *g) { dot_all(g, 0); }

const of3_bf16_kernels *of3_bf16_kernels_avx512bf16(void) {
  static const of3_bf16_kernels table = {
      .gemm = cpu_avx512bf16_dot_gemm, .to_bf16x2 = dot_join, .between = &bf16_table};
  return &table;
}
#else
const of3_bf16_kernels *of3_bf16_kernels_avx512bf16(void) { return NULL; }
#endif
