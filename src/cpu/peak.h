/* The rate at which this machine multiplies and adds in registers, measured (about 0.1 s). */
#ifndef OF3_CPU_PEAK_H
#define OF3_CPU_PEAK_H

#include <stdbool.h>

#include "base/threads.h"
#include "tensor/dtype.h"

/* Floating-point operations per second of all threads together with the instruction set `isa`
 * (cpu/cpu.h) on operands OF3_F32 or OF3_BF16, a multiply and an add counted as two; by the clock, or by the
 * threads' processor time. Where a set has no product of bf16 it is that of f32. 0: out of memory. */
double of3_cpu_peak(const char *isa, of3_dtype operand, of3_pool *pool, bool processor_time);

#endif
