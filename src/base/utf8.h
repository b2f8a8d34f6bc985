/* UTF-8, one code point after the other. */
#ifndef OF3_BASE_UTF8_H
#define OF3_BASE_UTF8_H

#include <stddef.h>
#include <stdint.h>

/* The code point that begins at text[0 .. n-1], n > 0, and how many bytes it has. Bytes that are no UTF-8
 * (also overlong forms, surrogates, what lies beyond U+10FFFF) give OF3_UTF8_BAD and one byte. */
#define OF3_UTF8_BAD UINT32_MAX
size_t of3_utf8_next(const char *text, size_t n, uint32_t *ret_code);

#endif
