/* Plain C reference of backwards: attention, its bias, transitions, projections and adaptive norm. */
#include "tensor/ref_backward.h"

/* Masked pairs have a constant for their bias, which f32 does not tell from that with a logit in it. */
void of3_backward_pair_bias(const of3_call *c) {
  const of3_tensor *z = c->in[PAIR_BIAS_Z], *w = c->in[PAIR_BIAS_W], *mask = c->in[PAIR_BIAS_MASK];
  const int64_t width = of3_dim(z, 0), nk = of3_dim(z, 1), nq = of3_dim(z, 2), heads = w->shape[0];
  double *row = ref_alloc(c, 3 * width), *dx = row ? row + width : NULL;
  ref_sums s;
  if (!row || !ref_sums_begin(c, &s)) {
    free(row);
    return;
  }
  for (int64_t r = 0; r < of3_rows(z); r++) {
    const int64_t k = r % nk, q = r / nk % nq, b = r / (nk * nq);
    const float *x = of3_f32(z) + r * width;
    if (mask && of3_f32(mask)[r % of3_count(mask)] == 0) continue;
    if (c->attr.norm)
      ref_norm_row(x, width, c->in[PAIR_BIAS_SCALE], c->in[PAIR_BIAS_OFFSET], row);
    else
      for (int64_t i = 0; i < width; i++) row[i] = (double)x[i];
    memset(dx, 0, (size_t)width * sizeof *dx);
    for (int64_t h = 0; h < heads; h++)
      ref_product_back(&s, PAIR_BIAS_W, h, row, ref_dy(c, ((b * heads + h) * nk + k) * nq + q), dx);
    if (c->attr.norm) ref_norm_back(&s, PAIR_BIAS_SCALE, PAIR_BIAS_OFFSET, x, width, row + 2 * width, dx);
    for (int64_t i = 0; i < width; i++) ref_put(&s, PAIR_BIAS_Z, r * width + i, dx[i]);
  }
  ref_sums_end(&s);
  free(row);
}

/* One query of one head: where its numbers, those of its first key, and its biases begin, and how far apart
 * those of neighbouring keys lie. */
typedef struct attention_place {
  int64_t query, key, bias, to_key, to_bias;
  const float *mask; /* of keys, or NULL */
} attention_place;

/* p [keys]: weights of the query. Keys that are masked give no gradient to their logits: the mask swallows
 * these. */
static void attention_weights(const of3_call *c, const attention_place *a, int64_t keys, int64_t d,
                              double *p) {
  for (int64_t j = 0; j < keys; j++) {
    double dot = 0;
    for (int64_t e = 0; e < d; e++)
      dot += ref_get(c->in[ATT_Q], a->query + e) * ref_get(c->in[ATT_K], a->key + j * a->to_key + e);
    p[j] = dot / sqrt((double)d) + (double)of3_f32(c->in[ATT_BIAS])[a->bias + j * a->to_bias];
    if (a->mask) p[j] = (double)((float)p[j] + (float)(REF_INF * ((double)a->mask[j] - 1)));
  }
  ref_softmax(p, keys);
}

/* p and dp [keys] are room. */
static void attention_query(const ref_sums *s, const attention_place *a, int64_t keys, int64_t d, double *p,
                            double *dp) {
  const of3_call *c = s->call;
  attention_weights(c, a, keys, d, p);
  memset(dp, 0, (size_t)keys * sizeof *dp);
  for (int64_t e = 0; e < d; e++) {
    const double g = ref_get(c->in[ATT_G], a->query + e), dy = ref_dy(c, a->query + e);
    double o = 0;
    for (int64_t j = 0; j < keys; j++) {
      const int64_t at = a->key + j * a->to_key + e;
      o += p[j] * ref_get(c->in[ATT_V], at);
      dp[j] += dy * ref_sigmoid(g) * ref_get(c->in[ATT_V], at);
      ref_put(s, ATT_V, at, dy * ref_sigmoid(g) * p[j]);
    }
    ref_put(s, ATT_G, a->query + e, dy * o * ref_slope(g, OF3_ACT_SIGMOID));
  }
  ref_softmax_back(p, dp, keys);
  for (int64_t j = 0; j < keys; j++) {
    if (a->mask && a->mask[j] == 0) continue;
    ref_put(s, ATT_BIAS, a->bias + j * a->to_bias, dp[j]);
    for (int64_t e = 0; e < d; e++) {
      const int64_t at = a->key + j * a->to_key + e;
      ref_put(s, ATT_Q, a->query + e, dp[j] / sqrt((double)d) * ref_get(c->in[ATT_K], at));
      ref_put(s, ATT_K, at, dp[j] / sqrt((double)d) * ref_get(c->in[ATT_Q], a->query + e));
    }
  }
}

void of3_backward_attention(const of3_call *c) {
  const of3_tensor *q = c->in[ATT_Q], *mask = c->in[ATT_KEY_MASK];
  const int64_t w = of3_dim(q, 0), nq = of3_dim(q, 1), nk = of3_dim(c->in[ATT_K], 1), heads = c->attr.heads,
                d = w / heads;
  double *p = ref_alloc(c, 2 * nk);
  ref_sums s;
  if (!p || !ref_sums_begin(c, &s)) {
    free(p);
    return;
  }
  for (int64_t r = 0; r < of3_rows(q); r++)
    for (int64_t h = 0; h < heads; h++) {
      const int64_t b = r / nq, biases = of3_count(c->in[ATT_BIAS]) / (heads * nq * nk);
      const attention_place a = {.query = r * w + h * d,
                                 .key = b * nk * w + h * d,
                                 .bias = (b % biases * heads + h) * nk * nq + r % nq,
                                 .to_key = w,
                                 .to_bias = nq,
                                 .mask = mask ? of3_f32(mask) + b % of3_rows(mask) * nk : NULL};
      attention_query(&s, &a, nk, d, p, p + nk);
    }
  ref_sums_end(&s);
  free(p);
}

static double transition_mask(const of3_call *c, int64_t r) {
  const of3_tensor *mask = c->in[TRANS_MASK];
  if (!mask) return 1;
  return c->attr.pairs ? (double)of3_row_pair_mask(mask, of3_dim(c->out, 1), r)
                       : (double)of3_f32(mask)[r % of3_count(mask)];
}

/* hidden = silu(W_a x) * W_b x; and the gradient of hidden of y = W_o hidden with gradient dy, to dh, while
 * that of W_o is added. */
static void swiglu_out_back(const ref_sums *s, int wa, int wb, int wo, const double *x, const double *dy,
                            double *hidden, double *dh) {
  const of3_call *c = s->call;
  const int64_t n = c->in[wa]->shape[0];
  for (int64_t o = 0; o < n; o++)
    hidden[o] = ref_act(ref_dot(c->in[wa], o, x), OF3_ACT_SILU) * ref_dot(c->in[wb], o, x);
  memset(dh, 0, (size_t)n * sizeof *dh);
  ref_matvec_back(s, wo, hidden, dy, dh);
}

void of3_backward_transition(const of3_call *c) {
  const int64_t w = c->in[TRANS_WA]->shape[1], h = c->in[TRANS_WA]->shape[0];
  double *row = ref_alloc(c, 4 * w + 2 * h);
  ref_sums s;
  if (!row || !ref_sums_begin(c, &s)) {
    free(row);
    return;
  }
  double *u = row + w, *dx = u + w, *work = dx + w, *hidden = work + w, *dh = hidden + h;
  for (int64_t r = 0; r < of3_rows(c->out); r++) {
    const float *x = of3_f32(c->in[TRANS_X]) + r * w;
    const double m = transition_mask(c, r);
    ref_norm_row(x, w, c->in[TRANS_SCALE], c->in[TRANS_OFFSET], row);
    for (int64_t i = 0; i < w; i++) u[i] = m * ref_dy(c, r * w + i);
    swiglu_out_back(&s, TRANS_WA, TRANS_WB, TRANS_WO, row, u, hidden, dh);
    memset(dx, 0, (size_t)w * sizeof *dx);
    ref_swiglu_back(&s, TRANS_WA, TRANS_WB, row, dh, dx);
    ref_norm_back(&s, TRANS_SCALE, TRANS_OFFSET, x, w, work, dx);
    for (int64_t i = 0; i < w; i++) ref_put(&s, TRANS_X, r * w + i, dx[i] + ref_dy(c, r * w + i));
  }
  ref_sums_end(&s);
  free(row);
}

/* x' = gate norm(x) + shift, AF3 SI Alg. 26 line 3: the arguments, and one row. */
typedef struct adaptive {
  int gate, shift;
  int64_t r, w;
} adaptive;

static void adaptive_row(const of3_call *c, adaptive a, const float *x, double *out) {
  const int64_t from = a.r % of3_rows(c->in[a.gate]) * a.w;
  ref_norm_row(x, a.w, NULL, NULL, out);
  for (int64_t i = 0; i < a.w; i++)
    out[i] = (double)of3_f32(c->in[a.gate])[from + i] * out[i] + (double)of3_f32(c->in[a.shift])[from + i];
}

/* u [w], the gradient of x', becomes that of x. */
static void adaptive_back(const ref_sums *s, adaptive a, const float *x, double *work, double *u) {
  const of3_tensor *gate = s->call->in[a.gate];
  const int64_t from = a.r % of3_rows(gate) * a.w;
  ref_norm_row(x, a.w, NULL, NULL, work);
  for (int64_t i = 0; i < a.w; i++) {
    ref_put(s, a.gate, from + i, u[i] * work[i]);
    ref_put(s, a.shift, from + i, u[i]);
    u[i] *= (double)of3_f32(gate)[from + i];
  }
  ref_norm_back(s, OF3_NO_ARG, OF3_NO_ARG, x, a.w, work, u);
}

void of3_backward_project(const of3_call *c) {
  const of3_tensor *x = c->in[PROJECT_X];
  const int64_t k = of3_dim(x, 0), n = of3_dim(c->out, 0), rows = of3_rows(x);
  double *row = ref_alloc(c, 3 * k);
  ref_sums s;
  if (!row || !ref_sums_begin(c, &s)) {
    free(row);
    return;
  }
  double *dx = row + k, *work = dx + k;
  for (int64_t r = 0; r < rows; r++) {
    const float *from = of3_f32(x) + r * k;
    const adaptive a = {PROJECT_GATE, PROJECT_SHIFT, r, k};
    if (c->in[PROJECT_GATE])
      adaptive_row(c, a, from, row);
    else
      ref_norm_row(from, k, c->in[PROJECT_SCALE], c->in[PROJECT_OFFSET], row);
    memset(dx, 0, (size_t)k * sizeof *dx);
    for (int i = 0; i < c->out->shape[0]; i++)
      for (int64_t o = 0; o < n; o++) {
        const double u = ref_dy(c, (i * rows + r) * n + o);
        ref_put(&s, PROJECT_B + i, o, u);
        ref_product_back(&s, PROJECT_W + i, o, row, u, dx);
      }
    if (c->in[PROJECT_GATE])
      adaptive_back(&s, a, from, work, dx);
    else
      ref_norm_back(&s, PROJECT_SCALE, PROJECT_OFFSET, from, k, work, dx);
    for (int64_t i = 0; i < k; i++) ref_put(&s, PROJECT_X, r * k + i, dx[i]);
  }
  ref_sums_end(&s);
  free(row);
}

/* y [n] = act(W row + b), whose gradient begins at number `at` of dy: adds to W, b and dx [k]. */
static void modulate_back(const ref_sums *s, int w_arg, int b_arg, const double *row, int act, int64_t at,
                          double *dx) {
  const of3_call *c = s->call;
  const of3_tensor *w = c->in[w_arg], *b = b_arg < 0 ? NULL : c->in[b_arg];
  for (int64_t o = 0; o < w->shape[0]; o++) {
    const double z = ref_dot(w, o, row) + (b ? (double)of3_f32(b)[o] : 0),
                 u = ref_dy(c, at + o) * ref_slope(z, act);
    if (b) ref_put(s, b_arg, o, u);
    ref_product_back(s, w_arg, o, row, u, dx);
  }
}

/* Row r of s through all modulations: row, work, dx [k] are room; ds [k] gets its gradient. */
static void modulate_row_back(const ref_sums *s, int64_t r, double *row, double *work, double *dx,
                              double *ds) {
  const of3_call *c = s->call;
  const of3_tensor *x = c->in[MODULATE_S];
  const int64_t k = of3_dim(x, 0), n = of3_dim(c->out, 0), each = of3_rows(x) * n;
  const float *from = of3_f32(x) + r * k;
  int64_t at = r * n;
  memset(ds, 0, (size_t)k * sizeof *ds);
  for (int i = 0; i < MODULATE_MOST && c->in[i * MODULATE_STRIDE + MODULATE_WG]; i++) {
    const int first = i * MODULATE_STRIDE;
    ref_norm_row(from, k, c->in[first + MODULATE_SCALE], NULL, row);
    memset(dx, 0, (size_t)k * sizeof *dx);
    modulate_back(s, first + MODULATE_WG, first + MODULATE_BG, row, OF3_ACT_SIGMOID, at, dx);
    modulate_back(s, first + MODULATE_WS, OF3_NO_ARG, row, OF3_ACT_NONE, at += each, dx);
    ref_norm_back(s, first + MODULATE_SCALE, OF3_NO_ARG, from, k, work, dx);
    for (int64_t j = 0; j < k; j++) ds[j] += dx[j];
    at += each;
    if (!c->in[first + MODULATE_WO]) continue;
    for (int64_t j = 0; j < k; j++) row[j] = (double)from[j];
    modulate_back(s, first + MODULATE_WO, first + MODULATE_BO, row, OF3_ACT_SIGMOID, at, ds);
    at += each;
  }
}

void of3_backward_modulate(const of3_call *c) {
  const int64_t k = of3_dim(c->in[MODULATE_S], 0);
  double *row = ref_alloc(c, 4 * k);
  ref_sums s;
  if (!row || !ref_sums_begin(c, &s)) {
    free(row);
    return;
  }
  for (int64_t r = 0; r < of3_rows(c->in[MODULATE_S]); r++) {
    modulate_row_back(&s, r, row, row + k, row + 2 * k, row + 3 * k);
    for (int64_t i = 0; i < k; i++) ref_put(&s, MODULATE_S, r * k + i, row[3 * k + i]);
  }
  ref_sums_end(&s);
  free(row);
}

void of3_backward_gated_transition(const of3_call *c) {
  const of3_tensor *gate = c->in[GTRANS_OUT_GATE], *mask = c->in[GTRANS_MASK];
  const int64_t w = c->in[GTRANS_WA]->shape[1], h = c->in[GTRANS_WA]->shape[0];
  double *row = ref_alloc(c, 4 * w + 2 * h);
  ref_sums s;
  if (!row || !ref_sums_begin(c, &s)) {
    free(row);
    return;
  }
  double *u = row + w, *dx = u + w, *work = dx + w, *hidden = work + w, *dh = hidden + h;
  for (int64_t r = 0; r < of3_rows(c->out); r++) {
    const float *a = of3_f32(c->in[GTRANS_A]) + r * w;
    const int64_t from = r % of3_rows(gate) * w;
    const adaptive ada = {GTRANS_GATE, GTRANS_SHIFT, r, w};
    const double m = mask ? (double)of3_f32(mask)[r % of3_count(mask)] : 1;
    adaptive_row(c, ada, a, row);
    for (int64_t i = 0; i < w; i++) u[i] = m * ref_dy(c, r * w + i) * (double)of3_f32(gate)[from + i];
    swiglu_out_back(&s, GTRANS_WA, GTRANS_WB, GTRANS_WO, row, u, hidden, dh);
    for (int64_t i = 0; i < w; i++)
      ref_put(&s, GTRANS_OUT_GATE, from + i, m * ref_dy(c, r * w + i) * ref_dot(c->in[GTRANS_WO], i, hidden));
    memset(dx, 0, (size_t)w * sizeof *dx);
    ref_swiglu_back(&s, GTRANS_WA, GTRANS_WB, row, dh, dx);
    adaptive_back(&s, ada, a, work, dx);
    for (int64_t i = 0; i < w; i++) ref_put(&s, GTRANS_A, r * w + i, dx[i] + ref_dy(c, r * w + i));
  }
  ref_sums_end(&s);
  free(row);
}
