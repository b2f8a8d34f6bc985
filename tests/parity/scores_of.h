/* The scores that the program derives from a prediction, compared with the fixture's. */
#ifndef OF3_PARITY_SCORES_OF_H
#define OF3_PARITY_SCORES_OF_H

#include "compare.h"
#include "feat/features.h"
#include "feat/variant.h"
#include "model/prediction.h"

void compare_scores(comparison *c, const of3_features *f, const of3_prediction *p, of3_variant variant);

#endif
