/* The file of components that is part of the program, packed by zlib; little-endian words. */
#ifndef OF3_CCD_CCD_BUILTIN_H
#define OF3_CCD_CCD_BUILTIN_H

#include <stddef.h>
#include <stdint.h>

extern const uint64_t of3_ccd_builtin_packed[];
extern const size_t of3_ccd_builtin_packed_size, of3_ccd_builtin_size; /* bytes */

#endif
