/* Plain C reference of backwards: formulas of ops_backward.def, sums in double, added to the gradients in
 * f32. Of an operation in place in[] has what was before, out what came of it. */
#include "tensor/ref.h"

static void add_to(const of3_tensor *gradient, int64_t i, double x) {
  if (gradient) of3_f32(gradient)[i] = (float)((double)of3_f32(gradient)[i] + x);
}

/* n sums, one after the other to the gradient of an argument that is used for all rows. */
static void add_sums(const of3_tensor *gradient, const double *sum, int64_t n) {
  for (int64_t i = 0; gradient && i < n; i++) add_to(gradient, i, sum[i]);
}

/* Derivative of act at x, where y = act(x). */
static double act_slope(double x, double y, int act) {
  const double s = ref_sigmoid(x);
  switch (act) {
  case OF3_ACT_RELU:
    return x > 0 ? 1 : 0;
  case OF3_ACT_SIGMOID:
    return y * (1 - y);
  case OF3_ACT_SILU:
    return s * (1 + x * (1 - s));
  default:
    return 1;
  }
}

/* ---- norm */

/* Gradients of scale and offset, summed over the rows, and memory for one row: 3 n numbers. */
typedef struct norm_sums {
  double *scale, *offset, *normed;
} norm_sums;

static norm_sums norm_sums_at(double *memory, int64_t n) {
  return (norm_sums){memory, memory + n, memory + 2 * n};
}

static void add_norm_sums(const norm_sums *s, int64_t n, const of3_tensor *dscale,
                          const of3_tensor *doffset) {
  add_sums(dscale, s->scale, n);
  add_sums(doffset, s->offset, n);
}

/* One row of a norm backwards: u [n] is the gradient of its result, and becomes that of x. */
static void norm_row_backward(const float *x, int64_t n, const of3_tensor *scale, norm_sums *s, double *u) {
  double mean = 0, var = 0, mean_u = 0, mean_ux = 0;
  ref_norm_row(x, n, NULL, NULL, s->normed);
  for (int64_t i = 0; i < n; i++) mean += (double)x[i];
  mean /= (double)n;
  for (int64_t i = 0; i < n; i++) var += ((double)x[i] - mean) * ((double)x[i] - mean);
  const double r = 1 / sqrt(var / (double)n + REF_EPS_NORM);
  for (int64_t i = 0; i < n; i++) {
    s->scale[i] += u[i] * s->normed[i];
    s->offset[i] += u[i];
    if (scale) u[i] *= (double)of3_f32(scale)[i];
    mean_u += u[i] / (double)n;
    mean_ux += u[i] * s->normed[i] / (double)n;
  }
  for (int64_t i = 0; i < n; i++) u[i] = r * (u[i] - mean_u - s->normed[i] * mean_ux);
}

void of3_backward_norm(const of3_call *c) {
  const of3_tensor *x = c->in[NORM_X];
  const int64_t n = of3_dim(x, 0);
  double *u = ref_alloc(c, 4 * n);
  if (!u) return;
  norm_sums sums = norm_sums_at(u + n, n);
  for (int64_t r = 0; r < of3_rows(x); r++) {
    for (int64_t i = 0; i < n; i++) u[i] = (double)of3_f32(c->dy)[r * n + i];
    norm_row_backward(of3_f32(x) + r * n, n, c->in[NORM_SCALE], &sums, u);
    for (int64_t i = 0; i < n; i++) add_to(c->dx[NORM_X], r * n + i, u[i]);
  }
  add_norm_sums(&sums, n, c->dx[NORM_SCALE], c->dx[NORM_OFFSET]);
  free(u);
}

/* ---- linear */

/* Sums over the rows, and the row at hand: x' [k] as it was multiplied, its gradient dx [k]. */
typedef struct linear_sums {
  double *w, *b, *gate, *mask, *x, *dx;
  norm_sums norm;
} linear_sums;

static void linear_row(const of3_call *c, int64_t r, double *row) {
  const of3_tensor *x = c->in[LINEAR_X];
  const int64_t k = of3_dim(x, 0);
  if (c->attr.norm)
    ref_norm_row(of3_f32(x) + r * k, k, c->in[LINEAR_SCALE], c->in[LINEAR_OFFSET], row);
  else
    for (int64_t i = 0; i < k; i++) row[i] = ref_get(x, r * k + i);
}

/* Output o of row r: takes its gradient to W, b, gate, mask, and adds to that of the row. */
static void linear_output(const of3_call *c, int64_t r, int64_t o, linear_sums *s) {
  const of3_tensor *w = c->in[LINEAR_W], *b = c->in[LINEAR_B], *gate = c->in[LINEAR_GATE],
                   *mask = c->in[LINEAR_MASK];
  const int64_t k = w->shape[1], n = w->shape[0];
  const int64_t at_gate = gate ? r % of3_rows(gate) * n + o : 0, at_mask = mask ? r % of3_count(mask) : 0;
  const double g = gate ? (double)of3_f32(gate)[at_gate] : 1, m = mask ? (double)of3_f32(mask)[at_mask] : 1;
  const double dy = (double)of3_f32(c->dy)[r * n + o];
  const double z = ref_dot(w, o, s->x) + (b ? (double)of3_f32(b)[o] : 0), y = ref_act(z, c->attr.act);
  const double u = dy * g * m * act_slope(z, y, c->attr.act);
  s->gate[at_gate] += dy * m * y;
  s->mask[at_mask] += dy * g * y;
  s->b[o] += u;
  for (int64_t i = 0; i < k; i++) {
    s->w[o * k + i] += u * ref_operand(w, s->x[i]);
    s->dx[i] += u * ref_get(w, o * k + i);
  }
}

void of3_backward_linear(const of3_call *c) {
  const of3_tensor *x = c->in[LINEAR_X], *w = c->in[LINEAR_W];
  const int64_t k = w->shape[1], n = w->shape[0];
  const int64_t gates = c->in[LINEAR_GATE] ? of3_count(c->in[LINEAR_GATE]) : 0,
                masks = c->in[LINEAR_MASK] ? of3_count(c->in[LINEAR_MASK]) : 0;
  linear_sums s = {.w = ref_alloc(c, n * k + n + gates + masks + 2 + 5 * k)};
  if (!s.w) return;
  s.b = s.w + n * k;
  s.gate = s.b + n;
  s.mask = s.gate + (gates ? gates : 1); /* where there is none, number 0 is written and not used */
  s.x = s.mask + (masks ? masks : 1);
  s.dx = s.x + k;
  s.norm = norm_sums_at(s.dx + k, k);
  for (int64_t r = 0; r < of3_rows(x); r++) {
    linear_row(c, r, s.x);
    memset(s.dx, 0, (size_t)k * sizeof *s.dx);
    for (int64_t o = 0; o < n; o++) linear_output(c, r, o, &s);
    if (c->attr.norm) norm_row_backward(of3_f32(x) + r * k, k, c->in[LINEAR_SCALE], &s.norm, s.dx);
    for (int64_t i = 0; i < k; i++) add_to(c->dx[LINEAR_X], r * k + i, s.dx[i]);
  }
  add_sums(c->dx[LINEAR_W], s.w, n * k);
  add_sums(c->dx[LINEAR_B], s.b, n);
  add_sums(c->dx[LINEAR_GATE], s.gate, gates);
  add_sums(c->dx[LINEAR_MASK], s.mask, masks);
  add_norm_sums(&s.norm, k, c->dx[LINEAR_SCALE], c->dx[LINEAR_OFFSET]);
  free(s.w);
}

/* ---- elementwise */

void of3_backward_act(const of3_call *c) {
  const of3_tensor *y = c->in[ACT_Y];
  for (int64_t i = 0; i < of3_count(y); i++) {
    const double x = (double)of3_f32(y)[i];
    add_to(c->dx[ACT_Y], i, (double)of3_f32(c->dy)[i] * act_slope(x, ref_act(x, c->attr.act), c->attr.act));
  }
}

/* The gradient of an argument that repeats over the output. */
static void sum_repeats(const of3_tensor *dy, const of3_tensor *dx) {
  const int64_t n = dx ? of3_count(dx) : 0;
  for (int64_t i = 0; i < n; i++) {
    double sum = 0;
    for (int64_t j = i; j < of3_count(dy); j += n) sum += (double)of3_f32(dy)[j];
    add_to(dx, i, sum);
  }
}

void of3_backward_add(const of3_call *c) { sum_repeats(c->dy, c->dx[ADD_X]); }
void of3_backward_copy(const of3_call *c) { sum_repeats(c->dy, c->dx[COPY_X]); }
