/* The output folder: what is there from earlier runs, and how new results come into it.
 *
 * The ranking in memory holds the complete results of the folder but those that this run is going to replace.
 * The table on disk is written without these before the first of them is replaced; before that it is what the
 * last run left, and a run that fails leaves it so. New results of an item come in this order:
 *
 *   the best model of its query goes, if it is a copy of what is replaced
 *   the folder of the seed is exchanged for the new one (write/replacement.h)
 *   best model, ranking.tsv and summary.txt follow
 *
 * So whenever the process ends, no table and no best model tells of files that are not there. */
#include <stdlib.h>
#include <string.h>

#include "api/job.h"
#include "base/file.h"
#include "write/folder_scan.h"

/* ---- Opening */

static int store_compare_names(const void *a, const void *b) {
  return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static int compare_seeds(const void *a, const void *b) {
  const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
  return (x > y) - (x < y);
}

static bool is_own_seed(const void *user, uint64_t seed) {
  const of3_job *j = user;
  return bsearch(&seed, j->own_seed, (size_t)j->n_seed, sizeof seed, compare_seeds) != NULL;
}

/* Ranks what is there of a query that is not this run's. */
static of3_status rank_foreign_query(void *user, const char *query, of3_error *err) {
  of3_job *j = user;
  int number = 0;
  if (bsearch(&query, j->own_name, (size_t)j->n_own, sizeof query, store_compare_names)) return OF3_OK;
  OF3_TRY(of3_ranking_add(j->ranking, query, &number, err));
  return of3_scan_query(j->tree.folder, query, number, NULL, NULL, NULL, j->ranking, err);
}

/* On disks that ignore case a query must not use the folder of another one from an earlier run. */
static void refuse_folder(void *user, int k) {
  const of3_job *j = user;
  of3_query *q = &j->set.query[k];
  if (q->error.code != OF3_OK) return;
  of3_fail(
      &q->error, OF3_ERR_INPUT,
      "query '%.160s': '%s' holds a folder of this name in other letters, and this disk takes the two for "
      "one; rename the query, or name another output folder",
      q->name, j->tree.folder);
}

static of3_status refuse_shared_folders(of3_job *j, of3_error *err) {
  const char **name = OF3_ARENA_NEW(j->set.arena, const char *, j->set.n);
  if (!name) return of3_fail_memory(err, "the queries");
  for (int k = 0; k < j->set.n; k++) name[k] = j->set.query[k].name;
  return of3_scan_spelling(j->tree.folder, name, j->set.n, refuse_folder, j, err);
}

static of3_status add_own_queries(of3_job *j, of3_error *err) {
  const size_t n = (size_t)j->set.n, n_seed = (size_t)j->n_seed;
  j->key = of3_arena_alloc(j->set.arena, n, sizeof *j->key);
  j->ranked = OF3_ARENA_NEW(j->set.arena, int, n);
  j->own_name = OF3_ARENA_NEW(j->set.arena, const char *, n);
  j->own_seed = OF3_ARENA_NEW(j->set.arena, uint64_t, n_seed);
  j->ranking = of3_ranking_new(j->tree.folder);
  if (!j->key || !j->ranked || !j->own_name || !j->own_seed || !j->ranking)
    return of3_fail_memory(err, "the queries");
  for (int q = 0; q < j->set.n; q++) {
    OF3_TRY(of3_ranking_add(j->ranking, j->order[q]->name, &j->ranked[q], err));
    if (j->order[q]->error.code == OF3_OK) j->own_name[j->n_own++] = j->order[q]->name;
  }
  memcpy(j->own_seed, j->seed, n_seed * sizeof *j->seed);
  qsort(j->own_name, (size_t)j->n_own, sizeof *j->own_name, store_compare_names);
  qsort(j->own_seed, n_seed, sizeof *j->own_seed, compare_seeds);
  return OF3_OK;
}

of3_status of3_job_open_folder(of3_job *j, of3_error *err) {
  const of3_engine *e = j->model->engine;
  of3_lock_options o = of3_lock_defaults();
  o.wait = j->o->wait;
  o.opt_cancel = e->callbacks.cancel;
  o.opt_log = &e->log;
  OF3_TRY(of3_make_folder(j->tree.folder, err));
  OF3_TRY(of3_folder_lock_take(j->tree.folder, &o, &j->folder_lock, err));
  OF3_TRY(of3_replacement_recover(j->tree.folder, err));
  OF3_TRY(refuse_shared_folders(j, err));
  OF3_TRY(add_own_queries(j, err));
  OF3_TRY(of3_scan_output(j->tree.folder, j->folder_lock, rank_foreign_query, j, err));
  return of3_job_write_summary(j, false, err);
}

void of3_job_close_folder(of3_job *j) {
  of3_error lost;
  of3_ranking_free(j->ranking);
  if (j->folder_lock && of3_folder_lock_held(j->folder_lock, &lost) == OF3_OK)
    of3_replacement_close(j->tree.folder);
  of3_folder_lock_release(j->folder_lock);
  j->ranking = NULL;
  j->folder_lock = NULL;
}

/* ---- What is complete */

of3_status of3_job_rank_others(of3_job *j, int q, of3_error *err) {
  return of3_scan_query(j->tree.folder, j->order[q]->name, j->ranked[q], j->key[q], is_own_seed, j,
                        j->ranking, err);
}

of3_status of3_job_settle(of3_job *j, of3_error *err) {
  for (int q = 0; q < j->set.n; q++)
    if (of3_ranking_best(j->ranking, j->ranked[q]))
      OF3_TRY(of3_ranking_write_best(j->ranking, j->ranked[q], err));
  return OF3_OK;
}

/* ---- New results */

/* The table without what this run replaces, before it replaces anything. */
static of3_status begin_ranking(of3_job *j, of3_error *err) {
  if (j->ranking_begun) return OF3_OK;
  OF3_TRY(of3_ranking_refresh(j->ranking, err));
  j->ranking_begun = true;
  return OF3_OK;
}

static of3_status put_in_place(of3_job *j, int number, const of3_replacement *stage, of3_error *err) {
  of3_status status = begin_ranking(j, err);
  if (status == OF3_OK && !of3_ranking_best(j->ranking, number))
    status = of3_ranking_remove_best(j->ranking, number, err);
  if (status == OF3_OK) status = of3_replacement_commit(stage, err);
  if (status != OF3_OK) of3_replacement_drop(stage);
  return status;
}

of3_status of3_job_commit(of3_job *j, int index, const of3_replacement *stage, const of3_manifest *m,
                          of3_error *err) {
  const int number = j->ranked[index / j->n_seed];
  if (of3_folder_lock_held(j->folder_lock, err) != OF3_OK) { /* and so the stage is not ours either */
    j->stopped = *err;
    atomic_store(&j->stop, true);
    return err->code;
  }
  OF3_TRY(put_in_place(j, number, stage, err));
  OF3_TRY(of3_ranking_put(j->ranking, number, m, err));
  OF3_TRY(of3_ranking_write_best(j->ranking, number, err));
  OF3_TRY(of3_ranking_update(j->ranking, err));
  OF3_TRY(of3_job_report_item(j, index, m, err));
  OF3_TRY(of3_job_update_ligands(j, err));
  of3_status status = of3_job_write_summary(j, false, err);
  if (status != OF3_OK) j->n_done--; /* it counts as failed: the results are there, but not all was written */
  return status;
}
