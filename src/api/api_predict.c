#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "api/job.h"

enum {
  DEFAULT_SEED = 42,
  MOST_ITEMS = 1000000,
  MOST_SAMPLES = 10000,
  MOST_STEPS = 10000,
  MOST_RECYCLES = 1000
};

of3_predict_options of3_predict_defaults(void) {
  return (of3_predict_options){
      .output_dir = ".", .samples = 5, .recycles = 3, .steps = 200, .format = "cif", .confidences = "json"};
}

/* ---- Options */

static of3_status check_range(const char *what, int value, int low, int high, of3_error *err) {
  if (value >= low && value <= high) return OF3_OK;
  return of3_fail(err, OF3_ERR_USAGE, "%d %s were asked for; %d to %d are allowed", value, what, low, high);
}

static bool parse_full(const char *name, of3_full_confidences *out) {
  static const char *const names[] = {[OF3_FULL_JSON] = "json",
                                      [OF3_FULL_NPZ_F16] = "npz",
                                      [OF3_FULL_NPZ_F32] = "npz32",
                                      [OF3_FULL_NONE] = "none"};
  for (int i = 0; i <= OF3_FULL_NONE; i++)
    if (strcmp(name, names[i]) == 0) {
      *out = (of3_full_confidences)i;
      return true;
    }
  return false;
}

static of3_status read_options(of3_job *j, of3_error *err) {
  const of3_predict_options *o = j->o;
  j->tree.folder = o->output_dir;
  OF3_TRY(check_range("samples", o->samples, 1, MOST_SAMPLES, err));
  OF3_TRY(check_range("recycles", o->recycles, 0, MOST_RECYCLES, err));
  OF3_TRY(check_range("steps", o->steps, 1, MOST_STEPS, err));
  if (!o->output_dir || !*o->output_dir) return of3_fail(err, OF3_ERR_USAGE, "no output folder is named");
  if (!of3_structure_format_parse(o->format, &j->tree.format))
    return of3_fail(err, OF3_ERR_USAGE,
                    "the structure format '%.20s' is unknown; cif, cif.gz or pdb was expected", o->format);
  if (!parse_full(o->confidences, &j->tree.full))
    return of3_fail(err, OF3_ERR_USAGE,
                    "the format of confidences '%.20s' is unknown; json, npz, npz32 or none was expected",
                    o->confidences);
  j->mode = of3_feature_mode_of(j->model->network.variant);
  snprintf(j->options, sizeof j->options,
           "samples=%d recycles=%d steps=%d backend=%s dtype=%s format=%s confidences=%s", o->samples,
           o->recycles, o->steps, j->model->engine->name, of3_dtype_name(j->model->engine->backend->operand),
           o->format, o->confidences);
  return OF3_OK;
}

/* ---- Order: queries by number of residues, seeds fastest */

static int length_of(const of3_query *q) { return q->error.code == OF3_OK ? of3_query_residues(q) : 0; }

static int by_length(const void *pa, const void *pb) {
  const of3_query *a = *(of3_query *const *)pa, *b = *(of3_query *const *)pb;
  int la = length_of(a), lb = length_of(b);
  return la != lb ? (la > lb) - (la < lb) : (a > b) - (a < b); /* equal ones in the order of the file */
}

static of3_status order_queries(of3_job *j, const of3_query ***ret_order, of3_error *err) {
  static const uint64_t default_seed = DEFAULT_SEED;
  bool given = j->o->n_seed > 0;
  j->seed = given ? j->o->seeds : j->set.n_seed ? j->set.seed : &default_seed;
  j->n_seed = given ? j->o->n_seed : j->set.n_seed ? j->set.n_seed : 1;
  int64_t items = (int64_t)j->set.n * j->n_seed;
  if (items > MOST_ITEMS)
    return of3_fail(err, OF3_ERR_USAGE, "%d queries with %d seeds each are more than %d folds; split them",
                    j->set.n, j->n_seed, MOST_ITEMS);
  j->n_item = (int)items;
  const of3_query **order = OF3_ARENA_NEW(j->set.arena, const of3_query *, j->set.n);
  if (!order) return of3_fail_memory(err, "the queries");
  for (int i = 0; i < j->set.n; i++) order[i] = &j->set.query[i];
  qsort(order, (size_t)j->set.n, sizeof *order, by_length);
  *ret_order = order;
  return OF3_OK;
}

/* ---- The run */

/* Keeps the sentence of a failure with its item; the log has it at once where others follow. */
static of3_status note_failure(of3_job *j, int index, const of3_error *failure, bool known, of3_error *err) {
  of3_item *item = &j->item[index];
  item->status = failure->code;
  item->error = of3_arena_strdup(j->box->arena, failure->text);
  item->best_sample = 0;
  if (!item->error) return of3_fail_memory(err, "the report");
  if (j->box->report.n_failed++ == 0) *err = *failure;
  if (item->n_token) { /* features were made: it went wrong in the network or after it */
    of3_error unlogged = {0};
    if (of3_job_log_failure(j, index, failure, &unlogged) != OF3_OK)
      of3_logf(&j->model->engine->log, OF3_LOG_WARN, "%s", unlogged.text);
  }
  if (j->n_item > 1 && !known) of3_logf(&j->model->engine->log, OF3_LOG_ERROR, "%s", failure->text);
  return OF3_OK;
}

static of3_status cancelled(const of3_job *j, of3_error *err) {
  return of3_fail(
      err, OF3_ERR_CANCELLED,
      "interrupted; results that were complete are in '%s', and the same command goes on from there",
      j->tree.folder);
}

static of3_status run_items(of3_job *j, const of3_query *const *order, of3_error *err) {
  for (int i = 0; i < j->n_item; i++) {
    of3_error failure = {0};
    const of3_query *query = order[i / j->n_seed];
    if (of3_is_cancelled(&j->model->engine->callbacks)) return cancelled(j, err);
    of3_status status = of3_job_run(j, query, i, &failure);
    if (status == OF3_ERR_CANCELLED) return cancelled(j, err);
    bool known = query->error.code != OF3_OK && i % j->n_seed > 0; /* told for the first seed */
    if (status != OF3_OK) OF3_TRY(note_failure(j, i, &failure, known, err));
  }
  return OF3_OK;
}

/* err holds the first failure of an item, if there was one. */
static of3_status conclude(of3_job *j, of3_error *err) {
  int n_failed = j->box->report.n_failed;
  of3_error last = {0};
  of3_status status = of3_job_finish(j, &last);
  if (n_failed == 0) {
    if (status != OF3_OK) *err = last;
    return status;
  }
  if (j->n_item == 1) return err->code;
  return of3_fail(err, err->code, "%d of %d folds failed, as said above; the others are complete in '%s'",
                  n_failed, j->n_item, j->tree.folder);
}

static void announce(const of3_model *m) {
  const of3_engine *e = m->engine;
  const char *type = of3_dtype_name(e->backend->operand);
  if (e->backend->plain_memory)
    of3_logf(&e->log, OF3_LOG_INFO, "of3 %s: %s on %d thread%s, %s", of3_version(), e->backend->name,
             e->threads, e->threads > 1 ? "s" : "", type);
  else
    of3_logf(&e->log, OF3_LOG_INFO, "of3 %s: MLX %s on %s, %s", of3_version(), e->version, e->device, type);
  of3_logf(&e->log, OF3_LOG_INFO, "weights: '%s', %s (%s), %" PRId64 " parameters, loaded in %.2f s",
           m->info->file, m->info->variant, m->info->title, m->info->n_parameter, m->seconds_load);
}

static of3_status predict(of3_job *j, of3_error *err) {
  const of3_query **order = NULL;
  announce(j->model);
  OF3_TRY(order_queries(j, &order, err));
  OF3_TRY(of3_job_make_report(j, err));
  for (int i = 0; i < j->n_item; i++) {
    j->item[i].query = of3_arena_strdup(j->box->arena, order[i / j->n_seed]->name);
    j->item[i].seed = j->seed[i % j->n_seed];
    if (!j->item[i].query) return of3_fail_memory(err, "the report");
  }
  OF3_TRY(of3_job_write_settings(j, err));
  OF3_TRY(run_items(j, order, err));
  j->concluded = true;
  return conclude(j, err);
}

of3_status of3_predict(of3_model *model, const char *query, const of3_predict_options *options,
                       of3_report **ret_report, of3_error *err) {
  of3_job j = {.model = model, .o = options};
  of3_error local = {0};
  *ret_report = NULL;
  of3_status status = read_options(&j, &local);
  if (status == OF3_OK) status = of3_query_open(query, &j.set, &local);
  if (status == OF3_OK) status = predict(&j, &local);
  of3_job_forget(&j);
  of3_query_set_free(&j.set);
  if (j.concluded)
    *ret_report = &j.box->report;
  else
    of3_report_free(j.box ? &j.box->report : NULL);
  if (status != OF3_OK && err) *err = local;
  return status;
}
