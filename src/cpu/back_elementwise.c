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

/* ---- ADD, COPY, ACT, MASK_ROWS, DROPOUT: nothing is kept, threads share the numbers of a gradient */

typedef struct flat_job {
  const of3_cpu_kernels *k;
  const of3_call *c;
  float *dx;
  int64_t n; /* numbers of dx */
} flat_job;

enum { CHUNK = 4096 };

static void share_numbers(const of3_ctx *cx, of3_task *task, const of3_call *c, int arg) {
  if (!c->dx[arg]) return;
  flat_job t = {of3_cpu_state(cx)->kernels, c, of3_f32(c->dx[arg]), of3_count(c->dx[arg])};
  of3_cpu_share(cx, task, &t, (t.n + CHUNK - 1) / CHUNK, CHUNK);
}

static int64_t chunk_end(const flat_job *t, int64_t chunk) {
  return chunk * CHUNK < t->n ? chunk * CHUNK : t->n;
}

/* Number i of x is in dy again and again. */
static void add_repeats(void *arg, int64_t begin, int64_t end, int thread) {
  const flat_job *t = arg;
  const int64_t from = begin * CHUNK, n = chunk_end(t, end) - from;
  (void)thread;
  for (int64_t at = from; at < of3_count(t->c->dy); at += t->n)
    t->k->add(t->dx + from, of3_f32(t->c->dy) + at, n);
}

static void act_chunks(void *arg, int64_t begin, int64_t end, int thread) {
  const flat_job *t = arg;
  float u[CHUNK];
  (void)thread;
  for (int64_t chunk = begin; chunk < end; chunk++) {
    const int64_t from = chunk * CHUNK, n = chunk_end(t, chunk + 1) - from;
    t->k->back->act(u, 1, NULL, of3_f32(t->c->in[ACT_Y]) + from, of3_f32(t->c->dy) + from, n,
                    (of3_act)t->c->attr.act);
    t->k->add(t->dx + from, u, n);
  }
}

static void add_run(of3_ctx *cx, const of3_call *c, void *memory) {
  (void)memory;
  share_numbers(cx, add_repeats, c, ADD_X);
}

static void copy_run(of3_ctx *cx, const of3_call *c, void *memory) {
  (void)memory;
  share_numbers(cx, add_repeats, c, COPY_X);
}

static void act_run(of3_ctx *cx, const of3_call *c, void *memory) {
  (void)memory;
  share_numbers(cx, act_chunks, c, ACT_Y);
}

/* Items are rows of the output. */
static void share_rows(const of3_ctx *cx, of3_task *task, const of3_call *c) {
  flat_job t = {.k = of3_cpu_state(cx)->kernels, .c = c};
  of3_cpu_share(cx, task, &t, of3_rows(c->out), of3_dim(c->out, 0));
}

static void mask_rows(void *arg, int64_t begin, int64_t end, int thread) {
  const flat_job *t = arg;
  const of3_tensor *mask = t->c->in[MASK_ROWS_MASK];
  const int64_t w = of3_dim(t->c->out, 0);
  (void)thread;
  for (int64_t r = begin; r < end; r++)
    t->k->axpy(of3_f32(t->c->dx[MASK_ROWS_Y]) + r * w, of3_f32(mask)[r % of3_count(mask)],
               of3_f32(t->c->dy) + r * w, w);
}

static void mask_rows_run(of3_ctx *cx, const of3_call *c, void *memory) {
  (void)memory;
  if (c->dx[MASK_ROWS_Y]) share_rows(cx, mask_rows, c);
}

/* The row of keep that row r of y [..,R,S,c] has. */
static const float *keep_row(const of3_call *c, int64_t r) {
  const int64_t second = of3_dim(c->out, 1), first = of3_dim(c->out, 2), w = of3_dim(c->out, 0),
                own = c->attr.columns ? first : second,
                at = c->attr.columns ? r / second % first : r % second;
  return of3_f32(c->in[DROPOUT_KEEP]) +
         (r / (second * first) * own + at) * w % of3_count(c->in[DROPOUT_KEEP]);
}

static void drop_rows(void *arg, int64_t begin, int64_t end, int thread) {
  const flat_job *t = arg;
  const of3_call *c = t->c;
  const int64_t w = of3_dim(c->out, 0);
  (void)thread;
  for (int64_t r = begin; r < end; r++) {
    const float *keep = keep_row(c, r), *dy = of3_f32(c->dy) + r * w;
    if (c->dx[DROPOUT_Y]) t->k->back->mul_add(of3_f32(c->dx[DROPOUT_Y]) + r * w, keep, dy, w);
    float *dx = c->dx[DROPOUT_X] ? of3_f32(c->dx[DROPOUT_X]) + r * w : NULL;
    for (int64_t i = 0; dx && i < w; i++) dx[i] += (1 - keep[i]) * dy[i];
  }
}

static void dropout_run(of3_ctx *cx, const of3_call *c, void *memory) {
  (void)memory;
  share_rows(cx, drop_rows, c);
}

const of3_kernel of3_cpu_back_add = {.accepts = of3_back_accepts, .run = add_run};
const of3_kernel of3_cpu_back_copy = {.accepts = of3_back_accepts, .run = copy_run};
const of3_kernel of3_cpu_back_act = {.accepts = of3_back_accepts, .run = act_run};
const of3_kernel of3_cpu_back_mask_rows = {.accepts = of3_back_accepts, .run = mask_rows_run};
const of3_kernel of3_cpu_back_dropout = {.accepts = of3_back_accepts, .run = dropout_run};
