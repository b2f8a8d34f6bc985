/* Structures of many samplers: folds the queries of a file, the trunk once for each, and samples with one
 * setting after the other. For sweep.sh; score.py reads what comes out.
 *
 *   of3_sampling WEIGHTS QUERIES.json SETTINGS OUT [--dtype f32|bf16] [--samples N] [--part I/N]
 *
 * SETTINGS: a line for each, "SAMPLER STEPS NOISE_SCALE STEP_SCALE". --part: queries I, I + N, I + 2N ...
 * only. One thread, 4 passes through the trunk, seed 42: all settings begin with the same noise. OUT gets a
 * file QUERY.safetensors for each query, with settings K, samples S, atoms A, bonds B: x [K,S,A,3], plddt,
 * ranking [K,S]   coordinates, mean pLDDT of CA atoms, ranking score residue [A], name [A,4] number of the
 * residue from 0; "N", "CA" ... with zeros after it bond [B,2], length [B]              atoms, and their
 * distance in the reference conformer */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cpu/cpu.h"
#include "dialect/dialect.h"
#include "feat/build.h"
#include "io/checkpoint.h"
#include "model/run.h"
#include "score/scores.h"
#include "tensor/backend.h"

enum { MOST_SETTINGS = 256, PASSES = 4, NAME = 4 };

typedef struct sweep {
  const of3_backend *backend;
  of3_ctx cx; /* holds the weights */
  of3_network net;
  const char *out;
  of3_sampler setting[MOST_SETTINGS];
  int n_setting, samples;
} sweep;

/* What one query gives. */
typedef struct result {
  int32_t *residue, *bond;
  uint8_t *name;
  float *length, *x, *plddt, *ranking;
} result;

static void die(const char *text) {
  fprintf(stderr, "of3_sampling: %s\n", text);
  exit(1);
}

static void check(of3_status status, const of3_error *err) {
  if (status != OF3_OK) die(err->text);
}

static void read_settings(sweep *s, const char *path) {
  char name[16];
  int steps;
  double noise, step;
  FILE *f = fopen(path, "r");
  if (!f) die("cannot open the settings");
  while (s->n_setting < MOST_SETTINGS && fscanf(f, "%15s %d %lf %lf", name, &steps, &noise, &step) == 4) {
    const of3_sampler *known = of3_sampler_named(name);
    if (!known || steps < 1) die("a setting is \"reference|ode STEPS NOISE_SCALE STEP_SCALE\"");
    of3_sampler *to = &s->setting[s->n_setting++];
    *to = *known;
    to->n_step = steps, to->noise_scale = noise, to->step_scale = step;
  }
  if (!feof(f)) die("a line of the settings is wrong");
  fclose(f);
}

/* ---- What does not depend on the setting */

static float distance_of(const float *x, int a, int b) {
  const float *p = x + 3 * a, *q = x + 3 * b;
  return sqrtf((p[0] - q[0]) * (p[0] - q[0]) + (p[1] - q[1]) * (p[1] - q[1]) + (p[2] - q[2]) * (p[2] - q[2]));
}

/* Bonds inside residues: of those the reference conformer knows the length. */
static int describe(const of3_complex *c, const of3_features *f, result *r) {
  int n = 0;
  for (int a = 0; a < c->n_atom; a++) {
    r->residue[a] = c->atom[a].residue;
    for (size_t k = 0; k < NAME && c->atom[a].name[k]; k++)
      r->name[a * NAME + (int)k] = (uint8_t)c->atom[a].name[k];
  }
  for (int i = 0; i < c->n_bond; i++) {
    const of3_bond *b = &c->bond[i];
    if (c->atom[b->a].residue != c->atom[b->b].residue) continue;
    r->bond[2 * n] = b->a, r->bond[2 * n + 1] = b->b;
    r->length[n++] = distance_of(f->ref_pos, b->a, b->b);
  }
  return n;
}

static result make_result(const sweep *s, const of3_complex *c, of3_arena *arena) {
  const size_t atoms = (size_t)c->n_atom, bonds = (size_t)c->n_bond + 1,
               k = (size_t)(s->n_setting * s->samples);
  result r = {.residue = OF3_ARENA_NEW(arena, int32_t, atoms),
              .bond = OF3_ARENA_NEW(arena, int32_t, 2 * bonds),
              .name = OF3_ARENA_NEW(arena, uint8_t, NAME * atoms),
              .length = OF3_ARENA_NEW(arena, float, bonds),
              .x = OF3_ARENA_NEW(arena, float, 3 * k * atoms),
              .plddt = OF3_ARENA_NEW(arena, float, k),
              .ranking = OF3_ARENA_NEW(arena, float, k)};
  if (!r.residue || !r.bond || !r.name || !r.length || !r.x || !r.plddt || !r.ranking) die("out of memory");
  memset(r.name, 0, NAME * atoms);
  return r;
}

static void write_result(const sweep *s, const of3_complex *c, const result *r, int bonds) {
  char path[4096];
  of3_error err = {0};
  const int64_t k = s->n_setting, n = s->samples, a = c->n_atom;
  const of3_entry entry[] = {
      {.name = "x", .dtype = OF3_F32, .rank = 4, .shape = {k, n, a, 3}, .count = 3 * k * n * a, .data = r->x},
      {.name = "plddt", .dtype = OF3_F32, .rank = 2, .shape = {k, n}, .count = k * n, .data = r->plddt},
      {.name = "ranking", .dtype = OF3_F32, .rank = 2, .shape = {k, n}, .count = k * n, .data = r->ranking},
      {.name = "residue", .dtype = OF3_I32, .rank = 1, .shape = {a}, .count = a, .data = r->residue},
      {.name = "name", .dtype = OF3_U8, .rank = 2, .shape = {a, NAME}, .count = a * NAME, .data = r->name},
      {.name = "bond", .dtype = OF3_I32, .rank = 2, .shape = {bonds, 2}, .count = 2 * bonds, .data = r->bond},
      {.name = "length", .dtype = OF3_F32, .rank = 1, .shape = {bonds}, .count = bonds, .data = r->length}};
  snprintf(path, sizeof path, "%s/%s.safetensors", s->out, c->name);
  check(of3_safetensors_write(path, entry, sizeof entry / sizeof *entry, NULL, 0, &err), &err);
}

/* ---- Sampling */

static void score(const sweep *s, const of3_complex *c, const of3_features *f, const of3_prediction *p,
                  result *r, int setting) {
  of3_arena *arena = of3_arena_new(0);
  of3_scores *scores;
  of3_error err = {0};
  if (!arena) die("out of memory");
  check(of3_scores_compute(c, f, p, s->net.variant, NULL, NULL, arena, &scores, &err), &err);
  for (int k = 0; k < s->samples; k++) {
    const int at = setting * s->samples + k;
    double sum = 0;
    for (int a = 0; a < c->n_atom; a++)
      if (!strcmp(c->atom[a].name, "CA")) sum += (double)p->plddt[k * c->n_atom + a];
    r->plddt[at] = (float)(sum / c->n_residue);
    r->ranking[at] = scores[k].sample_ranking_score;
  }
  of3_arena_free(arena);
}

static void sample_all(sweep *s, of3_run *run, const of3_trunk *t, const of3_complex *c,
                       const of3_features *f, result *r) {
  of3_ctx *cx = run->cx;
  of3_error err = {0};
  const of3_denoiser_state d = of3_prepare_denoiser(run, t);
  for (int i = 0; i < s->n_setting; i++) {
    of3_prediction p = {0};
    of3_scope scope = of3_scope_begin(cx);
    of3_tensor *x = OF3_NEW(cx, OF3_F32, s->samples, 1, c->n_atom, 3);
    check(of3_prediction_make(f, s->samples, &p, &err), &err);
    of3_sample_diffusion(run, &d, &s->setting[i], s->setting[i].n_step, x);
    of3_download(cx, x, p.x);
    of3_contact_probability(run, t->z, &p);
    of3_confidence(run, t, x, &p);
    check(of3_ctx_status(cx, &err), &err);
    const size_t n = 3 * (size_t)s->samples * (size_t)c->n_atom;
    memcpy(r->x + n * (size_t)i, p.x, n * sizeof *p.x);
    score(s, c, f, &p, r, i);
    of3_prediction_free(&p);
    of3_scope_end(cx, scope);
  }
}

static void fold(sweep *s, const of3_query *query) {
  const uint64_t seed = 42;
  const size_t room = (size_t)8 << 30;
  const of3_feature_mode mode = of3_feature_mode_of(s->net.variant);
  const of3_random_source random = of3_seeded_random(&seed);
  of3_complex complex = {0};
  of3_features f = {0};
  of3_error err = {0};
  of3_ctx cx;
  of3_arena *arena = of3_arena_new(0);
  if (!arena) die("out of memory");
  check(query->error.code, &query->error);
  check(of3_complex_build(query, NULL, NULL, &complex, &err), &err);
  check(of3_features_build(&complex, query, &mode, seed, NULL, &f, &err), &err);
  check(of3_ctx_open(&cx, &(of3_device){.backend = s->backend}, 1, room, false, &err), &err);
  result r = make_result(s, &complex, arena);
  const int bonds = describe(&complex, &f, &r);
  of3_run run = {.cx = &cx,
                 .net = &s->net,
                 .c = &s->net.config,
                 .w = &s->net.weights,
                 .random = &random,
                 .arena = arena,
                 .scope = ""};
  of3_make_inputs(&run, 1, &(const of3_features *){&f});
  const of3_trunk t = of3_run_trunk(&run, PASSES);
  sample_all(s, &run, &t, &complex, &f, &r);
  write_result(s, &complex, &r, bonds);
  of3_ctx_close(&cx);
  of3_arena_free(arena);
  of3_features_free(&f);
  of3_complex_free(&complex);
}

int main(int argc, char **argv) {
  if (argc < 5) die("WEIGHTS QUERIES.json SETTINGS OUT [--dtype f32|bf16] [--samples N] [--part I/N]");
  static sweep s;
  int part = 0, parts = 1;
  of3_dtype dtype = OF3_F32;
  of3_checkpoint weights;
  of3_query_set set = {0};
  of3_error err = {0};
  s.samples = 3;
  s.out = argv[4];
  for (int i = 5; i + 1 < argc; i += 2) {
    if (!strcmp(argv[i], "--dtype")) dtype = strcmp(argv[i + 1], "bf16") ? OF3_F32 : OF3_BF16;
    if (!strcmp(argv[i], "--samples")) s.samples = atoi(argv[i + 1]);
    if (!strcmp(argv[i], "--part") && sscanf(argv[i + 1], "%d/%d", &part, &parts) != 2) die("--part I/N");
  }
  if (s.samples < 1 || parts < 1) die("one sample and one part are the least");
  read_settings(&s, argv[3]);
  check(of3_query_open(argv[2], (size_t)1 << 30, &set, &err), &err);
  check(of3_cpu_backend(NULL, dtype, &s.backend, &err), &err);
  check(of3_ctx_open(&s.cx, &(of3_device){.backend = s.backend}, 1, 4096, false, &err), &err);
  check(of3_checkpoint_open(argv[1], (size_t)1 << 30, &weights, &err), &err);
  check(of3_network_bind(&s.cx, &weights.weights, &s.net, &err), &err);
  for (int i = part; i < set.n; i += parts) fold(&s, &set.query[i]);
  of3_query_set_free(&set);
  of3_network_free(&s.net);
  of3_ctx_close(&s.cx);
  of3_checkpoint_close(&weights);
  return 0;
}
