/* Queries in another dialect. */
#include <stdlib.h>
#include <string.h>

#include "api/handles.h"
#include "api/openfold3_json.h"
#include "base/file.h"
#include "dialect/dialect.h"
#include "dialect/write_af3.h"
#include "of3_inputs.h"

typedef struct converter {
  const of3_inputs_convert_options *o;
  of3_log log;
  const of3_query_set *set;
  of3_arena *arena;
  int failed;
  of3_error first; /* of what failed */
} converter;

/* A query that cannot be said. */
static void leave_out(converter *c, const of3_query *q, const of3_error *why) {
  of3_error e = *why;
  if (q->error.code == OF3_OK) of3_prefix(&e, "query '%s'", q->name);
  if (c->failed++ == 0) c->first = e;
  if (c->set->n > 1) of3_logf(&c->log, OF3_LOG_WARN, "%s", e.text);
}

/* ---- AlphaFold 3: a file for each query */

static const char *af3_path(converter *c, const of3_query *q) {
  if (c->set->n == 1) return c->o->out;
  return of3_arena_printf(c->arena, "%s/%s.json", c->o->out, q->name);
}

static of3_status to_af3(converter *c, const of3_query *q, of3_error *err) {
  json_t *job = NULL;
  of3_error own = {0};
  const char *path = af3_path(c, q);
  if (!path) return of3_fail_memory(err, "a path");
  if (of3_query_to_af3(q, c->set->seed, c->set->n_seed, &job, &own) != OF3_OK) {
    if (own.code == OF3_ERR_MEMORY) return of3_fail_memory(err, "a query");
    leave_out(c, q, &own);
    return OF3_OK;
  }
  const of3_status status = of3_write_json(path, job, err);
  json_decref(job);
  return status;
}

/* ---- OpenFold3: one file, and files of the alignments that it has no place for */

/* FILE_msas of FILE.json. */
static char *msa_folder(const converter *c) {
  const char *out = c->o->out;
  const size_t n = strlen(out), cut = n > 5 && strcmp(out + n - 5, ".json") == 0 ? n - 5 : n;
  return of3_arena_printf(c->arena, "%.*s_msas", (int)cut, out);
}

static of3_status to_openfold3(converter *c, const of3_query *q, json_t *queries, of3_error *err) {
  of3_error own = {0};
  const bool streamed = strncmp(c->o->out, "/dev/", 5) == 0;
  const char *folder = streamed ? NULL : msa_folder(c);
  if (!streamed && !folder) return of3_fail_memory(err, "a path");
  const of3_status status = of3_openfold3_add(q, folder, c->arena, queries, &own);
  if (status == OF3_ERR_UNSUPPORTED)
    leave_out(c, q, &own);
  else if (status != OF3_OK && err)
    *err = own;
  return status == OF3_ERR_UNSUPPORTED ? OF3_OK : status;
}

/* ---- All queries */

static of3_status convert_all(converter *c, bool af3, json_t *queries, of3_error *err) {
  for (int i = 0; i < c->set->n; i++) {
    const of3_query *q = &c->set->query[i];
    if (q->error.code != OF3_OK) {
      leave_out(c, q, &q->error);
      continue;
    }
    for (int k = 0; k < q->n_note; k++)
      of3_logf(&c->log, OF3_LOG_WARN, "query '%s': %s", q->name, q->note[k]);
    OF3_TRY(af3 ? to_af3(c, q, err) : to_openfold3(c, q, queries, err));
  }
  if (c->failed == c->set->n || (c->failed && c->set->n == 1)) {
    if (err) *err = c->first;
    return c->first.code;
  }
  return af3 ? OF3_OK : of3_openfold3_write(c->o->out, c->set, queries, err);
}

static of3_status convert(converter *c, bool af3, of3_error *err) {
  if (af3 && c->set->n > 1) {
    if (strncmp(c->o->out, "/dev/", 5) == 0)
      return of3_fail(
          err, OF3_ERR_USAGE,
          "the file holds %d queries, and AlphaFold 3 takes one a file; --out FOLDER says where they go",
          c->set->n);
    OF3_TRY(of3_make_folder(c->o->out, err));
  }
  json_t *queries = json_object();
  if (!queries) return of3_fail_memory(err, "the queries");
  const of3_status status = convert_all(c, af3, queries, err);
  json_decref(queries);
  return status;
}

of3_status of3_inputs_convert(const char *query, const of3_inputs_convert_options *options,
                              const of3_callbacks *opt_callbacks, int *ret_failed, of3_error *err) {
  const of3_callbacks callbacks = opt_callbacks ? *opt_callbacks : (of3_callbacks){0};
  const bool af3 = strcmp(options->to, "af3") == 0;
  of3_query_set set = {0};
  *ret_failed = 0;
  if (!af3 && strcmp(options->to, "of3") != 0)
    return of3_fail(err, OF3_ERR_USAGE, "'%.20s' is no dialect that is written; of3 or af3 was expected",
                    options->to);
  OF3_TRY(of3_query_open(query, of3_reading_memory(0), &set, err));
  converter c = {.o = options, .log = of3_log_of(&callbacks), .set = &set, .arena = of3_arena_new(0)};
  const of3_status status = c.arena ? convert(&c, af3, err) : of3_fail_memory(err, "the queries");
  *ret_failed = c.failed;
  of3_arena_free(c.arena);
  of3_query_set_free(&set);
  return status;
}
