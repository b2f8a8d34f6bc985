/* Every allocation of the writers fails once: an error of one sentence comes back, nothing leaks (seen by the
 * sanitizer build), no temporary file stays. */
#define _XOPEN_SOURCE 700
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "allocations.h"
#include "write/folder_scan.h"
#include "write/run_key.h"
#include "write/seed_files.h"
#include "write/replacement.h"
#include "write/tree.h"
#include "write_fixture.h"

/* All that of3 does after the network has run: over earlier results from the second time on. */
static of3_status write_all(const fixture *fx, const char *folder, of3_structure_format format,
                            of3_full_confidences full, of3_arena *arena, of3_error *err) {
  of3_tree tree = {.folder = folder, .format = format, .version = "0", .variant = "OB", .full = full};
  if (format == OF3_CIF_GZ) tree.style = OF3_CIF_REFERENCE; /* so that both styles are tried */
  of3_scores *scores;
  const char *id[] = {"A"};
  of3_query_chain chain = {.type = OF3_PROTEIN, .n_id = 1, .id = id, .sequence = "MXSWK"};
  of3_query query = {.name = fx->name, .n_chain = 1, .chain = &chain};
  const of3_query_set set = {.n = 1, .query = &query};
  const of3_run_inputs in = {.query = &query, .checkpoint = "c", .options = "o", .version = "v"};
  char key[OF3_KEY_TEXT], why[OF3_ERROR_TEXT];
  of3_replacement stage;
  of3_manifest m, found;
  of3_run_state state;
  const uint64_t seed = 42;
  OF3_TRY(of3_run_key(&in, key, err));
  OF3_TRY(of3_scores_compute(&fx->complex, &fx->features, &fx->p, OF3_OB, NULL, NULL, arena, &scores, err));
  OF3_TRY(of3_replacement_recover(folder, err));
  OF3_TRY(of3_replacement_of(folder, fx->complex.name, seed, arena, &stage, err));
  of3_seed_output o = {.folder = stage.folder,
                       .complex = &fx->complex,
                       .seed = seed,
                       .format = format,
                       .full = full,
                       .version = "v",
                       .variant = "OB",
                       .made_from = key};
  OF3_TRY(of3_replacement_begin(&stage, err));
  OF3_TRY(of3_seed_write(&o, &fx->p, scores, 1, arena, &m, err));
  OF3_TRY(of3_replacement_sync(&stage, err));
  OF3_TRY(of3_replacement_commit(&stage, err));
  OF3_TRY(of3_manifest_check(stage.home, &m, NULL, arena, &found, &state, why, err));
  OF3_TRY(of3_replacement_begin(&stage, err));
  o.format = OF3_CIF;
  OF3_TRY(of3_seed_rewrite(&o, stage.home, &found, 0, arena, &m, err));
  of3_replacement_drop(&stage);
  OF3_TRY(of3_tree_write_query_set(&tree, "inference_query_set.json", &set, &seed, 1, err));
  return of3_tree_write_summary(&tree, "s", err);
}

/* The ranking of what is there. */
static of3_status rank_all(of3_ranking *r, const char *folder, const char *name, of3_error *err) {
  int q;
  OF3_TRY(of3_ranking_add(r, name, &q, err));
  OF3_TRY(of3_scan_query(folder, name, q, NULL, NULL, NULL, r, err));
  OF3_TRY(of3_ranking_write(r, err));
  return of3_ranking_write_best(r, q, err);
}

static of3_status write_and_rank(const fixture *fx, const char *folder, of3_structure_format format,
                                 of3_full_confidences full, of3_arena *arena, of3_error *err) {
  OF3_TRY(write_all(fx, folder, format, full, arena, err));
  of3_ranking *r = of3_ranking_new(folder);
  of3_status status = r ? rank_all(r, folder, fx->complex.name, err) : of3_fail_memory(err, "the ranking");
  of3_ranking_free(r);
  return status;
}

static int is_temporary(const char *path, const struct stat *st, int kind, struct FTW *at) {
  (void)st, (void)kind, (void)at;
  return strstr(path, ".tmp-") != NULL;
}

static void fail_each(const char *name, of3_structure_format format, of3_full_confidences full) {
  fixture fx;
  fixture_open(&fx, name);
  char *folder = new_folder(fx.arena);
  int k = 0;
  const int step = getenv("OF3_SHORT") ? 3 : 1; /* under sanitizers every third one: each is a whole run */
  for (of3_status status = OF3_ERR_MEMORY; status != OF3_OK; k += step) {
    of3_error err = {0};
    of3_arena *arena = of3_arena_new(0);
    allocation_fail_at(k + 1);
    status = write_and_rank(&fx, folder, format, full, arena, &err);
    allocation_fail_at(0);
    if (status != OF3_OK && status != OF3_ERR_MEMORY) fail_msg("allocation %d: %s", k, err.text);
    if (status != OF3_OK) assert_true(err.text[0] != 0);
    assert_int_equal(nftw(folder, is_temporary, 16, FTW_PHYS), 0);
    of3_arena_free(arena);
  }
  print_message("%s: %d allocations\n", name, k - step);
  assert_true(k > 50);
  remove_folder(folder);
  fixture_close(&fx);
}

static void test_cif(void **state) {
  (void)state;
  fail_each("peptide5", OF3_CIF, OF3_FULL_JSON);
}

static void test_gz(void **state) {
  (void)state;
  fail_each("dimer", OF3_CIF_GZ, OF3_FULL_NONE);
}

static void test_pdb(void **state) {
  (void)state;
  fail_each("peptide5", OF3_PDB, OF3_FULL_NPZ_F32);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_cif), cmocka_unit_test(test_gz),
                                     cmocka_unit_test(test_pdb)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
