#include "msa/alignment.h"

of3_status of3_alignment_new(int n_row, const of3_alignment_want *want, of3_arena *arena, of3_alignment *out,
                             of3_error *err) {
  *out = (of3_alignment){.n_row = n_row, .n_col = want->n_col};
  size_t n = (size_t)n_row * (size_t)want->n_col; /* both below 2^31 */
  out->letter = of3_arena_alloc(arena, n, 1);
  out->deletion = of3_arena_alloc(arena, n, sizeof *out->deletion);
  return out->letter && out->deletion ? OF3_OK : of3_fail_memory(err, want->file);
}

uint8_t of3_column_letter(const of3_alignment_want *want, char c) {
  return (uint8_t)(want->upper_case && c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
}
