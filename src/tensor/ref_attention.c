/* Plain C reference of attention, its bias, transitions and adaptive norm. */
#include "tensor/ref.h"

void of3_ref_pair_bias(const of3_call *c) {
  const of3_tensor *z = c->in[PAIR_BIAS_Z], *w = c->in[PAIR_BIAS_W], *mask = c->in[PAIR_BIAS_MASK];
  int64_t width = of3_dim(z, 0), nk = of3_dim(z, 1), nq = of3_dim(z, 2), heads = w->shape[0];
  double *row = ref_alloc(c, width);
  if (!row) return;
  for (int64_t r = 0; r < of3_rows(z); r++) {
    int64_t k = r % nk, q = r / nk % nq, b = r / (nk * nq);
    const float *x = of3_f32(z) + r * width;
    if (c->attr.norm)
      ref_norm_row(x, width, c->in[PAIR_BIAS_SCALE], c->in[PAIR_BIAS_OFFSET], row);
    else
      for (int64_t i = 0; i < width; i++) row[i] = (double)x[i];
    double add = mask ? REF_INF * ((double)of3_f32(mask)[r % of3_count(mask)] - 1) : 0;
    for (int64_t h = 0; h < heads; h++)
      of3_f32(c->out)[((b * heads + h) * nk + k) * nq + q] = (float)(ref_dot(w, h, row) + add);
  }
  free(row);
}

/* The additive mask swallows the logit in f32 (1e9 has a last place of 64): keys that are all masked share
 * evenly. */
static double masked(double logit, const float *opt_mask, int64_t k) {
  if (!opt_mask) return logit;
  float add = (float)(REF_INF * ((double)opt_mask[k] - 1));
  return (double)((float)logit + add);
}

void of3_ref_attention(const of3_call *c) {
  const of3_tensor *q = c->in[ATT_Q], *k = c->in[ATT_K], *v = c->in[ATT_V], *bias = c->in[ATT_BIAS],
                   *mask = c->in[ATT_KEY_MASK];
  int64_t w = of3_dim(q, 0), nq = of3_dim(q, 1), nk = of3_dim(k, 1), heads = c->attr.heads, d = w / heads;
  int64_t bias_batches = of3_count(bias) / (heads * nq * nk);
  double *p = ref_alloc(c, nk);
  if (!p) return;
  for (int64_t r = 0; r < of3_rows(q); r++)
    for (int64_t h = 0; h < heads; h++) {
      int64_t b = r / nq, i = r % nq;
      const float *bh = of3_f32(bias) + (b % bias_batches * heads + h) * nk * nq,
                  *of_keys = mask ? of3_f32(mask) + b % of3_rows(mask) * nk : NULL;
      for (int64_t j = 0; j < nk; j++) {
        double dot = 0;
        for (int64_t e = 0; e < d; e++)
          dot += ref_get(q, r * w + h * d + e) * ref_get(k, (b * nk + j) * w + h * d + e);
        p[j] = masked(dot / sqrt((double)d) + (double)bh[j * nq + i], of_keys, j);
      }
      ref_softmax(p, nk);
      for (int64_t e = 0; e < d; e++) {
        double o = 0;
        for (int64_t j = 0; j < nk; j++) o += p[j] * ref_get(v, (b * nk + j) * w + h * d + e);
        const int64_t at = r * w + h * d + e;
        ref_set(c->out, at, o * ref_sigmoid(ref_get(c->in[ATT_G], at)));
      }
    }
  free(p);
}

/* hidden = silu(W_a x) * W_b x. */
static void swiglu(const of3_tensor *wa, const of3_tensor *wb, const double *x, double *hidden) {
  for (int64_t o = 0; o < wa->shape[0]; o++)
    hidden[o] = ref_act(ref_dot(wa, o, x), OF3_ACT_SILU) * ref_dot(wb, o, x);
}

void of3_ref_transition(const of3_call *c) {
  const of3_tensor *wa = c->in[TRANS_WA], *mask = c->in[TRANS_MASK];
  int64_t w = wa->shape[1];
  double *row = ref_alloc(c, w + wa->shape[0]);
  if (!row) return;
  double *hidden = row + w;
  for (int64_t r = 0; r < of3_rows(c->out); r++) {
    float *x = of3_f32(c->out) + r * w;
    ref_norm_row(x, w, c->in[TRANS_SCALE], c->in[TRANS_OFFSET], row);
    swiglu(wa, c->in[TRANS_WB], row, hidden);
    double m = 1;
    if (mask && c->attr.pairs)
      m = (double)of3_row_pair_mask(mask, of3_dim(c->out, 1), r);
    else if (mask)
      m = (double)of3_f32(mask)[r % of3_count(mask)];
    for (int64_t o = 0; o < w; o++) x[o] = (float)((double)x[o] + m * ref_dot(c->in[TRANS_WO], o, hidden));
  }
  free(row);
}

static void ada_norm_row(const float *a, int64_t w, const of3_tensor *gate, const of3_tensor *shift,
                         int64_t r, double *out) {
  ref_norm_row(a, w, NULL, NULL, out);
  int64_t from = r % of3_rows(gate) * w;
  for (int64_t i = 0; i < w; i++)
    out[i] = (double)of3_f32(gate)[from + i] * out[i] + (double)of3_f32(shift)[from + i];
}

void of3_ref_project(const of3_call *c) {
  const of3_tensor *x = c->in[PROJECT_X];
  int64_t k = of3_dim(x, 0), n = of3_dim(c->out, 0), rows = of3_rows(x);
  double *row = ref_alloc(c, k);
  if (!row) return;
  for (int64_t r = 0; r < rows; r++) {
    if (c->in[PROJECT_GATE])
      ada_norm_row(of3_f32(x) + r * k, k, c->in[PROJECT_GATE], c->in[PROJECT_SHIFT], r, row);
    else
      ref_norm_row(of3_f32(x) + r * k, k, c->in[PROJECT_SCALE], c->in[PROJECT_OFFSET], row);
    for (int64_t i = 0; i < c->out->shape[0]; i++) {
      const of3_tensor *w = c->in[PROJECT_W + i], *b = c->in[PROJECT_B + i];
      for (int64_t o = 0; o < n; o++)
        ref_set(c->out, (i * rows + r) * n + o, ref_dot(w, o, row) + (b ? (double)of3_f32(b)[o] : 0));
    }
  }
  free(row);
}

/* y [n] = act(W row + b). */
static void modulate_row(const of3_tensor *w, const of3_tensor *b, const double *row, int act, float *y) {
  for (int64_t o = 0; o < w->shape[0]; o++)
    y[o] = (float)ref_act(ref_dot(w, o, row) + (b ? (double)of3_f32(b)[o] : 0), act);
}

void of3_ref_modulate(const of3_call *c) {
  const of3_tensor *s = c->in[MODULATE_S];
  const int64_t k = of3_dim(s, 0), n = of3_dim(c->out, 0), rows = of3_rows(s);
  double *row = ref_alloc(c, k);
  if (!row) return;
  for (int64_t r = 0; r < rows; r++) {
    const float *from = of3_f32(s) + r * k;
    float *y = of3_f32(c->out) + r * n;
    for (int i = 0; i < MODULATE_MOST && c->in[i * MODULATE_STRIDE + MODULATE_WG]; i++) {
      const of3_tensor *const *in = c->in + i * MODULATE_STRIDE;
      ref_norm_row(from, k, in[MODULATE_SCALE], NULL, row);
      modulate_row(in[MODULATE_WG], in[MODULATE_BG], row, OF3_ACT_SIGMOID, y);
      modulate_row(in[MODULATE_WS], NULL, row, OF3_ACT_NONE, y += rows * n);
      y += rows * n;
      if (!in[MODULATE_WO]) continue;
      for (int64_t j = 0; j < k; j++) row[j] = (double)from[j];
      modulate_row(in[MODULATE_WO], in[MODULATE_BO], row, OF3_ACT_SIGMOID, y);
      y += rows * n;
    }
  }
  free(row);
}

void of3_ref_gated_transition(const of3_call *c) {
  const of3_tensor *wa = c->in[GTRANS_WA], *gate = c->in[GTRANS_OUT_GATE], *mask = c->in[GTRANS_MASK];
  int64_t w = wa->shape[1];
  double *row = ref_alloc(c, w + wa->shape[0]);
  if (!row) return;
  double *hidden = row + w;
  for (int64_t r = 0; r < of3_rows(c->out); r++) {
    float *a = of3_f32(c->out) + r * w;
    ada_norm_row(a, w, c->in[GTRANS_GATE], c->in[GTRANS_SHIFT], r, row);
    swiglu(wa, c->in[GTRANS_WB], row, hidden);
    double m = mask ? (double)of3_f32(mask)[r % of3_count(mask)] : 1;
    const float *g = of3_f32(gate) + r % of3_rows(gate) * w;
    for (int64_t o = 0; o < w; o++)
      a[o] = (float)((double)a[o] + m * (double)g[o] * ref_dot(c->in[GTRANS_WO], o, hidden));
  }
  free(row);
}
