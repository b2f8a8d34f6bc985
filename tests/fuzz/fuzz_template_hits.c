/* Files of template hits: the first byte chooses the format. */
#include <stdlib.h>

#include "template/cache.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static const char *const names[] = {"f.a3m", "f.sto", "f.m8", "f.npz"};
  static const char query[] = "MKTAYIAKQRQ";
  of3_template_hit *hit;
  of3_error err;
  int n;
  if (size < 1) return 0;
  of3_arena *arena = of3_arena_new(0);
  of3_arena_limit(arena, 16 << 20);
  const of3_hits_want want = {.path = names[data[0] % 4], .query = query};
  const bool cache = data[0] % 4 == 3;
  const of3_status status =
      cache ? of3_template_cache_parse(&want, data + 1, size - 1, arena, &hit, &n, &err)
            : of3_template_hits_parse(&want, (const char *)data + 1, size - 1, arena, &hit, &n, &err);
  if (status == OF3_OK) {
    if (n < 0 || (!cache && n > 1 + OF3_TEMPLATE_MOST_READ)) abort();
    for (int i = 0; i < n; i++)
      for (int k = 0; k < hit[i].n_pair; k++) {
        const of3_template_match p = hit[i].pair[k];
        if (p.query < 1 || p.query > (int)sizeof query - 1 || p.template_ < 1) abort();
      }
  }
  of3_arena_free(arena);
  return 0;
}
