/* The zip reader and the restricted pickle reader on archives made by hand and on an NPZ that numpy wrote
 * (tools/make_io_fixtures.py). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/le.h"
#include "base/pickle.h"
#include "base/zip.h"
#include "zip_maker.h"

#define ARRAY_LEN(a) (sizeof(a) / sizeof *(a))

static void assert_says(const of3_error *err, const char *part) {
  if (!strstr(err->text, part)) fail_msg("expected '...%s...', got '%s'", part, err->text);
}

/* ---- zip ---- */

static const char LONG_TEXT[] =
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";

static size_t deflate_raw(const void *data, size_t n, uint8_t *out, size_t room) {
  z_stream z = {0};
  assert_int_equal(deflateInit2(&z, 9, Z_DEFLATED, -MAX_WBITS, 8, Z_DEFAULT_STRATEGY), Z_OK);
  z.next_in = (Bytef *)(uintptr_t)data;
  z.avail_in = (uInt)n;
  z.next_out = out;
  z.avail_out = (uInt)room;
  assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
  deflateEnd(&z);
  return room - z.avail_out;
}

/* Members "b" (stored), "a" (deflated) and "empty". */
static void make_archive(zip_maker *z) {
  uint8_t packed[200];
  size_t n = deflate_raw(LONG_TEXT, sizeof LONG_TEXT, packed, sizeof packed);
  zip_add(z, "b", "stored", 6);
  zip_add_packed(z, "a", 8, packed, n, sizeof LONG_TEXT,
                 (uint32_t)crc32(0, (const Bytef *)LONG_TEXT, sizeof LONG_TEXT));
  zip_add(z, "empty", "", 0);
}

static of3_status read_member(const zip_maker *z, const char *name, uint64_t most, of3_arena *arena,
                              const uint8_t **ret, of3_error *err) {
  of3_zip zip = {0};
  OF3_TRY(of3_zip_parse((const uint8_t *)z->bytes.text, z->bytes.len, arena, &zip, err));
  const of3_zip_member *m = of3_zip_find(&zip, name);
  assert_non_null(m);
  return of3_zip_read(&zip, m, most, arena, ret, err);
}

static void zip_reads_members(void **state) {
  (void)state;
  of3_arena *arena = of3_arena_new(0);
  zip_maker z = {0};
  of3_zip zip = {0};
  of3_error err = {0};
  const uint8_t *bytes = NULL;
  make_archive(&z);
  zip_finish(&z);
  assert_int_equal(of3_zip_parse((const uint8_t *)z.bytes.text, z.bytes.len, arena, &zip, &err), OF3_OK);
  assert_int_equal(zip.n, 3);
  assert_string_equal(zip.member[0].name, "a");
  assert_null(of3_zip_find(&zip, "c"));
  assert_int_equal(of3_zip_read(&zip, &zip.member[0], 1000, arena, &bytes, &err), OF3_OK);
  assert_memory_equal(bytes, LONG_TEXT, sizeof LONG_TEXT);
  assert_int_equal(of3_zip_stored(&zip, &zip.member[1], &bytes, &err), OF3_OK);
  assert_memory_equal(bytes, "stored", 6);
  assert_ptr_equal(bytes, z.bytes.text + 30 + 1);
  assert_int_equal(of3_zip_read(&zip, of3_zip_find(&zip, "empty"), 0, arena, &bytes, &err), OF3_OK);
  zip_free(&z);
  of3_arena_free(arena);
}

/* One field of member "a" (or of the end record) made wrong. */
typedef struct zip_fault {
  const char *says;
  enum { IN_ENTRY, IN_HEADER, IN_END } where;
  int at, width;
  uint64_t value;
} zip_fault;

static const zip_fault ZIP_FAULTS[] = {
    {"stored member 'a' has two sizes", IN_ENTRY, 10, 2, 0},
    {"encrypted", IN_ENTRY, 8, 2, 1},
    {"packed by method 12", IN_ENTRY, 10, 2, 12},
    {"checksum of member 'a' is wrong", IN_ENTRY, 16, 4, 1},
    {"is truncated or corrupted: member 'a' has 60000 bytes", IN_ENTRY, 20, 4, 60000},
    {"does not unpack to its 100 bytes", IN_ENTRY, 24, 4, 100},
    {"does not unpack to its 103 bytes", IN_ENTRY, 24, 4, 103},
    {"cannot unpack", IN_ENTRY, 24, 4, 900000},
    {"at most 1000000 are read", IN_ENTRY, 24, 4, 1000001},
    {"its directory ends too early", IN_ENTRY, 28, 2, 500},
    {"its directory ends too early", IN_ENTRY, 0, 4, 7},
    {"no proper name", IN_ENTRY, 46, 1, 0},
    {"two members named 'b'", IN_ENTRY, 46, 1, 'b'},
    {"Zip64 sizes of member 'a' are missing", IN_ENTRY, 28, 4, 1 + (5 << 16)},
    {"is not where its directory says", IN_ENTRY, 42, 4, 1},
    {"is not where its directory says", IN_ENTRY, 42, 4, 0xfffffff0},
    {"has another name in its own header", IN_HEADER, 30, 1, 'x'},
    {"has another name in its own header", IN_HEADER, 26, 2, 2},
    {"has another name in its own header", IN_HEADER, 28, 2, 60000},
    {"does not end with a zip directory", IN_END, 0, 1, 'x'},
    {"does not end with a zip directory", IN_END, 20, 2, 1},
    {"Zip64 locator is missing", IN_END, 10, 2, 0xffff},
    {"cannot hold the 4000 members", IN_END, 10, 2, 4000},
    {"behind the end", IN_END, 16, 4, 100000},
    {"behind the end", IN_END, 12, 4, 100000},
};

static void zip_refuses_faults(void **state) {
  (void)state;
  for (size_t i = 0; i < ARRAY_LEN(ZIP_FAULTS); i++) {
    const zip_fault *f = &ZIP_FAULTS[i];
    of3_arena *arena = of3_arena_new(0);
    zip_maker z = {0};
    of3_error err = {0};
    const uint8_t *bytes = NULL;
    uint8_t packed[200];
    size_t n = deflate_raw(LONG_TEXT, sizeof LONG_TEXT, packed, sizeof packed);
    zip_add(&z, "b", "stored", 6);
    zip_add_packed(&z, "a", 8, packed, n, sizeof LONG_TEXT,
                   (uint32_t)crc32(0, (const Bytef *)LONG_TEXT, sizeof LONG_TEXT));
    /* five bytes that a Zip64 extra field without content can lie in: id 1, length 0 */
    zip_put(&z.directory, 1, 5);
    z.directory.len -= 5;
    char *field = f->where == IN_ENTRY ? z.directory.text + z.entry_at : z.bytes.text + z.header_at;
    for (int k = 0; f->where != IN_END && k < f->width; k++) field[f->at + k] = (char)(f->value >> 8 * k);
    if (strstr(f->says, "Zip64 sizes")) {
      memset(z.directory.text + z.entry_at + 20, 0xff, 4);
      zip_put(&z.directory, 1, 4);
      zip_put(&z.directory, 0, 1);
    }
    zip_finish(&z);
    for (int k = 0; f->where == IN_END && k < f->width; k++)
      z.bytes.text[z.bytes.len - 22 + (size_t)(f->at + k)] = (char)(f->value >> 8 * k);
    of3_status status = read_member(&z, "a", 1000000, arena, &bytes, &err);
    assert_int_not_equal(status, OF3_OK);
    assert_says(&err, f->says);
    zip_free(&z);
    of3_arena_free(arena);
  }
}

/* No beginning of an archive is an archive, and every beginning is read without leaving its memory. */
static void zip_refuses_truncation(void **state) {
  (void)state;
  zip_maker z = {0};
  make_archive(&z);
  zip_finish(&z);
  for (size_t n = 0; n < z.bytes.len; n++) {
    of3_arena *arena = of3_arena_new(0);
    of3_zip zip = {0};
    of3_error err = {0};
    uint8_t *copy = malloc(n ? n : 1);
    assert_non_null(copy);
    memcpy(copy, z.bytes.text, n);
    assert_int_equal(of3_zip_parse(copy, n, arena, &zip, &err), OF3_ERR_INPUT);
    assert_says(&err, "truncated");
    free(copy);
    of3_arena_free(arena);
  }
  zip_free(&z);
}

/* ---- pickle ---- */

enum { TAG_ARRAY = 1, TAG_NDARRAY, TAG_DTYPE, TAG_ORDERED };

static const of3_pickle_global ALLOWED[] = {{"numpy._core.multiarray", "_reconstruct", TAG_ARRAY, false},
                                            {"numpy", "ndarray", TAG_NDARRAY, false},
                                            {"numpy", "dtype", TAG_DTYPE, false},
                                            {"collections", "OrderedDict", TAG_ORDERED, true}};
static const of3_pickle_policy POLICY = {ALLOWED, ARRAY_LEN(ALLOWED), 1 << 20};

static of3_status parse(const char *bytes, size_t n, of3_arena *arena, const of3_pickle **ret,
                        of3_error *err) {
  return of3_pickle_parse((const uint8_t *)bytes, n, &POLICY, arena, ret, err);
}

#define PARSE(text, arena, ret, err) parse((text), sizeof(text) - 1, (arena), (ret), (err))

typedef struct int_case {
  const char *bytes;
  size_t n;
  int64_t value;
} int_case;

#define BYTES(text) (text), sizeof(text) - 1

static void pickle_reads_integers(void **state) {
  (void)state;
  static const int_case CASES[] = {
      {BYTES("K\xff."), 255},
      {BYTES("M\x01\x02."), 0x201},
      {BYTES("J\xfe\xff\xff\xff."), -2},
      {BYTES("I-12\n."), -12},
      {BYTES("L123456789012L\n."), 123456789012},
      {BYTES("\x8a\x00."), 0},
      {BYTES("\x8a\x01\xff."), -1},
      {BYTES("\x8a\x02\xff\x00."), 255},
      {BYTES("\x8b\x08\0\0\0\xff\xff\xff\xff\xff\xff\xff\x7f."), INT64_MAX},
      {BYTES("I01\n."), 1},
      {BYTES("\x88."), 1},
      {BYTES("\x89."), 0},
      {BYTES("K\x05p3\n0g3\n."), 5}, /* put, pop, get */
      {BYTES("K\x05q\x01"
             "0h\x01."),
       5},
      {BYTES("\x80\x04K\x05\x94"
             "0h\x00."),
       5}, /* memoize */
      {BYTES("(K\x01K\x02"
             "1K\x03."),
       3}, /* pop to the mark */
      {BYTES("K\x04"
             "(0."),
       4}, /* pop of a mark */
      {BYTES("\x80\x04\x95\x03\0\0\0\0\0\0\0K\x06."), 6},
  };
  for (size_t i = 0; i < ARRAY_LEN(CASES); i++) {
    of3_arena *arena = of3_arena_new(0);
    of3_error err = {0};
    const of3_pickle *v = NULL;
    if (parse(CASES[i].bytes, CASES[i].n, arena, &v, &err) != OF3_OK) fail_msg("case %zu: %s", i, err.text);
    assert_true(v->type == OF3_PICKLE_INT || v->type == OF3_PICKLE_BOOL);
    assert_int_equal(v->i, CASES[i].value);
    of3_arena_free(arena);
  }
}

static void pickle_reads_containers(void **state) {
  (void)state;
  of3_arena *arena = of3_arena_new(0);
  of3_error err = {0};
  const of3_pickle *v = NULL;
  /* {'a': [1, 2.5, (None, b'xy')], 'a': 'last'} */
  static const char TEXT[] = "\x80\x03}(X\x01\0\0\0a](K\x01G\x40\x04\0\0\0\0\0\0NC\x02xy\x86"
                             "eU\x01"
                             "bU\x04lastu.";
  assert_int_equal(PARSE(TEXT, arena, &v, &err), OF3_OK);
  assert_int_equal(v->type, OF3_PICKLE_DICT);
  assert_int_equal(v->n, 2);
  const of3_pickle *list = of3_pickle_get(v, "a");
  assert_int_equal(list->type, OF3_PICKLE_LIST);
  assert_int_equal(list->n, 3);
  assert_true(list->item[1]->f == 2.5);
  assert_int_equal(list->item[2]->type, OF3_PICKLE_TUPLE);
  assert_int_equal(list->item[2]->item[1]->type, OF3_PICKLE_BYTES);
  assert_memory_equal(list->item[2]->item[1]->text, "xy", 2);
  assert_true(of3_pickle_equals(of3_pickle_get(v, "b"), "last"));
  assert_null(of3_pickle_get(v, "c"));
  assert_null(of3_pickle_get(list, "c"));
  of3_arena_free(arena);
}

/* A list of 5,000 items in batches keeps all of them, in order. */
static void pickle_grows_containers(void **state) {
  (void)state;
  of3_arena *arena = of3_arena_new(0);
  of3_error err = {0};
  of3_str s = {0};
  const of3_pickle *v = NULL;
  of3_str_add(&s, "]");
  for (int i = 0; i < 5000; i++) {
    if (i % 100 == 0) of3_str_add(&s, "(");
    of3_str_addf(&s, "I%d\n", i);
    if (i % 100 == 99) of3_str_add(&s, "e");
  }
  of3_str_add(&s, ".");
  assert_int_equal(parse(s.text, s.len, arena, &v, &err), OF3_OK);
  assert_int_equal(v->n, 5000);
  for (int i = 0; i < 5000; i++) assert_int_equal(v->item[i]->i, i);
  of3_str_free(&s);
  of3_arena_free(arena);
}

typedef struct opaque_case {
  const char *bytes;
  size_t n;
  const char *global;
} opaque_case;

static void pickle_keeps_foreign_opaque(void **state) {
  (void)state;
  static const opaque_case CASES[] = {
      {BYTES("cos\nsystem\n(S'touch x'\ntR."), "os.system"},                       /* protocol 0 */
      {BYTES("\x80\x04\x8c\x02os\x8c\x06system\x93\x8c\x01x\x85R."), "os.system"}, /* protocol 4 */
      {BYTES("(S'x'\nios\nsystem\n."), "os.system"},                               /* INST */
      {BYTES("(cos\nsystem\nS'x'\no."), "os.system"},                              /* OBJ */
      {BYTES("cos\nsystem\n)\x81}b."), "os.system"},                               /* NEWOBJ, BUILD */
      {BYTES("cos\nsystem\n)(U\x01kK\x01"
             "d\x92."),
       "os.system"}, /* NEWOBJ_EX */
      {BYTES("ca\nb\n)R(K\x01K\x02uK\x01"
             "a)R."),
       "a.b"},                                              /* items, then called */
      {BYTES("cnumpy\ndtype\n(K\x01tR)R."), "numpy.dtype"}, /* a call of a call */
      {BYTES("cnumpy\nload\n."), "numpy.load"},
      {BYTES("cnumpy\ndtypes\n."), "numpy.dtypes"},
      {BYTES("ca\x01"
             "b\nc\x7f\n."),
       "a?b.c?"},
      {BYTES("\x82\x07."), "a registered extension of Python's"},
      {BYTES("\x8a\x09\0\0\0\0\0\0\0\0\1."), "an integer beyond 64 bits"},
      {BYTES("I123456789012345678901234\n."), "an integer beyond 64 bits"},
  };
  for (size_t i = 0; i < ARRAY_LEN(CASES); i++) {
    of3_arena *arena = of3_arena_new(0);
    of3_error err = {0};
    const of3_pickle *v = NULL;
    if (parse(CASES[i].bytes, CASES[i].n, arena, &v, &err) != OF3_OK) fail_msg("case %zu: %s", i, err.text);
    assert_int_equal(v->type, OF3_PICKLE_OPAQUE);
    assert_string_equal(v->global, CASES[i].global);
    of3_arena_free(arena);
  }
}

static void pickle_makes_nodes(void **state) {
  (void)state;
  of3_arena *arena = of3_arena_new(0);
  of3_error err = {0};
  const of3_pickle *v = NULL;
  char text[256];
  assert_int_equal(PARSE("cnumpy\ndtype\n(U\x02U1K\x00K\x01tR(K\x03U\x01<tb.", arena, &v, &err), OF3_OK);
  assert_int_equal(v->type, OF3_PICKLE_CALL);
  assert_int_equal(v->tag, TAG_DTYPE);
  assert_int_equal(v->args->n, 3);
  assert_int_equal(v->state->n, 2);
  assert_string_equal(of3_pickle_describe(v, text), "a result of numpy.dtype");
  assert_int_equal(PARSE("ccollections\nOrderedDict\n)R(K\x01K\x02u}b.", arena, &v, &err), OF3_OK);
  assert_int_equal(v->type, OF3_PICKLE_DICT);
  assert_int_equal(v->n, 1);
  assert_int_equal(PARSE("(U\x07storageK\x03tQ.", arena, &v, &err), OF3_OK);
  assert_int_equal(v->type, OF3_PICKLE_PERSISTENT);
  assert_int_equal(v->args->n, 2);
  assert_int_equal(PARSE("Pkey\n.", arena, &v, &err), OF3_OK);
  assert_true(of3_pickle_equals(v->args, "key"));
  of3_arena_free(arena);
}

typedef struct fault {
  const char *bytes;
  size_t n;
  const char *says;
} fault;

static void pickle_refuses_faults(void **state) {
  (void)state;
  static const fault CASES[] = {
      {BYTES(""), "truncated"},
      {BYTES("N"), "does not end with a stop"},
      {BYTES("."), "other than one value"},
      {BYTES("NN."), "other than one value"},
      {BYTES("(N."), "other than one value"},
      {BYTES("\xff"), "no such operation"},
      {BYTES("\x97N."), "no such operation"},
      {BYTES("\x80\x06N."), "newer than 5"},
      {BYTES("X\xff\xff\xff\xff"
             "abc"),
       "truncated or corrupted: byte 5 asks for 4294967295 more bytes, 3 are left"},
      {BYTES("\x8e\xff\xff\xff\xff\xff\xff\xff\xff"), "asks for 18446744073709551615"},
      {BYTES("\x95\xff\0\0\0\0\0\0\0N."), "a frame is longer"},
      {BYTES("0"), "the stack is empty"},
      {BYTES("N(a"), "the stack is empty"},
      {BYTES("N(\x85"), "the stack is empty"},
      {BYTES("t"), "no mark"},
      {BYTES("h\x05"), "never put there"},
      {BYTES("j\xff\xff\xff\xff"), "never put there"},
      {BYTES("Nr\xff\xff\xff\xff."), "higher than its number of entries"},
      {BYTES("g-1\n"), "not a number"},
      {BYTES("g99999999999999999999\n"), "not a number"},
      {BYTES("Ix\n"), "an integer is expected"},
      {BYTES("I 1\n"), "an integer is expected"},
      {BYTES("F1.5.\n"), "a number is expected"},
      {BYTES("S'a\n"), "a quoted string"},
      {BYTES("S'\\x41'\n"), "escapes"},
      {BYTES("cos\nsystem"), "a line does not end"},
      {BYTES("}(K\x01u."), "a key has no value"},
      {BYTES("(K\x01"
             "d."),
       "a key has no value"},
      {BYTES("](K\x01u."), "holds none"},
      {BYTES("NNb."), "has none"},
      {BYTES("N)R."), "something is called that is no global"},
      {BYTES("KaKb\x93."), "the name of a global is not a string"},
      {BYTES("(o"), "an object has no class"},
  };
  for (size_t i = 0; i < ARRAY_LEN(CASES); i++) {
    of3_arena *arena = of3_arena_new(0);
    of3_error err = {0};
    const of3_pickle *v = NULL;
    if (parse(CASES[i].bytes, CASES[i].n, arena, &v, &err) != OF3_ERR_INPUT) fail_msg("case %zu was read", i);
    assert_says(&err, CASES[i].says);
    of3_arena_free(arena);
  }
}

/* Values, marks, memo and text are all bounded by the policy. */
static void pickle_bounds_memory(void **state) {
  (void)state;
  static const char *const REPEATED[] = {"N", "(", "N\x94", "]", "ca\nb\n", "](NNe"};
  for (size_t i = 0; i < ARRAY_LEN(REPEATED); i++) {
    of3_arena *arena = of3_arena_new(0);
    of3_error err = {0};
    of3_str s = {0};
    const of3_pickle *v = NULL;
    for (int k = 0; k < 200000; k++) of3_str_add(&s, REPEATED[i]);
    assert_int_equal(parse(s.text, s.len, arena, &v, &err), OF3_ERR_INPUT);
    assert_says(&err, "more than the 1048576 bytes of memory");
    assert_true(of3_arena_used(arena) <= POLICY.most);
    of3_str_free(&s);
    of3_arena_free(arena);
  }
}

/* A list that contains itself, and a tuple doubled 60 times: both are small and cheap. */
static void pickle_shares_nodes(void **state) {
  (void)state;
  of3_arena *arena = of3_arena_new(0);
  of3_error err = {0};
  of3_str s = {0};
  const of3_pickle *v = NULL;
  assert_int_equal(PARSE("]q\x01h\x01"
                         "a.",
                         arena, &v, &err),
                   OF3_OK);
  assert_ptr_equal(v->item[0], v);
  of3_str_add(&s, ")");
  for (int k = 0; k < 60; k++) of3_str_add(&s, "2\x86");
  of3_str_add(&s, ".");
  assert_int_equal(parse(s.text, s.len, arena, &v, &err), OF3_OK);
  assert_ptr_equal(v->item[0], v->item[1]);
  of3_str_free(&s);
  of3_arena_free(arena);
}

/* The `msa` array of the NPZ that numpy wrote: letters in UTF-32. */
static void npz_of_numpy_is_read(void **state) {
  (void)state;
  of3_arena *arena = of3_arena_new(0);
  of3_error err = {0};
  of3_map map = {0};
  of3_zip zip = {0};
  const uint8_t *npy = NULL;
  const of3_pickle *root = NULL;
  assert_int_equal(of3_map_open("tests/fixtures/io/msa.npz", &map, &err), OF3_OK);
  assert_int_equal(of3_zip_parse(map.data, map.size, arena, &zip, &err), OF3_OK);
  assert_int_equal(zip.n, 2);
  const of3_zip_member *m = of3_zip_find(&zip, "uniref90_hits.npy");
  assert_int_equal(m->method, 8);
  assert_int_equal(of3_zip_read(&zip, m, 1 << 20, arena, &npy, &err), OF3_OK);
  size_t skip = 10 + (size_t)of3_le16(npy + 8); /* magic, version, header length */
  if (of3_pickle_parse(npy + skip, (size_t)m->size - skip, &POLICY, arena, &root, &err) != OF3_OK)
    fail_msg("%s", err.text);
  assert_int_equal(root->type, OF3_PICKLE_CALL); /* the 0-d array */
  const of3_pickle *dict = root->state->item[4]->item[0];
  const of3_pickle *msa = of3_pickle_get(dict, "msa");
  assert_int_equal(msa->tag, TAG_ARRAY);
  assert_int_equal(msa->state->item[1]->item[0]->i, 2);
  assert_int_equal(msa->state->item[1]->item[1]->i, 4);
  assert_int_equal(msa->state->item[2]->tag, TAG_DTYPE);
  assert_true(of3_pickle_equals(msa->state->item[2]->args->item[0], "U1"));
  assert_int_equal(msa->state->item[4]->n, 2 * 4 * 4);
  static const char LETTERS[] = "MKV-MR-A";
  for (int i = 0; i < 8; i++) assert_int_equal(msa->state->item[4]->text[4 * i], LETTERS[i]);
  of3_map_close(&map);
  of3_arena_free(arena);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(zip_reads_members),           cmocka_unit_test(zip_refuses_faults),
      cmocka_unit_test(zip_refuses_truncation),      cmocka_unit_test(pickle_reads_integers),
      cmocka_unit_test(pickle_reads_containers),     cmocka_unit_test(pickle_grows_containers),
      cmocka_unit_test(pickle_keeps_foreign_opaque), cmocka_unit_test(pickle_makes_nodes),
      cmocka_unit_test(pickle_refuses_faults),       cmocka_unit_test(pickle_bounds_memory),
      cmocka_unit_test(pickle_shares_nodes),         cmocka_unit_test(npz_of_numpy_is_read),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
