/* Symmetry alignment (train/alignment.h): the atoms that the PyTorch oracle chooses, for whole assemblies and
 * for crops with missing parts, those included that it refuses or that have an undefined superposition; and
 * what fails. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "feat/build.h"
#include "train/alignment.h"
#include "training_fixture.h"

enum { CROP_TOKENS, CROP_ATOMS, GT_TOKENS, GT_ATOMS, CONFORMERS, PERMUTED, HOW, N_SIZE };

typedef struct assembly {
  of3_features crop, truth;
  of3_symmetric symmetric[2];
  of3_permutations *conformer;
  const float *x, *truth_x;
  const int32_t *index;
  int32_t *mine;
  float *resolved;
  int how;
} assembly;

static int64_t size_of(const training_fixture *t, int i, int what) {
  return (int64_t)fixture_number(fixture_entry(t, "sizes"), (int64_t)i * N_SIZE + what);
}

/* Where assembly i begins in tensors with `width` numbers for each of these. */
static int64_t begin_of(const training_fixture *t, int i, int what) {
  int64_t n = 0;
  for (int k = 0; k < i; k++) n += size_of(t, k, what);
  return n;
}

static const void *part(const training_fixture *t, const char *name, int64_t at) {
  const of3_entry *e = fixture_entry(t, "%s", name);
  return (const char *)e->data + (size_t)at * of3_dtype_size(e->dtype);
}

static void *side_part(const training_fixture *t, bool truth, const char *name, int64_t at) {
  char full[64];
  snprintf(full, sizeof full, "%s/%s", truth ? "gt" : "crop", name);
  return (void *)(uintptr_t)part(t, full, at);
}

static void open_side(training_fixture *t, int i, bool truth, of3_features *f, of3_symmetric *s) {
  const int n = truth ? GT_TOKENS : CROP_TOKENS;
  const int64_t at = begin_of(t, i, n);
  of3_error err = {0};
  *f = (of3_features){
      .n_token = (int)size_of(t, i, n), .n_atom = (int)size_of(t, i, n + 1), .arena = t->arena};
  f->num_atoms_per_token = side_part(t, truth, "num_atoms_per_token", at);
  f->start_atom_index = side_part(t, truth, "start_atom_index", at);
  f->token_index = side_part(t, truth, "token_index", at);
  f->is_protein = side_part(t, truth, "is_protein", at);
  f->is_ligand = f->is_atomized = side_part(t, truth, "is_ligand", at);
  f->is_rna = f->is_dna = OF3_ARENA_NEW(t->arena, uint8_t, f->n_token);
  f->restype = side_part(t, truth, "restype", at);
  f->token_mask = OF3_ARENA_NEW(t->arena, float, f->n_token);
  for (int k = 0; k < f->n_token; k++)
    f->token_mask[k] = ((const uint8_t *)side_part(t, truth, "token_mask", at))[k];
  if (of3_features_set_roles(f, &err) != OF3_OK) fail_msg("%s", err.text);
  *s = (of3_symmetric){.f = f,
                       .entity = side_part(t, truth, "mol_entity_id", at),
                       .copy = side_part(t, truth, "mol_sym_id", at),
                       .component = side_part(t, truth, "mol_sym_component_id", at),
                       .token = side_part(t, truth, "mol_sym_token_index", at)};
}

static void open_permutations(training_fixture *t, int i, assembly *a) {
  const int32_t *shape = part(t, "permutation_shapes", 2 * begin_of(t, i, CONFORMERS));
  const uint8_t *from = part(t, "permutations", begin_of(t, i, PERMUTED));
  const int n = (int)size_of(t, i, CONFORMERS);
  a->conformer = OF3_ARENA_NEW(t->arena, of3_permutations, n);
  for (int u = 0; u < n; u++) {
    const int count = shape[2 * u] * shape[2 * u + 1];
    int32_t *index = OF3_ARENA_NEW(t->arena, int32_t, count);
    for (int k = 0; k < count; k++) index[k] = *from++;
    a->conformer[u] = (of3_permutations){shape[2 * u], shape[2 * u + 1], index};
  }
  a->symmetric[0].n_conformer = n;
  a->symmetric[0].conformer = a->conformer;
}

static void open_assembly(training_fixture *t, int i, assembly *a) {
  const int64_t crop = begin_of(t, i, CROP_ATOMS), truth = begin_of(t, i, GT_ATOMS);
  open_side(t, i, false, &a->crop, &a->symmetric[0]);
  open_side(t, i, true, &a->truth, &a->symmetric[1]);
  open_permutations(t, i, a);
  a->crop.ref_space_uid = (int32_t *)(uintptr_t)part(t, "uid", crop);
  a->x = part(t, "x", 3 * crop);
  a->truth_x = part(t, "truth", 3 * truth);
  a->index = part(t, "index", crop);
  a->how = (int)size_of(t, i, HOW);
  a->mine = OF3_ARENA_NEW(t->arena, int32_t, a->crop.n_atom);
  a->resolved = OF3_ARENA_NEW(t->arena, float, a->truth.n_atom);
  for (int k = 0; k < a->truth.n_atom; k++) a->resolved[k] = ((const uint8_t *)part(t, "resolved", truth))[k];
}

static of3_aligned align(assembly *a) {
  of3_aligned how;
  of3_error err = {0};
  if (of3_align_truth(&a->symmetric[0], a->x, &a->symmetric[1], a->truth_x, a->resolved, &how, a->mine,
                      &err) != OF3_OK)
    fail_msg("%s", err.text);
  return how;
}

static void atoms_are_the_oracles(void **state) {
  training_fixture t;
  (void)state;
  open_training_fixture(&t, "alignment", NULL);
  for (int i = 0; i < fixture_entry(&t, "sizes")->shape[0]; i++) {
    assembly a;
    open_assembly(&t, i, &a);
    const of3_aligned how = align(&a);
    if ((int)how != a.how) fail_msg("assembly %d: %d, not %d", i, how, a.how);
    for (int k = 0; k < a.crop.n_atom; k++)
      if (a.mine[k] != a.index[k])
        fail_msg("assembly %d: atom %d is %d, not %d", i, k, a.mine[k], a.index[k]);
  }
  close_training_fixture(&t);
}

static void what_cannot_be_aligned(void **state) {
  training_fixture t;
  assembly a;
  (void)state;
  open_training_fixture(&t, "alignment", NULL);
  open_assembly(&t, 0, &a);
  /* nothing is resolved: by token_index */
  memset(a.resolved, 0, (size_t)a.truth.n_atom * sizeof *a.resolved);
  assert_int_equal(align(&a), OF3_ALIGNED_NAIVE);
  /* permutations that the truth does not have */
  open_assembly(&t, 0, &a);
  ((int32_t *)(uintptr_t)a.conformer[0].index)[0] = 1000;
  assert_int_equal(align(&a), OF3_ALIGNED_NAIVE);
  a.symmetric[0].n_conformer = 0;
  assert_int_equal(align(&a), OF3_ALIGNED_NAIVE);
  /* and a token that the truth does not have: not at all, and nothing is resolved then */
  int32_t *token_index = OF3_ARENA_NEW(t.arena, int32_t, a.crop.n_token);
  memcpy(token_index, a.crop.token_index, (size_t)a.crop.n_token * sizeof *token_index);
  token_index[0] = -5;
  a.crop.token_index = token_index;
  assert_int_equal(align(&a), OF3_ALIGNED_NOT);
  float *x = OF3_ARENA_NEW(t.arena, float, 3 * a.crop.n_atom),
        *resolved = OF3_ARENA_NEW(t.arena, float, a.crop.n_atom);
  of3_take_aligned(&a.crop, a.mine, a.truth_x, a.resolved, x, resolved);
  for (int k = 0; k < a.crop.n_atom; k++) assert_true(resolved[k] == 0 && x[3 * k] == 0);
  close_training_fixture(&t);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(atoms_are_the_oracles),
                                     cmocka_unit_test(what_cannot_be_aligned)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
