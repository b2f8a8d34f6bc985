#include "feat/msa_rows.h"

#include <math.h>
#include <string.h>

/* ---- Reading */

static void put_class(of3_msa_cells out, int i, uint8_t value) {
  const uint8_t class_ = value & (uint8_t)~OF3_MSA_MASKED;
  if (out.class_) out.class_[i] = class_ == OF3_MSA_NO_CLASS ? OF3_NO_CLASS : class_;
  if (out.mask) out.mask[i] = !(value & OF3_MSA_MASKED);
}

static float value_of_large(const of3_features *f, const of3_alignment *a, int64_t cell) {
  const double number = of3_alignment_deletions(a, cell);
  return (float)(f->deletion_scale > 0 ? f->deletion_scale * atan(number / 3) : number);
}

static void put_part(const of3_features *f, const of3_msa_part *p, of3_msa_row row, of3_msa_cells out) {
  const int64_t first = row.of ? (int64_t)row.row * row.of->n_col : 0;
  for (int k = 0; k < p->n_token; k++) {
    const int i = p->first + k;
    const int64_t cell = first + p->column[k];
    const int deletions = row.of ? row.of->deletion[cell] : 0;
    put_class(out, i, p->class_of[row.of ? row.of->letter[cell] : '-']);
    if (out.has_deletion) out.has_deletion[i] = deletions > 0;
    if (out.deletion_value)
      out.deletion_value[i] =
          deletions < OF3_MANY_DELETIONS ? f->deletion_value[deletions] : value_of_large(f, row.of, cell);
  }
}

void of3_msa_row_cells(const of3_features *f, int row, of3_msa_cells out) {
  const size_t n = (size_t)f->n_token;
  for (int i = 0; i < f->n_token; i++) put_class(out, i, f->msa_absent);
  if (out.has_deletion) memset(out.has_deletion, 0, n);
  if (out.deletion_value) memset(out.deletion_value, 0, n * sizeof(float));
  for (int k = 0; k < f->n_msa_part; k++) {
    const of3_msa_part *p = &f->msa_part[k];
    if (row < p->n_row) put_part(f, p, p->row[row], out);
  }
}

bool of3_msa_row_counts(const of3_features *f, int row) {
  int covered = 0;
  if (!f->msa_masked) return true;
  for (int k = 0; k < f->n_msa_part; k++) {
    const of3_msa_part *p = &f->msa_part[k];
    if (row >= p->n_row) continue;
    const of3_msa_row r = p->row[row];
    covered += p->n_token;
    for (int i = 0; i < p->n_token; i++)
      if (!(p->class_of[r.of ? r.of->letter[(int64_t)r.row * r.of->n_col + p->column[i]] : '-'] &
            OF3_MSA_MASKED))
        return true;
  }
  return covered < f->n_token && !(f->msa_absent & OF3_MSA_MASKED);
}

/* ---- Making */

/* The byte of a deletion value, from the values that bytes have so far. */
static uint8_t byte_of_value(const of3_features *f, float value, int *n) {
  for (int k = 0; k < *n; k++)
    if (f->deletion_value[k] == value) return (uint8_t)k;
  if (*n == OF3_MANY_DELETIONS) return OF3_MANY_DELETIONS;
  f->deletion_value[*n] = value;
  return (uint8_t)(*n)++;
}

/* Values that no byte is left for stand in the list. */
static of3_status set_value(of3_features *f, of3_alignment *a, int64_t cell, float value, int *n,
                            of3_error *err) {
  const uint8_t byte = byte_of_value(f, value, n);
  OF3_TRY(of3_alignment_set_deletions(a, cell, byte, f->arena, err));
  if (byte == OF3_MANY_DELETIONS) a->large[a->n_large - 1].number = (double)value;
  return OF3_OK;
}

/* Letters are the classes themselves. */
static of3_status fill(of3_features *f, const of3_msa_cells *cells, of3_alignment *a, of3_error *err) {
  const int64_t n = (int64_t)a->n_row * a->n_col;
  int n_value = 1; /* byte 0: none */
  for (int64_t i = 0; i < n; i++) {
    const uint8_t class_ = cells->class_[i] == OF3_NO_CLASS ? OF3_MSA_NO_CLASS : cells->class_[i];
    const bool masked = cells->mask && !cells->mask[i];
    a->letter[i] = (uint8_t)(class_ | (masked ? OF3_MSA_MASKED : 0));
    f->msa_masked |= masked;
    const float value = cells->deletion_value ? cells->deletion_value[i] : 0;
    if (!isfinite(value))
      return of3_fail(err, OF3_ERR_INPUT, "feature deletion_value[%lld] is %g; a finite number was expected",
                      (long long)i, (double)value);
    if (class_ >= OF3_N_RESTYPE && class_ != OF3_MSA_NO_CLASS)
      return of3_fail(err, OF3_ERR_INPUT, "feature msa[%lld] is class %d; there are %d classes", (long long)i,
                      class_, OF3_N_RESTYPE);
    if (cells->has_deletion && cells->has_deletion[i] != (value != 0))
      return of3_fail(err, OF3_ERR_INPUT,
                      "row %lld of the MSA: has_deletion is %d where deletion_value is %g",
                      (long long)(i / a->n_col), cells->has_deletion[i], (double)value);
    if (value != 0) OF3_TRY(set_value(f, a, i, value, &n_value, err));
  }
  return OF3_OK;
}

of3_status of3_msa_from_cells(of3_features *f, int n_row, const of3_msa_cells *cells, of3_error *err) {
  const of3_alignment_want want = {.file = "the MSA features", .n_col = f->n_token};
  of3_alignment *a = OF3_ARENA_NEW(f->arena, of3_alignment, 1);
  of3_msa_row *row = OF3_ARENA_NEW(f->arena, of3_msa_row, n_row);
  int32_t *column = OF3_ARENA_NEW(f->arena, int32_t, f->n_token);
  uint8_t *class_of = OF3_ARENA_NEW(f->arena, uint8_t, 256);
  f->msa_part = OF3_ARENA_NEW(f->arena, of3_msa_part, 1);
  f->deletion_value = OF3_ARENA_NEW(f->arena, float, OF3_MANY_DELETIONS);
  if (!a || !row || !column || !class_of || !f->msa_part || !f->deletion_value)
    return of3_fail_memory(err, "the MSA features");
  OF3_TRY(of3_alignment_new(n_row, 0, &want, f->arena, a, err));
  for (int r = 0; r < n_row; r++) row[r] = (of3_msa_row){a, r};
  for (int i = 0; i < f->n_token; i++) column[i] = i;
  for (int c = 0; c < 256; c++) class_of[c] = (uint8_t)c;
  f->n_msa = n_row;
  f->n_msa_part = 1;
  f->msa_part[0] = (of3_msa_part){0, f->n_token, column, class_of, n_row, row};
  f->msa_masked = false;
  f->deletion_scale = 0;
  return fill(f, cells, a, err);
}
