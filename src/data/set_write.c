/* Writing of a training set: records go to the file as they come, tables and the header at the end. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "base/file.h"
#include "base/le.h"
#include "base/sha256.h"
#include "data/set_record.h"

/* A point whose cluster is not counted yet: clusters are known by 64 bits of a hash of their names. */
typedef struct open_point {
  of3_point of;
  uint64_t cluster;
} open_point;

typedef struct alignment_key {
  char digest[OF3_SHA256_HEX];
  uint32_t number; /* from 1 */
} alignment_key;

struct of3_set_writer {
  of3_out out;
  uint64_t at;                 /* bytes written */
  of3_str entries, alignments; /* their tables */
  of3_str record;              /* the one that is packed */
  uint32_t n_entry, n_alignment;
  int n_point, room_point, n_key, room_key;
  open_point *point;
  alignment_key *key; /* [n_key] in no order */
};

static of3_status fail_write(const of3_set_writer *w, of3_error *err) {
  return of3_fail(err, OF3_ERR_IO, "cannot write '%s': %s", w->out.path, strerror(errno));
}

static of3_status put(of3_set_writer *w, const void *bytes, size_t n, of3_error *err) {
  if (n && fwrite(bytes, 1, n, w->out.f) != n) return fail_write(w, err);
  w->at += n;
  return OF3_OK;
}

of3_status of3_set_create(const char *path, of3_set_writer **ret_writer, of3_error *err) {
  static const uint8_t header[SET_HEADER];
  of3_set_writer *w = calloc(1, sizeof *w);
  *ret_writer = NULL;
  if (!w) return of3_fail_memory(err, path);
  of3_status status = of3_out_open(&w->out, path, err);
  if (status == OF3_OK) status = put(w, header, sizeof header, err);
  if (status == OF3_OK)
    *ret_writer = w;
  else
    of3_set_abandon(w);
  return status;
}

static void writer_free(of3_set_writer *w) {
  of3_str_free(&w->entries);
  of3_str_free(&w->alignments);
  of3_str_free(&w->record);
  free(w->point);
  free(w->key);
  free(w);
}

void of3_set_abandon(of3_set_writer *w) {
  if (!w) return;
  of3_out_abort(&w->out);
  writer_free(w);
}

/* Room for one more in an array of `size` bytes each. */
static bool grow(void *array, int n, int *room, size_t size) {
  void **at = array;
  if (n < *room) return true;
  const int more = *room ? 2 * *room : 64;
  void *larger = realloc(*at, (size_t)more * size);
  if (!larger) return false;
  *at = larger;
  *room = more;
  return true;
}

static void put_u32(of3_str *s, uint32_t v) {
  uint8_t bytes[4];
  of3_put_le(bytes, 4, v);
  of3_str_addn(s, (const char *)bytes, 4);
}

static void put_u64(of3_str *s, uint64_t v) {
  put_u32(s, (uint32_t)v);
  put_u32(s, (uint32_t)(v >> 32));
}

/* ---- Alignments, each once */

static void digest_of(const of3_query_chain *c, char out[OF3_SHA256_HEX]) {
  of3_sha256 hash;
  const uint8_t type = (uint8_t)c->type;
  of3_sha256_init(&hash);
  of3_sha256_add(&hash, &type, 1);
  for (int i = 0; i < c->n_msa_text; i++) {
    of3_sha256_add(&hash, c->msa_text[i].key, strlen(c->msa_text[i].key) + 1);
    of3_sha256_add(&hash, c->msa_text[i].text, strlen(c->msa_text[i].text) + 1);
  }
  of3_sha256_hex(&hash, out);
}

static of3_status add_alignment(of3_set_writer *w, const of3_query_chain *c, uint32_t *ret_number,
                                of3_error *err) {
  alignment_key key = {.number = SET_NO_ALIGNMENT};
  *ret_number = SET_NO_ALIGNMENT;
  if (!c->n_msa_text) return OF3_OK;
  digest_of(c, key.digest);
  for (int i = 0; i < w->n_key; i++)
    if (strcmp(w->key[i].digest, key.digest) == 0) {
      *ret_number = w->key[i].number;
      return OF3_OK;
    }
  of3_str_clear(&w->record);
  of3_set_pack_texts(c->msa_text, c->n_msa_text, &w->record);
  if (w->record.failed || !grow(&w->key, w->n_key, &w->room_key, sizeof *w->key))
    return of3_fail_memory(err, "an alignment of a training set");
  put_u64(&w->alignments, w->at);
  put_u64(&w->alignments, w->record.len);
  key.number = ++w->n_alignment;
  w->key[w->n_key++] = key;
  *ret_number = key.number;
  return put(w, w->record.text, w->record.len, err);
}

/* ---- Points */

/* FNV-1a: names of clusters differ in few places, and 64 bits keep millions of them apart. */
static uint64_t hash_text(uint64_t hash, const char *text) {
  for (; *text; text++) hash = (hash ^ (uint8_t)*text) * 0x100000001b3u;
  return (hash ^ 0xff) * 0x100000001b3u;
}

static uint64_t cluster_of(const of3_query_chain *c, const char *opt_name) {
  uint64_t hash = hash_text(0xcbf29ce484222325u, c->type == OF3_LIGAND ? "ligand" : "polymer");
  if (opt_name) return hash_text(hash, opt_name);
  if (c->type != OF3_LIGAND) return hash_text(hash, c->sequence);
  for (int k = 0; k < c->n_code; k++) hash = hash_text(hash, c->code[k]);
  return hash;
}

/* The cluster of an interface: that of both chains, in whatever order. */
static uint64_t join_clusters(uint64_t a, uint64_t b) {
  const uint64_t low = a < b ? a : b, high = a < b ? b : a;
  return (low * 0x9e3779b97f4a7c15u ^ high) * 0xc2b2ae3d27d4eb4fu + 1;
}

static void count_kind(of3_point *p, of3_molecule type) {
  p->n_protein += type == OF3_PROTEIN;
  p->n_nucleic += type == OF3_RNA || type == OF3_DNA;
  p->n_ligand += type == OF3_LIGAND;
}

static of3_status add_point(of3_set_writer *w, const of3_query *q, int a, int b, uint64_t cluster,
                            of3_error *err) {
  if (!grow(&w->point, w->n_point, &w->room_point, sizeof *w->point))
    return of3_fail_memory(err, "the points of a training set");
  open_point *p = &w->point[w->n_point++];
  *p = (open_point){.of = {.entry = (int32_t)w->n_entry, .chain = {a, b}}, .cluster = cluster};
  count_kind(&p->of, q->chain[a].type);
  if (b >= 0) count_kind(&p->of, q->chain[b].type);
  return OF3_OK;
}

static of3_status add_points(of3_set_writer *w, const of3_query *q, const char *const *cluster,
                             const int32_t *touching, int n_touching, of3_error *err) {
  for (int i = 0; i < q->n_chain; i++)
    OF3_TRY(add_point(w, q, i, OF3_SET_NO_CHAIN, cluster_of(&q->chain[i], cluster[i]), err));
  for (int i = 0; i < n_touching; i++) {
    const int a = touching[2 * i], b = touching[2 * i + 1];
    OF3_TRY(add_point(
        w, q, a, b, join_clusters(cluster_of(&q->chain[a], cluster[a]), cluster_of(&q->chain[b], cluster[b])),
        err));
  }
  return OF3_OK;
}

/* ---- */

static void add_row(of3_set_writer *w, const of3_set_entry *e, int n_token) {
  char date[12] = {0};
  uint32_t bits;
  memcpy(&bits, &e->resolution, sizeof bits);
  memcpy(date, e->released, 10);
  put_u64(&w->entries, w->at);
  put_u32(&w->entries, (uint32_t)w->record.len);
  put_u32(&w->entries,
          (uint32_t)crc32(crc32(0, NULL, 0), (const uint8_t *)w->record.text, (uInt)w->record.len));
  put_u32(&w->entries, (uint32_t)n_token);
  put_u32(&w->entries, (uint32_t)e->query.n_chain);
  of3_str_addn(&w->entries, date, sizeof date);
  put_u32(&w->entries, bits);
}

of3_status of3_set_add(of3_set_writer *w, const of3_set_entry *e, int n_token, const char *const *cluster,
                       const int32_t *touching, int n_touching, of3_error *err) {
  uint32_t *alignment = calloc((size_t)e->query.n_chain, sizeof *alignment);
  of3_status status = alignment ? OF3_OK : of3_fail_memory(err, "an entry of a training set");
  for (int i = 0; status == OF3_OK && i < e->query.n_chain; i++)
    status = add_alignment(w, &e->query.chain[i], &alignment[i], err);
  if (status == OF3_OK) {
    of3_str_clear(&w->record);
    of3_set_pack_entry(e, alignment, &w->record);
    if (w->record.failed) status = of3_fail_memory(err, "an entry of a training set");
  }
  free(alignment);
  OF3_TRY(status);
  if (w->record.len > UINT32_MAX) return of3_fail(err, OF3_ERR_INPUT, "the entry takes more than 4 GB");
  add_row(w, e, n_token);
  OF3_TRY(put(w, w->record.text, w->record.len, err));
  OF3_TRY(add_points(w, &e->query, cluster, touching, n_touching, err));
  w->n_entry++;
  return OF3_OK;
}

static int by_cluster(const void *pa, const void *pb) {
  const open_point *const *a = pa, *const *b = pb;
  return ((*a)->cluster > (*b)->cluster) - ((*a)->cluster < (*b)->cluster);
}

static of3_status count_clusters(of3_set_writer *w, of3_error *err) {
  open_point **sorted = malloc(((size_t)w->n_point + 1) * sizeof *sorted);
  if (!sorted) return of3_fail_memory(err, "the clusters of a training set");
  for (int i = 0; i < w->n_point; i++) sorted[i] = &w->point[i];
  qsort(sorted, (size_t)w->n_point, sizeof *sorted, by_cluster);
  for (int i = 0, n; i < w->n_point; i += n) {
    for (n = 1; i + n < w->n_point && sorted[i + n]->cluster == sorted[i]->cluster;) n++;
    for (int k = 0; k < n; k++) sorted[i + k]->of.cluster = n;
  }
  free(sorted);
  return OF3_OK;
}

static void pack_points(const of3_set_writer *w, of3_str *out) {
  for (int i = 0; i < w->n_point; i++) {
    const of3_point *p = &w->point[i].of;
    const char kinds[8] = {(char)p->n_protein, (char)p->n_nucleic, (char)p->n_ligand};
    put_u32(out, (uint32_t)p->entry);
    put_u32(out, (uint32_t)p->chain[0]);
    put_u32(out, (uint32_t)p->chain[1]);
    put_u32(out, (uint32_t)p->cluster);
    of3_str_addn(out, kinds, sizeof kinds);
  }
}

/* Tables behind the records, then the header into its place. */
static of3_status put_tables(of3_set_writer *w, of3_error *err) {
  of3_str header = {0}, points = {0};
  const uint64_t entry = w->at, alignment = entry + w->entries.len, point = alignment + w->alignments.len;
  pack_points(w, &points);
  of3_str_addn(&header, SET_MAGIC, 8);
  put_u32(&header, SET_VERSION);
  put_u32(&header, w->n_entry);
  put_u32(&header, w->n_alignment);
  put_u32(&header, (uint32_t)w->n_point);
  put_u64(&header, point + points.len);
  put_u64(&header, entry);
  put_u64(&header, alignment);
  put_u64(&header, point);
  put_u64(&header, 0);
  of3_status status = header.failed || points.failed || w->entries.failed || w->alignments.failed
                          ? of3_fail_memory(err, "the tables of a training set")
                          : put(w, w->entries.text, w->entries.len, err);
  if (status == OF3_OK) status = put(w, w->alignments.text, w->alignments.len, err);
  if (status == OF3_OK) status = put(w, points.text, points.len, err);
  if (status == OF3_OK && fseek(w->out.f, 0, SEEK_SET) != 0) status = fail_write(w, err);
  if (status == OF3_OK) status = put(w, header.text, SET_HEADER, err);
  of3_str_free(&header);
  of3_str_free(&points);
  return status;
}

of3_status of3_set_finish(of3_set_writer *w, of3_error *err) {
  of3_status status = count_clusters(w, err);
  if (status == OF3_OK) status = put_tables(w, err);
  if (status != OF3_OK) {
    of3_set_abandon(w);
    return status;
  }
  status = of3_out_commit(&w->out, err);
  writer_free(w);
  return status;
}
