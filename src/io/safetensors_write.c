/* Writing safetensors: the header is known before any data, so data can be made while they are written. */
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "io/table_build.h"

static uint64_t safetensors_write_bytes_of(const of3_entry *e) {
  return (uint64_t)e->count * of3_dtype_size(e->dtype);
}

/* Adds a value whose reference is taken over; false if it is NULL (out of memory or no UTF-8) or cannot be
 * added. */
static bool add(json_t *object, const char *key, json_t *value) {
  return value && json_object_set_new(object, key, value) == 0;
}

static json_t *safetensors_write_describe(const of3_entry *e, uint64_t at) {
  json_t *shape = json_array(), *tensor = json_object();
  bool ok = shape && tensor;
  for (int k = 0; ok && k < e->rank; k++) ok = json_array_append_new(shape, json_integer(e->shape[k])) == 0;
  ok = ok && add(tensor, "dtype", json_string(of3_dtype_stored(e->dtype))) &&
       json_object_set(tensor, "shape", shape) == 0 &&
       add(tensor, "data_offsets",
           json_pack("[I,I]", (json_int_t)at, (json_int_t)at + (json_int_t)safetensors_write_bytes_of(e)));
  json_decref(shape);
  if (ok) return tensor;
  json_decref(tensor);
  return NULL;
}

static bool fill_header(json_t *root, const of3_entry *const *order, int n, const char *const *meta,
                        int n_meta) {
  if (n_meta > 0) {
    json_t *object = json_object();
    if (!add(root, "__metadata__", object)) return false;
    for (int i = 0; i < n_meta; i++)
      if (!add(object, meta[2 * i], json_string(meta[2 * i + 1]))) return false;
  }
  uint64_t at = 0;
  for (int i = 0; i < n; at += safetensors_write_bytes_of(order[i++]))
    if (!add(root, order[i]->name, safetensors_write_describe(order[i], at))) return false;
  return json_object_size(root) == (size_t)n + (n_meta > 0);
}

/* Length and text; padded so that the data start at a multiple of 8. Adds its bytes to *size. */
static of3_status write_header(FILE *f, const of3_entry *const *order, int n, const char *const *meta,
                               int n_meta, uint64_t *size, of3_error *err) {
  json_t *root = json_object();
  char *text = root && fill_header(root, order, n, meta, n_meta) ? of3_json_dump(root, JSON_COMPACT) : NULL;
  json_decref(root);
  if (!text)
    return of3_fail(
        err, OF3_ERR_INPUT,
        "the header of the safetensors file cannot be made: memory is out, or a name is repeated or "
        "not UTF-8");
  size_t used = strlen(text), padded = (used + 7) / 8 * 8;
  uint8_t length[8];
  for (int k = 0; k < 8; k++) length[k] = (uint8_t)((uint64_t)padded >> 8 * k);
  fwrite(length, 1, sizeof length, f);
  fwrite(text, 1, used, f);
  for (size_t k = used; k < padded; k++) fputc(' ', f);
  *size += sizeof length + padded;
  free(text);
  return OF3_OK;
}

/* Wider types first, otherwise as given. */
static const of3_entry **order_of(const of3_entry *entry, int n) {
  const of3_entry **order = calloc((size_t)n + 1, sizeof *order);
  int at = 0;
  for (size_t size = 8; order && size > 0; size /= 2)
    for (int i = 0; i < n; i++)
      if (of3_dtype_size(entry[i].dtype) == size) order[at++] = &entry[i];
  return order;
}

of3_status of3_safetensors_stream(const char *path, const of3_entry *entry, int n, const char *const *meta,
                                  int n_meta, of3_put_tensor *put, void *user, uint64_t *opt_size,
                                  of3_error *err) {
  of3_out out = {0};
  uint64_t size = 0;
  const of3_entry **order = order_of(entry, n);
  if (!order) return of3_fail_memory(err, "a table of tensors");
  of3_status status = of3_out_open_any(&out, path, err);
  if (status == OF3_OK) status = write_header(out.f, order, n, meta, n_meta, &size, err);
  for (int i = 0; status == OF3_OK && i < n && !ferror(out.f); i++) {
    size += safetensors_write_bytes_of(order[i]);
    status = put(user, out.f, order[i], err);
  }
  free(order);
  if (opt_size) *opt_size = size;
  if (status == OF3_OK) return of3_out_commit(&out, err);
  of3_out_abort(&out);
  return status;
}

static of3_status put_dense(void *user, FILE *f, const of3_entry *e, of3_error *err) {
  (void)user;
  (void)err; /* a failed write is seen at commit */
  fwrite(e->data, of3_dtype_size(e->dtype), (size_t)e->count, f);
  return OF3_OK;
}

of3_status of3_safetensors_write(const char *path, const of3_entry *entry, int n, const char *const *meta,
                                 int n_meta, of3_error *err) {
  return of3_safetensors_stream(path, entry, n, meta, n_meta, put_dense, NULL, NULL, err);
}
