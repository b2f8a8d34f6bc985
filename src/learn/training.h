/* A training from its recipe to its last checkpoint.
 *
 *   begin     a new network, a checkpoint to go on from, or weights of elsewhere     learn/begin.h
 *   step      batch_size x accumulate samples of (data seed, step, slot), forward and back, Adam
 *   save      every so many steps, at the end, and when the user interrupts
 *
 * An entry whose loss or gradient is not finite, or whose gradient is larger than the recipe allows, does not
 * count, and what it was is written to <output>/bad. A step without an entry that counts changes nothing;
 * after so many of them in a row the run stops with an error.
 *
 * What a step does follows from the parameters, moments, seeds and its number alone: a run that is killed and
 * goes on from any checkpoint ends with the same bytes. */
#ifndef OF3_LEARN_TRAINING_H
#define OF3_LEARN_TRAINING_H

#include "chem/complex.h"
#include "feat/build.h"
#include "learn/begin.h"

typedef struct of3_training_options {
  const of3_recipe *recipe;
  const char *output_dir;
  const char *opt_resume; /* a checkpoint, or "auto" */
  const of3_device *device;
  of3_pool *pool;
  size_t memory;  /* bytes that a training may take */
  bool plan_only; /* no step is taken */
  const of3_library *opt_library;
  of3_cancel *opt_cancel; /* the step that is under way is finished and saved */
  const of3_log *opt_log;
} of3_training_options;

typedef struct of3_training_result {
  int64_t first, last;   /* steps that were done before, and at the end */
  int64_t skipped;       /* entries that did not count */
  char checkpoint[1024]; /* the last one that was written; "" if none was */
  char plan[640];        /* OF3_TRAIN_PLAN_TEXT: memory, blocks and work of a step, a line each */
} of3_training_result;

/* OF3_ERR_CANCELLED: interrupted, all is saved. Other errors leave the checkpoints that were written. */
OF3_MUST_CHECK of3_status of3_run_training(const of3_training_options *o, of3_training_result *out,
                                           of3_error *err);

#endif
