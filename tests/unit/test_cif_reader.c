/* CIF files as tables: text and BinaryCIF of the same content (tools/make_cif_fixtures.py), what text may
 * look like, files that are cut, damaged or too large. */
#define _POSIX_C_SOURCE 200809L
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <zlib.h>

#include "base/file.h"
#include "cif/cif.h"
#include "folder.h"

#define FIXTURES "tests/fixtures/cif/"

enum { PLENTY = 1 << 26 };

static void assert_says(const of3_error *err, const char *part) {
  if (!strstr(err->text, part)) fail_msg("expected '...%s...', got '%s'", part, err->text);
}

static of3_cif *open_text(const char *text) {
  of3_cif *cif = NULL;
  of3_error err = {0};
  bool found = false;
  if (of3_cif_open_bytes("t", text, strlen(text), PLENTY, &cif, &err) != OF3_OK ||
      of3_cif_next(cif, &found, &err) != OF3_OK)
    fail_msg("%s", err.text);
  assert_true(found);
  return cif;
}

static of3_cif_column column_of(of3_cif *cif, const char *category, const char *item) {
  of3_cif_column column;
  of3_error err = {0};
  if (of3_cif_column_open(cif, category, item, &column, &err) != OF3_OK) fail_msg("%s", err.text);
  return column;
}

static void assert_value(of3_cif *cif, const char *item, int row, const char *expected) {
  of3_cif_column c = column_of(cif, "a", item);
  if (!of3_cif_is(&c, row, expected)) {
    char text[200];
    of3_cif_copy(&c, row, text, sizeof text);
    fail_msg("_a.%s: expected [%s], got [%s]", item, expected, text);
  }
}

static void test_values(void **state) {
  (void)state;
  of3_cif *cif =
      open_text("\xef\xbb\xbf# comment\r\ndata_first # another\n_a.bare x#y;z\r\n_A.quoted 'it's so'\n"
                "_a.double \"a'b\"\n_a.field\n;one\n ;two\r\n;\n_a.empty\n;\n;\n_a.none '' _a.dot .\n"
                "_a.mark ?\n_a.quotedmark '?'\n_a.number -1.250(3)\n_a.whole 12\n_a.hex 0x10\n"
                "_a.long 0.12345678901234567890 _a.word loop\n");
  double x = 0;
  int64_t i = 0;
  assert_value(cif, "bare", 0, "x#y;z");
  assert_value(cif, "QUOTED", 0, "it's so");
  assert_value(cif, "double", 0, "a'b");
  assert_value(cif, "field", 0, "one\n ;two");
  assert_value(cif, "empty", 0, "");
  assert_value(cif, "none", 0, "");
  assert_value(cif, "quotedmark", 0, "?");
  assert_value(cif, "word", 0, "loop");
  of3_cif_column c = column_of(cif, "a", "dot");
  assert_int_equal(of3_cif_null_of(&c, 0), OF3_CIF_INAPPLICABLE);
  c = column_of(cif, "a", "mark");
  assert_int_equal(of3_cif_null_of(&c, 0), OF3_CIF_UNKNOWN);
  c = column_of(cif, "a", "number");
  assert_true(of3_cif_get_real(&c, 0, &x) && x == -1.25);
  assert_false(of3_cif_get_integer(&c, 0, &i));
  c = column_of(cif, "a", "whole");
  assert_true(of3_cif_get_integer(&c, 0, &i) && i == 12);
  c = column_of(cif, "a", "long");
  assert_true(of3_cif_get_real(&c, 0, &x) && x == 0.12345678901234567890);
  c = column_of(cif, "a", "hex");
  assert_false(of3_cif_get_real(&c, 0, &x));
  c = column_of(cif, "a", "absent");
  assert_false(c.found);
  assert_int_equal(of3_cif_null_of(&c, 0), OF3_CIF_UNKNOWN);
  of3_cif_close(cif);
}

static void test_blocks_and_loops(void **state) {
  (void)state;
  of3_error err = {0};
  bool found = false;
  of3_cif *cif = open_text("data_1\nloop_ _a.x _a.y 1 2 3\n4 loop_\n_b.z\n'q'\nData_two\n_a.x 5\n");
  assert_int_equal(of3_cif_rows(cif, "a"), 2);
  assert_value(cif, "y", 1, "4");
  assert_int_equal(of3_cif_n_category(cif), 2);
  assert_int_equal(of3_cif_next(cif, &found, &err), OF3_OK);
  assert_true(found);
  assert_memory_equal(of3_cif_block_name(cif).text, "two", 3);
  assert_value(cif, "x", 0, "5");
  assert_int_equal(of3_cif_rows(cif, "b"), 0);
  assert_int_equal(of3_cif_next(cif, &found, &err), OF3_OK);
  assert_false(found);
  of3_cif_close(cif);
}

static void test_wrong_text(void **state) {
  (void)state;
  static const struct {
    const char *text, *says;
  } wrong[] = {
      {"HEADER  protein\n", "line 1: a CIF file begins with 'data_NAME'"},
      {"data_a\n_a.b\n", "line 2: a name is not followed by a value"},
      {"data_a\n_a.b 1\n2\n", "line 3: a value stands where a name is expected"},
      {"data_a\nloop_\n_a.b\n_a.c\n1 2 3\n", "line 2: the loop that begins there has 2 columns but 3 values"},
      {"data_a\nloop_\n", "a loop has no names"},
      {"data_a\nloop_\n_a.b\n", "1 columns but 0 values"},
      {"data_a\nloop_\n_a.b _c.d 1 2", "the names of a loop are of different categories"},
      {"data_a\n_a.b 'x\n", "line 2: a quote is not closed"},
      {"data_a\n_a.b\n;x\n", "line 3: a text field is not closed"},
      {"data_a _a.b 1 _a.B 2", "has the column 'B' of the category 'a' twice"},
      {"data_a loop_ _a.b 1 loop_ _a.c 1", "a category appears twice"},
      {"data_a save_x", "dictionaries"},
      {"\x81\xa1x", "is no whole BinaryCIF file"},
  };
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
    of3_cif *cif = NULL;
    of3_error err = {0};
    bool found;
    of3_status status = of3_cif_open_bytes("t", wrong[i].text, strlen(wrong[i].text), PLENTY, &cif, &err);
    if (status == OF3_OK) status = of3_cif_next(cif, &found, &err);
    assert_int_equal(status, OF3_ERR_INPUT);
    assert_says(&err, wrong[i].says);
    of3_cif_close(cif);
  }
}

/* Every value of the first category of two files is the same: texts, nulls, or numbers within `bound`. */
static void assert_same_table(of3_cif *a, of3_cif *b, const char *category, double bound) {
  char item[64];
  assert_true(of3_cif_rows(a, category) > 0);
  assert_int_equal(of3_cif_rows(a, category), of3_cif_rows(b, category));
  for (int i = 0; i < of3_cif_n_column(a, 0); i++) {
    of3_cif_slice name = of3_cif_column_name(a, 0, i), s, t;
    snprintf(item, sizeof item, "%.*s", (int)name.n, name.text);
    of3_cif_column p = column_of(a, category, item), q = column_of(b, category, item);
    assert_true(p.found && q.found);
    for (int64_t row = 0; row < p.n_row; row++) {
      double x, y;
      assert_int_equal(of3_cif_null_of(&p, row), of3_cif_null_of(&q, row));
      if (of3_cif_get_real(&p, row, &x) && of3_cif_get_real(&q, row, &y)) {
        if (!(x - y <= bound && y - x <= bound)) fail_msg("%s %d: %.17g %.17g", item, (int)row, x, y);
      } else if (of3_cif_get_text(&p, row, &s)) {
        assert_true(of3_cif_get_text(&q, row, &t));
        if (s.n != t.n || memcmp(s.text, t.text, s.n) != 0) fail_msg("%s %d", item, (int)row);
      }
    }
  }
}

static of3_cif *open_file(const char *path) {
  of3_cif *cif = NULL;
  of3_error err = {0};
  bool found = false;
  if (of3_cif_open(path, PLENTY, &cif, &err) != OF3_OK || of3_cif_next(cif, &found, &err) != OF3_OK)
    fail_msg("%s", err.text);
  assert_true(found);
  return cif;
}

static void test_encodings(void **state) {
  (void)state;
  of3_cif *text = open_file(FIXTURES "encodings.cif"), *binary = open_file(FIXTURES "encodings.bcif");
  assert_same_table(text, binary, "table",
                    2.3e-16); /* measured 5.6e-17: interval quantization rounds twice */
  of3_cif_close(text);
  of3_cif_close(binary);
}

static void pack(const char *from, const char *to) {
  of3_map map;
  of3_error err;
  assert_int_equal(of3_map_open(from, &map, &err), OF3_OK);
  gzFile f = gzopen(to, "wb");
  assert_true(f && gzwrite(f, map.data, (unsigned)map.size) == (int)map.size);
  gzclose(f);
  of3_map_close(&map);
}

static void test_packed(void **state) {
  char path[64];
  snprintf(path, sizeof path, "%s/packed", (const char *)*state);
  pack(FIXTURES "encodings.cif", path);
  of3_cif *text = open_file(path);
  pack(FIXTURES "encodings.bcif", path);
  of3_cif *binary = open_file(path);
  assert_same_table(text, binary, "table", 0);
  of3_cif_close(text);
  of3_cif_close(binary);
}

/* All columns of all blocks; the status of what fails first. */
static of3_status read_all(const void *bytes, size_t n, size_t most, of3_error *err) {
  of3_cif *cif = NULL;
  bool found = true;
  of3_status status = of3_cif_open_bytes("cut", bytes, n, most, &cif, err);
  while (status == OF3_OK && found) {
    status = of3_cif_next(cif, &found, err);
    for (int i = 0; status == OF3_OK && i < of3_cif_n_category(cif); i++)
      for (int k = 0; status == OF3_OK && k < of3_cif_n_column(cif, i); k++) {
        char category[64], item[64];
        of3_cif_column column;
        of3_cif_slice s = of3_cif_category_name(cif, i), t = of3_cif_column_name(cif, i, k);
        snprintf(category, sizeof category, "%.*s", (int)s.n, s.text);
        snprintf(item, sizeof item, "%.*s", (int)t.n, t.text);
        status = of3_cif_column_open(cif, category, item, &column, err);
      }
  }
  of3_cif_close(cif);
  return status;
}

/* A BinaryCIF file that is cut anywhere is an error; of a text what is before the cut may be whole. */
static void test_cut(void **state) {
  (void)state;
  const char *files[] = {FIXTURES "encodings.bcif", FIXTURES "encodings.cif"};
  for (int f = 0; f < 2; f++) {
    of3_map map;
    of3_error err;
    int refused = 0;
    assert_int_equal(of3_map_open(files[f], &map, &err), OF3_OK);
    assert_int_equal(read_all(map.data, map.size, PLENTY, &err), OF3_OK);
    for (size_t n = 0; n < map.size; n++) {
      err.text[0] = 0;
      if (read_all(map.data, n, PLENTY, &err) == OF3_OK) continue;
      refused++;
      assert_true(strlen(err.text) > 10);
    }
    assert_true(f == 0 ? refused == (int)map.size - 1 : refused > (int)map.size / 2);
    of3_map_close(&map);
  }
}

/* One byte after the other is damaged: an error or other values, within the memory that is allowed. */
static void test_damaged(void **state) {
  (void)state;
  of3_map map;
  of3_error err;
  assert_int_equal(of3_map_open(FIXTURES "encodings.bcif", &map, &err), OF3_OK);
  uint8_t *copy = malloc(map.size);
  for (size_t i = 0; i < map.size; i++) {
    memcpy(copy, map.data, map.size);
    copy[i] ^= (uint8_t)(1u << i % 8);
    (void)read_all(copy, map.size, 1 << 20, &err);
  }
  free(copy);
  of3_map_close(&map);
}

static void test_memory_limit(void **state) {
  (void)state;
  of3_map map;
  of3_error err;
  assert_int_equal(of3_map_open(FIXTURES "components.bcif", &map, &err), OF3_OK);
  assert_int_equal(read_all(map.data, map.size, 20000, &err), OF3_ERR_MEMORY);
  assert_says(&err, "needs more than the 0.0 MB that may be used");
  of3_map_close(&map);
  assert_int_equal(of3_map_open(FIXTURES "components.cif", &map, &err), OF3_OK);
  assert_int_equal(read_all(map.data, map.size, 20000, &err), OF3_ERR_MEMORY);
  of3_map_close(&map);
}

/* Runs whose lengths say 2^31 numbers in a file of 100 bytes. */
static void test_bomb(void **state) {
  (void)state;
  static const char bomb[] = "\x81\xaa"
                             "dataBlocks\x91\x81\xaa"
                             "categories\x91\x83\xa4name\xa2_t\xa8rowCount\xce\x70\x00\x00\x00\xa7"
                             "columns\x91\x82\xa4name\xa1x\xa4"
                             "data\x82\xa4"
                             "data\xc4\x08\x01\x00\x00\x00\x00\x00\x00\x70\xa8"
                             "encoding"
                             "\x92\x82\xa4kind\xa9RunLength\xa7srcSize\xce\x70\x00\x00\x00\x82\xa4kind\xa9"
                             "ByteArray\xa4type\x03";
  of3_error err = {0};
  assert_int_equal(read_all(bomb, sizeof bomb - 1, PLENTY, &err), OF3_ERR_MEMORY);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_values),     cmocka_unit_test(test_blocks_and_loops),
      cmocka_unit_test(test_wrong_text), cmocka_unit_test(test_encodings),
      cmocka_unit_test(test_packed),     cmocka_unit_test(test_cut),
      cmocka_unit_test(test_damaged),    cmocka_unit_test(test_memory_limit),
      cmocka_unit_test(test_bomb),
  };
  return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
