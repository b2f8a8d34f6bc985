/* Temporary files: each has a name of its own, and whoever creates one knows that it is new. */
#ifndef OF3_BASE_TEMPORARY_H
#define OF3_BASE_TEMPORARY_H

#include <stdbool.h>
#include <stdint.h>

/* 64 bits that no other process has, whatever its number in its container and its clock. */
uint64_t of3_random_word(void);

/* Creates PATH.tmp-RANDOM for writing. Returns its descriptor, and its name, which the caller frees; -1 with
 * errno if that fails. */
int of3_temporary_open(const char *path, char **ret_name);

/* Whether a file name ends like a temporary one, of this version or an earlier one (.tmp-NUMBER). */
bool of3_is_temporary_name(const char *name);

#endif
