#include <stdlib.h>
#include <string.h>

#include "io/table_build.h"

const char *of3_dtype_stored(of3_dtype t) {
  static const char *const NAME[OF3_N_DTYPE] = {
      [OF3_F32] = "F32", [OF3_BF16] = "BF16", [OF3_F16] = "F16", [OF3_F64] = "F64",
      [OF3_I32] = "I32", [OF3_I64] = "I64",   [OF3_U8] = "U8"};
  return NAME[t];
}

void of3_table_close(of3_table *t) {
  of3_arena_free(t->arena);
  of3_map_close(&t->map);
  *t = (of3_table){0};
}

static int table_by_name(const void *a, const void *b) {
  return strcmp(((const of3_entry *)a)->name, ((const of3_entry *)b)->name);
}

const of3_entry *of3_table_find(const of3_table *t, const char *name) {
  of3_entry key = {.name = name};
  return t->n ? bsearch(&key, t->entry, (size_t)t->n, sizeof key, table_by_name) : NULL;
}

void of3_table_release(const of3_table *t, const of3_entry *e) {
  of3_map_release(&t->map, e->data, (size_t)e->count * of3_dtype_size(e->dtype));
}

const char *of3_table_meta(const of3_table *t, const char *key) {
  for (int i = 0; i < t->n_meta; i++)
    if (strcmp(t->meta_key[i], key) == 0) return t->meta_value[i];
  return NULL;
}

bool of3_shape_count(const int64_t *shape, int rank, of3_dtype dtype, int64_t *ret_count) {
  int64_t count = 1, bytes;
  for (int k = 0; k < rank; k++)
    if (shape[k] < 0 || __builtin_mul_overflow(count, shape[k], &count)) return false;
  *ret_count = count;
  return !__builtin_mul_overflow(count, (int64_t)of3_dtype_size(dtype), &bytes);
}

static bool printable(const char *name) {
  for (const char *c = name; *c; c++)
    if ((unsigned char)*c < ' ' || *c == 0x7f) return false;
  return *name != 0;
}

of3_status of3_table_finish(of3_table *t, of3_error *err) {
  if (t->n > 0) qsort(t->entry, (size_t)t->n, sizeof *t->entry, table_by_name);
  for (int i = 0; i < t->n; i++) {
    if (!printable(t->entry[i].name))
      return of3_fail(err, OF3_ERR_INPUT,
                      "a tensor has an empty name or one with control characters; the file may be corrupted");
    if (i > 0 && table_by_name(&t->entry[i - 1], &t->entry[i]) == 0)
      return of3_fail(err, OF3_ERR_INPUT, "two tensors are named '%.300s'; names must be unique",
                      t->entry[i].name);
  }
  return OF3_OK;
}

static bool skip_prefix(const char **name, const char *prefix) {
  size_t n = strlen(prefix);
  if (strncmp(*name, prefix, n) != 0) return false;
  *name += n;
  return true;
}

const char *of3_weight_name(const char *name) {
  while (skip_prefix(&name, "model.") || skip_prefix(&name, "module.")) {
  }
  return skip_prefix(&name, "sample_diffusion.") ? NULL : name;
}
