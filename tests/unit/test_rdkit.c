/* RDKit's plugin: molecules, and conformers equal to OpenFold3's (tools/make_conformer_fixtures.py). Without
 * the plugin nothing is tested but the sentence that says so. */
#define _POSIX_C_SOURCE 200809L
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/file.h"
#include "ccd/ccd_library.h"
#include "feat/build.h"
#include "rdkit/chemistry.h"
#include "rdkit/rdkit.h"

static const of3_rdkit *rdkit; /* NULL: not installed */

static void assert_says(const of3_error *err, const char *part) {
  if (!strstr(err->text, part)) fail_msg("expected '...%s...', got '%s'", part, err->text);
}

static void test_missing(void **state) {
  (void)state;
  const of3_rdkit *none = NULL;
  of3_error err = {0};
  const char *set = getenv("OF3_RDKIT_PLUGIN");
  char *plugin = set ? strdup(set) : NULL;
  setenv("OF3_RDKIT_PLUGIN", "/nonexistent/of3_rdkit.so", 1);
  assert_int_equal(of3_rdkit_open(&none, &err), OF3_ERR_UNSUPPORTED);
  assert_says(
      &err,
      "RDKit cannot be opened: OF3_RDKIT_PLUGIN names '/nonexistent/of3_rdkit.so', which cannot be read");
  assert_says(&err, "install librdkit-dev and libboost-dev");
  unsetenv("OF3_RDKIT_PLUGIN");
  if (plugin) setenv("OF3_RDKIT_PLUGIN", plugin, 1);
  free(plugin);
}

static of3_ccd_entry *smiles_entry(const char *smiles, of3_arena *arena) {
  of3_ccd_entry *e = NULL;
  of3_error err = {0};
  if (of3_rdkit_smiles_entry(rdkit, smiles, arena, &e, &err) != OF3_OK) fail_msg("%s", err.text);
  return e;
}

static void test_smiles(void **state) {
  (void)state;
  if (!rdkit) skip();
  of3_arena *arena = of3_arena_new(0);
  const of3_ccd_entry *e = smiles_entry("C[C@H](N)C(=O)[O-].[Na+]", arena);
  const of3_component *c = of3_ccd_component(e, arena);
  assert_int_equal(c->n_atom, 7);
  assert_string_equal(c->atom[0].name, "C1");
  assert_string_equal(c->atom[2].name, "N1");
  assert_string_equal(c->atom[6].name, "NA1");
  assert_int_equal(c->atom[0].hydrogens, 3);
  assert_int_equal(c->atom[5].charge, -1);
  assert_int_equal(c->atom[6].charge, 1);
  assert_int_equal(e->atom[1].stereo, 'S');
  assert_int_equal(c->bond[3].order, 2);
  e = smiles_entry("[H]OC([H])C", arena); /* written hydrogens are not kept */
  assert_string_equal(e->atom[0].name, "O1");
  assert_int_equal(of3_ccd_component(e, arena)->n_atom, 3);
  of3_arena_free(arena);
}

static void test_wrong_smiles(void **state) {
  (void)state;
  static const struct {
    const char *smiles, *says;
  } wrong[] = {
      {"C1CC", "the SMILES 'C1CC' cannot be read"},
      {"C(C)(C)(C)(C)C", "atom 1 (C) has 5 bonds where 4 are allowed"},
      {"CN(C)(C)C", "atom 2 (N) has 4 bonds where 3 are allowed; perhaps a charge is missing, as in [N+]"},
      {"c1ccnc1", "the aromatic rings with the atoms 1 2 3 4 5"},
      {"", "no atom"},
      {"C*", "atom 2 is of no element"},
      {"not a smiles", "cannot be read"},
  };
  if (!rdkit) skip();
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
    of3_arena *arena = of3_arena_new(0);
    of3_ccd_entry *e = NULL;
    of3_error err = {0};
    assert_int_equal(of3_rdkit_smiles_entry(rdkit, wrong[i].smiles, arena, &e, &err), OF3_ERR_INPUT);
    assert_says(&err, wrong[i].says);
    of3_arena_free(arena);
  }
}

/* The molecule of a line of the fixture. */
static of3_rdkit_mol *fixture_molecule(of3_ccd_library *l, const char *kind, const char *what) {
  char why[200] = "";
  of3_error err = {0};
  of3_rdkit_mol *mol = NULL;
  const of3_component *c = NULL;
  const of3_library library = of3_ccd_library_of(l);
  if (strcmp(kind, "smiles") == 0) return rdkit->from_smiles(what, why, sizeof why);
  if (library.find(library.user, what, &c, &err) != OF3_OK ||
      of3_rdkit_component(rdkit, c, strcmp(kind, "code") == 0, &mol, &err) != OF3_OK)
    fail_msg("%s", err.text);
  return mol;
}

static double fixture_difference(FILE *f, int n, const float *xyz) {
  double most = 0, x;
  for (int i = 0; i < 3 * n; i++) {
    assert_int_equal(fscanf(f, "%lf", &x), 1);
    most = fmax(most, fabs(x - (double)xyz[i]));
  }
  return most;
}

/* As OpenFold3's, with the RDKit that it has. */
static void test_conformers(void **state) {
  (void)state;
  const of3_rdkit_limits limits = {.seconds = 60};
  char kind[16], what[64], why[200] = "";
  int n, strategy, seed[3], atoms, bonds, done = 0;
  double most = 0;
  if (!rdkit || strncmp(rdkit->version, "2025.09", 7) != 0) skip();
  of3_error err = {0};
  of3_ccd_library *l = NULL;
  assert_int_equal(of3_ccd_library_open(NULL, &l, &err), OF3_OK);
  FILE *f = fopen("tests/fixtures/rdkit/conformers.txt", "r");
  assert_non_null(f);
  for (; fscanf(f, "%15s %63s %d %d %d %d %d", kind, what, &n, &strategy, &seed[0], &seed[1], &seed[2]) == 7;
       done++) {
    of3_rdkit_mol *mol = fixture_molecule(l, kind, what);
    assert_non_null(mol);
    rdkit->count(mol, &atoms, &bonds);
    assert_int_equal(atoms, n);
    float *xyz = calloc((size_t)n, 3 * sizeof *xyz);
    for (int k = 0; k <= strategy; k++)
      assert_int_equal(
          rdkit->conformer(mol, (of3_rdkit_strategy)k, seed[k], limits, NULL, xyz, why, sizeof why),
          k == strategy);
    most = fmax(most, fixture_difference(f, n, xyz));
    free(xyz);
    rdkit->free(mol);
  }
  fclose(f);
  print_message("%d conformers, largest difference %g Angstrom\n", done, most);
  assert_int_equal(done, 56);
  assert_true(most <= 2e-6); /* measured 5.1e-7, the last digits of float32 */
  of3_ccd_library_close(l);
}

static double distance(const float *x, const float *y) {
  double sum = 0;
  for (int d = 0; d < 3; d++) sum += ((double)x[d] - (double)y[d]) * ((double)x[d] - (double)y[d]);
  return sqrt(sum);
}

static void read_positions(FILE *f, int n, float *xyz) {
  for (int i = 0; i < 3 * n; i++) assert_int_equal(fscanf(f, "%f", &xyz[i]), 1);
}

/* The largest difference between distances of two of n atoms. */
static double largest_difference(int n, const float *x, const float *y) {
  double most = 0;
  for (int i = 0; i < n; i++)
    for (int j = 0; j < i; j++)
      most = fmax(most, fabs(distance(x + 3 * i, x + 3 * j) - distance(y + 3 * i, y + 3 * j)));
  return most;
}

/* A whole query: every residue and ligand has the conformer that OpenFold3 gives it when Python's generator
 * is set to the seed; standard residues if they are asked for. */
static void compare_query(bool embed_standard) {
  enum { MOST_ATOMS = 100, SEED = 7 };
  of3_error err = {0};
  of3_arena *arena = of3_arena_new(0);
  of3_query_set set;
  of3_complex complex;
  of3_features features;
  of3_chemistry *chemistry = NULL;
  of3_feature_mode mode = of3_feature_mode_of(OF3_OB);
  char *text = NULL;
  size_t size = 0;
  double most = 0;
  int compared = 0;
  mode.embed_standard = embed_standard;
  if (of3_read_file("tests/fixtures/rdkit/query.json", 1 << 20, arena, &text, &size, &err) != OF3_OK ||
      of3_query_from_json(text, size, "query.json", ".", SIZE_MAX, &set, &err) != OF3_OK ||
      of3_chemistry_open(NULL, &chemistry, &err) != OF3_OK)
    fail_msg("%s", err.text);
  const of3_library l = of3_chemistry_library(chemistry);
  if (of3_complex_build(&set.query[0], &l, NULL, &complex, &err) != OF3_OK ||
      of3_features_build(&complex, &set.query[0], &mode, SEED, NULL, &features, &err) != OF3_OK)
    fail_msg("%s", err.text);
  FILE *f = fopen("tests/fixtures/rdkit/query.txt", "r");
  assert_non_null(f);
  for (int i = 0; i < complex.n_residue; i++) {
    const of3_residue *r = &complex.residue[i];
    float xyz[3 * MOST_ATOMS];
    int n = 0;
    assert_int_equal(fscanf(f, "%d", &n), 1);
    assert_int_equal(n, r->n_atom);
    read_positions(f, n, xyz);
    if (r->standard && !embed_standard) continue;
    most = fmax(most, largest_difference(n, xyz, features.ref_pos + 3 * (size_t)r->first_atom));
    compared++;
  }
  fclose(f);
  print_message("%d conformers, largest difference of distances %g Angstrom\n", compared, most);
  assert_int_equal(compared, embed_standard ? 16 : 8);
  assert_true(most <= 5e-6); /* measured 1.7e-6: float32, turned and shifted */
  of3_features_free(&features);
  of3_complex_free(&complex);
  of3_chemistry_close(chemistry);
  of3_query_set_free(&set);
  of3_arena_free(arena);
}

static void test_query(void **state) {
  (void)state;
  if (!rdkit || strncmp(rdkit->version, "2025.09", 7) != 0) skip();
  compare_query(false);
  compare_query(true);
}

/* Shapes of ligands for their pockets, as OpenFold3 has them. */
static double compare_pocket(const of3_query *query, const of3_library *l, FILE *f) {
  enum { MOST_ATOMS = 40 };
  const of3_feature_mode mode = of3_feature_mode_of(OF3_OB);
  of3_complex complex = {0};
  of3_features features = {0};
  of3_error err = {0};
  char name[32];
  float xyz[3 * MOST_ATOMS];
  int n_shape = 0, n_atom = 0;
  double most = 0;
  if (of3_complex_build(query, l, NULL, &complex, &err) != OF3_OK ||
      of3_features_build(&complex, query, &mode, 1, NULL, &features, &err) != OF3_OK)
    fail_msg("%s", err.text);
  const of3_pocket *p = features.pocket;
  assert_int_equal(fscanf(f, "%31s %d %d", name, &n_shape, &n_atom), 3);
  assert_string_equal(name, query->name);
  assert_int_equal(p->n_conformer, n_shape);
  assert_int_equal(p->n_ligand, n_atom);
  read_positions(f, n_atom, xyz);
  for (int i = 0; i < 3 * n_shape * n_atom; i++)
    most = fmax(most, fabs((double)xyz[i % (3 * n_atom)] - (double)p->conformer[i]));
  of3_features_free(&features);
  of3_complex_free(&complex);
  return most;
}

static void test_pocket_shapes(void **state) {
  (void)state;
  if (!rdkit || strncmp(rdkit->version, "2025.09", 7) != 0) skip();
  of3_error err = {0};
  of3_arena *arena = of3_arena_new(0);
  of3_query_set set;
  of3_chemistry *chemistry = NULL;
  char *text = NULL;
  size_t size = 0;
  double most = 0;
  if (of3_read_file("tests/fixtures/rdkit/pocket.json", 1 << 20, arena, &text, &size, &err) != OF3_OK ||
      of3_query_from_json(text, size, "pocket.json", ".", SIZE_MAX, &set, &err) != OF3_OK ||
      of3_chemistry_open(NULL, &chemistry, &err) != OF3_OK)
    fail_msg("%s", err.text);
  const of3_library l = of3_chemistry_library(chemistry);
  FILE *f = fopen("tests/fixtures/rdkit/pocket.txt", "r");
  assert_non_null(f);
  assert_int_equal(set.n, 5);
  for (int i = 0; i < set.n; i++) most = fmax(most, compare_pocket(&set.query[i], &l, f));
  fclose(f);
  print_message("%d shapes, largest difference %g Angstrom\n", set.n, most);
  assert_true(most <= 1.9e-6); /* measured 4.8e-7: float32 */
  of3_chemistry_close(chemistry);
  of3_query_set_free(&set);
  of3_arena_free(arena);
}

/* What RDKit refuses gets the dictionary's coordinates, and the log says so. */
static void note(void *user, of3_level level, const char *text) {
  (void)level;
  snprintf(user, 300, "%s", text);
}

static void test_fallback(void **state) {
  (void)state;
  if (!rdkit) skip();
  static const of3_component_atom atom[6] = {{"C1", "C", 0, 0, 0, false}, {"C2", "C", 0, 0, 0, false},
                                             {"C3", "C", 0, 0, 0, false}, {"C4", "C", 0, 0, 0, false},
                                             {"C5", "C", 0, 0, 0, false}, {"C6", "C", 0, 0, 0, false}};
  static const of3_component_bond bond[5] = {
      {0, 1, 1, false}, {0, 2, 1, false}, {0, 3, 1, false}, {0, 4, 1, false}, {0, 5, 1, false}};
  static const float ideal[18] = {0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, -1, 0, 0, 0, -1, 0};
  const of3_component five = {
      .code = "X5", .n_atom = 6, .n_bond = 5, .atom = atom, .bond = bond, .ideal = ideal};
  of3_component bare = five;
  bare.ideal = NULL;
  char said[300] = "";
  const of3_log log = {.sink = note, .user = said, .least = OF3_LOG_WARN};
  const of3_embedding how = {.stereo = true, .small_rings = true, .seed = {1, 2, 3}, .opt_log = &log};
  float xyz[18] = {0};
  int attempts = 0;
  of3_error err = {0};
  of3_chemistry *chemistry = NULL;
  assert_int_equal(of3_chemistry_open(NULL, &chemistry, &err), OF3_OK);
  const of3_library l = of3_chemistry_library(chemistry);
  assert_int_equal(l.embed(l.user, &five, &how, xyz, &attempts, &err), OF3_OK);
  assert_memory_equal(xyz, ideal, sizeof ideal);
  assert_non_null(strstr(said, "component 'X5': its reference conformer has the dictionary's coordinates"));
  assert_non_null(strstr(said, "atom 1 (C) has 5 bonds where 4 are allowed"));
  said[0] = 0; /* once is enough */
  assert_int_equal(l.embed(l.user, &five, &how, xyz, &attempts, &err), OF3_OK);
  assert_string_equal(said, "");
  assert_int_equal(l.embed(l.user, &bare, &how, xyz, &attempts, &err), OF3_ERR_INPUT);
  assert_says(&err, "the component 'X5' has no coordinates, and RDKit makes none");
  of3_chemistry_close(chemistry);
}

/* ---- Limits */

static unsigned limit_of[OF3_RDKIT_N_STRATEGY];

static bool find_nothing(const of3_rdkit_mol *mol, of3_rdkit_strategy strategy, int seed,
                         of3_rdkit_limits limits, const volatile sig_atomic_t *opt_cancel, float *xyz,
                         char *why, size_t size) {
  (void)mol, (void)seed, (void)opt_cancel, (void)xyz;
  limit_of[strategy] = limits.seconds;
  snprintf(why, size, "nothing was found");
  return false;
}

/* A search that gives up at once leaves its seconds to the later ones. */
static void test_limits(void **state) {
  (void)state;
  const of3_rdkit fake = {.conformer = find_nothing};
  const of3_embedding how = {.small_rings = true};
  of3_error why = {0}, err = {0};
  float xyz[3];
  int attempts = 0;
  bool found = true;
  assert_int_equal(of3_rdkit_search(&fake, NULL, &how, 120, xyz, &attempts, &found, &why, &err), OF3_OK);
  assert_false(found);
  assert_int_equal(attempts, 3);
  assert_in_range(limit_of[OF3_RDKIT_PLAIN], 39, 40);
  assert_in_range(limit_of[OF3_RDKIT_SMALL_RINGS], 58, 60);
  assert_in_range(limit_of[OF3_RDKIT_RANDOM], 116, 120);
  assert_int_equal(of3_rdkit_search(&fake, NULL, &how, 0, xyz, &attempts, &found, &why, &err), OF3_OK);
  assert_int_equal(limit_of[OF3_RDKIT_RANDOM], 0);
}

int main(void) {
  of3_error err = {0};
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_missing),       cmocka_unit_test(test_smiles),
      cmocka_unit_test(test_wrong_smiles),  cmocka_unit_test(test_conformers),
      cmocka_unit_test(test_fallback),      cmocka_unit_test(test_query),
      cmocka_unit_test(test_pocket_shapes), cmocka_unit_test(test_limits),
  };
  if (of3_rdkit_open(&rdkit, &err) != OF3_OK) print_message("skipped: %s\n", err.text);
  return cmocka_run_group_tests(tests, NULL, NULL);
}
