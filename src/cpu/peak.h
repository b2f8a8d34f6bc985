/* The rate at which this machine multiplies and adds in registers, measured (about 10 ms). */
#ifndef OF3_CPU_PEAK_H
#define OF3_CPU_PEAK_H

/* Floating-point operations per second of `threads` threads with the instruction set `isa` (cpu/cpu.h), a
 * multiply and an add counted as two; 0 if the threads cannot be started. */
double of3_cpu_peak(const char *isa, int threads);

#endif
