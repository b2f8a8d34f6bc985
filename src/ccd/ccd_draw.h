/* A component as a drawing. */
#ifndef OF3_CCD_CCD_DRAW_H
#define OF3_CCD_CCD_DRAW_H

#include "base/str.h"
#include "ccd/ccd.h"

/* Appends an SVG document. Heavy atoms only, unless there are no others; positions are the ideal (or model)
 * coordinates seen from where they are spread widest. OF3_ERR_INPUT: not every atom has coordinates. */
OF3_MUST_CHECK of3_status of3_ccd_draw(const of3_ccd_entry *entry, of3_str *out, of3_error *err);

#endif
