/* Checkpoints: archives that torch wrote (tests/fixtures/io, tools/make_io_fixtures.py: element i of a tensor
 * is its start + i) and archives made by hand, whose every part can be wrong. */
#define _POSIX_C_SOURCE 200809L
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "io/checkpoint.h"
#include "zip_maker.h"

#define ARRAY_LEN(a) (sizeof(a) / sizeof *(a))
#define FIXTURES     "tests/fixtures/io/"

static void assert_says(const of3_error *err, const char *part) {
  if (!strstr(err->text, part)) fail_msg("expected '...%s...', got '%s'", part, err->text);
}

static void open_or_fail(const char *path, of3_checkpoint *c) {
  of3_error err = {0};
  if (of3_checkpoint_open(path, SIZE_MAX, c, &err) != OF3_OK) fail_msg("%s", err.text);
}

/* An f32 tensor with this shape (0 ends it) and these values. */
static void assert_tensor(const of3_checkpoint *c, const char *name, int64_t rows, int64_t columns,
                          const float *value) {
  const of3_entry *e = of3_table_find(&c->weights, name);
  if (!e) fail_msg("'%s' is missing", name);
  assert_int_equal(e->dtype, OF3_F32);
  assert_int_equal(e->rank, columns ? 2 : 1);
  assert_int_equal(e->shape[0], rows);
  if (columns) assert_int_equal(e->shape[1], columns);
  for (int64_t i = 0; i < e->count; i++)
    if (((const float *)e->data)[i] != value[i])
      fail_msg("'%s' element %d is %g", name, (int)i, (double)((const float *)e->data)[i]);
}

/* ---- what torch writes ---- */

static const struct {
  const char *file, *layout;
  of3_file_format format;
} LAYOUTS[] = {
    {"flat.pt", "flat", OF3_FORMAT_TORCH},
    {"protocol4.pt", "flat", OF3_FORMAT_TORCH},
    {"zip64.pt", "flat", OF3_FORMAT_TORCH},
    {"no_crc.pt", "flat", OF3_FORMAT_TORCH},
    {"lightning.pt", "ema.params", OF3_FORMAT_TORCH},
    {"state_dict.pt", "state_dict", OF3_FORMAT_TORCH},
    {"deepspeed", "ema.params", OF3_FORMAT_DEEPSPEED},
};

/* The same three tensors; in the training layouts the raw weights are others. */
static void reads_every_layout(void **state) {
  (void)state;
  for (size_t i = 0; i < ARRAY_LEN(LAYOUTS); i++) {
    of3_checkpoint c = {0};
    char path[256];
    snprintf(path, sizeof path, FIXTURES "%s", LAYOUTS[i].file);
    open_or_fail(path, &c);
    assert_string_equal(c.layout, LAYOUTS[i].layout);
    assert_int_equal(c.format, LAYOUTS[i].format);
    assert_int_equal(c.weights.n, 3);
    assert_int_equal(c.n_skipped, 0);
    assert_int_equal(c.file_bytes, c.weights.map.size);
    assert_tensor(&c, "linear_z.weight", 2, 3, (float[]){0, 1, 2, 3, 4, 5});
    assert_tensor(&c, "linear_z.bias", 3, 0, (float[]){10, 11, 12});
    assert_tensor(&c, "version_tensor", 3, 0, (float[]){20, 21, 22});
    of3_checkpoint_close(&c);
  }
}

static void reads_modules(void **state) {
  (void)state;
  static const char *const FILES[] = {FIXTURES "ordered.pt", FIXTURES "parameters.pt"};
  for (size_t i = 0; i < ARRAY_LEN(FILES); i++) {
    of3_checkpoint c = {0};
    open_or_fail(FILES[i], &c);
    assert_int_equal(c.weights.n, 2);
    assert_tensor(&c, "linear_z.weight", 2, 3, (float[]){0, 1, 2, 3, 4, 5});
    assert_tensor(&c, "linear_z.bias", 2, 0, (float[]){10, 11});
    of3_checkpoint_close(&c);
  }
}

/* 1 .. 6 in each type, bit by bit; a scalar and an empty tensor. */
static void reads_every_type(void **state) {
  (void)state;
  static const uint16_t BF16[] = {0x3f80, 0x4000, 0x4040, 0x4080, 0x40a0, 0x40c0},
                        F16[] = {0x3c00, 0x4000, 0x4200, 0x4400, 0x4500, 0x4600};
  static const double F64[] = {1, 2, 3, 4, 5, 6};
  static const int32_t I32[] = {1, 2, 3, 4, 5, 6};
  static const int64_t I64[] = {1, 2, 3, 4, 5, 6};
  static const uint8_t U8[] = {1, 2, 3, 4, 5, 6};
  static const struct {
    const char *name;
    of3_dtype dtype;
    const void *data;
  } CASES[] = {{"bf16", OF3_BF16, BF16}, {"f16", OF3_F16, F16}, {"f64", OF3_F64, F64},
               {"i32", OF3_I32, I32},    {"i64", OF3_I64, I64}, {"u8", OF3_U8, U8}};
  of3_checkpoint c = {0};
  open_or_fail(FIXTURES "dtypes.pt", &c);
  for (size_t i = 0; i < ARRAY_LEN(CASES); i++) {
    const of3_entry *e = of3_table_find(&c.weights, CASES[i].name);
    assert_non_null(e);
    assert_int_equal(e->dtype, CASES[i].dtype);
    assert_int_equal(e->count, 6);
    assert_memory_equal(e->data, CASES[i].data, 6 * of3_dtype_size(e->dtype));
  }
  assert_tensor(&c, "f32", 2, 3, (float[]){1, 2, 3, 4, 5, 6});
  assert_int_equal(of3_table_find(&c.weights, "scalar")->rank, 0);
  assert_int_equal(of3_table_find(&c.weights, "empty")->count, 0);
  of3_checkpoint_close(&c);
}

/* Views of one storage: transposed, with an offset, with both; and a permuted cube. */
static void reads_strided_tensors(void **state) {
  (void)state;
  of3_checkpoint c = {0};
  float base[24], turned[24];
  for (int i = 0; i < 24; i++) base[i] = (float)i, turned[i] = (float)(i % 4 * 6 + i / 4);
  open_or_fail(FIXTURES "strided.pt", &c);
  assert_tensor(&c, "base", 4, 6, base);
  assert_tensor(&c, "transposed", 6, 4, turned);
  assert_tensor(&c, "row", 6, 0, base + 12);
  assert_tensor(&c, "column", 4, 0, (float[]){1, 7, 13, 19});
  assert_tensor(&c, "block", 2, 3, (float[]){8, 9, 10, 14, 15, 16});
  const of3_entry *cube = of3_table_find(&c.weights, "permuted"); /* [4, 2, 3] of [2, 3, 4] + 100 */
  assert_int_equal(cube->rank, 3);
  for (int i = 0; i < 24; i++) {
    int a = i / 6, b = i / 3 % 2, d = i % 3;
    assert_true(((const float *)cube->data)[i] == (float)(100 + 12 * b + 4 * d + a));
  }
  const uint8_t *row = of3_table_find(&c.weights, "row")->data;
  assert_true(row > c.weights.map.data &&
              row < c.weights.map.data + c.weights.map.size); /* dense: not copied */
  of3_checkpoint_close(&c);
}

static void skips_second_denoiser(void **state) {
  (void)state;
  of3_checkpoint c = {0};
  open_or_fail(FIXTURES "second.pt", &c);
  assert_int_equal(c.weights.n, 3);
  assert_int_equal(c.n_skipped, 4);
  assert_int_equal(c.skipped_bytes, 4 * (6 + 3 + 3 + 5));
  assert_non_null(of3_table_find(&c.weights, "diffusion_module.linear_z.bias"));
  of3_checkpoint_close(&c);
}

static const struct {
  const char *file, *says;
} REFUSED[] = {
    {"foreign.pt",
     "the weight 'settings' is made by the Python global 'argparse.Namespace', which is not executed"},
    {"malicious.pt",
     "the weight 'bad.weight' is made by the Python global 'posix.system', which is not executed"},
    {"number.pt", "the weight 'step' is an integer, not a tensor"},
    {"object.pt", "the checkpoint is an object of torch.nn.modules.module.Module, not a dictionary"},
    {"legacy.pt", "before version 1.6"},
    {"big_endian.pt", "big-endian"},
    {"deflated.pt", "is compressed"},
    {"msa.npz", "this is a zip archive but no torch checkpoint"},
    {"nothing.pt", "cannot open 'tests/fixtures/io/nothing.pt'"},
    {"../io", "the folder 'tests/fixtures/io/../io' is no DeepSpeed checkpoint: it has no file 'latest'"},
};

/* malicious.pt and the trainer state of lightning.pt would make Python run `touch of3-pickle-was-executed`.
 */
static void refuses_what_is_no_checkpoint(void **state) {
  (void)state;
  for (size_t i = 0; i < ARRAY_LEN(REFUSED); i++) {
    of3_checkpoint c = {0};
    of3_error err = {0};
    char path[256];
    snprintf(path, sizeof path, FIXTURES "%s", REFUSED[i].file);
    if (of3_checkpoint_open(path, SIZE_MAX, &c, &err) == OF3_OK) fail_msg("'%s' was read", path);
    assert_says(&err, REFUSED[i].says);
    assert_says(&err, path);
    assert_null(c.weights.arena);
  }
  assert_int_equal(access("of3-pickle-was-executed", F_OK), -1);
}

static const struct {
  const char *bytes, *says;
} NOT_CHECKPOINTS[] = {
    {"", "the file is empty"},
    {"version https://git-lfs.github.com/spec/v1\n", "Git LFS"},
    {"<!DOCTYPE html>", "a web page"},
    {"\x1f\x8b\x08", "gzip"},
    {"hello", "neither a torch archive nor safetensors"},
    {"PK", "truncated or corrupted"},
};

static void names_what_it_is_instead(void **state) {
  (void)state;
  for (size_t i = 0; i < ARRAY_LEN(NOT_CHECKPOINTS); i++) {
    of3_checkpoint c = {0};
    of3_error err = {0};
    const char *b = NOT_CHECKPOINTS[i].bytes;
    assert_int_equal(of3_checkpoint_parse((const uint8_t *)b, strlen(b), SIZE_MAX, &c, &err), OF3_ERR_INPUT);
    assert_says(&err, NOT_CHECKPOINTS[i].says);
  }
}

/* ---- damage ---- */

static of3_status parse_copy(const uint8_t *bytes, size_t n, size_t flipped, of3_error *err) {
  of3_checkpoint c = {0};
  uint8_t *copy = malloc(n ? n : 1); /* of its own, so that the address sanitizer sees a read beyond it */
  assert_non_null(copy);
  memcpy(copy, bytes, n);
  if (flipped < n) copy[flipped] ^= 0xff;
  of3_status status = of3_checkpoint_parse(copy, n, SIZE_MAX, &c, err);
  if (status == OF3_OK) assert_int_equal(c.weights.n, 3);
  of3_checkpoint_close(&c);
  free(copy);
  return status;
}

static void refuses_every_truncation(void **state) {
  (void)state;
  static const char *const FILES[] = {FIXTURES "flat.pt", FIXTURES "zip64.pt",
                                      "tests/fuzz/corpus/fuzz_safetensors/mixed.safetensors"};
  for (size_t i = 0; i < ARRAY_LEN(FILES); i++) {
    of3_map map = {0};
    of3_error err = {0};
    assert_int_equal(of3_map_open(FILES[i], &map, &err), OF3_OK);
    for (size_t n = 0; n < map.size; n++) {
      err = (of3_error){0};
      if (parse_copy(map.data, n, n, &err) == OF3_OK)
        fail_msg("%s was read from %zu of %zu bytes", FILES[i], n, map.size);
      assert_int_not_equal(err.text[0], 0);
    }
    of3_map_close(&map);
  }
}

/* A wrong byte is found wherever it matters: in the pickle by its checksum, elsewhere by its place. What is
 * left are fields that are not needed (times, versions, padding) and the weights themselves. */
static void finds_wrong_bytes(void **state) {
  (void)state;
  of3_map map = {0};
  of3_error err = {0};
  assert_int_equal(of3_map_open(FIXTURES "flat.pt", &map, &err), OF3_OK);
  const uint8_t *pickle = map.data + 64;
  while (memcmp(pickle, "\x80\x02}", 3) != 0) pickle++;
  for (size_t i = 0; i < map.size; i++) {
    of3_status status = parse_copy(map.data, map.size, i, &err);
    bool in_pickle = i >= (size_t)(pickle - map.data) && i < (size_t)(pickle - map.data) + 300;
    if (in_pickle && status == OF3_OK) fail_msg("a wrong byte at %zu was not noticed", i);
  }
  of3_map_close(&map);
}

/* ---- archives made by hand ---- */

static void pickle_text(of3_str *s, const char *text) {
  of3_str_add(s, "X");
  zip_put(s, strlen(text), 4);
  of3_str_add(s, text);
}

static void pickle_int(of3_str *s, int64_t value) {
  of3_str_addc(s, '\x8a', 1);
  of3_str_addc(s, 8, 1);
  zip_put(s, (uint64_t)value, 8);
}

static void pickle_ints(of3_str *s, const int64_t *value, int n) {
  of3_str_add(s, "(");
  for (int k = 0; k < n; k++) pickle_int(s, value[k]);
  of3_str_add(s, "t");
}

typedef struct tensor_spec {
  const char *says, *name, *storage, *key;
  int64_t count, offset; /* elements */
  int rank;
  int64_t shape[9], stride[9];
  const char *tail; /* in place of requires_grad and hooks */
} tensor_spec;

#define PLAIN_TAIL "\x89}"

static void pickle_tensor(of3_str *s, const tensor_spec *t) {
  pickle_text(s, t->name);
  of3_str_add(s, "ctorch._utils\n_rebuild_tensor_v2\n((");
  pickle_text(s, "storage");
  of3_str_addf(s, "c%s\n", t->storage);
  pickle_text(s, t->key);
  pickle_text(s, "cpu");
  pickle_int(s, t->count);
  of3_str_add(s, "tQ");
  pickle_int(s, t->offset);
  pickle_ints(s, t->shape, t->rank);
  pickle_ints(s, t->stride, t->rank);
  of3_str_add(s, t->tail ? t->tail : PLAIN_TAIL);
  of3_str_add(s, "tR");
}

/* An archive with this pickle and the storages "0" of 64, "1" of 12 and "2" of 4096 bytes: 0, 1, 2, ... as
 * f32. */
static of3_status parse_pickle(of3_str *pickle, of3_checkpoint *c, zip_maker *z, of3_error *err) {
  float value[1024];
  for (int i = 0; i < 1024; i++) value[i] = (float)i;
  zip_add(z, "a/data.pkl", pickle->text, pickle->len);
  zip_add(z, "a/data/0", value, 64);
  zip_add(z, "a/data/1", value, 12);
  zip_add(z, "a/data/2", value, 4096);
  zip_finish(z);
  return of3_checkpoint_parse((const uint8_t *)z->bytes.text, z->bytes.len, SIZE_MAX, c, err);
}

#define FLOAT "torch\nFloatStorage"

static const tensor_spec WRONG_TENSORS[] = {
    {"'w': its storage is missing", "w", FLOAT, "7", 3, 0, 1, {3}, {1}, NULL},
    {"'w': its storage has 12 bytes where 4 elements of f32", "w", FLOAT, "1", 4, 0, 1, {3}, {1}, NULL},
    {"'w': its storage has 64 bytes", "w", FLOAT, "0", INT64_MAX, 0, 1, {3}, {1}, NULL},
    {"'w': it reaches beyond its storage", "w", FLOAT, "1", 3, 1, 1, {3}, {1}, NULL},
    {"'w': it reaches beyond its storage", "w", FLOAT, "0", 16, 0, 2, {4, 4}, {5, 1}, NULL},
    {"'w': it reaches beyond its storage", "w", FLOAT, "0", 16, INT64_MAX, 1, {2}, {1}, NULL},
    {"'w': it reaches beyond its storage", "w", FLOAT, "0", 16, 0, 1, {3}, {INT64_MAX}, NULL},
    {"'w': it reaches beyond its storage", "w", FLOAT, "0", 16, 17, 1, {0}, {1}, NULL},
    {"'w': it reaches beyond its storage", "w", FLOAT, "1", 3, 0, 1, {1 << 20}, {0}, NULL}, /* expanded */
    {"'w': its shape is impossible", "w", FLOAT, "1", 3, 0, 2, {1LL << 32, 1LL << 32}, {0, 0}, NULL},
    {"'w': its shape or strides are not counts", "w", FLOAT, "1", 3, 0, 1, {-3}, {1}, NULL},
    {"'w': its shape or strides are not counts", "w", FLOAT, "1", 3, 2, 1, {3}, {-1}, NULL},
    {"'w': its offset is not a count", "w", FLOAT, "1", 3, -1, 1, {3}, {1}, NULL},
    {"'w': its storage is not described as torch does", "w", FLOAT, "1", -3, 0, 1, {3}, {1}, NULL},
    {"'w' has 9 dimensions; at most 8", "w", FLOAT, "1", 3, 0, 9, {1, 1, 1, 1, 1, 1, 1, 1, 1}, {0}, NULL},
    {"'w' is stored as 'torch.BoolStorage'", "w", "torch\nBoolStorage", "1", 3, 0, 1, {3}, {1}, NULL},
    {"'w' is made by the Python global 'os.system'", "w", "os\nsystem", "1", 3, 0, 1, {3}, {1}, NULL},
    {"'w' is made by the Python global 'os.system'",
     "w",
     FLOAT,
     "1",
     3,
     0,
     1,
     {3},
     {1},
     "\x89"
     "cos\nsystem\n"},
    {"'w' is made by the Python global 'os.system'", "w", FLOAT, "1", 3, 0, 1, {3}, {1}, "cos\nsystem\n)R}"},
    {"'w' carries hooks or metadata", "w", FLOAT, "1", 3, 0, 1, {3}, {1}, "\x89}K\x01K\x02s"},
    {"'w' carries hooks or metadata", "w", FLOAT, "1", 3, 0, 1, {3}, {1}, PLAIN_TAIL "}"},
    {"'w' is a result of torch._utils._rebuild_tensor_v2, not a tensor",
     "w",
     FLOAT,
     "1",
     3,
     0,
     1,
     {3},
     {1},
     "\x89"},
    {"empty name or one with control characters", "a\nb", FLOAT, "1", 3, 0, 1, {3}, {1}, NULL},
    {"empty name or one with control characters", "model.", FLOAT, "1", 3, 0, 1, {3}, {1}, NULL},
    {"holds no tensors", "sample_diffusion.w", FLOAT, "1", 3, 0, 1, {3}, {1}, NULL},
};

static void refuses_wrong_tensors(void **state) {
  (void)state;
  for (size_t i = 0; i < ARRAY_LEN(WRONG_TENSORS); i++) {
    of3_checkpoint c = {0};
    of3_error err = {0};
    of3_str s = {0};
    zip_maker z = {0};
    of3_str_add(&s, "\x80\x02}(");
    pickle_tensor(&s, &WRONG_TENSORS[i]);
    of3_str_add(&s, "u.");
    if (parse_pickle(&s, &c, &z, &err) == OF3_OK) fail_msg("case %zu was read", i);
    assert_says(&err, WRONG_TENSORS[i].says);
    of3_str_free(&s);
    zip_free(&z);
  }
}

static const tensor_spec GOOD = {NULL, "w", FLOAT, "1", 3, 0, 1, {3}, {1}, NULL};

/* Pickles around the tensor GOOD: before and after it. */
static const struct {
  const char *before, *after, *says;
} AROUND[] = {
    {"\x80\x02}(", "u.", NULL},
    {"\x80\x02}(U\x03"
     "emaNU\x0astate_dict}(",
     "uu.", NULL},
    {"\x80\x02}(U\x03"
     "ema}U\x06module}(",
     "uu.", NULL},
    {"\x80\x02}(U\x03"
     "ema}(U\x06params}(",
     "uuU\x0astate_dictK\x01u.", NULL},
    {"\x80\x02}(U\x03"
     "ema}(U\x05"
     "decay"
     "cos\nsystem\n)RU\x06params}(",
     "uuu.", NULL},
    {"\x80\x02}(U\x03"
     "emaca\nEMA\n)RU\x0astate_dict}(",
     "uu.", "'ema' of the checkpoint is an object of a.EMA, not a dictionary"},
    {"\x80\x02}(U\x03"
     "ema}(U\x06params]uU\x0astate_dict}(",
     "uu.", "'params' of the checkpoint is a list, not a dictionary"},
    {"\x80\x02}(U\x03"
     "ema}(U\x06params}uU\x0astate_dict}(",
     "uu.", "holds no tensors"},
    {"\x80\x02}(K\x01K\x02", "u.", "a name in the table of weights is an integer"},
    {"\x80\x02](", "e.", "the checkpoint is a list, not a dictionary"},
    {"\x80\x02}(", "u", "the pickle is truncated"},
};

static void finds_the_table_of_weights(void **state) {
  (void)state;
  for (size_t i = 0; i < ARRAY_LEN(AROUND); i++) {
    of3_checkpoint c = {0};
    of3_error err = {0};
    of3_str s = {0};
    zip_maker z = {0};
    of3_str_add(&s, AROUND[i].before);
    pickle_tensor(&s, &GOOD);
    of3_str_add(&s, AROUND[i].after);
    of3_status status = parse_pickle(&s, &c, &z, &err);
    if (AROUND[i].says)
      assert_says(&err, AROUND[i].says);
    else if (status != OF3_OK)
      fail_msg("case %zu: %s", i, err.text);
    else
      assert_tensor(&c, "w", 3, 0, (float[]){0, 1, 2});
    of3_checkpoint_close(&c);
    of3_str_free(&s);
    zip_free(&z);
  }
}

static of3_status parse_tensors(const tensor_spec *t, int n, of3_error *err) {
  of3_checkpoint c = {0};
  of3_str s = {0};
  zip_maker z = {0};
  of3_str_add(&s, "\x80\x02}(");
  for (int i = 0; i < n; i++) pickle_tensor(&s, &t[i]);
  of3_str_add(&s, "u.");
  of3_status status = parse_pickle(&s, &c, &z, err);
  of3_checkpoint_close(&c);
  of3_str_free(&s);
  zip_free(&z);
  return status;
}

/* "model.w" and "w" are one weight. */
static void refuses_double_names(void **state) {
  (void)state;
  of3_error err = {0};
  tensor_spec two[] = {GOOD, GOOD};
  two[0].name = "model.w";
  assert_int_equal(parse_tensors(two, 2, &err), OF3_ERR_INPUT);
  assert_says(&err, "two tensors are named 'w'");
}

/* Transposed views of one storage are cheap in the file and dear in memory: the copies are bounded by its
 * size. */
static void bounds_copies(void **state) {
  (void)state;
  of3_error err = {0};
  tensor_spec view[3];
  static const char *const NAME[] = {"a", "b", "c"};
  for (int i = 0; i < 3; i++)
    view[i] = (tensor_spec){NULL, NAME[i], FLOAT, "2", 1024, 0, 2, {2, 512}, {1, 2}, NULL};
  if (parse_tensors(view, 1, &err) != OF3_OK) fail_msg("%s", err.text);
  assert_int_equal(parse_tensors(view, 3, &err), OF3_ERR_INPUT);
  assert_says(&err, "tensors that are not dense take more memory than the whole file");
}

/* ---- DeepSpeed folders ---- */

static void write_text(const char *folder, const char *name, const char *text) {
  char path[256];
  of3_error err = {0};
  snprintf(path, sizeof path, "%s/%s", folder, name);
  if (of3_write_file(path, text, strlen(text), &err) != OF3_OK) fail_msg("%s", err.text);
}

static void assert_folder_says(const char *folder, const char *says) {
  of3_checkpoint c = {0};
  of3_error err = {0};
  assert_int_not_equal(of3_checkpoint_open(folder, SIZE_MAX, &c, &err), OF3_OK);
  assert_says(&err, says);
}

static void refuses_wrong_folders(void **state) {
  (void)state;
  char folder[] = "/tmp/of3-test-XXXXXX", tag[64], path[128];
  assert_non_null(mkdtemp(folder));
  assert_folder_says(folder, "it has no file 'latest'");
  write_text(folder, "latest", "");
  assert_folder_says(folder, "should hold the name of a folder");
  write_text(folder, "latest", "../elsewhere");
  assert_folder_says(folder, "should hold the name of a folder beside it, but holds '../elsewhere'");
  write_text(folder, "latest", "step5\n");
  assert_folder_says(folder, "step5' that 'latest' names: No such file");
  snprintf(tag, sizeof tag, "%s/step5", folder);
  assert_int_equal(mkdir(tag, 0700), 0);
  assert_folder_says(folder, "has 0 files *model_states.pt");
  write_text(tag, "mp_rank_00_model_states.pt", "PK");
  assert_folder_says(folder, "mp_rank_00_model_states.pt': the archive is truncated");
  write_text(tag, "mp_rank_01_model_states.pt", "PK");
  assert_folder_says(folder, "has 2 files *model_states.pt; exactly one is expected");
  for (int k = 0; k < 2; k++) {
    snprintf(path, sizeof path, "%s/mp_rank_0%d_model_states.pt", tag, k);
    unlink(path);
  }
  rmdir(tag);
  snprintf(path, sizeof path, "%s/latest", folder);
  unlink(path);
  assert_int_equal(rmdir(folder), 0);
}

/* ---- safetensors ---- */

static void reads_safetensors(void **state) {
  (void)state;
  of3_checkpoint c = {0};
  open_or_fail("tests/fuzz/corpus/fuzz_safetensors/mixed.safetensors", &c);
  assert_int_equal(c.format, OF3_FORMAT_SAFETENSORS);
  assert_string_equal(c.layout, "flat");
  assert_int_equal(c.weights.n, 5);
  assert_int_equal(c.n_skipped, 1);
  assert_int_equal(c.skipped_bytes, 0);
  assert_int_equal(of3_table_find(&c.weights, "b")->dtype, OF3_BF16);
  assert_string_equal(of3_table_meta(&c.weights, "variant"), "P2");
  of3_checkpoint_close(&c);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(reads_every_layout),
      cmocka_unit_test(reads_modules),
      cmocka_unit_test(reads_every_type),
      cmocka_unit_test(reads_strided_tensors),
      cmocka_unit_test(skips_second_denoiser),
      cmocka_unit_test(refuses_what_is_no_checkpoint),
      cmocka_unit_test(names_what_it_is_instead),
      cmocka_unit_test(refuses_every_truncation),
      cmocka_unit_test(finds_wrong_bytes),
      cmocka_unit_test(refuses_wrong_tensors),
      cmocka_unit_test(finds_the_table_of_weights),
      cmocka_unit_test(refuses_double_names),
      cmocka_unit_test(bounds_copies),
      cmocka_unit_test(refuses_wrong_folders),
      cmocka_unit_test(reads_safetensors),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
