/* PNG files (ISO 15948): three bytes a pixel, each row as its difference from the one above, deflated. */
#include <stdlib.h>
#include <zlib.h>

#include "plot/picture_parts.h"

enum { FILTER_UP = 2 };

static void put_be32(uint8_t *p, uint32_t v) {
  for (int k = 0; k < 4; k++) p[k] = (uint8_t)(v >> (24 - 8 * k));
}

static void put_chunk(of3_str *out, const char kind[5], const uint8_t *bytes, size_t n) {
  uint8_t word[4];
  put_be32(word, (uint32_t)n);
  of3_str_addn(out, (const char *)word, 4);
  of3_str_addn(out, kind, 4);
  if (n) of3_str_addn(out, (const char *)bytes, n);
  uLong crc = crc32(0, (const Bytef *)kind, 4);
  if (n) crc = crc32(crc, bytes, (uInt)n);
  put_be32(word, (uint32_t)crc);
  of3_str_addn(out, (const char *)word, 4);
}

static void filter_rows(const uint8_t *rgb, size_t row, int height, uint8_t *out) {
  for (int y = 0; y < height; y++) {
    const uint8_t *line = rgb + row * (size_t)y;
    *out++ = FILTER_UP;
    for (size_t i = 0; i < row; i++) *out++ = (uint8_t)(line[i] - (y ? line[i - row] : 0));
  }
}

of3_status of3_png_encode(const uint8_t *rgb, int width, int height, of3_str *out, of3_error *err) {
  const size_t row = 3 * (size_t)width, plain = (row + 1) * (size_t)height;
  uLongf packed = compressBound((uLong)plain);
  uint8_t *lines = malloc(plain + 1), *deflated = malloc(packed), head[13] = {[8] = 8, [9] = 2};
  of3_status status = OF3_OK;
  if (lines && deflated) filter_rows(rgb, row, height, lines);
  if (!lines || !deflated || compress2(deflated, &packed, lines, (uLong)plain, 9) != Z_OK)
    status = of3_fail_memory(err, "a picture");
  if (status == OF3_OK) {
    put_be32(head, (uint32_t)width);
    put_be32(head + 4, (uint32_t)height);
    of3_str_addn(out, "\x89PNG\r\n\x1a\n", 8);
    put_chunk(out, "IHDR", head, sizeof head);
    put_chunk(out, "IDAT", deflated, packed);
    put_chunk(out, "IEND", NULL, 0);
    if (out->failed) status = of3_fail_memory(err, "a picture");
  }
  free(lines);
  free(deflated);
  return status;
}
