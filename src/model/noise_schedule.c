/* The noise schedule of AF3 SI 3.7.1 (docs/model.md 11), and what the steps of Alg. 18 take from it: a row of
 * numbers each. A sampler is such a table. */
#include <math.h>
#include <string.h>

#include "model/run.h"

const of3_sampler of3_sampler_reference = {.name = "reference",
                                           .n_step = 200,
                                           .gamma_0 = 0.8,
                                           .gamma_min = 1,
                                           .noise_scale = 1.003,
                                           .step_scale = 1.5};
const of3_sampler of3_sampler_ode = {
    .name = "ode", .n_step = 20, .gamma_0 = 0, .gamma_min = 1, .noise_scale = 1, .step_scale = 1.5};

const of3_sampler *of3_sampler_named(const char *name) {
  static const of3_sampler *const all[] = {&of3_sampler_reference, &of3_sampler_ode};
  for (size_t i = 0; i < sizeof all / sizeof *all; i++)
    if (!strcmp(all[i]->name, name)) return all[i];
  return NULL;
}

double of3_noise_schedule(int i, int n_step) {
  const double s_max = 160, s_min = 4e-4, p = 7;
  double a = pow(s_max, 1 / p), b = pow(s_min, 1 / p);
  return OF3_SIGMA_DATA * pow(a + (double)i / n_step * (b - a), p);
}

void of3_level_coefficients(double t, float out[OF3_LEVEL_COLUMNS]) {
  const double data = OF3_SIGMA_DATA, variance = t * t + data * data;
  out[0] = (float)t;
  out[1] = (float)(1 / sqrt(variance));
  out[2] = (float)(data * data / variance);
  out[3] = (float)(data * t / sqrt(variance));
}

void of3_step_coefficients(const of3_sampler *s, int i, int n_step, float out[OF3_STEP_COLUMNS]) {
  const double prev = of3_noise_schedule(i, n_step), next = of3_noise_schedule(i + 1, n_step);
  const double t = prev * (1 + (next > s->gamma_min ? s->gamma_0 : 0));
  const double k = s->step_scale * (next - t) / t; /* x = noisy + k (noisy - denoised) */
  of3_level_coefficients(t, out);
  out[OF3_STEP_ADDED] = (float)(s->noise_scale * sqrt(t * t - prev * prev));
  out[OF3_STEP_KEEP] = (float)(1 + k);
  out[OF3_STEP_PULL] = (float)-k;
}
