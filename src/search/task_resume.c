/* The folder of a task is named after its files, so that a run that is started again finds it. `.step` in it
 * is the number of the step that comes next; what a program that was killed left is written anew. */
#define _POSIX_C_SOURCE 200809L
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "search/task.h"

static char *step_file(const of3_search_task *t) { return of3_task_path(t, ".step"); }

static int read_step(const char *path) {
  char text[16] = "";
  FILE *f = fopen(path, "rb");
  if (!f) return 0;
  const size_t n = fread(text, 1, sizeof text - 1, f);
  fclose(f);
  const long step = n ? strtol(text, NULL, 10) : 0;
  return step > 0 && step < 10000 ? (int)step : 0;
}

of3_status of3_task_begin(of3_search_task *t, of3_error *err) {
  const char *path = step_file(t);
  if (!path) return of3_fail_memory(err, "a path");
  t->step = t->resumes ? read_step(path) : 0;
  if (t->step == 0) of3_remove_tree(t->work);
  return of3_make_folder(t->work, err);
}

of3_status of3_task_note_step(const of3_search_task *t, of3_error *err) {
  char text[16];
  const char *path = step_file(t);
  if (!t->resumes) return OF3_OK;
  if (!path) return of3_fail_memory(err, "a path");
  const int n = snprintf(text, sizeof text, "%d\n", t->step);
  return of3_write_file(path, text, (size_t)n, err);
}

static bool is_of(const char *path, const of3_search_task *task, int n) {
  for (int i = 0; i < n; i++)
    if (task[i].resumes && strcmp(task[i].work, path) == 0) return true;
  return false;
}

of3_status of3_task_remove_others(const char *work, const of3_search_task *task, int n, of3_error *err) {
  const char **name = NULL;
  int n_name = 0;
  if (!of3_is_folder(work)) return OF3_OK;
  of3_arena *arena = of3_arena_new(0);
  of3_status status =
      arena ? of3_list_folder(work, arena, &name, &n_name, err) : of3_fail_memory(err, "a search");
  for (int i = 0; i < n_name && status == OF3_OK; i++) {
    const char *path = of3_path_join(arena, work, name[i]);
    if (!path) status = of3_fail_memory(err, "a path");
    if (path && !is_of(path, task, n)) of3_remove_tree(path);
  }
  of3_arena_free(arena);
  return status;
}
