/* Files about a whole run: summary, queries, settings; and names in them that are no text. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/json.h"
#include "base/printable.h"
#include "write/ranking.h"
#include "write/tree.h"
#include "written.h"

static void test_summary(void **state) {
  (void)state;
  of3_str text = {0};
  of3_error err = {0};
  const of3_summary_failure failed[] = {{"zeta", "too long"}, {"alpha", "no"}, {"zeta", "too long"}};
  const of3_summary good = {.n_done = 2}, left = {.n_done = 1, .n_left = 4},
                    bad = {.n_done = 1, .n_failed = 3, .failure = failed, .n_failure = 3};
  assert_int_equal(of3_summary_text(&good, &text, &err), OF3_OK);
  assert_string_equal(text.text, "\n==================================================\n"
                                 "    PREDICTION SUMMARY (COMPLETE)    \n"
                                 "==================================================\n"
                                 "Total Queries Processed: 2\n"
                                 "  - Successful Queries:  2\n"
                                 "  - Failed Queries:      0\n"
                                 "==================================================\n");
  of3_str_clear(&text);
  assert_int_equal(of3_summary_text(&bad, &text, &err), OF3_OK);
  assert_non_null(strstr(text.text, "Total Queries Processed: 4\n"));
  assert_non_null(strstr(text.text, "  - Failed Queries:      3\n\nFailed Queries: alpha, zeta\n"
                                    "Reasons:\n  - alpha: no\n  - zeta: too long\n====="));
  of3_str_clear(&text);
  assert_int_equal(of3_summary_text(&left, &text, &err), OF3_OK);
  assert_non_null(strstr(text.text, "(INCOMPLETE)"));
  assert_non_null(strstr(text.text, "Queries Not Processed:   4\n"));
  of3_str_free(&text);
}

/* ---- Names that are no text: in files, too, nothing moves a cursor, breaks a line or turns text around. */

static const char evil[] = "a\033[2J\nb\tc\302\233d\342\200\256e\377 \303\251";
static const char evil_shown[] = "a\\x1b[2J\\x0ab\\x09c\\xc2\\x9bd\\xe2\\x80\\xaee\\xff \303\251";

static void test_printable(void **state) {
  (void)state;
  char out[128];
  assert_int_equal(of3_printable(evil, out, sizeof out), strlen(evil));
  assert_string_equal(out, evil_shown);
  for (size_t size = 1; size <= strlen(evil_shown) + 1; size++) { /* whole characters only */
    const size_t read = of3_printable(evil, out, size);
    assert_true(strlen(out) < size && strncmp(out, evil_shown, strlen(out)) == 0);
    assert_true(read <= strlen(evil) && (read == strlen(evil)) == (size > strlen(evil_shown)));
  }
  of3_error err = {0};
  assert_int_equal(of3_fail(&err, OF3_ERR_IO, "'%s'", evil), OF3_ERR_IO);
  assert_int_equal(of3_prefix(&err, "%s", evil), OF3_ERR_IO);
  assert_int_equal(of3_prefix(NULL, "%s", evil), OF3_ERR_INPUT);
  of3_str text = {0};
  of3_str_add_printable(&text, evil);
  of3_str_add(&text, ": '");
  of3_str_add_printable(&text, evil);
  of3_str_add(&text, "'");
  assert_string_equal(err.text, text.text);
  of3_str_free(&text);
  const of3_summary_failure failed[] = {{evil, evil}};
  const of3_summary bad = {.n_failed = 1, .failure = failed, .n_failure = 1};
  assert_int_equal(of3_summary_text(&bad, &text, &err), OF3_OK);
  const char *at = strstr(text.text, evil_shown); /* the name among those that failed, then with its reason */
  for (int k = 0; k < 2; k++) assert_non_null(at && (at = strstr(at + 1, evil_shown)) ? at : NULL);
  assert_null(strstr(text.text, "\033"));
  of3_str_free(&text);
}

static void test_printable_files(void **state) {
  (void)state;
  of3_arena *arena = of3_arena_new(0);
  of3_error err = {0};
  int q;
  char *folder = new_folder(arena);
  of3_ranking *r = of3_ranking_new(folder);
  of3_aggregated sample = {0};
  const of3_manifest m = {.made_from = "x", .seed = 1, .n_sample = 1, .sample = &sample};
  assert_int_equal(of3_ranking_add(r, evil, &q, &err), OF3_OK);
  assert_int_equal(of3_ranking_put(r, q, &m, &err), OF3_OK);
  assert_int_equal(of3_ranking_write(r, &err), OF3_OK);
  size_t n, lines = 0;
  char *table = read_all(arena, of3_path_join(arena, folder, "ranking.tsv"), &n);
  assert_non_null(strstr(table, evil_shown));
  assert_null(strstr(table, "\033"));
  for (const char *p = table; *p; p++) lines += *p == '\n';
  assert_int_equal(lines, 2);
  of3_ranking_free(r);

  const of3_tree tree = {.folder = folder};
  const of3_setting settings[] = {
      {.key = "bad", .kind = OF3_SET_TEXT, .text = evil},
      {.key = "good", .kind = OF3_SET_TEXT, .text = "\302\233\342\200\256\177\n\303\251"}};
  assert_int_equal(of3_tree_write_settings(&tree, "s.json", settings, 2, &err), OF3_OK);
  table = read_all(arena, of3_path_join(arena, folder, "s.json"), &n);
  /* no UTF-8: as it is shown; else escapes, which read back as what they stand for */
  assert_non_null(strstr(table, "\"bad\": \"a\\\\x1b[2J"));
  assert_non_null(strstr(table, "\"good\": \"\\u009b\\u202e\\u007f\\n\303\251\""));
  json_error_t where;
  json_t *root = of3_json_load(table, n, &where);
  assert_string_equal(json_string_value(json_object_get(root, "good")), settings[1].text);
  json_decref(root);
  remove_folder(folder);
  of3_arena_free(arena);
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
  const uint64_t seeds[] = {42, 4294967295u};
  set.n_seed = 1; /* those of the file do not count, but those that are used */
  set.seed = (uint64_t[]){7};
  assert_int_equal(of3_tree_write_query_set(&tree, "inference_query_set.json", &set, seeds, 1, &err), OF3_OK);
  has_text(arena, tree.folder, "inference_query_set.json", query_set_text);
  set.n = 1;
  assert_int_equal(of3_tree_write_query_set(&tree, "inference_query_set.json", &set, seeds, 2, &err), OF3_OK);
  has_text(arena, tree.folder, "inference_query_set.json",
           "{\n    \"seeds\": [\n        42,\n        4294967295\n    ],\n    \"queries\": {}\n}");
  remove_folder(tree.folder);
  of3_arena_free(arena);
}

/* What OpenFold3 after 0.5.0 reads, and of3. */
static void test_query_set_bonds(void **state) {
  (void)state;
  of3_arena *arena = of3_arena_new(0);
  of3_error err = {0};
  const char *id[] = {"B", "A"};
  of3_query_chain chain = {.type = OF3_PROTEIN, .n_id = 2, .id = id, .sequence = "GSH"};
  of3_query query = {.name = "dimer", .n_chain = 1, .chain = &chain};
  of3_query_set set = {.n = 1, .query = &query};
  of3_tree tree = {.folder = new_folder(arena)};
  const uint64_t seed = 1;
  of3_query_bond bond = {{"A", 1, "N"}, {"B", 3, "C"}};
  of3_query_atom leaving = {"B", 2, "OG"}, site = {"A", 2, NULL};
  of3_query_pocket pocket = {.ligand = "A", .n_residue = 1, .residue = &site, .max_distance = 4.5};
  query.n_bond = query.n_leaving = 1;
  query.bond = &bond;
  query.leaving = &leaving;
  query.pocket = &pocket;
  chain.number_shift = -3;
  assert_int_equal(of3_tree_write_query_set(&tree, "inference_query_set.json", &set, &seed, 1, &err), OF3_OK);
  json_t *file = json_load_file(of3_path_join(arena, tree.folder, "inference_query_set.json"), 0, NULL);
  json_t *one = json_object_get(json_object_get(file, "queries"), "dimer");
  char *text = json_dumps(json_object_get(one, "covalent_bonds"), JSON_COMPACT);
  assert_string_equal(text, "[[[\"A\",1,\"N\"],[\"B\",3,\"C\"]]]");
  free(text);
  text = json_dumps(json_object_get(one, "leaving_atoms"), JSON_COMPACT);
  assert_string_equal(text, "[[\"B\",2,\"OG\"]]");
  free(text);
  text = json_dumps(json_object_get(one, "pocket_constraint"), JSON_COMPACT | JSON_SORT_KEYS);
  assert_string_equal(text,
                      "{\"ligand_chain_id\":\"A\",\"max_distance\":4.5,\"pocket_residues\":[[\"A\",2]]}");
  free(text);
  one = json_array_get(json_object_get(one, "chains"), 0);
  assert_int_equal(json_integer_value(json_object_get(one, "starting_residue_number")), -2);
  json_decref(file);
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

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_summary),         cmocka_unit_test(test_printable),
                                     cmocka_unit_test(test_printable_files), cmocka_unit_test(test_query_set),
                                     cmocka_unit_test(test_query_set_bonds), cmocka_unit_test(test_settings)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
