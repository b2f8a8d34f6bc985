/* What workers say, log and progress, is said by the calling thread, whose callbacks they are. */
#include "api/job.h"

typedef struct message {
  const of3_log *log;
  of3_level level;
  const char *text;
} message;

static void deliver_message(void *arg) {
  const message *m = arg;
  m->log->sink(m->log->user, m->level, m->text);
}

static void log_in_worker(void *user, of3_level level, const char *text) {
  of3_worker *worker = user;
  message m = {.log = &worker->job->model->engine->log, .level = level, .text = text};
  of3_task_group_call(worker->tasks, deliver_message, &m);
}

typedef struct progress {
  const of3_callbacks *callbacks;
  const of3_progress_info *info;
} progress;

static void deliver_progress(void *arg) {
  const progress *p = arg;
  p->callbacks->progress(p->callbacks->user, p->info);
}

void of3_worker_tell(of3_worker *worker, of3_progress_info *info) {
  progress p = {.callbacks = &worker->job->model->engine->callbacks, .info = info};
  info->worker = worker->number;
  info->n_worker = worker->n_worker;
  of3_job_fetch_tell(worker->job, &worker->log);
  if (p.callbacks->progress) of3_task_group_call(worker->tasks, deliver_progress, &p);
}

void of3_worker_tell_features(of3_worker *worker, const of3_item_run *t) {
  of3_progress_info begun = {.query = t->query->name,
                             .seed = t->item->seed,
                             .item = t->index + 1,
                             .n_item = worker->job->n_item,
                             .phase = "features",
                             .total = 1};
  of3_worker_tell(worker, &begun);
}

void of3_worker_log(of3_worker *worker) {
  worker->log = worker->job->model->engine->log;
  if (worker->log.sink) worker->log.sink = log_in_worker;
  worker->log.user = worker;
}
