/* The log of a training run: a line for each step to the user, and files in a folder.
 *
 *   train.csv              a row for each step
 *   validation.csv         a row for each validation
 *   train.jsonl            both, an object a line
 *   events.out.tfevents.of3   both, for TensorBoard
 *   loss.svg                  curves of both, drawn anew after each validation
 *
 *   of3_train_log_open
 *     of3_train_log_step, of3_train_log_validation     in the order of steps
 *     of3_train_log_sync                               before a checkpoint is written
 *   of3_train_log_close
 *
 * Rows are appended whole (train/append_file.h). A run that was interrupted and goes on from the checkpoint
 * of step S opens its log with S: rows of later steps, which come again, are dropped, and so is a row that
 * was half-written. Since rows are on the disk before a checkpoint is, none is missing. Numbers that are not
 * known or not finite are empty in CSV, null in JSON, and left out for TensorBoard. */
#ifndef OF3_TRAIN_TRAIN_LOG_H
#define OF3_TRAIN_TRAIN_LOG_H

#include <stdint.h>

#include "base/log.h"
#include "base/str.h"
#include "train/losses.h"

/* Names of numbers, such as "lddt_intra_protein". */
typedef struct of3_log_names {
  int n;
  const char *const *name;
} of3_log_names;

typedef struct of3_train_log_options {
  const char *folder;               /* made if it is missing */
  int64_t step;                     /* the checkpoint that the run goes on from; 0: it begins */
  int64_t last_step;                /* of the run: what the time left goes by */
  int64_t line_every;               /* steps for a line to the user; 0: none */
  of3_log_names step_metrics;       /* more columns of train.csv; the names are kept, not copied */
  of3_log_names validation_metrics; /* columns of validation.csv, likewise */
  const of3_log *opt_log;
} of3_train_log_options;

typedef struct of3_train_log of3_train_log;

/* Errors: the folder cannot be written, or has a log with other columns. Ownership: of3_train_log_close. */
OF3_MUST_CHECK of3_status of3_train_log_open(const of3_train_log_options *options, of3_train_log **ret_log,
                                             of3_error *err);
void of3_train_log_close(of3_train_log *opt_log);

typedef struct of3_step_record {
  int64_t step;         /* the step that was finished; the first one is 1 */
  of3_loss_values loss; /* means over the entries of the step that counted */
  double lddt;          /* of their rollouts, 0 .. 1; NaN: unknown */
  double learning_rate, gradient_norm;
  int entries, skipped;     /* those that counted, those whose loss or gradient was not finite */
  double seconds;           /* that the step took */
  const double *opt_metric; /* [step_metrics.n]; NULL: all unknown */
} of3_step_record;

OF3_MUST_CHECK of3_status of3_train_log_step(of3_train_log *log, const of3_step_record *record,
                                             of3_error *err);
/* metric [validation_metrics.n]; step: the last one that the network learned from. Draws loss.svg anew. */
OF3_MUST_CHECK of3_status of3_train_log_validation(of3_train_log *log, int64_t step, double seconds,
                                                   const double *metric, of3_error *err);
/* Draws loss.svg anew: at the end of a run without validations. */
OF3_MUST_CHECK of3_status of3_train_log_draw(const of3_train_log *log, of3_error *err);
/* Returns when all rows are on the disk. */
OF3_MUST_CHECK of3_status of3_train_log_sync(of3_train_log *log, of3_error *err);

/* The line of a step, without its end: "step 120 of 5000: loss 1.2345, lDDT 0.612, learning rate 1.8e-03,
 * gradient norm 2.31, 3.2 s, 4 h 20 min left". seconds_left: negative: unknown. */
void of3_train_log_line(const of3_step_record *record, int64_t last_step, double seconds_left, of3_str *out);

#endif
