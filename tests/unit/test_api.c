/* The public interface, used as a program outside would use it. */
#define _DEFAULT_SOURCE /* mkdtemp */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "of3.h"
#include "folder.h"

static const char checkpoint[] = "tests/fixtures/parity/checkpoint_ob.safetensors";

/* Python 3: random.seed(start); [random.randint(0, 2**32 - 1) for _ in range(n)] */
static void reference_seeds_are_pythons(void **state) {
  static const uint64_t from_42[] = {2746317213, 1181241943, 958682846, 3163119785,
                                     1812140441, 127978094,  939042955, 2340505846};
  static const uint64_t from_7[] = {647892279, 2795742288, 2301595691};
  static uint64_t seed[1000], again[8];
  (void)state;
  of3_reference_seeds(42, 1000, seed); /* beyond one state of the generator */
  assert_memory_equal(seed, from_42, sizeof from_42);
  assert_int_equal(seed[999], 3536306171U);
  of3_reference_seeds(42, 8, again);
  assert_memory_equal(again, from_42, sizeof from_42);
  of3_reference_seeds(7, 3, seed);
  assert_memory_equal(seed, from_7, sizeof from_7);
}

static void engine_refuses_what_it_cannot(void **state) {
  of3_engine *engine = (of3_engine *)1;
  of3_error err = {0};
  (void)state;
  of3_engine_options o = of3_engine_defaults();
  o.backend = "cuda";
  assert_int_equal(of3_engine_open(&o, NULL, &engine, &err), OF3_ERR_UNSUPPORTED);
  assert_null(engine);
  assert_non_null(strstr(err.text, "cpu"));
  o = of3_engine_defaults();
  o.dtype = "f8";
  assert_int_equal(of3_engine_open(&o, NULL, &engine, &err), OF3_ERR_UNSUPPORTED);
  o.backend = "cpu";
  o.dtype = "f16";
  assert_int_equal(of3_engine_open(&o, NULL, &engine, &err), OF3_ERR_USAGE);
  o = of3_engine_defaults();
  o.isa = "mmx";
  assert_int_equal(of3_engine_open(&o, NULL, &engine, &err), OF3_ERR_USAGE);
  o = of3_engine_defaults();
  o.threads = -1;
  assert_int_equal(of3_engine_open(&o, NULL, &engine, &err), OF3_ERR_USAGE);
  of3_engine_close(NULL);
}

static void info_reads_no_weights(void **state) {
  of3_model_info *info = NULL;
  of3_error err = {0};
  (void)state;
  assert_int_equal(of3_info(checkpoint, &info, &err), OF3_OK);
  assert_string_equal(info->variant, "OB");
  assert_string_equal(info->title, "OpenBind");
  assert_string_equal(info->format, "safetensors");
  assert_true(info->n_parameter > 300000 && info->n_parameter < 500000);
  assert_int_equal(info->n_config, 42);
  for (int i = 0; i < info->n_config; i++) assert_true(info->config[i].value > 0);
  of3_info_free(info);
  assert_int_equal(of3_info("/nonexistent", &info, &err), OF3_ERR_IO);
  assert_null(info);
}

/* What the callbacks saw. */
typedef struct seen {
  int lines, steps;
  double fraction;
  volatile sig_atomic_t cancel;
  bool cancel_in_diffusion;
} seen;

static void on_log(void *user, of3_level level, const char *text) {
  (void)level;
  assert_null(strchr(text, '\n'));
  ((seen *)user)->lines++;
}

static void on_progress(void *user, const of3_progress_info *p) {
  seen *s = user;
  assert_true(p->done >= 0 && p->done <= p->total);
  assert_true(p->fraction >= s->fraction && p->fraction <= 1);
  s->fraction = p->fraction;
  s->steps += strcmp(p->phase, "diffusion") == 0;
  if (s->cancel_in_diffusion && s->steps == 2) __atomic_store_n(&s->cancel, 1, __ATOMIC_RELAXED);
}

static of3_status fold(seen *s, const char *out, of3_report **report, of3_error *err) {
  of3_engine *engine = NULL;
  of3_model *model = NULL;
  of3_callbacks callbacks = {.user = s, .log = on_log, .progress = on_progress, .cancel = &s->cancel};
  of3_predict_options o = of3_predict_defaults();
  o.output_dir = out;
  o.samples = 2;
  o.recycles = 1;
  o.steps = 4;
  assert_int_equal(of3_engine_open(NULL, &callbacks, &engine, err), OF3_OK);
  assert_int_equal(of3_model_open(engine, checkpoint, &model, err), OF3_OK);
  assert_string_equal(of3_model_describe(model)->variant, "OB");
  of3_status status = of3_predict(model, "MKTAYIAKQR", &o, report, err);
  of3_model_close(model);
  of3_engine_close(engine);
  return status;
}

static void prediction_reports(void **state) {
  of3_report *report = NULL;
  of3_error err = {0};
  seen s = {0};
  const char *out = *state;
  assert_int_equal(fold(&s, out, &report, &err), OF3_OK);
  assert_int_equal(report->n_item, 1);
  assert_int_equal(report->n_failed, 0);
  assert_int_equal(report->item[0].n_token, 10);
  assert_string_equal(report->item[0].query, "query");
  assert_int_equal(report->item[0].seed, 42);
  assert_int_equal(access(report->item[0].best_file, R_OK), 0);
  assert_true(report->item[0].best.avg_plddt > 0 && report->item[0].best.avg_plddt <= 100);
  assert_true(s.lines > 0 && s.steps > 2 && s.fraction == 1);
  of3_report_free(report);
  /* again: nothing to do */
  assert_int_equal(fold(&(seen){0}, out, &report, &err), OF3_OK);
  assert_true(report->item[0].reused);
  of3_report_free(report);
}

static void cancelling_stops(void **state) {
  of3_report *report = NULL;
  of3_error err = {0};
  seen s = {.cancel_in_diffusion = true};
  char out[600];
  snprintf(out, sizeof out, "%s/cancelled", (const char *)*state);
  assert_int_equal(fold(&s, out, &report, &err), OF3_ERR_CANCELLED);
  assert_int_equal(err.code, OF3_ERR_CANCELLED);
  assert_non_null(strstr(err.text, "interrupted"));
  strcat(out, "/query");
  assert_int_not_equal(access(out, F_OK), 0);
  of3_report_free(report);
}

static void options_are_checked(void **state) {
  of3_engine *engine = NULL;
  of3_model *model = NULL;
  of3_report *report = NULL;
  of3_error err = {0};
  (void)state;
  assert_int_equal(of3_engine_open(NULL, NULL, &engine, &err), OF3_OK);
  assert_int_equal(of3_model_open(engine, checkpoint, &model, &err), OF3_OK);
  struct {
    int samples, recycles, steps;
    const char *format, *confidences;
  } bad[] = {{0, 1, 1, "cif", "json"},
             {1, -1, 1, "cif", "json"},
             {1, 1, 0, "cif", "json"},
             {1, 1, 1, "mmtf", "json"},
             {1, 1, 1, "cif", "xml"}};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    of3_predict_options o = {.output_dir = "/nonexistent",
                             .samples = bad[i].samples,
                             .recycles = bad[i].recycles,
                             .steps = bad[i].steps,
                             .format = bad[i].format,
                             .confidences = bad[i].confidences};
    assert_int_equal(of3_predict(model, "MKT", &o, &report, &err), OF3_ERR_USAGE);
    assert_null(report);
  }
  of3_model_close(model);
  of3_engine_close(engine);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(reference_seeds_are_pythons),
      cmocka_unit_test(engine_refuses_what_it_cannot),
      cmocka_unit_test(info_reads_no_weights),
      cmocka_unit_test(prediction_reports),
      cmocka_unit_test(cancelling_stops),
      cmocka_unit_test(options_are_checked),
  };
  return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
