/* What is counted over the main block of an MSA. */
#ifndef OF3_MSA_PROFILE_H
#define OF3_MSA_PROFILE_H

#include "msa/msa_rows.h"

/* Keeps the first of equal rows (letters alone count), in order. The limit of the arena counts what sorting
 * takes. */
OF3_MUST_CHECK of3_status of3_msa_drop_duplicates(of3_msa *msa, of3_cancel *opt_cancel, of3_arena *arena,
                                                  of3_error *err);

/* Leaves rows out whose letters are those of a row of the paired block. */
OF3_MUST_CHECK of3_status of3_msa_drop_paired(of3_msa *msa, of3_cancel *opt_cancel, of3_arena *arena,
                                              of3_error *err);

/* Fills profile and deletion_mean; zeros if there is no row.
 *
 *   profile[j,c] = #{r : class(r,j) = c} / R,   deletion_mean[j] = sum_r deletion(r,j) / R
 *
 * scrambled: as OpenFold3 0.3 and 0.4 count. In chunks of at most 1000 columns the R x B classes are read row
 * by row as one list v, and column j of the chunk counts v[jR ... jR+R-1] (docs/features.md 3.4). */
OF3_MUST_CHECK of3_status of3_msa_count(of3_msa *msa, of3_molecule polymer, bool scrambled,
                                        of3_cancel *opt_cancel, of3_error *err);

#endif
