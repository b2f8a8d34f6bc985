/* The way back through a tape (tensor/gradient.h): a small computation with all that is particular about it,
 * views that are written in part, what is updated in place, read after and before, blocks inside blocks,
 * what is uploaded in a block. Its gradients
 *   - are the slopes of its differences;
 *   - are the same bytes whichever blocks are done again;
 *   - are the same on every instruction set and on a backend with memory of its own;
 * and nothing is made for what nobody wants the gradient of. */
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
#include "own_memory.h"
#include "tensor/gradient.h"

enum { N = 5, C = 6, H = 9, MAX_ISA = 8 };
/* gcc 12, x86-64: of the differences, whose numbers are f32; of AVX2 and AVX-512 */
static const double MEASURED = 6.2e-5, MEASURED_ISA = 1.3e-7;

/* Weights of a linear, a norm and a transition, and what goes in. */
enum { W, B, SCALE, OFFSET, WA, WB, WO, N_WEIGHT };
static const int64_t shape_of_weight[N_WEIGHT][2] = {{C, C}, {C, 0}, {C, 0}, {C, 0}, {H, C}, {H, C}, {C, H}};

/* x, then H C numbers for each weight. */
enum { N_NUMBERS = N * C + N_WEIGHT * H * C };
typedef struct numbers {
  float x[N_NUMBERS];
} numbers;

typedef struct test {
  of3_device device;
  of3_ctx cx;
  of3_arena *arena;
  of3_tensor *x, *weight[N_WEIGHT], *dx, *dweight[N_WEIGHT], *dy;
} test;

static int64_t place_of_weight(int i) { return N * C + i * H * C; }

static int64_t count_of_weight(int i) {
  return shape_of_weight[i][0] * (shape_of_weight[i][1] ? shape_of_weight[i][1] : 1);
}

static void draw(float *x, int64_t n, uint32_t step, float mean, float scale) {
  of3_random_normal((of3_stream){.seed = 5, .purpose = OF3_RANDOM_TEST, .step = step}, x, (size_t)n);
  for (int64_t i = 0; i < n; i++) x[i] = mean + scale * x[i];
}

static numbers draw_all(uint32_t from) {
  numbers all;
  draw(all.x, N * C, from, 0, 1);
  for (int i = 0; i < N_WEIGHT; i++)
    draw(all.x + place_of_weight(i), H * C, from + 1 + (uint32_t)i, i == SCALE, 0.5f);
  return all;
}

static of3_tensor *zeros(of3_ctx *cx, const of3_tensor *t) {
  float zero[N * C + H * C] = {0};
  return of3_from_host(cx, OF3_F32, t->rank, t->shape, zero);
}

static void open_test(test *t, const of3_backend *b, const numbers *all) {
  float dy[N * C];
  of3_error err = {0};
  *t = (test){.arena = of3_arena_new(0)};
  if (of3_device_open(&t->device, b, 0, &err) != OF3_OK ||
      of3_ctx_open(&t->cx, &t->device, 2, 1 << 22, false, &err) != OF3_OK)
    fail_msg("%s", err.text);
  for (int i = 0; i < N_WEIGHT; i++)
    t->weight[i] = of3_constant(&t->cx, t->arena, OF3_F32, shape_of_weight[i][1] ? 2 : 1, shape_of_weight[i],
                                all->x + place_of_weight(i));
  t->x = OF3_FROM_HOST(&t->cx, OF3_F32, all->x, N, C);
  for (int i = 0; i < N_WEIGHT; i++) t->dweight[i] = zeros(&t->cx, t->weight[i]);
  t->dx = zeros(&t->cx, t->x);
  draw(dy, N * C, 1000, 0, 1);
  t->dy = OF3_FROM_HOST(&t->cx, OF3_F32, dy, N, C);
}

static void close_test(test *t) {
  of3_ctx_close(&t->cx);
  of3_device_close(&t->device);
  of3_arena_free(t->arena);
}

static void inner_block(test *t, of3_tensor *y) {
  of3_ctx *cx = &t->cx;
  const of3_scope scope = of3_scope_begin(cx);
  of3_tensor *given = OF3_FROM_HOST(cx, OF3_F32, ((float[]){1, -1, 2, -2, 3, -3}), C);
  of3_add(cx, y, y); /* it reads what it updates */
  of3_add(cx, y, given);
  of3_scope_end(cx, scope);
}

/* Parts of y are updated, added to and overwritten. */
static void outer_block(test *t, of3_tensor *y) {
  of3_ctx *cx = &t->cx;
  const of3_norm_w norm = {t->weight[SCALE], t->weight[OFFSET]};
  const of3_linear_w linear = {t->weight[W], t->weight[B]};
  const of3_transition_w transition = {
      norm, {t->weight[WA], NULL}, {t->weight[WB], NULL}, {t->weight[WO], NULL}};
  const of3_scope scope = of3_scope_begin(cx);
  of3_tensor *h = of3_norm_linear(cx, y, norm, linear, OF3_ACT_SIGMOID);
  of3_transition(cx, y, &transition, NULL);
  of3_activate(cx, of3_narrow(cx, y, 1, 2), OF3_ACT_SILU);
  inner_block(t, y);
  of3_add(cx, of3_narrow(cx, y, 2, 2), of3_narrow(cx, h, 0, 2));
  of3_copy(cx, of3_narrow(cx, y, 0, 1), of3_narrow(cx, h, 3, 1));
  of3_linear_add(cx, y, h, linear, NULL, NULL);
  of3_scope_end(cx, scope);
}

/* A tensor made piece by piece, and twice the same block. x is read before and after. */
static of3_tensor *compute(test *t) {
  of3_ctx *cx = &t->cx;
  of3_tensor *y = of3_linear(cx, t->x, (of3_linear_w){t->weight[W], t->weight[B]}, OF3_ACT_NONE);
  outer_block(t, y);
  outer_block(t, y);
  of3_tensor *z = OF3_NEW(cx, OF3_F32, N, C);
  of3_copy(cx, of3_narrow(cx, z, 0, 2), of3_narrow(cx, y, 3, 2));
  of3_copy(cx, of3_narrow(cx, z, 2, N - 2), of3_narrow(cx, y, 0, N - 2));
  of3_add(cx, z, t->x);
  of3_activate(cx, y, OF3_ACT_RELU); /* of which nothing comes */
  return z;
}

/* ---- recorded */

static of3_tensor *find_weight(void *user, const of3_storage *weight) {
  const test *t = user;
  for (int i = 0; i < N_WEIGHT; i++)
    if (t->weight[i]->storage == weight) return t->dweight[i];
  return NULL;
}

static of3_tensor *find_none(void *user, const of3_storage *weight) {
  (void)user, (void)weight;
  return NULL;
}

static bool choose(void *user, const of3_tape *tape, const of3_tape_block *b) {
  const int *kind = user; /* 1: all blocks, 2: the outer ones, 3: the inner ones */
  (void)tape;
  return *kind == 1 || (*kind == 2 && b->parent < 0) || (*kind == 3 && b->parent >= 0);
}

static void go_back(test *t, of3_tape *tape, of3_weight_gradients weights) {
  of3_error err = {0};
  of3_tape_begin(tape, &t->cx);
  const of3_tensor *z = compute(t);
  of3_tape_stop(tape, &t->cx);
  of3_gradient_of_result(tape, z, t->dy);
  of3_gradient_of_argument(tape, t->x, t->dx);
  of3_tape_back(tape, &t->cx, weights);
  if (of3_ctx_status(&t->cx, &err) != OF3_OK) fail_msg("%s", err.text);
}

static numbers gradients(const of3_backend *b, const numbers *all, int kind) {
  test t;
  numbers out = {0};
  of3_tape tape = {.recomputes = kind ? choose : NULL, .user = &kind};
  open_test(&t, b, all);
  go_back(&t, &tape, (of3_weight_gradients){find_weight, &t});
  of3_download(&t.cx, t.dx, out.x);
  for (int i = 0; i < N_WEIGHT; i++) of3_download(&t.cx, t.dweight[i], out.x + place_of_weight(i));
  of3_tape_end(&tape, &t.cx);
  close_test(&t);
  return out;
}

/* ---- differences */

static double moved(const numbers *all, const numbers *u, double step) {
  test t;
  float z[N * C], dy[N * C];
  double sum = 0;
  numbers at = *all;
  for (int i = 0; i < N_NUMBERS; i++) at.x[i] = (float)((double)at.x[i] + step * (double)u->x[i]);
  open_test(&t, &of3_reference_backend, &at);
  of3_download(&t.cx, compute(&t), z);
  of3_download(&t.cx, t.dy, dy);
  for (int i = 0; i < N * C; i++) sum += (double)z[i] * (double)dy[i];
  close_test(&t);
  return sum;
}

static double difference(const numbers *all, const numbers *u, double h) {
  return (moved(all, u, h) - moved(all, u, -h)) / (2 * h);
}

/* Along one direction in one of the arguments: relative to what the terms add up to if they are independent.
 */
static double error_along(const numbers *all, const numbers *dx, const numbers *u) {
  const double h = 1.0 / 64, slope = (4 * difference(all, u, h / 2) - difference(all, u, h)) / 3;
  double sum = 0, squares = 0;
  for (int i = 0; i < N_NUMBERS; i++) {
    const double term = (double)dx->x[i] * (double)u->x[i];
    sum += term;
    squares += term * term;
  }
  return fabs(slope - sum) / sqrt(squares);
}

static void differences(void **state) {
  const numbers all = draw_all(1), dx = gradients(&of3_reference_backend, &all, 0);
  double worst = 0;
  (void)state;
  for (int arg = -1; arg < N_WEIGHT; arg++) { /* -1: x */
    numbers u = {0};
    if (arg < 0) draw(u.x, N * C, 2000, 0, 1);
    if (arg >= 0) draw(u.x + place_of_weight(arg), count_of_weight(arg), 2001 + (uint32_t)arg, 0, 0.5f);
    worst = fmax(worst, error_along(&all, &dx, &u));
  }
  printf("gradients of a computation: %.1e from their differences\n", worst);
  assert_true(worst <= 4 * MEASURED);
}

static void any_blocks(void **state) {
  const numbers all = draw_all(1), plain = gradients(&of3_reference_backend, &all, 0);
  (void)state;
  for (int kind = 1; kind < 4; kind++) {
    const numbers other = gradients(&of3_reference_backend, &all, kind);
    assert_memory_equal(&plain, &other, sizeof plain);
  }
}

static double deviation(const numbers *a, const numbers *b) {
  double worst = 0, top = 0;
  for (int i = 0; i < N_NUMBERS; i++) {
    const double d = fabs((double)a->x[i] - (double)b->x[i]), size = fabs((double)b->x[i]);
    if (d > worst) worst = d;
    if (size > top) top = size;
  }
  return worst / top;
}

static void backends(void **state) {
  const numbers all = draw_all(1), plain = gradients(&of3_reference_backend, &all, 0);
  const char *isa[MAX_ISA];
  const int n = of3_cpu_isas(isa, MAX_ISA);
  const numbers own = gradients(&own_memory_backend, &all, 1);
  double worst = 0;
  (void)state;
  assert_memory_equal(&plain, &own, sizeof plain);
  for (int i = 0; i < n; i++) {
    const of3_backend *b;
    of3_error err = {0};
    if (of3_cpu_backend(isa[i], OF3_F32, &b, &err) != OF3_OK) fail_msg("%s", err.text);
    const numbers cpu = gradients(b, &all, 1);
    worst = fmax(worst, deviation(&cpu, &plain));
  }
  printf("gradients of all instruction sets: %.1e from the reference\n", worst);
  assert_true(worst <= 4 * MEASURED_ISA);
}

/* Nobody wants the gradients of weights: then none goes through what only they lead to. */
static void not_wanted(void **state) {
  test t;
  of3_tape tape = {0};
  const numbers all = draw_all(1), full = gradients(&of3_reference_backend, &all, 0);
  float dx[N * C];
  (void)state;
  open_test(&t, &of3_reference_backend, &all);
  go_back(&t, &tape, (of3_weight_gradients){find_none, NULL});
  of3_download(&t.cx, t.dx, dx);
  assert_memory_equal(dx, full.x, sizeof dx);
  of3_tape_end(&tape, &t.cx);
  close_test(&t);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(differences), cmocka_unit_test(any_blocks),
                                     cmocka_unit_test(backends), cmocka_unit_test(not_wanted)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
