/* Stockholm: the first alignment of a file, of which the first row is the query.
 *
 *   # STOCKHOLM 1.0
 *   query      MK-LV..A          A row may come in parts, further down under the same name, so parts are
 *   hit/3-9    MRaLV-.A          read first: each is a pointer into the text (part). Sorted by name, those
 *                                of a row are linked in the order of the file, and a row is a list of them.
 *   query      GG..
 *   hit/3-9    GGst
 *   //
 *
 * Columns in which the query has a gap are insertions: they are counted as deletions before the next residue
 * of the query, as in A3M, and have no column in what comes out. Lengths and names are checked before memory
 * for the alignment is taken. */
#include <limits.h>
#include <string.h>

#include "base/sort.h"
#include "msa/alignment.h"
#include "msa/lines.h"

/* One "name row" line; the parts of a row form a list in file order. */
typedef struct part {
  const char *name, *row;
  size_t n_name, n_row;
  size_t order; /* among all parts */
  size_t next;  /* part of the same name that follows, or NONE */
  bool first;   /* of its name */
} part;

static const size_t NONE = SIZE_MAX;

static bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\v' || c == '\f'; }
static bool is_gap(char c) { return c == '-' || c == '.'; }

static bool same_name(const part *a, const part *b) {
  return a->n_name == b->n_name && memcmp(a->name, b->name, a->n_name) == 0;
}

static of3_status split(const of3_alignment_want *want, const of3_lines *lines, const char *line, size_t n,
                        part *out, of3_error *err) {
  size_t a = 0, b, c;
  while (a < n && !is_blank(line[a])) a++;
  for (b = a; b < n && is_blank(line[b]);) b++;
  for (c = b; c < n && line[c] > ' ' && line[c] <= '~';) c++;
  if (b == n || c < n)
    return of3_fail(err, OF3_ERR_INPUT,
                    "'%s', line %zu: a name and a row were expected, separated by white space", want->file,
                    lines->number);
  *out = (part){.name = line, .n_name = a, .row = line + b, .n_row = n - b, .next = NONE};
  return OF3_OK;
}

/* The lines of the first alignment: up to a zero byte, as MMseqs2 writes, or the "//" that ends it. */
static of3_lines stockholm_part(const char *text, size_t size, const of3_alignment_want *want) {
  const char *zero = memchr(text, 0, size), *line;
  of3_lines all = of3_lines_of(text, zero ? (size_t)(zero - text) : size), at = all;
  size_t n, end = 0;
  while (of3_lines_next(&at, &line, &n)) {
    bool says = n && line[0] != '#';
    if (says && end) {
      of3_logf(want->opt_log, OF3_LOG_INFO,
               "'%s': what follows the '//' in line %zu is another alignment and not read", want->file, end);
      break;
    }
    if (says && n == 2 && memcmp(line, "//", 2) == 0) {
      end = at.number;
      all.end = line;
    }
  }
  return all;
}

/* Annotation, or a consensus that is not the query. */
static bool is_no_sequence(const char *line, size_t n, part *query) {
  part p = {.name = line};
  while (p.n_name < n && !is_blank(line[p.n_name])) p.n_name++;
  if (of3_is_annotation_row(line, p.n_name)) return true;
  if (!query->name) *query = p;
  return of3_is_consensus_row(line, p.n_name) && !same_name(query, &p);
}

/* Lines that are not comments; parts is NULL to count only. */
static of3_status read_parts(of3_lines lines, const of3_alignment_want *want, part *parts, size_t *ret_n,
                             of3_error *err) {
  const char *line;
  size_t n, count = 0;
  part query = {0};
  while (of3_lines_next(&lines, &line, &n)) {
    OF3_TRY(of3_go_on(want->opt_cancel, err));
    if (!n || line[0] == '#' || is_no_sequence(line, n, &query)) continue;
    if (parts) {
      OF3_TRY(split(want, &lines, line, n, &parts[count], err));
      parts[count].order = count;
    }
    count++;
  }
  *ret_n = count;
  return OF3_OK;
}

static int stockholm_by_name(const void *pa, const void *pb) {
  const part *a = pa, *b = pb;
  int c = memcmp(a->name, b->name, a->n_name < b->n_name ? a->n_name : b->n_name);
  if (c) return c;
  if (a->n_name != b->n_name) return a->n_name < b->n_name ? -1 : 1;
  return a->order < b->order ? -1 : a->order > b->order;
}

static int by_order(const void *pa, const void *pb) {
  const part *a = pa, *b = pb;
  return a->order < b->order ? -1 : a->order > b->order;
}

/* Sorting finds the parts of a name in n log n whatever the names are. */
static of3_status link_parts(part *p, size_t n, of3_cancel *opt_cancel, of3_error *err) {
  OF3_TRY(of3_sort(p, n, sizeof *p, stockholm_by_name, opt_cancel, err));
  for (size_t i = 0; i < n; i++) {
    p[i].first = i == 0 || !same_name(&p[i - 1], &p[i]);
    if (i + 1 < n && same_name(&p[i], &p[i + 1])) p[i].next = p[i + 1].order;
  }
  return of3_sort(p, n, sizeof *p, by_order, opt_cancel, err);
}

static size_t row_length(const part *p, size_t head) {
  size_t n = 0;
  for (size_t i = head; i != NONE; i = p[i].next) n += p[i].n_row;
  return n;
}

static char *join(const part *p, size_t head, size_t length, of3_arena *arena) {
  char *text = of3_arena_alloc(arena, length + 1, 1);
  for (size_t i = head, at = 0; text && i != NONE; at += p[i].n_row, i = p[i].next)
    memcpy(text + at, p[i].row, p[i].n_row);
  return text;
}

/* A stop that ends a query with one residue too many is no residue. */
static void drop_star(char *query, size_t length, const of3_alignment_want *want) {
  size_t residues = 0, last = 0;
  for (size_t i = 0; i < length; i++)
    if (!is_gap(query[i])) {
      residues++;
      last = i;
    }
  if (residues == (size_t)want->n_col + 1 && query[last] == '*') query[last] = '-';
}

/* Every row as long as the query, whose residues are those of the chain. */
static of3_status check_rows(const part *p, size_t n, const char *query, size_t length,
                             const of3_alignment_want *want, int *ret_rows, size_t *ret_name_bytes,
                             of3_error *err) {
  size_t residues = 0, rows = 0;
  for (size_t i = 0; i < length; i++) residues += !is_gap(query[i]);
  if (residues != (size_t)want->n_col)
    return of3_fail(err, OF3_ERR_INPUT, "'%s': row 1 (the query) has %zu residues, the chain %d", want->file,
                    residues, want->n_col);
  for (size_t i = 0; i < n; i++) {
    if (!p[i].first) continue;
    rows++;
    *ret_name_bytes += p[i].n_name + 1;
    size_t found = row_length(p, i);
    if (found != length)
      return of3_fail(err, OF3_ERR_INPUT, "'%s': row %zu has %zu columns, the query %zu", want->file, rows,
                      found, length);
  }
  if (rows > INT_MAX) return of3_fail(err, OF3_ERR_INPUT, "'%s' has too many rows", want->file);
  *ret_rows = (int)rows;
  return OF3_OK;
}

static of3_status fill_row(const part *p, size_t head, const char *query, const of3_alignment_want *want,
                           int64_t cell, of3_arena *arena, of3_alignment *out, of3_error *err) {
  size_t at = 0;
  int32_t deletions = 0;
  for (size_t i = head; i != NONE; i = p[i].next)
    for (size_t k = 0; k < p[i].n_row; k++, at++) {
      char c = p[i].row[k];
      if (!is_gap(query[at])) {
        out->letter[cell] = of3_column_letter(want, c);
        OF3_TRY(of3_alignment_set_deletions(out, cell++, deletions, arena, err));
        deletions = 0;
      } else if (!is_gap(c) && deletions < INT32_MAX)
        deletions++;
    }
  return OF3_OK;
}

/* scratch: what the parts of the rows take. */
static of3_status stockholm_read(const char *text, size_t size, const of3_alignment_want *want,
                                 of3_arena *scratch, of3_arena *arena, of3_alignment *out, of3_error *err) {
  size_t n = 0, name_bytes = 0;
  const of3_lines lines = stockholm_part(text, size, want);
  OF3_TRY(read_parts(lines, want, NULL, &n, err));
  if (!n)
    return of3_fail(err, OF3_ERR_INPUT,
                    "'%s' holds no sequence; the first row of a Stockholm file is the query", want->file);
  part *p = OF3_ARENA_NEW(scratch, part, n);
  if (!p) return of3_fail_memory(err, want->file);
  OF3_TRY(read_parts(lines, want, p, &n, err));
  OF3_TRY(link_parts(p, n, want->opt_cancel, err));
  size_t length = row_length(p, 0);
  char *query = join(p, 0, length, scratch);
  if (!query) return of3_fail_memory(err, want->file);
  drop_star(query, length, want);
  int n_row = 0;
  OF3_TRY(check_rows(p, n, query, length, want, &n_row, &name_bytes, err));
  if (want->most_rows > 0 && n_row > want->most_rows) n_row = want->most_rows;
  OF3_TRY(of3_alignment_new(n_row, name_bytes, want, arena, out, err));
  size_t row = 0;
  for (size_t i = 0; i < n && row < (size_t)n_row; i++)
    if (p[i].first) {
      OF3_TRY(of3_go_on(want->opt_cancel, err));
      of3_alignment_set_name(out, (int)row, p[i].name, p[i].n_name);
      OF3_TRY(fill_row(p, i, query, want, (int64_t)row++ * want->n_col, arena, out, err));
    }
  return OF3_OK;
}

of3_status of3_stockholm_parse(const char *text, size_t size, const of3_alignment_want *want,
                               of3_arena *arena, of3_alignment *out, of3_error *err) {
  of3_arena *scratch = of3_arena_new_within(arena);
  const of3_status status =
      scratch ? stockholm_read(text, size, want, scratch, arena, out, err) : of3_fail_memory(err, want->file);
  of3_arena_free(scratch);
  return status;
}
