/* The CPU backend: host memory, a thread pool, vector kernels for the instruction set at hand. */
#ifndef OF3_CPU_CPU_H
#define OF3_CPU_CPU_H

#include "tensor/backend.h"

/* The backend for an instruction set: NULL or "auto" for the best one of this processor, else one of the
 * names below. operand: the type of the numbers that products multiply, OF3_F32 or OF3_BF16; sets that differ
 * from a lower one in bf16 only are not chosen for f32. OF3_ERR_USAGE: no such name, or this processor lacks
 * it. The backend is static. */
OF3_MUST_CHECK of3_status of3_cpu_backend(const char *opt_isa, of3_dtype operand, const of3_backend **out,
                                          of3_error *err);

/* Names of the instruction sets that this program has kernels for and this processor can run, best first;
 * returns how many there are, writes at most max. */
int of3_cpu_isas(const char **names, int max);

#endif
