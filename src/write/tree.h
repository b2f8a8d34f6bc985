/* The output folder of `of3 predict` (docs/output.md):
 *
 *   OUT/summary.txt  inference_query_set.json  experiment_config.json  model_config.json
 *   OUT/ranking.tsv  OUT/QUERY/QUERY_best_model.cif    ours (write/ranking.h)
 *   OUT/QUERY/seed_SEED/...                            the files of a query and seed (write/seed_files.h)
 *   OUT/.of3-lock  OUT/.of3-new/                       while of3 writes (base/folder_lock.h,
 * write/replacement.h)
 *
 * This header has the files about a run as a whole. */
#ifndef OF3_WRITE_TREE_H
#define OF3_WRITE_TREE_H

#include <stdint.h>

#include "base/status.h"
#include "base/str.h"
#include "feat/query.h"
#include "write/confidences.h"
#include "write/structure.h"

typedef struct of3_tree {
  const char *folder; /* OUT; created when needed */
  of3_structure_format format;
  of3_cif_style style;
  const char *version, *variant; /* of of3, of the weights: named in ModelCIF */
  of3_full_confidences full;
} of3_tree;

/* ---- Files about the run */

/* Counts are (query, seed) items. */
typedef struct of3_summary_failure {
  const char *query, *reason;
} of3_summary_failure;
typedef struct of3_summary {
  int n_done, n_failed, n_left;       /* left: not tried yet; then the summary says that it is incomplete */
  const of3_summary_failure *failure; /* [n_failure] in any order, repeats allowed */
  int n_failure;
} of3_summary;

/* The text of summary.txt: that of OpenFold3, and the reasons of failures. */
OF3_MUST_CHECK of3_status of3_summary_text(const of3_summary *summary, of3_str *out, of3_error *err);
OF3_MUST_CHECK of3_status of3_tree_write_summary(const of3_tree *tree, const char *text, of3_error *err);

/* name: "inference_query_set.json". The queries that can be built, every field of the reference with its
 * default. seed [n_seed]: those that are used, whoever asked for them. */
OF3_MUST_CHECK of3_status of3_tree_write_query_set(const of3_tree *tree, const char *name,
                                                   const of3_query_set *set, const uint64_t *seed, int n_seed,
                                                   of3_error *err);

/* One setting for experiment_config.json or model_config.json. key: names joined by dots,
 * "pl_trainer_args.devices"; settings of one object need not be neighbours. */
typedef enum of3_setting_kind {
  OF3_SET_NULL,
  OF3_SET_BOOL,
  OF3_SET_INT,
  OF3_SET_REAL,
  OF3_SET_TEXT,
  OF3_SET_INTS
} of3_setting_kind;
typedef struct of3_setting {
  const char *key;
  of3_setting_kind kind;
  int64_t i;            /* BOOL, INT; INTS: how many */
  double real;          /* REAL */
  const char *text;     /* TEXT; NULL is written as null */
  const uint64_t *ints; /* INTS */
} of3_setting;

/* OUT/NAME with the settings as nested objects, indent 4, in the order given. */
OF3_MUST_CHECK of3_status of3_tree_write_settings(const of3_tree *tree, const char *name,
                                                  const of3_setting *settings, int n, of3_error *err);

#endif
