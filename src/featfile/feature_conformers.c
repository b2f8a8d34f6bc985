#include <string.h>

#include "feat/build.h"
#include "featfile/feature_file.h"

/* The tensors conf/ of a reference file: K atoms in C conformers. */
typedef struct conformers {
  const double *pos;        /* [K,3] */
  const int32_t *start;     /* [C+1] */
  const uint8_t *used;      /* [K] */
  const int32_t *element;   /* [K] atomic numbers */
  const float *rotation;    /* [C,3,3] row-major */
  const float *translation; /* [C,3] */
  int64_t n_atom, n_conformer;
} conformers;

/* A copy in the arena: tensors in a file start at any byte. */
static of3_status feature_conformers_copy(const of3_table *table, const char *name, of3_dtype dtype,
                                          int64_t count, of3_arena *arena, const void **ret_data,
                                          of3_error *err) {
  const of3_entry *e = of3_table_find(table, name);
  if (!e)
    return of3_fail(err, OF3_ERR_INPUT, "tensor '%s' is missing; a file of reference_features.py holds it",
                    name);
  if (e->dtype != dtype || e->count != count)
    return of3_fail(err, OF3_ERR_INPUT,
                    "tensor '%s' has %lld elements of type %s; %lld of type %s were expected", name,
                    (long long)e->count, of3_dtype_name(e->dtype), (long long)count, of3_dtype_name(dtype));
  void *data = of3_arena_alloc(arena, (size_t)count, of3_dtype_size(dtype));
  if (!data) return of3_fail_memory(err, name);
  if (count) memcpy(data, e->data, (size_t)count * of3_dtype_size(dtype));
  *ret_data = data;
  return OF3_OK;
}

static of3_status read_conformers(const of3_table *table, of3_arena *arena, conformers *out, of3_error *err) {
  const of3_entry *used = of3_table_find(table, "conf/used"), *start = of3_table_find(table, "conf/start");
  if (!used || !start || start->count < 1)
    return of3_fail(
        err, OF3_ERR_INPUT,
        "the file holds no conformers (conf/used, conf/start); reference_features.py writes them");
  int64_t k = out->n_atom = used->count, c = out->n_conformer = start->count - 1;
  const void *p[6] = {0};
  OF3_TRY(feature_conformers_copy(table, "conf/pos", OF3_F64, 3 * k, arena, &p[0], err));
  OF3_TRY(feature_conformers_copy(table, "conf/start", OF3_I32, c + 1, arena, &p[1], err));
  OF3_TRY(feature_conformers_copy(table, "conf/used", OF3_U8, k, arena, &p[2], err));
  OF3_TRY(feature_conformers_copy(table, "conf/element", OF3_I32, k, arena, &p[3], err));
  OF3_TRY(feature_conformers_copy(table, "conf/rotation", OF3_F32, 9 * c, arena, &p[4], err));
  OF3_TRY(feature_conformers_copy(table, "conf/translation", OF3_F32, 3 * c, arena, &p[5], err));
  out->pos = p[0];
  out->start = p[1];
  out->used = p[2];
  out->element = p[3];
  out->rotation = p[4];
  out->translation = p[5];
  return OF3_OK;
}

/* Conformers cover the atoms in order; the used ones are the atoms of the features, element by element. */
static of3_status feature_conformers_check(const conformers *c, const of3_features *f, of3_error *err) {
  bool ordered = c->start[0] == 0 && c->start[c->n_conformer] == c->n_atom;
  for (int64_t i = 0; i < c->n_conformer; i++) ordered = ordered && c->start[i] <= c->start[i + 1];
  if (!ordered)
    return of3_fail(err, OF3_ERR_INPUT,
                    "tensor 'conf/start' does not divide the %lld atoms of the conformers",
                    (long long)c->n_atom);
  int64_t at = 0;
  for (int64_t i = 0; i < c->n_atom; i++) {
    if (!c->used[i]) continue;
    if (at < f->n_atom && f->ref_element[at] + 1 != c->element[i])
      return of3_fail(
          err, OF3_ERR_INPUT,
          "atom %lld has atomic number %d in the query, %d in the conformers: they belong to another query",
          (long long)at, f->ref_element[at] + 1, c->element[i]);
    at++;
  }
  if (at != f->n_atom)
    return of3_fail(err, OF3_ERR_INPUT,
                    "the query has %d atoms, the conformers %lld: they belong to another query", f->n_atom,
                    (long long)at);
  return OF3_OK;
}

static float *feature_conformers_place(const conformers *c, int64_t i, float *out) {
  const float *r = c->rotation + 9 * i, *t = c->translation + 3 * i;
  double mean[3] = {0};
  int n = 0;
  for (int64_t a = c->start[i]; a < c->start[i + 1]; a++)
    if (c->used[a]) {
      for (int d = 0; d < 3; d++) mean[d] += c->pos[3 * a + d];
      n++;
    }
  for (int64_t a = c->start[i]; a < c->start[i + 1]; a++) {
    if (!c->used[a]) continue;
    const double *x = c->pos + 3 * a;
    for (int d = 0; d < 3; d++) {
      double sum = (double)t[d];
      for (int e = 0; e < 3; e++) sum += (double)r[3 * d + e] * (x[e] - mean[e] / n);
      *out++ = (float)sum;
    }
  }
  return out;
}

static of3_status use(const of3_table *table, of3_arena *arena, of3_features *features, of3_error *err) {
  conformers c = {0};
  OF3_TRY(read_conformers(table, arena, &c, err));
  OF3_TRY(feature_conformers_check(&c, features, err));
  float *out = features->ref_pos;
  for (int64_t i = 0; i < c.n_conformer; i++) out = feature_conformers_place(&c, i, out);
  return of3_features_validate(features, err);
}

of3_status of3_features_use_conformers(of3_features *features, const of3_table *table, of3_error *err) {
  of3_arena *arena = of3_arena_new(0);
  if (!arena) return of3_fail_memory(err, "the conformers");
  of3_status st = use(table, arena, features, err);
  of3_arena_free(arena);
  return st;
}
