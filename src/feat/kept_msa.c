#include "feat/kept_msa.h"

#include <stdlib.h>
#include <string.h>

#include "base/sha256.h"
#include "feat/alignments.h"

typedef struct kept_entry {
  char key[OF3_SHA256_HEX];
  int expected;               /* queries that are still to come */
  of3_alignments *alignments; /* NULL: not kept */
} kept_entry;

struct of3_kept_msa {
  kept_entry *entry; /* [n], once sorted each key once */
  int n, capacity;
  bool sorted;
  uint64_t bytes, most;
};

of3_kept_msa *of3_kept_msa_new(uint64_t most_bytes) {
  of3_kept_msa *k = calloc(1, sizeof *k);
  if (k) k->most = most_bytes;
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
  free(k);
}

uint64_t of3_kept_msa_bytes(const of3_kept_msa *k) { return k ? k->bytes : 0; }

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

static void key_chain(of3_sha256 *s, const of3_query_chain *c) {
  key_number(s, c->type);
  key_number(s, c->n_id);
  key_text(s, c->sequence);
  key_number(s, c->no_msa);
  key_paths(s, c->msa_path, c->n_msa);
  key_paths(s, c->paired_path, c->n_paired);
  key_number(s, c->n_msa_text);
  for (int i = 0; i < c->n_msa_text; i++) {
    key_text(s, c->msa_text[i].key);
    key_text(s, c->msa_text[i].text);
  }
}

static void kept_key_of(const of3_query *q, char out[OF3_SHA256_HEX]) {
  of3_sha256 s;
  of3_sha256_init(&s);
  key_number(&s, q->use_msas | q->use_main_msas << 1 | q->use_paired_msas << 2 | q->infer_leaving << 3);
  for (int i = 0; i < q->n_chain; i++)
    if (q->chain[i].type != OF3_LIGAND) key_chain(&s, &q->chain[i]);
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
  kept_key_of(query, k->entry[k->n++].key);
  k->sorted = false;
  return OF3_OK;
}

static int kept_by_key(const void *a, const void *b) {
  return strcmp(((const kept_entry *)a)->key, ((const kept_entry *)b)->key);
}

/* Each key once, with the numbers added up. */
static void sort_entries(of3_kept_msa *k) {
  int kept = 0;
  if (k->sorted || k->n == 0) return;
  qsort(k->entry, (size_t)k->n, sizeof *k->entry, kept_by_key);
  for (int i = 0; i < k->n; i++) {
    kept_entry *last = kept ? &k->entry[kept - 1] : NULL;
    if (!last || strcmp(last->key, k->entry[i].key) != 0) {
      k->entry[kept++] = k->entry[i];
      continue;
    }
    last->expected += k->entry[i].expected;
    if (!last->alignments)
      last->alignments = k->entry[i].alignments;
    else
      drop_alignments(k, &k->entry[i]);
  }
  k->n = kept;
  k->sorted = true;
}

static kept_entry *find_entry(of3_kept_msa *k, const of3_query *query) {
  kept_entry wanted = {.alignments = NULL};
  sort_entries(k);
  kept_key_of(query, wanted.key);
  return k->n ? bsearch(&wanted, k->entry, (size_t)k->n, sizeof *k->entry, kept_by_key) : NULL;
}

/* ---- */

of3_alignments *of3_kept_msa_use(of3_kept_msa *k, const of3_query *query) {
  kept_entry *e = find_entry(k, query);
  if (!e) return NULL;
  if (e->expected > 0) e->expected--;
  of3_alignments *a = e->alignments ? of3_alignments_join(e->alignments) : NULL;
  if (e->expected == 0) drop_alignments(k, e);
  return a;
}

void of3_kept_msa_keep(of3_kept_msa *k, const of3_query *query, of3_alignments *alignments) {
  kept_entry *e = find_entry(k, query);
  const uint64_t bytes = of3_arena_used(alignments->arena);
  if (!e || e->expected == 0 || e->alignments || k->bytes + bytes > k->most) return;
  e->alignments = of3_alignments_join(alignments);
  k->bytes += bytes;
}
