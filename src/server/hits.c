/* Template hits as OpenFold3 writes them. It reads the server's table with pandas and writes it again, so
 * that numbers come out as Python writes them: a column of integers as such, one of numbers as floats
 * ("0.300" becomes 0.3, "1.234E-50" 1.234e-50), any other as it is. */
#define _POSIX_C_SOURCE 200809L
#include <stdlib.h>
#include <string.h>

#include "base/number.h"
#include "server/server_parts.h"

enum { MOST_COLUMN = 32, TEXT_FIELD = 64 };

typedef enum column_kind { COLUMN_INT, COLUMN_REAL, COLUMN_TEXT } column_kind;

typedef struct hit_row {
  char *field[MOST_COLUMN];
  int n;
} hit_row;

typedef struct hit_table {
  hit_row *row;
  int n;
  column_kind kind[MOST_COLUMN];
} hit_table;

/* ---- Reading */

static void split_row(char *line, hit_row *out) {
  out->n = 0;
  for (char *at = line; at && out->n < MOST_COLUMN;) {
    char *tab = out->n < MOST_COLUMN - 1 ? strchr(at, '\t') : NULL;
    if (tab) *tab = 0;
    out->field[out->n++] = at;
    at = tab ? tab + 1 : NULL;
  }
}

static bool is_int(const char *s) {
  if (*s == '-' || *s == '+') s++;
  const size_t n = strspn(s, "0123456789");
  return n > 0 && n < 19 && s[n] == 0;
}

static bool is_real(const char *s) {
  char *end;
  if (strlen(s) >= TEXT_FIELD || s[strspn(s, "+-.0123456789eE")] != 0) return false;
  of3_parse_f64(s, &end);
  return end != s && *end == 0;
}

static void find_kinds(hit_table *t) {
  for (int c = 0; c < MOST_COLUMN; c++) {
    t->kind[c] = COLUMN_INT;
    for (int r = 0; r < t->n; r++) {
      const char *s = c < t->row[r].n ? t->row[r].field[c] : "";
      if (t->kind[c] == COLUMN_INT && !is_int(s)) t->kind[c] = COLUMN_REAL;
      if (t->kind[c] == COLUMN_REAL && !is_real(s)) t->kind[c] = COLUMN_TEXT;
    }
  }
}

/* text is changed. */
static of3_status read_table(char *text, of3_arena *arena, hit_table *out, of3_error *err) {
  int n = 0;
  for (const char *p = text; *p; p++) n += *p == '\n';
  *out = (hit_table){.row = OF3_ARENA_NEW(arena, hit_row, n + 1)};
  if (!out->row) return of3_fail_memory(err, "template hits");
  for (char *at = text, *end; *at; at = end ? end + 1 : at + strlen(at)) {
    end = strchr(at, '\n');
    if (end) *end = 0;
    char *back = at + strlen(at);
    if (back > at && back[-1] == '\r') back[-1] = 0;
    if (*at) split_row(at, &out->row[out->n++]);
  }
  find_kinds(out);
  return OF3_OK;
}

/* ---- Writing */

static void write_field(const hit_table *t, const hit_row *r, int c, of3_str *out) {
  char text[OF3_F32_TEXT];
  of3_str_add(out, "\t");
  if (t->kind[c] == COLUMN_INT)
    of3_str_addf(out, "%lld", strtoll(r->field[c], NULL, 10));
  else if (t->kind[c] == COLUMN_REAL) {
    of3_format_f64(text, of3_parse_f64(r->field[c], NULL));
    of3_str_add(out, text);
  } else
    of3_str_add(out, r->field[c]);
}

static void write_row(const hit_table *t, const hit_row *r, int number, const server_chain *chain,
                      of3_str *out) {
  of3_str_addf(out, "%d\t%s_%s", number, chain->entry, chain->label);
  for (int c = 1; c < r->n; c++) write_field(t, r, c, out);
  of3_str_add(out, "\n");
}

/* "1abc_A" */
static of3_status split_target(const char *target, of3_arena *arena, server_chain *out, of3_error *err) {
  const char *line = strrchr(target, '_');
  *out = (server_chain){.entry = line ? of3_arena_strndup(arena, target, (size_t)(line - target))
                                      : of3_arena_strdup(arena, target),
                        .author = line ? line + 1 : ""};
  return out->entry ? OF3_OK : of3_fail_memory(err, "template hits");
}

static of3_status write_table(of3_colabfold *c, const hit_table *t, int number, of3_arena *arena,
                              of3_str *out, of3_error *err) {
  server_chain *chain = OF3_ARENA_NEW(arena, server_chain, t->n + 1);
  if (!chain) return of3_fail_memory(err, "template hits");
  for (int r = 0; r < t->n; r++) OF3_TRY(split_target(t->row[r].field[0], arena, &chain[r], err));
  OF3_TRY(of3_chains_find(c, chain, t->n, arena, err));
  for (int r = 0; r < t->n; r++) {
    if (chain[r].label)
      write_row(t, &t->row[r], number, &chain[r], out);
    else
      of3_logf(c->s.opt_log, OF3_LOG_WARN,
               "the template hit %s_%s is left out: the structure has no such chain", chain[r].entry,
               chain[r].author);
  }
  return OF3_OK;
}

of3_status of3_colabfold_hits(of3_colabfold *c, const of3_server_msa *msa, int number, of3_arena *arena,
                              const char **ret_text, of3_error *err) {
  hit_table table;
  of3_str out = {0};
  char *text = of3_arena_strndup(arena, msa->hits, msa->hits_size);
  if (!text) return of3_fail_memory(err, "template hits");
  OF3_TRY(read_table(text, arena, &table, err));
  of3_status status = write_table(c, &table, number, arena, &out, err);
  *ret_text = out.failed ? NULL : of3_arena_strdup(arena, out.text ? out.text : "");
  of3_str_free(&out);
  if (status == OF3_OK && !*ret_text) status = of3_fail_memory(err, "template hits");
  return status;
}
