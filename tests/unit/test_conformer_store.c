/* Conformers in the cache: what is put there comes back to the bit, and what is no conformer counts as not
 * there. With RDKit, a conformer from the cache needs no search. */
#define _XOPEN_SOURCE 700
#include <float.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "folder.h"
#include "rdkit/chemistry.h"
#include "rdkit/conformer_store.h"
#include "rdkit/rdkit.h"

enum { N_ATOM = 4 };

static of3_conformer_store store;

static bool stored(const char *key, of3_conformer *out) {
  of3_error err = {0};
  bool found = false;
  assert_int_equal(of3_conformer_store_get(&store, key, out, &found, &err), OF3_OK);
  return found;
}

static void put(const char *key, const of3_conformer *c) {
  of3_error err = {0};
  assert_int_equal(of3_conformer_store_put(&store, key, c, &err), OF3_OK);
}

static void test_round_trip(void **state) {
  (void)state;
  float xyz[3 * N_ATOM] = {1.5F, -0.0F, FLT_MIN, 1.0F / 3,    -123.456789F, 1e-30F,
                           3e8F, 7,     FLT_MAX, FLT_EPSILON, -2,           0.1F},
                back[3 * N_ATOM + 3];
  const of3_conformer one = {.made = true, .attempts = 2, .n_atom = N_ATOM, .xyz = xyz};
  of3_conformer out = {.n_atom = N_ATOM, .xyz = back};
  assert_false(stored("one", &out));
  put("one", &one);
  assert_true(stored("one", &out));
  assert_true(out.made);
  assert_int_equal(out.attempts, 2);
  assert_memory_equal(back, xyz, sizeof xyz);
  for (int n = N_ATOM - 1; n <= N_ATOM + 1; n += 2) { /* of another molecule */
    of3_conformer other = {.n_atom = n, .xyz = back};
    assert_false(stored("one", &other));
  }
}

static void test_nothing_found(void **state) {
  (void)state;
  float xyz[3 * N_ATOM];
  of3_conformer none = {.attempts = 3, .n_atom = N_ATOM}, out = {.made = true, .n_atom = N_ATOM, .xyz = xyz};
  (void)of3_fail(&none.why, OF3_ERR_INPUT, "atom 1 (C) has 5 bonds, 100 %% wrong");
  put("none", &none);
  assert_true(stored("none", &out));
  assert_false(out.made);
  assert_int_equal(out.attempts, 3);
  assert_string_equal(out.why.text, none.why.text);
}

/* Texts that somebody else put there. */
static void test_no_conformer(void **state) {
  (void)state;
  static const char *const wrong[] = {"",
                                      "attempts 1",
                                      "attempts 0\n1 2 3\n",
                                      "attempts 4\n1 2 3\n",
                                      "attempts 1\n1 2\n",
                                      "attempts 1\n1 2 3 4\n",
                                      "attempts 1\n1 2 nan\n",
                                      "attempts 1\n1 2 1e39\n",
                                      "attempts 1\n1 2 x\n",
                                      "1 2 3\n"};
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
    char key[16], version[80];
    float xyz[3];
    of3_error err = {0};
    of3_conformer out = {.n_atom = 1, .xyz = xyz};
    const of3_cache_file file = {.name = "conformer.txt", .bytes = wrong[i], .size = strlen(wrong[i])};
    snprintf(key, sizeof key, "wrong%zu", i);
    snprintf(version, sizeof version, "%s, 30 random steps", store.rdkit);
    const of3_cache_request request = {
        .kind = "conformers", .request = key, .size = strlen(key), .source = "rdkit", .version = version};
    assert_int_equal(of3_cache_put(store.opt_cache, &request, &file, 1, &err), OF3_OK);
    assert_true(of3_cache_has(store.opt_cache, &request));
    assert_false(stored(key, &out));
  }
}

/* ---- With RDKit */

static of3_status embed(of3_chemistry *c, of3_cancel *opt_cancel, float *xyz, of3_error *err) {
  const of3_ligand_source source = {.name = "LIG0", .opt_smiles = "CC(=O)Oc1ccccc1C(=O)O"};
  const of3_embedding how = {.small_rings = true, .seed = {1, 2, 3}, .opt_cancel = opt_cancel};
  const of3_library l = of3_chemistry_library(c);
  const of3_component *component = NULL;
  int attempts = 0;
  OF3_TRY(l.ligand(l.user, &source, &component, err));
  return l.embed(l.user, component, &how, xyz, &attempts, err);
}

/* A search would hear that it is to stop. */
static void test_no_search(void **state) {
  enum { ATOMS = 13 };
  static const volatile sig_atomic_t stop = 1;
  of3_error err = {0};
  float first[3 * ATOMS], again[3 * ATOMS];
  of3_chemistry *c = NULL;
  const of3_rdkit *rdkit = NULL;
  if (of3_rdkit_open(&rdkit, &err) != OF3_OK) skip();
  for (int run = 0; run < 3; run++) {
    assert_int_equal(of3_chemistry_open(NULL, &c, &err), OF3_OK);
    assert_int_equal(of3_chemistry_open_cache(c, run == 1 ? "" : *state, &err), OF3_OK);
    const of3_status status = embed(c, run == 0 ? NULL : &stop, run == 0 ? first : again, &err);
    assert_int_equal(status, run == 1 ? OF3_ERR_CANCELLED : OF3_OK);
    of3_chemistry_close(c);
  }
  assert_memory_equal(first, again, sizeof first);
}

static int open_store(void **state) {
  of3_error err = {0};
  if (make_folder(state) != 0) return -1;
  store.rdkit = "2025.09.6";
  return of3_conformer_store_open(*state, &store.opt_cache, &err) == OF3_OK && store.opt_cache ? 0 : -1;
}

static int close_store(void **state) {
  of3_cache_close(store.opt_cache);
  return remove_folder(state);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_round_trip), cmocka_unit_test(test_nothing_found),
                                     cmocka_unit_test(test_no_conformer), cmocka_unit_test(test_no_search)};
  return cmocka_run_group_tests(tests, open_store, close_store);
}
