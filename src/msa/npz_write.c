/* Alignments as OpenFold3's preparation keeps them (npz.c reads them). */
#include <stdlib.h>
#include <string.h>

#include "base/le.h"
#include "base/npz_writer.h"
#include "msa/alignment.h"

enum { BYTES_OF_LETTER = 4, BYTES_OF_INT = 8 };

/* Row by row, each cell as `bytes` bytes. */
static void put_cells(of3_npz_writer *w, const of3_alignment *a, int bytes, uint8_t *row) {
  for (int64_t r = 0; r < a->n_row; r++) {
    memset(row, 0, (size_t)a->n_col * (size_t)bytes);
    for (int64_t c = 0; c < a->n_col; c++) {
      const int64_t cell = r * a->n_col + c;
      if (bytes == BYTES_OF_LETTER)
        row[c * bytes] = a->letter[cell];
      else if (a->deletion[cell])
        of3_put_le(row + c * bytes, 4, (uint32_t)of3_alignment_deletions(a, cell));
    }
    of3_npz_put(w, row, (size_t)a->n_col * (size_t)bytes);
  }
}

static void put_array(of3_npz_writer *w, const of3_alignment *a, int bytes, uint8_t *row) {
  const int64_t shape[] = {a->n_row, a->n_col};
  of3_pickle_begin_array(w, bytes == BYTES_OF_LETTER, shape, 2);
  put_cells(w, a, bytes, row);
  of3_pickle_end_array(w);
}

/* The header lines, each as wide as the longest; what is no ASCII is '?', as the reader has it. */
static bool put_names(of3_npz_writer *w, const of3_alignment *a) {
  size_t width = 1;
  for (int r = 0; r < a->n_row; r++)
    if (strlen(a->name[r]) > width) width = strlen(a->name[r]);
  const int64_t shape[] = {a->n_row};
  uint8_t *text = malloc(width * BYTES_OF_LETTER);
  if (!text || width > INT32_MAX / BYTES_OF_LETTER) {
    free(text);
    return false;
  }
  of3_pickle_begin_array(w, (int)width, shape, 1);
  for (int r = 0; r < a->n_row; r++) {
    memset(text, 0, width * BYTES_OF_LETTER);
    for (size_t i = 0; a->name[r][i]; i++)
      text[i * BYTES_OF_LETTER] = a->name[r][i] >= ' ' && a->name[r][i] <= '~' ? (uint8_t)a->name[r][i] : '?';
    of3_npz_put(w, text, width * BYTES_OF_LETTER);
  }
  of3_pickle_end_array(w);
  free(text);
  return true;
}

static of3_status write_alignment(of3_npz_writer *w, const of3_npz_alignment *n, of3_error *err) {
  const of3_alignment *a = &n->alignment;
  uint8_t *row = malloc((size_t)a->n_col * BYTES_OF_INT + 1);
  of3_npz_begin(w, n->key);
  of3_npz_put_header(w, "|O", "()");
  of3_pickle_begin_object(w);
  of3_pickle_mark(w);
  if (row) {
    of3_pickle_text(w, "msa");
    put_array(w, a, BYTES_OF_LETTER, row);
    of3_pickle_text(w, "deletion_matrix");
    put_array(w, a, BYTES_OF_INT, row);
  }
  free(row);
  of3_pickle_text(w, "metadata");
  const bool named = put_names(w, a);
  of3_pickle_dict(w);
  of3_pickle_end_object(w);
  OF3_TRY(of3_npz_end(w, err));
  return row && named ? OF3_OK : of3_fail_memory(err, n->key);
}

of3_status of3_npz_write(const char *path, const of3_npz_alignment *alignment, int n, of3_cancel *opt_cancel,
                         of3_error *err) {
  of3_npz_writer *w = NULL;
  of3_status status = OF3_OK;
  OF3_TRY(of3_npz_create(path, opt_cancel, &w, err));
  for (int i = 0; status == OF3_OK && i < n; i++) status = write_alignment(w, &alignment[i], err);
  if (status == OF3_OK) return of3_npz_commit(w, err);
  of3_npz_abort(w);
  return status;
}
