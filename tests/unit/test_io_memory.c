/* Every allocation of the readers and of the conversion made to fail, one after another: the answer is an
 * error, and nothing leaks or crashes. Linked with --wrap, so that our calls of malloc and its kin come here
 * first; those inside jansson, zlib and stdio do not (jansson 2.14 can lose characters of a string when
 * memory is out). */
#define _POSIX_C_SOURCE 200809L
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "io/checkpoint.h"
#include "io/convert.h"

void *__real_malloc(size_t n);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *p, size_t n);
void *__real_aligned_alloc(size_t align, size_t n);
void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *p, size_t n);
void *__wrap_aligned_alloc(size_t align, size_t n);

static int countdown; /* allocations until one fails; 0: none fails */

static bool fails(void) { return countdown > 0 && --countdown == 0; }

void *__wrap_malloc(size_t n) { return fails() ? NULL : __real_malloc(n); }
void *__wrap_calloc(size_t count, size_t size) { return fails() ? NULL : __real_calloc(count, size); }
void *__wrap_realloc(void *p, size_t n) { return fails() ? NULL : __real_realloc(p, n); }
void *__wrap_aligned_alloc(size_t align, size_t n) { return fails() ? NULL : __real_aligned_alloc(align, n); }

/* Runs `attempt` with the first, second, ... allocation failing until it succeeds without any failure;
 * returns how many failures it took. */
static int exhaust(of3_status (*attempt)(const char *path, of3_error *err), const char *path) {
  for (int n = 1; n < 10000; n++) {
    of3_error err = {0};
    countdown = n;
    of3_status status = attempt(path, &err);
    bool failed = countdown == 0;
    countdown = 0;
    if (!failed) {
      if (status != OF3_OK) fail_msg("%s", err.text);
      return n - 1;
    }
    if (status != OF3_ERR_MEMORY) fail_msg("allocation %d gives status %d: %s", n, status, err.text);
  }
  fail_msg("allocations without end");
  return 0;
}

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
  assert_true(exhaust(open_checkpoint, "tests/fixtures/io/lightning.pt") > 5);
  assert_true(exhaust(open_checkpoint, "tests/fixtures/io/strided.pt") > 5);
  assert_true(exhaust(open_checkpoint, "tests/fixtures/io/deepspeed") > 5);
}

static void safetensors(void **state) {
  (void)state;
  assert_true(exhaust(open_checkpoint, "tests/fuzz/corpus/fuzz_safetensors/mixed.safetensors") >= 5);
}

static void conversion(void **state) {
  (void)state;
  assert_true(exhaust(convert, "tests/fixtures/io/dtypes.pt") > 5);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(checkpoints), cmocka_unit_test(safetensors),
                                     cmocka_unit_test(conversion)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
