/* Noised copies of the truth, which the denoiser learns from (AF3 SI 3.7.1, Alg. 19). */
#ifndef OF3_TRAIN_NOISED_COPIES_H
#define OF3_TRAIN_NOISED_COPIES_H

#include "model/network.h"

/* Copy s of n: the truth x [A,3], its resolved atoms centred, turned and shifted at random, the others at the
 * origin, plus t[s] times normal noise on each atom, t = 16 exp(-1.2 + 1.5 normal) Angstrom. out [n,A,3], t
 * [n]. */
void of3_noise_copies(const of3_random_source *random, int n, int n_atom, const float *x,
                      const float *resolved, float *out, double *t);

#endif
