#include "msa/alignment.h"

of3_status of3_alignment_new(int n_row, const of3_alignment_want *want, of3_arena *arena, of3_alignment *out,
                             of3_error *err) {
  *out = (of3_alignment){.n_row = n_row, .n_col = want->n_col};
  size_t n = (size_t)n_row * (size_t)want->n_col; /* both below 2^31 */
  out->letter = of3_arena_alloc(arena, n, 1);
  out->deletion = of3_arena_alloc(arena, n, sizeof *out->deletion);
  if (out->letter && out->deletion) return OF3_OK;
  return of3_fail(
      err, OF3_ERR_MEMORY,
      "'%s': its %d rows of %d residues take %.1f MB of memory, more than there is or than may be used; "
      "use fewer rows or more memory",
      want->file, n_row, want->n_col, (double)n * (1 + sizeof *out->deletion) * 1e-6);
}

uint8_t of3_column_letter(const of3_alignment_want *want, char c) {
  return (uint8_t)(want->upper_case && c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
}
