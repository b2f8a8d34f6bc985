/* Searches for the chains of queries. */
#define _DEFAULT_SOURCE /* realpath */
#include "of3_search.h"

#include <stdlib.h>
#include <string.h>

#include "api/handles.h"
#include "api/openfold3_json.h"
#include "base/file.h"
#include "base/folder_lock.h"
#include "base/machine.h"
#include "dialect/dialect.h"
#include "search/search.h"

typedef struct searcher {
  const of3_search_settings *o;
  of3_log log;
  of3_cancel *cancel;
  of3_query_set set;
  of3_databases databases;
  of3_arena *arena;
  const char *folder; /* absolute: either program finds what is in it from anywhere */
  of3_cache *cache;
  of3_search_sequence *sequence; /* distinct */
  int n_sequence;
  of3_search_report *report;
} searcher;

/* ---- Chains */

static bool can_have_msa(const of3_query_chain *c) { return c->type == OF3_PROTEIN || c->type == OF3_RNA; }

static bool wants_msa(const of3_query *q, const of3_query_chain *c) {
  return q->use_msas && !c->n_msa && !c->n_msa_text && !c->no_msa && !c->no_search;
}

static bool wants_hits(const of3_query_chain *c) {
  return c->type == OF3_PROTEIN && !c->template_hits && !c->n_template && !c->no_templates;
}

static of3_search_sequence *find_sequence(const searcher *s, const of3_query_chain *c) {
  for (int i = 0; i < s->n_sequence; i++)
    if (s->sequence[i].type == c->type && strcmp(s->sequence[i].letters, c->sequence) == 0)
      return &s->sequence[i];
  return NULL;
}

static of3_status add_chain(searcher *s, const of3_query *q, const of3_query_chain *c, of3_error *err) {
  if (!can_have_msa(c)) return OF3_OK;
  of3_search_sequence *found = find_sequence(s, c);
  if (!found) {
    found = &s->sequence[s->n_sequence++];
    found->type = c->type;
    found->letters = c->sequence;
    found->name = of3_arena_printf(s->arena, "chain %s of '%s'", c->id[0], q->name);
    if (!found->name) return of3_fail_memory(err, "a chain");
  }
  found->want_msa = found->want_msa || wants_msa(q, c);
  found->want_hits = found->want_hits || wants_hits(c);
  return OF3_OK;
}

static of3_status list_sequences(searcher *s, of3_error *err) {
  int n = 0;
  for (int i = 0; i < s->set.n; i++) n += s->set.query[i].n_chain;
  s->sequence = OF3_ARENA_NEW(s->arena, of3_search_sequence, n);
  if (!s->sequence) return of3_fail_memory(err, "the chains");
  for (int i = 0; i < s->set.n; i++) {
    const of3_query *q = &s->set.query[i];
    for (int k = 0; q->error.code == OF3_OK && k < q->n_chain; k++)
      OF3_TRY(add_chain(s, q, &q->chain[k], err));
  }
  return OF3_OK;
}

/* ---- Results */

/* Names what was found in the chain; what the query names itself stays. */
static of3_status name_results(const searcher *s, const of3_query *q, of3_query_chain *c, of3_error *err) {
  if (!can_have_msa(c)) return OF3_OK;
  const of3_search_sequence *found = find_sequence(s, c);
  const bool use_msa = wants_msa(q, c), use_hits = wants_hits(c);
  if (found->error.code != OF3_OK && (use_msa || use_hits)) {
    if (err) *err = found->error;
    return found->error.code;
  }
  if (use_msa && found->msa_folder) {
    c->msa_path = OF3_ARENA_NEW(s->arena, const char *, 1);
    if (!c->msa_path) return of3_fail_memory(err, "a chain");
    c->msa_path[0] = found->msa_folder;
    c->n_msa = 1;
  }
  if (use_hits && found->hits) c->template_hits = found->hits;
  return OF3_OK;
}

static of3_status add_query(const searcher *s, of3_query *q, json_t *queries, of3_error *err) {
  const char *folder = of3_arena_printf(s->arena, "%s/msas_of_queries", s->folder);
  if (!folder) return of3_fail_memory(err, "a path");
  if (q->error.code != OF3_OK) {
    if (err) *err = q->error;
    return q->error.code;
  }
  of3_query_log_notes(q, &s->log);
  for (int k = 0; k < q->n_chain; k++) OF3_TRY(name_results(s, q, &q->chain[k], err));
  return of3_openfold3_add(q, folder, s->arena, queries, err);
}

static of3_status write_queries(searcher *s, of3_error *err) {
  const char *path = of3_arena_printf(s->arena, "%s/query_msa.json", s->folder);
  json_t *queries = json_object();
  of3_status status = queries && path ? OF3_OK : of3_fail_memory(err, "the queries");
  for (int i = 0; status == OF3_OK && i < s->set.n; i++) {
    of3_error own = {0};
    of3_query *q = &s->set.query[i];
    if (add_query(s, q, queries, &own) == OF3_OK) continue;
    if (own.code == OF3_ERR_MEMORY) status = of3_fail_memory(err, "the queries");
    s->report->n_failed++;
    if (q->error.code == OF3_OK) of3_prefix(&own, "query '%s'", q->name);
    of3_logf(&s->log, OF3_LOG_ERROR, "%s; it is not in query_msa.json", own.text);
  }
  if (status == OF3_OK) status = of3_openfold3_write(path, &s->set, queries, err);
  json_decref(queries);
  return status;
}

/* ---- The whole */

static void warn_missing(void *user, const char *sentence) {
  of3_logf(&((const searcher *)user)->log, OF3_LOG_ERROR, "%s", sentence);
}

static of3_status search_all(searcher *s, of3_error *err) {
  of3_search_counts counts = {0};
  const of3_search_options options = {.folder = s->folder,
                                      .threads = s->o->threads ? s->o->threads : of3_usable_processors(),
                                      .gpu = s->o->gpu,
                                      .opt_cache = s->cache,
                                      .opt_log = &s->log,
                                      .opt_cancel = s->cancel};
  OF3_TRY(of3_search_run(&s->databases, &options, s->sequence, s->n_sequence, s->arena, &counts, err));
  s->report->made = counts.made;
  s->report->kept = counts.kept;
  s->report->from_cache = counts.from_cache;
  s->report->failed = counts.failed;
  return write_queries(s, err);
}

static of3_status search_in_folder(searcher *s, of3_error *err) {
  of3_folder_lock *lock = NULL;
  of3_lock_options how = of3_lock_defaults();
  const of3_cache_options store = {.folder = s->o->cache, .opt_log = &s->log};
  how.wait = s->o->wait;
  how.opt_cancel = s->cancel;
  how.opt_log = &s->log;
  OF3_TRY(of3_make_folder(s->o->output_dir, err));
  char *absolute = realpath(s->o->output_dir, NULL);
  s->folder = absolute ? of3_arena_strdup(s->arena, absolute) : NULL;
  free(absolute);
  if (!s->folder) return of3_fail(err, OF3_ERR_IO, "cannot find '%s'", s->o->output_dir);
  OF3_TRY(of3_folder_lock_take(s->folder, &how, &lock, err));
  of3_status status = of3_cache_open(&store, &s->cache, err);
  if (status == OF3_OK) status = search_all(s, err);
  of3_cache_close(s->cache);
  of3_folder_lock_release(lock);
  return status;
}

static of3_status prepare(searcher *s, const char *query, of3_error *err) {
  if (!s->arena) return of3_fail_memory(err, "a search");
  OF3_TRY(of3_databases_read(s->o->databases, s->arena, &s->databases, err));
  if (of3_databases_missing(&s->databases, s->o->gpu, warn_missing, s))
    return of3_fail(err, OF3_ERR_INPUT,
                    "not all that '%s' asks for is there: the lines above say what is missing",
                    s->o->databases);
  OF3_TRY(of3_query_open(query, of3_reading_memory(0), &s->set, err));
  s->report->n_query = s->set.n;
  return list_sequences(s, err);
}

of3_status of3_search(const char *query, const of3_search_settings *settings,
                      const of3_callbacks *opt_callbacks, of3_search_report *out, of3_error *err) {
  const of3_callbacks callbacks = opt_callbacks ? *opt_callbacks : (of3_callbacks){0};
  const double began = of3_seconds();
  *out = (of3_search_report){0};
  searcher s = {.o = settings,
                .log = of3_log_of(&callbacks),
                .cancel = callbacks.cancel,
                .arena = of3_arena_new(0),
                .report = out};
  of3_status status = prepare(&s, query, err);
  if (status == OF3_OK) status = search_in_folder(&s, err);
  out->seconds = of3_seconds() - began;
  of3_query_set_free(&s.set);
  of3_arena_free(s.arena);
  return status;
}

of3_status of3_search_check(const of3_search_settings *settings,
                            void (*say)(void *user, const char *sentence), void *user, int *ret_missing,
                            of3_error *err) {
  of3_databases databases;
  of3_arena *arena = of3_arena_new(0);
  *ret_missing = 0;
  if (!arena) return of3_fail_memory(err, "databases");
  const of3_status status = of3_databases_read(settings->databases, arena, &databases, err);
  if (status == OF3_OK) *ret_missing = of3_databases_missing(&databases, settings->gpu, say, user);
  of3_arena_free(arena);
  return status;
}
