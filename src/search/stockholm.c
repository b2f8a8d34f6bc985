/* Alignments between two programs: what OpenFold3's workflow does to them. Files may be larger than memory.
 */
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/sort.h"
#include "base/str.h"
#include "search/task.h"

typedef struct piece {
  const char *text;
  size_t n;
} piece;

typedef struct line_reader {
  const char *at, *end;
} line_reader;

/* The next line with its end. */
static bool next_line(line_reader *r, piece *out) {
  if (r->at >= r->end) return false;
  const char *stop = memchr(r->at, '\n', (size_t)(r->end - r->at));
  const size_t n = stop ? (size_t)(stop + 1 - r->at) : (size_t)(r->end - r->at);
  *out = (piece){r->at, n};
  r->at += n;
  return true;
}

static bool begins(piece p, const char *with) {
  const size_t n = strlen(with);
  return p.n >= n && memcmp(p.text, with, n) == 0;
}

static bool is_blank(piece p) {
  for (size_t i = 0; i < p.n; i++)
    if (!of3_is_space(p.text[i])) return false;
  return true;
}

/* The n-th word, from 0; of length 0 if there is none. */
static piece word(piece line, int n) {
  size_t i = 0;
  for (;; n--) {
    while (i < line.n && of3_is_space(line.text[i])) i++;
    size_t from = i;
    while (i < line.n && !of3_is_space(line.text[i])) i++;
    if (n == 0 || i == from) return (piece){line.text + from, i - from};
  }
}

static int piece_order(const void *a, const void *b) {
  const piece *p = a, *q = b;
  const size_t n = p->n < q->n ? p->n : q->n;
  const int c = memcmp(p->text, q->text, n);
  return c ? c : (p->n > q->n) - (p->n < q->n);
}

static bool is_row(piece line) { return !is_blank(line) && line.text[0] != '#' && !begins(line, "//"); }

of3_status of3_stockholm_is_whole(const of3_map *map, of3_error *err) {
  size_t n = map->size;
  while (n && (map->data[n - 1] == '\n' || map->data[n - 1] == '\r')) n--;
  if (n == 0 || (n >= 2 && memcmp(map->data + n - 2, "//", 2) == 0)) return OF3_OK;
  return of3_fail(
      err, OF3_ERR_IO,
      "the alignment that the program wrote does not end with \"//\", so it was cut off; is the disk "
      "full?");
}

/* ---- Truncation */

typedef struct name_set {
  piece *name; /* sorted */
  int n;
} name_set;

static bool has_name(const name_set *s, piece name) {
  return s->n && bsearch(&name, s->name, (size_t)s->n, sizeof name, piece_order);
}

/* The first `most` names: rows come in blocks, all names in each, so the first block has them. */
static of3_status first_names(const of3_map *map, int most, of3_arena *arena, name_set *out, of3_error *err) {
  line_reader r = {(const char *)map->data, (const char *)map->data + map->size};
  piece line, first = {0};
  out->name = OF3_ARENA_NEW(arena, piece, most);
  if (!out->name) return of3_fail_memory(err, "names of an alignment");
  while (out->n < most && next_line(&r, &line)) {
    if (!is_row(line)) continue;
    const piece name = word(line, 0);
    if (out->n && piece_order(&name, &first) == 0) break;
    if (!out->n) first = name;
    out->name[out->n++] = name;
  }
  qsort(out->name, (size_t)out->n, sizeof *out->name, piece_order);
  return OF3_OK;
}

static bool keeps(const name_set *names, piece line) {
  if (is_blank(line) || begins(line, "//") || begins(line, "# STOCKHOLM") || begins(line, "#=GC RF"))
    return true;
  if (begins(line, "#=GS")) return has_name(names, word(line, 1));
  return line.text[0] != '#' && has_name(names, word(line, 0));
}

static of3_status truncate_map(const of3_map *map, const char *to, int most, of3_arena *arena,
                               of3_error *err) {
  line_reader r = {(const char *)map->data, (const char *)map->data + map->size};
  name_set names = {0};
  of3_out out = {0};
  piece line;
  OF3_TRY(of3_stockholm_is_whole(map, err));
  OF3_TRY(first_names(map, most, arena, &names, err));
  OF3_TRY(of3_out_open(&out, to, err));
  while (next_line(&r, &line))
    if (keeps(&names, line)) fwrite(line.text, 1, line.n, out.f);
  return of3_out_commit(&out, err);
}

of3_status of3_stockholm_truncate(const char *from, const char *to, int most, of3_error *err) {
  enum { MOST_NAMES = 1 << 20 };
  of3_map map = {0};
  OF3_TRY(of3_map_open(from, &map, err));
  of3_arena *arena = of3_arena_new(0);
  const of3_status status =
      arena ? truncate_map(&map, to, most > 0 && most < MOST_NAMES ? most : MOST_NAMES, arena, err)
            : of3_fail_memory(err, "an alignment");
  of3_arena_free(arena);
  of3_map_close(&map);
  return status;
}

/* ---- Rows without gaps */

typedef struct row {
  piece name, description;
  of3_str letters;
} row;

typedef struct rows {
  row *row;
  int n, room, at; /* at: the row that is expected next, as blocks have the same order */
} rows;

static void free_rows(rows *r) {
  for (int i = 0; i < r->n; i++) of3_str_free(&r->row[i].letters);
  free(r->row);
}

static row *find_row(rows *r, piece name) {
  for (int k = 0; k < r->n; k++) {
    row *w = &r->row[(r->at + k) % r->n];
    if (piece_order(&w->name, &name) != 0) continue;
    r->at = (r->at + k + 1) % r->n;
    return w;
  }
  return NULL;
}

static row *add_row(rows *r, piece name) {
  if (r->n == r->room) {
    const int room = r->room ? 2 * r->room : 256;
    row *more = realloc(r->row, (size_t)room * sizeof *more);
    if (!more) return NULL;
    r->row = more;
    r->room = room;
  }
  r->row[r->n] = (row){.name = name};
  return &r->row[r->n++];
}

/* In the first block every name is new, so that it is not looked for among all; it ends with a blank line. */
static of3_status read_rows(const of3_map *map, rows *r, of3_error *err) {
  line_reader lines = {(const char *)map->data, (const char *)map->data + map->size};
  piece line;
  bool first_block = true;
  while (next_line(&lines, &line)) {
    if (begins(line, "//")) break;
    if (is_blank(line) && r->n) first_block = false;
    if (!is_row(line)) continue;
    row *w = first_block ? add_row(r, word(line, 0)) : find_row(r, word(line, 0));
    if (!w)
      return of3_fail(err, OF3_ERR_INPUT, "a later block of the alignment has other rows than the first");
    const piece letters = word(line, 1);
    for (size_t i = 0; i < letters.n; i++) {
      const char c = letters.text[i];
      if ((c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '*') of3_str_addc(&w->letters, c, 1);
    }
    if (w->letters.failed) return of3_fail_memory(err, "an alignment");
  }
  return OF3_OK;
}

/* "#=GS NAME DE text" */
static void read_descriptions(const of3_map *map, rows *r) {
  line_reader lines = {(const char *)map->data, (const char *)map->data + map->size};
  piece line;
  r->at = 0;
  while (r->n && next_line(&lines, &line)) {
    const piece kind = word(line, 2), text = word(line, 3);
    if (!begins(line, "#=GS") || kind.n != 2 || memcmp(kind.text, "DE", 2) != 0) continue;
    row *w = find_row(r, word(line, 1));
    const char *end = line.text + line.n;
    while (end > text.text && of3_is_space(end[-1])) end--;
    if (w && text.n) w->description = (piece){text.text, (size_t)(end - text.text)};
  }
}

static void write_row(const row *w, bool upper, FILE *f) {
  enum { WIDTH = 60 };
  fprintf(f, ">%.*s", (int)w->name.n, w->name.text);
  if (upper && w->description.n) fprintf(f, " %.*s", (int)w->description.n, w->description.text);
  for (size_t i = 0; i < w->letters.len; i++) {
    const char c = w->letters.text[i];
    if (i % WIDTH == 0) fputc('\n', f);
    fputc(upper && c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c, f);
  }
  fputc('\n', f);
}

of3_status of3_stockholm_to_fasta(const char *from, const char *to, bool upper, of3_error *err) {
  of3_map map = {0};
  rows r = {0};
  OF3_TRY(of3_map_open(from, &map, err));
  of3_status status = of3_stockholm_is_whole(&map, err);
  if (status == OF3_OK) status = read_rows(&map, &r, err);
  if (status == OF3_OK && upper) read_descriptions(&map, &r);
  FILE *f = status == OF3_OK ? fopen(to, "a") : NULL;
  for (int i = 0; f && i < r.n; i++) write_row(&r.row[i], upper, f);
  if (status == OF3_OK && (!f || (ferror(f) | fclose(f))))
    status = of3_fail(err, OF3_ERR_IO, "cannot write '%s'", to);
  free_rows(&r);
  of3_map_close(&map);
  return status;
}

of3_status of3_a3m_to_aligned(const char *from, const char *to, of3_error *err) {
  of3_map map = {0};
  of3_out out = {0};
  piece line;
  OF3_TRY(of3_map_open(from, &map, err));
  line_reader r = {(const char *)map.data, (const char *)map.data + map.size};
  of3_status status = of3_out_open(&out, to, err);
  while (status == OF3_OK && next_line(&r, &line)) {
    const bool header = line.text[0] == '>';
    for (size_t i = 0; i < line.n; i++)
      if (header || line.text[i] < 'a' || line.text[i] > 'z') fputc(line.text[i], out.f);
  }
  if (status == OF3_OK) status = of3_out_commit(&out, err);
  of3_out_abort(&out);
  of3_map_close(&map);
  return status;
}
