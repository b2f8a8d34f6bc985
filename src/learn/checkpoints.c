#include "learn/checkpoints.h"

#include <ctype.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/temporary.h"

typedef struct kept {
  const char *path;
  int64_t step;
  double metric; /* NaN: none */
} kept;

/* ---- What is there */

static const char ending[] = ".safetensors";

/* The step in a name EPOCH-STEP.safetensors; -1: it is another file. */
static int64_t step_of(const char *name) {
  enum { DIGITS = 18 };
  const char *minus = strchr(name, '-');
  if (!minus || minus == name || minus - name > DIGITS) return -1;
  for (const char *c = name; c < minus; c++)
    if (!isdigit((unsigned char)*c)) return -1;
  const size_t n = strspn(minus + 1, "0123456789");
  if (n == 0 || n > DIGITS || strcmp(minus + 1 + n, ending) != 0) return -1;
  return strtoll(minus + 1, NULL, 10);
}

/* A name that a writer of a checkpoint leaves when it is killed. */
static bool is_half_written(const char *name) {
  const char *part = strstr(name, ".safetensors.part");
  return part && (part[strlen(".safetensors.part")] == 0 || of3_is_temporary_name(name));
}

static int by_step(const void *a, const void *b) {
  const int64_t x = ((const kept *)a)->step, y = ((const kept *)b)->step;
  return (x < y) - (x > y);
}

/* Newest first, in the arena. A folder that is missing is empty. */
static of3_status list(const char *folder, of3_arena *arena, kept **ret, int *ret_n, of3_error *err) {
  const char **name;
  int n;
  *ret = NULL;
  *ret_n = 0;
  if (!of3_is_folder(folder)) return OF3_OK;
  OF3_TRY(of3_list_folder(folder, arena, &name, &n, err));
  kept *all = *ret = OF3_ARENA_NEW(arena, kept, n);
  if (!all) return of3_fail_memory(err, folder);
  for (int i = 0; i < n; i++) {
    const char *path = of3_path_join(arena, folder, name[i]);
    if (!path) return of3_fail_memory(err, folder);
    if (is_half_written(name[i])) remove(path);
    if (step_of(name[i]) >= 0) all[(*ret_n)++] = (kept){path, step_of(name[i]), NAN};
  }
  if (*ret_n) qsort(all, (size_t)*ret_n, sizeof *all, by_step);
  return OF3_OK;
}

static of3_status read_metric(kept *k, of3_error *err) {
  of3_table table;
  of3_run_state state = {.metric = NAN};
  OF3_TRY(of3_safetensors_open(k->path, &table, err));
  const of3_status status = of3_state_describe(&table, &state, err);
  of3_table_close(&table);
  k->metric = state.metric;
  return status;
}

of3_status of3_checkpoints_newest(const of3_checkpoints *c, of3_arena *arena, const char **ret_path,
                                  of3_error *err) {
  kept *all;
  int n;
  *ret_path = NULL;
  OF3_TRY(list(c->folder, arena, &all, &n, err));
  for (int i = 0; i < n && !*ret_path; i++) {
    of3_error why = {0};
    if (read_metric(&all[i], &why) == OF3_OK)
      *ret_path = all[i].path;
    else
      of3_logf(c->opt_log, OF3_LOG_WARN, "'%s' is not used: %s", all[i].path, why.text);
  }
  return OF3_OK;
}

/* ---- Which of them stay */

static bool is_better(const of3_checkpoints *c, double a, double b) {
  if (isnan(a) || isnan(b)) return !isnan(a);
  return c->larger ? a > b : a < b;
}

/* How many of the others are better, or as good and newer. */
static int place_of(const of3_checkpoints *c, const kept *all, int n, int i) {
  int place = 0;
  for (int k = 0; k < n; k++)
    if (k != i && (is_better(c, all[k].metric, all[i].metric) ||
                   (k < i && !is_better(c, all[i].metric, all[k].metric))))
      place++;
  return place;
}

static of3_status remove_others(const of3_checkpoints *c, of3_arena *arena, of3_error *err) {
  kept *all;
  int n;
  if (c->keep < 0) return OF3_OK;
  OF3_TRY(list(c->folder, arena, &all, &n, err));
  for (int i = 0; i < n && c->by_metric; i++) OF3_TRY(read_metric(&all[i], err));
  for (int i = 1; i < n; i++)
    if ((c->by_metric ? place_of(c, all, n, i) : i) >= c->keep) remove(all[i].path);
  return OF3_OK;
}

of3_status of3_checkpoints_save(const of3_checkpoints *c, const of3_trainer *t, const of3_run_state *state,
                                int64_t epoch, of3_arena *arena, const char **ret_path, of3_error *err) {
  const char *path =
      of3_arena_printf(arena, "%s/%" PRId64 "-%" PRId64 "%s", c->folder, epoch, state->step, ending);
  if (!path) return of3_fail_memory(err, "a checkpoint");
  OF3_TRY(of3_make_folder(c->folder, err));
  OF3_TRY(of3_state_write(t, state, path, err));
  *ret_path = path;
  return remove_others(c, arena, err);
}
