/* Any bytes as a checkpoint and as a zip archive. Bytes that start like a pickle are put into an archive
 * first, with two storages, so that the pickle and not its checksum is what gets tried. */
#include <stdint.h>
#include <stdlib.h>

#include "../unit/zip_maker.h"
#include "base/zip.h"
#include "io/checkpoint.h"

enum { PICKLE_START = 0x80, MOST_MEMBER = 1 << 20 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void touch(const uint8_t *bytes, uint64_t n) {
  const volatile uint8_t *byte = bytes;
  if (n > 0) (void)(byte[0] + byte[n / 2] + byte[n - 1]);
}

static void try_checkpoint(const uint8_t *data, size_t size) {
  of3_checkpoint c = {0};
  of3_error err = {0};
  if (of3_checkpoint_parse(data, size, SIZE_MAX, &c, &err) != OF3_OK) return;
  for (int i = 0; i < c.weights.n; i++) {
    const of3_entry *e = &c.weights.entry[i];
    touch(e->data, (uint64_t)e->count * of3_dtype_size(e->dtype));
    if (of3_table_find(&c.weights, e->name) != e) abort();
  }
  of3_checkpoint_close(&c);
}

static void try_zip(const uint8_t *data, size_t size) {
  of3_arena *arena = of3_arena_new(0);
  of3_zip zip = {0};
  of3_error err = {0};
  const uint8_t *bytes = NULL;
  if (arena && of3_zip_parse(data, size, arena, &zip, &err) == OF3_OK)
    for (int i = 0; i < zip.n && i < 4; i++)
      if (of3_zip_read(&zip, &zip.member[i], MOST_MEMBER, arena, &bytes, &err) == OF3_OK)
        touch(bytes, zip.member[i].size);
  of3_arena_free(arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size > 0 && data[0] == PICKLE_START) {
    static const uint8_t STORAGE[64];
    zip_maker z = {0};
    zip_add_packed(&z, "a/data.pkl", 0, data, size, size, 0);
    zip_add_packed(&z, "a/data/0", 0, STORAGE, sizeof STORAGE, sizeof STORAGE, 0);
    zip_add_packed(&z, "a/data/1", 0, STORAGE, 24, 24, 0);
    zip_finish(&z);
    if (!z.bytes.failed && !z.directory.failed) try_checkpoint((const uint8_t *)z.bytes.text, z.bytes.len);
    zip_free(&z);
    return 0;
  }
  try_checkpoint(data, size);
  try_zip(data, size);
  return 0;
}
