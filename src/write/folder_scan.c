#define _DEFAULT_SOURCE
#define _POSIX_C_SOURCE 200809L
#include "write/folder_scan.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "write/names.h"
#include "write/replacement.h"

static of3_status cannot_open(const char *folder, of3_error *err) {
  if (errno == ENOMEM) return of3_fail_memory(err, folder);
  return of3_fail(err, OF3_ERR_IO, "cannot open the folder '%s': %s", folder, strerror(errno));
}

/* ---- The output folder */

static int scan_compare_names(const void *a, const void *b) {
  return strcmp(*(char *const *)a, *(char *const *)b);
}

typedef struct name_list {
  char **name;
  int n, cap;
} name_list;

static bool add_name(name_list *l, const char *name) {
  if (l->n == l->cap) {
    int cap = 2 * l->cap + 16;
    char **more = realloc(l->name, (size_t)cap * sizeof *more);
    if (!more) return false;
    l->name = more;
    l->cap = cap;
  }
  l->name[l->n] = strdup(name);
  return l->name[l->n] && ++l->n;
}

static void free_names(name_list *l) {
  for (int k = 0; k < l->n; k++) free(l->name[k]);
  free(l->name);
}

/* The folder of an output that holds NAME/NAME_best_model.* */
static bool is_query_folder(int out, const char *name) {
  char path[OF3_NAME_TEXT];
  struct stat st;
  for (int f = OF3_CIF; f <= OF3_PDB; f++) {
    int n = snprintf(path, sizeof path, "%s/%s_best_model.%s", name, name,
                     of3_structure_format_name((of3_structure_format)f));
    if (n > 0 && (size_t)n < sizeof path && fstatat(out, path, &st, 0) == 0 && S_ISREG(st.st_mode))
      return true;
  }
  return false;
}

static bool is_own_name(const char *name) {
  return strcmp(name, ".") == 0 || strcmp(name, "..") == 0 || strcmp(name, OF3_STAGE_NAME) == 0;
}

static of3_status scan_output(DIR *d, const char *out, const of3_folder_lock *lock, name_list *list,
                              of3_error *err) {
  for (struct dirent *e; (e = readdir(d)) != NULL;) {
    const char *name = e->d_name;
    if (of3_is_left_in_output(name) && unlinkat(dirfd(d), name, 0) == 0)
      continue; /* no folder of that name */
    if (strncmp(name, OF3_LOCK_NAME ".", strlen(OF3_LOCK_NAME) + 1) == 0)
      of3_folder_lock_clean(lock, name);
    else if (!is_own_name(name) && e->d_type != DT_REG && is_query_folder(dirfd(d), name) &&
             !add_name(list, name))
      return of3_fail_memory(err, out);
  }
  return OF3_OK;
}

of3_status of3_scan_output(const char *out, const of3_folder_lock *lock,
                           of3_status (*each)(void *user, const char *query, of3_error *err), void *user,
                           of3_error *err) {
  name_list list = {0};
  DIR *d = opendir(out);
  if (!d) return cannot_open(out, err);
  of3_status status = scan_output(d, out, lock, &list, err);
  closedir(d);
  if (list.n) qsort(list.name, (size_t)list.n, sizeof *list.name, scan_compare_names);
  for (int k = 0; k < list.n && status == OF3_OK; k++) status = each(user, list.name[k], err);
  free_names(&list);
  return status;
}

static bool is_listed(const name_list *list, const char *name) {
  return list->n && bsearch(&name, list->name, (size_t)list->n, sizeof *list->name, scan_compare_names);
}

of3_status of3_scan_spelling(const char *out, const char *const *name, int n,
                             void (*taken)(void *user, int k), void *user, of3_error *err) {
  name_list list = {0};
  struct stat st;
  bool ok = true;
  DIR *d = opendir(out);
  if (!d) return cannot_open(out, err);
  for (struct dirent *e; ok && (e = readdir(d)) != NULL;) ok = add_name(&list, e->d_name);
  if (ok && list.n) qsort(list.name, (size_t)list.n, sizeof *list.name, scan_compare_names);
  for (int k = 0; ok && k < n; k++)
    if (fstatat(dirfd(d), name[k], &st, AT_SYMLINK_NOFOLLOW) == 0 && !is_listed(&list, name[k]))
      taken(user, k);
  closedir(d);
  free_names(&list);
  return ok ? OF3_OK : of3_fail_memory(err, out);
}

/* ---- The folder of a query */

/* A complete seed. */
typedef struct seed_found {
  of3_manifest m;
  struct timespec written;
} seed_found;

typedef struct query_scan {
  const char *folder, *query;
  of3_arena *arena;
  seed_found *seed; /* [n] */
  int n, cap;
} query_scan;

static of3_status note_seed(query_scan *s, const char *folder, uint64_t seed, of3_error *err) {
  char why[OF3_ERROR_TEXT];
  of3_run_state state;
  seed_found found = {0};
  struct stat st;
  OF3_TRY(of3_manifest_read(folder, s->arena, &found.m, &state, why, err));
  if (state != OF3_RUN_COMPLETE || found.m.seed != seed || !of3_manifest_has_models(folder, &found.m))
    return OF3_OK;
  char *path = of3_path_join(s->arena, folder, OF3_MANIFEST_NAME);
  if (!path) return of3_fail_memory(err, folder);
  if (stat(path, &st) != 0) return OF3_OK;
#ifdef __APPLE__
  found.written = st.st_mtimespec;
#else
  found.written = st.st_mtim;
#endif
  if (s->n == s->cap) {
    seed_found *more = OF3_ARENA_NEW(s->arena, seed_found, 2 * s->cap + 8);
    if (!more) return of3_fail_memory(err, folder);
    if (s->n) memcpy(more, s->seed, (size_t)s->n * sizeof *more);
    s->seed = more;
    s->cap = 2 * s->cap + 8;
  }
  s->seed[s->n++] = found;
  return OF3_OK;
}

static bool is_later(struct timespec a, struct timespec b) {
  return a.tv_sec != b.tv_sec ? a.tv_sec > b.tv_sec : a.tv_nsec > b.tv_nsec;
}

static const char *newest_made_from(const query_scan *s) {
  const seed_found *newest = NULL;
  for (int k = 0; k < s->n; k++)
    if (!newest || is_later(s->seed[k].written, newest->written)) newest = &s->seed[k];
  return newest ? newest->m.made_from : NULL;
}

static of3_status scan_seeds(query_scan *s, bool (*leaves_out)(const void *user, uint64_t seed),
                             const void *user, of3_error *err) {
  DIR *d = opendir(s->folder);
  if (!d) return errno == ENOENT || errno == ENOTDIR ? OF3_OK : cannot_open(s->folder, err);
  of3_status status = OF3_OK;
  for (struct dirent *e; status == OF3_OK && (e = readdir(d)) != NULL;) {
    uint64_t seed = 0;
    if (of3_is_left_in_query(e->d_name, s->query)) unlinkat(dirfd(d), e->d_name, 0);
    if (!of3_is_seed_name(e->d_name, &seed) || (leaves_out && leaves_out(user, seed))) continue;
    char *folder = of3_path_join(s->arena, s->folder, e->d_name);
    status = folder ? note_seed(s, folder, seed, err) : of3_fail_memory(err, s->folder);
  }
  closedir(d);
  return status;
}

of3_status of3_scan_query(const char *out, const char *query, int number, const char *made_from,
                          bool (*leaves_out)(const void *user, uint64_t seed), const void *user,
                          of3_ranking *ranking, of3_error *err) {
  query_scan s = {.query = query, .arena = of3_arena_new(0)};
  if (s.arena) s.folder = of3_path_join(s.arena, out, query);
  of3_status status = s.folder ? scan_seeds(&s, leaves_out, user, err) : of3_fail_memory(err, query);
  if (status == OF3_OK && !made_from) made_from = newest_made_from(&s);
  for (int k = 0; k < s.n && status == OF3_OK; k++)
    if (strcmp(s.seed[k].m.made_from, made_from) == 0)
      status = of3_ranking_put(ranking, number, &s.seed[k].m, err);
  of3_arena_free(s.arena);
  return status;
}
