/* of3_run.json in each seed folder: what its files were made from, the scores of its samples, and the files
 * with their sizes and hashes. It is written last, so that a folder without it is not complete. A re-run
 * computes only what is missing, broken or made from something else, and the ranking of a folder comes from
 * these files alone. */
#ifndef OF3_WRITE_MANIFEST_H
#define OF3_WRITE_MANIFEST_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/cancel.h"
#include "base/status.h"
#include "write/confidences.h"
#include "write/structure.h"

typedef struct of3_manifest_file {
  const char *name; /* relative to the folder */
  uint64_t size;
  const char *sha256;
} of3_manifest_file;

typedef struct of3_manifest {
  const char *made_from; /* of3_run_key */
  uint64_t seed;
  of3_structure_format format;
  of3_cif_style style; /* of mmCIF; else without meaning */
  of3_full_confidences full;
  int n_sample;
  of3_aggregated *sample; /* [n_sample] in the order of generation; a score that is not finite is NAN */
  int n_file;
  of3_manifest_file *file; /* [n_file] */
} of3_manifest;

/* Writes folder/of3_run.json; of the files only the names are given, they lie in the folder. */
OF3_MUST_CHECK of3_status of3_manifest_write(const char *folder, const of3_manifest *manifest,
                                             of3_cancel *opt_cancel, of3_error *err);

typedef enum of3_run_state {
  OF3_RUN_COMPLETE, /* nothing to do */
  OF3_RUN_MISSING,  /* no manifest, or a file is gone */
  OF3_RUN_BROKEN,   /* a file, or the manifest, is not what was written */
  OF3_RUN_OTHER,    /* made from another query, checkpoint, option or version */
  OF3_RUN_REWRITE /* the results are there; files of structures or confidences are to be written from them */
} of3_run_state;

/* Reads the manifest alone, into the arena: COMPLETE, MISSING or BROKEN. why: one clause for the log, at
 * least OF3_ERROR_TEXT bytes. Only memory fails. */
OF3_MUST_CHECK of3_status of3_manifest_read(const char *folder, of3_arena *arena, of3_manifest *out,
                                            of3_run_state *ret_state, char *why, of3_error *err);

/* Reads it and compares every file's size and hash with it, and made_from, seed and formats with those of
 * `wanted`. A file that cannot be read counts as broken. Errors: memory, and OF3_ERR_CANCELLED. */
OF3_MUST_CHECK of3_status of3_manifest_check(const char *folder, const of3_manifest *wanted,
                                             of3_cancel *opt_cancel, of3_arena *arena, of3_manifest *out,
                                             of3_run_state *ret_state, char *why, of3_error *err);

/* Whether the structures that it lists are there with the sizes that it names. */
bool of3_manifest_has_models(const char *folder, const of3_manifest *manifest);

#endif
