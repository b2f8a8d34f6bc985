/* The table of all results, and the best structure of a query. */
#define _XOPEN_SOURCE 700
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "base/file.h"
#include "write/names.h"
#include "write/ranking.h"
#include "written.h"

static void test_ranking(void **state) {
  (void)state;
  written w;
  of3_error err = {0};
  int other, q;
  write_case(&w, "dimer", OF3_CIF, OF3_FULL_NONE);
  of3_ranking *r = of3_ranking_new(w.out);
  assert_int_equal(of3_ranking_add(r, "other", &other, &err), OF3_OK);
  assert_int_equal(of3_ranking_add(r, "dimer", &q, &err), OF3_OK);
  assert_int_equal(of3_ranking_put(r, q, &w.m, &err), OF3_OK);
  assert_int_equal(of3_ranking_put(r, q, &w.m, &err), OF3_OK); /* in place of the same */
  assert_int_equal(of3_ranking_rows(r), 3);
  assert_null(of3_ranking_best(r, other));
  assert_int_equal(of3_ranking_best(r, q)->sample, 2); /* 0.0589 before 0.0338 and 0.0305 */
  char *stale = of3_path_join(w.fx.arena, w.out, "dimer/dimer_best_model.pdb");
  assert_int_equal(of3_write_file(stale, "x", 1, &err), OF3_OK);
  assert_int_equal(of3_ranking_write_best(r, q, &err), OF3_OK);
  assert_false(of3_is_file(stale));
  assert_int_equal(of3_ranking_refresh(r, &err), OF3_OK);
  assert_false(exists(w.fx.arena, w.out, OF3_RANKING_NAME));
  assert_int_equal(of3_ranking_update(r, &err), OF3_OK);
  assert_true(exists(w.fx.arena, w.out, OF3_RANKING_NAME));
  size_t n;
  const char *best = read_all(w.fx.arena, of3_path_join(w.fx.arena, w.out, "dimer/dimer_best_model.cif"), &n);
  assert_string_equal(best, result_text(&w, "dimer_seed_42_sample_2_model.cif"));
  char *table = read_all(w.fx.arena, of3_path_join(w.fx.arena, w.out, "ranking.tsv"), &n);
  const char *head =
      "query\trank\tseed\tsample\tranking_score\tptm\tiptm\tavg_plddt\tgpde\tdisorder\thas_clash\tfile\n"
      "dimer\t1\t42\t2\t0.058945\t0.035552\t";
  assert_memory_equal(table, head, strlen(head));
  assert_non_null(
      strstr(table, "\tdimer/seed_42/dimer_seed_42_sample_2_model.cif\ndimer\t2\t42\t1\t0.03382\t"));
  assert_int_equal(of3_ranking_remove_best(r, q, &err), OF3_OK);
  assert_false(exists(w.fx.arena, w.out, "dimer/dimer_best_model.cif"));
  of3_ranking_free(r);
  of3_ranking *nothing = of3_ranking_new(w.out);
  assert_int_equal(of3_ranking_refresh(nothing, &err), OF3_OK);
  assert_false(exists(w.fx.arena, w.out, OF3_RANKING_NAME));
  of3_ranking_free(nothing);
  clean(&w);
}

/* Beyond 1 MiB the table is written now and then, so that all results together take linear time, and at the
 * end. */
static void test_large_ranking(void **state) {
  (void)state;
  enum { SEEDS = 4000, SAMPLES = 5, UPDATES = 300 };
  of3_arena *arena = of3_arena_new(0);
  of3_error err = {0};
  struct stat before, after;
  int q, writes = 0;
  char *folder = new_folder(arena), *path = of3_path_join(arena, folder, "ranking.tsv");
  of3_ranking *r = of3_ranking_new(folder);
  of3_aggregated sample[SAMPLES] = {0};
  of3_manifest m = {.made_from = "x", .n_sample = SAMPLES, .sample = sample};
  assert_int_equal(of3_ranking_add(r, "query", &q, &err), OF3_OK);
  for (uint64_t seed = 0; seed < SEEDS; seed++) {
    m.seed = seed;
    for (int s = 0; s < SAMPLES; s++)
      sample[s].sample_ranking_score = (double)((seed * 5 + (uint64_t)s) * 7919 % 1000);
    assert_int_equal(of3_ranking_put(r, q, &m, &err), OF3_OK);
  }
  assert_int_equal(of3_ranking_update(r, &err), OF3_OK);
  assert_int_equal(stat(path, &before), 0);
  assert_true(before.st_size > 1 << 20);
  for (int k = 0; k < UPDATES; k++) {
    m.seed = (uint64_t)(SEEDS + k);
    assert_int_equal(of3_ranking_put(r, q, &m, &err), OF3_OK);
    assert_int_equal(of3_ranking_update(r, &err), OF3_OK);
    assert_int_equal(stat(path, &after), 0);
    writes += after.st_ino != before.st_ino || after.st_size != before.st_size;
    before = after;
  }
  assert_true(writes < UPDATES / 5); /* a tenth of the time, and none while little of it passes: measured 0 */
  assert_int_equal(of3_ranking_write(r, &err), OF3_OK);
  size_t n;
  char *table = read_all(arena, path, &n);
  const char *line = strchr(table, '\n') + 1;
  double last = INFINITY;
  int rows = 0;
  for (; *line; line = strchr(line, '\n') + 1) {
    int rank, at;
    unsigned long long seed;
    double score;
    assert_int_equal(sscanf(line, "query\t%d\t%llu\t%d\t%lf\t", &rank, &seed, &at, &score), 4);
    assert_int_equal(rank, ++rows);
    assert_true(score <= last);
    last = score;
  }
  assert_int_equal(rows, (SEEDS + UPDATES) * SAMPLES);
  of3_ranking_free(r);
  remove_folder(folder);
  of3_arena_free(arena);
}

static void test_ranking_order(void **state) {
  (void)state;
  of3_ranked row[] = {{.sample = 1, .scores = {.sample_ranking_score = NAN}},
                      {.sample = 2, .scores = {.sample_ranking_score = -99}},
                      {.seed = 2, .sample = 3, .scores = {.sample_ranking_score = 0.5, .avg_plddt = 60}},
                      {.sample = 4, .scores = {.sample_ranking_score = 0.5, .avg_plddt = 70}},
                      {.seed = 1, .sample = 5, .scores = {.sample_ranking_score = 0.5, .avg_plddt = 60}},
                      {.seed = 1, .sample = 6, .scores = {.sample_ranking_score = 0.5, .avg_plddt = 60}}};
  const int wanted[] = {4, 5, 6, 3, 2, 1};
  of3_ranked_sort(row, 6);
  for (int k = 0; k < 6; k++) assert_int_equal(row[k].sample, wanted[k]);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_ranking), cmocka_unit_test(test_large_ranking),
                                     cmocka_unit_test(test_ranking_order)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
