/* Disorder as AlphaFold-disorder reads it from a structure: the share of protein residues whose relative
 * accessible surface area, smoothed over 25 residues, is above 0.581 (docs/files.md 3).
 */
#ifndef OF3_SCORE_RASA_H
#define OF3_SCORE_RASA_H

#include "base/cancel.h"
#include "base/status.h"
#include "chem/complex.h"

/* Accessible surface in square Angstrom of each atom of one chain taken alone (Shrake & Rupley 1973;
 * probe 1.4 Angstrom, 1000 Fibonacci points, ProtOr radii). x [A,3] are the coordinates of the whole complex,
 * out [atoms of the chain]. */
OF3_MUST_CHECK of3_status of3_chain_sasa(const of3_complex *complex, int chain, const float *x,
                                         of3_cancel *opt_cancel, float *out, of3_error *err);

/* The surface of each residue of the chain relative to the largest that such a residue can have, 0 .. 1,
 * smoothed over 25 residues; out [residues of the chain]. */
OF3_MUST_CHECK of3_status of3_chain_rasa(const of3_complex *complex, int chain, const float *x,
                                         of3_cancel *opt_cancel, double *out, of3_error *err);

/* 0 .. 1 over the residues of all protein chains; 0 if there are none. */
OF3_MUST_CHECK of3_status of3_disorder(const of3_complex *complex, const float *x, of3_cancel *opt_cancel,
                                       float *out, of3_error *err);

#endif
