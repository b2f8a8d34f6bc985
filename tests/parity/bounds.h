/* The bounds of all parity tests: at most four times the largest deviation measured, which stands beside
 * each. */
#ifndef OF3_PARITY_BOUNDS_H
#define OF3_PARITY_BOUNDS_H

#include <stdbool.h>

/* Bound of the largest deviation over the largest value of a tensor of a fixture. trained: the demonstration
 * weights. */
double bound_of(const char *name, bool trained);

#endif
