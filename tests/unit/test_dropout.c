/* Masks of dropout (model/network.h): how much they leave out, what shares them, and what they depend on. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "model/run.h"
#include "tensor/backend.h"

enum { R = 40, S = 50, C = 32, ALL = R * S * C };

/* An update of zeros by ones, of which parts are left out; y [R,S,C] comes back. */
static void drop(uint64_t seed, uint32_t step, const char *place, bool columns, float *y) {
  of3_device device;
  of3_ctx cx;
  of3_error err = {0};
  const of3_dropout dropout = {.seed = seed, .step = step};
  static float ones[ALL];
  if (of3_device_open(&device, &of3_reference_backend, 0, &err) != OF3_OK ||
      of3_ctx_open(&cx, &device, 1, (size_t)1 << 24, false, &err) != OF3_OK)
    fail_msg("%s", err.text);
  const of3_run r = {.cx = &cx, .dropout = &dropout, .in = {.n = 1}, .scope = ""};
  for (int i = 0; i < ALL; i++) ones[i] = 1;
  of3_tensor *t = OF3_NEW(&cx, OF3_F32, 1, R, S, C), *before;
  memset(y, 0, ALL * sizeof *y);
  of3_upload(&cx, t, y);
  before = of3_before_update(&r, t);
  of3_upload(&cx, t, ones);
  of3_drop_update(&r, t, before, columns, 0.25, "%s", place);
  of3_download(&cx, t, y);
  if (of3_ctx_status(&cx, &err) != OF3_OK) fail_msg("%s", err.text);
  of3_ctx_close(&cx);
  of3_device_close(&device);
}

static void rows_and_columns_share(void **state) {
  static float y[ALL];
  (void)state;
  for (int columns = 0; columns < 2; columns++) {
    int kept = 0;
    const int own = columns ? R : S;
    drop(1, 2, "a", columns, y);
    for (int i = 0; i < ALL; i++) {
      const int row = i / C / S, column = i / C % S;
      assert_true(y[i] == 0 || fabsf(y[i] - 4.0f / 3) < 1e-6f);
      assert_true(y[i] == (columns ? y[row * S * C + i % C] : y[column * C + i % C]));
      kept += y[i] > 0 && (columns ? column == 0 : row == 0);
    }
    /* of own * C masks; five deviations */
    assert_true(fabs(kept / (double)(own * C) - 0.75) < 5 * sqrt(0.75 * 0.25 / (own * C)));
  }
}

static void masks_follow_seed_step_and_place(void **state) {
  static float y[ALL], again[ALL];
  (void)state;
  drop(1, 2, "a", false, y);
  drop(1, 2, "a", false, again);
  assert_memory_equal(y, again, sizeof y);
  drop(2, 2, "a", false, again);
  assert_memory_not_equal(y, again, sizeof y);
  drop(1, 3, "a", false, again);
  assert_memory_not_equal(y, again, sizeof y);
  drop(1, 2, "b", false, again);
  assert_memory_not_equal(y, again, sizeof y);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(rows_and_columns_share),
                                     cmocka_unit_test(masks_follow_seed_step_and_place)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
