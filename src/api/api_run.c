/* One query with one seed: features, plan, network, scores, files. */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "api/job.h"
#include "base/file.h"
#include "base/machine.h"
#include "write/manifest.h"

void of3_job_forget(of3_job *j) {
  of3_features_free(&j->features);
  of3_complex_free(&j->complex);
  j->query = NULL;
  j->announced = false;
}

/* ---- Progress */

/* Who is told, and how the work is spread over the phases. */
typedef struct watcher {
  const of3_callbacks *callbacks;
  of3_progress_info info;
  double flops[3]; /* trunk, diffusion, heads */
  double begin;
} watcher;

static void tell(void *user, const char *phase, int done, int total) {
  static const char *const names[] = {"trunk", "diffusion", "confidence"};
  watcher *w = user;
  double all = w->flops[0] + w->flops[1] + w->flops[2], past = 0;
  for (int i = 0; i < 3; i++) {
    if (strcmp(phase, names[i]) == 0) {
      w->info.fraction = (past + w->flops[i] * done / (total ? total : 1)) / (all > 0 ? all : 1);
      break;
    }
    past += w->flops[i];
  }
  w->info.phase = phase;
  w->info.done = done;
  w->info.total = total;
  w->info.seconds = of3_seconds() - w->begin;
  if (w->callbacks->progress) w->callbacks->progress(w->callbacks->user, &w->info);
}

/* ---- Re-runs */

static of3_status check_existing(of3_job *j, const char *folder, const char *key, bool *complete,
                                 of3_error *err) {
  char why[OF3_ERROR_TEXT];
  of3_run_state state;
  *complete = false;
  if (j->o->overwrite || !of3_is_folder(folder)) return OF3_OK;
  OF3_TRY(of3_manifest_check(folder, key, &state, why, err));
  *complete = state == OF3_RUN_COMPLETE;
  if (!*complete) of3_logf(&j->model->engine->log, OF3_LOG_INFO, "computing again: %s", why);
  return OF3_OK;
}

/* ---- Features */

static of3_status build(of3_job *j, const of3_query *query, uint64_t seed, of3_error *err) {
  const of3_log *log = &j->model->engine->log;
  if (j->query == query) return of3_features_reseed(&j->complex, seed, &j->features, err);
  of3_job_forget(j);
  OF3_TRY(of3_complex_build(query, log, &j->complex, err));
  of3_status status = j->tree.format == OF3_PDB ? of3_pdb_check(&j->complex, err) : OF3_OK;
  if (status == OF3_OK)
    status = of3_features_build(&j->complex, query, &j->mode, seed, log, &j->features, err);
  if (status != OF3_OK)
    of3_job_forget(j);
  else
    j->query = query;
  return status;
}

/* ---- Memory and work */

enum { SIZE_TEXT = 16 };

static const char *size_text(uint64_t bytes, char out[SIZE_TEXT]) {
  bool giga = bytes >= 1000000000;
  snprintf(out, SIZE_TEXT, giga ? "%.2f GB" : "%.1f MB", (double)bytes / (giga ? 1e9 : 1e6));
  return out;
}

/* To what size_text shows, so that what is said to be needed suffices. */
static uint64_t rounded_up(uint64_t bytes) {
  const uint64_t unit = bytes >= 1000000000 ? 10000000 : 100000;
  return (bytes + unit - 1) / unit * unit;
}

typedef struct need {
  uint64_t weights, tensors, rest, total, available; /* bytes; available 0: unknown */
} need;

static bool fits(const need *n) { return !n->available || n->total <= n->available; }

/* Without tensors and results. */
static need memory_held(const of3_job *j) {
  const of3_model *m = j->model;
  uint64_t copies = of3_arena_used(m->network.arena), features = of3_arena_used(j->features.arena);
  need n = {.weights = m->mapped_bytes + copies, .rest = features, .available = m->engine->max_memory};
  uint64_t usable = n.available ? 0 : of3_usable_memory();
  if (usable) n.available = usable + copies + features; /* these have been taken already */
  return n;
}

/* The fastest plan for which there is memory, or one that needs as little as possible. */
static of3_status make_plan(const of3_job *j, of3_fold_options *o, of3_plan *plan, need *n, of3_error *err) {
  const of3_engine *e = j->model->engine;
  *n = memory_held(j);
  const uint64_t held = n->weights + n->rest;
  const size_t most = !n->available ? SIZE_MAX : n->available > held ? n->available - held : 0;
  OF3_TRY(of3_plan_within(e->backend, e->threads, &j->model->network, &j->features, most, o, plan, err));
  n->tensors = plan->step_bytes;
  n->rest += plan->result_bytes;
  n->total = n->weights + n->tensors + n->rest;
  return OF3_OK;
}

/* The sizes of a need as text. */
typedef struct need_text {
  char weights[SIZE_TEXT], tensors[SIZE_TEXT], rest[SIZE_TEXT], total[SIZE_TEXT], available[SIZE_TEXT];
} need_text;

static need_text text_of(const need *n) {
  need_text t = {.weights = ""};
  size_text(n->weights, t.weights);
  size_text(n->tensors, t.tensors);
  size_text(n->rest, t.rest);
  size_text(rounded_up(n->total), t.total);
  size_text(n->available, t.available);
  return t;
}

static void announce(of3_job *j, const of3_fold_options *o, const of3_plan *plan, const need *n) {
  const of3_log *log = &j->model->engine->log;
  const of3_features *f = &j->features;
  char economy[OF3_ECONOMY_TEXT];
  need_text t = text_of(n);
  double work = plan->flops_trunk + plan->flops_diffusion + plan->flops_heads;
  double percent = 100 / (work > 0 ? work : 1);
  of3_logf(log, OF3_LOG_INFO, "%s: %d chain%s, %d tokens, %d atoms, %d MSA rows", j->query->name,
           j->complex.n_chain, j->complex.n_chain > 1 ? "s" : "", f->n_token, f->n_atom, f->n_msa);
  of3_logf(log, OF3_LOG_INFO,
           "%s: needs %s of memory (weights %s, tensors %s, features and results %s); %s %s", j->query->name,
           t.total, t.weights, t.tensors, t.rest, n->available ? t.available : "an unknown amount",
           j->model->engine->max_memory ? "are allowed" : "are free");
  if (fits(n) && of3_economy_text(&o->economy, &j->model->network.config, economy)[0])
    of3_logf(log, OF3_LOG_INFO, "%s: takes longer to need less: %s", j->query->name, economy);
  of3_logf(log, OF3_LOG_INFO,
           "%s: needs %.3g TFLOP of work for each seed (trunk %.0f%%, diffusion %.0f%%, heads %.0f%%)",
           j->query->name, work * 1e-12, plan->flops_trunk * percent, plan->flops_diffusion * percent,
           plan->flops_heads * percent);
}

static of3_status check_memory(of3_job *j, const need *n, of3_error *err) {
  need_text t = text_of(n);
  if (fits(n)) return OF3_OK;
  return of3_fail(err, OF3_ERR_MEMORY,
                  "%d tokens and %d samples need at least %s of memory (weights %s, tensors %s, features and "
                  "results %s), but %s are %s; use fewer samples, a smaller query or more memory",
                  j->features.n_token, j->o->samples, t.total, t.weights, t.tensors, t.rest, t.available,
                  j->model->engine->max_memory ? "allowed by --max-memory" : "free");
}

/* ---- Computation */

static of3_status fold(of3_job *j, const of3_fold_options *o, const of3_plan *plan, watcher *w,
                       of3_prediction *out, of3_error *err) {
  enum { ROUNDING = 4096 };
  const of3_engine *e = j->model->engine;
  of3_random_source random = of3_seeded_random(&w->info.seed);
  of3_observer observer = {.user = w, .progress = tell};
  of3_ctx cx;
  OF3_TRY(of3_ctx_open(&cx, e->backend, e->threads, plan->step_bytes + ROUNDING, false, err));
  cx.log = &e->log;
  cx.opt_cancel = e->callbacks.cancel;
  of3_status status = of3_fold(&cx, &j->model->network, &j->features, o, &random, &observer, out, err);
  of3_ctx_close(&cx);
  return status;
}

/* A network of finite weights gives finite numbers; a damaged checkpoint need not. */
static of3_status check_finite(const of3_prediction *p, of3_error *err) {
  size_t n = (size_t)p->n_sample * (size_t)p->n_atom;
  bool finite = true;
  for (size_t i = 0; finite && i < 3 * n; i++) finite = isfinite(p->x[i]);
  for (size_t i = 0; finite && i < n; i++) finite = isfinite(p->plddt[i]);
  if (finite) return OF3_OK;
  return of3_fail(err, OF3_ERR_INPUT,
                  "the network gave numbers that are not finite; the checkpoint may be damaged or untrained");
}

static of3_status write(of3_job *j, const of3_prediction *p, const of3_scores *scores, const char *folder,
                        const char *key, const watcher *w, of3_error *err) {
  const char **files = NULL;
  int n = 0;
  of3_arena *arena = of3_arena_new(0);
  if (!arena) return of3_fail_memory(err, folder);
  of3_status status = of3_manifest_remove(folder, err);
  if (status == OF3_OK)
    status = of3_tree_write(&j->tree, &j->complex, w->info.seed, p, scores, of3_seconds() - w->begin, arena,
                            &files, &n, err);
  if (status == OF3_OK) status = of3_manifest_write(folder, key, files, n, err);
  of3_arena_free(arena);
  return status;
}

static of3_status score_and_write(of3_job *j, const of3_prediction *p, const char *folder, const char *key,
                                  watcher *w, of3_item *item, of3_error *err) {
  of3_scores *scores = NULL;
  double begin = of3_seconds();
  of3_arena *arena = of3_arena_new(0);
  if (!arena) return of3_fail_memory(err, "the scores");
  of3_status status = check_finite(p, err);
  if (status == OF3_OK)
    status = of3_scores_compute(&j->complex, &j->features, p, j->mode.variant, j->model->engine->pool, arena,
                                &scores, err);
  item->seconds[OF3_PHASE_HEADS] = p->seconds_heads + of3_seconds() - begin;
  begin = of3_seconds();
  tell(w, "write", 0, 1);
  if (status == OF3_OK) status = write(j, p, scores, folder, key, w, err);
  item->seconds[OF3_PHASE_WRITE] = of3_seconds() - begin;
  of3_arena_free(arena);
  return status;
}

static of3_status compute(of3_job *j, const of3_query *query, int index, const char *folder, const char *key,
                          of3_error *err) {
  const of3_engine *e = j->model->engine;
  of3_item *item = &j->item[index];
  of3_fold_options o = {.n_cycle = j->o->recycles + 1, .n_step = j->o->steps, .n_sample = j->o->samples};
  of3_plan plan;
  need n;
  of3_prediction p = {0};
  watcher w = {.callbacks = &e->callbacks,
               .begin = of3_seconds(),
               .info = {.query = query->name, .seed = item->seed, .item = index + 1, .n_item = j->n_item}};
  tell(&w, "features", 0, 1);
  OF3_TRY(build(j, query, item->seed, err));
  item->n_token = j->features.n_token;
  item->n_atom = j->features.n_atom;
  OF3_TRY(make_plan(j, &o, &plan, &n, err));
  if (!j->announced) announce(j, &o, &plan, &n);
  j->announced = true;
  item->memory = n.total;
  OF3_TRY(check_memory(j, &n, err));
  memcpy(w.flops, (double[]){plan.flops_trunk, plan.flops_diffusion, plan.flops_heads}, sizeof w.flops);
  item->seconds[OF3_PHASE_FEATURES] = of3_seconds() - w.begin;
  OF3_TRY(fold(j, &o, &plan, &w, &p, err));
  item->seconds[OF3_PHASE_TRUNK] = p.seconds_trunk;
  item->seconds[OF3_PHASE_DIFFUSION] = p.seconds_diffusion;
  of3_status status = score_and_write(j, &p, folder, key, &w, item, err);
  of3_prediction_free(&p);
  tell(&w, "write", 1, 1);
  return status;
}

static void log_result(const of3_job *j, const of3_item *item) {
  double seconds = 0;
  for (int p = 0; p < OF3_N_PHASE; p++) seconds += item->seconds[p];
  if (item->reused)
    of3_logf(&j->model->engine->log, OF3_LOG_INFO, "%s seed %" PRIu64 ": complete from an earlier run",
             item->query, item->seed);
  else
    of3_logf(&j->model->engine->log, OF3_LOG_INFO,
             "%s seed %" PRIu64 ": done in %.1f s, sample %d is best, ranking score %.4f, mean pLDDT %.2f",
             item->query, item->seed, seconds, item->best_sample, item->best.ranking_score,
             item->best.avg_plddt);
}

static of3_status run(of3_job *j, const of3_query *query, int index, of3_arena *arena, of3_error *err) {
  char key[OF3_KEY_TEXT];
  of3_item *item = &j->item[index];
  of3_run_inputs inputs = {.query = query,
                           .seed = item->seed,
                           .checkpoint = j->model->identity,
                           .options = j->options,
                           .version = of3_version()};
  char *folder = of3_tree_seed_folder(&j->tree, query->name, item->seed, arena);
  if (!folder) return of3_fail_memory(err, "a path");
  OF3_TRY(of3_run_key(&inputs, key, err));
  OF3_TRY(check_existing(j, folder, key, &item->reused, err));
  if (!item->reused) OF3_TRY(compute(j, query, index, folder, key, err));
  OF3_TRY(of3_job_rank_item(j, index, err));
  log_result(j, item);
  return OF3_OK;
}

of3_status of3_job_run(of3_job *j, const of3_query *query, int index, of3_error *err) {
  if (query->error.code != OF3_OK) {
    *err = query->error;
    return err->code;
  }
  of3_arena *arena = of3_arena_new(0);
  if (!arena) return of3_fail_memory(err, "a path");
  of3_status status = run(j, query, index, arena, err);
  of3_arena_free(arena);
  if (status == OF3_OK || status == OF3_ERR_CANCELLED) return status;
  return of3_prefix(err, "query '%s', seed %" PRIu64, query->name, j->item[index].seed);
}
