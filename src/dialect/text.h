/* Text of users' files: packed by gzip or not, in UTF-8 with or without a byte order mark, or in UTF-16. */
#ifndef OF3_DIALECT_TEXT_H
#define OF3_DIALECT_TEXT_H

#include <stddef.h>

#include "base/arena.h"
#include "base/status.h"

/* The file as UTF-8 (or what else of ASCII's relatives it is) without a byte order mark, with a 0 behind it,
 * in the arena. 64 MiB at most, unpacked and as UTF-8. UTF-16 is told by its byte order mark, or by zero
 * bytes in every other place of its begin. */
OF3_MUST_CHECK of3_status of3_read_text(const char *path, of3_arena *arena, char **ret_text, size_t *ret_size,
                                        of3_error *err);

/* The same for bytes in memory, which the text may point into. file: for messages. */
OF3_MUST_CHECK of3_status of3_decode_text(const char *file, char *bytes, size_t size, of3_arena *arena,
                                          char **ret_text, size_t *ret_size, of3_error *err);

#endif
