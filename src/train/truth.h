/* The truth of a crop, and the labels that symmetry alignment wants (train/alignment.h). */
#ifndef OF3_TRAIN_TRUTH_H
#define OF3_TRAIN_TRUTH_H

#include "feat/tokens.h"
#include "train/alignment.h"
#include "train/molecules.h"

/* An entry whose chains are in the order of its molecules, and the tokens of it that are the crop. */
typedef struct of3_truth_input {
  const of3_complex *complex;
  const of3_tokens *tokens;
  const of3_molecules *molecules;
  const float *xyz;     /* [n_atom,3] Angstrom */
  const bool *resolved; /* [n_atom] */
  const bool *keep;     /* [tokens] the crop */
  bool in_crop_only;    /* molecules without a token in the crop are no copies */
} of3_truth_input;

typedef struct of3_truth {
  of3_features *features;    /* truth.f: what of3_symmetric says */
  of3_symmetric crop, truth; /* crop.f is the caller's to fill in */
  int32_t *crop_token;       /* [tokens of the crop] its number in the entry */
  float *x, *resolved;       /* [atoms of the truth,3], 0/1 [atoms of the truth] */
} of3_truth;

/* The symmetries of components are from opt_library of the complex. In the arena. */
OF3_MUST_CHECK of3_status of3_truth_make(const of3_truth_input *in, of3_arena *arena, of3_truth *out,
                                         of3_error *err);

#endif
