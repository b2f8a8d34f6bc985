/* Training samples of the made-up structure of test_data (two proteins, ligands of 14, 1 and 14 atoms): what
 * the truth of a crop has, that a sample depends on its place alone, and that a step takes it. */
#define _DEFAULT_SOURCE /* mkdtemp */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/file.h"
#include "ccd/ccd_library.h"
#include "cpu/cpu.h"
#include "data/build_set.h"
#include "feat/build.h"
#include "folder.h"
#include "io/checkpoint.h"
#include "tensor/backend.h"
#include "train/sample.h"

enum { MOST = 1 << 26, TRIALS = 200 };

typedef struct sample_case {
  of3_arena *arena;
  of3_ccd_library *components;
  of3_library library;
  char path[96];
  of3_sample_source *source;
} sample_case;

static void good(of3_status status, const of3_error *err) {
  if (status != OF3_OK) fail_msg("%s", err->text);
}

static of3_sample_set set_of(const sample_case *c, int budget) {
  of3_sample_set set = OF3_SAMPLE_SET;
  set.path = c->path;
  set.crop.budget = budget;
  return set;
}

static void open_source(sample_case *c, const of3_sample_set *set, int n, of3_release release) {
  const of3_sample_options o = {.n_set = n,
                                .set = set,
                                .protocol = of3_protocol_of(release),
                                .opt_library = &c->library,
                                .most_memory = MOST};
  of3_error err = {0};
  of3_sample_source_close(c->source);
  good(of3_sample_source_open(&o, &c->source, &err), &err);
}

static int open_case(void **state) {
  static sample_case c;
  of3_error err = {0};
  of3_set_counts n;
  c = (sample_case){.arena = of3_arena_new(0)};
  snprintf(c.path, sizeof c.path, "%s/clean.of3set", (const char *)*state);
  good(of3_ccd_library_open(NULL, &c.components, &err), &err);
  c.library = of3_ccd_library_of(c.components);
  const of3_set_options o = {.folder = "tests/fixtures/data",
                             .worst_resolution = 9,
                             .most_chains = 300,
                             .most_memory = MOST,
                             .library = &c.library};
  good(of3_set_build(&o, c.path, &n, &err), &err);
  const of3_sample_set set = set_of(&c, 20);
  open_source(&c, &set, 1, OF3_RELEASE_05);
  *state = &c;
  return 0;
}

static int close_case(void **state) {
  sample_case *c = *state;
  of3_sample_source_close(c->source);
  of3_ccd_library_close(c->components);
  of3_arena_free(c->arena);
  return 0;
}

static of3_sample make(const sample_case *c, uint64_t seed, uint32_t step, uint32_t slot) {
  of3_sample s;
  of3_error err = {0};
  good(of3_sample_make(c->source, seed, step, slot, &s, &err), &err);
  return s;
}

/* ---- What a sample has */

/* Of each token of the crop the token of the truth that it is. */
static int truth_token(const of3_sample *s, int t) {
  for (int k = 0; k < s->entry.truth.f->n_token; k++)
    if (s->entry.truth.f->token_index[k] == s->crop->token_index[t]) return k;
  fail_msg("token %d of the crop is not in the truth", t);
  return -1;
}

static void check_labels(const of3_sample *s) {
  const of3_symmetric *c = &s->entry.crop, *g = &s->entry.truth;
  for (int t = 0; t < s->crop->n_token; t++) {
    const int k = truth_token(s, t);
    assert_int_equal(c->entity[t], g->entity[k]);
    assert_int_equal(c->copy[t], g->copy[k]);
    assert_int_equal(c->component[t], g->component[k]);
    assert_int_equal(c->token[t], g->token[k]);
    assert_int_equal(s->crop->num_atoms_per_token[t], s->entry.truth.f->num_atoms_per_token[k]);
    assert_int_equal(s->crop->is_ligand[t], s->entry.truth.f->is_ligand[k]);
  }
}

/* A prediction that is the truth, where that is known: the alignment finds it again. */
static void check_alignment(const of3_sample *s) {
  float *x = test_calloc((size_t)s->crop->n_atom, 3 * sizeof *x);
  int32_t *index = test_calloc((size_t)s->crop->n_atom, sizeof *index);
  of3_aligned how;
  of3_error err = {0};
  double sum = 0;
  for (int t = 0; t < s->crop->n_token; t++)
    memcpy(x + 3 * s->crop->start_atom_index[t],
           s->entry.truth_x + 3 * s->entry.truth.f->start_atom_index[truth_token(s, t)],
           3 * (size_t)s->crop->num_atoms_per_token[t] * sizeof *x);
  good(of3_align_truth(&s->entry.crop, x, &s->entry.truth, s->entry.truth_x, s->entry.resolved, &how, index,
                       &err),
       &err);
  assert_int_equal(how, OF3_ALIGNED);
  for (int a = 0; a < s->crop->n_atom; a++)
    for (int d = 0; d < 3 && s->entry.resolved[index[a]] > 0; d++)
      sum += fabs((double)x[3 * a + d] - (double)s->entry.truth_x[3 * index[a] + d]);
  assert_true(sum < 1e-3);
  test_free(x);
  test_free(index);
}

static void test_samples(void **state) {
  int kinds[4] = {0};
  for (uint32_t step = 0; step < TRIALS; step++) {
    of3_sample s = make(*state, 1, step, 0);
    assert_string_equal(s.name, "clean");
    assert_int_equal(s.n_failed, 0);
    assert_int_equal(s.crop->n_token, 20);
    assert_true(s.entry.weights.of[OF3_LOSS_PLDDT] > 0); /* 1.9 Angstrom */
    check_labels(&s);
    check_alignment(&s);
    kinds[s.kind]++;
    of3_sample_free(&s);
  }
  assert_true(kinds[OF3_CROP_CONTIGUOUS] > 0 && kinds[OF3_CROP_SPATIAL] > 0 && kinds[OF3_CROP_INTERFACE] > 0);
}

static int open_all(void **state) { return make_folder(state) || open_case(state); }

static int close_all(void **state) {
  static char folder[96];
  static void *path;
  snprintf(folder, sizeof folder, "%s", ((sample_case *)*state)->path);
  *strrchr(folder, '/') = 0;
  path = folder;
  return close_case(state) || remove_folder(&path);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_samples)};
  return cmocka_run_group_tests(tests, open_all, close_all);
}
