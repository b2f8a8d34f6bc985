/* Every allocation between a query and its features made to fail, one after another: the answer is an
 * error of memory, and nothing leaks or crashes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "allocations.h"
#include "dialect/dialect.h"
#include "feat/build.h"
#include "featfile/feature_file.h"

static of3_status build(const char *path, of3_error *err) {
  const of3_feature_mode mode = of3_feature_mode_of(OF3_OB);
  of3_query_set set = {0};
  of3_complex complex = {0};
  of3_features features = {0};
  of3_status st = of3_query_open(path, SIZE_MAX, &set, err);
  if (st == OF3_OK) st = of3_complex_build(&set.query[0], NULL, NULL, &complex, err);
  if (st == OF3_OK) st = of3_features_build(&complex, &set.query[0], &mode, 1, NULL, &features, err);
  of3_features_free(&features);
  of3_complex_free(&complex);
  of3_query_set_free(&set);
  return st;
}

static of3_status read_query(const char *path, of3_error *err) {
  of3_query_set set = {0};
  of3_status st = of3_query_open(path, SIZE_MAX, &set, err);
  of3_query_set_free(&set);
  return st;
}

static of3_status read_file(const char *path, of3_error *err) {
  of3_features features = {0};
  of3_status st = of3_features_read(path, &features, err);
  if (st == OF3_OK) st = of3_features_write("test_feat_memory.tmp", &features, NULL, err);
  of3_features_free(&features);
  remove("test_feat_memory.tmp");
  return st;
}

static void test_queries(void **state) {
  (void)state;
  assert_true(allocation_exhaust(build, "tests/fixtures/features/a3m.json") > 10);
  assert_true(allocation_exhaust(build, "tests/fixtures/features/sto.json") > 10);
  assert_true(allocation_exhaust(build, "tests/fixtures/features/npz.json") > 10);
  assert_true(allocation_exhaust(build, "tests/fixtures/features/folder.json") > 10);
  assert_true(allocation_exhaust(build, "MKV") > 5);
}

static void test_dialects(void **state) {
  (void)state;
  static const char *const files[] = {"af3.json",    "server.json", "boltz.yaml",
                                      "boltz.fasta", "chai.fasta",  "entry.fasta"};
  for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
    char path[64];
    snprintf(path, sizeof path, "tests/fixtures/dialect/%s", files[i]);
    assert_true(allocation_exhaust(read_query, path) > 3);
  }
}

static void test_files(void **state) {
  (void)state;
  assert_true(allocation_exhaust(read_file, "tests/fixtures/features/made_up.safetensors") > 5);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_queries),
      cmocka_unit_test(test_dialects),
      cmocka_unit_test(test_files),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
