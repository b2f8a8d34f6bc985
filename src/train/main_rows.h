/* Rows of the main blocks of alignments, drawn at random for a training sample. */
#ifndef OF3_TRAIN_MAIN_ROWS_H
#define OF3_TRAIN_MAIN_ROWS_H

#include "base/status.h"
#include "feat/features.h"

typedef enum of3_main_rows {
  OF3_MAIN_COMMON_DEPTH, /* 0.3.1: as many of each chain, up to the depth of the deepest, in random order */
  OF3_MAIN_ANY_ORDER,    /* 0.4: of each chain a random number, in random order */
  OF3_MAIN_FILE_ORDER    /* 0.5.0: of each chain a random number, in the order of the file */
} of3_main_rows;

/* Leaves the query, the paired rows and the rows that are drawn; profiles stay those of all rows. The
 * features are those of of3_features_build. */
OF3_MUST_CHECK of3_status of3_draw_main_rows(of3_features *features, of3_main_rows how, uint64_t seed,
                                             of3_error *err);

#endif
