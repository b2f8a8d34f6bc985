/* What a plan promises: the memory that the fold then takes, to the byte; the same results in less memory;
 * and that large queries fit.
 *
 *   test_plan [PATTERN]      only tests whose names match */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cpu/cpu.h"
#include "feat/build.h"
#include "model/network.h"

static const of3_device *device_of(of3_dtype operand) {
  static of3_device device[2];
  of3_device *d = &device[operand == OF3_BF16];
  of3_error err = {0};
  if (of3_cpu_backend(NULL, operand, &d->backend, &err) != OF3_OK) fail_msg("%s", err.text);
  return d;
}

/* A chain of n residues with an alignment of itself and one more row. */
static of3_features features_of(int n, of3_variant variant) {
  static const char amino[] = "ARNDCQEGHILKMFPSTWYV";
  of3_query_set set = {0};
  of3_complex complex = {0};
  of3_features f = {0};
  of3_error err = {0};
  of3_feature_mode mode = of3_feature_mode_of(variant);
  char *sequence = malloc((size_t)n + 1);
  assert_non_null(sequence);
  for (int i = 0; i < n; i++) sequence[i] = amino[(7 * i + 3) % 20];
  sequence[n] = 0;
  if (of3_query_from_sequence(sequence, "q", &set, &err) != OF3_OK ||
      of3_complex_build(&set.query[0], NULL, NULL, &complex, &err) != OF3_OK ||
      of3_features_build(&complex, &set.query[0], &mode, 1, NULL, &f, &err) != OF3_OK)
    fail_msg("%s", err.text);
  of3_complex_free(&complex);
  of3_query_set_free(&set);
  free(sequence);
  return f;
}

/* The published network in small. */
static of3_config small_config(void) {
  of3_config c = of3_config_published();
  c.c_s = 48;
  c.c_z = 16;
  c.c_m = 16;
  c.c_token = 32;
  c.d_token = 2;
  c.d_single = 3;
  c.c_tri = 16;
  c.blocks_pairformer = 1;
  c.blocks_msa = 2;
  c.blocks_templ = 1;
  c.blocks_token = 2;
  c.blocks_atom = 1;
  c.blocks_conf = 1;
  return c;
}

/* A context on a backend, and a made-up network bound on it. */
typedef struct setting {
  of3_ctx cx;
  of3_network net;
} setting;

static void open_setting(setting *s, const of3_device *b, of3_variant variant, const of3_config *c,
                         int threads, size_t limit, bool planning) {
  of3_error err = {0};
  if (of3_ctx_open(&s->cx, b, threads, limit, planning, &err) != OF3_OK ||
      of3_network_make_up(&s->cx, variant, c, &s->net, &err) != OF3_OK)
    fail_msg("%s", err.text);
}

static void close_setting(setting *s) {
  of3_network_free(&s->net);
  of3_ctx_close(&s->cx);
}

static of3_plan plan_of(const of3_device *b, int threads, const of3_network *net, const of3_features *f,
                        const of3_fold_options *o) {
  of3_plan plan = {0};
  of3_error err = {0};
  if (of3_plan_fold(b, threads, net, f, o, &plan, &err) != OF3_OK) fail_msg("%s", err.text);
  return plan;
}

/* ---- Promised and taken */

static void expect_promise_kept(const of3_device *b, of3_variant variant, int tokens, int samples,
                                int threads) {
  enum { ROOM = 1 << 20 };
  const uint64_t seed = 1;
  const of3_config config = small_config();
  const of3_fold_options o = {.n_cycle = 2, .n_step = 2, .n_sample = samples};
  const of3_random_source random = of3_seeded_random(&seed);
  setting s, shapes;
  of3_prediction p = {0};
  of3_error err = {0};
  of3_features f = features_of(tokens, variant);
  open_setting(&shapes, b, variant, &config, threads, 4096, true);
  of3_plan plan = plan_of(b, threads, &shapes.net, &f, &o);
  open_setting(&s, b, variant, &config, threads, plan.step_bytes + ROOM, false);
  if (of3_fold(&s.cx, &s.net, &f, &o, &random, NULL, &p, &err) != OF3_OK) fail_msg("%s", err.text);
  double work = plan.flops_trunk + plan.flops_diffusion + plan.flops_heads;
  print_message("%s, %d tokens, %d samples, %d threads: promised %zu, took %zu bytes\n", b->name, tokens,
                samples, threads, plan.step_bytes, s.cx.peak);
  assert_int_equal(plan.step_bytes, s.cx.peak);
  assert_true(work > 0 && work == s.cx.flops);
  of3_prediction_free(&p);
  of3_features_free(&f);
  close_setting(&s);
  close_setting(&shapes);
}

static void promise_is_kept(void **state) {
  const of3_device *f32 = device_of(OF3_F32), *bf16 = device_of(OF3_BF16);
  (void)state;
  expect_promise_kept(f32, OF3_OB, 1, 1, 1);
  expect_promise_kept(f32, OF3_OB, 31, 2, 2);
  expect_promise_kept(f32, OF3_P2, 50, 3, 3);
  expect_promise_kept(f32, OF3_P1, 97, 1, 1);
  expect_promise_kept(bf16, OF3_OB, 49, 2, 2);
}

/* A fold with less memory than its plan says fails, with a sentence. */
static void less_is_not_enough(void **state) {
  const uint64_t seed = 1;
  const of3_config config = small_config();
  const of3_fold_options o = {.n_cycle = 1, .n_step = 1, .n_sample = 1};
  const of3_random_source random = of3_seeded_random(&seed);
  const of3_device *b = device_of(OF3_F32);
  setting s, shapes;
  of3_prediction p = {0};
  of3_error err = {0};
  (void)state;
  of3_features f = features_of(40, OF3_OB);
  open_setting(&shapes, b, OF3_OB, &config, 1, 4096, true);
  of3_plan plan = plan_of(b, 1, &shapes.net, &f, &o);
  open_setting(&s, b, OF3_OB, &config, 1, plan.step_bytes - 4096, false);
  assert_int_equal(of3_fold(&s.cx, &s.net, &f, &o, &random, NULL, &p, &err), OF3_ERR_MEMORY);
  assert_non_null(strstr(err.text, "memory"));
  of3_features_free(&f);
  close_setting(&s);
  close_setting(&shapes);
}

/* ---- Economy */

/* A fold of the plan for `o`, exactly as large as it says. */
static of3_prediction fold_as_planned(const of3_device *b, const of3_config *config, const of3_features *f,
                                      const of3_fold_options *o, const of3_plan *plan) {
  const uint64_t seed = 1;
  const of3_random_source random = of3_seeded_random(&seed);
  setting s;
  of3_prediction p = {0};
  of3_error err = {0};
  open_setting(&s, b, OF3_OB, config, 2, plan->step_bytes + 64, false);
  if (of3_fold(&s.cx, &s.net, f, o, &random, NULL, &p, &err) != OF3_OK) fail_msg("%s", err.text);
  assert_int_equal(plan->step_bytes, s.cx.peak);
  close_setting(&s);
  return p;
}

static void expect_equal(const of3_prediction *a, const of3_prediction *b) {
  const size_t s = (size_t)a->n_sample, atoms = (size_t)a->n_atom,
               n2 = (size_t)a->n_token * (size_t)a->n_token;
  assert_memory_equal(a->x, b->x, s * atoms * 3 * sizeof(float));
  assert_memory_equal(a->plddt, b->plddt, s * atoms * sizeof(float));
  assert_memory_equal(a->pae, b->pae, s * n2 * sizeof(float));
  assert_memory_equal(a->pde, b->pde, s * n2 * sizeof(float));
  assert_memory_equal(a->tm, b->tm, s * n2 * sizeof(float));
  assert_memory_equal(a->tm_chains, b->tm_chains, s * n2 * sizeof(float));
  assert_memory_equal(a->contact, b->contact, n2 * sizeof(float));
}

/* Less and less memory, down to the least: the choices of the last plan. */
static of3_economy expect_same_in_less(const of3_device *b, const of3_config *config, int tokens,
                                       int samples) {
  of3_fold_options o = {.n_cycle = 1, .n_step = 2, .n_sample = samples};
  of3_features f = features_of(tokens, OF3_OB);
  of3_error err = {0};
  setting shapes;
  char text[OF3_ECONOMY_TEXT];
  open_setting(&shapes, b, OF3_OB, config, 2, 4096, true);
  of3_plan plan = plan_of(b, 2, &shapes.net, &f, &o);
  of3_prediction fastest = fold_as_planned(b, config, &f, &o, &plan);
  size_t most = plan.step_bytes + plan.result_bytes;
  for (;;) {
    if (of3_plan_within(b, 2, &shapes.net, &f, most, &o, &plan, &err) != OF3_OK) fail_msg("%s", err.text);
    if (plan.step_bytes + plan.result_bytes > most) break;
    print_message("%s, %d tokens, %d samples: %zu bytes: %s\n", b->name, tokens, samples, plan.step_bytes,
                  of3_economy_text(&o.economy, config, text));
    of3_prediction p = fold_as_planned(b, config, &f, &o, &plan);
    expect_equal(&fastest, &p);
    of3_prediction_free(&p);
    most = plan.step_bytes + plan.result_bytes - 1;
  }
  assert_int_equal(plan.step_bytes + plan.result_bytes, most + 1); /* the least is what was reached */
  of3_prediction_free(&fastest);
  of3_features_free(&f);
  close_setting(&shapes);
  return o.economy;
}

static void same_result_in_less_memory(void **state) {
  of3_config config = small_config();
  (void)state;
  expect_same_in_less(device_of(OF3_F32), &config, 60, 3);
  of3_economy e = expect_same_in_less(device_of(OF3_BF16), &config, 150, 5);
  assert_true(e.narrow_blocks && e.remade_biases == 2 && e.denoiser_samples == 1);
  config.c_z = 64, config.c_tri = 128; /* pairs are what is large */
  config.c_atom = 8, config.c_atom_pair = 4, config.h_atom = 1, config.d_atom = 8;
  e = expect_same_in_less(device_of(OF3_F32), &config, 80, 3);
  assert_true(e.confidence_samples == 1 && e.triangle_passes >= 2);
  expect_same_in_less(device_of(OF3_BF16), &config, 80, 2);
}

/* ---- Large queries, full size: planning takes no memory */

enum { SAMPLES = 5, THREADS = 16 };

/* Gigabytes of everything: weights, tensors, results and features; the fastest way and the thriftiest. */
typedef struct gigabytes {
  double fast, least;
} gigabytes;

static double gigabytes_of(const of3_device *b, const of3_features *f, const of3_plan *plan) {
  enum { PARAMETERS = 368294300 }; /* of the published size, docs/model.md 14 */
  return 1e-9 * ((double)of3_dtype_size(b->backend->operand) * PARAMETERS + (double)plan->step_bytes +
                 (double)plan->result_bytes + (double)of3_arena_used(f->arena));
}

static gigabytes need_of(const of3_device *b, int tokens) {
  const of3_config config = of3_config_published();
  of3_fold_options o = {.n_cycle = 4, .n_step = 200, .n_sample = SAMPLES};
  char text[OF3_ECONOMY_TEXT];
  of3_error err = {0};
  setting s;
  of3_features f = features_of(tokens, OF3_OB);
  open_setting(&s, b, OF3_OB, &config, THREADS, 4096, true);
  of3_plan plan = plan_of(b, THREADS, &s.net, &f, &o), least;
  if (of3_plan_within(b, THREADS, &s.net, &f, 0, &o, &least, &err) != OF3_OK) fail_msg("%s", err.text);
  gigabytes g = {.fast = gigabytes_of(b, &f, &plan), .least = gigabytes_of(b, &f, &least)};
  print_message(
      "%s, %d tokens: tensors %.2f, results %.2f, all %.2f GB, %.0f TFLOP; least: tensors %.2f, all "
      "%.2f GB (%s)\n",
      b->name, tokens, 1e-9 * (double)plan.step_bytes, 1e-9 * (double)plan.result_bytes, g.fast,
      1e-12 * (plan.flops_trunk + plan.flops_diffusion + plan.flops_heads), 1e-9 * (double)least.step_bytes,
      g.least, of3_economy_text(&o.economy, &config, text));
  of3_features_free(&f);
  close_setting(&s);
  return g;
}

static void two_thousand_tokens_fit(void **state) {
  static const int tokens[] = {76, 256, 512, 1024, 1536, 2000};
  const of3_device *f32 = device_of(OF3_F32);
  (void)state;
  gigabytes g = {0};
  for (size_t i = 0; i < sizeof tokens / sizeof *tokens; i++) {
    const gigabytes before = g;
    g = need_of(f32, tokens[i]);
    assert_true(g.fast > before.fast && g.least > before.least && g.least < g.fast);
  }
  assert_true(g.fast < 16 && g.least < 9);
  g = need_of(device_of(OF3_BF16), 2000);
  assert_true(g.fast < 16 && g.least < 8);
}

int main(int argc, char **argv) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(promise_is_kept), cmocka_unit_test(less_is_not_enough),
                                     cmocka_unit_test(same_result_in_less_memory),
                                     cmocka_unit_test(two_thousand_tokens_fit)};
  if (argc > 1) cmocka_set_test_filter(argv[1]);
  return cmocka_run_group_tests(tests, NULL, NULL);
}
