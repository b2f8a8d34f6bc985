/* Validating a network: entries of a set are folded whole and compared with their truth (train/metrics.h). */
#ifndef OF3_TRAIN_VALIDATE_H
#define OF3_TRAIN_VALIDATE_H

#include "train/metrics.h"
#include "train/sample.h"

/* Folds the sample (of3_sample_whole) as `options` say, OpenFold3 with 200 steps and 5 samples; to each
 * structure the truth is aligned by itself. What counts of them is added to the means. net: a network of the
 * weights that are to be validated, the moving average; cx as of3_fold has it. *ret_counts is false, and the
 * means stay, where the truth cannot be aligned. */
OF3_MUST_CHECK of3_status of3_validate_sample(of3_ctx *cx, const of3_network *net, const of3_sample *sample,
                                              const of3_fold_options *options, of3_metric_means *means,
                                              bool *ret_counts, of3_error *err);

#endif
