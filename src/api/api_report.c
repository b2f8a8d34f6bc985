#define _POSIX_C_SOURCE 200809L
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "api/job.h"
#include "base/file.h"

of3_status of3_job_make_report(of3_job *j, of3_error *err) {
  size_t n = (size_t)j->n_item;
  of3_report_box *b = calloc(1, sizeof *b);
  if (!b) return of3_fail_memory(err, "the report");
  j->box = b;
  b->arena = of3_arena_new(0);
  if (!b->arena) return of3_fail_memory(err, "the report");
  j->item = OF3_ARENA_NEW(b->arena, of3_item, n);
  j->rows = OF3_ARENA_NEW(b->arena, of3_ranked *, n);
  if (!j->item || !j->rows) return of3_fail_memory(err, "the report");
  b->report = (of3_report){.n_item = j->n_item, .item = j->item, .seconds_load = j->model->seconds_load};
  return OF3_OK;
}

void of3_report_free(of3_report *report) {
  of3_report_box *b = (of3_report_box *)report;
  if (b) of3_arena_free(b->arena);
  free(b);
}

/* ---- Failures */

static const char *report_type_name(of3_status status) {
  static const char *const name[] = {"OK", "Usage",  "Input",     "Unsupported",
                                     "IO", "Memory", "Cancelled", "Internal"};
  return name[status];
}

static void add_failure(const of3_item *item, const of3_error *failure, of3_str *out) {
  time_t now = time(NULL);
  struct tm t = {0};
  char stamp[32];
  localtime_r(&now, &t);
  strftime(stamp, sizeof stamp, "%Y-%m-%d %H:%M:%S", &t);
  of3_str_addc(out, '=', 50);
  of3_str_addf(out, "\nTimestamp: %s\nQuery ID(s): %s\nError Type: %s\nError Message: %s\n", stamp,
               item->query, report_type_name(failure->code), failure->text);
  of3_str_addc(out, '=', 50);
  of3_str_add(out, "\n");
}

static of3_status log_failure(const of3_job *j, int index, const of3_error *failure, of3_error *err) {
  enum { MOST = 16 << 20 };
  of3_arena *arena = of3_arena_new(0);
  of3_str text = {0};
  char *old = NULL, *folder = arena ? of3_path_join(arena, j->tree.folder, "logs") : NULL;
  char *path = folder ? of3_path_join(arena, folder, "predict_err_rank0.log") : NULL;
  size_t n = 0;
  of3_status status = path ? of3_make_folder(folder, err) : of3_fail_memory(err, "the log of failures");
  if (status == OF3_OK && of3_is_file(path)) status = of3_read_file(path, MOST, arena, &old, &n, err);
  if (status == OF3_OK) {
    of3_str_addn(&text, old ? old : "", n);
    add_failure(&j->item[index], failure, &text);
    status = text.failed ? of3_fail_memory(err, path) : of3_write_file(path, text.text, text.len, err);
  }
  of3_str_free(&text);
  of3_arena_free(arena);
  return status;
}

of3_status of3_job_note_failure(of3_job *j, int index, const of3_error *failure, bool quiet, of3_error *err) {
  const of3_log *log = &j->model->engine->log;
  of3_item *item = &j->item[index];
  item->status = failure->code;
  item->error = of3_arena_strdup(j->box->arena, failure->text);
  item->best_sample = 0;
  if (!item->error) return of3_fail_memory(err, "the report");
  if (j->box->report.n_failed++ == 0 || index < j->first_failed) {
    j->first_failed = index;
    j->first_failure = *failure;
  }
  if (item->n_token) { /* features were made: it went wrong in the network or after it */
    of3_error unlogged = {0};
    if (log_failure(j, index, failure, &unlogged) != OF3_OK) of3_logf(log, OF3_LOG_WARN, "%s", unlogged.text);
  }
  if (j->n_item > 1 && !quiet) of3_logf(log, OF3_LOG_ERROR, "%s", failure->text);
  return OF3_OK;
}

/* ---- Ranking */

static of3_sample_scores scores_of(const of3_aggregated *a) {
  return (of3_sample_scores){.ranking_score = a->sample_ranking_score,
                             .ptm = a->ptm,
                             .iptm = a->iptm,
                             .avg_plddt = a->avg_plddt,
                             .gpde = a->gpde,
                             .disorder = a->disorder,
                             .has_clash = a->has_clash};
}

of3_status of3_job_rank_item(of3_job *j, int index, of3_error *err) {
  of3_item *item = &j->item[index];
  of3_arena *arena = j->box->arena;
  of3_ranked *rows = OF3_ARENA_NEW(arena, of3_ranked, j->o->samples);
  if (!rows) return of3_fail_memory(err, "the ranking");
  OF3_TRY(of3_ranked_read(&j->tree, item->query, item->seed, j->o->samples, arena, rows, err));
  OF3_TRY(of3_ranked_sort(rows, j->o->samples, err));
  item->best_file = of3_path_join(arena, j->tree.folder, rows[0].file);
  if (!item->best_file) return of3_fail_memory(err, "the ranking");
  item->best_sample = rows[0].sample;
  item->best = scores_of(&rows[0].scores);
  j->rows[index] = rows;
  return OF3_OK;
}

/* The first row of each query. rows are sorted. */
static of3_status note_best(const of3_job *j, const of3_ranked *rows, int n, of3_error *err) {
  of3_arena *arena = j->box->arena;
  of3_report *r = &j->box->report;
  of3_best *best = OF3_ARENA_NEW(arena, of3_best, n);
  if (!best) return of3_fail_memory(err, "the report");
  for (int i = 0; i < n; i++) {
    if (i && strcmp(rows[i].query, rows[i - 1].query) == 0) continue;
    const char *folder = of3_tree_query_folder(&j->tree, rows[i].query, arena);
    const char *ending = of3_structure_format_name(j->tree.format);
    if (!folder) return of3_fail_memory(err, "the report");
    best[r->n_best++] =
        (of3_best){.query = rows[i].query,
                   .seed = rows[i].seed,
                   .sample = rows[i].sample,
                   .file = of3_arena_printf(arena, "%s/%s_best_model.%s", folder, rows[i].query, ending)};
    if (!best[r->n_best - 1].file) return of3_fail_memory(err, "the report");
  }
  r->best = best;
  return OF3_OK;
}

static of3_status write_ranking(const of3_job *j, int n_done, of3_error *err) {
  size_t samples = (size_t)j->o->samples, at = 0;
  of3_ranked *rows = malloc(((size_t)n_done * samples + 1) * sizeof *rows);
  if (!rows) return of3_fail_memory(err, "the ranking");
  for (int i = 0; i < j->n_item; i++) {
    if (!j->rows[i]) continue;
    memcpy(rows + at, j->rows[i], samples * sizeof *rows);
    at += samples;
  }
  of3_status status = of3_ranked_sort(rows, (int)at, err);
  if (status == OF3_OK) status = of3_tree_write_ranking(&j->tree, rows, (int)at, err);
  if (status == OF3_OK) status = note_best(j, rows, (int)at, err);
  free(rows);
  return status;
}

static of3_status write_summary(const of3_job *j, int n_done, of3_error *err) {
  of3_str text = {0};
  const char **failed = malloc(((size_t)j->n_item + 1) * sizeof *failed);
  int n = 0;
  if (!failed) return of3_fail_memory(err, "the summary");
  for (int i = 0; i < j->n_item; i++)
    if (j->item[i].status != OF3_OK) failed[n++] = j->item[i].query;
  of3_status status = of3_summary_text(n_done, n, failed, n, &text, err);
  if (status == OF3_OK) status = of3_tree_write_summary(&j->tree, text.text, err);
  of3_str_free(&text);
  free(failed);
  return status;
}

of3_status of3_job_finish(of3_job *j, of3_error *err) {
  of3_report *r = &j->box->report;
  int n_done = j->n_item - r->n_failed;
  OF3_TRY(n_done ? write_ranking(j, n_done, err) : of3_tree_remove_ranking(&j->tree, err));
  OF3_TRY(write_summary(j, n_done, err));
  r->summary_file = of3_path_join(j->box->arena, j->tree.folder, "summary.txt");
  r->ranking_file = n_done ? of3_path_join(j->box->arena, j->tree.folder, "ranking.tsv") : NULL;
  return r->summary_file && (r->ranking_file || !n_done) ? OF3_OK : of3_fail_memory(err, "the report");
}
