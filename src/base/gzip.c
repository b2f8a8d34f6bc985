#include "base/gzip.h"

#include <stdbool.h>
#include <stdint.h>
#include <zlib.h>

typedef enum gzip_outcome { GZIP_WHOLE, GZIP_DAMAGED, GZIP_TOO_LARGE, GZIP_CANCELLED } gzip_outcome;

/* Reads to the end; opt_out [most] gets the text. */
static gzip_outcome gzip_read(gzFile f, of3_cancel *opt_cancel, char *opt_out, size_t most, size_t *ret_n) {
  enum { PIECE = 1 << 14 };
  char buffer[PIECE] = {0};
  *ret_n = 0;
  for (;;) {
    if (of3_cancelled(opt_cancel)) return GZIP_CANCELLED;
    size_t room = opt_out && most - *ret_n < PIECE ? most - *ret_n : PIECE;
    int n = room ? gzread(f, opt_out ? opt_out + *ret_n : buffer, (unsigned)room) : 0;
    if (n < 0) return GZIP_DAMAGED;
    if (n == 0) return GZIP_WHOLE;
    if ((size_t)n > most - *ret_n) return GZIP_TOO_LARGE;
    *ret_n += (size_t)n;
  }
}

/* A file that ends in the middle of a member is told when it is closed. */
static gzip_outcome gzip_pass(const char *path, of3_cancel *opt_cancel, char *opt_out, size_t most,
                              size_t *ret_n) {
  gzFile f = gzopen(path, "rb");
  if (!f) return GZIP_DAMAGED;
  gzip_outcome outcome = gzip_read(f, opt_cancel, opt_out, most, ret_n);
  if (gzclose_r(f) != Z_OK && outcome == GZIP_WHOLE) outcome = GZIP_DAMAGED;
  return outcome;
}

of3_status of3_gunzip(const char *path, size_t most, of3_cancel *opt_cancel, of3_arena *arena,
                      char **ret_text, size_t *ret_size, of3_error *err) {
  size_t room = of3_arena_room(arena), n = 0, again = 0;
  if (room < most) most = room;
  gzip_outcome outcome = gzip_pass(path, opt_cancel, NULL, most, &n);
  if (outcome == GZIP_TOO_LARGE)
    return of3_fail(err, OF3_ERR_MEMORY,
                    "'%s' unpacks to more than %.1f MB, more than there is or than may be used; use fewer "
                    "rows or more memory",
                    path, (double)most * 1e-6);
  if (outcome == GZIP_WHOLE) {
    char *text = n < SIZE_MAX ? of3_arena_alloc(arena, n + 1, 1) : NULL;
    if (!text) return of3_fail_memory(err, path);
    outcome = gzip_pass(path, opt_cancel, text, n, &again);
    *ret_text = text;
    *ret_size = n;
  }
  if (outcome == GZIP_WHOLE && again == n) return OF3_OK;
  if (outcome == GZIP_CANCELLED) return of3_go_on(opt_cancel, err);
  return of3_fail(err, OF3_ERR_INPUT, "'%s' is a damaged or cut gzip file; copy or download it again", path);
}
