/* Inside src/tensor: small pieces of the plain C reference. It is the specification: direct loops over the
 * formulas of ops.def, sums in double, results rounded to f32 where the operation ends. */
#ifndef OF3_TENSOR_REF_H
#define OF3_TENSOR_REF_H

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tensor/op_functions.h"
#include "tensor/pairs.h"

#define REF_EPS_NORM 1e-5
#define REF_INF      1e9 /* additive attention masks are INF (mask - 1) */

static inline double ref_act(double x, int act) {
  switch (act) {
  case OF3_ACT_RELU:
    return x > 0 ? x : 0;
  case OF3_ACT_SIGMOID:
    return 1 / (1 + exp(-x));
  case OF3_ACT_SILU:
    return x / (1 + exp(-x));
  default:
    return x;
  }
}

static inline double ref_sigmoid(double x) { return ref_act(x, OF3_ACT_SIGMOID); }

/* out = (x - mean) / sqrt(var + eps) [scale] [+ offset]. */
static inline void ref_norm_row(const float *x, int64_t n, const of3_tensor *scale, const of3_tensor *offset,
                                double *out) {
  double mean = 0, var = 0;
  for (int64_t i = 0; i < n; i++) mean += (double)x[i];
  mean /= (double)n;
  for (int64_t i = 0; i < n; i++) var += ((double)x[i] - mean) * ((double)x[i] - mean);
  double r = 1 / sqrt(var / (double)n + REF_EPS_NORM);
  for (int64_t i = 0; i < n; i++) {
    out[i] = ((double)x[i] - mean) * r;
    if (scale) out[i] *= (double)of3_f32(scale)[i];
    if (offset) out[i] += (double)of3_f32(offset)[i];
  }
}

/* Number i of an f32 or bf16 tensor. */
static inline double ref_get(const of3_tensor *t, int64_t i) {
  return t->dtype == OF3_BF16 ? (double)of3_bf16_to_f32(((const uint16_t *)of3_host(t))[i])
                              : (double)of3_f32(t)[i];
}
static inline void ref_set(const of3_tensor *t, int64_t i, double x) {
  if (t->dtype == OF3_BF16)
    ((uint16_t *)of3_host(t))[i] = of3_f32_to_bf16((float)x);
  else
    of3_f32(t)[i] = (float)x;
}

/* A factor of a product beside the weights w: with w in bf16 it is rounded to bf16. */
static inline double ref_operand(const of3_tensor *w, double x) {
  return w->dtype == OF3_BF16 ? (double)of3_bf16_to_f32(of3_f32_to_bf16((float)x)) : x;
}

/* Row o of W times x; with W in bf16, x is rounded to bf16 too. */
static inline double ref_dot(const of3_tensor *w, int64_t o, const double *x) {
  int64_t k = w->shape[1];
  double sum = 0;
  if (w->dtype == OF3_BF16) {
    const uint16_t *bits = (const uint16_t *)of3_host(w) + o * k;
    for (int64_t i = 0; i < k; i++) sum += (double)of3_bf16_to_f32(bits[i]) * ref_operand(w, x[i]);
    return sum;
  }
  const float *row = of3_f32(w) + o * k;
  for (int64_t i = 0; i < k; i++) sum += (double)row[i] * x[i];
  return sum;
}

/* y[0..rows of W) = W x. */
static inline void ref_matvec(const of3_tensor *w, const double *x, double *y) {
  for (int64_t o = 0; o < w->shape[0]; o++) y[o] = ref_dot(w, o, x);
}

/* n numbers, 0 at first. NULL if memory is out: the context of the call then has an error, and the caller
 * returns at once. */
static inline double *ref_alloc(const of3_call *c, int64_t n) {
  double *p = calloc(n > 0 ? (size_t)n : 1, sizeof *p);
  if (!p && c->cx)
    of3_ctx_fail(c->cx, OF3_ERR_MEMORY,
                 "out of memory for the reference of an operation; use a smaller query");
  return p;
}

/* In place; the largest value is taken out first. */
static inline void ref_softmax(double *x, int64_t n) {
  double top = x[0], sum = 0;
  for (int64_t i = 1; i < n; i++) top = x[i] > top ? x[i] : top;
  for (int64_t i = 0; i < n; i++) sum += x[i] = exp(x[i] - top);
  for (int64_t i = 0; i < n; i++) x[i] /= sum;
}

/* DROPOUT: which number of keep belongs to number i of y [..,R,S,c]; keep is used again for each of the
 * leading entries of y that it does not have. */
static inline int64_t ref_dropout_place(const of3_call *c, int64_t i) {
  const int64_t width = of3_dim(c->out, 0), second = of3_dim(c->out, 1), first = of3_dim(c->out, 2);
  const int64_t entry = i / (width * second * first), row = i / width;
  const int64_t own = c->attr.columns ? first : second,
                at = c->attr.columns ? row / second % first : row % second;
  return (entry * own + at) * width % of3_count(c->in[DROPOUT_KEEP]) + i % width;
}

#endif
