/* The MSA of one chain: which files enter, in which order, how many rows, and what is counted over them
 * (docs/features.md 3). In three steps, as rows are paired between chains:
 *
 *   of3_msa_load   for each alignment: its files; the main block, and the rows that can be paired
 *   of3_msa_pair   for all alignments of a query together: the paired block (pairing.h)
 *   of3_msa_finish for each: main rows without those that are paired, profile, limits */
#ifndef OF3_MSA_MSA_H
#define OF3_MSA_MSA_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/cancel.h"
#include "base/log.h"
#include "base/status.h"
#include "msa/account.h"
#include "msa/msa_rows.h"
#include "of3.h"
#include "of3_settings.h"

/* What differs between the releases of OpenFold3. */
typedef struct of3_msa_rules {
  int release;              /* 3, 4, 5: which file names 0.3, 0.4, 0.5 know, and the caps of 0.4 or 0.5 */
  bool row_caps;            /* 0.4, 0.5: at most so many rows of a text file (docs/features.md 3.2) */
  bool upper_case;          /* 0.5: lower-case letters of Stockholm and NPZ files are residues */
  bool drop_duplicate_rows; /* 0.5: equal rows of the main block enter once */
  bool profile_scrambled;   /* 0.3, 0.4: column counts mixed as in docs/features.md 3.4 */
  bool whole_block; /* not of the release: the main block is not cut, as its rows are to be drawn (draw.h) */
  const of3_msa_settings *opt_settings; /* nor of the release: limits and lists of a runner YAML */
} of3_msa_rules;

static inline int of3_msa_most_rows(const of3_msa_rules *r) {
  return r->opt_settings && r->opt_settings->most_rows ? r->opt_settings->most_rows : OF3_MSA_MOST_ROWS;
}

static inline int of3_msa_most_paired(const of3_msa_rules *r) {
  return r->opt_settings && r->opt_settings->most_paired ? r->opt_settings->most_paired : OF3_MSA_MOST_PAIRED;
}

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
  int n_paired; /* files and folders of rows that match those of other chains */
  const char *const *paired;
  bool use_main;       /* false: no main block, zero profile; the files still give row 0 */
  bool use_paired;     /* false: files of paired rows are left aside */
  bool use_hits;       /* rows are to be paired by species */
  of3_arena *opt_hits; /* takes the rows to be paired by species, which are many; NULL: as the others */
  of3_chain_account *opt_account; /* of the files */
  of3_cancel *opt_cancel;
} of3_msa_request;

/* Reads all files: A3M (.a3m), Stockholm (.sto), either packed (.gz), NPZ (.npz); the content decides which
 * of these a file is. The name of a file without extension, or of a member of an archive, decides its place:
 * the names that OpenFold3 knows in its order, those of ColabFold's server, then all others by name; names
 * that serve pairing or templates are left out. Each request is read on its own: unlike the reference, chains
 * whose files lie in folders of equal names do not share an MSA. The result lives in the arena; without
 * profile, until of3_msa_finish. */
OF3_MUST_CHECK of3_status of3_msa_load(const of3_msa_request *request, const of3_msa_rules *rules,
                                       const of3_log *opt_log, of3_arena *arena, of3_msa *out,
                                       of3_error *err);

/* Main rows that fit below the query and n_paired rows. */
static inline int of3_msa_room(const of3_msa_rules *r, int n_paired) {
  const int room = of3_msa_most_rows(r) - 1 - n_paired;
  return room > 0 ? room : 0;
}

/* Leaves rows out of the main block that are in the paired block, counts profile and deletion_mean (before
 * that, but in 0.3), and keeps what fits below the query and n_paired rows, which are those of the stack
 * (whole_block: all rows). */
OF3_MUST_CHECK of3_status of3_msa_finish(of3_msa *msa, of3_molecule polymer, const of3_msa_rules *rules,
                                         int n_paired, of3_cancel *opt_cancel, of3_arena *arena,
                                         of3_error *err);

#endif
