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
#include "base/status.h"

/* Row 0 is the query. Gap '-'. */
typedef struct of3_alignment {
  int n_row, n_col;
  uint8_t *letter;   /* [n_row, n_col] ASCII */
  int32_t *deletion; /* [n_row, n_col] residues left out before the column */
} of3_alignment;

/* What a reader must know. */
typedef struct of3_alignment_want {
  const char *file; /* named in messages */
  int n_col;        /* residues of the chain */
  int most_rows;    /* rows kept, 0: all; the others are checked all the same */
  bool upper_case;  /* lower-case letters that stand in columns become capitals */
} of3_alignment_want;

/* Memory for n_row rows, zeroed. */
OF3_MUST_CHECK of3_status of3_alignment_new(int n_row, const of3_alignment_want *want, of3_arena *arena,
                                            of3_alignment *out, of3_error *err);

/* The letter that enters a column. */
uint8_t of3_column_letter(const of3_alignment_want *want, char c);

/* A lower-case letter is an insertion: it adds 1 to the deletion count of the next column. Everything else
 * is a column, '.' too. Lines starting with '#' are skipped. */
OF3_MUST_CHECK of3_status of3_a3m_parse(const char *text, size_t size, const of3_alignment_want *want,
                                        of3_arena *arena, of3_alignment *out, of3_error *err);

/* "name row" lines; parts of one name are joined. Columns where the query has '-' or '.' are insertions. */
OF3_MUST_CHECK of3_status of3_stockholm_parse(const char *text, size_t size, const of3_alignment_want *want,
                                              of3_arena *arena, of3_alignment *out, of3_error *err);

/* One array of an archive, by the name of its member without ".npy". */
typedef struct of3_npz_alignment {
  const char *key;
  of3_alignment alignment;
} of3_npz_alignment;

/* A NumPy archive of pickled dictionaries {msa: <U1 [rows, columns], deletion_matrix: integers, metadata}.
 * The pickles are read by the restricted reader; metadata is not looked at. Sorted by key. */
OF3_MUST_CHECK of3_status of3_npz_parse(const uint8_t *bytes, size_t size, const of3_alignment_want *want,
                                        of3_arena *arena, of3_npz_alignment **ret_alignment, int *ret_n,
                                        of3_error *err);

#endif
