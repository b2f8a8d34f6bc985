/* Workers: small folds run side by side, each on its share of the threads. */
#include <inttypes.h>
#include <stdlib.h>

#include "api/job.h"
#include "api/worker_groups.h"

/* ---- The end of an item */

static void log_result(const of3_job *j, const of3_item *item) {
  double seconds = 0;
  for (int p = 0; p < OF3_N_PHASE; p++) seconds += item->seconds[p];
  of3_logf(&j->model->engine->log, OF3_LOG_INFO,
           "%s seed %" PRIu64 ": done in %.1f s, sample %d is best, ranking score %.4f, mean pLDDT %.2f",
           item->query, item->seed, seconds, item->best_sample, item->best.ranking_score,
           item->best.avg_plddt);
}

/* By the calling thread. */
static void end_item(void *arg) {
  of3_item_run *t = arg;
  of3_job *j = t->worker->job;
  if (t->status == OF3_OK) t->status = of3_job_commit(j, t->index, &t->stage, &t->manifest, &t->error);
  if (t->status == OF3_OK) {
    log_result(j, t->item);
    return;
  }
  if (t->status != OF3_ERR_CANCELLED) {
    t->status = of3_job_blame(j, t->index, &t->error);
    if (of3_job_note_failure(j, t->index, &t->error, false, &j->stopped) == OF3_OK) return;
  }
  atomic_store(&j->stop, true);
}

static void finish_item(of3_item_run *t) {
  of3_item_run_close(t);
  of3_task_group_call(t->worker->tasks, end_item, t);
  of3_arena_free(t->arena);
}

/* ---- Batches */

/* The next items, at most `most`, with their features; those that fail are finished at once: before the
 * lock is released, so that such failures are told in order. Returns how many are left. */
static int take_items(of3_worker *worker, int most, of3_item_run *item) {
  of3_job *j = worker->job;
  int n = 0;
  for (; most > 0 && !of3_is_cancelled(&j->model->engine->callbacks); most--) {
    of3_item_run *t = &item[n];
    of3_ahead_take(j->ahead, worker, t);
    j->next++;
    if (t->status != OF3_OK)
      finish_item(t);
    else
      n++;
  }
  return n;
}

/* How many of n items go together: one with a pocket is sampled in its own way (docs/sampling.md), and alone.
 */
static int alike(const of3_item_run *item, int n) {
  int k = 1;
  while (k < n && !item[0].query->pocket && !item[k].query->pocket) k++;
  return k;
}

/* Plan and memory of a batch of the items from `first` on, at most `most`; items for which there is none even
 * alone fail. Returns the batch's first item; n: there is none. Under the lock. */
static int begin_batch(of3_batch *b, of3_worker *worker, of3_item_run *item, int first, int n, int most) {
  for (; first < n; first++) {
    of3_item_run *t = &item[first];
    *b = (of3_batch){.worker = worker,
                     .item = t,
                     .n = alike(t, n - first < most ? n - first : most),
                     .n_taken = n - first};
    t->status = of3_batch_prepare(b, &t->error);
    if (t->status == OF3_OK) return first;
    finish_item(t);
  }
  return n;
}

/* Each item of a batch that is computed: its scores and files; what fails there fails alone. */
static void finish_batch(of3_batch *b, of3_prediction *p) {
  for (int i = 0; i < b->n; i++) {
    of3_item_run *t = &b->item[i];
    if (t->status == OF3_OK) t->status = of3_item_run_write(t, b, &p[i], &t->error);
    of3_prediction_free(&p[i]);
    if (i == b->n - 1) of3_batch_give_back(b);
    finish_item(t);
  }
}

/* Computes a batch that has its memory. false: several could not be computed together, which is no one's
 * fault: none is finished. */
static bool compute_batch(of3_batch *b) {
  of3_prediction p[OF3_MOST_BATCH] = {{0}};
  of3_error err = {0};
  const of3_status status = of3_batch_fold(b, p, &err);
  if (b->n > 1 && status != OF3_OK && status != OF3_ERR_CANCELLED) {
    of3_logf(&b->worker->log, OF3_LOG_WARN, "%d folds as one batch failed: %s; folding them one by one", b->n,
             err.text);
    of3_batch_give_back(b);
    return false;
  }
  for (int i = 0; i < b->n; i++) {
    b->item[i].status = status;
    b->item[i].error = err;
  }
  finish_batch(b, p);
  return true;
}

/* ---- Workers */

/* How many of the next items go through the network together in this worker; 0: there is none, or nobody
 * wants it. */
static int next_batch(const of3_worker *worker) {
  const of3_job *j = worker->job;
  const int left = j->end - j->next;
  if (left <= 0 || atomic_load(&j->stop) || of3_is_cancelled(&j->model->engine->callbacks)) return 0;
  const of3_batch_request r = {.size = j->pending_size + j->next,
                               .n = left < worker->share ? left : worker->share,
                               .batch = j->o->batch,
                               .tokens = j->model->engine->device.backend->batch_tokens};
  return of3_batch_of(&r);
}

/* Takes items and computes them, in as few batches as there is memory for; false: there are none. */
static bool work_once(of3_worker *worker) {
  of3_job *j = worker->job;
  of3_item_run *item = worker->item;
  of3_batch b = {0};
  pthread_mutex_lock(&j->lock);
  const int asked = next_batch(worker), n = take_items(worker, asked, item);
  int most = n, first = begin_batch(&b, worker, item, 0, n, most);
  pthread_mutex_unlock(&j->lock);
  while (first < n) {
    if (compute_batch(&b))
      first += b.n;
    else
      most = 1;
    if (first == n) break;
    pthread_mutex_lock(&j->lock);
    first = begin_batch(&b, worker, item, first, n, most);
    pthread_mutex_unlock(&j->lock);
  }
  return asked > 0;
}

static void workers_work(void *arg, of3_task_group *tasks, int member) {
  of3_worker *worker = (of3_worker *)arg + member;
  worker->tasks = tasks;
  while (work_once(worker)) {
  }
}

static void close_workers(of3_job *j, of3_worker *worker, int n) {
  for (int i = 0; worker && i < n; i++) {
    if (worker[i].pool != j->model->engine->pool) of3_pool_free(worker[i].pool);
    free(worker[i].item);
  }
  free(worker);
}

/* One worker works on the threads of the engine; several have pools of their own while those sleep. */
static of3_status open_workers(of3_job *j, of3_worker_group group, of3_worker **ret_worker, of3_error *err) {
  const of3_engine *e = j->model->engine;
  const int n = group.workers;
  of3_worker *worker = calloc((size_t)n, sizeof *worker);
  bool ok = worker != NULL;
  for (int i = 0; ok && i < n; i++) {
    worker[i] = (of3_worker){
        .job = j,
        .pool = n == 1 ? e->pool : of3_pool_new_beside(of3_worker_threads(e->threads, n, i), e->threads),
        .number = i,
        .n_worker = n,
        .share = group.n / n,
        .item = calloc(OF3_MOST_BATCH, sizeof(of3_item_run))};
    of3_worker_log(&worker[i]);
    ok = worker[i].pool && worker[i].item;
  }
  if (ok) {
    *ret_worker = worker;
    return OF3_OK;
  }
  close_workers(j, worker, n);
  return of3_fail(err, OF3_ERR_MEMORY,
                  "cannot start %d threads for %d folds side by side; ask for fewer with "
                  "--threads or --jobs",
                  e->threads, n);
}

static of3_status run_group(of3_job *j, of3_worker_group group, of3_error *err) {
  const of3_engine *e = j->model->engine;
  of3_worker *worker = NULL;
  const int least = of3_worker_threads(e->threads, group.workers, group.workers - 1);
  const bool more = e->threads % group.workers > 0;
  j->end = j->next + group.n;
  OF3_TRY(open_workers(j, group, &worker, err));
  if (group.workers > 1)
    of3_logf(&e->log, OF3_LOG_INFO, "%d folds side by side, on %d%s thread%s each", group.workers, least,
             more ? " or one more" : "", least > 1 || more ? "s" : "");
  of3_logf(&e->log, OF3_LOG_DEBUG, "%d fold%s to be computed by %d worker%s", group.n,
           group.n == 1 ? "" : "s", group.workers, group.workers > 1 ? "s" : "");
  of3_status status = of3_task_group_run(group.workers, workers_work, worker, err);
  close_workers(j, worker, group.workers);
  return status;
}

/* ---- Groups */

/* Fewer workers if memory does not suffice for the largest items side by side. Where it cannot be told, they
 * wait for each other (the budget). */
static of3_worker_group within_memory(const of3_job *j, of3_worker_group group) {
  const int threads = j->model->engine->threads / group.workers;
  const of3_query *largest = of3_job_query(j, j->pending[j->next + group.n - 1]);
  of3_error ignored;
  uint64_t each = 0, available = of3_job_free_memory(j);
  if (group.workers == 1 || of3_job_estimate(j, largest, threads, &each, &ignored) != OF3_OK) return group;
  if (available / each >= (uint64_t)group.workers) return group;
  group.workers = available < 2 * each ? 1 : (int)(available / each);
  group.n = group.n / group.workers * group.workers;
  return group;
}

/* A group that of3 chose. Where its threads cannot be started, and so nothing ran, those of the engine do. */
static of3_status run_chosen(of3_job *j, of3_worker_group group, of3_error *err) {
  of3_status status = run_group(j, group, err);
  if (status != OF3_ERR_MEMORY || group.workers == 1) return status;
  of3_logf(&j->model->engine->log, OF3_LOG_WARN,
           "the threads for %d folds side by side cannot be started; folding one after the other",
           group.workers);
  group.workers = 1;
  return run_group(j, group, err);
}

static of3_status run_groups(of3_job *j, of3_error *err) {
  const of3_engine *e = j->model->engine;
  /* a device with memory of its own is one, and busy with one fold */
  const int jobs = e->device.backend->concurrent ? j->o->jobs : 1;
  while (j->next < j->n_pending && !atomic_load(&j->stop) && !of3_is_cancelled(&e->callbacks)) {
    of3_group_request r = {
        .size = j->pending_size + j->next, .n = j->n_pending - j->next, .threads = e->threads, .jobs = jobs};
    of3_worker_group group = of3_next_group(&r);
    OF3_TRY(jobs ? run_group(j, group, err) : run_chosen(j, within_memory(j, group), err));
  }
  return OF3_OK;
}

static of3_status cancelled(const of3_job *j, of3_error *err) {
  return of3_fail(
      err, OF3_ERR_CANCELLED,
      "interrupted; results that were complete are in '%s', and the same command goes on from there",
      j->tree.folder);
}

/* Alignments are kept for the pending queries that have the same, in a part of the memory. */
static of3_status expect_alignments(of3_job *j, of3_error *err) {
  enum { PART = 8 };
  const uint64_t free = of3_job_free_host_memory(j);
  j->kept = of3_kept_msa_new(free ? free / PART : UINT64_MAX);
  if (!j->kept) return of3_fail_memory(err, "the queries");
  for (int i = 0; i < j->n_pending; i++) {
    const of3_query *query = of3_job_query(j, j->pending[i]);
    if (i > 0 && of3_job_query(j, j->pending[i - 1]) == query) continue; /* seeds share their features */
    OF3_TRY(of3_kept_msa_expect(j->kept, query, err));
  }
  return OF3_OK;
}

static of3_status workers_run(of3_job *j, of3_error *err) {
  j->pending_size = OF3_ARENA_NEW(j->set.arena, int, (size_t)j->n_pending + 1);
  if (!j->pending_size) return of3_fail_memory(err, "the queries");
  for (int i = 0; i < j->n_pending; i++) j->pending_size[i] = j->size[j->pending[i] / j->n_seed].n_token;
  OF3_TRY(expect_alignments(j, err));
  OF3_TRY(of3_ahead_open(j, &j->ahead, err));
  of3_status status = run_groups(j, err);
  of3_job_fetch_stop(j);
  of3_ahead_close(j->ahead);
  j->ahead = NULL;
  if (status != OF3_OK) return status;
  if (j->stopped.code != OF3_OK) {
    *err = j->stopped;
    return err->code;
  }
  return j->next < j->n_pending || atomic_load(&j->stop) ? cancelled(j, err) : OF3_OK;
}

of3_status of3_job_run(of3_job *j, of3_error *err) {
  OF3_TRY(of3_memory_budget_init(&j->budget, err));
  if (pthread_mutex_init(&j->lock, NULL) != 0) {
    of3_memory_budget_free(&j->budget);
    return of3_fail_memory(err, "the lock of the queries");
  }
  of3_status status = of3_job_fetch_begin(j, err);
  if (status == OF3_OK) status = workers_run(j, err);
  of3_job_fetch_end(j);
  of3_kept_msa_free(j->kept);
  j->kept = NULL;
  pthread_mutex_destroy(&j->lock);
  of3_memory_budget_free(&j->budget);
  return status;
}
