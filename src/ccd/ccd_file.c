/* The mapped file: opening and finding. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/le.h"
#include "ccd/ccd_record.h"

struct of3_ccd {
  of3_map map; /* {0}: the bytes are in memory */
  void *owned; /* and belong to this */
  const uint8_t *data, *index;
  size_t size;
  int n;
  char newest[16], name[200];
};

static of3_status ccd_check(of3_ccd *c, of3_error *err) {
  const uint8_t *h = c->data;
  if (c->size < CCD_HEADER || memcmp(h, CCD_MAGIC, 8) != 0)
    return of3_fail(err, OF3_ERR_INPUT,
                    "'%s' is no dictionary of components as 'of3 ccd build' writes it; make one from "
                    "components.cif",
                    c->name);
  if (of3_le32(h + 8) != CCD_VERSION)
    return of3_fail(
        err, OF3_ERR_INPUT,
        "the dictionary '%s' has format %u, this program reads %d; make it again with 'of3 ccd build'",
        c->name, (unsigned)of3_le32(h + 8), CCD_VERSION);
  uint64_t n = of3_le32(h + 12), size = of3_le64(h + 16), index = of3_le64(h + 24);
  if (size != c->size || index < CCD_HEADER || index > size || (size - index) / CCD_INDEX < n ||
      n > INT32_MAX)
    return of3_fail(err, OF3_ERR_INPUT,
                    "the dictionary '%s' is cut or damaged; make it again with 'of3 ccd build'", c->name);
  c->n = (int)n;
  c->index = c->data + index;
  memcpy(c->newest, h + 32, sizeof c->newest - 1);
  return OF3_OK;
}

static of3_status ccd_open_any(const char *path, const void *bytes, size_t n, of3_ccd **ret_ccd,
                               of3_error *err) {
  *ret_ccd = NULL;
  of3_ccd *c = calloc(1, sizeof *c);
  if (!c) return of3_fail_memory(err, path);
  strncpy(c->name, path, sizeof c->name - 1);
  of3_status status = bytes ? OF3_OK : of3_map_open(path, &c->map, err);
  c->data = bytes ? bytes : c->map.data;
  c->size = bytes ? n : c->map.size;
  if (status == OF3_OK) status = ccd_check(c, err);
  if (status == OF3_OK)
    *ret_ccd = c;
  else
    of3_ccd_close(c);
  return status;
}

of3_status of3_ccd_open(const char *path, of3_ccd **ret_ccd, of3_error *err) {
  return ccd_open_any(path, NULL, 0, ret_ccd, err);
}

of3_status of3_ccd_open_bytes(const char *name, const void *bytes, size_t n, of3_ccd **ret_ccd,
                              of3_error *err) {
  return ccd_open_any(name, bytes, n, ret_ccd, err);
}

of3_status of3_ccd_open_owned(const char *name, void *bytes, size_t n, of3_ccd **ret_ccd, of3_error *err) {
  of3_status status = ccd_open_any(name, bytes, n, ret_ccd, err);
  if (status == OF3_OK)
    (*ret_ccd)->owned = bytes;
  else
    free(bytes);
  return status;
}

void of3_ccd_close(of3_ccd *c) {
  if (!c) return;
  free(c->owned);
  of3_map_close(&c->map);
  free(c);
}

int of3_ccd_count(const of3_ccd *c) { return c->n; }

const char *of3_ccd_newest(const of3_ccd *c) { return c->newest; }

of3_status of3_ccd_get(const of3_ccd *c, int i, of3_arena *arena, of3_ccd_entry **ret_entry, of3_error *err) {
  const uint8_t *row = c->index + (size_t)i * CCD_INDEX;
  uint64_t at = of3_le64(row + 8), n = of3_le32(row + 16);
  bool memory = false;
  of3_ccd_entry *e =
      at <= c->size && n <= c->size - at ? of3_ccd_unpack(c->data + at, (size_t)n, arena, &memory) : NULL;
  *ret_entry = e;
  if (memory) return of3_fail_memory(err, "a component");
  if (!e)
    return of3_fail(err, OF3_ERR_INPUT,
                    "component %d of the dictionary '%s' is damaged; make it again with 'of3 ccd build'", i,
                    c->name);
  memcpy(e->code, row, sizeof e->code - 1);
  return OF3_OK;
}

of3_status of3_ccd_find(const of3_ccd *c, const char *code, of3_arena *arena, of3_ccd_entry **ret_entry,
                        of3_error *err) {
  char key[8] = {0};
  int low = 0, high = c->n;
  *ret_entry = NULL;
  if (strlen(code) >= sizeof key) return OF3_OK;
  snprintf(key, sizeof key, "%s", code);
  while (low < high) {
    int middle = low + (high - low) / 2;
    int order = memcmp(key, c->index + (size_t)middle * CCD_INDEX, sizeof key);
    if (order == 0) return of3_ccd_get(c, middle, arena, ret_entry, err);
    if (order < 0)
      high = middle;
    else
      low = middle + 1;
  }
  return OF3_OK;
}
