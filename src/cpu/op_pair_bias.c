/* PAIR_BIAS: bias[h][k][q] = W_h . norm(z[q,k,:]) [+ 1e9 (mask[q,k] - 1)].
 *
 * A panel holds 48 queries of one key, so that a product row is a piece of a row of the key-major bias:
 *
 *   z[q .. q+47, k, :] -> panel [c][48] -> norm -> [H][48] -> bias[h][k][q .. q+47]
 *
 * Bound by memory: reads z at 11 to 13 GB/s a thread (N 76 and 256, c 128). */
#include <string.h>

#include "cpu/panel.h"
#include "cpu/state.h"

typedef struct bias {
  const of3_cpu_kernels *k;
  const of3_call *c;
  int64_t queries, keys, width, heads;
  float *scratch; /* a thread: panel [c][48], product [H][48] */
} bias;

static int64_t pair_bias_scratch_floats(const of3_call *c) {
  return (of3_dim(c->in[PAIR_BIAS_Z], 0) + c->in[PAIR_BIAS_W]->shape[0]) * OF3_LANES;
}

static size_t pair_bias_workspace(const of3_ctx *cx, const of3_call *c) {
  return (size_t)(of3_cpu_threads(cx) * pair_bias_scratch_floats(c)) * sizeof(float);
}

/* product[h][i] += 1e9 (mask - 1), first: row of the mask of the first query. */
static void add_mask(const bias *t, float *product, int64_t first, int n, int lanes) {
  const of3_tensor *mask = t->c->in[PAIR_BIAS_MASK];
  float add[OF3_LANES] = {0};
  for (int i = 0; i < n; i++) add[i] = 1e9f * (of3_f32(mask)[(first + i * t->keys) % of3_count(mask)] - 1.0f);
  for (int64_t h = 0; h < t->heads; h++) t->k->add(product + h * lanes, add, lanes);
}

/* n queries from q on, of key k of batch entry b. */
static void pair_bias_do_panel(const bias *t, float *panel, int64_t b, int64_t q, int64_t k, int n) {
  const int64_t first = (b * t->queries + q) * t->keys + k;
  const int lanes = of3_lanes(n);
  const float *row[OF3_LANES];
  float *product = panel + t->width * OF3_LANES;
  of3_rows_at(row, of3_f32(t->c->in[PAIR_BIAS_Z]) + first * t->width, t->keys * t->width, n);
  t->k->pack(panel, lanes, lanes, row, n, t->width);
  if (t->c->attr.norm)
    of3_norm_panel(t->k, panel, lanes, t->width, t->c->in[PAIR_BIAS_SCALE], t->c->in[PAIR_BIAS_OFFSET]);
  of3_make_operand(t->k, t->c->in[PAIR_BIAS_W], panel, lanes, t->width);
  of3_gemm g = of3_weights_times(t->c->in[PAIR_BIAS_W], 0, t->heads, panel, lanes, product);
  of3_product(t->k, &g);
  if (t->c->in[PAIR_BIAS_MASK]) add_mask(t, product, first, n, lanes);
  for (int64_t h = 0; h < t->heads; h++)
    memcpy(of3_f32(t->c->out) + ((b * t->heads + h) * t->keys + k) * t->queries + q, product + h * lanes,
           (size_t)n * sizeof(float));
}

/* Items are (batch entry, panel of queries, key). */
static void task(void *arg, int64_t begin, int64_t end, int thread) {
  const bias *t = arg;
  const int64_t panels = of3_panels(t->queries);
  for (int64_t i = begin; i < end; i++) {
    int64_t k = i % t->keys, p = i / t->keys % panels, b = i / t->keys / panels;
    pair_bias_do_panel(t, t->scratch + thread * pair_bias_scratch_floats(t->c), b, p * OF3_LANES, k,
                       of3_panel_rows(t->queries, p));
  }
}

static void pair_bias_run(of3_ctx *cx, const of3_call *c, void *memory) {
  const of3_tensor *z = c->in[PAIR_BIAS_Z];
  bias t = {.k = of3_cpu_state(cx)->kernels,
            .c = c,
            .queries = of3_dim(z, 2),
            .keys = of3_dim(z, 1),
            .width = of3_dim(z, 0),
            .heads = c->in[PAIR_BIAS_W]->shape[0],
            .scratch = memory};
  int64_t pairs = t.queries * t.keys;
  if (pairs == 0) return;
  of3_pool_run(of3_cpu_state(cx)->pool, task, &t, of3_rows(z) / pairs * of3_panels(t.queries) * t.keys);
}

const of3_kernel of3_cpu_pair_bias = {.workspace = pair_bias_workspace, .run = pair_bias_run};
