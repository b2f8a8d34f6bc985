#define _POSIX_C_SOURCE 200809L
#include "base/task_group.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>

/* On the stack of the member that waits for it. */
typedef struct request {
  void (*f)(void *arg);
  void *arg;
  bool done;
  struct request *next;
} request;

struct of3_task_group {
  of3_task_group_work *work;
  void *arg;
  bool alone; /* the only member is the caller */
  pthread_mutex_t lock;
  pthread_cond_t asked, answered; /* there is a request, or a member is done; a request is done */
  request *first, **last;         /* requests that wait */
  int working;
  bool abandoned; /* not everybody could be started, so nobody works */
};

typedef struct member {
  of3_task_group *group;
  pthread_t thread;
  int index;
} member;

void of3_task_group_call(of3_task_group *c, void (*f)(void *arg), void *arg) {
  request r = {.f = f, .arg = arg};
  if (c->alone) {
    f(arg);
    return;
  }
  pthread_mutex_lock(&c->lock);
  *c->last = &r;
  /* cppcheck-suppress autoVariables ; it leaves the queue before this returns */
  c->last = &r.next;
  pthread_cond_signal(&c->asked);
  while (!r.done) pthread_cond_wait(&c->answered, &c->lock);
  pthread_mutex_unlock(&c->lock);
}

static void *member_main(void *arg) {
  member *m = arg;
  of3_task_group *c = m->group;
  pthread_mutex_lock(&c->lock); /* held by the caller until all are there */
  bool abandoned = c->abandoned;
  pthread_mutex_unlock(&c->lock);
  if (!abandoned) c->work(c->arg, c, m->index);
  pthread_mutex_lock(&c->lock);
  c->working--;
  pthread_cond_signal(&c->asked);
  pthread_mutex_unlock(&c->lock);
  return NULL;
}

/* Takes the oldest request and does it without the lock. */
static void answer(of3_task_group *c) {
  request *r = c->first;
  c->first = r->next;
  if (!c->first) c->last = &c->first;
  pthread_mutex_unlock(&c->lock);
  r->f(r->arg);
  pthread_mutex_lock(&c->lock);
  r->done = true;
  pthread_cond_broadcast(&c->answered);
}

/* Returns how many were started. */
static int start(of3_task_group *c, member *m, int n) {
  int started = 0;
  for (; started < n; started++) {
    m[started] = (member){.group = c, .index = started};
    if (pthread_create(&m[started].thread, NULL, member_main, &m[started]) != 0) break;
  }
  return started;
}

static int run_all(of3_task_group *c, member *m, int n) {
  pthread_mutex_lock(&c->lock);
  int started = start(c, m, n);
  c->working = started;
  c->abandoned = started < n;
  while (c->first || c->working > 0)
    if (c->first)
      answer(c);
    else
      pthread_cond_wait(&c->asked, &c->lock);
  pthread_mutex_unlock(&c->lock);
  for (int i = 0; i < started; i++) pthread_join(m[i].thread, NULL);
  return started;
}

of3_status of3_task_group_run(int n, of3_task_group_work *work, void *arg, of3_error *err) {
  of3_task_group c = {.work = work, .arg = arg, .alone = n == 1};
  if (c.alone) {
    work(arg, &c, 0);
    return OF3_OK;
  }
  member *m = malloc((size_t)n * sizeof *m);
  if (!m) return of3_fail_memory(err, "the threads of several folds");
  c.last = &c.first;
  pthread_mutex_init(&c.lock, NULL);
  pthread_cond_init(&c.asked, NULL);
  pthread_cond_init(&c.answered, NULL);
  int started = run_all(&c, m, n);
  pthread_cond_destroy(&c.answered);
  pthread_cond_destroy(&c.asked);
  pthread_mutex_destroy(&c.lock);
  free(m);
  if (started == n) return OF3_OK;
  return of3_fail(err, OF3_ERR_MEMORY,
                  "cannot start %d threads for folds side by side; ask for fewer with --jobs", n);
}
