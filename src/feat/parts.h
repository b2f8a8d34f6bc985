/* The parts of of3_features_build; each fills its group of arrays, whose memory the caller has taken. */
#ifndef OF3_FEAT_PARTS_H
#define OF3_FEAT_PARTS_H

#include "feat/build.h"

/* Tokens, atoms and empty template slots. */
void of3_features_structure(const of3_complex *complex, const of3_tokens *tokens,
                            const of3_feature_mode *mode, of3_features *out);

/* Loads the MSAs, sets n_msa and takes the memory of the MSA features itself. */
OF3_MUST_CHECK of3_status of3_features_msa(const of3_complex *complex, const of3_tokens *tokens,
                                           const of3_query *query, const of3_feature_mode *mode,
                                           const of3_log *opt_log, of3_features *out, of3_error *err);

/* The memory of the MSA features of n_msa rows: gaps, no deletions, masks of 0. */
OF3_MUST_CHECK of3_status of3_features_msa_room(int n_msa, of3_features *out, of3_error *err);

#endif
