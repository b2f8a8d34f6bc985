/* Which folds run side by side: every item once, all threads dealt out, small items many at a time, large
 * ones alone, and no group that ends with a lone item on a few threads. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "api/worker_groups.h"

enum { MOST = 100 };

static of3_worker_group first_group(int n, const int *size, int threads, int jobs) {
  of3_group_request r = {.size = size, .n = n, .threads = threads, .jobs = jobs};
  return of3_next_group(&r);
}

static void expect(of3_worker_group w, int n, int workers) {
  if (w.n != n || w.workers != workers)
    fail_msg("%d items on %d workers instead of %d on %d", w.n, w.workers, n, workers);
}

static void equal_items_end_together(void **state) {
  int small[MOST];
  (void)state;
  for (int i = 0; i < MOST; i++) small[i] = 76;
  expect(first_group(48, small, 16, 0), 48, 16);
  expect(first_group(21, small, 16, 0), 16, 16);
  expect(first_group(5, small, 16, 0), 5, 5); /* the other five, on three threads each and one on four */
  expect(first_group(1, small, 16, 0), 1, 1);
  expect(first_group(7, small, 2, 0), 6, 2);
  expect(first_group(7, small, 1, 0), 7, 1);
}

static void large_items_run_alone(void **state) {
  const int mixed[] = {30, 40, 50, 60, 400, 500}, pair[] = {76, 300},
            steps[] = {76, 76, 76, 150, 150, 150, 150};
  (void)state;
  expect(first_group(2, mixed + 4, 16, 0), 2, 1);
  expect(first_group(6, mixed, 16, 0), 4, 4);
  expect(first_group(6, mixed, 2, 0), 4, 2);
  expect(first_group(2, pair, 2, 0), 2, 1);
  expect(first_group(7, steps, 16, 0), 4,
         4); /* three small ones are too few for more workers than larger ones get */
  expect(first_group(1, (int[]){100000}, 64, 0), 1, 1);
}

static void a_number_that_is_asked_for_is_kept(void **state) {
  const int mixed[] = {30, 40, 50, 60, 400, 500, 600};
  (void)state;
  expect(first_group(7, mixed, 16, 3), 6, 3);
  expect(first_group(1, mixed + 6, 16, 3), 1, 1);
  expect(first_group(2, mixed, 16, 3), 2, 2);
  expect(first_group(7, mixed, 16, 1), 7, 1);
}

static int batch_of(int n, const int *size, int batch, int tokens) {
  const of3_batch_request r = {.size = size, .n = n, .batch = batch, .tokens = tokens};
  return of3_batch_of(&r);
}

static void small_items_are_a_batch(void **state) {
  const int sizes[] = {12, 14, 16, 17, 30, 40, 500};
  int one[MOST];
  (void)state;
  for (int i = 0; i < MOST; i++) one[i] = 1;
  assert_int_equal(batch_of(7, sizes, 0, 64), 3);     /* with 17 they have 68 tokens */
  assert_int_equal(batch_of(7, sizes, 0, 32), 2);     /* with 16 they have 48 */
  assert_int_equal(batch_of(7, sizes + 3, 0, 64), 1); /* 30 pads 17 too much */
  assert_int_equal(batch_of(1, sizes, 0, 64), 1);
  assert_int_equal(batch_of(7, sizes, 0, 0), 1);  /* the backend does not gain */
  assert_int_equal(batch_of(7, sizes, 5, 64), 5); /* as was asked for, whatever the sizes */
  assert_int_equal(batch_of(2, sizes, 5, 64), 2);
  assert_int_equal(batch_of(MOST, one, 0, 1 << 20), OF3_MOST_BATCH);
  assert_int_equal(batch_of(MOST, one, MOST, 64), OF3_MOST_BATCH);
}

static void every_item_is_in_one_group(void **state) {
  (void)state;
  srand(1);
  for (int trial = 0; trial < 2000; trial++) {
    int size[MOST], n = 1 + rand() % MOST, threads = 1 + rand() % 40, at = 0;
    int jobs = rand() % 3 ? 0 : 1 + rand() % threads;
    size[0] = 1 + rand() % 80;
    for (int i = 1; i < n; i++) size[i] = size[i - 1] + rand() % 12;
    while (at < n) {
      of3_worker_group w = first_group(n - at, size + at, threads, jobs);
      int sum = 0;
      assert_true(w.workers >= 1 && w.workers <= threads && w.n > 0 && w.n % w.workers == 0 && at + w.n <= n);
      for (int i = 0; i < w.workers; i++) {
        assert_true(of3_worker_threads(threads, w.workers, i) >= 1);
        sum += of3_worker_threads(threads, w.workers, i);
      }
      assert_int_equal(sum, threads);
      at += w.n;
    }
    assert_int_equal(at, n);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(equal_items_end_together), cmocka_unit_test(large_items_run_alone),
      cmocka_unit_test(a_number_that_is_asked_for_is_kept), cmocka_unit_test(every_item_is_in_one_group),
      cmocka_unit_test(small_items_are_a_batch)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
