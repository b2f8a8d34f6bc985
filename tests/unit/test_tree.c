/* The output tree: the files of a seed, their names, and how new results take the place of old ones. */
#define _XOPEN_SOURCE 700
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "base/file.h"
#include "write/names.h"
#include "written.h"

static void test_files(void **state) {
  (void)state;
  static const char *const wanted[] = {"peptide5_seed_42_sample_1_model.cif",
                                       "peptide5_seed_42_sample_1_confidences.json",
                                       "peptide5_seed_42_sample_1_confidences_aggregated.json",
                                       "peptide5_seed_42_sample_1_summary_confidences.json",
                                       "peptide5_seed_42_sample_2_model.cif",
                                       "peptide5_seed_42_sample_2_confidences.json",
                                       "peptide5_seed_42_sample_2_confidences_aggregated.json",
                                       "peptide5_seed_42_sample_2_summary_confidences.json",
                                       "of3_record.bin",
                                       "timing.json"};
  written w;
  write_case(&w, "peptide5", OF3_CIF, OF3_FULL_JSON);
  assert_int_equal(w.m.n_file, 10);
  for (int k = 0; k < w.m.n_file; k++) {
    assert_string_equal(w.m.file[k].name, wanted[k]);
    assert_true(exists(w.fx.arena, w.stage.home, wanted[k]));
    assert_true(of3_is_result_name(wanted[k], "peptide5", 42));
  }
  assert_true(exists(w.fx.arena, w.stage.home, "of3_run.json"));
  has_text(w.fx.arena, w.stage.home, "timing.json", "{\n    \"runtime_s\": 1.5\n}");
  same_as_fixture(&w, wanted[4], "sample_2_model.cif");
  clean(&w);
}

static void test_other_formats(void **state) {
  (void)state;
  written w;
  write_case(&w, "peptide5", OF3_PDB, OF3_FULL_NONE);
  assert_int_equal(w.m.n_file, 8);
  assert_true(exists(w.fx.arena, w.stage.home, "peptide5_seed_42_sample_1_model.pdb"));
  assert_false(exists(w.fx.arena, w.stage.home, "peptide5_seed_42_sample_1_confidences.json"));
  clean(&w);
  open_case(&w, "peptide5", OF3_CIF_GZ, OF3_FULL_NPZ_F16);
  of3_error err = {0};
  w.o.no_record = true;
  assert_int_equal(write_seed(&w, &err), OF3_OK);
  assert_true(exists(w.fx.arena, w.stage.home, "peptide5_seed_42_sample_1_model.cif.gz"));
  assert_true(exists(w.fx.arena, w.stage.home, "peptide5_seed_42_sample_2_confidences.npz"));
  assert_false(exists(w.fx.arena, w.stage.home, "of3_record.bin"));
  clean(&w);
}

/* A PDB file that cannot be: nothing half-written, no temporary file, no list of files. */
static int count_temporary(const char *path, const struct stat *st, int kind, struct FTW *at) {
  (void)st, (void)kind, (void)at;
  return strstr(path, ".tmp-") != NULL;
}

static void test_refused(void **state) {
  (void)state;
  written w;
  of3_error err = {0};
  open_case(&w, "peptide5", OF3_PDB, OF3_FULL_JSON);
  w.fx.p.x[3 * w.fx.p.n_atom] = 1e6f; /* in the second sample */
  assert_int_equal(write_seed(&w, &err), OF3_ERR_INPUT);
  assert_true(exists(w.fx.arena, w.stage.home, "peptide5_seed_42_sample_1_model.pdb"));
  assert_false(exists(w.fx.arena, w.stage.home, "peptide5_seed_42_sample_2_model.pdb"));
  assert_false(exists(w.fx.arena, w.stage.home, "of3_run.json"));
  assert_int_equal(nftw(w.out, count_temporary, 16, FTW_PHYS), 0);
  clean(&w);
}

static void test_names(void **state) {
  (void)state;
  uint64_t seed = 0;
  assert_true(of3_is_result_name("q_seed_7_sample_12_model.cif", "q", 7));
  assert_true(of3_is_result_name("q_seed_7_sample_12_confidences.npz", "q", 7));
  assert_true(of3_is_result_name("q_seed_7_sample_12_confidences.json.tmp-4711", "q", 7));
  assert_true(of3_is_result_name("of3_run.json.tmp-0123456789abcdef", "q", 7));
  assert_false(of3_is_result_name("q_seed_7_sample_12_model.txt", "q", 7));
  assert_false(of3_is_result_name("q_seed_8_sample_12_model.cif", "q", 7));
  assert_false(of3_is_result_name("q_seed_7_sample__model.cif", "q", 7));
  assert_false(of3_is_result_name("q_seed_7_sample_12_model.cif.bak", "q", 7));
  assert_false(of3_is_result_name("timing.json.orig", "q", 7));
  assert_true(of3_is_left_in_output("ranking.tsv.tmp-12"));
  assert_false(of3_is_left_in_output("ranking.tsv"));
  assert_false(of3_is_left_in_output("mine.tmp-12"));
  assert_true(of3_is_left_in_query("q_best_model.cif.gz.tmp-12", "q"));
  assert_false(of3_is_left_in_query("q_best_model.cif.gz", "q"));
  assert_true(of3_is_seed_name("seed_18446744073709551615", &seed));
  assert_true(seed == UINT64_MAX);
  assert_false(of3_is_seed_name("seed_042", &seed));
  assert_false(of3_is_seed_name("seed_-1", &seed));
  assert_false(of3_is_seed_name("seed_", &seed));
}

/* ---- The place of results */

static void stage_file(written *w, const char *name, const char *text) {
  of3_error err = {0};
  if (of3_replacement_begin(&w->stage, &err) != OF3_OK) fail_msg("%s", err.text);
  put(w, w->stage.folder, name, text);
}

static void test_stage(void **state) {
  (void)state;
  written w;
  of3_error err = {0};
  write_case(&w, "peptide5", OF3_CIF, OF3_FULL_NONE);
  put(&w, w.stage.home, "mine.txt", "mine");
  assert_true(of3_replacement_replaces(&w.stage));
  stage_file(&w, "timing.json", "new");
  assert_int_equal(of3_replacement_sync(&w.stage, &err), OF3_OK);
  assert_string_equal(result_text(&w, "timing.json"), "{\n    \"runtime_s\": 1.5\n}"); /* not yet */
  assert_int_equal(of3_replacement_commit(&w.stage, &err), OF3_OK);
  assert_string_equal(result_text(&w, "timing.json"), "new");
  assert_string_equal(result_text(&w, "mine.txt"), "mine");
  assert_false(exists(w.fx.arena, w.stage.home, OF3_MANIFEST_NAME));
  of3_replacement_close(w.out);
  assert_false(of3_is_folder(of3_path_join(w.fx.arena, w.out, OF3_STAGE_NAME)));
  clean(&w);
}

/* What a killed process left: before and after the exchange, and between the two renames. */
static void test_stage_recover(void **state) {
  (void)state;
  written w;
  of3_error err = {0};
  write_case(&w, "peptide5", OF3_CIF, OF3_FULL_NONE);
  stage_file(&w, "timing.json", "half");
  put(&w, w.stage.folder, "of3_record.bin.tmp-77", "half");
  assert_int_equal(of3_replacement_recover(w.out, &err), OF3_OK);
  assert_string_equal(result_text(&w, "timing.json"), "{\n    \"runtime_s\": 1.5\n}");
  assert_false(of3_is_folder(w.stage.folder));

  stage_file(&w, "of3_run.json", "old");
  put(&w, w.stage.folder, "mine.txt", "mine");
  assert_int_equal(of3_replacement_recover(w.out, &err), OF3_OK);
  assert_string_equal(result_text(&w, "mine.txt"), "mine"); /* of others: not lost */
  assert_false(of3_is_folder(w.stage.folder));

  stage_file(&w, "timing.json", "half");
  assert_int_equal(rename(w.stage.home, w.stage.old), 0);
  assert_int_equal(of3_replacement_recover(w.out, &err), OF3_OK); /* the new ones are not complete */
  assert_string_equal(result_text(&w, "timing.json"), "{\n    \"runtime_s\": 1.5\n}");

  stage_file(&w, "timing.json", "new");
  put(&w, w.stage.folder, "of3_run.json", "new");
  assert_int_equal(rename(w.stage.home, w.stage.old), 0);
  assert_int_equal(of3_replacement_recover(w.out, &err), OF3_OK); /* they are */
  assert_string_equal(result_text(&w, "timing.json"), "new");
  assert_string_equal(result_text(&w, "mine.txt"), "mine");
  assert_false(of3_is_folder(w.stage.old));
  of3_replacement_close(w.out);
  assert_false(of3_is_folder(of3_path_join(w.fx.arena, w.out, OF3_STAGE_NAME)));
  assert_int_equal(of3_replacement_recover(w.out, &err), OF3_OK);
  clean(&w);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_files),   cmocka_unit_test(test_other_formats),
                                     cmocka_unit_test(test_refused), cmocka_unit_test(test_names),
                                     cmocka_unit_test(test_stage),   cmocka_unit_test(test_stage_recover)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
