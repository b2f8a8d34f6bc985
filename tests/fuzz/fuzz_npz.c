/* NumPy archives. The second byte tells whether the rest is an archive or the content of a member:
 * checksums would keep a fuzzer out of the latter. */
#include "../unit/zip_maker.h"
#include "fuzz_alignment.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void parse(const uint8_t *data, size_t size, const of3_alignment_want *want) {
  of3_arena *arena = of3_arena_new(0);
  of3_npz_alignment *a = NULL;
  int n = 0;
  of3_error err;
  if (of3_npz_parse(data, size, want, arena, &a, &n, &err) == OF3_OK)
    for (int i = 0; i < n; i++) fuzz_touch(&a[i].alignment, want);
  of3_arena_free(arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size < 2) return 0;
  const of3_alignment_want want = fuzz_want(data[0]);
  if (data[1] & 1) {
    zip_maker z = {0};
    zip_add(&z, "uniref90_hits.npy", data + 2, size - 2);
    zip_finish(&z);
    parse((const uint8_t *)z.bytes.text, z.bytes.len, &want);
    zip_free(&z);
  } else
    parse(data + 2, size - 2, &want);
  return 0;
}
