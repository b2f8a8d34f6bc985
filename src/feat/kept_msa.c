#include "feat/kept_msa.h"

#include <stdlib.h>
#include <string.h>

#include "base/sha256.h"
#include "feat/parts.h"

/* The MSA features of polymers: [M,P], P tokens of polymers in their order; NULL arena: not kept. */
typedef struct kept_rows {
  of3_arena *arena;
  int n_msa, n_column, num_paired_seqs;
  uint8_t *msa, *has_deletion, *msa_mask;
  float *deletion_value, *profile, *deletion_mean;
} kept_rows;

typedef struct kept_entry {
  char key[OF3_SHA256_HEX];
  int expected; /* queries that are still to come */
  kept_rows rows;
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

static void drop_rows(of3_kept_msa *k, kept_entry *e) {
  if (e->rows.arena) k->bytes -= of3_arena_used(e->rows.arena);
  of3_arena_free(e->rows.arena);
  e->rows = (kept_rows){0};
}

void of3_kept_msa_free(of3_kept_msa *k) {
  if (!k) return;
  for (int i = 0; i < k->n; i++) drop_rows(k, &k->entry[i]);
  free(k->entry);
  free(k);
}

uint64_t of3_kept_msa_bytes(const of3_kept_msa *k) { return k ? k->bytes : 0; }

/* ---- What makes alignments, and the tokens they go to, the same */

static void key_number(of3_sha256 *s, int64_t v) { of3_sha256_add(s, &v, sizeof v); }

static void key_text(of3_sha256 *s, const char *opt_text) {
  key_number(s, opt_text ? (int64_t)strlen(opt_text) : -1);
  if (opt_text) of3_sha256_add(s, opt_text, strlen(opt_text));
}

static void key_chain(of3_sha256 *s, const of3_query_chain *c) {
  key_number(s, c->type);
  key_number(s, c->n_id);
  key_text(s, c->sequence);
  key_number(s, c->n_modified);
  for (int i = 0; i < c->n_modified; i++) {
    key_number(s, c->modified[i].position);
    key_text(s, c->modified[i].code);
  }
  key_number(s, c->n_msa);
  for (int i = 0; i < c->n_msa; i++) key_text(s, c->msa_path[i]);
  key_number(s, c->n_msa_text);
  for (int i = 0; i < c->n_msa_text; i++) {
    key_text(s, c->msa_text[i].key);
    key_text(s, c->msa_text[i].text);
  }
}

static void key_atom(of3_sha256 *s, const of3_query_atom *a) {
  key_text(s, a->chain);
  key_number(s, a->residue);
  key_text(s, a->name);
}

/* Polymers; bonds and leaving atoms, for which residues may become tokens of atoms; the user's components. */
static void kept_key_of(const of3_query *q, char out[OF3_SHA256_HEX]) {
  of3_sha256 s;
  of3_sha256_init(&s);
  key_number(&s, q->use_msas | q->use_main_msas << 1 | q->use_paired_msas << 2);
  for (int i = 0; i < q->n_chain; i++)
    if (q->chain[i].type != OF3_LIGAND) key_chain(&s, &q->chain[i]);
  key_number(&s, q->n_bond);
  for (int i = 0; i < q->n_bond; i++) {
    key_atom(&s, &q->bond[i].a);
    key_atom(&s, &q->bond[i].b);
  }
  key_number(&s, q->n_leaving);
  for (int i = 0; i < q->n_leaving; i++) key_atom(&s, &q->leaving[i]);
  key_text(&s, q->components);
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
    if (!last->rows.arena)
      last->rows = k->entry[i].rows;
    else
      drop_rows(k, &k->entry[i]);
  }
  k->n = kept;
  k->sorted = true;
}

static kept_entry *find_entry(of3_kept_msa *k, const of3_query *query) {
  kept_entry wanted;
  sort_entries(k);
  kept_key_of(query, wanted.key);
  return k->n ? bsearch(&wanted, k->entry, (size_t)k->n, sizeof *k->entry, kept_by_key) : NULL;
}

/* ---- Columns from one query to another */

/* The next run of tokens of polymers from *at on: its first token and their number; false: there is none. */
static bool next_run(const of3_features *f, int *at, int *ret_n) {
  while (*at < f->n_token && f->is_ligand[*at]) ++*at;
  int end = *at;
  while (end < f->n_token && !f->is_ligand[end]) end++;
  *ret_n = end - *at;
  return *ret_n > 0;
}

static int polymer_tokens(const of3_features *f) {
  int sum = 0, n = 0;
  for (int at = 0; next_run(f, &at, &n); at += n) sum += n;
  return sum;
}

/* One array of rows of `size` bytes a cell: `width` cells of each row of `from` to `to`. */
static void copy_columns(void *to, size_t to_row, const void *from, size_t from_row, size_t n_row,
                         size_t width, size_t size) {
  char *t = to;
  const char *f = from;
  for (size_t r = 0; r < n_row; r++) memcpy(t + r * to_row * size, f + r * from_row * size, width * size);
}

/* All arrays: cells from column `at` of the features, and from column `column` of what is kept. */
static void copy_run(kept_rows *k, int column, of3_features *f, int at, int n, bool keep) {
  const size_t rows = (size_t)k->n_msa, width = (size_t)n, wide = (size_t)f->n_token,
               narrow = (size_t)k->n_column, a = (size_t)at, c = (size_t)column;
#define COPY(array, rows_, wide_, narrow_, a_, c_, width_)                                                   \
  if (keep)                                                                                                  \
    copy_columns(k->array + (c_), narrow_, f->array + (a_), wide_, rows_, width_, sizeof *f->array);         \
  else                                                                                                       \
    copy_columns(f->array + (a_), wide_, k->array + (c_), narrow_, rows_, width_, sizeof *f->array)
  COPY(msa, rows, wide, narrow, a, c, width);
  COPY(has_deletion, rows, wide, narrow, a, c, width);
  COPY(msa_mask, rows, wide, narrow, a, c, width);
  COPY(deletion_value, rows, wide, narrow, a, c, width);
  COPY(deletion_mean, 1, wide, narrow, a, c, width);
  COPY(profile, 1, wide, narrow, OF3_N_RESTYPE * a, OF3_N_RESTYPE * c, OF3_N_RESTYPE * width);
#undef COPY
}

static void copy_runs(kept_rows *k, of3_features *f, bool keep) {
  int column = 0, n = 0;
  for (int at = 0; next_run(f, &at, &n); at += n, column += n) copy_run(k, column, f, at, n, keep);
}

of3_status of3_kept_msa_use(of3_kept_msa *k, const of3_query *query, const of3_feature_mode *mode,
                            of3_features *out, bool *ret_used, of3_error *err) {
  kept_entry *e = find_entry(k, query);
  *ret_used = false;
  if (!e) return OF3_OK;
  if (e->expected > 0) e->expected--;
  if (e->rows.arena && e->rows.n_column == polymer_tokens(out)) {
    if (mode->most_memory) of3_arena_limit(out->arena, mode->most_memory);
    OF3_TRY(of3_features_msa_room(e->rows.n_msa, out, err));
    out->num_paired_seqs = e->rows.num_paired_seqs;
    if (!mode->mask_padding_rows) memset(out->msa_mask, 1, (size_t)out->n_msa * (size_t)out->n_token);
    copy_runs(&e->rows, out, false);
    *ret_used = true;
  }
  if (e->expected == 0) drop_rows(k, e);
  return OF3_OK;
}

static bool kept_room(kept_rows *r) {
  const size_t n = (size_t)r->n_column, all = n * (size_t)r->n_msa;
  r->msa = OF3_ARENA_NEW(r->arena, uint8_t, all);
  r->has_deletion = OF3_ARENA_NEW(r->arena, uint8_t, all);
  r->msa_mask = OF3_ARENA_NEW(r->arena, uint8_t, all);
  r->deletion_value = OF3_ARENA_NEW(r->arena, float, all);
  r->profile = OF3_ARENA_NEW(r->arena, float, n *OF3_N_RESTYPE);
  r->deletion_mean = OF3_ARENA_NEW(r->arena, float, n);
  return r->msa && r->has_deletion && r->msa_mask && r->deletion_value && r->profile && r->deletion_mean;
}

void of3_kept_msa_keep(of3_kept_msa *k, const of3_query *query, const of3_features *features) {
  enum { BYTES_OF_A_CELL = 7 };
  kept_entry *e = find_entry(k, query);
  of3_features f = *features; /* copy_run writes to one of the two */
  kept_rows r = {.n_msa = f.n_msa, .n_column = polymer_tokens(&f), .num_paired_seqs = f.num_paired_seqs};
  const uint64_t need = BYTES_OF_A_CELL * (uint64_t)r.n_msa * (uint64_t)r.n_column;
  if (!e || e->expected == 0 || e->rows.arena || k->bytes + need > k->most) return;
  r.arena = of3_arena_new(0);
  if (!r.arena || !kept_room(&r)) {
    of3_arena_free(r.arena);
    return;
  }
  copy_runs(&r, &f, true);
  e->rows = r;
  k->bytes += of3_arena_used(r.arena);
}
