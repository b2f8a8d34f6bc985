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

static of3_status run_fold(const of3_batch *b, watcher *w, of3_prediction *out, of3_error *err) {
  enum { ROUNDING = 4096 };
  const of3_model *m = b->worker->job->model;
  const of3_features *f[OF3_MOST_BATCH];
  of3_random_source random[OF3_MOST_BATCH];
  of3_observer observer = {.user = w, .progress = tell};
  of3_ctx cx;
  for (int i = 0; i < b->n; i++) {
    f[i] = &b->item[i].features;
    random[i] = of3_seeded_random(&b->item[i].item->seed);
  }
  OF3_TRY(
      of3_ctx_open_on(&cx, &m->engine->device, b->worker->pool, b->plan.step_bytes + ROUNDING, false, err));
  cx.log = &b->worker->log;
  cx.opt_cancel = m->engine->callbacks.cancel;
  of3_status status = of3_fold_batch(&cx, &m->network, b->n, f, &b->fold, random, &observer, out, err);
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

/* Of a batch the first item is told of. */
static watcher run_watch(const of3_batch *b, const of3_item_run *t) {
  return (watcher){.worker = b->worker,
                   .begin = t->begin,
                   .flops = {b->plan.flops_trunk, b->plan.flops_diffusion, b->plan.flops_heads},
                   .info = {.query = t->query->name,
                            .seed = t->item->seed,
                            .item = t->index + 1,
                            .n_item = b->worker->job->n_item,
                            .n_more = b->n - 1}};
}

/* What an item of a batch took is its share of it. */
static void share_seconds(const of3_batch *b, const of3_prediction *p) {
  for (int i = 0; i < b->n; i++) {
    of3_item_run *t = &b->item[i];
    double *s = t->item->seconds;
    s[OF3_PHASE_TRUNK] = p[i].seconds_trunk;
    s[OF3_PHASE_DIFFUSION] = p[i].seconds_diffusion;
    s[OF3_PHASE_HEADS] = p[i].seconds_heads;
    if (b->n > 1)
      t->begin = of3_seconds() - s[OF3_PHASE_FEATURES] - s[OF3_PHASE_TRUNK] - s[OF3_PHASE_DIFFUSION] -
                 s[OF3_PHASE_HEADS];
  }
}

of3_status of3_batch_fold(const of3_batch *b, of3_prediction *out, of3_error *err) {
  watcher w = run_watch(b, &b->item[0]);
  OF3_TRY(run_fold(b, &w, out, err));
  share_seconds(b, out);
  return OF3_OK;
}

of3_status of3_item_run_score(of3_item_run *t, const of3_prediction *p, of3_arena *arena,
                              of3_scores **ret_scores, of3_error *err) {
  const of3_job *j = t->worker->job;
  const of3_engine *e = j->model->engine;
  double begin = of3_seconds();
  OF3_TRY(run_check_finite(p, e->device.backend->operand, err));
  of3_status status = of3_scores_compute(&t->prepared->complex, &t->features, p, j->mode.variant,
                                         t->worker->pool, e->callbacks.cancel, arena, ret_scores, err);
  t->item->seconds[OF3_PHASE_HEADS] += of3_seconds() - begin;
  return status;
}

static void tell_times(const of3_item_run *t, const of3_batch *b) {
  const double *s = t->item->seconds;
  const double diffusion = s[OF3_PHASE_DIFFUSION], giga = 1e-9 / b->n;
  of3_logf(
      &t->worker->log, OF3_LOG_DEBUG,
      "%s seed %" PRIu64 ": features %.3f s, trunk %.3f s (%.1f GFLOP/s), diffusion %.3f s (%.1f GFLOP/s), "
      "heads and scores %.3f s, write %.3f s",
      t->query->name, t->item->seed, s[OF3_PHASE_FEATURES], s[OF3_PHASE_TRUNK],
      s[OF3_PHASE_TRUNK] > 0 ? b->plan.flops_trunk * giga / s[OF3_PHASE_TRUNK] : 0, diffusion,
      diffusion > 0 ? b->plan.flops_diffusion * giga / diffusion : 0, s[OF3_PHASE_HEADS], s[OF3_PHASE_WRITE]);
}

static of3_status score_and_write(of3_item_run *t, const of3_batch *b, const of3_prediction *p,
                                  of3_arena *arena, of3_error *err) {
  watcher w = run_watch(b, t);
  of3_scores *scores = NULL;
  w.info.n_more = 0;
  OF3_TRY(of3_item_run_score(t, p, arena, &scores, err));
  double begin = of3_seconds();
  w.info.fraction = 1; /* the arithmetic is done */
  tell(&w, "write", 0, 1);
  of3_status status = write_stage(t, p, scores, err);
  t->item->seconds[OF3_PHASE_WRITE] = of3_seconds() - begin;
  tell_times(t, b);
  tell(&w, "write", 1, 1);
  return status;
}

of3_status of3_item_run_write(of3_item_run *t, const of3_batch *b, const of3_prediction *p, of3_error *err) {
  of3_arena *arena = of3_arena_new(0);
  if (!arena) return of3_fail_memory(err, "the scores");
  of3_status status = score_and_write(t, b, p, arena, err);
  of3_arena_free(arena);
  return status;
}
