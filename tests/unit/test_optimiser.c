/* The optimiser (train/optimiser.h) beside the PyTorch oracle: ten steps along given gradients in the three
 * protocols, which differ in what is clipped and when the average is taken. And what is not trained, is not
 * finite, or counts for nothing. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "train/optimiser.h"
#include "training_fixture.h"

enum { N_TENSOR = 3, N = 26, N_STEP = 10 };
/* gcc 12, x86-64: the oracle's numbers are doubles, these f32. */
static const double MEASURED = 1.8e-7;

typedef struct test {
  of3_arena *arena;
  of3_trained tensor[N_TENSOR];
  of3_optimiser o;
} test;

static void open_test(test *t, const of3_protocol *protocol) {
  static const int64_t count[N_TENSOR] = {15, 4, 7};
  of3_optimiser_options options = of3_optimiser_published;
  of3_error err = {0};
  options.warmup = 4;
  options.decay_start = 7;
  options.decay_every = 2;
  *t = (test){.arena = of3_arena_new(0)};
  for (int i = 0; i < N_TENSOR; i++)
    t->tensor[i] = (of3_trained){
        .first = i ? t->tensor[i - 1].first + t->tensor[i - 1].n : 0, .n = count[i], .confidence = i == 2};
  if (of3_optimiser_new(&options, protocol, N_TENSOR, t->tensor, t->arena, &t->o, &err) != OF3_OK)
    fail_msg("%s", err.text);
}

static double worst;

static void check(const char *what, const of3_entry *e, int64_t first, const float *x, int64_t n) {
  double off = 0, largest = 0;
  for (int64_t i = 0; i < n; i++) {
    off = fmax(off, fabs((double)x[i] - fixture_number(e, first + i)));
    largest = fmax(largest, fabs(fixture_number(e, first + i)));
  }
  worst = fmax(worst, off / largest);
  if (!(off / largest <= 4 * MEASURED)) fail_msg("%s: %.2e", what, off / largest);
}

static void run_step(const training_fixture *f, test *t, const char *name, int step) {
  const of3_entry *gradients = fixture_entry(f, "%s/gradients", name),
                  *norms = fixture_entry(f, "%s/norms", name);
  float sum[N] = {0}, norm[2];
  of3_gradient_sum batch = {.sum = sum};
  for (int e = 0; e < 2; e++)
    norm[e] =
        (float)of3_add_gradient(&t->o, &batch, (const float *)gradients->data + (2 * step + e) * N, e == 0);
  const double mean_norm = of3_mean_gradient(&t->o, &batch);
  if (t->o.protocol->clip_mean_gradient) norm[0] = (float)mean_norm;
  const int64_t n_norm = norms->shape[1];
  check("norms", norms, step * n_norm, norm, n_norm);
  const float lr = (float)of3_optimiser_step(&t->o, sum);
  assert_true(fabs((double)lr - fixture_number(fixture_entry(f, "%s/lr", name), step)) < 1e-9);
  check("values", fixture_entry(f, "%s/values", name), step * N, t->o.value, N);
  check("averages", fixture_entry(f, "%s/averages", name), step * N, t->o.average, N);
}

static void steps_are_the_oracles(void **state) {
  training_fixture f;
  (void)state;
  open_training_fixture(&f, "optimiser", NULL);
  for (int r = 0; r < OF3_N_RELEASE; r++) {
    test t;
    const of3_protocol *protocol = of3_protocol_of((of3_release)r);
    open_test(&t, protocol);
    memcpy(t.o.value, fixture_entry(&f, "%s/start", protocol->name)->data, N * sizeof(float));
    of3_optimiser_start(&t.o);
    for (int step = 0; step < N_STEP; step++) run_step(&f, &t, protocol->name, step);
    of3_arena_free(t.arena);
  }
  close_training_fixture(&f);
  print_message("worst %.1e\n", worst);
}

static void published_learning_rates(void **state) {
  static const double table[][2] = {{0, 0},          {1, 1.8e-6},      {500, 9e-4},        {1000, 1.8e-3},
                                    {50000, 1.8e-3}, {50001, 1.71e-3}, {100000, 1.6245e-3}};
  (void)state;
  for (size_t i = 0; i < sizeof table / sizeof *table; i++)
    assert_true(fabs(of3_learning_rate(&of3_optimiser_published, (int64_t)table[i][0]) - table[i][1]) <
                1e-15);
}

static void what_does_not_count(void **state) {
  test t;
  float gradient[N], sum[N] = {0};
  of3_gradient_sum batch = {.sum = sum};
  (void)state;
  open_test(&t, of3_protocol_of(OF3_RELEASE_05));
  for (int i = 0; i < N; i++) t.o.value[i] = gradient[i] = 1;
  of3_optimiser_start(&t.o);
  t.o.step = 5;
  t.tensor[0].trained = t.tensor[0].averaged = false;
  assert_true(fabs(of3_gradient_norm(&t.o, gradient) - sqrt(11)) < 1e-12); /* of what is trained */
  gradient[20] = NAN;
  assert_true(isnan(of3_add_gradient(&t.o, &batch, gradient, true)) && batch.count == 0 && sum[3] == 0);
  gradient[20] = 1;
  of3_add_gradient(&t.o, &batch, gradient, false);
  of3_add_gradient(&t.o, &batch, gradient, false);
  of3_mean_gradient(&t.o, &batch);
  assert_true(sum[16] == 1 && batch.count == 2 && batch.count_confidence == 0);
  of3_optimiser_step(&t.o, sum);
  assert_true(t.o.value[0] == 1 && t.o.average[0] == 1 && t.tensor[0].updates == 0);
  assert_true(t.o.value[16] < 1 && t.o.average[16] < 1 && t.tensor[1].updates == 1);
  of3_arena_free(t.arena);
}

static void threads_change_no_byte(void **state) {
  test t[2];
  float gradient[N];
  (void)state;
  for (int i = 0; i < N; i++) gradient[i] = 0.1f * (float)(i - 12);
  for (int k = 0; k < 2; k++) {
    open_test(&t[k], of3_protocol_of(OF3_RELEASE_05));
    t[k].o.opt_pool = k ? of3_pool_new(3) : NULL;
    of3_optimiser_start(&t[k].o);
    for (int step = 0; step < 4; step++) of3_optimiser_step(&t[k].o, gradient);
    of3_pool_free(t[k].o.opt_pool);
  }
  assert_memory_equal(t[0].o.value, t[1].o.value, N * sizeof(float));
  assert_memory_equal(t[0].o.average, t[1].o.average, N * sizeof(float));
  for (int k = 0; k < 2; k++) of3_arena_free(t[k].arena);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(steps_are_the_oracles), cmocka_unit_test(published_learning_rates),
      cmocka_unit_test(what_does_not_count), cmocka_unit_test(threads_change_no_byte)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
