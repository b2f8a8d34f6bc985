/* The product in NEON with the bf16 extension. */
#include "cpu/kernels.h"

#if defined(__aarch64__)
#include "cpu/simd_neon.h"

#include "cpu/pairs_neon.h"

#include "cpu/kernels_dot.inc"

of3_gemm_kernel *of3_gemm_neonbf16(void) { return dot_gemm; }
#else
of3_gemm_kernel *of3_gemm_neonbf16(void) { return NULL; }
#endif
