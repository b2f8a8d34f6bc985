/* A steady clock: it never goes back, and its zero is of no meaning. */
#ifndef OF3_BASE_CLOCK_H
#define OF3_BASE_CLOCK_H

#include <stdint.h>

int64_t of3_nanoseconds(void);
double of3_seconds(void);

#endif
