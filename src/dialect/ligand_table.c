/* Ligands in a table: the first line names the columns. */
#define _POSIX_C_SOURCE 200809L
#include <string.h>
#include <strings.h>

#include "base/str.h"
#include "dialect/ligand_list.h"
#include "feat/query_check.h"
#include "msa/lines.h"

enum { MOST_FIELDS = 1000 };

/* The columns that count, from 0; -1: there is none. */
typedef struct table_columns {
  char separator;
  int smiles, ccd, name;
  bool several; /* columns */
} table_columns;

/* A field without the blanks and quotes around it; text NULL: there is none. */
typedef struct table_field {
  const char *text;
  size_t n;
  bool quoted, open; /* open: the quote does not end in this line */
} table_field;

static table_field trimmed(const char *begin, const char *end) {
  while (begin < end && of3_is_space(*begin)) begin++;
  while (end > begin && of3_is_space(end[-1])) end--;
  return (table_field){.text = begin, .n = (size_t)(end - begin)};
}

/* The field that begins at *at, which moves behind the separator after it, or to NULL behind the last. */
static table_field next_field(const char **at, const char *end, char separator) {
  const char *p = *at, *begin = p;
  table_field f;
  while (p < end && *p != separator && of3_is_space(*p)) p++;
  if (p < end && *p == '"') {
    const char *open = ++p;
    while (p < end && (*p != '"' || (p + 1 < end && p[1] == '"'))) p += *p == '"' ? 2 : 1;
    const bool closed = p < end;
    f = (table_field){
        .text = open, .n = (size_t)((closed ? p : end) - open), .quoted = true, .open = !closed};
    while (p < end && *p != separator) p++;
  } else {
    while (p < end && *p != separator) p++;
    f = trimmed(begin, p);
  }
  *at = p < end ? p + 1 : NULL;
  return f;
}

/* Field k of a line. */
static table_field field_of(const char *line, size_t n, char separator, int k) {
  const char *at = line, *end = line + n;
  for (; k > 0 && at; k--) next_field(&at, end, separator);
  return at && k == 0 ? next_field(&at, end, separator) : (table_field){.text = NULL};
}

/* "" in quotes is one quote. NULL: out of memory. */
static char *field_text(const table_field *f, of3_arena *arena) {
  char *out = of3_arena_strndup(arena, f->text, f->n);
  if (!out || !f->quoted) return out;
  char *to = out;
  for (const char *p = out; *p; p++) {
    *to++ = *p;
    if (p[0] == '"' && p[1] == '"') p++;
  }
  *to = 0;
  const table_field inside = trimmed(out, to);
  return of3_arena_strndup(arena, inside.text, inside.n);
}

/* ---- The first line */

static bool is_called(const table_field *f, const char *name) {
  return f->text && f->n == strlen(name) && strncasecmp(f->text, name, f->n) == 0;
}

static void note_column(const table_field *f, int k, table_columns *c) {
  static const char *const names[] = {"name", "id", "ligand", "ligand_name", "title"};
  if (c->smiles < 0 && is_called(f, "smiles")) c->smiles = k;
  if (c->ccd < 0 && (is_called(f, "ccd") || is_called(f, "ccd_code"))) c->ccd = k;
  for (size_t i = 0; i < sizeof names / sizeof *names; i++)
    if (c->name < 0 && is_called(f, names[i])) c->name = k;
}

static table_columns columns_between(const char *line, size_t n, char separator) {
  table_columns c = {.separator = separator, .smiles = -1, .ccd = -1, .name = -1};
  const char *at = line;
  for (int k = 0; at && k < MOST_FIELDS; k++) {
    const table_field f = next_field(&at, line + n, separator);
    note_column(&f, k, &c);
  }
  return c;
}

/* The next line with the blanks in front of it, which may be separators. */
static bool next_row(of3_lines *lines, const char **line, size_t *n) {
  const char *begin = lines->at, *text;
  if (!of3_lines_next(lines, &text, n)) return false;
  *n += (size_t)(text - begin);
  *line = begin;
  return true;
}

/* The first line that is not blank, as names of columns. */
static bool find_columns(of3_lines *lines, int *number, table_columns *out) {
  const char *line;
  size_t n;
  do {
    if (!next_row(lines, &line, &n)) return false;
    ++*number;
  } while (trimmed(line, line + n).n == 0);
  for (const char *separator = ",;\t"; *separator; separator++) {
    *out = columns_between(line, n, *separator);
    out->several = memchr(line, *separator, n) != NULL;
    if (out->smiles >= 0 || out->ccd >= 0) return true;
  }
  return false;
}

/* A line "smiles" alone may as well stand above a list of SMILES with names behind them. */
bool of3_ligand_list_is_table(const char *text, size_t size, bool called_table) {
  of3_lines lines = of3_lines_of(text, size);
  table_columns c;
  int number = 0;
  return find_columns(&lines, &number, &c) && (called_table || c.several || c.ccd >= 0);
}

/* ---- Rows */

typedef struct table_row {
  const char *line;
  size_t n;
  const table_columns *columns;
  of3_arena *arena;
  bool no_memory;
} table_row;

/* The text of a column, NULL if it is empty or there is none. */
static const char *cell(table_row *r, int column, bool *ret_open) {
  if (column < 0) return NULL;
  const table_field f = field_of(r->line, r->n, r->columns->separator, column);
  *ret_open |= f.open;
  if (!f.text || f.n == 0) return NULL;
  const char *text = field_text(&f, r->arena);
  r->no_memory |= !text;
  return text && *text ? text : NULL;
}

static const char *why_code(const char *code, of3_arena *arena) {
  of3_error err;
  return of3_query_check_code(code, &err) == OF3_OK ? NULL : of3_arena_strdup(arena, err.text);
}

static of3_listed_ligand read_row(table_row *r, int number) {
  bool open = false;
  of3_listed_ligand l = {.line = number};
  l.name = cell(r, r->columns->name, &open);
  l.smiles = cell(r, r->columns->smiles, &open);
  l.ccd = cell(r, r->columns->ccd, &open);
  if (open)
    l.error = "a quote is not closed before the end of the line";
  else if (l.smiles && l.ccd)
    l.error = "it has both SMILES and a code of the dictionary; one of them was expected";
  else if (!l.smiles && !l.ccd)
    l.error = r->columns->ccd < 0      ? "its column 'smiles' is empty"
              : r->columns->smiles < 0 ? "its column 'ccd' is empty"
                                       : "its columns 'smiles' and 'ccd' are empty";
  else if (l.ccd)
    l.error = why_code(l.ccd, r->arena);
  return l;
}

/* Nothing but separators, blanks and empty quotes. */
static bool is_empty_row(const char *line, size_t n, char separator) {
  for (size_t k = 0; k < n; k++)
    if (line[k] != separator && line[k] != '"' && !of3_is_space(line[k])) return false;
  return true;
}

of3_status of3_ligand_list_table(const char *text, size_t size, of3_ligand_list *out, of3_error *err) {
  of3_lines lines = of3_lines_of(text, size);
  table_columns columns;
  table_row row = {.columns = &columns, .arena = out->arena};
  int number = 0;
  if (!find_columns(&lines, &number, &columns))
    return of3_fail(err, OF3_ERR_INTERNAL, "'%s' is no table", out->file);
  while (next_row(&lines, &row.line, &row.n)) {
    number++;
    if (is_empty_row(row.line, row.n, columns.separator)) continue;
    out->ligand[out->n++] = read_row(&row, number);
    if (row.no_memory) return of3_fail_memory(err, out->file);
  }
  return OF3_OK;
}
