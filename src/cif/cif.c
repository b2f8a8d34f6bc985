#define _POSIX_C_SOURCE 200809L
#include "cif/cif.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/gzip.h"
#include "base/number.h"
#include "base/str.h"
#include "cif/cif_parts.h"

of3_status of3_cif_over_limit(const of3_cif *c, of3_error *err) {
  return of3_fail(err, OF3_ERR_MEMORY, "'%.200s' needs more than the %.1f MB that may be used to read it",
                  c->name, (double)c->most * 1e-6);
}

of3_status of3_cif_not_text(const of3_cif *c, of3_error *err) {
  return of3_fail(err, OF3_ERR_INPUT, "'%.200s' is neither a CIF text nor a BinaryCIF file", c->name);
}

of3_status of3_cif_grow(of3_cif *c, void **array, size_t *room, size_t need, size_t size, of3_error *err) {
  if (need <= *room) return OF3_OK;
  size_t more = *room > need - need / 2 ? *room + *room / 2 : need + need / 2 + 16;
  if (more > c->most / size || c->most - c->taken < (more - *room) * size) {
    more = need;
    if (more > c->most / size || c->most - c->taken < (more - *room) * size)
      return of3_cif_over_limit(c, err);
  }
  void *grown = realloc(*array, more * size);
  if (!grown) return of3_fail_memory(err, c->name);
  c->taken += (more - *room) * size;
  *array = grown;
  *room = more;
  return OF3_OK;
}

static bool cif_same_name(of3_cif_slice a, of3_cif_slice b) {
  return a.n == b.n && strncasecmp(a.text, b.text, a.n) == 0;
}

void of3_cif_clear(of3_cif *c) {
  c->n_category = c->n_item = 0;
  c->n_cell = 0;
  c->block = (cif_span){0};
}

int of3_cif_find_category(const of3_cif *c, of3_cif_slice name) {
  for (int i = c->n_category - 1; i >= 0; i--)
    if (cif_same_name(cif_slice(c, c->category[i].name), name)) return i;
  return -1;
}

of3_status of3_cif_add_category(of3_cif *c, cif_span name, int *ret_category, of3_error *err) {
  if (c->n_category == CIF_MOST_CATEGORIES)
    return of3_fail(err, OF3_ERR_INPUT, "'%.200s' has more than %d categories in a data block", c->name,
                    CIF_MOST_CATEGORIES);
  size_t room = (size_t)c->category_room;
  OF3_TRY(of3_cif_grow(c, (void **)&c->category, &room, (size_t)c->n_category + 1, sizeof *c->category, err));
  c->category_room = (int)room;
  c->category[c->n_category] = (cif_category){.name = name, .first_item = -1, .last_item = -1};
  *ret_category = c->n_category++;
  return OF3_OK;
}

of3_status of3_cif_add_item(of3_cif *c, int category, cif_span name, cif_item **ret_item, of3_error *err) {
  if (c->n_item == CIF_MOST_ITEMS)
    return of3_fail(err, OF3_ERR_INPUT, "'%.200s' has more than %d columns in a data block", c->name,
                    CIF_MOST_ITEMS);
  size_t room = (size_t)c->item_room;
  OF3_TRY(of3_cif_grow(c, (void **)&c->item, &room, (size_t)c->n_item + 1, sizeof *c->item, err));
  c->item_room = (int)room;
  cif_category *k = &c->category[category];
  for (int i = k->first_item; i >= 0; i = c->item[i].next)
    if (cif_same_name(cif_slice(c, c->item[i].name), cif_slice(c, name)))
      return of3_fail(err, OF3_ERR_INPUT, "'%.200s' has the column '%.*s' of the category '%.*s' twice",
                      c->name, (int)(name.n < 60 ? name.n : 60), c->base + name.at,
                      (int)(k->name.n < 60 ? k->name.n : 60), c->base + k->name.at);
  c->item[c->n_item] = (cif_item){.name = name, .next = -1};
  if (k->last_item < 0)
    k->first_item = c->n_item;
  else
    c->item[k->last_item].next = c->n_item;
  k->last_item = c->n_item;
  k->n_item++;
  *ret_item = &c->item[c->n_item++];
  return OF3_OK;
}

/* ---- Opening */

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
  of3_cif_slice wanted = {item, strlen(item)};
  for (int i = in->first_item; i >= 0; i = c->item[i].next) {
    const cif_item *it = &c->item[i];
    if (!cif_same_name(cif_slice(c, it->name), wanted)) continue;
    if (c->binary) return of3_cif_binary_column(c, in, it, out, err);
    out->found = true;
    out->base = c->base;
    out->cell = c->cell ? c->cell + it->cell : NULL;
    out->stride = it->stride;
    return OF3_OK;
  }
  return OF3_OK;
}

/* ---- Values */

of3_cif_null of3_cif_null_of(const of3_cif_column *c, int64_t row) {
  if (!c->found || row < 0 || row >= c->n_row) return OF3_CIF_UNKNOWN;
  if (c->cell) return (of3_cif_null)(c->cell[(size_t)row * c->stride].length_kind & 3);
  if (c->mask && c->mask[row] != OF3_CIF_VALUE)
    return c->mask[row] == OF3_CIF_INAPPLICABLE ? OF3_CIF_INAPPLICABLE : OF3_CIF_UNKNOWN;
  return c->string && c->string[row] < 0 ? OF3_CIF_UNKNOWN : OF3_CIF_VALUE;
}

bool of3_cif_get_text(of3_cif_column *c, int64_t row, of3_cif_slice *out) {
  *out = (of3_cif_slice){"", 0};
  if (of3_cif_null_of(c, row) != OF3_CIF_VALUE) return false;
  if (c->cell) {
    const of3_cif_cell *cell = &c->cell[(size_t)row * c->stride];
    *out = (of3_cif_slice){c->base + cell->at, cell->length_kind >> 2};
  } else if (c->string) {
    int32_t s = c->string[row];
    *out = (of3_cif_slice){c->base + c->offset[s], (size_t)(c->offset[s + 1] - c->offset[s])};
  } else if (c->integer || c->real) {
    int n = c->integer ? of3_format(c->number, sizeof c->number, "%d", (int)c->integer[row])
                       : of3_format_f64(c->number, c->real[row]);
    *out = (of3_cif_slice){c->number, (size_t)n};
  }
  return true;
}

/* What strtod would take and CIF does not know: hexadecimal, "inf", "nan". Uncertainties, "1.23(4)", end the
 * number. Returns its length, 0: not a number. */
static size_t cif_number_length(of3_cif_slice s) {
  size_t n = 0;
  while (n < s.n && s.text[n] && strchr("+-.0123456789eE", s.text[n])) n++;
  if (n == s.n) return n;
  if (s.text[n] != '(' || s.text[s.n - 1] != ')') return 0;
  for (size_t i = n + 1; i + 1 < s.n; i++)
    if (s.text[i] < '0' || s.text[i] > '9') return 0;
  return n;
}

/* Decimals of up to 15 digits are the quotient of two exact doubles, rounded once. false: another number. */
static bool cif_short_decimal(const char *p, size_t n, double *out) {
  static const double power[] = {1,   1e1, 1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15};
  size_t i = n && (p[0] == '-' || p[0] == '+'), digits = 0, decimals = 0;
  int64_t mantissa = 0;
  bool point = false;
  if (n > 17) return false;
  for (; i < n; i++) {
    if (p[i] == '.' && !point) {
      point = true;
      continue;
    }
    if (p[i] < '0' || p[i] > '9') return false;
    mantissa = mantissa * 10 + (p[i] - '0');
    decimals += point;
    digits++;
  }
  if (digits == 0 || digits > 15) return false;
  *out = (double)mantissa / power[decimals];
  if (p[0] == '-') *out = -*out;
  return true;
}

static bool cif_parse_real(of3_cif_slice s, double *out) {
  char text[64], *end = NULL;
  size_t n = s.n ? cif_number_length(s) : 0;
  if (n == 0) return false;
  if (cif_short_decimal(s.text, n, out)) return true;
  if (n >= sizeof text) return false;
  memcpy(text, s.text, n);
  text[n] = 0;
  *out = of3_parse_f64(text, &end);
  return end == text + n && isfinite(*out);
}

bool of3_cif_get_real(of3_cif_column *c, int64_t row, double *out) {
  of3_cif_slice s;
  *out = 0;
  if (of3_cif_null_of(c, row) != OF3_CIF_VALUE) return false;
  if (c->integer) *out = c->integer[row];
  if (c->real) *out = c->real[row];
  if (c->integer || c->real) return isfinite(*out);
  return of3_cif_get_text(c, row, &s) && cif_parse_real(s, out);
}

bool of3_cif_get_integer(of3_cif_column *c, int64_t row, int64_t *out) {
  double x;
  *out = 0;
  if (!of3_cif_get_real(c, row, &x) || x != floor(x) || fabs(x) > 9e15) return false;
  *out = (int64_t)x;
  return true;
}

size_t of3_cif_copy(of3_cif_column *c, int64_t row, char *out, size_t size) {
  of3_cif_slice s;
  of3_cif_get_text(c, row, &s);
  size_t n = s.n < size ? s.n : size - 1;
  memcpy(out, s.text, n);
  out[n] = 0;
  return s.n;
}

bool of3_cif_is(of3_cif_column *c, int64_t row, const char *text) {
  of3_cif_slice s;
  return of3_cif_get_text(c, row, &s) && s.n == strlen(text) && memcmp(s.text, text, s.n) == 0;
}
