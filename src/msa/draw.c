#include "msa/draw.h"

#include <stdlib.h>
#include <string.h>

of3_stream of3_msa_draw_stream(const of3_msa_draw *draw, of3_purpose purpose, int chain) {
  enum { APART = 0x1E3779B1 }; /* odd: chains of neighbouring slots have different streams */
  return (of3_stream){.seed = draw->seed,
                      .purpose = purpose,
                      .sample = draw->slot + (uint32_t)APART * (uint32_t)(1 + chain),
                      .step = draw->step};
}

void of3_msa_draw_some(of3_stream stream, uint32_t first, int n, int k, int32_t *out) {
  for (int i = 0; i < n; i++) out[i] = i;
  for (int i = 0; i < k; i++) {
    const int other = i + (int)of3_random_below(stream, first + (uint32_t)i, (uint32_t)(n - i));
    const int32_t taken = out[other];
    out[other] = out[i];
    out[i] = taken;
  }
}

static int smaller(int a, int b) { return a < b ? a : b; }

/* How many rows are drawn. */
static int number_of_rows(const of3_msa_draw *draw, const of3_drawn_block *b) {
  const bool together = b->release == 3;
  const of3_stream s = of3_msa_draw_stream(draw, OF3_RANDOM_MAIN_ROWS, together ? -1 : b->chain);
  const int most = together ? b->deepest : b->release == 4 ? smaller(b->n_row, b->room) : b->n_row;
  return smaller(b->n_row, 1 + (int)of3_random_below(s, 0, (uint32_t)most));
}

/* Puts the first k of row[n] in ascending order. */
static of3_status put_in_order(int32_t *row, int k, int n, of3_arena *arena, of3_error *err) {
  uint8_t *drawn = OF3_ARENA_NEW(arena, uint8_t, n);
  if (!drawn) return of3_fail_memory(err, "rows that are drawn");
  for (int i = 0; i < k; i++) drawn[row[i]] = 1;
  for (int i = 0, at = 0; i < n; i++)
    if (drawn[i]) row[at++] = i;
  return OF3_OK;
}

of3_status of3_msa_draw_rows(const of3_msa_draw *draw, const of3_drawn_block *b, of3_arena *arena,
                             int32_t **ret_row, int *ret_n, of3_error *err) {
  *ret_n = 0;
  *ret_row = OF3_ARENA_NEW(arena, int32_t, b->n_row);
  if (!*ret_row) return of3_fail_memory(err, "rows that are drawn");
  if (b->n_row == 0 || b->room <= 0) return OF3_OK;
  const int k = number_of_rows(draw, b);
  of3_msa_draw_some(of3_msa_draw_stream(draw, OF3_RANDOM_MAIN_ROWS, b->chain), 1, b->n_row, k, *ret_row);
  if (draw->keep_order == OF3_YES || (draw->keep_order == OF3_UNSET && b->release == 5))
    OF3_TRY(put_in_order(*ret_row, k, b->n_row, arena, err));
  *ret_n = smaller(k, b->room);
  return OF3_OK;
}
