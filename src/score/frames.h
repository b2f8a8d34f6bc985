/* Frames of tokens and clashes of chains: what the scores read from predicted coordinates. */
#ifndef OF3_SCORE_FRAMES_H
#define OF3_SCORE_FRAMES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/cancel.h"
#include "base/status.h"
#include "chem/complex.h"
#include "feat/features.h"

/* The three atoms of each token's frame in the coordinates x [A,3], among atoms whose mask [A] is not 0; out
 * [N,3]; -1 all three: it has none. */
void of3_frame_atoms(const of3_features *features, const float *x, const float *atom_mask, int32_t *out);

/* Which tokens have a valid frame in the coordinates x [A,3]: out [N] 0/1. Residue tokens: N-CA-C,
 * C3'-C1'-C4'. Atom tokens: the two nearest atoms of the chain, the angle between 25 and 155 degrees. */
void of3_token_frames(const of3_features *features, const float *x, uint8_t *out);

/* Whether two polymer chains have more than 100 atom pairs closer than 1.1 Angstrom, or more pairs than half
 * the atoms of the smaller chain. x [A,3]. */
OF3_MUST_CHECK of3_status of3_has_clash(const of3_complex *complex, const float *x, of3_cancel *opt_cancel,
                                        bool *out, of3_error *err);

#endif
