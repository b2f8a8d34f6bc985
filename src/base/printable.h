/* Text from names of files and queries, as it may be shown and written into files that people read:
 * of3_printable (of3.h), and the same into a string. */
#ifndef OF3_BASE_PRINTABLE_H
#define OF3_BASE_PRINTABLE_H

#include "base/str.h"

void of3_str_add_printable(of3_str *s, const char *text);

/* The same in the place of the text, which is cut where its size bytes end; at most OF3_ERROR_TEXT. */
void of3_make_printable(char *text, size_t size);

#endif
