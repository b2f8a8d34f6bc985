/* Every allocation of a whole run made to fail, one after another, from opening the engine to the last file:
 * the answer is an error of that kind with a sentence, nothing crashes or leaks, and nothing is left
 * half-written. */
#define _DEFAULT_SOURCE /* mkdtemp */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "allocations.h"
#include "of3.h"
#include "folder.h"

typedef struct of3_arena of3_arena;
void *__real_of3_arena_alloc(of3_arena *arena, size_t count, size_t size);
void *__wrap_of3_arena_alloc(of3_arena *arena, size_t count, size_t size);
/* Objects in arenas one by one, not only the chunks that hold many. */
void *__wrap_of3_arena_alloc(of3_arena *arena, size_t count, size_t size) {
  return allocation_fails() ? NULL : __real_of3_arena_alloc(arena, count, size);
}

static of3_status fold(const char *out, of3_error *err) {
  of3_engine *engine = NULL;
  of3_model *model = NULL;
  of3_report *report = NULL;
  of3_engine_options e = of3_engine_defaults();
  of3_predict_options o = of3_predict_defaults();
  e.threads = 1; /* allocation_fail_at is not for several */
  o.output_dir = out;
  o.samples = 1;
  o.recycles = 0;
  o.steps = 1;
  o.overwrite = true;
  of3_status status = of3_engine_open(&e, NULL, &engine, err);
  if (status == OF3_OK)
    status = of3_model_open(engine, "tests/fixtures/parity/checkpoint_ob.safetensors", &model, err);
  if (status == OF3_OK) status = of3_predict(model, "MK", &o, &report, err);
  of3_report_free(report);
  of3_model_close(model);
  of3_engine_close(engine);
  return status;
}

static void no_temporary_files(const char *folder) {
  char command[600];
  snprintf(command, sizeof command, "test -z \"$(find '%s' -name '*.tmp-*')\"", folder);
  assert_int_equal(system(command), 0);
}

static void every_allocation(void **state) {
  const char *out = *state;
  int n = 1;
  for (bool failed = true; failed; n++) {
    of3_error err = {0};
    assert_true(n < 100000);
    allocation_fail_at(n);
    of3_status status = fold(out, &err);
    failed = allocation_failed();
    if (!failed && status != OF3_OK) fail_msg("%s", err.text);
    if (failed && (status != OF3_ERR_MEMORY || !err.text[0]))
      fail_msg("allocation %d gives status %d: %s", n, status, err.text);
  }
  no_temporary_files(out);
  print_message("%d allocations\n", n - 2);
  assert_true(n > 100);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(every_allocation)};
  return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
