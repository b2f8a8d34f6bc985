/* AF3 SI Alg. 18 (SampleDiffusion) and 19 (CentreRandomAugmentation), docs/model.md 11.
 *
 * Before the steps the device gets a table with a row of numbers for each (noise_schedule.c), the numbers of
 * the steps, and the keys of the random streams. From then on a step takes nothing from the host: it copies
 * its number to where the region reads it, and finds its row and draws its noise by that. The steps take no
 * memory either: each lives in one scope of the stack.
 *
 * Noise from elsewhere (of3_random_source.opt_normal: parity tests) is uploaded before each step instead.
 *
 * With a pocket (pocket.c) the last steps are done again from samples whose ligand was put there: the table
 * has their rows a second time, behind the others, so that their noise is new. */
#include <string.h>

#include "model/run.h"

typedef struct sampling {
  const of3_run *r;
  const of3_denoiser_state *state;
  int n_step;
  const of3_pocket *pocket; /* or NULL */
  int restart;              /* with a pocket the steps from here on are done twice; without one n_step */
  of3_tensor *table;        /* [steps, OF3_STEP_COLUMNS], those that are done again counted */
  of3_tensor *steps;        /* [steps] i32: 0, 1, 2, ... */
  of3_tensor *key;          /* [S,B,3] i32 */
  of3_tensor *one;          /* [1] */
  float *host;              /* [S,B,A,3] of noise from elsewhere */
  /* Inputs of one denoising step. These and only these change between steps: a backend that recorded the step
   * (of3_region) gets them anew. noise: from elsewhere; NULL: the step draws it. */
  struct {
    of3_tensor *x, *step;     /* [S,B,A,3], in and out; [1] i32 */
    of3_tensor *pose, *noise; /* [S,B,7], [S,B,A,3] */
  } now;
  of3_region region;
} sampling;

/* ---- What is uploaded once */

/* A row for each step, then for those that are done again. */
static of3_tensor *upload_table(const of3_run *r, const of3_sampler *sampler, int n_step, int restart) {
  const int n = 2 * n_step - restart;
  float *host = OF3_ARENA_NEW(r->arena, float, (size_t)n *OF3_STEP_COLUMNS);
  if (!host) of3_ctx_fail(r->cx, OF3_ERR_MEMORY, "out of memory for the noise schedule of %d steps", n_step);
  for (int i = 0; host && i < n; i++)
    of3_step_coefficients(sampler, i < n_step ? i : i - n_step + restart, n_step,
                          host + i * OF3_STEP_COLUMNS);
  return OF3_FROM_HOST(r->cx, OF3_F32, host, n, OF3_STEP_COLUMNS);
}

static of3_tensor *upload_steps(const of3_run *r, int n_step) {
  int32_t *host = OF3_ARENA_NEW(r->arena, int32_t, (size_t)n_step);
  if (!host) of3_ctx_fail(r->cx, OF3_ERR_MEMORY, "out of memory for the numbers of %d steps", n_step);
  for (int i = 0; host && i < n_step; i++) host[i] = i;
  return OF3_FROM_HOST(r->cx, OF3_I32, host, n_step);
}

/* A sample of a complex draws what it draws alone, by the complex's seed; what more atoms would get is drawn
 * behind, for its padding. */
static of3_tensor *upload_keys(const of3_run *r, int64_t samples) {
  const int64_t n = r->in.n;
  int32_t *host = OF3_ARENA_NEW(r->arena, int32_t, 3 * (size_t)(samples * n));
  if (!host) of3_ctx_fail(r->cx, OF3_ERR_MEMORY, "out of memory for the keys of %d samples", (int)samples);
  for (int64_t i = 0; host && i < samples * n; i++) {
    const uint64_t seed = r->random ? r->random[i % n].seed : 0; /* NULL while planning */
    host[3 * i] = (int32_t)(uint32_t)seed;
    host[3 * i + 1] = (int32_t)(uint32_t)(seed >> 32);
    host[3 * i + 2] = (int32_t)(i / n);
  }
  return OF3_FROM_HOST(r->cx, OF3_I32, host, samples, n, 3);
}

static of3_tensor *upload_scalar(const of3_run *r, double x) {
  const float value = (float)x;
  return OF3_FROM_HOST(r->cx, OF3_F32, &value, 1);
}

/* ---- Noise */

/* That of all complexes, or of none. */
static bool is_given(const of3_run *r) { return r->random && r->random->opt_normal; }

static void upload_given(const sampling *s, of3_purpose what, int step, of3_tensor *to) {
  const int64_t n = s->r->in.n, all = to->shape[0] * n, each = of3_count(to) / all;
  memset(s->host, 0, of3_bytes(to));
  for (int64_t i = 0; i < all; i++) {
    const of3_random_source *random = &s->r->random[i % n];
    const int64_t own = what == OF3_RANDOM_NOISE_POSE ? each : 3 * (int64_t)s->r->in.f[i % n]->n_atom;
    random->opt_normal(random->user, what, step, (int)(i / n), s->host + i * each, (size_t)own);
  }
  of3_upload(s->r->cx, to, s->host);
}

/* Noise like x. */
static of3_tensor *draw_noise(const sampling *s, of3_purpose what) {
  of3_ctx *cx = s->r->cx;
  const of3_tensor *x = s->now.x;
  of3_tensor *noise = of3_draw_normal(cx, s->key, s->now.step, what, s->r->in.n_atom * 3);
  return of3_reshape(cx, noise, x->rank, x->shape);
}

/* ---- Steps */

/* x -> noisy -> denoised -> x. */
static void step_body(void *user) {
  const sampling *s = user;
  of3_ctx *cx = s->r->cx;
  of3_tensor *x = s->now.x, *c[OF3_STEP_COLUMNS];
  of3_tensor *row = OF3_RESHAPE(cx, of3_take_row(cx, s->table, s->now.step), OF3_STEP_COLUMNS);
  for (int i = 0; i < OF3_STEP_COLUMNS; i++) c[i] = of3_narrow(cx, row, i, 1);
  const of3_noise_levels level = {.t = c[0], .in = c[1], .skip = c[2], .out = c[3]};
  const of3_tensor *pose = s->now.pose, *noise = s->now.noise;
  if (!pose) pose = of3_draw_normal(cx, s->key, s->now.step, OF3_RANDOM_NOISE_POSE, 7);
  of3_augment(cx, x, s->r->in.atom_mask, pose);
  if (!noise) noise = draw_noise(s, OF3_RANDOM_NOISE_STEP);
  of3_tensor *noisy = of3_combine(cx, x, s->one, noise, c[OF3_STEP_ADDED], NULL);
  of3_tensor *denoised = of3_denoise(s->r, s->state, noisy, &level);
  of3_copy(cx, x, of3_combine(cx, noisy, c[OF3_STEP_KEEP], denoised, c[OF3_STEP_PULL], NULL));
}

/* All steps are one region, but for an observer who wants to see what is inside. */
static void sampler_step(sampling *s, int step) {
  const of3_run *r = s->r;
  of3_ctx *cx = r->cx;
  of3_scope scope = of3_scope_begin(cx);
  of3_copy(cx, s->now.step, of3_narrow(cx, s->steps, step, 1));
  if (s->now.pose) upload_given(s, OF3_RANDOM_NOISE_POSE, step, s->now.pose);
  if (s->now.noise) upload_given(s, OF3_RANDOM_NOISE_STEP, step, s->now.noise);
  if (r->observer && r->observer->trace)
    step_body(s);
  else
    of3_region_run(cx, &s->region);
  of3_scope_end(cx, scope);
  of3_flush(cx, (of3_tensor *[]){s->now.x}, 1);
}

/* Steps first .. end - 1 of the table. */
static void run_steps(sampling *s, int first, int end) {
  const of3_run *r = s->r;
  of3_ctx *cx = r->cx;
  const int all = end - first, n = cx->planning && all > 1 ? 1 : all; /* every step costs the same */
  const int total = 2 * s->n_step - s->restart;
  const double before = cx->flops;
  for (int i = first; i < first + n && cx->error.code == OF3_OK; i++) {
    of3_progress(r, "diffusion", i, total);
    sampler_step(s, i);
    of3_note(r, s->now.x, "x_step.%d", i);
  }
  cx->flops += (cx->flops - before) * (all - n) / n;
  of3_progress(r, "diffusion", end, total);
}

/* x = noise of the level of a step; after the first, x += it. `step` of the table counts for the noise. */
static void add_level(const sampling *s, int step, double level) {
  of3_ctx *cx = s->r->cx;
  of3_tensor *x = s->now.x, *noise;
  of3_scope scope = of3_scope_begin(cx);
  of3_copy(cx, s->now.step, of3_narrow(cx, s->steps, step, 1));
  if (is_given(s->r))
    upload_given(s, OF3_RANDOM_NOISE_INIT, step, noise = of3_new_like(cx, x));
  else
    noise = draw_noise(s, OF3_RANDOM_NOISE_INIT);
  of3_tensor *factor = upload_scalar(s->r, level);
  of3_copy(cx, x,
           step ? of3_combine(cx, x, s->one, noise, factor, NULL)
                : of3_combine(cx, noise, factor, NULL, NULL, NULL));
  of3_scope_end(cx, scope);
}

/* x of the first descent -> x with the ligand in the pocket, at the level of the step `restart`. */
static void enter_pocket(const sampling *s) {
  of3_ctx *cx = s->r->cx;
  const size_t n = (size_t)of3_count(s->now.x);
  if (!cx->planning) {
    float *x = OF3_ARENA_NEW(s->r->arena, float, n), *placed = OF3_ARENA_NEW(s->r->arena, float, n);
    if (!x || !placed) of3_ctx_fail(cx, OF3_ERR_MEMORY, "out of memory for the poses of a ligand");
    if (cx->error.code != OF3_OK) return;
    of3_download(cx, s->now.x, x);
    of3_pocket_place(s->r, s->pocket, (int)s->now.x->shape[0], x, placed);
    if (cx->error.code == OF3_OK) of3_upload(cx, s->now.x, placed);
  }
  add_level(s, s->n_step, of3_noise_schedule(s->restart, s->n_step));
}

static void sample(sampling *s) {
  const of3_run *r = s->r;
  s->region = (of3_region){.body = step_body,
                           .user = s,
                           .in = (of3_tensor *[]){s->now.x, s->now.step, s->now.pose, s->now.noise},
                           .n_in = is_given(r) ? 4 : 2,
                           .out = (of3_tensor *[]){s->now.x},
                           .n_out = 1};
  add_level(s, 0, of3_noise_schedule(0, s->n_step));
  run_steps(s, 0, s->n_step);
  if (s->pocket && r->cx->error.code == OF3_OK) {
    enter_pocket(s);
    run_steps(s, s->n_step, 2 * s->n_step - s->restart);
  }
  of3_region_close(r->cx, &s->region);
}

void of3_sample_diffusion(const of3_run *r, const of3_denoiser_state *state, const of3_sampler *sampler,
                          int n_step, of3_tensor *x) {
  of3_ctx *cx = r->cx;
  const int64_t samples = x->shape[0];
  const of3_pocket *pocket = r->in.f[0]->pocket; /* of a complex that is alone in its batch */
  const int restart = pocket ? of3_pocket_start(pocket, n_step) : n_step;
  of3_scope scope = of3_scope_begin(cx);
  sampling s = {.r = r,
                .state = state,
                .n_step = n_step,
                .pocket = pocket,
                .restart = restart,
                .table = upload_table(r, sampler, n_step, restart),
                .steps = upload_steps(r, 2 * n_step - restart),
                .key = upload_keys(r, samples),
                .one = upload_scalar(r, 1),
                .now = {.x = x, .step = OF3_NEW(cx, OF3_I32, 1)}};
  if (is_given(r)) {
    s.host = OF3_ARENA_NEW(r->arena, float, (size_t)of3_count(x) + 7 * (size_t)(samples * r->in.n));
    if (!s.host) of3_ctx_fail(cx, OF3_ERR_MEMORY, "out of memory for the noise of %d samples", (int)samples);
    s.now.pose = OF3_NEW(cx, OF3_F32, samples, r->in.n, 7);
    s.now.noise = of3_new_like(cx, x);
  }
  if (cx->error.code == OF3_OK) sample(&s);
  of3_scope_end(cx, scope);
}
