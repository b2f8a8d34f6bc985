#define _XOPEN_SOURCE 700
#include "write/ranking.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/printable.h"
#include "base/str.h"
#include "write/names.h"

typedef struct ranked_query {
  char *name;
  of3_ranked *row; /* [n] */
  int n, cap;
  bool sorted;
} ranked_query;

struct of3_ranking {
  char *folder;
  ranked_query *query; /* [n] */
  int n, cap;
  size_t bytes;            /* of the table as written last */
  double written_at, took; /* seconds on the clock */
};

of3_ranking *of3_ranking_new(const char *folder) {
  of3_ranking *r = calloc(1, sizeof *r);
  if (r) r->folder = strdup(folder);
  if (r && r->folder) return r;
  of3_ranking_free(r);
  return NULL;
}

void of3_ranking_free(of3_ranking *r) {
  if (!r) return;
  for (int q = 0; q < r->n; q++) {
    free(r->query[q].name);
    free(r->query[q].row);
  }
  free(r->query);
  free(r->folder);
  free(r);
}

/* ---- Order */

/* Descending, NaN last. */
static int compare_scores(double a, double b) {
  if (isnan(a) || isnan(b)) return isnan(a) - isnan(b);
  return (a < b) - (a > b);
}

static int compare_ranked(const void *x, const void *y) {
  const of3_ranked *a = x, *b = y;
  int r = compare_scores(a->scores.sample_ranking_score, b->scores.sample_ranking_score);
  if (!r) r = compare_scores(a->scores.avg_plddt, b->scores.avg_plddt);
  if (!r) r = (a->seed > b->seed) - (a->seed < b->seed);
  return r ? r : a->sample - b->sample;
}

void of3_ranked_sort(of3_ranked *rows, int n) {
  if (n) qsort(rows, (size_t)n, sizeof *rows, compare_ranked);
}

static void sort_query(ranked_query *q) {
  if (!q->sorted) of3_ranked_sort(q->row, q->n);
  q->sorted = true;
}

/* ---- Content */

of3_status of3_ranking_add(of3_ranking *r, const char *query, int *ret_query, of3_error *err) {
  if (r->n == r->cap) {
    int cap = 2 * r->cap + 16;
    ranked_query *more = realloc(r->query, (size_t)cap * sizeof *more);
    if (!more) return of3_fail_memory(err, "the ranking");
    r->query = more;
    r->cap = cap;
  }
  r->query[r->n] = (ranked_query){.name = strdup(query), .sorted = true};
  if (!r->query[r->n].name) return of3_fail_memory(err, "the ranking");
  *ret_query = r->n++;
  return OF3_OK;
}

static of3_status reserve_rows(ranked_query *q, int more, of3_error *err) {
  if (q->cap - q->n >= more) return OF3_OK;
  int cap = 2 * q->cap + more;
  of3_ranked *row = realloc(q->row, (size_t)cap * sizeof *row);
  if (!row) return of3_fail_memory(err, "the ranking");
  q->row = row;
  q->cap = cap;
  return OF3_OK;
}

of3_status of3_ranking_put(of3_ranking *r, int query, const of3_manifest *m, of3_error *err) {
  ranked_query *q = &r->query[query];
  int kept = 0;
  OF3_TRY(reserve_rows(q, m->n_sample, err));
  for (int k = 0; k < q->n; k++)
    if (q->row[k].seed != m->seed) q->row[kept++] = q->row[k];
  for (int s = 0; s < m->n_sample; s++)
    q->row[kept++] =
        (of3_ranked){.seed = m->seed, .sample = s + 1, .format = m->format, .scores = m->sample[s]};
  q->n = kept;
  q->sorted = false;
  return OF3_OK;
}

int of3_ranking_rows(const of3_ranking *r) {
  int n = 0;
  for (int q = 0; q < r->n; q++) n += r->query[q].n;
  return n;
}

const of3_ranked *of3_ranking_best(of3_ranking *r, int query) {
  ranked_query *q = &r->query[query];
  sort_query(q);
  return q->n ? &q->row[0] : NULL;
}

/* ---- ranking.tsv */

static void add_row(of3_str *out, const char *query, const of3_ranked *r, int rank) {
  const double value[] = {r->scores.sample_ranking_score,
                          r->scores.ptm,
                          r->scores.iptm,
                          r->scores.avg_plddt,
                          r->scores.gpde,
                          r->scores.disorder,
                          r->scores.has_clash};
  of3_str_add_printable(out, query);
  of3_str_addf(out, "\t%d\t%" PRIu64 "\t%d", rank, r->seed, r->sample);
  for (size_t k = 0; k < sizeof value / sizeof *value; k++) {
    char text[OF3_F32_TEXT];
    of3_format_f64(text, value[k]);
    of3_str_addf(out, "\t%s", text);
  }
  of3_str_add(out, "\t");
  of3_str_add_printable(out, query);
  of3_str_addf(out, "/seed_%" PRIu64 "/", r->seed);
  of3_str_add_printable(out, query);
  of3_str_addf(out, "_seed_%" PRIu64 "_sample_%d_model.%s\n", r->seed, r->sample,
               of3_structure_format_name(r->format));
}

static char *ranking_path(const of3_ranking *r) {
  size_t n = strlen(r->folder) + sizeof OF3_RANKING_NAME + 1;
  char *path = malloc(n);
  if (path) snprintf(path, n, "%s/" OF3_RANKING_NAME, r->folder);
  return path;
}

static of3_status write_table(of3_ranking *r, const char *path, of3_error *err) {
  of3_str text = {0};
  of3_str_add(
      &text,
      "query\trank\tseed\tsample\tranking_score\tptm\tiptm\tavg_plddt\tgpde\tdisorder\thas_clash\tfile\n");
  for (int q = 0; q < r->n; q++) {
    sort_query(&r->query[q]);
    for (int k = 0; k < r->query[q].n; k++) add_row(&text, r->query[q].name, &r->query[q].row[k], k + 1);
  }
  of3_status status = text.failed ? of3_fail_memory(err, "the ranking") : OF3_OK;
  if (status == OF3_OK) status = of3_write_file(path, text.text, text.len, err);
  r->bytes = text.len;
  of3_str_free(&text);
  return status;
}

of3_status of3_ranking_write(of3_ranking *r, of3_error *err) {
  const double begin = of3_seconds();
  char *path = ranking_path(r);
  of3_status status = OF3_OK;
  if (!path) return of3_fail_memory(err, "the ranking");
  if (of3_ranking_rows(r) > 0)
    status = write_table(r, path, err);
  else if (unlink(path) != 0 && errno != ENOENT && errno != ENOTDIR)
    status = of3_fail(err, OF3_ERR_IO, "cannot remove '%s': %s", path, strerror(errno));
  free(path);
  r->written_at = of3_seconds();
  r->took = r->written_at - begin;
  return status;
}

of3_status of3_ranking_refresh(of3_ranking *r, of3_error *err) {
  char *path = ranking_path(r);
  if (!path) return of3_fail_memory(err, "the ranking");
  const bool found = of3_is_file(path);
  free(path);
  return found ? of3_ranking_write(r, err) : OF3_OK;
}

of3_status of3_ranking_update(of3_ranking *r, of3_error *err) {
  enum { SMALL = 1 << 20, SHARE = 10 };
  if (r->bytes > SMALL && of3_seconds() - r->written_at < SHARE * r->took) return OF3_OK;
  return of3_ranking_write(r, err);
}

/* ---- Best models */

char *of3_ranking_best_path(const of3_ranking *r, int query, of3_structure_format format, of3_arena *arena) {
  const char *name = r->query[query].name, *slash = r->folder[strlen(r->folder) - 1] == '/' ? "" : "/";
  return of3_arena_printf(arena, "%s%s%s/%s_best_model.%s", r->folder, slash, name, name,
                          of3_structure_format_name(format));
}

static bool same_bytes(const of3_map *from, const char *to) {
  of3_map old = {0};
  if (!of3_is_file(to) || of3_map_open(to, &old, NULL) != OF3_OK) return false;
  bool same = old.size == from->size && memcmp(old.data, from->data, old.size) == 0;
  of3_map_close(&old);
  return same;
}

static of3_status copy_best(const of3_ranking *r, int query, const of3_ranked *best, of3_arena *arena,
                            of3_error *err) {
  const char *name = r->query[query].name;
  char *to = of3_ranking_best_path(r, query, best->format, arena);
  char *model =
      of3_sample_name(name, best->seed, best->sample, OF3_FILE_MODEL, best->format, OF3_FULL_NONE, arena);
  char *from =
      model ? of3_arena_printf(arena, "%s/%s/seed_%" PRIu64 "/%s", r->folder, name, best->seed, model) : NULL;
  of3_map map = {0};
  if (!from || !to) return of3_fail_memory(err, "the best model");
  OF3_TRY(of3_map_open(from, &map, err));
  of3_status status = same_bytes(&map, to) ? OF3_OK : of3_write_file(to, map.data, map.size, err);
  of3_map_close(&map);
  return status;
}

/* Of a link the file that it leads to: the link stays, and is followed when the next one is written. */
static of3_status remove_file(const char *path, of3_error *err) {
  struct stat st;
  char *behind = lstat(path, &st) == 0 && S_ISLNK(st.st_mode) ? realpath(path, NULL) : NULL;
  const char *file = behind ? behind : path;
  bool gone = !behind && stat(path, &st) != 0; /* nothing is there, or a link to nothing */
  if (!gone) gone = unlink(file) == 0 || errno == ENOENT || errno == ENOTDIR;
  int reason = errno;
  free(behind);
  return gone ? OF3_OK : of3_fail(err, OF3_ERR_IO, "cannot remove '%s': %s", path, strerror(reason));
}

/* keep: a format whose file stays, or none, -1. */
static of3_status remove_others(const of3_ranking *r, int query, int keep, of3_arena *arena, of3_error *err) {
  for (int f = OF3_CIF; f <= OF3_PDB; f++) {
    if (f == keep) continue;
    char *path = of3_ranking_best_path(r, query, (of3_structure_format)f, arena);
    if (!path) return of3_fail_memory(err, "the best model");
    OF3_TRY(remove_file(path, err));
  }
  return OF3_OK;
}

of3_status of3_ranking_write_best(of3_ranking *r, int query, of3_error *err) {
  const of3_ranked *best = of3_ranking_best(r, query);
  of3_arena *arena = of3_arena_new(0);
  of3_status status = arena ? OF3_OK : of3_fail_memory(err, "the best model");
  if (arena && best) {
    status = copy_best(r, query, best, arena, err);
    if (status == OF3_OK) status = remove_others(r, query, (int)best->format, arena, err);
  }
  of3_arena_free(arena);
  return status;
}

of3_status of3_ranking_remove_best(const of3_ranking *r, int query, of3_error *err) {
  of3_arena *arena = of3_arena_new(0);
  of3_status status =
      arena ? remove_others(r, query, -1, arena, err) : of3_fail_memory(err, "the best model");
  of3_arena_free(arena);
  return status;
}
