/* A folder of alignments as OpenFold3's client of the ColabFold server writes it, so that either program goes
 * on with the other's:
 *
 *   main/H/colabfold_main.a3m          H: SHA-256 of the sequence, in hex
 *   paired/C/H/colabfold_paired.a3m    C: that of the complex's distinct sequences, sorted and joined
 *   template/H/colabfold_template.m8   if there are hits
 *   mappings/seq_to_rep_id.json, ...   which sequence, chain and query is which H and C
 *   raw/main/, raw/paired/C/           what the server sent
 *
 * Each file appears when it is whole. */
#ifndef OF3_SERVER_MSA_FOLDER_H
#define OF3_SERVER_MSA_FOLDER_H

#include "base/sha256.h"
#include "server/colabfold.h"

/* H and C. */
void of3_sequence_id(const char *sequence, char out[OF3_SHA256_HEX]);
OF3_MUST_CHECK of3_status of3_complex_id(int n, const char *const *sequence, char out[OF3_SHA256_HEX],
                                         of3_error *err);

/* Write a file of the sequence's, and tell its path, in the arena. opt_complex: C, else it is the main one.
 */
OF3_MUST_CHECK of3_status of3_msa_folder_put(const char *folder, const char *opt_complex,
                                             const char *sequence, const of3_server_msa *msa,
                                             of3_arena *arena, const char **ret_path, of3_error *err);
/* *ret_path is NULL if there are none. */
OF3_MUST_CHECK of3_status of3_msa_folder_put_hits(const char *folder, const char *sequence, const char *hits,
                                                  of3_arena *arena, const char **ret_path, of3_error *err);

typedef struct of3_msa_chain {
  const char *query, *chain, *sequence; /* of each protein chain of each query */
} of3_msa_chain;

typedef struct of3_msa_complex {
  const char *query, *id; /* of each query with two or more different proteins */
} of3_msa_complex;

/* Writes mappings/; the first two keep what an earlier run wrote. */
OF3_MUST_CHECK of3_status of3_msa_folder_map(const char *folder, const of3_msa_chain *chain, int n_chain,
                                             const of3_msa_complex *complex, int n_complex, of3_error *err);

#endif
