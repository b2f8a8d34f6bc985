/* safetensors: 8 bytes little-endian header length, a JSON object
 *   { "name": {"dtype": "F32", "shape": [2, 3], "data_offsets": [begin, end]}, ..., "__metadata__": {"key":
 * "value"} } and the data; offsets count from the end of the header. */
#include "io/safetensors.h"

#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/le.h"
#include "io/table_build.h"

/* About 130,000 tensors; jansson's tree takes some 20 times as much. */
enum { MAX_HEADER = 16 << 20 };

typedef struct span {
  uint64_t begin, end;
  const char *name;
} span;

typedef struct reader {
  const uint8_t *data; /* behind the header */
  uint64_t size;
  of3_table *table;
  span *span;
  of3_error *err;
} reader;

static of3_status safetensors_wrong(reader *r, const char *tensor, const char *what) {
  return of3_fail(r->err, OF3_ERR_INPUT, "tensor '%.300s': %s; the file may be corrupted", tensor, what);
}

static of3_status safetensors_read_dtype(reader *r, const char *tensor, const json_t *value, of3_dtype *ret) {
  const char *text = json_string_value(value);
  if (!text) return safetensors_wrong(r, tensor, "it has no dtype");
  for (int t = 0; t < OF3_N_DTYPE; t++)
    if (strcmp(text, of3_dtype_stored((of3_dtype)t)) == 0) {
      *ret = (of3_dtype)t;
      return OF3_OK;
    }
  return of3_fail(r->err, OF3_ERR_UNSUPPORTED,
                  "tensor '%.300s' has dtype '%.40s'; F32, BF16, F16, F64, I32, I64 and U8 are read", tensor,
                  text);
}

static of3_status safetensors_read_shape(reader *r, const json_t *value, of3_entry *e) {
  if (!json_is_array(value)) return safetensors_wrong(r, e->name, "it has no shape");
  size_t rank = json_array_size(value);
  if (rank > OF3_MAX_RANK)
    return of3_fail(r->err, OF3_ERR_UNSUPPORTED, "tensor '%.300s' has %zu dimensions; at most %d are read",
                    e->name, rank, OF3_MAX_RANK);
  e->rank = (int)rank;
  for (size_t k = 0; k < rank; k++) {
    const json_t *size = json_array_get(value, k);
    if (!json_is_integer(size)) return safetensors_wrong(r, e->name, "its shape is not made of integers");
    e->shape[k] = json_integer_value(size);
  }
  if (!of3_shape_count(e->shape, e->rank, e->dtype, &e->count))
    return safetensors_wrong(r, e->name, "its shape is impossible");
  return OF3_OK;
}

static of3_status read_offsets(reader *r, const of3_entry *e, const json_t *value, span *out) {
  const json_t *begin = json_array_get(value, 0), *end = json_array_get(value, 1);
  if (json_array_size(value) != 2 || !json_is_integer(begin) || !json_is_integer(end) ||
      json_integer_value(begin) < 0 || json_integer_value(end) < json_integer_value(begin))
    return safetensors_wrong(r, e->name, "its data_offsets are not two ascending integers");
  *out = (span){(uint64_t)json_integer_value(begin), (uint64_t)json_integer_value(end), e->name};
  uint64_t bytes = (uint64_t)e->count * of3_dtype_size(e->dtype);
  if (out->end - out->begin != bytes)
    return of3_fail(
        r->err, OF3_ERR_INPUT,
        "tensor '%.300s' has %llu bytes where its shape and dtype need %llu; the file may be corrupted",
        e->name, (unsigned long long)(out->end - out->begin), (unsigned long long)bytes);
  if (out->end > r->size)
    return of3_fail(r->err, OF3_ERR_INPUT,
                    "tensor '%.300s' ends at byte %llu of the data, of which only %llu exist: the file is "
                    "truncated; copy or download it again",
                    e->name, (unsigned long long)out->end, (unsigned long long)r->size);
  return OF3_OK;
}

/* Data in the file, or a copy if they are not aligned there. */
static of3_status safetensors_place(reader *r, of3_entry *e, const span *s) {
  size_t n = (size_t)(s->end - s->begin);
  e->data = r->data + s->begin;
  if ((uintptr_t)e->data % of3_dtype_size(e->dtype) == 0) return OF3_OK;
  void *copy = of3_arena_alloc(r->table->arena, n, 1);
  if (!copy) return of3_fail_memory(r->err, "a tensor that is not aligned in its file");
  e->data = memcpy(copy, e->data, n);
  return OF3_OK;
}

static of3_status read_tensor(reader *r, const char *name, const json_t *value) {
  of3_entry *e = &r->table->entry[r->table->n];
  span *s = &r->span[r->table->n];
  e->name = of3_arena_strdup(r->table->arena, name);
  if (!e->name) return of3_fail_memory(r->err, "a table of tensors");
  if (!json_is_object(value)) return safetensors_wrong(r, name, "it is not described by an object");
  OF3_TRY(safetensors_read_dtype(r, e->name, json_object_get(value, "dtype"), &e->dtype));
  OF3_TRY(safetensors_read_shape(r, json_object_get(value, "shape"), e));
  OF3_TRY(read_offsets(r, e, json_object_get(value, "data_offsets"), s));
  r->table->n++;
  return OF3_OK;
}

static of3_status read_meta(reader *r, json_t *meta) {
  of3_table *t = r->table;
  const char *key;
  json_t *value;
  if (!json_is_object(meta))
    return of3_fail(r->err, OF3_ERR_INPUT, "__metadata__ is not an object; the file may be corrupted");
  size_t n = json_object_size(meta);
  t->meta_key = OF3_ARENA_NEW(t->arena, const char *, n);
  t->meta_value = OF3_ARENA_NEW(t->arena, const char *, n);
  if (!t->meta_key || !t->meta_value) return of3_fail_memory(r->err, "metadata");
  json_object_foreach(meta, key, value) {
    const char *text = json_string_value(value);
    if (!text)
      return of3_fail(r->err, OF3_ERR_INPUT,
                      "__metadata__ '%.100s' is not a string; the file may be corrupted", key);
    t->meta_key[t->n_meta] = of3_arena_strdup(t->arena, key);
    t->meta_value[t->n_meta] = of3_arena_strdup(t->arena, text);
    if (!t->meta_key[t->n_meta] || !t->meta_value[t->n_meta]) return of3_fail_memory(r->err, "metadata");
    t->n_meta++;
  }
  return OF3_OK;
}

static int by_begin(const void *a, const void *b) {
  const span *x = a, *y = b;
  return x->begin != y->begin ? (x->begin > y->begin) - (x->begin < y->begin)
                              : (x->end > y->end) - (x->end < y->end);
}

static of3_status check_overlap(reader *r) {
  size_t n = (size_t)r->table->n;
  if (n > 0) qsort(r->span, n, sizeof *r->span, by_begin);
  for (size_t i = 1; i < n; i++)
    if (r->span[i].begin < r->span[i - 1].end)
      return of3_fail(r->err, OF3_ERR_INPUT,
                      "tensors '%.200s' and '%.200s' overlap; the file may be corrupted", r->span[i - 1].name,
                      r->span[i].name);
  return OF3_OK;
}

static of3_status read_header(reader *r, json_t *root) {
  of3_table *t = r->table;
  const char *name;
  json_t *value;
  if (!json_is_object(root))
    return of3_fail(r->err, OF3_ERR_INPUT, "the header is not a JSON object; this is no safetensors file");
  t->entry = OF3_ARENA_NEW(t->arena, of3_entry, json_object_size(root));
  if (!t->entry || !r->span) return of3_fail_memory(r->err, "a table of tensors");
  json_object_foreach(root, name, value) {
    if (strcmp(name, "__metadata__") == 0)
      OF3_TRY(read_meta(r, value));
    else
      OF3_TRY(read_tensor(r, name, value));
  }
  for (int i = 0; i < t->n; i++) OF3_TRY(safetensors_place(r, &t->entry[i], &r->span[i]));
  OF3_TRY(check_overlap(r));
  return of3_table_finish(t, r->err);
}

static of3_status parse_header(const uint8_t *bytes, uint64_t n, reader *r) {
  json_error_t at;
  size_t need = 0;
  OF3_TRY(of3_json_check((const char *)bytes, (size_t)n, of3_arena_room(r->table->arena), &need, r->err));
  of3_arena_limit(r->table->arena, of3_arena_room(r->table->arena) - need);
  json_t *root = of3_json_load((const char *)bytes, (size_t)n, &at);
  if (!root && (json_error_code(&at) == json_error_out_of_memory || !at.text[0]))
    return of3_fail_memory(r->err, "a table of tensors");
  if (!root)
    return of3_fail(r->err, OF3_ERR_INPUT,
                    "the header of the safetensors file is not valid JSON at byte %d: %s", at.position,
                    at.text);
  r->span = calloc(json_object_size(root) + 1, sizeof *r->span);
  of3_status status = read_header(r, root);
  free(r->span);
  json_decref(root);
  return status;
}

of3_status of3_safetensors_parse_within(const uint8_t *bytes, size_t size, size_t most_memory, of3_table *out,
                                        of3_error *err) {
  *out = (of3_table){0};
  if (size < 8) return of3_fail(err, OF3_ERR_INPUT, "%zu bytes are too few for a safetensors file", size);
  uint64_t n = of3_le64(bytes);
  if (n > MAX_HEADER)
    return of3_fail(
        err, OF3_ERR_INPUT,
        "this is no safetensors file: its first 8 bytes announce a header of %llu bytes, at most %d are read",
        (unsigned long long)n, MAX_HEADER);
  if (n > size - 8)
    return of3_fail(
        err, OF3_ERR_INPUT,
        "the file ends inside its header of %llu bytes: it is truncated; copy or download it again",
        (unsigned long long)n);
  out->arena = of3_arena_new(0);
  if (!out->arena) return of3_fail_memory(err, "a table of tensors");
  of3_arena_limit(out->arena, most_memory);
  reader r = {.data = bytes + 8 + n, .size = size - 8 - n, .table = out, .err = err};
  of3_status status = parse_header(bytes + 8, n, &r);
  if (status != OF3_OK) of3_table_close(out);
  return status;
}

of3_status of3_safetensors_parse(const uint8_t *bytes, size_t size, of3_table *out, of3_error *err) {
  return of3_safetensors_parse_within(bytes, size, SIZE_MAX, out, err);
}

of3_status of3_safetensors_open(const char *path, of3_table *out, of3_error *err) {
  of3_map map = {0};
  *out = (of3_table){0};
  OF3_TRY(of3_map_open(path, &map, err));
  of3_status status = of3_safetensors_parse(map.data, map.size, out, err);
  if (status != OF3_OK) {
    of3_map_close(&map);
    return of3_prefix(err, "'%s'", path);
  }
  out->map = map;
  return OF3_OK;
}
