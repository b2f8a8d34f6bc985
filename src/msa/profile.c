#include "msa/profile.h"

#include <stdlib.h>
#include <string.h>

#include "base/sort.h"
#include "chem/component.h"

void of3_msa_classes(of3_molecule polymer, uint8_t class_of[static 256]) {
  for (int c = 0; c < 256; c++)
    class_of[c] = (uint8_t)(c == '-' ? OF3_MSA_GAP : of3_letter_class(polymer, (char)c));
}

typedef struct numbered {
  of3_msa_row row;
  int n_col, number;
} numbered;

static int by_letters(const void *pa, const void *pb) {
  const numbered *a = pa, *b = pb;
  int c = memcmp(a->row.letter, b->row.letter, (size_t)a->n_col);
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
    if (i == 0 || memcmp(all[kept - 1].row.letter, all[i].row.letter, (size_t)all[i].n_col) != 0)
      all[kept++] = all[i];
  *ret_kept = kept;
  return of3_sort(all, kept, sizeof *all, by_number, opt_cancel, err);
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
  for (size_t i = 0; i < n; i++) all[i] = (numbered){msa->row[i], msa->n_col, (int)i};
  of3_status status = keep_distinct(all, n, opt_cancel, &kept, err);
  for (size_t i = 0; i < kept && status == OF3_OK; i++) msa->row[i] = all[i].row;
  if (status == OF3_OK) msa->n_row = (int)kept;
  of3_arena_free(scratch);
  return status;
}

static void count_columns(const of3_msa *msa, of3_cancel *opt_cancel, const uint8_t class_of[256],
                          int64_t *count) {
  for (int r = 0; r < msa->n_row && !of3_cancelled(opt_cancel); r++)
    for (int j = 0; j < msa->n_col; j++) count[j * OF3_MSA_CLASSES + class_of[msa->row[r].letter[j]]]++;
}

static void count_scrambled(const of3_msa *msa, of3_cancel *opt_cancel, const uint8_t class_of[256],
                            int64_t *count) {
  enum { CHUNK = 1000 };
  for (int start = 0; start < msa->n_col; start += CHUNK) {
    int width = msa->n_col - start < CHUNK ? msa->n_col - start : CHUNK;
    int64_t at = 0;
    for (int r = 0; r < msa->n_row && !of3_cancelled(opt_cancel); r++)
      for (int j = 0; j < width; j++, at++)
        count[(start + at / msa->n_row) * OF3_MSA_CLASSES + class_of[msa->row[r].letter[start + j]]]++;
  }
}

static void mean_deletions(of3_msa *msa, of3_cancel *opt_cancel) {
  for (int j = 0; j < msa->n_col && !of3_cancelled(opt_cancel); j++) {
    int64_t sum = 0;
    for (int r = 0; r < msa->n_row; r++) sum += msa->row[r].deletion[j];
    msa->deletion_mean[j] = (float)((double)sum / msa->n_row);
  }
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
  mean_deletions(msa, opt_cancel);
  return of3_go_on(opt_cancel, err);
}
