/* Alignments that queries share: the same bytes as alone, files read once, nothing kept that nobody wants. */
#define _XOPEN_SOURCE 700
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "ccd/ccd_library.h"
#include "feat/kept_msa.h"
#include "feat/msa_rows.h"
#include "folder.h"

static of3_ccd_library *library;
static of3_library components;

#define UBIQUITIN "MQIFVKTLTGKTITLEVEPSDTIENVKAKIQDKEGIPPDQQRLIFAGKQLEDGRTLSDYNIQKESTLHLVLRLRGG"
#define PROTEIN(ids, path)                                                                                   \
  "{\"molecule_type\": \"protein\", \"chain_ids\": [" ids "], \"sequence\": \"" UBIQUITIN "\","              \
  " \"non_canonical_residues\": {\"20\": \"SEP\"}, \"main_msa_file_paths\": [\"" path "\"]}"
#define LIGAND(ids, code)                                                                                    \
  "{\"molecule_type\": \"ligand\", \"chain_ids\": [" ids "], \"ccd_codes\": \"" code "\"}"
#define RNA     "{\"molecule_type\": \"rna\", \"chain_ids\": \"R\", \"sequence\": \"GACU\"}"
#define FIXTURE "tests/fixtures/features/a3m/ubi"

/* One protein, with ligands before, between and behind the polymers; the last has another alignment. */
static const char many[] =
    "{\"queries\": {"
    "\"none\": {\"chains\": [" PROTEIN(
        "\"A\"", FIXTURE) ", " RNA "]},"
                          "\"behind\": {\"chains\": [" PROTEIN("\"A\"", FIXTURE) ", " RNA ", " LIGAND(
                              "\"L\"",
                              "GOL") "]},"
                                     "\"between\": {\"chains\": [" LIGAND("\"9\"", "MG") ", " PROTEIN(
                                         "\"A\"",
                                         FIXTURE) ", " LIGAND("\"L\", \"M\"",
                                                              "ATP") ", " RNA "]},"
                                                                     "\"two\": {\"chains\": [" PROTEIN(
                                                                         "\"A\", \"B\"",
                                                                         FIXTURE) ", " RNA
                                                                                  ", " LIGAND("\"L\"",
                                                                                              "GOL") "]}}}";

static of3_query_set queries(const char *text) {
  of3_query_set set;
  of3_error err = {0};
  if (of3_query_from_json(text, strlen(text), "q", "", SIZE_MAX, &set, &err) != OF3_OK)
    fail_msg("%s", err.text);
  for (int i = 0; i < set.n; i++) assert_string_equal(set.query[i].error.text, "");
  return set;
}

static of3_status build(const of3_query *query, of3_variant variant, of3_kept_msa *kept, of3_features *out,
                        of3_error *err) {
  of3_feature_mode mode = of3_feature_mode_of(variant);
  of3_complex complex = {0};
  mode.opt_kept = kept;
  assert_int_equal(of3_complex_build(query, &components, NULL, &complex, err), OF3_OK);
  const of3_status status = of3_features_build(&complex, query, &mode, 42, NULL, out, err);
  of3_complex_free(&complex);
  return status;
}

static void same_rows(const of3_features *a, const of3_features *b) {
  enum { MOST = 400 };
  uint8_t class_[2][MOST], mask[2][MOST], has[2][MOST];
  float value[2][MOST];
  const size_t n = (size_t)a->n_token;
  assert_true(n <= MOST);
  for (int r = 0; r < a->n_msa; r++) {
    of3_msa_row_cells(a, r, (of3_msa_cells){class_[0], mask[0], has[0], value[0]});
    of3_msa_row_cells(b, r, (of3_msa_cells){class_[1], mask[1], has[1], value[1]});
    assert_memory_equal(class_[0], class_[1], n);
    assert_memory_equal(mask[0], mask[1], n);
    assert_memory_equal(has[0], has[1], n);
    assert_memory_equal(value[0], value[1], n * sizeof(float));
  }
}

static void same_features(const of3_features *a, const of3_features *b) {
  const size_t n = (size_t)a->n_token;
  assert_int_equal(a->n_token, b->n_token);
  assert_int_equal(a->n_msa, b->n_msa);
  assert_int_equal(a->num_paired_seqs, b->num_paired_seqs);
  same_rows(a, b);
  assert_memory_equal(a->profile, b->profile, n * OF3_N_RESTYPE * sizeof(float));
  assert_memory_equal(a->deletion_mean, b->deletion_mean, n * sizeof(float));
  assert_memory_equal(a->ref_pos, b->ref_pos, (size_t)a->n_atom * 3 * sizeof(float));
}

static void test_same_as_alone(void **state) {
  (void)state;
  of3_query_set set = queries(many);
  for (int v = 0; v < OF3_N_VARIANT; v++)
    for (int first = 0; first < set.n; first++) { /* what is kept comes from each of them once */
      of3_error err = {0};
      of3_kept_msa *kept = of3_kept_msa_new(UINT64_MAX);
      for (int i = 0; i < set.n; i++)
        assert_int_equal(of3_kept_msa_expect(kept, &set.query[i], &err), OF3_OK);
      for (int i = 0; i < set.n; i++) {
        const of3_query *query = &set.query[(first + i) % set.n];
        of3_features alone, shared;
        assert_int_equal(build(query, (of3_variant)v, NULL, &alone, &err), OF3_OK);
        assert_int_equal(build(query, (of3_variant)v, kept, &shared, &err), OF3_OK);
        assert_true(alone.n_msa > 10);
        same_features(&alone, &shared);
        of3_features_free(&alone);
        of3_features_free(&shared);
      }
      assert_int_equal(of3_kept_msa_bytes(kept), 0); /* everybody has been served */
      of3_kept_msa_free(kept);
    }
  of3_query_set_free(&set);
}

/* The file is gone after the first query. */
static void test_read_once(void **state) {
  of3_error err = {0};
  char path[128], text[4096];
  snprintf(path, sizeof path, "%s/uniref90_hits.a3m", (const char *)*state);
  FILE *f = fopen(path, "w");
  assert_non_null(f);
  fprintf(f, ">q\n" UBIQUITIN "\n>r\n" UBIQUITIN "\n");
  fclose(f);
  snprintf(text, sizeof text,
           "{\"queries\": {\"a\": {\"chains\": [" PROTEIN(
               "\"A\"", "%s") "]},"
                              "\"b\": {\"chains\": [" PROTEIN("\"A\"", "%s") ", " LIGAND(
                                  "\"L\"", "GOL") "]},"
                                                  "\"c\": {\"chains\": [" PROTEIN("\"A\"", "%s") ", " LIGAND(
                                                      "\"L\"", "MG") "]}}}",
           path, path, path);
  of3_query_set set = queries(text);
  of3_kept_msa *kept = of3_kept_msa_new(UINT64_MAX);
  of3_features out;
  for (int i = 0; i < 2; i++) assert_int_equal(of3_kept_msa_expect(kept, &set.query[i], &err), OF3_OK);
  assert_int_equal(build(&set.query[0], OF3_OB, kept, &out, &err), OF3_OK);
  of3_features_free(&out);
  assert_true(of3_kept_msa_bytes(kept) > 0);
  assert_int_equal(unlink(path), 0);
  assert_int_equal(build(&set.query[1], OF3_OB, kept, &out, &err), OF3_OK);
  of3_features_free(&out);
  assert_int_equal(build(&set.query[2], OF3_OB, kept, &out, &err), OF3_ERR_IO); /* nobody expected it */
  of3_kept_msa_free(kept);
  of3_query_set_free(&set);
}

/* No room: nothing is kept, and features are right all the same. */
static void test_no_room(void **state) {
  (void)state;
  of3_error err = {0};
  of3_query_set set = queries(many);
  of3_kept_msa *kept = of3_kept_msa_new(1000);
  for (int i = 0; i < set.n; i++) assert_int_equal(of3_kept_msa_expect(kept, &set.query[i], &err), OF3_OK);
  for (int i = 0; i < set.n; i++) {
    of3_features alone, shared;
    assert_int_equal(build(&set.query[i], OF3_P2, NULL, &alone, &err), OF3_OK);
    assert_int_equal(build(&set.query[i], OF3_P2, kept, &shared, &err), OF3_OK);
    same_features(&alone, &shared);
    assert_int_equal(of3_kept_msa_bytes(kept), 0);
    of3_features_free(&alone);
    of3_features_free(&shared);
  }
  of3_kept_msa_free(kept);
  of3_query_set_free(&set);
}

int main(void) {
  of3_error err = {0};
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_same_as_alone), cmocka_unit_test(test_read_once),
                                     cmocka_unit_test(test_no_room)};
  if (of3_ccd_library_open(NULL, &library, &err) != OF3_OK) return 1;
  components = of3_ccd_library_of(library);
  const int failed = cmocka_run_group_tests(tests, make_folder, remove_folder);
  of3_ccd_library_close(library);
  return failed;
}
