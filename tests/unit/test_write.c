/* Structure and confidence files, byte for byte the reference's. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/sha256.h"
#include "base/str.h"
#include "base/zip.h"
#include "feat/build.h"
#include "write/cif_table.h"
#include "write/confidences.h"
#include "write/decimal6.h"
#include "tensor/dtype.h"
#include "write/structure.h"
#include "write_fixture.h"

static const char *const cases[] = {"peptide5", "monomer", "dimer", "clash", "mixed"};

/* Runs `check` on the first and the last sample of every case. */
static void each_sample(void (*check)(fixture *fx, int sample)) {
  for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
    fixture fx;
    fixture_open(&fx, cases[c]);
    check(&fx, 0);
    check(&fx, fx.p.n_sample - 1);
    fixture_close(&fx);
  }
}

static const float *x_of(const fixture *fx, int s) { return fx->p.x + (size_t)s * 3 * (size_t)fx->p.n_atom; }
static const float *plddt_of(const fixture *fx, int s) {
  return fx->p.plddt + (size_t)s * (size_t)fx->p.n_atom;
}

static of3_confidences confidences_of(const fixture *fx, int s) {
  size_t pairs = (size_t)fx->p.n_token * (size_t)fx->p.n_token;
  return (of3_confidences){.n_atom = fx->p.n_atom,
                           .n_token = fx->p.n_token,
                           .plddt = plddt_of(fx, s),
                           .pde = fx->p.pde + (size_t)s * pairs,
                           .pae = fx->p.pae + (size_t)s * pairs};
}

static char *expected(const fixture *fx, int sample, const char *what, size_t *n) {
  return fixture_file(fx, of3_arena_printf(fx->arena, "sample_%d_%s", sample + 1, what), n);
}

/* Says where two texts part. */
static void same_text(const char *name, const char *found, size_t n, const char *wanted, size_t m) {
  size_t k = 0;
  int line = 1;
  for (; k < n && k < m && found[k] == wanted[k]; k++) line += found[k] == '\n';
  if (k < n || k < m)
    fail_msg("%s differs in line %d: '%.60s' instead of '%.60s'", name, line, found + k, wanted + k);
}

static void same_file(const fixture *fx, const char *path, int sample, const char *what) {
  size_t n, m;
  char *wanted = expected(fx, sample, what, &m);
  if (!wanted) fail_msg("%s has no %s", fx->name, what);
  char *found = read_all(fx->arena, path, &n);
  same_text(of3_arena_printf(fx->arena, "%s %s", fx->name, what), found, n, wanted, m);
}

static void check_cif(fixture *fx, int s) {
  of3_str text = {0};
  of3_error err = {0};
  size_t m;
  char *wanted = expected(fx, s, "model.cif", &m);
  assert_non_null(wanted);
  assert_int_equal(of3_cif_text(&fx->complex, x_of(fx, s), plddt_of(fx, s), NULL, &text, &err), OF3_OK);
  same_text(fx->name, text.text, text.len, wanted, m);
  of3_str_free(&text);
}

static void test_cif(void **state) {
  (void)state;
  each_sample(check_cif);
}

static void check_pdb(fixture *fx, int s) {
  of3_str text = {0};
  of3_error err = {0};
  size_t m;
  char *wanted = expected(fx, s, "model.pdb", &m);
  of3_status status = of3_pdb_text(&fx->complex, x_of(fx, s), plddt_of(fx, s), NULL, NULL, &text, &err);
  if (wanted) {
    assert_int_equal(status, OF3_OK);
    same_text(fx->name, text.text, text.len, wanted, m);
  } else {
    assert_int_equal(status, OF3_ERR_INPUT);
    assert_non_null(strstr(err.text, "chain 'A1' of 'clash' has an id of 2 bytes"));
    assert_non_null(strstr(err.text, "--format cif"));
  }
  of3_str_free(&text);
}

static void test_pdb(void **state) {
  (void)state;
  each_sample(check_pdb);
}

static void check_json(fixture *fx, int s);

/* The molecules as of3 builds them from a query, instead of those of the fixture: same files. */
static void check_built(const char *name, const char *chains) {
  fixture fx;
  of3_error err = {0};
  of3_query_set set = {0};
  of3_complex built = {0};
  fixture_open(&fx, name);
  char *json = of3_arena_printf(fx.arena, "{\"queries\": {\"%s\": {\"chains\": [%s]}}}", name, chains);
  if (of3_query_from_json(json, strlen(json), "q.json", "", SIZE_MAX, &set, &err) != OF3_OK)
    fail_msg("%s", err.text);
  if (of3_complex_build(&set.query[0], NULL, NULL, &built, &err) != OF3_OK) fail_msg("%s", err.text);
  assert_int_equal(built.n_atom, fx.complex.n_atom);
  for (int k = 0; k < built.n_atom; k++) {
    assert_int_equal(built.atom[k].neighbours, fx.complex.atom[k].neighbours);
    assert_int_equal(built.atom[k].hydrogens, fx.complex.atom[k].hydrogens);
  }
  for (int k = 0; k < built.n_chain; k++)
    assert_int_equal(built.chain[k].asym_id, fx.complex.chain[k].asym_id);
  fx.complex = built;
  check_cif(&fx, 0);
  check_pdb(&fx, 0);
  check_json(&fx, 0);
  of3_complex_free(&built);
  of3_query_set_free(&set);
  fixture_close(&fx);
}

static void test_built(void **state) {
  (void)state;
#define PROTEIN(ids, sequence)                                                                               \
  "{\"molecule_type\": \"protein\", \"chain_ids\": " ids ", \"sequence\": \"" sequence "\"}"
  check_built("peptide5", PROTEIN("\"A\"", "MXSWK"));
  check_built("monomer", PROTEIN("\"A\"", "ACDEFGHIKLMNPQRSTVWY"));
  check_built("dimer", PROTEIN("[\"B\", \"A\"]", "GSHMKRFWAE"));
  check_built("clash", PROTEIN("\"A1\"", "MKLVEAGHRTFW") ", " PROTEIN("[\"B\", \"C'\"]", "PGSNQDYICLLA"));
#undef PROTEIN
}

static void refused(const fixture *fx, const char *because) {
  of3_str text = {0};
  of3_error err = {0};
  assert_int_equal(of3_pdb_text(&fx->complex, fx->p.x, fx->p.plddt, NULL, NULL, &text, &err), OF3_ERR_INPUT);
  assert_int_equal(text.len, 0);
  if (!strstr(err.text, because)) fail_msg("'%s' does not say '%s'", err.text, because);
  assert_non_null(strstr(err.text, "--format cif"));
  of3_str_free(&text);
}

static void test_pdb_limits(void **state) {
  (void)state;
  fixture fx;
  fixture_open(&fx, "peptide5");
  const float x = fx.p.x[4], b = fx.p.plddt[7];
  const float no_coordinate[] = {9999.9995f, -999.9995f, 1e30f, NAN, -INFINITY};
  for (size_t k = 0; k < 5; k++) {
    fx.p.x[4] = no_coordinate[k];
    refused(&fx, "of atom 2 of 'peptide5'");
  }
  fx.p.x[4] = x;
  fx.p.plddt[7] = 1000;
  refused(&fx, "pLDDT 1000 of atom 8");
  fx.p.plddt[7] = b;
  fx.complex.residue[2].number = 10000;
  refused(&fx, "residue number 10000");
  fx.complex.residue[2].number = 3;
  fx.complex.atom[0].charge = -10;
  refused(&fx, "charge -10");
  fx.complex.atom[0].charge = 0;
  fx.complex.n_atom = 100000;
  refused(&fx, "100000 atoms");
  fixture_close(&fx);
}

/* ---- mmCIF text rules */

static void check_table(int n_row, const char *const *value, const char *wanted) {
  static const char *const column[] = {"id", "longer_name"};
  of3_arena *arena = of3_arena_new(0);
  of3_cif_table t = of3_cif_table_of("cat", column, 2, arena, NULL);
  of3_str text = {0};
  of3_error err = {0};
  for (int r = 0; r < n_row; r++) {
    const char **row = of3_cif_row(&t);
    row[0] = value[2 * r];
    row[1] = value[2 * r + 1];
  }
  assert_int_equal(of3_cif_table_add(&t, &text, &err), OF3_OK);
  assert_string_equal(text.text ? text.text : "", wanted);
  of3_str_free(&text);
  of3_arena_free(arena);
}

/* Expected texts: what biotite 1.6.0 writes. */
static void test_cif_rules(void **state) {
  (void)state;
  check_table(0, NULL, "");
  check_table(1, (const char *[]){"A", "two words"},
              "_cat.id            A\n_cat.longer_name   'two words'\n#\n");
  check_table(3, (const char *[]){"O5'", "", "a\"b", "_x", "\xc3\xa9", "?"},
              "loop_\n_cat.id \n_cat.longer_name \n\"O5'\" ''\n'a\"b' '_x'\n\xc3\xa9     ?\n#\n");
  check_table(2, (const char *[]){"1", "both ' and \"", "2", "x"},
              "loop_\n_cat.id \n_cat.longer_name \n1 \n;both ' and \"\n;\n2 x\n#\n");
  /* What biotite writes as it is, although CIF 1.1 gives it another meaning. */
  check_table(5, (const char *[]){"#", "x#y", "loop_", "Data_1", ";", "$a", "[", "]", "_'", "database"},
              "loop_\n_cat.id \n_cat.longer_name \n'#'     x#y\n'loop_' 'Data_1'\n';'     '$a'\n'['     ']'\n"
              "\"_'\"    database\n#\n");
}

static char *gunzip_all(of3_arena *arena, const char *path, size_t *ret_n) {
  enum { cap = 1 << 20 };
  char *text = of3_arena_alloc(arena, cap, 1);
  gzFile f = gzopen(path, "rb");
  assert_non_null(f);
  *ret_n = (size_t)gzread(f, text, cap - 1);
  gzclose(f);
  return text;
}

static void test_cif_gz(void **state) {
  (void)state;
  fixture fx;
  of3_error err = {0};
  size_t n, m, size;
  fixture_open(&fx, "monomer");
  char *folder = new_folder(fx.arena), *path = of3_path_join(fx.arena, folder, "m.cif.gz");
  assert_int_equal(of3_structure_write(path, OF3_CIF_GZ, &fx.complex, fx.p.x, fx.p.plddt, NULL, NULL, &err),
                   OF3_OK);
  char *wanted = expected(&fx, 0, "model.cif", &m), *found = gunzip_all(fx.arena, path, &n);
  same_text("cif.gz", found, n, wanted, m);
  const unsigned char *packed = (const unsigned char *)read_all(fx.arena, path, &size);
  const unsigned char header[] = {0x1f, 0x8b, 8, 0, 0, 0, 0, 0}; /* no name, no time */
  assert_memory_equal(packed, header, sizeof header);
  assert_int_equal(packed[9], 255);
  remove_folder(folder);
  fixture_close(&fx);
}

static void test_formats(void **state) {
  (void)state;
  of3_structure_format f;
  for (int k = OF3_CIF; k <= OF3_PDB; k++) {
    assert_true(of3_structure_format_parse(of3_structure_format_name((of3_structure_format)k), &f));
    assert_int_equal(f, k);
  }
  assert_false(of3_structure_format_parse("mmcif", &f));
  assert_false(of3_structure_format_parse("", &f));
}

/* ---- Confidences */

static void check_json(fixture *fx, int s) {
  of3_error err = {0};
  char *folder = new_folder(fx->arena), *path = of3_path_join(fx->arena, folder, "c.json");
  of3_confidences c = confidences_of(fx, s);
  assert_int_equal(of3_confidences_write_json(path, &c, &err), OF3_OK);
  same_file(fx, path, s, "confidences.json");
  of3_scores scores = fixture_scores(fx, "0.5.0", s);
  assert_int_equal(of3_aggregated_write(path, &fx->complex, &scores, &err), OF3_OK);
  same_file(fx, path, s, "confidences_aggregated.json");
  remove_folder(folder);
}

static void test_json(void **state) {
  (void)state;
  each_sample(check_json);
}

/* Ids that JSON must escape, as Python does. */
static void test_json_keys(void **state) {
  (void)state;
  fixture fx;
  of3_error err = {0};
  size_t n;
  fixture_open(&fx, "dimer");
  fx.complex.chain[0].id = "\xc3\xa9\xf0\x9f\xa7\xac"; /* e acute, DNA sign */
  fx.complex.chain[1].id = "a\"\\U";
  char *folder = new_folder(fx.arena), *path = of3_path_join(fx.arena, folder, "c.json");
  of3_scores scores = fixture_scores(&fx, "0.5.0", 0);
  assert_int_equal(of3_aggregated_write(path, &fx.complex, &scores, &err), OF3_OK);
  char *text = read_all(fx.arena, path, &n);
  assert_non_null(strstr(text, "\"(a\\\"\\\\U, \\u00e9\\ud83e\\uddec)\": "));
  remove_folder(folder);
  fixture_close(&fx);
}

/* The data of one .npy member of 64 bytes of header. */
static const uint8_t *npy(of3_arena *arena, const of3_zip *zip, const char *name, const char *shape,
                          const char *type) {
  const of3_zip_member *m = of3_zip_find(zip, name);
  const uint8_t *bytes;
  of3_error err = {0};
  assert_non_null(m);
  if (of3_zip_read(zip, m, 1 << 26, arena, &bytes, &err) != OF3_OK) fail_msg("%s", err.text);
  size_t header = 10u + bytes[8] + 256u * bytes[9];
  assert_memory_equal(bytes, "\x93NUMPY\x01\x00", 8);
  assert_int_equal(header % 64, 0);
  char wanted[128];
  snprintf(wanted, sizeof wanted, "{'descr': '%s', 'fortran_order': False, 'shape': %s, }", type, shape);
  assert_memory_equal(bytes + 10, wanted, strlen(wanted));
  assert_int_equal(bytes[header - 1], '\n');
  return bytes + header;
}

static void check_npz(fixture *fx, int s) {
  of3_error err = {0};
  char *folder = new_folder(fx->arena), *path = of3_path_join(fx->arena, folder, "c.npz");
  of3_confidences c = confidences_of(fx, s);
  size_t a = (size_t)c.n_atom, pairs = (size_t)c.n_token * (size_t)c.n_token, size, m;
  char *vector = of3_arena_printf(fx->arena, "(%d,)", c.n_atom);
  char *matrix = of3_arena_printf(fx->arena, "(%d, %d)", c.n_token, c.n_token);
  for (int half = 0; half < 2; half++) {
    of3_zip zip;
    assert_int_equal(of3_confidences_write_npz(path, &c, half, &err), OF3_OK);
    const uint8_t *bytes = (const uint8_t *)read_all(fx->arena, path, &size);
    assert_int_equal(of3_zip_parse(bytes, size, fx->arena, &zip, &err), OF3_OK);
    assert_int_equal(zip.n, 3);
    const char *type = half ? "<f2" : "<f4";
    const uint8_t *plddt = npy(fx->arena, &zip, "plddt.npy", vector, type);
    const uint8_t *pde = npy(fx->arena, &zip, "pde.npy", matrix, type);
    const uint8_t *pae = npy(fx->arena, &zip, "pae.npy", matrix, type);
    size_t item = half ? 2 : 4;
    const uint8_t *f16 = (const uint8_t *)expected(fx, s, "confidences.f16", &m);
    if (half) assert_int_equal(m, 2 * (a + 2 * pairs));
    assert_memory_equal(plddt, half ? (const void *)f16 : (const void *)c.plddt, item * a);
    assert_memory_equal(pde, half ? (const void *)(f16 + 2 * a) : (const void *)c.pde, item * pairs);
    assert_memory_equal(pae, half ? (const void *)(f16 + 2 * (a + pairs)) : (const void *)c.pae,
                        item * pairs);
  }
  remove_folder(folder);
}

static void test_npz(void **state) {
  (void)state;
  each_sample(check_npz);
}

/* More than one piece of the deflater. */
static void test_npz_large(void **state) {
  (void)state;
  enum { n = 300 };
  of3_arena *arena = of3_arena_new(0);
  of3_error err = {0};
  size_t size;
  float *x = OF3_ARENA_NEW(arena, float, n *n);
  for (int k = 0; k < n * n; k++) x[k] = (float)(k * 7919 % 32003) / 1000;
  char *folder = new_folder(arena), *path = of3_path_join(arena, folder, "c.npz");
  of3_confidences c = {.n_atom = n * n, .n_token = n, .plddt = x, .pde = x, .pae = x};
  assert_int_equal(of3_confidences_write_npz(path, &c, false, &err), OF3_OK);
  of3_zip zip;
  const uint8_t *bytes = (const uint8_t *)read_all(arena, path, &size);
  assert_int_equal(of3_zip_parse(bytes, size, arena, &zip, &err), OF3_OK);
  assert_memory_equal(npy(arena, &zip, "pae.npy", "(300, 300)", "<f4"), x, n * n * sizeof *x);
  c.n_token = 50000;
  assert_int_equal(of3_confidences_write_npz(path, &c, false, &err), OF3_ERR_UNSUPPORTED);
  remove_folder(folder);
  of3_arena_free(arena);
}

static void test_half(void **state) {
  (void)state;
  const struct {
    float x;
    uint16_t h;
  } table[] = {{0, 0},
               {-0.0f, 0x8000},
               {1, 0x3c00},
               {0.1f, 0x2e66},
               {-2, 0xc000},
               {65504, 0x7bff},
               {65519.99f, 0x7bff},
               {65520, 0x7c00},
               {1e30f, 0x7c00},
               {INFINITY, 0x7c00},
               {1.00048828125f, 0x3c00},
               {1.00146484375f, 0x3c02},
               {5.9604645e-8f, 1},
               {2.9802322e-8f, 0},
               {2.9802326e-8f, 1},
               {6.0975552e-5f, 0x03ff},
               {6.1035156e-5f, 0x0400},
               {6.1020255e-5f, 0x0400}};
  for (size_t k = 0; k < sizeof table / sizeof *table; k++)
    assert_int_equal(of3_f32_to_f16(table[k].x), table[k].h);
  assert_int_equal(of3_f32_to_f16(NAN) & 0x7fff, 0x7e00);
}

/* ---- Numbers */

static void test_decimal6(void **state) {
  (void)state;
  const struct {
    float x;
    const char *text;
  } table[] = {{0, "0.0"},
               {-0.0f, "-0.0"},
               {-1e-8f, "-0.0"},
               {1, "1.0"},
               {0.5f, "0.5"},
               {0.06781f, "0.06781"},
               {1e-6f, "1e-06"},
               {2.5e-5f, "2.5e-05"},
               {3e-5f, "3e-05"},
               {9.9e-5f, "9.9e-05"},
               {1e-4f, "0.0001"},
               {0.000101f, "0.000101"},
               {-12.3456789f, "-12.345679"},
               {99.999999f, "100.0"},
               {31.75f, "31.75"},
               {123456789.0f, "123456792.0"},
               {4294967296.0f, "4294967296.0"},
               {3e9f, "3000000000.0"},
               {1e20f, "1.0000000200408773e+20"},
               {NAN, "NaN"},
               {INFINITY, "Infinity"},
               {-INFINITY, "-Infinity"}};
  for (size_t k = 0; k < sizeof table / sizeof *table; k++) {
    char text[OF3_F32_TEXT + 1];
    text[of3_format_decimal6(text, table[k].x)] = 0;
    assert_string_equal(text, table[k].text);
  }
}

static void test_shortest(void **state) {
  (void)state;
  const struct {
    double x;
    const char *f32, *f64;
  } table[] = {{0, "0.0", "0.0"},
               {-0.0, "-0.0", "-0.0"},
               {12.345678, "12.345678", "12.345678"},
               {1e-4, "1e-04", "0.0001"}, /* the float32 is below 1e-4 */
               {1.5e-5, "1.5e-05", "1.5e-05"},
               {999999.9375, "999999.94", "999999.9375"},
               {1e6, "1e+06", "1000000.0"},
               {16777216, "1.6777216e+07", "16777216.0"},
               {1e15, "1e+15", "1000000000000000.0"},
               {1e16, "1e+16", "1e+16"},
               {0x1p-97, "6.3108872e-30", "6.310887241768095e-30"},
               {0x1p-149, "1e-45", "1.401298464324817e-45"}};
  for (size_t k = 0; k < sizeof table / sizeof *table; k++) {
    char text[OF3_F32_TEXT];
    of3_format_f32(text, (float)table[k].x);
    assert_string_equal(text, table[k].f32);
    of3_format_f64(text, table[k].x);
    assert_string_equal(text, table[k].f64);
  }
}

/* Every text reads back as the same number. */
static void test_round_trip(void **state) {
  (void)state;
  uint32_t u = 12345;
  for (int k = 0; k < 50000; k++) {
    float x, y;
    char text[OF3_F32_TEXT];
    u = u * 1664525u + 1013904223u;
    memcpy(&x, &u, sizeof x);
    if (!isfinite(x)) continue;
    int n = of3_format_f32(text, x);
    assert_int_equal(n, strlen(text));
    y = strtof(text, NULL);
    if (memcmp(&x, &y, sizeof x) != 0) fail_msg("%a became %s", (double)x, text);
  }
}

static void test_sha256(void **state) {
  (void)state;
  const struct {
    const char *text, *hash;
  } table[] = {{"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
               {"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
               {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
                "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"}};
  for (size_t k = 0; k < sizeof table / sizeof *table; k++)
    for (size_t cut = 0; cut <= strlen(table[k].text); cut++) {
      of3_sha256 s;
      char hash[OF3_SHA256_HEX];
      of3_sha256_init(&s);
      of3_sha256_add(&s, table[k].text, cut);
      of3_sha256_add(&s, table[k].text + cut, strlen(table[k].text) - cut);
      of3_sha256_hex(&s, hash);
      assert_string_equal(hash, table[k].hash);
    }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_cif),      cmocka_unit_test(test_pdb),       cmocka_unit_test(test_pdb_limits),
      cmocka_unit_test(test_built),    cmocka_unit_test(test_cif_rules), cmocka_unit_test(test_cif_gz),
      cmocka_unit_test(test_formats),  cmocka_unit_test(test_json),      cmocka_unit_test(test_json_keys),
      cmocka_unit_test(test_npz),      cmocka_unit_test(test_npz_large), cmocka_unit_test(test_half),
      cmocka_unit_test(test_decimal6), cmocka_unit_test(test_shortest),  cmocka_unit_test(test_round_trip),
      cmocka_unit_test(test_sha256)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
