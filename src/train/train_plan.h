/* What a training step will take, and which blocks it keeps.
 *
 * A plan is an entry itself (train/trainer.h), run forward and back on a context that is `planning`: so what
 * it says of tensors is true to the byte. Beside them there is what a training keeps from step to step:
 *
 *   bytes for a parameter   what
 *   4                       master values, which the network's f32 tensors are where the host reaches them
 *   8, 4                    Adam's moments, the moving average
 *   4                       the gradient: of an entry, and the sum of a batch
 *   4 more                  from the second entry of a step on: the sum beside the gradient
 *   2 for most              rounded matrices, where operands are bf16; 4 on a device with memory of its own
 *
 * Blocks. Each scope of the model's code is a block, and blocks lie inside each other (tensor/tape.h). One of
 * two things happens to a block between the way forward and the way back: its memory is given back and it is
 * done again, with all that lies inside it; or it is open: what was made in it stays, but for the blocks
 * inside it, of which the same is to be decided.
 *
 *   denoiser, open      | s, biases |  block 1  |  block 2  | ..      of3_denoise
 *     block 1, again    | a |                                         only its input is there
 *     block 2, kept     | a, q, k, v, g, attention, hidden |          all of it is
 *
 * First the choice that needs least memory is looked for: blocks of more than some size are open, smaller
 * ones are done again, and that size is the one with the lowest peak. Then, as far as memory allows, blocks
 * are kept, those first that save most work for a byte. What is computed does not depend on the choice. */
#ifndef OF3_TRAIN_TRAIN_PLAN_H
#define OF3_TRAIN_TRAIN_PLAN_H

#include "model/network.h"
#include "train/trainer.h"

/* Of the blocks of a tape, in the order in which they begin, which are done again. */
typedef struct of3_block_choice {
  int64_t n;
  uint8_t *again; /* [n]; NULL: none is */
} of3_block_choice;
void of3_block_choice_free(of3_block_choice *c); /* {0} is allowed */

typedef struct of3_train_plan {
  int64_t parameters; /* of the network */
  /* Bytes kept from step to step. */
  size_t values, moments, average, gradients;
  size_t network; /* of tensors that are not the master values themselves */
  /* Bytes of an entry: the highest top of the context's stack, which its limit must allow, and what is on the
   * host beside it. */
  size_t tensors, host;
  /* Work of an entry, flop: cycles and rollout without gradient, what is recorded, and the way back, of which
   * `again` is for blocks done again. */
  double cycles, rollout, forward, back, again;
  int blocks, kept; /* that can be kept or done again */
} of3_train_plan;
/* All of it. */
size_t of3_train_plan_bytes(const of3_train_plan *p);

/* What is to be planned. */
typedef struct of3_train_question {
  const of3_device *device;
  int threads;            /* as of3_ctx_open */
  const of3_network *net; /* may be bound on a context that plans */
  const of3_trainer_options *options;
  const of3_features *crop; /* the largest of the training; or of3_features_of_size */
  int batch;                /* entries of that size at once; 0: 1 */
  int n_cycle;
  bool dropout;
  of3_condition condition; /* {0} takes more than the others */
  bool accumulates;        /* a step has more than one entry */
} of3_train_question;

/* Plans the step with options->memory, which may not be enough: *fits. opt_choice: the blocks; ownership
 * of3_block_choice_free. Errors: memory. */
OF3_MUST_CHECK of3_status of3_plan_training(const of3_train_question *q, of3_train_plan *out, bool *fits,
                                            of3_block_choice *opt_choice, of3_error *err);
/* The same; a step that does not fit is an error of one sentence, which says what it needs, what is allowed,
 * and with how many copies it would fit. */
OF3_MUST_CHECK of3_status of3_plan_training_within(const of3_train_question *q, of3_train_plan *out,
                                                   of3_block_choice *opt_choice, of3_error *err);

/* Features with which a crop of this size is planned, and nothing else can be done: no masks, and template
 * slots that differ. In the arena. */
OF3_MUST_CHECK of3_status of3_features_of_size(int tokens, int atoms, int msa_rows, int templates,
                                               of3_arena *arena, of3_features *out, of3_error *err);

/* Three lines: memory, blocks, work. */
enum { OF3_TRAIN_PLAN_TEXT = 640 };
const char *of3_train_plan_text(const of3_train_plan *p, char out[OF3_TRAIN_PLAN_TEXT]);

#endif
