/* Reading, mapping and writing files. Nothing is ever half-written: output goes to a temporary name in the
 * same folder and is renamed when complete. Only regular files are read, and only they are ever replaced
 * (base/target.h). */
#ifndef OF3_BASE_FILE_H
#define OF3_BASE_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/arena.h"
#include "base/status.h"

/* A file mapped read-only. Empty files give size 0 and a valid pointer. */
typedef struct of3_map {
  const uint8_t *data;
  size_t size;
} of3_map;

OF3_MUST_CHECK of3_status of3_map_open(const char *path, of3_map *out, of3_error *err);
void of3_map_close(of3_map *map); /* {0} is allowed */

/* Gives the memory of n bytes back, if they lie in the map, with that of some around them. All can be read
 * again, from the file. Without effect where the system cannot do it. */
void of3_map_release(const of3_map *map, const void *bytes, size_t n);

/* The whole file in the arena with a terminating 0; an error if it is larger than `most` bytes. */
OF3_MUST_CHECK of3_status of3_read_file(const char *path, size_t most, of3_arena *arena, char **ret_text,
                                        size_t *ret_size, of3_error *err);

/* One file being written. Start with {0}; after of3_out_open, write to `f`, then exactly one of commit or
 * abort. Commit flushes, reports a full disk, and renames; on failure the temporary file is gone. Abort may
 * follow anything. A link is followed: it stays, and the file that it leads to is replaced. */
typedef struct of3_out {
  FILE *f;
  char *path;               /* as it was given, for messages */
  char *target, *temporary; /* behind all links; NULL: written through, there is no file to replace */
} of3_out;

OF3_MUST_CHECK of3_status of3_out_open(of3_out *out, const char *path, of3_error *err);

/* The same for output that is written from its beginning to its end: a character device or an open descriptor
 * (/dev/null, /dev/stdout, /dev/fd/N) is written through. f cannot seek then, and what was written before an
 * abort has been seen. */
OF3_MUST_CHECK of3_status of3_out_open_any(of3_out *out, const char *path, of3_error *err);
OF3_MUST_CHECK of3_status of3_out_commit(of3_out *out, of3_error *err);
void of3_out_abort(of3_out *out);

/* Writes n bytes as the whole content of path, through a temporary name. */
OF3_MUST_CHECK of3_status of3_write_file(const char *path, const void *bytes, size_t n, of3_error *err);

/* Returns when what was written to a file, or renamed in a folder, is on the disk. A file system that cannot
 * tell is none the worse for it. */
OF3_MUST_CHECK of3_status of3_sync(const char *path, of3_error *err);

/* Creates a folder and its parents; no error if it exists. */
OF3_MUST_CHECK of3_status of3_make_folder(const char *path, of3_error *err);

/* The names in a folder but hidden ones, sorted by bytes, in the arena. */
OF3_MUST_CHECK of3_status of3_list_folder(const char *folder, of3_arena *arena, const char ***ret_name,
                                          int *ret_n, of3_error *err);

/* Removes the files of a folder, and the folder if nothing else is in it; errno stays. */
void of3_remove_files(const char *folder);

bool of3_is_file(const char *path);
bool of3_is_folder(const char *path);

/* "folder/name", or name alone if it is absolute or folder is empty. NULL if out of memory. */
char *of3_path_join(of3_arena *arena, const char *folder, const char *name);
/* The folder part ("" if there is none), and the pointer to the last component. */
char *of3_path_folder(of3_arena *arena, const char *path);
const char *of3_path_name(const char *path);

#endif
