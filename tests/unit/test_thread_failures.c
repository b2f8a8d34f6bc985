/* Threads that cannot be started, the first, second ... of those that are asked for: no pool, a group of
 * which nobody works, one sentence, and folds one after the other where nobody asked for several side by
 * side. */
#define _DEFAULT_SOURCE /* mkdtemp */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/task_group.h"
#include "base/threads.h"
#include "folder.h"
#include "of3.h"

enum { THREADS = 4, SEEDS = 4, ALL = 1000 };

static int may_start = ALL; /* threads from now on */

int __real_pthread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*run)(void *), void *arg);
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*run)(void *), void *arg) {
  return may_start-- > 0 ? __real_pthread_create(thread, attr, run, arg) : EAGAIN;
}

static void there_is_no_pool(void **state) {
  (void)state;
  for (int n = 0; n < THREADS - 1; n++) {
    may_start = n;
    assert_null(of3_pool_new(THREADS));
  }
  may_start = THREADS - 1;
  of3_pool *pool = of3_pool_new(THREADS);
  assert_non_null(pool);
  of3_pool_free(pool);
}

static void note(void *arg, of3_task_group *group, int member) {
  (void)group;
  ((int *)arg)[member] = 1;
}

static void nobody_works(void **state) {
  (void)state;
  for (int n = 0; n < THREADS; n++) {
    int ran[THREADS] = {0};
    of3_error err = {0};
    may_start = n;
    assert_int_equal(of3_task_group_run(THREADS, note, ran, &err), OF3_ERR_MEMORY);
    assert_non_null(strstr(err.text, "cannot start 4 threads"));
    for (int i = 0; i < THREADS; i++) assert_int_equal(ran[i], 0);
  }
}

static void no_engine(void **state) {
  of3_engine *engine = NULL;
  of3_engine_options o = of3_engine_defaults();
  of3_error err = {0};
  (void)state;
  o.backend = "cpu";
  o.threads = THREADS;
  may_start = 1;
  assert_int_equal(of3_engine_open(&o, NULL, &engine, &err), OF3_ERR_MEMORY);
  assert_null(engine);
  assert_non_null(strstr(err.text, "cannot start 4 threads"));
}

/* Folds all seeds after `n` more threads have been started. */
static of3_status fold(int n, int jobs, const char *out, int *ret_done, of3_error *err) {
  static const uint64_t seeds[SEEDS] = {1, 2, 3, 4};
  of3_engine *engine = NULL;
  of3_model *model = NULL;
  of3_report *report = NULL;
  of3_engine_options e = of3_engine_defaults();
  of3_predict_options o = of3_predict_defaults();
  e.backend = "cpu";
  e.threads = THREADS;
  o.output_dir = out;
  o.samples = o.steps = 1;
  o.recycles = 0;
  o.seeds = seeds;
  o.n_seed = SEEDS;
  o.jobs = jobs;
  may_start = ALL;
  assert_int_equal(of3_engine_open(&e, NULL, &engine, err), OF3_OK);
  assert_int_equal(of3_model_open(engine, "tests/fixtures/parity/checkpoint_ob.safetensors", &model, err),
                   OF3_OK);
  may_start = n;
  of3_status status = of3_predict(model, "MKTAY", &o, &report, err);
  *ret_done = 0;
  for (int i = 0; report && i < report->n_item; i++) *ret_done += report->item[i].status == OF3_OK;
  of3_report_free(report);
  of3_model_close(model);
  of3_engine_close(engine);
  return status;
}

static void folds_run_one_after_the_other(void **state) {
  of3_error err = {0};
  char out[600];
  int done = 0;
  for (int n = 0; n <= THREADS; n++) {
    snprintf(out, sizeof out, "%s/auto%d", (const char *)*state, n);
    if (fold(n, 0, out, &done, &err) != OF3_OK) fail_msg("%d threads: %s", n, err.text);
    assert_int_equal(done, SEEDS);
  }
  snprintf(out, sizeof out, "%s/asked", (const char *)*state);
  assert_int_equal(fold(1, 3, out, &done, &err), OF3_ERR_MEMORY);
  assert_non_null(strstr(err.text, "--jobs"));
  assert_int_equal(done, 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(there_is_no_pool), cmocka_unit_test(nobody_works),
                                     cmocka_unit_test(no_engine),
                                     cmocka_unit_test(folds_run_one_after_the_other)};
  return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
