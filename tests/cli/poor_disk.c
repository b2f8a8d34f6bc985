/* Loaded before the C library (LD_PRELOAD), a disk that is slow, lacks what not all file systems have, or
 * fails. The environment variable POOR_DISK names how, several words if need be:
 *
 *   slow            every change of a name and every fsync takes 20 ms
 *   noexchange      folders cannot be exchanged, as on NFS
 *   nolink          no hard links
 *   noflock         no locks
 *   nocase          names below the current folder that differ in case, or in the form of an e with an acute
 * accent, are one name, spelled as it was created: as on the disks of macOS and Windows count=FILE writes
 * into FILE how many changes there were: a file created, written, renamed, linked or removed, a folder
 * created or removed, an fsync fail=N          the N-th change fails full=N          from the N-th on
 * whatever takes room fails, as on a full disk kill=N          the process is killed before the N-th */
#define _GNU_SOURCE
#include <ctype.h>
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

int flock(int fd, int operation);

static const char *value_of(const char *what) {
  const char *how = getenv("POOR_DISK"), *at = how ? strstr(how, what) : NULL;
  return at ? at + strlen(what) : NULL;
}

static bool is(const char *what) { return value_of(what) != NULL; }

static void wait_if_slow(void) {
  const struct timespec t = {.tv_nsec = 20000000};
  if (is("slow")) nanosleep(&t, NULL);
}

/* Function pointers from dlsym, without a cast that ISO C forbids. */
#define REAL_AS(type, real_, name)                                                                           \
  type *real_;                                                                                               \
  do {                                                                                                       \
    void *found = dlsym(RTLD_NEXT, name);                                                                    \
    memcpy(&real_, &found, sizeof real_);                                                                    \
  } while (0)
#define REAL(type, name) REAL_AS(type, real, name)

typedef int path_fn(const char *);
typedef int two_names(const char *, const char *);
typedef int two_names_at(int, const char *, int, const char *);
typedef int one_fd(int);
typedef int fd_and_flag(int, int);
typedef int open_fn(const char *, int, ...);
typedef int openat_fn(int, const char *, int, ...);
typedef int mkdir_fn(const char *, mode_t);
typedef int unlinkat_fn(int, const char *, int);
typedef int stat_fn(const char *, struct stat *);
typedef int fstatat_fn(int, const char *, struct stat *, int);
typedef DIR *opendir_fn(const char *);
typedef ssize_t write_fn(int, const void *, size_t);
typedef ssize_t pwrite_fn(int, const void *, size_t, off_t);
typedef char *realpath_fn(const char *, char *);
typedef ssize_t readlink_fn(const char *, char *, size_t);
typedef FILE *fdopen_fn(int, const char *);
typedef int fileno_fn(FILE *);
typedef long six_words(long, long, long, long, long, long, long);

/* ---- Changes that fail */

static atomic_long changes;

static long number_of(const char *what) {
  const char *v = value_of(what);
  return v ? atol(v) : 0;
}

/* Whether this change fails; errno says why. */
static bool fails(bool takes_room) {
  const long n = atomic_fetch_add(&changes, 1) + 1, full = number_of("full=");
  if (n == number_of("kill=")) {
    kill(getpid(), SIGKILL);
    for (;;) pause();
  }
  if (n != number_of("fail=") && !(full && takes_room && n >= full)) return false;
  errno = takes_room ? ENOSPC : EIO;
  return true;
}

__attribute__((destructor)) static void write_count(void) {
  const char *path = value_of("count=");
  FILE *f = path ? fopen(path, "w") : NULL;
  if (!f) return;
  fprintf(f, "%ld\n", atomic_load(&changes));
  fclose(f);
}

/* ---- Names without case */

/* The letters that the disk compares: small ones, with accents behind them. Returns how many bytes of the
 * name these are. */
static size_t fold_letter(const char *name, char out[4]) {
  const unsigned char *b = (const unsigned char *)name;
  memset(out, 0, 4);
  if (b[0] == 0xc3 && (b[1] == 0xa9 || b[1] == 0x89)) return memcpy(out, "e\xcc\x81", 3), 2;
  out[0] = (char)tolower(b[0]);
  return 1;
}

static bool same_name(const char *a, const char *b) {
  char x[4], y[4], left[2 * NAME_MAX + 4] = "", right[2 * NAME_MAX + 4] = "";
  if (strlen(a) > NAME_MAX || strlen(b) > NAME_MAX) return false;
  for (; *a; strcat(left, x)) a += fold_letter(a, x);
  for (; *b; strcat(right, y)) b += fold_letter(b, y);
  return strcmp(left, right) == 0;
}

/* The spelling under which the disk keeps what out ends with, its last component from `at` on. */
static void respell(int folder, char *out, size_t at) {
  char parent[PATH_MAX];
  struct stat st;
  REAL(fstatat_fn, "fstatat");
  if (real(folder, out, &st, AT_SYMLINK_NOFOLLOW) == 0) return;
  memcpy(parent, out, at);
  memcpy(parent + at, ".", 2);
  REAL_AS(openat_fn, real_open, "openat");
  const int fd = real_open(folder, parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
  for (struct dirent *e; d && (e = readdir(d)) != NULL;)
    if (same_name(e->d_name, out + at)) {
      memcpy(out + at, e->d_name, strlen(e->d_name) + 1);
      break;
    }
  if (d) closedir(d);
}

/* The path as the disk finds it, component by component. */
static const char *find(int folder, const char *path, char out[PATH_MAX]) {
  size_t n = 0;
  if (!is("nocase") || path[0] == '/' || strlen(path) >= PATH_MAX - NAME_MAX) return path;
  while (*path) {
    const size_t part = strcspn(path, "/"), at = n;
    memcpy(out + n, path, part);
    out[n += part] = 0;
    path += part;
    if (part) respell(folder, out, at);
    n = strlen(out);
    for (; *path == '/'; path++) out[n++] = '/';
    out[n] = 0;
  }
  return out;
}

/* ---- The calls */

#define FOUND(path) find(AT_FDCWD, (path), (char[PATH_MAX]){0})

static int open_mode(int flags, va_list ap) { return flags & (O_CREAT | O_TMPFILE) ? va_arg(ap, int) : 0; }

int open(const char *path, int flags, ...) {
  REAL(open_fn, "open");
  va_list ap;
  va_start(ap, flags);
  const int mode = open_mode(flags, ap);
  va_end(ap);
  if (flags & O_CREAT && fails(true)) return -1;
  return real(FOUND(path), flags, mode);
}

int openat(int folder, const char *path, int flags, ...) {
  REAL(openat_fn, "openat");
  va_list ap;
  va_start(ap, flags);
  const int mode = open_mode(flags, ap);
  va_end(ap);
  if (flags & O_CREAT && fails(true)) return -1;
  return real(folder, find(folder, path, (char[PATH_MAX]){0}), flags, mode);
}

int mkdir(const char *path, mode_t mode) {
  REAL(mkdir_fn, "mkdir");
  if (fails(true)) return -1;
  return real(FOUND(path), mode);
}

int rename(const char *from, const char *to) {
  REAL(two_names, "rename");
  wait_if_slow();
  if (fails(false)) return -1;
  return real(FOUND(from), FOUND(to));
}

int renameat(int a, const char *from, int b, const char *to) {
  REAL(two_names_at, "renameat");
  if (fails(false)) return -1;
  return real(a, find(a, from, (char[PATH_MAX]){0}), b, find(b, to, (char[PATH_MAX]){0}));
}

int link(const char *from, const char *to) {
  REAL(two_names, "link");
  wait_if_slow();
  if (is("nolink")) return errno = EPERM, -1;
  if (fails(true)) return -1;
  return real(FOUND(from), FOUND(to));
}

int unlink(const char *path) {
  REAL(path_fn, "unlink");
  if (fails(false)) return -1;
  return real(FOUND(path));
}

int unlinkat(int folder, const char *path, int flags) {
  REAL(unlinkat_fn, "unlinkat");
  if (fails(false)) return -1;
  return real(folder, find(folder, path, (char[PATH_MAX]){0}), flags);
}

int rmdir(const char *path) {
  REAL(path_fn, "rmdir");
  if (fails(false)) return -1;
  return real(FOUND(path));
}

int stat(const char *path, struct stat *st) {
  REAL(stat_fn, "stat");
  return real(FOUND(path), st);
}

int lstat(const char *path, struct stat *st) {
  REAL(stat_fn, "lstat");
  return real(FOUND(path), st);
}

int fstatat(int folder, const char *path, struct stat *st, int flags) {
  REAL(fstatat_fn, "fstatat");
  return real(folder, find(folder, path, (char[PATH_MAX]){0}), st, flags);
}

DIR *opendir(const char *path) {
  REAL(opendir_fn, "opendir");
  return real(FOUND(path));
}

char *realpath(const char *path, char *out) {
  REAL(realpath_fn, "realpath");
  return real(FOUND(path), out);
}

ssize_t readlink(const char *path, char *out, size_t n) {
  REAL(readlink_fn, "readlink");
  return real(FOUND(path), out, n);
}

int fsync(int fd) {
  REAL(one_fd, "fsync");
  wait_if_slow();
  if (fails(true)) return -1;
  return real(fd);
}

int flock(int fd, int operation) {
  REAL(fd_and_flag, "flock");
  if (is("noflock")) return errno = ENOLCK, -1;
  return real(fd, operation);
}

ssize_t write(int fd, const void *bytes, size_t n) {
  REAL(write_fn, "write");
  if (fd > STDERR_FILENO && fails(true)) return -1;
  return real(fd, bytes, n);
}

ssize_t pwrite(int fd, const void *bytes, size_t n, off_t at) {
  REAL(pwrite_fn, "pwrite");
  if (fails(true)) return -1;
  return real(fd, bytes, n, at);
}

long syscall(long number, ...) {
  REAL(six_words, "syscall");
  long a[6];
  va_list ap;
  va_start(ap, number);
  for (int k = 0; k < 6; k++) a[k] = va_arg(ap, long);
  va_end(ap);
#ifdef SYS_renameat2
  if (number == SYS_renameat2) {
    char from[PATH_MAX], to[PATH_MAX], *path;
    wait_if_slow();
    if (is("noexchange")) return errno = EINVAL, -1;
    if (fails(false)) return -1;
    memcpy(&path, &a[1], sizeof path);
    a[1] = (long)find((int)a[0], path, from);
    memcpy(&path, &a[3], sizeof path);
    a[3] = (long)find((int)a[2], path, to);
  }
#endif
  return real(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}

/* ---- Streams: the C library's own write to files past the calls above */

enum { MOST_STREAMS = 256 };
static struct {
  FILE *f;
  int fd;
} streams[MOST_STREAMS];

static ssize_t stream_write(void *cookie, const char *bytes, size_t n) {
  const int fd = *(int *)cookie;
  ssize_t done = write(fd, bytes, n);
  return done < 0 ? 0 : done; /* which the C library takes for an error */
}

static int stream_seek(void *cookie, off64_t *at, int whence) {
  const off_t now = lseek(*(int *)cookie, *at, whence);
  if (now < 0) return -1;
  *at = now;
  return 0;
}

static int stream_close(void *cookie) {
  const int fd = *(int *)cookie;
  *(int *)cookie = -1;
  return close(fd);
}

FILE *fdopen(int fd, const char *mode) {
  static atomic_int next;
  REAL(fdopen_fn, "fdopen");
  if (!strchr(mode, 'w') || fd <= STDERR_FILENO) return real(fd, mode);
  const int k = atomic_fetch_add(&next, 1) % MOST_STREAMS;
  const cookie_io_functions_t calls = {.write = stream_write, .seek = stream_seek, .close = stream_close};
  streams[k].fd = fd;
  streams[k].f = fopencookie(&streams[k].fd, "w", calls);
  if (streams[k].f) setvbuf(streams[k].f, NULL, _IOFBF, 1 << 16);
  return streams[k].f;
}

int fileno(FILE *f) {
  REAL(fileno_fn, "fileno");
  for (int k = 0; k < MOST_STREAMS; k++)
    if (f && streams[k].f == f && streams[k].fd >= 0) return streams[k].fd;
  return real(f);
}
