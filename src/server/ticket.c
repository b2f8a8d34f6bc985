/* A ticket in the cache is an entry whose file holds its id and its sequences, a line each. It is never
 * changed: it goes when the answer is there, or when the server does not know it any more. */
#include <stdlib.h>
#include <string.h>

#include "server/server_parts.h"

bool of3_ticket_is_one(const char *id) {
  const size_t n = strlen(id);
  return n > 0 && n < SERVER_TICKET &&
         id[strspn(id, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_=.")] == 0 &&
         id[0] != '.';
}

static int by_text(const void *a, const void *b) {
  return strcmp(*(const char *const *)a, *(const char *const *)b);
}

const char *of3_ticket_complex(int n, const char *const *sequence, of3_arena *arena) {
  of3_str all = {0};
  const char **sorted = OF3_ARENA_NEW(arena, const char *, n);
  if (!sorted) return NULL;
  memcpy(sorted, sequence, (size_t)n * sizeof *sorted);
  qsort(sorted, (size_t)n, sizeof *sorted, by_text);
  for (int k = 0; k < n; k++) of3_str_addf(&all, "%s\n", sorted[k]);
  const char *text = all.failed ? NULL : of3_arena_strdup(arena, all.text);
  of3_str_free(&all);
  return text;
}

/* What a ticket is found by. */
static of3_cache_request request_of(const of3_colabfold *c, const server_job *job, const char *by) {
  return (of3_cache_request){
      .kind = "ticket", .request = by, .size = strlen(by), .source = c->url, .version = job->mode};
}

static of3_status take_ticket(char *text, of3_arena *arena, server_ticket *out, of3_error *err) {
  int n = 0;
  for (const char *p = text; *p; p++) n += *p == '\n';
  char *end = strchr(text, '\n');
  if (!end || n < 2) return OF3_OK;
  *end = 0;
  out->sequence = OF3_ARENA_NEW(arena, const char *, n);
  if (!out->sequence) return of3_fail_memory(err, "a ticket");
  if (!of3_ticket_is_one(text)) return OF3_OK;
  snprintf(out->id, sizeof out->id, "%s", text);
  for (char *at = end + 1; (end = strchr(at, '\n')) != NULL; at = end + 1) {
    *end = 0;
    out->sequence[out->n++] = at;
  }
  return OF3_OK;
}

of3_status of3_ticket_find(of3_colabfold *c, const server_job *job, const char *by, of3_arena *arena,
                           server_ticket *out, of3_error *err) {
  const of3_cache_request r = request_of(c, job, by);
  of3_cache_value v;
  bool found;
  *out = (server_ticket){0};
  OF3_TRY(of3_cache_get(c->s.opt_cache, &r, arena, &found, &v, err));
  if (!found) return OF3_OK;
  char *text = of3_arena_strndup(arena, v.file[0].bytes, v.file[0].size);
  return text ? take_ticket(text, arena, out, err) : of3_fail_memory(err, "a ticket");
}

static bool is_pair(const server_job *job) { return strcmp(job->endpoint, "pair") == 0; }

/* Calls each with what the ticket is found by. */
static void for_each_key(of3_colabfold *c, const server_job *job, const of3_str *value,
                         void (*each)(of3_colabfold *c, const of3_cache_request *r, const of3_str *value)) {
  of3_arena *arena = of3_arena_new(0);
  const char *all = arena && is_pair(job) ? of3_ticket_complex(job->n, job->sequence, arena) : NULL;
  for (int k = 0; arena && k < (is_pair(job) ? 1 : job->n); k++) {
    const char *by = is_pair(job) ? all : job->sequence[k];
    if (!by) break;
    const of3_cache_request r = request_of(c, job, by);
    each(c, &r, value);
  }
  of3_arena_free(arena);
}

static void forget_one(of3_colabfold *c, const of3_cache_request *r, const of3_str *value) {
  of3_error ignored;
  (void)value;
  if (of3_cache_has(c->s.opt_cache, r))
    (void)!of3_cache_remove(c->s.opt_cache, of3_cache_key_of(r).hex, &ignored);
}

static void keep_one(of3_colabfold *c, const of3_cache_request *r, const of3_str *value) {
  const of3_cache_file file = {.name = "ticket", .bytes = value->text, .size = value->len};
  of3_error ignored;
  forget_one(c, r, value); /* an older one, of another search */
  (void)!of3_cache_put(c->s.opt_cache, r, &file, 1, &ignored);
}

void of3_ticket_keep(of3_colabfold *c, const server_job *job) {
  of3_str value = {0};
  of3_str_addf(&value, "%s\n", job->ticket);
  for (int k = 0; k < job->n; k++) of3_str_addf(&value, "%s\n", job->sequence[k]);
  if (c->s.opt_cache && !value.failed) for_each_key(c, job, &value, keep_one);
  of3_str_free(&value);
}

void of3_ticket_forget(of3_colabfold *c, const server_job *job) {
  if (c->s.opt_cache) for_each_key(c, job, NULL, forget_one);
}
