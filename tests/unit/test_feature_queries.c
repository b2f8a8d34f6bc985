/* Features of queries of all kinds of molecule against those of the reference, release by release
 * (tools/make_query_fixtures.py): integers and masks equal, floats to 1e-6, with its conformers ref_pos too.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "dialect/dialect.h"
#include "feat/build.h"
#include "feature_fixture.h"
#include "featfile/feature_file.h"
#include "rdkit/chemistry.h"
#include "rdkit/rdkit.h"

#define FOLDER "tests/fixtures/queries/"

/* Measured: features 1.2e-7, positions 9.5e-7 (the reference rotates in float32). */
enum { LEAST_QUERIES = 60, LEAST_FEATURES = 5000 };

typedef struct counts {
  int queries, features;
  double worst, worst_position;
} counts;

static double larger(double a, double b) { return a > b ? a : b; }

static void check_conformers(const char *name, const of3_complex *complex, of3_features *f, counts *n) {
  char path[200];
  of3_table table;
  of3_error err = {0};
  snprintf(path, sizeof path, FOLDER "%s.safetensors", name);
  if (of3_safetensors_open(path, &table, &err) != OF3_OK ||
      of3_features_use_conformers(f, &table, &err) != OF3_OK)
    fail_msg("%s: %s", name, err.text);
  const double d = of3_compare_positions(f, &table);
  if (!(d <= 1e-6)) fail_msg("%s: ref_pos differs by %g", name, d);
  n->worst_position = larger(n->worst_position, d);
  of3_compare_atom_bonds(name, complex, &table);
  of3_table_close(&table);
}

static void check_variant(const of3_query *q, const of3_library *library, of3_variant v, const of3_zip *zip,
                          of3_arena *arena, counts *n) {
  const of3_feature_mode mode = of3_feature_mode_of(v);
  of3_complex complex = {0};
  of3_features f = {0};
  of3_error err = {0};
  if (of3_complex_build(q, library, NULL, &complex, &err) != OF3_OK ||
      of3_features_build(&complex, q, &mode, 42, NULL, &f, &err) != OF3_OK ||
      of3_features_validate(&f, &err) != OF3_OK)
    fail_msg("%s: %s", q->name, err.text);
  n->worst = larger(n->worst, of3_compare_features(q->name, zip, v, &f, arena, &n->features));
  if (v == OF3_OB) check_conformers(q->name, &complex, &f, n);
  of3_features_free(&f);
  of3_complex_free(&complex);
}

static void check_query(const of3_query *q, const of3_library *library, counts *n) {
  char path[200];
  of3_map map;
  of3_zip zip;
  of3_error err = {0};
  of3_arena *arena = of3_arena_new(0);
  snprintf(path, sizeof path, FOLDER "%s.npz", q->name);
  if (of3_map_open(path, &map, &err) != OF3_OK ||
      of3_zip_parse(map.data, map.size, arena, &zip, &err) != OF3_OK)
    fail_msg("%s", err.text);
  for (int v = 0; v < OF3_N_VARIANT; v++)
    if (of3_has_variant(&zip, (of3_variant)v, arena))
      check_variant(q, library, (of3_variant)v, &zip, arena, n);
  n->queries++;
  of3_map_close(&map);
  of3_arena_free(arena);
}

static bool has_smiles(const of3_query *q) {
  for (int i = 0; i < q->n_chain; i++)
    if (q->chain[i].smiles) return true;
  return false;
}

/* Conformers are made where there are no coordinates to take instead; the reference's are what is compared.
 */
static void check_all(const of3_query_set *set, of3_chemistry *chemistry, counts *n) {
  const of3_library whole = of3_chemistry_library(chemistry);
  of3_library known = whole;
  const of3_rdkit *plugin = NULL;
  of3_error none = {0};
  const bool rdkit = of3_rdkit_open(&plugin, &none) == OF3_OK;
  known.ligand = NULL;
  known.embed = NULL;
  for (int i = 0; i < set->n; i++) {
    const of3_query *q = &set->query[i];
    if (q->error.code != OF3_OK) fail_msg("%s: %s", q->name, q->error.text);
    if (!has_smiles(q) || rdkit) check_query(q, has_smiles(q) ? &whole : &known, n);
  }
}

static void test_queries(void **state) {
  (void)state;
  of3_query_set set;
  of3_error err = {0};
  of3_chemistry *chemistry = NULL;
  counts n = {0};
  if (of3_chemistry_open(FOLDER "components.of3ccd", &chemistry, &err) != OF3_OK ||
      of3_query_open(FOLDER "queries.json", SIZE_MAX, &set, &err) != OF3_OK)
    fail_msg("%s", err.text);
  check_all(&set, chemistry, &n);
  of3_query_set_free(&set);
  of3_chemistry_close(chemistry);
  printf("%d queries, %d arrays equal, floats to %.1e, positions to %.1e\n", n.queries, n.features, n.worst,
         n.worst_position);
  assert_true(n.queries >= LEAST_QUERIES && n.features >= LEAST_FEATURES);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_queries)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
