/* The file of scores by chain in the form of AlphaFold 3. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <math.h>
#include <string.h>

#include "score/scores.h"
#include "write/confidences.h"
#include "write_fixture.h"

static json_t *written(fixture *fx, int sample) {
  of3_error err = {0};
  of3_scores *s;
  size_t n;
  char *folder = new_folder(fx->arena), *path = of3_arena_printf(fx->arena, "%s/s.json", folder);
  assert_int_equal(
      of3_scores_compute(&fx->complex, &fx->features, &fx->p, OF3_OB, NULL, NULL, fx->arena, &s, &err),
      OF3_OK);
  assert_int_equal(of3_summary_confidences_write(path, &fx->complex, &s[sample], &err), OF3_OK);
  json_t *root = json_loads(read_all(fx->arena, path, &n), 0, NULL);
  assert_non_null(root);
  remove_folder(folder);
  return root;
}

static const json_t *at(const json_t *root, const char *key, size_t row, size_t column) {
  return json_array_get(json_array_get(json_object_get(root, key), row), column);
}

/* Chains in the order of their ids, whatever the query's; ions have no frames, so nothing is aligned on them.
 */
static void test_mixed(void **state) {
  (void)state;
  static const char *const ids[] = {"D", "I", "L", "M", "N", "P", "R", "W"};
  static const char *const lists[] = {"chain_ptm", "chain_iptm", "chain_plddt"}, *const matrices[] = {
                                                                                     "chain_pair_iptm",
                                                                                     "chain_pair_pae_min"};
  const size_t c = sizeof ids / sizeof *ids;
  fixture fx;
  fixture_open(&fx, "mixed");
  const of3_scores r = fixture_scores(&fx, "0.5.0", 1);
  json_t *root = written(&fx, 1);
  for (size_t k = 0; k < c; k++)
    assert_string_equal(json_string_value(json_array_get(json_object_get(root, "chain_ids"), k)), ids[k]);
  for (size_t k = 0; k < 3; k++) assert_int_equal(json_array_size(json_object_get(root, lists[k])), c);
  for (size_t k = 0; k < 2; k++)
    for (size_t row = 0; row < c; row++)
      assert_int_equal(json_array_size(json_array_get(json_object_get(root, matrices[k]), row)), c);
  for (size_t a = 0; a < c; a++)
    for (size_t b = 0; b < c; b++) {
      const double expected = (double)(a == b ? r.chain_ptm[a] : r.chain_pair_iptm[a * c + b]);
      assert_true(fabs(json_number_value(at(root, "chain_pair_iptm", a, b)) - expected) < 2e-6);
      assert_true(json_is_null(at(root, "chain_pair_pae_min", a, b)) == (a == 1));
    }
  assert_true(fabs(json_number_value(json_object_get(root, "iptm")) - (double)r.iptm) < 2e-6);
  assert_true(fabs(json_number_value(json_object_get(root, "ranking_score")) -
                   (double)r.sample_ranking_score) < 2e-6);
  json_decref(root);
  fixture_close(&fx);
}

/* A single chain has no interface. */
static void test_single(void **state) {
  (void)state;
  fixture fx;
  fixture_open(&fx, "monomer");
  json_t *root = written(&fx, 0);
  assert_true(json_is_null(json_object_get(root, "iptm")));
  assert_true(json_is_null(json_array_get(json_object_get(root, "chain_iptm"), 0)));
  assert_true(json_is_real(json_array_get(json_object_get(root, "chain_plddt"), 0)));
  json_decref(root);
  fixture_close(&fx);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_mixed), cmocka_unit_test(test_single)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
