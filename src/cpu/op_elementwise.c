/* Operations on elements and on rows of their own: bound by memory, so threaded and otherwise plain. */
#include <string.h>

#include "cpu/state.h"

typedef struct job {
  const of3_cpu_kernels *k;
  const of3_call *c;
} job;

enum { CHUNK = 4096 }; /* elements of an item of a flat operation */

static void elementwise_share_rows(const of3_ctx *cx, const of3_call *c, of3_task *task) {
  job t = {of3_cpu_state(cx)->kernels, c};
  of3_cpu_share(cx, task, &t, of3_rows(c->out), of3_dim(c->out, 0));
}

static void share_chunks(const of3_ctx *cx, const of3_call *c, of3_task *task) {
  job t = {of3_cpu_state(cx)->kernels, c};
  of3_cpu_share(cx, task, &t, (of3_count(c->out) + CHUNK - 1) / CHUNK, CHUNK);
}

static int64_t chunk_end(const of3_call *c, int64_t chunk) {
  int64_t all = of3_count(c->out);
  return chunk * CHUNK < all ? chunk * CHUNK : all;
}

/* ---- NORM */

static void norm_rows(void *arg, int64_t begin, int64_t end, int thread) {
  const job *t = arg;
  const of3_tensor *x = t->c->in[NORM_X], *scale = t->c->in[NORM_SCALE], *offset = t->c->in[NORM_OFFSET];
  int64_t w = of3_dim(x, 0);
  (void)thread;
  for (int64_t r = begin; r < end; r++)
    t->k->norm_row(of3_f32(t->c->out) + r * w, of3_f32(x) + r * w, w, scale ? of3_f32(scale) : NULL,
                   offset ? of3_f32(offset) : NULL);
}

static void run_norm(of3_ctx *cx, const of3_call *c, void *memory) {
  (void)memory;
  elementwise_share_rows(cx, c, norm_rows);
}

const of3_kernel of3_cpu_norm = {.run = run_norm};

/* ---- ACT */

static void act_chunks(void *arg, int64_t begin, int64_t end, int thread) {
  const job *t = arg;
  (void)thread;
  t->k->act(of3_f32(t->c->out) + begin * CHUNK, chunk_end(t->c, end) - begin * CHUNK,
            (of3_act)t->c->attr.act);
}

static void run_act(of3_ctx *cx, const of3_call *c, void *memory) {
  (void)memory;
  share_chunks(cx, c, act_chunks);
}

const of3_kernel of3_cpu_act = {.run = run_act};

/* ---- ADD and COPY: x is used again and again until y ends */

/* Elements from i on that lie together in x as well. */
static int64_t run_length(int64_t i, int64_t end, int64_t x_count) {
  int64_t left = x_count - i % x_count;
  return end - i < left ? end - i : left;
}

static void add_chunks(void *arg, int64_t begin, int64_t end, int thread) {
  const job *t = arg;
  const of3_tensor *x = t->c->in[ADD_X];
  int64_t n = of3_count(x), last = chunk_end(t->c, end), run;
  (void)thread;
  for (int64_t i = begin * CHUNK; i < last; i += run) {
    run = run_length(i, last, n);
    t->k->add(of3_f32(t->c->out) + i, of3_f32(x) + i % n, run);
  }
}

static void elementwise_run_add(of3_ctx *cx, const of3_call *c, void *memory) {
  (void)memory;
  share_chunks(cx, c, add_chunks);
}

const of3_kernel of3_cpu_add = {.run = elementwise_run_add};

static void copy_chunks(void *arg, int64_t begin, int64_t end, int thread) {
  const job *t = arg;
  const of3_tensor *x = t->c->in[COPY_X];
  int64_t n = of3_count(x), last = chunk_end(t->c, end), run;
  size_t size = of3_dtype_size(x->dtype);
  (void)thread;
  for (int64_t i = begin * CHUNK; i < last; i += run) {
    run = run_length(i, last, n);
    memmove((char *)of3_host(t->c->out) + (size_t)i * size, (char *)of3_host(x) + (size_t)(i % n) * size,
            (size_t)run * size);
  }
}

static void run_copy(of3_ctx *cx, const of3_call *c, void *memory) {
  (void)memory;
  share_chunks(cx, c, copy_chunks);
}

const of3_kernel of3_cpu_copy = {.run = run_copy};

/* ---- MASK_ROWS, DROPOUT and COMBINE */

/* Most masks are 1, and a product with 1 changes nothing. */
static void mask_rows(const job *t, const of3_tensor *mask, int64_t begin, int64_t end) {
  int64_t w = of3_dim(t->c->out, 0), n = of3_count(mask);
  for (int64_t r = begin; r < end; r++) {
    float m = of3_f32(mask)[r % n];
    if (m != 1.0f) t->k->scale(of3_f32(t->c->out) + r * w, m, w);
  }
}

static void mask_task(void *arg, int64_t begin, int64_t end, int thread) {
  const job *t = arg;
  (void)thread;
  mask_rows(t, t->c->in[MASK_ROWS_MASK], begin, end);
}

static void run_mask_rows(of3_ctx *cx, const of3_call *c, void *memory) {
  (void)memory;
  elementwise_share_rows(cx, c, mask_task);
}

const of3_kernel of3_cpu_mask_rows = {.run = run_mask_rows};

static void dropout_rows(void *arg, int64_t begin, int64_t end, int thread) {
  const of3_call *c = ((const job *)arg)->c;
  const int64_t w = of3_dim(c->out, 0), second = of3_dim(c->out, 1), first = of3_dim(c->out, 2);
  const int64_t own = c->attr.columns ? first : second, all = of3_count(c->in[DROPOUT_KEEP]) / w;
  (void)thread;
  for (int64_t r = begin; r < end; r++) {
    const int64_t at = r / (second * first) * own + (c->attr.columns ? r / second % first : r % second);
    const float *x = of3_f32(c->in[DROPOUT_X]) + r * w, *keep = of3_f32(c->in[DROPOUT_KEEP]) + at % all * w;
    float *y = of3_f32(c->out) + r * w;
    for (int64_t i = 0; i < w; i++) y[i] = x[i] + keep[i] * (y[i] - x[i]);
  }
}

static void run_dropout(of3_ctx *cx, const of3_call *c, void *memory) {
  (void)memory;
  elementwise_share_rows(cx, c, dropout_rows);
}

const of3_kernel of3_cpu_dropout = {.run = run_dropout};

/* out = a x + b y, or a x, for n elements that share a and b. */
static void combine_run(const job *t, int64_t at, int64_t s, int64_t n) {
  const of3_tensor *a = t->c->in[COMBINE_A], *b = t->c->in[COMBINE_B];
  const float *x = of3_f32(t->c->in[COMBINE_X]) + at;
  float *y = of3_f32(t->c->out) + at, as = of3_f32(a)[s % of3_count(a)];
  if (b) {
    t->k->combine(y, as, x, of3_f32(b)[s % of3_count(b)], of3_f32(t->c->in[COMBINE_Y]) + at, n);
    return;
  }
  memcpy(y, x, (size_t)n * sizeof *y);
  t->k->scale(y, as, n);
}

static void combine_rows(void *arg, int64_t begin, int64_t end, int thread) {
  const job *t = arg;
  const of3_tensor *x = t->c->in[COMBINE_X];
  int64_t w = of3_dim(x, 0), each = of3_dim(x, 1), last;
  (void)thread;
  for (int64_t r = begin; r < end; r = last) {
    int64_t s = r / each;
    last = (s + 1) * each < end ? (s + 1) * each : end;
    combine_run(t, r * w, s, (last - r) * w);
  }
  if (t->c->in[COMBINE_MASK]) mask_rows(t, t->c->in[COMBINE_MASK], begin, end);
}

static void run_combine(of3_ctx *cx, const of3_call *c, void *memory) {
  (void)memory;
  elementwise_share_rows(cx, c, combine_rows);
}

const of3_kernel of3_cpu_combine = {.run = run_combine};

/* ---- CONCAT and OUTER_SUM */

static void concat_rows(void *arg, int64_t begin, int64_t end, int thread) {
  const job *t = arg;
  const of3_tensor *a = t->c->in[CONCAT_A], *b = t->c->in[CONCAT_B];
  int64_t na = of3_dim(a, 0), nb = of3_dim(b, 0), rows_b = of3_rows(b);
  (void)thread;
  for (int64_t r = begin; r < end; r++) {
    float *y = of3_f32(t->c->out) + r * (na + nb);
    memcpy(y, of3_f32(a) + r * na, (size_t)na * sizeof *y);
    memcpy(y + na, of3_f32(b) + r % rows_b * nb, (size_t)nb * sizeof *y);
  }
}

static void run_concat(of3_ctx *cx, const of3_call *c, void *memory) {
  (void)memory;
  elementwise_share_rows(cx, c, concat_rows);
}

const of3_kernel of3_cpu_concat = {.run = run_concat};

static void outer_sum_rows(void *arg, int64_t begin, int64_t end, int thread) {
  const job *t = arg;
  const of3_tensor *a = t->c->in[OUTER_SUM_A], *b = t->c->in[OUTER_SUM_B];
  const int64_t w = of3_dim(a, 0), nb = of3_dim(b, 1), pairs = of3_dim(a, 1) * nb;
  (void)thread;
  for (int64_t r = begin; r < end; r++)
    t->k->combine(of3_f32(t->c->out) + r * w, 1.0f, of3_f32(a) + r / nb * w, 1.0f,
                  of3_f32(b) + (r / pairs * nb + r % nb) * w, w);
}

static void run_outer_sum(of3_ctx *cx, const of3_call *c, void *memory) {
  (void)memory;
  elementwise_share_rows(cx, c, outer_sum_rows);
}

const of3_kernel of3_cpu_outer_sum = {.run = run_outer_sum};

/* ---- RANDOM_NORMAL */

enum {
  NORMALS = 1024,
  FLOATS_OF_A_NORMAL = 32
}; /* numbers of an item; one takes as long as so many floats */

static int64_t items_of_a_key(const of3_call *c) { return (c->attr.count + NORMALS - 1) / NORMALS; }

static void random_items(void *arg, int64_t begin, int64_t end, int thread) {
  const job *t = arg;
  const int64_t n = t->c->attr.count, items = items_of_a_key(t->c);
  (void)thread;
  for (int64_t i = begin; i < end; i++) {
    const int64_t row = i / items, first = i % items * NORMALS, left = n - first;
    of3_random_normal_from(of3_stream_of(t->c, row), (size_t)first, of3_f32(t->c->out) + row * n + first,
                           (size_t)(left < NORMALS ? left : NORMALS));
  }
}

static void run_random_normal(of3_ctx *cx, const of3_call *c, void *memory) {
  job t = {.c = c};
  (void)memory;
  of3_cpu_share(cx, random_items, &t, of3_rows(c->in[RANDOM_KEY]) * items_of_a_key(c),
                (c->attr.count < NORMALS ? c->attr.count : NORMALS) * FLOATS_OF_A_NORMAL);
}

const of3_kernel of3_cpu_random_normal = {.run = run_random_normal};
