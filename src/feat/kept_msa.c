#include "feat/kept_msa.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/sha256.h"
#include "feat/alignments.h"

typedef struct kept_entry {
  char key[OF3_SHA256_HEX];
  int expected;               /* queries that are still to come */
  of3_alignments *alignments; /* NULL: not kept */
} kept_entry;

/* The hash of a text that queries share: alignments within queries are long, and a thousand queries may point
 * to the same. */
typedef struct known_text {
  const char *text;
  char hash[OF3_SHA256_HEX];
} known_text;

enum { N_KNOWN = 16 };

struct of3_kept_msa {
  pthread_mutex_t lock;    /* of all below */
  pthread_mutex_t reading; /* held by the thread that reads files; taken before the lock */
  kept_entry *entry;       /* [n], once sorted each key once */
  int n, capacity;
  bool sorted;
  uint64_t bytes, most;
  known_text known[N_KNOWN]; /* in a ring */
  int next_known;
};

of3_kept_msa *of3_kept_msa_new(uint64_t most_bytes) {
  of3_kept_msa *k = calloc(1, sizeof *k);
  if (!k || pthread_mutex_init(&k->lock, NULL) != 0) {
    free(k);
    return NULL;
  }
  if (pthread_mutex_init(&k->reading, NULL) != 0) {
    pthread_mutex_destroy(&k->lock);
    free(k);
    return NULL;
  }
  k->most = most_bytes;
  return k;
}

static void drop_alignments(of3_kept_msa *k, kept_entry *e) {
  if (e->alignments) k->bytes -= of3_arena_used(e->alignments->arena);
  of3_alignments_leave(e->alignments);
  e->alignments = NULL;
}

void of3_kept_msa_free(of3_kept_msa *k) {
  if (!k) return;
  for (int i = 0; i < k->n; i++) drop_alignments(k, &k->entry[i]);
  free(k->entry);
  pthread_mutex_destroy(&k->reading);
  pthread_mutex_destroy(&k->lock);
  free(k);
}

uint64_t of3_kept_msa_bytes(of3_kept_msa *k) {
  if (!k) return 0;
  pthread_mutex_lock(&k->lock);
  const uint64_t bytes = k->bytes;
  pthread_mutex_unlock(&k->lock);
  return bytes;
}

/* ---- What makes alignments the same */

static void key_number(of3_sha256 *s, int64_t v) { of3_sha256_add(s, &v, sizeof v); }

static void key_text(of3_sha256 *s, const char *opt_text) {
  key_number(s, opt_text ? (int64_t)strlen(opt_text) : -1);
  if (opt_text) of3_sha256_add(s, opt_text, strlen(opt_text));
}

static void key_paths(of3_sha256 *s, const char *const *path, int n) {
  key_number(s, n);
  for (int i = 0; i < n; i++) key_text(s, path[i]);
}

static const char *hash_of_text(of3_kept_msa *k, const char *text) {
  for (int i = 0; i < N_KNOWN; i++)
    if (k->known[i].text == text) return k->known[i].hash;
  known_text *new = &k->known[k->next_known];
  of3_sha256 s;
  of3_sha256_init(&s);
  key_text(&s, text);
  of3_sha256_hex(&s, new->hash);
  new->text = text;
  k->next_known = (k->next_known + 1) % N_KNOWN;
  return new->hash;
}

static void key_chain(of3_kept_msa *k, of3_sha256 *s, const of3_query_chain *c) {
  key_number(s, c->type);
  key_number(s, c->n_id);
  key_text(s, c->sequence);
  key_number(s, c->no_msa);
  key_paths(s, c->msa_path, c->n_msa);
  key_paths(s, c->paired_path, c->n_paired);
  key_number(s, c->n_msa_text);
  for (int i = 0; i < c->n_msa_text; i++) {
    key_text(s, c->msa_text[i].key);
    key_text(s, hash_of_text(k, c->msa_text[i].text));
  }
}

/* Under the lock. */
static void kept_key_of(of3_kept_msa *k, const of3_query *q, char out[OF3_SHA256_HEX]) {
  of3_sha256 s;
  of3_sha256_init(&s);
  key_number(&s, q->use_msas | q->use_main_msas << 1 | q->use_paired_msas << 2 | q->infer_leaving << 3);
  for (int i = 0; i < q->n_chain; i++)
    if (q->chain[i].type != OF3_LIGAND) key_chain(k, &s, &q->chain[i]);
  of3_sha256_hex(&s, out);
}

/* ---- Who is expected */

of3_status of3_kept_msa_expect(of3_kept_msa *k, const of3_query *query, of3_error *err) {
  if (k->n == k->capacity) {
    const int capacity = 2 * k->capacity + 16;
    kept_entry *more = realloc(k->entry, (size_t)capacity * sizeof *more);
    if (!more) return of3_fail_memory(err, "the queries");
    k->entry = more;
    k->capacity = capacity;
  }
  k->entry[k->n] = (kept_entry){.expected = 1};
  kept_key_of(k, query, k->entry[k->n++].key);
  k->sorted = false;
  return OF3_OK;
}

static int kept_by_key(const void *a, const void *b) {
  return strcmp(((const kept_entry *)a)->key, ((const kept_entry *)b)->key);
}

/* Each key once, with the numbers added up. */
static void sort_entries(of3_kept_msa *k) {
  int kept = 0;
  kept_entry *entry = k->entry;
  if (k->sorted || !entry) return;
  qsort(entry, (size_t)k->n, sizeof *entry, kept_by_key);
  for (int i = 0; i < k->n; i++) {
    kept_entry *last = kept ? &entry[kept - 1] : NULL;
    if (!last || strcmp(last->key, entry[i].key) != 0) {
      entry[kept++] = entry[i];
      continue;
    }
    last->expected += entry[i].expected;
    if (!last->alignments)
      last->alignments = entry[i].alignments;
    else
      drop_alignments(k, &entry[i]);
  }
  k->n = kept;
  k->sorted = true;
}

static kept_entry *find_entry(of3_kept_msa *k, const char *key) {
  kept_entry wanted = {.alignments = NULL};
  sort_entries(k);
  memcpy(wanted.key, key, sizeof wanted.key);
  return k->entry ? bsearch(&wanted, k->entry, (size_t)k->n, sizeof *k->entry, kept_by_key) : NULL;
}

/* ---- */

/* What is kept, for a query that is expected; NULL: nothing is. */
static of3_alignments *use_kept(of3_kept_msa *k, const char *key) {
  pthread_mutex_lock(&k->lock);
  kept_entry *e = find_entry(k, key);
  of3_alignments *a = e && e->alignments ? of3_alignments_join(e->alignments) : NULL;
  if (a && e->expected > 0 && --e->expected == 0) drop_alignments(k, e);
  pthread_mutex_unlock(&k->lock);
  return a;
}

/* The query has been served: its alignments are kept, if another that has the same is expected, and there is
 * room. opt_alignments NULL: it failed. */
static void serve(of3_kept_msa *k, const char *key, of3_alignments *opt_alignments) {
  const uint64_t bytes = opt_alignments ? of3_arena_used(opt_alignments->arena) : 0;
  pthread_mutex_lock(&k->lock);
  kept_entry *e = find_entry(k, key);
  if (e && e->expected > 0) e->expected--;
  if (e && e->expected > 0 && opt_alignments && k->bytes + bytes <= k->most) {
    e->alignments = of3_alignments_join(opt_alignments);
    k->bytes += bytes;
  }
  pthread_mutex_unlock(&k->lock);
}

/* By the thread that may read: perhaps another one has just read them. */
static of3_status read_alignments(of3_kept_msa *k, const of3_query *query, const char *key,
                                  const of3_feature_mode *mode, const of3_log *opt_log,
                                  of3_alignments **ret_alignments, of3_error *err) {
  *ret_alignments = use_kept(k, key);
  if (*ret_alignments) return OF3_OK;
  const of3_status status = of3_alignments_load(query, mode, opt_log, ret_alignments, err);
  serve(k, key, *ret_alignments);
  return status;
}

of3_status of3_kept_msa_get(of3_kept_msa *k, const of3_query *query, const of3_feature_mode *mode,
                            const of3_log *opt_log, of3_alignments **ret_alignments, of3_error *err) {
  char key[OF3_SHA256_HEX];
  pthread_mutex_lock(&k->lock);
  kept_key_of(k, query, key);
  pthread_mutex_unlock(&k->lock);
  *ret_alignments = use_kept(k, key);
  if (*ret_alignments) return OF3_OK;
  pthread_mutex_lock(&k->reading);
  const of3_status status = read_alignments(k, query, key, mode, opt_log, ret_alignments, err);
  pthread_mutex_unlock(&k->reading);
  return status;
}
