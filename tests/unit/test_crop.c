/* Crops and draws of training samples: on the made-up structure of test_data (59 tokens in five chains:
 * proteins of 9 and 12 residues, ligands of 14, 1 and 14 atoms, of which one is bonded to an asparagine of 8
 * atoms). */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ccd/ccd_library.h"
#include "data/build_set.h"
#include "data/crop.h"
#include "data/draw.h"
#include "feat/build.h"

enum { MOST = 1 << 26, TRIALS = 400 };

typedef struct crop_case {
  of3_arena *arena;
  of3_ccd_library *components;
  of3_set_entry entry;
  of3_complex complex;
  of3_tokens tokens;
  float *xyz;
  bool *resolved, *keep;
} crop_case;

static void good(of3_status status, const of3_error *err) {
  if (status != OF3_OK) fail_msg("%s", err->text);
}

static int open_case(void **state) {
  static crop_case c;
  of3_structure s;
  of3_clean clean;
  of3_clean_counts counts;
  of3_error err = {0};
  c = (crop_case){.arena = of3_arena_new(0)};
  good(of3_ccd_library_open(NULL, &c.components, &err), &err);
  static of3_library library;
  library = of3_ccd_library_of(c.components);
  good(of3_structure_read("tests/fixtures/data/clean.cif", MOST, NULL, c.arena, &s, &err), &err);
  good(of3_structure_clean(&s, &library, NULL, c.arena, &clean, &counts, &err), &err);
  good(of3_set_entry_of_structure("clean", &clean, c.arena, &c.entry, &err), &err);
  good(of3_complex_build(&c.entry.query, &library, NULL, &c.complex, &err), &err);
  good(of3_tokens_build(&c.complex, &c.tokens, &err), &err);
  c.xyz = OF3_ARENA_NEW(c.arena, float, 3 * (size_t)c.complex.n_atom);
  c.resolved = OF3_ARENA_NEW(c.arena, bool, c.complex.n_atom);
  c.keep = OF3_ARENA_NEW(c.arena, bool, c.tokens.n);
  of3_set_entry_place(&c.entry, &c.complex, c.xyz, c.resolved);
  *state = &c;
  return 0;
}

static int close_case(void **state) {
  crop_case *c = *state;
  of3_tokens_free(&c->tokens);
  of3_complex_free(&c->complex);
  of3_ccd_library_close(c->components);
  of3_arena_free(c->arena);
  return 0;
}

static of3_crop_kind crop(crop_case *c, of3_crop_rules rules, const int32_t chain[2], uint64_t seed) {
  of3_error err = {0};
  of3_crop_kind kind;
  const of3_crop_input in = {&c->complex, &c->tokens, c->xyz, c->resolved, chain};
  good(of3_crop_choose(&in, &rules, (of3_stream){seed, OF3_RANDOM_CROP, 0, 0}, c->keep, &kind, &err), &err);
  return kind;
}

static int count_kept(const crop_case *c) {
  int n = 0;
  for (int t = 0; t < c->tokens.n; t++) n += c->keep[t];
  return n;
}

static int chain_of(const crop_case *c, int token) {
  return c->complex.residue[c->tokens.token[token].residue].chain;
}

static const int32_t ALONE[] = {0, OF3_SET_NO_CHAIN};

static void test_whole(void **state) {
  crop_case *c = *state;
  assert_int_equal(c->tokens.n, 59);
  assert_int_equal(crop(c, OF3_CROP_RULES, ALONE, 1), OF3_CROP_WHOLE);
  assert_int_equal(count_kept(c), 59);
}

/* The whole budget is used, each chain has one stretch, and over many draws every token is shown. */
static void test_contiguous(void **state) {
  crop_case *c = *state;
  int shown[64] = {0};
  for (uint64_t seed = 0; seed < TRIALS; seed++) {
    const of3_crop_rules rules = {.budget = 20, .contiguous = 1, .near = 15};
    int stretches[8] = {0};
    assert_int_equal(crop(c, rules, ALONE, seed), OF3_CROP_CONTIGUOUS);
    assert_int_equal(count_kept(c), 20);
    for (int t = 0; t < c->tokens.n; t++) {
      shown[t] += c->keep[t];
      if (c->keep[t] && (t == 0 || !c->keep[t - 1] || chain_of(c, t - 1) != chain_of(c, t)))
        assert_int_equal(++stretches[chain_of(c, t)], 1);
    }
  }
  for (int t = 0; t < c->tokens.n; t++) assert_true(shown[t] > 0);
}

static double distance2(const crop_case *c, int a, int b) {
  double sum = 0;
  for (int d = 0; d < 3; d++) {
    const double x =
        (double)c->xyz[3 * c->tokens.token[a].center + d] - (double)c->xyz[3 * c->tokens.token[b].center + d];
    sum += x * x;
  }
  return sum;
}

/* Whether what is kept is what is nearest to some token of the chain. */
static bool is_around_chain(const crop_case *c, int chain) {
  for (int at = 0; at < c->tokens.n; at++) {
    double farthest_in = 0, nearest_out = 1e30;
    if (chain_of(c, at) != chain || !c->resolved[c->tokens.token[at].center]) continue;
    for (int t = 0; t < c->tokens.n; t++) {
      if (!c->resolved[c->tokens.token[t].center]) continue;
      const double d = distance2(c, at, t);
      if (c->keep[t] && d > farthest_in) farthest_in = d;
      if (!c->keep[t] && d < nearest_out) nearest_out = d;
    }
    if (farthest_in <= nearest_out) return true;
  }
  return false;
}

static void test_spatial(void **state) {
  crop_case *c = *state;
  const of3_crop_rules rules = {.budget = 10, .spatial = 1, .near = 15};
  for (uint64_t seed = 0; seed < TRIALS; seed++) {
    const int32_t chain[] = {(int32_t)(seed % 2), OF3_SET_NO_CHAIN};
    assert_int_equal(crop(c, rules, chain, seed), OF3_CROP_SPATIAL);
    assert_int_equal(count_kept(c), 10);
    assert_true(is_around_chain(c, chain[0]));
    for (int t = 0; t < c->tokens.n; t++) assert_true(!c->keep[t] || c->resolved[c->tokens.token[t].center]);
  }
}

/* Chains 0 and 2 (the sugar on its asparagine) touch; chain 1 is alone, 120 Angstrom away: a spatial crop. */
static void test_interface(void **state) {
  crop_case *c = *state;
  const of3_crop_rules rules = {.budget = 12, .interface = 1, .near = 15};
  const int32_t pair[] = {0, 2}, lonely[] = {1, OF3_SET_NO_CHAIN};
  int with_both = 0;
  for (uint64_t seed = 0; seed < TRIALS; seed++) {
    bool both[2] = {false, false};
    assert_int_equal(crop(c, rules, pair, seed), OF3_CROP_INTERFACE);
    for (int t = 0; t < c->tokens.n; t++)
      for (int k = 0; k < 2; k++) both[k] |= c->keep[t] && chain_of(c, t) == pair[k];
    assert_true(is_around_chain(c, 0) || is_around_chain(c, 2));
    with_both += both[0] && both[1];
    assert_int_equal(crop(c, rules, lonely, seed), OF3_CROP_SPATIAL);
    assert_true(is_around_chain(c, 1));
  }
  assert_true(with_both > TRIALS / 2);
}

static void test_same_seed(void **state) {
  crop_case *c = *state;
  const of3_crop_rules rules = {
      .budget = 17, .contiguous = 0.2, .spatial = 0.4, .interface = 0.4, .near = 15};
  int kinds[4] = {0}, differ = 0;
  bool *before = OF3_ARENA_NEW(c->arena, bool, c->tokens.n),
       *last = OF3_ARENA_NEW(c->arena, bool, c->tokens.n);
  for (uint64_t seed = 0; seed < TRIALS; seed++) {
    const of3_crop_kind kind = crop(c, rules, ALONE, seed);
    memcpy(before, c->keep, (size_t)c->tokens.n);
    assert_int_equal(crop(c, rules, ALONE, seed), kind);
    assert_memory_equal(before, c->keep, (size_t)c->tokens.n);
    differ += memcmp(last, before, (size_t)c->tokens.n) != 0;
    memcpy(last, before, (size_t)c->tokens.n);
    kinds[kind]++;
  }
  assert_true(differ > TRIALS / 2);
  assert_in_range(kinds[OF3_CROP_CONTIGUOUS], TRIALS * 12 / 100, TRIALS * 28 / 100);
}

/* ---- What a crop is */

/* What the network is told of a token is what it is told in the whole. */
static void test_features_of_a_crop(void **state) {
  crop_case *c = *state;
  const of3_crop_rules rules = {.budget = 30, .contiguous = 1, .near = 15};
  static of3_msa_text text = {.key = "hits", .text = ">q\nMRNCGACGG\n>h\nMRNC-ACGG\n"};
  of3_feature_mode mode = of3_feature_mode_of(OF3_OB);
  of3_features whole, part;
  of3_complex small;
  of3_query query;
  of3_error err = {0};
  int32_t *atom_of;
  mode.no_conformers = true;
  mode.most_memory = MOST;
  c->entry.query.chain[0].msa_text = &text;
  c->entry.query.chain[0].n_msa_text = 1;
  good(of3_features_build(&c->complex, &c->entry.query, &mode, 1, NULL, &whole, &err), &err);
  crop(c, rules, ALONE, 3);
  good(of3_crop_take(&c->complex, &c->tokens, c->keep, &small, &atom_of, &err), &err);
  good(of3_crop_query(&c->entry.query, &small, c->arena, &query, &err), &err);
  good(of3_features_build(&small, &query, &mode, 1, NULL, &part, &err), &err);
  assert_int_equal(part.n_token, 30);
  for (int t = 0, k = 0, last = 0; t < whole.n_token; t++) {
    if (!c->keep[t]) continue;
    assert_int_equal(part.residue_index[k], whole.residue_index[t]);
    assert_int_equal(part.entity_id[k], whole.entity_id[t]);
    if (k > 0) assert_int_equal(part.asym_id[k] == part.asym_id[k - 1], chain_of(c, t) == last);
    assert_true(part.sym_id[k] <= whole.sym_id[t]);
    last = chain_of(c, t);
    assert_int_equal(part.restype[k], whole.restype[t]);
    assert_int_equal(part.num_atoms_per_token[k], whole.num_atoms_per_token[t]);
    assert_int_equal(atom_of[part.center_atom[k]], whole.center_atom[t]);
    assert_memory_equal(part.profile + OF3_N_RESTYPE * k, whole.profile + OF3_N_RESTYPE * t,
                        OF3_N_RESTYPE * sizeof(float));
    k++;
  }
  for (int a = 0; a < part.n_atom; a++)
    assert_memory_equal(part.ref_atom_name_chars + OF3_NAME_CHARS * a,
                        whole.ref_atom_name_chars + OF3_NAME_CHARS * atom_of[a], OF3_NAME_CHARS);
  of3_features_free(&part);
  of3_features_free(&whole);
  of3_complex_free(&small);
}

/* ---- Draws */

/* How often each point is drawn, beside its weight. */
static void test_draws(void **state) {
  enum { N = 40000 };
  static const double sums[] = {1, 3, 6, 10};
  of3_draw d = {.n = 4, .sum = (double *)sums};
  int drawn[4] = {0};
  (void)state;
  for (uint32_t k = 0; k < N; k++) drawn[of3_draw_point(&d, 5, k / 7, k % 7)]++;
  for (int i = 0; i < 4; i++) {
    const double wanted = N * (sums[i] - (i ? sums[i - 1] : 0)) / 10;
    assert_in_range(drawn[i], wanted * 0.95, wanted * 1.05);
  }
  assert_int_equal(of3_draw_point(&d, 9, 3, 2), of3_draw_point(&d, 9, 3, 2));
}

#define OF_CASE(f) cmocka_unit_test_setup_teardown(f, open_case, close_case)

int main(void) {
  const struct CMUnitTest tests[] = {OF_CASE(test_whole),         OF_CASE(test_contiguous),
                                     OF_CASE(test_spatial),       OF_CASE(test_interface),
                                     OF_CASE(test_same_seed),     OF_CASE(test_features_of_a_crop),
                                     cmocka_unit_test(test_draws)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
