/* What the files of the cache share. */
#ifndef OF3_CACHE_CACHE_PARTS_H
#define OF3_CACHE_CACHE_PARTS_H

#include <sys/stat.h>

#include "cache/cache.h"

#define OF3_CACHE_RECORD "of3-entry.json"

enum { CACHE_PATH = 1200 };

struct of3_cache {
  char *folder;
  uint64_t most_bytes;
  const of3_log *opt_log;
  bool warned; /* that nothing can be written; __atomic */
};

/* An entry's record, in an arena. */
typedef struct cache_record_file {
  const char *name, *sha256;
  uint64_t size;
} cache_record_file;

typedef struct cache_record {
  const char *kind, *source, *version, *request_sha256;
  int64_t made, used;
  uint64_t bytes;
  int n;
  cache_record_file *file;
} cache_record;

/* CACHE/v1/ab/cdef...; PART (of "new", "claims") and a name under it. Within CACHE_PATH. */
void of3_cache_entry_path(const of3_cache *cache, const char *key, char out[CACHE_PATH]);
void of3_cache_part_path(const of3_cache *cache, const char *part, const char *name, char out[CACHE_PATH]);

/* Makes a folder below CACHE, CACHE itself and those between, with CACHE's permissions. */
bool of3_cache_make_folder(of3_cache *cache, const char *path);
/* The permissions that a file below CACHE gets. */
mode_t of3_cache_file_mode(const of3_cache *cache);

of3_cache_key of3_cache_key_from(const char *kind, const char *source, const char *version,
                                 const char *request_sha256);
bool of3_cache_is_key(const char *text);
bool of3_cache_is_file_name(const char *name);

typedef enum cache_found { CACHE_ABSENT, CACHE_GOOD, CACHE_DAMAGED } cache_found;

/* Reads the record of an entry's open folder and compares it with the key; why [OF3_ERROR_TEXT] says what is
 * damaged. The status is an error of memory only. */
OF3_MUST_CHECK of3_status of3_cache_read_record(int folder, const char *key, of3_arena *arena,
                                                cache_record *out, cache_found *ret_found, char *why,
                                                of3_error *err);
/* A file of it. */
OF3_MUST_CHECK of3_status of3_cache_read_file(int folder, const cache_record_file *file, of3_arena *arena,
                                              const void **ret_bytes, cache_found *ret_found, char *why,
                                              of3_error *err);

/* Writes record and files into a folder that is new; false with errno. */
bool of3_cache_write_entry(of3_cache *cache, const char *folder, const of3_cache_request *request,
                           const of3_cache_file *file, int n);

/* Moves the entry's folder away, if it is still the one that st tells (NULL: whichever it is), and removes
 * it. False: it could not be moved. */
bool of3_cache_discard(of3_cache *cache, const char *key, const struct stat *opt_st);

/* After so many bytes were put. All entries are counted at random, on average once for each hundredth of what
 * may be kept that processes put; if they are more than may be kept, the least recently used go. */
void of3_cache_keep_within(of3_cache *cache, uint64_t bytes);

#endif
