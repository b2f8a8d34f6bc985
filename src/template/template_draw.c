#include "template/draw.h"

int of3_template_draw(const of3_msa_draw *draw, int release, int chain, int n, int slots, int32_t *out) {
  if (n == 0) return 0;
  const of3_stream s = of3_msa_draw_stream(draw, OF3_RANDOM_TEMPLATES, chain);
  const int drawn = (int)of3_random_below(s, 0, (uint32_t)n + (release != 3)),
            k = drawn < slots ? drawn : slots;
  of3_msa_draw_some(s, 1, n, k, out);
  return k;
}
