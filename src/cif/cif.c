/* Files of either kind: opening them, going from block to block (cif_text.c, cif_binary.c), and what a block
 * holds. */
#define _POSIX_C_SOURCE 200809L
#include "cif/cif.h"

#include <stdlib.h>
#include <string.h>

#include "base/gzip.h"
#include "base/str.h"
#include "cif/cif_parts.h"

static bool cif_looks_binary(const uint8_t *p, size_t n) {
  return n > 0 && ((p[0] >= 0x80 && p[0] <= 0x8f) || p[0] == 0xde || p[0] == 0xdf);
}

static of3_cif *cif_new(const char *name, size_t most, of3_error *err) {
  of3_cif *c = calloc(1, sizeof *c);
  if (c) c->name = strdup(name);
  if (c && c->name) {
    c->most = most;
    c->line = 1;
    return c;
  }
  free(c);
  (void)of3_fail_memory(err, name);
  return NULL;
}

/* A BinaryCIF file that is packed is unpacked as a whole. */
static of3_status cif_open_packed(of3_cif *c, of3_error *err) {
  size_t n = 0;
  char *text = NULL;
  c->unpacked = of3_arena_new(0);
  if (!c->unpacked) return of3_fail_memory(err, c->name);
  of3_arena_limit(c->unpacked, c->most);
  OF3_TRY(of3_gunzip(c->name, c->most, NULL, c->unpacked, &text, &n, err));
  c->taken += n;
  c->base = text;
  c->base_size = n;
  return of3_cif_binary_open(c, err);
}

static of3_status cif_open_any(of3_cif *c, of3_error *err) {
  uint8_t first = 0;
  size_t n = 0;
  OF3_TRY(of3_stream_open(c->name, &c->stream, err));
  OF3_TRY(of3_stream_read(c->stream, &first, 1, &n, err));
  c->binary = cif_looks_binary(&first, n);
  if (c->binary) {
    of3_stream_close(c->stream);
    c->stream = NULL;
    OF3_TRY(of3_map_open(c->name, &c->map, err));
    if (c->map.size && c->map.data[0] == 0x1f) return cif_open_packed(c, err);
    c->base = (const char *)c->map.data;
    c->base_size = c->map.size;
    return of3_cif_binary_open(c, err);
  }
  OF3_TRY(of3_cif_grow(c, (void **)&c->buffer, &c->room, 1 << 16, 1, err));
  c->buffer[0] = (char)first;
  c->buffer[n] = 0;
  c->filled = n;
  return n && !first ? of3_cif_not_text(c, err) : OF3_OK;
}

of3_status of3_cif_open(const char *path, size_t most, of3_cif **ret_cif, of3_error *err) {
  *ret_cif = NULL;
  of3_cif *c = cif_new(path, most, err);
  if (!c) return OF3_ERR_MEMORY;
  of3_status status = cif_open_any(c, err);
  if (status == OF3_OK)
    *ret_cif = c;
  else
    of3_cif_close(c);
  return status;
}

static of3_status cif_open_copy(of3_cif *c, const void *bytes, size_t n, of3_error *err) {
  c->ended = true;
  if (cif_looks_binary(bytes, n)) {
    c->binary = true;
    c->base = bytes;
    c->base_size = n;
    return of3_cif_binary_open(c, err);
  }
  if (n > CIF_MOST_BYTES) return of3_cif_over_limit(c, err);
  OF3_TRY(of3_cif_grow(c, (void **)&c->buffer, &c->room, n + 1, 1, err));
  if (n) memcpy(c->buffer, bytes, n);
  c->buffer[n] = 0;
  c->filled = n;
  if (memchr(c->buffer, 0, n)) return of3_cif_not_text(c, err);
  return OF3_OK;
}

of3_status of3_cif_open_bytes(const char *name, const void *bytes, size_t n, size_t most, of3_cif **ret_cif,
                              of3_error *err) {
  *ret_cif = NULL;
  of3_cif *c = cif_new(name, most, err);
  if (!c) return OF3_ERR_MEMORY;
  of3_status status = cif_open_copy(c, bytes, n, err);
  if (status == OF3_OK)
    *ret_cif = c;
  else
    of3_cif_close(c);
  return status;
}

void of3_cif_close(of3_cif *c) {
  if (!c) return;
  of3_stream_close(c->stream);
  of3_map_close(&c->map);
  of3_arena_free(c->unpacked);
  of3_arena_free(c->decoded);
  free(c->category);
  free(c->item);
  free(c->buffer);
  free(c->cell);
  free(c->name);
  free(c);
}

/* ---- The open block */

of3_status of3_cif_next(of3_cif *c, bool *ret_found, of3_error *err) {
  *ret_found = false;
  of3_cif_clear(c);
  return c->binary ? of3_cif_binary_next(c, ret_found, err) : of3_cif_text_next(c, ret_found, err);
}

of3_cif_slice of3_cif_block_name(const of3_cif *c) { return cif_slice(c, c->block); }

const char *of3_cif_file_name(const of3_cif *c) { return c->name; }

int of3_cif_n_category(const of3_cif *c) { return c->n_category; }

of3_cif_slice of3_cif_category_name(const of3_cif *c, int i) { return cif_slice(c, c->category[i].name); }

int of3_cif_n_column(const of3_cif *c, int i) { return c->category[i].n_item; }

of3_cif_slice of3_cif_column_name(const of3_cif *c, int i, int column) {
  int item = c->category[i].first_item;
  while (column-- > 0) item = c->item[item].next;
  return cif_slice(c, c->item[item].name);
}

int64_t of3_cif_rows(const of3_cif *c, const char *category) {
  int k = of3_cif_find_category(c, (of3_cif_slice){category, strlen(category)});
  return k < 0 ? 0 : c->category[k].n_row;
}

of3_status of3_cif_column_open(of3_cif *c, const char *category, const char *item, of3_cif_column *out,
                               of3_error *err) {
  *out = (of3_cif_column){0};
  int k = of3_cif_find_category(c, (of3_cif_slice){category, strlen(category)});
  if (k < 0) return OF3_OK;
  const cif_category *in = &c->category[k];
  out->n_row = in->n_row;
  const int i = of3_cif_find_item(c, k, (of3_cif_slice){item, strlen(item)});
  if (i < 0) return OF3_OK;
  const cif_item *it = &c->item[i];
  if (c->binary) return of3_cif_binary_column(c, in, it, out, err);
  out->found = true;
  out->base = c->base;
  out->cell = c->cell ? c->cell + it->cell : NULL;
  out->stride = it->stride;
  return OF3_OK;
}
