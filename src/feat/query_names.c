/* Names of queries as folders. Some disks see no case, some write letters with accents in one form or the
 * other (U+00E9, or e and U+0301): names that differ in nothing else would share a folder. Names are compared
 * by a key: the folded and decomposed code points, marks of one letter sorted. Sorting by number instead of
 * by the classes of Unicode makes a few more names equal, never fewer. */
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "feat/query_check.h"

typedef struct folding_row {
  uint32_t code, to[4];
} folding_row;

#include "feat/name_folding.inc"

enum { FOLDED_MOST = 4 };

static int folding_by_code(const void *pa, const void *pb) {
  const folding_row *a = pa, *b = pb;
  return a->code < b->code ? -1 : a->code > b->code;
}

/* The code points that stand for c in a key; returns how many. */
static int fold_code(uint32_t c, uint32_t out[FOLDED_MOST]) {
  enum {
    HANGUL = 0xac00,
    LEADING = 0x1100,
    VOWEL = 0x1161,
    TRAILING = 0x11a7,
    N_VOWEL = 21,
    N_TRAILING = 28
  };
  if (c >= 'A' && c <= 'Z') c += 'a' - 'A';
  out[0] = c;
  if (c < 0x80) return 1;
  if (c >= HANGUL && c <= 0xd7a3) {
    uint32_t s = c - HANGUL, t = s % N_TRAILING;
    out[0] = LEADING + s / (N_VOWEL * N_TRAILING);
    out[1] = VOWEL + s / N_TRAILING % N_VOWEL;
    out[2] = TRAILING + t;
    return t ? 3 : 2;
  }
  const folding_row key = {.code = c};
  const folding_row *row = bsearch(&key, folding_table, sizeof folding_table / sizeof *folding_table,
                                   sizeof *folding_table, folding_by_code);
  int n = 1;
  if (row)
    for (n = 0; n < FOLDED_MOST && row->to[n]; n++) out[n] = row->to[n];
  return n;
}

static bool is_mark(uint32_t c) {
  size_t low = 0, high = sizeof mark_ranges / sizeof *mark_ranges;
  while (low < high) {
    size_t middle = (low + high) / 2;
    if (c < mark_ranges[middle][0])
      high = middle;
    else if (c > mark_ranges[middle][1])
      low = middle + 1;
    else
      return true;
  }
  return false;
}

/* The key of a name of n bytes in out [4n]; returns its length. */
static size_t fold_name(const char *name, size_t n, uint32_t *out) {
  size_t length = 0;
  for (size_t at = 0; at < n;) {
    uint32_t c, part[FOLDED_MOST];
    size_t bytes = of3_utf8_next(name + at, n - at, &c);
    if (c == OF3_UTF8_BAD) c = (uint32_t)(unsigned char)name[at] | 0x80000000U;
    at += bytes;
    int parts = fold_code(c, part);
    for (int i = 0; i < parts; i++) {
      size_t k = length++;
      for (; is_mark(part[i]) && k > 0 && is_mark(out[k - 1]) && out[k - 1] > part[i]; k--)
        out[k] = out[k - 1];
      out[k] = part[i];
    }
  }
  return length;
}

/* ---- Equal names */

typedef struct named {
  of3_query *query;
  const uint32_t *key;
  size_t n;
} named;

static int named_by_key(const void *pa, const void *pb) {
  const named *a = pa, *b = pb;
  size_t least = a->n < b->n ? a->n : b->n;
  int c = least ? memcmp(a->key, b->key, least * sizeof *a->key) : 0;
  if (!c) c = a->n < b->n ? -1 : a->n > b->n;
  return c ? c : a->query < b->query ? -1 : a->query > b->query;
}

static bool same_key(const named *a, const named *b) {
  return a->n == b->n && (!a->n || memcmp(a->key, b->key, a->n * sizeof *a->key) == 0);
}

static void refuse_equal(const of3_query *first, of3_query *q) {
  if (strcmp(first->name, q->name) == 0)
    of3_fail(&q->error, OF3_ERR_INPUT,
             "query '%.160s' is given twice; names (in FASTA the first word of a header) must be unique",
             q->name);
  else
    of3_fail(
        &q->error, OF3_ERR_INPUT,
        "the query names '%.160s' and '%.160s' differ in case or Unicode form only; on disks that ignore "
        "these they would share a folder: rename one",
        first->name, q->name);
}

static of3_status keys_of(of3_query_set *set, named *list, of3_arena *arena, of3_error *err) {
  for (int i = 0; i < set->n; i++) {
    const char *name = set->query[i].name;
    size_t n = strlen(name) < OF3_MAX_QUERY_NAME ? strlen(name) : OF3_MAX_QUERY_NAME;
    uint32_t key[FOLDED_MOST * OF3_MAX_QUERY_NAME];
    size_t length = fold_name(name, n, key);
    uint32_t *kept = OF3_ARENA_NEW(arena, uint32_t, length);
    if (!kept) return of3_fail_memory(err, "the names of the queries");
    memcpy(kept, key, length * sizeof *key);
    list[i] = (named){&set->query[i], kept, length};
  }
  return OF3_OK;
}

of3_status of3_query_refuse_equal_names(of3_query_set *set, of3_error *err) {
  of3_arena *arena = of3_arena_new(0);
  named *list = arena ? OF3_ARENA_NEW(arena, named, set->n) : NULL;
  of3_status st = list ? keys_of(set, list, arena, err) : of3_fail_memory(err, "the names of the queries");
  if (st == OF3_OK) {
    qsort(list, (size_t)set->n, sizeof *list, named_by_key);
    for (int i = 1, first = 0; i < set->n; i++) {
      if (!same_key(&list[first], &list[i]))
        first = i;
      else
        refuse_equal(list[first].query, list[i].query);
    }
  }
  of3_arena_free(arena);
  return st;
}

/* ---- Characters */

/* Controls, and marks that change the direction of text or break lines. */
static bool is_control(uint32_t c) {
  return c < ' ' || (c >= 0x7f && c < 0xa0) || c == 0x2028 || c == 0x2029 || (c >= 0x202a && c <= 0x202e) ||
         (c >= 0x2066 && c <= 0x2069) || c == 0xfeff;
}

size_t of3_query_name_character(const char *text, size_t n, bool *ret_fit) {
  uint32_t c;
  size_t bytes = of3_utf8_next(text, n, &c);
  *ret_fit = c != OF3_UTF8_BAD && c != '/' && !is_control(c);
  return bytes;
}
