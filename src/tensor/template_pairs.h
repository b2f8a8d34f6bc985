/* Pair features of template slots from [N] vectors (AF3 SI Alg. 16 and 2.8.2 of its input features;
 * docs/features.md 4): bins of distances between pseudo-beta atoms, and unit vectors from frame to frame. */
#ifndef OF3_TENSOR_TEMPLATE_PAIRS_H
#define OF3_TENSOR_TEMPLATE_PAIRS_H

#include <math.h>
#include <stdbool.h>
#include <stdint.h>

/* What a token has in a slot, as floats: its pseudo-beta atom; the axes of its frame and the frame's origin,
 * which is CA; and the groups within which its pairs have bins and unit vectors: 0, in none. */
enum {
  OF3_TEMPLATE_BETA = 0,
  OF3_TEMPLATE_AXES = 3, /* [3][3] */
  OF3_TEMPLATE_ORIGIN = 12,
  OF3_TEMPLATE_BETA_GROUP = 15,
  OF3_TEMPLATE_FRAME_GROUP,
  OF3_N_TEMPLATE_PLACE
};

/* A slot of a complex of n tokens: masks [n], pseudo-beta atoms [n,3], atoms N, CA, C [n,3,3]. Pairs are
 * those of tokens of one chain, by asym_id [n], which are not negative; NULL: all of them. */
typedef struct of3_template_atoms {
  const float *beta_mask, *frame_mask, *beta, *frame;
  const int32_t *opt_asym;
} of3_template_atoms;

/* place [n,OF3_N_TEMPLATE_PLACE]. */
void of3_template_places(const of3_template_atoms *atoms, int64_t n, float *place);

/* Whether places a and b are both in one group, by one of the two numbers. */
static inline bool of3_template_pair_exists(const float *a, const float *b, int group) {
  return a[group] > 0 && a[group] == b[group];
}

/* Bin of the distance of pseudo-beta atoms, -1: none. Bin k holds distances between 3.25 + 1.25 k and 3.25
 * + 1.25 (k + 1) Angstrom, both edges excluded; the last one ends at 10^4. Squares are compared, as the
 * reference does; the root says which bin it is but for rounding, so its neighbours are tried too. */
static inline int of3_template_distance_bin(const float *a, const float *b) {
  enum { LAST = 38 };
  if (!of3_template_pair_exists(a, b, OF3_TEMPLATE_BETA_GROUP)) return -1;
  double square = 0;
  for (int d = 0; d < 3; d++) {
    const double between = (double)a[OF3_TEMPLATE_BETA + d] - (double)b[OF3_TEMPLATE_BETA + d];
    square += between * between;
  }
  const double at = (sqrt(square) - 3.25) / 1.25;
  const int guess = at > (double)LAST ? LAST : at > 0 ? (int)at : 0;
  for (int k = guess > 0 ? guess - 1 : 0; k <= guess + 1 && k <= LAST; k++) {
    const double low = 3.25 + 1.25 * k, high = k == LAST ? 1e4 : low + 1.25;
    if (square > low * low && square < high * high) return k;
  }
  return -1;
}

/* u += the unit vector from the origin of frame a to that of frame b, in frame a; its length is at least
 * 10^-6 where it is divided by it. */
static inline void of3_template_add_unit(const float *a, const float *b, float u[3]) {
  double v[3], square = 0;
  if (!of3_template_pair_exists(a, b, OF3_TEMPLATE_FRAME_GROUP)) return;
  for (int d = 0; d < 3; d++) {
    const float *axis = a + OF3_TEMPLATE_AXES + 3 * d;
    v[d] = 0;
    for (int k = 0; k < 3; k++)
      v[d] += (double)axis[k] * ((double)b[OF3_TEMPLATE_ORIGIN + k] - (double)a[OF3_TEMPLATE_ORIGIN + k]);
    square += v[d] * v[d];
  }
  const double length = sqrt(square);
  for (int d = 0; d < 3; d++) u[d] += (float)(v[d] / (length < 1e-6 ? 1e-6 : length));
}

#endif
