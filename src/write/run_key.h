/* What results are made from, as one hash: a re-run computes what was made from something else. */
#ifndef OF3_WRITE_RUN_KEY_H
#define OF3_WRITE_RUN_KEY_H

#include "base/cancel.h"
#include "base/status.h"
#include "feat/query.h"
#include "write/file_hashes.h"

enum { OF3_KEY_TEXT = 65 };

/* All that decides the numbers, except seed, machine and threads. The formats of files are not among it:
 * files of another format are written from the record (write/record.h). */
typedef struct of3_run_inputs {
  const of3_query *query;     /* chains, ids, sequences, and the bytes of its MSA files */
  const char *checkpoint;     /* identity of the weights, for instance size and SHA-256 */
  const char *options;        /* everything else that changes a result: samples, steps, cycles, dtype ... */
  const char *version;        /* of3's */
  of3_file_hashes *opt_files; /* hashes that are known; others are added */
  const char *opt_structures; /* folder of template structures, of which those count that hits name */
  const of3_settings *opt_settings;
  const char *opt_chemistry; /* what makes conformers; NULL: there are standard residues only */
  of3_cancel *opt_cancel;
} of3_run_inputs;

/* SHA-256 over the inputs, as hex. Reads the MSA files (the paths themselves do not count; of a folder all
 * files, sorted), and template structures. */
OF3_MUST_CHECK of3_status of3_run_key(const of3_run_inputs *inputs, char ret_key[OF3_KEY_TEXT],
                                      of3_error *err);

#endif
