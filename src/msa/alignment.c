#include "msa/alignment.h"

#include <string.h>

of3_status of3_alignment_new(int n_row, size_t name_bytes, const of3_alignment_want *want, of3_arena *arena,
                             of3_alignment *out, of3_error *err) {
  *out = (of3_alignment){.n_row = n_row, .n_col = want->n_col};
  size_t n = (size_t)n_row * (size_t)want->n_col; /* both below 2^31 */
  out->letter = of3_arena_alloc(arena, n, 1);
  out->deletion = of3_arena_alloc(arena, n, sizeof *out->deletion);
  out->name = OF3_ARENA_NEW(arena, const char *, n_row);
  out->name_end = of3_arena_alloc(arena, name_bytes, 1);
  if (out->letter && out->deletion && out->name && out->name_end) return OF3_OK;
  return of3_fail(
      err, OF3_ERR_MEMORY,
      "'%s': its %d rows of %d residues take %.1f MB of memory, more than there is or than may be used; "
      "use fewer rows or more memory",
      want->file, n_row, want->n_col, (double)n * 2e-6);
}

void of3_alignment_set_name(of3_alignment *a, int row, const char *name, size_t n) {
  a->name[row] = memmove(a->name_end, name, n);
  a->name_end[n] = 0;
  a->name_end += n + 1;
}

/* The old list stays in the arena when it becomes too small. */
static of3_status grow_large(of3_alignment *a, of3_arena *arena, of3_error *err) {
  const int room = a->room_large ? 2 * a->room_large : 16;
  of3_large_deletion *more = OF3_ARENA_NEW(arena, of3_large_deletion, room);
  if (!more || room < 0) return of3_fail_memory(err, "the deletions of an alignment");
  if (a->n_large) memcpy(more, a->large, (size_t)a->n_large * sizeof *more);
  a->large = more;
  a->room_large = room;
  return OF3_OK;
}

of3_status of3_alignment_set_deletions(of3_alignment *a, int64_t cell, int64_t number, of3_arena *arena,
                                       of3_error *err) {
  a->deletion[cell] = (uint8_t)(number < OF3_MANY_DELETIONS ? number : OF3_MANY_DELETIONS);
  if (number < OF3_MANY_DELETIONS) return OF3_OK;
  if (a->n_large == a->room_large) OF3_TRY(grow_large(a, arena, err));
  a->large[a->n_large++] = (of3_large_deletion){cell, (double)number};
  return OF3_OK;
}

double of3_alignment_deletions(const of3_alignment *a, int64_t cell) {
  int first = 0, end = a->n_large;
  if (a->deletion[cell] < OF3_MANY_DELETIONS) return a->deletion[cell];
  while (end - first > 1) {
    const int middle = first + (end - first) / 2;
    *(a->large[middle].cell <= cell ? &first : &end) = middle;
  }
  return a->large[first].number;
}

uint8_t of3_column_letter(const of3_alignment_want *want, char c) {
  return (uint8_t)(want->upper_case && c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
}
