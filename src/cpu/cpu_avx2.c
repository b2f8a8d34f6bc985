/* The kernels in AVX2. */
#include <math.h>

#include "cpu/kernels.h"

#if defined(__x86_64__)
#define OF3_ISA avx2
#include "cpu/simd_avx2.h"

#include "cpu/kernels_gemm.inc"
#include "cpu/kernels_panel.inc"
#include "cpu/kernels_flat.inc"
#include "cpu/kernels_attention.inc"
#include "cpu/kernels_back.inc"
#include "cpu/kernels_table.inc"
#else
const of3_cpu_kernels *of3_cpu_kernels_avx2(void) { return NULL; }
#endif
