/* What the fuzz targets of alignments share: the first byte says how long the chain is, how many rows are
 * kept and whether letters become capitals; everything that a reader returns is touched. */
#ifndef OF3_FUZZ_ALIGNMENT_H
#define OF3_FUZZ_ALIGNMENT_H

#include <stdlib.h>
#include <string.h>

#include "msa/alignment.h"

static inline of3_alignment_want fuzz_want(uint8_t byte) {
  return (of3_alignment_want){.file = "f",
                              .n_col = 1 + byte % 8,
                              .most_rows = (byte >> 3) % 4,
                              .upper_case = byte >> 7,
                              .opt_sequence = "MKVLAMKV"};
}

static inline void fuzz_touch(const of3_alignment *a, const of3_alignment_want *want) {
  if (a->n_row < 1 || a->n_col != want->n_col) abort();
  for (int i = 0; i < a->n_row * a->n_col; i++)
    if (a->letter[i] <= ' ' || a->letter[i] > '~' || of3_alignment_deletions(a, i) < a->deletion[i]) abort();
  for (int r = 0; r < a->n_row; r++)
    if (!a->name[r] || memchr(a->name[r], '\n', strlen(a->name[r]))) abort();
}

typedef of3_status fuzz_parser(const char *, size_t, const of3_alignment_want *, of3_arena *, of3_alignment *,
                               of3_error *);

static inline void fuzz_text(fuzz_parser *parse, const uint8_t *data, size_t size) {
  if (size < 1) return;
  of3_arena *arena = of3_arena_new(0);
  of3_alignment a;
  of3_error err;
  const of3_alignment_want want = fuzz_want(data[0]);
  if (parse((const char *)data + 1, size - 1, &want, arena, &a, &err) == OF3_OK) {
    fuzz_touch(&a, &want);
    if (want.most_rows && a.n_row > want.most_rows) abort();
  }
  of3_arena_free(arena);
}

#endif
