/* ATTENTION: panels of 48 queries against all keys, head by head; kernel: kernels_attention.inc.
 *
 * An item of work is (batch of the bias, head, panel of queries); the entries of the batch that share the
 * bias are done one after the other while the panel's bias [K][48] is in the second-level cache. */
#include <math.h>
#include <string.h>

#include "cpu/attention.h"
#include "cpu/state.h"

typedef struct attention {
  const of3_cpu_kernels *kernels;
  const float *q, *k, *v, *g, *bias, *key_bias;
  float *y;
  int64_t batches, bias_batches, heads, d, n_query, n_key;
  float *scratch;
  int64_t scratch_floats; /* per thread */
} attention;

/* q, gate and output panels, then what attend needs. */
static int64_t scratch_floats(int64_t d) { return 3 * d * OF3_LANES + OF3_ATTEND_SCRATCH; }

static size_t workspace(const of3_ctx *cx, const of3_call *c) {
  int64_t d = of3_dim(c->in[ATT_Q], 0) / c->attr.heads;
  int64_t keys = c->in[ATT_KEY_MASK] ? of3_aligned(of3_dim(c->in[ATT_K], 1)) : 0;
  return (size_t)(keys + of3_cpu_threads(cx) * scratch_floats(d)) * sizeof(float);
}

/* Head h of batch entry b, queries from `first` on: in q, k, v, g and y alike. */
static int64_t place(const attention *t, int64_t b, int64_t n, int64_t first, int64_t h) {
  return ((b * n + first) * t->heads + h) * t->d;
}

static void attend_panel(const attention *t, int64_t b, int64_t h, int64_t panel, float *scratch) {
  const of3_cpu_kernels *kernels = t->kernels;
  int64_t first = panel * OF3_LANES, width = t->heads * t->d, d = t->d;
  int n = of3_panel_rows(t->n_query, panel), lanes = of3_lanes(n);
  float *q = scratch, *g = q + d * OF3_LANES, *o = g + d * OF3_LANES, *y[OF3_LANES];
  const float *row[OF3_LANES];
  int64_t at = place(t, b, t->n_query, first, h);
  of3_rows_at(row, t->q + at, width, n);
  kernels->pack(q, lanes, lanes, row, n, d);
  kernels->scale(q, 1.0f / sqrtf((float)d), d * lanes);
  int64_t bias_of = (b % t->bias_batches * t->heads + h) * t->n_key * t->n_query;
  kernels->attention->attend(&(of3_attend){.q = q,
                                           .k = t->k + place(t, b, t->n_key, 0, h),
                                           .v = t->v + place(t, b, t->n_key, 0, h),
                                           .ldq = lanes,
                                           .k_key = width,
                                           .k_dim = 1,
                                           .v_key = width,
                                           .v_dim = 1,
                                           .bias = t->bias + bias_of + first,
                                           .ld_bias = t->n_query,
                                           .bias_lanes = n,
                                           .opt_key_bias = t->key_bias,
                                           .keys = t->n_key,
                                           .d = d,
                                           .lanes = lanes,
                                           .o = o,
                                           .ldo = lanes,
                                           .scratch = o + d * OF3_LANES});
  of3_rows_at(row, t->g + at, width, n);
  kernels->pack(g, lanes, lanes, row, n, d);
  kernels->sigmoid_mul(o, g, d * lanes);
  for (int i = 0; i < n; i++) y[i] = t->y + at + i * width;
  kernels->unpack(&(of3_unpack){.panel = o, .ld = lanes, .n_row = n, .channels = d, .y = y});
}

static void attention_task(void *arg, int64_t begin, int64_t end, int thread) {
  const attention *t = arg;
  int64_t panels = of3_panels(t->n_query);
  float *scratch = t->scratch + thread * t->scratch_floats;
  for (int64_t item = begin; item < end; item++) {
    int64_t panel = item % panels, h = item / panels % t->heads, bias_batch = item / panels / t->heads;
    for (int64_t b = bias_batch; b < t->batches; b += t->bias_batches) attend_panel(t, b, h, panel, scratch);
  }
}

static void run(of3_ctx *cx, const of3_call *c, void *work) {
  const of3_tensor *q = c->in[ATT_Q], *mask = c->in[ATT_KEY_MASK];
  attention t = {.kernels = of3_cpu_state(cx)->kernels,
                 .q = of3_f32(q),
                 .k = of3_f32(c->in[ATT_K]),
                 .v = of3_f32(c->in[ATT_V]),
                 .g = of3_f32(c->in[ATT_G]),
                 .bias = of3_f32(c->in[ATT_BIAS]),
                 .y = of3_f32(c->out),
                 .heads = c->attr.heads,
                 .d = of3_dim(q, 0) / c->attr.heads,
                 .n_query = of3_dim(q, 1),
                 .n_key = of3_dim(c->in[ATT_K], 1),
                 .scratch = work};
  if (of3_count(q) == 0) return;
  t.batches = of3_rows(q) / t.n_query;
  t.bias_batches = of3_count(c->in[ATT_BIAS]) / (t.heads * t.n_key * t.n_query);
  t.scratch_floats = scratch_floats(t.d);
  if (mask) {
    for (int64_t k = 0; k < t.n_key; k++) t.scratch[k] = of3_mask_bias(of3_f32(mask)[k]);
    t.key_bias = t.scratch;
    t.scratch += of3_aligned(t.n_key);
  }
  of3_pool_run(of3_cpu_state(cx)->pool, attention_task, &t, t.bias_batches * t.heads * of3_panels(t.n_query));
}

const of3_kernel of3_cpu_attention = {.workspace = workspace, .run = run};
