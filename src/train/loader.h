/* Samples made ahead of the steps that take them, by threads of their own.
 *
 *   place   0 .. n_slot - 1 are the samples of the first step, the next n_slot those of the step after it ..
 *   ring    [n_ahead] of samples: a thread takes the next place that nobody has, as long as it is less than
 *           n_ahead in front of the place that is given next
 *
 * What is given depends on the seed and the places alone: the same for any number of threads. */
#ifndef OF3_TRAIN_LOADER_H
#define OF3_TRAIN_LOADER_H

#include "train/sample.h"

typedef struct of3_loader_options {
  const of3_sample_source *source; /* outlives the loader */
  uint64_t seed;
  uint32_t first_step;
  int n_slot;             /* samples of a step */
  int n_thread;           /* at least 1 */
  int n_ahead;            /* samples that are kept or being made, at least 1 */
  const of3_log *opt_log; /* used on the thread that calls of3_loader_next */
} of3_loader_options;

typedef struct of3_loader of3_loader;

/* Ownership: of3_loader_close, which waits until the samples that are being made are done. */
OF3_MUST_CHECK of3_status of3_loader_open(const of3_loader_options *options, of3_loader **ret_loader,
                                          of3_error *err);
void of3_loader_close(of3_loader *opt_loader);

/* The next sample, when it is made; its errors are those of of3_sample_make. The log has what was drawn and
 * could not be used. One thread at a time. Ownership: of3_sample_free. */
OF3_MUST_CHECK of3_status of3_loader_next(of3_loader *loader, of3_sample *out, of3_error *err);
/* How many draws could not be used, of the samples given. */
int64_t of3_loader_n_failed(const of3_loader *loader);

#endif
