/* CIF as text, block by block.
 *
 *   buffer  [ block that is open ..... | at: not yet read ... filled )  room
 *
 * Tokens are found in the buffer. One that reaches the end of what was read is looked at again when there is
 * more, and what is read doubles each time, so that a token is looked at a few times, however long it is. A
 * block's text stays until the next one is asked for; then the rest moves to the front. */
#define _POSIX_C_SOURCE 200809L
#include <string.h>
#include <strings.h>

#include "cif/cif_parts.h"

typedef enum cif_kind { CIF_END, CIF_TAG, CIF_VALUE, CIF_LOOP, CIF_DATA, CIF_RESERVED } cif_kind;

typedef struct cif_token {
  cif_kind kind;
  of3_cif_null null;
  cif_span text;
  size_t end;   /* what follows begins there */
  int64_t line; /* where it begins */
} cif_token;

typedef enum cif_scan { CIF_SCANNED, CIF_MORE, CIF_UNCLOSED } cif_scan;

static of3_status cif_wrong(const of3_cif *c, int64_t line, const char *what, of3_error *err) {
  return of3_fail(err, OF3_ERR_INPUT, "'%.200s', line %lld: %s", c->name, (long long)line, what);
}

/* Reads what fits into the buffer, which grows if it is full. The byte behind the text is 0. */
static of3_status cif_fill(of3_cif *c, of3_error *err) {
  size_t n = 0;
  if (c->filled >= CIF_MOST_BYTES)
    return of3_fail(err, OF3_ERR_INPUT, "'%.200s' has a data block of more than 1 GiB of text", c->name);
  if (c->filled + 1 >= c->room) OF3_TRY(of3_cif_grow(c, (void **)&c->buffer, &c->room, 2 * c->room, 1, err));
  size_t room = c->room - c->filled - 1;
  if (room > CIF_MOST_BYTES - c->filled) room = CIF_MOST_BYTES - c->filled;
  OF3_TRY(of3_stream_read(c->stream, c->buffer + c->filled, room, &n, err));
  if (memchr(c->buffer + c->filled, 0, n)) return of3_cif_not_text(c, err);
  c->filled += n;
  c->buffer[c->filled] = 0;
  c->ended = n < room;
  return OF3_OK;
}

static bool cif_blank(char ch) { return ch == ' ' || ch == '\n' || ch == '\t' || ch == '\r'; }

/* To the first byte of a token; ch becomes 0 at the end of the file. */
static of3_status cif_skip(of3_cif *c, of3_error *err) {
  bool comment = false;
  for (;;) {
    for (; c->at < c->filled; c->at++) {
      char ch = c->buffer[c->at];
      if (ch == '\n') {
        c->line++;
        comment = false;
      } else if (!comment && ch == '#')
        comment = true;
      else if (!comment && !cif_blank(ch))
        return OF3_OK;
    }
    if (c->ended) return OF3_OK;
    OF3_TRY(cif_fill(c, err));
  }
}

/* ;text up to a line that begins with ; */
static cif_scan cif_scan_field(const of3_cif *c, cif_token *t) {
  size_t begin = c->at + 1, from = begin;
  for (;;) {
    const char *p = from < c->filled ? memchr(c->buffer + from, '\n', c->filled - from) : NULL;
    size_t at = p ? (size_t)(p - c->buffer) : 0;
    if (!p || at + 1 >= c->filled) return c->ended ? CIF_UNCLOSED : CIF_MORE;
    from = at + 1;
    if (c->buffer[from] != ';') continue;
    if (at > begin && c->buffer[at - 1] == '\r') at--;
    t->text = (cif_span){(uint32_t)begin, (uint32_t)(at - begin)};
    t->end = from + 1;
    return CIF_SCANNED;
  }
}

/* A quote ends where a blank follows it. */
static cif_scan cif_scan_quoted(const of3_cif *c, cif_token *t) {
  const char quote = c->buffer[c->at];
  for (size_t i = c->at + 1; i < c->filled; i++) {
    if (c->buffer[i] == '\n') return CIF_UNCLOSED;
    if (c->buffer[i] != quote) continue;
    if (i + 1 == c->filled && !c->ended) return CIF_MORE;
    if (i + 1 < c->filled && !cif_blank(c->buffer[i + 1])) continue;
    t->text = (cif_span){(uint32_t)c->at + 1, (uint32_t)(i - c->at - 1)};
    t->end = i + 1;
    return CIF_SCANNED;
  }
  return c->ended ? CIF_UNCLOSED : CIF_MORE;
}

static bool cif_word(const char *p, size_t n, const char *word, bool begins) {
  size_t w = strlen(word);
  return (begins ? n >= w : n == w) && strncasecmp(p, word, w) == 0;
}

static void cif_classify(const char *p, size_t n, cif_token *t) {
  if (p[0] == '_')
    t->kind = CIF_TAG;
  else if (cif_word(p, n, "data_", true))
    t->kind = CIF_DATA;
  else if (cif_word(p, n, "loop_", false))
    t->kind = CIF_LOOP;
  else if (cif_word(p, n, "save_", true) || cif_word(p, n, "stop_", false) ||
           cif_word(p, n, "global_", false))
    t->kind = CIF_RESERVED;
  else if (n == 1 && p[0] == '?')
    t->null = OF3_CIF_UNKNOWN;
  else if (n == 1 && p[0] == '.')
    t->null = OF3_CIF_INAPPLICABLE;
}

static cif_scan cif_scan_bare(const of3_cif *c, cif_token *t) {
  size_t i = c->at;
  while (i < c->filled && !cif_blank(c->buffer[i])) i++;
  if (i == c->filled && !c->ended) return CIF_MORE;
  t->text = (cif_span){(uint32_t)c->at, (uint32_t)(i - c->at)};
  t->end = i;
  cif_classify(c->buffer + c->at, i - c->at, t);
  return CIF_SCANNED;
}

static cif_scan cif_scan_token(const of3_cif *c, cif_token *t) {
  const char ch = c->buffer[c->at];
  if (ch == ';' && (c->at == 0 || c->buffer[c->at - 1] == '\n')) return cif_scan_field(c, t);
  if (ch == '\'' || ch == '"') return cif_scan_quoted(c, t);
  return cif_scan_bare(c, t);
}

/* The token at c->at, which stays; cif_take goes behind it. */
static of3_status cif_peek(of3_cif *c, cif_token *t, of3_error *err) {
  OF3_TRY(cif_skip(c, err));
  *t = (cif_token){.kind = CIF_END, .end = c->at, .line = c->line};
  if (c->at == c->filled) return OF3_OK;
  t->kind = CIF_VALUE;
  for (;;) {
    cif_scan scan = cif_scan_token(c, t);
    if (scan == CIF_SCANNED) return OF3_OK;
    if (scan == CIF_UNCLOSED) {
      bool field = c->buffer[c->at] == ';';
      return cif_wrong(c, c->line,
                       field
                           ? "a text field is not closed by a line that begins with ';'; the file may be cut"
                           : "a quote is not closed on its line; the file may be cut",
                       err);
    }
    OF3_TRY(cif_fill(c, err));
  }
}

static void cif_take(of3_cif *c, const cif_token *t) {
  for (size_t i = c->at; i < t->end; i++) c->line += c->buffer[i] == '\n';
  c->at = t->end;
  c->base = c->buffer;
}

static of3_status cif_add_cell(of3_cif *c, const cif_token *t, of3_error *err) {
  OF3_TRY(of3_cif_grow(c, (void **)&c->cell, &c->cell_room, c->n_cell + 1, sizeof *c->cell, err));
  c->cell[c->n_cell++] = (of3_cif_cell){t->text.at, t->text.n << 2 | (uint32_t)t->null};
  return OF3_OK;
}

/* _category.item; names of other CIF dictionaries have no dot and are of the category "". */
static void cif_split_tag(const of3_cif *c, cif_span tag, cif_span *category, cif_span *item) {
  const char *p = c->buffer + tag.at, *dot = memchr(p, '.', tag.n);
  uint32_t n = dot ? (uint32_t)(dot - p) : 0;
  *category = (cif_span){tag.at + 1, n ? n - 1 : 0};
  *item = (cif_span){tag.at + n + 1, tag.n - n - 1};
}

static of3_status cif_read_pair(of3_cif *c, const cif_token *tag, of3_error *err) {
  cif_token value;
  cif_span category, name;
  cif_item *item = NULL;
  cif_take(c, tag);
  OF3_TRY(cif_peek(c, &value, err));
  if (value.kind != CIF_VALUE)
    return cif_wrong(c, tag->line, "a name is not followed by a value; the file may be cut", err);
  cif_take(c, &value);
  cif_split_tag(c, tag->text, &category, &name);
  int k = of3_cif_find_category(c, cif_slice(c, category));
  if (k >= 0 && c->category[k].loop && category.n)
    return cif_wrong(c, tag->line, "a category appears in a loop and outside of it", err);
  if (k < 0 || c->category[k].loop) OF3_TRY(of3_cif_add_category(c, category, &k, err));
  OF3_TRY(of3_cif_add_item(c, k, name, &item, err));
  item->cell = c->n_cell;
  item->stride = 1;
  c->category[k].n_row = 1;
  return cif_add_cell(c, &value, err);
}

static of3_status cif_read_loop_tags(of3_cif *c, int *ret_category, size_t *ret_n, cif_token *t,
                                     of3_error *err) {
  cif_span category, name, first = {0};
  cif_item *item = NULL;
  size_t n = 0;
  *ret_category = -1;
  for (;; n++) {
    OF3_TRY(cif_peek(c, t, err));
    if (t->kind != CIF_TAG) break;
    cif_take(c, t);
    cif_split_tag(c, t->text, &category, &name);
    if (n == 0) {
      int known = of3_cif_find_category(c, cif_slice(c, category));
      if (known >= 0 && category.n)
        return cif_wrong(c, t->line, "a category appears twice in a data block", err);
      OF3_TRY(of3_cif_add_category(c, category, ret_category, err));
      c->category[*ret_category].loop = true;
      first = category;
    } else if (category.n != first.n || strncasecmp(c->base + category.at, c->base + first.at, first.n) != 0)
      return cif_wrong(c, t->line, "the names of a loop are of different categories", err);
    OF3_TRY(of3_cif_add_item(c, *ret_category, name, &item, err));
    item->cell = c->n_cell + n;
  }
  *ret_n = n;
  return OF3_OK;
}

static of3_status cif_read_loop(of3_cif *c, const cif_token *loop, of3_error *err) {
  cif_token t = {0};
  int k = -1;
  size_t n_column = 0, first = c->n_cell;
  cif_take(c, loop);
  OF3_TRY(cif_read_loop_tags(c, &k, &n_column, &t, err));
  if (n_column == 0) return cif_wrong(c, loop->line, "a loop has no names; the file may be cut", err);
  for (; t.kind == CIF_VALUE;) {
    OF3_TRY(cif_add_cell(c, &t, err));
    cif_take(c, &t);
    OF3_TRY(cif_peek(c, &t, err));
  }
  size_t n = c->n_cell - first;
  if (n % n_column || (n == 0 && t.kind == CIF_END))
    return of3_fail(err, OF3_ERR_INPUT,
                    "'%.200s', line %lld: the loop that begins there has %zu columns but %zu values, which "
                    "are no whole rows; the file may be cut",
                    c->name, (long long)loop->line, n_column, n);
  c->category[k].n_row = (int64_t)(n / n_column);
  for (int i = c->category[k].first_item; i >= 0; i = c->item[i].next) c->item[i].stride = n_column;
  return OF3_OK;
}

static of3_status cif_read_block(of3_cif *c, of3_error *err) {
  for (;;) {
    cif_token t;
    OF3_TRY(cif_peek(c, &t, err));
    switch (t.kind) {
    case CIF_END:
    case CIF_DATA:
      return OF3_OK;
    case CIF_TAG:
      OF3_TRY(cif_read_pair(c, &t, err));
      break;
    case CIF_LOOP:
      OF3_TRY(cif_read_loop(c, &t, err));
      break;
    case CIF_VALUE:
      return cif_wrong(c, t.line, "a value stands where a name is expected", err);
    case CIF_RESERVED:
      return cif_wrong(c, t.line, "save_, stop_ and global_ are not read, nor are dictionaries", err);
    }
  }
}

/* Behind the block that was open; a byte order mark at the beginning of the file is no part of it. */
static of3_status cif_begin_block(of3_cif *c, of3_error *err) {
  c->filled -= c->at;
  memmove(c->buffer, c->buffer + c->at, c->filled + (c->at > 0));
  c->at = 0;
  if (c->stream && !c->ended && c->filled < 2) OF3_TRY(cif_fill(c, err));
  if (c->filled >= 3 && memcmp(c->buffer, "\xef\xbb\xbf", 3) == 0) c->at = 3;
  return OF3_OK;
}

of3_status of3_cif_text_next(of3_cif *c, bool *ret_found, of3_error *err) {
  cif_token t;
  OF3_TRY(cif_begin_block(c, err));
  c->base = c->buffer;
  OF3_TRY(cif_peek(c, &t, err));
  c->base = c->buffer;
  if (t.kind == CIF_END) return OF3_OK;
  if (t.kind != CIF_DATA)
    return cif_wrong(c, t.line, "a CIF file begins with 'data_NAME'; this is none, or its beginning is lost",
                     err);
  cif_take(c, &t);
  c->block = (cif_span){t.text.at + 5, t.text.n - 5};
  OF3_TRY(cif_read_block(c, err));
  c->base = c->buffer;
  *ret_found = true;
  return OF3_OK;
}
