/* The output tree, the ranking, the files about a run, and what a re-run finds complete. */
#define _XOPEN_SOURCE 700
#include <ftw.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"
#include "write/manifest.h"
#include "write/tree.h"
#include "write_fixture.h"

/* A fixture written into a new folder. */
typedef struct written {
  fixture fx;
  of3_tree tree;
  char *seed_folder;
  of3_scores *scores;
  const char **files;
  int n_file;
} written;

static void write_case(written *w, const char *name, of3_structure_format format, of3_full_confidences full) {
  of3_error err = {0};
  fixture_open(&w->fx, name);
  of3_arena *arena = w->fx.arena;
  w->tree = (of3_tree){.folder = of3_path_join(arena, new_folder(arena), "deep/out"),
                       .format = format,
                       .style = OF3_CIF_REFERENCE,
                       .full = full};
  w->seed_folder = of3_tree_seed_folder(&w->tree, name, 42, arena);
  assert_int_equal(
      of3_scores_compute(&w->fx.complex, &w->fx.features, &w->fx.p, OF3_OB, NULL, arena, &w->scores, &err),
      OF3_OK);
  if (of3_tree_write(&w->tree, &w->fx.complex, 42, &w->fx.p, w->scores, 1.5, arena, &w->files, &w->n_file,
                     &err) != OF3_OK)
    fail_msg("%s", err.text);
}

static void clean(written *w) {
  char *root = of3_arena_strndup(w->fx.arena, w->tree.folder, strlen(w->tree.folder) - strlen("/deep/out"));
  remove_folder(root);
  fixture_close(&w->fx);
}

static void has_text(of3_arena *arena, const char *folder, const char *name, const char *wanted) {
  size_t n;
  char *found = read_all(arena, of3_path_join(arena, folder, name), &n);
  assert_string_equal(found, wanted);
}

static bool exists(of3_arena *arena, const char *folder, const char *name) {
  return of3_is_file(of3_path_join(arena, folder, name));
}

static void test_files(void **state) {
  (void)state;
  static const char *const wanted[] = {"peptide5_seed_42_sample_1_model.cif",
                                       "peptide5_seed_42_sample_1_confidences_aggregated.json",
                                       "peptide5_seed_42_sample_1_confidences.json",
                                       "peptide5_seed_42_sample_2_model.cif",
                                       "peptide5_seed_42_sample_2_confidences_aggregated.json",
                                       "peptide5_seed_42_sample_2_confidences.json",
                                       "timing.json"};
  written w;
  write_case(&w, "peptide5", OF3_CIF, OF3_FULL_JSON);
  assert_int_equal(w.n_file, 7);
  for (int k = 0; k < w.n_file; k++) {
    assert_string_equal(w.files[k], wanted[k]);
    assert_true(exists(w.fx.arena, w.seed_folder, wanted[k]));
  }
  has_text(w.fx.arena, w.seed_folder, "timing.json", "{\n    \"runtime_s\": 1.5\n}");
  size_t n, m;
  char *model = of3_tree_sample_file(&w.tree, "peptide5", 42, 2, OF3_FILE_MODEL, w.fx.arena);
  char *found = read_all(w.fx.arena, model, &n), *cif = fixture_file(&w.fx, "sample_2_model.cif", &m);
  assert_int_equal(n, m);
  assert_memory_equal(found, cif, n);
  clean(&w);
}

static void test_other_formats(void **state) {
  (void)state;
  written w;
  write_case(&w, "peptide5", OF3_PDB, OF3_FULL_NONE);
  assert_int_equal(w.n_file, 5);
  assert_true(exists(w.fx.arena, w.seed_folder, "peptide5_seed_42_sample_1_model.pdb"));
  assert_false(exists(w.fx.arena, w.seed_folder, "peptide5_seed_42_sample_1_confidences.json"));
  clean(&w);
  write_case(&w, "peptide5", OF3_CIF_GZ, OF3_FULL_NPZ_F16);
  assert_true(exists(w.fx.arena, w.seed_folder, "peptide5_seed_42_sample_1_model.cif.gz"));
  assert_true(exists(w.fx.arena, w.seed_folder, "peptide5_seed_42_sample_2_confidences.npz"));
  clean(&w);
}

static void test_unwritable(void **state) {
  (void)state;
  written w;
  of3_error err = {0};
  const char **files;
  int n;
  write_case(&w, "peptide5", OF3_CIF, OF3_FULL_JSON);
  of3_tree tree = w.tree;
  tree.folder =
      of3_path_join(w.fx.arena, w.seed_folder, "timing.json"); /* a file stands where the folder should */
  assert_int_equal(
      of3_tree_write(&tree, &w.fx.complex, 42, &w.fx.p, w.scores, 1, w.fx.arena, &files, &n, &err),
      OF3_ERR_IO);
  assert_non_null(strstr(err.text, "cannot create the folder"));
  assert_int_equal(of3_tree_write_summary(&tree, "x", &err), OF3_ERR_IO);
  clean(&w);
}

/* A PDB file that cannot be: nothing half-written, no temporary file. */
static int count_temporary(const char *path, const struct stat *st, int kind, struct FTW *at) {
  (void)st, (void)kind, (void)at;
  return strstr(path, ".tmp-") != NULL;
}

static void test_refused(void **state) {
  (void)state;
  written w;
  of3_error err = {0};
  const char **files;
  int n;
  write_case(&w, "peptide5", OF3_PDB, OF3_FULL_JSON);
  w.fx.p.x[3 * w.fx.p.n_atom] = 1e6f; /* in the second sample */
  assert_int_equal(
      of3_tree_write(&w.tree, &w.fx.complex, 43, &w.fx.p, w.scores, 1, w.fx.arena, &files, &n, &err),
      OF3_ERR_INPUT);
  char *folder = of3_tree_seed_folder(&w.tree, "peptide5", 43, w.fx.arena);
  assert_true(exists(w.fx.arena, folder, "peptide5_seed_43_sample_1_model.pdb"));
  assert_false(exists(w.fx.arena, folder, "peptide5_seed_43_sample_2_model.pdb"));
  assert_int_equal(nftw(w.tree.folder, count_temporary, 16, FTW_PHYS), 0);
  clean(&w);
}

/* ---- Ranking */

static void test_ranking(void **state) {
  (void)state;
  written w;
  of3_error err = {0};
  of3_ranked row[3];
  write_case(&w, "dimer", OF3_CIF, OF3_FULL_NONE);
  assert_int_equal(of3_ranked_read(&w.tree, "dimer", 42, 3, w.fx.arena, row, &err), OF3_OK);
  assert_int_equal(of3_ranked_sort(row, 3, &err), OF3_OK);
  assert_int_equal(row[0].sample, 2); /* 0.0589 before 0.0338 and 0.0305 */
  assert_int_equal(row[1].sample, 1);
  assert_int_equal(row[2].sample, 3);
  char *stale = of3_path_join(w.fx.arena, w.tree.folder, "dimer/dimer_best_model.pdb");
  assert_int_equal(of3_write_file(stale, "x", 1, &err), OF3_OK);
  assert_int_equal(of3_tree_write_ranking(&w.tree, row, 3, &err), OF3_OK);
  assert_false(of3_is_file(stale));
  size_t n, m;
  char *best =
      read_all(w.fx.arena, of3_path_join(w.fx.arena, w.tree.folder, "dimer/dimer_best_model.cif"), &n);
  char *model =
      read_all(w.fx.arena, of3_tree_sample_file(&w.tree, "dimer", 42, 2, OF3_FILE_MODEL, w.fx.arena), &m);
  assert_int_equal(n, m);
  assert_memory_equal(best, model, n);
  char *table = read_all(w.fx.arena, of3_path_join(w.fx.arena, w.tree.folder, "ranking.tsv"), &n);
  const char *head =
      "query\trank\tseed\tsample\tranking_score\tptm\tiptm\tavg_plddt\tgpde\tdisorder\thas_clash\tfile\n"
      "dimer\t1\t42\t2\t0.058945\t0.035552\t";
  assert_memory_equal(table, head, strlen(head));
  assert_non_null(
      strstr(table, "\tdimer/seed_42/dimer_seed_42_sample_2_model.cif\ndimer\t2\t42\t1\t0.03382\t"));
  clean(&w);
}

static void test_ranking_order(void **state) {
  (void)state;
  of3_error err = {0};
  of3_ranked row[] = {{.query = "b", .sample = 1, .scores = {.sample_ranking_score = NAN}},
                      {.query = "b", .sample = 2, .scores = {.sample_ranking_score = -99}},
                      {.query = "a", .sample = 3, .scores = {.sample_ranking_score = 0.5, .avg_plddt = 60}},
                      {.query = "a", .sample = 4, .scores = {.sample_ranking_score = 0.5, .avg_plddt = 70}},
                      {.query = "b", .sample = 5, .scores = {.sample_ranking_score = 0.1}},
                      {.query = "a", .sample = 6, .scores = {.sample_ranking_score = 0.5, .avg_plddt = 60}}};
  const int wanted[] = {5, 2, 1, 4, 3, 6};
  assert_int_equal(of3_ranked_sort(row, 6, &err), OF3_OK);
  for (int k = 0; k < 6; k++) assert_int_equal(row[k].sample, wanted[k]);
}

/* ---- Files about the run */

static void test_summary(void **state) {
  (void)state;
  of3_str text = {0};
  of3_error err = {0};
  const char *failed[] = {"zeta", "alpha", "zeta"};
  assert_int_equal(of3_summary_text(2, 0, NULL, 0, &text, &err), OF3_OK);
  assert_string_equal(text.text, "\n==================================================\n"
                                 "    PREDICTION SUMMARY (COMPLETE)    \n"
                                 "==================================================\n"
                                 "Total Queries Processed: 2\n"
                                 "  - Successful Queries:  2\n"
                                 "  - Failed Queries:      0\n"
                                 "==================================================\n");
  of3_str_clear(&text);
  assert_int_equal(of3_summary_text(1, 3, failed, 3, &text, &err), OF3_OK);
  assert_non_null(strstr(text.text, "Total Queries Processed: 4\n"));
  assert_non_null(strstr(text.text, "  - Failed Queries:      3\n\nFailed Queries: alpha, zeta\n====="));
  of3_str_free(&text);
}

/* What InferenceQuerySet.model_dump_json(indent=4) of 0.5.0 gives. */
static const char query_set_text[] =
    "{\n    \"seeds\": [\n        42\n    ],\n    \"queries\": {\n        \"dimer\": {\n"
    "            \"query_name\": \"dimer\",\n            \"chains\": [\n                {\n"
    "                    \"molecule_type\": \"PROTEIN\",\n                    \"chain_ids\": [\n"
    "                        \"B\",\n                        \"A\"\n                    ],\n"
    "                    \"description\": null,\n                    \"sequence\": \"GSH\",\n"
    "                    \"non_canonical_residues\": null,\n                    \"smiles\": null,\n"
    "                    \"ccd_codes\": null,\n                    \"paired_msa_file_paths\": null,\n"
    "                    \"main_msa_file_paths\": [\n                        \"x/\xc3\xa9.a3m\"\n            "
    "        ],\n"
    "                    \"template_alignment_file_path\": null,\n"
    "                    \"template_entry_chain_ids\": null,\n                    \"template_cif_paths\": "
    "null,\n"
    "                    \"template_cif_chain_ids\": null,\n                    \"sdf_file_path\": null,\n"
    "                    \"cyclic\": false\n                }\n            ],\n            \"use_msas\": "
    "true,\n"
    "            \"use_paired_msas\": false,\n            \"use_main_msas\": true,\n"
    "            \"covalent_bonds\": null,\n            \"pocket_constraint\": null\n        }\n    }\n}";

static void test_query_set(void **state) {
  (void)state;
  of3_arena *arena = of3_arena_new(0);
  of3_error err = {0};
  const char *id[] = {"B", "A"}, *msa[] = {"x/\xc3\xa9.a3m"};
  of3_query_chain chain = {
      .type = OF3_PROTEIN, .n_id = 2, .id = id, .sequence = "GSH", .n_msa = 1, .msa_path = msa};
  of3_query query[] = {
      {.name = "bad", .error = {.code = OF3_ERR_INPUT}},
      {.name = "dimer", .n_chain = 1, .chain = &chain, .use_msas = true, .use_main_msas = true}};
  of3_query_set set = {.n = 2, .query = query};
  of3_tree tree = {.folder = new_folder(arena)};
  assert_int_equal(of3_tree_write_query_set(&tree, &set, &err), OF3_OK);
  has_text(arena, tree.folder, "inference_query_set.json", query_set_text);
  uint64_t seeds[] = {1, 4294967295u};
  set.seed = seeds;
  set.n_seed = 2;
  set.n = 1;
  assert_int_equal(of3_tree_write_query_set(&tree, &set, &err), OF3_OK);
  has_text(arena, tree.folder, "inference_query_set.json",
           "{\n    \"seeds\": [\n        1,\n        4294967295\n    ],\n    \"queries\": {}\n}");
  remove_folder(tree.folder);
  of3_arena_free(arena);
}

static void test_settings(void **state) {
  (void)state;
  of3_arena *arena = of3_arena_new(0);
  of3_error err = {0};
  const uint64_t seeds[] = {42, 7};
  const of3_setting settings[] = {{.key = "a.b.c", .kind = OF3_SET_INT, .i = -3},
                                  {.key = "top", .kind = OF3_SET_TEXT, .text = "x \"y\""},
                                  {.key = "a.seeds", .kind = OF3_SET_INTS, .ints = seeds, .i = 2},
                                  {.key = "a.b.on", .kind = OF3_SET_BOOL, .i = 1},
                                  {.key = "none", .kind = OF3_SET_TEXT},
                                  {.key = "half", .kind = OF3_SET_REAL, .real = 0.5}};
  of3_tree tree = {.folder = new_folder(arena)};
  assert_int_equal(of3_tree_write_settings(&tree, "c.json", settings, 6, &err), OF3_OK);
  has_text(arena, tree.folder, "c.json",
           "{\n    \"a\": {\n        \"b\": {\n            \"c\": -3,\n            \"on\": true\n        },\n"
           "        \"seeds\": [\n            42,\n            7\n        ]\n    },\n    \"top\": \"x "
           "\\\"y\\\"\",\n"
           "    \"none\": null,\n    \"half\": 0.5\n}");
  remove_folder(tree.folder);
  of3_arena_free(arena);
}

/* ---- Re-runs */

static of3_run_state check(written *w, const char *key, char *why) {
  of3_run_state state;
  of3_error err = {0};
  assert_int_equal(of3_manifest_check(w->seed_folder, key, &state, why, &err), OF3_OK);
  return state;
}

static void put(written *w, const char *name, const char *text) {
  of3_error err = {0};
  assert_int_equal(of3_write_file(of3_path_join(w->fx.arena, w->seed_folder, name), text, strlen(text), &err),
                   OF3_OK);
}

static void test_manifest(void **state) {
  (void)state;
  written w;
  of3_error err = {0};
  char why[OF3_ERROR_TEXT];
  write_case(&w, "peptide5", OF3_CIF, OF3_FULL_JSON);
  const char *timing = "timing.json", *good = "{\n    \"runtime_s\": 1.5\n}";
  assert_int_equal(check(&w, "K", why), OF3_RUN_MISSING);
  assert_int_equal(of3_manifest_write(w.seed_folder, "K", w.files, w.n_file, &err), OF3_OK);
  assert_int_equal(check(&w, "K", why), OF3_RUN_COMPLETE);
  assert_string_equal(why, "");
  assert_int_equal(check(&w, "L", why), OF3_RUN_OTHER);

  put(&w, timing, "{\n    \"runtime_s\": 1.6\n}");
  assert_int_equal(check(&w, "K", why), OF3_RUN_BROKEN);
  assert_non_null(strstr(why, "timing.json' is not the file that was written"));
  put(&w, timing, "{");
  assert_int_equal(check(&w, "K", why), OF3_RUN_BROKEN);
  assert_non_null(strstr(why, "timing.json' has 1 bytes instead of 24"));
  unlink(of3_path_join(w.fx.arena, w.seed_folder, timing));
  assert_int_equal(check(&w, "K", why), OF3_RUN_MISSING);
  assert_non_null(strstr(why, "timing.json' is missing"));
  put(&w, timing, good);
  assert_int_equal(check(&w, "K", why), OF3_RUN_COMPLETE);

  static const char *const broken[] = {
      "",
      "{",
      "[]",
      "{\"made_from\": \"K\"}",
      "{\"made_from\": \"K\", \"files\": []}",
      "{\"made_from\": \"K\", \"files\": [1]}",
      "{\"made_from\": \"K\", \"files\": [{\"name\": \"../x\", \"size\": 1, \"sha256\": \"\"}]}"};
  for (size_t k = 0; k < sizeof broken / sizeof *broken; k++) {
    put(&w, "of3_run.json", broken[k]);
    assert_int_equal(check(&w, "K", why), OF3_RUN_BROKEN);
    assert_true(why[0] != 0);
  }
  assert_int_equal(of3_manifest_remove(w.seed_folder, &err), OF3_OK);
  assert_int_equal(check(&w, "K", why), OF3_RUN_MISSING);
  assert_int_equal(of3_manifest_remove(w.seed_folder, &err), OF3_OK);
  const char *missing[] = {"no_such_file"};
  assert_int_equal(of3_manifest_write(w.seed_folder, "K", missing, 1, &err), OF3_ERR_IO);
  clean(&w);
}

static void key_of(const of3_run_inputs *in, char key[OF3_KEY_TEXT]) {
  of3_error err = {0};
  if (of3_run_key(in, key, &err) != OF3_OK) fail_msg("%s", err.text);
}

/* Every change of the inputs changes the key; the place of an MSA file does not. */
static void test_key(void **state) {
  (void)state;
  of3_arena *arena = of3_arena_new(0);
  of3_error err = {0};
  char first[OF3_KEY_TEXT], key[OF3_KEY_TEXT], *folder = new_folder(arena);
  char *one = of3_path_join(arena, folder, "a.a3m"), *sub = of3_path_join(arena, folder, "sub");
  char *two = of3_path_join(arena, sub, "a.a3m");
  assert_int_equal(of3_make_folder(sub, &err), OF3_OK);
  assert_int_equal(of3_write_file(one, ">q\nGSH\n", 7, &err), OF3_OK);
  assert_int_equal(of3_write_file(two, ">q\nGSH\n", 7, &err), OF3_OK);
  const char *id[] = {"B", "A"}, *msa[] = {one};
  of3_query_chain chain = {
      .type = OF3_PROTEIN, .n_id = 2, .id = id, .sequence = "GSH", .n_msa = 1, .msa_path = msa};
  of3_query query = {.name = "q", .n_chain = 1, .chain = &chain, .use_msas = true};
  const of3_run_inputs base = {.query = &query, .seed = 1, .checkpoint = "c", .options = "o", .version = "v"};
  key_of(&base, first);
  assert_int_equal(strlen(first), 64);

#define CHANGED(change)                                                                                      \
  do {                                                                                                       \
    of3_run_inputs in = base;                                                                                \
    change;                                                                                                  \
    key_of(&in, key);                                                                                        \
    assert_string_not_equal(key, first);                                                                     \
  } while (0)
  CHANGED(in.seed = 2);
  CHANGED(in.checkpoint = "co"; in.options = "");
  CHANGED(in.version = "w");
  CHANGED(chain.sequence = "GSA");
  chain.sequence = "GSH";
  CHANGED(id[1] = "C");
  id[1] = "A";
  CHANGED(query.use_main_msas = true);
  query.use_main_msas = false;
  CHANGED(chain.n_msa = 0);
  chain.n_msa = 1;
#undef CHANGED
  msa[0] = two;
  key_of(&base, key);
  assert_string_equal(key, first);
  assert_int_equal(of3_write_file(two, ">q\nGSA\n", 7, &err), OF3_OK);
  key_of(&base, key);
  assert_string_not_equal(key, first);
  char in_folder[OF3_KEY_TEXT];
  msa[0] = sub;
  key_of(&base, in_folder);
  assert_string_equal(in_folder, key); /* a folder is its files */
  msa[0] = "/no/such/file";
  assert_int_equal(of3_run_key(&base, key, &err), OF3_ERR_IO);
  remove_folder(folder);
  of3_arena_free(arena);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_files),      cmocka_unit_test(test_other_formats),
                                     cmocka_unit_test(test_unwritable), cmocka_unit_test(test_refused),
                                     cmocka_unit_test(test_ranking),    cmocka_unit_test(test_ranking_order),
                                     cmocka_unit_test(test_summary),    cmocka_unit_test(test_query_set),
                                     cmocka_unit_test(test_settings),   cmocka_unit_test(test_manifest),
                                     cmocka_unit_test(test_key)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
