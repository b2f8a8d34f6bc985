/* Every allocation of the readers made to fail, one after another: the answer is an
 * error, and nothing leaks or crashes. Calls inside jansson do not fail here: jansson 2.14 can lose
 * characters of a string when memory is out. */
#define _POSIX_C_SOURCE 200809L
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "allocations.h"
#include "io/checkpoint.h"

static of3_status open_checkpoint(const char *path, of3_error *err) {
  of3_checkpoint c = {0};
  OF3_TRY(of3_checkpoint_open(path, SIZE_MAX, &c, err));
  assert_int_equal(c.weights.n, strstr(path, "strided")  ? 6
                                : strstr(path, "mixed")  ? 5
                                : strstr(path, "memory") ? 9
                                                         : 3);
  of3_checkpoint_close(&c);
  return OF3_OK;
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

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(checkpoints), cmocka_unit_test(safetensors)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
