/* The MSA of one chain: which files enter, in which order, how many rows, and what is counted over them
 * (docs/features.md 3). */
#ifndef OF3_MSA_MSA_H
#define OF3_MSA_MSA_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/cancel.h"
#include "base/log.h"
#include "base/status.h"
#include "of3.h"

enum {
  OF3_MSA_CLASSES = 32, /* as restype: docs/features.md 5 */
  OF3_MSA_GAP = 31,
  OF3_MSA_MOST_ROWS = 16384 /* of the final stack, query included */
};

/* What differs between the releases of OpenFold3. */
typedef struct of3_msa_rules {
  int release;              /* 3, 4, 5: which file names 0.3, 0.4, 0.5 know, and the caps of 0.4 or 0.5 */
  bool row_caps;            /* 0.4, 0.5: at most so many rows of a text file (docs/features.md 3.2) */
  bool upper_case;          /* 0.5: lower-case letters of Stockholm and NPZ files are residues */
  bool drop_duplicate_rows; /* 0.5: equal rows of the main block enter once */
  bool profile_scrambled;   /* 0.3, 0.4: column counts mixed as in docs/features.md 3.4 */
} of3_msa_rules;

/* One row: letters and deletion counts of all columns. */
typedef struct of3_msa_row {
  const uint8_t *letter;
  const int32_t *deletion;
} of3_msa_row;

typedef struct of3_msa {
  int n_col, n_row;
  of3_msa_row query;    /* row 0 of the stack; no deletions */
  of3_msa_row *row;     /* the main block, its own query rows included */
  float *profile;       /* [n_col, 32] over the main block */
  float *deletion_mean; /* [n_col] */
} of3_msa;

/* An alignment that is not in a file. */
typedef struct of3_msa_text {
  const char *key;  /* the name that its file would have, without extension */
  const char *text; /* A3M */
} of3_msa_text;

typedef struct of3_msa_request {
  const char *chain;    /* id, for messages */
  of3_molecule polymer; /* OF3_PROTEIN or OF3_RNA: whose letters the rows are made of */
  const char *sequence;
  int n_path;              /* 0, and no text: the dummy MSA, whose main block is the query alone */
  const char *const *path; /* files and folders (read one level deep) */
  int n_text;
  const of3_msa_text *text;
  bool use_main;      /* false: no main block, zero profile; the files still give row 0 */
  bool warn_unpaired; /* several different chains: rows of files that serve pairing are missed */
  of3_cancel *opt_cancel;
} of3_msa_request;

/* Reads all files: A3M (.a3m), Stockholm (.sto), either packed (.gz), NPZ (.npz); the content decides which
 * of these a file is. The name of a file without extension, or of a member of an archive, decides its place:
 * the names that OpenFold3 knows in its order, those of ColabFold's server, then all others by name; names
 * that serve pairing or templates are left out. Each request is read on its own: unlike the reference, chains
 * whose files lie in folders of equal names do not share an MSA. The result lives in the arena. */
OF3_MUST_CHECK of3_status of3_msa_load(const of3_msa_request *request, const of3_msa_rules *rules,
                                       const of3_log *opt_log, of3_arena *arena, of3_msa *out,
                                       of3_error *err);

/* The class of every byte of an alignment of a protein or RNA: '-' is the gap, letters that the polymer does
 * not have are UNK or N. */
void of3_msa_classes(of3_molecule polymer, uint8_t class_of[static 256]);

#endif
