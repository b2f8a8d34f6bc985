/* Regions on the reference, the CPU backend and, where it is, MLX; on a backend without kernels in
 * test_by_reference.c: runs that repeat a record give what the
 * body gives, costs are counted in each run, and what a region must not do is an error.
 *
 *   test_region [mlx]      mlx: that backend only; exits with 77 where there is none */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "cpu/cpu.h"
#include "mlx/open.h"
#include "tensor/backend.h"

enum { ROWS = 24, WIDTH = 16, RUNS = 5 };

/* x = factor * x + silu(bias + x W^T), where factor changes from run to run. */
typedef struct step {
  of3_ctx *cx;
  of3_tensor *x, *factor, *w, *bias, *other;
  int calls; /* of the body */
  bool uploads, writes_other;
} step;

static void body(void *user) {
  step *s = user;
  const float one = 1;
  s->calls++;
  if (s->uploads) OF3_FROM_HOST(s->cx, OF3_F32, &one, 1);
  of3_tensor *scaled = of3_combine(s->cx, s->x, s->factor, NULL, NULL, NULL);
  of3_add(s->cx, scaled, of3_linear(s->cx, s->x, (of3_linear_w){s->w, s->bias}, OF3_ACT_SILU));
  of3_copy(s->cx, s->x, scaled);
  if (s->writes_other) of3_copy(s->cx, s->other, scaled);
}

static of3_tensor *waves(of3_ctx *cx, int64_t rows, int64_t columns, double step_) {
  float host[ROWS * WIDTH];
  for (int64_t i = 0; i < rows * columns; i++) host[i] = (float)sin(step_ * (double)(i + 1));
  return OF3_FROM_HOST(cx, OF3_F32, host, rows, columns);
}

static step make_step(of3_ctx *cx) {
  return (step){.cx = cx,
                .x = waves(cx, ROWS, WIDTH, 0.1),
                .w = waves(cx, WIDTH, WIDTH, 0.7),
                .bias = of3_reshape(cx, waves(cx, 1, WIDTH, 0.3), 1, (int64_t[]){WIDTH}),
                .other = waves(cx, ROWS, WIDTH, 0.2)};
}

/* Some runs; `recorded`: through a region. */
static void run(step *s, bool recorded, float *out) {
  of3_tensor *in[2];
  of3_region region = {.body = body, .user = s, .in = in, .n_in = 2, .out = in, .n_out = 1};
  for (int i = 0; i < RUNS; i++) {
    of3_scope scope = of3_scope_begin(s->cx);
    const float factor = 0.5f + 0.1f * (float)i;
    s->factor = OF3_FROM_HOST(s->cx, OF3_F32, &factor, 1);
    in[0] = s->x;
    in[1] = s->factor;
    if (recorded)
      of3_region_run(s->cx, &region);
    else
      body(s);
    of3_scope_end(s->cx, scope);
    of3_flush(s->cx, &s->x, 1);
  }
  of3_download(s->cx, s->x, out);
  of3_region_close(s->cx, &region);
}

static void open_on(const of3_device *d, of3_ctx *cx) {
  of3_error err = {0};
  if (of3_ctx_open(cx, d, 1, 1 << 24, false, &err) != OF3_OK) fail_msg("%s", err.text);
}

static void same_as_the_body(const of3_device *d) {
  float plain[ROWS * WIDTH], repeated[ROWS * WIDTH];
  double flops[2];
  int calls = 0;
  for (int recorded = 0; recorded < 2; recorded++) {
    of3_ctx cx;
    open_on(d, &cx);
    step s = make_step(&cx);
    run(&s, recorded != 0, recorded ? repeated : plain);
    assert_int_equal(of3_ctx_status(&cx, NULL), OF3_OK);
    flops[recorded] = cx.flops;
    calls = s.calls;
    of3_ctx_close(&cx);
  }
  assert_true(flops[0] == flops[1]);
  assert_true(calls == RUNS || (d->backend->region && calls == 2));
  assert_memory_equal(plain, repeated, sizeof plain);
}

static void expect_failure(const of3_device *d, bool uploads, const char *text) {
  of3_ctx cx;
  of3_error err = {0};
  float out[ROWS * WIDTH];
  open_on(d, &cx);
  step s = make_step(&cx);
  s.uploads = uploads;
  s.writes_other = !uploads;
  run(&s, true, out);
  assert_int_equal(of3_ctx_status(&cx, &err), OF3_ERR_INTERNAL);
  assert_non_null(strstr(err.text, text));
  of3_ctx_close(&cx);
}

/* An operation inside that the backend does not do is done by the reference, and the body runs each time. */
static const of3_backend *all_kernels;

static const of3_kernel *all_but_add(const of3_ctx *cx, of3_op op, of3_direction direction) {
  return op == OF3_OP_ADD ? NULL : all_kernels->kernel(cx, op, direction);
}

static void reference_inside(const of3_device *d) {
  float whole[ROWS * WIDTH], parted[ROWS * WIDTH];
  of3_backend b = *d->backend;
  of3_device without = *d;
  of3_ctx cx;
  all_kernels = d->backend;
  b.kernel = all_but_add;
  without.backend = &b;
  for (int i = 0; i < 2; i++) {
    open_on(i ? &without : d, &cx);
    step s = make_step(&cx);
    run(&s, true, i ? parted : whole);
    assert_int_equal(of3_ctx_status(&cx, NULL), OF3_OK);
    if (i) {
      assert_int_equal(s.calls, RUNS);
      assert_true(cx.n_by_reference >= RUNS);
    }
    of3_ctx_close(&cx);
  }
  assert_memory_equal(whole, parted, sizeof whole);
}

/* What is made inside lies at the same addresses in each run. */
static void at_another_height(const of3_device *d) {
  of3_ctx cx;
  of3_error err = {0};
  open_on(d, &cx);
  step s = make_step(&cx);
  const float factor = 0.5f;
  s.factor = OF3_FROM_HOST(&cx, OF3_F32, &factor, 1);
  of3_tensor *const in[] = {s.x, s.factor};
  of3_region region = {.body = body, .user = &s, .in = in, .n_in = 2, .out = in, .n_out = 1};
  of3_region_run(&cx, &region);
  of3_region_run(&cx, &region);
  assert_int_equal(of3_ctx_status(&cx, NULL), OF3_OK);
  OF3_NEW(&cx, OF3_F32, 1);
  of3_region_run(&cx, &region);
  assert_int_equal(of3_ctx_status(&cx, &err), OF3_ERR_INTERNAL);
  assert_non_null(strstr(err.text, "begins at another height of the stack"));
  of3_region_close(&cx, &region);
  of3_ctx_close(&cx);
}

static void check(const of3_device *d) {
  same_as_the_body(d);
  reference_inside(d);
  at_another_height(d);
  expect_failure(d, true, "a region copies to or from host memory");
  if (d->backend->region) expect_failure(d, false, "writes a tensor that is not among its outputs");
}

static void on_host_memory(void **state) {
  const of3_backend *cpu;
  of3_error err = {0};
  (void)state;
  check(&(of3_device){.backend = &of3_reference_backend});
  if (of3_cpu_backend(NULL, OF3_F32, &cpu, &err) != OF3_OK) fail_msg("%s", err.text);
  check(&(of3_device){.backend = cpu});
}

static void on_mlx(void **state) { check(*state); }

int main(int argc, char **argv) {
  of3_error err = {0};
  const of3_backend *backend;
  of3_device mlx;
  const struct CMUnitTest plain[] = {cmocka_unit_test(on_host_memory)};
  if (argc < 2 || strcmp(argv[1], "mlx") != 0) return cmocka_run_group_tests(plain, NULL, NULL);
  if (of3_mlx_backend(OF3_F32, &backend, &err) != OF3_OK ||
      of3_device_open(&mlx, backend, 0, &err) != OF3_OK) {
    printf("skipped: %s\n", err.text);
    return 77;
  }
  const struct CMUnitTest on[] = {cmocka_unit_test_prestate(on_mlx, &mlx)};
  return cmocka_run_group_tests(on, NULL, NULL);
}
