/* Numbers rounded to six decimals, as Python writes them after rounding. */
#ifndef OF3_WRITE_DECIMAL6_H
#define OF3_WRITE_DECIMAL6_H

#include "base/str.h"

/* round(double(x), 6): the decimal nearest to the exact value. */
double of3_round6(float x);

/* repr(numpy.round(double(x), 6)): rint(1e6 x) / 1e6 in its shortest form, which for |x| < 1e9 is the integer
 * rint(1e6 x) with a decimal point, trailing zeros cut; below 1e-4 with an exponent. Not terminated; at most
 * OF3_F32_TEXT characters, returns how many. */
int of3_format_decimal6(char *out, float x);

#endif
