/* The state of a training in a safetensors file, from which it goes on with the bytes that it would have had.
 *
 *   NAME                  the moving average of a parameter: what a prediction reads from the file
 *   training/value/NAME   the parameter itself
 *   training/m/NAME, training/v/NAME   Adam's moments
 *   training/updates      [parameters] I64, by name: steps that trained each
 *   metadata              of3.training: the version of this layout; of3.step, of3.updates, of3.seed,
 *                         of3.data_seed; of3.settings, the SHA-256 of the YAML file; of3.metric, where a
 *                         validation belongs to it
 *
 * All f32, as a training keeps them. What a step sees is a function of its number, so that nothing else needs
 * to be kept. */
#ifndef OF3_LEARN_STATE_H
#define OF3_LEARN_STATE_H

#include "base/sha256.h"
#include "train/trainer.h"

typedef struct of3_run_state {
  int64_t step;    /* steps that are done; the samples of the next one are of this number */
  int64_t updates; /* of the optimiser: fewer, where a step had no entry that counted */
  int64_t seed, data_seed;
  double metric;                 /* of the validation at this step; NaN: there was none */
  char settings[OF3_SHA256_HEX]; /* of the YAML file */
} of3_run_state;

/* Through a temporary name, and on the disk when it returns; a file that was there stays until then. */
OF3_MUST_CHECK of3_status of3_state_write(const of3_trainer *t, const of3_run_state *state, const char *path,
                                          of3_error *err);

/* Whether the table is such a file. */
bool of3_is_state(const of3_table *table);
/* What the file says without its tensors. */
OF3_MUST_CHECK of3_status of3_state_describe(const of3_table *table, of3_run_state *out, of3_error *err);
/* Parameters, moments, average and numbers of updates into a trainer that was opened from the same file. */
OF3_MUST_CHECK of3_status of3_state_restore(const of3_table *table, of3_trainer *t, of3_error *err);
/* The parameters themselves, in the place of the average, as far as the trainer has them. */
OF3_MUST_CHECK of3_status of3_state_restore_values(const of3_table *table, of3_trainer *t, of3_error *err);

#endif
