/* How a training begins: with a new network, from a checkpoint of its own, or with weights of elsewhere. */
#ifndef OF3_LEARN_BEGIN_H
#define OF3_LEARN_BEGIN_H

#include "learn/checkpoints.h"
#include "learn/recipe.h"

typedef enum of3_beginning {
  OF3_BEGIN_NEW,    /* first values of a new network */
  OF3_BEGIN_RESUME, /* all of a checkpoint: the same bytes as if the run had not ended */
  OF3_BEGIN_WEIGHTS /* the weights of a checkpoint, and what ckpt_load_settings asks for */
} of3_beginning;

typedef struct of3_begin_options {
  const of3_recipe *recipe;
  const char *opt_resume; /* --resume: a file, or "auto"; NULL: what the recipe says */
  const of3_checkpoints *checkpoints;
  size_t memory; /* bytes that a training may take */
  const of3_log *opt_log;
} of3_begin_options;

/* A trainer as the recipe wants it, and the state of the run; protocol is filled and outlives the trainer. cx
 * as for of3_trainer_open. Errors: a checkpoint that cannot be used here, or of another network than the
 * recipe's; a new run in a folder that has checkpoints. Ownership: of3_trainer_close, after an error too. */
OF3_MUST_CHECK of3_status of3_begin_training(const of3_begin_options *o, of3_ctx *cx, of3_protocol *protocol,
                                             of3_trainer *out, of3_run_state *ret_state, of3_error *err);

#endif
