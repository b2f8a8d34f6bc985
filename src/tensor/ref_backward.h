/* Inside src/tensor: small pieces of the plain C reference of backwards (ref_backward_*.c).
 *
 * Every backward has one form: it begins sums, one for each number of each argument whose gradient is wanted,
 * in double; goes through the rows of the call as the forward does, computes again what it needs, and adds
 * what each row gives; at the end the sums are added to the gradients in f32. So a gradient is rounded once,
 * whatever the number of rows. Of an operation in place in[] has what was before, and out what came of it. */
#ifndef OF3_TENSOR_REF_BACKWARD_H
#define OF3_TENSOR_REF_BACKWARD_H

#include "tensor/ref.h"

/* of[i]: as many numbers as argument i has, or NULL where no gradient is wanted. */
typedef struct ref_sums {
  const of3_call *call;
  double *of[OF3_MAX_IN];
} ref_sums;

/* false: memory is out, which the context knows. */
static inline bool ref_sums_begin(const of3_call *c, ref_sums *s) {
  bool ok = true;
  *s = (ref_sums){.call = c};
  for (int i = 0; i < OF3_MAX_IN; i++)
    if (c->dx[i] && !(s->of[i] = ref_alloc(c, of3_count(c->in[i])))) ok = false;
  for (int i = 0; !ok && i < OF3_MAX_IN; i++) free(s->of[i]);
  return ok;
}

static inline void ref_sums_end(ref_sums *s) {
  for (int i = 0; i < OF3_MAX_IN; i++) {
    float *dx = s->of[i] ? of3_f32(s->call->dx[i]) : NULL;
    for (int64_t k = 0; dx && k < of3_count(s->call->in[i]); k++)
      dx[k] = (float)((double)dx[k] + s->of[i][k]);
    free(s->of[i]);
  }
}

/* Adds x to number i of the gradient of an argument. */
static inline void ref_put(const ref_sums *s, int arg, int64_t i, double x) {
  if (s->of[arg]) s->of[arg][i] += x;
}

/* The gradient of number i of the result. */
static inline double ref_dy(const of3_call *c, int64_t i) { return (double)of3_f32(c->dy)[i]; }

/* Derivative of act at x. */
static inline double ref_slope(double x, int act) {
  const double s = ref_sigmoid(x);
  switch (act) {
  case OF3_ACT_RELU:
    return x > 0 ? 1 : 0;
  case OF3_ACT_SIGMOID:
    return s * (1 - s);
  case OF3_ACT_SILU:
    return s * (1 + x * (1 - s));
  default:
    return 1;
  }
}

/* One number of a product, y_o = W_o x, with gradient u: to W, and to dx [k]. x is as it was multiplied but
 * for its rounding to bf16, through which the gradient goes unchanged. */
static inline void ref_product_back(const ref_sums *s, int w_arg, int64_t o, const double *x, double u,
                                    double *dx) {
  const of3_tensor *w = s->call->in[w_arg];
  const int64_t k = w->shape[1];
  for (int64_t i = 0; i < k; i++) {
    ref_put(s, w_arg, o * k + i, u * ref_operand(w, x[i]));
    dx[i] += u * ref_get(w, o * k + i);
  }
}

/* The same of all numbers: y = W x, u [n]. */
static inline void ref_matvec_back(const ref_sums *s, int w_arg, const double *x, const double *u,
                                   double *dx) {
  for (int64_t o = 0; o < s->call->in[w_arg]->shape[0]; o++) ref_product_back(s, w_arg, o, x, u[o], dx);
}

/* One row of y = norm(x) [scale] [+ offset]: u [n] is the gradient of y and becomes that of x. The arguments
 * of scale and offset: OF3_NO_ARG, or absent in the call, where there is none. work [n]. */
static inline void ref_norm_back(const ref_sums *s, int scale_arg, int offset_arg, const float *x, int64_t n,
                                 double *work, double *u) {
  const of3_tensor *scale = scale_arg < 0 ? NULL : s->call->in[scale_arg];
  double mean = 0, var = 0, mean_u = 0, mean_ux = 0;
  ref_norm_row(x, n, NULL, NULL, work);
  for (int64_t i = 0; i < n; i++) mean += (double)x[i];
  mean /= (double)n;
  for (int64_t i = 0; i < n; i++) var += ((double)x[i] - mean) * ((double)x[i] - mean);
  const double r = 1 / sqrt(var / (double)n + REF_EPS_NORM);
  for (int64_t i = 0; i < n; i++) {
    if (scale_arg >= 0) ref_put(s, scale_arg, i, u[i] * work[i]);
    if (offset_arg >= 0) ref_put(s, offset_arg, i, u[i]);
    if (scale) u[i] *= (double)of3_f32(scale)[i];
    mean_u += u[i] / (double)n;
    mean_ux += u[i] * work[i] / (double)n;
  }
  for (int64_t i = 0; i < n; i++) u[i] = r * (u[i] - mean_u - work[i] * mean_ux);
}

/* p [n] = softmax(x), dp [n] the gradient of p, which becomes that of x. */
static inline void ref_softmax_back(const double *p, double *dp, int64_t n) {
  double sum = 0;
  for (int64_t i = 0; i < n; i++) sum += p[i] * dp[i];
  for (int64_t i = 0; i < n; i++) dp[i] = p[i] * (dp[i] - sum);
}

/* Hidden numbers of a transition, h_o = silu(a_o) b_o with a = W_a x, b = W_b x; dh [hidden] their gradient.
 * Adds to the gradients of W_a, W_b, and to dx. */
static inline void ref_swiglu_back(const ref_sums *s, int wa_arg, int wb_arg, const double *x,
                                   const double *dh, double *dx) {
  const of3_tensor *wa = s->call->in[wa_arg], *wb = s->call->in[wb_arg];
  for (int64_t o = 0; o < wa->shape[0]; o++) {
    const double a = ref_dot(wa, o, x), b = ref_dot(wb, o, x);
    ref_product_back(s, wa_arg, o, x, dh[o] * b * ref_slope(a, OF3_ACT_SILU), dx);
    ref_product_back(s, wb_arg, o, x, dh[o] * ref_act(a, OF3_ACT_SILU), dx);
  }
}

#endif
