/* OpenFold3's cache of template hits, an archive of NumPy: a member for each hit, <entry>_<chain>.npy, whose
 * pickle is a dictionary with the date, the place in the list and idx_map, [n,2] residues of query and
 * template. Read by the restricted reader (base/numpy.h); written so that OpenFold3 goes on with it. */
#include "template/cache.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/numpy.h"
#include "base/npz_writer.h"
#include "base/sha256.h"
#include "base/zip.h"

enum { MOST_TREE = 1 << 26 };
static const uint64_t MOST_MEMBER = 1 << 26;

/* ---- Reading */

typedef struct cached_hit {
  of3_template_hit hit;
  uint64_t at; /* in the archive */
} cached_hit;

static int by_place(const void *pa, const void *pb) {
  const cached_hit *a = pa, *b = pb;
  return a->at < b->at ? -1 : a->at > b->at;
}

/* "1abc_A.npy". */
static bool split_member(const char *name, of3_arena *arena, of3_template_hit *out) {
  const char *dot = strrchr(name, '.'), *bar = strchr(name, '_');
  const size_t n = dot && strcmp(dot, ".npy") == 0 ? (size_t)(dot - name) : strlen(name);
  if (!bar || bar == name || bar + 1 >= name + n) return false;
  out->entry = of3_arena_strndup(arena, name, (size_t)(bar - name));
  out->chain = of3_arena_strndup(arena, bar + 1, n - (size_t)(bar - name) - 1);
  return out->entry && out->chain;
}

/* Pairs of residues that are both there, ordered by the query's. */
static of3_status read_pairs(const of3_numpy_array *map, int n_query, of3_arena *arena, of3_template_hit *out,
                             of3_error *err) {
  out->pair = OF3_ARENA_NEW(arena, of3_template_match, map->rows);
  if (!out->pair) return of3_fail_memory(err, "a cache of templates");
  for (int64_t r = 0; r < map->rows; r++) {
    const int64_t q = of3_numpy_element(map, r, 0), t = of3_numpy_element(map, r, 1);
    if (q < 1 || t < 1) continue;
    if (q > n_query || t > INT_MAX)
      return of3_fail(err, OF3_ERR_INPUT,
                      "residue %lld of the query is named, which has %d; it is of another chain",
                      (long long)q, n_query);
    if (out->n_pair && (q <= out->pair[out->n_pair - 1].query || t <= out->pair[out->n_pair - 1].template_))
      return of3_fail(err, OF3_ERR_INPUT, "its pairs of residues do not ascend");
    out->pair[out->n_pair++] = (of3_template_match){(int32_t)q, (int32_t)t};
  }
  out->aligned = true;
  out->gaps = out->n_pair < n_query;
  return OF3_OK;
}

static of3_status read_hit(const of3_zip *zip, const of3_zip_member *m, int n_query, of3_arena *scratch,
                           of3_arena *arena, cached_hit *out, of3_error *err) {
  const uint8_t *bytes = NULL;
  const of3_pickle *root = NULL;
  of3_numpy_array map;
  const size_t room = of3_arena_room(scratch);
  OF3_TRY(of3_zip_read(zip, m, MOST_MEMBER, scratch, &bytes, err));
  OF3_TRY(of3_numpy_object(m->name, bytes, (size_t)m->size, room < MOST_TREE ? room : MOST_TREE, scratch,
                           &root, err));
  if (!of3_numpy_read(of3_pickle_get(root, "idx_map"), &map) || !of3_numpy_is_integer(&map) || map.cols != 2)
    return of3_fail(err, OF3_ERR_INPUT,
                    "member '%s': a dictionary with pairs of residues ('idx_map', [n,2]) was expected",
                    m->name);
  out->at = m->header_at;
  if (read_pairs(&map, n_query, arena, &out->hit, err) == OF3_OK) return OF3_OK;
  return of3_prefix(err, "member '%s'", m->name);
}

static of3_status read_hits(const of3_hits_want *want, const of3_zip *zip, of3_arena *arena,
                            of3_template_hit **ret_hit, int *ret_n, of3_error *err) {
  cached_hit *all = OF3_ARENA_NEW(arena, cached_hit, zip->n);
  of3_template_hit *hit = OF3_ARENA_NEW(arena, of3_template_hit, zip->n);
  int n = 0;
  if (!all || !hit) return of3_fail_memory(err, want->path);
  for (int i = 0; i < zip->n; i++) {
    all[n] = (cached_hit){.hit = {.identity = -1, .coverage = -1}};
    if (!split_member(zip->member[i].name, arena, &all[n].hit)) {
      of3_logf(want->opt_log, OF3_LOG_WARN,
               "'%s': member '%.60s' is not called <entry>_<chain>: it is left out", want->path,
               zip->member[i].name);
      continue;
    }
    of3_arena *scratch = of3_arena_new_within(arena);
    const of3_status status =
        scratch ? read_hit(zip, &zip->member[i], (int)strlen(want->query), scratch, arena, &all[n++], err)
                : of3_fail_memory(err, want->path);
    of3_arena_free(scratch);
    OF3_TRY(status);
  }
  if (n) qsort(all, (size_t)n, sizeof *all, by_place);
  for (int i = 0; i < n; i++) hit[i] = all[i].hit;
  *ret_hit = hit;
  *ret_n = n;
  return OF3_OK;
}

of3_status of3_template_cache_parse(const of3_hits_want *want, const uint8_t *bytes, size_t size,
                                    of3_arena *arena, of3_template_hit **ret_hit, int *ret_n,
                                    of3_error *err) {
  of3_zip zip;
  of3_status status = of3_zip_parse(bytes, size, arena, &zip, err);
  if (status == OF3_OK) status = read_hits(want, &zip, arena, ret_hit, ret_n, err);
  return status == OF3_OK || !err ? status : of3_prefix(err, "'%s'", want->path);
}

/* ---- Names */

static of3_status hash_file(of3_sha256 *s, const char *path, of3_error *err) {
  of3_map map;
  OF3_TRY(of3_map_open(path, &map, err));
  of3_sha256_add(s, map.data, map.size);
  of3_map_close(&map);
  return OF3_OK;
}

of3_status of3_template_cache_path(const of3_template_request *r, of3_arena *arena, const char **ret_path,
                                   of3_error *err) {
  char sequence[OF3_SHA256_HEX], source[OF3_SHA256_HEX];
  of3_sha256 s;
  of3_sha256_init(&s);
  of3_sha256_add(&s, r->sequence, strlen(r->sequence));
  of3_sha256_hex(&s, sequence);
  of3_sha256_init(&s);
  of3_sha256_add(&s, "\0file\0", 6);
  OF3_TRY(hash_file(&s, r->hits, err));
  of3_sha256_hex(&s, source);
  const char *name = of3_arena_printf(arena, "seq-%s.aln-%s.npz", sequence, source);
  *ret_path = name ? of3_path_join(arena, r->opt_settings->cache, name) : NULL;
  return *ret_path ? OF3_OK : of3_fail_memory(err, "a cache of templates");
}

/* ---- Writing */

static void put_pairs(of3_npz_writer *w, const of3_template *t) {
  const int64_t shape[] = {t->n_pair, 2};
  of3_pickle_begin_array(w, 0, shape, 2);
  for (int i = 0; i < t->n_pair; i++) {
    const int64_t pair[] = {t->pair[i].query, t->pair[i].template_};
    uint8_t bytes[16];
    for (int k = 0; k < 16; k++) bytes[k] = (uint8_t)((uint64_t)pair[k / 8] >> 8 * (k % 8));
    of3_npz_put(w, bytes, sizeof bytes);
  }
  of3_pickle_end_array(w);
}

static of3_status write_template(of3_npz_writer *w, const of3_template *t, int index, of3_error *err) {
  of3_npz_begin(w, t->name);
  of3_npz_put_header(w, "|O", "()");
  of3_pickle_begin_object(w);
  of3_pickle_mark(w);
  of3_pickle_text(w, "index");
  of3_pickle_int(w, index);
  of3_pickle_text(w, "release_date");
  if (t->opt_date)
    of3_pickle_date(w, t->opt_date);
  else
    of3_pickle_none(w);
  of3_pickle_text(w, "idx_map");
  put_pairs(w, t);
  of3_pickle_dict(w);
  of3_pickle_end_object(w);
  return of3_npz_end(w, err);
}

of3_status of3_template_cache_write(const char *path, const of3_template *templates, int n,
                                    of3_cancel *opt_cancel, of3_error *err) {
  of3_npz_writer *w = NULL;
  of3_status status = OF3_OK;
  OF3_TRY(of3_npz_create(path, opt_cancel, &w, err));
  for (int i = 0; status == OF3_OK && i < n; i++) status = write_template(w, &templates[i], i, err);
  if (status == OF3_OK) return of3_npz_commit(w, err);
  of3_npz_abort(w);
  return status;
}
