/* Inside src/train: which blocks of a step are done again (train/train_plan.h says what is to be decided, and
 * in which order). */
#ifndef OF3_TRAIN_BLOCK_CHOICE_H
#define OF3_TRAIN_BLOCK_CHOICE_H

#include "tensor/tape.h"
#include "train/train_plan.h"

/* What an entry is run with: tape.h, entry_run.h. */
typedef struct of3_block_watch {
  bool (*recomputes)(void *user, const of3_tape *tape, const of3_tape_block *b);
  void (*opt_recorded)(void *user, const of3_tape *tape);
  void *user;
} of3_block_watch;

/* Who plans an entry with a choice: without `again`, blocks and kept. */
typedef struct of3_block_planner {
  of3_status (*plan)(void *user, const of3_block_watch *watch, of3_train_plan *out, of3_error *err);
  void *user;
  const of3_ctx *cx; /* on which it plans */
} of3_block_planner;

/* memory: as in of3_trainer_options. A plan that does not fit is the one that needs least. */
OF3_MUST_CHECK of3_status of3_choose_blocks(const of3_block_planner *p, size_t memory, of3_block_choice *ret,
                                            of3_train_plan *out, of3_error *err);
/* The tape's question; user: of3_block_choice. */
bool of3_block_is_done_again(void *user, const of3_tape *tape, const of3_tape_block *b);

#endif
