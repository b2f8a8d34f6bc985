/* Backwards of what works number by number, or row by row: bound by memory, so
 * threaded and otherwise plain.
 */
#include <string.h>

#include "cpu/back_rows.h"

/* ---- NORM */

typedef struct norm_job {
  const of3_cpu_kernels *k;
  of3_source source;
  int64_t first, now, block;
  const float *dy;
} norm_job;

static norm_job norm_setup(const of3_ctx *cx, const of3_call *c, of3_room *room, int64_t *run) {
  norm_job t = {.k = of3_cpu_state(cx)->kernels,
                .source = {.norm = true,
                           .x = c->in[NORM_X],
                           .gate = c->in[NORM_SCALE],
                           .dx = c->dx[NORM_X],
                           .dgate = c->dx[NORM_SCALE],
                           .dshift = c->dx[NORM_OFFSET],
                           .width = of3_dim(c->in[NORM_X], 0)}};
  *run = of3_rows_of_run(of3_rows(c->in[NORM_X]), 2 * t.source.width + 1);
  t.block = of3_rows_of_block(*run, of3_cpu_threads(cx));
  t.source.hat = of3_room_take(room, *run * t.source.width);
  t.source.value = t.source.hat; /* x' itself is not needed */
  t.source.inv = of3_room_take(room, *run);
  return t;
}

static size_t norm_workspace(const of3_ctx *cx, const of3_call *c) {
  of3_room room = {0};
  int64_t run;
  (void)norm_setup(cx, c, &room, &run);
  return (size_t)room.used * sizeof(float);
}

static void norm_blocks(void *arg, int64_t begin, int64_t end, int thread) {
  const norm_job *t = arg;
  (void)thread;
  const int64_t from = begin * t->block, to = end * t->block < t->now ? end * t->block : t->now;
  of3_source_read(t->k, &t->source, t->first, from, to);
  of3_source_back(t->k, &t->source, t->first, from, to);
}

static void norm_run(of3_ctx *cx, const of3_call *c, void *memory) {
  of3_room room = {.at = memory};
  int64_t run;
  norm_job t = norm_setup(cx, c, &room, &run);
  const int64_t rows = of3_rows(c->in[NORM_X]);
  for (t.first = 0; t.first < rows; t.first += run) {
    of3_row_sums s = {.k = t.k, .first = t.first};
    t.now = s.rows = rows - t.first < run ? rows - t.first : run;
    t.source.u = of3_f32(c->dy) + t.first * t.source.width;
    of3_pool_run(of3_cpu_state(cx)->pool, norm_blocks, &t, (t.now + t.block - 1) / t.block);
    of3_sum_source(&s, &t.source);
    of3_sums_run(cx, &s);
  }
}

const of3_kernel of3_cpu_back_norm = {
    .accepts = of3_back_accepts, .workspace = norm_workspace, .run = norm_run};
