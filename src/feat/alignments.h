/* The alignments of the polymers of a query: read, paired and counted once, for the features of all queries
 * and seeds that have the same polymers and files. */
#ifndef OF3_FEAT_ALIGNMENTS_H
#define OF3_FEAT_ALIGNMENTS_H

#include <stdatomic.h>

#include "feat/parts.h"
#include "msa/pairing.h"

struct of3_alignments {
  of3_arena *arena;
  atomic_int users;
  int n, n_paired; /* alignments; rows of the stack that are paired */
  int n_row;       /* of the stack: the query, the paired rows, the main block of the deepest chain */
  int n_polymer;   /* chains of the query that are no ligands, in their order */
  int *of_polymer; /* [n_polymer] which alignment, -1: none */
  of3_msa *msa;    /* [n] */
  of3_msa_partner *partner; /* [n] */
  of3_msa_row **row;        /* [n] rows 0 .. depth[n] - 1 of the stack */
  int *depth;               /* [n] */
  uint8_t *class_of;        /* [2,256] of letters of proteins and of RNA */
};

/* Of a query that uses none, of ligands and DNA alone: n 0, one row. mode->most_memory is what they may take.
 * Ownership: of3_alignments_leave. */
OF3_MUST_CHECK of3_status of3_alignments_load(const of3_query *query, const of3_feature_mode *mode,
                                              const of3_log *opt_log, of3_alignments **out, of3_error *err);

/* One user more; one less, of whom the last frees them. NULL is allowed. */
of3_alignments *of3_alignments_join(of3_alignments *alignments);
void of3_alignments_leave(of3_alignments *opt_alignments);

#endif
