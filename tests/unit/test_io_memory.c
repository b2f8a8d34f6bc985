/* Every allocation of the readers and of the conversion made to fail, one after another: the answer is an
 * error, and nothing leaks or crashes. Calls inside jansson do not fail here: jansson 2.14 can lose
 * characters of a string when memory is out. */
#define _POSIX_C_SOURCE 200809L
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "allocations.h"
#include "io/checkpoint.h"
#include "io/convert.h"

static of3_status open_checkpoint(const char *path, of3_error *err) {
  of3_checkpoint c = {0};
  OF3_TRY(of3_checkpoint_open(path, &c, err));
  assert_int_equal(c.weights.n, strstr(path, "strided")  ? 6
                                : strstr(path, "mixed")  ? 5
                                : strstr(path, "memory") ? 9
                                                         : 3);
  of3_checkpoint_close(&c);
  return OF3_OK;
}

static of3_status convert(const char *path, of3_error *err) {
  char out[64];
  snprintf(out, sizeof out, "/tmp/of3-test-memory-%ld", (long)getpid());
  of3_status status = of3_checkpoint_convert(path, out, OF3_BF16, NULL, NULL, NULL, err);
  if (status == OF3_OK) status = open_checkpoint(out, err);
  unlink(out);
  return status;
}

static void checkpoints(void **state) {
  (void)state;
  assert_true(allocation_exhaust(open_checkpoint, "tests/fixtures/io/lightning.pt") > 5);
  assert_true(allocation_exhaust(open_checkpoint, "tests/fixtures/io/strided.pt") > 5);
  assert_true(allocation_exhaust(open_checkpoint, "tests/fixtures/io/deepspeed") > 5);
}

static void safetensors(void **state) {
  (void)state;
  assert_true(allocation_exhaust(open_checkpoint, "tests/fuzz/corpus/fuzz_safetensors/mixed.safetensors") >=
              5);
}

static void conversion(void **state) {
  (void)state;
  assert_true(allocation_exhaust(convert, "tests/fixtures/io/dtypes.pt") > 5);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(checkpoints), cmocka_unit_test(safetensors),
                                     cmocka_unit_test(conversion)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
