/* The kernels in NEON. */
#include <math.h>

#include "cpu/kernels.h"

#if defined(__aarch64__)
#define OF3_ISA neon
#include "cpu/simd_neon.h"

#include "cpu/kernels_gemm.inc"
#include "cpu/kernels_panel.inc"
#include "cpu/kernels_flat.inc"
#include "cpu/kernels_attention.inc"
#include "cpu/kernels_back.inc"
#include "cpu/kernels_table.inc"
#else
const of3_cpu_kernels *of3_cpu_kernels_neon(void) { return NULL; }
#endif
