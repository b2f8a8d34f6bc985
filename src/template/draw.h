/* Templates that a sample of training shows, drawn at random (docs/features.md 4). */
#ifndef OF3_TEMPLATE_DRAW_H
#define OF3_TEMPLATE_DRAW_H

#include "msa/draw.h"

/* Which of n templates a chain of the sample (number `chain`, every copy for itself) shows, in the order of
 * its slots: out, [n], of which the numbers that are returned are set. Their number is drawn evenly, 0 .. n
 * (0.3: 0 .. n - 1, so that a single template is never used), and then cut to `slots`. release: as in
 * of3_msa_rules. */
int of3_template_draw(const of3_msa_draw *draw, int release, int chain, int n, int slots, int32_t *out);

#endif
