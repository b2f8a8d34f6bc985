#include "tensor/template_pairs.h"

#include <string.h>

/* Divides by the length, at least 10^-6. */
static void normalise(double v[3]) {
  double length = sqrt(v[0] * v[0] + v[1] * v[1] + v[2] * v[2]);
  if (length < 1e-6) length = 1e-6;
  for (int d = 0; d < 3; d++) v[d] /= length;
}

/* The axes e0 = C - CA, e1 = what of N - CA is at right angles to it, e2 = e0 x e1. */
static void axes_of(const float *frame, float *axes) {
  double e[3][3], along = 0;
  for (int d = 0; d < 3; d++) {
    e[0][d] = (double)frame[6 + d] - (double)frame[3 + d];
    e[1][d] = (double)frame[d] - (double)frame[3 + d];
  }
  normalise(e[0]);
  for (int d = 0; d < 3; d++) along += e[0][d] * e[1][d];
  for (int d = 0; d < 3; d++) e[1][d] -= along * e[0][d];
  normalise(e[1]);
  for (int d = 0; d < 3; d++)
    e[2][d] = e[0][(d + 1) % 3] * e[1][(d + 2) % 3] - e[0][(d + 2) % 3] * e[1][(d + 1) % 3];
  for (int k = 0; k < 9; k++) axes[k] = (float)e[k / 3][k % 3];
}

void of3_template_places(const of3_template_atoms *atoms, int64_t n, float *place) {
  memset(place, 0, (size_t)n * OF3_N_TEMPLATE_PLACE * sizeof *place);
  for (int64_t i = 0; i < n; i++, place += OF3_N_TEMPLATE_PLACE) {
    const float group = atoms->opt_asym ? 1 + (float)atoms->opt_asym[i] : 1;
    if (atoms->beta_mask[i] != 0) {
      memcpy(place + OF3_TEMPLATE_BETA, atoms->beta + 3 * i, 3 * sizeof *place);
      place[OF3_TEMPLATE_BETA_GROUP] = group;
    }
    if (atoms->frame_mask[i] != 0) {
      axes_of(atoms->frame + 9 * i, place + OF3_TEMPLATE_AXES);
      memcpy(place + OF3_TEMPLATE_ORIGIN, atoms->frame + 9 * i + 3, 3 * sizeof *place);
      place[OF3_TEMPLATE_FRAME_GROUP] = group;
    }
  }
}
