/* Folds side by side: what the caller sees of them, and the memory that they hold together. */
#define _DEFAULT_SOURCE /* mkdtemp, usleep */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "api/job.h"
#include "folder.h"

static const char checkpoint[] = "tests/fixtures/parity/checkpoint_ob.safetensors";

enum { SEEDS = 7, JOBS = 3, THREADS = 4 };

/* ---- What the caller sees */

typedef struct seen {
  pthread_t caller;
  int elsewhere, wrong; /* calls from another thread; progress that makes no sense */
  int lines, most_workers, in_diffusion;
  double fraction[SEEDS];
  bool cancel_in_diffusion;
  volatile sig_atomic_t cancel;
} seen;

static void on_log(void *user, of3_level level, const char *text) {
  seen *s = user;
  (void)level, (void)text;
  s->elsewhere += !pthread_equal(pthread_self(), s->caller);
  s->lines++;
}

static void on_progress(void *user, const of3_progress_info *p) {
  seen *s = user;
  double *fraction = &s->fraction[(p->item - 1) % SEEDS];
  s->elsewhere += !pthread_equal(pthread_self(), s->caller);
  s->wrong += p->worker < 0 || p->worker >= p->n_worker || p->n_item != SEEDS || p->fraction < *fraction;
  *fraction = p->fraction;
  if (p->n_worker > s->most_workers) s->most_workers = p->n_worker;
  s->in_diffusion += strcmp(p->phase, "diffusion") == 0;
  if (s->cancel_in_diffusion && s->in_diffusion == 4) __atomic_store_n(&s->cancel, 1, __ATOMIC_RELAXED);
}

static of3_status fold(seen *s, int jobs, const char *out, of3_report **report, of3_error *err) {
  static const uint64_t seeds[SEEDS] = {1, 2, 3, 4, 5, 6, 7};
  of3_engine *engine = NULL;
  of3_model *model = NULL;
  of3_engine_options e = of3_engine_defaults();
  of3_predict_options o = of3_predict_defaults();
  s->caller = pthread_self();
  of3_callbacks callbacks = {.user = s, .log = on_log, .progress = on_progress, .cancel = &s->cancel};
  e.threads = THREADS;
  o.output_dir = out;
  o.samples = 2;
  o.recycles = 1;
  o.steps = 4;
  o.seeds = seeds;
  o.n_seed = SEEDS;
  o.jobs = jobs;
  assert_int_equal(of3_engine_open(&e, &callbacks, &engine, err), OF3_OK);
  assert_int_equal(of3_model_open(engine, checkpoint, &model, err), OF3_OK);
  of3_status status = of3_predict(model, "MKTAYIAKQR", &o, report, err);
  of3_model_close(model);
  of3_engine_close(engine);
  return status;
}

static void callbacks_come_from_the_caller(void **state) {
  of3_report *alone = NULL, *together = NULL;
  of3_error err = {0};
  seen a = {0}, t = {0};
  char out[2][600];
  for (int i = 0; i < 2; i++) snprintf(out[i], sizeof out[i], "%s/%d", (const char *)*state, i);
  assert_int_equal(fold(&a, 1, out[0], &alone, &err), OF3_OK);
  assert_int_equal(fold(&t, JOBS, out[1], &together, &err), OF3_OK);
  assert_int_equal(a.most_workers, 1);
  assert_int_equal(t.most_workers, JOBS);
  assert_int_equal(a.elsewhere + t.elsewhere, 0);
  assert_int_equal(a.wrong + t.wrong, 0);
  assert_true(t.lines > SEEDS);
  for (int i = 0; i < SEEDS; i++) {
    const of3_item *x = &alone->item[i], *y = &together->item[i];
    assert_true(t.fraction[i] == 1);
    assert_int_equal(y->status, OF3_OK);
    assert_int_equal(x->seed, y->seed);
    assert_int_equal(x->best_sample, y->best_sample);
    assert_memory_equal(&x->best, &y->best, sizeof x->best);
  }
  of3_report_free(alone);
  of3_report_free(together);
}

static void cancelling_stops_all(void **state) {
  of3_report *report = NULL;
  of3_error err = {0};
  seen s = {.cancel_in_diffusion = true};
  char out[600];
  snprintf(out, sizeof out, "%s/cancelled", (const char *)*state);
  assert_int_equal(fold(&s, JOBS, out, &report, &err), OF3_ERR_CANCELLED);
  assert_null(report);
  assert_int_equal(s.elsewhere, 0);
  assert_int_equal(s.fraction[SEEDS - 1] > 0, 0); /* not begun */
}

/* ---- The budget */

enum { HOLDERS = 8, ROUNDS = 40, WEIGHTS = 1000, SHARE = 100, ROOM = 3 * SHARE + SHARE / 2 };

/* Threads that take and give back memory, of which there is enough for three at a time. */
typedef struct crowd {
  of3_job job;
  of3_model model;
  of3_engine engine;
  pthread_mutex_t lock;
  int inside, most_inside, most_held, granted;
} crowd;

static void note(crowd *c, int change) {
  pthread_mutex_lock(&c->lock);
  c->inside += change;
  c->granted += change > 0;
  if (c->inside > c->most_inside) c->most_inside = c->inside;
  pthread_mutex_unlock(&c->lock);
  pthread_mutex_lock(&c->job.budget.lock);
  int held = (int)c->job.budget.held;
  pthread_mutex_unlock(&c->job.budget.lock);
  pthread_mutex_lock(&c->lock);
  if (held > c->most_held) c->most_held = held;
  pthread_mutex_unlock(&c->lock);
}

/* One item that needs so much beside the weights. */
static of3_status hold(crowd *c, uint64_t bytes) {
  static const of3_query query = {.name = "q"};
  of3_item item = {.seed = 1};
  of3_error err = {0};
  of3_worker worker = {.job = &c->job};
  of3_item_run t = {.worker = &worker, .query = &query, .item = &item};
  of3_batch b = {.worker = &worker,
                 .item = &t,
                 .n = 1,
                 .need = {.weights = WEIGHTS,
                          .tensors = bytes - 10,
                          .rest = 10,
                          .total = WEIGHTS + bytes,
                          .available = c->engine.max_memory}};
  pthread_mutex_lock(&c->job.lock);
  of3_status status = of3_batch_get_memory(&b, &err);
  pthread_mutex_unlock(&c->job.lock);
  if (status != OF3_OK) return status;
  note(c, 1);
  usleep(200);
  note(c, -1);
  of3_batch_give_back(&b);
  return OF3_OK;
}

static void *come_and_go(void *arg) {
  crowd *c = arg;
  for (int i = 0; i < ROUNDS; i++)
    if (hold(c, SHARE) != OF3_OK) break;
  return NULL;
}

static void no_more_is_held_than_allowed(void **state) {
  pthread_t thread[HOLDERS];
  of3_error err = {0};
  crowd c = {.engine = {.max_memory = WEIGHTS + ROOM}, .lock = PTHREAD_MUTEX_INITIALIZER};
  (void)state;
  c.model.engine = &c.engine;
  c.job.model = &c.model;
  assert_int_equal(of3_memory_budget_init(&c.job.budget, &err), OF3_OK);
  pthread_mutex_init(&c.job.lock, NULL);
  for (int i = 0; i < HOLDERS; i++) assert_int_equal(pthread_create(&thread[i], NULL, come_and_go, &c), 0);
  for (int i = 0; i < HOLDERS; i++) pthread_join(thread[i], NULL);
  assert_int_equal(c.granted, HOLDERS * ROUNDS);
  assert_int_equal(c.most_inside, ROOM / SHARE);
  assert_true(c.most_held <= ROOM);
  assert_int_equal(c.job.budget.held, 0);
  assert_int_equal(hold(&c, ROOM), OF3_OK);
  assert_int_equal(hold(&c, ROOM + 1), OF3_ERR_MEMORY);
  pthread_mutex_destroy(&c.job.lock);
  of3_memory_budget_free(&c.job.budget);
}

static uint64_t half_of(const of3_device *d, uint64_t machine) {
  (void)d;
  return machine / 2;
}
static uint64_t two_bytes(const of3_device *d, uint64_t machine) {
  (void)d;
  return machine ? 2 : 0;
}

/* What the user allows comes before what the backend's device has, and that before what the machine has. */
static void memory_is_the_devices(void **state) {
  (void)state;
  const uint64_t taken = UINT64_C(1) << 60; /* far more than what is free meanwhile changes by */
  of3_backend backend = {.usable_memory = NULL};
  of3_engine e = {.device.backend = &backend};
  assert_true(of3_engine_memory(&e, taken) > taken);
  backend.usable_memory = half_of;
  assert_in_range(of3_engine_memory(&e, taken), taken / 2 + 1, taken - 1);
  backend.usable_memory = two_bytes;
  assert_int_equal(of3_engine_memory(&e, taken), 2);
  e.max_memory = 5;
  assert_int_equal(of3_engine_memory(&e, taken), 5);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(callbacks_come_from_the_caller), cmocka_unit_test(cancelling_stops_all),
      cmocka_unit_test(no_more_is_held_than_allowed), cmocka_unit_test(memory_is_the_devices)};
  return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
