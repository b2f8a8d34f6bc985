/* of3_msa.h: alignments from a server without a fold, and the cache of what servers answer
 * (docs/alignments.md). See of3.h for errors, callbacks and ownership. */
#ifndef OF3_MSA_H
#define OF3_MSA_H

#include "of3.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct of3_align_options {
  of3_msa_server server;
  const char *cache;            /* as of3_predict_options */
  bool structures;              /* those of template hits, too, in FOLDER/structures */
  const of3_settings *settings; /* what is written, and as what; NULL: A3M, names and answers */
} of3_align_options;

/* Alignments of the proteins of a file of queries (as of3_predict takes it) that name none, in a folder as
 * OpenFold3's align-msa-server writes it, and FOLDER/query_msa.json, the queries with their names. If some
 * queries cannot be served, *ret_failed of them, they are in that file without, and the status is that of the
 * first. */
OF3_API OF3_MUST_CHECK of3_status of3_align_msa_server(const char *query, const char *folder,
                                                       const of3_align_options *options,
                                                       const of3_callbacks *opt_callbacks, int *ret_failed,
                                                       of3_error *err);

/* ---- The cache. opt_cache: as of3_predict_options.cache. */

typedef struct of3_cached {
  const char *key, *kind, *source, *version; /* kind: "damaged" if its record cannot be read */
  int n_file;
  uint64_t bytes;
  int64_t made, used; /* seconds since 1970 */
} of3_cached;

/* Where it is: path [size] becomes "" if none is used. *ret_by says who named it: "--cache", "OF3_CACHE",
 * "default place". */
OF3_API OF3_MUST_CHECK of3_status of3_cache_describe_place(const char *opt_cache, char *path, size_t size,
                                                           const char **ret_by, of3_error *err);

/* Calls each for the entries, those that were not used for longest first, until it gives something else than
 * OF3_OK. */
OF3_API OF3_MUST_CHECK of3_status of3_cache_list(const char *opt_cache, const of3_callbacks *opt_callbacks,
                                                 of3_status (*each)(void *user, const of3_cached *entry),
                                                 void *user, of3_error *err);

/* Reads every entry; damaged ones are removed, which the log says. */
OF3_API OF3_MUST_CHECK of3_status of3_cache_check(const char *opt_cache, const of3_callbacks *opt_callbacks,
                                                  int *ret_n, int *ret_damaged, of3_error *err);

typedef struct of3_cache_prune_options {
  double older_s;   /* entries that were not used for so long go; negative: none for that */
  uint64_t keep;    /* then those that were not used for longest, until so many bytes are left; UINT64_MAX */
  const char *kind; /* of that kind only; NULL: all */
} of3_cache_prune_options;

typedef struct of3_cache_pruned {
  int removed, left;
  uint64_t removed_bytes, left_bytes;
} of3_cache_pruned;

OF3_API OF3_MUST_CHECK of3_status of3_cache_prune(const char *opt_cache,
                                                  const of3_cache_prune_options *options,
                                                  const of3_callbacks *opt_callbacks,
                                                  of3_cache_pruned *ret_pruned, of3_error *err);

#ifdef __cplusplus
}
#endif

#endif
