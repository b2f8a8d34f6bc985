/* experiment_config.json and model_config.json: what of3 ran with. Keys of the reference where the thing is
 * the same (shared/reference/interface.md sections 4 and 12), `of3.*` for the rest; nothing of the
 * reference's trainer. */
#ifndef OF3_WRITE_SETTINGS_H
#define OF3_WRITE_SETTINGS_H

#include "model/config.h"
#include "write/tree.h"

typedef struct of3_run_settings {
  const char *checkpoint;              /* file */
  const char *version, *backend, *isa; /* of3's; "cpu"; "avx2" */
  const char *dtype;                   /* "f32", "bf16" */
  int threads;
  const uint64_t *seeds; /* that were run */
  int n_seed, samples, recycles, steps;
  bool overwrite;
  of3_variant variant;
} of3_run_settings;

OF3_MUST_CHECK of3_status of3_tree_write_experiment(const of3_tree *tree, const of3_run_settings *run,
                                                    of3_error *err);

OF3_MUST_CHECK of3_status of3_tree_write_model(const of3_tree *tree, const of3_run_settings *run,
                                               const of3_config *config, of3_error *err);

#endif
