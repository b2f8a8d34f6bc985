#include "msa/msa_files.h"

#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/str.h"

typedef struct lister {
  of3_arena *arena;
  int n, room;
  of3_msa_file *file;
} lister;

/* Length of the name without the endings of an alignment; 0: it has none. */
static size_t msa_files_key(const char *name, of3_alignment_format *ret_format) {
  static const struct {
    const char *ending;
    of3_alignment_format format;
  } known[] = {{".a3m", OF3_ALIGNMENT_A3M},
               {".a3m.gz", OF3_ALIGNMENT_A3M},
               {".sto", OF3_ALIGNMENT_STOCKHOLM},
               {".sto.gz", OF3_ALIGNMENT_STOCKHOLM},
               {".npz", OF3_ALIGNMENT_NPZ}};
  size_t n = strlen(name);
  for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
    size_t k = strlen(known[i].ending);
    if (n <= k || strcmp(name + n - k, known[i].ending) != 0) continue;
    *ret_format = known[i].format;
    return n - k;
  }
  return 0;
}

/* Appends the file if its ending is that of an alignment, which *ret_is tells. The old array stays in the
 * arena when it becomes too small. */
static of3_status msa_files_add(lister *l, const char *path, bool in_folder, bool *ret_is, of3_error *err) {
  of3_msa_file f = {.in_folder = in_folder};
  const char *name = of3_path_name(path);
  size_t n_key = msa_files_key(name, &f.format);
  *ret_is = n_key > 0;
  if (!n_key) return OF3_OK;
  if (l->n == l->room) {
    int room = l->room ? 2 * l->room : 16;
    of3_msa_file *more = OF3_ARENA_NEW(l->arena, of3_msa_file, room);
    if (!more) return of3_fail_memory(err, path);
    if (l->n) memcpy(more, l->file, (size_t)l->n * sizeof *more);
    l->file = more;
    l->room = room;
  }
  f.path = of3_arena_strdup(l->arena, path);
  f.key = of3_arena_strndup(l->arena, name, n_key);
  if (!f.path || !f.key) return of3_fail_memory(err, path);
  l->file[l->n++] = f;
  return OF3_OK;
}

/* ---- Folders */

/* One line for all that is no alignment. */
static void msa_files_tell_aside(const char *folder, int n, const of3_str *names, const of3_log *log) {
  if (n && !names->failed)
    of3_logf(log, OF3_LOG_INFO,
             "'%s': %s left aside; alignments are files that end in .a3m, .sto, .npz, .a3m.gz or .sto.gz",
             folder, names->text);
}

static of3_status msa_files_add_all(lister *l, const char *folder, const char *const *name, int n,
                                    of3_str *aside, int *ret_aside, of3_error *err) {
  enum { MOST_NAMED = 8 };
  int n_aside = 0;
  for (int i = 0; i < n; i++) {
    bool is_alignment = false;
    char *path = of3_path_join(l->arena, folder, name[i]);
    if (!path) return of3_fail_memory(err, folder);
    if (!of3_is_file(path)) continue;
    OF3_TRY(msa_files_add(l, path, true, &is_alignment, err));
    if (!is_alignment && n_aside++ < MOST_NAMED)
      of3_str_addf(aside, "%s%s", n_aside > 1 ? ", " : "", name[i]);
  }
  if (n_aside > MOST_NAMED) of3_str_addf(aside, " and %d others", n_aside - MOST_NAMED);
  *ret_aside = n_aside;
  return OF3_OK;
}

static of3_status msa_files_add_folder(lister *l, const char *folder, const of3_log *log, of3_error *err) {
  const char **name = NULL;
  int n = 0, n_aside = 0, before = l->n;
  of3_str aside = {0};
  OF3_TRY(of3_list_folder(folder, l->arena, &name, &n, err));
  of3_status status = msa_files_add_all(l, folder, name, n, &aside, &n_aside, err);
  if (status == OF3_OK && l->n == before)
    status = of3_fail(err, OF3_ERR_INPUT, "the folder '%s' holds no .a3m, .sto or .npz file", folder);
  if (status == OF3_OK) msa_files_tell_aside(folder, n_aside, &aside, log);
  of3_str_free(&aside);
  return status;
}

/* ---- All of them */

static int msa_files_by_path(const void *pa, const void *pb) {
  const of3_msa_file *a = pa, *b = pb;
  int c = strcmp(a->path, b->path);
  return c ? c : a->in_folder - b->in_folder;
}

of3_status of3_msa_list_files(int n_path, const char *const *paths, const of3_log *log, of3_arena *arena,
                              of3_msa_file **ret_file, int *ret_n, of3_error *err) {
  lister l = {.arena = arena};
  for (int i = 0; i < n_path; i++) {
    const char *path = paths[i];
    bool is_alignment = true;
    OF3_TRY(of3_is_folder(path) ? msa_files_add_folder(&l, path, log, err)
                                : msa_files_add(&l, path, false, &is_alignment, err));
    if (!is_alignment)
      return of3_fail(err, OF3_ERR_INPUT,
                      "'%s': the name of an alignment must end in .a3m, .sto or .npz (.gz behind it for the "
                      "first two)",
                      path);
  }
  if (l.n) qsort(l.file, (size_t)l.n, sizeof *l.file, msa_files_by_path);
  int kept = 0; /* a file named twice is read once */
  for (int i = 0; i < l.n; i++)
    if (kept == 0 || strcmp(l.file[kept - 1].path, l.file[i].path) != 0) l.file[kept++] = l.file[i];
  *ret_file = l.file;
  *ret_n = kept;
  return OF3_OK;
}
