/* How many folds run side by side. Results do not depend on it. */
#ifndef OF3_API_WORKER_GROUPS_H
#define OF3_API_WORKER_GROUPS_H

/* What decides: sizes of the items that are left, ascending, and what was asked for. */
typedef struct of3_group_request {
  const int *residues; /* [n], n > 0 */
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

/* Threads of one worker: all are dealt out, differing by one at most. */
static inline int of3_worker_threads(int threads, int workers, int worker) {
  return threads / workers + (worker < threads % workers);
}

#endif
