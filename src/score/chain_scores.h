/* What AlphaFold 3 tells of chains and pairs of chains beside the scores of the reference, and the scores of
 * a ligand (docs/files.md 3). */
#ifndef OF3_SCORE_CHAIN_SCORES_H
#define OF3_SCORE_CHAIN_SCORES_H

#include "score/scores.h"

/* Fills chain_plddt, chain_iptm, chain_pair_pae_min and the ligand_ scores of one sample from chain_pair_iptm
 * and the prediction. frames [N]: which tokens have a frame. */
OF3_MUST_CHECK of3_status of3_chain_scores(const of3_complex *complex, const of3_features *features,
                                           const of3_prediction *prediction, int sample,
                                           const uint8_t *frames, of3_cancel *opt_cancel, of3_scores *out,
                                           of3_error *err);

#endif
