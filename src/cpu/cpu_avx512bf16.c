/* The product in AVX512-BF16. */
#include "cpu/kernels.h"

#if defined(__x86_64__)
#include "cpu/simd_avx512.h"

#include "cpu/pairs_avx512.h"

#include "cpu/kernels_dot.inc"

of3_gemm_kernel *of3_gemm_avx512bf16(void) { return dot_gemm; }
#else
of3_gemm_kernel *of3_gemm_avx512bf16(void) { return NULL; }
#endif
