#define _POSIX_C_SOURCE 200809L
#include "learn/state.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/number.h"

static const char layout[] = "1";
enum { N_KIND = 4, VALUE = 1, N_META = 7, NUMBER = 40 };

/* What a parameter has, each in an array of the optimiser. */
static const char *const prefix[N_KIND] = {"", "training/value/", "training/m/", "training/v/"};

static float *array_of(const of3_optimiser *o, int kind) {
  float *const array[N_KIND] = {o->average, o->value, o->m, o->v};
  return array[kind];
}

/* ---- Writing */

static of3_status list_entries(const of3_trainer *t, of3_arena *arena, of3_entry *out, of3_error *err) {
  const of3_parameters *all = &t->net.parameters;
  for (int k = 0; k < N_KIND; k++)
    for (int i = 0; i < all->n; i++) {
      const of3_parameter *p = &all->p[i];
      char *name = of3_arena_printf(arena, "%s%s", prefix[k], p->name);
      if (!name) return of3_fail_memory(err, "a checkpoint");
      *out++ = (of3_entry){.name = name,
                           .dtype = OF3_F32,
                           .rank = p->rank,
                           .shape = {p->shape[0], p->shape[1]},
                           .count = t->optimiser.tensor[i].n,
                           .data = array_of(&t->optimiser, k) + t->optimiser.tensor[i].first};
    }
  int64_t *updates = OF3_ARENA_NEW(arena, int64_t, all->n);
  if (!updates) return of3_fail_memory(err, "a checkpoint");
  for (int i = 0; i < all->n; i++) updates[i] = t->optimiser.tensor[i].updates;
  *out = (of3_entry){.name = "training/updates",
                     .dtype = OF3_I64,
                     .rank = 1,
                     .shape = {all->n},
                     .count = all->n,
                     .data = updates};
  return OF3_OK;
}

static of3_status write_entries(const of3_trainer *t, const of3_run_state *s, const char *path,
                                of3_arena *arena, of3_error *err) {
  const int n = N_KIND * t->net.parameters.n + 1;
  of3_entry *entry = OF3_ARENA_NEW(arena, of3_entry, n);
  char number[5][NUMBER];
  if (!entry) return of3_fail_memory(err, "a checkpoint");
  OF3_TRY(list_entries(t, arena, entry, err));
  of3_format(number[0], NUMBER, "%" PRId64, s->step);
  of3_format(number[1], NUMBER, "%" PRId64, s->updates);
  of3_format(number[2], NUMBER, "%" PRId64, s->seed);
  of3_format(number[3], NUMBER, "%" PRId64, s->data_seed);
  of3_format(number[4], NUMBER, "%.17g", s->metric);
  const char *const meta[2 * N_META] = {
      "of3.training", layout,          "of3.step", number[0],      "of3.updates", number[1],    "of3.seed",
      number[2],      "of3.data_seed", number[3],  "of3.settings", s->settings,   "of3.metric", number[4]};
  return of3_safetensors_write(path, entry, n, meta, isnan(s->metric) ? N_META - 1 : N_META, err);
}

/* The file is written beside its place, brought to the disk, and renamed. */
of3_status of3_state_write(const of3_trainer *t, const of3_run_state *s, const char *path, of3_error *err) {
  of3_arena *arena = of3_arena_new(0);
  const char *part = arena ? of3_arena_printf(arena, "%s.part", path) : NULL,
             *folder = arena ? of3_path_folder(arena, path) : NULL;
  of3_status status = part && folder ? write_entries(t, s, part, arena, err) : of3_fail_memory(err, path);
  if (status == OF3_OK) status = of3_sync(part, err);
  if (status == OF3_OK && rename(part, path) != 0)
    status = of3_fail(err, OF3_ERR_IO, "cannot write '%s': %s", path, strerror(errno));
  if (status == OF3_OK) status = of3_sync(*folder ? folder : ".", err);
  if (status != OF3_OK && part) remove(part);
  of3_arena_free(arena);
  return status;
}

/* ---- Reading */

bool of3_is_state(const of3_table *table) { return of3_table_meta(table, "of3.training") != NULL; }

static of3_status read_number(const of3_table *table, const char *key, int64_t *out, of3_error *err) {
  const char *text = of3_table_meta(table, key);
  char *end = NULL;
  errno = 0;
  *out = text ? strtoll(text, &end, 10) : -1;
  if (text && end != text && *end == 0 && errno == 0 && *out >= 0) return OF3_OK;
  return of3_fail(err, OF3_ERR_INPUT,
                  "this checkpoint of a training says '%.40s' as %s; a whole number was expected",
                  text ? text : "nothing", key);
}

of3_status of3_state_describe(const of3_table *table, of3_run_state *out, of3_error *err) {
  const char *version = of3_table_meta(table, "of3.training"), *metric = of3_table_meta(table, "of3.metric"),
             *settings = of3_table_meta(table, "of3.settings");
  if (!version) return of3_fail(err, OF3_ERR_INPUT, "this file is no checkpoint of a training of of3");
  if (strcmp(version, layout) != 0)
    return of3_fail(err, OF3_ERR_UNSUPPORTED,
                    "this checkpoint of a training has the layout %.20s; this of3 reads %s", version, layout);
  OF3_TRY(read_number(table, "of3.step", &out->step, err));
  OF3_TRY(read_number(table, "of3.updates", &out->updates, err));
  OF3_TRY(read_number(table, "of3.seed", &out->seed, err));
  OF3_TRY(read_number(table, "of3.data_seed", &out->data_seed, err));
  out->metric = metric ? of3_parse_f64(metric, NULL) : NAN;
  of3_format(out->settings, sizeof out->settings, "%.64s", settings ? settings : "");
  return OF3_OK;
}

static const of3_entry *find(const of3_table *table, const char *before, const char *name) {
  char whole[512];
  const int n = of3_format(whole, sizeof whole, "%s%s", before, name);
  return n > 0 && n < (int)sizeof whole ? of3_table_find(table, whole) : NULL;
}

static of3_status restore_array(const of3_table *table, of3_trainer *t, int kind, of3_error *err) {
  for (int i = 0; i < t->optimiser.n_tensor; i++) {
    const of3_trained *to = &t->optimiser.tensor[i];
    const char *name = t->net.parameters.p[i].name;
    const of3_entry *e = find(table, prefix[kind], name);
    if (!e || e->dtype != OF3_F32 || e->count != to->n)
      return of3_fail(err, OF3_ERR_INPUT, "this checkpoint of a training lacks %s%s, or it has another size",
                      prefix[kind], name);
    memcpy(array_of(&t->optimiser, kind) + to->first, e->data, (size_t)to->n * sizeof(float));
  }
  return OF3_OK;
}

of3_status of3_state_restore(const of3_table *table, of3_trainer *t, of3_error *err) {
  const of3_entry *updates = of3_table_find(table, "training/updates");
  of3_run_state state;
  OF3_TRY(of3_state_describe(table, &state, err));
  if (!updates || updates->dtype != OF3_I64 || updates->count != t->optimiser.n_tensor)
    return of3_fail(err, OF3_ERR_INPUT,
                    "this checkpoint of a training is of another network: it counts %lld tensors, not %d",
                    updates ? (long long)updates->count : 0, t->optimiser.n_tensor);
  for (int k = 0; k < N_KIND; k++) OF3_TRY(restore_array(table, t, k, err));
  for (int i = 0; i < t->optimiser.n_tensor; i++)
    t->optimiser.tensor[i].updates = ((const int64_t *)updates->data)[i];
  t->optimiser.step = state.updates;
  of3_trainer_refresh(t);
  return of3_ctx_status(t->cx, err);
}

of3_status of3_state_restore_values(const of3_table *table, of3_trainer *t, of3_error *err) {
  for (int i = 0; i < t->optimiser.n_tensor; i++) {
    const of3_trained *to = &t->optimiser.tensor[i];
    const of3_entry *e = find(table, prefix[VALUE], t->net.parameters.p[i].name);
    if (e && e->dtype == OF3_F32 && e->count == to->n)
      memcpy(t->optimiser.value + to->first, e->data, (size_t)to->n * sizeof(float));
  }
  of3_trainer_refresh(t);
  return of3_ctx_status(t->cx, err);
}
