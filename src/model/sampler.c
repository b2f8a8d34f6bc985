/* AF3 SI Alg. 18 (SampleDiffusion) and 19 (CentreRandomAugmentation), section 11 of the contract. The loop
 * takes no memory: every step lives in one scope of the stack. */
#include <math.h>
#include <stdlib.h>

#include "model/run.h"

#define GAMMA_0     0.8
#define GAMMA_MIN   1.0
#define NOISE_SCALE 1.003
#define STEP_SCALE  1.5

double of3_noise_schedule(int i, int n_step) {
  const double s_max = 160, s_min = 4e-4, p = 7;
  double a = pow(s_max, 1 / p), b = pow(s_min, 1 / p);
  return OF3_SIGMA_DATA * pow(a + (double)i / n_step * (b - a), p);
}

/* Host buffers of the loop. */
typedef struct draws {
  float *noise;            /* [S,A,3] */
  float *rotation, *shift; /* [S,9], [S,3] */
} draws;

static void draw_noise(const of3_run *r, of3_purpose what, int step, int samples, draws *d) {
  size_t each = (size_t)r->in.n_atom * 3;
  for (int s = 0; s < samples; s++)
    r->random->normal(r->random->user, what, step, s, d->noise + (size_t)s * each, each);
}

static void draw_pose(const of3_run *r, int step, int samples, draws *d) {
  for (int s = 0; s < samples; s++) {
    float quaternion[4];
    r->random->normal(r->random->user, OF3_RANDOM_NOISE_ROTATION, step, s, quaternion, 4);
    of3_rotation_of(quaternion, d->rotation + 9 * s);
    r->random->normal(r->random->user, OF3_RANDOM_NOISE_TRANSLATION, step, s, d->shift + 3 * s, 3);
  }
}

static of3_tensor *scalar(const of3_run *r, double x) {
  const float value = (float)x;
  return OF3_FROM_HOST(r->cx, OF3_F32, &value, 1);
}

/* x -> noisy -> denoised -> x, from noise level `prev` to `now` (Angstrom). */
static void sampler_step(const of3_run *r, const of3_denoiser_state *state, int step, double prev, double now,
                         of3_tensor *x, draws *d) {
  of3_ctx *cx = r->cx;
  int samples = (int)x->shape[0];
  of3_scope scope = of3_scope_begin(cx);
  if (!cx->planning) {
    draw_pose(r, step, samples, d);
    draw_noise(r, OF3_RANDOM_NOISE_STEP, step, samples, d);
  }
  of3_augment(cx, x, r->in.atom_mask, OF3_FROM_HOST(cx, OF3_F32, d->rotation, samples, 9),
              OF3_FROM_HOST(cx, OF3_F32, d->shift, samples, 3));
  double t = prev * (1 + (now > GAMMA_MIN ? GAMMA_0 : 0)), added = NOISE_SCALE * sqrt(t * t - prev * prev);
  of3_tensor *noise = of3_from_host(cx, OF3_F32, x->rank, x->shape, d->noise);
  of3_tensor *noisy = of3_combine(cx, x, scalar(r, 1), noise, scalar(r, added), NULL);
  const float level = (float)t;
  of3_tensor *denoised = of3_denoise(r, state, noisy, &level, 1);
  double k = STEP_SCALE * (now - t) / t; /* x = noisy + k (noisy - denoised) */
  of3_copy(cx, x, of3_combine(cx, noisy, scalar(r, 1 + k), denoised, scalar(r, -k), NULL));
  of3_scope_end(cx, scope);
  of3_eval(cx, (of3_tensor *[]){x}, 1);
}

void of3_sample_diffusion(const of3_run *r, const of3_denoiser_state *state, int n_step, of3_tensor *x) {
  of3_ctx *cx = r->cx;
  int samples = (int)x->shape[0];
  draws d = {.noise = malloc((size_t)of3_count(x) * sizeof(float)),
             .rotation = malloc((size_t)samples * 9 * sizeof(float)),
             .shift = malloc((size_t)samples * 3 * sizeof(float))};
  if (!d.noise || !d.rotation || !d.shift)
    of3_ctx_fail(cx, OF3_ERR_MEMORY, "out of memory for the noise of %d samples", samples);
  else {
    if (!cx->planning) draw_noise(r, OF3_RANDOM_NOISE_INIT, 0, samples, &d);
    of3_scope scope = of3_scope_begin(cx);
    of3_tensor *init = of3_from_host(cx, OF3_F32, x->rank, x->shape, d.noise);
    of3_copy(cx, x, of3_combine(cx, init, scalar(r, of3_noise_schedule(0, n_step)), NULL, NULL, NULL));
    of3_scope_end(cx, scope);
    int n = cx->planning && n_step > 1 ? 1 : n_step; /* every step costs the same */
    double before = cx->flops;
    for (int i = 0; i < n && cx->error.code == OF3_OK; i++) {
      of3_progress(r, "diffusion", i, n_step);
      sampler_step(r, state, i, of3_noise_schedule(i, n_step), of3_noise_schedule(i + 1, n_step), x, &d);
      of3_note(r, x, "x_step.%d", i);
    }
    cx->flops += (cx->flops - before) * (n_step - n) / n;
    of3_progress(r, "diffusion", n_step, n_step);
  }
  free(d.noise);
  free(d.rotation);
  free(d.shift);
}
