/* Metrics that look at a structure after it was superposed on the truth (Kabsch). */
#include <math.h>

#include "train/metric_parts.h"
#include "train/superpose.h"

static void mean_of(const float *x, const int32_t *atom, int n, double mean[3]) {
  for (int k = 0; k < 3; k++) {
    mean[k] = 0;
    for (int i = 0; i < n; i++) mean[k] += (double)x[3 * (int64_t)atom[i] + k] / n;
  }
}

/* What takes x to the truth, over n > 0 atoms. */
static of3_rigid superpose(const of3_metric_case *c, const int32_t *atom, int n) {
  double of_x[3], of_truth[3], covariance[3][3] = {{0}};
  of3_rigid g;
  mean_of(c->x, atom, n, of_x);
  mean_of(c->truth, atom, n, of_truth);
  for (int i = 0; i < n; i++)
    for (int k = 0; k < 3; k++)
      for (int l = 0; l < 3; l++)
        covariance[k][l] += ((double)c->truth[3 * (int64_t)atom[i] + k] - of_truth[k]) *
                            ((double)c->x[3 * (int64_t)atom[i] + l] - of_x[l]);
  of3_best_rotation(covariance, g.rotation);
  for (int k = 0; k < 3; k++) {
    g.shift[k] = of_truth[k];
    for (int l = 0; l < 3; l++) g.shift[k] -= g.rotation[k][l] * of_x[l];
  }
  return g;
}

/* The squared distance of an atom from the truth. */
static double error2(const of3_metric_case *c, const of3_rigid *g, int32_t atom) {
  const float *p = c->x + 3 * (int64_t)atom, *t = c->truth + 3 * (int64_t)atom;
  const double x[3] = {(double)p[0], (double)p[1], (double)p[2]};
  double y[3], sum = 0;
  of3_rigid_apply(g, x, y);
  for (int k = 0; k < 3; k++) sum += (y[k] - (double)t[k]) * (y[k] - (double)t[k]);
  return sum;
}

double of3_metric_rmsd_after(const of3_metric_case *c, const int32_t *over, int n, const int32_t *of, int m) {
  if (n == 0 || m == 0) return NAN;
  const of3_rigid g = superpose(c, over, n);
  double sum = 0;
  for (int i = 0; i < m; i++) sum += error2(c, &g, of[i]);
  return sqrt(sum / m);
}

void of3_metric_superposed(const of3_metric_case *c, const int32_t *atom, int n, of3_metric_values *out) {
  static const double limit[] = {0.5, 1, 2, 4, 8};
  double within[5] = {0}, sum = 0;
  if (n == 0) return;
  const of3_rigid g = superpose(c, atom, n);
  for (int i = 0; i < n; i++) {
    const double e = error2(c, &g, atom[i]);
    sum += e;
    for (int k = 0; k < 5; k++) within[k] += sqrt(e) <= limit[k];
  }
  out->of[OF3_METRIC_rmsd] = sqrt(sum / n);
  out->of[OF3_METRIC_gdt_ha] = (within[0] + within[1] + within[2] + within[3]) / (4.0 * n);
  out->of[OF3_METRIC_gdt_ts] = (within[1] + within[2] + within[3] + within[4]) / (4.0 * n);
}
