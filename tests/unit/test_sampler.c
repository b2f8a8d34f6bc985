/* Samplers: their tables against AF3 SI Alg. 18 and the reference's schedule; a step takes nothing from the
 * host; the same bytes for any number of threads; the plan is what is used. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cpu/cpu.h"
#include "feat/build.h"
#include "model/run.h"
#include "tensor/backend.h"

static void expect_near(double x, double expected, double relative) {
  if (fabs(x - expected) > relative * fabs(expected)) fail_msg("%.17g, expected %.17g", x, expected);
}

/* ---- Tables */

/* create_noise_schedule of openfold3 0.5.0 in f64, sigma_data 16, s_max 160, s_min 4e-4, p 7. */
static void levels_are_the_references(void **state) {
  static const struct {
    int i, n;
    double level;
  } known[] = {
      {0, 200, 2559.999999999998},      {1, 200, 2485.536358322031},    {50, 200, 489.86067845557346},
      {100, 200, 55.97479298424289},    {150, 200, 2.3750066281628186}, {199, 200, 0.007689493561995602},
      {200, 200, 0.006400000000000007}, {1, 10, 1383.474732110845},     {8, 10, 1.0170345927280973}};
  (void)state;
  for (size_t k = 0; k < sizeof known / sizeof *known; k++)
    expect_near(of3_noise_schedule(known[k].i, known[k].n), known[k].level, 1e-13);
}

/* Alg. 18 line by line on one coordinate, and the same by the table. */
static void expect_algorithm(const of3_sampler *s, int n_step) {
  const double x = 3.25, denoised = -1.5, xi = 0.75;
  for (int i = 0; i < n_step; i++) {
    float c[OF3_STEP_COLUMNS];
    of3_step_coefficients(s, i, n_step, c);
    const double before = of3_noise_schedule(i, n_step), after = of3_noise_schedule(i + 1, n_step);
    const double gamma = after > s->gamma_min ? s->gamma_0 : 0, t = before * (gamma + 1);
    const double noisy = x + s->noise_scale * sqrt(t * t - before * before) * xi;
    const double delta = (noisy - denoised) / t, dt = after - t, next = noisy + s->step_scale * dt * delta;
    const double by_table = x + (double)c[OF3_STEP_ADDED] * xi;
    expect_near((double)c[0], t, 1e-7);
    expect_near(by_table, noisy, 2e-7);
    expect_near((double)c[OF3_STEP_KEEP] * noisy + (double)c[OF3_STEP_PULL] * denoised, next,
                1e-6 * (fabs(noisy) + 2) / fabs(next));
    /* Alg. 20 lines 1 and 8 */
    expect_near((double)c[1], 1 / sqrt(t * t + 256), 1e-7);
    expect_near((double)c[2], 256 / (256 + t * t), 1e-7);
    expect_near((double)c[3], 16 * t / sqrt(256 + t * t), 1e-7);
  }
}

static void tables_are_the_algorithm(void **state) {
  of3_sampler other = of3_sampler_reference;
  (void)state;
  other.noise_scale = 0.5, other.step_scale = 1;
  for (int n = 1; n <= 200; n = n * 2 + 1) {
    expect_algorithm(&of3_sampler_reference, n);
    expect_algorithm(&of3_sampler_ode, n);
    expect_algorithm(&other, n);
  }
  const of3_sampler *s = of3_sampler_named("reference");
  assert_ptr_equal(s, &of3_sampler_reference);
  assert_true(s->n_step == 200 && s->gamma_0 == 0.8 && s->gamma_min == 1 && s->noise_scale == 1.003 &&
              s->step_scale == 1.5);
  s = of3_sampler_named("ode");
  assert_true(s->gamma_0 == 0 && s->noise_scale == 1 && s->step_scale == 1.5);
  for (int i = 0; i < s->n_step; i++) {
    float c[OF3_STEP_COLUMNS];
    of3_step_coefficients(s, i, s->n_step, c);
    assert_true(c[OF3_STEP_ADDED] == 0);
  }
  assert_null(of3_sampler_named("euler"));
}

/* ---- Folds */

enum { STEPS = 4, SAMPLES = 3 };

/* The CPU backend, with its uploads and downloads counted. */
static struct {
  const of3_backend *real;
  of3_backend wrapped;
  int copies, at_step[STEPS + 1];
} counting;

static void count_upload(of3_ctx *cx, of3_tensor *t, const void *host, of3_dtype kept) {
  (void)cx, (void)kept;
  counting.copies++;
  memcpy(of3_host(t), host, of3_bytes(t));
}

static void count_download(of3_ctx *cx, const of3_tensor *t, void *host) {
  (void)cx;
  counting.copies++;
  memcpy(host, of3_host(t), of3_bytes(t));
}

static void watch(void *user, const char *phase, int done, int total) {
  (void)user, (void)total;
  if (!strcmp(phase, "diffusion")) counting.at_step[done] = counting.copies;
}

static of3_prediction fold(const of3_backend *backend, const of3_sampler *sampler, int threads, uint64_t seed,
                           size_t *ret_planned, size_t *ret_used) {
  const of3_fold_options o = {.n_cycle = 1, .n_step = STEPS, .n_sample = SAMPLES, .opt_sampler = sampler};
  const of3_random_source random = of3_seeded_random(&seed);
  const of3_device device = {.backend = backend};
  const of3_observer observer = {.progress = watch};
  of3_error err = {0};
  of3_table weights;
  of3_ctx cx;
  of3_network net;
  of3_query_set set = {0};
  of3_complex complex = {0};
  of3_features f = {0};
  of3_prediction p = {0};
  of3_plan plan = {0};
  if (of3_safetensors_open("tests/fixtures/parity/checkpoint_ob.safetensors", &weights, &err) != OF3_OK ||
      of3_ctx_open(&cx, &device, threads, (size_t)1 << 28, false, &err) != OF3_OK ||
      of3_network_bind(&cx, &weights, &net, &err) != OF3_OK)
    fail_msg("%s", err.text);
  const of3_feature_mode mode = of3_feature_mode_of(net.variant);
  if (of3_query_from_sequence("MKTAYIAKQRQISFVKSHFSRQ", "q", &set, &err) != OF3_OK ||
      of3_complex_build(&set.query[0], NULL, NULL, &complex, &err) != OF3_OK ||
      of3_features_build(&complex, &set.query[0], &mode, 1, NULL, &f, &err) != OF3_OK ||
      of3_plan_fold(&device, threads, &net, &f, &o, &plan, &err) != OF3_OK ||
      of3_fold(&cx, &net, &f, &o, &random, &observer, &p, &err) != OF3_OK)
    fail_msg("%s", err.text);
  *ret_planned = plan.step_bytes;
  *ret_used = cx.peak;
  of3_features_free(&f);
  of3_complex_free(&complex);
  of3_query_set_free(&set);
  of3_network_free(&net);
  of3_ctx_close(&cx);
  of3_table_close(&weights);
  return p;
}

static void set_counting(of3_dtype operand) {
  of3_error err = {0};
  if (of3_cpu_backend(NULL, operand, &counting.real, &err) != OF3_OK) fail_msg("%s", err.text);
  counting.wrapped = *counting.real;
  counting.wrapped.upload = count_upload;
  counting.wrapped.download = count_download;
}

static void steps_copy_nothing(void **state) {
  (void)state;
  for (int type = 0; type < 2; type++) {
    size_t planned, used;
    set_counting(type ? OF3_BF16 : OF3_F32);
    counting.copies = 0;
    of3_prediction p = fold(&counting.wrapped, &of3_sampler_reference, 2, 7, &planned, &used);
    assert_true(counting.at_step[0] > 0); /* the counting works */
    for (int i = 1; i <= STEPS; i++) assert_int_equal(counting.at_step[i], counting.at_step[0]);
    assert_true(counting.copies > counting.at_step[STEPS]);
    assert_int_equal(planned, used);
    of3_prediction_free(&p);
  }
}

static bool equal_coordinates(const of3_prediction *a, const of3_prediction *b, int samples) {
  return !memcmp(a->x, b->x, (size_t)samples * (size_t)a->n_atom * 3 * sizeof *a->x);
}

/* The same bytes for any number of threads; others for another sampler and another seed. */
static void samplers_are_deterministic(void **state) {
  const of3_sampler *const samplers[] = {&of3_sampler_reference, &of3_sampler_ode};
  of3_prediction first[2];
  size_t planned, used;
  (void)state;
  set_counting(OF3_F32);
  for (int k = 0; k < 2; k++) {
    first[k] = fold(counting.real, samplers[k], 1, 7, &planned, &used);
    for (int threads = 2; threads <= 4; threads++) {
      of3_prediction p = fold(counting.real, samplers[k], threads, 7, &planned, &used);
      assert_true(equal_coordinates(&first[k], &p, SAMPLES));
      assert_int_equal(planned, used);
      of3_prediction_free(&p);
    }
  }
  assert_false(equal_coordinates(&first[0], &first[1], 1));
  of3_prediction other = fold(counting.real, samplers[1], 1, (uint64_t)7 << 32 | 7, &planned, &used);
  assert_false(equal_coordinates(&first[1], &other, 1));
  of3_prediction_free(&other);
  for (int k = 0; k < 2; k++) of3_prediction_free(&first[k]);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(levels_are_the_references), cmocka_unit_test(tables_are_the_algorithm),
      cmocka_unit_test(steps_copy_nothing), cmocka_unit_test(samplers_are_deterministic)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
