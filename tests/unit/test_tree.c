/* The output tree, the ranking, the files about a run, and what a re-run finds complete. */
#define _XOPEN_SOURCE 700
#include <ftw.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/json.h"
#include "base/printable.h"
#include "write/names.h"
#include "write/ranking.h"
#include "write/record.h"
#include "write/run_key.h"
#include "write/seed_files.h"
#include "write/replacement.h"
#include "write/tree.h"
#include "write_fixture.h"

/* A fixture written into a new folder. */
typedef struct written {
  fixture fx;
  char *out; /* the output folder; results are at home in it */
  of3_replacement stage;
  of3_seed_output o;
  of3_scores *scores;
  of3_manifest m;
} written;

static of3_status write_seed(written *w, of3_error *err) {
  return of3_seed_write(&w->o, &w->fx.p, w->scores, 1.5, w->fx.arena, &w->m, err);
}

static void open_case(written *w, const char *name, of3_structure_format format, of3_full_confidences full) {
  of3_error err = {0};
  fixture_open(&w->fx, name);
  of3_arena *arena = w->fx.arena;
  w->out = of3_path_join(arena, new_folder(arena), "deep/out");
  assert_int_equal(of3_replacement_of(w->out, w->fx.complex.name, 42, arena, &w->stage, &err), OF3_OK);
  assert_int_equal(of3_make_folder(w->stage.home, &err), OF3_OK);
  w->o = (of3_seed_output){.folder = w->stage.home,
                           .complex = &w->fx.complex,
                           .seed = 42,
                           .format = format,
                           .full = full,
                           .style = OF3_CIF_REFERENCE,
                           .made_from = "K"};
  assert_int_equal(of3_scores_compute(&w->fx.complex, &w->fx.features, &w->fx.p, OF3_OB, NULL, NULL, arena,
                                      &w->scores, &err),
                   OF3_OK);
}

static void write_case(written *w, const char *name, of3_structure_format format, of3_full_confidences full) {
  of3_error err = {0};
  open_case(w, name, format, full);
  if (write_seed(w, &err) != OF3_OK) fail_msg("%s", err.text);
}

static void clean(written *w) {
  remove_folder(of3_arena_strndup(w->fx.arena, w->out, strlen(w->out) - strlen("/deep/out")));
  fixture_close(&w->fx);
}

static void has_text(of3_arena *arena, const char *folder, const char *name, const char *wanted) {
  size_t n;
  char *found = read_all(arena, of3_path_join(arena, folder, name), &n);
  assert_string_equal(found, wanted);
}

static bool exists(of3_arena *arena, const char *folder, const char *name) {
  return of3_is_file(of3_path_join(arena, folder, name));
}

static void put(const written *w, const char *folder, const char *name, const char *text) {
  of3_error err = {0};
  assert_int_equal(of3_write_file(of3_path_join(w->fx.arena, folder, name), text, strlen(text), &err),
                   OF3_OK);
}

static void same_as_fixture(const written *w, const char *name, const char *wanted) {
  size_t n, m;
  char *found = read_all(w->fx.arena, of3_path_join(w->fx.arena, w->stage.home, name), &n);
  char *file = fixture_file(&w->fx, wanted, &m);
  assert_int_equal(n, m);
  assert_memory_equal(found, file, n);
}

static void test_files(void **state) {
  (void)state;
  static const char *const wanted[] = {"peptide5_seed_42_sample_1_model.cif",
                                       "peptide5_seed_42_sample_1_confidences.json",
                                       "peptide5_seed_42_sample_1_confidences_aggregated.json",
                                       "peptide5_seed_42_sample_1_summary_confidences.json",
                                       "peptide5_seed_42_sample_2_model.cif",
                                       "peptide5_seed_42_sample_2_confidences.json",
                                       "peptide5_seed_42_sample_2_confidences_aggregated.json",
                                       "peptide5_seed_42_sample_2_summary_confidences.json",
                                       "of3_record.bin",
                                       "timing.json"};
  written w;
  write_case(&w, "peptide5", OF3_CIF, OF3_FULL_JSON);
  assert_int_equal(w.m.n_file, 10);
  for (int k = 0; k < w.m.n_file; k++) {
    assert_string_equal(w.m.file[k].name, wanted[k]);
    assert_true(exists(w.fx.arena, w.stage.home, wanted[k]));
    assert_true(of3_is_result_name(wanted[k], "peptide5", 42));
  }
  assert_true(exists(w.fx.arena, w.stage.home, "of3_run.json"));
  has_text(w.fx.arena, w.stage.home, "timing.json", "{\n    \"runtime_s\": 1.5\n}");
  same_as_fixture(&w, wanted[4], "sample_2_model.cif");
  clean(&w);
}

static void test_other_formats(void **state) {
  (void)state;
  written w;
  write_case(&w, "peptide5", OF3_PDB, OF3_FULL_NONE);
  assert_int_equal(w.m.n_file, 8);
  assert_true(exists(w.fx.arena, w.stage.home, "peptide5_seed_42_sample_1_model.pdb"));
  assert_false(exists(w.fx.arena, w.stage.home, "peptide5_seed_42_sample_1_confidences.json"));
  clean(&w);
  open_case(&w, "peptide5", OF3_CIF_GZ, OF3_FULL_NPZ_F16);
  of3_error err = {0};
  w.o.no_record = true;
  assert_int_equal(write_seed(&w, &err), OF3_OK);
  assert_true(exists(w.fx.arena, w.stage.home, "peptide5_seed_42_sample_1_model.cif.gz"));
  assert_true(exists(w.fx.arena, w.stage.home, "peptide5_seed_42_sample_2_confidences.npz"));
  assert_false(exists(w.fx.arena, w.stage.home, "of3_record.bin"));
  clean(&w);
}

/* A PDB file that cannot be: nothing half-written, no temporary file, no list of files. */
static int count_temporary(const char *path, const struct stat *st, int kind, struct FTW *at) {
  (void)st, (void)kind, (void)at;
  return strstr(path, ".tmp-") != NULL;
}

static void test_refused(void **state) {
  (void)state;
  written w;
  of3_error err = {0};
  open_case(&w, "peptide5", OF3_PDB, OF3_FULL_JSON);
  w.fx.p.x[3 * w.fx.p.n_atom] = 1e6f; /* in the second sample */
  assert_int_equal(write_seed(&w, &err), OF3_ERR_INPUT);
  assert_true(exists(w.fx.arena, w.stage.home, "peptide5_seed_42_sample_1_model.pdb"));
  assert_false(exists(w.fx.arena, w.stage.home, "peptide5_seed_42_sample_2_model.pdb"));
  assert_false(exists(w.fx.arena, w.stage.home, "of3_run.json"));
  assert_int_equal(nftw(w.out, count_temporary, 16, FTW_PHYS), 0);
  clean(&w);
}

static void test_names(void **state) {
  (void)state;
  uint64_t seed = 0;
  assert_true(of3_is_result_name("q_seed_7_sample_12_model.cif", "q", 7));
  assert_true(of3_is_result_name("q_seed_7_sample_12_confidences.npz", "q", 7));
  assert_true(of3_is_result_name("q_seed_7_sample_12_confidences.json.tmp-4711", "q", 7));
  assert_true(of3_is_result_name("of3_run.json.tmp-0123456789abcdef", "q", 7));
  assert_false(of3_is_result_name("q_seed_7_sample_12_model.txt", "q", 7));
  assert_false(of3_is_result_name("q_seed_8_sample_12_model.cif", "q", 7));
  assert_false(of3_is_result_name("q_seed_7_sample__model.cif", "q", 7));
  assert_false(of3_is_result_name("q_seed_7_sample_12_model.cif.bak", "q", 7));
  assert_false(of3_is_result_name("timing.json.orig", "q", 7));
  assert_true(of3_is_left_in_output("ranking.tsv.tmp-12"));
  assert_false(of3_is_left_in_output("ranking.tsv"));
  assert_false(of3_is_left_in_output("mine.tmp-12"));
  assert_true(of3_is_left_in_query("q_best_model.cif.gz.tmp-12", "q"));
  assert_false(of3_is_left_in_query("q_best_model.cif.gz", "q"));
  assert_true(of3_is_seed_name("seed_18446744073709551615", &seed));
  assert_true(seed == UINT64_MAX);
  assert_false(of3_is_seed_name("seed_042", &seed));
  assert_false(of3_is_seed_name("seed_-1", &seed));
  assert_false(of3_is_seed_name("seed_", &seed));
}

/* ---- Files of other formats, from the record */

/* The files of `from` with the formats of b become those of b, byte for byte. */
static void check_rewrite(const written *a, const written *b) {
  of3_error err = {0};
  of3_manifest m;
  of3_seed_output o = b->o;
  of3_replacement stage = a->stage;
  o.folder = stage.folder;
  assert_int_equal(of3_replacement_begin(&stage, &err), OF3_OK);
  if (of3_seed_rewrite(&o, a->stage.home, &a->m, 0, a->fx.arena, &m, &err) != OF3_OK)
    fail_msg("%s", err.text);
  assert_int_equal(m.n_file, b->m.n_file);
  for (int k = 0; k < b->m.n_file; k++) {
    size_t n, wanted;
    const char *name = b->m.file[k].name;
    char *made = read_all(a->fx.arena, of3_path_join(a->fx.arena, stage.folder, name), &n);
    char *fresh = read_all(a->fx.arena, of3_path_join(a->fx.arena, b->stage.home, name), &wanted);
    if (n != wanted || memcmp(made, fresh, n) != 0) fail_msg("%s differs from that of a new run", name);
  }
  of3_replacement_drop(&stage);
  of3_replacement_close(a->out);
  assert_false(of3_is_folder(of3_path_join(a->fx.arena, a->out, OF3_STAGE_NAME)));
}

enum { N_STRUCTURE = 3, N_FULL = 4 };

static void rewrite_each(const char *name) {
  static written w[N_STRUCTURE][N_FULL];
  for (int f = 0; f < N_STRUCTURE; f++)
    for (int c = 0; c < N_FULL; c++)
      write_case(&w[f][c], name, (of3_structure_format)f, (of3_full_confidences)c);
  for (int a = 0; a < N_STRUCTURE * N_FULL; a++)
    for (int b = 0; b < N_STRUCTURE * N_FULL; b++)
      check_rewrite(&w[a / N_FULL][a % N_FULL], &w[b / N_FULL][b % N_FULL]);
  for (int k = 0; k < N_STRUCTURE * N_FULL; k++) clean(&w[k / N_FULL][k % N_FULL]);
}

static void test_rewrite(void **state) {
  (void)state;
  rewrite_each("peptide5");
  rewrite_each("dimer");
}

/* Numbers of any kind come back bit for bit, over the edges of blocks, symmetric or not. */
static void check_record(int n_token, bool symmetric) {
  enum { ATOMS = 31, SAMPLES = 3 };
  const size_t n = (size_t)n_token;
  of3_arena *arena = of3_arena_new(0);
  of3_error err = {0};
  of3_record *record = NULL;
  of3_record_size size;
  uint32_t state = 1;
  char *folder = new_folder(arena), *path = of3_path_join(arena, folder, "r");
  of3_prediction p = {.n_sample = SAMPLES, .n_token = n_token, .n_atom = ATOMS};
  p.x = OF3_ARENA_NEW(arena, float, SAMPLES * 3 * ATOMS);
  p.plddt = OF3_ARENA_NEW(arena, float, SAMPLES *ATOMS);
  p.pae = OF3_ARENA_NEW(arena, float, SAMPLES *n *n);
  p.pde = OF3_ARENA_NEW(arena, float, SAMPLES *n *n);
  for (size_t k = 0; k < SAMPLES * n * n; k++) {
    uint32_t bits[2];
    for (int b = 0; b < 2; b++) bits[b] = state = state * 1664525u + 1013904223u;
    memcpy(&p.pae[k], &bits[0], 4);
    memcpy(&p.pde[k], &bits[1], 4);
    size_t i = k / n % n, j = k % n, s = k / (n * n);
    if (symmetric && j < i) p.pde[k] = p.pde[s * n * n + j * n + i];
  }
  for (int k = 0; k < SAMPLES * 3 * ATOMS; k++) p.x[k] = -1.5f * (float)k;
  p.x[5] = NAN;
  assert_int_equal(of3_record_write(path, &p, NULL, &err), OF3_OK);
  assert_int_equal(of3_record_open(path, &record, &size, &err), OF3_OK);
  assert_int_equal(size.n_sample, SAMPLES);
  assert_int_equal(size.n_token, n_token);
  assert_int_equal(size.n_atom, ATOMS);
  of3_prediction one = {.x = OF3_ARENA_NEW(arena, float, 3 * ATOMS),
                        .plddt = OF3_ARENA_NEW(arena, float, ATOMS),
                        .pae = OF3_ARENA_NEW(arena, float, n *n),
                        .pde = OF3_ARENA_NEW(arena, float, n *n)};
  for (size_t s = 0; s < SAMPLES; s++) {
    if (of3_record_next(record, &one, &err) != OF3_OK) fail_msg("%s", err.text);
    assert_memory_equal(one.x, p.x + s * 3 * ATOMS, 3 * ATOMS * sizeof(float));
    assert_memory_equal(one.plddt, p.plddt + s * ATOMS, ATOMS * sizeof(float));
    assert_memory_equal(one.pae, p.pae + s * n * n, n * n * sizeof(float));
    assert_memory_equal(one.pde, p.pde + s * n * n, n * n * sizeof(float));
  }
  assert_int_equal(of3_record_next(record, &one, &err), OF3_ERR_INPUT); /* there are no more */
  of3_record_close(record);
  remove_folder(folder);
  of3_arena_free(arena);
}

static void test_record(void **state) {
  (void)state;
  check_record(1, true);
  check_record(7, false);
  check_record(256, true);
  check_record(256, false);
}

/* Cut and damaged records are errors, whatever the sizes that they claim. */
static void test_record_broken(void **state) {
  (void)state;
  written w;
  of3_error err = {0};
  size_t size;
  write_case(&w, "peptide5", OF3_CIF, OF3_FULL_NONE);
  char *path = of3_path_join(w.fx.arena, w.stage.home, OF3_RECORD_NAME);
  char *bytes = read_all(w.fx.arena, path, &size);
  of3_prediction one = {0};
  one.x = calloc(3 * (size_t)w.fx.p.n_atom, 4);
  one.plddt = calloc((size_t)w.fx.p.n_atom, 4);
  one.pae = calloc((size_t)w.fx.p.n_token * (size_t)w.fx.p.n_token, 4);
  one.pde = calloc((size_t)w.fx.p.n_token * (size_t)w.fx.p.n_token, 4);
  for (size_t n = 0; n < size; n += n < 64 ? 1 : 97) {
    of3_record *record = NULL;
    of3_record_size sizes;
    assert_int_equal(of3_write_file(path, bytes, n, &err), OF3_OK);
    of3_status status = of3_record_open(path, &record, &sizes, &err);
    for (int s = 0; s < w.fx.p.n_sample && status == OF3_OK; s++)
      status = of3_record_next(record, &one, &err);
    assert_int_equal(status, OF3_ERR_INPUT);
    assert_non_null(strstr(err.text, "is not the record that was written"));
    of3_record_close(record);
  }
  for (int k = 10; k < 22; k++) { /* sizes larger than the file */
    of3_record *record = NULL;
    of3_record_size sizes;
    char was = bytes[k];
    bytes[k] = 0x7f;
    assert_int_equal(of3_write_file(path, bytes, size, &err), OF3_OK);
    if (k % 4 != 2) assert_int_equal(of3_record_open(path, &record, &sizes, &err), OF3_ERR_INPUT);
    of3_record_close(record);
    bytes[k] = was;
  }
  free(one.x);
  free(one.plddt);
  free(one.pae);
  free(one.pde);
  clean(&w);
}

/* ---- The place of results */

static const char *folder_text(const written *w, const char *name) {
  char *path = of3_path_join(w->fx.arena, w->stage.home, name);
  size_t n;
  return of3_is_file(path) ? read_all(w->fx.arena, path, &n) : "";
}

static void stage_file(written *w, const char *name, const char *text) {
  of3_error err = {0};
  if (of3_replacement_begin(&w->stage, &err) != OF3_OK) fail_msg("%s", err.text);
  put(w, w->stage.folder, name, text);
}

static void test_stage(void **state) {
  (void)state;
  written w;
  of3_error err = {0};
  write_case(&w, "peptide5", OF3_CIF, OF3_FULL_NONE);
  put(&w, w.stage.home, "mine.txt", "mine");
  assert_true(of3_replacement_replaces(&w.stage));
  stage_file(&w, "timing.json", "new");
  assert_int_equal(of3_replacement_sync(&w.stage, &err), OF3_OK);
  assert_string_equal(folder_text(&w, "timing.json"), "{\n    \"runtime_s\": 1.5\n}"); /* not yet */
  assert_int_equal(of3_replacement_commit(&w.stage, &err), OF3_OK);
  assert_string_equal(folder_text(&w, "timing.json"), "new");
  assert_string_equal(folder_text(&w, "mine.txt"), "mine");
  assert_false(exists(w.fx.arena, w.stage.home, OF3_MANIFEST_NAME));
  of3_replacement_close(w.out);
  assert_false(of3_is_folder(of3_path_join(w.fx.arena, w.out, OF3_STAGE_NAME)));
  clean(&w);
}

/* What a killed process left: before and after the exchange, and between the two renames. */
static void test_stage_recover(void **state) {
  (void)state;
  written w;
  of3_error err = {0};
  write_case(&w, "peptide5", OF3_CIF, OF3_FULL_NONE);
  stage_file(&w, "timing.json", "half");
  put(&w, w.stage.folder, "of3_record.bin.tmp-77", "half");
  assert_int_equal(of3_replacement_recover(w.out, &err), OF3_OK);
  assert_string_equal(folder_text(&w, "timing.json"), "{\n    \"runtime_s\": 1.5\n}");
  assert_false(of3_is_folder(w.stage.folder));

  stage_file(&w, "of3_run.json", "old");
  put(&w, w.stage.folder, "mine.txt", "mine");
  assert_int_equal(of3_replacement_recover(w.out, &err), OF3_OK);
  assert_string_equal(folder_text(&w, "mine.txt"), "mine"); /* of others: not lost */
  assert_false(of3_is_folder(w.stage.folder));

  stage_file(&w, "timing.json", "half");
  assert_int_equal(rename(w.stage.home, w.stage.old), 0);
  assert_int_equal(of3_replacement_recover(w.out, &err), OF3_OK); /* the new ones are not complete */
  assert_string_equal(folder_text(&w, "timing.json"), "{\n    \"runtime_s\": 1.5\n}");

  stage_file(&w, "timing.json", "new");
  put(&w, w.stage.folder, "of3_run.json", "new");
  assert_int_equal(rename(w.stage.home, w.stage.old), 0);
  assert_int_equal(of3_replacement_recover(w.out, &err), OF3_OK); /* they are */
  assert_string_equal(folder_text(&w, "timing.json"), "new");
  assert_string_equal(folder_text(&w, "mine.txt"), "mine");
  assert_false(of3_is_folder(w.stage.old));
  of3_replacement_close(w.out);
  assert_false(of3_is_folder(of3_path_join(w.fx.arena, w.out, OF3_STAGE_NAME)));
  assert_int_equal(of3_replacement_recover(w.out, &err), OF3_OK);
  clean(&w);
}

/* ---- Ranking */

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
  assert_string_equal(best, folder_text(&w, "dimer_seed_42_sample_2_model.cif"));
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

/* ---- Files about the run */

static void test_summary(void **state) {
  (void)state;
  of3_str text = {0};
  of3_error err = {0};
  const of3_summary_failure failed[] = {{"zeta", "too long"}, {"alpha", "no"}, {"zeta", "too long"}};
  const of3_summary good = {.n_done = 2}, left = {.n_done = 1, .n_left = 4},
                    bad = {.n_done = 1, .n_failed = 3, .failure = failed, .n_failure = 3};
  assert_int_equal(of3_summary_text(&good, &text, &err), OF3_OK);
  assert_string_equal(text.text, "\n==================================================\n"
                                 "    PREDICTION SUMMARY (COMPLETE)    \n"
                                 "==================================================\n"
                                 "Total Queries Processed: 2\n"
                                 "  - Successful Queries:  2\n"
                                 "  - Failed Queries:      0\n"
                                 "==================================================\n");
  of3_str_clear(&text);
  assert_int_equal(of3_summary_text(&bad, &text, &err), OF3_OK);
  assert_non_null(strstr(text.text, "Total Queries Processed: 4\n"));
  assert_non_null(strstr(text.text, "  - Failed Queries:      3\n\nFailed Queries: alpha, zeta\n"
                                    "Reasons:\n  - alpha: no\n  - zeta: too long\n====="));
  of3_str_clear(&text);
  assert_int_equal(of3_summary_text(&left, &text, &err), OF3_OK);
  assert_non_null(strstr(text.text, "(INCOMPLETE)"));
  assert_non_null(strstr(text.text, "Queries Not Processed:   4\n"));
  of3_str_free(&text);
}

/* ---- Names that are no text: in files, too, nothing moves a cursor, breaks a line or turns text around. */

static const char evil[] = "a\033[2J\nb\tc\302\233d\342\200\256e\377 \303\251";
static const char evil_shown[] = "a\\x1b[2J\\x0ab\\x09c\\xc2\\x9bd\\xe2\\x80\\xaee\\xff \303\251";

static void test_printable(void **state) {
  (void)state;
  char out[128];
  assert_int_equal(of3_printable(evil, out, sizeof out), strlen(evil));
  assert_string_equal(out, evil_shown);
  for (size_t size = 1; size <= strlen(evil_shown) + 1; size++) { /* whole characters only */
    const size_t read = of3_printable(evil, out, size);
    assert_true(strlen(out) < size && strncmp(out, evil_shown, strlen(out)) == 0);
    assert_true(read <= strlen(evil) && (read == strlen(evil)) == (size > strlen(evil_shown)));
  }
  of3_error err = {0};
  assert_int_equal(of3_fail(&err, OF3_ERR_IO, "'%s'", evil), OF3_ERR_IO);
  assert_int_equal(of3_prefix(&err, "%s", evil), OF3_ERR_IO);
  of3_str text = {0};
  of3_str_add_printable(&text, evil);
  of3_str_add(&text, ": '");
  of3_str_add_printable(&text, evil);
  of3_str_add(&text, "'");
  assert_string_equal(err.text, text.text);
  of3_str_free(&text);
  const of3_summary_failure failed[] = {{evil, evil}};
  const of3_summary bad = {.n_failed = 1, .failure = failed, .n_failure = 1};
  assert_int_equal(of3_summary_text(&bad, &text, &err), OF3_OK);
  const char *at = strstr(text.text, evil_shown); /* the name among those that failed, then with its reason */
  for (int k = 0; k < 2; k++) assert_non_null(at && (at = strstr(at + 1, evil_shown)) ? at : NULL);
  assert_null(strstr(text.text, "\033"));
  of3_str_free(&text);
}

static void test_printable_files(void **state) {
  (void)state;
  of3_arena *arena = of3_arena_new(0);
  of3_error err = {0};
  int q;
  char *folder = new_folder(arena);
  of3_ranking *r = of3_ranking_new(folder);
  of3_aggregated sample = {0};
  const of3_manifest m = {.made_from = "x", .seed = 1, .n_sample = 1, .sample = &sample};
  assert_int_equal(of3_ranking_add(r, evil, &q, &err), OF3_OK);
  assert_int_equal(of3_ranking_put(r, q, &m, &err), OF3_OK);
  assert_int_equal(of3_ranking_write(r, &err), OF3_OK);
  size_t n, lines = 0;
  char *table = read_all(arena, of3_path_join(arena, folder, "ranking.tsv"), &n);
  assert_non_null(strstr(table, evil_shown));
  assert_null(strstr(table, "\033"));
  for (const char *p = table; *p; p++) lines += *p == '\n';
  assert_int_equal(lines, 2);
  of3_ranking_free(r);

  const of3_tree tree = {.folder = folder};
  const of3_setting settings[] = {
      {.key = "bad", .kind = OF3_SET_TEXT, .text = evil},
      {.key = "good", .kind = OF3_SET_TEXT, .text = "\302\233\342\200\256\177\n\303\251"}};
  assert_int_equal(of3_tree_write_settings(&tree, "s.json", settings, 2, &err), OF3_OK);
  table = read_all(arena, of3_path_join(arena, folder, "s.json"), &n);
  /* no UTF-8: as it is shown; else escapes, which read back as what they stand for */
  assert_non_null(strstr(table, "\"bad\": \"a\\\\x1b[2J"));
  assert_non_null(strstr(table, "\"good\": \"\\u009b\\u202e\\u007f\\n\303\251\""));
  json_error_t where;
  json_t *root = of3_json_load(table, n, &where);
  assert_string_equal(json_string_value(json_object_get(root, "good")), settings[1].text);
  json_decref(root);
  remove_folder(folder);
  of3_arena_free(arena);
}

/* What InferenceQuerySet.model_dump_json(indent=4) of 0.5.0 gives. */
static const char query_set_text[] =
    "{\n    \"seeds\": [\n        42\n    ],\n    \"queries\": {\n        \"dimer\": {\n"
    "            \"query_name\": \"dimer\",\n            \"chains\": [\n                {\n"
    "                    \"molecule_type\": \"PROTEIN\",\n                    \"chain_ids\": [\n"
    "                        \"B\",\n                        \"A\"\n                    ],\n"
    "                    \"description\": null,\n                    \"sequence\": \"GSH\",\n"
    "                    \"non_canonical_residues\": null,\n                    \"smiles\": null,\n"
    "                    \"ccd_codes\": null,\n                    \"paired_msa_file_paths\": null,\n"
    "                    \"main_msa_file_paths\": [\n                        \"x/\xc3\xa9.a3m\"\n            "
    "        ],\n"
    "                    \"template_alignment_file_path\": null,\n"
    "                    \"template_entry_chain_ids\": null,\n                    \"template_cif_paths\": "
    "null,\n"
    "                    \"template_cif_chain_ids\": null,\n                    \"sdf_file_path\": null,\n"
    "                    \"cyclic\": false\n                }\n            ],\n            \"use_msas\": "
    "true,\n"
    "            \"use_paired_msas\": false,\n            \"use_main_msas\": true,\n"
    "            \"covalent_bonds\": null,\n            \"pocket_constraint\": null\n        }\n    }\n}";

static void test_query_set(void **state) {
  (void)state;
  of3_arena *arena = of3_arena_new(0);
  of3_error err = {0};
  const char *id[] = {"B", "A"}, *msa[] = {"x/\xc3\xa9.a3m"};
  of3_query_chain chain = {
      .type = OF3_PROTEIN, .n_id = 2, .id = id, .sequence = "GSH", .n_msa = 1, .msa_path = msa};
  of3_query query[] = {
      {.name = "bad", .error = {.code = OF3_ERR_INPUT}},
      {.name = "dimer", .n_chain = 1, .chain = &chain, .use_msas = true, .use_main_msas = true}};
  of3_query_set set = {.n = 2, .query = query};
  of3_tree tree = {.folder = new_folder(arena)};
  const uint64_t seeds[] = {42, 4294967295u};
  set.n_seed = 1; /* those of the file do not count, but those that are used */
  set.seed = (uint64_t[]){7};
  assert_int_equal(of3_tree_write_query_set(&tree, &set, seeds, 1, &err), OF3_OK);
  has_text(arena, tree.folder, "inference_query_set.json", query_set_text);
  set.n = 1;
  assert_int_equal(of3_tree_write_query_set(&tree, &set, seeds, 2, &err), OF3_OK);
  has_text(arena, tree.folder, "inference_query_set.json",
           "{\n    \"seeds\": [\n        42,\n        4294967295\n    ],\n    \"queries\": {}\n}");
  remove_folder(tree.folder);
  of3_arena_free(arena);
}

/* What OpenFold3 after 0.5.0 reads, and of3. */
static void test_query_set_bonds(void **state) {
  (void)state;
  of3_arena *arena = of3_arena_new(0);
  of3_error err = {0};
  const char *id[] = {"B", "A"};
  of3_query_chain chain = {.type = OF3_PROTEIN, .n_id = 2, .id = id, .sequence = "GSH"};
  of3_query query = {.name = "dimer", .n_chain = 1, .chain = &chain};
  of3_query_set set = {.n = 1, .query = &query};
  of3_tree tree = {.folder = new_folder(arena)};
  const uint64_t seed = 1;
  of3_query_bond bond = {{"A", 1, "N"}, {"B", 3, "C"}};
  of3_query_atom leaving = {"B", 2, "OG"}, site = {"A", 2, NULL};
  of3_query_pocket pocket = {.ligand = "A", .n_residue = 1, .residue = &site, .max_distance = 4.5};
  query.n_bond = query.n_leaving = 1;
  query.bond = &bond;
  query.leaving = &leaving;
  query.pocket = &pocket;
  chain.number_shift = -3;
  assert_int_equal(of3_tree_write_query_set(&tree, &set, &seed, 1, &err), OF3_OK);
  json_t *file = json_load_file(of3_path_join(arena, tree.folder, "inference_query_set.json"), 0, NULL);
  json_t *one = json_object_get(json_object_get(file, "queries"), "dimer");
  char *text = json_dumps(json_object_get(one, "covalent_bonds"), JSON_COMPACT);
  assert_string_equal(text, "[[[\"A\",1,\"N\"],[\"B\",3,\"C\"]]]");
  free(text);
  text = json_dumps(json_object_get(one, "leaving_atoms"), JSON_COMPACT);
  assert_string_equal(text, "[[\"B\",2,\"OG\"]]");
  free(text);
  text = json_dumps(json_object_get(one, "pocket_constraint"), JSON_COMPACT | JSON_SORT_KEYS);
  assert_string_equal(text,
                      "{\"ligand_chain_id\":\"A\",\"max_distance\":4.5,\"pocket_residues\":[[\"A\",2]]}");
  free(text);
  one = json_array_get(json_object_get(one, "chains"), 0);
  assert_int_equal(json_integer_value(json_object_get(one, "starting_residue_number")), -2);
  json_decref(file);
  remove_folder(tree.folder);
  of3_arena_free(arena);
}

static void test_settings(void **state) {
  (void)state;
  of3_arena *arena = of3_arena_new(0);
  of3_error err = {0};
  const uint64_t seeds[] = {42, 7};
  const of3_setting settings[] = {{.key = "a.b.c", .kind = OF3_SET_INT, .i = -3},
                                  {.key = "top", .kind = OF3_SET_TEXT, .text = "x \"y\""},
                                  {.key = "a.seeds", .kind = OF3_SET_INTS, .ints = seeds, .i = 2},
                                  {.key = "a.b.on", .kind = OF3_SET_BOOL, .i = 1},
                                  {.key = "none", .kind = OF3_SET_TEXT},
                                  {.key = "half", .kind = OF3_SET_REAL, .real = 0.5}};
  of3_tree tree = {.folder = new_folder(arena)};
  assert_int_equal(of3_tree_write_settings(&tree, "c.json", settings, 6, &err), OF3_OK);
  has_text(arena, tree.folder, "c.json",
           "{\n    \"a\": {\n        \"b\": {\n            \"c\": -3,\n            \"on\": true\n        },\n"
           "        \"seeds\": [\n            42,\n            7\n        ]\n    },\n    \"top\": \"x "
           "\\\"y\\\"\",\n"
           "    \"none\": null,\n    \"half\": 0.5\n}");
  remove_folder(tree.folder);
  of3_arena_free(arena);
}

/* ---- Re-runs */

static of3_run_state check(written *w, const char *key, char *why) {
  of3_run_state state;
  of3_error err = {0};
  of3_manifest found,
      wanted = {.made_from = key, .seed = 42, .format = w->o.format, .style = w->o.style, .full = w->o.full};
  assert_int_equal(of3_manifest_check(w->stage.home, &wanted, NULL, w->fx.arena, &found, &state, why, &err),
                   OF3_OK);
  return state;
}

static void test_manifest(void **state) {
  (void)state;
  written w;
  of3_error err = {0};
  char why[OF3_ERROR_TEXT];
  open_case(&w, "peptide5", OF3_CIF, OF3_FULL_JSON);
  const char *timing = "timing.json", *good = "{\n    \"runtime_s\": 1.5\n}";
  const char *model = "peptide5_seed_42_sample_1_model.cif";
  assert_int_equal(check(&w, "K", why), OF3_RUN_MISSING);
  assert_int_equal(write_seed(&w, &err), OF3_OK);
  assert_int_equal(check(&w, "K", why), OF3_RUN_COMPLETE);
  assert_string_equal(why, "");
  assert_int_equal(check(&w, "L", why), OF3_RUN_OTHER);
  assert_true(of3_manifest_has_models(w.stage.home, &w.m) == false); /* sizes come from the file */

  put(&w, w.stage.home, timing, "{\n    \"runtime_s\": 1.6\n}");
  assert_int_equal(check(&w, "K", why), OF3_RUN_BROKEN);
  assert_non_null(strstr(why, "timing.json' is not the file that was written"));
  put(&w, w.stage.home, timing, "{");
  assert_int_equal(check(&w, "K", why), OF3_RUN_BROKEN);
  assert_non_null(strstr(why, "timing.json' has 1 bytes instead of 24"));
  unlink(of3_path_join(w.fx.arena, w.stage.home, timing));
  assert_int_equal(check(&w, "K", why), OF3_RUN_MISSING);
  assert_non_null(strstr(why, "timing.json' is missing"));
  put(&w, w.stage.home, timing, good);
  assert_int_equal(check(&w, "K", why), OF3_RUN_COMPLETE);

  /* What the record can give is written again. */
  w.o.format = OF3_PDB;
  assert_int_equal(check(&w, "K", why), OF3_RUN_REWRITE);
  assert_non_null(strstr(why, "files of other formats"));
  w.o.format = OF3_CIF;
  put(&w, w.stage.home, model, "x");
  assert_int_equal(check(&w, "K", why), OF3_RUN_REWRITE);
  assert_non_null(strstr(why, "has 1 bytes instead of"));
  put(&w, w.stage.home, OF3_RECORD_NAME, "x");
  assert_int_equal(check(&w, "K", why), OF3_RUN_BROKEN);
  w.o.no_record = true;
  assert_int_equal(write_seed(&w, &err), OF3_OK);
  assert_int_equal(check(&w, "K", why), OF3_RUN_COMPLETE);
  put(&w, w.stage.home, model, "x");
  assert_int_equal(check(&w, "K", why), OF3_RUN_BROKEN);
  clean(&w);
}

static void test_manifest_read(void **state) {
  (void)state;
  written w;
  of3_error err = {0};
  of3_manifest m;
  of3_run_state found;
  char why[OF3_ERROR_TEXT];
  open_case(&w, "peptide5", OF3_CIF_GZ, OF3_FULL_NPZ_F32);
  w.scores[1].ptm = NAN;
  assert_int_equal(write_seed(&w, &err), OF3_OK);
  assert_int_equal(of3_manifest_read(w.stage.home, w.fx.arena, &m, &found, why, &err), OF3_OK);
  assert_int_equal(found, OF3_RUN_COMPLETE);
  assert_string_equal(m.made_from, "K");
  assert_true(m.seed == 42 && m.format == OF3_CIF_GZ && m.full == OF3_FULL_NPZ_F32);
  assert_int_equal(m.n_sample, w.fx.p.n_sample);
  assert_memory_equal(&m.sample[0], &w.m.sample[0], sizeof m.sample[0]);
  assert_true(isnan(m.sample[1].ptm));
  assert_true(of3_manifest_has_models(w.stage.home, &m));
  unlink(of3_path_join(w.fx.arena, w.stage.home, "peptide5_seed_42_sample_2_model.cif.gz"));
  assert_false(of3_manifest_has_models(w.stage.home, &m));

#define LISTS                                                                                                \
  "\"made_from\": \"K\", \"seed\": 1, \"structures\": \"cif\", \"cif_style\": \"reference\", "               \
  "\"confidences\": \"none\", "
#define SAMPLE                                                                                               \
  "{\"ranking_score\": 1, \"ptm\": 1, \"iptm\": 1, \"avg_plddt\": 1, \"gpde\": 1, \"disorder\": 1, "         \
  "\"has_clash\": null}"
  static const char *const broken[] = {
      "",
      "{",
      "[]",
      "{\"made_from\": \"K\"}",
      "{" LISTS "\"samples\": [], \"files\": []}",
      "{" LISTS "\"samples\": [" SAMPLE "], \"files\": []}",
      "{" LISTS "\"samples\": [" SAMPLE "], \"files\": [1]}",
      "{" LISTS "\"samples\": [1], \"files\": [{\"name\": \"x\", \"size\": 1, \"sha256\": \"\"}]}",
      "{" LISTS "\"samples\": [" SAMPLE
      "], \"files\": [{\"name\": \"../x\", \"size\": 1, \"sha256\": \"\"}]}"};
  for (size_t k = 0; k < sizeof broken / sizeof *broken; k++) {
    put(&w, w.stage.home, OF3_MANIFEST_NAME, broken[k]);
    assert_int_equal(of3_manifest_read(w.stage.home, w.fx.arena, &m, &found, why, &err), OF3_OK);
    assert_int_equal(found, OF3_RUN_BROKEN);
    assert_true(why[0] != 0);
  }
  put(&w, w.stage.home, OF3_MANIFEST_NAME,
      "{" LISTS "\"samples\": [" SAMPLE "], \"files\": [{\"name\": \"x\", \"size\": 1, \"sha256\": \"\"}]}");
  assert_int_equal(of3_manifest_read(w.stage.home, w.fx.arena, &m, &found, why, &err), OF3_OK);
  assert_int_equal(found, OF3_RUN_COMPLETE);
  of3_manifest_file missing = {.name = "no_such_file"};
  m.n_file = 1;
  m.file = &missing;
  assert_int_equal(of3_manifest_write(w.stage.home, &m, NULL, &err), OF3_ERR_IO);
  clean(&w);
}

static void key_of(const of3_run_inputs *in, char key[OF3_KEY_TEXT]) {
  of3_error err = {0};
  if (of3_run_key(in, key, &err) != OF3_OK) fail_msg("%s", err.text);
}

/* Every change of the inputs changes the key; the place of an MSA file does not. */
static void test_key(void **state) {
  (void)state;
  of3_arena *arena = of3_arena_new(0);
  of3_error err = {0};
  char first[OF3_KEY_TEXT], key[OF3_KEY_TEXT], *folder = new_folder(arena);
  char *one = of3_path_join(arena, folder, "a.a3m"), *sub = of3_path_join(arena, folder, "sub");
  char *two = of3_path_join(arena, sub, "a.a3m");
  assert_int_equal(of3_make_folder(sub, &err), OF3_OK);
  assert_int_equal(of3_write_file(one, ">q\nGSH\n", 7, &err), OF3_OK);
  assert_int_equal(of3_write_file(two, ">q\nGSH\n", 7, &err), OF3_OK);
  const char *id[] = {"B", "A"}, *msa[] = {one};
  of3_query_chain chain = {
      .type = OF3_PROTEIN, .n_id = 2, .id = id, .sequence = "GSH", .n_msa = 1, .msa_path = msa};
  of3_query query = {.name = "q", .n_chain = 1, .chain = &chain, .use_msas = true};
  const of3_run_inputs base = {.query = &query, .checkpoint = "c", .options = "o", .version = "v"};
  key_of(&base, first);
  assert_int_equal(strlen(first), 64);

#define CHANGED(change)                                                                                      \
  do {                                                                                                       \
    of3_run_inputs in = base;                                                                                \
    change;                                                                                                  \
    key_of(&in, key);                                                                                        \
    assert_string_not_equal(key, first);                                                                     \
  } while (0)
  CHANGED(in.checkpoint = "co"; in.options = "");
  CHANGED(in.version = "w");
  CHANGED(chain.sequence = "GSA");
  chain.sequence = "GSH";
  CHANGED(id[1] = "C");
  id[1] = "A";
  CHANGED(query.use_main_msas = true);
  query.use_main_msas = false;
  CHANGED(chain.n_msa = 0);
  chain.n_msa = 1;
#undef CHANGED
  msa[0] = two;
  key_of(&base, key);
  assert_string_equal(key, first);
  assert_int_equal(of3_write_file(two, ">q\nGSA\n", 7, &err), OF3_OK);
  key_of(&base, key);
  assert_string_not_equal(key, first);
  char in_folder[OF3_KEY_TEXT];
  msa[0] = sub;
  key_of(&base, in_folder);
  assert_string_equal(in_folder, key); /* a folder is its files */
  msa[0] = "/no/such/file";
  assert_int_equal(of3_run_key(&base, key, &err), OF3_ERR_IO);
  remove_folder(folder);
  of3_arena_free(arena);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_files),
                                     cmocka_unit_test(test_other_formats),
                                     cmocka_unit_test(test_refused),
                                     cmocka_unit_test(test_names),
                                     cmocka_unit_test(test_rewrite),
                                     cmocka_unit_test(test_record),
                                     cmocka_unit_test(test_record_broken),
                                     cmocka_unit_test(test_stage),
                                     cmocka_unit_test(test_stage_recover),
                                     cmocka_unit_test(test_ranking),
                                     cmocka_unit_test(test_ranking_order),
                                     cmocka_unit_test(test_large_ranking),
                                     cmocka_unit_test(test_printable),
                                     cmocka_unit_test(test_printable_files),
                                     cmocka_unit_test(test_summary),
                                     cmocka_unit_test(test_query_set),
                                     cmocka_unit_test(test_query_set_bonds),
                                     cmocka_unit_test(test_settings),
                                     cmocka_unit_test(test_manifest),
                                     cmocka_unit_test(test_manifest_read),
                                     cmocka_unit_test(test_key)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
