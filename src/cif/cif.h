/* CIF files as tables: data block -> category -> column -> row. Text (CIF 1.1, as wwPDB and others write
 * mmCIF) and BinaryCIF, plain or packed by gzip, through one interface.
 *
 *   of3_cif_open -> of3_cif_next -> of3_cif_rows, of3_cif_column_open -> of3_cif_get_text, _real, _integer
 *
 * Only one data block is in memory at a time, so the 400 MB of components.cif take as much as its largest
 * component. A text block takes its text and 8 bytes for each value. A BinaryCIF file is mapped (if it is not
 * packed), and a column is decoded when it is opened. Sizes are checked against `most` before memory is
 * taken.
 *
 * What may stand where: names of categories and items in any case; values bare, in quotes, as text fields
 * between semicolons at the beginning of lines; comments between tokens. `.` and `?` without quotes are
 * nulls. Save frames, stop_ and global_ are errors, as is a category that appears twice in a block. */
#ifndef OF3_CIF_CIF_H
#define OF3_CIF_CIF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

typedef struct of3_cif of3_cif;

/* most: bytes of memory that the file may take, beside a mapped one itself. OF3_ERR_INPUT: what is in it is
 * neither text nor BinaryCIF. */
OF3_MUST_CHECK of3_status of3_cif_open(const char *path, size_t most, of3_cif **ret_cif, of3_error *err);

/* The same for n bytes in memory, text or BinaryCIF, not packed; the caller keeps them until the close.
 * name: how messages call it. */
OF3_MUST_CHECK of3_status of3_cif_open_bytes(const char *name, const void *bytes, size_t n, size_t most,
                                             of3_cif **ret_cif, of3_error *err);
void of3_cif_close(of3_cif *opt_cif);

/* Goes to the next data block, the first one at first. *ret_found is false behind the last one. What came
 * from the block before is gone. */
OF3_MUST_CHECK of3_status of3_cif_next(of3_cif *cif, bool *ret_found, of3_error *err);

/* Bytes that need not be followed by a 0. */
typedef struct of3_cif_slice {
  const char *text;
  size_t n;
} of3_cif_slice;

of3_cif_slice of3_cif_block_name(const of3_cif *cif);
const char *of3_cif_file_name(const of3_cif *cif);

/* Rows of a category of the block ("chem_comp_atom", without underscore and dot); 0: there is none. */
int64_t of3_cif_rows(const of3_cif *cif, const char *category);

/* The categories of the block in file order, and how many columns each has. */
int of3_cif_n_category(const of3_cif *cif);
of3_cif_slice of3_cif_category_name(const of3_cif *cif, int i);
int of3_cif_n_column(const of3_cif *cif, int i);
of3_cif_slice of3_cif_column_name(const of3_cif *cif, int i, int column);

typedef struct of3_cif_cell { /* text: a value */
  uint32_t at, length_kind;   /* in the block's text; length * 4 + null */
} of3_cif_cell;

typedef enum of3_cif_null { OF3_CIF_VALUE, OF3_CIF_INAPPLICABLE, OF3_CIF_UNKNOWN } of3_cif_null; /* v . ? */

/* One column of the open block. A column that the file lacks has n_row of its category, and every value is
 * unknown. */
typedef struct of3_cif_column {
  bool found;
  int64_t n_row;
  /* text */
  const char *base;
  const of3_cif_cell *cell; /* of row 0 */
  size_t stride;            /* cells from row to row */
  /* binary: one of the three */
  const int32_t *integer;
  double factor; /* other than 0: real numbers, integer / factor */
  const double *real;
  const void *string; /* index of the row's string in string_bytes (1, 2, 4), all bits set: none */
  int string_bytes;
  const int32_t *offset; /* of strings in base, one more than there are */
  const uint8_t *mask;   /* of3_cif_null of the rows, or NULL */
  char number[32];       /* text of the number that was asked for last */
} of3_cif_column;

/* A column by the names of its category and item, in any case. Values stay valid until the next block. */
OF3_MUST_CHECK of3_status of3_cif_column_open(of3_cif *cif, const char *category, const char *item,
                                              of3_cif_column *out, of3_error *err);

of3_cif_null of3_cif_null_of(const of3_cif_column *column, int64_t row);

/* These return false for a null, and where the value is not a number of this kind. The text of a number of a
 * BinaryCIF file is valid until the next call for this column. */
bool of3_cif_get_text(of3_cif_column *column, int64_t row, of3_cif_slice *out);
bool of3_cif_get_real(of3_cif_column *column, int64_t row, double *out);
bool of3_cif_get_integer(of3_cif_column *column, int64_t row, int64_t *out);

/* Text, copied with a terminating 0; cut to size - 1 bytes; "" for a null. Returns the full length. */
size_t of3_cif_copy(of3_cif_column *column, int64_t row, char *out, size_t size);

/* Whether a value is `text`, in this case. A null is not. */
bool of3_cif_is(of3_cif_column *column, int64_t row, const char *text);

#endif
