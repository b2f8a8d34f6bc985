/* Superposition: the proper rotation that brings one set of points nearest to another (Kabsch, Acta Cryst.
 * A32 (1976) 922; by the quaternion of Horn, J. Opt. Soc. Am. A 4 (1987) 629). In double. */
#ifndef OF3_TRAIN_SUPERPOSE_H
#define OF3_TRAIN_SUPERPOSE_H

/* covariance[i][j] = sum over points of w target_i moving_j, about the means; rotation: the R with
 * determinant +1 that makes sum w |target - R moving|^2 least. Where points on a line or fewer leave R
 * undetermined it is one of those that do. */
void of3_best_rotation(double covariance[3][3], double rotation[3][3]);

/* y = rotation x + shift */
typedef struct of3_rigid {
  double rotation[3][3], shift[3];
} of3_rigid;

static inline void of3_rigid_apply(const of3_rigid *g, const double x[3], double y[3]) {
  for (int i = 0; i < 3; i++) {
    y[i] = g->shift[i];
    for (int j = 0; j < 3; j++) y[i] += g->rotation[i][j] * x[j];
  }
}

#endif
