/* The instruction sets: what each has, and whether this processor can run it. */
#ifndef OF3_CPU_ISA_H
#define OF3_CPU_ISA_H

#include "cpu/kernels.h"

typedef struct of3_isa {
  const char *name;
  bool (*can_run)(void);
  const of3_cpu_kernels *(*kernels)(void);
  const of3_bf16_kernels *(*bf16)(void); /* NULL: those of kernels */
} of3_isa;

extern const of3_isa of3_isa_amx, of3_isa_avx512bf16, of3_isa_avx512, of3_isa_avx2, of3_isa_neonbf16,
    of3_isa_neon, of3_isa_plain;

#endif
