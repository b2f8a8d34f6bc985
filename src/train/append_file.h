/* Files that only grow, a record at a time, by a process that may be killed at any moment and be continued
 * from an earlier point: a record is there as a whole, or it is cut off when the file is opened again. */
#ifndef OF3_TRAIN_APPEND_FILE_H
#define OF3_TRAIN_APPEND_FILE_H

#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

typedef struct of3_append_file {
  char *path;
  int fd; /* -1: closed */
  uint64_t size;
} of3_append_file;

/* How many of the bytes stay: whole records of steps up to `step`. */
typedef size_t of3_kept_bytes(const uint8_t *bytes, size_t n, int64_t step);

/* head: what the file begins with. step 0: the file begins anew. Else what lies there is continued behind the
 * records that `kept` keeps; a file that is missing is begun. OF3_ERR_INPUT: the file begins with something
 * else. Ownership: of3_append_close, after an error too. */
OF3_MUST_CHECK of3_status of3_append_open(of3_append_file *out, const char *path, const of3_str *head,
                                          int64_t step, of3_kept_bytes *kept, of3_error *err);
/* Adds a record. What could not be written as a whole (a full disk) is taken away again. */
OF3_MUST_CHECK of3_status of3_append(of3_append_file *f, const of3_str *record, of3_error *err);
/* Returns when all of it is on the disk. */
OF3_MUST_CHECK of3_status of3_append_sync(const of3_append_file *f, of3_error *err);
void of3_append_close(of3_append_file *f);

#endif
