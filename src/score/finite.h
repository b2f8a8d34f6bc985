/* Whether what the network gave are numbers. */
#ifndef OF3_SCORE_FINITE_H
#define OF3_SCORE_FINITE_H

#include "base/status.h"
#include "model/prediction.h"

/* OF3_ERR_INPUT with a sentence that names the heads whose results are not finite, or the denoiser; heads
 * that read coordinates are not named beside it, since theirs follow from them. A network of finite weights
 * gives finite numbers; that of a damaged checkpoint need not. */
OF3_MUST_CHECK of3_status of3_prediction_check_finite(const of3_prediction *prediction, of3_error *err);

#endif
