/* The way back through every operation that has one (ops_backward.def), for the cases of test_ops:
 *   - the plain C reference against differences of its forward, along random directions of each f32 argument,
 * taken at two distances and extrapolated; errors within 4 times the measured one of the operation;
 *   - gradients are added to what is there, and one that is not wanted is not made;
 *   - every instruction set of the CPU backend gives the same gradients within 4 times the measured
 * difference, asked for alone or together and with any number of threads in the same bytes; a backend with
 * memory of its own gives the reference's; and what is the same for all operations: kernels of a backend with
 * memory for what forward leaves to backward, and the errors.
 *
 *   test_backward [--measure | --short]      short: cases of little work only (tests/tensor.cmake) */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/random.h"
#include "cpu/cpu.h"
#include "ops_run.h"
#include "own_memory.h"
#include "tensor/tape.h"

enum { MAX_ISA = 8, DIRECTIONS = 2 };
static const double LARGE = 1e6;              /* beyond it a number is a mask in a bias */
static const size_t MEMORY = (size_t)1 << 26; /* suffices for every case with its gradients */

/* Largest error over cases, arguments and directions: of gcc 12, x86-64. It is that of the differences, whose
 * outputs are f32; the largest are of calls of a single number, whose gradients nearly cancel. */
static const double measured[OF3_N_OP] = {[OF3_OP_LINEAR] = 2.2e-05,
                                          [OF3_OP_NORM] = 6.5e-05,
                                          [OF3_OP_ACT] = 3.0e-05,
                                          [OF3_OP_ADD] = 1.6e-05,
                                          [OF3_OP_COMBINE] = 5.5e-04,
                                          [OF3_OP_MASK_ROWS] = 2.1e-06,
                                          [OF3_OP_DROPOUT] = 1.1e-05,
                                          [OF3_OP_COPY] = 4.7e-06,
                                          [OF3_OP_CONCAT] = 6.4e-06,
                                          [OF3_OP_OUTER_SUM] = 5.9e-05,
                                          [OF3_OP_EMBED_ADD] = 1.1e-05,
                                          [OF3_OP_GATHER] = 4.4e-06,
                                          [OF3_OP_TAKE_ROWS] = 1.3e-06,
                                          [OF3_OP_SEGMENT_MEAN] = 2.1e-06,
                                          [OF3_OP_SYMMETRIZE] = 3.1e-06,
                                          [OF3_OP_EXPECT] = 1.1e-04,
                                          [OF3_OP_RELPOS_ADD] = 5.9e-06,
                                          [OF3_OP_BOND_ADD] = 8.1e-05,
                                          [OF3_OP_TEMPLATE_ADD] = 8.1e-06,
                                          [OF3_OP_FOURIER] = 5.4e-05,
                                          [OF3_OP_AUGMENT] = 2.9e-06,
                                          [OF3_OP_TAKE_ROW] = 2.0e-06,
                                          [OF3_OP_ATOM_PAIR] = 9.8e-05,
                                          [OF3_OP_WINDOW_ADD] = 1.2e-05,
                                          [OF3_OP_WINDOW_GATHER] = 5.4e-06,
                                          [OF3_OP_WINDOW_ATTENTION] = 1.8e-03,
                                          [OF3_OP_PAIR_BIAS] = 2.9e-04,
                                          [OF3_OP_ATTENTION] = 1.8e-03,
                                          [OF3_OP_TRANSITION] = 2.0e-03,
                                          [OF3_OP_PROJECT] = 8.2e-06,
                                          [OF3_OP_MODULATE] = 2.2e-04,
                                          [OF3_OP_GATED_TRANSITION] = 1.8e-05,
                                          [OF3_OP_TRIANGLE_MUL] = 8.1e-04,
                                          [OF3_OP_TRIANGLE_ATTENTION] = 1.3e-03,
                                          [OF3_OP_OUTER_PRODUCT_MEAN] = 2.2e-03,
                                          [OF3_OP_PAIR_WEIGHTED_AVERAGE] = 5.9e-04};

/* Kernels of instruction sets beside the plain C reference: the largest difference over the largest number of
 * the gradient. Operations that are not here have no kernels of their own: their bytes are the reference's.
 */
static const double measured_kernels[OF3_N_OP] = {[OF3_OP_LINEAR] = 1.3e-06,
                                                  [OF3_OP_ACT] = 3.4e-07,
                                                  [OF3_OP_ADD] = 7.1e-08,
                                                  [OF3_OP_COPY] = 7.1e-08,
                                                  [OF3_OP_NORM] = 9.5e-07,
                                                  [OF3_OP_WINDOW_ATTENTION] = 1.4e-06,
                                                  [OF3_OP_PAIR_BIAS] = 1.4e-06,
                                                  [OF3_OP_ATTENTION] = 1.2e-06,
                                                  [OF3_OP_TRANSITION] = 1.2e-06,
                                                  [OF3_OP_PROJECT] = 9.3e-07,
                                                  [OF3_OP_MODULATE] = 1.7e-06,
                                                  [OF3_OP_GATED_TRANSITION] = 5.5e-07,
                                                  [OF3_OP_TRIANGLE_MUL] = 4.8e-06,
                                                  [OF3_OP_TRIANGLE_ATTENTION] = 3.5e-06,
                                                  [OF3_OP_OUTER_PRODUCT_MEAN] = 1.1e-06,
                                                  [OF3_OP_PAIR_WEIGHTED_AVERAGE] = 1.8e-06};
static double worst_kernel[OF3_N_OP];

static bool measuring;
static bool short_cases;

/* ---- one call in a context of its own */

typedef struct call_test {
  of3_device device;
  of3_ctx cx;
  ops_env env;
  of3_call call; /* after run_call: that of the tape, in[] being what was before */
  of3_tape tape;
} call_test;

static int threads = 2;

static void open_call(call_test *t, const of3_backend *b, const ops_case *k, bool planning) {
  of3_error err = {0};
  *t = (call_test){.env.matrix = OF3_F32};
  if (of3_device_open(&t->device, b, 0, &err) != OF3_OK) fail_msg("%s", err.text);
  if (of3_ctx_open(&t->cx, &t->device, threads, MEMORY, planning, &err) != OF3_OK) fail_msg("%s", err.text);
  t->env.cx = &t->cx;
  ops_make(&t->env, k->op, k->param, &t->call);
}

static void run_call(call_test *t) {
  of3_tape_begin(&t->tape, &t->cx);
  of3_apply(&t->cx, &t->call);
  of3_tape_stop(&t->tape, &t->cx);
  assert_int_equal(of3_ctx_status(&t->cx, NULL), OF3_OK);
  t->call = t->tape.entry[0].call;
}

static void close_call(call_test *t) {
  if (t->tape.arena) of3_tape_end(&t->tape, &t->cx);
  of3_ctx_close(&t->cx);
  of3_device_close(&t->device);
}

static float *values_of(of3_ctx *cx, const of3_tensor *t) {
  float *x = malloc(of3_bytes(t) + 1);
  assert_non_null(x);
  of3_download(cx, t, x);
  return x;
}

/* Normal numbers, the same for the same shape and number. */
static float *random_of(const of3_tensor *t, uint32_t number) {
  const size_t n = (size_t)of3_count(t);
  float *x = malloc(n * sizeof *x + 1);
  assert_non_null(x);
  of3_random_normal((of3_stream){.seed = 2, .purpose = OF3_RANDOM_TEST, .step = number}, x, n);
  return x;
}

/* Arguments that have a gradient: what an operation overwrites unread is none. */
static bool has_gradient(const of3_call *c, int i) {
  const of3_writes w = of3_op_table()[c->op].writes;
  return c->in[i] && c->in[i]->dtype == OF3_F32 && !(w.how == OF3_WRITE_OVER && w.arg == i) &&
         !(of3_op_table()[c->op].constants >> i & 1);
}

/* ---- gradients */

/* Gradients of all arguments whose bit is set, with that of the output random; `times`: added again and
 * again. */
static void gradients_of(const of3_backend *b, const ops_case *k, unsigned args, int times,
                         float *dx[OF3_MAX_IN]) {
  call_test t;
  open_call(&t, b, k, false);
  run_call(&t);
  float *dy = random_of(t.call.out, 0);
  t.call.dy = of3_from_host(&t.cx, OF3_F32, t.call.out->rank, t.call.out->shape, dy);
  for (int i = 0; i < OF3_MAX_IN; i++) {
    if (!(args >> i & 1)) continue;
    float *zero = calloc((size_t)of3_count(t.call.in[i]) + 1, sizeof *zero);
    assert_non_null(zero);
    t.call.dx[i] = of3_from_host(&t.cx, OF3_F32, t.call.in[i]->rank, t.call.in[i]->shape, zero);
    free(zero);
  }
  for (int i = 0; i < times; i++) of3_backward(&t.cx, &t.call);
  assert_int_equal(of3_ctx_status(&t.cx, NULL), OF3_OK);
  for (int i = 0; i < OF3_MAX_IN; i++)
    if (args >> i & 1) dx[i] = values_of(&t.cx, t.call.dx[i]);
  free(dy);
  close_call(&t);
}

static float *gradient_of(const of3_backend *b, const ops_case *k, int arg, int times) {
  float *dx[OF3_MAX_IN];
  gradients_of(b, k, 1u << arg, times, dx);
  return dx[arg];
}

/* sum of dy y, with `step` times u added to argument arg; *ret_size: what its terms add up to if they are
 * independent. */
static double moved(const ops_case *k, int arg, const float *u, double step, double *ret_size) {
  call_test t;
  double sum = 0, squares = 0;
  open_call(&t, &of3_reference_backend, k, false);
  float *x = of3_f32(t.call.in[arg]);
  for (int64_t i = 0; i < of3_count(t.call.in[arg]); i++) x[i] = (float)((double)x[i] + step * (double)u[i]);
  run_call(&t);
  float *dy = random_of(t.call.out, 0);
  for (int64_t i = 0; i < of3_count(t.call.out); i++) {
    const double term = (double)dy[i] * (double)of3_f32(t.call.out)[i];
    sum += term;
    if (fabs((double)of3_f32(t.call.out)[i]) < LARGE) squares += term * term;
  }
  *ret_size = sqrt(squares);
  free(dy);
  close_call(&t);
  return sum;
}

static double difference(const ops_case *k, int arg, const float *u, double h, double *ret_size) {
  return (moved(k, arg, u, h, ret_size) - moved(k, arg, u, -h, ret_size)) / (2 * h);
}

/* The derivative along u, extrapolated from two distances: small ones suffer from the rounding of the result
 * to f32, large ones from what bends (a norm of numbers that are nearly equal), so that distance counts at
 * which the extrapolation changes least. */
static double slope_along(const ops_case *k, int arg, const float *u, double *ret_size) {
  double slope = 0, least = HUGE_VAL;
  for (double h = 1.0 / 32; h > 1e-4; h /= 16) {
    const double far = difference(k, arg, u, h, ret_size), near = difference(k, arg, u, h / 2, ret_size);
    const double doubt = fabs(near - far) / 32 + 1.2e-7 * *ret_size / h;
    if (doubt >= least) continue;
    least = doubt;
    slope = (4 * near - far) / 3;
  }
  return slope;
}

/* Relative to what the numbers of the gradient add up to if they are independent; or, if that is less, to a
 * thousandth of the result: a gradient may be 0 throughout. */
static double error_along(const ops_case *k, int arg, const float *dx, const float *u, int64_t n) {
  double sum = 0, squares = 0, size = 0;
  const double slope = slope_along(k, arg, u, &size);
  for (int64_t i = 0; i < n; i++) {
    const double term = (double)dx[i] * (double)u[i];
    sum += term;
    squares += term * term;
  }
  return fabs(slope - sum) / fmax(sqrt(squares), 1e-3 * size + 1e-30);
}

/* u in the size of the argument's numbers; 0 where these are so large that they stand for a mask. */
static float *direction_of(const ops_case *k, int arg, uint32_t number, int64_t *n) {
  call_test t;
  double squares = 0;
  open_call(&t, &of3_reference_backend, k, false);
  *n = of3_count(t.call.in[arg]);
  const float *x = of3_f32(t.call.in[arg]);
  float *u = random_of(t.call.in[arg], number);
  for (int64_t i = 0; i < *n; i++) squares += fabs((double)x[i]) < LARGE ? pow((double)x[i], 2) : 0;
  const double size = squares > 0 ? sqrt(squares / (double)*n) : 1;
  for (int64_t i = 0; i < *n; i++) u[i] = fabs((double)x[i]) < LARGE ? (float)(size * (double)u[i]) : 0;
  close_call(&t);
  return u;
}

static void check_accumulation(const ops_case *k, int arg, const float *dx, int64_t n) {
  float *twice = gradient_of(&of3_reference_backend, k, arg, 2);
  double top = 0, worst = 0;
  for (int64_t i = 0; i < n; i++) {
    top = fmax(top, fabs((double)dx[i]));
    worst = fmax(worst, fabs((double)twice[i] - 2 * (double)dx[i]));
  }
  assert_true(worst <= 4 * 1.2e-7 * top); /* two roundings to f32 */
  free(twice);
}

static void expect_same(const of3_backend *b, const ops_case *k, int arg, const float *dx, int64_t n) {
  float *other = gradient_of(b, k, arg, 1);
  assert_memory_equal(dx, other, (size_t)n * sizeof *dx);
  free(other);
}

static void compare_kernel(const char *isa, const ops_case *k, int arg, const float *dx,
                           const float *reference, int64_t n) {
  double top = 0, worst = 0;
  for (int64_t i = 0; i < n; i++) {
    top = fmax(top, fabs((double)reference[i]));
    worst = fmax(worst, fabs((double)dx[i] - (double)reference[i]));
    if (isnan(dx[i])) worst = HUGE_VAL;
  }
  if (top > 1e-12) worst /= top; /* else it is 0 but for rounding, of terms about 1 */
  if (measuring && worst > 1e-6)
    printf("%s %s arg %d: %.2g, top %.2g\n", isa, of3_op_table()[k->op].name, arg, worst, top);
  worst_kernel[k->op] = fmax(worst_kernel[k->op], worst);
  if (!measuring && !(worst <= 4 * measured_kernels[k->op]))
    fail_msg("%s, backward of %s, argument %d: %.2g from the reference, allowed %.2g", isa,
             of3_op_table()[k->op].name, arg, worst, 4 * measured_kernels[k->op]);
}

/* All gradients at once and one by one, and with other numbers of threads: the same bytes. */
static void check_kernel(const char *isa, const ops_case *k, int arg, unsigned args, const float *reference,
                         int64_t n) {
  const of3_backend *b;
  of3_error err = {0};
  float *all[OF3_MAX_IN];
  if (of3_cpu_backend(isa, OF3_F32, &b, &err) != OF3_OK) fail_msg("%s", err.text);
  float *dx = gradient_of(b, k, arg, 1);
  compare_kernel(isa, k, arg, dx, reference, n);
  threads = 3;
  gradients_of(b, k, args, 1, all);
  threads = 2;
  assert_memory_equal(dx, all[arg], (size_t)n * sizeof *dx);
  for (int i = 0; i < OF3_MAX_IN; i++)
    if (args >> i & 1) free(all[i]);
  free(dx);
}

static void check_kernels(const ops_case *k, int arg, unsigned args, const float *dx, int64_t n) {
  const char *isa[MAX_ISA];
  const int n_isa = of3_cpu_isas(isa, MAX_ISA);
  for (int i = 0; i < n_isa; i++) check_kernel(isa[i], k, arg, args, dx, n);
}

static double check_argument(const ops_case *k, int arg, unsigned args) {
  double worst = 0;
  int64_t n = 0;
  float *dx = gradient_of(&of3_reference_backend, k, arg, 1);
  for (uint32_t d = 1; d <= DIRECTIONS; d++) {
    float *u = direction_of(k, arg, d, &n);
    worst = fmax(worst, error_along(k, arg, dx, u, n));
    free(u);
  }
  check_accumulation(k, arg, dx, n);
  check_kernels(k, arg, args, dx, n);
  expect_same(&own_memory_backend, k, arg, dx, n);
  free(dx);
  return worst;
}

/* Arguments that have a gradient; the work of the call. */
static double arguments_of(const ops_case *k, unsigned *has) {
  call_test t;
  *has = 0;
  open_call(&t, &of3_reference_backend, k, true);
  of3_apply(&t.cx, &t.call);
  for (int i = 0; i < OF3_MAX_IN; i++) *has |= (unsigned)has_gradient(&t.call, i) << i;
  const double flops = t.cx.flops;
  close_call(&t);
  return flops;
}

static int64_t count_of_argument(const ops_case *k, int arg) {
  call_test t;
  open_call(&t, &of3_reference_backend, k, true);
  const int64_t n = of3_count(t.call.in[arg]);
  close_call(&t);
  return n;
}

static void differences(void **state) {
  const double most_flops =
      short_cases ? 2e5 : 1.5e6; /* of a call: larger ones have nothing that smaller ones have not */
  double worst[OF3_N_OP] = {0};
  int tested[OF3_N_OP] = {0};
  (void)state;
  for (int i = 0; i < ops_n_case(); i++) {
    const ops_case *k = &ops_cases()[i];
    unsigned has;
    if (!of3_op_table()[k->op].backward_reference || arguments_of(k, &has) > most_flops) continue;
    for (int arg = 0; arg < OF3_MAX_IN; arg++) {
      if (!(has >> arg & 1)) continue;
      const double error = check_argument(k, arg, has);
      if (!measuring && !(error <= 4 * measured[k->op]))
        fail_msg("%s, case %d, argument %d: %.2g from its differences, allowed %.2g",
                 of3_op_table()[k->op].name, i, arg, error, 4 * measured[k->op]);
      if (measuring) printf("%s case %d arg %d: %.2g\n", of3_op_table()[k->op].name, i, arg, error);
      worst[k->op] = fmax(worst[k->op], error);
      tested[k->op]++;
    }
  }
  for (int op = 0; op < OF3_N_OP; op++) {
    if (!of3_op_table()[op].backward_reference) continue;
    printf("%-10s %d gradients, %.1e from their differences (table: %.1e)\n", of3_op_table()[op].name,
           tested[op], worst[op], measured[op]);
    if (measured_kernels[op] > 0 || worst_kernel[op] > 0)
      printf("           kernels: %.1e from the reference (table: %.1e)\n", worst_kernel[op],
             measured_kernels[op]);
    assert_true(tested[op] > 0);
  }
}

/* ---- more rows, queries, lines than go through a kernel at a time, beside the reference alone */

static void long_calls(void **state) {
  static const ops_case cases[] = {
      {OF3_OP_LINEAR, {2, 1700, 9, 21, 1 | 2 | 4 | 8 | 16 | 128, OF3_ACT_SIGMOID}},
      {OF3_OP_NORM, {3500, 8, 3}},
      {OF3_OP_PAIR_BIAS, {1, 40, 90, 5, 4, 2 | 4 | 32}},
      {OF3_OP_TRANSITION, {2, 1700, 5, 12, 2}},
      {OF3_OP_PROJECT, {2, 1700, 5, 9, 3, 1 | 2}},
      {OF3_OP_MODULATE, {1, 3300, 6, 5, 2, 1}},
      {OF3_OP_GATED_TRANSITION, {2, 1700, 5, 12, 1}},
      {OF3_OP_WINDOW_ATTENTION, {3, 201, 4, 32, 1}},
      {OF3_OP_ATTENTION, {4, 49, 130, 2, 24, 2, 0}},
      {OF3_OP_ATTENTION, {1, 96, 64, 1, 131, 1, 0}},
      {OF3_OP_TRIANGLE_MUL, {2, 65, 8, 17, 0, 1, 2}},
      {OF3_OP_TRIANGLE_MUL, {1, 64, 21, 9, 1, 1, 1}},
      {OF3_OP_TRIANGLE_ATTENTION, {2, 49, 21, 3, 7, 5, 1}},
      {OF3_OP_TRIANGLE_ATTENTION, {1, 66, 16, 4, 8, 2, 1}},
      {OF3_OP_OUTER_PRODUCT_MEAN, {33, 20, 12, 8, 21}},
      {OF3_OP_OUTER_PRODUCT_MEAN, {130, 13, 12, 8, 21, 1}},
      {OF3_OP_PAIR_WEIGHTED_AVERAGE, {9, 66, 16, 8, 2, 4, 2}}};
  (void)state;
  if (short_cases) return;
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    float *dx[OF3_MAX_IN];
    unsigned has;
    (void)arguments_of(&cases[i], &has);
    gradients_of(&of3_reference_backend, &cases[i], has, 1, dx);
    for (int arg = 0; arg < OF3_MAX_IN; arg++) {
      if (!(has >> arg & 1)) continue;
      check_kernels(&cases[i], arg, has, dx[arg], count_of_argument(&cases[i], arg));
      free(dx[arg]);
    }
  }
}

/* ---- a backend whose NORM leaves mean and factor of each row to its backward */

static int backward_runs;

static int norm_saves(const of3_ctx *cx, const of3_call *c, of3_shape shape[OF3_MAX_SAVED]) {
  (void)cx;
  shape[0] = (of3_shape){.dtype = OF3_F32, .rank = 2, .dim = {of3_rows(c->in[NORM_X]), 2}};
  return 1;
}

static void norm_run(of3_ctx *cx, const of3_call *c, void *work) {
  const int64_t n = of3_dim(c->in[NORM_X], 0);
  (void)cx, (void)work;
  of3_op_table()[OF3_OP_NORM].reference(c);
  for (int64_t r = 0; c->saved[0] && r < of3_rows(c->in[NORM_X]); r++) {
    const float *x = of3_f32(c->in[NORM_X]) + r * n;
    double mean = 0, var = 0;
    for (int64_t i = 0; i < n; i++) mean += (double)x[i] / (double)n;
    for (int64_t i = 0; i < n; i++) var += pow((double)x[i] - mean, 2) / (double)n;
    of3_f32(c->saved[0])[2 * r] = (float)mean;
    of3_f32(c->saved[0])[2 * r + 1] = (float)(1 / sqrt(var + 1e-5));
  }
}

static bool norm_backward_accepts(const of3_call *c) { return c->saved[0] && !c->in[NORM_SCALE]; }

static size_t norm_backward_workspace(const of3_ctx *cx, const of3_call *c) {
  (void)cx;
  return (size_t)of3_dim(c->in[NORM_X], 0) * sizeof(float);
}

/* In workspace: x' of one row. */
static void norm_backward_run(of3_ctx *cx, const of3_call *c, void *work) {
  const int64_t n = of3_dim(c->in[NORM_X], 0);
  float *normed = work;
  (void)cx;
  backward_runs++;
  for (int64_t r = 0; r < of3_rows(c->in[NORM_X]); r++) {
    const float *x = of3_f32(c->in[NORM_X]) + r * n, *dy = of3_f32(c->dy) + r * n,
                *saved = of3_f32(c->saved[0]) + 2 * r;
    double mean = 0, mean_x = 0;
    for (int64_t i = 0; i < n; i++) {
      normed[i] = (x[i] - saved[0]) * saved[1];
      mean += (double)dy[i] / (double)n;
      mean_x += (double)dy[i] * (double)normed[i] / (double)n;
    }
    for (int64_t i = 0; i < n; i++)
      of3_f32(c->dx[NORM_X])[r * n + i] +=
          (float)((double)saved[1] * ((double)dy[i] - mean - (double)normed[i] * mean_x));
  }
}

static const of3_kernel *saving_kernel(const of3_ctx *cx, of3_op op, of3_direction direction) {
  static const of3_kernel kernel[] = {
      {.run = norm_run, .saves = norm_saves},
      {.accepts = norm_backward_accepts, .workspace = norm_backward_workspace, .run = norm_backward_run}};
  (void)cx;
  return op == OF3_OP_NORM ? &kernel[direction] : NULL;
}

static void saving(void **state) {
  of3_backend b = of3_reference_backend;
  (void)state;
  b.kernel = saving_kernel;
  for (int i = 0; i < ops_n_case(); i++) {
    const ops_case *k = &ops_cases()[i];
    if (k->op != OF3_OP_NORM) continue;
    const bool scaled = k->param[2] & 1;
    const int64_t n = k->param[0] * k->param[1];
    backward_runs = 0;
    float *reference = gradient_of(&of3_reference_backend, k, NORM_X, 1),
          *own = gradient_of(&b, k, NORM_X, 1);
    assert_int_equal(backward_runs, !scaled); /* what it declines goes to the reference */
    double top = 0, worst = 0;
    for (int64_t j = 0; j < n; j++) {
      top = fmax(top, fabs((double)reference[j]));
      worst = fmax(worst, fabs((double)own[j] - (double)reference[j]));
    }
    printf("norm with what forward saved: %.1e from the reference\n", worst / fmax(top, 1e-30));
    assert_true(worst <= 4 * 5.1e-8 * top); /* measured 5.1e-8: mean and factor are f32 */
    free(reference);
    free(own);
  }
}

static bool recompute_all(void *user, const of3_tape *tape, const of3_tape_block *b) {
  (void)user, (void)tape, (void)b;
  return true;
}

/* What a kernel saved goes with its block and comes again with it; without a tape it is not made. */
static void saved_again(void **state) {
  of3_backend b = of3_reference_backend;
  of3_ctx cx;
  of3_error err = {0};
  of3_tape tape = {.recomputes = recompute_all};
  (void)state;
  b.kernel = saving_kernel;
  if (of3_ctx_open(&cx, &(of3_device){.backend = &b}, 1, 1 << 20, false, &err) != OF3_OK)
    fail_msg("%s", err.text);
  of3_tensor *x = OF3_FROM_HOST(&cx, OF3_F32, ((float[]){1, 3, 4, 8}), 2, 2);
  const size_t top = cx.top;
  of3_norm(&cx, x, (of3_norm_w){NULL, NULL});
  assert_int_equal(cx.top, top + 64);
  of3_tape_begin(&tape, &cx);
  of3_tensor *y = OF3_NEW(&cx, OF3_F32, 2, 2);
  const of3_scope scope = of3_scope_begin(&cx);
  of3_copy(&cx, y, of3_norm(&cx, x, (of3_norm_w){NULL, NULL}));
  of3_scope_end(&cx, scope);
  of3_tape_stop(&tape, &cx);
  const of3_tensor *saved = tape.entry[0].call.saved[0];
  assert_false(saved->storage->version->held);
  const of3_scope again = of3_block_redo(&tape, &cx, 0);
  assert_true(saved->storage->version->held);
  assert_true(of3_f32(saved)[0] == 2 && of3_f32(saved)[2] == 6);
  of3_block_drop(&tape, &cx, 0, again);
  assert_false(saved->storage->version->held);
  of3_tape_end(&tape, &cx);
  of3_ctx_close(&cx);
}

/* ---- errors */

static void expect_error(of3_call *c, of3_ctx *cx, const char *text) {
  of3_error err = {0};
  of3_backward(cx, c);
  assert_int_equal(of3_ctx_status(cx, &err), OF3_ERR_INTERNAL);
  assert_non_null(strstr(err.text, text));
  of3_ctx_close(cx);
}

/* A gradient in bf16, through an operation without a backward, of a mask. */
static void errors(void **state) {
  static const char *const text[] = {"of a call of act are not f32", "through the operation distance_bin",
                                     "of argument 1 of mask_rows, which is a constant"};
  static const of3_op op[] = {OF3_OP_ACT, OF3_OP_DISTANCE_BIN, OF3_OP_MASK_ROWS};
  of3_error err = {0};
  of3_ctx cx;
  (void)state;
  for (int i = 0; i < 3; i++) {
    if (of3_ctx_open(&cx, &(of3_device){.backend = &of3_reference_backend}, 1, 1 << 20, false, &err) !=
        OF3_OK)
      fail_msg("%s", err.text);
    of3_tensor *x = OF3_FROM_HOST(&cx, OF3_F32, ((float[]){1, 2, 3, 4}), 2, 2),
               *half = OF3_NEW(&cx, OF3_BF16, 2, 2);
    of3_call c = {.op = op[i], .in = {x, x}, .out = x, .dy = x};
    c.dx[i == 2] = i ? x : half;
    expect_error(&c, &cx, text[i]);
  }
}

int main(int argc, char **argv) {
  measuring = argc > 1 && strcmp(argv[1], "--measure") == 0;
  short_cases = argc > 1 && strcmp(argv[1], "--short") == 0;
  const struct CMUnitTest tests[] = {cmocka_unit_test(long_calls), cmocka_unit_test(differences),
                                     cmocka_unit_test(saving), cmocka_unit_test(saved_again),
                                     cmocka_unit_test(errors)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
