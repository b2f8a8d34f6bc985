/* The rows of the MSA in features, which are kept as the bytes of alignments. */
#ifndef OF3_FEAT_MSA_ROWS_H
#define OF3_FEAT_MSA_ROWS_H

#include "base/status.h"
#include "feat/features.h"

/* What the network reads of rows: [.,N] each; what is NULL is not wanted. */
typedef struct of3_msa_cells {
  uint8_t *class_; /* or OF3_NO_CLASS */
  uint8_t *mask, *has_deletion;
  float *deletion_value;
} of3_msa_cells;

/* One row of the MSA, 0 <= row < n_msa. */
void of3_msa_row_cells(const of3_features *f, int row, of3_msa_cells out);

/* Whether any cell of the row is not masked. */
bool of3_msa_row_counts(const of3_features *f, int row);

/* Makes all n_row rows of the features from arrays [n_row,N], of which nothing is kept; mask NULL: 1
 * everywhere. has_deletion is 1 where deletion_value is not 0; both NULL: no deletions. */
OF3_MUST_CHECK of3_status of3_msa_from_cells(of3_features *f, int n_row, const of3_msa_cells *cells,
                                             of3_error *err);

#endif
