/* The network on an item, its scores and its files. */
#include <inttypes.h>
#include <string.h>

#include "api/job.h"
#include "score/finite.h"

/* ---- Progress */

/* Who is told, and how the work is spread over the phases. */
typedef struct watcher {
  of3_worker *worker;
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
  of3_worker_tell(w->worker, &w->info);
}

/* ---- Computation */

static of3_status run_fold(of3_item_run *t, watcher *w, of3_prediction *out, of3_error *err) {
  enum { ROUNDING = 4096 };
  const of3_model *m = t->worker->job->model;
  of3_random_source random = of3_seeded_random(&t->item->seed);
  of3_observer observer = {.user = w, .progress = tell};
  of3_ctx cx;
  OF3_TRY(
      of3_ctx_open_on(&cx, &m->engine->device, t->worker->pool, t->plan.step_bytes + ROUNDING, false, err));
  cx.log = &t->worker->log;
  cx.opt_cancel = m->engine->callbacks.cancel;
  of3_status status = of3_fold(&cx, &m->network, &t->features, &t->fold, &random, &observer, out, err);
  of3_ctx_close(&cx);
  return status;
}

/* f16 ends at 65504, where the activations of a sound network may go on. */
static of3_status run_check_finite(const of3_prediction *p, of3_dtype operand, of3_error *err) {
  of3_error found = {0};
  if (of3_prediction_check_finite(p, &found) == OF3_OK) return OF3_OK;
  return of3_fail(err, found.code, "%s%s", found.text,
                  operand == OF3_F16 ? ", or its activations exceed 65504, where f16 ends: use f32 or bf16"
                                     : "");
}

/* To the stage; the calling thread puts it in its place. */
static of3_status write_stage(of3_item_run *t, const of3_prediction *p, const of3_scores *scores,
                              of3_error *err) {
  const of3_job *j = t->worker->job;
  of3_seed_output o = of3_job_seed_output(j, t->stage.folder, &t->prepared->complex, t->item->seed, t->key);
  o.no_record = j->o->no_record;
  OF3_TRY(of3_replacement_begin(&t->stage, err));
  of3_status status = of3_seed_write(&o, p, scores, of3_seconds() - t->begin, t->arena, &t->manifest, err);
  if (status == OF3_OK && of3_replacement_replaces(&t->stage)) status = of3_replacement_sync(&t->stage, err);
  if (status != OF3_OK) of3_replacement_drop(&t->stage);
  if (status == OF3_OK)
    of3_logf(&t->worker->log, OF3_LOG_DEBUG, "'%s': %d files written and noted in of3_run.json",
             t->stage.home, t->manifest.n_file);
  return status;
}

static watcher run_watch(const of3_item_run *t) {
  return (watcher){.worker = t->worker,
                   .begin = t->begin,
                   .flops = {t->plan.flops_trunk, t->plan.flops_diffusion, t->plan.flops_heads},
                   .info = {.query = t->query->name,
                            .seed = t->item->seed,
                            .item = t->index + 1,
                            .n_item = t->worker->job->n_item}};
}

of3_status of3_item_run_fold(of3_item_run *t, of3_arena *arena, of3_prediction *out, of3_scores **ret_scores,
                             of3_error *err) {
  watcher w = run_watch(t);
  OF3_TRY(run_fold(t, &w, out, err));
  t->item->seconds[OF3_PHASE_TRUNK] = out->seconds_trunk;
  t->item->seconds[OF3_PHASE_DIFFUSION] = out->seconds_diffusion;
  double begin = of3_seconds();
  of3_status status = run_check_finite(out, t->worker->job->model->engine->device.backend->operand, err);
  if (status == OF3_OK)
    status = of3_scores_compute(&t->prepared->complex, &t->features, out, t->worker->job->mode.variant,
                                t->worker->pool, t->worker->job->model->engine->callbacks.cancel, arena,
                                ret_scores, err);
  t->item->seconds[OF3_PHASE_HEADS] = out->seconds_heads + of3_seconds() - begin;
  if (status != OF3_OK) of3_prediction_free(out);
  return status;
}

static void tell_times(const of3_item_run *t) {
  const double *s = t->item->seconds;
  const double diffusion = s[OF3_PHASE_DIFFUSION];
  of3_logf(
      &t->worker->log, OF3_LOG_DEBUG,
      "%s seed %" PRIu64 ": features %.3f s, trunk %.3f s (%.1f GFLOP/s), diffusion %.3f s (%.1f GFLOP/s), "
      "heads and scores %.3f s, write %.3f s",
      t->query->name, t->item->seed, s[OF3_PHASE_FEATURES], s[OF3_PHASE_TRUNK],
      s[OF3_PHASE_TRUNK] > 0 ? t->plan.flops_trunk * 1e-9 / s[OF3_PHASE_TRUNK] : 0, diffusion,
      diffusion > 0 ? t->plan.flops_diffusion * 1e-9 / diffusion : 0, s[OF3_PHASE_HEADS], s[OF3_PHASE_WRITE]);
}

static of3_status fold_and_write(of3_item_run *t, of3_arena *arena, of3_error *err) {
  watcher w = run_watch(t);
  of3_prediction p = {0};
  of3_scores *scores = NULL;
  OF3_TRY(of3_item_run_fold(t, arena, &p, &scores, err));
  double begin = of3_seconds();
  w.info.fraction = 1; /* the arithmetic is done */
  tell(&w, "write", 0, 1);
  of3_status status = write_stage(t, &p, scores, err);
  t->item->seconds[OF3_PHASE_WRITE] = of3_seconds() - begin;
  of3_prediction_free(&p);
  tell_times(t);
  tell(&w, "write", 1, 1);
  return status;
}

of3_status of3_item_run_compute(of3_item_run *t, of3_error *err) {
  of3_arena *arena = of3_arena_new(0);
  if (!arena) return of3_fail_memory(err, "the scores");
  of3_status status = fold_and_write(t, arena, err);
  of3_arena_free(arena);
  return status;
}
