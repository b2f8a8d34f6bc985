/* Alignments of one chain and the readers of their formats: A3M, Stockholm, NumPy archives.
 *
 * All readers work on memory and check every row against the length of the chain before they take memory for
 * the rows, so that what they take is proportional to the size of the file. */
#ifndef OF3_MSA_ALIGNMENT_H
#define OF3_MSA_ALIGNMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/cancel.h"
#include "base/log.h"
#include "base/status.h"

enum { OF3_MANY_DELETIONS = 255 };

/* A cell whose number of deletions no byte holds. */
typedef struct of3_large_deletion {
  int64_t cell;  /* row * n_col + column */
  double number; /* OF3_MANY_DELETIONS or more; of features from files: the feature itself */
} of3_large_deletion;

/* Row 0 is the query. Gap '-'. Two bytes a cell: cells with OF3_MANY_DELETIONS residues or more are few, and
 * stand in a list beside. */
typedef struct of3_alignment {
  int n_row, n_col;
  uint8_t *letter;   /* [n_row, n_col] ASCII */
  uint8_t *deletion; /* [n_row, n_col] residues left out before the column, or OF3_MANY_DELETIONS */
  const char **name; /* [n_row] header lines of A3M without '>', names of Stockholm, metadata of NPZ */
  int n_large, room_large;
  of3_large_deletion *large; /* ordered by cell */
  char *name_end;            /* where the next name goes */
} of3_alignment;

/* One row of an alignment. Rows of gaps that no alignment has: of NULL. */
typedef struct of3_msa_row {
  const of3_alignment *of;
  int row;
} of3_msa_row;

/* What a reader must know. */
typedef struct of3_alignment_want {
  const char *file;         /* named in messages */
  int n_col;                /* residues of the chain */
  int most_rows;            /* rows kept, 0: all; the others are checked all the same */
  bool upper_case;          /* lower-case letters that stand in columns become capitals */
  const char *opt_sequence; /* [n_col] letters of the chain: finds its part of a file of several queries */
  const of3_log *opt_log;
  of3_cancel *opt_cancel;
} of3_alignment_want;

/* The format that the content shows; where it shows none, the one that the name's ending says. */
typedef enum of3_alignment_format {
  OF3_ALIGNMENT_A3M,
  OF3_ALIGNMENT_STOCKHOLM,
  OF3_ALIGNMENT_NPZ,
  OF3_ALIGNMENT_GZIP /* one of the others inside */
} of3_alignment_format;
const char *of3_alignment_format_name(of3_alignment_format format);

/* by_name: what the ending says. Refused with a sentence: text in UTF-16, quotation marks before the '>'. */
OF3_MUST_CHECK of3_status of3_alignment_format_of(const char *file, const uint8_t *bytes, size_t size,
                                                  of3_alignment_format by_name, of3_alignment_format *out,
                                                  of3_error *err);

/* Whether a row of this name (its first word) is HH-suite's annotation, not a homolog: ss_pred, ss_conf,
 * ss_dssp, sa_dssp, aa_dssp, aa_pred. */
bool of3_is_annotation_row(const char *name, size_t n);

/* Whether it is a consensus: Consensus, or a name that ends in _consensus. */
bool of3_is_consensus_row(const char *name, size_t n);

/* Memory for n_row rows, zeroed, and names of so many bytes with their zeros. */
OF3_MUST_CHECK of3_status of3_alignment_new(int n_row, size_t name_bytes, const of3_alignment_want *want,
                                            of3_arena *arena, of3_alignment *out, of3_error *err);
void of3_alignment_set_name(of3_alignment *a, int row, const char *name, size_t n);

/* Cells are set in their order. */
OF3_MUST_CHECK of3_status of3_alignment_set_deletions(of3_alignment *a, int64_t cell, int64_t number,
                                                      of3_arena *arena, of3_error *err);
double of3_alignment_deletions(const of3_alignment *a, int64_t cell);

/* The letter that enters a column. */
uint8_t of3_column_letter(const of3_alignment_want *want, char c);

/* A lower-case letter is an insertion: it adds 1 to the deletion count of the next column. Everything else is
 * a column, but for what tools write besides:
 *
 *   '.'            faces insertions of other rows and is no column; a gap in rows that are else too short
 *   '*' at the end of a row with one column too many: left out
 *   lower case     columns too, if else the query would be too short: a file where case masks
 *   zero bytes     separate the queries of MMseqs2 and of ColabFold's server: the part whose query is the
 *                  chain is read, else the first
 *   annotation     rows of HH-suite are left out, as is a consensus that is not the chain itself
 *   lines with #   are skipped; ColabFold's "#10,20<tab>1,1" of a complex is refused */
OF3_MUST_CHECK of3_status of3_a3m_parse(const char *text, size_t size, const of3_alignment_want *want,
                                        of3_arena *arena, of3_alignment *out, of3_error *err);

/* "name row" lines; parts of one name are joined. Columns where the query has '-' or '.' are insertions; so
 * is a '*' that ends it. Annotation and a consensus are left out. The file ends at a zero byte, or at "//".
 */
OF3_MUST_CHECK of3_status of3_stockholm_parse(const char *text, size_t size, const of3_alignment_want *want,
                                              of3_arena *arena, of3_alignment *out, of3_error *err);

/* One array of an archive, by the name of its member without ".npy". */
typedef struct of3_npz_alignment {
  const char *key;
  of3_alignment alignment;
} of3_npz_alignment;

/* A NumPy archive of pickled dictionaries {msa: <U1 [rows, columns], deletion_matrix: integers, metadata}.
 * The pickles are read by the restricted reader. metadata: a list or an array of header lines; a table of
 * pandas and what else there may be is left out, and rows have empty names. Sorted by key. */
OF3_MUST_CHECK of3_status of3_npz_parse(const uint8_t *bytes, size_t size, const of3_alignment_want *want,
                                        of3_arena *arena, of3_npz_alignment **ret_alignment, int *ret_n,
                                        of3_error *err);

/* Such an archive, as OpenFold3 writes it and reads it back: letters as <U1, counts as int64, names as texts.
 * Fewer than 4 GiB: 12 bytes a cell. The file appears when it is complete. */
OF3_MUST_CHECK of3_status of3_npz_write(const char *path, const of3_npz_alignment *alignment, int n,
                                        of3_cancel *opt_cancel, of3_error *err);

#endif
