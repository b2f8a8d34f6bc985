/* Loaded before the C library (LD_PRELOAD), a disk that is slow or lacks what not all file systems have. The
 * environment variable POOR_DISK names how: "slow" (every change of a name and every fsync takes 20 ms),
 * "noexchange" (folders cannot be exchanged, as on NFS), "nolink" (no hard links), "noflock" (no locks). */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

int flock(int fd, int operation);

static bool is(const char *what) {
  const char *how = getenv("POOR_DISK");
  return how && strstr(how, what);
}

static void wait_if_slow(void) {
  const struct timespec t = {.tv_nsec = 20000000};
  if (is("slow")) nanosleep(&t, NULL);
}

/* Function pointers from dlsym, without a cast that ISO C forbids. */
#define REAL(type, name)                                                                                     \
  type real;                                                                                                 \
  void *found = dlsym(RTLD_NEXT, name);                                                                      \
  memcpy(&real, &found, sizeof real)

typedef int two_names(const char *, const char *);
typedef int one_fd(int);
typedef int fd_and_flag(int, int);
typedef long six_words(long, long, long, long, long, long, long);

int rename(const char *from, const char *to) {
  REAL(two_names *, "rename");
  wait_if_slow();
  return real(from, to);
}

int link(const char *from, const char *to) {
  REAL(two_names *, "link");
  wait_if_slow();
  if (is("nolink")) return errno = EPERM, -1;
  return real(from, to);
}

int fsync(int fd) {
  REAL(one_fd *, "fsync");
  wait_if_slow();
  return real(fd);
}

int flock(int fd, int operation) {
  REAL(fd_and_flag *, "flock");
  if (is("noflock")) return errno = ENOLCK, -1;
  return real(fd, operation);
}

long syscall(long number, ...) {
  REAL(six_words *, "syscall");
  long a[6];
  va_list ap;
  va_start(ap, number);
  for (int k = 0; k < 6; k++) a[k] = va_arg(ap, long);
  va_end(ap);
#ifdef SYS_renameat2
  if (number == SYS_renameat2) {
    wait_if_slow();
    if (is("noexchange")) return errno = EINVAL, -1;
  }
#endif
  return real(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}
