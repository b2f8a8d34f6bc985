/* of3_search.h: alignments and template hits of queries, by programs that search databases on this machine
 * (docs/alignments.md). See of3.h for errors, callbacks and ownership. */
#ifndef OF3_SEARCH_H
#define OF3_SEARCH_H

#include "of3.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct of3_search_settings {
  const char *databases;  /* a YAML file: databases, and where programs are */
  const char *output_dir; /* gets main/, template/ and query_msa.json */
  const char *cache;      /* folder of the common store; "": none; NULL: OF3_CACHE, else the usual one */
  int threads;            /* of all programs together; 0: all that the process may use */
  bool gpu;               /* MMseqs2 searches on a graphics processor */
  bool wait;              /* until another of3 has left the folder; else that is an error */
} of3_search_settings;

typedef struct of3_search_report {
  int n_query, n_failed;              /* n_failed: left out of query_msa.json */
  int made, kept, from_cache, failed; /* files: searched for now; there before; from the store; not made */
  double seconds;
} of3_search_report;

/* Searches for every protein and RNA chain that names no alignment, and templates of proteins that name none,
 * and writes OUTPUT/query_msa.json: the queries with the paths of what was found. Equal chains are searched
 * once, and what is in the folder or the store already is not made again. A search that fails fails the
 * queries with that chain alone. */
OF3_API OF3_MUST_CHECK of3_status of3_search(const char *query, const of3_search_settings *settings,
                                             const of3_callbacks *opt_callbacks, of3_search_report *out,
                                             of3_error *err);

/* Calls say(user, sentence) for each program and database file that is missing, with how to get it. */
OF3_API OF3_MUST_CHECK of3_status of3_search_check(const of3_search_settings *settings,
                                                   void (*say)(void *user, const char *sentence), void *user,
                                                   int *ret_missing, of3_error *err);

#ifdef __cplusplus
}
#endif

#endif
