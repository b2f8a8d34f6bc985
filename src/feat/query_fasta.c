#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "feat/query.h"
#include "feat/query_check.h"
#include "msa/lines.h"

static size_t count_records(const char *text, size_t size) {
  of3_lines lines = of3_lines_of(text, size);
  const char *line;
  size_t n, count = 0;
  while (of3_lines_next(&lines, &line, &n)) count += n && line[0] == '>';
  return count;
}

/* The first word of the header, fit for a folder name and for JSON: header lines are in any encoding. */
static char *name_of(of3_arena *arena, const char *header, size_t n, int number) {
  size_t a = 0, b;
  while (a < n && (header[a] == ' ' || header[a] == '\t')) a++;
  for (b = a; b < n && header[b] != ' ' && header[b] != '\t';) b++;
  if (a == b) return of3_arena_printf(arena, "sequence_%d", number);
  char *name = of3_arena_strndup(arena, header + a, b - a);
  for (char *c = name; c && c < name + (b - a); c++)
    if (*c == '/' || *c < ' ' || *c > '~') *c = '_';
  return name;
}

static void add_letters(of3_str *s, const char *line, size_t n) {
  for (size_t i = 0; i < n; i++) {
    char c = line[i];
    if (c == ' ' || c == '\t') continue;
    if (c >= 'a' && c <= 'z') c = (char)(c - 'a' + 'A');
    of3_str_addc(s, c ? c : '?', 1); /* a zero byte would end the text: let the check find it */
  }
}

static of3_status finish(of3_query_set *set, const char *name, of3_str *letters, of3_error *err) {
  if (letters->len && letters->text[letters->len - 1] == '*') letters->text[--letters->len] = 0;
  const char *text = letters->len ? letters->text : "";
  char *sequence = letters->failed ? NULL : of3_arena_strdup(set->arena, text);
  of3_str_clear(letters);
  if (!sequence) return of3_fail_memory(err, "a sequence");
  return of3_query_single(set->arena, name, sequence, &set->query[set->n++], err);
}

static of3_status read_records(const char *text, size_t size, const char *file, of3_query_set *set,
                               of3_str *letters, of3_error *err) {
  of3_lines lines = of3_lines_of(text, size);
  const char *line, *name = NULL;
  size_t n;
  while (of3_lines_next(&lines, &line, &n)) {
    if (!n || line[0] == '#' || line[0] == ';') continue;
    if (line[0] != '>') {
      if (!name)
        return of3_fail(err, OF3_ERR_INPUT, "'%s', line %zu: a header line starting with '>' was expected",
                        file, lines.number);
      add_letters(letters, line, n);
      continue;
    }
    if (name) OF3_TRY(finish(set, name, letters, err));
    name = name_of(set->arena, line + 1, n - 1, set->n + 1);
    if (!name) return of3_fail_memory(err, file);
  }
  return name ? finish(set, name, letters, err) : OF3_OK;
}

static int query_fasta_by_name(const void *pa, const void *pb) {
  const of3_query *a = *(of3_query *const *)pa, *b = *(of3_query *const *)pb;
  int c = strcmp(a->name, b->name);
  return c ? c : a < b ? -1 : a > b;
}

/* The second of two records with one name is refused: their folders would be one. */
static of3_status refuse_duplicates(of3_query_set *set, of3_error *err) {
  of3_query **q = malloc((size_t)set->n * sizeof *q);
  if (!q) return of3_fail_memory(err, "the names of the queries");
  for (int i = 0; i < set->n; i++) q[i] = &set->query[i];
  qsort(q, (size_t)set->n, sizeof *q, query_fasta_by_name);
  for (int i = 1; i < set->n; i++)
    if (strcmp(q[i - 1]->name, q[i]->name) == 0)
      of3_fail(&q[i]->error, OF3_ERR_INPUT,
               "query '%.160s' is given twice; the first word of a FASTA header must be unique", q[i]->name);
  free(q);
  return OF3_OK;
}

of3_status of3_query_from_fasta(const char *text, size_t size, const char *file, of3_query_set *out,
                                of3_error *err) {
  *out = (of3_query_set){0};
  size_t n = count_records(text, size);
  if (n == 0)
    return of3_fail(err, OF3_ERR_INPUT, "'%s' holds no sequence; each begins with a line '>NAME'", file);
  if (n > OF3_MAX_QUERIES)
    return of3_fail(err, OF3_ERR_INPUT, "'%s' holds %zu sequences; at most %d are allowed", file, n,
                    OF3_MAX_QUERIES);
  out->arena = of3_arena_new(0);
  out->query = out->arena ? OF3_ARENA_NEW(out->arena, of3_query, n) : NULL;
  of3_str letters = {0};
  of3_status st =
      out->query ? read_records(text, size, file, out, &letters, err) : of3_fail_memory(err, file);
  of3_str_free(&letters);
  if (st == OF3_OK) st = refuse_duplicates(out, err);
  if (st != OF3_OK) of3_query_set_free(out);
  return st;
}
