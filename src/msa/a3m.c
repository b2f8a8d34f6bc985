#include <limits.h>

#include "msa/alignment.h"
#include "msa/lines.h"

/* Where a walk through the file stands. */
typedef struct walk {
  const of3_alignment_want *want;
  of3_alignment *out; /* NULL while rows are only counted and checked */
  int row;            /* -1 before the first header */
  int col, deletions;
} walk;

static of3_status end_row(const walk *w, of3_error *err) {
  if (w->row < 0 || w->col == w->want->n_col) return OF3_OK;
  return of3_fail(
      err, OF3_ERR_INPUT,
      "'%s': row %d has %s%d columns, the chain %d residues; every row must have one column a residue",
      w->want->file, w->row + 1, w->col > w->want->n_col ? "more than " : "",
      w->col > w->want->n_col ? w->want->n_col : w->col, w->want->n_col);
}

static void a3m_put(walk *w, char c) {
  if (w->out && w->row < w->out->n_row) {
    size_t at = (size_t)w->row * (size_t)w->out->n_col + (size_t)w->col;
    w->out->letter[at] = (uint8_t)c;
    w->out->deletion[at] = w->deletions;
  }
  w->col++;
  w->deletions = 0;
}

static of3_status take(walk *w, const of3_lines *lines, const char *line, size_t n, of3_error *err) {
  if (w->row < 0)
    return of3_fail(err, OF3_ERR_INPUT, "'%s', line %zu: a header line starting with '>' was expected",
                    w->want->file, lines->number);
  for (size_t i = 0; i < n; i++) {
    if (line[i] <= ' ' || line[i] > '~')
      return of3_fail(err, OF3_ERR_INPUT, "'%s', line %zu: byte 0x%02x is neither a letter nor a gap",
                      w->want->file, lines->number, (unsigned)(unsigned char)line[i]);
    if (line[i] >= 'a' && line[i] <= 'z') {
      if (w->deletions < INT_MAX) w->deletions++;
      continue;
    }
    if (w->col == w->want->n_col) {
      w->col++; /* marks "more than" */
      return end_row(w, err);
    }
    a3m_put(w, line[i]);
  }
  return OF3_OK;
}

static of3_status go(walk *w, const char *text, size_t size, of3_error *err) {
  of3_lines lines = of3_lines_of(text, size);
  const char *line;
  size_t n;
  while (of3_lines_next(&lines, &line, &n)) {
    if (!n || line[0] == '#') continue;
    if (line[0] == '>') {
      OF3_TRY(end_row(w, err));
      if (w->row == INT_MAX - 1) return of3_fail(err, OF3_ERR_INPUT, "'%s' has too many rows", w->want->file);
      w->row++;
      w->col = w->deletions = 0;
    } else
      OF3_TRY(take(w, &lines, line, n, err));
  }
  return end_row(w, err);
}

of3_status of3_a3m_parse(const char *text, size_t size, const of3_alignment_want *want, of3_arena *arena,
                         of3_alignment *out, of3_error *err) {
  walk count = {.want = want, .row = -1};
  OF3_TRY(go(&count, text, size, err));
  int n_row = count.row + 1;
  if (n_row == 0)
    return of3_fail(err, OF3_ERR_INPUT, "'%s' holds no sequence; an A3M file starts with '>' and the query",
                    want->file);
  if (want->most_rows > 0 && n_row > want->most_rows) n_row = want->most_rows;
  OF3_TRY(of3_alignment_new(n_row, want, arena, out, err));
  walk fill = {.want = want, .out = out, .row = -1};
  return go(&fill, text, size, err);
}
