#include "data/draw.h"

#include <stdlib.h>

#include "base/random.h"

static double weight_of(const of3_point *p, const of3_draw_weights *w) {
  const double kinds = w->protein * p->n_protein + w->nucleic * p->n_nucleic + w->ligand * p->n_ligand;
  return (p->chain[1] == OF3_SET_NO_CHAIN ? w->chain : w->interface) / p->cluster * kinds;
}

of3_status of3_draw_open(const of3_set *set, const of3_draw_weights *weights, of3_draw *out, of3_error *err) {
  double sum = 0;
  *out = (of3_draw){.n = of3_set_n_point(set)};
  out->sum = malloc(((size_t)out->n + 1) * sizeof *out->sum);
  if (!out->sum) return of3_fail_memory(err, "the points of a training set");
  for (int i = 0; i < out->n; i++) {
    const of3_point p = of3_set_point(set, i);
    out->sum[i] = sum += weight_of(&p, weights);
  }
  if (sum > 0) return OF3_OK;
  of3_draw_free(out);
  return of3_fail(err, OF3_ERR_INPUT,
                  "nothing can be drawn from the training set: no chain or interface has a weight");
}

void of3_draw_free(of3_draw *draw) {
  free(draw->sum);
  *draw = (of3_draw){0};
}

/* The first point whose sum exceeds a uniform number of 53 bits times the whole. */
int of3_draw_point(const of3_draw *draw, uint64_t seed, uint32_t step, uint32_t slot) {
  uint32_t word[4];
  of3_random_block((of3_stream){seed, OF3_RANDOM_POINT, slot, step}, 0, word);
  const uint64_t bits = ((uint64_t)word[0] << 32 | word[1]) >> 11;
  const double at = (double)bits * 0x1p-53 * draw->sum[draw->n - 1];
  int low = 0, high = draw->n - 1;
  while (low < high) {
    const int middle = low + (high - low) / 2;
    if (draw->sum[middle] > at)
      high = middle;
    else
      low = middle + 1;
  }
  return low;
}
