/* The rate at which this machine multiplies and adds in registers, measured by each thread in its own
 * processor time (about 50 ms). */
#ifndef OF3_CPU_PEAK_H
#define OF3_CPU_PEAK_H

#include "tensor/dtype.h"

/* Floating-point operations per second of `threads` threads with the instruction set `isa` (cpu/cpu.h) on
 * operands OF3_F32 or OF3_BF16, a multiply and an add counted as two. Where a set has no product of bf16 it
 * is that of f32. 0 if the threads cannot be started. */
double of3_cpu_peak(const char *isa, of3_dtype operand, int threads);

#endif
