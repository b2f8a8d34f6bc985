/* The lock on a folder: who has it, who is told so, and what happens to the locks of the dead. */
#define _DEFAULT_SOURCE
#define _POSIX_C_SOURCE 200809L
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/folder_lock.h"
#include "base/lock_record.h"
#include "base/temporary.h"
#include "folder.h"

/* Short times, so that a test takes less than a second. */
static const of3_lock_options quick = {.beat_s = 0.02, .stale_s = 0.3, .settle_s = 0.05};

static char *lock_path(const char *folder) {
  static char path[600];
  snprintf(path, sizeof path, "%s/%s", folder, OF3_LOCK_NAME);
  return path;
}

static bool is_there(const char *path) { return access(path, F_OK) == 0; }

static of3_status take(const char *folder, of3_folder_lock **lock, of3_error *err) {
  return of3_folder_lock_take(folder, &quick, lock, err);
}

static of3_folder_lock *taken(const char *folder) {
  of3_folder_lock *lock = NULL;
  of3_error err = {0};
  if (take(folder, &lock, &err) != OF3_OK) fail_msg("%s", err.text);
  return lock;
}

/* By one who would watch a record for an hour before taking it over. */
static of3_folder_lock *taken_patiently(const char *folder) {
  of3_lock_options o = quick;
  of3_folder_lock *lock = NULL;
  of3_error err = {0};
  o.stale_s = 3600;
  if (of3_folder_lock_take(folder, &o, &lock, &err) != OF3_OK) fail_msg("%s", err.text);
  return lock;
}

/* A record that lies there without the lock of the system. */
static of3_lock_record leave_record(const char *folder, const char *machine) {
  struct stat st;
  int fd = open(lock_path(folder), O_RDWR | O_CREAT | O_EXCL, 0666);
  assert_true(fd >= 0);
  assert_int_equal(fstat(fd, &st), 0);
  of3_lock_record r = of3_lock_record_make((uint64_t)st.st_dev);
  if (machine) snprintf(r.machine, sizeof r.machine, "%s", machine);
  assert_true(of3_lock_record_write(fd, &r));
  close(fd);
  return r;
}

static double seconds(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void one_at_a_time(void **state) {
  const char *folder = *state;
  of3_error err = {0};
  of3_folder_lock *second = NULL, *first = taken(folder);
  char wanted[64];
  assert_int_equal(take(folder, &second, &err), OF3_ERR_IO);
  assert_null(second);
  snprintf(wanted, sizeof wanted, "process %ld on", (long)getpid());
  assert_non_null(strstr(err.text, wanted));
  assert_non_null(strstr(err.text, "--wait"));
  assert_int_equal(of3_folder_lock_held(first, &err), OF3_OK);
  of3_folder_lock_release(first);
  assert_false(is_there(lock_path(folder)));
  of3_folder_lock_release(taken(folder));
  assert_int_equal(rmdir(folder), 0); /* nothing stays */
  assert_int_equal(mkdir(folder, 0777), 0);
}

static void *release_later(void *lock) {
  const struct timespec t = {.tv_nsec = 300000000};
  nanosleep(&t, NULL);
  of3_folder_lock_release(lock);
  return NULL;
}

static void waits(void **state) {
  of3_lock_options o = quick;
  of3_folder_lock *lock = taken(*state);
  of3_error err = {0};
  pthread_t thread;
  o.wait = true;
  assert_int_equal(pthread_create(&thread, NULL, release_later, lock), 0);
  assert_int_equal(of3_folder_lock_take(*state, &o, &lock, &err), OF3_OK);
  pthread_join(thread, NULL);
  of3_folder_lock_release(lock);
}

static void waiting_ends(void **state) {
  static const volatile sig_atomic_t cancel = 1;
  of3_lock_options o = quick;
  of3_folder_lock *second = NULL, *first = taken(*state);
  of3_error err = {0};
  o.wait = true;
  o.opt_cancel = &cancel;
  assert_int_equal(of3_folder_lock_take(*state, &o, &second, &err), OF3_ERR_CANCELLED);
  of3_folder_lock_release(first);
}

/* Of this machine: taken at once. */
static void left_by_a_dead_process(void **state) {
  leave_record(*state, NULL);
  of3_folder_lock_release(taken_patiently(*state));
  pid_t child = fork();
  if (child == 0) _exit(take(*state, &(of3_folder_lock *){NULL}, NULL) == OF3_OK ? 0 : 1); /* dies with it */
  int status = 1;
  assert_int_equal(waitpid(child, &status, 0), child);
  assert_int_equal(status, 0);
  assert_true(is_there(lock_path(*state)));
  of3_folder_lock_release(taken_patiently(*state));
}

/* What processes leave that are killed while they make their file, before it has a record and after; and the
 * file of one that lives, which has the system's lock on it. */
static void files_of_the_dead(void **state) {
  static const char *const name[] = {OF3_LOCK_NAME ".tmp-0123456789abcdef",
                                     OF3_LOCK_NAME ".tmp-0123456789abcdee",
                                     OF3_LOCK_NAME ".tmp-0123456789abcded"};
  char path[3][640];
  of3_folder_lock *lock = taken(*state);
  for (int i = 0; i < 3; i++) snprintf(path[i], sizeof path[i], "%s/%s", (char *)*state, name[i]);
  const int empty = open(path[0], O_RDWR | O_CREAT | O_EXCL, 0666);
  const int lives = open(path[2], O_RDWR | O_CREAT | O_EXCL, 0666);
  assert_true(empty >= 0 && lives >= 0 && flock(lives, LOCK_EX | LOCK_NB) == 0);
  assert_int_equal(close(empty), 0);
  assert_int_equal(link(lock_path(*state), path[1]), 0); /* has the record, and the lock of one that lives */
  for (int i = 0; i < 3; i++) of3_folder_lock_clean(lock, name[i]);
  assert_false(is_there(path[0]));
  assert_true(is_there(path[1]));
  assert_true(is_there(path[2]));
  of3_folder_lock_release(lock);
  of3_folder_lock *other = taken(*state);
  of3_folder_lock_clean(other, name[1]);
  assert_false(is_there(path[1]));
  of3_folder_lock_release(other);
  close(lives);
  unlink(path[2]);
}

/* Of another machine: taken when its counter stands still, and never while it does not. */
static void left_by_another_machine(void **state) {
  double begin = seconds();
  leave_record(*state, "another");
  of3_folder_lock_release(taken(*state));
  assert_true(seconds() - begin >= quick.stale_s);
}

typedef struct counting {
  const char *path;
  of3_lock_record record;
  atomic_bool stop;
} counting;

static void *count(void *arg) {
  counting *c = arg;
  for (int beat = 1; !atomic_load(&c->stop); beat++) {
    const struct timespec t = {.tv_nsec = 20000000};
    int fd = open(c->path, O_RDWR);
    snprintf(c->record.beat, sizeof c->record.beat, "%d", beat);
    if (fd < 0 || !of3_lock_record_write(fd, &c->record)) abort();
    close(fd);
    nanosleep(&t, NULL);
  }
  return NULL;
}

static void held_by_another_machine(void **state) {
  counting c = {.path = lock_path(*state), .record = leave_record(*state, "another")};
  of3_folder_lock *lock = NULL;
  of3_error err = {0};
  pthread_t thread;
  assert_int_equal(pthread_create(&thread, NULL, count, &c), 0);
  assert_int_equal(take(*state, &lock, &err), OF3_ERR_IO);
  assert_non_null(strstr(err.text, "another of3 writes to"));
  atomic_store(&c.stop, true);
  pthread_join(thread, NULL);
  of3_folder_lock_release(taken(*state)); /* it has died meanwhile */
}

/* A holder without a thread does not count; so its record is never stale. */
static void holder_that_cannot_count(void **state) {
  of3_lock_record r = leave_record(*state, "another");
  of3_folder_lock *lock = NULL;
  of3_error err = {0};
  int fd = open(lock_path(*state), O_RDWR);
  snprintf(r.beat, sizeof r.beat, "-");
  assert_true(of3_lock_record_write(fd, &r));
  close(fd);
  assert_int_equal(take(*state, &lock, &err), OF3_ERR_IO);
  assert_int_equal(unlink(lock_path(*state)), 0);
}

static void counts(void **state) {
  of3_folder_lock *lock = taken(*state);
  char before[OF3_LOCK_FIELD];
  memcpy(before, of3_lock_record_find(lock_path(*state)).beat, sizeof before);
  double begin = seconds();
  while (strcmp(before, of3_lock_record_find(lock_path(*state)).beat) == 0)
    assert_true(seconds() - begin < 30);
  of3_folder_lock_release(lock);
}

/* Whoever lost the folder is told so, and leaves the lock of the other alone. */
static void lost(void **state) {
  of3_folder_lock *lock = taken(*state);
  of3_error err = {0};
  assert_int_equal(unlink(lock_path(*state)), 0);
  assert_int_equal(of3_folder_lock_held(lock, &err), OF3_ERR_IO);
  assert_non_null(strstr(err.text, "was removed"));
  leave_record(*state, "another");
  assert_int_equal(of3_folder_lock_held(lock, &err), OF3_ERR_IO);
  assert_non_null(strstr(err.text, "has taken the folder"));
  of3_folder_lock_release(lock);
  assert_true(is_there(lock_path(*state)));
  assert_int_equal(unlink(lock_path(*state)), 0);
}

/* What is no lock is not written to. */
static void not_a_lock(void **state) {
  of3_folder_lock *lock = NULL;
  of3_error err = {0};
  assert_int_equal(mkfifo(lock_path(*state), 0666), 0);
  assert_int_equal(take(*state, &lock, &err), OF3_ERR_IO);
  assert_int_equal(unlink(lock_path(*state)), 0);
  assert_int_equal(mkdir(lock_path(*state), 0777), 0);
  assert_int_equal(take(*state, &lock, &err), OF3_ERR_IO);
  assert_int_equal(rmdir(lock_path(*state)), 0);
  assert_int_equal(take("/no/such/folder", &lock, &err), OF3_ERR_IO);
  assert_non_null(strstr(err.text, "No such file"));
}

/* Many at a time: all get it, one after the other. */
enum { MANY = 8 };
static atomic_int inside, most_inside;

static void *use_it(void *folder) {
  of3_lock_options o = quick;
  of3_folder_lock *lock = NULL;
  o.stale_s = 60;
  o.wait = true;
  for (int k = 0; k < 3; k++) {
    if (of3_folder_lock_take(folder, &o, &lock, NULL) != OF3_OK) abort();
    int n = atomic_fetch_add(&inside, 1) + 1;
    if (n > atomic_load(&most_inside)) atomic_store(&most_inside, n);
    atomic_fetch_sub(&inside, 1);
    of3_folder_lock_release(lock);
  }
  return NULL;
}

static void many(void **state) {
  pthread_t thread[MANY];
  for (int k = 0; k < MANY; k++) assert_int_equal(pthread_create(&thread[k], NULL, use_it, *state), 0);
  for (int k = 0; k < MANY; k++) pthread_join(thread[k], NULL);
  assert_int_equal(atomic_load(&most_inside), 1);
}

static void temporary_names(void **state) {
  (void)state;
  assert_true(of3_is_temporary_name("a.cif.tmp-0123456789abcdef"));
  assert_true(of3_is_temporary_name("a.tmp-x.tmp-7"));
  assert_false(of3_is_temporary_name("a.tmp-"));
  assert_false(of3_is_temporary_name("a.tmp-7x"));
  assert_false(of3_is_temporary_name("a.cif"));
  assert_true(of3_random_word() != of3_random_word());
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(one_at_a_time),
                                     cmocka_unit_test(waits),
                                     cmocka_unit_test(waiting_ends),
                                     cmocka_unit_test(left_by_a_dead_process),
                                     cmocka_unit_test(files_of_the_dead),
                                     cmocka_unit_test(left_by_another_machine),
                                     cmocka_unit_test(held_by_another_machine),
                                     cmocka_unit_test(holder_that_cannot_count),
                                     cmocka_unit_test(counts),
                                     cmocka_unit_test(lost),
                                     cmocka_unit_test(not_a_lock),
                                     cmocka_unit_test(many),
                                     cmocka_unit_test(temporary_names)};
  return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
