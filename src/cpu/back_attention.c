/* Backwards of ATTENTION and WINDOW_ATTENTION (op_attention.c, op_window.c) by heads (back_attend.h).
 *
 * A bias serves several entries of the batch (the copies of a structure), whose gradients add up in it. So an
 * item of work is a bias and a head, and takes its entries, and of windows the blocks, one after the other.
 */
#include <string.h>

#include "cpu/back_attend.h"

enum { WINDOW_Q = OF3_WINDOW_QUERIES, WINDOW_K = OF3_WINDOW_KEYS };

typedef struct job {
  const of3_cpu_kernels *k;
  const of3_call *c;
  int64_t entries, biases, heads, d, width, queries, keys; /* queries: atoms; keys: of a window */
  int64_t each;                                            /* floats of a thread */
  float *memory;
} job;

/* What is of one thread: keys and values of a window, the gradients of those of
 * a head, work. */
typedef struct piece {
  float *k, *v, *dk, *dv, *work;
} piece;

static job setup(const of3_ctx *cx, const of3_call *c) {
  const bool windows = c->op == OF3_OP_WINDOW_ATTENTION;
  job t = {.k = of3_cpu_state(cx)->kernels,
           .c = c,
           .heads = c->attr.heads,
           .width = of3_dim(c->out, 0),
           .queries = of3_dim(c->out, 1),
           .keys = windows ? WINDOW_K : of3_dim(c->in[ATT_K], 1)};
  if (of3_count(c->out) == 0) return t;
  const of3_tensor *bias = c->in[windows ? WINDOW_ATT_BIAS : ATT_BIAS];
  t.d = t.width / t.heads;
  t.entries = of3_rows(c->out) / t.queries;
  t.biases = of3_count(bias) /
             (t.heads * (windows ? of3_dim(c->in[WINDOW_ATT_LOW], 0) * WINDOW_Q : t.queries) * t.keys);
  t.each = 4 * of3_aligned(t.keys * t.d) + of3_aligned(of3_attend_back_work(t.keys, t.d));
  return t;
}

static size_t workspace(const of3_ctx *cx, const of3_call *c) {
  return (size_t)(of3_cpu_threads(cx) * setup(cx, c).each) * sizeof(float);
}

static piece piece_of(const job *t, int thread) {
  const int64_t rows = of3_aligned(t->keys * t->d);
  piece p = {.k = t->memory + thread * t->each};
  p.v = p.k + rows;
  p.dk = p.v + rows;
  p.dv = p.dk + rows;
  p.work = p.dv + rows;
  return p;
}

/* Number `at` of the gradient of an argument; NULL: none is wanted. */
static float *wanted(const job *t, int arg, int64_t at) {
  return t->c->dx[arg] ? of3_f32(t->c->dx[arg]) + at : NULL;
}
static const float *given(const job *t, int arg, int64_t at) { return of3_f32(t->c->in[arg]) + at; }

static void clear_keys(const job *t, const piece *p) {
  memset(p->dk, 0, (size_t)(t->keys * t->d) * sizeof(float));
  memset(p->dv, 0, (size_t)(t->keys * t->d) * sizeof(float));
}

/* ---- ATTENTION */

/* Head h of batch entry e. */
static void back_entry(const job *t, const piece *p, int64_t e, int64_t h) {
  const of3_call *c = t->c;
  const of3_tensor *mask = c->in[ATT_KEY_MASK];
  const int64_t row = e * t->queries * t->width + h * t->d, key = e * t->keys * t->width + h * t->d,
                bias = (e % t->biases * t->heads + h) * t->keys * t->queries;
  const of3_attend_back a = {.q = given(t, ATT_Q, row),
                             .g = given(t, ATT_G, row),
                             .dy = of3_f32(c->dy) + row,
                             .opt_dq = wanted(t, ATT_Q, row),
                             .opt_dg = wanted(t, ATT_G, row),
                             .k = given(t, ATT_K, key),
                             .v = given(t, ATT_V, key),
                             .opt_dk = c->dx[ATT_K] ? p->dk : NULL,
                             .opt_dv = c->dx[ATT_V] ? p->dv : NULL,
                             .bias = given(t, ATT_BIAS, bias),
                             .opt_dbias = wanted(t, ATT_BIAS, bias),
                             .opt_key_mask = mask ? of3_f32(mask) + e % of3_rows(mask) * t->keys : NULL,
                             .stride = t->width,
                             .key_stride = t->width,
                             .ld_bias = t->queries,
                             .queries = t->queries,
                             .keys = t->keys,
                             .d = t->d};
  clear_keys(t, p);
  of3_attend_back_do(t->k, &a, p->work);
  for (int64_t j = 0; j < t->keys; j++) {
    if (a.opt_dk) t->k->add(wanted(t, ATT_K, key + j * t->width), p->dk + j * t->d, t->d);
    if (a.opt_dv) t->k->add(wanted(t, ATT_V, key + j * t->width), p->dv + j * t->d, t->d);
  }
}

/* ---- WINDOW_ATTENTION */

/* Window b of batch entry e, head h. */
static void back_window(const job *t, const piece *p, int64_t e, int64_t h, int64_t b) {
  const of3_call *c = t->c;
  const of3_tensor *low = c->in[WINDOW_ATT_LOW];
  const int64_t windows = of3_dim(low, 0), first = of3_i32(low)[(e * windows + b) % of3_count(low)],
                left = t->queries - b * WINDOW_Q, row = (e * t->queries + b * WINDOW_Q) * t->width + h * t->d,
                bias = ((e % t->biases * windows + b) * t->heads + h) * WINDOW_K * WINDOW_Q;
  int64_t key[WINDOW_K]; /* where each begins */
  for (int64_t j = 0; j < WINDOW_K; j++) {
    key[j] = (e * t->queries + of3_window_atom(first + j, t->queries)) * t->width + h * t->d;
    memcpy(p->k + j * t->d, given(t, WINDOW_ATT_K, key[j]), (size_t)t->d * sizeof(float));
    memcpy(p->v + j * t->d, given(t, WINDOW_ATT_V, key[j]), (size_t)t->d * sizeof(float));
  }
  const of3_attend_back a = {.q = given(t, WINDOW_ATT_Q, row),
                             .g = given(t, WINDOW_ATT_G, row),
                             .dy = of3_f32(c->dy) + row,
                             .opt_dq = wanted(t, WINDOW_ATT_Q, row),
                             .opt_dg = wanted(t, WINDOW_ATT_G, row),
                             .k = p->k,
                             .v = p->v,
                             .opt_dk = c->dx[WINDOW_ATT_K] ? p->dk : NULL,
                             .opt_dv = c->dx[WINDOW_ATT_V] ? p->dv : NULL,
                             .bias = given(t, WINDOW_ATT_BIAS, bias),
                             .opt_dbias = wanted(t, WINDOW_ATT_BIAS, bias),
                             .bias_masks = true,
                             .stride = t->width,
                             .key_stride = t->d,
                             .ld_bias = WINDOW_Q,
                             .queries = left < WINDOW_Q ? left : WINDOW_Q,
                             .keys = WINDOW_K,
                             .d = t->d};
  clear_keys(t, p);
  of3_attend_back_do(t->k, &a, p->work);
  for (int64_t j = 0; j < WINDOW_K; j++) {
    if (a.opt_dk) t->k->add(wanted(t, WINDOW_ATT_K, key[j]), p->dk + j * t->d, t->d);
    if (a.opt_dv) t->k->add(wanted(t, WINDOW_ATT_V, key[j]), p->dv + j * t->d, t->d);
  }
}

/* ---- both */

static void back_items(void *arg, int64_t begin, int64_t end, int thread) {
  const job *t = arg;
  const piece p = piece_of(t, thread);
  for (int64_t i = begin; i < end; i++)
    for (int64_t e = i / t->heads; e < t->entries; e += t->biases) {
      if (t->c->op == OF3_OP_ATTENTION)
        back_entry(t, &p, e, i % t->heads);
      else
        for (int64_t b = 0; b * WINDOW_Q < t->queries; b++) back_window(t, &p, e, i % t->heads, b);
    }
}

static void run(of3_ctx *cx, const of3_call *c, void *memory) {
  job t = setup(cx, c);
  t.memory = memory;
  of3_pool_run(of3_cpu_state(cx)->pool, back_items, &t, t.biases * t.heads);
}

const of3_kernel of3_cpu_back_attention = {.accepts = of3_back_accepts, .workspace = workspace, .run = run};
