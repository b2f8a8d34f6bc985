/* The sampling loop takes nothing from the heap: calls of the malloc family are counted between the denoising
 * steps of a fold. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "allocations.h"
#include "cpu/cpu.h"
#include "feat/build.h"
#include "model/network.h"

enum { STEPS = 6 };

/* Allocations so far when step i begins; [STEPS]: when the last has ended. */
typedef struct counts {
  int at[STEPS + 1], seen;
} counts;

static void watch(void *user, const char *phase, int done, int total) {
  counts *c = user;
  if (strcmp(phase, "diffusion") != 0) return;
  assert_int_equal(total, STEPS);
  assert_in_range(done, 0, STEPS);
  c->at[done] = allocation_calls();
  c->seen++;
}

static void fold(const of3_table *weights, of3_dtype operand, counts *c) {
  const uint64_t seed = 7;
  const of3_fold_options o = {.n_cycle = 1, .n_step = STEPS, .n_sample = 3};
  const of3_random_source random = of3_seeded_random(&seed);
  const of3_observer observer = {.user = c, .progress = watch};
  const of3_backend *b;
  of3_error err = {0};
  of3_ctx cx;
  of3_network net;
  of3_query_set set = {0};
  of3_complex complex = {0};
  of3_features f = {0};
  of3_prediction p = {0};
  if (of3_cpu_backend(NULL, operand, &b, &err) != OF3_OK ||
      of3_ctx_open(&cx, &(of3_device){.backend = b}, 2, (size_t)1 << 28, false, &err) != OF3_OK ||
      of3_network_bind(&cx, weights, &net, &err) != OF3_OK)
    fail_msg("%s", err.text);
  const of3_feature_mode mode = of3_feature_mode_of(net.variant);
  if (of3_query_from_sequence("MKTAYIAKQRQISFVKSHFSRQ", "q", &set, &err) != OF3_OK ||
      of3_complex_build(&set.query[0], NULL, NULL, &complex, &err) != OF3_OK ||
      of3_features_build(&complex, &set.query[0], &mode, 1, NULL, &f, &err) != OF3_OK ||
      of3_fold(&cx, &net, &f, &o, &random, &observer, &p, &err) != OF3_OK)
    fail_msg("%s", err.text);
  of3_prediction_free(&p);
  of3_features_free(&f);
  of3_complex_free(&complex);
  of3_query_set_free(&set);
  of3_network_free(&net);
  of3_ctx_close(&cx);
}

static void steps_allocate_nothing(void **state) {
  static const char *const variants[] = {"p1", "p2", "ob"};
  (void)state;
  for (int i = 0; i < 3; i++) {
    char path[100];
    of3_error err = {0};
    of3_table weights;
    snprintf(path, sizeof path, "tests/fixtures/parity/checkpoint_%s.safetensors", variants[i]);
    if (of3_safetensors_open(path, &weights, &err) != OF3_OK) fail_msg("%s", err.text);
    for (int type = 0; type < 2; type++) {
      counts c = {.seen = 0};
      fold(&weights, type ? OF3_BF16 : OF3_F32, &c);
      assert_int_equal(c.seen, STEPS + 1);
      assert_true(c.at[0] > 0); /* the counting works */
      for (int k = 1; k <= STEPS; k++) assert_int_equal(c.at[k], c.at[0]);
    }
    of3_table_close(&weights);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(steps_allocate_nothing)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
