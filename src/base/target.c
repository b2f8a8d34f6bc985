#define _DEFAULT_SOURCE /* S_IFSOCK */
#include "base/target.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const char *of3_file_kind(unsigned mode) {
  switch (mode & S_IFMT) {
  case S_IFDIR:
    return "a folder";
  case S_IFIFO:
    return "a FIFO";
  case S_IFSOCK:
    return "a socket";
  case S_IFCHR:
    return "a character device";
  case S_IFBLK:
    return "a block device";
  default:
    return "a regular file";
  }
}

const char *of3_path_kind(const char *path) {
  struct stat st;
  return stat(path, &st) == 0 ? of3_file_kind(st.st_mode) : NULL;
}

static of3_status not_readable(const char *path, unsigned mode, of3_error *err) {
  return of3_fail(err, OF3_ERR_IO, "cannot read '%s': it is %s, and only regular files are read", path,
                  of3_file_kind(mode));
}

of3_status of3_open_for_reading(const char *path, int *ret_fd, struct stat *ret_stat, of3_error *err) {
  if (stat(path, ret_stat) == 0 && !S_ISREG(ret_stat->st_mode))
    return not_readable(path, ret_stat->st_mode, err);
  int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY); /* what came between may block */
  if (fd < 0) return of3_fail(err, OF3_ERR_IO, "cannot open '%s': %s", path, strerror(errno));
  if (fstat(fd, ret_stat) != 0 || !S_ISREG(ret_stat->st_mode)) {
    close(fd);
    return not_readable(path, ret_stat->st_mode, err);
  }
  *ret_fd = fd;
  return OF3_OK;
}

/* ---- Targets */

/* The number of the descriptor that a name stands for, or -1. */
static int descriptor_named(const char *path) {
  static const char *const folders[] = {"/dev/fd/", "/proc/self/fd/"};
  if (strcmp(path, "/dev/stdout") == 0) return STDOUT_FILENO;
  if (strcmp(path, "/dev/stderr") == 0) return STDERR_FILENO;
  for (int i = 0; i < 2; i++) {
    size_t n = strlen(folders[i]);
    if (strncmp(path, folders[i], n) != 0) continue;
    size_t digits = strspn(path + n, "0123456789");
    if (digits > 0 && digits < 7 && path[n + digits] == 0) return atoi(path + n);
  }
  return -1;
}

/* The path of a link's text: relative to the link's folder, unless it is absolute. Owned; NULL: no memory. */
static char *beside(const char *link, const char *text) {
  const char *slash = text[0] == '/' ? NULL : strrchr(link, '/');
  size_t folder = slash ? (size_t)(slash - link) + 1 : 0, n = strlen(text);
  char *path = malloc(folder + n + 1);
  if (!path) return NULL;
  memcpy(path, link, folder);
  memcpy(path + folder, text, n + 1);
  return path;
}

/* Follows the last component of *path while it is a link: to a descriptor's name, or to something that is no
 * link and need not exist. */
static of3_status follow_links(char **path, of3_error *err) {
  enum { MOST_LINKS = 40 };
  char text[PATH_MAX];
  for (int i = 0; i < MOST_LINKS && descriptor_named(*path) < 0; i++) {
    ssize_t n = readlink(*path, text, sizeof text - 1);
    if (n < 0) return OF3_OK; /* no link, or nothing at all */
    text[n] = 0;
    char *next = beside(*path, text);
    if (!next) return of3_fail_memory(err, *path);
    free(*path);
    *path = next;
  }
  return OF3_OK;
}

static of3_status cannot_write(const char *path, const char *why, of3_error *err) {
  return of3_fail(err, OF3_ERR_IO, "cannot write '%s': %s", path, why);
}

static of3_status open_device(const char *path, of3_target *out, of3_error *err) {
  struct stat st;
  int fd = open(path, O_WRONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
  if (fd < 0) return cannot_write(path, strerror(errno), err);
  int flags = fcntl(fd, F_GETFL);
  if (fstat(fd, &st) != 0 || !S_ISCHR(st.st_mode) || flags < 0 ||
      fcntl(fd, F_SETFL, flags & ~O_NONBLOCK) != 0) {
    close(fd);
    return cannot_write(path, "it is no longer what it was", err);
  }
  out->fd = fd;
  return OF3_OK;
}

/* path: behind all links. */
static of3_status find_target(const char *name, const char *path, of3_target *out, of3_error *err) {
  struct stat st;
  int descriptor = descriptor_named(path);
  if (descriptor >= 0) {
    out->fd = fcntl(descriptor, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
    return out->fd >= 0 ? OF3_OK : cannot_write(name, strerror(errno), err);
  }
  if (lstat(path, &st) != 0) return errno == ENOENT ? OF3_OK : cannot_write(name, strerror(errno), err);
  if (S_ISREG(st.st_mode)) return OF3_OK;
  if (S_ISCHR(st.st_mode)) return open_device(path, out, err);
  if (S_ISLNK(st.st_mode)) return cannot_write(name, strerror(ELOOP), err);
  return of3_fail(err, OF3_ERR_IO,
                  "cannot write '%s': it is %s, which is not replaced; remove it or name another file", name,
                  of3_file_kind(st.st_mode));
}

of3_status of3_target_find(const char *path, of3_target *out, of3_error *err) {
  *out = (of3_target){.fd = -1};
  char *file = beside("", path);
  if (!file) return of3_fail_memory(err, path);
  of3_status status = follow_links(&file, err);
  if (status == OF3_OK) status = find_target(path, file, out, err);
  if (status == OF3_OK && out->fd < 0)
    out->file = file;
  else
    free(file);
  return status;
}
