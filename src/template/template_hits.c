/* Reading template hits: the name of the file says which of three readers takes it, and each of these gives
 * rows, of which of3_template_hit are made.
 *
 *   A3M        rows with ranges "1abc_A/5-80", or none; small letters are insertions
 *   Stockholm  blocks of rows (hmmsearch), put together by id
 *   m8         a table of MMseqs2 without sequences: ordered by E-value, without pairs
 *
 * The first row is the query. Pairs of residues follow from the columns where both rows have a letter; a row
 * counts its residues from the beginning of its range. */
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/gzip.h"
#include "base/number.h"
#include "msa/lines.h"
#include "template/cache.h"
#include "template/hits.h"

/* A row of an A3M or Stockholm file. */
typedef struct row_in {
  const char *id; /* "1abc_A" */
  bool has_range;
  int start;
  const char *letters; /* with gaps; lower case as it stands */
  size_t n;
} row_in;

typedef struct hits_in {
  const char *path, *query;
  const of3_log *log;
  of3_arena *arena;
  int most; /* rows, the query among them */
  int n_row, n_hit;
  row_in *row;           /* [most] */
  of3_template_hit *hit; /* [most] */
} hits_in;

static bool is_gap(char c) { return c == '-' || c == '.'; }
static bool is_lower(char c) { return c >= 'a' && c <= 'z'; }
static char capital(char c) { return (char)(is_lower(c) ? c - 'a' + 'A' : c); }

/* "1abc_A/3-50" or "1abc_A": the id, and the range if there is one. */
static bool split_name(const char *text, size_t n, of3_arena *arena, row_in *out) {
  size_t id = 0, at;
  int64_t start = 0;
  while (id < n && text[id] != '/' && text[id] != ' ' && text[id] != '\t') id++;
  for (at = id + 1; at < n && text[at] >= '0' && text[at] <= '9' && start < INT_MAX / 20; at++)
    start = 10 * start + (text[at] - '0');
  out->has_range = id < n && text[id] == '/' && at > id + 1 && at < n && text[at] == '-' && start > 0;
  out->start = out->has_range ? (int)start : 1;
  out->id = of3_arena_strndup(arena, text, id);
  return out->id != NULL;
}

/* ---- Hits */

/* <entry>_<chain> with one '_'. */
static bool split_id(const hits_in *in, const char *id, of3_template_hit *out, of3_error *err) {
  const char *bar = strchr(id, '_');
  if (!bar || bar == id || !bar[1] || strchr(bar + 1, '_')) return false;
  out->entry = of3_arena_strndup(in->arena, id, (size_t)(bar - id));
  out->chain = of3_arena_strdup(in->arena, bar + 1);
  if (out->entry && out->chain) return true;
  of3_fail_memory(err, in->path);
  return false;
}

static of3_template_hit *add_hit(hits_in *in, const char *id, int number, of3_error *err) {
  of3_template_hit h = {.identity = -1, .coverage = -1};
  if (!split_id(in, id, &h, err)) {
    if (number > 0)
      of3_logf(in->log, OF3_LOG_WARN,
               "'%s': hit %d is called '%.60s'; <entry>_<chain> was expected: it is left out", in->path,
               number, id);
    return NULL;
  }
  in->hit[in->n_hit] = h;
  return &in->hit[in->n_hit++];
}

/* Its residues, without gaps, in capitals. */
static char *residues_of(const row_in *row, of3_arena *arena) {
  char *out = OF3_ARENA_NEW(arena, char, row->n + 1);
  size_t n = 0;
  for (size_t i = 0; out && i < row->n; i++)
    if (!is_gap(row->letters[i])) out[n++] = capital(row->letters[i]);
  return out;
}

/* Where the residues of the first row begin in the query, from 1: where it says, else where they are first
 * found. 0: it is not the query. */
static int start_in_query(const hits_in *in, const char *residues) {
  const row_in *row = &in->row[0];
  const size_t n = strlen(residues), all = strlen(in->query), first = (size_t)row->start - 1;
  if (first + n <= all && memcmp(in->query + first, residues, n) == 0) return row->start;
  const char *found = n ? strstr(in->query, residues) : NULL;
  return found ? (int)(found - in->query) + 1 : 0;
}

/* Pairs of a row with the first one, column by column. insertions: lower-case letters of a row are in no
 * column (A3M); else columns are characters. */
static of3_status pair_columns(hits_in *in, const row_in *row, int start, bool insertions,
                               of3_template_hit *out, of3_error *err) {
  const row_in *query = &in->row[0];
  int q = start, t = row->start, same = 0;
  size_t i = 0;
  out->pair = OF3_ARENA_NEW(in->arena, of3_template_match, query->n);
  if (!out->pair) return of3_fail_memory(err, in->path);
  for (size_t k = 0; k < query->n; k++) {
    for (; insertions && i < row->n && is_lower(row->letters[i]); i++) t++;
    if (i == row->n) break;
    const char letter = row->letters[i++];
    const bool has_q = !is_gap(query->letters[k]), has_t = !is_gap(letter);
    same += has_q && letter == query->letters[k];
    if (has_q && has_t) out->pair[out->n_pair++] = (of3_template_match){q, t};
    out->gaps |= has_q && !has_t;
    q += has_q;
    t += has_t;
  }
  out->aligned = true;
  out->identity = q > start ? (double)same / (q - start) : 0;
  out->coverage = (double)out->n_pair / (double)strlen(in->query);
  return OF3_OK;
}

static size_t columns_of(const row_in *row, bool insertions) {
  size_t n = 0;
  for (size_t i = 0; i < row->n; i++) n += !(insertions && is_lower(row->letters[i]));
  return n;
}

/* Columns are characters if all rows have as many, as the reference takes them; else lower-case letters are
 * insertions. */
static of3_status check_columns(const hits_in *in, bool a3m, bool *ret_insertions, of3_error *err) {
  *ret_insertions = false;
  for (int i = 1; a3m && i < in->n_row; i++) *ret_insertions |= in->row[i].n != in->row[0].n;
  for (int i = 1; i < in->n_row; i++)
    if (columns_of(&in->row[i], *ret_insertions) != columns_of(&in->row[0], *ret_insertions))
      return of3_fail(err, OF3_ERR_INPUT, "'%s': row %d has %zu columns, row 1 %zu; all must have as many",
                      in->path, i + 1, columns_of(&in->row[i], *ret_insertions),
                      columns_of(&in->row[0], *ret_insertions));
  return OF3_OK;
}

static of3_status hits_of_rows(hits_in *in, bool a3m, of3_error *err) {
  bool ranges = true, insertions = false;
  if (in->n_row == 0) return of3_fail(err, OF3_ERR_INPUT, "'%s' holds no alignment", in->path);
  for (int i = 0; a3m && i < in->n_row; i++) ranges &= in->row[i].has_range;
  const char *first = residues_of(&in->row[0], in->arena);
  if (!first) return of3_fail_memory(err, in->path);
  const int start = start_in_query(in, first);
  const bool as_given = start && ranges;
  if (as_given) OF3_TRY(check_columns(in, a3m, &insertions, err));
  for (int i = 0; i < in->n_row; i++) {
    of3_template_hit *h = add_hit(in, in->row[i].id, i, err);
    if (!h) continue;
    h->letters = residues_of(&in->row[i], in->arena);
    if (!h->letters) return of3_fail_memory(err, in->path);
    if (as_given) OF3_TRY(pair_columns(in, &in->row[i], start, insertions, h, err));
  }
  return OF3_OK;
}

/* ---- A3M */

static of3_status read_a3m(hits_in *in, of3_lines lines, of3_error *err) {
  const char *line;
  size_t n;
  row_in *row = NULL;
  while (of3_lines_next(&lines, &line, &n)) {
    if (!n || line[0] == '#') continue;
    if (line[0] == '>') {
      if (in->n_row == in->most) break;
      row = &in->row[in->n_row++];
      if (!split_name(line + 1, n - 1, in->arena, row)) return of3_fail_memory(err, in->path);
      continue;
    }
    if (!row)
      return of3_fail(err, OF3_ERR_INPUT, "'%s', line %zu: a header line starting with '>' was expected",
                      in->path, lines.number);
    char *joined = OF3_ARENA_NEW(in->arena, char, row->n + n + 1);
    if (!joined) return of3_fail_memory(err, in->path);
    if (row->n) memcpy(joined, row->letters, row->n);
    memcpy(joined + row->n, line, n);
    row->letters = joined;
    row->n += n;
  }
  return hits_of_rows(in, true, err);
}

/* ---- Stockholm */

/* "#=GS 1abc_A/3-50 DE [subseq from] mol:protein ...": which rows there are, and in which order. */
static of3_status read_row_list(hits_in *in, of3_lines lines, of3_error *err) {
  const char *line;
  size_t n;
  while (in->n_row < in->most && of3_lines_next(&lines, &line, &n)) {
    size_t at = 4;
    if (n < 6 || memcmp(line, "#=GS", 4) != 0) continue;
    while (at < n && (line[at] == ' ' || line[at] == '\t')) at++;
    const char *text = of3_arena_strndup(in->arena, line, n);
    if (!text || !split_name(line + at, n - at, in->arena, &in->row[in->n_row]))
      return of3_fail_memory(err, in->path);
    if (strstr(text, "mol:") && in->row[in->n_row].has_range) in->n_row++;
  }
  return OF3_OK;
}

/* A part of a row: appended to that of its name. Rows that are not in the list are left out, but for all if
 * there is no list. */
static of3_status take_part(hits_in *in, const char *line, size_t n, bool listed, of3_error *err) {
  row_in part = {0}, *row = NULL;
  size_t a = 0, b;
  while (a < n && line[a] != ' ' && line[a] != '\t') a++;
  for (b = a; b < n && (line[b] == ' ' || line[b] == '\t');) b++;
  if (!split_name(line, a, in->arena, &part)) return of3_fail_memory(err, in->path);
  for (int i = 0; i < in->n_row && !row; i++)
    if (strcmp(in->row[i].id, part.id) == 0 && (!part.has_range || in->row[i].start == part.start))
      row = &in->row[i];
  if (!row) {
    if (listed || in->n_row == in->most) return OF3_OK;
    row = &in->row[in->n_row++];
    *row = part;
  }
  char *joined = OF3_ARENA_NEW(in->arena, char, row->n + n - b + 1);
  if (!joined) return of3_fail_memory(err, in->path);
  if (row->n) memcpy(joined, row->letters, row->n);
  memcpy(joined + row->n, line + b, n - b);
  row->letters = joined;
  row->n += n - b;
  return OF3_OK;
}

static of3_status read_sto(hits_in *in, of3_lines lines, of3_error *err) {
  const char *line;
  size_t n;
  OF3_TRY(read_row_list(in, lines, err));
  const bool listed = in->n_row > 0;
  while (of3_lines_next(&lines, &line, &n)) {
    if (n == 2 && memcmp(line, "//", 2) == 0) break;
    if (n && line[0] != '#') OF3_TRY(take_part(in, line, n, listed, err));
  }
  return hits_of_rows(in, false, err);
}

/* ---- m8 */

typedef struct m8_line {
  const char *id;
  double e_value, identity; /* as it stands: MMseqs2 writes 0 to 1 */
  int number;
} m8_line;

static int by_e_value(const void *pa, const void *pb) {
  const m8_line *a = pa, *b = pb;
  if (a->e_value != b->e_value) return a->e_value < b->e_value ? -1 : 1;
  return a->number < b->number ? -1 : a->number > b->number;
}

/* Column k of a line of tabs. */
static const char *m8_column(const char *line, size_t n, int k, size_t *ret_n) {
  const char *at = line, *end = line + n;
  for (; k > 0; k--) {
    const char *tab = memchr(at, '\t', (size_t)(end - at));
    if (!tab) return NULL;
    at = tab + 1;
  }
  const char *tab = memchr(at, '\t', (size_t)(end - at));
  *ret_n = (size_t)((tab ? tab : end) - at);
  return at;
}

/* Negative: it is none. */
static double m8_number(const char *at, size_t n) {
  char text[40] = "", *end = text;
  if (at && n < sizeof text) memcpy(text, at, n);
  const double v = *text ? of3_parse_f64(text, &end) : -1;
  return *end ? -1 : v;
}

static of3_status read_m8_line(hits_in *in, size_t number, const char *line, size_t n, m8_line *out,
                               of3_error *err) {
  enum { TARGET = 1, IDENTITY = 2, E_VALUE = 10 };
  size_t n_id = 0, n_e = 0, n_same = 0;
  const char *id = m8_column(line, n, TARGET, &n_id), *e = m8_column(line, n, E_VALUE, &n_e);
  char text[40] = "";
  if (e && n_e < sizeof text) memcpy(text, e, n_e);
  char *end = text;
  out->e_value = id && *text ? of3_parse_f64(text, &end) : 0;
  if (!id || !*text || *end)
    return of3_fail(
        err, OF3_ERR_INPUT,
        "'%s', line %zu: 12 columns separated by tabs were expected, an id <entry>_<chain> in the "
        "second, an E-value in the eleventh",
        in->path, number);
  out->identity = m8_number(m8_column(line, n, IDENTITY, &n_same), n_same);
  out->id = of3_arena_strndup(in->arena, id, n_id);
  out->number = (int)number;
  return out->id ? OF3_OK : of3_fail_memory(err, in->path);
}

static of3_status read_m8(hits_in *in, of3_lines lines, of3_error *err) {
  const char *line;
  size_t n, count = 0, at = 0;
  for (of3_lines l = lines; of3_lines_next(&l, &line, &n);) count += n > 0 && line[0] != '\0';
  m8_line *all = OF3_ARENA_NEW(in->arena, m8_line, count + 1);
  if (!all) return of3_fail_memory(err, in->path);
  while (of3_lines_next(&lines, &line, &n))
    if (n && line[0]) OF3_TRY(read_m8_line(in, lines.number, line, n, &all[at++], err));
  if (at) qsort(all, at, sizeof *all, by_e_value);
  for (size_t i = 0; i < at && i < (size_t)in->most; i++) {
    of3_template_hit *h = add_hit(in, all[i].id, (int)i + 1, err);
    if (h) h->identity = all[i].identity;
  }
  return OF3_OK;
}

/* ---- */

static bool ends_in(const char *path, const char *ending) {
  const size_t n = strlen(path), k = strlen(ending);
  return n > k && strcmp(path + n - k, ending) == 0;
}

of3_status of3_template_hits_parse(const of3_hits_want *want, const char *text, size_t size, of3_arena *arena,
                                   of3_template_hit **ret_hit, int *ret_n, of3_error *err) {
  const char *path = want->path;
  hits_in in = {.path = path, .query = want->query, .log = want->opt_log, .arena = arena};
  const char *zero = size ? memchr(text, 0, size) : NULL; /* MMseqs2 ends files so */
  const of3_lines lines = of3_lines_of(text, zero ? (size_t)(zero - text) : size);
  in.most = 1 + (want->most ? want->most : OF3_TEMPLATE_MOST_READ);
  in.row = OF3_ARENA_NEW(arena, row_in, in.most);
  in.hit = OF3_ARENA_NEW(arena, of3_template_hit, in.most);
  if (!in.row || !in.hit) return of3_fail_memory(err, path);
  if (ends_in(path, ".m8"))
    OF3_TRY(read_m8(&in, lines, err));
  else if (ends_in(path, ".a3m") || ends_in(path, ".a3m.gz"))
    OF3_TRY(read_a3m(&in, lines, err));
  else if (ends_in(path, ".sto") || ends_in(path, ".sto.gz"))
    OF3_TRY(read_sto(&in, lines, err));
  else
    return of3_fail(err, OF3_ERR_INPUT,
                    "'%s': the name of a file of template hits must end in .a3m, .sto or .m8 (.gz behind the "
                    "first two), or in .npz, if it is a cache",
                    path);
  *ret_hit = in.hit;
  *ret_n = in.n_hit;
  return OF3_OK;
}

of3_status of3_template_hits_read(const of3_hits_want *want, size_t most, of3_arena *arena,
                                  of3_template_hit **ret_hit, int *ret_n, of3_error *err) {
  const char *path = want->path;
  if (ends_in(path, ".gz")) {
    char *text;
    size_t n;
    OF3_TRY(of3_gunzip(path, most, NULL, arena, &text, &n, err));
    return of3_template_hits_parse(want, text, n, arena, ret_hit, ret_n, err);
  }
  of3_map map;
  OF3_TRY(of3_map_open(path, &map, err));
  const of3_status status =
      ends_in(path, ".npz")
          ? of3_template_cache_parse(want, map.data, map.size, arena, ret_hit, ret_n, err)
          : of3_template_hits_parse(want, (const char *)map.data, map.size, arena, ret_hit, ret_n, err);
  of3_map_close(&map);
  return status;
}
