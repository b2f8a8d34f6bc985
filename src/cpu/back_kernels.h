/* The vector kernels that backwards add to the table of an instruction set (kernels_back.inc). Products of
 * backwards are those of the way there (matrix.h). Rows are contiguous floats of any number. */
#ifndef OF3_CPU_BACK_KERNELS_H
#define OF3_CPU_BACK_KERNELS_H

#include <stdint.h>

#include "tensor/ops.h"

/* One number of a gated sum y = sigmoid(g) o, with the gradient dy of y. */
typedef struct of3_gate_back {
  const float *g, *o, *dy;
  float *du;      /* the gradient of o: sigmoid(g) dy */
  float *opt_dg;  /* that of g: sigmoid'(g) o dy */
  float *opt_y;   /* sigmoid(g) o */
  bool add_to_dg; /* dg += */
} of3_gate_back;

typedef struct of3_back_kernels {
  /* hat = (x - mean) / sqrt(var + 1e-5), whose factor 1 / sqrt(..) it returns.
   */
  float (*unit_row)(float *hat, const float *x, int64_t n);
  /* Through that: dx += inv (v - mean v - hat mean(v hat)), v = [gate] u. */
  void (*norm_row)(float *dx, const float *u, const float *opt_gate, const float *hat, float inv, int64_t n);
  /* y += a b */
  void (*mul_add)(float *y, const float *a, const float *b, int64_t n);
  /* y = [gate] hat [+ shift] */
  void (*affine)(float *y, const float *hat, const float *opt_gate, const float *opt_shift, int64_t n);
  /* u = s [gate] act'(z) dy */
  void (*act)(float *u, float s, const float *opt_gate, const float *z, const float *dy, int64_t n,
              of3_act act);
  /* Through h = silu(a) b: a becomes its gradient, b too; dh becomes h. */
  void (*swiglu)(float *a, float *b, float *dh, int64_t n);
  void (*gate)(const of3_gate_back *g, int64_t n);
  /* The gradient of what the softmax p was taken of, in the columns of [rows][lanes]: ds = p (dp - sum p dp).
   * ds may be dp. */
  void (*softmax)(float *ds, const float *p, const float *dp, int64_t rows, int lanes);
} of3_back_kernels;

#endif
