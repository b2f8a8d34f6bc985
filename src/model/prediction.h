/* What the network gives for one query and one seed, on the host. */
#ifndef OF3_MODEL_PREDICTION_H
#define OF3_MODEL_PREDICTION_H

#include "base/status.h"
#include "feat/features.h"

typedef struct of3_prediction {
  int n_sample, n_token, n_atom;
  float *x;       /* [S,A,3] Angstrom */
  float *plddt;   /* [S,A] expected, 0 .. 100 */
  float *pae;     /* [S,N,N] expected, Angstrom; row = token whose frame is aligned */
  float *pde;     /* [S,N,N] expected, Angstrom */
  float *contact; /* [N,N] probability of a distance below 8 Angstrom */
  /* [S,N,N] expected TM term sum_b p_b / (1 + (c_b/d0)^2) of each pair, p the PAE distribution: with d0 of
   * all tokens; and with d0 of the tokens of the pair's chains (the chain if both tokens are in it, else the
   * two chains together). */
  float *tm, *tm_chains;
  double seconds_trunk, seconds_diffusion, seconds_heads;
} of3_prediction;

/* All zero, for so many samples of f; of3_prediction_free frees it, {0} too. */
OF3_MUST_CHECK of3_status of3_prediction_make(const of3_features *f, int samples, of3_prediction *out,
                                              of3_error *err);
void of3_prediction_free(of3_prediction *p);

#endif
