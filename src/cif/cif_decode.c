/* The encodings of BinaryCIF. A column's list names them in the order in which they were applied; they are
 * undone from the last to the first:
 *
 *   bytes -> ByteArray -> [IntegerPacking -> RunLength, Delta -> FixedPoint or IntervalQuantization] ->
 * numbers StringArray: its data are indices, its offsets cut its text into strings; both are encoded lists of
 * their own
 *
 * Every size is checked before memory is taken, which comes from arenas with a limit: what one encoding
 * leaves to the next is gone when the column is decoded, and only its last form is kept. FixedPoint that was
 * applied first is not undone but noted, so that a column of coordinates takes 4 bytes for each and not 8. */
#include <math.h>
#include <string.h>

#include "base/le.h"
#include "cif/cif_parts.h"
#include "cif/msgpack.h"

enum { CIF_MOST_ENCODINGS = 8 };

typedef struct bcif_encoding {
  cif_span kind;
  int64_t type, size, origin, steps, bytes;
  double factor, min, max;
  bool is_unsigned;
  cif_span text, offsets, offset_encoding, data_encoding;
} bcif_encoding;

static msgpack decode_at(const of3_cif *c, size_t at) {
  return (msgpack){(const uint8_t *)c->base, c->base_size, at};
}

static cif_span decode_span(const msgpack_value *v) { return (cif_span){(uint32_t)v->at, (uint32_t)v->n}; }

static void decode_member(const msgpack *m, const msgpack_value *key, const msgpack_value *v, cif_span whole,
                          bcif_encoding *e) {
  const struct {
    const char *name;
    int64_t *to;
  } integers[] = {{"type", &e->type},
                  {"srcSize", &e->size},
                  {"origin", &e->origin},
                  {"numSteps", &e->steps},
                  {"byteCount", &e->bytes}};
  const struct {
    const char *name;
    double *to;
  } reals[] = {{"factor", &e->factor}, {"min", &e->min}, {"max", &e->max}};
  for (size_t i = 0; i < sizeof integers / sizeof *integers; i++)
    if (v->kind == MSGPACK_INTEGER && of3_msgpack_is(m, key, integers[i].name)) *integers[i].to = v->integer;
  for (size_t i = 0; i < sizeof reals / sizeof *reals; i++)
    if ((v->kind == MSGPACK_INTEGER || v->kind == MSGPACK_REAL) && of3_msgpack_is(m, key, reals[i].name))
      *reals[i].to = v->real;
  if (of3_msgpack_is(m, key, "isUnsigned")) e->is_unsigned = v->integer != 0;
  if (of3_msgpack_is(m, key, "kind") && v->kind == MSGPACK_TEXT) e->kind = decode_span(v);
  if (of3_msgpack_is(m, key, "stringData") && v->kind == MSGPACK_TEXT) e->text = decode_span(v);
  if (of3_msgpack_is(m, key, "offsets") && v->kind == MSGPACK_BYTES) e->offsets = decode_span(v);
  if (of3_msgpack_is(m, key, "offsetEncoding")) e->offset_encoding = whole;
  if (of3_msgpack_is(m, key, "dataEncoding")) e->data_encoding = whole;
}

/* Returns how many encodings there are, -1 if the list is damaged. */
static int decode_read_list(const of3_cif *c, cif_span list, bcif_encoding *out) {
  msgpack m = decode_at(c, list.at);
  msgpack_value head, map, key, v;
  if (!of3_msgpack_expect(&m, MSGPACK_ARRAY, &head) || head.n == 0 || head.n > CIF_MOST_ENCODINGS) return -1;
  for (size_t i = 0; i < head.n; i++) {
    out[i] = (bcif_encoding){0};
    if (!of3_msgpack_expect(&m, MSGPACK_MAP, &map)) return -1;
    for (size_t k = 0; k < map.n; k++) {
      if (!of3_msgpack_read(&m, &key)) return -1;
      size_t at = m.at;
      if (!of3_msgpack_read(&m, &v)) return -1;
      m.at = at;
      if (!of3_msgpack_skip(&m)) return -1;
      decode_member(&m, &key, &v, (cif_span){(uint32_t)at, (uint32_t)(m.at - at)}, &out[i]);
    }
  }
  return (int)head.n;
}

static bool decode_is(const of3_cif *c, const bcif_encoding *e, const char *kind) {
  return e->kind.n == strlen(kind) && memcmp(c->base + e->kind.at, kind, e->kind.n) == 0;
}

static bool decode_allocate(of3_cif *c, int64_t n, bool real, cif_array *out) {
  *out = (cif_array){.n = n};
  if (real)
    out->real = OF3_ARENA_NEW(c->decoding, double, n);
  else
    out->integer = OF3_ARENA_NEW(c->decoding, int32_t, n);
  return out->real || out->integer;
}

static int32_t byte_array_integer(const uint8_t *p, int64_t type) {
  switch (type) {
  case 1:
    return (int8_t)*p;
  case 2:
    return (int16_t)of3_le16(p);
  case 4:
    return *p;
  case 5:
    return of3_le16(p);
  default:
    return (int32_t)of3_le32(p);
  }
}

static double byte_array_real(const uint8_t *p, int64_t type) {
  if (type == 32) {
    uint32_t word = of3_le32(p);
    float x;
    memcpy(&x, &word, sizeof x);
    return x;
  }
  uint64_t word = of3_le64(p);
  double x;
  memcpy(&x, &word, sizeof x);
  return x;
}

/* Types 1 to 6: int8, int16, int32, uint8, uint16, uint32; 32, 33: float, double. */
static bool decode_byte_array(of3_cif *c, const bcif_encoding *e, cif_span data, cif_array *out,
                              const char **why) {
  static const int width[7] = {0, 1, 2, 4, 1, 2, 4};
  const uint8_t *p = (const uint8_t *)c->base + data.at;
  bool real = e->type == 32 || e->type == 33;
  int bytes = real ? (e->type == 32 ? 4 : 8) : e->type >= 1 && e->type <= 6 ? width[e->type] : 0;
  if (bytes == 0 || data.n % (uint32_t)bytes) {
    *why = "its bytes are no whole numbers of a known type";
    return false;
  }
  if (!decode_allocate(c, data.n / (uint32_t)bytes, real, out)) return false;
  for (int64_t i = 0; i < out->n; i++, p += bytes) {
    if (real)
      out->real[i] = byte_array_real(p, e->type);
    else
      out->integer[i] = byte_array_integer(p, e->type);
    if (e->type == 6 && out->integer[i] < 0) {
      *why = "it has a number above 2^31 - 1";
      return false;
    }
  }
  return true;
}

static bool decode_fixed_point(of3_cif *c, const bcif_encoding *e, bool last, cif_array *a,
                               const char **why) {
  cif_array out;
  if (!a->integer || !isfinite(e->factor) || e->factor == 0) {
    *why = "its FixedPoint encoding has no factor or no whole numbers";
    return false;
  }
  if (last) {
    a->factor = e->factor;
    return true;
  }
  if (!decode_allocate(c, a->n, true, &out)) return false;
  for (int64_t i = 0; i < a->n; i++) out.real[i] = a->integer[i] / e->factor;
  *a = out;
  return true;
}

static bool decode_interval(of3_cif *c, const bcif_encoding *e, cif_array *a, const char **why) {
  cif_array out;
  if (!a->integer || e->steps < 2 || !isfinite(e->min) || !isfinite(e->max)) {
    *why = "its IntervalQuantization encoding has no limits or no whole numbers";
    return false;
  }
  if (!decode_allocate(c, a->n, true, &out)) return false;
  const double step = (e->max - e->min) / (double)(e->steps - 1);
  for (int64_t i = 0; i < a->n; i++) out.real[i] = e->min + a->integer[i] * step;
  *a = out;
  return true;
}

/* Pairs of value and count. */
static bool decode_run_length(of3_cif *c, const bcif_encoding *e, cif_array *a, const char **why) {
  cif_array out;
  int64_t n = 0;
  bool ok = a->integer && a->n % 2 == 0;
  for (int64_t i = 1; ok && i < a->n; i += 2) {
    n += a->integer[i];
    ok = a->integer[i] >= 0 && n <= INT32_MAX;
  }
  if (!ok || n != e->size) {
    *why = "the lengths of its runs do not add up to its size";
    return false;
  }
  if (!decode_allocate(c, n, false, &out)) return false;
  int32_t *to = out.integer;
  for (int64_t i = 0; i < a->n; i += 2)
    for (int32_t k = 0; k < a->integer[i + 1]; k++) *to++ = a->integer[i];
  *a = out;
  return true;
}

static bool decode_delta(const bcif_encoding *e, cif_array *a, const char **why) {
  if (!a->integer) {
    *why = "its Delta encoding is not of whole numbers";
    return false;
  }
  uint32_t sum = (uint32_t)e->origin;
  for (int64_t i = 0; i < a->n; i++) {
    sum += (uint32_t)a->integer[i];
    a->integer[i] = (int32_t)sum;
  }
  return true;
}

/* A number at a limit of its type is added to the one that follows. */
static bool decode_packing(of3_cif *c, const bcif_encoding *e, cif_array *a, const char **why) {
  cif_array out;
  int64_t n = 0;
  const bool narrow = e->bytes == 1;
  const int32_t high = e->is_unsigned ? (narrow ? 0xff : 0xffff) : (narrow ? 0x7f : 0x7fff);
  const int32_t low = e->is_unsigned ? -1 : -high - 1;
  bool ok = a->integer && (e->bytes == 1 || e->bytes == 2) && e->size >= 0 && e->size <= a->n;
  if (ok && !decode_allocate(c, e->size, false, &out)) return false;
  for (int64_t i = 0; ok && i < a->n; n++) {
    int64_t sum = 0;
    while (i < a->n && (a->integer[i] == high || a->integer[i] == low)) sum += a->integer[i++];
    ok = i < a->n && n < e->size;
    if (ok) sum += a->integer[i++];
    ok = ok && sum >= INT32_MIN && sum <= INT32_MAX;
    if (ok) out.integer[n] = (int32_t)sum;
  }
  if (!ok || n != e->size) {
    *why = "its packed numbers do not unpack to its size";
    return false;
  }
  *a = out;
  return true;
}

/* All encodings but StringArray. */
static bool decode_numbers(of3_cif *c, cif_span encoding, cif_span data, cif_array *out, const char **why) {
  bcif_encoding e[CIF_MOST_ENCODINGS];
  int n = decode_read_list(c, encoding, e);
  *out = (cif_array){0};
  if (n < 1 || !decode_is(c, &e[n - 1], "ByteArray")) {
    *why = "its list of encodings is damaged";
    return false;
  }
  if (!decode_byte_array(c, &e[n - 1], data, out, why)) return false;
  for (int i = n - 2; i >= 0; i--) {
    bool ok = false;
    if (decode_is(c, &e[i], "FixedPoint"))
      ok = decode_fixed_point(c, &e[i], i == 0, out, why);
    else if (decode_is(c, &e[i], "IntervalQuantization"))
      ok = decode_interval(c, &e[i], out, why);
    else if (decode_is(c, &e[i], "RunLength"))
      ok = decode_run_length(c, &e[i], out, why);
    else if (decode_is(c, &e[i], "Delta"))
      ok = decode_delta(&e[i], out, why);
    else if (decode_is(c, &e[i], "IntegerPacking"))
      ok = decode_packing(c, &e[i], out, why);
    else
      *why = "it has an encoding that is not known";
    if (!ok) return false;
  }
  return true;
}

static bool strings_valid(const cif_array *offsets, uint32_t n_text, const cif_array *index) {
  if (!offsets->integer || offsets->n < 1 || !index->integer || offsets->integer[0] < 0) return false;
  if (offsets->factor != 0 || index->factor != 0) return false;
  for (int64_t i = 1; i < offsets->n; i++)
    if (offsets->integer[i] < offsets->integer[i - 1]) return false;
  if ((uint32_t)offsets->integer[offsets->n - 1] > n_text) return false;
  for (int64_t i = 0; i < index->n; i++)
    if (index->integer[i] < -1 || index->integer[i] >= offsets->n - 1) return false;
  return true;
}

static bool decode_strings(of3_cif *c, const bcif_encoding *e, cif_span data, cif_array *out,
                           const char **why) {
  cif_array offsets;
  if (!e->offset_encoding.n || !e->data_encoding.n) {
    *why = "its StringArray encoding is not whole";
    return false;
  }
  if (!decode_numbers(c, e->offset_encoding, e->offsets, &offsets, why)) return false;
  if (!decode_numbers(c, e->data_encoding, data, out, why)) return false;
  if (!strings_valid(&offsets, e->text.n, out)) {
    *why = "its strings lie outside of their text";
    return false;
  }
  out->strings = true;
  out->text = c->base + e->text.at;
  out->offset = offsets.integer;
  out->n_string = offsets.n - 1;
  return true;
}

static bool decode_any(of3_cif *c, cif_span encoding, cif_span data, cif_array *out, const char **why) {
  bcif_encoding e[CIF_MOST_ENCODINGS];
  int n = decode_read_list(c, encoding, e);
  if (n >= 1 && decode_is(c, &e[0], "StringArray")) return decode_strings(c, &e[0], data, out, why);
  return decode_numbers(c, encoding, data, out, why);
}

/* A copy in the arena of what is kept. */
static bool keep(of3_cif *c, const void *values, int64_t n, size_t size, void **out) {
  *out = values ? of3_arena_alloc(c->decoded, (size_t)n, size) : NULL;
  if (*out && n) memcpy(*out, values, (size_t)n * size);
  return *out || !values;
}

/* Indices of strings in as few bytes as they fit: a flag takes one. */
static bool keep_strings(of3_cif *c, cif_array *a) {
  void *offset = NULL;
  a->string_bytes = a->n_string < UINT8_MAX ? 1 : a->n_string < UINT16_MAX ? 2 : 4;
  a->string = of3_arena_alloc(c->decoded, (size_t)a->n, (size_t)a->string_bytes);
  if (!a->string || !keep(c, a->offset, a->n_string + 1, sizeof *a->offset, &offset)) return false;
  for (int64_t i = 0; i < a->n; i++)
    if (a->string_bytes == 1)
      ((uint8_t *)a->string)[i] = (uint8_t)a->integer[i];
    else if (a->string_bytes == 2)
      ((uint16_t *)a->string)[i] = (uint16_t)a->integer[i];
    else
      ((uint32_t *)a->string)[i] = (uint32_t)a->integer[i];
  a->integer = NULL;
  a->offset = offset;
  return true;
}

static bool keep_all(of3_cif *c, cif_array *a) {
  void *integer = NULL, *real = NULL;
  if (a->strings) return keep_strings(c, a);
  const bool ok = keep(c, a->integer, a->n, sizeof *a->integer, &integer) &&
                  keep(c, a->real, a->n, sizeof *a->real, &real);
  a->integer = integer;
  a->real = real;
  return ok;
}

/* A byte for each row, 2 for what is no of3_cif_null; none if all rows have values. */
static bool keep_mask(of3_cif *c, cif_array *a, const char **why) {
  bool any = false;
  if (!a->integer || a->factor != 0 || a->strings) {
    *why = "its mask is not of whole numbers";
    return false;
  }
  for (int64_t i = 0; i < a->n; i++) any |= a->integer[i] != OF3_CIF_VALUE;
  uint8_t *mask = any ? OF3_ARENA_NEW(c->decoded, uint8_t, a->n) : NULL;
  for (int64_t i = 0; mask && i < a->n; i++)
    mask[i] =
        (uint8_t)(a->integer[i] == OF3_CIF_VALUE || a->integer[i] == OF3_CIF_INAPPLICABLE ? a->integer[i]
                                                                                          : OF3_CIF_UNKNOWN);
  *a = (cif_array){.n = a->n, .mask = mask};
  return mask || !any;
}

bool of3_cif_decode(of3_cif *c, cif_span encoding, cif_span data, bool mask, cif_array *out,
                    const char **why) {
  c->decoding = of3_arena_new_within(c->decoded);
  const bool ok = c->decoding && decode_any(c, encoding, data, out, why) &&
                  (mask ? keep_mask(c, out, why) : keep_all(c, out));
  of3_arena_free(c->decoding);
  c->decoding = NULL;
  of3_map_release(&c->map, c->base + data.at, data.n);
  return ok;
}
