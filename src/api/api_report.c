/* What a run leaves besides results: its report, the log of failures, ranking, best models and summary. */
#define _POSIX_C_SOURCE 200809L
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "api/job.h"
#include "base/file.h"
#include "base/printable.h"
#include "write/names.h"

of3_status of3_job_make_report(of3_job *j, of3_error *err) {
  size_t n = (size_t)j->n_item;
  of3_report_box *b = calloc(1, sizeof *b);
  if (!b) return of3_fail_memory(err, "the report");
  j->box = b;
  b->arena = of3_arena_new(0);
  if (!b->arena) return of3_fail_memory(err, "the report");
  j->item = OF3_ARENA_NEW(b->arena, of3_item, n);
  if (!j->item) return of3_fail_memory(err, "the report");
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
  of3_str_addf(out, "\nTimestamp: %s\nQuery ID(s): ", stamp);
  of3_str_add_printable(out, item->query);
  of3_str_addf(out, "\nError Type: %s\nError Message: %s\n", report_type_name(failure->code), failure->text);
  of3_str_addc(out, '=', 50);
  of3_str_add(out, "\n");
}

/* Appends, in one piece: the log of many failures is written in linear time. */
static of3_status append_text(const char *path, const of3_str *text, of3_error *err) {
  struct stat st;
  int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NONBLOCK, 0666);
  bool ok = fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) &&
            write(fd, text->text, text->len) == (ssize_t)text->len;
  int reason = errno;
  if (fd >= 0) ok = close(fd) == 0 && ok;
  return ok ? OF3_OK : of3_fail(err, OF3_ERR_IO, "cannot write '%s': %s", path, strerror(reason));
}

static of3_status log_failure(const of3_job *j, int index, const of3_error *failure, of3_error *err) {
  of3_arena *arena = of3_arena_new(0);
  of3_str text = {0};
  char *folder = arena ? of3_path_join(arena, j->tree.folder, "logs") : NULL;
  char *path = folder ? of3_path_join(arena, folder, "predict_err_rank0.log") : NULL;
  of3_status status = path ? of3_make_folder(folder, err) : of3_fail_memory(err, "the log of failures");
  if (status == OF3_OK) {
    add_failure(&j->item[index], failure, &text);
    status = text.failed ? of3_fail_memory(err, path) : append_text(path, &text, err);
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

/* ---- Results */

static of3_sample_scores scores_of(const of3_aggregated *a) {
  return (of3_sample_scores){.ranking_score = a->sample_ranking_score,
                             .ptm = a->ptm,
                             .iptm = a->iptm,
                             .avg_plddt = a->avg_plddt,
                             .gpde = a->gpde,
                             .disorder = a->disorder,
                             .has_clash = a->has_clash};
}

of3_status of3_job_report_item(of3_job *j, int index, const of3_manifest *m, of3_error *err) {
  of3_item *item = &j->item[index];
  of3_arena *arena = j->box->arena;
  of3_ranked *rows = malloc((size_t)m->n_sample * sizeof *rows);
  if (!rows) return of3_fail_memory(err, "the report");
  for (int s = 0; s < m->n_sample; s++)
    rows[s] = (of3_ranked){.seed = m->seed, .sample = s + 1, .scores = m->sample[s]};
  of3_ranked_sort(rows, m->n_sample);
  item->best_sample = rows[0].sample;
  item->best = scores_of(&rows[0].scores);
  free(rows);
  char *name =
      of3_sample_name(item->query, item->seed, item->best_sample, OF3_FILE_MODEL, m->format, m->full, arena);
  char *folder = of3_path_join(arena, j->tree.folder, item->query);
  if (!name || !folder) return of3_fail_memory(err, "the report");
  item->best_file = of3_arena_printf(arena, "%s/seed_%" PRIu64 "/%s", folder, item->seed, name);
  if (!item->best_file) return of3_fail_memory(err, "the report");
  j->n_done++;
  return OF3_OK;
}

/* The best of each query of this run. */
static of3_status note_best(const of3_job *j, of3_error *err) {
  of3_arena *arena = j->box->arena;
  of3_report *r = &j->box->report;
  of3_best *best = OF3_ARENA_NEW(arena, of3_best, j->set.n);
  if (!best) return of3_fail_memory(err, "the report");
  for (int q = 0; q < j->set.n; q++) {
    const of3_ranked *b = of3_ranking_best(j->ranking, j->ranked[q]);
    if (!b) continue;
    best[r->n_best] = (of3_best){.query = of3_arena_strdup(arena, j->order[q]->name),
                                 .seed = b->seed,
                                 .sample = b->sample,
                                 .file = of3_ranking_best_path(j->ranking, j->ranked[q], b->format, arena)};
    if (!best[r->n_best].query || !best[r->n_best].file) return of3_fail_memory(err, "the report");
    r->n_best++;
  }
  r->best = best;
  return OF3_OK;
}

/* ---- Summary */

of3_status of3_job_write_summary(const of3_job *j, bool failures, of3_error *err) {
  of3_summary s = {.n_done = j->n_done, .n_failed = j->box->report.n_failed};
  of3_str text = {0};
  of3_summary_failure *failure = failures ? malloc(((size_t)s.n_failed + 1) * sizeof *failure) : NULL;
  if (failures && !failure) return of3_fail_memory(err, "the summary");
  s.n_left = j->n_item - s.n_done - s.n_failed;
  s.failure = failure;
  for (int i = 0; failures && i < j->n_item; i++)
    if (j->item[i].status != OF3_OK)
      failure[s.n_failure++] = (of3_summary_failure){.query = j->item[i].query, .reason = j->item[i].error};
  of3_status status = of3_summary_text(&s, &text, err);
  if (status == OF3_OK) status = of3_tree_write_summary(&j->tree, text.text, err);
  of3_str_free(&text);
  free(failure);
  return status;
}

of3_status of3_job_finish(of3_job *j, of3_error *err) {
  of3_report *r = &j->box->report;
  OF3_TRY(of3_job_write_ligands(j, err));
  if (j->n_done) {
    OF3_TRY(of3_ranking_write(j->ranking, err));
    OF3_TRY(note_best(j, err));
  }
  OF3_TRY(of3_job_write_summary(j, true, err));
  r->summary_file = of3_path_join(j->box->arena, j->tree.folder, OF3_SUMMARY_NAME);
  r->ranking_file = j->n_done ? of3_path_join(j->box->arena, j->tree.folder, OF3_RANKING_NAME) : NULL;
  return r->summary_file && (r->ranking_file || !j->n_done) ? OF3_OK : of3_fail_memory(err, "the report");
}

void of3_job_leave(of3_job *j) {
  of3_error failure = {0};
  of3_status status = of3_folder_lock_held(j->folder_lock, &failure);
  if (status == OF3_OK && j->n_done) status = of3_ranking_write(j->ranking, &failure);
  if (status == OF3_OK) status = of3_job_write_ligands(j, &failure);
  if (status == OF3_OK) status = of3_job_write_summary(j, true, &failure);
  if (status != OF3_OK) of3_logf(&j->model->engine->log, OF3_LOG_ERROR, "%s", failure.text);
}
