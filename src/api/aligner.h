/* Alignments that queries do not name, from a ColabFold server: which sequences and complexes of a set of
 * queries need one, each once; what came of each; and the chains that get them. A chain for which its query
 * names an alignment, if only an empty list, keeps that.
 *
 *   sequences    distinct ones of all protein chains: number in the server's files, files of its
 *                alignment and hits
 *   complexes    distinct sets of two or more sequences of a query: files of paired alignments
 *   queries      which of these each one waits for
 *
 * One thread at a time asks (of3_aligner_fetch); the states are read by others under the lock. */
#ifndef OF3_API_ALIGNER_H
#define OF3_API_ALIGNER_H

#include "base/cancel.h"
#include "cache/cache.h"
#include "feat/query.h"
#include "of3.h"
#include "server/colabfold.h"

typedef struct of3_aligner of3_aligner;

typedef struct of3_aligner_options {
  const of3_msa_server *server;
  const char *cache;        /* as of3_cache_options */
  const char *folder;       /* where alignments are written (server/msa_folder.h) */
  const char *opt_raw;      /* and where the server's own files are: main, paired/C */
  bool npz;                 /* alignments are written as NPZ, else as A3M */
  bool leave_nothing;       /* the folder goes when the aligner is closed */
  bool leave_no_structures; /* so does FOLDER/structures */
  bool templates;           /* hits, too, and */
  bool structures;          /* their structures, in FOLDER/structures */
  of3_cancel *opt_cancel;
  const of3_log *opt_log; /* of the calling thread */
} of3_aligner_options;

/* Whether the chain's alignment would be asked for. */
bool of3_aligner_asks(const of3_query *query, const of3_query_chain *chain);

/* The set outlives it. *ret_aligner is NULL if no query needs an alignment. */
OF3_MUST_CHECK of3_status of3_aligner_open(const of3_aligner_options *options, of3_query_set *set,
                                           of3_aligner **ret_aligner, of3_error *err);
void of3_aligner_close(of3_aligner *opt_aligner);

/* For a thread that fetches: where its messages go, and what stops it. */
void of3_aligner_hand_over(of3_aligner *aligner, const of3_log *log, of3_cancel *cancel);

typedef enum of3_aligned { OF3_ALIGNED, OF3_UNALIGNED, OF3_NOT_ALIGNED } of3_aligned;

/* How it stands with a query of the set: it has all it needs; some is still to come; some cannot be had, and
 * the error says why. */
of3_aligned of3_aligner_state(of3_aligner *aligner, const of3_query *query, of3_error *err);

/* What queries number[n] of the set need, from the cache alone (ask false) or from the server as well, in few
 * requests. Failures are those of the queries; an error is one of memory, the disk or interruption. */
OF3_MUST_CHECK of3_status of3_aligner_fetch(of3_aligner *aligner, const int *number, int n, bool ask,
                                            of3_error *err);

/* Names the files in the query's chains. Its state is OF3_ALIGNED. */
OF3_MUST_CHECK of3_status of3_aligner_attach(of3_aligner *aligner, of3_query *query, of3_error *err);

/* mappings/ of the folder. */
OF3_MUST_CHECK of3_status of3_aligner_write_names(const of3_aligner *aligner, of3_error *err);

/* FOLDER/structures, or NULL. */
const char *of3_aligner_structures(const of3_aligner *aligner);

/* api_aligner_files.c: writes an alignment of a sequence that the server sent (of a complex, if opt_complex
 * is its id), and tells where, in the arena. */
OF3_MUST_CHECK of3_status of3_aligner_put(const of3_aligner_options *options, const char *opt_complex,
                                          const char *sequence, const of3_server_msa *msa, of3_arena *arena,
                                          const char **ret_path, of3_error *err);
/* Removes what is not to be left. */
void of3_aligner_clean(const of3_aligner_options *options, const char *opt_structures);

/* How many sequences a group of queries from number[0] on may have together: as many as one request takes. */
int of3_aligner_group(const of3_aligner *aligner, const int *number, int n);

#endif
