/* The kernels in AVX-512. */
#include <math.h>

#include "cpu/kernels.h"

#if defined(__x86_64__)
#define OF3_ISA avx512
#include "cpu/simd_avx512.h"

#include "cpu/kernels_gemm.inc"
#include "cpu/kernels_panel.inc"
#include "cpu/kernels_flat.inc"
#include "cpu/kernels_attention.inc"
#include "cpu/kernels_back.inc"
#include "cpu/kernels_table.inc"
#else
const of3_cpu_kernels *of3_cpu_kernels_avx512(void) { return NULL; }
#endif
