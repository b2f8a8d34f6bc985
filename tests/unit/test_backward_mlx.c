/* The way back through every operation on the MLX backend, against the plain C reference, which test_backward
 * holds to differences of its forward (the cases of test_ops.c that are not large, and some that are
 * divided):
 *   - the largest difference of a gradient, relative to the largest number of the reference's, is within 4
 * times the measured one; all gradients asked for at once and one alone are the same bytes; they are added to
 * what is there;
 *   - nothing goes to the reference;
 *   - the bytes that MLX held at most are within what the plan says.
 *
 *   test_backward_mlx [--measure]      exits with 77 where there is no MLX */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "mlx/open.h"
#include "ops_run.h"
#include "tensor/tape.h"

enum { MEMORY = 1 << 30 };

/* Largest error over the cases on MLX 0.32.4's CPU device with OpenBLAS (x86-64). */
static const double measured[OF3_N_OP] = {[OF3_OP_LINEAR] = 7.2e-07,
                                          [OF3_OP_NORM] = 5.5e-07,
                                          [OF3_OP_ACT] = 1.7e-07,
                                          [OF3_OP_ADD] = 7.1e-08,
                                          [OF3_OP_COMBINE] = 6.1e-07,
                                          [OF3_OP_COPY] = 7.1e-08,
                                          [OF3_OP_CONCAT] = 8.4e-08,
                                          [OF3_OP_OUTER_SUM] = 3.1e-07,
                                          [OF3_OP_EMBED_ADD] = 1.0e-07,
                                          [OF3_OP_GATHER] = 9.1e-08,
                                          [OF3_OP_TAKE_ROWS] = 5.9e-08,
                                          [OF3_OP_EXPECT] = 1.6e-06,
                                          [OF3_OP_RELPOS_ADD] = 2.1e-06,
                                          [OF3_OP_BOND_ADD] = 2.0e-07,
                                          [OF3_OP_TEMPLATE_ADD] = 6.1e-07,
                                          [OF3_OP_FOURIER] = 3.1e-07,
                                          [OF3_OP_AUGMENT] = 7.3e-08,
                                          [OF3_OP_ATOM_PAIR] = 1.8e-06,
                                          [OF3_OP_WINDOW_ADD] = 3.4e-07,
                                          [OF3_OP_WINDOW_GATHER] = 1.8e-06,
                                          [OF3_OP_WINDOW_ATTENTION] = 1.6e-06,
                                          [OF3_OP_PAIR_BIAS] = 1.7e-06,
                                          [OF3_OP_ATTENTION] = 1.1e-05,
                                          [OF3_OP_TRANSITION] = 5.4e-07,
                                          [OF3_OP_PROJECT] = 4.1e-07,
                                          [OF3_OP_MODULATE] = 3.4e-07,
                                          [OF3_OP_GATED_TRANSITION] = 2.3e-07,
                                          [OF3_OP_TRIANGLE_MUL] = 5.3e-06,
                                          [OF3_OP_TRIANGLE_ATTENTION] = 8.0e-06,
                                          [OF3_OP_OUTER_PRODUCT_MEAN] = 5.2e-07,
                                          [OF3_OP_PAIR_WEIGHTED_AVERAGE] = 1.8e-04};

/* One call with all that it needs, recorded alone on a tape. */
typedef struct call_test {
  of3_ctx cx;
  ops_env env;
  of3_call call;
  of3_tape tape;
} call_test;

static bool failed(const ops_case *k, const char *what) {
  printf("FAILED: backward of %s: %s\n", of3_op_table()[k->op].name, what);
  return false;
}

static bool go_forward(call_test *t, const of3_device *d, const ops_case *k, bool planning) {
  of3_error err = {0};
  *t = (call_test){.env.matrix = OF3_F32};
  if (of3_ctx_open(&t->cx, d, 2, MEMORY, planning, &err) != OF3_OK) return failed(k, err.text);
  t->env.cx = &t->cx;
  ops_make(&t->env, k->op, k->param, &t->call);
  of3_tape_begin(&t->tape, &t->cx);
  of3_apply(&t->cx, &t->call);
  of3_tape_stop(&t->tape, &t->cx);
  if (t->cx.error.code == OF3_OK) t->call = t->tape.entry[0].call;
  return true;
}

static void close_call(call_test *t) {
  if (t->tape.arena) of3_tape_end(&t->tape, &t->cx);
  of3_ctx_close(&t->cx);
}

/* What an operation overwrites unread has no gradient. */
static unsigned arguments_of(const of3_call *c) {
  const of3_writes w = of3_op_table()[c->op].writes;
  unsigned args = 0;
  for (int i = 0; i < OF3_MAX_IN; i++)
    if (c->in[i] && c->in[i]->dtype == OF3_F32 && !(w.how == OF3_WRITE_OVER && w.arg == i) &&
        !(of3_op_table()[c->op].constants >> i & 1))
      args |= 1u << i;
  return args;
}

static float *numbers(const of3_tensor *t, bool random) {
  const size_t n = (size_t)of3_count(t);
  float *x = calloc(n + 1, sizeof *x);
  if (x && random) of3_random_normal((of3_stream){.seed = 2, .purpose = OF3_RANDOM_TEST}, x, n);
  return x;
}

static of3_tensor *upload(call_test *t, const of3_tensor *like, bool random) {
  float *x = numbers(like, random);
  of3_tensor *y = of3_from_host(&t->cx, OF3_F32, like->rank, like->shape, x);
  free(x);
  return y;
}

typedef struct gradients {
  float *dx[OF3_MAX_IN];
  int64_t n[OF3_MAX_IN];
  size_t peak;
  int64_t by_reference;
} gradients;

/* The gradients of `args`, `times` added. */
static bool go_back(const of3_device *d, const ops_case *k, unsigned args, int times, bool planning,
                    gradients *g) {
  call_test t;
  of3_error err = {0};
  *g = (gradients){0};
  if (!go_forward(&t, d, k, planning)) return false;
  const int64_t forward = t.cx.n_by_reference;
  t.call.dy = upload(&t, t.call.out, true);
  for (int i = 0; i < OF3_MAX_IN; i++)
    if (args >> i & 1) t.call.dx[i] = upload(&t, t.call.in[i], false);
  for (int i = 0; i < times; i++) of3_backward(&t.cx, &t.call);
  for (int i = 0; i < OF3_MAX_IN; i++) {
    if (!(args >> i & 1)) continue;
    g->n[i] = of3_count(t.call.in[i]);
    g->dx[i] = numbers(t.call.in[i], false);
    of3_download(&t.cx, t.call.dx[i], g->dx[i]);
  }
  g->peak = t.cx.peak;
  g->by_reference = t.cx.n_by_reference - forward;
  const bool good = of3_ctx_status(&t.cx, &err) == OF3_OK;
  close_call(&t);
  return good || failed(k, err.text);
}

static void free_gradients(gradients *g) {
  for (int i = 0; i < OF3_MAX_IN; i++) free(g->dx[i]);
}

/* ---- one case */

/* Relative to the largest number of y, or to `least` if that is more. */
static double deviation(const float *x, const float *y, int64_t n, double times, double least) {
  double worst = 0, top = least;
  for (int64_t i = 0; i < n; i++) {
    if (isnan(x[i])) return HUGE_VAL;
    worst = fmax(worst, fabs((double)x[i] - times * (double)y[i]));
    top = fmax(top, fabs((double)y[i]));
  }
  return worst / top;
}

/* A thousandth of the largest number of all gradients: one may be 0 but for rounding, that of a norm's offset
 * before a softmax. */
static double least_of(const gradients *g) {
  double top = 1e-30;
  for (int i = 0; i < OF3_MAX_IN; i++)
    for (int64_t k = 0; g->dx[i] && k < g->n[i]; k++) top = fmax(top, 1e-3 * fabs((double)g->dx[i][k]));
  return top;
}

static bool compare(const ops_case *k, const gradients *mlx, const gradients *reference, bool measure,
                    double *worst) {
  for (int i = 0; i < OF3_MAX_IN; i++) {
    char text[96];
    if (!mlx->dx[i]) continue;
    const double error = deviation(mlx->dx[i], reference->dx[i], mlx->n[i], 1, least_of(reference));
    *worst = fmax(*worst, error);
    snprintf(text, sizeof text, "argument %d is %.1e from the reference, allowed %.1e", i, error,
             4 * measured[k->op]);
    if (!measure && !(error <= 4 * measured[k->op])) return failed(k, text);
    if (measure && error > 1e-5) printf("%s %s\n", of3_op_table()[k->op].name, text);
  }
  return true;
}

/* Of each argument alone: the bytes of all at once; and twice the numbers if they are added twice. */
static bool check_each(const of3_device *mlx, const ops_case *k, const gradients *all) {
  gradients one, twice;
  bool good = true;
  for (int i = 0; good && i < OF3_MAX_IN; i++) {
    if (!all->dx[i]) continue;
    good = go_back(mlx, k, 1u << i, 1, false, &one) && go_back(mlx, k, 1u << i, 2, false, &twice);
    if (good && deviation(twice.dx[i], one.dx[i], one.n[i], 2, 1e-30) > 4 * 1.2e-7)
      good = failed(k, "gradients are not added");
    if (good && memcmp(one.dx[i], all->dx[i], (size_t)one.n[i] * sizeof(float)) != 0)
      good = failed(k, "a gradient alone differs");
    free_gradients(&one);
    free_gradients(&twice);
  }
  return good;
}

static bool check_memory(const ops_case *k, const of3_device *mlx, unsigned args, size_t *most) {
  enum { PAGES = 1 << 20 }; /* buffers are rounded up */
  gradients plan, real;
  char text[96];
  if (strcmp(mlx->name, "cpu") != 0) return true;
  bool good = go_back(mlx, k, args, 1, true, &plan);
  mlx->backend->held(mlx, true);
  good = good && go_back(mlx, k, args, 1, false, &real);
  const size_t held = mlx->backend->held(mlx, false).most;
  if (held > plan.peak && held - plan.peak > *most) *most = held - plan.peak;
  snprintf(text, sizeof text, "MLX held %.1f MB, the plan says %.1f", 1e-6 * (double)held,
           1e-6 * (double)plan.peak);
  free_gradients(&plan);
  free_gradients(&real);
  return good && (held <= plan.peak + PAGES || failed(k, text));
}

/* Large enough for groups: of batch entries, of lines. */
static const ops_case divided[] = {{OF3_OP_ATTENTION, {3, 1300, 1300, 5, 1, 1, 2}},
                                   {OF3_OP_TRIANGLE_ATTENTION, {1, 104, 4, 16, 1, 0, 1}},
                                   {OF3_OP_TRIANGLE_ATTENTION, {1, 104, 4, 16, 1, 1, 1}}};
enum { N_DIVIDED = sizeof divided / sizeof *divided };

static bool is_divided(const ops_case *k) { return k >= divided && k < divided + N_DIVIDED; }

static bool check_case(const of3_device *mlx, const ops_case *k, unsigned args, bool measure, double *worst,
                       size_t *most) {
  const of3_device plain = {.backend = &of3_reference_backend};
  gradients reference, own;
  bool good = go_back(&plain, k, args, 1, false, &reference) && go_back(mlx, k, args, 1, false, &own) &&
              compare(k, &own, &reference, measure, worst);
  if (good && own.by_reference) good = failed(k, "it went to the reference");
  good = good && (measure || is_divided(k) || check_each(mlx, k, &own)) &&
         (check_memory(k, mlx, args, most) || measure);
  free_gradients(&reference);
  free_gradients(&own);
  return good;
}

/* Its arguments that have a gradient; its work. */
static unsigned look_at(const ops_case *k, double *flops) {
  const of3_device plain = {.backend = &of3_reference_backend};
  call_test t;
  if (!of3_op_table()[k->op].backward_reference || !go_forward(&t, &plain, k, true)) return 0;
  const unsigned args = arguments_of(&t.call);
  *flops = t.cx.flops;
  close_call(&t);
  return args;
}

int main(int argc, char **argv) {
  const double most_flops = 1.5e6;
  const bool measure = argc > 1 && strcmp(argv[1], "--measure") == 0;
  double worst[OF3_N_OP] = {0};
  size_t most[OF3_N_OP] = {0};
  int wrong = 0, done[OF3_N_OP] = {0};
  of3_error err = {0};
  const of3_backend *backend;
  of3_device mlx;
  if (of3_mlx_backend(OF3_F32, &backend, &err) != OF3_OK ||
      of3_device_open(&mlx, backend, 0, &err) != OF3_OK) {
    printf("skipped: %s\n", err.text);
    return 77;
  }
  for (int i = 0; i < ops_n_case() + N_DIVIDED; i++) {
    const bool large = i >= ops_n_case();
    const ops_case *k = large ? &divided[i - ops_n_case()] : &ops_cases()[i];
    double flops = 0;
    const unsigned args = look_at(k, &flops);
    if (!args || (flops > most_flops && !large)) continue;
    wrong += !check_case(&mlx, k, args, measure, &worst[k->op], &most[k->op]);
    done[k->op]++;
  }
  for (int op = 0; op < OF3_N_OP; op++) {
    if (!of3_op_table()[op].backward_reference) continue;
    printf("%-24s %d cases, %.1e  (table: %.1e), %.2f MB beyond the plan\n", of3_op_table()[op].name,
           done[op], worst[op], measured[op], 1e-6 * (double)most[op]);
    wrong += !done[op];
  }
  of3_device_close(&mlx);
  return wrong > 0;
}
