#define _DEFAULT_SOURCE
#define _POSIX_C_SOURCE 200809L
#include "base/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/target.h"
#include "base/temporary.h"

/* Metal is known to compute with shared mappings (as llama.cpp does); private ones more file systems have. */
#ifdef __APPLE__
enum { MAP_KIND = MAP_SHARED };
#else
enum { MAP_KIND = MAP_PRIVATE };
#endif

of3_status of3_map_open(const char *path, of3_map *out, of3_error *err) {
  int fd = -1;
  struct stat st;
  *out = (of3_map){.data = (const uint8_t *)""};
  OF3_TRY(of3_open_for_reading(path, &fd, &st, err));
  if (st.st_size > 0) {
    void *p = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_KIND, fd, 0);
    if (p == MAP_FAILED) {
      int e = errno;
      close(fd);
      return of3_fail(err, OF3_ERR_IO, "cannot map '%s': %s", path, strerror(e));
    }
    *out = (of3_map){.data = p, .size = (size_t)st.st_size};
  }
  close(fd);
  return OF3_OK;
}

void of3_map_close(of3_map *m) {
  if (m->size) munmap((void *)(uintptr_t)m->data, m->size);
  *m = (of3_map){0};
}

/* Linux maps the pages around one that is read along with it, 16 at most. */
void of3_map_release(const of3_map *m, const void *bytes, size_t n) {
#ifdef MADV_DONTNEED
  const size_t page = (size_t)sysconf(_SC_PAGESIZE), around = 16 * page,
               at = (size_t)((const uint8_t *)bytes - m->data);
  if ((const uint8_t *)bytes < m->data || at > m->size || n > m->size - at) return;
  const size_t begin = at > around ? (at - around) / page * page : 0;
  const size_t end = m->size - at - n > around ? at + n + around : m->size;
  madvise((void *)(uintptr_t)(m->data + begin), end - begin, MADV_DONTNEED);
#else
  (void)m, (void)bytes, (void)n;
#endif
}

of3_status of3_read_file(const char *path, size_t most, of3_arena *arena, char **ret_text, size_t *ret_size,
                         of3_error *err) {
  int fd = -1;
  struct stat st;
  OF3_TRY(of3_open_for_reading(path, &fd, &st, err));
  size_t size = (size_t)st.st_size, at = 0;
  if (size > most) {
    close(fd);
    return of3_fail(err, OF3_ERR_INPUT, "'%s' has %zu bytes; at most %zu are allowed for a file of this kind",
                    path, size, most);
  }
  char *text = of3_arena_alloc(arena, size + 1, 1);
  while (text && at < size) {
    ssize_t n = read(fd, text + at, size - at);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) break;
    at += (size_t)n;
  }
  close(fd);
  if (!text) return of3_fail_memory(err, path);
  if (at < size)
    return of3_fail(err, OF3_ERR_IO, "cannot read '%s': only %zu of %zu bytes came", path, at, size);
  *ret_text = text;
  *ret_size = size;
  return OF3_OK;
}

/* Opens a new file of a temporary name beside the one that is to be written. */
static of3_status out_open_temporary(of3_out *out, const char *path, of3_error *err) {
  int fd = of3_temporary_open(out->target, &out->temporary);
  if (fd >= 0) out->f = fdopen(fd, "wb");
  if (out->f) return OF3_OK;
  if (fd >= 0) close(fd);
  if (fd >= 0 || errno == ENOMEM) return of3_fail_memory(err, path);
  return of3_fail(err, OF3_ERR_IO, "cannot write '%s': %s", path, strerror(errno));
}

of3_status of3_out_open_any(of3_out *out, const char *path, of3_error *err) {
  of3_target target;
  *out = (of3_out){0};
  OF3_TRY(of3_target_find(path, &target, err));
  out->target = target.file;
  out->path = strdup(path);
  if (out->path && !out->target) out->f = fdopen(target.fd, "wb");
  of3_status status = OF3_OK;
  if (!out->path || (!out->target && !out->f))
    status = of3_fail_memory(err, path);
  else if (out->target)
    status = out_open_temporary(out, path, err);
  if (!out->f && target.fd >= 0) close(target.fd);
  if (status != OF3_OK) of3_out_abort(out);
  return status;
}

of3_status of3_out_open(of3_out *out, const char *path, of3_error *err) {
  OF3_TRY(of3_out_open_any(out, path, err));
  if (out->target) return OF3_OK;
  of3_out_abort(out);
  return of3_fail(err, OF3_ERR_IO,
                  "cannot write '%s': it is a device or an open descriptor, and only files are written there",
                  path);
}

/* Sets errno to why an earlier write failed, by trying to write more to what is lost anyway; 0: it works now.
 */
static void out_find_reason(const of3_out *out) {
  static const char more[1 << 12];
  errno = 0;
  for (int i = 0; i < 16 && !errno; i++)
    if (write(fileno(out->f), more, sizeof more) >= 0) errno = 0;
}

of3_status of3_out_commit(of3_out *out, of3_error *err) {
  bool bad = ferror(out->f) != 0;
  if (bad) out_find_reason(out);
  int reason = bad ? errno : 0;
  errno = 0;
  bad |= fflush(out->f) != 0;
  bad |= fclose(out->f) != 0;
  out->f = NULL;
  if (!bad && out->temporary) bad = rename(out->temporary, out->target) != 0;
  if (!reason) reason = errno;
  of3_status status = OF3_OK;
  if (bad)
    status = of3_fail(err, OF3_ERR_IO, "cannot write '%s': %s", out->path,
                      reason ? strerror(reason) : "the disk may be full");
  else {
    free(out->temporary);
    out->temporary = NULL;
  }
  of3_out_abort(out);
  return status;
}

void of3_out_abort(of3_out *out) {
  if (out->f) fclose(out->f);
  if (out->temporary) unlink(out->temporary);
  free(out->temporary);
  free(out->target);
  free(out->path);
  *out = (of3_out){0};
}

of3_status of3_write_file(const char *path, const void *bytes, size_t n, of3_error *err) {
  of3_out out = {0};
  OF3_TRY(of3_out_open(&out, path, err));
  fwrite(bytes, 1, n, out.f);
  return of3_out_commit(&out, err);
}

of3_status of3_sync(const char *path, of3_error *err) {
  const int fd = open(path, O_RDONLY | O_CLOEXEC);
  const bool ok = fd >= 0 && (fsync(fd) == 0 || errno == EINVAL || errno == ENOTSUP);
  const int reason = errno;
  if (fd >= 0) close(fd);
  if (ok) return OF3_OK;
  return of3_fail(err, OF3_ERR_IO, "cannot write '%s' to the disk: %s", path, strerror(reason));
}

static bool make_one(const char *path) {
  return mkdir(path, 0777) == 0 || (errno == EEXIST && of3_is_folder(path));
}

of3_status of3_make_folder(const char *path, of3_error *err) {
  size_t n = strlen(path);
  char *p = malloc(n + 1);
  if (!p) return of3_fail_memory(err, path);
  memcpy(p, path, n + 1);
  bool ok = true;
  for (size_t i = 1; ok && i < n; i++)
    if (p[i] == '/') {
      p[i] = 0;
      ok = make_one(p);
      p[i] = '/';
    }
  ok = ok && (n == 0 || make_one(p));
  int e = errno;
  free(p);
  if (ok) return OF3_OK;
  return of3_fail(err, OF3_ERR_IO, "cannot create the folder '%s': %s", path, strerror(e));
}

void of3_remove_files(const char *folder) {
  const int reason = errno, fd = open(folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
  if (!d && fd >= 0) close(fd);
  for (struct dirent *e; d && (e = readdir(d)) != NULL;)
    if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0) unlinkat(dirfd(d), e->d_name, 0);
  if (d) closedir(d);
  rmdir(folder);
  errno = reason;
}

bool of3_is_file(const char *path) {
  struct stat st;
  return stat(path, &st) == 0 && S_ISREG(st.st_mode);
}

bool of3_is_folder(const char *path) {
  struct stat st;
  return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

char *of3_path_join(of3_arena *arena, const char *folder, const char *name) {
  if (name[0] == '/' || !folder[0]) return of3_arena_strdup(arena, name);
  const char *slash = folder[strlen(folder) - 1] == '/' ? "" : "/";
  return of3_arena_printf(arena, "%s%s%s", folder, slash, name);
}

const char *of3_path_name(const char *path) {
  const char *slash = strrchr(path, '/');
  return slash ? slash + 1 : path;
}

char *of3_path_folder(of3_arena *arena, const char *path) {
  const char *name = of3_path_name(path);
  size_t n = (size_t)(name - path);
  if (n > 1) n--; /* keep "/" itself */
  return of3_arena_strndup(arena, path, n);
}
