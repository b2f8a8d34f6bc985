#define _GNU_SOURCE
#define _POSIX_C_SOURCE 200809L
#include "write/replacement.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#ifdef __linux__
#include <sys/syscall.h>
#endif

#include "base/file.h"
#include "base/target.h"
#include "write/names.h"

/* A link stays, and what it leads to is replaced. */
static of3_status follow_home(of3_replacement *s, of3_arena *arena, of3_error *err) {
  struct stat st;
  if (lstat(s->home, &st) != 0 || !S_ISLNK(st.st_mode)) return OF3_OK;
  char *real = realpath(s->home, NULL);
  if (!real)
    return of3_fail(err, OF3_ERR_IO, "cannot put results in the place of '%s', which is a link: %s", s->home,
                    strerror(errno));
  s->home = of3_arena_strdup(arena, real);
  free(real);
  return s->home ? OF3_OK : of3_fail_memory(err, "a path");
}

of3_status of3_replacement_of(const char *out, const char *query, uint64_t seed, of3_arena *arena,
                              of3_replacement *ret, of3_error *err) {
  const char *slash = out[strlen(out) - 1] == '/' ? "" : "/";
  *ret = (of3_replacement){
      .query = query,
      .seed = seed,
      .folder = of3_arena_printf(arena, "%s%s" OF3_STAGE_NAME "/new_%" PRIu64 ".%s", out, slash, seed, query),
      .old = of3_arena_printf(arena, "%s%s" OF3_STAGE_NAME "/old_%" PRIu64 ".%s", out, slash, seed, query),
      .home = of3_arena_printf(arena, "%s%s%s/seed_%" PRIu64, out, slash, query, seed),
      .parent = of3_arena_printf(arena, "%s%s%s", out, slash, query)};
  if (!ret->folder || !ret->old || !ret->home || !ret->parent) return of3_fail_memory(err, "a path");
  return follow_home(ret, arena, err);
}

of3_status of3_replacement_check(const of3_replacement *s, of3_error *err) {
  const char *kind = of3_path_kind(s->home);
  if (!kind || of3_is_folder(s->home)) return OF3_OK;
  return of3_fail(
      err, OF3_ERR_IO,
      "cannot put results in the place of '%s': it is %s, which is not replaced; remove it or name another "
      "output folder",
      s->home, kind);
}

/* Of the files in the folder removes what of3 wrote; the rest moves home. What cannot be moved stays, and
 * with it the folder. */
static void retire(const of3_replacement *s, const char *folder) {
  DIR *d = opendir(folder);
  if (!d) return;
  const int from = dirfd(d), to = open(s->home, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  for (struct dirent *e; (e = readdir(d)) != NULL;) {
    struct stat st;
    if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0) continue;
    if (of3_is_result_name(e->d_name, s->query, s->seed))
      unlinkat(from, e->d_name, 0);
    else if (to >= 0 && fstatat(to, e->d_name, &st, AT_SYMLINK_NOFOLLOW) != 0)
      renameat(from, e->d_name, to, e->d_name);
  }
  if (to >= 0) close(to);
  closedir(d);
  rmdir(folder);
}

void of3_replacement_drop(const of3_replacement *s) { retire(s, s->folder); }

of3_status of3_replacement_begin(const of3_replacement *s, of3_error *err) {
  if (of3_is_folder(s->folder)) retire(s, s->folder);
  return of3_make_folder(s->folder, err);
}

bool of3_replacement_replaces(const of3_replacement *s) {
  struct stat st;
  return lstat(s->home, &st) == 0;
}

/* ---- On the disk */

static bool sync_at(int folder, const char *name) {
  int fd = openat(folder, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
  bool ok = fd >= 0 && (fsync(fd) == 0 || errno == EINVAL || errno == ENOTSUP);
  int reason = errno;
  if (fd >= 0) close(fd);
  errno = reason;
  return ok;
}

of3_status of3_replacement_sync(const of3_replacement *s, of3_error *err) {
  DIR *d = opendir(s->folder);
  if (!d)
    return errno == ENOMEM
               ? of3_fail_memory(err, s->folder)
               : of3_fail(err, OF3_ERR_IO, "cannot open the folder '%s': %s", s->folder, strerror(errno));
  of3_status status = OF3_OK;
  for (struct dirent *e; status == OF3_OK && (e = readdir(d)) != NULL;)
    if (strcmp(e->d_name, "..") != 0 && !sync_at(dirfd(d), e->d_name))
      status = of3_fail(err, OF3_ERR_IO, "cannot write '%s/%s' to the disk: %s", s->folder, e->d_name,
                        strerror(errno));
  closedir(d);
  return status;
}

static void sync_folder(const char *path) {
  int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return;
  fsync(fd);
  close(fd);
}

/* ---- Exchange */

/* false: this file system cannot, or it failed; errno says why. */
static bool exchange(const char *a, const char *b) {
#if defined(__APPLE__)
  return renamex_np(a, b, RENAME_SWAP) == 0;
#elif defined(SYS_renameat2)
  enum { EXCHANGE = 2 }; /* RENAME_EXCHANGE, which not every C library names */
  return syscall(SYS_renameat2, AT_FDCWD, a, AT_FDCWD, b, EXCHANGE) == 0;
#else
  (void)a, (void)b;
  errno = ENOSYS;
  return false;
#endif
}

static of3_status commit_failed(const of3_replacement *s, of3_error *err) {
  if (errno == EXDEV)
    return of3_fail(err, OF3_ERR_IO,
                    "cannot put new results in the place of '%s': it lies on another file system than the "
                    "output folder",
                    s->home);
  return of3_fail(err, OF3_ERR_IO, "cannot put new results in the place of '%s': %s", s->home,
                  strerror(errno));
}

/* Where folders cannot be exchanged. */
static of3_status commit_by_two_renames(const of3_replacement *s, of3_error *err) {
  if (rename(s->home, s->old) != 0) return commit_failed(s, err);
  if (rename(s->folder, s->home) != 0) {
    of3_status status = commit_failed(s, err);
    rename(s->old, s->home);
    return status;
  }
  sync_folder(s->parent);
  retire(s, s->old);
  return OF3_OK;
}

of3_status of3_replacement_commit(const of3_replacement *s, of3_error *err) {
  OF3_TRY(of3_replacement_check(s, err));
  OF3_TRY(of3_make_folder(s->parent, err));
  if (!of3_replacement_replaces(s)) return rename(s->folder, s->home) == 0 ? OF3_OK : commit_failed(s, err);
  if (exchange(s->folder, s->home)) {
    sync_folder(s->parent); /* before the old results go */
    retire(s, s->folder);
    return OF3_OK;
  }
  if (errno == EINVAL || errno == ENOSYS || errno == ENOTSUP || errno == EPERM)
    return commit_by_two_renames(s, err);
  return commit_failed(s, err);
}

/* ---- After a killed process */

static bool has_manifest(const char *folder) {
  struct stat st;
  int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  bool found = fd >= 0 && fstatat(fd, OF3_MANIFEST_NAME, &st, 0) == 0;
  if (fd >= 0) close(fd);
  return found;
}

/* A place that is empty was left between two renames: the new results go there if they are complete. */
static of3_status recover_seed(const of3_replacement *s, of3_error *err) {
  if (of3_is_folder(s->old) && !of3_replacement_replaces(s) &&
      rename(has_manifest(s->folder) ? s->folder : s->old, s->home) != 0)
    return commit_failed(s, err);
  if (of3_is_folder(s->old)) retire(s, s->old);
  if (of3_is_folder(s->folder)) retire(s, s->folder);
  return OF3_OK;
}

/* "new_42.QUERY" or "old_42.QUERY" */
static bool parse_stage(const char *name, uint64_t *seed, const char **query) {
  if (strncmp(name, "new_", 4) != 0 && strncmp(name, "old_", 4) != 0) return false;
  size_t digits = strspn(name + 4, "0123456789");
  *seed = strtoull(name + 4, NULL, 10);
  *query = name + 4 + digits + 1;
  return digits > 0 && name[4 + digits] == '.' && **query;
}

static of3_status recover(DIR *d, const char *out, of3_arena *arena, of3_error *err) {
  for (struct dirent *e; (e = readdir(d)) != NULL;) {
    of3_replacement s;
    uint64_t seed = 0;
    const char *query = NULL;
    char *name = of3_arena_strdup(arena, e->d_name);
    if (!name) return of3_fail_memory(err, out);
    if (!parse_stage(name, &seed, &query)) continue;
    OF3_TRY(of3_replacement_of(out, query, seed, arena, &s, err));
    OF3_TRY(recover_seed(&s, err));
  }
  return OF3_OK;
}

of3_status of3_replacement_recover(const char *out, of3_error *err) {
  of3_arena *arena = of3_arena_new(0);
  char *stages = arena ? of3_path_join(arena, out, OF3_STAGE_NAME) : NULL;
  of3_status status = stages ? OF3_OK : of3_fail_memory(err, out);
  DIR *d = stages ? opendir(stages) : NULL;
  if (d)
    status = recover(d, out, arena, err);
  else if (stages && errno == ENOMEM)
    status = of3_fail_memory(err, stages);
  if (d) closedir(d);
  of3_arena_free(arena);
  return status;
}

void of3_replacement_close(const char *out) {
  int fd = open(out, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return;
  unlinkat(fd, OF3_STAGE_NAME, AT_REMOVEDIR);
  close(fd);
}
