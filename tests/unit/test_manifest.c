/* What a re-run finds complete: the list of files that a seed has, and the key of what it was made from. */
#define _XOPEN_SOURCE 700
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"
#include "write/names.h"
#include "write/run_key.h"
#include "written.h"

static of3_run_state check(written *w, const char *key, char *why) {
  of3_run_state state;
  of3_error err = {0};
  of3_manifest found,
      wanted = {.made_from = key, .seed = 42, .format = w->o.format, .style = w->o.style, .full = w->o.full};
  assert_int_equal(of3_manifest_check(w->stage.home, &wanted, NULL, w->fx.arena, &found, &state, why, &err),
                   OF3_OK);
  return state;
}

static void test_manifest(void **state) {
  (void)state;
  written w;
  of3_error err = {0};
  char why[OF3_ERROR_TEXT];
  open_case(&w, "peptide5", OF3_CIF, OF3_FULL_JSON);
  const char *timing = "timing.json", *good = "{\n    \"runtime_s\": 1.5\n}";
  const char *model = "peptide5_seed_42_sample_1_model.cif";
  assert_int_equal(check(&w, "K", why), OF3_RUN_MISSING);
  assert_int_equal(write_seed(&w, &err), OF3_OK);
  assert_int_equal(check(&w, "K", why), OF3_RUN_COMPLETE);
  assert_string_equal(why, "");
  assert_int_equal(check(&w, "L", why), OF3_RUN_OTHER);
  assert_true(of3_manifest_has_models(w.stage.home, &w.m) == false); /* sizes come from the file */

  put(&w, w.stage.home, timing, "{\n    \"runtime_s\": 1.6\n}");
  assert_int_equal(check(&w, "K", why), OF3_RUN_BROKEN);
  assert_non_null(strstr(why, "timing.json' is not the file that was written"));
  put(&w, w.stage.home, timing, "{");
  assert_int_equal(check(&w, "K", why), OF3_RUN_BROKEN);
  assert_non_null(strstr(why, "timing.json' has 1 bytes instead of 24"));
  unlink(of3_path_join(w.fx.arena, w.stage.home, timing));
  assert_int_equal(check(&w, "K", why), OF3_RUN_MISSING);
  assert_non_null(strstr(why, "timing.json' is missing"));
  put(&w, w.stage.home, timing, good);
  assert_int_equal(check(&w, "K", why), OF3_RUN_COMPLETE);

  /* What the record can give is written again. */
  w.o.format = OF3_PDB;
  assert_int_equal(check(&w, "K", why), OF3_RUN_REWRITE);
  assert_non_null(strstr(why, "files of other formats"));
  w.o.format = OF3_CIF;
  put(&w, w.stage.home, model, "x");
  assert_int_equal(check(&w, "K", why), OF3_RUN_REWRITE);
  assert_non_null(strstr(why, "has 1 bytes instead of"));
  put(&w, w.stage.home, OF3_RECORD_NAME, "x");
  assert_int_equal(check(&w, "K", why), OF3_RUN_BROKEN);
  w.o.no_record = true;
  assert_int_equal(write_seed(&w, &err), OF3_OK);
  assert_int_equal(check(&w, "K", why), OF3_RUN_COMPLETE);
  put(&w, w.stage.home, model, "x");
  assert_int_equal(check(&w, "K", why), OF3_RUN_BROKEN);
  clean(&w);
}

static void test_manifest_read(void **state) {
  (void)state;
  written w;
  of3_error err = {0};
  of3_manifest m;
  of3_run_state found;
  char why[OF3_ERROR_TEXT];
  open_case(&w, "peptide5", OF3_CIF_GZ, OF3_FULL_NPZ_F32);
  w.scores[1].ptm = NAN;
  assert_int_equal(write_seed(&w, &err), OF3_OK);
  assert_int_equal(of3_manifest_read(w.stage.home, w.fx.arena, &m, &found, why, &err), OF3_OK);
  assert_int_equal(found, OF3_RUN_COMPLETE);
  assert_string_equal(m.made_from, "K");
  assert_true(m.seed == 42 && m.format == OF3_CIF_GZ && m.full == OF3_FULL_NPZ_F32);
  assert_int_equal(m.n_sample, w.fx.p.n_sample);
  assert_memory_equal(&m.sample[0], &w.m.sample[0], sizeof m.sample[0]);
  assert_true(isnan(m.sample[1].ptm));
  assert_true(of3_manifest_has_models(w.stage.home, &m));
  unlink(of3_path_join(w.fx.arena, w.stage.home, "peptide5_seed_42_sample_2_model.cif.gz"));
  assert_false(of3_manifest_has_models(w.stage.home, &m));

#define LISTS                                                                                                \
  "\"made_from\": \"K\", \"seed\": 1, \"structures\": \"cif\", \"cif_style\": \"reference\", "               \
  "\"confidences\": \"none\", "
#define SAMPLE                                                                                               \
  "{\"ranking_score\": 1, \"ptm\": 1, \"iptm\": 1, \"avg_plddt\": 1, \"gpde\": 1, \"disorder\": 1, "         \
  "\"has_clash\": null}"
  static const char *const broken[] = {
      "",
      "{",
      "[]",
      "{\"made_from\": \"K\"}",
      "{" LISTS "\"samples\": [], \"files\": []}",
      "{" LISTS "\"samples\": [" SAMPLE "], \"files\": []}",
      "{" LISTS "\"samples\": [" SAMPLE "], \"files\": [1]}",
      "{" LISTS "\"samples\": [1], \"files\": [{\"name\": \"x\", \"size\": 1, \"sha256\": \"\"}]}",
      "{" LISTS "\"samples\": [" SAMPLE
      "], \"files\": [{\"name\": \"../x\", \"size\": 1, \"sha256\": \"\"}]}"};
  for (size_t k = 0; k < sizeof broken / sizeof *broken; k++) {
    put(&w, w.stage.home, OF3_MANIFEST_NAME, broken[k]);
    assert_int_equal(of3_manifest_read(w.stage.home, w.fx.arena, &m, &found, why, &err), OF3_OK);
    assert_int_equal(found, OF3_RUN_BROKEN);
    assert_true(why[0] != 0);
  }
  put(&w, w.stage.home, OF3_MANIFEST_NAME,
      "{" LISTS "\"samples\": [" SAMPLE "], \"files\": [{\"name\": \"x\", \"size\": 1, \"sha256\": \"\"}]}");
  assert_int_equal(of3_manifest_read(w.stage.home, w.fx.arena, &m, &found, why, &err), OF3_OK);
  assert_int_equal(found, OF3_RUN_COMPLETE);
  of3_manifest_file missing = {.name = "no_such_file"};
  m.n_file = 1;
  m.file = &missing;
  assert_int_equal(of3_manifest_write(w.stage.home, &m, NULL, &err), OF3_ERR_IO);
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
  const of3_run_inputs base = {.query = &query, .checkpoint = "c", .options = "o", .version = "v"};
  key_of(&base, first);
  assert_int_equal(strlen(first), 64);

#define CHANGED(change)                                                                                      \
  do {                                                                                                       \
    of3_run_inputs in = base;                                                                                \
    change;                                                                                                  \
    key_of(&in, key);                                                                                        \
    assert_string_not_equal(key, first);                                                                     \
  } while (0)
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

/* Alignments, templates and their maps that stand in the query itself; a text is hashed once. */
static void test_key_of_texts(void **state) {
  (void)state;
  char first[OF3_KEY_TEXT], key[OF3_KEY_TEXT];
  of3_msa_text msa = {"unpaired_msa", ">q\nGSH\n"};
  of3_template_match pair[] = {{1, 2}};
  of3_template_source source = {
      .path = "mmcif 1", .opt_text = "data_x", .mapped = true, .n_pair = 1, .pair = pair};
  const char *id[] = {"A"};
  of3_query_chain chain = {.n_id = 1, .id = id, .sequence = "GSH", .n_msa_text = 1, .msa_text = &msa};
  const of3_query query = {.name = "q", .n_chain = 1, .chain = &chain, .use_msas = true};
  of3_run_inputs in = {.query = &query, .checkpoint = "c", .options = "o", .version = "v"};
  chain.n_template = 1;
  chain.template_ = &source;
  key_of(&in, first);
  in.opt_files = of3_file_hashes_new();
  assert_non_null(in.opt_files);
  for (int again = 0; again < 2; again++) {
    key_of(&in, key);
    assert_string_equal(key, first);
  }
  msa.text = ">q\nGSX\n";
  key_of(&in, key);
  assert_string_not_equal(key, first);
  msa.text = ">q\nGSH\n";
  source.opt_text = "data_y";
  key_of(&in, key);
  assert_string_not_equal(key, first);
  source.opt_text = "data_x";
  pair[0].template_ = 3;
  key_of(&in, key);
  assert_string_not_equal(key, first);
  of3_file_hashes_free(in.opt_files);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_manifest), cmocka_unit_test(test_manifest_read),
                                     cmocka_unit_test(test_key), cmocka_unit_test(test_key_of_texts)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
