/* Plans of training steps (train/train_plan.h) beside what steps take, for crops of several sizes and limits
 * of memory from the least to all that can be used; gradients are the same bytes whatever is kept. What does
 * not fit is refused with a sentence that says what would. Bytes for a parameter are those that
 * docs/training.md states. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cpu/cpu.h"
#include "io/checkpoint.h"
#include "tensor/backend.h"
#include "made_up_entry.h"
#include "train/train_plan.h"

enum { COPIES = 3, ROLLOUT = 2 };

/* ---- a trainer */

typedef struct test {
  of3_device device;
  of3_ctx cx;
  of3_checkpoint checkpoint;
  of3_trainer trainer;
} test;

static void open_test(test *t, size_t memory, of3_dtype operand) {
  of3_error err = {0};
  const of3_backend *backend;
  of3_trainer_options o = of3_trainer_defaults(of3_protocol_of(OF3_RELEASE_05), OF3_STAGE_INITIAL);
  o.n_copy = COPIES;
  o.n_rollout_step = ROLLOUT;
  o.memory = memory;
  *t = (test){0};
  if (of3_cpu_backend("auto", operand, &backend, &err) != OF3_OK ||
      of3_device_open(&t->device, backend, 0, &err) != OF3_OK ||
      of3_ctx_open(&t->cx, &t->device, 2, (size_t)8 << 30, false, &err) != OF3_OK ||
      of3_checkpoint_open("tests/fixtures/parity/checkpoint_ob.safetensors", SIZE_MAX, &t->checkpoint,
                          &err) != OF3_OK ||
      of3_trainer_open(&t->cx, &t->checkpoint.weights, &o, &t->trainer, &err) != OF3_OK)
    fail_msg("%s", err.text);
}

static void close_test(test *t) {
  of3_trainer_close(&t->trainer);
  of3_checkpoint_close(&t->checkpoint);
  of3_ctx_close(&t->cx);
  of3_device_close(&t->device);
}

static of3_train_question question_of(const test *t, const of3_features *f, int n_cycle, bool dropout) {
  return (of3_train_question){.device = &t->device,
                              .threads = 2,
                              .net = &t->trainer.net,
                              .options = &t->trainer.options,
                              .crop = f,
                              .n_cycle = n_cycle,
                              .dropout = dropout,
                              .condition = {true, true}};
}

static int first_rows(void *user, const of3_features *f, int cycle, uint32_t *out) {
  (void)user, (void)cycle;
  for (int i = 0; i < f->n_msa; i++) out[i] = (uint32_t)i;
  return f->n_msa;
}

static of3_entry_result run(test *t, const made_up *m, int n_cycle, const of3_dropout *opt_dropout) {
  const of3_train_draw draw = {
      .n_cycle = n_cycle, .random = {.seed = 7, .msa_rows = first_rows}, .opt_dropout = opt_dropout};
  of3_entry_result out;
  of3_error err = {0};
  if (of3_trainer_entry(&t->trainer, &m->entry, &draw, &out, &err) != OF3_OK) fail_msg("%s", err.text);
  assert_true(isfinite(out.loss.total) && isfinite(out.norm));
  return out;
}

/* ---- planned and used */

/* What the arena of a trainer, the network's own and an entry hold; the checkpoint's file is not counted. */
static size_t used(const test *t, const of3_entry_result *r) {
  return of3_arena_used(t->trainer.arena) + of3_arena_used(t->trainer.net.arena) + r->tensors + r->host;
}

static void compare_one(int tokens, int rows, size_t memory, of3_dtype operand, bool dropout, double *worst,
                        of3_train_plan *plan) {
  made_up m;
  const of3_dropout masks = {.seed = 1};
  of3_error err = {0};
  test t;
  make_up_entry(&m, tokens, rows);
  open_test(&t, memory, operand);
  const of3_train_question q = question_of(&t, &m.f, 2, dropout);
  if (of3_plan_training_within(&q, plan, NULL, &err) != OF3_OK) fail_msg("%s", err.text);
  const of3_entry_result r = run(&t, &m, 2, dropout ? &masks : NULL);
  assert_int_equal(plan->tensors, r.tensors);
  const double planned = (double)of3_train_plan_bytes(plan), held = (double)used(&t, &r);
  print_message("%d tokens, %d of %d blocks kept: planned %.0f, used %.0f, ratio %.4f\n", tokens, plan->kept,
                plan->blocks, planned, held, planned / held);
  *worst = fmax(*worst, fabs(planned / held - 1));
  if (memory != 0 && memory != SIZE_MAX) assert_true(planned <= (double)memory);
  of3_features_free(&m.f);
  close_test(&t);
}

static void plans_are_what_steps_take(void **state) {
  const int size[][2] = {{8, 1}, {20, 5}, {41, 20}};
  double worst = 0;
  (void)state;
  for (size_t i = 0; i < sizeof size / sizeof *size; i++) {
    of3_train_plan least, all, some;
    compare_one(size[i][0], size[i][1], 0, OF3_F32, i == 1, &worst, &least);
    compare_one(size[i][0], size[i][1], SIZE_MAX, OF3_F32, i == 1, &worst, &all);
    assert_true(least.kept == 0 && all.kept == all.blocks && all.again == 0 && least.again > 0);
    assert_true(least.tensors < all.tensors);
    const size_t between = (of3_train_plan_bytes(&least) + of3_train_plan_bytes(&all)) / 2;
    compare_one(size[i][0], size[i][1], between, OF3_F32, i == 1, &worst, &some);
    assert_true(some.kept > 0 && some.kept < some.blocks && some.again < least.again);
  }
  assert_true(worst < 0.03);
}

/* ---- the same bytes */

static void what_is_kept_changes_no_byte(void **state) {
  made_up m;
  test t[3];
  of3_train_plan least, all;
  bool fits;
  of3_error err = {0};
  (void)state;
  make_up_entry(&m, 20, 5);
  open_test(&t[0], 0, OF3_F32);
  open_test(&t[1], SIZE_MAX, OF3_F32);
  const of3_train_question q[] = {question_of(&t[0], &m.f, 2, false), question_of(&t[1], &m.f, 2, false)};
  if (of3_plan_training(&q[0], &least, &fits, NULL, &err) != OF3_OK ||
      of3_plan_training(&q[1], &all, &fits, NULL, &err) != OF3_OK)
    fail_msg("%s", err.text);
  open_test(&t[2], (of3_train_plan_bytes(&least) + of3_train_plan_bytes(&all)) / 2, OF3_F32);
  for (int i = 0; i < 3; i++) run(&t[i], &m, 2, NULL);
  const size_t bytes = (size_t)t[0].trainer.optimiser.n * sizeof(float);
  assert_memory_equal(t[0].trainer.batch.sum, t[1].trainer.batch.sum, bytes);
  assert_memory_equal(t[0].trainer.batch.sum, t[2].trainer.batch.sum, bytes);
  for (int i = 0; i < 3; i++) close_test(&t[i]);
  of3_features_free(&m.f);
}

/* ---- what does not fit */

static void what_does_not_fit_is_refused(void **state) {
  made_up m;
  of3_train_plan p;
  of3_error err = {0};
  bool fits;
  test t;
  (void)state;
  make_up_entry(&m, 20, 5);
  open_test(&t, 0, OF3_F32);
  of3_train_question q = question_of(&t, &m.f, 1, false);
  if (of3_plan_training(&q, &p, &fits, NULL, &err) != OF3_OK) fail_msg("%s", err.text);
  t.trainer.options.memory = of3_train_plan_bytes(&p) - 1;
  const of3_train_draw draw = {.n_cycle = 1, .random = {.seed = 7, .msa_rows = first_rows}};
  of3_entry_result r;
  assert_int_equal(of3_trainer_entry(&t.trainer, &m.entry, &draw, &r, &err), OF3_ERR_MEMORY);
  print_message("%s\n", err.text);
  assert_non_null(strstr(err.text, "instead of 3 noised copies"));
  t.trainer.options.memory = 1000;
  assert_int_equal(of3_trainer_entry(&t.trainer, &m.entry, &draw, &r, &err), OF3_ERR_MEMORY);
  assert_non_null(strstr(err.text, "a smaller crop"));
  assert_true(t.trainer.batch.count == 0);
  of3_features_free(&m.f);
  close_test(&t);
}

/* ---- sizes alone */

static void sizes_are_enough(void **state) {
  of3_arena *arena = of3_arena_new(0);
  of3_features of_size;
  made_up m;
  of3_train_plan p, by_size;
  of3_error err = {0};
  char text[OF3_TRAIN_PLAN_TEXT];
  bool fits;
  test t;
  (void)state;
  make_up_entry(&m, 20, 5);
  open_test(&t, 0, OF3_F32);
  if (of3_features_of_size(20, m.f.n_atom, 5, 0, arena, &of_size, &err) != OF3_OK) fail_msg("%s", err.text);
  of3_train_question q = question_of(&t, &m.f, 4, false);
  if (of3_plan_training(&q, &p, &fits, NULL, &err) != OF3_OK) fail_msg("%s", err.text);
  q.crop = &of_size;
  if (of3_plan_training(&q, &by_size, &fits, NULL, &err) != OF3_OK) fail_msg("%s", err.text);
  print_message("%s", of3_train_plan_text(&by_size, text));
  assert_true(m.f.n_templ > 0 || by_size.tensors == p.tensors);
  assert_true(by_size.moments == 8 * (size_t)by_size.parameters);
  assert_true(by_size.gradients == 4 * (size_t)by_size.parameters);
  of3_arena_free(arena);
  of3_features_free(&m.f);
  close_test(&t);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(plans_are_what_steps_take), cmocka_unit_test(what_is_kept_changes_no_byte),
      cmocka_unit_test(what_does_not_fit_is_refused), cmocka_unit_test(sizes_are_enough)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
