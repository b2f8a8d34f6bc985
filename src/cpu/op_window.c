/* Atom windows of each batch entry: block b holds queries 32 b .. 32 b + 31 and keys low[b] .. low[b] + 127;
 * indices outside the atoms are clamped, what they give is masked. The last block may have fewer than 32
 * atoms. With some thousand atoms the attention waits for memory. */
#include <string.h>

#include "cpu/attention.h"
#include "cpu/state.h"

enum { Q = OF3_WINDOW_QUERIES, K = OF3_WINDOW_KEYS };

/* ---- ATOM_PAIR, WINDOW_ADD, WINDOW_GATHER: an item of work is one query's 128 keys */

typedef struct window {
  const of3_cpu_kernels *kernels;
  float *p;                                   /* [..,W,32,128,c] */
  const of3_tensor *mask, *low, *token, *uid; /* may have fewer batch entries than p */
  const float *row, *col, *z, *pos;           /* have those of p */
  const float *w5;                            /* [5][c] */
  int64_t c, atoms, windows, n_token;
} window;

/* One item: its batch entry, query atom, first key, and mask [128]. */
typedef struct window_item {
  int64_t entry, query, low;
  const float *mask;
} window_item;

static window_item window_item_of(const window *t, int64_t i) {
  const int64_t block = i / Q, entry = block / t->windows;
  return (window_item){.entry = entry,
                       .query = of3_window_atom(i - entry * t->windows * Q, t->atoms),
                       .low = of3_i32(t->low)[block % of3_count(t->low)],
                       .mask = of3_f32(t->mask) + i * K % of3_count(t->mask)};
}

/* The integers of a batch entry's atoms. */
static const int32_t *window_integers(const window *t, const of3_tensor *of_atoms, int64_t entry) {
  return of3_i32(of_atoms) + entry % of3_rows(of_atoms) * t->atoms;
}

static void window_run(of3_ctx *cx, const of3_call *c, of3_task *task, window *t) {
  t->kernels = of3_cpu_state(cx)->kernels;
  t->p = of3_f32(c->out);
  t->c = of3_dim(c->out, 0);
  t->windows = of3_dim(t->low, 0);
  of3_pool_run(of3_cpu_state(cx)->pool, task, t, of3_rows(c->out) / K);
}

static void add_task(void *arg, int64_t begin, int64_t end, int thread) {
  const window *t = arg;
  (void)thread;
  const float *col[K];
  for (int64_t i = begin; i < end; i++) {
    const window_item at = window_item_of(t, i);
    const float *left = t->row + at.entry * t->atoms * t->c, *right = t->col + at.entry * t->atoms * t->c;
    for (int k = 0; k < K; k++) col[k] = right + of3_window_atom(at.low + k, t->atoms) * t->c;
    t->kernels->attention->add_masked(t->p + i * K * t->c, t->c, left + at.query * t->c, col, at.mask, K);
  }
}

static void window_run_add(of3_ctx *cx, const of3_call *c, void *work) {
  (void)work;
  window t = {.row = of3_f32(c->in[WINDOW_ADD_ROW]),
              .col = of3_f32(c->in[WINDOW_ADD_COL]),
              .mask = c->in[WINDOW_ADD_MASK],
              .low = c->in[WINDOW_ADD_LOW],
              .atoms = of3_dim(c->in[WINDOW_ADD_ROW], 1)};
  window_run(cx, c, add_task, &t);
}

static void gather_task(void *arg, int64_t begin, int64_t end, int thread) {
  const window *t = arg;
  (void)thread;
  const float *col[K];
  for (int64_t i = begin; i < end; i++) {
    const window_item at = window_item_of(t, i);
    const int32_t *token = window_integers(t, t->token, at.entry);
    const float *row = t->z + (at.entry * t->n_token + token[at.query]) * t->n_token * t->c;
    for (int k = 0; k < K; k++) col[k] = row + token[of3_window_atom(at.low + k, t->atoms)] * t->c;
    t->kernels->attention->add_masked(t->p + i * K * t->c, t->c, NULL, col, at.mask, K);
  }
}

static void window_run_gather(of3_ctx *cx, const of3_call *c, void *work) {
  (void)work;
  window t = {.z = of3_f32(c->in[WINDOW_GATHER_Z]),
              .n_token = of3_dim(c->in[WINDOW_GATHER_Z], 1),
              .token = c->in[WINDOW_GATHER_TOKEN],
              .mask = c->in[WINDOW_GATHER_MASK],
              .low = c->in[WINDOW_GATHER_LOW],
              .atoms = of3_dim(c->in[WINDOW_GATHER_TOKEN], 0)};
  window_run(cx, c, gather_task, &t);
}

/* With v = [same conformer] mask: features v d (3), v / (1 + |d|^2), v v; d is masked first
 * (docs/model.md 5.1).
 */
static void pair_features(const window *t, int64_t i, float f[5 * K]) {
  const window_item at = window_item_of(t, i);
  const int32_t *uid = window_integers(t, t->uid, at.entry);
  const float *pos = t->pos + 3 * at.entry * t->atoms;
  const int64_t l = at.query;
  for (int k = 0; k < K; k++) {
    int64_t m = of3_window_atom(at.low + k, t->atoms);
    float mask = at.mask[k], v = uid[l] == uid[m] ? mask : 0.0f, d2 = 0.0f;
    for (int x = 0; x < 3; x++) {
      float d = (pos[3 * l + x] - pos[3 * m + x]) * mask;
      d2 += d * d;
      f[x * K + k] = v * d;
    }
    f[3 * K + k] = v / (1.0f + d2);
    f[4 * K + k] = v * v;
  }
}

static void pair_task(void *arg, int64_t begin, int64_t end, int thread) {
  const window *t = arg;
  (void)thread;
  float f[5 * K];
  for (int64_t i = begin; i < end; i++) {
    pair_features(t, i, f);
    t->kernels->attention->atom_pair(t->p + i * K * t->c, t->c, t->w5, f, K);
  }
}

static size_t workspace_pair(const of3_ctx *cx, const of3_call *c) {
  (void)cx;
  return (size_t)(5 * c->in[ATOM_PAIR_WD]->shape[0]) * sizeof(float);
}

static void run_pair(of3_ctx *cx, const of3_call *c, void *work) {
  int64_t width = c->in[ATOM_PAIR_WD]->shape[0];
  float *w5 = work;
  for (int64_t i = 0; i < width; i++) {
    for (int64_t x = 0; x < 3; x++) w5[x * width + i] = of3_f32(c->in[ATOM_PAIR_WD])[i * 3 + x];
    w5[3 * width + i] = of3_f32(c->in[ATOM_PAIR_WI])[i];
    w5[4 * width + i] = of3_f32(c->in[ATOM_PAIR_WV])[i];
  }
  window t = {.pos = of3_f32(c->in[ATOM_PAIR_POS]),
              .uid = c->in[ATOM_PAIR_UID],
              .mask = c->in[ATOM_PAIR_MASK],
              .low = c->in[ATOM_PAIR_LOW],
              .atoms = of3_dim(c->in[ATOM_PAIR_UID], 0),
              .w5 = w5};
  window_run(cx, c, pair_task, &t);
}

/* ---- WINDOW_ATTENTION: an item of work is (block, batch entry); the entries of a block share its bias */

typedef struct window_attention {
  const of3_cpu_kernels *kernels;
  bool bf16;         /* q, k, v, g and y are bf16 */
  int64_t row_bytes; /* of these */
  const char *q, *k, *v, *g;
  char *y;
  const float *bias;  /* [bias_batches,W,H,128,32] */
  const int32_t *low; /* [low_batches,W] */
  int64_t batches, bias_batches, low_batches, windows, heads, d, atoms;
  float *scratch;
  int64_t scratch_floats; /* per thread */
} window_attention;

/* Clamped keys; clamped values, or bf16: columns of values and clamped ones; panels, then what attend needs.
 */
static int64_t attention_floats(int64_t width) {
  return (2 * K + 3 * OF3_LANES) * width + OF3_ATTEND_SCRATCH;
}

static size_t workspace_attention(const of3_ctx *cx, const of3_call *c) {
  return (size_t)(of3_cpu_threads(cx) * attention_floats(of3_dim(c->in[WINDOW_ATT_Q], 0))) * sizeof(float);
}

/* Rows low .. low+127 of a batch entry: where they lie if all exist, else a copy. */
static const char *window_rows(const window_attention *t, const char *from, int64_t batch, int64_t low,
                               char *copy) {
  from += batch * t->atoms * t->row_bytes;
  if (low >= 0 && low + K <= t->atoms) return from + low * t->row_bytes;
  for (int64_t k = 0; k < K; k++)
    memcpy(copy + k * t->row_bytes, from + of3_window_atom(low + k, t->atoms) * t->row_bytes,
           (size_t)t->row_bytes);
  return copy;
}

/* Keys and values of the window from `low` on; scratch as attention_floats says. */
static void take_window(const window_attention *t, of3_attend *a, int64_t batch, int64_t low,
                        float *scratch) {
  const int64_t width = t->heads * t->d;
  float *v = scratch + K * width;
  a->k = window_rows(t, t->k, batch, low, (char *)scratch);
  a->v = window_rows(t, t->v, batch, low, (char *)(t->bf16 ? v + K * width / 2 : v));
  a->k_key = a->v_key = width;
  a->k_dim = a->v_dim = 1;
  if (!t->bf16) return;
  of3_attend_columns(t->kernels, &(of3_attend_values){.rows = a->v,
                                                      .stride = t->row_bytes,
                                                      .n = K,
                                                      .width = width,
                                                      .v = (uint16_t *)(void *)v,
                                                      .ld = K,
                                                      .scratch = v + K * width});
  a->v = v;
  a->v_key = 1;
  a->v_dim = K;
}

/* Batch entries in an order in which those that share a bias follow each other. */
static int64_t of_bias_order(const window_attention *t, int64_t i) {
  const int64_t sharing = t->batches / t->bias_batches;
  return i % sharing * t->bias_batches + i / sharing;
}

static void window_attention_task(void *arg, int64_t begin, int64_t end, int thread) {
  const window_attention *t = arg;
  const int64_t width = t->heads * t->d;
  float *scratch = t->scratch + thread * t->scratch_floats, *panels = scratch + 2 * K * width;
  of3_attend a = {.bf16 = t->bf16,
                  .keys = K,
                  .d = t->d,
                  .ld_bias = Q,
                  .bias_lanes = Q,
                  .scratch = panels + 3 * OF3_LANES * width};
  for (int64_t i = begin; i < end; i++) {
    const int64_t block = i / t->batches, batch = of_bias_order(t, i % t->batches), first = block * Q,
                  left = t->atoms - first;
    const int64_t at = (batch * t->atoms + first) * t->row_bytes;
    take_window(t, &a, batch, t->low[batch % t->low_batches * t->windows + block], scratch);
    a.bias = t->bias + (batch % t->bias_batches * t->windows + block) * t->heads * K * Q;
    of3_attend_heads(t->kernels, a,
                     &(of3_attend_rows){.q = t->q + at,
                                        .g = t->g + at,
                                        .y = t->y + at,
                                        .stride = t->row_bytes,
                                        .n = left < Q ? (int)left : Q,
                                        .heads = t->heads,
                                        .bias_head = K * Q,
                                        .scratch = panels});
  }
}

static void run_attention(of3_ctx *cx, const of3_call *c, void *work) {
  const of3_tensor *q = c->in[WINDOW_ATT_Q];
  window_attention t = {.kernels = of3_cpu_state(cx)->kernels,
                        .bf16 = q->dtype == OF3_BF16,
                        .row_bytes = of3_dim(q, 0) * (int64_t)of3_dtype_size(q->dtype),
                        .q = of3_host(q),
                        .k = of3_host(c->in[WINDOW_ATT_K]),
                        .v = of3_host(c->in[WINDOW_ATT_V]),
                        .g = of3_host(c->in[WINDOW_ATT_G]),
                        .bias = of3_f32(c->in[WINDOW_ATT_BIAS]),
                        .low = of3_i32(c->in[WINDOW_ATT_LOW]),
                        .y = of3_host(c->out),
                        .heads = c->attr.heads,
                        .d = of3_dim(q, 0) / c->attr.heads,
                        .atoms = of3_dim(q, 1),
                        .scratch = work};
  if (of3_count(q) == 0) return;
  t.batches = of3_rows(q) / t.atoms;
  t.windows = of3_dim(c->in[WINDOW_ATT_LOW], 0);
  t.low_batches = of3_rows(c->in[WINDOW_ATT_LOW]);
  t.bias_batches = of3_count(c->in[WINDOW_ATT_BIAS]) / (t.windows * t.heads * K * Q);
  t.scratch_floats = attention_floats(t.heads * t.d);
  of3_pool_run(of3_cpu_state(cx)->pool, window_attention_task, &t, t.windows * t.batches);
}

const of3_kernel of3_cpu_atom_pair = {.workspace = workspace_pair, .run = run_pair};
const of3_kernel of3_cpu_window_add = {.run = window_run_add};
const of3_kernel of3_cpu_window_gather = {.run = window_run_gather};
const of3_kernel of3_cpu_window_attention = {.workspace = workspace_attention, .run = run_attention};
