/* Timing of3 on this machine: what `of3 bench` prints. For programs that only fold, of3.h suffices. */
#ifndef OF3_BENCH_H
#define OF3_BENCH_H

#include "of3.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What is measured besides the peak. */
enum { OF3_BENCH_PHASES = 1, OF3_BENCH_KERNELS = 2 };

typedef struct of3_bench_options {
  unsigned parts;      /* of OF3_BENCH_*; 0: the peak alone */
  bool processor_time; /* seconds are processor time over threads: for machines that others use too. Not with
                        * a backend that computes elsewhere */
  int tokens;          /* residues of one chain */
  int msa_rows;        /* 1 to 16384 */
  int samples;         /* structures that the denoiser works on together */
  int passes, steps;   /* trunk passes and denoising steps to be timed */
} of3_bench_options;

OF3_API of3_bench_options of3_bench_defaults(void);

/* A part of a fold. flops: multiplies and adds that it needs. Two are no part of other folds: "making
 * weights", without a model, and the "first fold", of one pass and one step, which is there for backends that
 * compile or load code for what they are asked and is not counted in the others. */
typedef struct of3_bench_phase {
  const char *name;      /* "making weights" or "loading weights", "first fold", "inputs", "trunk pass",
                            "denoiser preparation", "denoiser step", "heads"; "whole fold": all from the
                            inputs on, with as many passes and steps as were asked for */
  int count;             /* how often it was done */
  double seconds, flops; /* of the fastest one */
} of3_bench_phase;

/* An operation at a shape. */
typedef struct of3_bench_kernel {
  const char *phase, *operation, *shape;
  int64_t calls;
  double seconds, flops, bytes; /* of all calls */
} of3_bench_kernel;

typedef struct of3_bench_report {
  double peak;      /* flop/s of what peak_product says */
  int peak_product; /* 0: multiply-adds in registers, on all threads; n > 0: a product of two n x n matrices
                       on the backend's device */
  int n_token, n_atom, n_msa, samples; /* 0 if only the peak was asked for, as all that follows */
  uint64_t weight_bytes, tensor_bytes; /* memory, as planned */
  uint64_t held_bytes; /* of a backend with memory of its own: what it held for tensors at most, freed buffers
                          that it keeps included; 0: not such a backend */
  int n_phase;
  const of3_bench_phase *phase;
  int n_kernel; /* longest first within each phase */
  const of3_bench_kernel *kernel;
} of3_bench_report;

/* Times the parts of a fold of a made-up query. Without a model the weights are random numbers of the
 * published sizes. */
OF3_API OF3_MUST_CHECK of3_status of3_bench(of3_engine *engine, const of3_model *opt_model,
                                            const of3_bench_options *options, of3_bench_report **ret_report,
                                            of3_error *err);
OF3_API void of3_bench_free(of3_bench_report *report);

#ifdef __cplusplus
}
#endif

#endif
