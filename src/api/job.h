/* One call of of3_predict. */
#ifndef OF3_API_JOB_H
#define OF3_API_JOB_H

#include "api/handles.h"
#include "chem/complex.h"
#include "feat/build.h"
#include "write/tree.h"

/* The report with the memory that it and the ranking live in. */
typedef struct of3_report_box {
  of3_report report; /* first, so that a pointer to it is one to the box */
  of3_arena *arena;
} of3_report_box;

typedef struct of3_job {
  of3_model *model;
  const of3_predict_options *o;
  of3_tree tree;
  of3_query_set set;
  const uint64_t *seed; /* [n_seed] */
  int n_seed;
  of3_feature_mode mode;
  char options[256]; /* what decides the bytes of the results, as text */

  of3_report_box *box;
  of3_item *item;    /* [n_item], owned by the box */
  of3_ranked **rows; /* [n_item] of [samples]; NULL for items without results */
  int n_item;
  bool concluded; /* every item has been tried: there is something to report */

  /* The query at hand: its features serve all seeds. */
  const of3_query *query; /* NULL: none */
  of3_complex complex;
  of3_features features;
  bool announced; /* memory and work have been told */
} of3_job;

/* api_run.c: one query with one seed. item: query and seed are filled in; the rest is to be. */
OF3_MUST_CHECK of3_status of3_job_run(of3_job *j, const of3_query *query, int index, of3_error *err);
void of3_job_forget(of3_job *j); /* frees the query at hand */

/* api_report.c */
OF3_MUST_CHECK of3_status of3_job_make_report(of3_job *j, of3_error *err);
/* Scores and files of a complete item, read from disk. */
OF3_MUST_CHECK of3_status of3_job_rank_item(of3_job *j, int index, of3_error *err);
/* Appends a failure to OUT/logs/predict_err_rank0.log, as OpenFold3 does for what goes wrong after the
 * features. */
OF3_MUST_CHECK of3_status of3_job_log_failure(const of3_job *j, int index, const of3_error *failure,
                                              of3_error *err);
/* Ranking, best models and summary. */
OF3_MUST_CHECK of3_status of3_job_finish(of3_job *j, of3_error *err);

/* api_settings.c: experiment_config.json, model_config.json, inference_query_set.json. */
OF3_MUST_CHECK of3_status of3_job_write_settings(const of3_job *j, of3_error *err);

#endif
