#include "api/lanes.h"

#include <stdint.h>

/* Threads that one fold keeps busy. Most of its work is on pairs, which threads take in panels of 48; with
 * fewer than a hundred for each thread, hand-overs and the end of each operation cost more than folds side by
 * side do (docs/cpu.md). */
static int threads_worth(int residues) {
  const int64_t pairs_of_a_thread = 100 * 48, threads = (int64_t)residues * residues / pairs_of_a_thread;
  return threads < 1 ? 1 : threads > INT32_MAX ? INT32_MAX : (int)threads;
}

static int lanes_for(const of3_lane_request *r, int i) {
  int lanes = r->jobs ? r->jobs : r->threads / threads_worth(r->residues[i]);
  return lanes < 1 ? 1 : lanes;
}

/* How many of the first items go well with so many lanes. */
static int run_of(const of3_lane_request *r, int lanes) {
  int n = 0;
  while (n < r->n && lanes_for(r, n) >= lanes) n++;
  return n;
}

of3_wave of3_next_wave(const of3_lane_request *r) {
  int lanes = lanes_for(r, 0), n = run_of(r, lanes);
  while (n < lanes) { /* fewer lanes, of more threads, and the next larger items with them */
    int larger = n < r->n ? lanes_for(r, n) : 1;
    lanes = larger > n ? larger : n;
    n = run_of(r, lanes);
  }
  return (of3_wave){.n = n / lanes * lanes, .lanes = lanes};
}
