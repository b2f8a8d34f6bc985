/* A file read from its beginning to its end in pieces of any size, packed by gzip or not. */
#ifndef OF3_BASE_STREAM_H
#define OF3_BASE_STREAM_H

#include <stddef.h>

#include "base/status.h"

typedef struct of3_stream of3_stream;

/* Only regular files are opened. A file that begins as gzip files do is unpacked as it is read. */
OF3_MUST_CHECK of3_status of3_stream_open(const char *path, of3_stream **ret_stream, of3_error *err);
void of3_stream_close(of3_stream *opt_stream);

/* Reads `room` bytes, at most 2^30; fewer only at the end of the file, where *ret_n becomes 0. A gzip file
 * that is damaged or ends early is an error. */
OF3_MUST_CHECK of3_status of3_stream_read(of3_stream *stream, void *out, size_t room, size_t *ret_n,
                                          of3_error *err);

#endif
