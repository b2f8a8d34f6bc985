/* A ligand into a pocket: poses beside the oracle's with the same draws (tools/make_pocket_fixture.py),
 * features of the pocket, and the second descent of the sampler. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ccd/ccd_library.h"
#include "cpu/cpu.h"
#include "feat/build.h"
#include "model/run.h"
#include "tensor/backend.h"

/* ---- Beside the oracle */

typedef struct given {
  const float *draws, *jitter;
} given;

static void give(void *user, of3_purpose what, int step, int sample, float *out, size_t n) {
  const given *g = user;
  assert_int_equal(what, OF3_RANDOM_POCKET);
  assert_int_equal(n, step ? 3 : 10);
  const float *from = step ? g->jitter : g->draws;
  memcpy(out, from + (size_t)sample * n, n * sizeof *out);
}

static const void *data_of(const of3_table *t, const char *name) {
  const of3_entry *e = of3_table_find(t, name);
  if (!e) fail_msg("the fixture has no %s", name);
  return e->data;
}

/* Measured: 3.4e-6, of coordinates up to 40 Angstrom. */
static void expect_oracle(const char *path) {
  of3_error err = {0};
  of3_table t;
  if (of3_safetensors_open(path, &t, &err) != OF3_OK) fail_msg("%s", err.text);
  const of3_entry *x = of3_table_find(&t, "x"), *conformers = of3_table_find(&t, "conformers");
  const float *s = data_of(&t, "settings"), *expected = data_of(&t, "out");
  const int samples = (int)x->shape[0], atoms = (int)x->shape[1];
  of3_pocket p = {.ligand = (uint8_t *)(uintptr_t)data_of(&t, "ligand"),
                  .site = (uint8_t *)(uintptr_t)data_of(&t, "site"),
                  .radius = (float *)(uintptr_t)data_of(&t, "radius"),
                  .n_conformer = conformers ? (int)conformers->shape[0] : 0,
                  .conformer = conformers ? (float *)(uintptr_t)conformers->data : NULL,
                  .n_parent = (int)s[0],
                  .n_candidate = (int)s[1],
                  .contact = s[2],
                  .buffer = s[3],
                  .diversity = s[4],
                  .center_jitter = s[5],
                  .surface_jitter = s[6],
                  .ligand_jitter = s[7]};
  for (int a = 0; a < atoms; a++) p.n_ligand += p.ligand[a];
  given noise = {data_of(&t, "draws"), data_of(&t, "jitter")};
  const of3_features f = {.n_atom = atoms, .atom_mask = (float *)(uintptr_t)data_of(&t, "atom_mask")};
  const of3_features *const all[] = {&f};
  const of3_random_source random = {.user = &noise, .opt_normal = give};
  of3_ctx cx = {0};
  of3_run r = {.cx = &cx, .random = &random, .in = {.n = 1, .f = all}, .arena = of3_arena_new(0)};
  float *out = calloc((size_t)x->count, sizeof *out);
  of3_pocket_place(&r, &p, samples, x->data, out);
  assert_int_equal(cx.error.code, OF3_OK);
  double worst = 0;
  for (int64_t i = 0; i < x->count; i++) worst = fmax(worst, fabs((double)out[i] - (double)expected[i]));
  if (!(worst < 1.3e-5)) fail_msg("%s: off by %g", path, worst);
  free(out);
  of3_arena_free(r.arena);
  of3_table_close(&t);
}

static void poses_are_the_oracles(void **state) {
  (void)state;
  expect_oracle("tests/fixtures/pocket/conformers.safetensors");
  expect_oracle("tests/fixtures/pocket/own.safetensors");
  expect_oracle("tests/fixtures/pocket/few.safetensors");
}

static void starts_are_rounded_as_in_python(void **state) {
  (void)state;
  of3_pocket p = {.start = 0.75F};
  assert_int_equal(of3_pocket_start(&p, 200), 150);
  assert_int_equal(of3_pocket_start(&p, 10), 8); /* 7.5 */
  assert_int_equal(of3_pocket_start(&p, 6), 4);  /* 4.5 */
  assert_int_equal(of3_pocket_start(&p, 1), 0);
  p.start = 1;
  assert_int_equal(of3_pocket_start(&p, 10), 9);
  p.start = 0;
  assert_int_equal(of3_pocket_start(&p, 10), 0);
}

/* ---- In a fold */

enum { STEPS = 6, SAMPLES = 3 };

static const char query_text[] =
    "{\"queries\": {\"q\": {\"chains\": [{\"molecule_type\": \"protein\", \"chain_ids\": \"A\", "
    "\"sequence\": "
    "\"MKTAYIAKQR\"}, {\"molecule_type\": \"ligand\", \"chain_ids\": \"L\", \"ccd_codes\": \"GOL\"}], "
    "\"pocket_constraint\": {\"ligand_chain_id\": \"L\", \"pocket_residues\": [[\"A\", 2], {\"chain_id\": "
    "\"A\", "
    "\"residue_id\": 5}], \"max_distance\": 6.5}}}}";

typedef struct folding {
  of3_query_set set;
  of3_complex complex;
  of3_features f;
  of3_table weights;
  of3_ctx cx;
  of3_device device;
  int threads;
  of3_network net;
  of3_ccd_library *library;
} folding;

static void begin(folding *x, int threads) {
  of3_error err = {0};
  *x = (folding){.threads = threads};
  if (of3_cpu_backend(NULL, OF3_F32, &x->device.backend, &err) != OF3_OK ||
      of3_safetensors_open("tests/fixtures/parity/checkpoint_ob.safetensors", &x->weights, &err) != OF3_OK ||
      of3_ctx_open(&x->cx, &x->device, threads, (size_t)1 << 28, false, &err) != OF3_OK ||
      of3_network_bind(&x->cx, &x->weights, &x->net, &err) != OF3_OK ||
      of3_ccd_library_open(NULL, &x->library, &err) != OF3_OK)
    fail_msg("%s", err.text);
  const of3_library components = of3_ccd_library_of(x->library);
  const of3_feature_mode mode = of3_feature_mode_of(x->net.variant);
  if (of3_query_from_json(query_text, strlen(query_text), "q", "", SIZE_MAX, &x->set, &err) != OF3_OK ||
      of3_complex_build(&x->set.query[0], &components, NULL, &x->complex, &err) != OF3_OK ||
      of3_features_build(&x->complex, &x->set.query[0], &mode, 1, NULL, &x->f, &err) != OF3_OK)
    fail_msg("%s", err.text);
}

static void end(folding *x) {
  of3_features_free(&x->f);
  of3_complex_free(&x->complex);
  of3_query_set_free(&x->set);
  of3_network_free(&x->net);
  of3_ccd_library_close(x->library);
  of3_ctx_close(&x->cx);
  of3_table_close(&x->weights);
}

static void features_name_the_atoms(void **state) {
  (void)state;
  folding x;
  begin(&x, 1);
  const of3_pocket *p = x.f.pocket;
  assert_non_null(p);
  assert_int_equal(p->n_ligand, 6);
  assert_true(p->contact == 6.5F && p->n_parent == 16 && p->n_candidate == 1024 && p->start == 0.75F);
  for (int a = 0; a < x.complex.n_atom; a++) {
    const of3_residue *r = &x.complex.residue[x.complex.atom[a].residue];
    assert_int_equal(p->ligand[a], r->chain == 1);
    assert_int_equal(p->site[a], r->chain == 0 && (r->number == 2 || r->number == 5));
    const char *element = x.complex.atom[a].element;
    assert_true(p->radius[a] == (*element == 'C'   ? 1.70F
                                 : *element == 'N' ? 1.55F
                                 : *element == 'O' ? 1.52F
                                                   : 1.80F));
  }
  end(&x);
}

static of3_prediction fold(folding *x, const of3_random_source *random) {
  const of3_fold_options o = {.n_cycle = 1, .n_step = STEPS, .n_sample = SAMPLES};
  of3_prediction p = {0};
  of3_plan plan = {0};
  of3_error err = {0};
  if (of3_plan_fold(&x->device, x->threads, &x->net, &x->f, &o, &plan, &err) != OF3_OK ||
      of3_fold(&x->cx, &x->net, &x->f, &o, random, NULL, &p, &err) != OF3_OK)
    fail_msg("%s", err.text);
  if (!random->opt_normal)
    assert_int_equal(plan.step_bytes, x->cx.peak); /* noise from elsewhere is not planned */
  return p;
}

/* Noise is asked for in order: six steps from the first noise on, candidates and jitter, two steps from new
 * noise on (0.75 of 6 steps are 4.5, rounded 4), which have numbers of their own. */
static struct { int n, candidates, jitters, steps[2 * STEPS], inits[2], n_init; } calls;

static void note(void *user, of3_purpose what, int step, int sample, float *out, size_t n) {
  (void)user;
  for (size_t i = 0; i < n; i++)
    out[i] = (float)((i * 7 + (size_t)step * 5 + (size_t)sample) % 11) / 4 - 1.25F;
  if (what == OF3_RANDOM_POCKET && step == 0) calls.candidates++;
  if (what == OF3_RANDOM_POCKET && step == 1) calls.jitters++;
  if (what == OF3_RANDOM_NOISE_STEP && sample == 0) calls.steps[calls.n++] = step;
  if (what == OF3_RANDOM_NOISE_INIT && sample == 0) calls.inits[calls.n_init++] = step;
}

static void the_last_steps_are_done_again(void **state) {
  (void)state;
  folding x;
  begin(&x, 1);
  const uint64_t seed = 3;
  const of3_random_source seeded = of3_seeded_random(&seed);
  of3_random_source watched = seeded; /* its rows of the alignment need the seed */
  watched.opt_normal = note;
  of3_pocket *pocket = x.f.pocket;
  x.f.pocket = NULL;
  of3_prediction without = fold(&x, &seeded);
  x.f.pocket = pocket;
  of3_prediction with = fold(&x, &seeded);
  assert_memory_not_equal(with.x, without.x, sizeof(float) * 3 * SAMPLES * (size_t)x.f.n_atom);
  for (int i = 0; i < 3 * SAMPLES * x.f.n_atom; i++) assert_true(isfinite(with.x[i]));
  for (int threads = 2; threads < 4; threads++) {
    folding y;
    begin(&y, threads);
    of3_prediction same = fold(&y, &seeded);
    assert_memory_equal(with.x, same.x, sizeof(float) * 3 * SAMPLES * (size_t)x.f.n_atom);
    of3_prediction_free(&same);
    end(&y);
  }
  of3_prediction told = fold(&x, &watched);
  assert_int_equal(calls.n, STEPS + 2);
  for (int i = 0; i < calls.n; i++) assert_int_equal(calls.steps[i], i);
  assert_int_equal(calls.n_init, 2);
  assert_int_equal(calls.inits[1], STEPS);
  assert_int_equal(calls.candidates, 1024 - SAMPLES);
  assert_int_equal(calls.jitters, SAMPLES);
  of3_prediction_free(&told);
  of3_prediction_free(&with);
  of3_prediction_free(&without);
  end(&x);
}

/* Two of one batch: refused. */
static void never_in_a_batch(void **state) {
  (void)state;
  folding x;
  begin(&x, 1);
  const of3_features *f[] = {&x.f, &x.f};
  const uint64_t seed = 1;
  const of3_random_source random[] = {of3_seeded_random(&seed), of3_seeded_random(&seed)};
  const of3_fold_options o = {.n_cycle = 1, .n_step = 2, .n_sample = 1};
  of3_prediction p[2];
  of3_error err = {0};
  assert_int_equal(of3_fold_batch(&x.cx, &x.net, 2, f, &o, random, NULL, p, &err), OF3_ERR_INTERNAL);
  assert_non_null(strstr(err.text, "it is folded alone"));
  end(&x);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(poses_are_the_oracles),   cmocka_unit_test(starts_are_rounded_as_in_python),
      cmocka_unit_test(features_name_the_atoms), cmocka_unit_test(the_last_steps_are_done_again),
      cmocka_unit_test(never_in_a_batch),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
