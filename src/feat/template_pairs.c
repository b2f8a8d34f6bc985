#include "feat/template_pairs.h"

#include <math.h>
#include <string.h>

static bool same_chain(const of3_features *f, int i, int j) {
  return f->template_across_chains || f->asym_id[i] == f->asym_id[j];
}

/* Bin b holds distances between 3.25 + 1.25 b and 3.25 + 1.25 (b + 1) Angstrom, both edges excluded; the last
 * one has no upper edge but 10^4. Squares are compared, as the reference does. */
static uint8_t bin_of(const float *x, const float *y) {
  static const double MOST = 1e8;
  double square = 0;
  for (int d = 0; d < 3; d++) square += ((double)x[d] - (double)y[d]) * ((double)x[d] - (double)y[d]);
  if (!(square < MOST)) return OF3_NO_CLASS;
  for (int b = OF3_N_DISTOGRAM - 1; b >= 0; b--) {
    const double low = 3.25 + 1.25 * b, high = low + 1.25;
    if (square > low * low)
      return b == OF3_N_DISTOGRAM - 1 || square < high * high ? (uint8_t)b : OF3_NO_CLASS;
  }
  return OF3_NO_CLASS;
}

void of3_template_bins(const of3_features *f, int t, int i, uint8_t *out) {
  const size_t slot = (size_t)t * (size_t)f->n_token;
  const float *mask = f->template_pseudo_beta_mask + slot, *beta = f->template_beta + 3 * slot;
  for (int j = 0; j < f->n_token; j++)
    out[j] = mask[i] != 0 && mask[j] != 0 && same_chain(f, i, j)
                 ? bin_of(beta + (size_t)i * 3, beta + (size_t)j * 3)
                 : OF3_NO_CLASS;
}

/* Divides by the length, at least 10^-6. */
static void normalise(double v[3]) {
  double length = sqrt(v[0] * v[0] + v[1] * v[1] + v[2] * v[2]);
  if (length < 1e-6) length = 1e-6;
  for (int d = 0; d < 3; d++) v[d] /= length;
}

static double dot(const double *a, const double *b) { return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]; }

/* The axes e0 = C - CA, e1 = what of N - CA is at right angles to it, e2 = e0 x e1. */
static void axes_of(const float *frame, double e[3][3]) {
  for (int d = 0; d < 3; d++) {
    e[0][d] = (double)frame[6 + d] - (double)frame[3 + d];
    e[1][d] = (double)frame[d] - (double)frame[3 + d];
  }
  normalise(e[0]);
  const double along = dot(e[0], e[1]);
  for (int d = 0; d < 3; d++) e[1][d] -= along * e[0][d];
  normalise(e[1]);
  for (int d = 0; d < 3; d++)
    e[2][d] = e[0][(d + 1) % 3] * e[1][(d + 2) % 3] - e[0][(d + 2) % 3] * e[1][(d + 1) % 3];
}

void of3_template_units(const of3_features *f, int t, int i, float *out) {
  const size_t slot = (size_t)t * (size_t)f->n_token;
  const float *mask = f->template_backbone_frame_mask + slot, *frame = f->template_frame + 9 * slot;
  double e[3][3];
  memset(out, 0, (size_t)f->n_token * 3 * sizeof *out);
  if (mask[i] == 0) return;
  axes_of(frame + (size_t)i * 9, e);
  for (int j = 0; j < f->n_token; j++) {
    double between[3], v[3];
    if (mask[j] == 0 || !same_chain(f, i, j)) continue;
    for (int d = 0; d < 3; d++)
      between[d] =
          (double)frame[(size_t)j * 9 + 3 + (size_t)d] - (double)frame[(size_t)i * 9 + 3 + (size_t)d];
    for (int d = 0; d < 3; d++) v[d] = dot(e[d], between);
    normalise(v);
    for (int d = 0; d < 3; d++) out[(size_t)j * 3 + (size_t)d] = (float)v[d];
  }
}
