/* Rows of main blocks and templates that a sample of training draws: how many, which, in which order, and
 * where they are in the features. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "feat/build.h"
#include "template/draw.h"

static of3_msa_draw draw_of(uint32_t step) {
  return (of3_msa_draw){.seed = 5, .step = step, .rows = true, .templates = true};
}

static int rows_of(const of3_msa_draw *draw, of3_drawn_block block, int32_t *out) {
  of3_arena *arena = of3_arena_new(0);
  of3_error err = {0};
  int32_t *row = NULL;
  int n = 0;
  assert_int_equal(of3_msa_draw_rows(draw, &block, arena, &row, &n, &err), OF3_OK);
  memcpy(out, row, (size_t)n * sizeof *out);
  of3_arena_free(arena);
  return n;
}

static void distinct(const int32_t *row, int n, int below) {
  uint8_t seen[64] = {0};
  for (int i = 0; i < n; i++) {
    assert_in_range(row[i], 0, below - 1);
    assert_int_equal(seen[row[i]], 0);
    seen[row[i]] = 1;
  }
}

static bool in_order(const int32_t *row, int n) {
  for (int i = 1; i < n; i++)
    if (row[i - 1] > row[i]) return false;
  return true;
}

/* Of `steps` draws each of n numbers was drawn so often as it should, five standard deviations allowed. */
static void evenly(const int *count, int n, double expected) {
  for (int i = 0; i < n; i++)
    if ((count[i] - expected) * (count[i] - expected) > 25 * expected)
      fail_msg("number %d of %d was drawn %d times, expected %g", i, n, count[i], expected);
}

enum { STEPS = 20000, ROWS = 10 };

/* 0.5: any number of rows, in order, the first of them kept; 0.4: as many as there is room for, mixed. */
static void test_numbers_of_rows(void **state) {
  (void)state;
  int32_t row[ROWS];
  int number[2][ROWS + 1] = {{0}}, first[2][ROWS] = {{0}}, ordered[2] = {0};
  for (uint32_t step = 0; step < STEPS; step++)
    for (int late = 0; late < 2; late++) {
      const of3_msa_draw draw = draw_of(step);
      const int n = rows_of(&draw, (of3_drawn_block){4 + late, 0, ROWS, 4, ROWS}, row);
      assert_in_range(n, 1, 4);
      distinct(row, n, ROWS);
      number[late][n]++;
      first[late][row[0]]++;
      ordered[late] += in_order(row, n);
    }
  evenly(number[0] + 1, 4, STEPS / 4.);
  evenly(number[1] + 1, 3, STEPS / 10.);
  assert_in_range(number[1][4], STEPS * 69 / 100, STEPS * 71 / 100); /* 4 to 10 were drawn */
  evenly(first[0], ROWS, STEPS / (double)ROWS);
  assert_true(first[1][0] > 5 * first[1][4]); /* most of all row 0, when rows stay in order */
  assert_int_equal(ordered[1], STEPS);
  assert_in_range(ordered[0], STEPS / 4, STEPS * 6 / 10); /* 1/4 (1 + 1/2 + 1/6 + 1/24) */
}

/* 0.3: one number for all chains, of the deepest; each mixes its own rows. */
static void test_rows_of_all_chains(void **state) {
  (void)state;
  int32_t deep[ROWS], flat[ROWS];
  int number[ROWS + 1] = {0}, mixed = 0;
  for (uint32_t step = 0; step < STEPS; step++) {
    const of3_msa_draw draw = draw_of(step);
    const int n = rows_of(&draw, (of3_drawn_block){3, 0, ROWS, ROWS, ROWS}, deep);
    const int m = rows_of(&draw, (of3_drawn_block){3, 1, 4, ROWS, ROWS}, flat);
    assert_int_equal(m, n < 4 ? n : 4);
    distinct(deep, n, ROWS);
    distinct(flat, m, 4);
    number[n]++;
    mixed += memcmp(deep, flat, (size_t)m * sizeof *deep) != 0;
  }
  evenly(number + 1, ROWS, STEPS / (double)ROWS);
  assert_true(mixed > STEPS / 2);
}

static void test_order_is_chosen(void **state) {
  (void)state;
  int32_t row[ROWS];
  int ordered = 0;
  for (uint32_t step = 0; step < 100; step++) {
    of3_msa_draw draw = draw_of(step);
    draw.keep_order = OF3_YES;
    assert_true(in_order(row, rows_of(&draw, (of3_drawn_block){4, 0, ROWS, ROWS, ROWS}, row)));
    draw.keep_order = OF3_NO;
    ordered += in_order(row, rows_of(&draw, (of3_drawn_block){5, 0, ROWS, ROWS, ROWS}, row));
  }
  assert_true(ordered < 60);
}

/* The same numbers again, others for another seed, step, slot and chain. */
static void test_keys(void **state) {
  (void)state;
  enum { MANY = 40 };
  const of3_msa_draw same = draw_of(1), seed = {.seed = 6, .step = 1}, step = draw_of(2),
                     slot = {.seed = 5, .step = 1, .slot = 1};
  const of3_msa_draw *other[] = {&same, &seed, &step, &slot, &same};
  int32_t a[MANY], b[MANY];
  of3_msa_draw_some(of3_msa_draw_stream(&same, OF3_RANDOM_MAIN_ROWS, 0), 1, MANY, MANY, a);
  distinct(a, MANY, MANY);
  for (int i = 0; i < 5; i++) {
    of3_msa_draw_some(of3_msa_draw_stream(other[i], OF3_RANDOM_MAIN_ROWS, i == 4), 1, MANY, MANY, b);
    assert_int_equal(memcmp(a, b, sizeof a) == 0, i == 0);
  }
  assert_int_equal(rows_of(&same, (of3_drawn_block){5, 0, 0, 4, 0}, a), 0);
  assert_int_equal(rows_of(&same, (of3_drawn_block){5, 0, 4, 0, 4}, a), 0);
}

/* 0.3 draws 0 .. n - 1 of n templates, later ones 0 .. n. */
static void test_templates(void **state) {
  (void)state;
  int number[2][8] = {{0}}, first[2][6] = {{0}};
  for (uint32_t step = 0; step < STEPS; step++)
    for (int late = 0; late < 2; late++) {
      const of3_msa_draw draw = draw_of(step);
      int32_t which[6], one[1];
      const int n = of3_template_draw(&draw, 3 + late, 0, 6, 4, which);
      distinct(which, n, 6);
      number[late][n]++;
      if (n) first[late][which[0]]++;
      number[late][6] += of3_template_draw(&draw, 3 + late, 1, 1, 4, one);
    }
  evenly(number[0], 4, STEPS / 6.);
  evenly(number[0] + 4, 1, STEPS / 3.);
  evenly(number[1], 4, STEPS / 7.);
  evenly(number[1] + 4, 1, STEPS * 3 / 7.);
  evenly(first[1], 6, STEPS / 7.);
  assert_int_equal(number[0][6], 0);
  assert_in_range(number[1][6], STEPS * 48 / 100, STEPS * 52 / 100);
  assert_int_equal(of3_template_draw(&(of3_msa_draw){0}, 5, 0, 0, 4, NULL), 0);
}

/* ---- In features */

#define PROTEIN "MQIFVKTLTGKTITLEVEPSDTIENVKAKIQDKEGIPPDQQRLIFAGKQLEDGRTLSDYNIQKESTLHLVLRLRGG"
static const char query_text[] =
    "{\"queries\": {\"q\": {\"chains\": [{\"molecule_type\": \"protein\", \"chain_ids\": [\"A\", \"B\"], "
    "\"sequence\": \"" PROTEIN "\", \"main_msa_file_paths\": [\"tests/fixtures/features/a3m/ubi\"]}, "
    "{\"molecule_type\": \"rna\", \"chain_ids\": \"R\", \"sequence\": \"GACU\"}]}}}";

static of3_features features_of(const of3_query *query, of3_variant variant, const of3_msa_draw *opt_draw) {
  of3_feature_mode mode = of3_feature_mode_of(variant);
  of3_complex complex = {0};
  of3_features out;
  of3_error err = {0};
  mode.no_conformers = true;
  if (opt_draw) of3_feature_mode_draw(&mode, opt_draw);
  assert_int_equal(of3_complex_build(query, NULL, NULL, &complex, &err), OF3_OK);
  assert_int_equal(of3_features_build(&complex, query, &mode, 1, NULL, &out, &err), OF3_OK);
  of3_complex_free(&complex);
  return out;
}

/* Each of the rows that are drawn is one of the others, letter by letter. */
static void is_part_of(const of3_msa_part *drawn, const of3_msa_part *all) {
  for (int r = 0; r < drawn->n_row; r++) {
    int found = 0;
    const of3_msa_row a = drawn->row[r];
    for (int s = 0; s < all->n_row; s++) {
      const of3_msa_row b = all->row[s];
      const size_t n = (size_t)a.of->n_col;
      found += memcmp(a.of->letter + (size_t)a.row * n, b.of->letter + (size_t)b.row * n, n) == 0;
    }
    assert_true(found > 0);
  }
}

static void test_features(void **state) {
  (void)state;
  of3_query_set set;
  of3_error err = {0};
  assert_int_equal(of3_query_from_json(query_text, strlen(query_text), "q", "", SIZE_MAX, &set, &err),
                   OF3_OK);
  for (int v = 0; v < OF3_N_VARIANT; v++) {
    of3_features all = features_of(&set.query[0], (of3_variant)v, NULL);
    int differ = 0, copies_differ = 0;
    for (uint32_t step = 0; step < 20; step++) {
      const of3_msa_draw draw = draw_of(step);
      of3_features drawn = features_of(&set.query[0], (of3_variant)v, &draw),
                   again = features_of(&set.query[0], (of3_variant)v, &draw);
      int deepest = 0;
      assert_int_equal(drawn.n_msa_part, 3);
      for (int p = 0; p < 3; p++) {
        const of3_msa_part *part = &drawn.msa_part[p];
        assert_int_equal(part->n_row, again.msa_part[p].n_row);
        is_part_of(part, &all.msa_part[p]);
        deepest = part->n_row > deepest ? part->n_row : deepest;
      }
      assert_int_equal(drawn.n_msa, deepest);
      differ += drawn.n_msa != all.n_msa;
      copies_differ += drawn.msa_part[0].n_row != drawn.msa_part[1].n_row;
      assert_memory_equal(drawn.profile, all.profile, (size_t)all.n_token * OF3_N_RESTYPE * sizeof(float));
      assert_int_equal(of3_features_validate(&drawn, &err), OF3_OK);
      of3_features_free(&drawn);
      of3_features_free(&again);
    }
    assert_true(differ > 15);
    assert_true(v == OF3_P1 ? copies_differ == 0 : copies_differ > 10);
    of3_features_free(&all);
  }
  of3_query_set_free(&set);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_numbers_of_rows), cmocka_unit_test(test_rows_of_all_chains),
      cmocka_unit_test(test_order_is_chosen), cmocka_unit_test(test_keys),
      cmocka_unit_test(test_templates),       cmocka_unit_test(test_features),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
