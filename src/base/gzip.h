/* Reading gzip files. */
#ifndef OF3_BASE_GZIP_H
#define OF3_BASE_GZIP_H

#include <stddef.h>

#include "base/arena.h"
#include "base/cancel.h"
#include "base/status.h"

/* Unpacks a gzip file of one or several members into the arena, with a terminating 0. It is read twice: once
 * to learn the size, so that what the arena may hand out is not exceeded, and at most `most` bytes. */
OF3_MUST_CHECK of3_status of3_gunzip(const char *path, size_t most, of3_cancel *opt_cancel, of3_arena *arena,
                                     char **ret_text, size_t *ret_size, of3_error *err);

#endif
