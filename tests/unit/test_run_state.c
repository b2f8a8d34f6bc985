#define _POSIX_C_SOURCE 200809L
/* Checkpoints of a training (learn/): what is written comes back to the bit, which files stay, and how a run
 * begins. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"
#include "cpu/cpu.h"
#include "io/checkpoint.h"
#include "learn/begin.h"
#include "tensor/backend.h"

#define CHECKPOINT "tests/fixtures/parity/checkpoint_ob.safetensors"

typedef struct test {
  char folder[64];
  of3_device device;
  of3_ctx cx;
  of3_protocol protocol;
  of3_recipe recipe;
  of3_checkpoints checkpoints;
  of3_trainer trainer;
  of3_run_state state;
  of3_arena *arena;
} test;

static void open_test(test *t) {
  const of3_backend *backend;
  of3_error err = {0};
  *t = (test){
      .folder = "/tmp/of3_run_state_XXXXXX", .recipe = of3_recipe_defaults(), .arena = of3_arena_new(0)};
  assert_non_null(mkdtemp(t->folder));
  t->checkpoints = (of3_checkpoints){.folder = t->folder, .keep = -1};
  if (of3_cpu_backend("auto", OF3_F32, &backend, &err) != OF3_OK ||
      of3_device_open(&t->device, backend, 0, &err) != OF3_OK ||
      of3_ctx_open(&t->cx, &t->device, 2, (size_t)1 << 30, false, &err) != OF3_OK)
    fail_msg("%s", err.text);
}

static void close_test(test *t) {
  of3_trainer_close(&t->trainer);
  of3_ctx_close(&t->cx);
  of3_device_close(&t->device);
  of3_arena_free(t->arena);
  of3_remove_files(t->folder);
}

static of3_status begin(test *t, const char *resume, of3_error *err) {
  const of3_begin_options o = {
      .recipe = &t->recipe, .opt_resume = resume, .checkpoints = &t->checkpoints, .memory = (size_t)1 << 30};
  of3_trainer_close(&t->trainer);
  *err = (of3_error){0};
  return of3_begin_training(&o, &t->cx, &t->protocol, &t->trainer, &t->state, err);
}

static void must_begin(test *t, const char *resume) {
  of3_error err;
  if (begin(t, resume, &err) != OF3_OK) fail_msg("%s", err.text);
}

/* An optimiser step along made-up gradients, so that all arrays hold something. */
static void step(test *t) {
  of3_optimiser *o = &t->trainer.optimiser;
  float *g = malloc((size_t)o->n * sizeof *g);
  for (int64_t i = 0; i < o->n; i++) g[i] = sinf((float)(i % 1000 + t->state.step));
  of3_optimiser_step(o, g);
  of3_trainer_refresh(&t->trainer);
  t->state.step++;
  t->state.updates = o->step;
  free(g);
}

static const char *save(test *t) {
  const char *path;
  of3_error err = {0};
  if (of3_checkpoints_save(&t->checkpoints, &t->trainer, &t->state, 0, t->arena, &path, &err) != OF3_OK)
    fail_msg("%s", err.text);
  return path;
}

static void begin_with(test *t, const char *file) {
  t->recipe.restart = file;
  t->recipe.weights_only = OF3_YES;
  t->recipe.optimiser.base_lr = 1e-3;
  must_begin(t, NULL);
}

static void a_resumed_run_is_the_same(void **state) {
  test t;
  (void)state;
  open_test(&t);
  begin_with(&t, CHECKPOINT);
  step(&t);
  step(&t);
  const char *path = save(&t);
  step(&t);
  const size_t bytes = (size_t)t.trainer.optimiser.n * sizeof(float);
  float *was[4];
  for (int k = 0; k < 4; k++) was[k] = malloc(bytes);
  const of3_optimiser *o = &t.trainer.optimiser;
  memcpy(was[0], o->value, bytes);
  memcpy(was[1], o->m, bytes);
  memcpy(was[2], o->v, bytes);
  memcpy(was[3], o->average, bytes);
  must_begin(&t, path);
  assert_true(t.state.step == 2 && t.trainer.optimiser.step == 2 && isnan(t.state.metric));
  assert_memory_not_equal(was[0], t.trainer.optimiser.value, bytes);
  step(&t);
  o = &t.trainer.optimiser;
  assert_memory_equal(was[0], o->value, bytes);
  assert_memory_equal(was[1], o->m, bytes);
  assert_memory_equal(was[2], o->v, bytes);
  assert_memory_equal(was[3], o->average, bytes);
  for (int k = 0; k < 4; k++) free(was[k]);
  close_test(&t);
}

static bool is_there(const test *t, const char *name) {
  return of3_is_file(of3_path_join(t->arena, t->folder, name));
}

static void the_best_and_the_newest_stay(void **state) {
  static const double metric[] = {0.5, 0.9, 0.2, NAN, 0.7, 0.1};
  test t;
  (void)state;
  open_test(&t);
  begin_with(&t, CHECKPOINT);
  t.checkpoints.keep = 2;
  t.checkpoints.by_metric = t.checkpoints.larger = true;
  for (int i = 0; i < 6; i++) {
    t.state.step = i + 1;
    t.state.metric = metric[i];
    save(&t);
  }
  assert_true(is_there(&t, "0-2.safetensors") && is_there(&t, "0-5.safetensors") &&
              is_there(&t, "0-6.safetensors"));
  assert_false(is_there(&t, "0-1.safetensors") || is_there(&t, "0-3.safetensors") ||
               is_there(&t, "0-4.safetensors"));
  t.checkpoints.by_metric = false;
  t.state.step = 7;
  save(&t);
  assert_true(is_there(&t, "0-7.safetensors") && is_there(&t, "0-6.safetensors"));
  assert_false(is_there(&t, "0-2.safetensors") || is_there(&t, "0-5.safetensors"));
  close_test(&t);
}

static void write_text(const test *t, const char *name, const char *text) {
  of3_error err = {0};
  if (of3_write_file(of3_path_join(t->arena, t->folder, name), text, strlen(text), &err) != OF3_OK)
    fail_msg("%s", err.text);
}

static void a_broken_checkpoint_is_passed_over(void **state) {
  const char *newest;
  of3_error err = {0};
  test t;
  (void)state;
  open_test(&t);
  begin_with(&t, CHECKPOINT);
  t.state.step = 3;
  save(&t);
  write_text(&t, "1-9.safetensors", "half of it");
  write_text(&t, "1-9.safetensors.part", "");
  write_text(&t, "notes-1.txt", "");
  assert_int_equal(of3_checkpoints_newest(&t.checkpoints, t.arena, &newest, &err), OF3_OK);
  assert_string_equal(of3_path_name(newest), "0-3.safetensors");
  assert_false(is_there(&t, "1-9.safetensors.part"));
  assert_true(is_there(&t, "notes-1.txt"));
  must_begin(&t, "auto");
  assert_int_equal(t.state.step, 3);
  close_test(&t);
}

static void expect_error(test *t, const char *resume, const char *sentence) {
  of3_error err;
  if (begin(t, resume, &err) == OF3_OK) fail_msg("begun, though: %s", sentence);
  if (!strstr(err.text, sentence)) fail_msg("'%s' has not '%s'", err.text, sentence);
}

static void what_does_not_fit_is_refused(void **state) {
  test t;
  (void)state;
  open_test(&t);
  t.recipe.restart = CHECKPOINT;
  expect_error(&t, NULL, "holds weights alone, not the state of a training");
  t.recipe.weights_only = OF3_YES;
  t.recipe.network.c_s = 7;
  expect_error(&t, NULL, "is a checkpoint of another network: its c_s is");
  t.recipe.network.c_s = 0;
  t.recipe.variant = "P2";
  expect_error(&t, NULL, "is a checkpoint of another network: it is of OB, of3.variant is P2");
  t.recipe.variant = NULL;
  t.recipe.restore_schedule = OF3_YES;
  expect_error(&t, NULL, "holds weights alone; restore_lr_scheduler");
  t.recipe.restore_schedule = OF3_UNSET;
  must_begin(&t, NULL);
  save(&t);
  expect_error(&t, NULL, "has checkpoints of a training; --resume auto goes on");
  close_test(&t);
}

/* Weights alone: parameters or their average, and the schedule if it is asked for. */
static void parts_are_restored(void **state) {
  test t, u;
  (void)state;
  open_test(&t);
  begin_with(&t, CHECKPOINT);
  for (int i = 0; i < 3; i++) step(&t);
  const char *path = save(&t);
  const size_t bytes = (size_t)t.trainer.optimiser.n * sizeof(float);
  open_test(&u);
  begin_with(&u, path);
  assert_memory_equal(u.trainer.optimiser.value, t.trainer.optimiser.value, bytes);
  assert_true(u.trainer.optimiser.step == 0 && u.state.step == 0);
  u.recipe.from_average = u.recipe.restore_schedule = u.recipe.restore_step = OF3_YES;
  must_begin(&u, NULL);
  assert_memory_equal(u.trainer.optimiser.value, t.trainer.optimiser.average, bytes);
  assert_true(u.trainer.optimiser.step == 3 && u.state.step == 3 && u.trainer.optimiser.m[0] == 0);
  close_test(&u);
  close_test(&t);
}

/* What is no tensor of the file begins anew, where that is allowed. */
static void a_network_may_be_larger_than_the_file(void **state) {
  test t;
  (void)state;
  open_test(&t);
  t.recipe.restart = CHECKPOINT;
  t.recipe.weights_only = OF3_YES;
  t.recipe.strict = OF3_NO;
  t.recipe.network.blocks_pairformer = 3;
  must_begin(&t, NULL);
  assert_int_equal(t.trainer.net.config.blocks_pairformer, 3);
  of3_checkpoint file;
  of3_error err = {0};
  if (of3_checkpoint_open(CHECKPOINT, SIZE_MAX, &file, &err) != OF3_OK) fail_msg("%s", err.text);
  int same = 0;
  for (int i = 0; i < t.trainer.net.parameters.n; i++) {
    const of3_entry *e = of3_table_find(&file.weights, t.trainer.net.parameters.p[i].name);
    const of3_trained *p = &t.trainer.optimiser.tensor[i];
    same += e && e->dtype == OF3_F32 &&
            memcmp(e->data, t.trainer.optimiser.value + p->first, (size_t)p->n * sizeof(float)) == 0;
  }
  assert_int_equal(same, file.weights.n);
  assert_true(t.trainer.net.parameters.n > same);
  of3_checkpoint_close(&file);
  close_test(&t);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_resumed_run_is_the_same),
      cmocka_unit_test(the_best_and_the_newest_stay),
      cmocka_unit_test(a_broken_checkpoint_is_passed_over),
      cmocka_unit_test(what_does_not_fit_is_refused),
      cmocka_unit_test(parts_are_restored),
      cmocka_unit_test(a_network_may_be_larger_than_the_file),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
