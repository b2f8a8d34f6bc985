/* The optimiser of OpenFold3: clipping, Adam (Kingma and Ba 2015; no weight decay), learning rate, moving
 * average.
 *
 * State is a flat array of f32 for all parameters behind each other: master values, Adam's two moments, the
 * average. (Backends multiply bf16 operands made from the masters.) Gradients come in the same order, one
 * array for each entry of a batch, whatever the number of processes and micro-batches that made them. Sums
 * over numbers are in double and in order, so that results do not depend on threads. */
#ifndef OF3_TRAIN_OPTIMISER_H
#define OF3_TRAIN_OPTIMISER_H

#include <stdint.h>

#include "base/arena.h"
#include "base/threads.h"
#include "train/protocol.h"

typedef struct of3_optimiser_options {
  double lr;      /* the highest */
  double base_lr; /* of step 0; from there it grows linearly */
  int64_t warmup, decay_start, decay_every;
  double decay_factor;
  double beta1, beta2, eps;
  double clip;      /* norm of a gradient */
  double most_norm; /* an entry whose gradient is larger does not count; 0: any does */
  double average_decay;
} of3_optimiser_options;
/* 1.8e-3; 0; 1000, 50,000, 50,000; 0.95; 0.9, 0.95, 1e-8; 10; 0.999 */
extern const of3_optimiser_options of3_optimiser_published;

/* Of a step, counted from 0. */
double of3_learning_rate(const of3_optimiser_options *o, int64_t step);

/* A tensor of parameters: numbers first .. first + n - 1 of the arrays. */
typedef struct of3_trained {
  int64_t first, n;
  bool trained; /* else it stays as it is; it is averaged if `averaged` */
  bool averaged;
  bool confidence; /* of the confidence heads: entries without confidence losses do not count for it */
  int64_t updates; /* steps that trained it */
} of3_trained;

typedef struct of3_optimiser {
  of3_optimiser_options options;
  const of3_protocol *protocol;
  int64_t step;
  int n_tensor;
  of3_trained *tensor; /* [n_tensor] */
  int64_t n;
  float *value, *m, *v, *average; /* [n] */
  of3_pool *opt_pool;
} of3_optimiser;

/* Takes over tensors whose first and n are set; all are trained and averaged. value, m, v and average are in
 * the arena; the caller fills value and calls of3_optimiser_start. */
OF3_MUST_CHECK of3_status of3_optimiser_new(const of3_optimiser_options *options,
                                            const of3_protocol *protocol, int n_tensor, of3_trained *tensor,
                                            of3_arena *arena, of3_optimiser *out, of3_error *err);
/* The average begins with the values, moments with 0. */
void of3_optimiser_start(of3_optimiser *o);

/* The norm of a gradient over what is trained. */
double of3_gradient_norm(const of3_optimiser *o, const float *gradient);

/* Whether an entry with a gradient of this norm counts: it is finite, and no larger than most_norm. */
bool of3_norm_counts(const of3_optimiser *o, double norm);

/* The gradients of a batch become one. Each entry that comes is clipped to its norm, or (0.3.1) the mean in
 * the end. */
typedef struct of3_gradient_sum {
  double count, count_confidence; /* entries, and those with confidence losses */
  float *sum;                     /* [n] */
} of3_gradient_sum;
/* Adds the gradient of an entry, which is not changed, unless it is the first of a batch and lies in sum->sum
 * itself; returns its norm before clipping. Not finite, or more than most_norm: nothing is added, the entry
 * counts for nothing. */
double of3_add_gradient(const of3_optimiser *o, of3_gradient_sum *sum, const float *gradient,
                        bool confidence_counts);
/* The batch is complete: sum->sum becomes the mean, clipped in 0.3.1; a parameter for which no entry counts
 * has gradient 0. Returns the norm of the mean before that. */
double of3_mean_gradient(const of3_optimiser *o, of3_gradient_sum *sum);

/* One step along a gradient: Adam, and the moving average as the protocol orders. Returns the learning rate.
 */
double of3_optimiser_step(of3_optimiser *o, const float *gradient);

#endif
