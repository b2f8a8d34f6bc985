/* The record in the lock of a folder (base/folder_lock.h): lines of text in a block of fixed size, so that it
 * is written at once. */
#ifndef OF3_BASE_LOCK_RECORD_H
#define OF3_BASE_LOCK_RECORD_H

#include <stdbool.h>
#include <stdint.h>

enum { OF3_LOCK_BLOCK = 512, OF3_LOCK_FIELD = 72 };

typedef struct of3_lock_record {
  bool valid;                   /* it is a record of of3 */
  char token[OF3_LOCK_FIELD];   /* of the holder alone */
  char machine[OF3_LOCK_FIELD]; /* the kernel since it was started */
  char device[OF3_LOCK_FIELD];  /* the mounted file system, as that kernel numbers it */
  char host[OF3_LOCK_FIELD], process[OF3_LOCK_FIELD], since[OF3_LOCK_FIELD];
  char beat[OF3_LOCK_FIELD]; /* a number that grows; "-": the holder cannot raise it */
} of3_lock_record;

/* A record of this process with a new token. device: st_dev of the file. */
of3_lock_record of3_lock_record_make(uint64_t device);

/* By descriptor, from the beginning. */
bool of3_lock_record_write(int fd, const of3_lock_record *record);
of3_lock_record of3_lock_record_read(int fd);
/* By name; not valid if it cannot be read. */
of3_lock_record of3_lock_record_find(const char *path);

#endif
