/* Tasks side by side: each runs one program at a time, with the threads that it asked for; as many run as the
 * threads suffice for, in their order. All that is done between programs is done here, by the one thread that
 * calls. */
#define _POSIX_C_SOURCE 200809L
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/file.h"
#include "search/task.h"

typedef struct schedule {
  of3_search_task *task;
  int n, free, ended;
  const of3_search_options *options;
  of3_search_sequence *sequence;
  of3_search_counts *counts;
  of3_children *children;
} schedule;

static const char *name_of(const of3_search_task *t) { return t->database[0]->name; }

static void tell(const schedule *s, const of3_search_task *t, const char *what) {
  const of3_search_sequence *q = &s->sequence[t->file[0].sequence];
  if (t->n_file > 1)
    of3_logf(s->options->opt_log, OF3_LOG_INFO, "search %d of %d: %s in %s for %d files %s",
             (int)(t - s->task) + 1, s->n, of3_program_name(t->database[0]->program), name_of(t), t->n_file,
             what);
  else
    of3_logf(s->options->opt_log, OF3_LOG_INFO, "search %d of %d: %s in %s for %s %s", (int)(t - s->task) + 1,
             s->n, of3_program_name(t->database[0]->program), name_of(t), q->name, what);
}

/* The sentence goes to every sequence that has no earlier one. */
static void fail_task(schedule *s, of3_search_task *t, of3_error *why) {
  of3_prefix(why, "search in '%s'", name_of(t));
  for (int i = 0; i < t->n_file; i++) {
    of3_search_sequence *q = &s->sequence[t->file[i].sequence];
    if (t->file[i].is_there) continue;
    s->counts->failed++;
    if (q->error.code == OF3_OK) q->error = *why;
  }
  of3_logf(s->options->opt_log, OF3_LOG_INFO, "%s", why->text);
  t->state = OF3_TASK_FAILED;
}

static void end_task(schedule *s, of3_search_task *t) {
  of3_error own = {0};
  char text[64];
  if (of3_task_finish(t, s->options, &own) != OF3_OK) {
    fail_task(s, t, &own);
    return;
  }
  for (int i = 0; i < t->n_file; i++) s->counts->made += !t->file[i].is_there;
  t->state = OF3_TASK_DONE;
  snprintf(text, sizeof text, "took %.1f s", of3_seconds() - t->began);
  tell(s, t, text);
}

/* A task that is done or has failed. */
static void leave(schedule *s, of3_search_task *t) {
  of3_task_release(t);
  of3_remove_tree(t->work);
  s->free += t->threads;
  s->ended++;
}

/* Starts the next program of a task, whose last one has ended well; child -1: there is none. */
static of3_status next_program(schedule *s, of3_search_task *t, of3_error *err) {
  of3_command command = {0};
  OF3_TRY(of3_task_note_step(t, err));
  OF3_TRY(t->step_of(t, t->step++, &command, err));
  if (command.failed) return of3_fail_memory(err, "the arguments of a program");
  if (!command.n) return OF3_OK;
  command.argv[command.n] = NULL;
  t->running = command.program;
  return of3_child_start(s->children, command.argv, &t->child, err);
}

/* What a killed run left may be damaged where it stopped. */
static of3_status begin_anew(schedule *s, of3_search_task *t, of3_error *err) {
  t->resumed = false;
  tell(s, t, "begins anew: it could not go on where it was interrupted");
  of3_remove_tree(t->work);
  OF3_TRY(of3_task_begin(t, err));
  return next_program(s, t, err);
}

/* After its next program was to be started, or its last one failed. */
static void settle(schedule *s, of3_search_task *t, of3_status status, of3_error *err) {
  if (status != OF3_OK && t->resumed) status = begin_anew(s, t, err);
  if (status != OF3_OK)
    fail_task(s, t, err);
  else if (t->child < 0)
    end_task(s, t);
  if (t->state != OF3_TASK_RUNS) leave(s, t);
}

static bool all_there(const of3_search_task *t) {
  for (int i = 0; i < t->n_file; i++)
    if (!t->file[i].is_there) return false;
  return true;
}

/* Not if another process searches for the same: the task waits then. */
static void start(schedule *s, of3_search_task *t) {
  of3_error own = {0};
  bool busy = false;
  of3_status status = of3_task_claim(t, s->options, s->counts, &busy, &own);
  if (status == OF3_OK && busy) {
    if (!t->told) tell(s, t, "waits for another process, which searches for the same");
    t->told = true;
    return;
  }
  if (status == OF3_OK && all_there(t)) {
    of3_task_release(t);
    t->state = OF3_TASK_DONE;
    s->ended++;
    return;
  }
  t->state = OF3_TASK_RUNS;
  t->began = of3_seconds();
  s->free -= t->threads;
  if (status == OF3_OK) status = of3_task_begin(t, &own);
  t->resumed = t->step > 0;
  if (status == OF3_OK) {
    tell(s, t, t->resumed ? "goes on where it was interrupted" : "begins");
    status = next_program(s, t, &own);
  }
  settle(s, t, status, &own);
}

/* What came before it failed, so that it cannot be done. */
static bool is_hopeless(schedule *s, of3_search_task *t) {
  if (t->input < 0 || s->task[t->input].state != OF3_TASK_FAILED) return false;
  of3_error own = {0};
  of3_fail(&own, OF3_ERR_INPUT, "the search in '%s' failed, whose alignment it needs",
           name_of(&s->task[t->input]));
  fail_task(s, t, &own);
  s->ended++;
  return true;
}

static void start_what_fits(schedule *s) {
  for (int i = 0; i < s->n && s->free > 0; i++) {
    of3_search_task *t = &s->task[i];
    if (t->state != OF3_TASK_WAITS || is_hopeless(s, t)) continue;
    if (t->input >= 0 && s->task[t->input].state != OF3_TASK_DONE) continue;
    if (t->threads <= s->free) start(s, t);
  }
}

static void child_ended(schedule *s, const of3_child_end *end) {
  of3_error own = {0};
  for (int i = 0; i < s->n; i++) {
    of3_search_task *t = &s->task[i];
    if (t->state != OF3_TASK_RUNS || t->child != end->id) continue;
    t->child = -1;
    const bool well = end->exit_code == 0 && end->signal == 0;
    const of3_status status =
        well ? next_program(s, t, &own) : of3_child_failed(of3_program_name(t->running), end, &own);
    settle(s, t, status, &own);
    return;
  }
}

/* Where nothing runs the others are waited for that search for the same. */
static void wait_for_children(schedule *s, of3_child_end *end) {
  const struct timespec pause = {.tv_nsec = 100000000};
  bool runs = false;
  for (int i = 0; i < s->n; i++) runs |= s->task[i].state == OF3_TASK_RUNS;
  if (runs)
    of3_children_wait(s->children, 0.2, end);
  else
    nanosleep(&pause, NULL);
}

of3_status of3_schedule(of3_search_task *task, int n, const of3_search_options *options,
                        of3_search_sequence *sequence, of3_search_counts *counts, of3_error *err) {
  schedule s = {.task = task,
                .n = n,
                .free = options->threads,
                .options = options,
                .sequence = sequence,
                .counts = counts};
  if (n == 0) return OF3_OK;
  OF3_TRY(of3_children_new(&s.children, err));
  of3_status status = OF3_OK;
  while (status == OF3_OK && s.ended < n) {
    of3_child_end end = {.id = -1};
    start_what_fits(&s);
    if (s.ended < n) wait_for_children(&s, &end);
    if (end.id >= 0) child_ended(&s, &end);
    if (of3_cancelled(options->opt_cancel))
      status =
          of3_fail(err, OF3_ERR_CANCELLED, "interrupted; what was found is kept, and not searched again");
  }
  of3_children_free(s.children);
  for (int i = 0; i < n; i++) of3_task_release(&task[i]);
  return status;
}
