/* The table of axes: it has every operation, and a call that does not fit is an error that names the
 * argument. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "tensor/backend.h"
#include "tensor/ops_axes.h"

static void every_operation_has_axes(void **state) {
  (void)state;
  for (int op = 0; op < OF3_N_OP; op++) {
    const of3_call call = {.op = (of3_op)op};
    const of3_op_axes *axes = of3_op_axes_of(&call);
    if (!axes->result || !strchr(axes->result, '*')) fail_msg("%s", of3_op_table()[op].name);
    const of3_writes w = of3_op_table()[op].writes;
    if (w.arg != OF3_NO_ARG && !axes->in[w.arg].axes) fail_msg("output of %s", of3_op_table()[op].name);
  }
}

static void open_planner(of3_ctx *cx) {
  static const of3_device reference = {.backend = &of3_reference_backend};
  of3_error err;
  assert_int_equal(of3_ctx_open(cx, &reference, 1, 1 << 20, true, &err), OF3_OK);
}

static void expect_error(of3_ctx *cx, const char *text) {
  of3_error err = {0};
  assert_int_equal(of3_ctx_status(cx, &err), OF3_ERR_INTERNAL);
  assert_string_equal(err.text, text);
  of3_ctx_close(cx);
}

/* Complexes [B] are the last of the leading axes: a mask of each sample is none. */
static void leading_axes_are_the_last_ones(void **state) {
  of3_ctx cx;
  (void)state;
  open_planner(&cx);
  of3_tensor *y = OF3_NEW(&cx, OF3_F32, 5, 2, 7, 3);
  of3_mask_rows(&cx, y, OF3_NEW(&cx, OF3_F32, 2, 7));
  of3_mask_rows(&cx, y, OF3_NEW(&cx, OF3_F32, 1, 7));
  of3_mask_rows(&cx, y, OF3_NEW(&cx, OF3_F32, 5, 2, 7));
  assert_int_equal(of3_ctx_status(&cx, NULL), OF3_OK);
  of3_mask_rows(&cx, y, OF3_NEW(&cx, OF3_F32, 5, 7));
  expect_error(&cx,
               "operation mask_rows: MASK_ROWS_MASK is [5,7], which does not fit its axes ~ with * [5,2,7]");
}

static void a_letter_has_one_length(void **state) {
  of3_ctx cx;
  (void)state;
  open_planner(&cx);
  of3_tensor *x = OF3_NEW(&cx, OF3_F32, 2, 9, 4), *mask = OF3_NEW(&cx, OF3_F32, 8),
             *index = OF3_NEW(&cx, OF3_I32, 2, 6);
  of3_tensor *y = of3_gather(&cx, x, index, NULL);
  assert_int_equal(y->rank, 3);
  assert_int_equal(y->shape[1], 6);
  of3_gather(&cx, x, index, mask);
  expect_error(&cx, "operation gather: GATHER_MASK is [8], which does not fit its axes ~A with * [2]");
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(every_operation_has_axes),
                                     cmocka_unit_test(leading_axes_are_the_last_ones),
                                     cmocka_unit_test(a_letter_has_one_length)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
