/* Pair features of templates from the coordinates of their atoms (docs/features.md 4). */
#ifndef OF3_FEAT_TEMPLATE_PAIRS_H
#define OF3_FEAT_TEMPLATE_PAIRS_H

#include "feat/features.h"

/* Row i of slot t of features with template_beta and template_frame: bins [N] or OF3_NO_CLASS, unit vectors
 * [N,3]. */
void of3_template_bins(const of3_features *f, int t, int i, uint8_t *out);
void of3_template_units(const of3_features *f, int t, int i, float *out);

#endif
