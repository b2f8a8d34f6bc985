#include "msa/profile.h"

#include <stdlib.h>
#include <string.h>

#include "base/sort.h"

typedef struct numbered {
  of3_msa_row row;
  const uint8_t *letter;
  int n_col, number;
} numbered;

static int by_letters(const void *pa, const void *pb) {
  const numbered *a = pa, *b = pb;
  int c = memcmp(a->letter, b->letter, (size_t)a->n_col);
  return c ? c : a->number < b->number ? -1 : a->number > b->number;
}

static int by_number(const void *pa, const void *pb) {
  const numbered *a = pa, *b = pb;
  return a->number < b->number ? -1 : a->number > b->number;
}

/* Rows that differ from all before them, in their order, to the front of all [n]. */
static of3_status keep_distinct(numbered *all, size_t n, of3_cancel *opt_cancel, size_t *ret_kept,
                                of3_error *err) {
  size_t kept = 0;
  OF3_TRY(of3_sort(all, n, sizeof *all, by_letters, opt_cancel, err));
  for (size_t i = 0; i < n; i++)
    if (i == 0 || memcmp(all[kept - 1].letter, all[i].letter, (size_t)all[i].n_col) != 0)
      all[kept++] = all[i];
  *ret_kept = kept;
  return of3_sort(all, kept, sizeof *all, by_number, opt_cancel, err);
}

static void number_rows(const of3_msa *msa, const of3_msa_row *row, size_t n, numbered *out) {
  for (size_t i = 0; i < n; i++)
    out[i] = (numbered){row[i], of3_msa_letters(msa, row[i]), msa->n_col, (int)i};
}

of3_status of3_msa_drop_duplicates(of3_msa *msa, of3_cancel *opt_cancel, of3_arena *arena, of3_error *err) {
  size_t n = (size_t)msa->n_row, kept = 0;
  if (n < 2) return OF3_OK;
  of3_arena *scratch = of3_arena_new_within(arena);
  numbered *all = scratch ? OF3_ARENA_NEW(scratch, numbered, n) : NULL;
  if (!all) {
    of3_arena_free(scratch);
    return of3_fail_memory(err, "sorting the rows of an MSA");
  }
  number_rows(msa, msa->row, n, all);
  of3_status status = keep_distinct(all, n, opt_cancel, &kept, err);
  for (size_t i = 0; i < kept && status == OF3_OK; i++) msa->row[i] = all[i].row;
  if (status == OF3_OK) msa->n_row = (int)kept;
  of3_arena_free(scratch);
  return status;
}

/* all: the paired rows, ordered by their letters. */
static bool is_paired(const numbered *all, int n, const of3_msa *msa, of3_msa_row row) {
  const uint8_t *letters = of3_msa_letters(msa, row);
  int first = 0, end = n;
  while (first < end) {
    const int middle = first + (end - first) / 2;
    const int c = memcmp(all[middle].letter, letters, (size_t)msa->n_col);
    if (c == 0) return true;
    if (c < 0)
      first = middle + 1;
    else
      end = middle;
  }
  return false;
}

of3_status of3_msa_drop_paired(of3_msa *msa, of3_cancel *opt_cancel, of3_arena *arena, of3_error *err) {
  if (msa->n_paired == 0) return OF3_OK;
  of3_arena *scratch = of3_arena_new_within(arena);
  numbered *all = scratch ? OF3_ARENA_NEW(scratch, numbered, msa->n_paired) : NULL;
  of3_status status = all ? OF3_OK : of3_fail_memory(err, "the paired rows of an MSA");
  if (status == OF3_OK) {
    number_rows(msa, msa->paired, (size_t)msa->n_paired, all);
    status = of3_sort(all, (size_t)msa->n_paired, sizeof *all, by_letters, opt_cancel, err);
  }
  int kept = 0;
  for (int i = 0; status == OF3_OK && i < msa->n_row; i++)
    if (!is_paired(all, msa->n_paired, msa, msa->row[i])) msa->row[kept++] = msa->row[i];
  if (status == OF3_OK) msa->n_row = kept;
  of3_arena_free(scratch);
  return status;
}

static void count_columns(const of3_msa *msa, of3_cancel *opt_cancel, const uint8_t class_of[256],
                          int64_t *count) {
  for (int r = 0; r < msa->n_row && !of3_cancelled(opt_cancel); r++) {
    const uint8_t *letter = of3_msa_letters(msa, msa->row[r]);
    for (int j = 0; j < msa->n_col; j++) count[j * OF3_MSA_CLASSES + class_of[letter[j]]]++;
  }
}

static void count_scrambled(const of3_msa *msa, of3_cancel *opt_cancel, const uint8_t class_of[256],
                            int64_t *count) {
  enum { CHUNK = 1000 };
  for (int start = 0; start < msa->n_col; start += CHUNK) {
    int width = msa->n_col - start < CHUNK ? msa->n_col - start : CHUNK;
    int64_t at = 0;
    for (int r = 0; r < msa->n_row && !of3_cancelled(opt_cancel); r++) {
      const uint8_t *letter = of3_msa_letters(msa, msa->row[r]) + start;
      for (int j = 0; j < width; j++, at++)
        count[(start + at / msa->n_row) * OF3_MSA_CLASSES + class_of[letter[j]]]++;
    }
  }
}

/* sum [n_col], zeros: whole numbers below 2^53, so that their order does not matter. */
static void mean_deletions(of3_msa *msa, of3_cancel *opt_cancel, double *sum) {
  for (int r = 0; r < msa->n_row && !of3_cancelled(opt_cancel); r++) {
    const of3_alignment *a = msa->row[r].of;
    const int64_t first = (int64_t)msa->row[r].row * msa->n_col;
    for (int j = 0; a && j < msa->n_col; j++)
      if (a->deletion[first + j]) sum[j] += of3_alignment_deletions(a, first + j);
  }
  for (int j = 0; j < msa->n_col; j++) msa->deletion_mean[j] = (float)(sum[j] / msa->n_row);
}

of3_status of3_msa_count(of3_msa *msa, of3_molecule polymer, bool scrambled, of3_cancel *opt_cancel,
                         of3_error *err) {
  if (msa->n_row == 0) return OF3_OK;
  size_t n = (size_t)msa->n_col * OF3_MSA_CLASSES;
  int64_t *count = calloc(n, sizeof *count);
  if (!count) return of3_fail_memory(err, "the profile of an MSA");
  uint8_t class_of[256];
  of3_msa_classes(polymer, class_of);
  (scrambled ? count_scrambled : count_columns)(msa, opt_cancel, class_of, count);
  for (size_t i = 0; i < n; i++) msa->profile[i] = (float)((double)count[i] / msa->n_row);
  free(count);
  double *sum = calloc((size_t)msa->n_col, sizeof *sum);
  if (!sum) return of3_fail_memory(err, "the deletions of an MSA");
  mean_deletions(msa, opt_cancel, sum);
  free(sum);
  return of3_go_on(opt_cancel, err);
}
