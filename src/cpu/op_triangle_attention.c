/* TRIANGLE_ATTENTION (AF3 SI Alg. 14, 15), one batch entry z [N,N,c] at a time.
 *
 * A line is a row of z (starting node) or a column (ending node). Its N pairs attend to one another: pair
 * number q of the line asks, all N answer,
 *
 *   s(q,k) = q_q k_k / sqrt d + b(q,k) + 1e9 (mask_line mask_k - 1)
 *   z_q   += W_o (sigmoid(g_q) * sum_k softmax_k(s)(q,k) v_k)
 *
 * with q, k, v, g projected from the normalised pairs of the line. The bias b(q,k) = W_z norm(z) of the pair
 * of tokens (q,k) is the same for all lines. (Ending node of P1 and P2: of the pair (k,q);
 * docs/model.md 3.5.)
 *
 *   1 bias   item (key, panel of queries): 48 rows of z -> norm -> W_z -> row `key` of each head in
 *
 *              bias  [panel of queries][head][key][lanes]
 *                     one head of one panel: key 0   | q0 q1 .. q47 |    what attention adds to its scores
 *                                            key 1   | q0 q1 .. q47 |    [key][lanes] is read in order
 *
 *   2 line   item line; what a thread makes of it stays in its scratch:
 *
 *              x     [panel][c][lanes]  the normalised pairs as operands: read again for queries and gates
 *              k, v  [H d][ld]          of all N pairs; a column is one key
 *              then for each panel of 48 queries: q, g [H d][lanes] -> head by head the attention of
 *              attention.h -> o [H d][lanes] -> times sigmoid(g) -> W_o -> added to the rows of z
 *
 * Lines touch disjoint pairs, and all of the bias is made before the first line, so z changes in place.
 * All N x N x N scores never exist: attention takes OF3_ATTEND_KEYS keys at a time.
 *
 * bf16: x is bf16x2, keys are rows [key][H d] and values columns [H d][ld] of bf16, as gemm_bf16 reads its
 * broadcast operand in both products.
 *
 * Memory: the bias, H/c of a pair tensor; for each thread x, k and v of one line. */
#include <math.h>
#include <string.h>

#include "cpu/attention.h"
#include "cpu/panel.h"
#include "cpu/state.h"
#include "tensor/pairs.h"

typedef struct triangle_attention {
  const of3_cpu_kernels *kernels;
  const of3_call *call;
  float *z;
  const float *opt_mask;              /* [n] */
  ptrdiff_t line_stride, pair_stride; /* in pairs of tokens */
  ptrdiff_t bias_q, bias_k;           /* bias of (q,k) comes from pair q bias_q + k bias_k */
  int64_t n, c, hidden, heads, panels;
  bool bf16;  /* keys and values are bf16, keys as rows */
  int64_t ld; /* of keys and values, of values only if bf16 */
  float *bias;
  float *scratch;
  int64_t scratch_floats; /* per thread */
} triangle_attention;

/* Row stride of keys and values: an odd number of cache lines, as neighbouring channels are used together. */
static int64_t key_stride(int64_t n) {
  return of3_aligned(n) / 16 % 2 ? of3_aligned(n) : of3_aligned(n) + 16;
}

static int64_t bias_floats(int64_t n, int64_t heads) { return of3_panels(n) * heads * n * OF3_LANES; }

/* mask [n], keys and values, the x [c] of all panels, q and gate and output [hidden], y [c]. */
static int64_t triangle_attention_scratch_floats(int64_t n, int64_t c, int64_t hidden) {
  const int64_t panels = (of3_panels(n) + 1) * c + 3 * hidden;
  return of3_aligned(n) + 2 * hidden * key_stride(n) + panels * OF3_LANES + OF3_ATTEND_SCRATCH;
}

static size_t triangle_attention_workspace(const of3_ctx *cx, const of3_call *c) {
  int64_t n = of3_dim(c->in[TRI_ATT_Z], 1);
  int64_t scratch =
      triangle_attention_scratch_floats(n, of3_dim(c->in[TRI_ATT_Z], 0), c->in[TRI_ATT_WQ]->shape[0]);
  return (size_t)(bias_floats(n, c->attr.heads) + of3_cpu_threads(cx) * scratch) * sizeof(float);
}

/* The normalised panel of n pairs from `first` on, `stride` pairs apart. */
static void triangle_attention_normed(const triangle_attention *t, int64_t first, ptrdiff_t stride, int n,
                                      float *x) {
  const float *row[OF3_LANES];
  int lanes = of3_lanes(n);
  of3_rows_at(row, t->z + first * t->c, stride * t->c, n);
  t->kernels->pack(x, lanes, lanes, row, n, t->c);
  of3_norm_panel(t->kernels, x, lanes, t->c, t->call->in[TRI_ATT_SCALE], t->call->in[TRI_ATT_OFFSET]);
}

static void triangle_attention_product(const triangle_attention *t, int weight, const float *x, int lanes,
                                       float *y, ptrdiff_t ldy) {
  of3_gemm g = of3_weights_times(t->call->in[weight], 0, t->call->in[weight]->shape[0], x, lanes, y);
  g.ldy = ldy;
  of3_product(t->kernels, &g);
}

static void bias_task(void *arg, int64_t begin, int64_t end, int thread) {
  const triangle_attention *t = arg;
  float *x = t->scratch + thread * t->scratch_floats;
  for (int64_t i = begin; i < end; i++) {
    int64_t panel = i % t->panels, key = i / t->panels;
    int n = of3_panel_rows(t->n, panel), lanes = of3_lanes(n);
    triangle_attention_normed(t, panel * OF3_LANES * t->bias_q + key * t->bias_k, t->bias_q, n, x);
    of3_make_operand(t->kernels, t->call->in[TRI_ATT_WZ], x, lanes, t->c);
    triangle_attention_product(t, TRI_ATT_WZ, x, lanes,
                               t->bias + panel * OF3_LANES * t->heads * t->n + key * lanes, t->n * lanes);
  }
}

/* Scratch memory of one line. */
typedef struct line {
  int64_t token, first; /* the token that its pairs have in common; pair */
  int64_t keys;         /* up to the last one that counts */
  float *mask, *k, *v, *x, *q, *gate, *o, *y, *attend;
} line;

static line line_of(const triangle_attention *t, int64_t i, float *scratch) {
  line s = {.token = i, .first = i * t->line_stride, .mask = scratch};
  s.k = s.mask + of3_aligned(t->n);
  s.v = s.k + t->hidden * t->ld;
  s.x = s.v + t->hidden * t->ld;
  s.q = s.x + t->panels * t->c * OF3_LANES;
  s.gate = s.q + t->hidden * OF3_LANES;
  s.o = s.gate + t->hidden * OF3_LANES;
  s.y = s.o + t->hidden * OF3_LANES;
  s.attend = s.y + t->c * OF3_LANES;
  return s;
}

/* Additive mask of the keys of a line. Where no key counts (padding) it is the same for all, cancels, and is
 * left out. Keys behind the last one that counts are left out too, so that lines of a padded batch entry get
 * the same bytes as alone. */
static void key_bias(const triangle_attention *t, line *s) {
  bool any = false;
  s->keys = t->n;
  if (!t->opt_mask) return;
  for (int64_t i = 0; i < t->n; i++) any = any || of3_pair_mask(t->opt_mask, s->token, i) != 0;
  if (any) s->keys = of3_keys_that_count(t->opt_mask, t->n);
  for (int64_t i = 0; i < t->n; i++)
    s->mask[i] = any ? of3_mask_bias(of3_pair_mask(t->opt_mask, s->token, i)) : 0;
}

/* Keys [key][H d] and values [H d][key] of one panel, bf16. */
static void bf16_keys_and_values(const triangle_attention *t, const line *s, const float *x, int64_t p,
                                 int lanes) {
  const int n = of3_panel_rows(t->n, p);
  uint16_t *k = (uint16_t *)(void *)s->k + p * OF3_LANES * t->hidden,
           *v = (uint16_t *)(void *)s->v + p * OF3_LANES;
  float *row[OF3_LANES];
  triangle_attention_product(t, TRI_ATT_WK, x, lanes, s->q, lanes);
  for (int l = 0; l < n; l++) row[l] = s->o + l * t->hidden;
  t->kernels->unpack(&(of3_unpack){.panel = s->q, .ld = lanes, .n_row = n, .channels = t->hidden, .y = row});
  t->kernels->to_bf16(k, s->o, n * t->hidden);
  triangle_attention_product(t, TRI_ATT_WV, x, lanes, s->q, lanes);
  for (int64_t c = 0; c < t->hidden; c++) t->kernels->to_bf16(v + c * t->ld, s->q + c * lanes, n);
}

/* The operand x of panel p of a line. */
static float *line_operand(const triangle_attention *t, const line *s, int64_t p) {
  return s->x + p * t->c * OF3_LANES;
}

static void keys_and_values(const triangle_attention *t, line *s) {
  key_bias(t, s);
  for (int64_t p = 0; p < t->panels; p++) {
    int n = of3_panel_rows(t->n, p), lanes = of3_lanes(n);
    float *x = line_operand(t, s, p);
    triangle_attention_normed(t, s->first + p * OF3_LANES * t->pair_stride, t->pair_stride, n, x);
    of3_make_operand(t->kernels, t->call->in[TRI_ATT_WK], x, lanes, t->c);
    if (t->bf16)
      bf16_keys_and_values(t, s, x, p, lanes);
    else {
      triangle_attention_product(t, TRI_ATT_WK, x, lanes, s->k + p * OF3_LANES, t->ld);
      triangle_attention_product(t, TRI_ATT_WV, x, lanes, s->v + p * OF3_LANES, t->ld);
    }
  }
}

static float score_scale(const triangle_attention *t) {
  const int64_t d = t->hidden / t->heads;
  return 1.0f / sqrtf((float)d);
}

static void attend_head(const triangle_attention *t, const line *s, int64_t panel, int lanes, int64_t h) {
  const int64_t d = t->hidden / t->heads;
  float *q = s->q + h * d * lanes;
  of3_attend a = {.q = q,
                  .k = s->k + h * d * t->ld,
                  .v = s->v + h * d * t->ld,
                  .ldq = lanes,
                  .k_key = 1,
                  .k_dim = t->ld,
                  .v_key = 1,
                  .v_dim = t->ld,
                  .bias = t->bias + (panel * OF3_LANES * t->heads + h * lanes) * t->n,
                  .ld_bias = lanes,
                  .bias_lanes = lanes,
                  .opt_key_bias = t->opt_mask ? s->mask : NULL,
                  .keys = s->keys,
                  .d = d,
                  .lanes = lanes,
                  .o = s->o + h * d * lanes,
                  .ldo = lanes,
                  .scratch = s->attend};
  if (t->bf16) {
    t->kernels->to_bf16x2(q, q, lanes, d);
    a.bf16 = true;
    a.scale = score_scale(t);
    a.k = (const uint16_t *)(const void *)s->k + h * d;
    a.v = (const uint16_t *)(const void *)s->v + h * d * t->ld;
    a.k_key = t->hidden;
    a.k_dim = 1;
  }
  of3_attend_panel(t->kernels, &a);
}

static void attend_panel(const triangle_attention *t, const line *s, int64_t p) {
  const of3_cpu_kernels *kernels = t->kernels;
  int n = of3_panel_rows(t->n, p), lanes = of3_lanes(n);
  int64_t first = s->first + p * OF3_LANES * t->pair_stride;
  const float *x = line_operand(t, s, p);
  triangle_attention_product(t, TRI_ATT_WQ, x, lanes, s->q, lanes);
  if (!t->bf16) kernels->scale(s->q, score_scale(t), t->hidden * lanes);
  triangle_attention_product(t, TRI_ATT_WG, x, lanes, s->gate, lanes);
  for (int64_t h = 0; h < t->heads; h++) attend_head(t, s, p, lanes, h);
  kernels->between->sigmoid_mul(s->o, s->gate, t->hidden * lanes);
  of3_make_operand(kernels, t->call->in[TRI_ATT_WO], s->o, lanes, t->hidden);
  triangle_attention_product(t, TRI_ATT_WO, s->o, lanes, s->y, lanes);
  float *row[OF3_LANES];
  for (int l = 0; l < n; l++) row[l] = t->z + (first + l * t->pair_stride) * t->c;
  kernels->unpack(
      &(of3_unpack){.panel = s->y, .ld = lanes, .n_row = n, .channels = t->c, .y = row, .add = true});
}

static void line_task(void *arg, int64_t begin, int64_t end, int thread) {
  const triangle_attention *t = arg;
  for (int64_t i = begin; i < end; i++) {
    line s = line_of(t, i, t->scratch + thread * t->scratch_floats);
    keys_and_values(t, &s);
    for (int64_t p = 0; p < t->panels; p++) attend_panel(t, &s, p);
  }
}

static void triangle_attention_run(of3_ctx *cx, const of3_call *c, void *work) {
  triangle_attention t = {.kernels = of3_cpu_state(cx)->kernels,
                          .call = c,
                          .n = of3_dim(c->out, 1),
                          .c = of3_dim(c->out, 0),
                          .hidden = c->in[TRI_ATT_WQ]->shape[0],
                          .heads = c->attr.heads,
                          .bias = work};
  if (of3_count(c->out) == 0) return;
  t.panels = of3_panels(t.n);
  t.bf16 = of3_attend_bf16(t.kernels);
  t.ld = key_stride(t.n);
  t.scratch = t.bias + bias_floats(t.n, t.heads);
  t.scratch_floats = triangle_attention_scratch_floats(t.n, t.c, t.hidden);
  t.line_stride = c->attr.ending ? 1 : t.n;
  t.pair_stride = c->attr.ending ? t.n : 1;
  bool transposed = c->attr.ending && !c->attr.bias_from_z; /* docs/model.md 3.5: P1 and P2 */
  t.bias_q = transposed ? 1 : t.n;
  t.bias_k = transposed ? t.n : 1;
  int64_t pairs = t.n * t.n;
  for (int64_t first = 0; first < of3_rows(c->out); first += pairs) {
    t.z = of3_f32(c->out) + first * t.c;
    t.opt_mask = of3_entry_mask(c->in[TRI_ATT_MASK], t.n, first / pairs);
    of3_pool_run(of3_cpu_state(cx)->pool, bias_task, &t, t.panels * t.n);
    of3_pool_run(of3_cpu_state(cx)->pool, line_task, &t, t.n);
  }
}

const of3_kernel of3_cpu_triangle_attention = {.workspace = triangle_attention_workspace,
                                               .run = triangle_attention_run};
