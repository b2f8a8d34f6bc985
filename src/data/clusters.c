#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "data/build_parts.h"

typedef struct row {
  const char *member, *name;
} row;

static int by_member(const void *a, const void *b) {
  return strcmp(((const row *)a)->member, ((const row *)b)->member);
}

/* Cuts the text in place. */
static of3_status cut_rows(char *text, const char *path, row *out, int *n, of3_error *err) {
  int line = 0;
  for (char *at = text, *next; at && *at; at = next) {
    char *end = strchr(at, '\n');
    next = end ? end + 1 : NULL;
    if (end) *end = 0;
    line++;
    char *tab = strchr(at, '\t'), *cut = at + strlen(at);
    if (cut > at && cut[-1] == '\r') cut[-1] = 0;
    if (!*at) continue;
    if (!tab || !tab[1] || tab == at || strchr(tab + 1, '\t'))
      return of3_fail(err, OF3_ERR_INPUT,
                      "'%s', line %d: a cluster's name, a tab and <entry>_<chain> were expected", path, line);
    *tab = 0;
    out[(*n)++] = (row){.member = tab + 1, .name = at};
  }
  return OF3_OK;
}

of3_status of3_clusters_read(const char *path, of3_arena *arena, cluster_table *out, of3_error *err) {
  enum { MOST_BYTES = 1 << 30 };
  char *text;
  size_t size;
  int lines = 1;
  *out = (cluster_table){0};
  if (!path) return OF3_OK;
  OF3_TRY(of3_read_file(path, MOST_BYTES, arena, &text, &size, err));
  if (memchr(text, 0, size)) return of3_fail(err, OF3_ERR_INPUT, "'%s' is no text: it has a byte 0", path);
  for (const char *c = text; *c; c++) lines += *c == '\n';
  row *rows = OF3_ARENA_NEW(arena, row, lines);
  out->member = OF3_ARENA_NEW(arena, const char *, lines);
  out->name = OF3_ARENA_NEW(arena, const char *, lines);
  if (!rows || !out->member || !out->name) return of3_fail_memory(err, path);
  OF3_TRY(cut_rows(text, path, rows, &out->n, err));
  qsort(rows, (size_t)out->n, sizeof *rows, by_member);
  for (int i = 0; i < out->n; i++) {
    out->member[i] = rows[i].member;
    out->name[i] = rows[i].name;
  }
  return OF3_OK;
}

const char *of3_cluster_of(const cluster_table *table, const char *entry, const char *chain) {
  int low = 0, high = table->n;
  const size_t n = strlen(entry);
  while (low < high) {
    const int middle = low + (high - low) / 2;
    const char *member = table->member[middle];
    int order = strncmp(entry, member, n);
    if (order == 0) order = '_' - (unsigned char)member[n];
    if (order == 0) order = strcmp(chain, member + n + 1);
    if (order == 0) return table->name[middle];
    if (order < 0)
      high = middle;
    else
      low = middle + 1;
  }
  return NULL;
}
