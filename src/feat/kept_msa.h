/* Alignments that several queries of a job have in common: a protein and a thousand ligands, one after the
 * other. Files are read, paired and counted for the first of these queries; the features of the others place
 * the same alignments beside their tokens, and share their memory.
 *
 * What is kept stays until the last query that was expected to want it has been served, as far as memory
 * goes. All queries are expected before the first is served; then several threads may be. Queries and their
 * texts outlive it. One thread at a time reads files: reading may take as much memory as is left. */
#ifndef OF3_FEAT_KEPT_MSA_H
#define OF3_FEAT_KEPT_MSA_H

#include "feat/build.h"
#include "feat/parts.h"

/* most_bytes: of all that is kept; what does not fit is made anew for each query. NULL: memory is out. */
of3_kept_msa *of3_kept_msa_new(uint64_t most_bytes);
void of3_kept_msa_free(of3_kept_msa *opt_kept);

/* One query more will come whose features are made. */
OF3_MUST_CHECK of3_status of3_kept_msa_expect(of3_kept_msa *kept, const of3_query *query, of3_error *err);

uint64_t of3_kept_msa_bytes(of3_kept_msa *opt_kept);

/* The alignments of a query, from what is kept or read; the caller leaves them. mode and opt_log: as in
 * of3_alignments_load. */
OF3_MUST_CHECK of3_status of3_kept_msa_get(of3_kept_msa *kept, const of3_query *query,
                                           const of3_feature_mode *mode, const of3_log *opt_log,
                                           of3_alignments **ret_alignments, of3_error *err);

#endif
