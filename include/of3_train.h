/* of3_train.h: training (docs/training.md). See of3.h for errors, callbacks and ownership. */
#ifndef OF3_TRAIN_H
#define OF3_TRAIN_H

#include <stdbool.h>
#include <stdint.h>

#include "of3.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct of3_train_options {
  const char *config;     /* the YAML file of the training, with OpenFold3's keys */
  const char *output_dir; /* NULL: that of the file */
  const char *resume;     /* a checkpoint to go on from; "auto": the newest of the output folder, if there is
                           * one; NULL: as the file says */
  const char *ccd, *user_ccd; /* as of3_predict_options has them */
  bool plan_only;             /* say what a step takes, and take none */
} of3_train_options;

typedef struct of3_train_info {
  int64_t first, last;   /* steps that were done before this run, and after it */
  int64_t skipped;       /* entries whose loss or gradient did not count */
  char checkpoint[1024]; /* the last one that was written; "" if none was */
  char plan[640];        /* memory, blocks that are kept, and work of a step of the run's first sample: a line
                          * each */
} of3_train_info;

/* Trains as the file says, until its last step, or until the caller asks to stop: the step that is under way
 * is then finished, a checkpoint is written, and the result is OF3_ERR_CANCELLED. opt_engine: where it is
 * computed; its backend and dtype may be NULL: those of the file. Of a run that ended, whatever ended it, the
 * checkpoints that were written are whole, and one that goes on from any of them ends with the same bytes. */
OF3_API OF3_MUST_CHECK of3_status of3_train(const of3_train_options *options,
                                            const of3_engine_options *opt_engine,
                                            const of3_callbacks *opt_callbacks, of3_train_info *opt_info,
                                            of3_error *err);

#ifdef __cplusplus
}
#endif

#endif
