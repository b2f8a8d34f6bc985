/* Symmetry alignment: which of the interchangeable molecules and atoms of a structure a crop's are (AF3
 * SI 4.2). The crop was predicted; of all assignments one is chosen, greedily, that brings the truth near the
 * prediction.
 *
 * A molecule is a set of chains held together by bonds; molecules of one entity are copies of each other. The
 * truth has all copies that the crop may be, and usually more atoms than the crop.
 *
 *   1. anchor      the molecule of the truth with the fewest copies and more than three resolved centre atoms
 *   2. candidates  the truth, superposed with the anchor on each copy of it in the prediction
 *   3. copies      under each candidate, entity by entity: each predicted copy takes the free copy of the
 * truth whose centroid is nearest; the candidate with the smallest r.m.s. distance of centroids wins
 *   4. atoms       the prediction superposed on the copies chosen; of each conformer the permutation of its
 *                  symmetry group with the smallest r.m.s.d.
 *
 * What OpenFold3 does where these are undefined is done here too, since networks are trained with it: a
 * candidate without a resolved atom wins, as does a permutation without one; a taken copy without a resolved
 * atom may be taken again. A candidate over atoms on a line has an undetermined rotation. */
#ifndef OF3_TRAIN_ALIGNMENT_H
#define OF3_TRAIN_ALIGNMENT_H

#include "feat/features.h"

/* Which atoms of a conformer's truth its atoms in the crop may be; the first row is what they are. */
typedef struct of3_permutations {
  int n, n_atom;
  const int32_t *index; /* [n,n_atom] */
} of3_permutations;

/* A crop, or its truth, and what says which parts are interchangeable. */
typedef struct of3_symmetric {
  const of3_features *f; /* of the truth: the tokens' kinds, masks, numbers of atoms and centre atoms alone */
  /* Of tokens [N]: the molecule's entity, which copy of it, the residue or ligand in the molecule, the token
   * in it. The last two are the same in all copies. */
  const int32_t *entity, *copy, *component, *token;
  /* Of a crop: permutations of the conformer with ref_space_uid u at u. */
  int n_conformer;
  const of3_permutations *conformer;
} of3_symmetric;

typedef enum of3_aligned {
  OF3_ALIGNED,       /* as above */
  OF3_ALIGNED_NAIVE, /* that is impossible: each token is the token of its token_index */
  OF3_ALIGNED_NOT    /* so is that: the entry does not count */
} of3_aligned;

/* index [atoms of the crop]: the atom of the truth that each is; -1 for padding. x [atoms of the crop,3] is
 * the prediction; truth_x [atoms of the truth,3], resolved [atoms of the truth] 0/1. All indices are -1 where
 * the result is OF3_ALIGNED_NOT. The only error is a lack of memory. */
OF3_MUST_CHECK of3_status of3_align_truth(const of3_symmetric *crop, const float *x,
                                          const of3_symmetric *truth, const float *truth_x,
                                          const float *resolved, of3_aligned *ret_how, int32_t *index,
                                          of3_error *err);

/* out_x [A,3], out_resolved [A]: the truth in the order of the crop; zero for padding. Not aligned: zero. */
void of3_take_aligned(const of3_features *crop, const int32_t *index, const float *truth_x,
                      const float *resolved, float *out_x, float *out_resolved);

#endif
