/* ATTENTION: o = sigmoid(g) softmax_k(q k / sqrt d + bias + key mask) v, and what other operations use of it.
 *
 * Three functions, one inside the other, from the outside in:
 *
 *   attention_task      of the operation ATTENTION: rows of q, k, v, g in memory are [batch][token][head][d]
 *   of3_attend_heads    one panel of 48 queries, one or more heads: packs q and g, scales, gates, unpacks
 *                       (atom windows come in here: op_window.c)
 *   of3_attend_panel    one panel, one head, all keys: o [d][lanes] of q [d][lanes] (attention.h;
 *                       triangle attention comes in here)
 *
 * An item of the operation is one panel of one head of one batch entry. They are numbered so that a thread
 * uses again what it has: panels of a head follow one another, then batch entries that share a bias (the
 * samples of a structure), then heads:
 *
 *   item = ((bias batch * heads + head) * sharing + entry) * panels + panel
 *
 * Keys and values of one head are d numbers every H d, which are far apart and often on the same cache sets:
 *
 *   k in memory                               gathered, for one head
 *   token 0 | head 0 | head 1 | .. |          token 0 | d |
 *   token 1 | head 0 | head 1 | .. |    ->    token 1 | d |
 *
 * So they are copied together first where the copy serves GATHER_PANELS panels or more, else read where they
 * lie. bf16: always, and values as columns [d][keys], since gemm_bf16 reads rows of its broadcast operand;
 * the terms of the second product are keys.
 *
 * With f32 one kernel does a panel (kernels_attention.inc). With bf16 the two products are gemm_bf16, one run
 * of keys after the other, and between them scores become probabilities (kernels.h, attend_run):
 *
 *   scores [keys of a run][lanes] f32 -> + bias, maximum, exp -> bf16x2 [keys / 2][lanes] -> o [d][lanes] */
#include <math.h>
#include <string.h>

#include "cpu/attention.h"
#include "cpu/state.h"

/* Sets the biases of the keys of a run that begins with `key`. That of queries is copied, with zeros behind
 * it, where the panel has more lanes. */
static void run_bias(const of3_attend *a, of3_attend *run, int64_t key) {
  if (a->opt_key_bias) run->opt_key_bias = a->opt_key_bias + key;
  run->bias = a->bias + key * a->ld_bias;
  if (a->bias_lanes >= a->lanes) return;
  float *copy = a->scratch + OF3_ATTEND_KEYS * OF3_LANES;
  memset(copy, 0, (size_t)(run->keys * a->lanes) * sizeof *copy);
  for (int64_t i = 0; i < run->keys; i++)
    memcpy(copy + i * a->lanes, run->bias + i * a->ld_bias, (size_t)a->bias_lanes * sizeof *copy);
  run->bias = copy;
  run->ld_bias = a->lanes;
}

static void attend_bf16(const of3_cpu_kernels *k, const of3_attend *a) {
  of3_attend_state state;
  of3_attend run;
  of3_gemm scores = {.a_type = OF3_BF16,
                     .a_row = a->k_key,
                     .a_col = 1,
                     .x = a->q,
                     .ldx = a->lanes,
                     .y = a->scratch,
                     .ldy = a->lanes,
                     .depth = a->d,
                     .lanes = a->lanes};
  of3_gemm values = {.a_type = OF3_BF16,
                     .a_row = a->v_dim,
                     .a_col = 1,
                     .x = a->scratch,
                     .ldx = a->lanes,
                     .y = a->o,
                     .ldy = a->ldo,
                     .rows = a->d,
                     .lanes = a->lanes};
  for (int64_t key = 0; key < a->keys; key += OF3_ATTEND_KEYS) {
    const int n = a->keys - key < OF3_ATTEND_KEYS ? (int)(a->keys - key) : OF3_ATTEND_KEYS;
    scores.a = (const uint16_t *)a->k + key * a->k_key;
    scores.rows = n;
    k->gemm_bf16(&scores);
    run = *a;
    run.keys = n;
    run_bias(a, &run, key);
    k->between->attend_run(&run, &state, key == 0);
    values.a = (const uint16_t *)a->v + key;
    values.depth = n;
    values.accumulate = key > 0;
    k->gemm_bf16(&values);
  }
  k->attention->attend_end(a, &state);
}

void of3_attend_panel(const of3_cpu_kernels *k, const of3_attend *a) {
  if (a->bf16)
    attend_bf16(k, a);
  else
    k->attention->attend(a);
}

/* n rows `stride` bytes apart, as rows of floats or of bf16x2. */
static void rows_at(const float **row, const void *first, ptrdiff_t stride, int n) {
  of3_rows_at(row, first, stride / (ptrdiff_t)sizeof(float), n);
}

void of3_attend_columns(const of3_cpu_kernels *kernels, const of3_attend_values *c) {
  const float *row[OF3_LANES];
  for (int64_t p = 0; p < of3_panels(c->n); p++) {
    const int n = of3_panel_rows(c->n, p), lanes = of3_lanes(n);
    rows_at(row, (const char *)c->rows + p * OF3_LANES * c->stride, c->stride, n);
    kernels->pack(c->scratch, lanes, lanes, row, n, c->width / 2);
    kernels->split_bf16x2(c->v + p * OF3_LANES, c->ld, c->scratch, lanes, c->width);
  }
}

/* o = every head's output; q [heads d][lanes] or bf16x2. */
static void attend_each(const of3_cpu_kernels *kernels, of3_attend a, const of3_attend_rows *r,
                        const float *q, float *o) {
  const int64_t size = a.bf16 ? 2 : 4, q_rows = a.bf16 ? a.d / 2 : a.d;
  for (int64_t h = 0; h < r->heads; h++) {
    a.q = q + h * q_rows * a.lanes;
    a.o = o + h * a.d * a.lanes;
    of3_attend_panel(kernels, &a);
    a.k = (const char *)a.k + a.d * a.k_dim * size;
    a.v = (const char *)a.v + a.d * a.v_dim * size;
    a.bias += r->bias_head;
  }
}

void of3_attend_heads(const of3_cpu_kernels *kernels, of3_attend a, const of3_attend_rows *r) {
  const float *row[OF3_LANES];
  const int lanes = of3_lanes(r->n);
  const int64_t width = r->heads * a.d, packed = a.bf16 ? width / 2 : width;
  const float scale = 1.0f / sqrtf((float)a.d);
  float *q = r->scratch, *g = q + width * OF3_LANES, *o = g + width * OF3_LANES, *y[OF3_LANES];
  rows_at(row, r->q, r->stride, r->n);
  kernels->pack(q, lanes, lanes, row, r->n, packed);
  if (!a.bf16) kernels->scale(q, scale, width * lanes);
  a.scale = scale;
  a.ldq = a.ldo = a.lanes = lanes;
  attend_each(kernels, a, r, q, o);
  rows_at(row, r->g, r->stride, r->n);
  kernels->pack(a.bf16 ? q : g, lanes, lanes, row, r->n, packed);
  if (a.bf16) kernels->from_bf16x2(g, q, lanes, width);
  kernels->between->sigmoid_mul(o, g, width * lanes);
  if (a.bf16) kernels->to_bf16x2(o, o, lanes, width);
  for (int i = 0; i < r->n; i++) y[i] = (float *)(void *)((char *)r->y + i * r->stride);
  kernels->unpack(&(of3_unpack){.panel = o, .ld = lanes, .n_row = r->n, .channels = packed, .y = y});
}

enum { GATHER_PANELS = 3 };

typedef struct attention {
  const of3_cpu_kernels *kernels;
  bool bf16;    /* q, k, v, g and y are bf16 */
  int64_t size; /* of a number of these */
  const char *q, *k, *v, *g;
  char *y;
  const float *bias;
  float *opt_key_bias; /* [masks][ld_mask] */
  int64_t *keys;       /* [masks]: keys up to the last one that counts; 0 masks: all */
  int64_t masks, ld_mask;
  int64_t batches, bias_batches, heads, d, n_query, n_key;
  float *scratch;
  int64_t scratch_floats; /* per thread */
} attention;

/* Keys, values, panels, then what attend needs. */
static int64_t attention_scratch_floats(int64_t n_key, int64_t d) {
  return 2 * of3_aligned(of3_aligned(n_key) * d) + 3 * d * OF3_LANES + OF3_ATTEND_SCRATCH;
}

/* Key biases of all masks, then how many keys each has. */
static int64_t mask_floats(int64_t masks, int64_t n_key) {
  return masks * of3_aligned(n_key) + of3_aligned(2 * masks);
}

static size_t attention_workspace(const of3_ctx *cx, const of3_call *c) {
  int64_t n_key = of3_dim(c->in[ATT_K], 1), d = of3_dim(c->in[ATT_Q], 0) / c->attr.heads;
  int64_t mask = c->in[ATT_KEY_MASK] ? mask_floats(of3_rows(c->in[ATT_KEY_MASK]), n_key) : 0;
  return (size_t)(mask + of3_cpu_threads(cx) * attention_scratch_floats(n_key, d)) * sizeof(float);
}

/* Byte at which head h of row `row` of batch entry b begins, n rows an entry. */
static int64_t attention_place(const attention *t, int64_t b, int64_t n, int64_t row, int64_t h) {
  return ((b * n + row) * t->heads + h) * t->d * t->size;
}

static void gather_head(const attention *t, char *to, const char *from) {
  const size_t bytes = (size_t)(t->d * t->size);
  for (int64_t k = 0; k < t->n_key; k++)
    memcpy(to + (size_t)k * bytes, from + (size_t)(k * t->heads) * bytes, bytes);
}

/* Scratch of a thread. */
typedef struct head {
  char *k, *v;
  float *panels, *attend;
} head;

static head head_of(const attention *t, int thread) {
  const int64_t floats = of3_aligned(of3_aligned(t->n_key) * t->d);
  float *k = t->scratch + thread * t->scratch_floats;
  return (head){(char *)k, (char *)(k + floats), k + 2 * floats, k + 2 * floats + 3 * t->d * OF3_LANES};
}

/* Sets keys and values of a, whose first number is at byte `at` of both; copies them unless they are copied
 * already. */
static void take_keys(const attention *t, of3_attend *a, const head *s, int64_t at, bool copied) {
  const bool gather = t->bf16 || of3_panels(t->n_query) >= GATHER_PANELS;
  a->k = gather ? s->k : t->k + at;
  a->v = gather ? s->v : t->v + at;
  a->k_key = a->v_key = gather ? t->d : t->heads * t->d;
  a->k_dim = a->v_dim = 1;
  if (t->bf16) {
    a->v_key = 1;
    a->v_dim = of3_aligned(t->n_key);
  }
  if (!gather || copied) return;
  gather_head(t, s->k, t->k + at);
  if (!t->bf16)
    gather_head(t, s->v, t->v + at);
  else
    of3_attend_columns(t->kernels, &(of3_attend_values){.rows = t->v + at,
                                                        .stride = t->heads * t->d * t->size,
                                                        .n = t->n_key,
                                                        .width = t->d,
                                                        .v = (uint16_t *)(void *)s->v,
                                                        .ld = a->v_dim,
                                                        .scratch = s->panels});
}

static void take_mask(const attention *t, of3_attend *a, int64_t b) {
  if (t->masks == 0) return;
  a->opt_key_bias = t->opt_key_bias + b % t->masks * t->ld_mask;
  a->keys = t->keys[b % t->masks];
}

/* Item: (batch of the bias, head, entry among those that share the bias, panel of queries). */
static void attention_task(void *arg, int64_t begin, int64_t end, int thread) {
  const attention *t = arg;
  const int64_t panels = of3_panels(t->n_query), sharing = t->batches / t->bias_batches;
  int64_t last = -1;
  const head s = head_of(t, thread);
  of3_attend a = {.bf16 = t->bf16, .keys = t->n_key, .d = t->d, .ld_bias = t->n_query, .scratch = s.attend};
  for (int64_t item = begin; item < end; item++) {
    const int64_t panel = item % panels, index = item / panels, h = index / sharing % t->heads,
                  bias_batch = index / sharing / t->heads, b = index % sharing * t->bias_batches + bias_batch;
    const int64_t first = panel * OF3_LANES, at = attention_place(t, b, t->n_query, first, h);
    take_keys(t, &a, &s, attention_place(t, b, t->n_key, 0, h), index == last);
    last = index;
    take_mask(t, &a, b);
    a.bias = t->bias + (bias_batch * t->heads + h) * t->n_key * t->n_query + first;
    a.bias_lanes = of3_panel_rows(t->n_query, panel);
    of3_attend_heads(t->kernels, a,
                     &(of3_attend_rows){.q = t->q + at,
                                        .g = t->g + at,
                                        .y = t->y + at,
                                        .stride = t->heads * t->d * t->size,
                                        .n = a.bias_lanes,
                                        .heads = 1,
                                        .scratch = s.panels});
  }
}

/* Padding comes last. It is left out, so that a query of a batch gets the same bytes as alone. */
static void read_masks(attention *t, const of3_tensor *mask) {
  t->masks = of3_rows(mask);
  t->ld_mask = of3_aligned(t->n_key);
  t->opt_key_bias = t->scratch;
  t->keys = (int64_t *)(void *)(t->scratch + t->masks * t->ld_mask);
  t->scratch += mask_floats(t->masks, t->n_key);
  for (int64_t e = 0; e < t->masks; e++) {
    const float *of_keys = of3_f32(mask) + e * t->n_key;
    t->keys[e] = of3_keys_that_count(of_keys, t->n_key);
    for (int64_t k = 0; k < t->n_key; k++) t->opt_key_bias[e * t->ld_mask + k] = of3_mask_bias(of_keys[k]);
  }
}

static void attention_run(of3_ctx *cx, const of3_call *c, void *work) {
  const of3_tensor *q = c->in[ATT_Q], *mask = c->in[ATT_KEY_MASK];
  attention t = {.kernels = of3_cpu_state(cx)->kernels,
                 .bf16 = q->dtype == OF3_BF16,
                 .size = (int64_t)of3_dtype_size(q->dtype),
                 .q = of3_host(q),
                 .k = of3_host(c->in[ATT_K]),
                 .v = of3_host(c->in[ATT_V]),
                 .g = of3_host(c->in[ATT_G]),
                 .bias = of3_f32(c->in[ATT_BIAS]),
                 .y = of3_host(c->out),
                 .heads = c->attr.heads,
                 .d = of3_dim(q, 0) / c->attr.heads,
                 .n_query = of3_dim(q, 1),
                 .n_key = of3_dim(c->in[ATT_K], 1),
                 .scratch = work};
  if (of3_count(q) == 0) return;
  t.batches = of3_rows(q) / t.n_query;
  t.bias_batches = of3_count(c->in[ATT_BIAS]) / (t.heads * t.n_key * t.n_query);
  t.scratch_floats = attention_scratch_floats(t.n_key, t.d);
  if (mask) read_masks(&t, mask);
  of3_pool_run(of3_cpu_state(cx)->pool, attention_task, &t, t.batches * t.heads * of3_panels(t.n_query));
}

const of3_kernel of3_cpu_attention = {.workspace = attention_workspace, .run = attention_run};
