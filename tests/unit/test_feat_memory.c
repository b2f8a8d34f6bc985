/* Every allocation between a query and its features made to fail, one after another: the answer is an
 * error of memory, and nothing leaks or crashes. Linked with --wrap, so that our calls of malloc and its
 * kin come here first; those inside jansson and zlib do not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "feat/build.h"
#include "model/feature_file.h"

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

static of3_status build(const char *path, of3_error *err) {
  const of3_feature_mode mode = of3_feature_mode_of(OF3_OB);
  of3_query_set set = {0};
  of3_complex complex = {0};
  of3_features features = {0};
  of3_status st = of3_query_open(path, &set, err);
  if (st == OF3_OK) st = of3_complex_build(&set.query[0], NULL, &complex, err);
  if (st == OF3_OK) st = of3_features_build(&complex, &set.query[0], &mode, 1, NULL, &features, err);
  of3_features_free(&features);
  of3_complex_free(&complex);
  of3_query_set_free(&set);
  return st;
}

static of3_status read_file(const char *path, of3_error *err) {
  of3_features features = {0};
  of3_status st = of3_features_read(path, &features, err);
  if (st == OF3_OK) st = of3_features_write("test_feat_memory.tmp", &features, err);
  of3_features_free(&features);
  remove("test_feat_memory.tmp");
  return st;
}

/* How many allocations `attempt` makes; each of them failed once. */
static int exhaust(of3_status (*attempt)(const char *path, of3_error *err), const char *path) {
  for (int n = 1; n < 10000; n++) {
    of3_error err = {0};
    countdown = n;
    of3_status st = attempt(path, &err);
    bool failed = countdown == 0;
    countdown = 0;
    if (!failed) {
      if (st != OF3_OK) fail_msg("%s", err.text);
      return n - 1;
    }
    if (st != OF3_ERR_MEMORY) fail_msg("allocation %d gives status %d: %s", n, st, err.text);
  }
  fail_msg("allocations without end");
  return 0;
}

static void test_queries(void **state) {
  (void)state;
  assert_true(exhaust(build, "tests/fixtures/features/a3m.json") > 10);
  assert_true(exhaust(build, "tests/fixtures/features/sto.json") > 10);
  assert_true(exhaust(build, "tests/fixtures/features/npz.json") > 10);
  assert_true(exhaust(build, "tests/fixtures/features/folder.json") > 10);
  assert_true(exhaust(build, "MKV") > 5);
}

static void test_files(void **state) {
  (void)state;
  assert_true(exhaust(read_file, "tests/fixtures/features/made_up.safetensors") > 5);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_queries),
      cmocka_unit_test(test_files),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
