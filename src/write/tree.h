/* The output tree of `of3 predict` (docs/files.md):
 *
 *   OUT/summary.txt  inference_query_set.json  experiment_config.json  model_config.json
 *   OUT/ranking.tsv                                    ours: all samples of all queries, best first
 *   OUT/QUERY/QUERY_best_model.cif                     ours: copy of the best sample over all seeds
 *   OUT/QUERY/seed_SEED/QUERY_seed_SEED_sample_K_model.cif                       K = 1 .. samples, not ranked
 *   OUT/QUERY/seed_SEED/QUERY_seed_SEED_sample_K_confidences.json
 *   OUT/QUERY/seed_SEED/QUERY_seed_SEED_sample_K_confidences_aggregated.json
 *   OUT/QUERY/seed_SEED/timing.json
 *   OUT/QUERY/seed_SEED/of3_run.json                   ours: what these files were made from
 * (write/manifest.h)
 *
 * Everything is written under a temporary name and renamed.
 */
#ifndef OF3_WRITE_TREE_H
#define OF3_WRITE_TREE_H

#include <stdint.h>

#include "base/arena.h"
#include "base/status.h"
#include "chem/complex.h"
#include "feat/query.h"
#include "model/prediction.h"
#include "write/confidences.h"
#include "score/scores.h"
#include "write/structure.h"

/* How the full confidences are written. */
typedef enum of3_full_confidences {
  OF3_FULL_JSON,
  OF3_FULL_NPZ_F16,
  OF3_FULL_NPZ_F32,
  OF3_FULL_NONE
} of3_full_confidences;

typedef struct of3_tree {
  const char *folder; /* OUT; created when needed */
  of3_structure_format format;
  of3_cif_style style;
  const char *version, *variant; /* of of3, of the weights: named in ModelCIF */
  of3_full_confidences full;
} of3_tree;

/* Paths; they live in the arena, NULL if memory is out. sample counts from 1. */
char *of3_tree_query_folder(const of3_tree *tree, const char *query, of3_arena *arena);
char *of3_tree_seed_folder(const of3_tree *tree, const char *query, uint64_t seed, of3_arena *arena);
typedef enum of3_tree_file { OF3_FILE_MODEL, OF3_FILE_CONFIDENCES, OF3_FILE_AGGREGATED } of3_tree_file;
char *of3_tree_sample_file(const of3_tree *tree, const char *query, uint64_t seed, int sample,
                           of3_tree_file which, of3_arena *arena);

/* Writes all samples of one query and seed and timing.json. A failure leaves complete files only, and no
 * of3_run.json: write that last, with of3_manifest_write. *ret_files [*ret_n], in the arena: names of the
 * files, relative to the seed folder. */
OF3_MUST_CHECK of3_status of3_tree_write(const of3_tree *tree, const of3_complex *complex, uint64_t seed,
                                         const of3_prediction *prediction, const of3_scores *scores,
                                         double runtime_s, of3_arena *arena, const char ***ret_files,
                                         int *ret_n, of3_error *err);

/* ---- Ranking */

/* One sample in the ranking. Equal for a sample just written and one found complete by a re-run: both come
 * from the rounded values of the aggregated file. */
typedef struct of3_ranked {
  const char *query;
  uint64_t seed;
  int sample;       /* from 1 */
  const char *file; /* structure, relative to OUT */
  of3_aggregated scores;
} of3_ranked;

/* The samples 1 .. n_sample of one query and seed, read from its aggregated files; rows [n_sample]. */
OF3_MUST_CHECK of3_status of3_ranked_read(const of3_tree *tree, const char *query, uint64_t seed,
                                          int n_sample, of3_arena *arena, of3_ranked *rows, of3_error *err);

/* Sorts: queries in the order of their first row, inside a query by ranking score, then mean pLDDT
 * (descending), then in the given order. A NaN score comes last. */
OF3_MUST_CHECK of3_status of3_ranked_sort(of3_ranked *rows, int n, of3_error *err);

/* OUT/ranking.tsv and each query's best model; rows sorted. Columns: query rank seed sample ranking_score ptm
 * iptm avg_plddt gpde disorder has_clash file. Best models of another format (from an earlier run) are
 * removed. */
OF3_MUST_CHECK of3_status of3_tree_write_ranking(const of3_tree *tree, const of3_ranked *rows, int n,
                                                 of3_error *err);

/* Removes OUT/ranking.tsv of an earlier run, if it is there: nothing of this run can be ranked. */
OF3_MUST_CHECK of3_status of3_tree_remove_ranking(const of3_tree *tree, of3_error *err);

/* ---- Files about the run */

/* The text of summary.txt; counts are (query, seed) items; failed: names, repeats allowed, any order. */
OF3_MUST_CHECK of3_status of3_summary_text(int n_done, int n_failed, const char *const *failed,
                                           int n_failed_names, of3_str *out, of3_error *err);
OF3_MUST_CHECK of3_status of3_tree_write_summary(const of3_tree *tree, const char *text, of3_error *err);

/* inference_query_set.json: the queries that can be built, every field of the reference with its default.
 * seeds: those of the query file, [42] if it has none. */
OF3_MUST_CHECK of3_status of3_tree_write_query_set(const of3_tree *tree, const of3_query_set *set,
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
