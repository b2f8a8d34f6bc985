/* For tests: a zip archive made by hand, so that every field can be made wrong. */
#ifndef OF3_TEST_ZIP_MAKER_H
#define OF3_TEST_ZIP_MAKER_H

#include <stdint.h>
#include <string.h>
#include <zlib.h>

#include "base/str.h"

/* Start with {0}; add members; finish; free. Fields of the last member can be changed before the next one is
 * added. */
typedef struct zip_maker {
  of3_str bytes, directory;
  int n;
  size_t entry_at, header_at; /* of the last member, in directory and bytes */
} zip_maker;

static inline void zip_put(of3_str *s, uint64_t value, int width) {
  for (int k = 0; k < width; k++) of3_str_addc(s, (char)(value >> 8 * k), 1);
}

/* The fields that a local header and a directory entry have in common: flags to the length of the extra
 * field. */
static inline void zip_common(of3_str *s, int method, uint32_t crc, size_t packed, size_t size,
                              size_t n_name) {
  zip_put(s, 0, 2);
  zip_put(s, (uint64_t)method, 2);
  zip_put(s, 0, 4);
  zip_put(s, crc, 4);
  zip_put(s, packed, 4);
  zip_put(s, size, 4);
  zip_put(s, n_name, 2);
  zip_put(s, 0, 2);
}

static inline void zip_add_packed(zip_maker *z, const char *name, int method, const void *packed,
                                  size_t n_packed, size_t size, uint32_t crc) {
  size_t n = strlen(name);
  z->header_at = z->bytes.len;
  z->entry_at = z->directory.len;
  z->n++;
  zip_put(&z->bytes, 0x04034b50, 4);
  zip_put(&z->bytes, 20, 2);
  zip_common(&z->bytes, method, crc, n_packed, size, n);
  of3_str_addn(&z->bytes, name, n);
  of3_str_addn(&z->bytes, packed, n_packed);
  zip_put(&z->directory, 0x02014b50, 4);
  zip_put(&z->directory, 20, 2);
  zip_put(&z->directory, 20, 2);
  zip_common(&z->directory, method, crc, n_packed, size, n);
  of3_str_addc(&z->directory, 0, 10);
  zip_put(&z->directory, z->header_at, 4);
  of3_str_addn(&z->directory, name, n);
}

static inline void zip_add(zip_maker *z, const char *name, const void *data, size_t n) {
  uint32_t crc = (uint32_t)crc32(0, data, (uInt)n);
  zip_add_packed(z, name, 0, data, n, n, crc);
}

static inline void zip_finish(zip_maker *z) {
  size_t at = z->bytes.len, n = z->directory.len;
  of3_str_addn(&z->bytes, z->directory.text, n);
  zip_put(&z->bytes, 0x06054b50, 4);
  zip_put(&z->bytes, 0, 4);
  zip_put(&z->bytes, (uint64_t)z->n, 2);
  zip_put(&z->bytes, (uint64_t)z->n, 2);
  zip_put(&z->bytes, n, 4);
  zip_put(&z->bytes, at, 4);
  zip_put(&z->bytes, 0, 2);
}

static inline void zip_free(zip_maker *z) {
  of3_str_free(&z->bytes);
  of3_str_free(&z->directory);
  *z = (zip_maker){0};
}

#endif
