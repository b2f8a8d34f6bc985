/* Long work looks at the wish to stop: with the flag set before it begins, each ends with OF3_ERR_CANCELLED
 * and leaves no file. (Operations of the network: test_ops; a checkpoint's conversion: test_convert.) */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/gzip.h"
#include "base/sha256.h"
#include "base/sort.h"
#include "base/threads.h"
#include "cpu/cpu.h"
#include "dialect/dialect.h"
#include "feat/build.h"
#include "featfile/feature_file.h"
#include "model/network.h"
#include "msa/alignment.h"
#include "msa/msa.h"
#include "of3.h"
#include "of3_bench.h"
#include "score/frames.h"
#include "score/rasa.h"
#include "score/scores.h"
#include "tensor/backend.h"
#include "write/confidences.h"
#include "write/names.h"
#include "write/record.h"
#include "write/run_key.h"
#include "write/seed_files.h"
#include "write/tree.h"
#include "write_fixture.h"

#define FEATURES   "tests/fixtures/features/"
#define CHECKPOINT "tests/fixtures/parity/checkpoint_ob.safetensors"

static const volatile sig_atomic_t stop = 1;

static of3_status parse(const char *file, of3_alignment_format format, int n_col, of3_arena *arena,
                        of3_error *err) {
  const of3_alignment_want want = {.file = file, .n_col = n_col, .opt_cancel = &stop};
  of3_alignment rows;
  of3_npz_alignment *archive;
  of3_map map;
  int n;
  OF3_TRY(of3_map_open(file, &map, err));
  const char *text = (const char *)map.data;
  of3_status st =
      format == OF3_ALIGNMENT_NPZ   ? of3_npz_parse(map.data, map.size, &want, arena, &archive, &n, err)
      : format == OF3_ALIGNMENT_A3M ? of3_a3m_parse(text, map.size, &want, arena, &rows, err)
                                    : of3_stockholm_parse(text, map.size, &want, arena, &rows, err);
  of3_map_close(&map);
  return st;
}

static void test_alignments(void **state) {
  (void)state;
  of3_error err = {0};
  of3_arena *arena = of3_arena_new(0);
  assert_int_equal(parse(FEATURES "npz/ubi.npz", OF3_ALIGNMENT_NPZ, 76, arena, &err), OF3_ERR_CANCELLED);
  assert_int_equal(parse(FEATURES "folder/ubi/mgnify_hits.sto", OF3_ALIGNMENT_STOCKHOLM, 76, arena, &err),
                   OF3_ERR_CANCELLED);
  const char *path = "test_cancel.a3m";
  assert_int_equal(of3_write_file(path, ">q\nMKV\n>r\nMKV\n", 15, &err), OF3_OK);
  assert_int_equal(parse(path, OF3_ALIGNMENT_A3M, 3, arena, &err), OF3_ERR_CANCELLED);
  char *text;
  size_t n;
  assert_int_equal(of3_gunzip(path, 100, &stop, arena, &text, &n, &err), OF3_ERR_CANCELLED);
  const of3_msa_request request = {.chain = "A", .sequence = "MKV", .use_main = true, .opt_cancel = &stop};
  of3_msa msa;
  for (int scrambled = 0; scrambled < 2; scrambled++) {
    const of3_msa_rules rules = {.release = 5, .profile_scrambled = scrambled};
    assert_int_equal(of3_msa_load(&request, &rules, NULL, arena, &msa, &err), OF3_ERR_CANCELLED);
    assert_int_equal(of3_msa_finish(&msa, OF3_PROTEIN, &rules, 0, &stop, arena, &err), OF3_ERR_CANCELLED);
  }
  remove(path);
  of3_arena_free(arena);
}

static void test_features(void **state) {
  (void)state;
  of3_error err = {0};
  of3_query_set set;
  of3_complex complex;
  of3_features features;
  of3_feature_mode mode = of3_feature_mode_of(OF3_OB);
  assert_int_equal(of3_query_open("MKV", SIZE_MAX, &set, &err), OF3_OK);
  assert_int_equal(of3_complex_build(&set.query[0], NULL, NULL, &complex, &err), OF3_OK);
  mode.opt_cancel = &stop;
  assert_int_equal(of3_features_build(&complex, &set.query[0], &mode, 1, NULL, &features, &err),
                   OF3_ERR_CANCELLED);
  mode.opt_cancel = NULL;
  assert_int_equal(of3_features_build(&complex, &set.query[0], &mode, 1, NULL, &features, &err), OF3_OK);
  mode.opt_cancel = &stop;
  assert_int_equal(of3_features_reseed(&complex, &mode, 2, NULL, &features, &err), OF3_ERR_CANCELLED);
  assert_int_equal(of3_features_write("test_cancel.safetensors", &features, &stop, &err), OF3_ERR_CANCELLED);
  assert_string_equal(err.text, "interrupted; nothing was written");
  assert_false(of3_is_file("test_cancel.safetensors"));
  of3_features_free(&features);
  of3_complex_free(&complex);
  of3_query_set_free(&set);
}

static void test_scores(void **state) {
  (void)state;
  of3_error err = {0};
  fixture fx;
  of3_scores *scores;
  bool clash;
  float disorder;
  fixture_open(&fx, "dimer");
  assert_int_equal(
      of3_scores_compute(&fx.complex, &fx.features, &fx.p, OF3_OB, NULL, &stop, fx.arena, &scores, &err),
      OF3_ERR_CANCELLED);
  assert_int_equal(of3_has_clash(&fx.complex, fx.p.x, &stop, &clash, &err), OF3_ERR_CANCELLED);
  assert_int_equal(of3_disorder(&fx.complex, fx.p.x, &stop, &disorder, &err), OF3_ERR_CANCELLED);
  const of3_confidences c = {.n_atom = fx.p.n_atom,
                             .n_token = fx.p.n_token,
                             .plddt = fx.p.plddt,
                             .pde = fx.p.pde,
                             .pae = fx.p.pae,
                             .opt_cancel = &stop};
  assert_int_equal(of3_confidences_write_json("test_cancel.json", &c, &err), OF3_ERR_CANCELLED);
  assert_int_equal(of3_confidences_write_npz("test_cancel.npz", &c, true, &err), OF3_ERR_CANCELLED);
  assert_false(of3_is_file("test_cancel.json") || of3_is_file("test_cancel.npz"));
  fixture_close(&fx);
}

/* ---- Files of results */

static const char key[] = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

static void refuses_structures(const fixture *fx) {
  static const of3_structure_about about = {.version = "v", .variant = "OB", .sample = 1};
  of3_error err = {0};
  for (int format = OF3_CIF; format <= OF3_PDB; format++)
    for (int style = 0; style < 2; style++) {
      const of3_structure_about *opt_about = style ? &about : NULL;
      assert_int_equal(of3_structure_write("test_cancel.cif", (of3_structure_format)format, &fx->complex,
                                           fx->p.x, fx->p.plddt, opt_about, &stop, &err),
                       OF3_ERR_CANCELLED);
      assert_false(of3_is_file("test_cancel.cif"));
    }
  assert_int_equal(of3_record_write("test_cancel.bin", &fx->p, &stop, &err), OF3_ERR_CANCELLED);
  assert_false(of3_is_file("test_cancel.bin"));
}

/* All files of a query and seed: written, looked at, and written from their record. */
static void test_results(void **state) {
  (void)state;
  of3_error err = {0};
  fixture fx;
  of3_manifest m, found;
  of3_run_state found_state;
  char why[OF3_ERROR_TEXT];
  fixture_open(&fx, "dimer");
  refuses_structures(&fx);
  of3_scores scores[3];
  assert_true(fx.p.n_sample <= 3);
  for (int s = 0; s < fx.p.n_sample; s++) scores[s] = fixture_scores(&fx, "0.5.0", s);
  char *folder = new_folder(fx.arena), *other = new_folder(fx.arena);
  of3_seed_output o = {.folder = folder,
                       .complex = &fx.complex,
                       .seed = 1,
                       .version = "v",
                       .variant = "OB",
                       .made_from = key,
                       .opt_cancel = &stop};
  assert_int_equal(of3_seed_write(&o, &fx.p, scores, 1, fx.arena, &m, &err), OF3_ERR_CANCELLED);
  o.opt_cancel = NULL;
  if (of3_seed_write(&o, &fx.p, scores, 1, fx.arena, &m, &err) != OF3_OK) fail_msg("%s", err.text);
  assert_int_equal(of3_manifest_check(folder, &m, &stop, fx.arena, &found, &found_state, why, &err),
                   OF3_ERR_CANCELLED);
  remove(of3_path_join(fx.arena, folder, OF3_MANIFEST_NAME));
  assert_int_equal(of3_manifest_write(folder, &m, &stop, &err), OF3_ERR_CANCELLED);
  assert_false(of3_is_file(of3_path_join(fx.arena, folder, OF3_MANIFEST_NAME)));
  assert_int_equal(of3_manifest_write(folder, &m, NULL, &err), OF3_OK);
  o.folder = other;
  o.format = OF3_PDB;
  o.opt_cancel = &stop;
  assert_int_equal(of3_seed_rewrite(&o, folder, &m, 0, fx.arena, &found, &err), OF3_ERR_CANCELLED);
  assert_false(of3_is_file(of3_path_join(fx.arena, other, OF3_MANIFEST_NAME)));
  remove_folder(folder);
  remove_folder(other);
  fixture_close(&fx);
}

/* What results are made from: the bytes of alignments. */
static void test_hashes(void **state) {
  (void)state;
  of3_error err = {0};
  char hash[OF3_SHA256_HEX];
  uint64_t size;
  const char *path = FEATURES "npz/ubi.npz", *folder = FEATURES "folder/ubi";
  assert_int_equal(of3_sha256_file(path, &stop, hash, &size, &err), OF3_ERR_CANCELLED);
  for (int k = 0; k < 2; k++) {
    of3_query_chain chain = {.sequence = "MKV", .n_msa = 1, .msa_path = k ? &folder : &path};
    const of3_query query = {.name = "q", .n_chain = 1, .chain = &chain};
    of3_run_inputs in = {
        .query = &query, .checkpoint = "c", .options = "o", .version = "v", .opt_cancel = &stop};
    assert_int_equal(of3_run_key(&in, hash, &err), OF3_ERR_CANCELLED);
    in.opt_cancel = NULL;
    assert_int_equal(of3_run_key(&in, hash, &err), OF3_OK);
  }
}

/* ---- Sorting */

enum { SORTED = 50000 };

static volatile sig_atomic_t stop_later;
static int64_t compared;

static int by_value(const void *pa, const void *pb) {
  const uint32_t a = *(const uint32_t *)pa >> 8,
                 b = *(const uint32_t *)pb >> 8; /* what is left tells equal ones apart */
  if (++compared == SORTED) stop_later = 1;
  return (a > b) - (a < b);
}

static void test_sort(void **state) {
  (void)state;
  of3_error err = {0};
  uint32_t *x = malloc(SORTED * sizeof *x);
  assert_non_null(x);
  for (uint32_t n = 0; n <= SORTED; n = n < 40 ? n + 1 : n * 3 / 2) {
    for (uint32_t i = 0; i < n; i++) x[i] = (i * 2654435761u >> 12) % (n / 2 + 1) << 8 | (i & 255);
    assert_int_equal(of3_sort(x, n, sizeof *x, by_value, NULL, &err), OF3_OK);
    for (uint32_t i = 1; i < n; i++) assert_true(x[i] >> 8 >= x[i - 1] >> 8);
    for (uint32_t i = 1; i < n && n < 256; i++) assert_true(x[i] > x[i - 1]); /* stable */
  }
  for (uint32_t i = 0; i < SORTED; i++) x[i] = i * 2654435761u;
  compared = 0;
  stop_later = 0;
  assert_int_equal(of3_sort(x, SORTED, sizeof *x, by_value, &stop_later, &err), OF3_ERR_CANCELLED);
  assert_true(compared < SORTED + 2 * 4096); /* of 16 times as many */
  uint64_t sum = 0, expected = 0;
  for (uint32_t i = 0; i < SORTED; i++) sum += x[i], expected += i * 2654435761u;
  assert_true(sum == expected);
  free(x);
}

/* ---- An operation that takes long: what its threads have not begun when somebody asks to stop is left out,
 * and nobody takes what it gives for a result. */

static volatile sig_atomic_t stop_inside;
static int items_done;

static void stop_while_it_runs(void *arg, int64_t begin, int64_t end, int thread) {
  (void)arg, (void)thread;
  stop_inside = 1;
  items_done += (int)(end - begin);
}

enum { ITEMS = 1000 };

static void run_long(of3_ctx *cx, const of3_call *c, void *workspace) {
  (void)c, (void)workspace;
  of3_pool_run(cx->opt_pool, stop_while_it_runs, NULL, ITEMS);
}

static const of3_kernel *long_kernel(const of3_ctx *cx, of3_op op, of3_direction direction) {
  static const of3_kernel kernel = {.run = run_long};
  (void)cx, (void)op, (void)direction;
  return &kernel;
}

static void test_operation(void **state) {
  (void)state;
  of3_error err = {0};
  of3_ctx cx;
  of3_backend backend = of3_reference_backend;
  backend.kernel = long_kernel;
  const of3_device device = {.backend = &backend};
  of3_pool *pool = of3_pool_new(1);
  assert_non_null(pool);
  assert_int_equal(of3_ctx_open_on(&cx, &device, pool, (size_t)1 << 30, false, &err), OF3_OK);
  cx.opt_cancel = &stop_inside;
  of3_tensor *x = OF3_NEW(&cx, OF3_F32, 60000, 1024), *w = OF3_NEW(&cx, OF3_F32, 2048, 1024);
  of3_linear(&cx, x, (of3_linear_w){.w = w}, OF3_ACT_NONE); /* 63 pieces of 4e9 */
  assert_int_equal(of3_ctx_status(&cx, &err), OF3_ERR_CANCELLED);
  assert_in_range(items_done, 1, ITEMS / 50);
  of3_ctx_close(&cx);
  of3_pool_free(pool);
}

/* Loading weights, through the public interface. */
static void test_model(void **state) {
  (void)state;
  of3_error err = {0};
  of3_engine *engine = NULL;
  of3_model *model = NULL;
  of3_engine_options options = of3_engine_defaults();
  options.backend = "cpu";
  options.threads = 1;
  const of3_callbacks callbacks = {.cancel = &stop};
  assert_int_equal(of3_engine_open(&options, &callbacks, &engine, &err), OF3_OK);
  assert_int_equal(of3_model_open(engine, CHECKPOINT, &model, &err), OF3_ERR_CANCELLED);
  const of3_features_options f = {.query = "MKV", .variant = "OB", .out = "test_cancel.safetensors"};
  assert_int_equal(of3_features_export(&f, &callbacks, &err), OF3_ERR_CANCELLED);
  const of3_bench_options bench = {
      .parts = OF3_BENCH_PHASES, .tokens = 5, .msa_rows = 1, .samples = 1, .passes = 1, .steps = 1};
  of3_bench_report *report = NULL;
  assert_int_equal(of3_bench(engine, NULL, &bench, &report, &err), OF3_ERR_CANCELLED);
  of3_engine_close(engine);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_alignments), cmocka_unit_test(test_features), cmocka_unit_test(test_scores),
      cmocka_unit_test(test_results),    cmocka_unit_test(test_hashes),   cmocka_unit_test(test_sort),
      cmocka_unit_test(test_operation),  cmocka_unit_test(test_model),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
