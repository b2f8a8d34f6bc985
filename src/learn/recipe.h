/* What a training YAML says: the reference's keys (docs/training.md 2), and those of the section `of3`, which
 * only of3 has.
 *
 *   file -> tree -> recipe        of3_recipe_parse: every key is known, every value within its range
 *
 * Data sets are named by the user: what `dataset_configs` and `dataset_paths` say of one name is one
 * of3_recipe_set. */
#ifndef OF3_LEARN_RECIPE_H
#define OF3_LEARN_RECIPE_H

#include "base/sha256.h"
#include "model/config.h"
#include "settings/settings.h"
#include "train/losses.h"
#include "train/optimiser.h"

/* A training set, and how samples of it are drawn and weighed. */
typedef struct of3_recipe_set {
  const char *name, *file; /* file: made by 'of3 data build' */
  const char *class_name;  /* of the reference, "WeightedPDBDataset" */
  double weight;
  int budget;                             /* tokens of a crop */
  double contiguous, spatial, interface_; /* in which proportion crops are drawn */
  double a_protein, a_nucleic, a_ligand, w_chain, w_interface;
  of3_loss_weights loss; /* where the resolution allows it */
  of3_choice protein_only;
  const char *ccd;
} of3_recipe_set;

typedef struct of3_recipe {
  /* experiment_settings */
  const char *output_dir;
  int64_t seed, data_seed; /* data_seed negative: the seed */
  const char *restart;     /* a checkpoint, "last", or NULL */
  of3_choice weights_only, from_average, restore_schedule, restore_step, strict; /* ckpt_load_settings */
  /* data_module_args */
  int batch_size, n_loader;
  int64_t epoch_len; /* samples */
  /* pl_trainer_args */
  int64_t max_epochs, max_steps; /* negative: no limit */
  int accumulate;                /* batches of a step */
  int log_every;                 /* steps for a line to the user */
  const char *accelerator, *precision;
  /* checkpoint_config */
  int save_epochs;
  int64_t save_steps; /* 0: epochs count */
  int keep;           /* negative: all */
  /* model_update.custom.settings */
  of3_choice confidence_only, clip_each;
  of3_optimiser_options optimiser;
  of3_names averaged; /* the moving average takes these parts alone */
  /* model_update.custom.architecture */
  int recycles, copies, rollout_steps;
  double conditioning, confidence_pairs; /* as of3_trainer_options has them */
  of3_choice pae;
  /* of3 */
  const char *variant; /* NULL: that of the checkpoint, or OB */
  of3_config network;  /* sizes; 0: that of the checkpoint, or the published one */
  int most_bad;        /* steps in a row without a finite gradient before the run stops */
  double most_norm;    /* of an entry's gradient; 0: any */

  char identity[OF3_SHA256_HEX]; /* of the file */
  int n_train;
  of3_recipe_set *train;
} of3_recipe;

of3_recipe of3_recipe_defaults(void);

/* The texts and the arena outlive the recipe. OF3_ERR_INPUT, OF3_ERR_UNSUPPORTED: file, line and key are
 * named. */
OF3_MUST_CHECK of3_status of3_recipe_parse(const of3_settings_file *file, const of3_log *opt_log,
                                           of3_arena *arena, of3_recipe *out, of3_error *err);

/* Steps of an epoch, and the last step of the run; INT64_MAX: it has no end. */
int64_t of3_recipe_epoch(const of3_recipe *r);
int64_t of3_recipe_last_step(const of3_recipe *r);

#endif
