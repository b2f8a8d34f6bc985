/* Alignments of OpenFold3's preparation: an NPZ with one member for each file that was read.
 *
 *   zip member KEY.npy -> .npy header -> pickle of an array of one object -> dictionary
 *                                          'msa'              [rows, columns] of one-letter text ('U1')
 *                                          'deletion_matrix'  [rows, columns] of integers
 *
 * The pickle is read by the restricted reader (base/pickle.h), which executes nothing: the few globals of
 * `allowed` are the pieces of NumPy arrays. A member of a few kilobytes may unpack to gigabytes, so sizes are
 * checked against the arena's limit before each step, and each member has a scratch arena of its own. */
#include <limits.h>
#include <string.h>

#include "base/numpy.h"
#include "base/zip.h"
#include "msa/alignment.h"

static const uint64_t MOST_UNPACKED = (uint64_t)2 << 30; /* of all members: 16,384 rows of 10,000 residues */
static const size_t MOST_PICKLE = (size_t)1 << 28;

/* ---- Metadata: header lines, a list of texts or an array of them ('U12': 12 characters of 4 bytes) */

typedef struct names_in {
  const of3_pickle *list; /* or NULL */
  const uint8_t *data;    /* or NULL */
  int64_t width;          /* characters of an element of data */
} names_in;

/* None of them if they are not as many as rows. */
static names_in npz_find_names(const of3_pickle *v, int64_t rows) {
  if (v && v->type == OF3_PICKLE_LIST && v->n == (size_t)rows) return (names_in){.list = v};
  names_in n = {0};
  n.width = of3_numpy_texts(v, rows, &n.data);
  return n;
}

static size_t npz_name_bytes(const names_in *in, int64_t rows) {
  size_t n = (size_t)rows * (size_t)(in->width + 1);
  for (size_t i = 0; in->list && i < in->list->n; i++)
    n += in->list->item[i]->type == OF3_PICKLE_STRING ? in->list->item[i]->n : 0;
  return n;
}

/* Characters beyond ASCII become '?': species and ids have none. */
static void npz_fill_names(const names_in *in, of3_alignment *out) {
  for (int r = 0; r < out->n_row; r++) {
    size_t n = 0;
    if (in->list && in->list->item[r]->type == OF3_PICKLE_STRING) {
      of3_alignment_set_name(out, r, in->list->item[r]->text, in->list->item[r]->n);
      continue;
    }
    const uint8_t *at = in->data ? in->data + (size_t)r * (size_t)in->width * 4 : NULL;
    char *name = out->name_end;
    for (; at && n < (size_t)in->width && (at[0] | at[1] | at[2] | at[3]); n++, at += 4)
      name[n] = (char)(at[0] >= ' ' && at[0] <= '~' && !(at[1] | at[2] | at[3]) ? at[0] : '?');
    of3_alignment_set_name(out, r, name, n);
  }
}

static of3_status npz_check(const char *key, const of3_numpy_array *msa, const of3_numpy_array *del,
                            const of3_alignment_want *want, of3_error *err) {
  if (msa->kind != 'U' || msa->item != 4)
    return of3_fail(err, OF3_ERR_INPUT, "member '%s': 'msa' must be an array of single letters (<U1)", key);
  if (!of3_numpy_is_integer(del))
    return of3_fail(err, OF3_ERR_INPUT, "member '%s': 'deletion_matrix' must be an array of integers", key);
  if (msa->rows < 1)
    return of3_fail(err, OF3_ERR_INPUT, "member '%s' has no rows; the first row must be the query", key);
  if (msa->cols != want->n_col)
    return of3_fail(err, OF3_ERR_INPUT, "member '%s': row 1 has %lld columns, the chain %d residues", key,
                    (long long)msa->cols, want->n_col);
  if (del->rows != msa->rows || del->cols != msa->cols)
    return of3_fail(err, OF3_ERR_INPUT,
                    "member '%s': 'deletion_matrix' is %lld x %lld, 'msa' %lld x %lld; they must agree", key,
                    (long long)del->rows, (long long)del->cols, (long long)msa->rows, (long long)msa->cols);
  return OF3_OK;
}

static of3_status npz_fill(const char *key, const of3_numpy_array *msa, const of3_numpy_array *del,
                           const of3_alignment_want *want, of3_arena *arena, of3_alignment *out,
                           of3_error *err) {
  int64_t at = 0;
  for (int r = 0; r < out->n_row; r++) {
    OF3_TRY(of3_go_on(want->opt_cancel, err));
    for (int c = 0; c < out->n_col; c++, at++) {
      int64_t letter = of3_numpy_element(msa, r, c), d = of3_numpy_element(del, r, c);
      if (letter <= ' ' || letter > '~' || d < 0 || d > INT32_MAX)
        return of3_fail(err, OF3_ERR_INPUT,
                        "member '%s': row %d, column %d holds letter U+%04llX with deletion count %lld", key,
                        r + 1, c + 1, (unsigned long long)letter, (long long)d);
      out->letter[at] = of3_column_letter(want, (char)letter);
      OF3_TRY(of3_alignment_set_deletions(out, at, d, arena, err));
    }
  }
  return OF3_OK;
}

/* Checked before memory is taken: a member of a few kilobytes may unpack to gigabytes. */
static of3_status npz_check_size(const of3_zip_member *m, const char *key, const of3_arena *scratch,
                                 of3_error *err) {
  if (m->size <= of3_arena_room(scratch)) return OF3_OK;
  return of3_fail(err, OF3_ERR_MEMORY,
                  "member '%s' unpacks to %.1f MB, more than there is or than may be used; use fewer rows or "
                  "more memory",
                  key, (double)m->size * 1e-6);
}

static of3_status read_member(const of3_zip *zip, const of3_zip_member *m, const char *key,
                              const of3_alignment_want *want, of3_arena *scratch, of3_arena *arena,
                              of3_alignment *out, of3_error *err) {
  const uint8_t *bytes = NULL;
  OF3_TRY(npz_check_size(m, key, scratch, err));
  OF3_TRY(of3_zip_read(zip, m, MOST_UNPACKED, scratch, &bytes, err));
  const size_t room = of3_arena_room(scratch);
  const of3_pickle *root = NULL;
  OF3_TRY(of3_numpy_object(key, bytes, (size_t)m->size, room < MOST_PICKLE ? room : MOST_PICKLE, scratch,
                           &root, err));
  of3_numpy_array msa = {0}, del = {0};
  if (!of3_numpy_read(of3_pickle_get(root, "msa"), &msa) ||
      !of3_numpy_read(of3_pickle_get(root, "deletion_matrix"), &del)) {
    char found[256];
    return of3_fail(
        err, OF3_ERR_INPUT,
        "member '%s' holds %s; a dictionary with the arrays 'msa' and 'deletion_matrix' was expected", key,
        of3_pickle_describe(root, found));
  }
  OF3_TRY(npz_check(key, &msa, &del, want, err));
  const names_in names = npz_find_names(of3_pickle_get(root, "metadata"), msa.rows);
  OF3_TRY(of3_alignment_new((int)msa.rows, npz_name_bytes(&names, msa.rows), want, arena, out, err));
  npz_fill_names(&names, out);
  return npz_fill(key, &msa, &del, want, arena, out, err);
}

static of3_status npz_read_all(const of3_zip *zip, const of3_alignment_want *want, of3_arena *arena,
                               of3_npz_alignment *out, of3_error *err) {
  uint64_t total = 0;
  for (int i = 0; i < zip->n; i++) {
    total += zip->member[i].size < MOST_UNPACKED ? zip->member[i].size : MOST_UNPACKED;
    if (total >= MOST_UNPACKED)
      return of3_fail(err, OF3_ERR_INPUT, "the archive unpacks to more than %llu bytes",
                      (unsigned long long)MOST_UNPACKED);
    const char *name = zip->member[i].name, *dot = strrchr(name, '.');
    size_t n = dot && strcmp(dot, ".npy") == 0 ? (size_t)(dot - name) : strlen(name);
    out[i].key = of3_arena_strndup(arena, name, n);
    of3_arena *scratch = of3_arena_new_within(arena);
    of3_status st = out[i].key && scratch ? read_member(zip, &zip->member[i], out[i].key, want, scratch,
                                                        arena, &out[i].alignment, err)
                                          : of3_fail_memory(err, want->file);
    of3_arena_free(scratch);
    if (st != OF3_OK) return st;
  }
  return OF3_OK;
}

of3_status of3_npz_parse(const uint8_t *bytes, size_t size, const of3_alignment_want *want, of3_arena *arena,
                         of3_npz_alignment **ret_alignment, int *ret_n, of3_error *err) {
  of3_zip zip;
  of3_status st = of3_zip_parse(bytes, size, arena, &zip, err);
  zip.opt_cancel = want->opt_cancel;
  if (st == OF3_OK && zip.n == 0) st = of3_fail(err, OF3_ERR_INPUT, "the archive holds no alignment");
  of3_npz_alignment *out = st == OF3_OK ? OF3_ARENA_NEW(arena, of3_npz_alignment, zip.n) : NULL;
  if (st == OF3_OK && !out) return of3_fail_memory(err, want->file);
  if (st == OF3_OK) st = npz_read_all(&zip, want, arena, out, err);
  if (st != OF3_OK) return err ? of3_prefix(err, "'%s'", want->file) : st;
  *ret_alignment = out;
  *ret_n = zip.n;
  return OF3_OK;
}
