/* Alignments from a server for a job. What the cache has is named in the queries at once. Then the first
 * query that needs more is served, as nothing can begin before, and with it all others that need no more than
 * that. A thread fetches the rest while items are computed; an item whose query is not served yet waits. */
#define _DEFAULT_SOURCE
#define _POSIX_C_SOURCE 200809L
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "api/job.h"
#include "base/file.h"
#include "of3_settings.h"

enum { MOST_LINES = 1000 };

typedef struct fetch_line {
  of3_level level;
  char *text;
} fetch_line;

typedef struct of3_fetcher {
  of3_aligner *aligner;
  int *number; /* [n] queries of the set in the order in which they are computed */
  int n;
  pthread_t thread;
  pthread_mutex_t lock;
  volatile sig_atomic_t stop; /* __atomic */
  of3_log log;
  fetch_line line[MOST_LINES]; /* not told yet, guarded by lock */
  int n_line;
  bool ended;      /* by an error that is no query's; guarded by lock */
  of3_error error; /* which */
} of3_fetcher;

/* ---- Before */

/* Where alignments and the server's answers go: as a runner YAML says, else in OUT/msas. Alignments that are
 * not to be left are in a hidden folder while the run lasts. */
static of3_status choose_folders(const of3_job *j, of3_aligner_options *o, of3_error *err) {
  const of3_server_settings *s = j->o->settings ? &j->o->settings->server : NULL;
  of3_arena *arena = j->set.arena;
  const char *kept = s && s->folder ? s->folder : of3_path_join(arena, j->tree.folder, "msas");
  o->leave_nothing = s && !s->save_alignments;
  o->leave_no_structures = s && s->clean_up;
  o->npz = s && s->npz;
  o->folder = o->leave_nothing ? of3_path_join(arena, j->tree.folder, ".of3-msas") : kept;
  if (!kept || !o->folder) return of3_fail_memory(err, "a path");
  if (s && !s->save_answers) return OF3_OK;
  o->opt_raw = s && s->answers ? s->answers : of3_path_join(arena, kept, "raw");
  return o->opt_raw ? OF3_OK : of3_fail_memory(err, "a path");
}

static of3_status open_aligner(of3_job *j, of3_error *err) {
  const of3_predict_options *o = j->o;
  of3_aligner_options options = {.server = &o->msa_server,
                                 .cache = o->cache,
                                 .templates = !o->no_templates,
                                 .structures = !o->no_templates && !o->structures,
                                 .opt_cancel = j->model->engine->callbacks.cancel,
                                 .opt_log = &j->model->engine->log};
  OF3_TRY(choose_folders(j, &options, err));
  OF3_TRY(of3_aligner_open(&options, &j->set, &j->aligner, err));
  if (j->aligner && of3_aligner_structures(j->aligner)) j->structures = of3_aligner_structures(j->aligner);
  return OF3_OK;
}

bool of3_job_awaits(const of3_job *j, const of3_query *query) {
  of3_error ignored;
  return j->aligner && of3_aligner_state(j->aligner, query, &ignored) == OF3_UNALIGNED;
}

/* Names what there is in the queries; what cannot be had is a query's error. */
static of3_status settle(of3_job *j, of3_error *err) {
  for (int q = 0; q < j->set.n; q++) {
    of3_query *query = &j->set.query[q];
    of3_error why = {0};
    const of3_aligned state = of3_aligner_state(j->aligner, query, &why);
    if (state == OF3_NOT_ALIGNED && query->error.code == OF3_OK) query->error = why;
    if (state == OF3_ALIGNED) OF3_TRY(of3_aligner_attach(j->aligner, query, err));
  }
  return OF3_OK;
}

/* Numbers in the set of the queries that wait, in the order in which they are computed. */
static int list_waiting(const of3_job *j, int *number) {
  int n = 0;
  for (int q = 0; q < j->set.n; q++)
    if (of3_job_awaits(j, j->order[q])) number[n++] = (int)(j->order[q] - j->set.query);
  return n;
}

of3_status of3_job_fetch_first(of3_job *j, of3_error *err) {
  const of3_msa_server *s = &j->o->msa_server;
  if (!s->url || !*s->url) return OF3_OK;
  OF3_TRY(open_aligner(j, err));
  if (!j->aligner) return OF3_OK;
  int *number = OF3_ARENA_NEW(j->set.arena, int, (size_t)j->set.n + 1);
  if (!number) return of3_fail_memory(err, "the queries");
  int n = list_waiting(j, number);
  OF3_TRY(of3_aligner_fetch(j->aligner, number, n, false, err));
  n = list_waiting(j, number);
  if (n) OF3_TRY(of3_aligner_fetch(j->aligner, number, 1, true, err));
  if (!j->o->settings || j->o->settings->server.save_mappings)
    OF3_TRY(of3_aligner_write_names(j->aligner, err));
  return settle(j, err);
}

/* ---- The thread */

static void keep_line(void *user, of3_level level, const char *text) {
  of3_fetcher *f = user;
  char *kept = strdup(text);
  pthread_mutex_lock(&f->lock);
  if (kept && f->n_line < MOST_LINES)
    f->line[f->n_line++] = (fetch_line){level, kept};
  else
    free(kept);
  pthread_mutex_unlock(&f->lock);
}

void of3_job_fetch_tell(const of3_job *j, const of3_log *log) {
  of3_fetcher *f = j->fetcher;
  if (!f) return;
  pthread_mutex_lock(&f->lock);
  const int n = f->n_line;
  fetch_line *line = n ? malloc((size_t)n * sizeof *line) : NULL;
  if (line) {
    memcpy(line, f->line, (size_t)n * sizeof *line);
    f->n_line = 0;
  }
  pthread_mutex_unlock(&f->lock);
  for (int k = 0; line && k < n; k++) {
    of3_logf(log, line[k].level, "%s", line[k].text);
    free(line[k].text);
  }
  free(line);
}

static void *fetch_all(void *arg) {
  of3_fetcher *f = arg;
  of3_error err = {0};
  of3_status status = OF3_OK;
  for (int at = 0; at < f->n && status == OF3_OK;) {
    const int n = of3_aligner_group(f->aligner, f->number + at, f->n - at);
    status = of3_aligner_fetch(f->aligner, f->number + at, n, true, &err);
    at += n;
  }
  pthread_mutex_lock(&f->lock);
  f->ended = status != OF3_OK;
  f->error = err;
  pthread_mutex_unlock(&f->lock);
  return NULL;
}

of3_status of3_job_fetch_begin(of3_job *j, of3_error *err) {
  if (!j->aligner || atomic_load(&j->stop)) return OF3_OK;
  of3_fetcher *f = calloc(1, sizeof *f);
  if (f) f->number = malloc(((size_t)j->set.n + 1) * sizeof *f->number);
  if (!f || !f->number) {
    free(f);
    return of3_fail_memory(err, "the queries");
  }
  f->aligner = j->aligner;
  f->n = list_waiting(j, f->number);
  f->log = (of3_log){.sink = keep_line, .user = f, .least = j->model->engine->log.least};
  pthread_mutex_init(&f->lock, NULL);
  of3_aligner_hand_over(j->aligner, &f->log, &f->stop);
  if (f->n && pthread_create(&f->thread, NULL, fetch_all, f) == 0) {
    j->fetcher = f;
    return OF3_OK;
  }
  const bool needed = f->n > 0;
  pthread_mutex_destroy(&f->lock);
  free(f->number);
  free(f);
  return needed ? of3_fail_memory(err, "a thread") : OF3_OK;
}

void of3_job_fetch_stop(const of3_job *j) {
  if (j->fetcher) __atomic_store_n(&j->fetcher->stop, 1, __ATOMIC_RELAXED);
}

void of3_job_fetch_end(of3_job *j) {
  of3_fetcher *f = j->fetcher;
  if (!f) return;
  of3_job_fetch_stop(j);
  pthread_join(f->thread, NULL);
  of3_job_fetch_tell(j, &j->model->engine->log);
  j->fetcher = NULL;
  pthread_mutex_destroy(&f->lock);
  free(f->number);
  free(f);
}

/* ---- Waiting for it */

static of3_status ended_with(of3_fetcher *f, of3_error *err) {
  pthread_mutex_lock(&f->lock);
  const bool ended = f->ended;
  if (ended) *err = f->error;
  pthread_mutex_unlock(&f->lock);
  return ended ? err->code : OF3_OK;
}

/* Whether there is reason to wait on. */
static of3_status may_wait(const of3_job *j, of3_error *err) {
  OF3_TRY(of3_go_on(j->model->engine->callbacks.cancel, err));
  if (atomic_load(&j->stop)) return of3_fail(err, OF3_ERR_CANCELLED, "interrupted; nothing was written");
  if (!j->fetcher) return of3_fail(err, OF3_ERR_INTERNAL, "nobody fetches the alignments of this query");
  return ended_with(j->fetcher, err);
}

static void rest(void) { nanosleep(&(struct timespec){.tv_nsec = 20000000}, NULL); }

void of3_job_await_telling(const of3_worker *worker, const of3_query *query) {
  of3_error ignored;
  while (of3_job_awaits(worker->job, query) && may_wait(worker->job, &ignored) == OF3_OK) {
    of3_job_fetch_tell(worker->job, &worker->log);
    rest();
  }
  of3_job_fetch_tell(worker->job, &worker->log);
}

of3_status of3_job_await(const of3_job *j, const of3_query *query, of3_error *err) {
  of3_aligned state;
  if (!j->aligner) return OF3_OK;
  while ((state = of3_aligner_state(j->aligner, query, err)) == OF3_UNALIGNED) {
    OF3_TRY(may_wait(j, err));
    rest();
  }
  if (state == OF3_NOT_ALIGNED) return err->code;
  return of3_aligner_attach(j->aligner, &j->set.query[query - j->set.query], err);
}

typedef struct arrival {
  of3_job *job;
  int q; /* in `order` */
  of3_status status;
  of3_error *err;
} arrival;

/* By the calling thread, whose ranking is. */
static void settle_key(void *arg) {
  arrival *a = arg;
  a->status = of3_job_find_key(a->job, a->q, a->err);
  if (a->status == OF3_OK) a->status = of3_job_rank_others(a->job, a->q, a->err);
}

of3_status of3_job_settle_key(of3_item_run *t, of3_error *err) {
  arrival a = {.job = t->worker->job, .q = t->index / t->worker->job->n_seed, .err = err};
  if (t->key[0]) return OF3_OK;
  of3_task_group_call(t->worker->tasks, settle_key, &a);
  return a.status;
}
