/* A3M. The text is walked row by row: counted first, which says how each row is to be read and checks it,
 * then once more to fill the alignment. What tools write besides plain A3M stands in alignment.h. */
#include <limits.h>
#include <string.h>

#include "msa/alignment.h"
#include "msa/lines.h"

/* ---- Rows of the text */

/* A header and the lines below it. */
typedef struct a3m_row {
  const char *head; /* the header without '>' */
  const char *name; /* first word of it */
  size_t n_head, n_name;
  of3_lines body;
} a3m_row;

static bool a3m_is_blank(char c) { return c == ' ' || c == '\t'; }

/* The row whose header is the next line. */
static bool a3m_next(of3_lines *lines, a3m_row *row) {
  const char *line;
  size_t n, a = 1, b;
  if (!of3_lines_next(lines, &line, &n)) return false;
  while (a < n && a3m_is_blank(line[a])) a++;
  for (b = a; b < n && !a3m_is_blank(line[b]);) b++;
  *row = (a3m_row){
      .head = line + (n > 0), .n_head = n - (n > 0), .name = line + a, .n_name = b - a, .body = *lines};
  of3_lines at = *lines;
  while (of3_lines_next(&at, &line, &n) && !(n && line[0] == '>')) *lines = at;
  row->body.end = lines->at;
  return true;
}

/* A line of the row that is no comment. */
static bool a3m_next_line(of3_lines *body, const char **line, size_t *n) {
  while (of3_lines_next(body, line, n))
    if (*n && (*line)[0] != '#') return true;
  return false;
}

/* ---- How a row is read */

typedef struct a3m_count {
  size_t column, lower, dot;
  bool star; /* the last column is a '*' */
} a3m_count;

typedef struct a3m_reading {
  bool lower_is_column, dot_is_gap;
} a3m_reading;

static bool a3m_is_lower(char c) { return c >= 'a' && c <= 'z'; }

static of3_status a3m_count_row(const of3_alignment_want *want, const a3m_row *row, a3m_count *out,
                                of3_error *err) {
  of3_lines body = row->body;
  const char *line;
  size_t n;
  *out = (a3m_count){0};
  while (a3m_next_line(&body, &line, &n))
    for (size_t i = 0; i < n; i++) {
      if (line[i] <= ' ' || line[i] > '~')
        return of3_fail(err, OF3_ERR_INPUT, "'%s', line %zu: byte 0x%02x is neither a letter nor a gap",
                        want->file, body.number, (unsigned)(unsigned char)line[i]);
      if (a3m_is_lower(line[i]))
        out->lower++;
      else if (line[i] == '.')
        out->dot++;
      else
        out->column++;
      out->star = line[i] == '*';
    }
  return OF3_OK;
}

/* The first of these readings that gives n_col columns: the letters as they stand, dots as gaps, both without
 * a final '*'; and these once more with lower-case letters as columns, if the file may be so. */
static bool a3m_choose_reading(const a3m_count *c, size_t n_col, bool lower_is_column, a3m_reading *out) {
  const int n_lower = lower_is_column ? 2 : 1, n_star = c->star ? 2 : 1;
  for (int lower = 0; lower < n_lower; lower++)
    for (int star = 0; star < n_star; star++)
      for (int dot = 0; dot < 2; dot++) {
        size_t n = c->column + (lower ? c->lower : 0) + (dot ? c->dot : 0);
        *out = (a3m_reading){lower, dot};
        if (n - (size_t)star == n_col) return true;
      }
  return false;
}

/* The next column of a row and the insertions before it; false at the end. */
typedef struct a3m_cursor {
  of3_lines body;
  a3m_reading how;
  const char *line;
  size_t n, i;
  int32_t deletions;
} a3m_cursor;

static bool a3m_next_column(a3m_cursor *at, uint8_t *letter) {
  for (;;) {
    for (; at->i < at->n; at->i++) {
      char c = at->line[at->i];
      if (c == '.' && !at->how.dot_is_gap) continue;
      if (a3m_is_lower(c) && !at->how.lower_is_column) {
        if (at->deletions < INT32_MAX) at->deletions++;
        continue;
      }
      *letter = (uint8_t)(c == '.' ? '-' : a3m_is_lower(c) ? c - 'a' + 'A' : c);
      at->i++;
      return true;
    }
    at->i = 0;
    if (!a3m_next_line(&at->body, &at->line, &at->n)) return false;
  }
}

/* Whether the row spells the chain, if that is known. */
static bool a3m_spells(const of3_alignment_want *want, const a3m_row *row, a3m_reading how) {
  a3m_cursor at = {.body = row->body, .how = how};
  uint8_t letter;
  if (!want->opt_sequence) return false;
  for (int k = 0; k < want->n_col; k++)
    if (!a3m_next_column(&at, &letter) || letter != (uint8_t)want->opt_sequence[k]) return false;
  return true;
}

/* ---- The file */

/* "#10,20<tab>1,2": lengths of the chains and how often each is there. */
static int a3m_chains_of_header(const char *line, size_t n) {
  size_t i = 1;
  int chains = 1;
  for (; i < n && ((line[i] >= '0' && line[i] <= '9') || line[i] == ','); i++) chains += line[i] == ',';
  return i > 1 && i < n && line[i] == '\t' ? chains : 0;
}

/* Moves to the first header. */
static of3_status a3m_begin(const of3_alignment_want *want, of3_lines *lines, of3_error *err) {
  const char *line;
  size_t n;
  for (of3_lines at = *lines; of3_lines_next(&at, &line, &n); *lines = at) {
    if (n && line[0] == '>') return OF3_OK;
    if (n && line[0] != '#')
      return of3_fail(err, OF3_ERR_INPUT, "'%s', line %zu: a header line starting with '>' was expected",
                      want->file, at.number);
    int chains = a3m_chains_of_header(line, n);
    if (chains > 1)
      return of3_fail(
          err, OF3_ERR_INPUT,
          "'%s' is ColabFold's alignment of a complex of %d chains (line %zu gives their lengths); each "
          "chain needs an alignment of its own",
          want->file, chains, at.number);
  }
  return OF3_OK;
}

static of3_status a3m_wrong_length(const of3_alignment_want *want, int64_t row, const a3m_count *c,
                                   of3_error *err) {
  return of3_fail(
      err, OF3_ERR_INPUT,
      "'%s': row %lld has %zu columns, the chain %d residues; every row must have one column a residue",
      want->file, (long long)row, c->column, want->n_col);
}

/* What a walk finds. out: NULL while rows are only counted and checked. */
typedef struct a3m_walk {
  const of3_alignment_want *want;
  of3_alignment *out;
  of3_arena *arena;
  int kept, annotation;
  size_t name_bytes; /* of the rows kept */
  bool lower_is_column;
} a3m_walk;

static of3_status a3m_fill(const a3m_walk *w, const a3m_row *row, a3m_reading how, of3_error *err) {
  const size_t n_col = (size_t)w->want->n_col, first = (size_t)w->kept * n_col;
  a3m_cursor at = {.body = row->body, .how = how};
  of3_alignment_set_name(w->out, w->kept, row->head, row->n_head);
  for (size_t k = 0; k < n_col && a3m_next_column(&at, &w->out->letter[first + k]); k++) {
    OF3_TRY(of3_alignment_set_deletions(w->out, (int64_t)(first + k), at.deletions, w->arena, err));
    at.deletions = 0;
  }
  return OF3_OK;
}

static of3_status a3m_take(a3m_walk *w, const a3m_row *row, int64_t number, of3_error *err) {
  a3m_count count;
  a3m_reading how;
  bool consensus = of3_is_consensus_row(row->name, row->n_name);
  if (of3_is_annotation_row(row->name, row->n_name) || (consensus && w->kept)) {
    w->annotation++;
    return OF3_OK;
  }
  OF3_TRY(a3m_count_row(w->want, row, &count, err));
  bool fits = a3m_choose_reading(&count, (size_t)w->want->n_col, w->kept == 0 || w->lower_is_column, &how);
  if (consensus && !(fits && a3m_spells(w->want, row, how))) {
    w->annotation++;
    return OF3_OK;
  }
  if (!fits) return a3m_wrong_length(w->want, number, &count, err);
  if (w->kept == INT_MAX) return of3_fail(err, OF3_ERR_INPUT, "'%s' has too many rows", w->want->file);
  if (w->kept == 0) w->lower_is_column = how.lower_is_column;
  if (w->out && w->kept < w->out->n_row) OF3_TRY(a3m_fill(w, row, how, err));
  w->name_bytes += row->n_head + 1;
  w->kept++;
  return OF3_OK;
}

static of3_status a3m_walk_rows(a3m_walk *w, of3_lines lines, of3_error *err) {
  a3m_row row;
  OF3_TRY(a3m_begin(w->want, &lines, err));
  for (int64_t number = 1; a3m_next(&lines, &row); number++) {
    OF3_TRY(of3_go_on(w->want->opt_cancel, err));
    OF3_TRY(a3m_take(w, &row, number, err));
  }
  return OF3_OK;
}

/* ---- The queries of a file: parts between zero bytes */

/* Whether the first sequence of the part spells the chain. */
static bool a3m_is_of_chain(const of3_alignment_want *want, of3_lines lines) {
  a3m_row row;
  a3m_count count;
  a3m_reading how;
  if (a3m_begin(want, &lines, NULL) != OF3_OK) return false;
  while (a3m_next(&lines, &row))
    if (!of3_is_annotation_row(row.name, row.n_name))
      return a3m_count_row(want, &row, &count, NULL) == OF3_OK &&
             a3m_choose_reading(&count, (size_t)want->n_col, true, &how) && a3m_spells(want, &row, how);
  return false;
}

/* The next part that is not blank; false after the last one. */
static bool a3m_next_part(const char **at, const char *end, of3_lines *out) {
  while (*at < end) {
    const char *zero = memchr(*at, 0, (size_t)(end - *at)), *line;
    of3_lines part = of3_lines_of(*at, (size_t)((zero ? zero : end) - *at)), look = part;
    size_t n = 0;
    *at = zero ? zero + 1 : end;
    while (!n && of3_lines_next(&look, &line, &n)) {
    }
    *out = part;
    if (n) return true;
  }
  return false;
}

/* The part whose query is the chain, else the first. */
static of3_lines a3m_choose_part(const of3_alignment_want *want, const char *text, size_t size) {
  const char *at = text, *line;
  of3_lines part, chosen = of3_lines_of(text, 0);
  size_t length;
  int n = 0, which = 0;
  bool found = false;
  while (a3m_next_part(&at, text + size, &part)) {
    n++;
    if (!found && ((found = a3m_is_of_chain(want, part)) || n == 1)) {
      chosen = part;
      which = n;
    }
  }
  if (n < 2) return chosen;
  of3_logf(want->opt_log, OF3_LOG_INFO,
           "'%s' holds %d alignments, separated by zero bytes; number %d is read, the others belong to other "
           "queries",
           want->file, n, which);
  for (of3_lines before = {text, chosen.at > text ? chosen.at - 1 : text, 0};
       of3_lines_next(&before, &line, &length);)
    chosen.number = before.number; /* of the lines of the file */
  return chosen;
}

of3_status of3_a3m_parse(const char *text, size_t size, const of3_alignment_want *want, of3_arena *arena,
                         of3_alignment *out, of3_error *err) {
  of3_lines part = a3m_choose_part(want, text, size);
  a3m_walk count = {.want = want};
  OF3_TRY(a3m_walk_rows(&count, part, err));
  int n_row = count.kept;
  if (n_row == 0)
    return of3_fail(err, OF3_ERR_INPUT, "'%s' holds no sequence; an A3M file starts with '>' and the query",
                    want->file);
  if (count.annotation)
    of3_logf(want->opt_log, OF3_LOG_INFO,
             "'%s': %d row%s of annotation or consensus %s no sequence and left out", want->file,
             count.annotation, count.annotation > 1 ? "s" : "", count.annotation > 1 ? "are" : "is");
  if (want->most_rows > 0 && n_row > want->most_rows) n_row = want->most_rows;
  OF3_TRY(of3_alignment_new(n_row, count.name_bytes, want, arena, out, err));
  a3m_walk fill = {.want = want, .out = out, .arena = arena};
  return a3m_walk_rows(&fill, part, err);
}
