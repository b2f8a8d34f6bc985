/* AF3 SI Alg. 18 (SampleDiffusion) and 19 (CentreRandomAugmentation), docs/model.md 11. The loop
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

/* What a step takes from outside: all of it changes from step to step, nothing else does. */
typedef struct step_inputs {
  of3_tensor *x;                /* [S,A,3], in and out */
  of3_tensor *rotation, *shift; /* [S,9], [S,3] */
  of3_tensor *noise, *added;    /* [S,A,3] normal, and its factor */
  of3_tensor *keep, *pull;      /* x = keep noisy + pull denoised */
  of3_noise_levels level;
} step_inputs;
enum { N_STEP_INPUT = sizeof(step_inputs) / sizeof(of3_tensor *) };

typedef struct sampler {
  const of3_run *r;
  const of3_denoiser_state *state;
  draws d;
  of3_tensor *one;
  union {
    step_inputs in;
    of3_tensor *input[N_STEP_INPUT];
  } now;
  of3_region region;
} sampler;

/* From noise level `prev` to `next` (Angstrom). */
static step_inputs upload_inputs(const sampler *s, of3_tensor *x, double prev, double next) {
  of3_ctx *cx = s->r->cx;
  const double t = prev * (1 + (next > GAMMA_MIN ? GAMMA_0 : 0));
  const double k = STEP_SCALE * (next - t) / t; /* x = noisy + k (noisy - denoised) */
  const float level = (float)t;
  return (step_inputs){.x = x,
                       .rotation = OF3_FROM_HOST(cx, OF3_F32, s->d.rotation, x->shape[0], 9),
                       .shift = OF3_FROM_HOST(cx, OF3_F32, s->d.shift, x->shape[0], 3),
                       .noise = of3_from_host(cx, OF3_F32, x->rank, x->shape, s->d.noise),
                       .added = scalar(s->r, NOISE_SCALE * sqrt(t * t - prev * prev)),
                       .keep = scalar(s->r, 1 + k),
                       .pull = scalar(s->r, -k),
                       .level = of3_upload_levels(s->r, &level, 1)};
}

/* x -> noisy -> denoised -> x. */
static void step_body(void *user) {
  const sampler *s = user;
  const step_inputs *in = &s->now.in;
  of3_ctx *cx = s->r->cx;
  of3_augment(cx, in->x, s->r->in.atom_mask, in->rotation, in->shift);
  of3_tensor *noisy = of3_combine(cx, in->x, s->one, in->noise, in->added, NULL);
  of3_tensor *denoised = of3_denoise(s->r, s->state, noisy, &in->level);
  of3_copy(cx, in->x, of3_combine(cx, noisy, in->keep, denoised, in->pull, NULL));
}

/* All steps are one region, but for an observer who wants to see what is inside. */
static void sampler_step(sampler *s, int step, double prev, double next, of3_tensor *x) {
  const of3_run *r = s->r;
  of3_ctx *cx = r->cx;
  const int samples = (int)x->shape[0];
  of3_scope scope = of3_scope_begin(cx);
  if (!cx->planning) {
    draw_pose(r, step, samples, &s->d);
    draw_noise(r, OF3_RANDOM_NOISE_STEP, step, samples, &s->d);
  }
  s->now.in = upload_inputs(s, x, prev, next);
  if (r->observer && r->observer->trace)
    step_body(s);
  else
    of3_region_run(cx, &s->region);
  of3_scope_end(cx, scope);
  of3_flush(cx, (of3_tensor *[]){x}, 1);
}

static void run_steps(sampler *s, int n_step, of3_tensor *x) {
  const of3_run *r = s->r;
  of3_ctx *cx = r->cx;
  const int n = cx->planning && n_step > 1 ? 1 : n_step; /* every step costs the same */
  const double before = cx->flops;
  s->one = scalar(r, 1);
  s->region = (of3_region){.body = step_body,
                           .user = s,
                           .in = s->now.input,
                           .n_in = N_STEP_INPUT,
                           .out = s->now.input, /* x */
                           .n_out = 1};
  for (int i = 0; i < n && cx->error.code == OF3_OK; i++) {
    of3_progress(r, "diffusion", i, n_step);
    sampler_step(s, i, of3_noise_schedule(i, n_step), of3_noise_schedule(i + 1, n_step), x);
    of3_note(r, x, "x_step.%d", i);
  }
  of3_region_close(cx, &s->region);
  cx->flops += (cx->flops - before) * (n_step - n) / n;
  of3_progress(r, "diffusion", n_step, n_step);
}

void of3_sample_diffusion(const of3_run *r, const of3_denoiser_state *state, int n_step, of3_tensor *x) {
  of3_ctx *cx = r->cx;
  const int samples = (int)x->shape[0];
  sampler s = {.r = r,
               .state = state,
               .d = {.noise = malloc((size_t)of3_count(x) * sizeof(float)),
                     .rotation = malloc((size_t)samples * 9 * sizeof(float)),
                     .shift = malloc((size_t)samples * 3 * sizeof(float))}};
  if (!s.d.noise || !s.d.rotation || !s.d.shift)
    of3_ctx_fail(cx, OF3_ERR_MEMORY, "out of memory for the noise of %d samples", samples);
  else {
    if (!cx->planning) draw_noise(r, OF3_RANDOM_NOISE_INIT, 0, samples, &s.d);
    of3_scope scope = of3_scope_begin(cx);
    of3_tensor *init = of3_from_host(cx, OF3_F32, x->rank, x->shape, s.d.noise);
    of3_copy(cx, x, of3_combine(cx, init, scalar(r, of3_noise_schedule(0, n_step)), NULL, NULL, NULL));
    of3_scope_end(cx, scope);
    scope = of3_scope_begin(cx);
    run_steps(&s, n_step, x);
    of3_scope_end(cx, scope);
  }
  free(s.d.noise);
  free(s.d.rotation);
  free(s.d.shift);
}
