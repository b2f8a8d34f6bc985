/* The parts of of3_features_build; each fills its group of arrays, whose memory the caller has taken. */
#ifndef OF3_FEAT_PARTS_H
#define OF3_FEAT_PARTS_H

#include "feat/build.h"

/* Tokens, atoms and empty template slots. */
void of3_features_structure(const of3_complex *complex, const of3_tokens *tokens,
                            const of3_feature_mode *mode, of3_features *out);

typedef struct of3_alignments of3_alignments; /* alignments.h */

/* Sets n_msa, takes the memory of the MSA features itself, and joins the users of the alignments. */
OF3_MUST_CHECK of3_status of3_features_msa(const of3_complex *complex, const of3_tokens *tokens,
                                           const of3_query *query, const of3_feature_mode *mode,
                                           of3_alignments *alignments, of3_features *out, of3_error *err);

/* Templates of the chains into the slots, which are empty. */
OF3_MUST_CHECK of3_status of3_features_templates(const of3_complex *complex, const of3_tokens *tokens,
                                                 const of3_query *query, const of3_feature_mode *mode,
                                                 const of3_log *opt_log, of3_features *out, of3_error *err);
/* The query's pocket, whose memory it takes itself; of a query that of3_query_check_pocket accepts. */
OF3_MUST_CHECK of3_status of3_features_pocket(const of3_complex *complex, const of3_query *query,
                                              const of3_feature_mode *mode, const of3_log *opt_log,
                                              of3_features *out, of3_error *err);

#endif
