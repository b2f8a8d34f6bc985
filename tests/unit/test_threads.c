/* The thread pool: every item is done once, whatever the number of items, threads and pauses between jobs;
 * all threads work at the same time, each on scratch memory of its own. */
#define _DEFAULT_SOURCE /* usleep */
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/threads.h"

enum { MOST_ITEMS = 1000, JOBS = 400, LONG_PAUSE_US = 3000 /* threads go to sleep */ };

typedef struct job {
  int done[MOST_ITEMS];
  int threads, wrong_thread;
} job;

static void task(void *arg, int64_t begin, int64_t end, int thread) {
  job *j = arg;
  for (int64_t i = begin; i < end; i++) j->done[i]++;
  if (thread < 0 || thread >= j->threads) j->wrong_thread = 1;
}

/* all: with others, more threads than processors, so that nobody looks before sleeping. */
static void every_item_once_beside(int all) {
  for (int threads = 1; threads <= 7; threads++) {
    of3_pool *pool = all ? of3_pool_new_beside(threads, all) : of3_pool_new(threads);
    assert_non_null(pool);
    assert_int_equal(of3_pool_size(pool), threads);
    for (int r = 0; r < JOBS; r++) {
      const int n = r * 37 % MOST_ITEMS;
      job j = {.threads = threads};
      of3_pool_run(pool, task, &j, n);
      for (int i = 0; i < MOST_ITEMS; i++) assert_int_equal(j.done[i], i < n);
      assert_int_equal(j.wrong_thread, 0);
      if (r % 50 == 0) usleep(LONG_PAUSE_US);
    }
    of3_pool_free(pool);
  }
}

static void every_item_once(void **state) {
  (void)state;
  every_item_once_beside(0);
  every_item_once_beside(100000);
}

/* ---- Stopping */

/* Items of which the first asks to stop. */
typedef struct stopping {
  volatile sig_atomic_t stop;
  atomic_int done;
} stopping;

static void stop_at_once(void *arg, int64_t begin, int64_t end, int thread) {
  stopping *s = arg;
  (void)thread;
  __atomic_store_n(&s->stop, 1, __ATOMIC_RELAXED); /* by several threads */
  atomic_fetch_add(&s->done, (int)(end - begin));
}

/* Each thread ends the piece that it is at; what comes after it is not begun, nor other work, until nobody
 * watches. */
static void watched_work_stops(void **state) {
  (void)state;
  enum { ITEMS = 10000, PIECES = 1000 };
  for (int threads = 1; threads <= 4; threads++) {
    of3_pool *pool = of3_pool_new(threads);
    assert_non_null(pool);
    stopping s = {0};
    of3_pool_watch(pool, &s.stop, PIECES);
    of3_pool_run(pool, stop_at_once, &s, ITEMS);
    assert_true(atomic_load(&s.done) >= ITEMS / PIECES - 1);
    assert_true(atomic_load(&s.done) <= (ITEMS / PIECES + 1) * threads);
    const int done = atomic_load(&s.done);
    of3_pool_run(pool, stop_at_once, &s, 1);
    of3_pool_run(pool, stop_at_once, &s, ITEMS);
    assert_int_equal(atomic_load(&s.done), done);
    assert_true(of3_pool_unwatch(pool));
    of3_pool_run(pool, stop_at_once, &s, ITEMS);
    assert_int_equal(atomic_load(&s.done), done + ITEMS);

    job j = {.threads = threads}; /* nobody asks to stop: every item once */
    s.stop = 0;
    for (int pieces = 0; pieces <= MOST_ITEMS + 1; pieces += 91) {
      of3_pool_watch(pool, &s.stop, pieces);
      memset(j.done, 0, sizeof j.done);
      of3_pool_run(pool, task, &j, MOST_ITEMS - pieces % 7);
      assert_false(of3_pool_unwatch(pool));
      for (int i = 0; i < MOST_ITEMS; i++) assert_int_equal(j.done[i], i < MOST_ITEMS - pieces % 7);
    }
    of3_pool_free(pool);
  }
}

enum { MOST_THREADS = 7, TRIES = 10000, TRY_US = 1000 };

/* Items of which each waits until there is one for every thread. */
typedef struct meeting {
  int threads;
  atomic_int there, missed, shared;
  atomic_int busy[MOST_THREADS];
} meeting;

static void meet(void *arg, int64_t begin, int64_t end, int thread) {
  meeting *m = arg;
  if (end - begin != 1 || atomic_fetch_add(&m->busy[thread], 1) > 0) atomic_fetch_add(&m->shared, 1);
  atomic_fetch_add(&m->there, 1);
  int tries = 0;
  for (; atomic_load(&m->there) < m->threads && tries < TRIES; tries++) usleep(TRY_US);
  if (tries == TRIES) atomic_fetch_add(&m->missed, 1);
}

static void all_threads_work(void **state) {
  (void)state;
  for (int threads = 2; threads <= MOST_THREADS; threads++) {
    of3_pool *pool = of3_pool_new(threads);
    assert_non_null(pool);
    for (int r = 0; r < 20; r++) {
      meeting m = {.threads = threads};
      of3_pool_run(pool, meet, &m, threads);
      assert_int_equal(atomic_load(&m.missed), 0);
      assert_int_equal(atomic_load(&m.shared), 0);
    }
    of3_pool_free(pool);
  }
}

/* A pool that never had a job, or whose threads sleep, ends too. */
static void ends_without_work(void **state) {
  (void)state;
  of3_pool_free(NULL);
  for (int threads = 1; threads <= 16; threads += 5) of3_pool_free(of3_pool_new(threads));
  of3_pool *pool = of3_pool_new(3);
  usleep(LONG_PAUSE_US);
  of3_pool_free(pool);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(every_item_once), cmocka_unit_test(watched_work_stops),
                                     cmocka_unit_test(all_threads_work), cmocka_unit_test(ends_without_work)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
