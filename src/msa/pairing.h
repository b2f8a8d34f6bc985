/* Rows of different chains side by side (docs/alignments.md 3). */
#ifndef OF3_MSA_PAIRING_H
#define OF3_MSA_PAIRING_H

#include "msa/msa.h"

/* An alignment and the chains that have it. */
typedef struct of3_msa_partner {
  const char *chain; /* an id, for messages */
  of3_molecule polymer;
  int n_chain;
  of3_msa *msa;
} of3_msa_partner;

/* Whether rows would be paired by species: proteins of two alignments at least, none of which has paired rows
 * from files. */
bool of3_msa_pairs_species(const of3_msa_partner *partner, int n);

/* Fills `paired` of the alignments of a query, in the order of its chains, and says how many rows the stack
 * has of them: those of the files of paired rows, if any alignment has such, else rows of `hit` that are of
 * one species. Rows of hits are copied into the arena; scratch takes what sorting needs. */
OF3_MUST_CHECK of3_status of3_msa_pair(const of3_msa_partner *partner, int n, const of3_msa_rules *rules,
                                       const of3_log *opt_log, of3_cancel *opt_cancel, of3_arena *scratch,
                                       of3_arena *arena, int *ret_rows, of3_error *err);

#endif
