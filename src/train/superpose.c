#include "train/superpose.h"

#include <math.h>

/* Eigenvalues on the diagonal of a, eigenvectors in the columns of v: cyclic Jacobi rotations. */
static void diagonalise(double a[4][4], double v[4][4]) {
  for (int i = 0; i < 4; i++)
    for (int j = 0; j < 4; j++) v[i][j] = i == j;
  for (int sweep = 0; sweep < 30; sweep++) {
    double off = 0;
    for (int p = 0; p < 4; p++)
      for (int q = p + 1; q < 4; q++) off += fabs(a[p][q]);
    if (!(off > 0)) return;
    for (int p = 0; p < 4; p++)
      for (int q = p + 1; q < 4; q++) {
        if (a[p][q] == 0) continue;
        const double theta = (a[q][q] - a[p][p]) / (2 * a[p][q]);
        const double t = (theta < 0 ? -1 : 1) / (fabs(theta) + sqrt(theta * theta + 1));
        const double c = 1 / sqrt(t * t + 1), s = t * c;
        for (int k = 0; k < 4; k++) {
          const double x = a[k][p], y = a[k][q];
          a[k][p] = c * x - s * y;
          a[k][q] = s * x + c * y;
        }
        for (int k = 0; k < 4; k++) {
          const double x = a[p][k], y = a[q][k];
          a[p][k] = c * x - s * y;
          a[q][k] = s * x + c * y;
        }
        for (int k = 0; k < 4; k++) {
          const double x = v[k][p], y = v[k][q];
          v[k][p] = c * x - s * y;
          v[k][q] = s * x + c * y;
        }
      }
  }
}

static void rotation_of(const double q[4], double r[3][3]) {
  const double w = q[0], x = q[1], y = q[2], z = q[3];
  const double m[3][3] = {{w * w + x * x - y * y - z * z, 2 * (x * y - w * z), 2 * (x * z + w * y)},
                          {2 * (x * y + w * z), w * w - x * x + y * y - z * z, 2 * (y * z - w * x)},
                          {2 * (x * z - w * y), 2 * (y * z + w * x), w * w - x * x - y * y + z * z}};
  for (int i = 0; i < 3; i++)
    for (int j = 0; j < 3; j++) r[i][j] = m[i][j];
}

/* With a_i of the moving and b_j of the target points, S_ij = sum a_i b_j: the quaternion is the eigenvector
 * of Horn's matrix N(S) with the largest eigenvalue. */
void of3_best_rotation(double h[3][3], double rotation[3][3]) {
  const double xx = h[0][0], xy = h[1][0], xz = h[2][0];
  const double yx = h[0][1], yy = h[1][1], yz = h[2][1];
  const double zx = h[0][2], zy = h[1][2], zz = h[2][2];
  double n[4][4] = {{xx + yy + zz, yz - zy, zx - xz, xy - yx},
                    {yz - zy, xx - yy - zz, xy + yx, zx + xz},
                    {zx - xz, xy + yx, yy - xx - zz, yz + zy},
                    {xy - yx, zx + xz, yz + zy, zz - xx - yy}};
  double v[4][4], q[4];
  diagonalise(n, v);
  int best = 0;
  for (int k = 1; k < 4; k++)
    if (n[k][k] > n[best][best]) best = k;
  for (int k = 0; k < 4; k++) q[k] = v[k][best];
  rotation_of(q, rotation);
}
