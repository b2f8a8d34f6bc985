/* Training samples of two made-up structures, that of test_data and the dimer
 * of tools/make_sample_fixtures.py: crops, truth and labels beside those of
 * OpenFold3's own dataset code; that a sample depends on its place alone,
 * whoever makes it; that a step takes it. */
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
#include "cpu/cpu.h"
#include "data/build_set.h"
#include "feat/build.h"
#include "folder.h"
#include "io/checkpoint.h"
#include "io/safetensors.h"
#include "rdkit/chemistry.h"
#include "rdkit/rdkit.h"
#include "tensor/backend.h"
#include "train/loader.h"
#include "train/sample_parts.h"
#include "train/validate.h"
#include "training_fixture.h"

enum { MOST = 1 << 26, TRIALS = 200 };

typedef struct sample_case {
  of3_chemistry *chemistry;
  of3_library library;
  char path[96], dimer[96]; /* of the sets */
  of3_sample_source *source;
} sample_case;

static void good(of3_status status, const of3_error *err) {
  if (status != OF3_OK) fail_msg("%s", err->text);
}

static of3_sample_set set_of(const char *path, int budget) {
  of3_sample_set set = OF3_SAMPLE_SET;
  set.path = path;
  set.crop.budget = budget;
  return set;
}

static void open_source(sample_case *c, const of3_sample_set *set, int n, of3_release release) {
  static of3_protocol protocol; /* a copy, as a recipe has one that it may change */
  protocol = *of3_protocol_of(release);
  const of3_sample_options o = {
      .n_set = n, .set = set, .protocol = &protocol, .opt_library = &c->library, .most_memory = MOST};
  of3_error err = {0};
  of3_sample_source_close(c->source);
  good(of3_sample_source_open(&o, &c->source, &err), &err);
}

static void build_set(const sample_case *c, const char *folder, const char *path) {
  const of3_set_options o = {.folder = folder,
                             .worst_resolution = 9,
                             .most_chains = 300,
                             .most_memory = MOST,
                             .library = &c->library};
  of3_set_counts n;
  of3_error err = {0};
  good(of3_set_build(&o, path, &n, &err), &err);
}

static int open_case(void **state) {
  static sample_case c;
  of3_error err = {0};
  c = (sample_case){0};
  snprintf(c.path, sizeof c.path, "%s/clean.of3set", (const char *)*state);
  snprintf(c.dimer, sizeof c.dimer, "%s/dimer.of3set", (const char *)*state);
  good(of3_chemistry_open(NULL, &c.chemistry, &err), &err);
  c.library = of3_chemistry_library(c.chemistry);
  build_set(&c, "tests/fixtures/data", c.path);
  build_set(&c, "tests/fixtures/training/structures", c.dimer);
  const of3_sample_set set = set_of(c.path, 20);
  open_source(&c, &set, 1, OF3_RELEASE_05);
  *state = &c;
  return 0;
}

static int close_case(void **state) {
  sample_case *c = *state;
  of3_sample_source_close(c->source);
  of3_chemistry_close(c->chemistry);
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

/* A prediction that is the truth, where that is known: the alignment finds it
 * again. */
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

/* ---- Crops as OpenFold3 makes them */

typedef struct answer {
  training_fixture t;
  char name[32];
} answer;

static const int32_t *ints(const answer *a, const char *what) {
  return fixture_entry(&a->t, "%s/%s", a->name, what)->data;
}

static void same_ints(const answer *a, const char *what, const int32_t *mine, int n) {
  const of3_entry *e = fixture_entry(&a->t, "%s/%s", a->name, what);
  const int32_t *theirs = e->data;
  if (e->count != n) fail_msg("%s/%s: %d, not %d", a->name, what, n, (int)e->count);
  for (int i = 0; i < n; i++)
    if (mine[i] != theirs[i])
      fail_msg("%s/%s: number %d is %d, not %d", a->name, what, i, (int)mine[i], (int)theirs[i]);
}

static void same_bytes(const answer *a, const char *what, const uint8_t *mine, int n) {
  int32_t *wide = test_calloc((size_t)n + 1, sizeof *wide);
  for (int i = 0; i < n; i++) wide[i] = mine[i];
  same_ints(a, what, wide, n);
  test_free(wide);
}

/* Numbers that tell chains or entities apart, whatever they are. */
static void same_partition(const answer *a, const char *what, const int32_t *mine, int n) {
  const int32_t *theirs = ints(a, what);
  for (int i = 0; i < n; i++)
    for (int k = 0; k < i; k++) assert_int_equal(mine[i] == mine[k], theirs[i] == theirs[k]);
}

static void same_labels(const answer *a, const char *side, const of3_symmetric *s) {
  static const char *const names[] = {"mol_entity_id", "mol_sym_id", "mol_sym_component_id",
                                      "mol_sym_token_index"};
  const int32_t *const mine[] = {s->entity, s->copy, s->component, s->token};
  for (int k = 0; k < 4; k++) {
    char what[64];
    snprintf(what, sizeof what, "%s%s", side, names[k]);
    same_ints(a, what, mine[k], s->f->n_token);
  }
}

/* Ligands are numbered by authors there, and from 1 here. */
static void same_crop(const answer *a, const of3_features *f) {
  const int n = f->n_token;
  int32_t *charge = test_calloc((size_t)f->n_atom, sizeof *charge);
  same_ints(a, "token_index", f->token_index, n);
  for (int t = 0; t < n; t++)
    if (!f->is_ligand[t]) assert_int_equal(f->residue_index[t], ints(a, "residue_index")[t]);
  same_partition(a, "asym_id", f->asym_id, n);
  same_partition(a, "entity_id", f->entity_id, n);
  same_ints(a, "sym_id", f->sym_id, n);
  same_bytes(a, "restype", f->restype, n);
  same_bytes(a, "is_protein", f->is_protein, n);
  same_bytes(a, "is_rna", f->is_rna, n);
  same_bytes(a, "is_dna", f->is_dna, n);
  same_bytes(a, "is_ligand", f->is_ligand, n);
  same_bytes(a, "is_atomized", f->is_atomized, n);
  same_ints(a, "num_atoms_per_token", f->num_atoms_per_token, n);
  same_ints(a, "bonds", f->token_bonds, 2 * f->n_bond);
  same_bytes(a, "element", f->ref_element, f->n_atom);
  same_bytes(a, "name_chars", f->ref_atom_name_chars, OF3_NAME_CHARS * f->n_atom);
  same_ints(a, "uid", f->ref_space_uid, f->n_atom);
  for (int i = 0; i < f->n_atom; i++) charge[i] = (int32_t)f->ref_charge[i];
  same_ints(a, "charge", charge, f->n_atom);
  test_free(charge);
}

static void same_truth(const answer *a, const of3_train_entry *e) {
  const of3_features *f = e->truth.f;
  const float *x = fixture_entry(&a->t, "%s/truth/x", a->name)->data,
              *resolved = fixture_entry(&a->t, "%s/truth/resolved", a->name)->data;
  same_ints(a, "truth/token_index", f->token_index, f->n_token);
  same_ints(a, "truth/num_atoms_per_token", f->num_atoms_per_token, f->n_token);
  same_bytes(a, "truth/is_ligand", f->is_ligand, f->n_token);
  for (int i = 0; i < f->n_atom; i++) {
    assert_true(e->resolved[i] == resolved[i]);
    for (int d = 0; d < 3 && resolved[i] > 0; d++) assert_true(e->truth_x[3 * i + d] == x[3 * i + d]);
  }
}

/* Without RDKit of3 knows the symmetries of standard residues alone, and the
 * truth has fewer atoms. */
static void same_permutations(const answer *a, const of3_symmetric *crop) {
  const int32_t *shape = ints(a, "permutation_shapes"), *theirs = ints(a, "permutations");
  assert_int_equal(crop->n_conformer, fixture_entry(&a->t, "%s/permutation_shapes", a->name)->shape[0]);
  for (int u = 0; u < crop->n_conformer; theirs += shape[2 * u] * shape[2 * u + 1], u++) {
    const of3_permutations *p = &crop->conformer[u];
    assert_int_equal(p->n_atom, shape[2 * u + 1]);
    if (p->n != shape[2 * u])
      fail_msg("%s: conformer %d has %d permutations, not %d", a->name, u, p->n, (int)shape[2 * u]);
    assert_memory_equal(p->index, theirs, (size_t)(p->n * p->n_atom) * sizeof *theirs);
  }
}

static bool has_rdkit(void) {
  const of3_rdkit *rdkit;
  return of3_rdkit_open(&rdkit, NULL) == OF3_OK;
}

static void compare_crop(const sample_case *c, const answer *a, int set, int entry) {
  of3_sample s;
  of3_error err = {0};
  const of3_entry *kept = fixture_entry(&a->t, "%s/keep", a->name);
  bool *keep =
      test_calloc((size_t)of3_set_row_of(of3_sample_source_set(c->source, set), entry).n_token + 1, 1);
  for (int i = 0; i < kept->count; i++) keep[((const int32_t *)kept->data)[i]] = true;
  const of3_sample_draw draw = {
      .set = set, .entry = entry, .point = -1, .opt_keep = keep, .kept_in_space = ints(a, "kind")[0] != 0};
  good(of3_sample_build(c->source, &draw, &s, &err), &err);
  same_crop(a, s.crop);
  same_labels(a, "", &s.entry.crop);
  if (has_rdkit()) {
    same_labels(a, "truth/", &s.entry.truth);
    same_truth(a, &s.entry);
    same_permutations(a, &s.entry.crop);
  }
  of3_sample_free(&s);
  test_free(keep);
}

/* All entries of a set for which there are answers; how many. */
static int compare_set(const sample_case *c, answer *a, int set) {
  enum { CROPS = 6 };
  const of3_set *all = of3_sample_source_set(c->source, set);
  int n = 0;
  for (int i = 0; i < of3_set_n_entry(all); i++) {
    of3_set_entry entry;
    of3_error err = {0};
    char key[160];
    of3_arena *arena = of3_arena_new(0);
    good(of3_set_read(all, i, arena, &entry, &err), &err);
    snprintf(key, sizeof key, "%.100s_0/keep", entry.query.name);
    const bool known = of3_table_find(&a->t.table, key) != NULL;
    for (int k = 0; known && k < CROPS; k++) {
      snprintf(a->name, sizeof a->name, "%.20s_%d", entry.query.name, k);
      compare_crop(c, a, set, i);
    }
    n += known;
    of3_arena_free(arena);
  }
  return n;
}

static void test_crops_are_openfold3s(void **state) {
  sample_case *c = *state;
  const of3_sample_set sets[] = {set_of(c->dimer, 20), set_of(c->path, 20)};
  answer a;
  open_source(c, sets, 2, OF3_RELEASE_05);
  open_training_fixture(&a.t, "samples", NULL);
  for (int set = 0; set < 2; set++) assert_int_equal(compare_set(c, &a, set), 1);
  close_training_fixture(&a.t);
}

/* The chains of a large assembly: here, one polymer, what touches it, and what
 * the sample is about. */
static void test_chains(void **state) {
  sample_case *c = *state;
  of3_sample_set set = set_of(c->dimer, 1000);
  int with_sugars = 0;
  set.crop.chains = 1;
  open_source(c, &set, 1, OF3_RELEASE_05);
  for (uint32_t step = 0; step < TRIALS; step++) {
    of3_sample s = make(c, 5, step, 0);
    int polymers = 0, ligands = 0;
    assert_int_equal(s.kind, OF3_CROP_WHOLE);
    for (int t = 0; t < s.crop->n_token; t++) {
      if (t > 0 && s.crop->asym_id[t] == s.crop->asym_id[t - 1]) continue;
      polymers += !s.crop->is_ligand[t];
      ligands += s.crop->is_ligand[t];
    }
    assert_int_equal(polymers, 1); /* they are 60 Angstrom apart */
    with_sugars += ligands >= 2;
    check_labels(&s);
    of3_sample_free(&s);
  }
  assert_true(with_sugars > TRIALS / 4);
}

/* All tokens of an entry, for validation. */
static void test_whole(void **state) {
  sample_case *c = *state;
  const of3_sample_set set = set_of(c->dimer, 20);
  of3_sample s;
  of3_error err = {0};
  open_source(c, &set, 1, OF3_RELEASE_05);
  good(of3_sample_whole(c->source, 0, 0, 1, &s, &err), &err);
  assert_string_equal(s.name, "dimer");
  assert_int_equal(s.crop->n_token, 186);
  assert_int_equal(s.entry.truth.f->n_token, 186);
  check_alignment(&s);
  of3_sample_free(&s);
}

/* ---- One sample and the next */

static bool same_sample(const of3_sample *a, const of3_sample *b) {
  const size_t n = (size_t)a->crop->n_token, atoms = (size_t)a->crop->n_atom,
               truth = (size_t)a->entry.truth.f->n_atom;
  return a->set == b->set && a->point == b->point && a->kind == b->kind && a->seed == b->seed &&
         a->crop->n_token == b->crop->n_token && a->crop->n_atom == b->crop->n_atom &&
         a->crop->n_msa == b->crop->n_msa && a->entry.truth.f->n_atom == b->entry.truth.f->n_atom &&
         memcmp(a->crop->token_index, b->crop->token_index, n * sizeof(int32_t)) == 0 &&
         memcmp(a->crop->ref_pos, b->crop->ref_pos, 3 * atoms * sizeof(float)) == 0 &&
         memcmp(a->entry.truth_x, b->entry.truth_x, 3 * truth * sizeof(float)) == 0;
}

/* The loader gives what of3_sample_make makes, for any number of threads. */
static void test_loader(void **state) {
  enum { STEPS = 6, SLOTS = 3 };
  sample_case *c = *state;
  const of3_sample_set sets[] = {set_of(c->dimer, 30), set_of(c->path, 20)};
  open_source(c, sets, 2, OF3_RELEASE_04);
  for (int threads = 1; threads <= 4; threads += 3) {
    const of3_loader_options o = {
        .source = c->source, .seed = 7, .first_step = 2, .n_slot = SLOTS, .n_thread = threads, .n_ahead = 5};
    of3_loader *loader;
    of3_error err = {0};
    good(of3_loader_open(&o, &loader, &err), &err);
    for (uint32_t i = 0; i < STEPS * SLOTS; i++) {
      of3_sample mine = make(c, 7, 2 + i / SLOTS, i % SLOTS), theirs;
      good(of3_loader_next(loader, &theirs, &err), &err);
      assert_true(same_sample(&mine, &theirs));
      of3_sample_free(&mine);
      of3_sample_free(&theirs);
    }
    assert_int_equal(of3_loader_n_failed(loader), 0);
    of3_loader_close(loader); /* with samples that nobody took */
  }
}

/* Sets are drawn by weight. */
static void test_sets(void **state) {
  sample_case *c = *state;
  of3_sample_set sets[] = {set_of(c->dimer, 30), set_of(c->path, 20)};
  int drawn[2] = {0};
  sets[0].weight = 3;
  open_source(c, sets, 2, OF3_RELEASE_031);
  for (uint32_t k = 0; k < TRIALS; k++) {
    of3_sample s = make(c, 3, k / 4, k % 4);
    assert_true(s.all_rows);
    drawn[s.set]++;
    of3_sample_free(&s);
  }
  assert_in_range(drawn[0], TRIALS * 65 / 100, TRIALS * 85 / 100);
}

/* ---- What cannot be used */

/* A set whose only entry has no atom with coordinates near its points cannot be
 * made; here, one whose ligand is in no dictionary any more. */
static void test_nothing_to_use(void **state) {
  sample_case *c = *state;
  const of3_sample_set set = set_of(c->path, 20);
  const of3_sample_options o = {
      .n_set = 1, .set = &set, .protocol = of3_protocol_of(OF3_RELEASE_05), .most_memory = MOST};
  of3_sample_source *source;
  of3_sample s;
  of3_error err = {0};
  good(of3_sample_source_open(&o, &source, &err), &err);
  assert_int_equal(of3_sample_make(source, 1, 2, 3, &s, &err), OF3_ERR_INPUT);
  assert_non_null(strstr(err.text, "step 2, sample 3: none of 64"));
  assert_null(s.arena);
  of3_sample_source_close(source);
}

/* ---- A step */

static void test_a_step_takes_it(void **state) {
  sample_case *c = *state;
  const of3_sample_set set = set_of(c->path, 20);
  of3_device device;
  of3_ctx cx;
  of3_checkpoint checkpoint;
  of3_trainer trainer;
  of3_entry_result result;
  of3_step_result step;
  of3_error err = {0};
  const of3_backend *backend;
  const of3_protocol *protocol = of3_protocol_of(OF3_RELEASE_05);
  of3_trainer_options o = of3_trainer_defaults(protocol, OF3_STAGE_INITIAL);
  o.n_copy = 2;
  o.n_rollout_step = 2;
  good(of3_cpu_backend("auto", OF3_F32, &backend, &err), &err);
  good(of3_device_open(&device, backend, 0, &err), &err);
  good(of3_ctx_open(&cx, &device, 2, (size_t)4 << 30, false, &err), &err);
  good(of3_checkpoint_open("tests/fixtures/parity/checkpoint_ob.safetensors", SIZE_MAX, &checkpoint, &err),
       &err);
  good(of3_trainer_open(&cx, &checkpoint.weights, &o, &trainer, &err), &err);
  open_source(c, &set, 1, OF3_RELEASE_05);
  of3_sample s = make(c, 1, 1, 0);
  const of3_train_draw draw = {.n_cycle = 2, .random = of3_sample_random(&s)};
  good(of3_trainer_entry(&trainer, &s.entry, &draw, &result, &err), &err);
  assert_int_equal(result.aligned, OF3_ALIGNED);
  assert_true(isfinite(result.loss.total) && isfinite(result.norm) && result.norm > 0);
  good(of3_trainer_step(&trainer, &step, &err), &err);
  assert_true(step.entries == 1);
  of3_sample_free(&s);
  of3_trainer_close(&trainer);
  of3_checkpoint_close(&checkpoint);
  of3_ctx_close(&cx);
  of3_device_close(&device);
}

/* ---- A validation */

/* The lDDT of the structure that the network gives, compared by hand. */
static double lddt_of(of3_ctx *cx, const of3_network *net, const of3_sample *s, const of3_fold_options *o) {
  const of3_random_source random = of3_sample_random(s);
  const size_t n = (size_t)s->crop->n_atom;
  of3_prediction p;
  of3_metric_values values;
  of3_aligned how;
  of3_error err = {0};
  int32_t *index = test_calloc(n, sizeof *index);
  float *truth = test_calloc(3 * n, sizeof *truth), *resolved = test_calloc(n, sizeof *resolved);
  good(of3_fold(cx, net, s->crop, o, &random, NULL, &p, &err), &err);
  good(of3_align_truth(&s->entry.crop, p.x, &s->entry.truth, s->entry.truth_x, s->entry.resolved, &how, index,
                       &err),
       &err);
  of3_take_aligned(s->crop, index, s->entry.truth_x, s->entry.resolved, truth, resolved);
  const of3_metric_case c = {.f = s->crop, .truth = truth, .resolved = resolved, .x = p.x};
  good(of3_sample_metrics(&c, &values, &err), &err);
  of3_prediction_free(&p);
  test_free(index);
  test_free(truth);
  test_free(resolved);
  return values.of[OF3_METRIC_lddt_intra_protein];
}

/* Of a protein, as its truth has it. */
static bool has_unresolved_residue(const of3_sample *s) {
  const of3_features *f = s->crop;
  for (int r = 0; r < s->complex.n_residue; r++) {
    const of3_residue *residue = &s->complex.residue[r];
    bool resolved = false;
    for (int a = residue->first_atom; a < residue->first_atom + residue->n_atom; a++) {
      const int t = f->atom_to_token_index[a], k = truth_token(s, t);
      const int first = s->entry.truth.f->start_atom_index[k];
      resolved |= s->entry.resolved[first + a - f->start_atom_index[t]] != 0;
    }
    if (s->complex.chain[residue->chain].type == OF3_PROTEIN && !resolved) return true;
  }
  return false;
}

static void validate_with(of3_ctx *cx, const of3_network *net, const of3_sample *s, int samples) {
  const of3_fold_options o = {.n_cycle = 1, .n_step = 3, .n_sample = samples};
  of3_metric_means means = {0};
  double out[OF3_N_VALIDATION];
  bool counts;
  of3_error err = {0};
  good(of3_validate_sample(cx, net, s, &o, &means, &counts, &err), &err);
  assert_true(counts);
  of3_metric_means_result(&means, OF3_SELECT_INITIAL, false, out);
  const double lddt = out[OF3_METRIC_lddt_intra_protein];
  assert_true(lddt >= 0 && lddt <= 1 && isfinite(out[OF3_VALIDATION_SELECTION]));
  assert_true(out[OF3_METRIC_plddt_complex] > 0 && out[OF3_METRIC_plddt_complex] < 1);
  assert_int_equal(isnan(out[OF3_METRIC_rasa]) != 0, !has_unresolved_residue(s));
  if (samples == 1) assert_true(lddt == lddt_of(cx, net, s, &o));
}

static void test_a_validation_takes_it(void **state) {
  sample_case *c = *state;
  const of3_sample_set set[] = {set_of(c->dimer, 20), set_of(c->path, 20)};
  of3_device device;
  of3_ctx cx;
  of3_checkpoint checkpoint;
  of3_network net;
  of3_sample s;
  of3_error err = {0};
  const of3_backend *backend;
  good(of3_cpu_backend("auto", OF3_F32, &backend, &err), &err);
  good(of3_device_open(&device, backend, 0, &err), &err);
  good(of3_ctx_open(&cx, &device, 2, (size_t)4 << 30, false, &err), &err);
  good(of3_checkpoint_open("tests/fixtures/parity/checkpoint_ob.safetensors", SIZE_MAX, &checkpoint, &err),
       &err);
  good(of3_network_bind(&cx, &checkpoint.weights, &net, &err), &err);
  open_source(c, set, 2, OF3_RELEASE_05);
  for (int i = 0; i < 2; i++) {
    good(of3_sample_whole(c->source, i, 0, 7, &s, &err), &err);
    validate_with(&cx, &net, &s, 1);
    validate_with(&cx, &net, &s, 3);
    of3_sample_free(&s);
  }
  of3_network_free(&net);
  of3_checkpoint_close(&checkpoint);
  of3_ctx_close(&cx);
  of3_device_close(&device);
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

/* test_sample FILE SET [CCD]: answers of make_sample_fixtures.py --structures, a set of these structures, and
 * the dictionary that it was made with. */
static const char *elsewhere[3];

static void compare_elsewhere(void **state) {
  sample_case c = {0};
  answer a = {0};
  of3_error err = {0};
  const of3_sample_set set = set_of(elsewhere[1], 20);
  (void)state;
  good(of3_chemistry_open(elsewhere[2], &c.chemistry, &err), &err);
  c.library = of3_chemistry_library(c.chemistry);
  open_source(&c, &set, 1, OF3_RELEASE_05);
  good(of3_safetensors_open(elsewhere[0], &a.t.table, &err), &err);
  printf("%d entries of %d have the answers of OpenFold3\n", compare_set(&c, &a, 0),
         of3_set_n_entry(of3_sample_source_set(c.source, 0)));
  of3_table_close(&a.t.table);
  of3_sample_source_close(c.source);
  of3_chemistry_close(c.chemistry);
}

int main(int argc, char **argv) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_samples),
                                     cmocka_unit_test(test_crops_are_openfold3s),
                                     cmocka_unit_test(test_loader),
                                     cmocka_unit_test(test_sets),
                                     cmocka_unit_test(test_chains),
                                     cmocka_unit_test(test_whole),
                                     cmocka_unit_test(test_nothing_to_use),
                                     cmocka_unit_test(test_a_step_takes_it),
                                     cmocka_unit_test(test_a_validation_takes_it)};
  const struct CMUnitTest other[] = {cmocka_unit_test(compare_elsewhere)};
  if (argc < 3) return cmocka_run_group_tests(tests, open_all, close_all);
  for (int i = 1; i < argc && i < 4; i++) elsewhere[i - 1] = argv[i];
  return cmocka_run_group_tests(other, NULL, NULL);
}
