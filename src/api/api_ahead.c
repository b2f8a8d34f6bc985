/* Features ahead of the network: while folds are computed, a few threads make the features of the items that
 * come next, RDKit's conformers among them, side by side.
 *
 *   pending   .. | k | k+1 | k+2 | k+3 | k+4 | k+5 | ..
 *                  ^taken          ^next                 taken .. next - 1 are made, or being made, each in
 *                                                        its place of the ring, k mod OF3_MOST_BATCH
 *
 * Makers begin items in order and workers take them in order, so that what they say and which of them fail
 * comes in order as well: a maker writes no log, but keeps the lines until the item is taken. What an item
 * gets depends on its query and seed alone, never on who made it beside what. The ring, and the memory that
 * waiting features may take, bound how far ahead makers are; the item that is to be taken next is always
 * made. That memory is a small part of what is free, and not in any fold's need, so that what is said to be
 * needed does not depend on who was how fast.
 *
 * Seeds of a query share its features but the conformers (of3_prepared): the maker of the first one makes
 * them, the others wait for it. */
#include <stdlib.h>
#include <string.h>

#include "api/job.h"
#include "feat/alignments.h"

enum { MOST_MAKERS = 4, PART_OF_MEMORY = 64 };

typedef struct kept_line {
  of3_level level;
  const char *text;
  struct kept_line *next;
} kept_line;

typedef struct place {
  of3_item_run run;
  bool made;
  uint64_t bytes;
  kept_line *line, **last; /* of the log, in the arena of the item */
} place;

struct of3_ahead {
  of3_job *job;
  pthread_mutex_t lock; /* of all below */
  pthread_cond_t changed;
  pthread_t maker[MOST_MAKERS];
  int n_maker, n_gone; /* makers that were started; that have ended */
  bool stop;
  int next, taken;                  /* numbers of `pending` */
  of3_prepared *prepared;           /* of the query begun last, or NULL */
  const of3_alignments *alignments; /* of the query made last */
  int n_making;
  uint64_t bytes, largest, most_bytes; /* of features that wait; of one item so far; that may wait */
  place place[OF3_MOST_BATCH];
};

/* ---- Log lines that wait */

static void keep_line(void *user, of3_level level, const char *text) {
  place *p = user;
  kept_line *l = p->run.arena ? OF3_ARENA_NEW(p->run.arena, kept_line, 1) : NULL;
  char *copy = l ? of3_arena_strdup(p->run.arena, text) : NULL;
  if (!copy) return;
  *l = (kept_line){.level = level, .text = copy};
  *p->last = l;
  p->last = &l->next;
}

static void say_lines(const kept_line *l, const of3_log *log) {
  for (; l; l = l->next)
    if (log->sink) log->sink(log->user, l->level, l->text);
}

/* ---- Making */

/* Item k with a place among the users of its query's features; *ret_first: nobody has begun these. NULL:
 * memory is out. Under the lock, in order. */
static of3_prepared *join_prepared(of3_ahead *a, const of3_query *query, bool *ret_first) {
  *ret_first = !a->prepared || a->prepared->query != query;
  if (*ret_first) {
    of3_prepared_leave(a->prepared);
    a->prepared = of3_prepared_new(query);
  }
  if (a->prepared) atomic_fetch_add(&a->prepared->users, 1);
  return a->prepared;
}

/* The features of all seeds, or why there are none. */
static of3_status make_shared(of3_ahead *a, of3_prepared *p, bool first, const of3_log *log, of3_error *err) {
  if (first) {
    of3_error failure = {0};
    const of3_status status = of3_prepared_fill(a->job, p, log, &failure);
    pthread_mutex_lock(&a->lock);
    p->status = status;
    p->error = failure;
    p->ready = true;
    pthread_cond_broadcast(&a->changed);
  } else {
    pthread_mutex_lock(&a->lock);
    while (!p->ready) pthread_cond_wait(&a->changed, &a->lock);
  }
  pthread_mutex_unlock(&a->lock);
  if (p->status != OF3_OK) *err = p->error;
  return p->status;
}

static void make_item(of3_ahead *a, of3_item_run *t, bool first, const of3_log *log) {
  const double begin = of3_seconds();
  t->arena = of3_arena_new(0);
  t->status = t->arena && t->prepared ? make_shared(a, t->prepared, first, log, &t->error)
                                      : of3_fail_memory(&t->error, "an item");
  if (t->status == OF3_OK) t->status = of3_item_run_prepare(a->job, t, log, &t->error);
  t->seconds = of3_seconds() - begin;
}

static of3_item_run item_of(const of3_job *j, int k) {
  const int index = j->pending[k];
  return (of3_item_run){.query = of3_job_query(j, index),
                        .key = j->key[index / j->n_seed],
                        .index = index,
                        .item = &j->item[index]};
}

/* What an item holds while it waits; alignments that the one before has are counted there. Under the lock. */
static uint64_t waiting_bytes(of3_ahead *a, const of3_item_run *t, bool first) {
  uint64_t bytes = t->arena ? of3_arena_used(t->arena) : 0;
  if (!first || t->status != OF3_OK) return bytes;
  const of3_features *f = &t->prepared->features;
  bytes += f->alignments == a->alignments ? of3_arena_used(f->arena) : of3_features_bytes(f);
  a->alignments = f->alignments;
  return bytes;
}

/* Items that are being made count as the largest so far. */
static bool has_room(const of3_ahead *a) {
  const uint64_t bytes = a->bytes + (uint64_t)a->n_making * a->largest;
  return a->next == a->taken || (a->next - a->taken < OF3_MOST_BATCH && bytes < a->most_bytes);
}

static bool is_over(const of3_ahead *a) {
  const of3_job *j = a->job;
  return a->stop || a->next == j->n_pending || atomic_load(&j->stop) ||
         of3_is_cancelled(&j->model->engine->callbacks);
}

/* The next item, if there is one. Under the lock, which is free while it is made. */
static bool make_next(of3_ahead *a) {
  while (!is_over(a) && !has_room(a)) pthread_cond_wait(&a->changed, &a->lock);
  if (is_over(a)) return false;
  place *p = &a->place[a->next % OF3_MOST_BATCH];
  *p = (place){.run = item_of(a->job, a->next)};
  a->next++;
  a->n_making++;
  p->last = &p->line;
  of3_log log = a->job->model->engine->log;
  if (log.sink) log.sink = keep_line;
  log.user = p;
  bool first = false;
  p->run.prepared = join_prepared(a, p->run.query, &first);
  pthread_mutex_unlock(&a->lock);
  make_item(a, &p->run, first, &log);
  pthread_mutex_lock(&a->lock);
  p->made = true;
  p->bytes = waiting_bytes(a, &p->run, first);
  a->bytes += p->bytes;
  if (p->bytes > a->largest) a->largest = p->bytes;
  a->n_making--;
  pthread_cond_broadcast(&a->changed);
  return true;
}

static void *maker_main(void *arg) {
  of3_ahead *a = arg;
  pthread_mutex_lock(&a->lock);
  while (make_next(a)) {
  }
  a->n_gone++;
  pthread_cond_broadcast(&a->changed);
  pthread_mutex_unlock(&a->lock);
  return NULL;
}

/* ---- Taking */

/* Without makers the worker that takes an item makes it. */
static void take_own(of3_ahead *a, const of3_worker *worker, of3_item_run *t) {
  bool first = false;
  *t = item_of(a->job, a->taken++);
  t->prepared = join_prepared(a, t->query, &first);
  make_item(a, t, first, &worker->log);
}

/* Makers that have ended leave items behind only if the run is to stop. */
static void take_made(of3_ahead *a, const of3_worker *worker, of3_item_run *t) {
  pthread_mutex_lock(&a->lock);
  const int k = a->taken;
  place *p = &a->place[k % OF3_MOST_BATCH];
  while (!(k < a->next && p->made) && a->n_gone < a->n_maker) pthread_cond_wait(&a->changed, &a->lock);
  const bool made = k < a->next && p->made;
  const kept_line *line = made ? p->line : NULL;
  if (made) {
    *t = p->run;
    a->bytes -= p->bytes;
    p->made = false;
    a->taken++;
  } else {
    *t = item_of(a->job, k);
    t->status = of3_fail(&t->error, OF3_ERR_CANCELLED, "interrupted");
  }
  pthread_cond_broadcast(&a->changed);
  pthread_mutex_unlock(&a->lock);
  say_lines(line, &worker->log);
}

void of3_ahead_take(of3_ahead *a, of3_worker *worker, of3_item_run *ret_run) {
  const of3_item_run next = item_of(a->job, a->taken); /* only takers write it, under the job's lock */
  of3_worker_tell_features(worker, &next);
  of3_job_await_telling(worker, next.query);
  if (a->n_maker)
    take_made(a, worker, ret_run);
  else
    take_own(a, worker, ret_run);
  ret_run->worker = worker;
  if (ret_run->status == OF3_OK) ret_run->status = of3_job_settle_key(ret_run, &ret_run->error);
  of3_item_run_begin(ret_run);
}

/* ---- The whole */

/* One thread of the user's, or one item: nothing is made ahead. */
static int wanted_makers(const of3_job *j) {
  const int threads = j->model->engine->threads;
  if (threads == 1 || j->n_pending < 2) return 0;
  const int most = threads < MOST_MAKERS ? threads : MOST_MAKERS;
  return most < j->n_pending ? most : j->n_pending;
}

/* As many threads as can be started; none will do. */
static void start_makers(of3_ahead *a) {
  const int wanted = wanted_makers(a->job);
  pthread_mutex_lock(&a->lock); /* makers wait until n_maker is known */
  while (a->n_maker < wanted && pthread_create(&a->maker[a->n_maker], NULL, maker_main, a) == 0) a->n_maker++;
  pthread_mutex_unlock(&a->lock);
}

of3_status of3_ahead_open(of3_job *j, of3_ahead **ret_ahead, of3_error *err) {
  const uint64_t free_bytes = of3_job_free_host_memory(j);
  of3_ahead *a = calloc(1, sizeof *a);
  *ret_ahead = NULL;
  if (!a || pthread_mutex_init(&a->lock, NULL) != 0) {
    free(a);
    return of3_fail_memory(err, "the features");
  }
  if (pthread_cond_init(&a->changed, NULL) != 0) {
    pthread_mutex_destroy(&a->lock);
    free(a);
    return of3_fail_memory(err, "the features");
  }
  a->job = j;
  a->most_bytes = free_bytes ? free_bytes / PART_OF_MEMORY : UINT64_MAX;
  start_makers(a);
  *ret_ahead = a;
  return OF3_OK;
}

void of3_ahead_close(of3_ahead *a) {
  if (!a) return;
  pthread_mutex_lock(&a->lock);
  a->stop = true;
  pthread_cond_broadcast(&a->changed);
  pthread_mutex_unlock(&a->lock);
  for (int i = 0; i < a->n_maker; i++) pthread_join(a->maker[i], NULL);
  for (int i = 0; i < OF3_MOST_BATCH; i++) {
    if (!a->place[i].made) continue;
    of3_item_run_close(&a->place[i].run);
    of3_arena_free(a->place[i].run.arena);
  }
  of3_prepared_leave(a->prepared);
  pthread_cond_destroy(&a->changed);
  pthread_mutex_destroy(&a->lock);
  free(a);
}
