/* What a path stands for: what may be read, and where output to it goes. */
#ifndef OF3_BASE_TARGET_H
#define OF3_BASE_TARGET_H

#include <sys/stat.h>

#include "base/status.h"

/* "a folder", "a FIFO", "a socket", "a character device", "a block device", "a regular file". */
const char *of3_file_kind(unsigned mode);

/* The kind of what lies there, links followed; NULL: nothing that can be seen. */
const char *of3_path_kind(const char *path);

/* Opens a regular file. Anything else is refused before it is opened: a FIFO would block, a device may do
 * something. */
OF3_MUST_CHECK of3_status of3_open_for_reading(const char *path, int *ret_fd, struct stat *ret_stat,
                                               of3_error *err);

/* Where output goes. Links are followed, so that they stay and what they lead to is written.
 *
 *   a regular file, or none   file: its path, owned (free); fd -1
 *   an open descriptor        /dev/stdout, /dev/stderr, /dev/fd/N, /proc/self/fd/N: fd is a copy of it
 *   a character device        fd is the opened device
 *
 * Folders, FIFOs, sockets and block devices are refused. */
typedef struct of3_target {
  char *file;
  int fd;
} of3_target;

OF3_MUST_CHECK of3_status of3_target_find(const char *path, of3_target *out, of3_error *err);

#endif
