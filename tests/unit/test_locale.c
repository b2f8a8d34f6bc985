/* Numbers are read and written alike whatever locale the program has: in one that writes 1,5 everything is
 * read and written as in the C locale. The locale is made here, by localedef; where there is none, one is
 * looked for. */
#define _DEFAULT_SOURCE
#include <locale.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/json.h"
#include "base/log.h"
#include "base/number.h"
#include "base/pickle.h"
#include "base/str.h"
#include "folder.h"
#include "of3.h"
#include "write/decimal6.h"

#define CHECKPOINT "tests/fixtures/parity/checkpoint_ob.safetensors"

static char folder[64];

static bool writes_commas(void) {
  char text[16];
  snprintf(text, sizeof text, "%.1f", 1.5);
  return strcmp(text, "1,5") == 0;
}

/* A locale made of nothing but a decimal comma. */
static bool make_locale(const char *in) {
  static const char source[] =
      "LC_NUMERIC\ndecimal_point \"<U002C>\"\nthousands_sep \"\"\ngrouping -1\nEND LC_NUMERIC\n";
  char path[128], command[512];
  of3_error err;
  snprintf(path, sizeof path, "%s/comma.src", in);
  if (of3_write_file(path, source, sizeof source - 1, &err) != OF3_OK) return false;
  snprintf(command, sizeof command,
           "localedef -c -i '%s/comma.src' -f ANSI_X3.4-1968 '%s/xx_XX' >'%s/said' 2>&1", in, in, in);
  if (system(command) < 0) return false;
  setenv("LOCPATH", in, 1);
  return setlocale(LC_ALL, "xx_XX") && writes_commas();
}

static int set_locale(void **state) {
  static const char *const names[] = {"de_DE.UTF-8", "de_DE.utf8", "fr_FR.UTF-8", "de_DE", "fr_FR"};
  if (make_folder(state) != 0) return -1;
  snprintf(folder, sizeof folder, "%s", (const char *)*state);
  if (make_locale(folder)) return 0;
  unsetenv("LOCPATH");
  for (size_t i = 0; i < sizeof names / sizeof *names; i++)
    if (setlocale(LC_ALL, names[i]) && writes_commas()) return 0;
  setlocale(LC_ALL, "C");
  return 0;
}

static void need_commas(void) {
  if (writes_commas()) return;
  print_message("no locale with a decimal comma here\n");
  skip();
}

static void keep_line(void *user, of3_level level, const char *text) {
  (void)level;
  snprintf(user, 64, "%s", text);
}

static void test_parts(void **state) {
  (void)state;
  need_commas();
  char text[64], *end;
  of3_error err = {0};
  of3_str s = {0};
  assert_int_equal(of3_format_f32(text, 12.345678f), 9);
  assert_string_equal(text, "12.345678");
  of3_format_f32(text, 1.5e-7f);
  assert_string_equal(text, "1.5e-07");
  of3_format_f64(text, 0.06781);
  assert_string_equal(text, "0.06781");
  assert_true(of3_round6(0.1234567f) == 0.123457);
  assert_true(of3_parse_f64("1.25,", &end) == 1.25 && *end == ',');
  assert_true(of3_parse_f32("0.5", NULL) == 0.5f);
  of3_str_addf(&s, "%8.3f", -1.25);
  assert_string_equal(s.text, "  -1.250");
  of3_str_free(&s);
  of3_fail(&err, OF3_ERR_INPUT, "%.1f MB", 2.5);
  of3_prefix(&err, "%g", 0.5);
  assert_string_equal(err.text, "0.5: 2.5 MB");
  const of3_log log = {.sink = keep_line, .user = text};
  of3_logf(&log, OF3_LOG_WARN, "%.2f s", 0.25);
  assert_string_equal(text, "0.25 s");
  assert_true(writes_commas()); /* nothing of this changed the program's own */
}

static void test_json(void **state) {
  (void)state;
  need_commas();
  json_error_t at;
  json_t *v = of3_json_load("[1.5, -2.25e-3]", 15, &at);
  assert_non_null(v);
  assert_true(json_real_value(json_array_get(v, 0)) == 1.5 &&
              json_real_value(json_array_get(v, 1)) == -2.25e-3);
  char *text = of3_json_dump(v, JSON_COMPACT);
  assert_non_null(text);
  assert_null(strstr(text, "1,5"));
  assert_memory_equal(text, "[1.5,-0.0022", 12);
  free(text);
  json_decref(v);
}

static void fold(const of3_model *m, const char *out, const char *format, const char *confidences,
                 bool reused) {
  of3_predict_options o = of3_predict_defaults();
  o.output_dir = out;
  o.samples = 2;
  o.recycles = 0;
  o.steps = 30; /* fewer leave coordinates that a PDB file cannot hold */
  o.format = format;
  o.confidences = confidences;
  of3_report *report = NULL;
  of3_error err = {0};
  if (of3_predict((of3_model *)(uintptr_t)m, "MKTAYIAK", &o, &report, &err) != OF3_OK)
    fail_msg("%s", err.text);
  assert_int_equal(report->item[0].reused, reused);
  of3_report_free(report);
}

/* The files that hold scores, coordinates and settings, byte for byte; what has times is only looked at. */
static void test_files(void **state) {
  static const char *const pair[][2] = {{"cif", "json"}, {"pdb", "npz"}};
  (void)state;
  need_commas();
  of3_engine *engine = NULL;
  of3_model *model = NULL;
  of3_error err = {0};
  of3_engine_options options = of3_engine_defaults();
  options.backend = "cpu";
  options.threads = 1;
  char command[1024];
  assert_int_equal(of3_engine_open(&options, NULL, &engine, &err), OF3_OK);
  assert_int_equal(of3_model_open(engine, CHECKPOINT, &model, &err), OF3_OK);
  for (int i = 0; i < 2; i++) {
    char comma[128], plain[128];
    snprintf(comma, sizeof comma, "%s/comma%d", folder, i);
    snprintf(plain, sizeof plain, "%s/plain%d", folder, i);
    fold(model, comma, pair[i][0], pair[i][1], false);
    fold(model, comma, pair[i][0], pair[i][1], true); /* scores read again */
    of3_locale locale = of3_locale_enter();
    fold(model, plain, pair[i][0], pair[i][1], false);
    of3_locale_leave(locale);
    snprintf(
        command, sizeof command,
        "cd '%s' && for f in $(find comma%d -type f ! -name timing.json ! -name of3_run.json ! -name "
        "experiment_config.json | sed 's/[^/]*//'); do cmp comma%d$f plain%d$f || exit 1; done; "
        "! grep -qE '[0-9],[0-9]' $(find comma%d -name '*.json') && grep -q '\"runtime_s\": [0-9]*\\.[0-9]' "
        "comma%d/query/seed_42/timing.json",
        folder, i, i, i, i, i);
    assert_int_equal(system(command), 0);
  }
  of3_model_close(model);
  of3_engine_close(engine);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_parts),
      cmocka_unit_test(test_json),
      cmocka_unit_test(test_files),
  };
  return cmocka_run_group_tests(tests, set_locale, remove_folder);
}
