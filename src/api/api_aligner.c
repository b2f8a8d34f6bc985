/* Alignments of all chains of a set of queries from a server: each sequence, and each set of sequences that
 * are paired, is known once, however many queries have it. What is wanted is looked for in the cache first;
 * the rest is asked for in groups of one request, and what came of it is named in the queries that have the
 * sequence. */
#include "api/aligner.h"

#include <jansson.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "server/msa_folder.h"

enum { MOST_SEQUENCES = 50 }; /* of a group: of one request */

/* What came of a sequence or complex. */
typedef enum fetch_state { FETCH_OPEN, FETCH_DONE, FETCH_FAILED } fetch_state;

typedef struct aligner_sequence {
  const char *sequence;
  bool wanted;
  fetch_state state;
  const char *msa, *hits; /* files; hits may be NULL */
  of3_error *error;
} aligner_sequence;

typedef struct aligner_complex {
  char id[OF3_SHA256_HEX];
  int n;
  int *sequence;    /* [n] numbers */
  const char **msa; /* [n] files */
  fetch_state state;
  of3_error *error;
} aligner_complex;

/* Of each query. */
typedef struct aligner_query {
  bool wants;  /* an alignment of a single sequence at least */
  int complex; /* for paired alignments, or -1 */
  int mapped;  /* its complex as OpenFold3 maps it, or -1 */
} aligner_query;

struct of3_aligner {
  of3_aligner_options o;
  of3_query_set *set;
  of3_colabfold *server;
  of3_cache *cache;
  of3_arena *arena; /* of the thread that fetches */
  of3_arena *lists; /* of the one that attaches */
  aligner_sequence *sequence;
  aligner_complex *complex;
  aligner_query *query; /* [set->n] */
  int n_sequence, n_complex;
  json_t *number; /* sequence -> its number; "id" of a complex -> its number */
  const char *structures;
  pthread_mutex_t lock; /* guards states, files and errors */
};

/* ---- Which are needed */

static bool is_protein(const of3_query_chain *c) { return c->type == OF3_PROTEIN && c->sequence; }

static bool names_msa(const of3_query_chain *c) {
  return c->n_msa || c->n_msa_text || c->no_msa || c->no_search || c->n_paired;
}

bool of3_aligner_asks(const of3_query *q, const of3_query_chain *c) {
  return q->use_msas && q->use_main_msas && is_protein(c) && !names_msa(c);
}

static bool needs_pairs(const of3_query *q) {
  if (!q->use_msas || !q->use_paired_msas) return false;
  for (int k = 0; k < q->n_chain; k++)
    if (is_protein(&q->chain[k]) && names_msa(&q->chain[k])) return false;
  return true;
}

/* The number of a text, which becomes `next` if it has none; -1: memory is out. */
static int number_of(json_t *numbers, const char *text, int next) {
  const json_t *known = json_object_get(numbers, text);
  if (known) return (int)json_integer_value(known);
  return json_object_set_new(numbers, text, json_integer(next)) == 0 ? next : -1;
}

/* Room for one more in a list of n: it grows when n is a power of two. */
static void *grown(of3_arena *arena, void *list, int n, size_t size) {
  if (n & (n - 1)) return list;
  char *more = of3_arena_alloc(arena, 2 * (size_t)n + 1, size);
  if (more && n) memcpy(more, list, (size_t)n * size);
  return more;
}

static of3_status add_sequence(of3_aligner *a, const char *sequence, bool wanted, int *ret_number,
                               of3_error *err) {
  const int number = number_of(a->number, sequence, a->n_sequence);
  *ret_number = number;
  if (number == a->n_sequence) {
    a->sequence = grown(a->arena, a->sequence, a->n_sequence, sizeof *a->sequence);
    if (!a->sequence) return of3_fail_memory(err, "sequences");
    a->sequence[a->n_sequence++] = (aligner_sequence){.sequence = sequence};
  }
  if (number < 0) return of3_fail_memory(err, "sequences");
  a->sequence[number].wanted |= wanted;
  return OF3_OK;
}

static of3_status add_complex(of3_aligner *a, const int *number, int n, int *ret_complex, of3_error *err) {
  aligner_complex c = {.n = n};
  const char **sequence = OF3_ARENA_NEW(a->arena, const char *, n);
  c.sequence = OF3_ARENA_NEW(a->arena, int, n);
  c.msa = OF3_ARENA_NEW(a->arena, const char *, n);
  if (!sequence || !c.sequence || !c.msa) return of3_fail_memory(err, "complexes");
  for (int k = 0; k < n; k++) sequence[k] = a->sequence[c.sequence[k] = number[k]].sequence;
  OF3_TRY(of3_complex_id(n, sequence, c.id, err));
  *ret_complex = number_of(a->number, c.id, a->n_complex);
  if (*ret_complex < 0) return of3_fail_memory(err, "complexes");
  if (*ret_complex < a->n_complex) return OF3_OK;
  a->complex = grown(a->arena, a->complex, a->n_complex, sizeof *a->complex);
  if (!a->complex) return of3_fail_memory(err, "complexes");
  a->complex[a->n_complex++] = c;
  return OF3_OK;
}

static bool is_among(const int *list, int n, int value) {
  for (int k = 0; k < n; k++)
    if (list[k] == value) return true;
  return false;
}

static of3_status add_query(of3_aligner *a, const of3_query *q, aligner_query *out, of3_error *err) {
  int n = 0;
  *out = (aligner_query){.complex = -1, .mapped = -1};
  if (q->error.code != OF3_OK) return OF3_OK;
  int *number = malloc(((size_t)q->n_chain + 1) * sizeof *number);
  if (!number) return of3_fail_memory(err, "sequences");
  of3_status status = OF3_OK;
  for (int k = 0; k < q->n_chain && status == OF3_OK; k++) {
    const of3_query_chain *c = &q->chain[k];
    if (!is_protein(c)) continue;
    const bool needs = of3_aligner_asks(q, c);
    out->wants |= needs;
    status = add_sequence(a, c->sequence, needs, &number[n], err);
    if (!is_among(number, n, number[n])) n++;
  }
  if (status == OF3_OK && n > 1) status = add_complex(a, number, n, &out->mapped, err);
  if (n > 1 && needs_pairs(q)) out->complex = out->mapped;
  free(number);
  return status;
}

static of3_status add_queries(of3_aligner *a, bool *ret_any, of3_error *err) {
  *ret_any = false;
  a->query = OF3_ARENA_NEW(a->arena, aligner_query, a->set->n);
  if (!a->query) return of3_fail_memory(err, "the queries");
  for (int q = 0; q < a->set->n; q++) {
    OF3_TRY(add_query(a, &a->set->query[q], &a->query[q], err));
    *ret_any |= a->query[q].wants || a->query[q].complex >= 0;
  }
  return OF3_OK;
}

/* ---- Opening */

static of3_status open_server(of3_aligner *a, of3_error *err) {
  const of3_cache_options cache = {.folder = a->o.cache, .opt_log = a->o.opt_log};
  const of3_msa_server *s = a->o.server;
  of3_colabfold_settings settings = of3_colabfold_defaults();
  OF3_TRY(of3_cache_open(&cache, &a->cache, err));
  settings.url = s->url;
  settings.user_agent = s->user_agent ? s->user_agent : of3_arena_printf(a->arena, "of3/%s", of3_version());
  if (!settings.user_agent) return of3_fail_memory(err, "the MSA server");
  if (s->chains_url) settings.chains_url = s->chains_url;
  if (s->poll_s > 0) settings.pause_s = s->poll_s;
  settings.opt_cache = a->cache;
  settings.opt_cancel = a->o.opt_cancel;
  settings.opt_log = a->o.opt_log;
  return of3_colabfold_open(&settings, &a->server, err);
}

of3_status of3_aligner_open(const of3_aligner_options *o, of3_query_set *set, of3_aligner **ret_aligner,
                            of3_error *err) {
  bool any = false;
  *ret_aligner = NULL;
  of3_aligner *a = calloc(1, sizeof *a);
  if (!a) return of3_fail_memory(err, "the queries");
  pthread_mutex_init(&a->lock, NULL);
  a->o = *o;
  a->set = set;
  a->arena = of3_arena_new(0);
  a->lists = of3_arena_new(0);
  a->number = json_object();
  of3_status status =
      a->arena && a->lists && a->number ? add_queries(a, &any, err) : of3_fail_memory(err, "the queries");
  if (status == OF3_OK && any) status = open_server(a, err);
  if (status == OF3_OK && any && o->structures) {
    a->structures = of3_path_join(a->arena, o->folder, "structures");
    if (!a->structures) status = of3_fail_memory(err, "a path");
  }
  if (status == OF3_OK && any)
    *ret_aligner = a;
  else
    of3_aligner_close(a);
  return status;
}

void of3_aligner_close(of3_aligner *a) {
  if (!a) return;
  of3_aligner_clean(&a->o, a->structures);
  of3_colabfold_close(a->server);
  of3_cache_close(a->cache);
  json_decref(a->number);
  of3_arena_free(a->arena);
  of3_arena_free(a->lists);
  pthread_mutex_destroy(&a->lock);
  free(a);
}

void of3_aligner_hand_over(of3_aligner *a, const of3_log *log, of3_cancel *cancel) {
  of3_colabfold_hand_over(a->server, log, cancel);
}

const char *of3_aligner_structures(const of3_aligner *a) { return a->structures; }

/* ---- Fetching. The thread that fetches alone writes states; it does so under the lock, and reads without.
 */

static of3_status note_failure(of3_aligner *a, const of3_error *why, fetch_state *state,
                               of3_error **ret_error, of3_error *err) {
  of3_error *kept = OF3_ARENA_NEW(a->arena, of3_error, 1);
  if (!kept) return of3_fail_memory(err, "a failure");
  *kept = *why;
  pthread_mutex_lock(&a->lock);
  *ret_error = kept;
  *state = FETCH_FAILED;
  pthread_mutex_unlock(&a->lock);
  return OF3_OK;
}

static of3_status put_hits(of3_aligner *a, int number, const of3_server_msa *msa, of3_arena *arena,
                           const char **ret_path, of3_error *err) {
  enum { FIRST = 101 }; /* of the numbers in the server's files */
  const char *text = "";
  *ret_path = NULL;
  if (!a->o.templates) return OF3_OK;
  OF3_TRY(of3_colabfold_hits(a->server, msa, FIRST + number, arena, &text, err));
  OF3_TRY(of3_msa_folder_put_hits(a->o.folder, a->sequence[number].sequence, text, a->arena, ret_path, err));
  return a->structures ? of3_colabfold_structures(a->server, msa, a->structures, err) : OF3_OK;
}

static of3_status take_sequence(of3_aligner *a, int number, const of3_server_msa *msa, of3_arena *arena,
                                of3_error *err) {
  aligner_sequence *s = &a->sequence[number];
  const char *path = NULL, *hits = NULL;
  if (!msa->found)
    return msa->error.code == OF3_OK ? OF3_OK : note_failure(a, &msa->error, &s->state, &s->error, err);
  OF3_TRY(of3_aligner_put(&a->o, NULL, s->sequence, msa, a->arena, &path, err));
  OF3_TRY(put_hits(a, number, msa, arena, &hits, err));
  pthread_mutex_lock(&a->lock);
  s->msa = path;
  s->hits = hits;
  s->state = FETCH_DONE;
  pthread_mutex_unlock(&a->lock);
  return OF3_OK;
}

/* list[n]: numbers of sequences that are open. */
static of3_status fetch_sequences(of3_aligner *a, const int *list, int n, bool ask, of3_error *err) {
  of3_arena *arena = of3_arena_new(0);
  const char **sequence = arena ? OF3_ARENA_NEW(arena, const char *, n) : NULL;
  of3_server_msa *msa = arena ? OF3_ARENA_NEW(arena, of3_server_msa, n) : NULL;
  const char *raw = arena ? of3_path_join(arena, a->o.opt_raw ? a->o.opt_raw : "", "main") : NULL;
  of3_status status = sequence && msa && raw ? OF3_OK : of3_fail_memory(err, "alignments");
  for (int k = 0; k < n && status == OF3_OK; k++) sequence[k] = a->sequence[list[k]].sequence;
  if (status == OF3_OK)
    status = of3_colabfold_align(a->server, n, sequence, ask, a->o.opt_raw ? raw : NULL, arena, msa, err);
  for (int k = 0; k < n && status == OF3_OK; k++) status = take_sequence(a, list[k], &msa[k], arena, err);
  of3_arena_free(arena);
  return status;
}

static of3_status take_complex(of3_aligner *a, aligner_complex *c, const of3_server_msa *msa,
                               of3_error *err) {
  if (!msa[0].found)
    return msa[0].error.code == OF3_OK ? OF3_OK : note_failure(a, &msa[0].error, &c->state, &c->error, err);
  for (int k = 0; k < c->n; k++)
    OF3_TRY(of3_aligner_put(&a->o, c->id, a->sequence[c->sequence[k]].sequence, &msa[k], a->arena, &c->msa[k],
                            err));
  pthread_mutex_lock(&a->lock);
  c->state = FETCH_DONE;
  pthread_mutex_unlock(&a->lock);
  return OF3_OK;
}

static of3_status fetch_complex(of3_aligner *a, aligner_complex *c, bool ask, of3_error *err) {
  of3_arena *arena = of3_arena_new(0);
  const char **sequence = arena ? OF3_ARENA_NEW(arena, const char *, c->n) : NULL;
  of3_server_msa *msa = arena ? OF3_ARENA_NEW(arena, of3_server_msa, c->n) : NULL;
  const char *raw =
      arena ? of3_arena_printf(arena, "%s/paired/%s", a->o.opt_raw ? a->o.opt_raw : "", c->id) : NULL;
  of3_status status = sequence && msa && raw ? OF3_OK : of3_fail_memory(err, "alignments");
  for (int k = 0; k < c->n && status == OF3_OK; k++) sequence[k] = a->sequence[c->sequence[k]].sequence;
  if (status == OF3_OK)
    status = of3_colabfold_pair(a->server, c->n, sequence, ask, a->o.opt_raw ? raw : NULL, arena, msa, err);
  if (status == OF3_OK) status = take_complex(a, c, msa, err);
  of3_arena_free(arena);
  return status;
}

static int sequence_of(const of3_aligner *a, const of3_query_chain *c) {
  return (int)json_integer_value(json_object_get(a->number, c->sequence));
}

/* Adds the open sequences of a query to list, each once: they are marked by the caller's flags. */
static int add_open(const of3_aligner *a, int q, bool *listed, int *list, int n) {
  const of3_query *query = &a->set->query[q];
  for (int k = 0; a->query[q].wants && k < query->n_chain; k++) {
    if (!of3_aligner_asks(query, &query->chain[k])) continue;
    const int s = sequence_of(a, &query->chain[k]);
    if (listed[s] || a->sequence[s].state != FETCH_OPEN) continue;
    listed[s] = true;
    list[n++] = s;
  }
  return n;
}

of3_status of3_aligner_fetch(of3_aligner *a, const int *number, int n, bool ask, of3_error *err) {
  int m = 0;
  bool *listed = calloc((size_t)a->n_sequence + 1, sizeof *listed);
  int *list = malloc(((size_t)a->n_sequence + 1) * sizeof *list);
  of3_status status = listed && list ? OF3_OK : of3_fail_memory(err, "the queries");
  for (int k = 0; k < n && status == OF3_OK; k++) m = add_open(a, number[k], listed, list, m);
  /* what the cache has one by one: what many have together is more than memory holds */
  for (int k = 0; k < m && !ask && status == OF3_OK; k++)
    status = fetch_sequences(a, &list[k], 1, false, err);
  if (m && ask && status == OF3_OK) status = fetch_sequences(a, list, m, true, err);
  for (int k = 0; k < n && status == OF3_OK; k++) {
    const int c = a->query[number[k]].complex;
    if (c >= 0 && a->complex[c].state == FETCH_OPEN) status = fetch_complex(a, &a->complex[c], ask, err);
  }
  free(list);
  free(listed);
  return status;
}

int of3_aligner_group(const of3_aligner *a, const int *number, int n) {
  bool *listed = calloc((size_t)a->n_sequence + 1, sizeof *listed);
  int *list = malloc(((size_t)a->n_sequence + 1) * sizeof *list);
  int m = 0, k = 0;
  for (; listed && list && k < n; k++) {
    m = add_open(a, number[k], listed, list, m);
    if (m > MOST_SEQUENCES && k > 0) break;
  }
  free(list);
  free(listed);
  return k ? k : 1;
}

/* ---- What came of it */

static of3_aligned worse(of3_aligned so_far, fetch_state state, const of3_error *why, of3_error *err) {
  if (state == FETCH_FAILED) *err = *why;
  if (state == FETCH_FAILED || so_far == OF3_NOT_ALIGNED) return OF3_NOT_ALIGNED;
  return state == FETCH_OPEN ? OF3_UNALIGNED : so_far;
}

of3_aligned of3_aligner_state(of3_aligner *a, const of3_query *query, of3_error *err) {
  const aligner_query *q = &a->query[query - a->set->query];
  of3_aligned state = OF3_ALIGNED;
  if (query->error.code != OF3_OK) return OF3_ALIGNED;
  pthread_mutex_lock(&a->lock);
  for (int k = 0; q->wants && k < query->n_chain; k++) {
    const of3_query_chain *c = &query->chain[k];
    if (!of3_aligner_asks(query, c)) continue;
    const aligner_sequence *s = &a->sequence[sequence_of(a, c)];
    state = worse(state, s->state, s->error, err);
  }
  if (q->complex >= 0) state = worse(state, a->complex[q->complex].state, a->complex[q->complex].error, err);
  pthread_mutex_unlock(&a->lock);
  return state;
}

static const char **one_path(of3_arena *arena, const char *path) {
  const char **list = OF3_ARENA_NEW(arena, const char *, 1);
  if (list) list[0] = path;
  return list;
}

static of3_status attach_paired(of3_aligner *a, const aligner_complex *x, of3_query_chain *c,
                                of3_error *err) {
  const int s = sequence_of(a, c);
  for (int k = 0; k < x->n; k++)
    if (x->sequence[k] == s) c->paired_path = one_path(a->lists, x->msa[k]);
  if (!c->paired_path) return of3_fail_memory(err, "a path");
  c->n_paired = 1;
  return OF3_OK;
}

static of3_status attach_main(of3_aligner *a, of3_query_chain *c, of3_error *err) {
  const aligner_sequence *s = &a->sequence[sequence_of(a, c)];
  c->msa_path = one_path(a->lists, s->msa);
  if (!c->msa_path) return of3_fail_memory(err, "a path");
  c->n_msa = 1;
  if (!c->template_hits && !c->n_template && !c->no_templates) c->template_hits = s->hits;
  return OF3_OK;
}

of3_status of3_aligner_attach(of3_aligner *a, of3_query *query, of3_error *err) {
  aligner_query *q = &a->query[query - a->set->query];
  of3_status status = OF3_OK;
  if (query->error.code != OF3_OK) return OF3_OK;
  pthread_mutex_lock(&a->lock);
  for (int k = 0; k < query->n_chain && status == OF3_OK; k++) {
    of3_query_chain *c = &query->chain[k];
    const bool needs = of3_aligner_asks(query, c);
    if (is_protein(c) && q->complex >= 0) status = attach_paired(a, &a->complex[q->complex], c, err);
    if (needs && status == OF3_OK) status = attach_main(a, c, err);
  }
  *q = (aligner_query){.complex = -1, .mapped = q->mapped};
  pthread_mutex_unlock(&a->lock);
  return status;
}

/* ---- Names */

of3_status of3_aligner_write_names(const of3_aligner *a, of3_error *err) {
  int n = 0, n_complex = 0;
  for (int q = 0; q < a->set->n; q++)
    for (int k = 0; a->set->query[q].error.code == OF3_OK && k < a->set->query[q].n_chain; k++)
      n += a->set->query[q].chain[k].n_id;
  of3_msa_chain *chain = calloc((size_t)n + 1, sizeof *chain);
  of3_msa_complex *complex = calloc((size_t)a->set->n + 1, sizeof *complex);
  n = 0;
  for (int q = 0; chain && complex && q < a->set->n; q++) {
    const of3_query *query = &a->set->query[q];
    for (int k = 0; query->error.code == OF3_OK && k < query->n_chain; k++)
      for (int i = 0; is_protein(&query->chain[k]) && i < query->chain[k].n_id; i++)
        chain[n++] = (of3_msa_chain){query->name, query->chain[k].id[i], query->chain[k].sequence};
    if (a->query[q].mapped >= 0)
      complex[n_complex++] = (of3_msa_complex){query->name, a->complex[a->query[q].mapped].id};
  }
  const of3_status status = chain && complex
                                ? of3_msa_folder_map(a->o.folder, chain, n, complex, n_complex, err)
                                : of3_fail_memory(err, "the names of alignments");
  free(chain);
  free(complex);
  return status;
}
