#include "training_fixture.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "feat/build.h"

const of3_entry *fixture_entry(const training_fixture *t, const char *fmt, ...) {
  char name[128];
  va_list list;
  va_start(list, fmt);
  vsnprintf(name, sizeof name, fmt, list);
  va_end(list);
  const of3_entry *e = of3_table_find(&t->table, name);
  if (!e) fail_msg("the fixture has no %s", name);
  return e;
}

const float *fixture_f32(const training_fixture *t, const char *name) {
  const of3_entry *e = fixture_entry(t, "%s", name);
  assert_int_equal(e->dtype, OF3_F32);
  return e->data;
}

double fixture_number(const of3_entry *e, int64_t i) {
  switch (e->dtype) {
  case OF3_F64:
    return ((const double *)e->data)[i];
  case OF3_F32:
    return (double)((const float *)e->data)[i];
  case OF3_I32:
    return ((const int32_t *)e->data)[i];
  case OF3_I64:
    return (double)((const int64_t *)e->data)[i];
  default:
    return ((const uint8_t *)e->data)[i];
  }
}

static double deviation(const of3_entry *e, const float *x, const double *opt_y) {
  double worst = 0, largest = 0;
  for (int64_t i = 0; i < e->count; i++) {
    const double mine = opt_y ? opt_y[i] : (double)x[i], theirs = fixture_number(e, i);
    if (isnan(mine) && isnan(theirs)) continue;
    if (isnan(mine) || isnan(theirs)) return INFINITY;
    worst = fmax(worst, fabs(mine - theirs));
    largest = fmax(largest, fabs(theirs));
  }
  return worst / (largest > 0 ? largest : 1);
}

double fixture_deviation(const of3_entry *e, const float *x) { return deviation(e, x, NULL); }
double fixture_deviation_f64(const of3_entry *e, const double *x) { return deviation(e, NULL, x); }

/* The data of prefix + name, of whatever type the struct has; the table is read only, the struct's pointers
 * are not. */
static void *data_of(const training_fixture *t, const char *prefix, const char *name) {
  return (void *)(uintptr_t)fixture_entry(t, "%s%s", prefix, name)->data;
}

of3_features fixture_features(training_fixture *t, const char *prefix) {
  of3_error err = {0};
  const of3_entry *bonds = fixture_entry(t, "%stoken_bonds", prefix);
  of3_features f = {.n_token = (int)fixture_entry(t, "%stoken_mask", prefix)->count,
                    .n_atom = (int)fixture_entry(t, "%satom_mask", prefix)->count,
                    .asym_id = data_of(t, prefix, "asym_id"),
                    .restype = data_of(t, prefix, "restype"),
                    .is_protein = data_of(t, prefix, "is_protein"),
                    .is_dna = data_of(t, prefix, "is_dna"),
                    .is_rna = data_of(t, prefix, "is_rna"),
                    .is_ligand = data_of(t, prefix, "is_ligand"),
                    .is_atomized = data_of(t, prefix, "is_atomized"),
                    .token_mask = data_of(t, prefix, "token_mask"),
                    .num_atoms_per_token = data_of(t, prefix, "num_atoms_per_token"),
                    .start_atom_index = data_of(t, prefix, "start_atom_index"),
                    .atom_to_token_index = data_of(t, prefix, "atom_to_token_index"),
                    .atom_mask = data_of(t, prefix, "atom_mask"),
                    .n_bond = (int)(bonds->count / 2),
                    .token_bonds = data_of(t, prefix, "token_bonds"),
                    .arena = t->arena};
  if (of3_features_set_roles(&f, &err) != OF3_OK) fail_msg("%s", err.text);
  return f;
}

void open_training_fixture(training_fixture *t, const char *name, const char *prefix) {
  char path[128];
  of3_error err = {0};
  snprintf(path, sizeof path, "tests/fixtures/training/%s.safetensors", name);
  *t = (training_fixture){.arena = of3_arena_new(0)};
  if (of3_safetensors_open(path, &t->table, &err) != OF3_OK) fail_msg("%s", err.text);
  if (prefix) t->features = fixture_features(t, prefix);
}

void close_training_fixture(training_fixture *t) {
  of3_table_close(&t->table);
  of3_arena_free(t->arena);
}
