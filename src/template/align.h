/* The best alignment of two protein sequences. */
#ifndef OF3_TEMPLATE_ALIGN_H
#define OF3_TEMPLATE_ALIGN_H

#include <stdint.h>

#include "base/arena.h"
#include "base/cancel.h"
#include "base/status.h"

/* The alignment of all of a[n] with all of b[m] of the highest score: BLOSUM62, a gap of length k costs 11 +
 * k, at the ends nothing (Gotoh 1982). partner[i] is the place in b that residue i of a faces, or -1. Of
 * equally good alignments the one that matches residues as late as possible is chosen. Takes n * m bytes of
 * scratch.
 */
OF3_MUST_CHECK of3_status of3_template_align(const char *a, int n, const char *b, int m,
                                             of3_cancel *opt_cancel, of3_arena *scratch, int *partner,
                                             of3_error *err);

#endif
