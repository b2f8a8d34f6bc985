#define _DEFAULT_SOURCE
#define _POSIX_C_SOURCE 200809L
#include "base/lock_record.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#ifdef __APPLE__
#include <sys/sysctl.h>
#endif

#include "base/temporary.h"

#define FIRST_LINE "This folder is in use by of3.\n"

/* Only what prints, and no spaces: values end at the end of their line. */
static void clean_value(char *text) {
  text[strcspn(text, "\r\n")] = 0;
  for (char *c = text; *c; c++)
    if ((unsigned char)*c <= ' ' || (unsigned char)*c >= 0x7f) *c = '_';
}

/* What tells this kernel from others and from itself after a restart: the same in all its containers. */
static void machine_name(char out[OF3_LOCK_FIELD], const char *host) {
  out[0] = 0;
#ifdef __APPLE__
  size_t n = OF3_LOCK_FIELD - 1;
  if (sysctlbyname("kern.bootsessionuuid", out, &n, NULL, 0) != 0) out[0] = 0;
  out[OF3_LOCK_FIELD - 1] = 0;
#else
  int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
  ssize_t n = fd >= 0 ? read(fd, out, OF3_LOCK_FIELD - 1) : 0;
  if (fd >= 0) close(fd);
  out[n > 0 ? n : 0] = 0;
#endif
  clean_value(out);
  if (!out[0]) snprintf(out, OF3_LOCK_FIELD, "host-%.60s", host);
}

of3_lock_record of3_lock_record_make(uint64_t device) {
  of3_lock_record r = {.valid = true};
  time_t now = time(NULL);
  struct tm t = {0};
  gmtime_r(&now, &t);
  snprintf(r.token, sizeof r.token, "%016" PRIx64 "%016" PRIx64, of3_random_word(), of3_random_word());
  snprintf(r.device, sizeof r.device, "%" PRIx64, device);
  if (gethostname(r.host, sizeof r.host) != 0) snprintf(r.host, sizeof r.host, "unknown");
  r.host[sizeof r.host - 1] = 0;
  clean_value(r.host);
  machine_name(r.machine, r.host);
  snprintf(r.process, sizeof r.process, "%ld", (long)getpid());
  strftime(r.since, sizeof r.since, "%Y-%m-%dT%H:%M:%SZ", &t);
  snprintf(r.beat, sizeof r.beat, "0");
  return r;
}

bool of3_lock_record_write(int fd, const of3_lock_record *r) {
  char block[OF3_LOCK_BLOCK];
  int n = snprintf(block, sizeof block,
                   FIRST_LINE "token %s\nmachine %s\ndevice %s\nhost %s\nprocess %s\nsince %s\nbeat %s\n",
                   r->token, r->machine, r->device, r->host, r->process, r->since, r->beat);
  memset(block + n, ' ', sizeof block - (size_t)n);
  block[sizeof block - 1] = '\n';
  return pwrite(fd, block, sizeof block, 0) == (ssize_t)sizeof block;
}

static void get_value(const char *block, const char *name, char out[OF3_LOCK_FIELD]) {
  char start[16];
  int n = snprintf(start, sizeof start, "\n%s ", name);
  const char *at = strstr(block, start);
  snprintf(out, OF3_LOCK_FIELD, "%.*s", OF3_LOCK_FIELD - 1, at ? at + n : "");
  clean_value(out);
}

of3_lock_record of3_lock_record_read(int fd) {
  char block[OF3_LOCK_BLOCK + 1] = "";
  of3_lock_record r = {0};
  ssize_t n = pread(fd, block, OF3_LOCK_BLOCK, 0);
  if (n < 0) n = 0;
  block[n] = 0;
  r.valid = strncmp(block, FIRST_LINE, strlen(FIRST_LINE)) == 0;
  get_value(block, "token", r.token);
  get_value(block, "machine", r.machine);
  get_value(block, "device", r.device);
  get_value(block, "host", r.host);
  get_value(block, "process", r.process);
  get_value(block, "since", r.since);
  get_value(block, "beat", r.beat);
  return r;
}

of3_lock_record of3_lock_record_find(const char *path) {
  of3_lock_record r = {0};
  int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
  if (fd < 0) return r;
  r = of3_lock_record_read(fd);
  close(fd);
  return r;
}
