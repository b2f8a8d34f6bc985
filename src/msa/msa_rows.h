/* The rows of the MSA of one chain, and what is counted over them (filled by msa.h, pairing.h, profile.h). */
#ifndef OF3_MSA_MSA_ROWS_H
#define OF3_MSA_MSA_ROWS_H

#include <stdbool.h>
#include <stdint.h>

#include "msa/alignment.h"
#include "of3.h"

enum {
  OF3_MSA_CLASSES = 32, /* as restype: docs/features.md 5 */
  OF3_MSA_GAP = 31,
  OF3_MSA_MOST_ROWS = 16384, /* of the final stack, query included */
  OF3_MSA_MOST_PAIRED = 8191 /* of them paired */
};

typedef struct of3_msa {
  int n_col, n_row;
  of3_msa_row query;                 /* row 0 of the stack; no deletions */
  of3_msa_row *row;                  /* the main block, its own query rows included */
  int n_read;                        /* rows that it would have without those that were left out: */
  int n_equal, n_also_paired, n_cut; /* equal to earlier ones; in the paired block, too; without room */
  int n_hit, n_paired;
  of3_msa_row *hit;     /* the query and rows with species, to be paired */
  of3_msa_row *paired;  /* the paired block */
  bool has_paired;      /* from files */
  float *profile;       /* [n_col, 32] over the main block */
  float *deletion_mean; /* [n_col] */
  uint8_t *gaps;        /* [n_col] letters of rows that are of no alignment */
} of3_msa;

/* The letters of a row, [n_col]. */
const uint8_t *of3_msa_letters(const of3_msa *msa, of3_msa_row row);

/* The class of every byte of an alignment of a protein or RNA: '-' is the gap, letters that the polymer does
 * not have are UNK or N. */
void of3_msa_classes(of3_molecule polymer, uint8_t class_of[static 256]);

#endif
