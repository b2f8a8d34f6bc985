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
#include "cpu/cpu.h"
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
#include "write/confidences.h"
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
  for (int scrambled = 0; scrambled < 2; scrambled++)
    assert_int_equal(of3_msa_load(&request, &(of3_msa_rules){.release = 5, .profile_scrambled = scrambled},
                                  NULL, arena, &msa, &err),
                     OF3_ERR_CANCELLED);
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
  assert_int_equal(of3_complex_build(&set.query[0], NULL, &complex, &err), OF3_OK);
  mode.opt_cancel = &stop;
  assert_int_equal(of3_features_build(&complex, &set.query[0], &mode, 1, NULL, &features, &err),
                   OF3_ERR_CANCELLED);
  mode.opt_cancel = NULL;
  assert_int_equal(of3_features_build(&complex, &set.query[0], &mode, 1, NULL, &features, &err), OF3_OK);
  assert_int_equal(of3_features_reseed(&complex, 2, &stop, &features, &err), OF3_ERR_CANCELLED);
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
      cmocka_unit_test(test_alignments),
      cmocka_unit_test(test_features),
      cmocka_unit_test(test_scores),
      cmocka_unit_test(test_model),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
