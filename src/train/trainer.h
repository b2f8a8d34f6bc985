/* Training a network: entries go forward and back one at a time, their gradients are added up, and one step
 * follows.
 *
 *   of3_trainer_open(&t, ...)       a network in memory of its own; its master values, moments, average
 *   for each step:
 *     for each entry of the batch:  any number of them: accumulation is nothing else
 *       of3_trainer_entry(&t, ...)  loss, gradient; or several at once, of3_trainer_entries
 *     of3_trainer_step(&t, ...)     clipping, Adam, average; the network has the new values
 *   of3_trainer_close(&t)
 *
 * What an entry is for (AF3 SI Alg. 1, 20, 31, 3.7, 4.3):
 *
 *   cycles but the last   without a tape: no gradient
 *   last cycle            recorded; logits of the distogram
 *   rollout               a structure sampled in few steps, not recorded
 *   alignment             the truth in the order that suits the rollout (train/alignment.h)
 *   confidence heads      recorded, of the rollout; their inputs are detached
 *   noised copies         of the aligned truth, denoised, recorded
 *   losses                on the host (train/losses.h)
 *   way back              through all that was recorded; blocks are done again one by one
 *
 * Everything follows from the values, the entries, their order and the random numbers: equal bytes for any
 * number of threads, and whether blocks are kept or done again. */
#ifndef OF3_TRAIN_TRAINER_H
#define OF3_TRAIN_TRAINER_H

#include "io/safetensors.h"
#include "model/network.h"
#include "train/alignment.h"
#include "train/losses.h"
#include "train/optimiser.h"

typedef struct of3_trainer_options {
  const of3_protocol *protocol;
  of3_train_stage stage; /* the last one trains the confidence heads alone */
  of3_optimiser_options optimiser;
  int n_copy;         /* noised copies of an entry: 48 in the first stage, 32 then */
  int n_rollout_step; /* 20 */
  /* Probabilities that the denoiser of copies is conditioned on the trunk (AF3 SI Alg. 21), and that the
   * confidence heads see its pairs; else these are 0. 1 by default; recipes of 0.4 and 0.5.0 have 0.8 in all
   * stages but the last. */
  double conditioning, confidence_pairs;
  /* Bytes that the training may take in all. Blocks are kept as far as that allows, and done again else
   * (train/train_plan.h); 0: as little as possible; SIZE_MAX: all blocks are kept. */
  size_t memory;
} of3_trainer_options;
/* Those of the published recipe. */
of3_trainer_options of3_trainer_defaults(const of3_protocol *protocol, of3_train_stage stage);

typedef struct of3_trainer {
  of3_ctx *cx;
  of3_trainer_options options;
  of3_network net;
  of3_table table;                     /* what the network is bound to: in the arena */
  of3_optimiser optimiser;             /* its tensors are net.parameters, in their order */
  of3_gradient_sum batch;              /* the first entry's gradient is made in its sum */
  float *opt_gradient;                 /* of the others of a step; NULL: there was none yet */
  struct of3_trained_weights *weights; /* where parameters lie in the network */
  struct of3_step_plan *plan;          /* of the last entry */
  of3_arena *arena;
} of3_trainer;

/* A network of the values in `weights`, which may be closed then. cx: a context without anything on its stack
 * that outlives the trainer. Where its operands are bf16, products are of matrices that are rounded from the
 * master values after each step; masters, gradients of parameters, norms, softmax, losses and coordinates are
 * f32. Where the host reaches its memory, tensors of f32 that are parameters as they stand lie in
 * optimiser.value itself. Errors: those of of3_network_bind. Ownership: of3_trainer_close, after an error
 * too. */
OF3_MUST_CHECK of3_status of3_trainer_open(of3_ctx *cx, const of3_table *weights,
                                           const of3_trainer_options *options, of3_trainer *out,
                                           of3_error *err);
void of3_trainer_close(of3_trainer *t); /* {0} is allowed */
/* To be called when optimiser.value was changed from outside (a checkpoint was read): the network has them.
 */
void of3_trainer_refresh(of3_trainer *t);

/* A crop, its truth and what its losses weigh. */
typedef struct of3_train_entry {
  of3_symmetric crop, truth;
  const float *truth_x, *resolved; /* [atoms of the truth,3], [atoms of the truth] 0/1 */
  of3_loss_weights weights;
  bool protein_only; /* of3_loss_case_new */
} of3_train_entry;

/* The random numbers of an entry in a step. */
typedef struct of3_train_draw {
  int n_cycle;              /* 1 + recycles */
  of3_random_source random; /* rollout, copies (OF3_RANDOM_COPY_), rows of the MSA */
  const of3_dropout *opt_dropout;
} of3_train_draw;

/* What the denoiser of copies and the confidence heads get of the trunk. */
typedef struct of3_condition {
  bool copies, heads;
} of3_condition;

typedef struct of3_entry_result {
  of3_loss_values loss;
  double norm; /* of the gradient, before clipping */
  of3_aligned aligned;
  size_t tensors, host; /* bytes that it took: the highest top of the stack, and on the host beside that */
} of3_entry_result;

/* Forward and back; the gradient is added to that of the batch. A loss or a gradient that is not finite is
 * reported in the result, and the entry does not count: that is no error. An entry that does not fit into
 * options.memory is one, before anything is computed (of3_plan_training_within). */
OF3_MUST_CHECK of3_status of3_trainer_entry(of3_trainer *t, const of3_train_entry *entry,
                                            const of3_train_draw *draw, of3_entry_result *out,
                                            of3_error *err);

/* n entries of a step. Those of equally many tokens, cycles and conditions go through the network as one
 * batch, padded to the most atoms, if the protocol clips the mean gradient: then out[].norm is that of their
 * sum, and if that is not finite none counts. Where each entry's own gradient is clipped it has to be known
 * alone: there, and where a batch does not fit into options.memory, they go through one after the other, as
 * by of3_trainer_entry. Losses and gradients are the same either way but for rounding. */
OF3_MUST_CHECK of3_status of3_trainer_entries(of3_trainer *t, int n, const of3_train_entry *const *entry,
                                              const of3_train_draw *const *draw, of3_entry_result *out,
                                              of3_error *err);

typedef struct of3_step_result {
  double lr, norm; /* norm of the mean gradient (0.3.1: before it is clipped) */
  double entries;  /* that counted */
} of3_step_result;
/* One step along the batch, which begins anew. Without an entry that counts nothing changes. */
OF3_MUST_CHECK of3_status of3_trainer_step(of3_trainer *t, of3_step_result *out, of3_error *err);

#endif
