/* One store for what is costly to get again: alignments, template hits, structures, conformers. Queries,
 * runs, users and processes share it.
 *
 *   CACHE/CACHEDIR.TAG            for programs that make backups
 *   CACHE/v1/ab/cdef..../         an entry; ab cdef.... is its key in hex
 *     of3-entry.json              what was asked for, and size and SHA-256 of each file
 *     colabfold_main.a3m  ...     its files
 *   CACHE/v1/new/                 entries that are being written or removed
 *   CACHE/v1/claims/              who is getting what at the moment (of3_cache_claim)
 *
 * The key is the SHA-256 of what was asked for (of3_cache_request), so whoever asks the same finds the same,
 * and another version of the source is another entry. An entry appears complete, by renaming its folder, and
 * never changes; it goes by renaming, too. Readers take no lock. What is read is compared with size and
 * SHA-256 of the record, and the record with its own key: a damaged entry is removed, the log says so, and it
 * counts as not there. Where the store cannot be written, it is read; where it cannot be read, nothing is in
 * it: no trouble with the store fails a run.
 *
 * Folders and files have the permissions of the folder CACHE itself: a group shares one that its members may
 * write. One that of3 makes is its owner's alone. Whoever may write there decides what others read. */
#ifndef OF3_CACHE_CACHE_H
#define OF3_CACHE_CACHE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/cancel.h"
#include "base/log.h"
#include "base/sha256.h"

typedef struct of3_cache of3_cache;

/* ---- Where it is */

typedef struct of3_cache_place {
  const char *path; /* in the arena; NULL: no store is used */
  const char *by;   /* who says so: "--cache", "OF3_CACHE", "default place" */
} of3_cache_place;

/* The folder that was named, else that of the environment variable OF3_CACHE (either may be empty: no store),
 * else $XDG_CACHE_HOME/of3, else ~/Library/Caches/of3 on macOS and ~/.cache/of3 elsewhere. */
OF3_MUST_CHECK of3_status of3_cache_place_of(const char *opt_named, of3_arena *arena, of3_cache_place *out,
                                             of3_error *err);

typedef struct of3_cache_options {
  const char *folder;  /* as opt_named above; NULL */
  uint64_t most_bytes; /* of all entries, before the least recently used go; 0: OF3_CACHE_SIZE, else 20 GB */
  const of3_log *opt_log; /* outlives the cache */
} of3_cache_options;

/* *ret_cache is NULL if no store is to be used; every function takes that. Nothing is made before something
 * is put there. A cache may be used by several threads. */
OF3_MUST_CHECK of3_status of3_cache_open(const of3_cache_options *options, of3_cache **ret_cache,
                                         of3_error *err);
void of3_cache_close(of3_cache *opt_cache);
const char *of3_cache_folder(const of3_cache *cache);

/* ---- Asking and keeping */

typedef struct of3_cache_request {
  const char *kind;    /* "alignment", "hits", "structure", "conformers": letters, digits, '-' */
  const char *request; /* [size] bytes: a sequence, or all that decides what the answer is */
  size_t size;
  const char *source;  /* who answers: "https://host mode=env", "rdkit", "jackhmmer" */
  const char *version; /* of the source and its data: "2025.9.6", a date; "" where there is none */
} of3_cache_request;

typedef struct of3_cache_key {
  char hex[OF3_SHA256_HEX];
} of3_cache_key;

of3_cache_key of3_cache_key_of(const of3_cache_request *request);

enum { OF3_CACHE_FILES = 64, OF3_CACHE_NAME = 200 }; /* files of an entry, bytes of a name: at most */

typedef struct of3_cache_file {
  const char *name; /* without '/', not beginning with '.' */
  const void *bytes;
  size_t size;
} of3_cache_file;

typedef struct of3_cache_value {
  int n;
  const of3_cache_file *file; /* in the order in which they were put; bytes are followed by a 0 */
} of3_cache_value;

/* The files of an entry, in the arena; *ret_found false: it is not there. Errors are those of memory and of
 * the caller. */
OF3_MUST_CHECK of3_status of3_cache_get(of3_cache *opt_cache, const of3_cache_request *request,
                                        of3_arena *arena, bool *ret_found, of3_cache_value *ret_value,
                                        of3_error *err);

/* Whether there is an entry; its files are not looked at. */
bool of3_cache_has(of3_cache *opt_cache, const of3_cache_request *request);

/* Keeps the files [n]. If the entry is there already, it stays. Trouble with the disk is a warning in the
 * log, the first time. */
OF3_MUST_CHECK of3_status of3_cache_put(of3_cache *opt_cache, const of3_cache_request *request,
                                        const of3_cache_file *file, int n, of3_error *err);

/* While a claim is held, other threads and processes that claim the same key wait. For answers that are
 * costly to get: claim, look again whether the entry is there, get it and put it, release. It ends with the
 * process. *ret_claim may be NULL with OF3_OK, where the store cannot be written or the file system has no
 * locks. */
typedef struct of3_cache_claim of3_cache_claim;
OF3_MUST_CHECK of3_status of3_cache_claim_take(of3_cache *opt_cache, const of3_cache_request *request,
                                               of3_cancel *opt_cancel, of3_cache_claim **ret_claim,
                                               of3_error *err);
/* The same without waiting: *ret_busy if somebody else holds it. */
OF3_MUST_CHECK of3_status of3_cache_claim_try(of3_cache *opt_cache, const of3_cache_request *request,
                                              bool *ret_busy, of3_cache_claim **ret_claim, of3_error *err);
void of3_cache_claim_release(of3_cache_claim *opt_claim);

/* ---- What is there */

typedef struct of3_cache_entry {
  const char *key, *kind, *source, *version;
  int n_file;
  uint64_t bytes;
  int64_t made, used; /* seconds since 1970 */
} of3_cache_entry;

/* Calls each for all entries, those that were not used for longest first. */
OF3_MUST_CHECK of3_status of3_cache_each(of3_cache *cache, of3_cancel *opt_cancel,
                                         of3_status (*each)(void *user, const of3_cache_entry *entry,
                                                            of3_error *err),
                                         void *user, of3_error *err);

/* Reads all files of an entry; a damaged one is removed and *ret_good is false. */
OF3_MUST_CHECK of3_status of3_cache_verify(of3_cache *cache, const char *key, bool *ret_good, of3_error *err);

OF3_MUST_CHECK of3_status of3_cache_remove(of3_cache *cache, const char *key, of3_error *err);

typedef struct of3_cache_clean_options {
  double older_s;       /* entries that were not used for so many seconds go; negative: none for that */
  uint64_t most_bytes;  /* then those that were not used for longest, until so much is left; UINT64_MAX */
  const char *opt_kind; /* of that kind only */
} of3_cache_clean_options;

typedef struct of3_cache_cleaned {
  int removed, left;
  uint64_t removed_bytes, left_bytes;
} of3_cache_cleaned;

OF3_MUST_CHECK of3_status of3_cache_clean(of3_cache *cache, const of3_cache_clean_options *options,
                                          of3_cancel *opt_cancel, of3_cache_cleaned *ret_cleaned,
                                          of3_error *err);

#endif
