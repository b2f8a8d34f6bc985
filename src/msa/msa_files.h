/* Which files of a request for an MSA are alignments. */
#ifndef OF3_MSA_MSA_FILES_H
#define OF3_MSA_MSA_FILES_H

#include "msa/alignment.h"
#include "msa/msa.h"

typedef struct of3_msa_file {
  const char *path;
  const char *key;             /* its name without .a3m, .sto, .npz and .gz */
  of3_alignment_format format; /* by its ending */
  bool in_folder;              /* found in a folder that was named */
} of3_msa_file;

/* The files among n_path paths, and those of the folders among them that end in .a3m, .sto (.gz behind them
 * or not) or .npz; sorted by path, each once. Hidden files and the others of a folder are left aside, which a
 * line of the log says. All in the arena. */
OF3_MUST_CHECK of3_status of3_msa_list_files(int n_path, const char *const *path, const of3_log *opt_log,
                                             of3_arena *arena, of3_msa_file **ret_file, int *ret_n,
                                             of3_error *err);

#endif
