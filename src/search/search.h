/* Searching databases for the sequences of queries, with other people's programs (docs/alignments.md).
 *
 *   sequences x databases  ->  tasks     plan.c: what is not there yet; one task writes one or several files
 *   a task                 ->  steps     recipe_*.c: each a child process, prepared by what is done
 *                                        in between
 *   tasks                  ->  threads   schedule.c: as many side by side as there are threads for
 *
 *   OUTPUT/main/<SHA-256 of the sequence>/uniref90_hits.sto, ...
 *   OUTPUT/main/rna-<SHA-256>/rfam_hits.sto, ...
 *   OUTPUT/template/<SHA-256>/hmm_output.sto
 *   OUTPUT/.of3-search/            what is being made, by the one process that has the folder
 *
 * A file appears complete, by renaming. Beside it lies .NAME.key, the hash of what it was made from: what has
 * the same key is not made again. What was made goes to the common store, too (src/cache). */
#ifndef OF3_SEARCH_SEARCH_H
#define OF3_SEARCH_SEARCH_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/cancel.h"
#include "base/log.h"
#include "cache/cache.h"
#include "search/databases.h"

/* A distinct chain. */
typedef struct of3_search_sequence {
  of3_molecule type;
  const char *letters, *name; /* name: of the first chain that has it, for messages */
  bool want_msa, want_hits;
  /* Results: */
  const char *msa_folder; /* NULL: nothing was searched */
  const char *hits;       /* a file; NULL: no template was found, or none was looked for */
  of3_error error;        /* of the first search that failed */
} of3_search_sequence;

typedef struct of3_search_options {
  const char *folder; /* exists, and is this process's alone while it searches */
  int threads;
  bool gpu;
  of3_cache *opt_cache;
  const of3_log *opt_log;
  of3_cancel *opt_cancel;
} of3_search_options;

typedef struct of3_search_counts {
  int made, kept, from_cache, failed; /* files */
} of3_search_counts;

/* Errors of one search are those of its sequence; what is returned are errors of all. */
OF3_MUST_CHECK of3_status of3_search_run(const of3_databases *databases, const of3_search_options *options,
                                         of3_search_sequence *sequence, int n, of3_arena *arena,
                                         of3_search_counts *ret_counts, of3_error *err);

#endif
