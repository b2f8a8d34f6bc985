#include "train/main_rows.h"

#include <stdlib.h>
#include <string.h>

#include "base/random.h"

static int compare_int(const void *a, const void *b) {
  const int x = *(const int *)a, y = *(const int *)b;
  return (x > y) - (x < y);
}

/* Word 0 of a chain's stream decides how many rows stay, the next ones which. */
static of3_status draw_part(of3_features *f, of3_msa_part *part, int keep, of3_stream random, bool sorted,
                            of3_error *err) {
  const int first = f->num_paired_seqs, n = part->n_row - first;
  int *order = OF3_ARENA_NEW(f->arena, int, n);
  of3_msa_row *row = OF3_ARENA_NEW(f->arena, of3_msa_row, first + keep);
  if (!order || !row) return of3_fail_memory(err, "the rows of an alignment");
  for (int i = 0; i < n; i++) order[i] = i;
  for (int i = 0; i < keep; i++) {
    const int k = i + (int)of3_random_below(random, (uint32_t)i + 1, (uint32_t)(n - i)), taken = order[k];
    order[k] = order[i];
    order[i] = taken;
  }
  if (sorted) qsort(order, (size_t)keep, sizeof *order, compare_int);
  memcpy(row, part->row, (size_t)first * sizeof *row);
  for (int i = 0; i < keep; i++) row[first + i] = part->row[first + order[i]];
  part->row = row;
  part->n_row = first + keep;
  return OF3_OK;
}

/* How deep the stack is now, and whether cells are masked because a chain has fewer rows. */
static void measure(of3_features *f) {
  int covered = 0;
  f->n_msa = f->num_paired_seqs;
  for (int k = 0; k < f->n_msa_part; k++)
    if (f->msa_part[k].n_row > f->n_msa) f->n_msa = f->msa_part[k].n_row;
  for (int k = 0; k < f->n_msa_part; k++)
    if (f->msa_part[k].n_row == f->n_msa) covered += f->msa_part[k].n_token;
  f->msa_masked = (f->msa_absent & OF3_MSA_MASKED) && covered < f->n_token;
}

of3_status of3_draw_main_rows(of3_features *f, of3_main_rows how, uint64_t seed, of3_error *err) {
  const of3_stream common = {seed, OF3_RANDOM_MAIN_ROWS, 0, UINT32_MAX};
  const int deepest = f->n_msa - f->num_paired_seqs;
  const int depth = deepest > 0 ? 1 + (int)of3_random_below(common, 0, (uint32_t)deepest) : 0;
  for (int k = 0; k < f->n_msa_part; k++) {
    const of3_stream random = {seed, OF3_RANDOM_MAIN_ROWS, 0, (uint32_t)k};
    const int n = f->msa_part[k].n_row - f->num_paired_seqs;
    if (n <= 0) continue;
    int keep = 1 + (int)of3_random_below(random, 0, (uint32_t)n);
    if (how == OF3_MAIN_COMMON_DEPTH) keep = depth < n ? depth : n;
    OF3_TRY(draw_part(f, &f->msa_part[k], keep, random, how == OF3_MAIN_FILE_ORDER, err));
  }
  measure(f);
  return OF3_OK;
}
