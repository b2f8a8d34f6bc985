/* Losses (train/losses.h) beside the PyTorch oracle, in the three protocols: values, gradients, sums over a
 * batch. And gradients beside differences of the values; equal bytes for any number of threads; means over
 * nothing; outputs that are no numbers. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/random.h"
#include "train/losses.h"
#include "training_fixture.h"

enum { N_COMPLEX = 2, STRIDE = 997, N_HEAD = 5 };
/* gcc 12, x86-64: largest difference relative to the largest number. The oracle's are in double; gradients
 * are stored as f32. */
static const double MEASURED_VALUE = 4e-15, MEASURED_GRADIENT = 3e-7, MEASURED_DIFFERENCES = 9.2e-8;

static const struct {
  const char *name;
  of3_loss loss;
  int salt, bins;
  bool pairs;
} heads[N_HEAD] = {{"plddt", OF3_LOSS_PLDDT, 1, 50, false},
                   {"pde", OF3_LOSS_PDE, 2, 64, true},
                   {"pae", OF3_LOSS_PAE, 3, 64, true},
                   {"experimentally_resolved", OF3_LOSS_RESOLVED, 4, 2, false},
                   {"distogram", OF3_LOSS_DISTOGRAM, 5, 64, true}};
enum { PLDDT, PDE, PAE, RESOLVED, DISTOGRAM };

typedef struct complex_case {
  training_fixture t;
  const of3_features *f;
  of3_loss_case c;
  int n_copy;
  const float *x, *copies, *noise;
  float *logits[N_HEAD], *gradient[N_HEAD], *dx;
  size_t n_logit[N_HEAD];
} complex_case;

/* The oracle's number of an element: heads of atoms have a row for each place of a token here. */
static int64_t oracle_row(const of3_features *f, int64_t row, bool pairs) {
  if (pairs) return row;
  const int64_t t = row / OF3_MAX_ATOMS_PER_TOKEN, place = row % OF3_MAX_ATOMS_PER_TOKEN;
  return place < f->num_atoms_per_token[t] ? f->start_atom_index[t] + place : -1;
}

static float logit(uint64_t i, int salt) {
  const uint32_t u = (uint32_t)(i * 2654435761u + (uint64_t)salt * 1000003u);
  return (float)((double)u * (6 / 4294967296.0) - 3);
}

static void make_head(complex_case *k, int h) {
  const int64_t n = k->f->n_token, rows = heads[h].pairs ? n * n : n * OF3_MAX_ATOMS_PER_TOKEN;
  k->n_logit[h] = (size_t)(rows * heads[h].bins);
  k->logits[h] = calloc(k->n_logit[h], sizeof(float));
  k->gradient[h] = calloc(k->n_logit[h], sizeof(float));
  for (int64_t r = 0; r < rows; r++) {
    const int64_t row = oracle_row(k->f, r, heads[h].pairs);
    for (int b = 0; b < heads[h].bins && row >= 0; b++)
      k->logits[h][r * heads[h].bins + b] = logit((uint64_t)(row * heads[h].bins + b), heads[h].salt);
  }
}

static void open_complex(complex_case *k, int i, bool protein_only) {
  char name[16];
  of3_error err = {0};
  snprintf(name, sizeof name, "loss_%d", i);
  open_training_fixture(&k->t, name, "feat/");
  k->f = &k->t.features;
  k->x = fixture_f32(&k->t, "x");
  k->copies = fixture_f32(&k->t, "copies");
  k->noise = fixture_f32(&k->t, "noise");
  k->n_copy = (int)fixture_entry(&k->t, "noise")->count;
  k->dx = calloc((size_t)k->n_copy * (size_t)k->f->n_atom * 3, sizeof(float));
  for (int h = 0; h < N_HEAD; h++) make_head(k, h);
  if (of3_loss_case_new(k->f, fixture_f32(&k->t, "truth"), fixture_f32(&k->t, "resolved"), protein_only,
                        k->t.arena, &k->c, &err) != OF3_OK)
    fail_msg("%s", err.text);
}

static void close_complex(complex_case *k) {
  for (int h = 0; h < N_HEAD; h++) {
    free(k->logits[h]);
    free(k->gradient[h]);
  }
  free(k->dx);
  close_training_fixture(&k->t);
}

static double worst_value, worst_gradient;

static void check(const char *what, double *worst, double measured, double deviation) {
  if (!(deviation <= 4 * measured)) fail_msg("%s: %.2e, measured %.2e", what, deviation, measured);
  *worst = fmax(*worst, deviation);
}

/* The entry holds the norm and every STRIDE-th number of the oracle's gradient. */
static void check_sampled(const char *what, const complex_case *k, int h, const of3_entry *e) {
  const int64_t rows = (int64_t)k->n_logit[h] / heads[h].bins;
  double *mine = calloc((size_t)e->count, sizeof *mine), norm = 0;
  for (int64_t r = 0; r < rows; r++)
    for (int b = 0; b < heads[h].bins; b++) {
      const double g = (double)k->gradient[h][r * heads[h].bins + b];
      const int64_t row = oracle_row(k->f, r, heads[h].pairs), at = row * heads[h].bins + b;
      norm += g * g;
      if (row < 0) assert_true(g == 0);
      if (row >= 0 && at % STRIDE == 0) mine[1 + at / STRIDE] = g;
    }
  mine[0] = sqrt(norm);
  check(what, &worst_gradient, MEASURED_GRADIENT, fixture_deviation_f64(e, mine));
  free(mine);
}

typedef double structure_loss(const of3_loss_case *c, const float *x, double slope, float *add_dx);
static const struct {
  const char *name;
  structure_loss *loss;
} structure_losses[3] = {
    {"mse", of3_mse_loss}, {"bond", of3_bond_loss}, {"smooth_lddt", of3_smooth_lddt_loss}};

static void check_structures(complex_case *k, const char *suffix) {
  const size_t each = 3 * (size_t)k->f->n_atom;
  for (int l = 0; l < 3; l++) {
    char name[64];
    double mine[8];
    snprintf(name, sizeof name, "%s%s", structure_losses[l].name, suffix);
    if (suffix[0] && l == 1) continue;
    const of3_entry *value = fixture_entry(&k->t, "loss/%s", name);
    memset(k->dx, 0, (size_t)k->n_copy * each * sizeof *k->dx);
    for (int s = 0; s < k->n_copy; s++)
      mine[s] = structure_losses[l].loss(&k->c, k->copies + (size_t)s * each, 1, k->dx + (size_t)s * each);
    check(name, &worst_value, MEASURED_VALUE, fixture_deviation_f64(value, mine));
    check(name, &worst_gradient, MEASURED_GRADIENT,
          fixture_deviation(fixture_entry(&k->t, "grad/%s", name), k->dx));
  }
}

static of3_confidence_outputs outputs_of(const complex_case *k) {
  return (of3_confidence_outputs){k->x, k->logits[PLDDT], k->logits[RESOLVED], k->logits[PDE],
                                  k->logits[PAE]};
}

static of3_confidence_gradients gradients_of(const complex_case *k) {
  return (of3_confidence_gradients){k->gradient[PLDDT], k->gradient[RESOLVED], k->gradient[PDE],
                                    k->gradient[PAE]};
}

static void check_heads(complex_case *k, of3_release release) {
  const of3_protocol *protocol = of3_protocol_of(release);
  const of3_confidence_outputs out = outputs_of(k);
  const of3_confidence_gradients gradients = gradients_of(k);
  double value[OF3_N_LOSS] = {0}, slope[OF3_N_LOSS] = {1, 1, 1, 1, 1, 1, 1, 1};
  of3_error err = {0};
  if (of3_confidence_losses(&k->c, protocol, &out, slope, NULL, value, &gradients, &err) != OF3_OK)
    fail_msg("%s", err.text);
  for (int h = 0; h < DISTOGRAM; h++) {
    char name[64];
    snprintf(name, sizeof name, "%s/%s", heads[h].name, protocol->name);
    check(name, &worst_value, MEASURED_VALUE,
          fixture_deviation_f64(fixture_entry(&k->t, "loss/%s", name), &value[heads[h].loss]));
    check_sampled(name, k, h, fixture_entry(&k->t, "grad/%s", name));
  }
}

static void losses_are_the_oracles(void **state) {
  (void)state;
  for (int i = 0; i < N_COMPLEX; i++) {
    complex_case k;
    of3_error err = {0};
    double value;
    open_complex(&k, i, true);
    check_structures(&k, "/protein_only");
    close_complex(&k);
    open_complex(&k, i, false);
    check_structures(&k, "");
    for (int r = 0; r < OF3_N_RELEASE; r++) check_heads(&k, (of3_release)r);
    assert_int_equal(
        of3_distogram_loss(&k.c, k.logits[DISTOGRAM], 1, NULL, &value, k.gradient[DISTOGRAM], &err), OF3_OK);
    check("distogram", &worst_value, MEASURED_VALUE,
          fixture_deviation_f64(fixture_entry(&k.t, "loss/distogram"), &value));
    check_sampled("distogram", &k, DISTOGRAM, fixture_entry(&k.t, "grad/distogram"));
    close_complex(&k);
  }
  print_message("values %.1e, gradients %.1e\n", worst_value, worst_gradient);
}

/* ---- batches */

static of3_loss_entry entry_of(const complex_case *k, bool pae) {
  of3_loss_entry e = {.c = &k->c,
                      .confidence = outputs_of(k),
                      .distogram = k->logits[DISTOGRAM],
                      .n_copy = k->n_copy,
                      .copies = k->copies,
                      .noise = k->noise,
                      .d_confidence = gradients_of(k),
                      .d_distogram = k->gradient[DISTOGRAM],
                      .d_copies = k->dx};
  if (!pae) e.confidence.pae = NULL;
  return e;
}

static void check_batch_gradients(const complex_case *k, const training_fixture *t, const char *name, int i) {
  for (int h = 0; h < N_HEAD; h++)
    check_sampled(name, k, h, fixture_entry(t, "%s/%d/%s_logits", name, i, heads[h].name));
  const size_t n = (size_t)k->n_copy * (size_t)k->f->n_atom * 3;
  const of3_entry *e = fixture_entry(t, "%s/%d/atom_positions_diffusion", name, i);
  double *mine = calloc((size_t)e->count, sizeof *mine), norm = 0;
  for (size_t a = 0; a < n; a++) {
    norm += (double)k->dx[a] * (double)k->dx[a];
    if (a % STRIDE == 0) mine[1 + a / STRIDE] = (double)k->dx[a];
  }
  mine[0] = sqrt(norm);
  check(name, &worst_gradient, MEASURED_GRADIENT, fixture_deviation_f64(e, mine));
  free(mine);
}

static void check_batch(const training_fixture *t, const char *name) {
  const of3_entry *flags = fixture_entry(t, "%s/flags", name),
                  *weights = fixture_entry(t, "%s/weights", name);
  const bool confidence_only = fixture_number(flags, 1) != 0;
  complex_case k[N_COMPLEX];
  of3_loss_entry e[N_COMPLEX];
  of3_loss_values values;
  of3_error err = {0};
  for (int i = 0; i < N_COMPLEX; i++) {
    open_complex(&k[i], i, fixture_number(flags, 2) != 0);
    e[i] = entry_of(&k[i], fixture_number(flags, 3) != 0);
    for (int l = 0; l < OF3_N_LOSS; l++) e[i].weights.of[l] = fixture_number(weights, i * OF3_N_LOSS + l);
  }
  if (of3_total_loss(N_COMPLEX, e, of3_protocol_of((of3_release)fixture_number(flags, 0)), confidence_only,
                     NULL, &values, &err) != OF3_OK)
    fail_msg("%s", err.text);
  const of3_entry *theirs = fixture_entry(t, "%s/values", name);
  for (int l = -1; l < OF3_N_LOSS + 3; l++) {
    const double *mine[] = {&values.confidence, &values.diffusion, &values.distogram};
    const double x = l < 0            ? values.total
                     : l < OF3_N_LOSS ? values.of[l]
                                      : *mine[l - OF3_N_LOSS],
                 y = fixture_number(theirs, l + 1);
    if (isnan(y) && (isnan(x) || l >= OF3_N_LOSS)) continue; /* of no entry */
    check(name, &worst_value, MEASURED_VALUE, fabs(x - y) / fmax(fabs(y), 1e-300));
  }
  for (int i = 0; i < N_COMPLEX; i++) {
    check_batch_gradients(&k[i], t, name, i);
    close_complex(&k[i]);
  }
}

static void batches_are_the_oracles(void **state) {
  static const char *const names[] = {"all_on",    "stage_1", "stage_1_031", "stage_2",
                                      "entry_off", "stage_3", "protein_only"};
  training_fixture t;
  (void)state;
  open_training_fixture(&t, "loss_total", NULL);
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) check_batch(&t, names[i]);
  close_training_fixture(&t);
  print_message("values %.1e, gradients %.1e\n", worst_value, worst_gradient);
}

static void stages_have_their_weights(void **state) {
  training_fixture t;
  (void)state;
  open_training_fixture(&t, "loss_total", NULL);
  const struct {
    const char *name;
    of3_train_stage stage;
    const char *protocol;
    double resolution[2];
  } cases[] = {{"stage_1", OF3_STAGE_INITIAL, "0.5.0", {2, NAN}},
               {"stage_1_031", OF3_STAGE_INITIAL, "0.3.1", {2, 2}},
               {"stage_2", OF3_STAGE_FINE_1, "0.4", {5, 3}},
               {"stage_3", OF3_STAGE_FINE_3, "0.5.0", {2, 2}}};
  for (int c = 0; c < 4; c++)
    for (int i = 0; i < 2; i++) {
      of3_loss_weights w = of3_stage_weights(cases[c].stage, of3_protocol_named(cases[c].protocol),
                                             cases[c].resolution[i], false);
      for (int l = 0; l < OF3_N_LOSS; l++)
        assert_true(w.of[l] ==
                    fixture_number(fixture_entry(&t, "%s/weights", cases[c].name), i * OF3_N_LOSS + l));
    }
  const of3_loss_weights distilled =
      of3_stage_weights(OF3_STAGE_INITIAL, of3_protocol_named("0.5.0"), 2, true);
  assert_true(distilled.of[OF3_LOSS_PLDDT] == 0 && distilled.of[OF3_LOSS_MSE] == 4);
  assert_null(of3_protocol_named("0.6"));
  close_training_fixture(&t);
}

/* ---- differences */

/* The slope of a loss along random motions of a few atoms: of all, some pairs would pass the kink of |d - d
 * truth|. The superposition follows, which changes nothing: it is the best one. */
static void gradients_are_slopes(void **state) {
  complex_case k;
  double worst = 0;
  (void)state;
  open_complex(&k, 0, false);
  const size_t n = 3 * (size_t)k.f->n_atom;
  float *v = calloc(n, sizeof *v), *to = calloc(n, sizeof *to), *dx = calloc(n, sizeof *dx),
        *none = calloc(n, sizeof *none);
  for (int l = 0; l < 3; l++)
    for (int s = 0; s < k.n_copy; s++) {
      const float *x = k.copies + (size_t)s * n;
      double slope = 0, value[2], length = 0;
      const float h = 1.0f / 65536;
      of3_random_normal((of3_stream){.seed = 3, .purpose = OF3_RANDOM_TEST, .step = (uint32_t)(8 * l + s)}, v,
                        n);
      for (size_t i = 0; i < n; i++)
        v[i] = i / 3 % 37 == 0 ? roundf(v[i]) : 0; /* x + h v is exact, or nearly so */
      memset(dx, 0, n * sizeof *dx);
      structure_losses[l].loss(&k.c, x, 1, dx);
      for (int way = 0; way < 2; way++) {
        for (size_t i = 0; i < n; i++) to[i] = x[i] + (way ? -h : h) * v[i];
        value[way] = structure_losses[l].loss(&k.c, to, 1, none);
      }
      for (size_t i = 0; i < n; i++) {
        slope += (double)dx[i] * (double)v[i];
        length += v[i] != 0 ? (double)dx[i] * (double)dx[i] : 0;
      }
      const double difference = (value[0] - value[1]) / (2 * (double)h);
      const double deviation = fabs(difference - slope) / sqrt(length);
      if (!(deviation <= 4 * MEASURED_DIFFERENCES))
        fail_msg("%s: slope %.9g, differences %.9g", structure_losses[l].name, slope, difference);
      worst = fmax(worst, deviation);
    }
  print_message("differences %.1e\n", worst);
  free(v);
  free(to);
  free(dx);
  free(none);
  close_complex(&k);
}

/* ---- threads, edges */

static void threads_change_no_byte(void **state) {
  complex_case k[2];
  of3_loss_values values[2];
  of3_error err = {0};
  (void)state;
  for (int i = 0; i < 2; i++) {
    open_complex(&k[i], 0, false);
    of3_loss_entry e = entry_of(&k[i], true);
    of3_pool *pool = i ? of3_pool_new(3) : NULL;
    for (int l = 0; l < OF3_N_LOSS; l++) e.weights.of[l] = 1;
    assert_int_equal(of3_total_loss(1, &e, of3_protocol_of(OF3_RELEASE_05), false, pool, &values[i], &err),
                     OF3_OK);
    of3_pool_free(pool);
  }
  assert_memory_equal(&values[0], &values[1], sizeof values[0]);
  for (int h = 0; h < N_HEAD; h++)
    assert_memory_equal(k[0].gradient[h], k[1].gradient[h], k[0].n_logit[h] * sizeof(float));
  assert_memory_equal(k[0].dx, k[1].dx, (size_t)k[0].n_copy * (size_t)k[0].f->n_atom * 3 * sizeof(float));
  for (int i = 0; i < 2; i++) close_complex(&k[i]);
}

static void nothing_resolved_and_no_numbers(void **state) {
  complex_case k;
  of3_error err = {0};
  of3_loss_values values;
  (void)state;
  open_complex(&k, 1, false);
  float *none = calloc((size_t)k.f->n_atom, sizeof *none);
  assert_int_equal(of3_loss_case_new(k.f, fixture_f32(&k.t, "truth"), none, false, k.t.arena, &k.c, &err),
                   OF3_OK);
  of3_loss_entry e = entry_of(&k, true);
  for (int l = 0; l < OF3_N_LOSS; l++) e.weights.of[l] = l != OF3_LOSS_MSE;
  e.weights.of[OF3_LOSS_MSE] = 1;
  assert_int_equal(of3_total_loss(1, &e, of3_protocol_of(OF3_RELEASE_05), false, NULL, &values, &err),
                   OF3_OK);
  assert_true(isnan(values.total) && isnan(values.of[OF3_LOSS_MSE]));
  assert_true(values.of[OF3_LOSS_PLDDT] == 0 && values.of[OF3_LOSS_PDE] == 0 && values.of[OF3_LOSS_PAE] == 0);
  assert_true(values.of[OF3_LOSS_DISTOGRAM] == 0 && values.of[OF3_LOSS_RESOLVED] > 0);
  k.logits[PDE][5] = NAN;
  assert_int_equal(of3_loss_case_new(k.f, fixture_f32(&k.t, "truth"), fixture_f32(&k.t, "resolved"), false,
                                     k.t.arena, &k.c, &err),
                   OF3_OK);
  for (size_t i = 0; i < k.n_logit[PDE]; i++) k.logits[PDE][i] = NAN;
  assert_int_equal(of3_total_loss(1, &e, of3_protocol_of(OF3_RELEASE_05), false, NULL, &values, &err),
                   OF3_OK);
  assert_true(isnan(values.total) && isnan(values.of[OF3_LOSS_PDE]) && isfinite(values.of[OF3_LOSS_MSE]));
  free(none);
  close_complex(&k);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(losses_are_the_oracles),    cmocka_unit_test(batches_are_the_oracles),
      cmocka_unit_test(stages_have_their_weights), cmocka_unit_test(gradients_are_slopes),
      cmocka_unit_test(threads_change_no_byte),    cmocka_unit_test(nothing_resolved_and_no_numbers)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
