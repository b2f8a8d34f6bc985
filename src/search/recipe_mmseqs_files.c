/* From the databases that MMseqs2 wrote to the files of a task. */
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "search/task.h"

bool of3_mmseqs_wants_names(const of3_database *d) { return strcmp(d->file, "uniprot_hits") == 0; }

/* ---- Whole headers: lines "accession<tab>header" */

typedef struct header {
  const char *accession, *text; /* each ends at a tab or blank */
} header;

typedef struct headers {
  header *header; /* sorted by accession */
  size_t n;
} headers;

/* Up to the first tab, blank or end of the line. */
static size_t word_length(const char *text) { return strcspn(text, "\t \r\n"); }

static int header_order(const void *a, const void *b) {
  const char *p = ((const header *)a)->accession, *q = ((const header *)b)->accession;
  const size_t n = word_length(p), k = word_length(q);
  const int c = memcmp(p, q, n < k ? n : k);
  return c ? c : (n > k) - (n < k);
}

static of3_status read_headers(const char *path, of3_arena *arena, headers *out, of3_error *err) {
  char *text = NULL;
  size_t size = 0, room = 1;
  OF3_TRY(of3_read_file(path, SIZE_MAX, arena, &text, &size, err));
  for (const char *p = text; *p; p++) room += *p == '\n';
  out->header = OF3_ARENA_NEW(arena, header, room);
  if (!out->header) return of3_fail_memory(err, "headers");
  for (const char *p = text; *p;) {
    const size_t n = strcspn(p, "\n");
    const char *tab = memchr(p, '\t', n);
    if (tab) out->header[out->n++] = (header){p, tab + 1};
    p += n + (p[n] == '\n');
  }
  qsort(out->header, out->n, sizeof *out->header, header_order);
  return OF3_OK;
}

/* "tr|ACC|ACC_SPECIES/begin-end" for "ACC<tab>score ..<tab>begin<tab>end<tab>length", whose places count from
 * 0.
 */
static void write_header(const headers *h, const char *line, FILE *f) {
  const header wanted = {.accession = line};
  const header *found = h->n ? bsearch(&wanted, h->header, h->n, sizeof wanted, header_order) : NULL;
  const char *at = line;
  for (int tab = 0; tab < 7 && at; tab++) {
    at = strpbrk(at, "\t\n");
    at = at && *at == '\t' ? at + 1 : NULL;
  }
  char *end = NULL;
  const long begin = at ? strtol(at, &end, 10) : -1, last = at ? strtol(end, NULL, 10) : -1;
  if (!found || begin < 0 || last < begin) {
    fprintf(f, ">%.*s\n", (int)strcspn(line, "\n"), line);
    return;
  }
  fprintf(f, ">%.*s/%ld-%ld\n", (int)word_length(found->text), found->text, begin + 1, last + 1);
}

/* ---- Files */

/* Appends an entry of database i, without the zero byte at its end. */
static of3_status append_entry(const of3_search_task *t, int i, int entry, const headers *h, FILE *f,
                               of3_error *err) {
  char *text = NULL;
  size_t size = 0;
  of3_arena *arena = of3_arena_new(0);
  const char *path = of3_arena_printf(t->arena, "%s/msas%d/%d", t->work, i, entry);
  if (!arena || !path) {
    of3_arena_free(arena);
    return of3_fail_memory(err, "an alignment");
  }
  const of3_status status = of3_read_file(path, SIZE_MAX, arena, &text, &size, err);
  for (const char *p = text; status == OF3_OK && p && *p;) {
    const size_t n = strcspn(p, "\n");
    if (*p == '>' && h->n)
      write_header(h, p + 1, f);
    else
      fprintf(f, "%.*s\n", (int)n, p);
    p += n + (p[n] == '\n');
  }
  of3_arena_free(arena);
  return status;
}

static of3_status collect_alignment(const of3_search_task *t, const of3_search_file *file, int entry,
                                    const headers *h, of3_error *err) {
  of3_out out = {0};
  OF3_TRY(of3_out_open(&out, file->made, err));
  of3_status status = OF3_OK;
  for (int i = 0; status == OF3_OK && i < t->n_database; i++)
    if (t->database[i]->kind != OF3_DATABASE_STRUCTURES)
      status = append_entry(t, i, entry, &h[i], out.f, err);
  if (status == OF3_OK) status = of3_out_commit(&out, err);
  of3_out_abort(&out);
  return status;
}

/* A sequence without hits has no entry. */
static of3_status collect_hits(const of3_search_task *t, const of3_search_file *file, int entry,
                               of3_error *err) {
  char *text = (char *)(uintptr_t) "";
  size_t size = 0;
  const char *path = of3_arena_printf(t->arena, "%s/hits/%d", t->work, entry);
  if (!path) return of3_fail_memory(err, "template hits");
  if (of3_is_file(path)) OF3_TRY(of3_read_file(path, SIZE_MAX, t->arena, &text, &size, err));
  return of3_write_file(file->made, text, strlen(text), err);
}

of3_status of3_mmseqs_collect(const of3_search_task *t, of3_error *err) {
  headers *h = OF3_ARENA_NEW(t->arena, headers, t->n_database);
  if (!h) return of3_fail_memory(err, "headers");
  for (int i = 0; i < t->n_database; i++) {
    if (!of3_mmseqs_wants_names(t->database[i])) continue;
    const char *path = of3_arena_printf(t->arena, "%s/names%d", t->work, i);
    if (!path) return of3_fail_memory(err, "a path");
    OF3_TRY(read_headers(path, t->arena, &h[i], err));
  }
  int entry = -1,
      last = -1; /* entries are numbered as the queries are, of which a sequence may have two files */
  for (int k = 0; k < t->n_file; k++) {
    const of3_search_file *file = &t->file[k];
    if (file->sequence != last) entry++;
    last = file->sequence;
    OF3_TRY(file->hits ? collect_hits(t, file, entry, err) : collect_alignment(t, file, entry, h, err));
  }
  return OF3_OK;
}
