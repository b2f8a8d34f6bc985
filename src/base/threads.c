#define _POSIX_C_SOURCE 200809L
#include "base/threads.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/machine.h"

/* Somebody who may sleep. */
typedef struct sleeper {
  pthread_mutex_t lock;
  pthread_cond_t wake;
  atomic_bool asleep;
  int64_t patience; /* ns of looking before sleeping; its own */
} sleeper;

/* The share of one thread in the current job. In its own cache lines: others take from it too. */
typedef struct share {
  _Alignas(128) atomic_int_fast64_t next; /* piece */
} share;

typedef struct worker {
  of3_pool *pool;
  pthread_t thread;
  int index;
  sleeper sleeper;
} worker;

struct of3_pool {
  int size, started;
  worker *workers;                          /* [size]; the first stands for the caller and has no thread */
  share *shares;                            /* [size] */
  bool looks;                               /* for work before sleeping */
  _Alignas(128) atomic_uint_fast64_t round; /* number of the current job */
  _Alignas(128) atomic_int busy;            /* workers that have not finished it */
  _Alignas(128) atomic_bool stop;
  of3_task *task;
  void *arg;
  int64_t n, pieces;
  of3_cancel *opt_cancel; /* of who watches (of3_pool_watch) */
  int64_t watched_pieces; /* of all shares together */
  atomic_bool abandoned;  /* a piece was left out */
};

/* ---- Waiting: jobs follow each other within microseconds, which a sleep and a wake-up would cost too. So
 * everybody looks for a while before sleeping; not at all where there are more threads than processors. How
 * long is learned: on processors of one's own a millisecond is best (measured on 16 of a virtual machine: 8 %
 * of a fold); where others want the processor, who looks so long has used up its turn when work comes
 * (measured: twice the time). Time that passed while looking without looking says so. */

enum { SHORT = 50000, LONG = 1000000, TAKEN = 200000 /* ns */, SLOWNESS = 1024, LOOKS = 64 };

static inline void threads_relax(void) {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("yield");
#endif
}

typedef bool condition(of3_pool *p, uint64_t seen);

static bool job_came(of3_pool *p, uint64_t seen) { return atomic_load(&p->round) != seen; }
static bool job_ended(of3_pool *p, uint64_t seen) { return (void)seen, atomic_load(&p->busy) == 0; }

/* Looks for as long as experience says; true: the condition holds. */
static bool look(of3_pool *p, sleeper *s, condition *holds, uint64_t seen) {
  const int64_t begin = of3_nanoseconds();
  for (int64_t t = begin, next; t < begin + s->patience; t = next) {
    for (int i = 0; i < LOOKS; i++, threads_relax())
      if (holds(p, seen)) {
        if (s->patience < LONG) s->patience += s->patience / SLOWNESS;
        return true;
      }
    next = of3_nanoseconds();
    if (next - t > TAKEN) s->patience = SHORT;
  }
  return false;
}

/* The sleeper says that it sleeps and looks again; who makes the condition true looks whether it sleeps
 * afterwards: one of the two sees the other. An exchange, not a store: qemu 7.2 lets the look that follows
 * overtake a store (arm64 on x86-64, 8 in 10,000 tries), and the thread sleeps for ever. */
static void threads_await(of3_pool *p, sleeper *s, condition *holds, uint64_t seen) {
  for (int i = 0; i < LOOKS; i++, threads_relax())
    if (holds(p, seen)) return;
  if (p->looks && look(p, s, holds, seen)) return;
  pthread_mutex_lock(&s->lock);
  atomic_exchange(&s->asleep, true);
  while (!holds(p, seen)) pthread_cond_wait(&s->wake, &s->lock);
  atomic_store(&s->asleep, false);
  pthread_mutex_unlock(&s->lock);
}

static void wake(sleeper *s) {
  if (!atomic_load(&s->asleep)) return;
  pthread_mutex_lock(&s->lock);
  pthread_cond_signal(&s->wake);
  pthread_mutex_unlock(&s->lock);
}

/* Thread i wakes threads 4 i + 1 .. 4 i + 4, so that nobody wakes all. */
static void wake_next(of3_pool *p, int i) {
  enum { FAN = 4 };
  for (int k = FAN * i + 1; k <= FAN * i + FAN && k < p->size; k++) wake(&p->workers[k].sleeper);
}

/* ---- Work: items are dealt out in equal shares, each in a few pieces. Who is done with its own share takes
 * pieces from others, which evens out processors of unequal speed and threads that come late. */

enum { PIECES = 4, LEAST_PIECE = 2 };

static void run_piece(of3_pool *p, int owner, int64_t piece, int thread) {
  int64_t first = p->n * owner / p->size, count = p->n * (owner + 1) / p->size - first;
  int64_t a = first + count * piece / p->pieces, b = first + count * (piece + 1) / p->pieces;
  if (b > a) p->task(p->arg, a, b, thread);
}

/* Whether another piece is to be done. Once one was left out none is: what follows would work on its result.
 */
static bool threads_go_on(of3_pool *p) {
  if (!p->opt_cancel) return true;
  if (!atomic_load(&p->abandoned) && !of3_cancelled(p->opt_cancel)) return true;
  atomic_store(&p->abandoned, true);
  return false;
}

static void run_shares(of3_pool *p, int thread) {
  for (int i = 0; i < p->size; i++) {
    int owner = (thread + i) % p->size;
    share *s = &p->shares[owner];
    while (atomic_load(&s->next) < p->pieces && threads_go_on(p)) {
      int64_t piece = atomic_fetch_add(&s->next, 1);
      if (piece < p->pieces) run_piece(p, owner, piece, thread);
    }
  }
}

static void *threads_work(void *arg) {
  worker *w = arg;
  of3_pool *p = w->pool;
  for (uint64_t seen = 0;; seen++) {
    threads_await(p, &w->sleeper, job_came, seen);
    wake_next(p, w->index);
    if (atomic_load(&p->stop)) return NULL;
    run_shares(p, w->index);
    if (atomic_fetch_sub(&p->busy, 1) == 1) wake(&p->workers[0].sleeper);
  }
}

static void sleeper_init(sleeper *s) {
  s->patience = LONG;
  pthread_mutex_init(&s->lock, NULL);
  pthread_cond_init(&s->wake, NULL);
}

static void sleeper_free(sleeper *s) {
  pthread_cond_destroy(&s->wake);
  pthread_mutex_destroy(&s->lock);
}

static of3_pool *new_pool(int n, int n_all) {
  of3_pool *p = aligned_alloc(_Alignof(of3_pool), sizeof *p);
  if (!p) return NULL;
  *p = (of3_pool){.size = n, .looks = n_all <= of3_usable_processors()};
  p->workers = calloc((size_t)n, sizeof *p->workers);
  p->shares = aligned_alloc(_Alignof(share), (size_t)n * sizeof *p->shares);
  for (int i = 0; p->workers && i < n; i++) {
    p->workers[i].pool = p;
    p->workers[i].index = i;
    sleeper_init(&p->workers[i].sleeper);
  }
  return p;
}

of3_pool *of3_pool_new(int n_thread) { return of3_pool_new_beside(n_thread, n_thread); }

of3_pool *of3_pool_new_beside(int n_thread, int n_all) {
  of3_pool *p = new_pool(n_thread < 1 ? 1 : n_thread, n_all);
  if (!p) return NULL;
  for (int i = 1; p->workers && p->shares && i < p->size; i++) {
    if (pthread_create(&p->workers[i].thread, NULL, threads_work, &p->workers[i]) != 0) break;
    p->started++;
  }
  if (p->workers && p->shares && p->started == p->size - 1) return p;
  of3_pool_free(p);
  return NULL;
}

void of3_pool_free(of3_pool *p) {
  if (!p) return;
  atomic_store(&p->stop, true);
  atomic_fetch_add(&p->round, 1);
  for (int i = 1; i <= p->started; i++) wake(&p->workers[i].sleeper);
  for (int i = 1; i <= p->started; i++) pthread_join(p->workers[i].thread, NULL);
  for (int i = 0; p->workers && i < p->size; i++) sleeper_free(&p->workers[i].sleeper);
  free(p->workers);
  free(p->shares);
  free(p);
}

int of3_pool_size(const of3_pool *p) { return p->size; }

void of3_pool_watch(of3_pool *p, of3_cancel *opt_cancel, int64_t pieces) {
  p->opt_cancel = opt_cancel;
  p->watched_pieces = pieces;
  atomic_store(&p->abandoned, false);
}

bool of3_pool_unwatch(of3_pool *p) {
  p->opt_cancel = NULL;
  p->watched_pieces = 0;
  return atomic_load(&p->abandoned);
}

/* Of each share. */
static int64_t pieces_of(const of3_pool *p, int64_t n) {
  const int64_t usual = p->size > 1 && n >= (int64_t)p->size * PIECES * LEAST_PIECE ? PIECES : 1;
  const int64_t items = n / p->size, wanted = (p->watched_pieces + p->size - 1) / p->size;
  const int64_t most = wanted < items ? wanted : items;
  return most > usual ? most : usual;
}

/* Without others, piece by piece. */
static void run_alone(of3_pool *p, of3_task *task, void *arg, int64_t n) {
  const int64_t pieces = n == 1 ? 1 : pieces_of(p, n);
  for (int64_t k = 0; k < pieces && threads_go_on(p); k++) task(arg, n * k / pieces, n * (k + 1) / pieces, 0);
}

void of3_pool_run(of3_pool *p, of3_task *task, void *arg, int64_t n) {
  if (n <= 0) return;
  if (p->size == 1 || n == 1) {
    run_alone(p, task, arg, n);
    return;
  }
  p->task = task;
  p->arg = arg;
  p->n = n;
  p->pieces = pieces_of(p, n);
  for (int i = 0; i < p->size; i++) atomic_store(&p->shares[i].next, 0);
  atomic_store(&p->busy, p->size - 1);
  atomic_fetch_add(&p->round, 1);
  wake_next(p, 0);
  run_shares(p, 0);
  threads_await(p, &p->workers[0].sleeper, job_ended, 0);
}
