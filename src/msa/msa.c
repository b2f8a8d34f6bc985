#define _POSIX_C_SOURCE 200809L
#include "msa/msa.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "msa/alignment.h"
#include "msa/names.h"
#include "msa/profile.h"

/* One alignment that was read. */
typedef struct source {
  const char *file, *key; /* key: file name or archive member without extension */
  of3_msa_name name;
  of3_alignment rows;
  bool known, replaced;
} source;

typedef struct loader {
  const of3_msa_request *request;
  const of3_msa_rules *rules;
  const of3_log *log;
  of3_arena *arena;
  int n_col;
  int n_file, room_file;
  const char **file;
  int n_source, room_source;
  source *source;
} loader;

/* Doubles an array in the arena when it is full; the old one stays there. */
static void *msa_grow(of3_arena *arena, void *old, int n, int *room, size_t size) {
  if (n < *room) return old;
  int more = *room ? *room * 2 : 16;
  void *p = of3_arena_alloc(arena, (size_t)more, size);
  if (!p) return NULL;
  if (n) memcpy(p, old, (size_t)n * size);
  *room = more;
  return p;
}

static const char *extension(const char *path) {
  const char *dot = strrchr(of3_path_name(path), '.');
  return dot ? dot : "";
}

static bool is_alignment(const char *path) {
  const char *e = extension(path);
  return strcmp(e, ".a3m") == 0 || strcmp(e, ".sto") == 0 || strcmp(e, ".npz") == 0;
}

static of3_status msa_add_file(loader *l, const char *path, of3_error *err) {
  l->file = msa_grow(l->arena, l->file, l->n_file, &l->room_file, sizeof *l->file);
  char *copy = of3_arena_strdup(l->arena, path);
  if (!l->file || !copy) return of3_fail_memory(err, path);
  l->file[l->n_file++] = copy;
  return OF3_OK;
}

static of3_status msa_add_folder(loader *l, const char *path, of3_error *err) {
  DIR *d = opendir(path);
  if (!d) return of3_fail(err, OF3_ERR_IO, "cannot open the folder '%s': %s", path, strerror(errno));
  of3_status st = OF3_OK;
  int before = l->n_file;
  for (struct dirent *e; st == OF3_OK && (e = readdir(d));) {
    const char *file = of3_path_join(l->arena, path, e->d_name);
    if (!file)
      st = of3_fail_memory(err, path);
    else if (of3_is_file(file) && is_alignment(file))
      st = msa_add_file(l, file, err);
    else if (of3_is_file(file))
      of3_logf(l->log, OF3_LOG_WARN, "'%s' is not read: only .a3m, .sto and .npz files are alignments", file);
  }
  closedir(d);
  if (st == OF3_OK && l->n_file == before)
    st = of3_fail(err, OF3_ERR_INPUT, "the folder '%s' holds no .a3m, .sto or .npz file", path);
  return st;
}

static int msa_by_text(const void *a, const void *b) {
  return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static of3_status list_files(loader *l, of3_error *err) {
  for (int i = 0; i < l->request->n_path; i++) {
    const char *path = l->request->path[i];
    if (of3_is_folder(path))
      OF3_TRY(msa_add_folder(l, path, err));
    else if (!is_alignment(path))
      return of3_fail(err, OF3_ERR_INPUT, "'%s': the name of an alignment must end in .a3m, .sto or .npz",
                      path);
    else
      OF3_TRY(msa_add_file(l, path, err));
  }
  if (l->n_file) qsort(l->file, (size_t)l->n_file, sizeof *l->file, msa_by_text);
  int kept = 0; /* a file named twice is read once */
  for (int i = 0; i < l->n_file; i++)
    if (kept == 0 || strcmp(l->file[kept - 1], l->file[i]) != 0) l->file[kept++] = l->file[i];
  l->n_file = kept;
  return OF3_OK;
}

static of3_status add_source(loader *l, source s, of3_error *err) {
  l->source = msa_grow(l->arena, l->source, l->n_source, &l->room_source, sizeof *l->source);
  if (!l->source) return of3_fail_memory(err, s.file);
  l->source[l->n_source++] = s;
  return OF3_OK;
}

static of3_status read_archive(loader *l, const char *path, const of3_map *map,
                               const of3_alignment_want *want, of3_error *err) {
  of3_npz_alignment *a = NULL;
  int n = 0;
  OF3_TRY(of3_npz_parse(map->data, map->size, want, l->arena, &a, &n, err));
  for (int i = 0; i < n; i++)
    OF3_TRY(add_source(
        l,
        (source){path, a[i].key, of3_msa_name_of(a[i].key, l->rules->release), a[i].alignment, false, false},
        err));
  return OF3_OK;
}

static of3_status read_file(loader *l, const char *path, of3_error *err) {
  const char *name = of3_path_name(path), *dot = extension(path);
  const char *key = of3_arena_strndup(l->arena, name, (size_t)(dot - name));
  if (!key) return of3_fail_memory(err, path);
  source s = {.file = path, .key = key, .name = of3_msa_name_of(key, l->rules->release)};
  if (s.name.role == OF3_MSA_TEMPLATES) {
    of3_logf(l->log, OF3_LOG_INFO, "'%s' holds template hits: not part of the MSA", path);
    return OF3_OK;
  }
  of3_alignment_want want = {path, l->n_col, l->rules->row_caps ? s.name.cap : 0, l->rules->upper_case};
  of3_map map;
  OF3_TRY(of3_map_open(path, &map, err));
  of3_status st;
  if (strcmp(dot, ".npz") == 0)
    st = read_archive(l, path, &map, &want, err);
  else {
    const char *text = (const char *)map.data;
    st = strcmp(dot, ".a3m") == 0 ? of3_a3m_parse(text, map.size, &want, l->arena, &s.rows, err)
                                  : of3_stockholm_parse(text, map.size, &want, l->arena, &s.rows, err);
    if (st == OF3_OK) st = add_source(l, s, err);
  }
  of3_map_close(&map);
  return st;
}

/* The query row of a file should be the chain. */
static void compare_query(const loader *l, const source *s) {
  for (int i = 0; i < l->n_col; i++)
    if (s->rows.letter[i] != (uint8_t)l->request->sequence[i]) {
      of3_logf(l->log, OF3_LOG_WARN,
               "'%s' (%s): residue %d of row 1 is %c, that of chain %s is %c; the alignment may belong to "
               "another chain",
               s->file, s->key, i + 1, s->rows.letter[i], l->request->chain, l->request->sequence[i]);
      return;
    }
}

/* Known names stand at most once: the last file wins, as in the reference. */
static void replace_duplicates(loader *l) {
  for (int i = 0; i < l->n_source; i++)
    for (int k = i + 1; k < l->n_source && l->source[i].known; k++)
      if (l->source[k].known && strcmp(l->source[i].key, l->source[k].key) == 0) {
        of3_logf(l->log, OF3_LOG_WARN, "'%s' takes the place of '%s': both are called %s", l->source[k].file,
                 l->source[i].file, l->source[i].key);
        l->source[i].replaced = true;
        break;
      }
}

static int by_place(const void *pa, const void *pb) {
  const source *a = pa, *b = pb;
  if (a->name.place != b->name.place) return a->name.place < b->name.place ? -1 : 1;
  int c = strcmp(a->key, b->key);
  return c ? c : strcmp(a->file, b->file);
}

/* The alphabetically first known name gives row 0, else the first source. */
static const source *query_source(const loader *l) {
  const source *best = NULL;
  for (int i = 0; i < l->n_source; i++) {
    const source *s = &l->source[i];
    if (!s->replaced && s->known && (!best || strcmp(s->key, best->key) < 0)) best = s;
  }
  return best ? best : &l->source[0];
}

static of3_status read_sources(loader *l, of3_error *err) {
  for (int i = 0; i < l->n_file; i++) OF3_TRY(read_file(l, l->file[i], err));
  if (l->n_source == 0)
    return of3_fail(err, OF3_ERR_INPUT, "chain %s: none of its alignment files is an MSA", l->request->chain);
  for (int i = 0; i < l->n_source; i++) {
    source *s = &l->source[i];
    s->known = s->name.role == OF3_MSA_PAIRING || s->name.place < OF3_MSA_LAST_PLACE;
    compare_query(l, s);
    if (s->name.role == OF3_MSA_PAIRING && l->request->warn_unpaired)
      of3_logf(l->log, OF3_LOG_WARN,
               "'%s' (%s) serves pairing, which this version does not do: its rows are not used", s->file,
               s->key);
  }
  replace_duplicates(l);
  qsort(l->source, (size_t)l->n_source, sizeof *l->source, by_place);
  return OF3_OK;
}

static bool enters(const source *s) { return s->name.role == OF3_MSA_MAIN && !s->replaced; }

static of3_status stack_main(const loader *l, of3_msa *out, of3_error *err) {
  int64_t n = 0;
  for (int i = 0; i < l->n_source; i++) n += enters(&l->source[i]) ? l->source[i].rows.n_row : 0;
  if (n == 0)
    return of3_fail(
        err, OF3_ERR_INPUT,
        "chain %s: its alignment files serve pairing only; the main block needs at least one other",
        l->request->chain);
  if (n > INT32_MAX)
    return of3_fail(err, OF3_ERR_INPUT, "chain %s: its alignments have too many rows", l->request->chain);
  out->row = OF3_ARENA_NEW(l->arena, of3_msa_row, n);
  if (!out->row) return of3_fail_memory(err, "the rows of an MSA");
  for (int i = 0; i < l->n_source; i++) {
    const of3_alignment *a = &l->source[i].rows;
    for (int r = 0; enters(&l->source[i]) && r < a->n_row; r++) {
      size_t at = (size_t)r * (size_t)a->n_col;
      out->row[out->n_row++] = (of3_msa_row){a->letter + at, a->deletion + at};
    }
  }
  return OF3_OK;
}

static of3_status load_files(loader *l, of3_msa *out, of3_error *err) {
  OF3_TRY(list_files(l, err));
  OF3_TRY(read_sources(l, err));
  out->query.letter = query_source(l)->rows.letter;
  return l->request->use_main ? stack_main(l, out, err) : OF3_OK;
}

/* Main block: the query alone. */
static of3_status make_dummy(const loader *l, of3_msa *out, of3_error *err) {
  out->query.letter = (const uint8_t *)of3_arena_strdup(l->arena, l->request->sequence);
  out->row = OF3_ARENA_NEW(l->arena, of3_msa_row, 1);
  if (!out->query.letter || !out->row) return of3_fail_memory(err, "the dummy MSA");
  out->row[0] = out->query; /* its deletions are the zeros of the query */
  out->n_row = l->request->use_main;
  return OF3_OK;
}

of3_status of3_msa_load(const of3_msa_request *request, const of3_msa_rules *rules, const of3_log *log,
                        of3_arena *arena, of3_msa *out, of3_error *err) {
  loader l = {.request = request,
              .rules = rules,
              .log = log,
              .arena = arena,
              .n_col = (int)strlen(request->sequence)};
  *out = (of3_msa){.n_col = l.n_col};
  int32_t *none = OF3_ARENA_NEW(arena, int32_t, l.n_col);
  out->profile = OF3_ARENA_NEW(arena, float, (size_t)l.n_col *OF3_MSA_CLASSES);
  out->deletion_mean = OF3_ARENA_NEW(arena, float, l.n_col);
  if (!none || !out->profile || !out->deletion_mean) return of3_fail_memory(err, "an MSA");
  out->query.deletion = none;
  OF3_TRY(request->n_path ? load_files(&l, out, err) : make_dummy(&l, out, err));
  if (rules->drop_duplicate_rows) OF3_TRY(of3_msa_drop_duplicates(out, err));
  return of3_msa_count(out, rules->profile_scrambled, err);
}
