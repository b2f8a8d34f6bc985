/* The group: all members run, what they ask is done one after another on the caller's thread, and nobody goes
 * on before it is done. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/task_group.h"

enum { MOST = 9, REQUESTS = 200 };

typedef struct shared {
  pthread_t caller;
  int ran[MOST];      /* how often each member worked */
  int sum, elsewhere; /* written by requests, without a lock */
  int out_of_order;
  int last[MOST]; /* number of each member's last request */
} shared;

typedef struct request {
  shared *s;
  int member, number;
  int answer;
} request;

static void take(void *arg) {
  request *r = arg;
  r->s->sum++;
  r->s->elsewhere += !pthread_equal(pthread_self(), r->s->caller);
  r->s->out_of_order += r->s->last[r->member] != r->number;
  r->s->last[r->member] = r->number + 1;
  r->answer = r->number + 1;
}

static void work(void *arg, of3_task_group *group, int member) {
  shared *s = arg;
  s->ran[member]++;
  for (int i = 0; i < REQUESTS; i++) {
    request r = {.s = s, .member = member, .number = i};
    of3_task_group_call(group, take, &r);
    if (r.answer != i + 1) s->ran[member] = -1; /* it went on too early */
  }
}

static void everything_is_done_by_the_caller(void **state) {
  (void)state;
  for (int n = 1; n <= MOST; n++) {
    of3_error err = {0};
    shared s = {.caller = pthread_self()};
    assert_int_equal(of3_task_group_run(n, work, &s, &err), OF3_OK);
    for (int i = 0; i < MOST; i++) assert_int_equal(s.ran[i], i < n);
    assert_int_equal(s.sum, n * REQUESTS);
    assert_int_equal(s.elsewhere, 0);
    assert_int_equal(s.out_of_order, 0);
  }
}

static void idle(void *arg, of3_task_group *group, int member) {
  (void)group;
  ((int *)arg)[member] = 1;
}

static void asking_is_not_required(void **state) {
  int ran[MOST] = {0};
  of3_error err = {0};
  (void)state;
  assert_int_equal(of3_task_group_run(MOST, idle, ran, &err), OF3_OK);
  for (int i = 0; i < MOST; i++) assert_int_equal(ran[i], 1);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(everything_is_done_by_the_caller),
                                     cmocka_unit_test(asking_is_not_required)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
