/* of3_run.json in each seed folder: what its files were made from, and their sizes and hashes, so that a
 * re-run recomputes only what is missing, broken or made from something else. */
#ifndef OF3_WRITE_MANIFEST_H
#define OF3_WRITE_MANIFEST_H

#include <stdint.h>

#include "base/arena.h"
#include "base/status.h"
#include "feat/query.h"

enum { OF3_KEY_TEXT = 65 };

/* All that decides the bytes of the files, except machine and threads. */
typedef struct of3_run_inputs {
  const of3_query *query; /* chains, ids, sequences, and the bytes of its MSA files */
  uint64_t seed;
  const char *checkpoint; /* identity of the weights, for instance size and SHA-256 */
  const char *options; /* everything else that changes a result: samples, steps, cycles, dtype, formats ... */
  const char *version; /* of3's */
} of3_run_inputs;

/* SHA-256 over the inputs, as hex. Reads the MSA files (the paths themselves do not count; of a folder all
 * files, sorted). */
OF3_MUST_CHECK of3_status of3_run_key(const of3_run_inputs *inputs, char ret_key[OF3_KEY_TEXT],
                                      of3_error *err);

/* Writes folder/of3_run.json over files that lie in the folder (names relative to it). */
OF3_MUST_CHECK of3_status of3_manifest_write(const char *folder, const char *key, const char *const *files,
                                             int n_file, of3_error *err);

/* Removes the manifest, if any, and the files that it lists, before files are written anew: those of an
 * earlier run with more samples or in another format must not lie among them. */
OF3_MUST_CHECK of3_status of3_manifest_remove(const char *folder, of3_error *err);

typedef enum of3_run_state {
  OF3_RUN_COMPLETE, /* nothing to do */
  OF3_RUN_MISSING,  /* no manifest, or a file is gone */
  OF3_RUN_BROKEN,   /* a file, or the manifest, is not what was written */
  OF3_RUN_OTHER     /* made from another query, checkpoint, seed, option or version */
} of3_run_state;

/* Compares every file's size and hash. why: one clause for the log, "'X.cif' has 12 bytes instead of 340"; at
 * least OF3_ERROR_TEXT bytes. A file that cannot be read counts as broken; only memory fails. */
OF3_MUST_CHECK of3_status of3_manifest_check(const char *folder, const char *key, of3_run_state *out,
                                             char *why, of3_error *err);

#endif
