/* Lanes: small folds run side by side, each on its share of the threads. */
#include <inttypes.h>
#include <stdlib.h>

#include "api/job.h"
#include "api/lanes.h"

/* ---- What lanes say is said by the calling thread */

typedef struct message {
  const of3_log *log;
  of3_level level;
  const char *text;
} message;

static void deliver_message(void *arg) {
  const message *m = arg;
  m->log->sink(m->log->user, m->level, m->text);
}

static void log_in_lane(void *user, of3_level level, const char *text) {
  of3_lane *lane = user;
  message m = {.log = &lane->job->model->engine->log, .level = level, .text = text};
  of3_crew_ask(lane->crew, deliver_message, &m);
}

typedef struct progress {
  const of3_callbacks *callbacks;
  const of3_progress_info *info;
} progress;

static void deliver_progress(void *arg) {
  const progress *p = arg;
  p->callbacks->progress(p->callbacks->user, p->info);
}

void of3_lane_tell(of3_lane *lane, of3_progress_info *info) {
  progress p = {.callbacks = &lane->job->model->engine->callbacks, .info = info};
  info->lane = lane->number;
  info->n_lane = lane->n_lane;
  if (p.callbacks->progress) of3_crew_ask(lane->crew, deliver_progress, &p);
}

/* ---- The end of an item */

static void log_result(const of3_job *j, const of3_item *item) {
  double seconds = 0;
  for (int p = 0; p < OF3_N_PHASE; p++) seconds += item->seconds[p];
  of3_logf(&j->model->engine->log, OF3_LOG_INFO,
           "%s seed %" PRIu64 ": done in %.1f s, sample %d is best, ranking score %.4f, mean pLDDT %.2f",
           item->query, item->seed, seconds, item->best_sample, item->best.ranking_score,
           item->best.avg_plddt);
}

/* By the calling thread. */
static void end_turn(void *arg) {
  of3_turn *t = arg;
  of3_job *j = t->lane->job;
  if (t->status == OF3_OK) t->status = of3_job_rank_item(j, t->index, &t->error);
  if (t->status == OF3_OK) {
    log_result(j, t->item);
    return;
  }
  if (t->status != OF3_ERR_CANCELLED) {
    t->status = of3_prefix(&t->error, "query '%s', seed %" PRIu64, t->item->query, t->item->seed);
    if (of3_job_note_failure(j, t->index, &t->error, false, &j->stopped) == OF3_OK) return;
  }
  atomic_store(&j->stop, true);
}

static void finish_turn(of3_turn *t) {
  of3_turn_leave(t);
  of3_crew_ask(t->lane->crew, end_turn, t);
}

/* ---- Lanes */

/* The next item, with its features made and memory granted, or failed and finished: before the door opens
 * again, so that such failures are told in order. false: there is none, or nobody wants it. */
static bool begin_turn(of3_lane *lane, of3_turn *t) {
  of3_job *j = lane->job;
  pthread_mutex_lock(&j->door);
  bool goes_on =
      j->next < j->end && !atomic_load(&j->stop) && !of3_is_cancelled(&j->model->engine->callbacks);
  if (goes_on) {
    const of3_pending *p = &j->pending[j->next++];
    *t = (of3_turn){.lane = lane,
                    .query = of3_job_query(j, p->index),
                    .key = p->key,
                    .index = p->index,
                    .item = &j->item[p->index]};
    t->status = of3_turn_enter(t, &t->error);
    if (t->status != OF3_OK) finish_turn(t);
  }
  pthread_mutex_unlock(&j->door);
  return goes_on;
}

static void work(void *arg, of3_crew *crew, int member) {
  of3_lane *lane = (of3_lane *)arg + member;
  of3_turn t;
  lane->crew = crew;
  while (begin_turn(lane, &t)) {
    if (t.status != OF3_OK) continue;
    t.status = of3_turn_compute(&t, &t.error);
    finish_turn(&t);
  }
}

static void close_lanes(of3_job *j, of3_lane *lane, int n) {
  for (int i = 0; lane && i < n; i++)
    if (lane[i].pool != j->model->engine->pool) of3_pool_free(lane[i].pool);
  free(lane);
}

/* One lane works on the threads of the engine; several have pools of their own while those sleep. */
static of3_status open_lanes(of3_job *j, int n, of3_lane **ret_lane, of3_error *err) {
  const of3_engine *e = j->model->engine;
  of3_lane *lane = calloc((size_t)n, sizeof *lane);
  bool ok = lane != NULL;
  for (int i = 0; ok && i < n; i++) {
    lane[i] = (of3_lane){.job = j,
                         .pool = n == 1 ? e->pool
                                        : of3_pool_new_beside(of3_lane_threads(e->threads, n, i), e->threads),
                         .number = i,
                         .n_lane = n,
                         .log = e->log};
    if (e->log.sink) lane[i].log.sink = log_in_lane;
    lane[i].log.user = &lane[i];
    ok = lane[i].pool != NULL;
  }
  if (ok) {
    *ret_lane = lane;
    return OF3_OK;
  }
  close_lanes(j, lane, n);
  return of3_fail(err, OF3_ERR_MEMORY,
                  "cannot start %d threads for %d folds side by side; ask for fewer with "
                  "--threads or --jobs",
                  e->threads, n);
}

static of3_status run_wave(of3_job *j, of3_wave wave, of3_error *err) {
  const of3_engine *e = j->model->engine;
  of3_lane *lane = NULL;
  const int least = of3_lane_threads(e->threads, wave.lanes, wave.lanes - 1);
  const bool more = e->threads % wave.lanes > 0;
  j->end = j->next + wave.n;
  OF3_TRY(open_lanes(j, wave.lanes, &lane, err));
  if (wave.lanes > 1)
    of3_logf(&e->log, OF3_LOG_INFO, "%d folds side by side, on %d%s thread%s each", wave.lanes, least,
             more ? " or one more" : "", least > 1 || more ? "s" : "");
  of3_status status = of3_crew_run(wave.lanes, work, lane, err);
  close_lanes(j, lane, wave.lanes);
  return status;
}

/* ---- Waves */

/* Fewer lanes if memory does not suffice for the largest items side by side. Where it cannot be told, they
 * wait for each other (the gate). */
static of3_wave within_memory(const of3_job *j, of3_wave wave) {
  const int threads = j->model->engine->threads / wave.lanes;
  const of3_query *largest = of3_job_query(j, j->pending[j->next + wave.n - 1].index);
  of3_error ignored;
  uint64_t each = 0, room = of3_job_room(j);
  if (wave.lanes == 1 || of3_job_estimate(j, largest, threads, &each, &ignored) != OF3_OK) return wave;
  if (room / each >= (uint64_t)wave.lanes) return wave;
  wave.lanes = room < 2 * each ? 1 : (int)(room / each);
  wave.n = wave.n / wave.lanes * wave.lanes;
  return wave;
}

/* A wave that of3 chose. Where its threads cannot be started, and so nothing ran, those of the engine do. */
static of3_status run_chosen(of3_job *j, of3_wave wave, of3_error *err) {
  of3_status status = run_wave(j, wave, err);
  if (status != OF3_ERR_MEMORY || wave.lanes == 1) return status;
  of3_logf(&j->model->engine->log, OF3_LOG_WARN,
           "the threads for %d folds side by side cannot be started; folding one after the other",
           wave.lanes);
  wave.lanes = 1;
  return run_wave(j, wave, err);
}

static of3_status run_waves(of3_job *j, const int *residues, of3_error *err) {
  const of3_engine *e = j->model->engine;
  /* a device with memory of its own is one, and busy with one fold */
  const int jobs = e->backend->plain_memory ? j->o->jobs : 1;
  while (j->next < j->n_pending && !atomic_load(&j->stop) && !of3_is_cancelled(&e->callbacks)) {
    of3_lane_request r = {
        .residues = residues + j->next, .n = j->n_pending - j->next, .threads = e->threads, .jobs = jobs};
    of3_wave wave = of3_next_wave(&r);
    OF3_TRY(jobs ? run_wave(j, wave, err) : run_chosen(j, within_memory(j, wave), err));
  }
  return OF3_OK;
}

static of3_status cancelled(const of3_job *j, of3_error *err) {
  return of3_fail(
      err, OF3_ERR_CANCELLED,
      "interrupted; results that were complete are in '%s', and the same command goes on from there",
      j->tree.folder);
}

static of3_status run(of3_job *j, of3_error *err) {
  int *residues = malloc(((size_t)j->n_pending + 1) * sizeof *residues);
  if (!residues) return of3_fail_memory(err, "the queries");
  for (int i = 0; i < j->n_pending; i++)
    residues[i] = of3_query_residues(of3_job_query(j, j->pending[i].index));
  of3_status status = run_waves(j, residues, err);
  free(residues);
  if (status != OF3_OK) return status;
  if (j->stopped.code != OF3_OK) {
    *err = j->stopped;
    return err->code;
  }
  return j->next < j->n_pending || atomic_load(&j->stop) ? cancelled(j, err) : OF3_OK;
}

of3_status of3_job_run(of3_job *j, of3_error *err) {
  OF3_TRY(of3_gate_init(&j->gate, err));
  if (pthread_mutex_init(&j->door, NULL) != 0) {
    of3_gate_free(&j->gate);
    return of3_fail_memory(err, "the lock of the queries");
  }
  of3_status status = run(j, err);
  of3_prepared_leave(j->prepared);
  j->prepared = NULL;
  pthread_mutex_destroy(&j->door);
  of3_gate_free(&j->gate);
  return status;
}
