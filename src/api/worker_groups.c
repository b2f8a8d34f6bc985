#include "api/worker_groups.h"

#include <stdbool.h>
#include <stdint.h>

/* Threads that one fold keeps busy. Most of its work is on pairs, which threads take in panels of 48; with
 * fewer than a hundred for each thread, hand-overs and the end of each operation cost more than folds side by
 * side do (docs/cpu.md). */
static int threads_worth(int tokens) {
  const int64_t pairs_of_a_thread = 100 * 48, threads = (int64_t)tokens * tokens / pairs_of_a_thread;
  return threads < 1 ? 1 : threads > INT32_MAX ? INT32_MAX : (int)threads;
}

static int workers_for(const of3_group_request *r, int i) {
  int workers = r->jobs ? r->jobs : r->threads / threads_worth(r->size[i]);
  return workers < 1 ? 1 : workers;
}

/* How many of the first items go well with so many workers. */
static int run_of(const of3_group_request *r, int workers) {
  int n = 0;
  while (n < r->n && workers_for(r, n) >= workers) n++;
  return n;
}

of3_worker_group of3_next_group(const of3_group_request *r) {
  int workers = workers_for(r, 0), n = run_of(r, workers);
  while (n < workers) { /* fewer workers, of more threads, and the next larger items with them */
    int larger = n < r->n ? workers_for(r, n) : 1;
    workers = larger > n ? larger : n;
    n = run_of(r, workers);
  }
  return (of3_worker_group){.n = n / workers * workers, .workers = workers};
}

/* Whether one more fold is good for a batch of n: they have too few tokens, and what pads the smallest one to
 * its size is not more than a third of that. */
static bool is_good(const of3_batch_request *r, int n) {
  const int64_t next = r->size[n];
  return (n + 1) * next <= r->tokens && 3 * next <= 4 * (int64_t)r->size[0];
}

int of3_batch_of(const of3_batch_request *r) {
  const int most = r->n < OF3_MOST_BATCH ? r->n : OF3_MOST_BATCH;
  int n = 1;
  if (r->batch) return r->batch < most ? r->batch : most;
  while (n < most && is_good(r, n)) n++;
  return n;
}
