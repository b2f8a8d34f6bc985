#define _POSIX_C_SOURCE 200809L
#include "write/cif_table.h"

#include <assert.h>
#include <string.h>
#include <strings.h>

#include "base/str.h"

of3_cif_table of3_cif_table_of(const char *category, const char *const *column, int n_column,
                               of3_arena *arena, of3_cancel *opt_cancel) {
  assert(n_column <= OF3_CIF_MOST_COLUMNS);
  return (of3_cif_table){
      .category = category, .column = column, .n_column = n_column, .arena = arena, .opt_cancel = opt_cancel};
}

const char **of3_cif_row(of3_cif_table *t) {
  if (t->n_row == t->cap) {
    int cap = t->cap ? 2 * t->cap : 64;
    const char **cell = of3_arena_alloc(t->arena, (size_t)cap * (size_t)t->n_column, sizeof *cell);
    if (!cell) return NULL;
    if (t->n_row) memcpy(cell, t->cell, (size_t)t->n_row * (size_t)t->n_column * sizeof *cell);
    t->cell = cell;
    t->cap = cap;
  }
  return t->cell + (size_t)t->n_row++ * (size_t)t->n_column;
}

/* What would be read as a name, a comment, a reserved word or the begin of a text block. */
static bool is_special(const char *v) {
  static const char *const word[] = {"data_", "save_", "loop_", "stop_", "global_"};
  if (strchr("_#$[];", v[0])) return true;
  for (size_t i = 0; i < sizeof word / sizeof *word; i++)
    if (strncasecmp(v, word[i], strlen(word[i])) == 0) return true;
  return false;
}

/* Quotes where CIF needs it. NULL if memory is out. */
static const char *quoted(const char *v, of3_arena *arena) {
  bool single = strchr(v, '\'') != NULL, twice = strchr(v, '"') != NULL;
  if (strchr(v, '\n') || (single && twice)) return of3_arena_printf(arena, "\n;%s\n;\n", v);
  if (!v[0]) return "''";
  if (single) return of3_arena_printf(arena, "\"%s\"", v);
  if (twice || strpbrk(v, " \t") || is_special(v)) return of3_arena_printf(arena, "'%s'", v);
  return v;
}

/* Columns are aligned by characters, not bytes. */
static size_t characters(const char *utf8) {
  size_t n = 0;
  for (; *utf8; utf8++) n += ((unsigned char)*utf8 & 0xc0) != 0x80;
  return n;
}

/* Removes white space at both ends of the text that begins at `begin`, then ends the line. */
static void end_line(of3_str *out, size_t begin) {
  if (out->failed) return;
  size_t first = begin;
  while (out->len > begin && of3_is_space(out->text[out->len - 1])) out->len--;
  while (first < out->len && of3_is_space(out->text[first])) first++;
  memmove(out->text + begin, out->text + first, out->len - first);
  out->len -= first - begin;
  of3_str_addc(out, '\n', 1);
}

/* A text of several lines begins and ends on lines of its own. */
static bool is_text_block(const char *cell) { return cell[0] == '\n'; }

static void add_padded(of3_str *out, const char *text, size_t width) {
  size_t n = is_text_block(text) ? width : characters(text);
  of3_str_add(out, text);
  if (n < width) of3_str_addc(out, ' ', width - n);
}

static void cif_table_add_pairs(const of3_cif_table *t, const char **cell, of3_str *out) {
  size_t longest = 0, prefix = strlen(t->category) + 2;
  for (int c = 0; c < t->n_column; c++) {
    size_t n = prefix + strlen(t->column[c]);
    if (n > longest) longest = n;
  }
  for (int c = 0; c < t->n_column; c++) {
    size_t begin = out->len;
    of3_str_addf(out, "_%s.%s", t->category, t->column[c]);
    of3_str_addc(out, ' ', longest + 3 - (prefix + strlen(t->column[c])));
    of3_str_add(out, cell[c]);
    end_line(out, begin);
  }
}

static void add_loop(const of3_cif_table *t, const char **cell, of3_str *out) {
  size_t width[OF3_CIF_MOST_COLUMNS] = {0}, n_column = (size_t)t->n_column;
  of3_str_add(out, "loop_\n");
  for (int c = 0; c < t->n_column; c++) of3_str_addf(out, "_%s.%s \n", t->category, t->column[c]);
  for (size_t k = 0; k < (size_t)t->n_row * n_column; k++) {
    size_t n = characters(cell[k]);
    if (n > width[k % n_column] && !is_text_block(cell[k])) width[k % n_column] = n;
  }
  for (int r = 0; r < t->n_row && !of3_cancelled(t->opt_cancel); r++) {
    size_t begin = out->len;
    for (size_t c = 0; c < n_column; c++) add_padded(out, cell[(size_t)r * n_column + c], width[c] + 1);
    end_line(out, begin);
  }
}

of3_status of3_cif_table_add(const of3_cif_table *t, of3_str *out, of3_error *err) {
  if (!t->n_row) return OF3_OK;
  size_t n = (size_t)t->n_row * (size_t)t->n_column;
  const char **cell = of3_arena_alloc(t->arena, n, sizeof *cell);
  if (!cell) return of3_fail_memory(err, "the mmCIF file");
  for (size_t k = 0; k < n; k++) {
    OF3_TRY(of3_go_on(t->opt_cancel, err));
    cell[k] = quoted(t->cell[k], t->arena);
    if (!cell[k]) return of3_fail_memory(err, "the mmCIF file");
  }
  if (t->n_row == 1)
    cif_table_add_pairs(t, cell, out);
  else
    add_loop(t, cell, out);
  of3_str_add(out, "#\n");
  return out->failed ? of3_fail_memory(err, "the mmCIF file") : of3_go_on(t->opt_cancel, err);
}
