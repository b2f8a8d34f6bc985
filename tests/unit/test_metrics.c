/* Metrics of structures and the number that checkpoints are chosen by (train/metrics.h) beside the package
 * openfold3 0.5.0, in double, with and without filters of chains (tools/make_metric_fixtures.py). */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "train/metrics.h"
#include "training_fixture.h"

enum { N_SAMPLE = 3 };
/* gcc 12, x86-64; of pLDDT, and of the others, some of whose sums the package has in f32. */
static const double MEASURED_PLDDT = 4.7e-9, MEASURED = 2.1e-7;

static const double gpde[N_SAMPLE] = {3, 1, 2};
static double worst[2];
static int compared;

static void list_samples(training_fixture *t, bool filtered, of3_metric_case *out) {
  const int64_t a = t->features.n_atom;
  t->features.residue_index = (int32_t *)(uintptr_t)fixture_entry(t, "feat/residue_index")->data;
  t->features.ref_atom_name_chars = (uint8_t *)(uintptr_t)fixture_entry(t, "feat/ref_atom_name_chars")->data;
  for (int s = 0; s < N_SAMPLE; s++) {
    out[s] = (of3_metric_case){.f = &t->features,
                               .truth = fixture_f32(t, "truth") + 3 * a * s,
                               .resolved = fixture_f32(t, "resolved") + a * s,
                               .x = fixture_f32(t, "x") + 3 * a * s,
                               .opt_plddt = fixture_f32(t, "plddt") + a * s};
    if (!filtered) continue;
    out[s].n_chain = (int)fixture_entry(t, "chain_counts")->count;
    out[s].opt_chain_counts = fixture_entry(t, "chain_counts")->data;
    out[s].opt_pair_counts = fixture_entry(t, "pair_counts")->data;
  }
}

static void check(const char *name, double mine, double theirs) {
  const int which = strncmp(name, "plddt", 5) != 0;
  const double off = fabs(mine - theirs) / fmax(1, fabs(theirs));
  worst[which] = fmax(worst[which], off);
  compared++;
  if (!(off <= 4 * (which ? MEASURED : MEASURED_PLDDT))) fail_msg("%s: %.17g, not %.17g", name, mine, theirs);
}

static void check_case(training_fixture *t, const char *prefix, const of3_metric_values *sample,
                       const of3_metric_values *entry) {
  for (int i = 0; i < OF3_N_METRIC; i++) {
    char name[128];
    snprintf(name, sizeof name, "%s/%s", prefix, of3_metric_name((of3_metric)i));
    const of3_entry *e = of3_table_find(&t->table, name);
    if (!e && !isnan(entry->of[i])) fail_msg("%s is %g; the package has none", name, entry->of[i]);
    for (int s = 0; e && s < N_SAMPLE; s++)
      check(strchr(name, '/') + 1, sample[s].of[i], fixture_number(e, s));
    if (e) check(strchr(name, '/') + 1, entry->of[i], fixture_number(e, N_SAMPLE));
  }
}

static void metrics_are_the_packages(void **state) {
  static const char *const prefix[] = {"all", "some"};
  (void)state;
  for (int n = 0; n < 2; n++)
    for (int filtered = 0; filtered < 2; filtered++) {
      char name[32];
      training_fixture t;
      of3_metric_case c[N_SAMPLE];
      of3_metric_values sample[N_SAMPLE], entry;
      of3_error err = {0};
      snprintf(name, sizeof name, "metrics_%d", n);
      open_training_fixture(&t, name, "feat/");
      list_samples(&t, filtered, c);
      for (int s = 0; s < N_SAMPLE; s++)
        if (of3_sample_metrics(&c[s], &sample[s], &err) != OF3_OK) fail_msg("%s", err.text);
      if (of3_entry_metrics(N_SAMPLE, c, gpde, sample, &entry, &err) != OF3_OK) fail_msg("%s", err.text);
      check_case(&t, prefix[filtered], sample, &entry);
      close_training_fixture(&t);
    }
  printf("%d numbers; pLDDT within %.1e, the others within %.1e\n", compared, worst[0], worst[1]);
  assert_true(compared > 400);
}

static void the_number_is_the_weighted_mean(void **state) {
  double out[OF3_N_VALIDATION], weights[2] = {0};
  of3_metric_values a, b;
  of3_metric_means means = {0};
  (void)state;
  for (int i = 0; i < OF3_N_METRIC; i++) {
    a.of[i] = b.of[i] = NAN;
    weights[0] += of3_selection_weight(OF3_SELECT_INITIAL, (of3_metric)i);
    weights[1] += of3_selection_weight(OF3_SELECT_FINE, (of3_metric)i);
  }
  assert_true(weights[0] == 140 && weights[1] == 119);
  a.of[OF3_METRIC_lddt_intra_protein] = 0.5;
  b.of[OF3_METRIC_lddt_intra_protein] = 0.7;
  b.of[OF3_METRIC_rasa] = 0.3;
  of3_metric_means_add(&means, &a, 0, NULL);
  of3_metric_means_add(&means, &b, 0, NULL);
  of3_metric_means_result(&means, OF3_SELECT_INITIAL, false, out);
  assert_true(fabs(out[OF3_METRIC_lddt_intra_protein] - 0.6) < 1e-15);
  assert_true(fabs(out[OF3_VALIDATION_SELECTION] - (20 * 0.6 + 10 * 0.3) / 30) < 1e-15);
  of3_metric_means_result(&means, OF3_SELECT_INITIAL, true, out); /* there are no ligands, no RNA .. */
  assert_true(isnan(out[OF3_VALIDATION_SELECTION]));
  assert_string_equal(of3_validation_names().name[OF3_VALIDATION_SELECTION], "model_selection");
}

static void lddt_correlates_with_plddt(void **state) {
  static const double lddt[] = {0.2, 0.4, 0.9}, plddt[] = {0.1, 0.5, 0.6};
  double out[OF3_N_VALIDATION];
  of3_metric_values sample[3], entry;
  of3_metric_means means = {0};
  (void)state;
  for (int i = 0; i < OF3_N_METRIC; i++)
    entry.of[i] = sample[0].of[i] = sample[1].of[i] = sample[2].of[i] = NAN;
  for (int s = 0; s < 3; s++) {
    sample[s].of[OF3_METRIC_lddt_intra_protein] = lddt[s];
    sample[s].of[OF3_METRIC_plddt_protein] = plddt[s];
  }
  of3_metric_means_add(&means, &entry, 3, sample);
  of3_metric_means_result(&means, OF3_SELECT_FINE, false, out);
  assert_true(fabs(out[OF3_N_METRIC] - 0.8386278693775348) < 1e-12); /* numpy.corrcoef */
  assert_true(isnan(out[OF3_N_METRIC + 1]));
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(metrics_are_the_packages),
                                     cmocka_unit_test(the_number_is_the_weighted_mean),
                                     cmocka_unit_test(lddt_correlates_with_plddt)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
