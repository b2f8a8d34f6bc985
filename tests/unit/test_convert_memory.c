/* Every allocation of a conversion made to fail, one after another: the answer is an error, nothing leaks,
 * crashes or is left behind. */
#define _POSIX_C_SOURCE 200809L
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>

#include <cmocka.h>

#include "allocations.h"
#include "model/convert.h"

static of3_status convert(const char *path, of3_error *err) {
  char out[64];
  snprintf(out, sizeof out, "/tmp/of3-test-memory-%ld", (long)getpid());
  of3_status status = of3_checkpoint_convert(&of3_reference_backend, path, out, OF3_BF16, NULL, NULL, err);
  assert_int_equal(access(out, F_OK) == 0, status == OF3_OK);
  unlink(out);
  return status;
}

static void conversion(void **state) {
  (void)state;
  assert_true(allocation_exhaust(convert, "tests/fixtures/parity/checkpoint_ob.safetensors") > 5);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(conversion)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
