/* of3_predict: options are checked, queries put in order of their size, results of earlier runs are sorted
 * out, and the rest is computed (api_workers.c); the report concludes. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "api/chemistry.h"
#include "api/job.h"
#include "base/sha256.h"
#include "base/file.h"
#include "base/str.h"
#include "dialect/dialect.h"

enum {
  DEFAULT_SEED = 42,
  MOST_ITEMS = 1000000,
  MOST_SAMPLES = 10000,
  MOST_STEPS = 10000,
  MOST_SCALE = 10,
  MOST_RECYCLES = 1000
};

of3_predict_options of3_predict_defaults(void) {
  return (of3_predict_options){.output_dir = ".",
                               .samples = 5,
                               .recycles = 3,
                               .sampler = of3_sampler_reference.name,
                               .noise_scale = -1,
                               .step_scale = -1,
                               .format = "cif",
                               .cif_style = "modelcif",
                               .confidences = "json"};
}

/* ---- Options */

static of3_status predict_check_range(const char *what, int value, int low, int high, of3_error *err) {
  if (value >= low && value <= high) return OF3_OK;
  return of3_fail(err, OF3_ERR_USAGE, "%d %s were asked for; %d to %d are allowed", value, what, low, high);
}

bool of3_sampler_describe(const char *name, of3_sampler_info *out) {
  const of3_sampler *s = name ? of3_sampler_named(name) : NULL;
  if (!s) return false;
  const bool adds = s->gamma_0 > 0;
  *out = (of3_sampler_info){.name = s->name,
                            .steps = s->n_step,
                            .adds_noise = adds,
                            .noise_scale = adds ? s->noise_scale : 0,
                            .step_scale = s->step_scale};
  return true;
}

static of3_status check_scale(const char *what, double value, double above, of3_error *err) {
  char text[OF3_F32_TEXT];
  if (value > above && value <= MOST_SCALE) return OF3_OK;
  of3_format_f64(text, value);
  return of3_fail(err, OF3_ERR_USAGE, "a %s scale of %s was asked for; %s to %d are allowed", what, text,
                  above < 0 ? "0" : "more than 0", MOST_SCALE);
}

/* The sampler with what the options change of it. */
static of3_status choose_sampler(of3_job *j, of3_error *err) {
  const of3_predict_options *o = j->o;
  const of3_sampler *known = o->sampler ? of3_sampler_named(o->sampler) : &of3_sampler_reference;
  if (!known)
    return of3_fail(err, OF3_ERR_USAGE, "the sampler '%.20s' is unknown; reference or ode was expected",
                    o->sampler);
  j->sampler = *known;
  if (o->steps) j->sampler.n_step = o->steps;
  if (!(o->noise_scale < 0)) j->sampler.noise_scale = o->noise_scale;
  if (!(o->step_scale < 0)) j->sampler.step_scale = o->step_scale;
  if (!(o->noise_scale < 0) && known->gamma_0 == 0)
    return of3_fail(err, OF3_ERR_USAGE,
                    "the sampler %s adds no noise that a noise scale could scale; leave it out, or use the "
                    "sampler reference",
                    known->name);
  OF3_TRY(predict_check_range("steps", j->sampler.n_step, 1, MOST_STEPS, err));
  OF3_TRY(check_scale("noise", j->sampler.noise_scale, -1e-300, err));
  return check_scale("step", j->sampler.step_scale, 0, err);
}

static of3_status check_jobs(const of3_engine *e, int jobs, of3_error *err) {
  if (jobs < 0) return of3_fail(err, OF3_ERR_USAGE, "%d jobs were asked for; 0 chooses how many", jobs);
  if (jobs > 1 && !e->device.backend->concurrent)
    return of3_fail(err, OF3_ERR_USAGE,
                    "%d jobs were asked for, but the backend %s folds one query at a time; use 1 job", jobs,
                    e->device.backend->name);
  if (jobs > e->threads)
    return of3_fail(err, OF3_ERR_USAGE,
                    "%d jobs need at least as many threads, but there %s %d; use fewer jobs or more threads",
                    jobs, e->threads == 1 ? "is" : "are", e->threads);
  return OF3_OK;
}

of3_status of3_job_fold_options(of3_job *j, of3_error *err) {
  OF3_TRY(predict_check_range("samples", j->o->samples, 1, MOST_SAMPLES, err));
  OF3_TRY(predict_check_range("recycles", j->o->recycles, 0, MOST_RECYCLES, err));
  return choose_sampler(j, err);
}

of3_status of3_job_open_components(of3_job *j, of3_error *err) {
  OF3_TRY(of3_open_chemistry(j->o->ccd, j->o->user_ccd, &j->model->engine->log, &j->chemistry, err));
  OF3_TRY(of3_chemistry_open_cache(j->chemistry, NULL, err));
  j->components = of3_chemistry_library(j->chemistry);
  return OF3_OK;
}

/* Results depend on what settings say of features. */
static void add_settings(of3_job *j) {
  char hex[OF3_SHA256_HEX];
  of3_sha256 s;
  const size_t n = strlen(j->options);
  const char *text = j->o->settings ? j->o->settings->differences : "";
  if (!*text) return;
  of3_sha256_init(&s);
  of3_sha256_add(&s, text, strlen(text));
  of3_sha256_hex(&s, hex);
  snprintf(j->options + n, sizeof j->options - n, " settings=%.16s", hex);
}

static of3_status read_options(of3_job *j, of3_error *err) {
  const of3_predict_options *o = j->o;
  j->tree.folder = o->output_dir;
  j->structures = o->structures;
  OF3_TRY(of3_job_fold_options(j, err));
  if (!o->output_dir || !*o->output_dir) return of3_fail(err, OF3_ERR_USAGE, "no output folder is named");
  if (!of3_structure_format_parse(o->format, &j->tree.format))
    return of3_fail(err, OF3_ERR_USAGE,
                    "the structure format '%.20s' is unknown; cif, cif.gz or pdb was expected", o->format);
  if (o->cif_style && !of3_cif_style_parse(o->cif_style, &j->tree.style))
    return of3_fail(err, OF3_ERR_USAGE,
                    "the style of mmCIF '%.20s' is unknown; modelcif or reference was expected",
                    o->cif_style);
  j->tree.version = of3_version();
  j->tree.variant = j->model->info->variant;
  if (!of3_full_parse(o->confidences, &j->tree.full))
    return of3_fail(err, OF3_ERR_USAGE,
                    "the format of confidences '%.20s' is unknown; json, npz, npz32 or none was expected",
                    o->confidences);
  OF3_TRY(check_jobs(j->model->engine, o->jobs, err));
  OF3_TRY(predict_check_range("folds in a batch", o->batch, 0, OF3_MOST_BATCH, err));
  j->mode = of3_feature_mode_of(j->model->network.variant);
  of3_feature_mode_set(&j->mode, o->settings);
  char noise[OF3_F32_TEXT], step[OF3_F32_TEXT];
  of3_format_f64(noise, j->sampler.noise_scale);
  of3_format_f64(step, j->sampler.step_scale);
  snprintf(j->options, sizeof j->options,
           "samples=%d recycles=%d sampler=%s steps=%d noise_scale=%s step_scale=%s backend=%s dtype=%s",
           o->samples, o->recycles, j->sampler.name, j->sampler.n_step, noise, step,
           j->model->engine->device.backend->name, of3_dtype_name(j->model->engine->device.backend->operand));
  OF3_TRY(of3_job_open_components(j, err));
  add_settings(j);
  return OF3_OK;
}

/* ---- Order: queries by number of tokens, seeds fastest. The reference's is that of the letters of polymers,
 * so that ligands and modified residues count for nothing; results depend on neither. */

typedef struct sized_query {
  const of3_query *query;
  of3_query_size size;
} sized_query;

static int by_size(const void *pa, const void *pb) {
  const sized_query *a = pa, *b = pb;
  const int la = a->size.n_token, lb = b->size.n_token;
  return la != lb ? (la > lb) - (la < lb) : (a->query > b->query) - (a->query < b->query);
}

static of3_status sort_by_size(of3_job *j, of3_error *err) {
  const size_t n = (size_t)j->set.n;
  sized_query *sized = malloc((n + 1) * sizeof *sized);
  j->order = OF3_ARENA_NEW(j->set.arena, const of3_query *, n);
  j->size = OF3_ARENA_NEW(j->set.arena, of3_query_size, n);
  const bool ok = sized && j->order && j->size;
  for (size_t i = 0; ok && i < n; i++) {
    const of3_query *q = &j->set.query[i];
    sized[i] = (sized_query){.query = q};
    if (q->error.code == OF3_OK) sized[i].size = of3_query_measure(q, &j->components);
  }
  if (ok) qsort(sized, n, sizeof *sized, by_size);
  for (size_t i = 0; ok && i < n; i++) {
    j->order[i] = sized[i].query;
    j->size[i] = sized[i].size;
  }
  free(sized);
  return ok ? OF3_OK : of3_fail_memory(err, "the queries");
}

static of3_status order_queries(of3_job *j, of3_error *err) {
  static const uint64_t default_seed = DEFAULT_SEED;
  bool given = j->o->n_seed > 0;
  j->seed = given ? j->o->seeds : j->set.n_seed ? j->set.seed : &default_seed;
  j->n_seed = given ? j->o->n_seed : j->set.n_seed ? j->set.n_seed : 1;
  int64_t items = (int64_t)j->set.n * j->n_seed;
  if (items > MOST_ITEMS)
    return of3_fail(err, OF3_ERR_USAGE, "%d queries with %d seeds each are more than %d folds; split them",
                    j->set.n, j->n_seed, MOST_ITEMS);
  j->n_item = (int)items;
  return sort_by_size(j, err);
}

/* ---- Re-runs */

/* A complete item goes to the ranking. */
static of3_status reuse_item(of3_job *j, int index, const of3_manifest *m, of3_error *err) {
  of3_item *item = &j->item[index];
  OF3_TRY(of3_ranking_put(j->ranking, j->ranked[index / j->n_seed], m, err));
  OF3_TRY(of3_job_report_item(j, index, m, err));
  item->reused = true;
  of3_logf(&j->model->engine->log, OF3_LOG_INFO, "%s seed %" PRIu64 ": complete from an earlier run",
           item->query, item->seed);
  return OF3_OK;
}

/* Whether the item is complete on disk; else what is to be done with it. */
static of3_status check_existing(of3_job *j, int index, of3_arena *arena, of3_error *err) {
  char why[OF3_ERROR_TEXT];
  of3_replacement stage;
  of3_manifest found = {0};
  of3_run_state state = OF3_RUN_MISSING;
  const of3_log *log = &j->model->engine->log;
  OF3_TRY(of3_job_find_key(j, index / j->n_seed, err));
  const of3_manifest wanted = {.made_from = j->key[index / j->n_seed],
                               .seed = j->item[index].seed,
                               .format = j->tree.format,
                               .style = j->tree.style,
                               .full = j->tree.full};
  OF3_TRY(of3_replacement_of(j->tree.folder, j->item[index].query, wanted.seed, arena, &stage, err));
  OF3_TRY(of3_replacement_check(&stage, err));
  if (!j->o->overwrite && of3_is_folder(stage.home)) {
    OF3_TRY(of3_manifest_check(stage.home, &wanted, j->model->engine->callbacks.cancel, arena, &found, &state,
                               why, err));
    if (state == OF3_RUN_REWRITE)
      of3_logf(log, OF3_LOG_INFO, "writing again: %s", why);
    else if (state != OF3_RUN_COMPLETE)
      of3_logf(log, OF3_LOG_INFO, "computing again: %s", why);
  }
  if (state == OF3_RUN_COMPLETE) return reuse_item(j, index, &found, err);
  if (state == OF3_RUN_REWRITE)
    j->rewrite[j->n_rewrite++] = index;
  else
    j->pending[j->n_pending++] = index;
  return OF3_OK;
}

/* ---- The run */

static of3_status item_failed(of3_job *j, int index, of3_error *failure, of3_error *err) {
  of3_job_blame(j, index, failure);
  return of3_job_note_failure(j, index, failure, false, err);
}

/* An item that needs no computing is done here: a query with an error, results of an earlier run. */
static of3_status sort_item(of3_job *j, int index, of3_error *err) {
  const of3_query *query = of3_job_query(j, index);
  if (query->error.code != OF3_OK) /* told for the first seed */
    return of3_job_note_failure(j, index, &query->error, index % j->n_seed > 0, err);
  if (of3_job_awaits(j, query)) {
    j->pending[j->n_pending++] = index;
    return OF3_OK;
  }
  of3_error failure = {0};
  of3_arena *arena = of3_arena_new(0);
  of3_status status = arena ? check_existing(j, index, arena, &failure) : of3_fail_memory(&failure, "a path");
  of3_arena_free(arena);
  if (status == OF3_ERR_CANCELLED) return OF3_OK; /* run_items notices */
  if (status != OF3_OK) return item_failed(j, index, &failure, err);
  return index % j->n_seed == 0 ? of3_job_rank_others(j, index / j->n_seed, err) : OF3_OK;
}

static bool goes_on(const of3_job *j) {
  return !atomic_load(&j->stop) && !of3_is_cancelled(&j->model->engine->callbacks);
}

static of3_status rewrite_items(of3_job *j, of3_error *err) {
  for (int k = 0; k < j->n_rewrite && goes_on(j); k++) {
    of3_error failure = {0};
    const of3_status status = of3_job_rewrite(j, j->rewrite[k], &failure);
    if (status == OF3_OK || status == OF3_ERR_CANCELLED) continue;
    OF3_TRY(item_failed(j, j->rewrite[k], &failure, err));
  }
  return OF3_OK;
}

static of3_status run_items(of3_job *j, of3_error *err) {
  int i = 0;
  j->rewrite = OF3_ARENA_NEW(j->set.arena, int, (size_t)j->n_item + 1);
  j->pending = OF3_ARENA_NEW(j->set.arena, int, (size_t)j->n_item + 1);
  j->hashes = of3_file_hashes_new();
  if (!j->rewrite || !j->pending || !j->hashes) return of3_fail_memory(err, "the queries");
  for (; i < j->n_item && goes_on(j); i++) OF3_TRY(sort_item(j, i, err));
  of3_file_hashes_free(j->hashes);
  j->hashes = NULL;
  if (i == j->n_item) {
    OF3_TRY(of3_job_settle(j, err));
    OF3_TRY(of3_job_write_ligands(j, err));
    OF3_TRY(rewrite_items(j, err));
  }
  if (!goes_on(j)) atomic_store(&j->stop, true);
  return of3_job_run(j, err);
}

static of3_status conclude(of3_job *j, of3_error *err) {
  int n_failed = j->box->report.n_failed;
  of3_error last = {0};
  of3_status status = of3_job_finish(j, &last);
  *err = n_failed ? j->first_failure : last;
  if (n_failed && status != OF3_OK) of3_logf(&j->model->engine->log, OF3_LOG_ERROR, "%s", last.text);
  if (n_failed == 0 || j->n_item == 1) return n_failed ? err->code : status;
  if (n_failed == j->n_item) return of3_fail(err, err->code, "all %d folds failed, as said above", n_failed);
  return of3_fail(err, err->code, "%d of %d folds failed, as said above; the others are complete in '%s'",
                  n_failed, j->n_item, j->tree.folder);
}

/* What a report of a fault should name. */
static void announce_details(const of3_model *m) {
  enum { MOST = 16, NAME = 16 };
  const of3_engine *e = m->engine;
  const char *isa[MOST];
  char text[MOST * NAME] = "";
  if (e->log.least > OF3_LOG_DEBUG) return;
  const int n = of3_instruction_sets(isa, MOST);
  for (int i = 0, at = 0; i < n && i < MOST; i++) at += snprintf(text + at, NAME, " %s", isa[i]);
  of3_logf(&e->log, OF3_LOG_DEBUG, "instruction sets of this machine:%s; %" PRIu64 " bytes of memory %s",
           text, of3_engine_memory(e, 0), e->max_memory ? "are allowed" : "are free");
  of3_logf(&e->log, OF3_LOG_DEBUG,
           "weights: %s of %" PRIu64 " bytes in %s (%s), %" PRIu64
           " bytes used where they lie in the file, identity %s",
           m->info->format, m->info->file_bytes, m->info->layout, m->info->types, m->mapped_bytes,
           m->identity);
}

static void announce(const of3_model *m) {
  const of3_engine *e = m->engine;
  char where[OF3_DEVICE_TEXT];
  of3_logf(&e->log, OF3_LOG_INFO, "of3 %s: %s, %s", of3_version(),
           of3_device_text(&e->device, e->threads, where), of3_dtype_name(e->device.backend->operand));
  of3_logf(&e->log, OF3_LOG_INFO, "weights: '%s', %s (%s), %" PRId64 " parameters, loaded in %.2f s",
           m->info->file, m->info->variant, m->info->title, m->info->n_parameter, m->seconds_load);
  announce_details(m);
}

static of3_status predict(of3_job *j, of3_error *err) {
  announce(j->model);
  of3_logf(&j->model->engine->log, OF3_LOG_DEBUG, "%d quer%s, %d seed%s of the query file; %s", j->set.n,
           j->set.n == 1 ? "y" : "ies", j->set.n_seed, j->set.n_seed == 1 ? "" : "s", j->options);
  OF3_TRY(order_queries(j, err));
  OF3_TRY(of3_job_make_report(j, err));
  for (int i = 0; i < j->n_item; i++) {
    j->item[i].query = of3_arena_strdup(j->box->arena, of3_job_query(j, i)->name);
    j->item[i].seed = j->seed[i % j->n_seed];
    if (!j->item[i].query) return of3_fail_memory(err, "the report");
  }
  OF3_TRY(of3_job_open_folder(j, err));
  of3_status status = of3_job_fetch_first(j, err);
  if (status == OF3_OK) status = of3_job_write_settings(j, err);
  if (status == OF3_OK) status = run_items(j, err);
  if (status != OF3_OK) {
    of3_job_leave(j);
    return status;
  }
  j->concluded = true;
  return conclude(j, err);
}

/* What the options say of all queries. */
static void apply_to_queries(const of3_predict_options *o, of3_query_set *set) {
  for (int i = 0; i < set->n; i++) {
    of3_query *q = &set->query[i];
    q->infer_leaving = o->infer_leaving_atoms;
    if (o->no_templates) of3_query_drop_templates(q);
  }
}

of3_status of3_predict(of3_model *model, const char *query, const of3_predict_options *options,
                       of3_report **ret_report, of3_error *err) {
  of3_job j = {.model = model, .o = options};
  of3_error local = {0};
  *ret_report = NULL;
  of3_status status = read_options(&j, &local);
  if (status == OF3_OK)
    status = of3_query_open(query, of3_reading_memory(model->engine->max_memory), &j.set, &local);
  apply_to_queries(options, &j.set);
  if (status == OF3_OK) status = of3_job_read_ligands(&j, &local);
  if (status == OF3_OK) status = predict(&j, &local);
  of3_aligner_close(j.aligner); /* with the folder, in which it may leave nothing */
  of3_job_close_folder(&j);
  of3_query_set_free(&j.set);
  of3_file_hashes_free(j.hashes);
  of3_chemistry_close(j.chemistry);
  if (j.concluded)
    *ret_report = &j.box->report;
  else
    of3_report_free(j.box ? &j.box->report : NULL);
  if (status != OF3_OK && err) *err = local;
  return status;
}
