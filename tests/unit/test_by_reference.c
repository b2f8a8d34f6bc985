/* Operations that no kernel does, on a backend whose memory the host cannot address (own_memory.h): arguments
 * that share places, memory as planned and no more, what the log says, regions, a device's life. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "allocations.h"
#include "own_memory.h"

enum { ROWS = 6, WIDTH = 4, COUNT = ROWS * WIDTH, LINES = 32, LINE = 256 };

typedef struct lines {
  int n;
  char text[LINES][LINE];
} lines;

static void keep_line(void *user, of3_level level, const char *text) {
  lines *l = user;
  assert_int_equal(level, OF3_LOG_DEBUG);
  assert_true(l->n < LINES);
  strncpy(l->text[l->n++], text, LINE - 1);
}

static of3_device open_device_of(const of3_backend *b) {
  of3_device d;
  of3_error err = {0};
  if (of3_device_open(&d, b, 0, &err) != OF3_OK) fail_msg("%s", err.text);
  return d;
}

static void open_on(of3_ctx *cx, const of3_device *d, size_t limit, bool planning) {
  of3_error err = {0};
  if (of3_ctx_open(cx, d, 1, limit, planning, &err) != OF3_OK) fail_msg("%s", err.text);
}

static of3_tensor *counted(of3_ctx *cx, float first) {
  float host[COUNT];
  for (int i = 0; i < COUNT; i++) host[i] = first + (float)i;
  return OF3_FROM_HOST(cx, OF3_F32, host, ROWS, WIDTH);
}

/* Adds rows to others of the same tensor, copies a tensor onto itself, and writes through views of other
 * shape. */
static of3_tensor *share_places(of3_ctx *cx) {
  of3_tensor *x = counted(cx, 1);
  of3_add(cx, of3_narrow(cx, x, 0, 2), of3_narrow(cx, x, 4, 2));
  of3_add(cx, x, x);
  of3_copy(cx, x, x);
  of3_activate(cx, OF3_RESHAPE(cx, of3_narrow(cx, x, 1, 4), 2, 2, WIDTH), OF3_ACT_SILU);
  of3_copy(cx, of3_narrow(cx, x, 5, 1), of3_narrow(cx, counted(cx, 100), 0, 1));
  return x;
}

static void shared_places(void **state) {
  (void)state;
  const of3_device host = {.backend = &of3_reference_backend};
  of3_device own = open_device_of(&own_memory_backend);
  float expected[COUNT], found[COUNT];
  of3_ctx a, b;
  open_on(&a, &host, 1 << 20, false);
  open_on(&b, &own, 1 << 20, false);
  of3_download(&a, share_places(&a), expected);
  of3_download(&b, share_places(&b), found);
  assert_int_equal(of3_ctx_status(&a, NULL), OF3_OK);
  assert_int_equal(of3_ctx_status(&b, NULL), OF3_OK);
  assert_true(expected[0] == 2 * (1 + 17)); /* 1 .. 24, rows of 4: row 0 plus row 4, doubled */
  assert_memory_equal(expected, found, sizeof found);
  assert_int_equal(b.n_by_reference, b.n_ops);
  of3_ctx_close(&a);
  of3_ctx_close(&b);
  of3_device_close(&own);
}

/* Images are part of the plan, which is kept to the byte; with one byte less there is an error. */
static void memory_as_planned(void **state) {
  (void)state;
  of3_device own = open_device_of(&own_memory_backend);
  of3_ctx cx;
  of3_error err = {0};
  open_on(&cx, &own, (size_t)1 << 30, true);
  share_places(&cx);
  const size_t plan = cx.peak, tensors = cx.top;
  of3_ctx_close(&cx);
  assert_true(plan >= tensors + 2 * COUNT * sizeof(float) / ROWS); /* images of two rows at least */
  open_on(&cx, &own, plan + 64, false);
  share_places(&cx);
  assert_int_equal(of3_ctx_status(&cx, &err), OF3_OK);
  assert_int_equal(cx.peak, plan);
  of3_ctx_close(&cx);
  open_on(&cx, &own, plan - 64, false);
  share_places(&cx);
  assert_int_equal(of3_ctx_status(&cx, &err), OF3_ERR_MEMORY);
  assert_non_null(strstr(err.text, "of memory allowed for it"));
  of3_ctx_close(&cx);
  of3_device_close(&own);
}

/* Each operation and shape is told once, and all calls are counted at the end. */
static void what_the_log_says(void **state) {
  (void)state;
  of3_device own = open_device_of(&own_memory_backend);
  lines l = {0};
  const of3_log log = {.sink = keep_line, .user = &l, .least = OF3_LOG_DEBUG};
  of3_ctx cx;
  open_on(&cx, &own, 1 << 20, false);
  cx.log = &log;
  of3_tensor *x = counted(&cx, 0);
  for (int i = 0; i < 3; i++) of3_add(&cx, x, x);
  for (int i = 0; i < 2; i++) of3_add(&cx, of3_narrow(&cx, x, 0, 1), of3_narrow(&cx, x, 1, 1));
  of3_activate(&cx, x, OF3_ACT_RELU);
  assert_int_equal(l.n, 3);
  assert_string_equal(l.text[0],
                      "reference: add 6x4: own-memory has no kernel, its arguments are copied to the host "
                      "and back");
  assert_non_null(strstr(l.text[1], "reference: add 1x4: "));
  assert_non_null(strstr(l.text[2], "reference: act 6x4: "));
  of3_ctx_close(&cx);
  assert_int_equal(l.n, 4);
  assert_string_equal(l.text[3], "calls that the reference did: act 1, add 5");
  of3_device_close(&own);
}

typedef struct step {
  of3_ctx *cx;
  of3_tensor *x;
  int calls;
} step;

static void step_body(void *user) {
  step *s = user;
  s->calls++;
  of3_add(s->cx, s->x, s->x);
}

/* The backend refuses to be asked for a record (own_memory.c). */
static void regions_run_the_body(void **state) {
  (void)state;
  enum { RUNS = 4 };
  of3_device own = open_device_of(&own_memory_backend);
  of3_ctx cx;
  float out[COUNT];
  open_on(&cx, &own, 1 << 20, false);
  step s = {.cx = &cx, .x = counted(&cx, 1)};
  of3_region region = {.body = step_body, .user = &s, .in = &s.x, .n_in = 1, .out = &s.x, .n_out = 1};
  for (int i = 0; i < RUNS; i++) of3_region_run(&cx, &region);
  of3_download(&cx, s.x, out);
  assert_int_equal(of3_ctx_status(&cx, NULL), OF3_OK);
  assert_int_equal(s.calls, RUNS);
  assert_true(out[0] == 16 && out[COUNT - 1] == 16 * COUNT);
  of3_region_close(&cx, &region);
  of3_ctx_close(&cx);
  of3_device_close(&own);
}

/* Transitions on both kinds of backend: of memory, in whichever place it is out, an error is said. */
static of3_status transition_on(const of3_device *d, of3_error *err) {
  float weight[2 * WIDTH * WIDTH] = {0};
  of3_ctx cx;
  OF3_TRY(of3_ctx_open(&cx, d, 1, 1 << 20, false, err));
  const of3_transition_w w = {.a.w = OF3_FROM_HOST(&cx, OF3_F32, weight, 2 * WIDTH, WIDTH),
                              .b.w = OF3_FROM_HOST(&cx, OF3_F32, weight, 2 * WIDTH, WIDTH),
                              .out.w = OF3_FROM_HOST(&cx, OF3_F32, weight, WIDTH, 2 * WIDTH)};
  of3_transition(&cx, counted(&cx, 1), &w, NULL);
  const of3_status status = of3_ctx_status(&cx, err);
  of3_ctx_close(&cx);
  return status;
}

static of3_status transition_on_host(const char *path, of3_error *err) {
  (void)path;
  return transition_on(&(of3_device){.backend = &of3_reference_backend}, err);
}

static of3_status transition_elsewhere(const char *path, of3_error *err) {
  (void)path;
  of3_device d;
  OF3_TRY(of3_device_open(&d, &own_memory_backend, 0, err));
  const of3_status status = transition_on(&d, err);
  of3_device_close(&d);
  return status;
}

static void memory_is_out(void **state) {
  (void)state;
  assert_int_equal(allocation_exhaust(transition_on_host, NULL), 1); /* the reference's scratch */
  assert_true(allocation_exhaust(transition_elsewhere, NULL) > 2);
}

static void devices(void **state) {
  (void)state;
  of3_device d;
  of3_error err = {0};
  char text[OF3_DEVICE_TEXT];
  assert_int_equal(of3_device_open(&d, &own_memory_backend, 1, &err), OF3_ERR_USAGE);
  assert_string_equal(err.text,
                      "the backend own-memory has 1 device here, numbered from 0; there is no device 1");
  d = open_device_of(&own_memory_backend);
  assert_string_equal(of3_device_text(&d, 2, text), "own-memory");
  assert_int_equal(of3_device_usable(&d, 7), 7);
  of3_device_close(&d);
  of3_device_close(&d); /* {0} */
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(shared_places),     cmocka_unit_test(memory_as_planned),
      cmocka_unit_test(what_the_log_says), cmocka_unit_test(regions_run_the_body),
      cmocka_unit_test(memory_is_out),     cmocka_unit_test(devices)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
