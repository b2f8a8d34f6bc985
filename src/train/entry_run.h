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

typedef struct of3_entry_run {
  of3_ctx *cx;
  const of3_network *net;
  const of3_trainer_options *options;
  of3_trained_weights *weights;
  float *gradient;              /* [all parameters], zeros; NULL while planning */
  const of3_train_entry *entry; /* while planning the crop's features alone are read */
  const of3_train_draw *draw;   /* while planning the random source is not asked */
  /* tape.h: which blocks are done again. */
  bool (*recomputes)(void *user, const of3_tape *tape, const of3_tape_block *b);
  void *user;
  /* Between the way forward and the way back, while planning; NULL: nobody looks. */
  void (*opt_recorded)(void *user, const of3_tape *tape);

  /* What it took. */
  size_t host; /* bytes on the host beside the stack of cx */
  double flops[OF3_N_ENTRY_PART];
} of3_entry_run;

/* Fills out and e->gradient; a loss that is not finite leaves the gradient as it is. confidence: whether the
 * entry has confidence losses. The stack of cx is as before. */
OF3_MUST_CHECK of3_status of3_run_entry(of3_entry_run *e, of3_entry_result *out, bool *confidence,
                                        of3_error *err);

#endif
