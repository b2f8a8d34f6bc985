/* One call of of3_predict: a job. Its items are a query with a seed each; workers work through them side by
 * side. Where the functions of a job are, in the order in which they are used:
 *
 *   api_predict.c    checks options, reads queries, makes the list of items, begins and ends the job
 *   api_store.c      opens the output folder: its lock, what is complete there, what is to be computed
 *   api_ligands.c    queries for all ligands of a list, and their table
 *   api_fetch.c      alignments from a server: some before, others while items are computed
 *   api_rewrite.c    writes other formats of items that are complete
 *   api_workers.c    worker threads, which do for one item after the other:
 *                      api_ahead.c     features, which threads of its own make } under job->lock: one
 *                      api_prepare.c     ahead; plan                               } item at a time, in
 *                      api_memory.c    memory                                      } order
 *                      api_run.c       network, scores, files in a folder of their own   (side by side)
 *                      api_store.c     that folder exchanged with the old one            (calling thread)
 *   api_report.c     report, failures, summary, ranking                                  (calling thread)
 *
 * The items that are to be computed are numbers of items in `pending`:
 *
 *   pending   | 0 | 1 | 2 | 3 | 4 | 5 | 6 |
 *               taken       ^next     ^end        next .. end - 1 are still to be taken by the workers that
 * run now; behind `end` other numbers of workers begin (worker_groups.h)
 *
 * What workers share and how it is guarded:
 *
 *   model, options, queries           read only
 *   pending, next, end                job->lock: a worker holds it while it takes an item and gets memory for
 *                                     it
 *   chemistry, kept, ahead            locks of their own
 *   budget                            its own lock: memory that items hold together. A worker waits there
 *                                     with job->lock held, so that items begin in order
 *   stop                              atomic
 *
 *   report, failures, ranking,        the calling thread only: a worker asks it (of3_task_group_call) and
 *   callbacks of the user             waits, so they need no lock
 */
#ifndef OF3_API_JOB_H
#define OF3_API_JOB_H

#include <pthread.h>
#include <stdatomic.h>

#include "api/aligner.h"
#include "api/handles.h"
#include "api/worker_groups.h"
#include "base/folder_lock.h"
#include "base/task_group.h"
#include "chem/complex.h"
#include "feat/build.h"
#include "feat/kept_msa.h"
#include "feat/query_size.h"
#include "rdkit/chemistry.h"
#include "write/ranking.h"
#include "write/run_key.h"
#include "write/seed_files.h"
#include "write/replacement.h"
#include "write/tree.h"

/* The report with the memory that it and the ranking live in. */
typedef struct of3_report_box {
  of3_report report; /* first, so that a pointer to it is one to the box */
  of3_arena *arena;
} of3_report_box;

/* What is made once for all seeds of a query: everything but the conformers. */
typedef struct of3_prepared {
  const of3_query *query;
  of3_complex complex;
  of3_features features;
  bool ready; /* status is known: made, or failed with `error`. Guarded by of3_ahead */
  of3_status status;
  of3_error error;
  bool announced;   /* memory and work have been told; guarded by the lock */
  atomic_int users; /* the job, and items on their way; the last one frees it */
} of3_prepared;

/* What items on their way may take together. */
typedef struct of3_memory_budget {
  pthread_mutex_t lock;
  pthread_cond_t left; /* somebody gave memory back */
  int n_held;
  uint64_t held; /* bytes of tensors, features and results, of n_held items */
  uint64_t free; /* bytes that could be used when nobody held any; 0: unknown */
} of3_memory_budget;

typedef struct of3_ahead of3_ahead; /* api_ahead.c */

typedef struct of3_job {
  of3_model *model;
  const of3_predict_options *o;
  of3_tree tree;
  of3_query_set set;
  const of3_query **order; /* [set.n] by number of tokens, the file's order among equal ones */
  of3_query_size *size;    /* [set.n] of each, in `order`; 0 of those that cannot be built */
  const uint64_t *seed;    /* [n_seed] */
  int n_seed;
  of3_feature_mode mode;
  of3_chemistry *chemistry;  /* components and conformers, for as long as there are complexes */
  of3_library components;    /* the same, as complexes are built with it */
  of3_sampler sampler;       /* as the options want it */
  char options[384];         /* what decides the bytes of the results, as text */
  of3_file_hashes *hashes;   /* of files that queries name, while keys are made */
  char (*key)[OF3_KEY_TEXT]; /* [set.n] what the queries in `order` are made from; "": not known yet */

  of3_aligner *aligner;        /* if queries need alignments from a server */
  struct of3_fetcher *fetcher; /* the thread that fetches them, while items are computed */
  const char *structures;      /* folder of templates: the options', or that of the server's; or NULL */

  of3_folder_lock *folder_lock; /* while the output folder is open */
  of3_ranking *ranking;         /* complete results in it, but those that are to be replaced */
  int *ranked;                  /* [set.n] number of each query in the ranking, in `order` */
  bool ranking_begun;           /* ranking.tsv does not show what is to be replaced */
  const char **own_name;        /* [n_own] names of the queries that can be built, sorted */
  int n_own;
  uint64_t *own_seed; /* [n_seed] sorted */

  of3_report_box *box;
  of3_item *item; /* [n_item], owned by the box */
  int n_item, n_done;
  double ligands_written, ligands_took; /* when ligands.csv was written last, seconds on the clock */
  bool concluded;                       /* every item has been tried: there is something to report */
  of3_error first_failure;
  int first_failed; /* item of the first failure */

  int *rewrite, n_rewrite; /* items whose files are to be written from their records */
  int *pending, n_pending; /* items that are to be computed, in order */
  int *pending_size;       /* [n_pending] tokens that they have */
  int next, end;      /* pending[next .. end - 1] are to be taken by this group of workers. Guarded by lock */
  of3_kept_msa *kept; /* alignments that several pending queries have in common */
  of3_ahead *ahead;   /* features of the next items */
  pthread_mutex_t lock;
  of3_memory_budget budget;
  atomic_bool stop;  /* nobody takes another item */
  of3_error stopped; /* why, if it was not the user who asked for it */
} of3_job;

/* Who works on an item at a time. */
typedef struct of3_item_run of3_item_run;
typedef struct of3_worker {
  of3_job *job;
  of3_task_group *tasks;
  of3_pool *pool;
  int number, n_worker;
  int share;          /* how many of a group's items are this worker's, if all take as long */
  of3_item_run *item; /* [OF3_MOST_BATCH] those that it has taken */
  of3_log log;        /* of the callbacks, by the calling thread */
} of3_worker;

typedef struct of3_need {
  uint64_t weights, tensors, rest, total; /* bytes; rest: features and results */
  uint64_t available;                     /* for all of it, other items' included; 0: unknown */
} of3_need;

/* An item on its way through a worker, in a batch with others or alone. */
struct of3_item_run {
  of3_worker *worker;
  const of3_query *query;
  const char *key;
  of3_item *item;
  int index;
  of3_arena *arena; /* what this item_run alone needs */
  of3_replacement stage;
  of3_manifest manifest; /* of what was written there */
  of3_prepared *prepared;
  of3_features features; /* the prepared ones, with conformers of its own */
  double seconds;        /* that the features took */
  double begin;          /* on the clock, as if nothing had been made ahead */
  of3_status status;
  of3_error error; /* if status is not OF3_OK */
};

/* Items that go through the network together, and what is planned for them as a whole. */
typedef struct of3_batch {
  of3_worker *worker;
  of3_item_run *item; /* [n] with features */
  int n;
  int n_taken; /* with those behind, which wait for another batch of the worker's: they have features, too */
  of3_fold_options fold;
  of3_plan plan;
  of3_need need;
  bool holds; /* tensors and rest have been granted by the budget */
} of3_batch;

/* api_predict.c: checks the options that decide what is computed, and sets the sampler. */
OF3_MUST_CHECK of3_status of3_job_fold_options(of3_job *j, of3_error *err);
/* Components as the options name them; the caller closes it (j->chemistry) when nothing points into it. */
OF3_MUST_CHECK of3_status of3_job_open_components(of3_job *j, of3_error *err);

static inline const of3_query *of3_job_query(const of3_job *j, int index) {
  return j->order[index / j->n_seed];
}

/* api_workers.c: works through the pending items. Failures of items are noted; an error is one of the run. */
OF3_MUST_CHECK of3_status of3_job_run(of3_job *j, of3_error *err);

/* api_fetch.c: alignments from a server, if the options name one. */
/* What the cache has, and what the first query that still needs something needs: then it can begin. */
OF3_MUST_CHECK of3_status of3_job_fetch_first(of3_job *j, of3_error *err);
/* Fetches the rest, in the order of the pending items, on a thread of its own. */
OF3_MUST_CHECK of3_status of3_job_fetch_begin(of3_job *j, of3_error *err);
void of3_job_fetch_stop(const of3_job *j); /* nobody waits for what is not there yet */
void of3_job_fetch_end(of3_job *j);        /* nobody asks any more */
/* Whether the query's alignments are still to come. */
bool of3_job_awaits(const of3_job *j, const of3_query *query);
/* Waits for them, and names them in the query. */
OF3_MUST_CHECK of3_status of3_job_await(const of3_job *j, const of3_query *query, of3_error *err);
/* Waits for them, however that ends, and meanwhile says what the thread has to say. */
void of3_job_await_telling(const of3_worker *worker, const of3_query *query);
/* What the item's query is made from, and other seeds of it in the folder, if that could not be known before.
 */
OF3_MUST_CHECK of3_status of3_job_settle_key(of3_item_run *t, of3_error *err);
/* Says what the thread has to say. */
void of3_job_fetch_tell(const of3_job *j, const of3_log *log);

/* api_job_key.c: what the query number q in `order` is made from; reads its alignments the first time. */
OF3_MUST_CHECK of3_status of3_job_find_key(of3_job *j, int q, of3_error *err);

/* api_worker_log.c: gives the worker its log, and reports progress; both reach the callbacks on the calling
 * thread. */
void of3_worker_log(of3_worker *worker);
void of3_worker_tell(of3_worker *worker, of3_progress_info *info);
void of3_worker_tell_features(of3_worker *worker, const of3_item_run *item); /* that their making begins */

/* api_ahead.c: threads that make the features of all pending items, as far ahead as there is room. */
OF3_MUST_CHECK of3_status of3_ahead_open(of3_job *j, of3_ahead **ret_ahead, of3_error *err);
/* Ends them, and frees what nobody took. */
void of3_ahead_close(of3_ahead *opt_ahead);
/* The next item, with its features or with the status that says why it has none. Under the job's lock.
 * Whatever came of it: of3_item_run_close, and the arena is the caller's to free. */
void of3_ahead_take(of3_ahead *ahead, of3_worker *worker, of3_item_run *ret_run);

/* api_prepare.c: what all seeds of a query share, empty and with one user; NULL: memory is out. */
of3_prepared *of3_prepared_new(const of3_query *query);
OF3_MUST_CHECK of3_status of3_prepared_fill(const of3_job *j, of3_prepared *p, const of3_log *log,
                                            of3_error *err);
void of3_prepared_leave(of3_prepared *opt_prepared);
/* Features of an item; query, item, arena and prepared, which is filled, are there. */
OF3_MUST_CHECK of3_status of3_item_run_prepare(const of3_job *j, of3_item_run *t, const of3_log *log,
                                               of3_error *err);
/* Notes sizes and seconds of the features with the item; by the worker that has taken it. */
void of3_item_run_begin(of3_item_run *t);
void of3_item_run_close(of3_item_run *t); /* all but the arena */
/* Plan and memory of a batch; worker, item, n and n_taken are filled in. Where there is no memory for all of
 * it n becomes smaller: the first items are planned, down to one, which takes as little as it can do with.
 * Under the lock. Success: of3_batch_give_back. */
OF3_MUST_CHECK of3_status of3_batch_prepare(of3_batch *b, of3_error *err);
/* Bytes beside the weights that an item of the query takes at most on so many threads. Reads no alignments.
 */
OF3_MUST_CHECK of3_status of3_job_estimate(const of3_job *j, const of3_query *query, int threads,
                                           uint64_t *ret_bytes, of3_error *err);

/* api_memory.c */
OF3_MUST_CHECK of3_status of3_memory_budget_init(of3_memory_budget *budget, of3_error *err);
void of3_memory_budget_free(of3_memory_budget *budget);
/* What is needed, by the fastest plan for which there is memory, or the one that needs least; of several
 * items by the fastest. *ret_fits: a worker's share of the memory suffices. */
OF3_MUST_CHECK of3_status of3_batch_plan(of3_batch *b, bool *ret_fits, of3_error *err);
void of3_batch_announce(const of3_batch *b);
/* Waits until others have given back enough; refuses what would not fit alone. */
OF3_MUST_CHECK of3_status of3_batch_get_memory(of3_batch *b, of3_error *err);
void of3_batch_give_back(of3_batch *b);
/* Bytes beside the weights that may be used while no item is on its way; UINT64_MAX: unknown. */
uint64_t of3_job_free_memory(const of3_job *j);
/* Bytes of the machine's memory, whatever the backend's device has, that features may take; 0: unknown. */
uint64_t of3_job_free_host_memory(const of3_job *j);

/* api_run.c, of a batch that has been prepared: out[n] of the network. Ownership of each:
 * of3_prediction_free. */
OF3_MUST_CHECK of3_status of3_batch_fold(const of3_batch *b, of3_prediction *out, of3_error *err);
/* Scores of what came out for an item, [samples] in the arena; an error if they are no numbers. */
OF3_MUST_CHECK of3_status of3_item_run_score(of3_item_run *t, const of3_prediction *p, of3_arena *arena,
                                             of3_scores **ret_scores, of3_error *err);
/* The same, and the files. */
OF3_MUST_CHECK of3_status of3_item_run_write(of3_item_run *t, const of3_batch *b, const of3_prediction *p,
                                             of3_error *err);

/* api_report.c; all by the calling thread */
OF3_MUST_CHECK of3_status of3_job_make_report(of3_job *j, of3_error *err);
/* Scores and best file of a complete item. */
OF3_MUST_CHECK of3_status of3_job_report_item(of3_job *j, int index, const of3_manifest *manifest,
                                              of3_error *err);
/* Keeps the sentence of a failure with its item. Those that happen after the features also go into
 * OUT/logs/predict_err_rank0.log, as OpenFold3 does. quiet: the user knows of it. */
OF3_MUST_CHECK of3_status of3_job_note_failure(of3_job *j, int index, const of3_error *failure, bool quiet,
                                               of3_error *err);
/* summary.txt as things stand; failures: with their reasons. */
OF3_MUST_CHECK of3_status of3_job_write_summary(const of3_job *j, bool failures, of3_error *err);
/* Ranking and summary when all has been tried. */
OF3_MUST_CHECK of3_status of3_job_finish(of3_job *j, of3_error *err);
/* The same when it has not: interrupted. */
void of3_job_leave(of3_job *j);

/* api_store.c: the output folder; all by the calling thread. */
/* Locks it, clears away what a killed process left, and looks at what is there. */
OF3_MUST_CHECK of3_status of3_job_open_folder(of3_job *j, of3_error *err);
/* What is there of a query of this run, number q in `order`: seeds that are not this run's. */
OF3_MUST_CHECK of3_status of3_job_rank_others(of3_job *j, int q, of3_error *err);
/* Best models of queries with complete results, after these have been ranked. */
OF3_MUST_CHECK of3_status of3_job_settle(of3_job *j, of3_error *err);
/* Puts new results of an item in their place, then ranking, best model and summary. OF3_ERR_CANCELLED is not
 * among its errors; if the folder is no longer this process's, the run stops. */
OF3_MUST_CHECK of3_status of3_job_commit(of3_job *j, int index, const of3_replacement *stage,
                                         const of3_manifest *manifest, of3_error *err);
/* Closing a folder that is not open does nothing. */
void of3_job_close_folder(of3_job *j);

/* api_rewrite.c: what the files of a query and seed in a folder are to be, as the job wants them. */
of3_seed_output of3_job_seed_output(const of3_job *j, const char *folder, const of3_complex *complex,
                                    uint64_t seed, const char *made_from);
/* Writes the files of an item from its record. */
OF3_MUST_CHECK of3_status of3_job_rewrite(of3_job *j, int index, of3_error *err);

/* api_ligands.c: a list of ligands, if the options name one. */
/* A query for each ligand, in the place of the queries of the set. */
OF3_MUST_CHECK of3_status of3_job_read_ligands(of3_job *j, of3_error *err);
/* ligands.csv as things stand. update: after each item, in linear time for many. */
OF3_MUST_CHECK of3_status of3_job_write_ligands(of3_job *j, of3_error *err);
OF3_MUST_CHECK of3_status of3_job_update_ligands(of3_job *j, of3_error *err);
/* Says in front of a failure of an item whose it is, with the line of its ligand; returns its code. */
of3_status of3_job_blame(const of3_job *j, int index, of3_error *failure);

/* api_settings.c: experiment_config.json, model_config.json, inference_query_set.json. */
OF3_MUST_CHECK of3_status of3_job_write_settings(const of3_job *j, of3_error *err);

#endif
