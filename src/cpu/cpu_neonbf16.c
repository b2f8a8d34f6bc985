/* The product in NEON with the bf16 extension. */
#include "cpu/kernels.h"

#if defined(__aarch64__)
#include "cpu/simd_neon.h"

#include "cpu/bf16x2_neon.h"

#include "cpu/kernels_dot.inc"
#include "cpu/kernels_bf16.inc"

static void cpu_neonbf16_dot_gemm(const of3_gemm *g) { dot_all(g, 0); }

const of3_bf16_kernels *of3_bf16_kernels_neonbf16(void) {
  static const of3_bf16_kernels table = {
      .gemm = cpu_neonbf16_dot_gemm, .to_bf16x2 = dot_join, .between = &bf16_table};
  return &table;
}
#else
const of3_bf16_kernels *of3_bf16_kernels_neonbf16(void) { return NULL; }
#endif
