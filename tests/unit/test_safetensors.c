/* The safetensors reader and writer. */
#define _POSIX_C_SOURCE 200809L
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/str.h"
#include "io/safetensors.h"

#define ARRAY_LEN(a) (sizeof(a) / sizeof *(a))

static void assert_says(const of3_error *err, const char *part) {
  if (!strstr(err->text, part)) fail_msg("expected '...%s...', got '%s'", part, err->text);
}

/* Header text and n bytes of data, as a file in memory. */
static of3_str file_of(const char *header, const void *data, size_t n) {
  of3_str s = {0};
  size_t length = strlen(header);
  for (int k = 0; k < 8; k++) of3_str_addc(&s, (char)((uint64_t)length >> 8 * k), 1);
  of3_str_add(&s, header);
  of3_str_addn(&s, data, n);
  return s;
}

static of3_status parse(const of3_str *s, of3_table *t, of3_error *err) {
  return of3_safetensors_parse((const uint8_t *)s->text, s->len, t, err);
}

static void reads_a_file(void **state) {
  (void)state;
  static const float DATA[] = {1, 2, 3, 4, 5, 6, 7};
  of3_str s = file_of("{\"__metadata__\":{\"k\":\"v\"},"
                      "\"z\":{\"dtype\":\"F32\",\"shape\":[2,3],\"data_offsets\":[0,24]},"
                      "\"a\":{\"dtype\":\"I32\",\"shape\":[],\"data_offsets\":[24,28]},"
                      "\"empty\":{\"dtype\":\"U8\",\"shape\":[0,5],\"data_offsets\":[28,28]}}   ",
                      DATA, sizeof DATA);
  of3_table t = {0};
  of3_error err = {0};
  if (parse(&s, &t, &err) != OF3_OK) fail_msg("%s", err.text);
  assert_int_equal(t.n, 3);
  assert_string_equal(t.entry[0].name, "a");
  assert_int_equal(t.entry[0].rank, 0);
  assert_int_equal(t.entry[0].count, 1);
  const of3_entry *z = of3_table_find(&t, "z");
  assert_int_equal(z->dtype, OF3_F32);
  assert_int_equal(z->shape[1], 3);
  assert_memory_equal(z->data, DATA, 24);
  assert_int_equal(of3_table_find(&t, "empty")->count, 0);
  assert_null(of3_table_find(&t, "b"));
  assert_string_equal(of3_table_meta(&t, "k"), "v");
  assert_null(of3_table_meta(&t, "v"));
  of3_table_close(&t);
  of3_str_free(&s);
}

typedef struct fault {
  const char *header, *says;
} fault;

#define A(rest) "{\"a\":{" rest "}}"
#define F32     "\"dtype\":\"F32\","

static const fault FAULTS[] = {
    {"", "not valid JSON"},
    {"[]", "not a JSON object"},
    {"{\"a\":1,\"a\":2}", "duplicate"},
    {"{\"a\":", "not valid JSON at byte"},
    {"{\"a\":1}", "tensor 'a': it is not described by an object"},
    {A("\"shape\":[],\"data_offsets\":[0,4]"), "it has no dtype"},
    {A("\"dtype\":\"F8_E4M3\",\"shape\":[],\"data_offsets\":[0,4]"), "dtype 'F8_E4M3'"},
    {A(F32 "\"data_offsets\":[0,4]"), "it has no shape"},
    {A(F32 "\"shape\":[1.0],\"data_offsets\":[0,4]"), "not made of integers"},
    {A(F32 "\"shape\":[-1],\"data_offsets\":[0,4]"), "shape is impossible"},
    {A(F32 "\"shape\":[4294967296,4294967296],\"data_offsets\":[0,4]"), "shape is impossible"},
    {A(F32 "\"shape\":[4611686018427387904],\"data_offsets\":[0,4]"), "shape is impossible"},
    {A(F32 "\"shape\":[1,1,1,1,1,1,1,1,1],\"data_offsets\":[0,4]"), "9 dimensions; at most 8"},
    {A(F32 "\"shape\":[]"), "data_offsets are not two"},
    {A(F32 "\"shape\":[],\"data_offsets\":[0]"), "data_offsets are not two"},
    {A(F32 "\"shape\":[],\"data_offsets\":[4,0]"), "data_offsets are not two"},
    {A(F32 "\"shape\":[],\"data_offsets\":[-4,0]"), "data_offsets are not two"},
    {A(F32 "\"shape\":[2],\"data_offsets\":[0,4]"), "has 4 bytes where its shape and dtype need 8"},
    {A(F32 "\"shape\":[3],\"data_offsets\":[0,12]"), "ends at byte 12 of the data, of which only 8 exist"},
    {A(F32 "\"shape\":[99999999999999999999],\"data_offsets\":[0,12]"), "not valid JSON"},
    {"{\"\":{" F32 "\"shape\":[],\"data_offsets\":[0,4]}}", "empty name"},
    {"{\"a\\nb\":{" F32 "\"shape\":[],\"data_offsets\":[0,4]}}", "control characters"},
    {"{\"a\\u0000b\":{" F32 "\"shape\":[],\"data_offsets\":[0,4]}}", "not valid JSON"},
    {"{\"a\":{" F32 "\"shape\":[],\"data_offsets\":[0,4]},\"b\":{" F32
     "\"shape\":[],\"data_offsets\":[2,6]}}",
     "tensors 'a' and 'b' overlap"},
    {"{\"__metadata__\":3}", "__metadata__ is not an object"},
    {"{\"__metadata__\":{\"k\":3}}", "__metadata__ 'k' is not a string"},
};

static void refuses_faults(void **state) {
  (void)state;
  static const float DATA[2] = {1, 2};
  for (size_t i = 0; i < ARRAY_LEN(FAULTS); i++) {
    of3_str s = file_of(FAULTS[i].header, DATA, sizeof DATA);
    of3_table t = {0};
    of3_error err = {0};
    if (parse(&s, &t, &err) == OF3_OK) fail_msg("%s was read", FAULTS[i].header);
    assert_says(&err, FAULTS[i].says);
    assert_null(t.arena);
    of3_str_free(&s);
  }
}

static void refuses_wrong_lengths(void **state) {
  (void)state;
  static const uint8_t HUGE_HEADER[] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, '{', '}'};
  static const uint8_t CUT_HEADER[] = {9, 0, 0, 0, 0, 0, 0, 0, '{', '}'};
  of3_table t = {0};
  of3_error err = {0};
  assert_int_equal(of3_safetensors_parse(HUGE_HEADER, sizeof HUGE_HEADER, &t, &err), OF3_ERR_INPUT);
  assert_says(&err, "announce a header of 18446744073709551615 bytes");
  assert_int_equal(of3_safetensors_parse(CUT_HEADER, sizeof CUT_HEADER, &t, &err), OF3_ERR_INPUT);
  assert_says(&err, "ends inside its header");
  assert_int_equal(of3_safetensors_parse(CUT_HEADER, 3, &t, &err), OF3_ERR_INPUT);
  assert_says(&err, "too few");
}

/* f32 at an odd address is copied to an aligned one. */
static void copies_what_is_not_aligned(void **state) {
  (void)state;
  static const uint8_t DATA[] = {9, 0, 0, 128, 63}; /* a byte, 1.0f */
  of3_str s = file_of("{\"b\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]},"
                      "\"f\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[1,5]}}",
                      DATA, sizeof DATA);
  for (int shift = 0; shift < 4; shift++) {
    uint8_t *memory = malloc(s.len + 4);
    of3_table t = {0};
    of3_error err = {0};
    assert_non_null(memory);
    memcpy(memory + shift, s.text, s.len);
    if (of3_safetensors_parse(memory + shift, s.len, &t, &err) != OF3_OK) fail_msg("%s", err.text);
    assert_int_equal((uintptr_t)t.entry[1].data % 4, 0);
    assert_true(((const float *)t.entry[1].data)[0] == 1.0f);
    of3_table_close(&t);
    free(memory);
  }
  of3_str_free(&s);
}

static of3_entry entry_of(const char *name, of3_dtype dtype, int64_t rows, int64_t columns,
                          const void *data) {
  return (of3_entry){.name = name,
                     .dtype = dtype,
                     .rank = 2,
                     .shape = {rows, columns},
                     .count = rows * columns,
                     .data = data};
}

static void make_folder(char *folder) { assert_non_null(mkdtemp(folder)); }

static void writes_what_it_reads(void **state) {
  (void)state;
  static const uint8_t BYTE[3] = {1, 2, 3};
  static const uint16_t HALF[3] = {0x3f80, 0x4000, 0x4040};
  static const float SINGLE[2] = {1.5f, -2};
  static const double DOUBLE[1] = {3.25};
  static const char *const META[] = {"name \"quoted\"", "back\\slash", "unicode", "lDDT-C\xce\xb1"};
  const of3_entry entry[] = {entry_of("u8", OF3_U8, 1, 3, BYTE), entry_of("bf16", OF3_BF16, 3, 1, HALF),
                             entry_of("f32", OF3_F32, 1, 2, SINGLE), entry_of("f64", OF3_F64, 1, 1, DOUBLE),
                             entry_of("none", OF3_F32, 0, 7, SINGLE)};
  char folder[] = "/tmp/of3-test-XXXXXX", path[64];
  of3_table t = {0};
  of3_error err = {0};
  make_folder(folder);
  snprintf(path, sizeof path, "%s/x.safetensors", folder);
  if (of3_safetensors_write(path, entry, 5, META, 2, &err) != OF3_OK) fail_msg("%s", err.text);
  if (of3_safetensors_open(path, &t, &err) != OF3_OK) fail_msg("%s", err.text);
  assert_int_equal(t.n, 5);
  assert_string_equal(of3_table_meta(&t, META[0]), META[1]);
  assert_string_equal(of3_table_meta(&t, META[2]), META[3]);
  for (size_t i = 0; i < ARRAY_LEN(entry); i++) {
    const of3_entry *e = of3_table_find(&t, entry[i].name);
    assert_non_null(e);
    assert_int_equal(e->dtype, entry[i].dtype);
    assert_memory_equal(e->shape, entry[i].shape, sizeof e->shape);
    assert_memory_equal(e->data, entry[i].data, (size_t)e->count * of3_dtype_size(e->dtype));
    /* wide types first: nothing had to be copied */
    assert_true((const uint8_t *)e->data >= t.map.data &&
                (const uint8_t *)e->data <= t.map.data + t.map.size);
  }
  of3_table_close(&t);
  unlink(path);
  rmdir(folder);
}

static of3_status put_nothing(void *user, FILE *f, const of3_entry *entry, of3_error *err) {
  (void)user;
  (void)f;
  return of3_fail(err, OF3_ERR_CANCELLED, "no data for '%s'", entry->name);
}

/* Names twice or not UTF-8, a source that fails, a folder that is missing: an error and no file. */
static void writes_nothing_on_failure(void **state) {
  (void)state;
  static const float DATA[1] = {1};
  const of3_entry twice[] = {entry_of("a", OF3_F32, 1, 1, DATA), entry_of("a", OF3_F32, 1, 1, DATA)};
  const of3_entry not_utf8 = entry_of("\xff", OF3_F32, 1, 1, DATA);
  char folder[] = "/tmp/of3-test-XXXXXX", path[64];
  of3_error err = {0};
  make_folder(folder);
  snprintf(path, sizeof path, "%s/x.safetensors", folder);
  assert_int_equal(of3_safetensors_write(path, twice, 2, NULL, 0, &err), OF3_ERR_INPUT);
  assert_int_equal(of3_safetensors_write(path, &not_utf8, 1, NULL, 0, &err), OF3_ERR_INPUT);
  assert_says(&err, "not UTF-8");
  assert_int_equal(of3_safetensors_stream(path, twice, 1, NULL, 0, put_nothing, NULL, NULL, &err),
                   OF3_ERR_CANCELLED);
  assert_says(&err, "no data for 'a'");
  assert_int_equal(rmdir(folder), 0); /* empty: no temporary file is left */
  assert_int_equal(of3_safetensors_write(path, twice, 1, NULL, 0, &err), OF3_ERR_IO);
  assert_says(&err, path);
}

static void names_the_file(void **state) {
  (void)state;
  of3_table t = {0};
  of3_error err = {0};
  assert_int_equal(of3_safetensors_open("/nowhere/x.safetensors", &t, &err), OF3_ERR_IO);
  assert_says(&err, "/nowhere/x.safetensors");
  assert_int_equal(of3_safetensors_open("tests/io.cmake", &t, &err), OF3_ERR_INPUT);
  assert_says(&err, "'tests/io.cmake': this is no safetensors file");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(reads_a_file),          cmocka_unit_test(refuses_faults),
      cmocka_unit_test(refuses_wrong_lengths), cmocka_unit_test(copies_what_is_not_aligned),
      cmocka_unit_test(writes_what_it_reads),  cmocka_unit_test(writes_nothing_on_failure),
      cmocka_unit_test(names_the_file),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
