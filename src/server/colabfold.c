#define _DEFAULT_SOURCE
#define _POSIX_C_SOURCE 200809L
#include "server/colabfold.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/temporary.h"
#include "server/server_parts.h"

static const char *const unpaired_files[] = {"uniref.a3m", "bfd.mgnify30.metaeuk30.smag30.a3m"};
enum { CONNECT_S = 20, SILENT_S = 60 };

of3_colabfold_settings of3_colabfold_defaults(void) {
  return (of3_colabfold_settings){.url = OF3_COLABFOLD_URL,
                                  .mode = "env",
                                  .pair_mode = "pairgreedy-env",
                                  .user_agent = "of3",
                                  .chains_url = OF3_CHAINS_URL,
                                  .pause_s = 5};
}

of3_status of3_colabfold_open(const of3_colabfold_settings *settings, of3_colabfold **ret_server,
                              of3_error *err) {
  const char *url = settings->url;
  size_t n = strlen(url);
  *ret_server = NULL;
  while (n && url[n - 1] == '/') n--;
  if ((strncmp(url, "http://", 7) != 0 && strncmp(url, "https://", 8) != 0) || n > 500)
    return of3_fail(err, OF3_ERR_USAGE,
                    "the MSA server '%.200s' is no address; https://HOST or http://HOST was expected", url);
  of3_colabfold *c = calloc(1, sizeof *c);
  if (c) c->url = strndup(url, n);
  if (!c || !c->url) {
    free(c);
    return of3_fail_memory(err, "the MSA server");
  }
  c->s = *settings;
  c->random = settings->jitter ? settings->jitter : of3_random_word();
  *ret_server = c;
  return OF3_OK;
}

void of3_colabfold_close(of3_colabfold *c) {
  if (!c) return;
  of3_http_close(c->http);
  free(c->url);
  free(c);
}

void of3_colabfold_hand_over(of3_colabfold *c, const of3_log *opt_log, of3_cancel *opt_cancel) {
  c->s.opt_log = opt_log;
  c->s.opt_cancel = opt_cancel;
  if (c->http) of3_http_cancel(c->http, opt_cancel);
}

/* ---- The cache */

static of3_cache_request msa_request(const of3_colabfold *c, const char *sequence) {
  return (of3_cache_request){.kind = "alignment",
                             .request = sequence,
                             .size = strlen(sequence),
                             .source = c->url,
                             .version = c->s.mode};
}

static of3_cache_request pair_request(const of3_colabfold *c, const char *complex) {
  return (of3_cache_request){.kind = "paired-alignment",
                             .request = complex,
                             .size = strlen(complex),
                             .source = c->url,
                             .version = c->s.pair_mode};
}

static of3_status recall(of3_colabfold *c, const char *sequence, of3_arena *arena, of3_server_msa *out,
                         of3_error *err) {
  const of3_cache_request r = msa_request(c, sequence);
  of3_cache_value v;
  bool found;
  OF3_TRY(of3_cache_get(c->s.opt_cache, &r, arena, &found, &v, err));
  if (!found || v.n != 2) return OF3_OK;
  *out = (of3_server_msa){.found = true,
                          .a3m = v.file[0].bytes,
                          .a3m_size = v.file[0].size,
                          .hits = v.file[1].bytes,
                          .hits_size = v.file[1].size};
  return OF3_OK;
}

static of3_status keep(of3_colabfold *c, const char *sequence, const of3_server_msa *msa, of3_error *err) {
  const of3_cache_request r = msa_request(c, sequence);
  const of3_cache_file file[] = {{.name = "colabfold_main.a3m", .bytes = msa->a3m, .size = msa->a3m_size},
                                 {.name = "pdb70.m8", .bytes = msa->hits, .size = msa->hits_size}};
  return of3_cache_put(c->s.opt_cache, &r, file, 2, err);
}

/* ---- A search */

of3_status of3_server_connect(of3_colabfold *c, of3_error *err) {
  const of3_http_options o = {.user_agent = c->s.user_agent,
                              .connect_s = CONNECT_S,
                              .silent_s = SILENT_S,
                              .opt_cancel = c->s.opt_cancel};
  return c->http ? OF3_OK : of3_http_open(&o, &c->http, err);
}

/* A public server's terms are told once for each cache. */
static of3_status begin(of3_colabfold *c, of3_error *err) {
  OF3_TRY(of3_server_connect(c, err));
  const of3_cache_request told = {.kind = "terms", .request = "", .source = c->url, .version = ""};
  const of3_cache_file file = {.name = "told", .bytes = "", .size = 0};
  if (!c->greeted && strcmp(c->url, OF3_COLABFOLD_URL) == 0 && !of3_cache_has(c->s.opt_cache, &told)) {
    of3_logf(
        c->s.opt_log, OF3_LOG_WARN,
        "sequences are sent to the public MSA server %s, which serves everybody with few machines and names "
        "its "
        "terms of use there: for many sequences, or for those that must not leave your house, run your own "
        "and name it with --server-url",
        c->url);
    OF3_TRY(of3_cache_put(c->s.opt_cache, &told, &file, 1, err));
  }
  c->greeted = true;
  return OF3_OK;
}

of3_status of3_server_folder(of3_arena *arena, char **ret_path, of3_error *err) {
  const char *tmp = getenv("TMPDIR");
  if (!tmp || !*tmp) tmp = "/tmp";
  *ret_path = of3_arena_printf(arena, "%s/of3-server-XXXXXX", tmp);
  if (!*ret_path) return of3_fail_memory(err, "a path");
  if (mkdtemp(*ret_path)) return OF3_OK;
  return of3_fail(err, OF3_ERR_IO, "cannot create a folder in '%s'", tmp);
}

/* A folder for the archive and its members: the one of raw answers, or one that is removed. */
static of3_status open_folder(of3_colabfold *c, const char *opt_raw, of3_arena *arena, char **ret_path,
                              of3_error *err) {
  if (!opt_raw) return of3_server_folder(arena, ret_path, err);
  *ret_path =
      c->n_raw ? of3_arena_printf(arena, "%s-%d", opt_raw, c->n_raw + 1) : of3_arena_strdup(arena, opt_raw);
  c->n_raw++;
  return *ret_path ? of3_make_folder(*ret_path, err) : of3_fail_memory(err, "a path");
}

static void close_folder(const char *path, const char *opt_raw) {
  if (!opt_raw) of3_remove_files(path);
}

static of3_status incomplete(const char *name, of3_error *err) {
  return of3_fail(err, OF3_ERR_IO,
                  "it has no '%s', or it is empty; it may be the answer to another request: try again later",
                  name);
}

/* Adds what a file of the answer has of each sequence. */
static of3_status take_a3m(const server_job *job, const char *name, of3_arena *arena, of3_str *out,
                           of3_error *err) {
  const char *path = of3_path_join(arena, job->folder, name);
  of3_map map;
  if (!path) return of3_fail_memory(err, "a path");
  if (!of3_is_file(path)) return incomplete(name, err);
  OF3_TRY(of3_map_open(path, &map, err));
  of3_status status = map.size
                          ? of3_split_a3m((const char *)map.data, map.size, job->n, job->sequence, out, err)
                          : incomplete(name, err);
  of3_map_close(&map);
  return status;
}

static of3_status take_m8(const server_job *job, of3_arena *arena, of3_str *out, of3_error *err) {
  const char *path = of3_path_join(arena, job->folder, "pdb70.m8");
  of3_map map;
  if (!path) return of3_fail_memory(err, "a path");
  if (!of3_is_file(path)) return OF3_OK; /* the server has no such database */
  OF3_TRY(of3_map_open(path, &map, err));
  const of3_status status = of3_split_m8((const char *)map.data, map.size, job->n, out, err);
  of3_map_close(&map);
  return status;
}

static bool has_environment(const char *mode) { return strncmp(mode, "env", 3) == 0; }

/* The texts of all sequences: a3m[n], hits[n]. */
static of3_status take_answer(const server_job *job, of3_arena *arena, of3_str *a3m, of3_str *hits,
                              of3_error *err) {
  if (strcmp(job->endpoint, "pair") == 0) return take_a3m(job, "pair.a3m", arena, a3m, err);
  for (int k = 0; k < 1 + has_environment(job->mode); k++)
    OF3_TRY(take_a3m(job, unpaired_files[k], arena, a3m, err));
  return take_m8(job, arena, hits, err);
}

static of3_status fill(of3_arena *arena, const of3_str *a3m, const of3_str *hits, of3_server_msa *out,
                       of3_error *err) {
  *out = (of3_server_msa){.found = true,
                          .a3m = of3_arena_strndup(arena, a3m->text, a3m->len),
                          .a3m_size = a3m->len,
                          .hits = of3_arena_strndup(arena, hits->text ? hits->text : "", hits->len),
                          .hits_size = hits->len};
  return out->a3m && out->hits ? OF3_OK : of3_fail_memory(err, "an alignment");
}

static of3_status read_answer(const server_job *job, of3_arena *arena, of3_server_msa *out, of3_error *err) {
  of3_str *text = calloc(2 * (size_t)job->n, sizeof *text);
  if (!text) return of3_fail_memory(err, "an alignment");
  of3_status status = take_answer(job, arena, text, text + job->n, err);
  for (int k = 0; k < job->n && status == OF3_OK; k++)
    status = fill(arena, &text[k], &text[job->n + k], &out[k], err);
  for (int k = 0; k < 2 * job->n; k++) of3_str_free(&text[k]);
  free(text);
  return status;
}

/* Asks the server; out[n] of the job's sequences. */
static of3_status search(of3_colabfold *c, server_job *job, const char *opt_raw, of3_arena *arena,
                         of3_server_msa *out, of3_error *err) {
  char *folder = NULL;
  OF3_TRY(begin(c, err));
  OF3_TRY(open_folder(c, opt_raw, arena, &folder, err));
  job->folder = folder;
  of3_status status = of3_server_get(c, job, err);
  if (status == OF3_OK) {
    status = read_answer(job, arena, out, err);
    if (status == OF3_ERR_IO) {
      of3_ticket_forget(c, job); /* next time, another search */
      of3_prefix(err, "the MSA server %s sent a wrong answer", c->url);
    }
  }
  close_folder(folder, opt_raw);
  return status;
}

/* ---- Alignments of single sequences */

/* Sequences on their way: list[n] are numbers of the caller's. */
typedef struct server_pack {
  of3_colabfold *c;
  const char *const *sequence;
  of3_server_msa *out;
  const char *opt_raw;
  of3_arena *arena;
} server_pack;

static bool is_fatal(of3_status status) { return status == OF3_ERR_MEMORY || status == OF3_ERR_CANCELLED; }

static void fail_all(const server_pack *p, const int *list, int n, const of3_error *why) {
  for (int k = 0; k < n; k++)
    if (!p->out[list[k]].found) p->out[list[k]].error = *why;
}

/* Puts what a job found where it was asked for, and in the cache; job sequences may be others', too. */
static of3_status hand_out(const server_pack *p, const server_job *job, const of3_server_msa *found,
                           const int *list, int n, of3_error *err) {
  for (int k = 0; k < job->n; k++) {
    OF3_TRY(keep(p->c, job->sequence[k], &found[k], err));
    for (int i = 0; i < n; i++)
      if (strcmp(p->sequence[list[i]], job->sequence[k]) == 0) p->out[list[i]] = found[k];
  }
  of3_ticket_forget(p->c, job);
  return OF3_OK;
}

static of3_status run_job(const server_pack *p, server_job *job, const int *list, int n, of3_error *err) {
  of3_server_msa *found = OF3_ARENA_NEW(p->arena, of3_server_msa, job->n);
  if (!found) return of3_fail_memory(err, "alignments");
  OF3_TRY(search(p->c, job, p->opt_raw, p->arena, found, err));
  return hand_out(p, job, found, list, n, err);
}

/* One request for list[n]. If the server cannot search with one of them, halves are asked for, so that the
 * others have their alignments. */
static of3_status solve(const server_pack *p, const int *list, int n, of3_error *err) {
  of3_error own = {0};
  server_job job = {.endpoint = "msa", .mode = p->c->s.mode, .n = n};
  const char **sequence = OF3_ARENA_NEW(p->arena, const char *, n);
  if (!sequence) return of3_fail_memory(err, "a request");
  for (int k = 0; k < n; k++) sequence[k] = p->sequence[list[k]];
  job.sequence = sequence;
  const of3_status status = run_job(p, &job, list, n, &own);
  if (status == OF3_OK) return OF3_OK;
  if (is_fatal(status)) {
    *err = own;
    return status;
  }
  if (status == OF3_ERR_INPUT && n > 1) {
    OF3_TRY(solve(p, list, n / 2, err));
    return solve(p, list + n / 2, n - n / 2, err);
  }
  fail_all(p, list, n, &own);
  return OF3_OK;
}

/* Goes on waiting for a search that an earlier run began. */
static of3_status resume(const server_pack *p, const int *list, int n, bool *ret_done, of3_error *err) {
  server_job job = {.endpoint = "msa", .mode = p->c->s.mode};
  server_ticket ticket;
  of3_error own = {0};
  *ret_done = false;
  OF3_TRY(of3_ticket_find(p->c, &job, p->sequence[list[0]], p->arena, &ticket, err));
  if (!ticket.n) return OF3_OK;
  job.n = ticket.n;
  job.sequence = ticket.sequence;
  snprintf(job.ticket, sizeof job.ticket, "%s", ticket.id);
  of3_logf(p->c->s.opt_log, OF3_LOG_INFO, "MSA server %s: ticket %.12s of an earlier run is waited for",
           p->c->url, job.ticket);
  const of3_status status = run_job(p, &job, list, n, &own);
  *ret_done = p->out[list[0]].found || status == OF3_ERR_IO;
  if (status == OF3_ERR_IO) fail_all(p, list, n, &own);
  if (!is_fatal(status)) return OF3_OK; /* what the ticket's request fails with is found out anew */
  *err = own;
  return status;
}

static int without_found(const server_pack *p, int *list, int n) {
  int left = 0;
  for (int k = 0; k < n; k++)
    if (!p->out[list[k]].found && p->out[list[k]].error.code == OF3_OK) list[left++] = list[k];
  return left;
}

static of3_status recall_all(const server_pack *p, const int *list, int n, of3_error *err) {
  for (int k = 0; k < n; k++) OF3_TRY(recall(p->c, p->sequence[list[k]], p->arena, &p->out[list[k]], err));
  return OF3_OK;
}

/* A pack whose claims are held: others may have found some of it meanwhile. */
static of3_status ask_claimed(const server_pack *p, int *list, int n, of3_error *err) {
  OF3_TRY(recall_all(p, list, n, err));
  while ((n = without_found(p, list, n)) > 0) {
    bool done;
    OF3_TRY(resume(p, list, n, &done, err));
    if (done) continue;
    OF3_TRY(solve(p, list, n, err));
  }
  return OF3_OK;
}

/* The sequences of a pack, in the order of their keys, so that processes cannot wait for each other in a
 * circle. */
typedef struct claim_order {
  of3_cache_key key;
  int number;
} claim_order;

static int by_key(const void *a, const void *b) {
  return strcmp(((const claim_order *)a)->key.hex, ((const claim_order *)b)->key.hex);
}

static of3_status ask_pack(const server_pack *p, int *list, int n, of3_error *err) {
  claim_order order[SERVER_PACK] = {{{{0}}, 0}};
  of3_cache_claim *claim[SERVER_PACK] = {0};
  of3_status status = OF3_OK;
  for (int k = 0; k < n; k++) {
    const of3_cache_request r = msa_request(p->c, p->sequence[list[k]]);
    order[k] = (claim_order){of3_cache_key_of(&r), list[k]};
  }
  qsort(order, (size_t)n, sizeof *order, by_key);
  for (int k = 0; k < n && status == OF3_OK; k++) {
    const of3_cache_request r = msa_request(p->c, p->sequence[order[k].number]);
    status = of3_cache_claim_take(p->c->s.opt_cache, &r, p->c->s.opt_cancel, &claim[k], err);
  }
  if (status == OF3_OK) status = ask_claimed(p, list, n, err);
  for (int k = 0; k < n; k++) of3_cache_claim_release(claim[k]);
  return status;
}

of3_status of3_colabfold_align(of3_colabfold *c, int n, const char *const *sequence, bool ask,
                               const char *opt_raw, of3_arena *arena, of3_server_msa *out, of3_error *err) {
  const server_pack p = {.c = c, .sequence = sequence, .out = out, .opt_raw = opt_raw, .arena = arena};
  int *list = OF3_ARENA_NEW(arena, int, n);
  if (!list) return of3_fail_memory(err, "a request");
  memset(out, 0, (size_t)n * sizeof *out);
  for (int k = 0; k < n; k++) list[k] = k;
  OF3_TRY(recall_all(&p, list, n, err));
  n = without_found(&p, list, n);
  for (int at = 0; ask && at < n; at += SERVER_PACK)
    OF3_TRY(ask_pack(&p, list + at, n - at < SERVER_PACK ? n - at : SERVER_PACK, err));
  return OF3_OK;
}

/* ---- Alignments of complexes */

/* The entry holds the texts of the sorted sequences, a file each. */
static int rank_of(int n, const char *const *sequence, int k) {
  int rank = 0;
  for (int i = 0; i < n; i++) rank += strcmp(sequence[i], sequence[k]) < 0;
  return rank;
}

static of3_status recall_pair(of3_colabfold *c, const char *complex, int n, const char *const *sequence,
                              of3_arena *arena, of3_server_msa *out, of3_error *err) {
  const of3_cache_request r = pair_request(c, complex);
  of3_cache_value v;
  bool found;
  OF3_TRY(of3_cache_get(c->s.opt_cache, &r, arena, &found, &v, err));
  for (int k = 0; found && v.n == n && k < n; k++) {
    const of3_cache_file *f = &v.file[rank_of(n, sequence, k)];
    out[k] = (of3_server_msa){.found = true, .a3m = f->bytes, .a3m_size = f->size, .hits = ""};
  }
  return OF3_OK;
}

static of3_status keep_pair(of3_colabfold *c, const char *complex, int n, const char *const *sequence,
                            of3_arena *arena, const of3_server_msa *msa, of3_error *err) {
  const of3_cache_request r = pair_request(c, complex);
  of3_cache_file file[OF3_CACHE_FILES];
  if (n > OF3_CACHE_FILES) return OF3_OK;
  for (int k = 0; k < n; k++) {
    const int rank = rank_of(n, sequence, k);
    file[rank] = (of3_cache_file){
        .name = of3_arena_printf(arena, "%d.a3m", rank + 1), .bytes = msa[k].a3m, .size = msa[k].a3m_size};
    if (!file[rank].name) return of3_fail_memory(err, "a path");
  }
  return of3_cache_put(c->s.opt_cache, &r, file, n, err);
}

static of3_status ask_pair(of3_colabfold *c, const char *complex, server_job *job, const char *opt_raw,
                           of3_arena *arena, of3_server_msa *out, of3_error *err) {
  server_ticket ticket;
  OF3_TRY(of3_ticket_find(c, job, complex, arena, &ticket, err));
  if (ticket.n == job->n) { /* in the order in which they were asked for */
    snprintf(job->ticket, sizeof job->ticket, "%s", ticket.id);
    job->sequence = ticket.sequence;
  }
  of3_server_msa *found = OF3_ARENA_NEW(arena, of3_server_msa, job->n);
  if (!found) return of3_fail_memory(err, "an alignment");
  OF3_TRY(search(c, job, opt_raw, arena, found, err));
  memcpy(out, found, (size_t)job->n * sizeof *out);
  OF3_TRY(keep_pair(c, complex, job->n, job->sequence, arena, found, err));
  of3_ticket_forget(c, job);
  return OF3_OK;
}

/* The job's order of sequences becomes the caller's. */
static void reorder(const server_job *job, const of3_server_msa *found, const char *const *sequence,
                    of3_server_msa *out) {
  for (int k = 0; k < job->n; k++)
    for (int i = 0; i < job->n; i++)
      if (strcmp(job->sequence[i], sequence[k]) == 0) out[k] = found[i];
}

static of3_status pair_claimed(of3_colabfold *c, const char *complex, int n, const char *const *sequence,
                               const char *opt_raw, of3_arena *arena, of3_server_msa *out, of3_error *err) {
  server_job job = {.endpoint = "pair", .mode = c->s.pair_mode, .n = n, .sequence = sequence};
  of3_error own = {0};
  OF3_TRY(recall_pair(c, complex, n, sequence, arena, out, err));
  if (out[0].found) return OF3_OK;
  of3_server_msa *found = OF3_ARENA_NEW(arena, of3_server_msa, n);
  if (!found) return of3_fail_memory(err, "an alignment");
  c->n_raw = 0; /* complexes have folders of their own */
  const of3_status status = ask_pair(c, complex, &job, opt_raw, arena, found, &own);
  if (status == OF3_OK)
    reorder(&job, found, sequence, out);
  else if (is_fatal(status))
    *err = own;
  else
    out[0].error = own;
  return is_fatal(status) ? status : OF3_OK;
}

of3_status of3_colabfold_pair(of3_colabfold *c, int n, const char *const *sequence, bool ask,
                              const char *opt_raw, of3_arena *arena, of3_server_msa *out, of3_error *err) {
  of3_cache_claim *claim;
  const char *complex = of3_ticket_complex(n, sequence, arena);
  if (!complex) return of3_fail_memory(err, "a request");
  memset(out, 0, (size_t)n * sizeof *out);
  OF3_TRY(recall_pair(c, complex, n, sequence, arena, out, err));
  if (out[0].found || !ask) return OF3_OK;
  const of3_cache_request r = pair_request(c, complex);
  OF3_TRY(of3_cache_claim_take(c->s.opt_cache, &r, c->s.opt_cancel, &claim, err));
  const of3_status status = pair_claimed(c, complex, n, sequence, opt_raw, arena, out, err);
  of3_cache_claim_release(claim);
  return status;
}
