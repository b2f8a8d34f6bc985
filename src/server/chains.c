/* Hits name chains as authors do (auth_asym_id); files of templates and OpenFold3 go by label_asym_id. The
 * PDB tells which is which: one question for all entries that the cache does not know, in GraphQL. */
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "server/server_parts.h"

enum { MOST_ANSWER = 64 << 20, TRIES = 3 };

static const char chains_query[] = "\n"
                                   "query($ids: [String!]!) {\n"
                                   "  entries(entry_ids: $ids) {\n"
                                   "    rcsb_id\n"
                                   "    polymer_entities {\n"
                                   "      rcsb_polymer_entity_container_identifiers {\n"
                                   "        asym_ids\n"
                                   "        auth_asym_ids\n"
                                   "      }\n"
                                   "    }\n"
                                   "  }\n"
                                   "}\n";

/* The chains whose names are wanted. */
typedef struct chain_question {
  server_chain *chain;
  int n;
  of3_arena *arena;
} chain_question;

static of3_cache_request chains_request(const of3_colabfold *c, const char *entry) {
  return (of3_cache_request){
      .kind = "chains", .request = entry, .size = strlen(entry), .source = c->s.chains_url, .version = ""};
}

/* What is told of an entry goes to the chains that were asked for, and to the cache. */
static of3_status keep_names(of3_colabfold *c, const char *id, const char *names, const chain_question *q,
                             of3_error *err) {
  const of3_cache_request r = chains_request(c, id);
  const of3_cache_file file = {.name = "chains", .bytes = names, .size = strlen(names)};
  for (int k = 0; k < q->n; k++)
    if (strcmp(q->chain[k].entry, id) == 0) q->chain[k].names = names;
  return of3_cache_put(c->s.opt_cache, &r, &file, 1, err);
}

/* Entries of which nothing was told are kept as such. */
static of3_status keep_untold(of3_colabfold *c, const chain_question *q, of3_error *err) {
  for (int k = 0; k < q->n; k++) {
    const of3_cache_request r = chains_request(c, q->chain[k].entry);
    if (!q->chain[k].names && !of3_cache_has(c->s.opt_cache, &r))
      OF3_TRY(keep_names(c, q->chain[k].entry, "", q, err));
  }
  return OF3_OK;
}

/* Where no answer comes, again. */
static of3_status ask_patiently(of3_colabfold *c, const of3_http_request *r, of3_http_answer *out,
                                of3_error *err) {
  double pause = c->s.pause_s;
  OF3_TRY(of3_server_connect(c, err));
  for (int k = 1;; k++, pause *= 2) {
    of3_str_clear(r->opt_text);
    OF3_TRY(of3_http_ask(c->http, r, out, err));
    if ((out->status > 0 && out->status < 500) || k == TRIES) return OF3_OK;
    OF3_TRY(of3_server_pause(c, pause, err));
  }
}

static of3_status ask_entries(of3_colabfold *c, json_t *ids, const chain_question *q, of3_error *err) {
  json_t *question = json_pack("{s:s, s:{s:O}}", "query", chains_query, "variables", "ids", ids);
  char *body = question ? of3_json_dump(question, 0) : NULL;
  json_decref(question);
  if (!body) return of3_fail_memory(err, "a question");
  of3_str text = {0};
  of3_http_answer answer = {0};
  const of3_http_request r = {.url = c->s.chains_url,
                              .opt_body = body,
                              .body_size = strlen(body),
                              .type = "application/json",
                              .opt_text = &text,
                              .most = MOST_ANSWER};
  of3_status status = ask_patiently(c, &r, &answer, err);
  free(body);
  server_entry *entry = NULL;
  int n = -1;
  if (status == OF3_OK && answer.status == 200)
    status = of3_answer_entries(text.text, text.len, q->arena, &entry, &n, err);
  if (status == OF3_OK && n < 0)
    of3_logf(
        c->s.opt_log, OF3_LOG_WARN,
        "%s does not tell the names of chains of %d structures (%s); template hits keep those of the authors",
        c->s.chains_url, (int)json_array_size(ids), answer.status ? "no such answer" : answer.why);
  for (int k = 0; status == OF3_OK && k < n; k++) status = keep_names(c, entry[k].id, entry[k].names, q, err);
  if (status == OF3_OK && n >= 0) status = keep_untold(c, q, err);
  of3_str_free(&text);
  return status;
}

static int by_entry(const void *a, const void *b) {
  return strcmp((*(const server_chain *const *)a)->entry, (*(const server_chain *const *)b)->entry);
}

/* Those that the cache does not know, sorted, each once. */
static of3_status ask_unknown(of3_colabfold *c, const chain_question *q, of3_error *err) {
  const int n = q->n;
  const server_chain **sorted = OF3_ARENA_NEW(q->arena, const server_chain *, n);
  json_t *ids = json_array();
  if (!sorted || !ids) {
    json_decref(ids);
    return of3_fail_memory(err, "names of chains");
  }
  for (int k = 0; k < n; k++) sorted[k] = &q->chain[k];
  qsort(sorted, (size_t)n, sizeof *sorted, by_entry);
  for (int k = 0; k < n; k++) {
    const of3_cache_request r = chains_request(c, sorted[k]->entry);
    const bool again = k > 0 && strcmp(sorted[k]->entry, sorted[k - 1]->entry) == 0;
    if (!again && !of3_cache_has(c->s.opt_cache, &r))
      json_array_append_new(ids, json_string(sorted[k]->entry));
  }
  const of3_status status = json_array_size(ids) ? ask_entries(c, ids, q, err) : OF3_OK;
  json_decref(ids);
  return status;
}

/* The first label, in their order, of the author's chain. */
static of3_status find_label(const char *text, server_chain *chain, of3_arena *arena, of3_error *err) {
  const char *best = NULL;
  size_t best_n = 0;
  for (const char *at = text; *at;) {
    const char *blank = strchr(at, ' '), *end = strchr(at, '\n');
    if (!blank || !end || blank > end) break;
    const size_t n = (size_t)(blank - at), m = (size_t)(end - blank - 1);
    const size_t shorter = best && best_n < n ? best_n : n;
    const int order = best ? strncmp(at, best, shorter) : -1;
    if (m == strlen(chain->author) && strncmp(blank + 1, chain->author, m) == 0 &&
        (order < 0 || (order == 0 && n < best_n))) {
      best = at;
      best_n = n;
    }
    at = end + 1;
  }
  chain->label = best ? of3_arena_strndup(arena, best, best_n) : NULL;
  return best && !chain->label ? of3_fail_memory(err, "names of chains") : OF3_OK;
}

static of3_status recall_names(of3_colabfold *c, server_chain *chain, of3_arena *arena, of3_error *err) {
  const of3_cache_request r = chains_request(c, chain->entry);
  of3_cache_value v;
  bool found;
  if (chain->names) return OF3_OK;
  OF3_TRY(of3_cache_get(c->s.opt_cache, &r, arena, &found, &v, err));
  if (found) chain->names = v.file[0].bytes;
  return OF3_OK;
}

of3_status of3_chains_find(of3_colabfold *c, server_chain *chain, int n, of3_arena *arena, of3_error *err) {
  const chain_question q = {.chain = chain, .n = n, .arena = arena};
  for (int k = 0; k < n; k++) chain[k].label = chain[k].author;
  if (!c->s.chains_url || !*c->s.chains_url || !n) return OF3_OK;
  OF3_TRY(ask_unknown(c, &q, err));
  for (int k = 0; k < n; k++) {
    OF3_TRY(recall_names(c, &chain[k], arena, err));
    if (chain[k].names && *chain[k].names) OF3_TRY(find_label(chain[k].names, &chain[k], arena, err));
  }
  return OF3_OK;
}
