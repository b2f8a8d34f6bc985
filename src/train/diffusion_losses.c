#include <math.h>

#include "train/losses.h"
#include "train/superpose.h"

static const double eps = 1e-8;

/* A sum over n, as a mean; eps stands in for a count of 0. */
static double mean_of(double sum, double n) { return sum / (n > eps ? n : eps); }

/* AF3 SI Alg. 28: the motion of the truth that brings it nearest to x, with the weights of the MSE, over
 * resolved atoms. */
static of3_rigid superpose_truth(const of3_loss_case *c, const float *x) {
  double total = 0, mean[2][3] = {{0}}, h[3][3] = {{0}};
  of3_rigid g;
  const int n = c->f->n_atom;
  for (int a = 0; a < n; a++) {
    const double w = c->resolved[a] > 0 ? (double)c->weight[a] : 0;
    total += w;
    for (int k = 0; k < 3 && w > 0; k++) {
      mean[0][k] += w * (double)c->truth[3 * (size_t)a + (size_t)k];
      mean[1][k] += w * (double)x[3 * (size_t)a + (size_t)k];
    }
  }
  for (int k = 0; k < 3; k++) {
    mean[0][k] /= total;
    mean[1][k] /= total;
  }
  for (int a = 0; a < n; a++) {
    const double w = c->resolved[a] > 0 ? (double)c->weight[a] : 0;
    for (int i = 0; i < 3 && w > 0; i++)
      for (int j = 0; j < 3; j++)
        h[i][j] += w * ((double)x[3 * (size_t)a + (size_t)i] - mean[1][i]) *
                   ((double)c->truth[3 * (size_t)a + (size_t)j] - mean[0][j]);
  }
  of3_best_rotation(h, g.rotation);
  for (int i = 0; i < 3; i++) {
    g.shift[i] = mean[1][i];
    for (int j = 0; j < 3; j++) g.shift[i] -= g.rotation[i][j] * mean[0][j];
  }
  return g;
}

/* The divisor counts atoms, it does not sum their weights. */
double of3_mse_loss(const of3_loss_case *c, const float *x, double slope, float *add_dx) {
  const of3_rigid g = superpose_truth(c, x);
  double sum = 0, n = 0;
  for (int a = 0; a < c->f->n_atom; a++) n += c->counts[a];
  const double scale = mean_of(slope * 2 / 3, n);
  for (int a = 0; a < c->f->n_atom; a++) {
    const float *p = c->truth + 3 * (size_t)a;
    double moved[3];
    if (!c->counts[a]) continue;
    of3_rigid_apply(&g, (const double[3]){(double)p[0], (double)p[1], (double)p[2]}, moved);
    for (size_t k = 0; k < 3; k++) {
      const double d = (double)x[3 * (size_t)a + k] - moved[k], w = (double)c->weight[a];
      sum += w * d * d;
      add_dx[3 * (size_t)a + k] += (float)(scale * w * d);
    }
  }
  return n > 0 ? sum / 3 / n : sum + 0 * g.shift[0];
}

static double distance(const float *x, int l, int m, double v[3]) {
  double d2 = eps;
  for (size_t k = 0; k < 3; k++) {
    v[k] = (double)x[3 * (size_t)l + k] - (double)x[3 * (size_t)m + k];
    d2 += v[k] * v[k];
  }
  return sqrt(d2);
}

double of3_bond_loss(const of3_loss_case *c, const float *x, double slope, float *add_dx) {
  const double scale = mean_of(2 * slope, c->n_bond);
  double sum = 0;
  for (int b = 0; b < c->n_bond; b++) {
    const int l = c->bond[b][0], m = c->bond[b][1];
    double v[3], unused[3];
    const double d = distance(x, l, m, v), error = d - distance(c->truth, l, m, unused);
    sum += error * error;
    for (size_t k = 0; k < 3; k++) {
      const float g = (float)(scale * error * v[k] / d);
      add_dx[3 * (size_t)l + k] += g;
      add_dx[3 * (size_t)m + k] -= g;
    }
  }
  return mean_of(sum, c->n_bond);
}

/* Mean of sigmoid(c - delta) over c = 1/2, 1, 2, 4, and minus its slope: with E = exp(delta) these are
 * 1 / (1 + E exp(-c)). */
static double soft_hits(double delta, double *fall) {
  static const double e_c[4] = {0.60653065971263342, 0.36787944117144233, 0.1353352832366127,
                                0.018315638888734179};
  const double e = exp(delta < 600 ? delta : 600);
  double sum = 0, slope = 0;
  for (int k = 0; k < 4; k++) {
    const double s = 1 / (1 + e * e_c[k]);
    sum += s;
    slope += s * (1 - s);
  }
  *fall = slope / 4;
  return sum / 4;
}

/* 1 - ce / (cm + eps), ce and cm being means over all pairs that count of c e and c; c: the pair is near. */
double of3_smooth_lddt_loss(const of3_loss_case *c, const float *x, double slope, float *add_dx) {
  const double cm = mean_of(c->n_near, c->n_pair), scale = mean_of(slope, c->n_pair) / (cm + eps);
  double sum = 0;
  for (int l = 0; l < c->f->n_atom; l++) {
    double dl[3] = {0};
    for (int64_t k = c->first[l]; k < c->first[l + 1]; k++) {
      const of3_near_pair *p = &c->near[k];
      double v[3], fall;
      const double d = distance(x, l, p->m, v), error = d - p->distance;
      sum += p->times * soft_hits(fabs(error), &fall);
      const double g = scale * p->times * fall * ((error > 0) - (error < 0)) / d;
      for (size_t i = 0; i < 3; i++) {
        dl[i] += g * v[i];
        add_dx[3 * (size_t)p->m + i] -= (float)(g * v[i]);
      }
    }
    for (size_t i = 0; i < 3; i++) add_dx[3 * (size_t)l + i] += (float)dl[i];
  }
  return 1 - mean_of(sum, c->n_pair) / (cm + eps);
}
