/* The rate at which this machine multiplies and adds, measured. */
#ifndef OF3_BENCH_PEAK_H
#define OF3_BENCH_PEAK_H

/* GFLOP/s of `threads` threads with the instruction set `isa` (cpu/cpu.h); 0 if the threads cannot be
 * started. */
double peak_gflops(const char *isa, int threads);

#endif
