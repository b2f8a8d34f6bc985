#define _POSIX_C_SOURCE 200809L
#include "write/tree.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"

char *of3_tree_query_folder(const of3_tree *tree, const char *query, of3_arena *arena) {
  return of3_path_join(arena, tree->folder, query);
}

char *of3_tree_seed_folder(const of3_tree *tree, const char *query, uint64_t seed, of3_arena *arena) {
  char *folder = of3_tree_query_folder(tree, query, arena);
  return folder ? of3_arena_printf(arena, "%s/seed_%" PRIu64, folder, seed) : NULL;
}

static const char *full_ending(of3_full_confidences full) { return full == OF3_FULL_JSON ? "json" : "npz"; }

/* The name of a sample's file without its folder. */
static char *sample_name(const of3_tree *tree, const char *query, uint64_t seed, int sample,
                         of3_tree_file which, of3_arena *arena) {
  const char *what[] = {[OF3_FILE_MODEL] = "model",
                        [OF3_FILE_CONFIDENCES] = "confidences",
                        [OF3_FILE_AGGREGATED] = "confidences_aggregated"};
  const char *ending = which == OF3_FILE_MODEL         ? of3_structure_format_name(tree->format)
                       : which == OF3_FILE_CONFIDENCES ? full_ending(tree->full)
                                                       : "json";
  return of3_arena_printf(arena, "%s_seed_%" PRIu64 "_sample_%d_%s.%s", query, seed, sample, what[which],
                          ending);
}

char *of3_tree_sample_file(const of3_tree *tree, const char *query, uint64_t seed, int sample,
                           of3_tree_file which, of3_arena *arena) {
  char *folder = of3_tree_seed_folder(tree, query, seed, arena);
  char *name = sample_name(tree, query, seed, sample, which, arena);
  return folder && name ? of3_arena_printf(arena, "%s/%s", folder, name) : NULL;
}

/* ---- Files of one query and seed */

typedef struct writer {
  const of3_tree *tree;
  const of3_complex *complex;
  uint64_t seed;
  const of3_prediction *p;
  const of3_scores *scores;
  of3_arena *arena;
  char *folder;
  const char **files;
  int n;
  of3_error *err;
} writer;

/* The path of the next file, whose name is noted. */
static char *next_file(writer *w, char *name) {
  if (!name) return NULL;
  w->files[w->n++] = name;
  return of3_arena_printf(w->arena, "%s/%s", w->folder, name);
}

static of3_status write_full(const writer *w, const char *path, int sample) {
  size_t a = (size_t)w->p->n_atom, n = (size_t)w->p->n_token, s = (size_t)sample;
  of3_confidences c = {.n_atom = w->p->n_atom,
                       .n_token = w->p->n_token,
                       .plddt = w->p->plddt + s * a,
                       .pde = w->p->pde + s * n * n,
                       .pae = w->p->pae + s * n * n};
  if (w->tree->full == OF3_FULL_JSON) return of3_confidences_write_json(path, &c, w->err);
  return of3_confidences_write_npz(path, &c, w->tree->full == OF3_FULL_NPZ_F16, w->err);
}

static of3_structure_about about_sample(const writer *w, int sample) {
  const of3_scores *s = &w->scores[sample];
  return (of3_structure_about){.version = w->tree->version,
                               .variant = w->tree->variant,
                               .seed = w->seed,
                               .sample = sample + 1,
                               .plddt = (double)s->avg_plddt,
                               .ptm = (double)s->ptm,
                               .iptm = (double)s->iptm};
}

static of3_status write_sample_file(writer *w, int sample, of3_tree_file which) {
  char *path = next_file(w, sample_name(w->tree, w->complex->name, w->seed, sample + 1, which, w->arena));
  if (!path) return of3_fail_memory(w->err, w->folder);
  size_t a = (size_t)w->p->n_atom, s = (size_t)sample;
  if (which == OF3_FILE_MODEL) {
    const of3_structure_about about = about_sample(w, sample);
    return of3_structure_write(path, w->tree->format, w->complex, w->p->x + s * a * 3, w->p->plddt + s * a,
                               w->tree->style == OF3_CIF_MODEL ? &about : NULL, w->err);
  }
  if (which == OF3_FILE_AGGREGATED) return of3_aggregated_write(path, w->complex, &w->scores[s], w->err);
  return write_full(w, path, sample);
}

static of3_status write_timing(writer *w, double runtime_s) {
  char number[OF3_F32_TEXT], text[64];
  char *path = next_file(w, of3_arena_strdup(w->arena, "timing.json"));
  if (!path) return of3_fail_memory(w->err, w->folder);
  of3_format_f64(number, runtime_s);
  int n = snprintf(text, sizeof text, "{\n    \"runtime_s\": %s\n}", number);
  return of3_write_file(path, text, (size_t)n, w->err);
}

static of3_status write_files(writer *w, double runtime_s) {
  OF3_TRY(of3_make_folder(w->folder, w->err));
  for (int s = 0; s < w->p->n_sample; s++) {
    OF3_TRY(write_sample_file(w, s, OF3_FILE_MODEL));
    OF3_TRY(write_sample_file(w, s, OF3_FILE_AGGREGATED));
    if (w->tree->full != OF3_FULL_NONE) OF3_TRY(write_sample_file(w, s, OF3_FILE_CONFIDENCES));
  }
  return write_timing(w, runtime_s);
}

of3_status of3_tree_write(const of3_tree *tree, const of3_complex *complex, uint64_t seed,
                          const of3_prediction *p, const of3_scores *scores, double runtime_s,
                          of3_arena *arena, const char ***ret_files, int *ret_n, of3_error *err) {
  writer w = {
      .tree = tree, .complex = complex, .seed = seed, .p = p, .scores = scores, .arena = arena, .err = err};
  w.folder = of3_tree_seed_folder(tree, complex->name, seed, arena);
  w.files = OF3_ARENA_NEW(arena, const char *, 3 * (size_t)p->n_sample + 1);
  if (!w.folder || !w.files) return of3_fail_memory(err, "the names of the output files");
  OF3_TRY(write_files(&w, runtime_s));
  *ret_files = w.files;
  *ret_n = w.n;
  return OF3_OK;
}

/* ---- Ranking */

of3_status of3_ranked_read(const of3_tree *tree, const char *query, uint64_t seed, int n_sample,
                           of3_arena *arena, of3_ranked *rows, of3_error *err) {
  for (int s = 0; s < n_sample; s++) {
    char *aggregated = of3_tree_sample_file(tree, query, seed, s + 1, OF3_FILE_AGGREGATED, arena);
    char *model = sample_name(tree, query, seed, s + 1, OF3_FILE_MODEL, arena);
    char *file = model ? of3_arena_printf(arena, "%s/seed_%" PRIu64 "/%s", query, seed, model) : NULL;
    if (!aggregated || !file) return of3_fail_memory(err, "the ranking");
    rows[s] = (of3_ranked){.query = query, .seed = seed, .sample = s + 1, .file = file};
    OF3_TRY(of3_aggregated_read(aggregated, &rows[s].scores, err));
  }
  return OF3_OK;
}

typedef struct ranked_at {
  of3_ranked row;
  int query, index; /* number of the query, place before sorting */
} ranked_at;

/* Descending, NaN last. */
static int compare_scores(double a, double b) {
  if (isnan(a) || isnan(b)) return isnan(a) - isnan(b);
  return (a < b) - (a > b);
}

static int compare_ranked(const void *x, const void *y) {
  const ranked_at *a = x, *b = y;
  int r = a->query - b->query;
  if (!r) r = compare_scores(a->row.scores.sample_ranking_score, b->row.scores.sample_ranking_score);
  if (!r) r = compare_scores(a->row.scores.avg_plddt, b->row.scores.avg_plddt);
  return r ? r : a->index - b->index;
}

of3_status of3_ranked_sort(of3_ranked *rows, int n, of3_error *err) {
  ranked_at *list = malloc(((size_t)n + 1) * sizeof *list);
  if (!list) return of3_fail_memory(err, "the ranking");
  int n_query = 0;
  for (int k = 0; k < n; k++) {
    int same = k - 1; /* mostly the row before */
    while (same >= 0 && strcmp(rows[same].query, rows[k].query) != 0) same--;
    list[k] = (ranked_at){.row = rows[k], .query = same < 0 ? n_query++ : list[same].query, .index = k};
  }
  qsort(list, (size_t)n, sizeof *list, compare_ranked);
  for (int k = 0; k < n; k++) rows[k] = list[k].row;
  free(list);
  return OF3_OK;
}

static void add_row(of3_str *out, const of3_ranked *r, int rank) {
  const double value[] = {r->scores.sample_ranking_score,
                          r->scores.ptm,
                          r->scores.iptm,
                          r->scores.avg_plddt,
                          r->scores.gpde,
                          r->scores.disorder,
                          r->scores.has_clash};
  of3_str_addf(out, "%s\t%d\t%" PRIu64 "\t%d", r->query, rank, r->seed, r->sample);
  for (size_t k = 0; k < sizeof value / sizeof *value; k++) {
    char text[OF3_F32_TEXT];
    of3_format_f64(text, value[k]);
    of3_str_addf(out, "\t%s", text);
  }
  of3_str_addf(out, "\t%s\n", r->file);
}

static of3_status copy_file(const char *from, const char *to, of3_error *err) {
  of3_map map = {0};
  OF3_TRY(of3_map_open(from, &map, err));
  of3_status status = of3_write_file(to, map.data, map.size, err);
  of3_map_close(&map);
  return status;
}

static of3_status write_best(const of3_tree *tree, const of3_ranked *best, of3_arena *arena, of3_error *err) {
  char *folder = of3_tree_query_folder(tree, best->query, arena);
  char *from = of3_path_join(arena, tree->folder, best->file);
  if (!folder || !from) return of3_fail_memory(err, "the best model");
  for (int f = OF3_CIF; f <= OF3_PDB; f++) {
    const char *ending = of3_structure_format_name((of3_structure_format)f);
    char *to = of3_arena_printf(arena, "%s/%s_best_model.%s", folder, best->query, ending);
    if (!to) return of3_fail_memory(err, "the best model");
    if (f == (int)tree->format)
      OF3_TRY(copy_file(from, to, err));
    else
      unlink(to); /* not there: nothing to do */
  }
  return OF3_OK;
}

of3_status of3_tree_write_ranking(const of3_tree *tree, const of3_ranked *rows, int n, of3_error *err) {
  of3_arena *arena = of3_arena_new(0);
  of3_str text = {0};
  of3_status status = arena ? OF3_OK : of3_fail_memory(err, "the ranking");
  of3_str_add(
      &text,
      "query\trank\tseed\tsample\tranking_score\tptm\tiptm\tavg_plddt\tgpde\tdisorder\thas_clash\tfile\n");
  for (int k = 0, rank = 0; k < n && status == OF3_OK; k++) {
    bool first = k == 0 || strcmp(rows[k].query, rows[k - 1].query) != 0;
    rank = first ? 1 : rank + 1;
    add_row(&text, &rows[k], rank);
    if (first) status = write_best(tree, &rows[k], arena, err);
  }
  char *path = status == OF3_OK ? of3_path_join(arena, tree->folder, "ranking.tsv") : NULL;
  if (status == OF3_OK) {
    if (!path || text.failed)
      status = of3_fail_memory(err, "the ranking");
    else
      status = of3_make_folder(tree->folder, err);
  }
  if (status == OF3_OK) status = of3_write_file(path, text.text, text.len, err);
  of3_str_free(&text);
  of3_arena_free(arena);
  return status;
}

of3_status of3_tree_remove_ranking(const of3_tree *tree, of3_error *err) {
  of3_arena *arena = of3_arena_new(0);
  char *path = arena ? of3_path_join(arena, tree->folder, "ranking.tsv") : NULL;
  of3_status status = path ? OF3_OK : of3_fail_memory(err, "the ranking");
  if (path && unlink(path) != 0 && errno != ENOENT && errno != ENOTDIR)
    status = of3_fail(err, OF3_ERR_IO, "cannot remove '%s': %s", path, strerror(errno));
  of3_arena_free(arena);
  return status;
}
