/* The lock on a folder: the rules are in folder_lock.h; this file is how they are tried, again and again
 * until one decides:
 *
 *   make_own       a temporary file with this process's record and the system's lock
 *   lock_try       link it to FOLDER/.of3-lock ............ done: LOCK_TAKEN               (rule 1)
 *                  no hard links here: create it exclusively
 *                  it exists: try_existing, with what its record says:
 *
 *     the system's lock is another's ...................... LOCK_HELD                      (rule 2)
 *     the name leads to another file meanwhile ............ LOCK_AGAIN
 *     the lock is ours, and the record is of this
 *       machine and mount: its process has died ........... take over: LOCK_TAKEN          (rule 2)
 *     else the counter is watched (watch_record):
 *       it has changed .................................... LOCK_HELD                      (rule 3)
 *       it stood still for stale_s ........................ write, wait settle_s, and if the record is still
 *                                                           this one: LOCK_TAKEN           (rule 3)
 *       neither yet ....................................... LOCK_UNKNOWN
 *
 *   lock_wait      repeats that; whether LOCK_HELD ends it is the caller's choice
 *
 * A thread then raises the counter every beat_s. It reads the record first, and stops for good when that is
 * no longer this process's: a process that was stopped for long must not write over its successor's. */
#define _DEFAULT_SOURCE
#define _POSIX_C_SOURCE 200809L
#include "base/folder_lock.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/cancel.h"
#include "base/clock.h"
#include "base/lock_record.h"
#include "base/temporary.h"

struct of3_folder_lock {
  char *folder, *path,
      *own; /* own: the name under which the file is made; NULL once it is linked or unused */
  int fd;   /* of the file that holds the record, with the system's lock */
  of3_lock_record record;
  double beat_s;
  pthread_t thread;
  pthread_mutex_t mutex;
  pthread_cond_t changed;
  bool has_thread, stop; /* stop: the mutex's */
};

of3_lock_options of3_lock_defaults(void) {
  return (of3_lock_options){.beat_s = 5, .stale_s = 30, .settle_s = 2};
}

/* ---- Time */

static bool is_asked_to_stop(const of3_lock_options *o) { return of3_cancelled(o->opt_cancel); }

/* false: asked to stop. */
static bool lock_sleep(const of3_lock_options *o, double seconds) {
  const double end = of3_seconds() + seconds;
  for (double left = seconds; left > 0 && !is_asked_to_stop(o); left = end - of3_seconds()) {
    double part = left < 0.1 ? left : 0.1;
    struct timespec t = {.tv_nsec = (long)(part * 1e9)};
    nanosleep(&t, NULL);
  }
  return !is_asked_to_stop(o);
}

/* ---- The counter */

static void next_beat(of3_folder_lock *l) {
  uint64_t beat = strtoull(l->record.beat, NULL, 10) + 1;
  snprintf(l->record.beat, sizeof l->record.beat, "%" PRIu64, beat);
  /* fsync: over NFS others see it only when it has left this machine */
  if (of3_lock_record_write(l->fd, &l->record)) fsync(l->fd);
}

static void wait_for_beat(of3_folder_lock *l) {
#ifdef __APPLE__
  struct timespec t = {.tv_sec = (time_t)l->beat_s,
                       .tv_nsec = (long)((l->beat_s - (double)(time_t)l->beat_s) * 1e9)};
  pthread_cond_timedwait_relative_np(&l->changed, &l->mutex, &t);
#else
  const double at = of3_seconds() + l->beat_s;
  const struct timespec t = {.tv_sec = (time_t)at, .tv_nsec = (long)((at - (double)(time_t)at) * 1e9)};
  pthread_cond_timedwait(&l->changed, &l->mutex, &t);
#endif
}

static bool is_own_record(const of3_folder_lock *l) {
  of3_lock_record found = of3_lock_record_find(l->path);
  return found.valid && strcmp(found.token, l->record.token) == 0;
}

/* Stops for good when the record is no longer its own: it must not write over that of another. */
static void *beat_main(void *arg) {
  of3_folder_lock *l = arg;
  double last = of3_seconds();
  pthread_mutex_lock(&l->mutex);
  while (!l->stop) {
    wait_for_beat(l);
    if (l->stop || of3_seconds() - last < l->beat_s) continue;
    last = of3_seconds();
    if (!is_own_record(l)) break;
    next_beat(l);
  }
  pthread_mutex_unlock(&l->mutex);
  return NULL;
}

static void init_condition(pthread_cond_t *c) {
#ifdef __APPLE__
  pthread_cond_init(c, NULL);
#else
  pthread_condattr_t attr;
  pthread_condattr_init(&attr);
  pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
  pthread_cond_init(c, &attr);
  pthread_condattr_destroy(&attr);
#endif
}

/* Signals stay with the threads of the caller. Without a thread the record says that it does not count. */
static void start_beating(of3_folder_lock *l) {
  sigset_t all, before;
  sigfillset(&all);
  pthread_mutex_init(&l->mutex, NULL);
  init_condition(&l->changed);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  l->has_thread = pthread_create(&l->thread, NULL, beat_main, l) == 0;
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  if (l->has_thread) return;
  snprintf(l->record.beat, sizeof l->record.beat, "-");
  if (of3_lock_record_write(l->fd, &l->record)) fsync(l->fd);
}

/* ---- Taking it */

typedef enum lock_outcome {
  LOCK_TAKEN,
  LOCK_HELD,    /* by a process that lives */
  LOCK_UNKNOWN, /* nobody knows yet whether the holder lives */
  LOCK_AGAIN,   /* the file went away: try again */
  LOCK_FAILED
} lock_outcome;

/* The record that was seen last, and since when it has been what it is. */
typedef struct lock_watch {
  of3_lock_record seen;
  double since;
  bool lives; /* it has changed */
} lock_watch;

static lock_outcome lock_failed(const of3_folder_lock *l, of3_error *err) {
  return of3_fail(err, OF3_ERR_IO, "cannot lock the folder '%s' with the file '%s': %s", l->folder, l->path,
                  strerror(errno)),
         LOCK_FAILED;
}

/* 1: has the system's lock; 0: another process has it; -1: there are none here. */
static int lock_of_system(int fd) {
  while (flock(fd, LOCK_EX | LOCK_NB) != 0) {
    if (errno == EWOULDBLOCK) return 0;
    if (errno != EINTR) return -1;
  }
  return 1;
}

static void replace_fd(of3_folder_lock *l, int fd) {
  if (l->fd >= 0) close(l->fd);
  l->fd = fd;
}

/* Whether the name still leads to the open file. */
static bool is_same_file(const char *path, int fd) {
  struct stat a, b;
  int other = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
  if (other < 0) return false;
  bool same = fstat(fd, &a) == 0 && fstat(other, &b) == 0 && a.st_ino == b.st_ino && a.st_dev == b.st_dev;
  close(other);
  return same;
}

static lock_outcome watch_record(lock_watch *w, const of3_lock_record *found, double stale_s) {
  if (strcmp(w->seen.token, found->token) != 0 || w->since == 0)
    *w = (lock_watch){.seen = *found, .since = of3_seconds()};
  else if (strcmp(w->seen.beat, found->beat) != 0)
    *w = (lock_watch){.seen = *found, .since = of3_seconds(), .lives = true};
  if (w->lives || strcmp(found->beat, "-") == 0) return LOCK_HELD;
  return of3_seconds() - w->since >= stale_s ? LOCK_TAKEN : LOCK_UNKNOWN;
}

/* Writes over a record whose holder is gone. proven: by the system's lock. */
static lock_outcome lock_take_over(of3_folder_lock *l, int fd, bool proven, const of3_lock_options *o,
                                   of3_error *err) {
  replace_fd(l, fd);
  if (!of3_lock_record_write(fd, &l->record) || fsync(fd) != 0) return lock_failed(l, err);
  if (proven) return LOCK_TAKEN;
  lock_sleep(o, o->settle_s);
  return is_own_record(l) ? LOCK_TAKEN : LOCK_AGAIN;
}

static lock_outcome try_existing(of3_folder_lock *l, lock_watch *w, const of3_lock_options *o,
                                 of3_error *err) {
  struct stat st;
  int fd = open(l->path, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
  if (fd < 0) return errno == ENOENT ? LOCK_AGAIN : lock_failed(l, err);
  const int system = lock_of_system(fd);
  const of3_lock_record found = of3_lock_record_read(fd);
  lock_outcome outcome = LOCK_HELD;
  bool proven = false;
  if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
    outcome = (errno = EEXIST, lock_failed(l, err));
  else if (system == 0)
    w->seen = found;
  else if (!is_same_file(l->path, fd))
    outcome = LOCK_AGAIN;
  else {
    proven = system == 1 && found.valid && strcmp(found.machine, l->record.machine) == 0 &&
             strcmp(found.device, l->record.device) == 0;
    outcome = proven ? LOCK_TAKEN : watch_record(w, &found, o->stale_s);
  }
  if (outcome == LOCK_TAKEN) return lock_take_over(l, fd, proven, o, err);
  close(fd);
  return outcome;
}

/* Creates the file under its own name where hard links are not to be had. */
static lock_outcome try_exclusive(of3_folder_lock *l, of3_error *err) {
  int fd = open(l->path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0666);
  if (fd < 0) return errno == EEXIST ? LOCK_HELD : lock_failed(l, err);
  replace_fd(l, fd);
  if (lock_of_system(fd) == 0) return LOCK_AGAIN;
  if (of3_lock_record_write(fd, &l->record) && fsync(fd) == 0) return LOCK_TAKEN;
  lock_outcome outcome = lock_failed(l, err);
  unlink(l->path);
  return outcome;
}

/* A link may have been made although the answer of a network file system says that it was not. */
static bool is_linked(const of3_folder_lock *l) {
  struct stat st;
  return fstat(l->fd, &st) == 0 && st.st_nlink == 2;
}

static lock_outcome lock_try(of3_folder_lock *l, lock_watch *w, const of3_lock_options *o, of3_error *err) {
  if (link(l->own, l->path) == 0 || is_linked(l)) return LOCK_TAKEN;
  if (errno != EEXIST) {
    lock_outcome outcome = try_exclusive(l, err);
    if (outcome != LOCK_HELD) return outcome;
  }
  return try_existing(l, w, o, err);
}

static of3_status tell_holder(const of3_folder_lock *l, const lock_watch *w, of3_error *err) {
  return of3_fail(
      err, OF3_ERR_IO,
      "another of3 writes to '%s': process %s on '%s', since %s; wait for it with --wait, or name "
      "another folder",
      l->folder, w->seen.process[0] ? w->seen.process : "?", w->seen.host[0] ? w->seen.host : "?",
      w->seen.since[0] ? w->seen.since : "?");
}

static void announce_waiting(const of3_folder_lock *l, const lock_watch *w, lock_outcome outcome,
                             const of3_lock_options *o, char told[OF3_LOCK_FIELD]) {
  if (strcmp(told, w->seen.token) == 0) return;
  memcpy(told, w->seen.token, OF3_LOCK_FIELD);
  if (outcome == LOCK_UNKNOWN)
    of3_logf(o->opt_log, OF3_LOG_INFO,
             "'%s' was in use by process %s on '%s'; looking for up to %.0f s whether that lives", l->folder,
             w->seen.process, w->seen.host, o->stale_s);
  else
    of3_logf(o->opt_log, OF3_LOG_INFO, "waiting for process %s on '%s', which writes to '%s'",
             w->seen.process, w->seen.host, l->folder);
}

static of3_status lock_wait(of3_folder_lock *l, const of3_lock_options *o, of3_error *err) {
  char told[OF3_LOCK_FIELD] = "";
  lock_watch w = {0};
  for (;;) {
    lock_outcome outcome = lock_try(l, &w, o, err);
    if (outcome == LOCK_TAKEN) return OF3_OK;
    if (outcome == LOCK_FAILED) return OF3_ERR_IO;
    if (outcome == LOCK_HELD && !o->wait) return tell_holder(l, &w, err);
    if (outcome != LOCK_AGAIN) announce_waiting(l, &w, outcome, o, told);
    if (!lock_sleep(o, outcome == LOCK_AGAIN ? 0.001 : 0.2))
      return of3_fail(err, OF3_ERR_CANCELLED, "interrupted while '%s' was in use by another of3", l->folder);
  }
}

/* Opens the file under a name of its own and gets the system's lock on it. Until the record stands in it
 * another process may take it for one that a killed process left, and clear it away: then again. */
static bool open_own(of3_folder_lock *l) {
  enum { MOST_TRIES = 100 };
  struct stat st;
  bool ready = false;
  for (int k = 1; !ready; k++) {
    l->fd = of3_temporary_open(l->path, &l->own);
    if (l->fd < 0) return false;
    ready = (lock_of_system(l->fd) != 0 && is_same_file(l->own, l->fd)) || k == MOST_TRIES;
    if (ready) break;
    replace_fd(l, -1);
    unlink(l->own);
    free(l->own);
  }
  if (fstat(l->fd, &st) != 0) return false;
  l->record = of3_lock_record_make((uint64_t)st.st_dev);
  return true;
}

static of3_status make_own(of3_folder_lock *l, of3_error *err) {
  const bool made = open_own(l) && of3_lock_record_write(l->fd, &l->record) && fsync(l->fd) == 0;
  if (made) return OF3_OK;
  return errno == ENOMEM ? of3_fail_memory(err, l->path) : (lock_failed(l, err), OF3_ERR_IO);
}

static void lock_free(of3_folder_lock *l) {
  if (l->fd >= 0) close(l->fd);
  free(l->own);
  free(l->path);
  free(l->folder);
  free(l);
}

of3_status of3_folder_lock_take(const char *folder, const of3_lock_options *o, of3_folder_lock **ret_lock,
                                of3_error *err) {
  size_t n = strlen(folder);
  of3_folder_lock *l = calloc(1, sizeof *l);
  *ret_lock = NULL;
  if (!l) return of3_fail_memory(err, folder);
  *l = (of3_folder_lock){
      .fd = -1, .beat_s = o->beat_s, .folder = strdup(folder), .path = malloc(n + sizeof OF3_LOCK_NAME + 1)};
  of3_status status = l->folder && l->path ? OF3_OK : of3_fail_memory(err, folder);
  if (status == OF3_OK) {
    snprintf(l->path, n + sizeof OF3_LOCK_NAME + 1, "%s%s%s", folder, n && folder[n - 1] == '/' ? "" : "/",
             OF3_LOCK_NAME);
    status = make_own(l, err);
  }
  if (status == OF3_OK) status = lock_wait(l, o, err);
  if (l->own) unlink(l->own);
  if (status != OF3_OK) {
    lock_free(l);
    return status;
  }
  start_beating(l);
  *ret_lock = l;
  return OF3_OK;
}

of3_status of3_folder_lock_held(const of3_folder_lock *l, of3_error *err) {
  if (is_own_record(l)) return OF3_OK;
  const of3_lock_record found = of3_lock_record_find(l->path);
  if (!found.valid)
    return of3_fail(err, OF3_ERR_IO, "the lock '%s' was removed while of3 was writing to that folder",
                    l->path);
  return of3_fail(err, OF3_ERR_IO,
                  "process %s on '%s' has taken the folder '%s' over, as this one gave no sign of life",
                  found.process, found.host, l->folder);
}

void of3_folder_lock_clean(const of3_folder_lock *l, const char *name) {
  size_t n = strlen(l->folder) + strlen(name) + 2;
  char *path = of3_is_temporary_name(name) ? malloc(n) : NULL;
  if (!path) return;
  snprintf(path, n, "%s/%s", l->folder, name);
  int fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
  if (fd >= 0 && lock_of_system(fd) == 1) {
    const of3_lock_record found = of3_lock_record_read(fd);
    if (!found.valid ||
        (strcmp(found.machine, l->record.machine) == 0 && strcmp(found.device, l->record.device) == 0))
      unlink(path);
  }
  if (fd >= 0) close(fd);
  free(path);
}

void of3_folder_lock_release(of3_folder_lock *l) {
  if (!l) return;
  pthread_mutex_lock(&l->mutex);
  l->stop = true;
  pthread_cond_signal(&l->changed);
  pthread_mutex_unlock(&l->mutex);
  if (l->has_thread) pthread_join(l->thread, NULL);
  pthread_cond_destroy(&l->changed);
  pthread_mutex_destroy(&l->mutex);
  if (is_own_record(l)) unlink(l->path);
  lock_free(l);
}
