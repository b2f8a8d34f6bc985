#include "dialect/text.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/file.h"
#include "base/gzip.h"

enum { MOST_TEXT = 64 << 20 };

/* ---- UTF-16 */

typedef struct utf16 {
  const uint8_t *at, *end;
  bool big; /* the first byte is the high one */
} utf16;

static uint32_t utf16_unit(utf16 *u) {
  const uint32_t a = u->at[0], b = u->at[1];
  u->at += 2;
  return u->big ? a << 8 | b : b << 8 | a;
}

/* The next code point; false: half of a pair stands alone. */
static bool utf16_next(utf16 *u, uint32_t *out) {
  const uint32_t first = utf16_unit(u);
  *out = first;
  if (first < 0xd800 || first >= 0xe000) return true;
  if (first >= 0xdc00 || u->at == u->end) return false;
  const uint32_t second = utf16_unit(u);
  *out = 0x10000 + ((first - 0xd800) << 10 | ((second - 0xdc00) & 0x3ff));
  return second >= 0xdc00 && second < 0xe000;
}

/* Returns the bytes. */
static size_t utf8_put(uint32_t c, char *out) {
  if (c < 0x80) {
    out[0] = (char)c;
    return 1;
  }
  const int more = c < 0x800 ? 1 : c < 0x10000 ? 2 : 3;
  static const uint32_t lead[] = {0, 0xc0, 0xe0, 0xf0};
  out[0] = (char)(lead[more] | c >> (6 * more));
  for (int i = 1; i <= more; i++) out[i] = (char)(0x80 | (c >> (6 * (more - i)) & 0x3f));
  return (size_t)more + 1;
}

static of3_status from_utf16(const char *file, utf16 u, of3_arena *arena, char **ret_text, size_t *ret_size,
                             of3_error *err) {
  const size_t n = (size_t)(u.end - u.at);
  size_t out = 0;
  if (n % 2)
    return of3_fail(err, OF3_ERR_INPUT,
                    "'%s' is UTF-16 text with half a character at its end; save it as "
                    "UTF-8",
                    file);
  char *text = of3_arena_alloc(arena, n / 2 * 3 + 1, 1); /* a unit gives 3 bytes at most, a pair 4 */
  if (!text) return of3_fail_memory(err, file);
  const uint8_t *begin = u.at;
  while (u.at < u.end) {
    uint32_t c;
    if (!utf16_next(&u, &c))
      return of3_fail(err, OF3_ERR_INPUT,
                      "'%s' is UTF-16 text with half of a pair before byte %zu; save it as "
                      "UTF-8",
                      file, (size_t)(u.at - begin));
    out += utf8_put(c, text + out);
  }
  *ret_text = text;
  *ret_size = out;
  return OF3_OK;
}

/* A byte order mark, or zero bytes as letters of ASCII have. */
static bool is_utf16(const uint8_t *b, size_t n, utf16 *out) {
  if (n < 2) return false;
  *out = (utf16){b, b + n, false};
  if ((b[0] == 0xff && b[1] == 0xfe) || (b[0] == 0xfe && b[1] == 0xff)) {
    out->big = b[0] == 0xfe;
    out->at += 2;
    return true;
  }
  if (n < 4) return false;
  out->big = b[0] == 0 && b[1] && b[2] == 0 && b[3];
  return out->big || (b[0] && b[1] == 0 && b[2] && b[3] == 0);
}

of3_status of3_decode_text(const char *file, char *bytes, size_t size, of3_arena *arena, char **ret_text,
                           size_t *ret_size, of3_error *err) {
  utf16 u;
  if (is_utf16((const uint8_t *)bytes, size, &u)) return from_utf16(file, u, arena, ret_text, ret_size, err);
  const bool mark = size >= 3 && memcmp(bytes, "\xef\xbb\xbf", 3) == 0;
  *ret_text = bytes + (mark ? 3 : 0);
  *ret_size = size - (mark ? 3 : 0);
  return OF3_OK;
}

/* How AlphaFold 3's files may be packed, too; NULL: not so. */
static const char *other_packing(const of3_map *map) {
  if (map->size >= 6 && memcmp(map->data, "\xfd\x37zXZ\0", 6) == 0) return "xz";
  return map->size >= 4 && memcmp(map->data, "\x28\xb5\x2f\xfd", 4) == 0 ? "zstd" : NULL;
}

of3_status of3_read_text(const char *path, of3_arena *arena, char **ret_text, size_t *ret_size,
                         of3_error *err) {
  char *bytes = NULL;
  size_t size = 0;
  of3_map map;
  OF3_TRY(of3_map_open(path, &map, err));
  const bool packed = map.size >= 2 && map.data[0] == 0x1f && map.data[1] == 0x8b;
  const char *other = other_packing(&map);
  of3_map_close(&map);
  if (other)
    return of3_fail(err, OF3_ERR_UNSUPPORTED, "'%s' is packed by %s, and gzip is what of3 reads; unpack it",
                    path, other);
  OF3_TRY(packed ? of3_gunzip(path, MOST_TEXT, NULL, arena, &bytes, &size, err)
                 : of3_read_file(path, MOST_TEXT, arena, &bytes, &size, err));
  return of3_decode_text(path, bytes, size, arena, ret_text, ret_size, err);
}
