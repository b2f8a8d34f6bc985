#include "train/noised_copies.h"

#include <math.h>

static void draw(const of3_random_source *random, of3_purpose what, int copy, float *out, size_t n) {
  if (random->opt_normal)
    random->opt_normal(random->user, what, 0, copy, out, n);
  else
    of3_random_normal((of3_stream){random->seed, what, (uint32_t)copy, 0}, out, n);
}

/* The mean of the resolved atoms; the origin where there is none. */
static void centre_of(int n_atom, const float *x, const float *resolved, double centre[3]) {
  double n = 0;
  for (int k = 0; k < 3; k++) centre[k] = 0;
  for (int a = 0; a < n_atom; a++) {
    if (!(resolved[a] > 0)) continue;
    for (int k = 0; k < 3; k++) centre[k] += (double)x[3 * a + k];
    n++;
  }
  for (int k = 0; k < 3; k++) centre[k] /= n > 0 ? n : 1;
}

void of3_noise_copies(const of3_random_source *random, int n, int n_atom, const float *x,
                      const float *resolved, float *out, double *t) {
  double centre[3];
  centre_of(n_atom, x, resolved, centre);
  for (int s = 0; s < n; s++) {
    float level, pose[7], turn[9], *y = out + (size_t)s * 3 * (size_t)n_atom;
    draw(random, OF3_RANDOM_COPY_LEVEL, s, &level, 1);
    draw(random, OF3_RANDOM_COPY_POSE, s, pose, 7);
    draw(random, OF3_RANDOM_COPY_NOISE, s, y, 3 * (size_t)n_atom);
    t[s] = OF3_SIGMA_DATA * exp(-1.2 + 1.5 * (double)level);
    of3_rotation_of(pose, turn);
    for (int a = 0; a < n_atom; a++)
      for (int k = 0; k < 3; k++) {
        double moved = (double)pose[4 + k];
        for (int j = 0; j < 3; j++) moved += (double)turn[3 * k + j] * ((double)x[3 * a + j] - centre[j]);
        y[3 * a + k] = (float)((resolved[a] > 0 ? moved : 0) + t[s] * (double)y[3 * a + k]);
      }
  }
}
