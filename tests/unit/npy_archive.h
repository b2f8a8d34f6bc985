/* Plain arrays of an NPZ archive, for tests: version 1 headers, C order, little-endian. */
#ifndef OF3_TESTS_NPY_ARCHIVE_H
#define OF3_TESTS_NPY_ARCHIVE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/zip.h"

typedef struct npy_array {
  char kind; /* 'f' or 'i', 'u' */
  int item;
  int rank;
  int64_t shape[4], count;
  const uint8_t *data;
} npy_array;

/* False if the archive has no member NAME.npy, or one that is no such array. */
static inline bool npy_read(const of3_zip *zip, const char *name, of3_arena *arena, npy_array *out) {
  char member[128], header[1024] = {0};
  snprintf(member, sizeof member, "%s.npy", name);
  const of3_zip_member *m = of3_zip_find(zip, member);
  const uint8_t *bytes = NULL;
  if (!m || of3_zip_read(zip, m, 1 << 28, arena, &bytes, NULL) != OF3_OK || m->size < 10) return false;
  size_t n = bytes[8] | (size_t)bytes[9] << 8;
  if (n + 10 > m->size || n >= sizeof header) return false;
  memcpy(header, bytes + 10, n);
  const char *descr = strstr(header, "'descr': '"), *shape = strstr(header, "'shape': (");
  if (!descr || !shape || !strstr(header, "'fortran_order': False")) return false;
  *out = (npy_array){.kind = descr[11], .item = descr[12] - '0', .count = 1, .data = bytes + 10 + n};
  for (const char *at = shape + 10; *at && *at != ')'; at++)
    if (*at >= '0' && *at <= '9') {
      char *end;
      out->shape[out->rank] = strtoll(at, &end, 10);
      out->count *= out->shape[out->rank++];
      at = end - 1;
    }
  return (uint64_t)out->count * (uint64_t)out->item + n + 10 == m->size;
}

static inline double npy_get(const npy_array *a, int64_t i) {
  float f;
  int32_t v;
  if (a->item == 1) return a->data[i];
  if (a->kind == 'f') return memcpy(&f, a->data + 4 * i, 4), (double)f;
  return memcpy(&v, a->data + 4 * i, 4), (double)v;
}

#endif
