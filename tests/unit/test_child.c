/* Child processes: what they say, how they end, that they end with the set; many at once. */
#define _DEFAULT_SOURCE
#define _POSIX_C_SOURCE 200809L
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/child.h"
#include "base/clock.h"

static int start(of3_children *c, const char *script) {
  const char *const argv[] = {"/bin/sh", "-c", script, NULL};
  of3_error err;
  int id = -1;
  assert_int_equal(of3_child_start(c, argv, &id, &err), OF3_OK);
  return id;
}

static of3_child_end end_of(const char *script) {
  of3_children *c;
  of3_child_end end;
  of3_error err;
  assert_int_equal(of3_children_new(&c, &err), OF3_OK);
  const int id = start(c, script);
  of3_children_wait(c, 30, &end);
  assert_int_equal(end.id, id);
  of3_children_free(c);
  return end;
}

static void test_ends(void **state) {
  (void)state;
  of3_error err;
  of3_child_end end = end_of("echo out; echo err >&2; exit 3");
  assert_int_equal(end.exit_code, 3);
  assert_int_equal(end.signal, 0);
  assert_string_equal(end.said, "out\nerr\n");
  assert_int_equal(of3_child_failed("prog", &end, &err), OF3_ERR_IO);
  assert_string_equal(err.text, "prog ended with exit code 3 and said: 'out err'");
  end = end_of("kill -SEGV $$");
  assert_int_equal(end.signal, SIGSEGV);
  of3_child_failed("prog", &end, &err);
  assert_non_null(strstr(err.text, "was ended by signal"));
  assert_non_null(strstr(err.text, "said nothing"));
}

/* More than a pipe holds: the child is not held up, and the last of it is kept. */
static void test_much_is_said(void **state) {
  (void)state;
  const of3_child_end end = end_of("i=0; while [ $i -lt 5000 ]; do echo line $i of many; i=$((i+1)); done");
  assert_int_equal(end.exit_code, 0);
  assert_int_equal(strlen(end.said), OF3_CHILD_WORDS - 1);
  assert_non_null(strstr(end.said, "line 4999 of many\n"));
}

/* Signals that this process ignores, children do not; they read nothing. */
static void test_surroundings(void **state) {
  (void)state;
  signal(SIGPIPE, SIG_IGN);
  assert_int_equal(end_of("kill -PIPE $$").signal, SIGPIPE);
  signal(SIGPIPE, SIG_DFL);
  assert_int_equal(end_of("read -r x && exit 1; exit 0").exit_code, 0);
}

static void test_no_program(void **state) {
  (void)state;
  of3_children *c;
  of3_child_end end;
  of3_error err;
  int id;
  const char *const argv[] = {"/nowhere/program", NULL};
  assert_int_equal(of3_children_new(&c, &err), OF3_OK);
  /* Whether the system says so at once or by the child's exit code is its choice. */
  if (of3_child_start(c, argv, &id, &err) == OF3_OK) {
    of3_children_wait(c, 30, &end);
    assert_int_equal(end.exit_code, 127);
  } else {
    assert_non_null(strstr(err.text, "cannot run '/nowhere/program'"));
  }
  of3_children_wait(c, 30, &end);
  assert_int_equal(end.id, -1);
  of3_children_free(c);
}

static void test_side_by_side(void **state) {
  (void)state;
  enum { N = 20 };
  of3_children *c;
  of3_error err;
  int seen[OF3_MOST_CHILDREN] = {0};
  assert_int_equal(of3_children_new(&c, &err), OF3_OK);
  for (int i = 0; i < N; i++) start(c, "sleep 0.2");
  for (int i = 0; i < N; i++) {
    of3_child_end end;
    of3_children_wait(c, 30, &end);
    assert_in_range(end.id, 0, N - 1);
    assert_int_equal(seen[end.id]++, 0);
  }
  of3_children_free(c);
}

/* Freeing a set ends its children and what they started. */
static void test_free_kills(void **state) {
  (void)state;
  of3_children *c;
  of3_child_end end;
  of3_error err;
  int ends[2];
  char byte;
  assert_int_equal(pipe(ends), 0);
  char script[64];
  snprintf(script, sizeof script, "sleep 1000 & wait");
  assert_int_equal(of3_children_new(&c, &err), OF3_OK);
  start(c, script); /* parent and child both hold the writing end of the pipe */
  of3_children_wait(c, 0.2, &end);
  assert_int_equal(end.id, -1);
  of3_children_free(c);
  close(ends[1]);
  assert_int_equal(read(ends[0], &byte, 1), 0); /* would block while one of them lived */
  close(ends[0]);
}

static void test_find(void **state) {
  (void)state;
  char *found = of3_find_program("sh");
  assert_non_null(found);
  assert_int_equal(access(found, X_OK), 0);
  free(found);
  assert_null(of3_find_program("no-such-program-anywhere"));
  assert_null(of3_find_program("/etc/passwd"));
  assert_null(of3_find_program("/etc"));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_ends),         cmocka_unit_test(test_much_is_said),
      cmocka_unit_test(test_surroundings), cmocka_unit_test(test_no_program),
      cmocka_unit_test(test_side_by_side), cmocka_unit_test(test_free_kills),
      cmocka_unit_test(test_find),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
