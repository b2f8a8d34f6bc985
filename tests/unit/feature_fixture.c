#include "feature_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "featfile/feature_file.h"
#include "npy_archive.h"

const void *of3_feature_values(const of3_features *f, const of3_field *field, of3_arena *arena) {
  if (!of3_field_is_msa(field)) return of3_field_get(f, field);
  const size_t row = (size_t)f->n_token * of3_field_size(field);
  char *all = of3_arena_alloc(arena, (size_t)f->n_msa, row);
  assert_non_null(all);
  for (int r = 0; r < f->n_msa; r++) of3_field_msa_row(f, field, r, all + (size_t)r * row);
  return all;
}

static double value(const void *p, const of3_field *field, int64_t i) {
  switch (field->kind) {
  case OF3_FIELD_INDEX:
    return ((const int32_t *)p)[i];
  case OF3_FIELD_MASK:
  case OF3_FIELD_REAL:
    return (double)((const float *)p)[i];
  default:
    return ((const uint8_t *)p)[i];
  }
}

/* The array of this variant, or the one that all share. */
static bool expected(const of3_zip *zip, const char *name, of3_variant v, of3_arena *arena, npy_array *out) {
  char suffixed[100];
  snprintf(suffixed, sizeof suffixed, "%s@%s", name, of3_variant_name(v));
  return npy_read(zip, suffixed, arena, out) || npy_read(zip, name, arena, out);
}

static bool is_role(const of3_field *field) {
  return strcmp(field->name, "center_atom") == 0 || strcmp(field->name, "representative_atom") == 0 ||
         strcmp(field->name, "frame_atoms") == 0;
}

/* The pairs of a list are the ones of the reference's matrix, or there are none. */
static void check_bonds(const char *query, const of3_zip *zip, of3_variant v, const of3_features *f,
                        of3_arena *arena) {
  npy_array a;
  int64_t ones = 0;
  if (!expected(zip, "token_bonds", v, arena, &a)) {
    assert_int_equal(f->n_bond, 0);
    return;
  }
  assert_int_equal(a.count, (int64_t)f->n_token * f->n_token);
  for (int64_t k = 0; k < a.count; k++) ones += npy_get(&a, k) != 0;
  assert_int_equal(ones, 2 * f->n_bond);
  for (int k = 0; k < f->n_bond; k++)
    if (npy_get(&a, (int64_t)f->token_bonds[2 * k] * f->n_token + f->token_bonds[2 * k + 1]) != 1)
      fail_msg("%s: tokens %d and %d are not bonded in the reference", query, f->token_bonds[2 * k],
               f->token_bonds[2 * k + 1]);
}

/* Largest difference of the float features; everything else must be equal. */
double of3_compare_features(const char *query, const of3_zip *zip, of3_variant v, const of3_features *f,
                            of3_arena *arena, int *n_compared) {
  double worst = 0;
  npy_array a;
  assert_true(expected(zip, "num_paired_seqs", v, arena, &a));
  assert_int_equal(f->num_paired_seqs, (int)npy_get(&a, 0));
  check_bonds(query, zip, v, f, arena);
  for (int i = 0; i < OF3_N_FIELD; i++) {
    const of3_field *field = &of3_fields[i];
    const void *p = of3_feature_values(f, field, arena);
    if (!p || is_role(field) || strcmp(field->name, "ref_pos") == 0 || field->kind == OF3_FIELD_PAIRS)
      continue;
    if (!expected(zip, field->name, v, arena, &a)) fail_msg("%s: no %s", query, field->name);
    if (a.count != of3_field_count(f, field))
      fail_msg("%s, %s: %s has %lld elements, not %lld", query, of3_variant_name(v), field->name,
               (long long)of3_field_count(f, field), (long long)a.count);
    (*n_compared)++;
    for (int64_t k = 0; k < a.count; k++) {
      double d = fabs(value(p, field, k) - npy_get(&a, k));
      if (!(d <= (field->kind == OF3_FIELD_REAL ? 1e-6 : 0)))
        fail_msg("%s, %s: %s[%lld] is %.9g, not %.9g", query, of3_variant_name(v), field->name, (long long)k,
                 value(p, field, k), npy_get(&a, k));
      if (d > worst) worst = d;
    }
  }
  return worst;
}

bool of3_has_variant(const of3_zip *zip, of3_variant variant, of3_arena *arena) {
  npy_array a;
  return expected(zip, "asym_id", variant, arena, &a);
}

double of3_compare_positions(const of3_features *features, const of3_table *table) {
  const of3_entry *e = of3_table_find(table, "feat/ref_pos");
  double worst = 0;
  assert_non_null(e);
  assert_int_equal(e->count, 3 * features->n_atom);
  for (int64_t i = 0; i < e->count; i++) {
    float x;
    memcpy(&x, (const char *)e->data + i * 4, 4);
    worst = fmax(worst, fabs((double)(features->ref_pos[i] - x)));
  }
  return worst;
}

static bool is_reference_bond(const of3_entry *bonds, const of3_bond *b) {
  for (int64_t k = 0; k < bonds->count / 3; k++) {
    int32_t r[3];
    memcpy(r, (const char *)bonds->data + k * 12, 12);
    if (r[0] == b->a && r[1] == b->b && r[2] == b->order + (b->aromatic ? 4 : 0)) return true;
  }
  return false;
}

void of3_compare_atom_bonds(const char *query, const of3_complex *complex, const of3_table *table) {
  const of3_entry *e = of3_table_find(table, "atom/bonds");
  int n = 0;
  assert_non_null(e);
  for (int i = 0; i < complex->n_bond; i++) {
    const of3_bond *b = &complex->bond[i];
    if (!of3_bond_is_known(b)) continue;
    n++;
    if (!is_reference_bond(e, b))
      fail_msg("%s: bond %d-%d of order %d is not the reference's", query, b->a, b->b, b->order);
  }
  if (e->count != 3 * n)
    fail_msg("%s: %d bonds between atoms, the reference has %d", query, n, (int)(e->count / 3));
}
