/* The checkpoints of a run: files EPOCH-STEP.safetensors (learn/state.h) in one folder, of which some are
 * kept. */
#ifndef OF3_LEARN_CHECKPOINTS_H
#define OF3_LEARN_CHECKPOINTS_H

#include "base/log.h"
#include "learn/state.h"

typedef struct of3_checkpoints {
  const char *folder;
  int keep;       /* how many; negative: all. The newest one always stays */
  bool by_metric; /* those of the best metric, not the newest */
  bool larger;    /* a larger metric is better */
  const of3_log *opt_log;
} of3_checkpoints;

/* Writes a checkpoint, and removes those that are not to be kept. Where it cannot be written (a full disk),
 * those that were there stay. *ret_path: in the arena. */
OF3_MUST_CHECK of3_status of3_checkpoints_save(const of3_checkpoints *c, const of3_trainer *t,
                                               const of3_run_state *state, int64_t epoch, of3_arena *arena,
                                               const char **ret_path, of3_error *err);

/* The one of the highest step that can be read, in the arena; NULL: there is none. What a run that was killed
 * left half-written is removed. */
OF3_MUST_CHECK of3_status of3_checkpoints_newest(const of3_checkpoints *c, of3_arena *arena,
                                                 const char **ret_path, of3_error *err);

#endif
