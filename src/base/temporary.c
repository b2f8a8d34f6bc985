#define _DEFAULT_SOURCE
#define _POSIX_C_SOURCE 200809L
#include "base/temporary.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

/* The clock serves where the system has no random numbers; names are created exclusively in any case. */
uint64_t of3_random_word(void) {
  uint64_t word = 0;
  struct timespec now;
  if (getentropy(&word, sizeof word) == 0) return word;
  clock_gettime(CLOCK_REALTIME, &now);
  word = (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
  return (word ^ (uint64_t)getpid() << 32) * 0x9e3779b97f4a7c15u;
}

int of3_temporary_open(const char *path, char **ret_name) {
  enum { ENDING = 32, TRIES = 100 };
  size_t n = strlen(path) + ENDING;
  char *name = malloc(n);
  int fd = -1;
  *ret_name = NULL;
  if (!name) {
    errno = ENOMEM;
    return -1;
  }
  for (int k = 0; k < TRIES; k++) {
    snprintf(name, n, "%s.tmp-%016" PRIx64, path, of3_random_word());
    fd = open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0666);
    if (fd >= 0 || errno != EEXIST) break;
  }
  if (fd >= 0) {
    *ret_name = name;
    return fd;
  }
  int reason = errno;
  free(name);
  errno = reason;
  return -1;
}

bool of3_is_temporary_name(const char *name) {
  const char *at = strstr(name, ".tmp-");
  for (const char *next = at; next; next = strstr(at + 1, ".tmp-")) at = next;
  if (!at) return false;
  at += strlen(".tmp-");
  return *at && at[strspn(at, "0123456789abcdef")] == 0;
}
