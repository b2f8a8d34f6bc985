/* Inside src/train: an entry forward and back, as train/trainer.h orders it. On a context that is `planning`
 * the same is done without memory and numbers: so a step is planned (train/train_plan.h). */
#ifndef OF3_TRAIN_ENTRY_RUN_H
#define OF3_TRAIN_ENTRY_RUN_H

#include "model/run.h"
#include "tensor/tape.h"
#include "train/trained_weights.h"
#include "train/trainer.h"

/* The parts of the work, in their order. */
typedef enum of3_entry_part {
  OF3_PART_CYCLES,  /* without gradient */
  OF3_PART_ROLLOUT, /* without gradient */
  OF3_PART_FORWARD, /* recorded: last cycle, heads, copies */
  OF3_PART_BACK,    /* blocks done again included */
  OF3_N_ENTRY_PART
} of3_entry_part;

/* n entries as one batch: their crops have equally many tokens, their draws equally many cycles, and all or
 * none has dropout. Their gradients are added up. */
typedef struct of3_entry_run {
  of3_ctx *cx;
  const of3_network *net;
  const of3_trainer_options *options;
  of3_trained_weights *weights;
  float *gradient; /* [all parameters], zeros; NULL while planning */
  int n;
  const of3_train_entry *const *entry; /* [n]; while planning the crops' features alone are read */
  const of3_train_draw *const *draw;   /* [n]; while planning the random sources are not asked */
  of3_condition condition;             /* of all of them */
  /* tape.h: which blocks are done again. */
  bool (*recomputes)(void *user, const of3_tape *tape, const of3_tape_block *b);
  void *user;
  /* Between the way forward and the way back, while planning; NULL: nobody looks. */
  void (*opt_recorded)(void *user, const of3_tape *tape);

  /* What it took. */
  size_t host; /* bytes on the host beside the stack of cx */
  double flops[OF3_N_ENTRY_PART];
} of3_entry_run;

/* What the trunk gives to an entry's copies and confidence heads. */
of3_condition of3_draw_condition(const of3_trainer_options *o, const of3_train_draw *draw);

/* Fills out [n], but for norm, and e->gradient. An entry with a loss that is not finite adds nothing to the
 * gradient. confidence [n]: whether it has confidence losses. The stack of cx is as before. */
OF3_MUST_CHECK of3_status of3_run_entries(of3_entry_run *e, of3_entry_result *out, bool *confidence,
                                          of3_error *err);

#endif
