/* How many folds run side by side. Results do not depend on it. */
#ifndef OF3_API_LANES_H
#define OF3_API_LANES_H

/* What decides: sizes of the items that are left, ascending, and what was asked for. */
typedef struct of3_lane_request {
  const int *residues; /* [n], n > 0 */
  int n;
  int threads; /* of all lanes */
  int jobs;    /* 0: as many as are good */
} of3_lane_request;

/* Items that share their lanes. */
typedef struct of3_wave {
  int n;     /* the first n of those that are left */
  int lanes; /* n is a multiple of it, so that all end at about the same time */
} of3_wave;

of3_wave of3_next_wave(const of3_lane_request *r);

/* Threads of one lane: all are dealt out, differing by one at most. */
static inline int of3_lane_threads(int threads, int lanes, int lane) {
  return threads / lanes + (lane < threads % lanes);
}

#endif
