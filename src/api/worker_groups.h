/* How many folds run side by side, and how many go through the network as one batch. Results do not depend on
 * it. */
#ifndef OF3_API_WORKER_GROUPS_H
#define OF3_API_WORKER_GROUPS_H

/* What decides: sizes of the items that are left, ascending, and what was asked for. */
typedef struct of3_group_request {
  const int *size; /* [n] tokens, n > 0 */
  int n;
  int threads; /* of all workers */
  int jobs;    /* 0: as many as are good */
} of3_group_request;

/* Items that share their workers. */
typedef struct of3_worker_group {
  int n;       /* the first n of those that are left */
  int workers; /* n is a multiple of it, so that all end at about the same time */
} of3_worker_group;

of3_worker_group of3_next_group(const of3_group_request *r);

/* What decides how many folds go through the network together, as one batch. Results do not depend on it. */
typedef struct of3_batch_request {
  const int *size; /* [n] tokens of the items that a worker would take next, ascending */
  int n;           /* > 0 */
  int batch;       /* 0: as many as are good; else what was asked for */
  int tokens;      /* what a batch should have at least, of the backend; 0: a fold alone is as good */
} of3_batch_request;

enum { OF3_MOST_BATCH = 64 };

/* How many of the first items: with as many tokens as are wanted, padding counted, and of similar size. */
int of3_batch_of(const of3_batch_request *r);

/* Threads of one worker: all are dealt out, differing by one at most. */
static inline int of3_worker_threads(int threads, int workers, int worker) {
  return threads / workers + (worker < threads % workers);
}

#endif
