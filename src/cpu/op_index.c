/* Operations that go by indices, and the small ones over pairs: bound by memory, row by row. */
#include <math.h>
#include <string.h>

#include "cpu/state.h"
#include "tensor/pairs.h"

typedef struct job {
  const of3_cpu_kernels *k;
  const of3_call *c;
} job;

static void index_share_rows(const of3_ctx *cx, const of3_call *c, of3_task *task, int64_t rows,
                             int64_t width) {
  job t = {of3_cpu_state(cx)->kernels, c};
  of3_cpu_share(cx, task, &t, rows, width);
}

/* ---- EMBED_ADD */

static void embed_rows(void *arg, int64_t begin, int64_t end, int thread) {
  const job *t = arg;
  const of3_tensor *index = t->c->in[EMBED_INDEX], *weight = t->c->in[EMBED_WEIGHT];
  const float *table = of3_f32(t->c->in[EMBED_TABLE]);
  int64_t w = of3_dim(t->c->out, 0), n = of3_dim(index, 0), rows = of3_rows(index);
  (void)thread;
  for (int64_t r = begin; r < end; r++)
    for (int64_t i = 0; i < n; i++) {
      const int64_t at = of3_embed_index(index, r % rows * n + i);
      float *y = of3_f32(t->c->out) + r * w;
      if (at >= 0) t->k->axpy(y, weight ? of3_f32(weight)[r % of3_count(weight)] : 1.0f, table + at * w, w);
    }
}

static void run_embed_add(of3_ctx *cx, const of3_call *c, void *memory) {
  (void)memory;
  index_share_rows(cx, c, embed_rows, of3_rows(c->out), of3_dim(c->out, 0));
}

const of3_kernel of3_cpu_embed_add = {.run = run_embed_add};

/* ---- RELPOS_ADD and RELPOS_ONE_HOT: rows are pairs */

static void relpos_add_rows(void *arg, int64_t begin, int64_t end, int thread) {
  const job *t = arg;
  const float *table = of3_f32(t->c->in[RELPOS_ADD_TABLE]);
  const int64_t n = of3_dim(t->c->out, 1), w = of3_dim(t->c->out, 0);
  (void)thread;
  for (int64_t r = begin; r < end; r++) {
    const int32_t *place = of3_entry_places(t->c->in[RELPOS_ADD_PLACE], r / (n * n));
    int32_t class_[4];
    of3_relpos_classes(place + r / n % n * OF3_N_PLACE, place + r % n * OF3_N_PLACE, class_);
    for (int k = 0; k < 4; k++)
      if (class_[k] >= 0) t->k->axpy(of3_f32(t->c->out) + r * w, 1.0f, table + class_[k] * w, w);
  }
}

static void run_relpos_add(of3_ctx *cx, const of3_call *c, void *memory) {
  (void)memory;
  index_share_rows(cx, c, relpos_add_rows, of3_rows(c->out), of3_dim(c->out, 0));
}

const of3_kernel of3_cpu_relpos_add = {.run = run_relpos_add};

static void relpos_one_hot_rows(void *arg, int64_t begin, int64_t end, int thread) {
  const job *t = arg;
  const int64_t n = of3_dim(t->c->out, 1), w = OF3_RELPOS_CLASSES, rows = t->c->attr.rows;
  float *y = of3_f32(t->c->out);
  (void)thread;
  memset(y + begin * w, 0, (size_t)((end - begin) * w) * sizeof *y);
  for (int64_t r = begin; r < end; r++) {
    const int32_t *place = of3_entry_places(t->c->in[RELPOS_ONE_HOT_PLACE], r / (n * rows));
    const int64_t i = t->c->attr.first + r / n % rows;
    int32_t class_[4];
    of3_relpos_classes(place + i * OF3_N_PLACE, place + r % n * OF3_N_PLACE, class_);
    for (int k = 0; k < 4; k++)
      if (class_[k] >= 0) y[r * w + class_[k]] = 1.0f;
  }
}

static void run_relpos_one_hot(of3_ctx *cx, const of3_call *c, void *memory) {
  (void)memory;
  index_share_rows(cx, c, relpos_one_hot_rows, of3_rows(c->out), OF3_RELPOS_CLASSES);
}

const of3_kernel of3_cpu_relpos_one_hot = {.run = run_relpos_one_hot};

/* ---- TEMPLATE_ADD */

typedef struct template_job {
  const of3_cpu_kernels *k;
  const of3_call *c;
  float *column;  /* W transposed, [5][c] */
  float *scratch; /* a thread: [c] */
} template_job;

/* Floats of a row of v, aligned. */
static int64_t template_row(const of3_call *c) { return of3_aligned(of3_dim(c->in[TEMPLATE_ADD_V], 0)); }

static size_t template_add_workspace(const of3_ctx *cx, const of3_call *c) {
  return (size_t)((5 + of3_cpu_threads(cx)) * template_row(c)) * sizeof(float);
}

/* Rows are pairs. What is 0 adds nothing. */
static void template_add_rows(void *arg, int64_t begin, int64_t end, int thread) {
  const template_job *t = arg;
  const float *table = of3_f32(t->c->in[TEMPLATE_ADD_TABLE]);
  const int64_t n = of3_dim(t->c->out, 1), w = of3_dim(t->c->out, 0), ld = template_row(t->c);
  float *sum = t->scratch + thread * ld;
  for (int64_t r = begin; r < end; r++) {
    float *v = of3_f32(t->c->out) + r * w;
    const of3_template_features f = of3_template_pair(t->c, n, r / (n * n), r / n % n, r % n);
    memset(sum, 0, (size_t)w * sizeof *sum);
    for (int k = 0; k < 5; k++)
      if (f.x[k] != 0) t->k->axpy(sum, f.x[k], t->column + k * ld, w);
    t->k->add(v, sum, w);
    if (f.bin >= 0) t->k->axpy(v, f.factor, table + f.bin * w, w);
  }
}

static void run_template_add(of3_ctx *cx, const of3_call *c, void *memory) {
  template_job t = {.k = of3_cpu_state(cx)->kernels, .c = c, .column = memory};
  const int64_t w = of3_dim(c->out, 0), ld = template_row(c);
  t.scratch = t.column + 5 * ld;
  for (int64_t i = 0; i < 5 * w; i++) t.column[i % 5 * ld + i / 5] = of3_f32(c->in[TEMPLATE_ADD_W])[i];
  of3_cpu_share(cx, template_add_rows, &t, of3_rows(c->out), w);
}

const of3_kernel of3_cpu_template_add = {.workspace = template_add_workspace, .run = run_template_add};

/* ---- TAKE_ROWS */

static void index_take_rows(void *arg, int64_t begin, int64_t end, int thread) {
  const job *t = arg;
  const of3_tensor *x = t->c->in[TAKE_ROWS_X];
  const int64_t w = of3_dim(x, 0);
  (void)thread;
  for (int64_t r = begin; r < end; r++)
    memcpy(of3_f32(t->c->out) + r * w, of3_f32(x) + of3_row_taken(t->c, r) * w, (size_t)w * sizeof(float));
}

static void run_take_rows(of3_ctx *cx, const of3_call *c, void *memory) {
  (void)memory;
  index_share_rows(cx, c, index_take_rows, of3_rows(c->out), of3_dim(c->out, 0));
}

const of3_kernel of3_cpu_take_rows = {.run = run_take_rows};

/* ---- GATHER and SEGMENT_MEAN */

static void gather_rows(void *arg, int64_t begin, int64_t end, int thread) {
  const job *t = arg;
  const of3_tensor *x = t->c->in[GATHER_X], *index = t->c->in[GATHER_INDEX],
                   *opt_mask = t->c->in[GATHER_MASK];
  const int64_t w = of3_dim(x, 0), n = of3_dim(x, 1), atoms = of3_dim(index, 0), entries = of3_rows(x) / n,
                indices = of3_count(index), masks = opt_mask ? of3_count(opt_mask) : 1;
  (void)thread;
  for (int64_t r = begin; r < end; r++) {
    float mask = opt_mask ? of3_f32(opt_mask)[r % masks] : 1.0f, *y = of3_f32(t->c->out) + r * w;
    const float *from = of3_f32(x) + (r / atoms % entries * n + of3_i32(index)[r % indices]) * w;
    if (t->c->attr.accumulate) {
      t->k->axpy(y, mask, from, w);
      continue;
    }
    memcpy(y, from, (size_t)w * sizeof *y);
    if (mask != 1.0f) t->k->scale(y, mask, w);
  }
}

static void index_run_gather(of3_ctx *cx, const of3_call *c, void *memory) {
  (void)memory;
  index_share_rows(cx, c, gather_rows, of3_rows(c->out), of3_dim(c->out, 0));
}

const of3_kernel of3_cpu_gather = {.run = index_run_gather};

static void mean_rows(void *arg, int64_t begin, int64_t end, int thread) {
  const job *t = arg;
  const of3_tensor *x = t->c->in[SEGMENT_X], *start = t->c->in[SEGMENT_START],
                   *many = t->c->in[SEGMENT_COUNT];
  const int64_t w = of3_dim(x, 0), atoms = of3_dim(x, 1), n = of3_dim(start, 0);
  (void)thread;
  for (int64_t r = begin; r < end; r++) {
    int64_t first = of3_i32(start)[r % of3_count(start)], last = first + of3_i32(many)[r % of3_count(many)];
    const float *opt_mask = atoms ? of3_entry_mask(t->c->in[SEGMENT_MASK], atoms, r / n) : NULL;
    float *y = of3_f32(t->c->out) + r * w, count = 0;
    memset(y, 0, (size_t)w * sizeof *y);
    for (int64_t a = first; a < last; a++) {
      const float mask = opt_mask ? opt_mask[a] : 1.0f;
      t->k->axpy(y, mask, of3_f32(x) + (r / n * atoms + a) * w, w);
      count += mask;
    }
    t->k->scale(y, 1.0f / (count + 1e-9f), w);
  }
}

static void run_segment_mean(of3_ctx *cx, const of3_call *c, void *memory) {
  (void)memory;
  index_share_rows(cx, c, mean_rows, of3_rows(c->out), of3_dim(c->out, 0));
}

const of3_kernel of3_cpu_segment_mean = {.run = run_segment_mean};

/* ---- SYMMETRIZE */

static void symmetrize_rows(void *arg, int64_t begin, int64_t end, int thread) {
  const job *t = arg;
  const float *x = of3_f32(t->c->in[SYMMETRIZE_X]);
  int64_t w = of3_dim(t->c->out, 0), n = of3_dim(t->c->out, 1);
  (void)thread;
  for (int64_t r = begin; r < end; r++) {
    int64_t j = r % n, i = r / n % n, batch = r / (n * n), other = (batch * n + j) * n + i;
    t->k->combine(of3_f32(t->c->out) + r * w, 1.0f, x + r * w, 1.0f, x + other * w, w);
  }
}

static void run_symmetrize(of3_ctx *cx, const of3_call *c, void *memory) {
  (void)memory;
  index_share_rows(cx, c, symmetrize_rows, of3_rows(c->out), of3_dim(c->out, 0));
}

const of3_kernel of3_cpu_symmetrize = {.run = run_symmetrize};

/* ---- EXPECT */

static void expect_rows(void *arg, int64_t begin, int64_t end, int thread) {
  const job *t = arg;
  const of3_tensor *x = t->c->in[EXPECT_X];
  int64_t bins = of3_dim(x, 0);
  (void)thread;
  for (int64_t r = begin; r < end; r++) {
    const int64_t which = of3_expect_set(t->c, r);
    of3_f32(t->c->out)[r] =
        t->k->softmax_dot(of3_f32(x) + r * bins, of3_f32(t->c->in[EXPECT_TABLE]) + which * bins, bins);
  }
}

static void run_expect(of3_ctx *cx, const of3_call *c, void *memory) {
  (void)memory;
  index_share_rows(cx, c, expect_rows, of3_count(c->out), of3_dim(c->in[EXPECT_X], 0));
}

const of3_kernel of3_cpu_expect = {.run = run_expect};

/* ---- DISTANCE_BIN: squared distances and edges in f32, both ends of a bin excluded. */

enum { LAST_BIN = 38 };

static bool in_bin(float d2, int bin) {
  float low = 3.25f + 1.25f * (float)bin, high = 3.25f + 1.25f * (float)(bin + 1);
  return bin >= 0 && bin <= LAST_BIN && d2 > low * low && d2 < (bin == LAST_BIN ? 1e9f : high * high);
}

/* The root says which bin it is but for rounding, so its neighbours are tried too. */
static int32_t bin_of(float d2) {
  float at = (sqrtf(d2) - 3.25f) * 0.8f;
  int guess = at > (float)LAST_BIN ? LAST_BIN : at > 0.0f ? (int)at : 0;
  for (int bin = guess - 1; bin <= guess + 1; bin++)
    if (in_bin(d2, bin)) return bin;
  return -1;
}

/* Items are (batch entry, i). */
static void distance_rows(void *arg, int64_t begin, int64_t end, int thread) {
  const job *t = arg;
  const of3_tensor *x = t->c->in[DISTANCE_X];
  const of3_tensor *of_tokens = t->c->in[DISTANCE_REP];
  const int64_t n = of3_dim(of_tokens, 0), atoms = of3_dim(x, 1), lists = of3_rows(of_tokens);
  (void)thread;
  for (int64_t r = begin; r < end; r++) {
    const int32_t *rep = of3_i32(of_tokens) + r / n % lists * n;
    const float *xs = of3_f32(x) + r / n * atoms * 3, *a = xs + 3 * rep[r % n];
    for (int64_t j = 0; j < n; j++) {
      const float *b = xs + 3 * rep[j];
      float d2 = 0;
      for (int e = 0; e < 3; e++) d2 += (a[e] - b[e]) * (a[e] - b[e]);
      of3_i32(t->c->out)[r * n + j] = bin_of(d2);
    }
  }
}

static void run_distance_bin(of3_ctx *cx, const of3_call *c, void *memory) {
  (void)memory;
  const int64_t n = of3_dim(c->out, 0);
  index_share_rows(cx, c, distance_rows, of3_rows(c->out), 8 * n);
}

const of3_kernel of3_cpu_distance_bin = {.run = run_distance_bin};
