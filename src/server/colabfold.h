/* Alignments, template hits and template structures from a server with ColabFold's interface (MMseqs2 server,
 * Mirdita et al., Nature Methods 2022).
 *
 *   POST URL/ticket/msa              q=">101\nMKT..\n>102\n..", mode=env
 *                                    -> {"id": "..", "status": "PENDING"}
 *   POST URL/ticket/pair             the sequences of one complex, mode=pairgreedy-env -> the same
 *   GET  URL/ticket/ID               until the status is COMPLETE (or ERROR)
 *   GET  URL/result/download/ID      a packed tar: uniref.a3m, bfd.mgnify30.metaeuk30.smag30.a3m,
 *                                    pdb70.m8; pair.a3m
 *   GET  URL/template/1abc_A,2xyz_B  a packed tar of structures: 1abc.cif, ..
 *
 * What was answered is kept in the cache and never asked again; so are tickets, so that a run that was ended
 * goes on waiting for the search that it began. Of one sequence one process asks at a time (of3_cache_claim).
 * Pauses between questions grow from pause_s to a minute, with a random part. A server that is not there, is
 * busy, or answers what is no answer is asked six times; one that limits the rate, twenty times. */
#ifndef OF3_SERVER_COLABFOLD_H
#define OF3_SERVER_COLABFOLD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/cancel.h"
#include "base/log.h"
#include "cache/cache.h"

#define OF3_COLABFOLD_URL "https://api.colabfold.com"     /* OpenFold3's default, a public server */
#define OF3_CHAINS_URL    "https://data.rcsb.org/graphql" /* the PDB's names of chains */

typedef struct of3_colabfold_settings {
  const char *url;
  const char *mode;       /* "env": UniRef and environmental sequences, filtered; "all", "nofilter", .. */
  const char *pair_mode;  /* "pairgreedy-env", "paircomplete-env", .. */
  const char *user_agent; /* who asks */
  const char
      *chains_url; /* tells label_asym_id from auth_asym_id, which hits name; "": hits stay as they are */
  double pause_s;  /* the first between two questions */
  uint64_t jitter; /* seed of the random part of pauses */
  of3_cache *opt_cache;
  of3_cancel *opt_cancel;
  const of3_log *opt_log;
} of3_colabfold_settings;

of3_colabfold_settings of3_colabfold_defaults(void);

typedef struct of3_colabfold of3_colabfold; /* for one thread at a time */

/* Texts and pointers of the settings outlive it. Nothing is asked yet. */
OF3_MUST_CHECK of3_status of3_colabfold_open(const of3_colabfold_settings *settings,
                                             of3_colabfold **ret_server, of3_error *err);
void of3_colabfold_close(of3_colabfold *opt_server);

/* Where messages go, and who may interrupt, from here on: for use by another thread. */
void of3_colabfold_hand_over(of3_colabfold *server, const of3_log *opt_log, of3_cancel *opt_cancel);

/* Of one sequence. Texts are in the caller's arena, followed by a 0. */
typedef struct of3_server_msa {
  bool found;
  const char *a3m; /* the query comes once for each database */
  size_t a3m_size;
  const char *hits; /* rows of pdb70.m8 without their first column, chains by auth_asym_id; "" */
  size_t hits_size;
  of3_error error; /* if it was not found: why. code OF3_OK: it was not asked for */
} of3_server_msa;

/* Alignments of distinct sequences [n]. ask false: only what the cache has. Raw answers are left in opt_raw,
 * opt_raw-2, ... if that is named. What a sequence fails with is its own error; the status is one of memory
 * or interruption. */
OF3_MUST_CHECK of3_status of3_colabfold_align(of3_colabfold *server, int n, const char *const *sequence,
                                              bool ask, const char *opt_raw, of3_arena *arena,
                                              of3_server_msa *out, of3_error *err);

/* The same of the distinct sequences of one complex, two or more: row k of one belongs to row k of the
 * others. They are found together or not at all; out[0].error says why not. */
OF3_MUST_CHECK of3_status of3_colabfold_pair(of3_colabfold *server, int n, const char *const *sequence,
                                             bool ask, const char *opt_raw, of3_arena *arena,
                                             of3_server_msa *out, of3_error *err);

/* Hits as OpenFold3 writes them: the number in the first column, chains by label_asym_id, numbers as Python
 * writes them. "" if there are none. */
OF3_MUST_CHECK of3_status of3_colabfold_hits(of3_colabfold *server, const of3_server_msa *msa, int number,
                                             of3_arena *arena, const char **ret_text, of3_error *err);

/* Writes the structures that the first hits name, 20 at most, into a folder as 1abc.cif; those that are there
 * already are not asked for. What the server does not have is told in the log. */
OF3_MUST_CHECK of3_status of3_colabfold_structures(of3_colabfold *server, const of3_server_msa *msa,
                                                   const char *folder, of3_error *err);

#endif
