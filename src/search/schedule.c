/* Tasks side by side: each runs one program at a time, with the threads that it asked for; as many run as the
 * threads suffice for, in their order. All that is done between programs is done here, by the one thread that
 * calls. */
#include <string.h>

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

/* Goes on with a task, whose last program has ended well, to its next program or its end. */
static void go_on(schedule *s, of3_search_task *t) {
  of3_command command = {0};
  of3_error own = {0};
  of3_status status = t->step_of(t, t->step++, &command, &own);
  if (status == OF3_OK && command.failed) status = of3_fail_memory(&own, "the arguments of a program");
  if (status == OF3_OK && command.n) {
    command.argv[command.n] = NULL;
    t->running = command.program;
    status = of3_child_start(s->children, command.argv, &t->child, &own);
  }
  if (status != OF3_OK)
    fail_task(s, t, &own);
  else if (!command.n)
    end_task(s, t);
  if (t->state != OF3_TASK_RUNS) {
    s->free += t->threads;
    s->ended++;
    of3_remove_tree(t->work);
  }
}

static void start(schedule *s, of3_search_task *t) {
  of3_error own = {0};
  t->state = OF3_TASK_RUNS;
  t->began = of3_seconds();
  s->free -= t->threads;
  tell(s, t, "begins");
  if (of3_make_folder(t->work, &own) == OF3_OK) {
    go_on(s, t);
    return;
  }
  fail_task(s, t, &own);
  s->free += t->threads;
  s->ended++;
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
    if (end->exit_code == 0 && end->signal == 0) {
      go_on(s, t);
      return;
    }
    of3_child_failed(of3_program_name(t->running), end, &own);
    fail_task(s, t, &own);
    s->free += t->threads;
    s->ended++;
    of3_remove_tree(t->work);
    return;
  }
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
    if (s.ended < n) of3_children_wait(s.children, 0.2, &end);
    if (end.id >= 0) child_ended(&s, &end);
    if (of3_cancelled(options->opt_cancel))
      status =
          of3_fail(err, OF3_ERR_CANCELLED, "interrupted; what was found is kept, and not searched again");
  }
  of3_children_free(s.children);
  return status;
}
