/* Which point of a training set a sample is about. Every sample is a function of (seed, step, slot): the same
 * on any number of processes, and whatever was drawn before. */
#ifndef OF3_DATA_DRAW_H
#define OF3_DATA_DRAW_H

#include "data/set.h"

/* AF3 SI 2.5.1: a point is drawn in proportion to w / cluster * sum over its chains of a. */
typedef struct of3_draw_weights {
  double chain, interface;         /* w */
  double protein, nucleic, ligand; /* a */
} of3_draw_weights;

#define OF3_DRAW_WEIGHTS                                                                                     \
  ((of3_draw_weights){.chain = 0.5, .interface = 1, .protein = 3, .nucleic = 3, .ligand = 1})

typedef struct of3_draw {
  int n;
  double *sum; /* [n] of the weights up to each point, itself included */
} of3_draw;

/* OF3_ERR_INPUT: no point has a weight. Ownership: of3_draw_free. */
OF3_MUST_CHECK of3_status of3_draw_open(const of3_set *set, const of3_draw_weights *weights, of3_draw *out,
                                        of3_error *err);
void of3_draw_free(of3_draw *draw); /* {0} is allowed */

/* The number of the point of a sample: slot counts the samples of a step. */
int of3_draw_point(const of3_draw *draw, uint64_t seed, uint32_t step, uint32_t slot);

#endif
