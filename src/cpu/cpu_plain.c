/* The kernels in plain C. */
#include <math.h>

#include "cpu/kernels.h"

#define OF3_ISA plain
#include "cpu/simd_plain.h"

#include "cpu/kernels_gemm.inc"
#include "cpu/kernels_panel.inc"
#include "cpu/kernels_flat.inc"
#include "cpu/kernels_attention.inc"
#include "cpu/kernels_back.inc"
#include "cpu/kernels_table.inc"
