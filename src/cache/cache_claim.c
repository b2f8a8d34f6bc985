/* Claims are locks of the system on CACHE/v1/claims/KEY, which end with the process. The file is removed by
 * whoever holds it, so that a lock is worth something only if the file is still the one of that name. */
#define _DEFAULT_SOURCE
#define _POSIX_C_SOURCE 200809L
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "cache/cache_parts.h"

struct of3_cache_claim {
  int fd;
  char path[CACHE_PATH];
};

static bool is_file_of_name(int fd, const char *path) {
  struct stat mine, there;
  return fstat(fd, &mine) == 0 && lstat(path, &there) == 0 && mine.st_ino == there.st_ino &&
         mine.st_dev == there.st_dev;
}

typedef enum claim_try { CLAIM_TAKEN, CLAIM_BUSY, CLAIM_IMPOSSIBLE } claim_try;

static claim_try try_claim(of3_cache *c, of3_cache_claim *claim) {
  claim->fd = open(claim->path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (claim->fd < 0) return CLAIM_IMPOSSIBLE;
  fchmod(claim->fd, of3_cache_file_mode(c));
  const bool locked = flock(claim->fd, LOCK_EX | LOCK_NB) == 0;
  const int reason = errno;
  if (locked && is_file_of_name(claim->fd, claim->path)) return CLAIM_TAKEN;
  close(claim->fd);
  return locked || reason == EWOULDBLOCK || reason == EINTR ? CLAIM_BUSY : CLAIM_IMPOSSIBLE;
}

/* The place for a claim; *ret_claim is NULL where there can be none. */
static of3_status make_claim(of3_cache *c, const of3_cache_request *request, of3_cache_claim **ret_claim,
                             of3_error *err) {
  char folder[CACHE_PATH];
  *ret_claim = NULL;
  if (!c) return OF3_OK;
  of3_cache_part_path(c, "claims", "", folder);
  if (!of3_cache_make_folder(c, folder)) return OF3_OK;
  of3_cache_claim *claim = calloc(1, sizeof *claim);
  if (!claim) return of3_fail_memory(err, "a claim");
  of3_cache_part_path(c, "claims", of3_cache_key_of(request).hex, claim->path);
  *ret_claim = claim;
  return OF3_OK;
}

of3_status of3_cache_claim_try(of3_cache *c, const of3_cache_request *request, bool *ret_busy,
                               of3_cache_claim **ret_claim, of3_error *err) {
  of3_cache_claim *claim;
  *ret_busy = false;
  *ret_claim = NULL;
  OF3_TRY(make_claim(c, request, &claim, err));
  if (!claim) return OF3_OK;
  const claim_try outcome = try_claim(c, claim);
  *ret_busy = outcome == CLAIM_BUSY;
  if (outcome == CLAIM_TAKEN)
    *ret_claim = claim;
  else
    free(claim);
  return OF3_OK;
}

of3_status of3_cache_claim_take(of3_cache *c, const of3_cache_request *request, of3_cancel *opt_cancel,
                                of3_cache_claim **ret_claim, of3_error *err) {
  const struct timespec pause = {.tv_nsec = 50000000};
  bool busy = true;
  while (busy) {
    OF3_TRY(of3_cache_claim_try(c, request, &busy, ret_claim, err));
    if (!busy) break;
    OF3_TRY(of3_go_on(opt_cancel, err));
    nanosleep(&pause, NULL);
  }
  return OF3_OK;
}

void of3_cache_claim_release(of3_cache_claim *claim) {
  if (!claim) return;
  unlink(claim->path);
  close(claim->fd);
  free(claim);
}
