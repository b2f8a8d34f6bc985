/* Tar archives from a server (POSIX ustar, with GNU's and pax's additions), packed by gzip or not: hostile
 * input. Members are regular files with plain names; folders, and members in folders, are passed over. A
 * member whose name is absolute or has "..", a link or a device refuses the archive. */
#ifndef OF3_NET_TAR_H
#define OF3_NET_TAR_H

#include "base/cancel.h"
#include "base/status.h"

typedef struct of3_tar_limits {
  int members;        /* at most */
  uint64_t all_bytes; /* of all members together */
} of3_tar_limits;

/* What is read, and what is done with it. Any may end the walk with an error. */
typedef struct of3_tar_walk {
  void *user;
  /* Up to `room` bytes of the archive; fewer only at its end. */
  of3_status (*read)(void *user, void *out, size_t room, size_t *ret_n, of3_error *err);
  of3_status (*begin)(void *user, const char *name, uint64_t size, of3_error *err);
  of3_status (*bytes)(void *user, const void *bytes, size_t n, of3_error *err);
  of3_status (*end)(void *user, of3_error *err); /* of the member */
} of3_tar_walk;

OF3_MUST_CHECK of3_status of3_tar_walk_through(const of3_tar_walk *walk, const of3_tar_limits *limits,
                                               of3_error *err);

/* Writes the members of an archive into a folder, each when it is whole. The archive is read to its end, so
 * that one that was cut off is an error. */
OF3_MUST_CHECK of3_status of3_tar_unpack(const char *archive, const char *folder,
                                         const of3_tar_limits *limits, of3_cancel *opt_cancel,
                                         of3_error *err);

#endif
