/* Conformers in the cache (cache/cache.h), kind "conformers": an entry for each molecule and seeds. Its file
 * conformer.txt says how many attempts it took, and has a line "x y z" for each atom, or the reason why there
 * is no conformer:
 *
 *   attempts 1
 *   -1.2345678 0.5 2.25
 *   ..
 *
 *   attempts 3
 *   none: no conformer was found
 */
#ifndef OF3_RDKIT_CONFORMER_STORE_H
#define OF3_RDKIT_CONFORMER_STORE_H

#include "cache/cache.h"

typedef struct of3_conformer {
  bool made;
  int attempts, n_atom;
  float *xyz;    /* [n_atom,3] Angstrom, where it is made */
  of3_error why; /* it is not */
} of3_conformer;

/* The cache's messages go to the log of the call that led to them, on its thread. */
typedef struct of3_conformer_store {
  of3_cache *opt_cache; /* of of3_conformer_store_open */
  const char *rdkit;    /* its version */
  const of3_log *opt_log;
} of3_conformer_store;

/* opt_folder: as in of3_cache_options. *ret_cache is NULL if no cache is to be used. */
OF3_MUST_CHECK of3_status of3_conformer_store_open(const char *opt_folder, of3_cache **ret_cache,
                                                   of3_error *err);

/* key: text over all that decides the outcome. xyz has room for n_atom. */
OF3_MUST_CHECK of3_status of3_conformer_store_get(const of3_conformer_store *store, const char *key,
                                                  of3_conformer *conformer, bool *ret_found, of3_error *err);
OF3_MUST_CHECK of3_status of3_conformer_store_put(const of3_conformer_store *store, const char *key,
                                                  const of3_conformer *conformer, of3_error *err);

#endif
