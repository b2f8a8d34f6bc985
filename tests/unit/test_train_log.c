/* The log of a training run (train/train_log.h): what the files hold, what stays of them when a run goes on
 * from a checkpoint, wherever it was stopped, and the line to the user. tools/check_events.py reads the event
 * file with TensorBoard. */
#define _DEFAULT_SOURCE
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "base/file.h"
#include "folder.h"
#include "train/event_file.h"
#include "train/train_log.h"

enum { N_FILE = 4, N_STEP = 6, RESUMED = 3 };
static const char *const name[N_FILE] = {"train.csv", "validation.csv", "train.jsonl",
                                         "events.out.tfevents.of3"};
static const char *const step_metric[] = {"lddt_intra_protein"};
static const char *const validation_metric[] = {"lddt_intra_protein", "model_selection"};

static of3_train_log *open_log(const char *folder, int64_t step, of3_error *err) {
  const of3_train_log_options options = {.folder = folder,
                                         .step = step,
                                         .last_step = N_STEP,
                                         .step_metrics = {1, step_metric},
                                         .validation_metrics = {2, validation_metric}};
  of3_train_log *log;
  return of3_train_log_open(&options, &log, err) == OF3_OK ? log : NULL;
}

static of3_step_record record_of(int64_t step) {
  static double metric;
  of3_step_record r = {.step = step,
                       .loss = {.total = 2.5 / (double)step, .confidence = 0.25},
                       .lddt = step == 1 ? NAN : 0.5,
                       .learning_rate = 1.8e-6 * (double)step,
                       .gradient_norm = INFINITY,
                       .entries = 2,
                       .seconds = 1.5,
                       .opt_metric = &metric};
  metric = 0.125;
  return r;
}

/* Steps from .. to, and a validation after every second one. */
static void log_steps(of3_train_log *log, int64_t from, int64_t to) {
  of3_error err = {0};
  for (int64_t s = from; s <= to; s++) {
    const of3_step_record r = record_of(s);
    const double metric[] = {0.75, NAN};
    if (of3_train_log_step(log, &r, &err) != OF3_OK) fail_msg("%s", err.text);
    if (s % 2 == 0 && of3_train_log_validation(log, s, 12, metric, &err) != OF3_OK) fail_msg("%s", err.text);
  }
  if (of3_train_log_sync(log, &err) != OF3_OK) fail_msg("%s", err.text);
}

static char *read_log(of3_arena *arena, const char *folder, int i, size_t *ret_n) {
  char *text;
  of3_error err = {0};
  if (of3_read_file(of3_path_join(arena, folder, name[i]), 1 << 20, arena, &text, ret_n, &err) != OF3_OK)
    fail_msg("%s", err.text);
  return text;
}

static void run_whole(const char *folder) {
  of3_error err = {0};
  of3_train_log *log = open_log(folder, 0, &err);
  if (!log) fail_msg("%s", err.text);
  log_steps(log, 1, N_STEP);
  of3_train_log_close(log);
}

static void rows_are_what_was_logged(void **state) {
  of3_arena *arena = of3_arena_new(0);
  size_t n;
  run_whole(*state);
  const char *csv = read_log(arena, *state, 0, &n);
  static const char head[] =
      "step,loss,mse_loss,bond_loss,smooth_lddt_loss,distogram_loss,plddt_loss,pde_loss,"
      "experimentally_resolved_loss,pae_loss,confidence_loss,diffusion_loss,scaled_distogram_loss,lddt,"
      "learning_rate,gradient_norm,entries,skipped,seconds,lddt_intra_protein\n"
      "1,2.5,0,0,0,0,0,0,0,0,0.25,0,0,,1.8e-06,,2,0,1.5,0.125\n"
      "2,1.25,0,0,0,0,0,0,0,0,0.25,0,0,0.5,3.6e-06,,2,0,1.5,0.125\n";
  assert_memory_equal(csv, head, sizeof head - 1);
  assert_string_equal(
      read_log(arena, *state, 1, &n),
      "step,seconds,lddt_intra_protein,model_selection\n2,12,0.75,\n4,12,0.75,\n6,12,0.75,\n");
  assert_non_null(strstr(read_log(arena, *state, 2, &n),
                         "{\"step\": 2, \"event\": \"validation\", \"seconds\": 12, "
                         "\"lddt_intra_protein\": 0.75, \"model_selection\": null}\n{\"step\": 3, "));
  of3_arena_free(arena);
}

/* Times differ from run to run, so of the event file the records are counted. */
static int count_events(const char *bytes, size_t n) {
  int count = 0;
  size_t at = 0;
  for (; at < n; count++) at += 16 + (size_t)(uint8_t)bytes[at] + 256 * (size_t)(uint8_t)bytes[at + 1];
  assert_int_equal(at, n);
  return count;
}

static void check_like_whole(of3_arena *arena, const char *folder, char *const *whole) {
  for (int i = 0; i < N_FILE; i++) {
    size_t n;
    char *text = read_log(arena, folder, i, &n);
    if (i < 3)
      assert_string_equal(text, whole[i]);
    else
      assert_int_equal(count_events(text, n), 1 + N_STEP + N_STEP / 2);
  }
}

/* A run that was killed at any moment after the checkpoint, also within a row: the same rows as
 * uninterrupted. */
static void a_resumed_log_is_the_same(void **state) {
  of3_arena *arena = of3_arena_new(0);
  of3_error err = {0};
  char *whole[N_FILE];
  size_t n[N_FILE];
  run_whole(*state);
  for (int i = 0; i < N_FILE; i++) whole[i] = read_log(arena, *state, i, &n[i]);
  for (size_t cut = 0; cut < 170; cut += 7) {
    for (int i = 0; i < N_FILE; i++) {
      const size_t most = i == 1 ? 22 : 170, left = n[i] - (cut < most ? cut : most);
      const char *path = of3_path_join(arena, *state, name[i]);
      if (of3_write_file(path, whole[i], left, &err) != OF3_OK) fail_msg("%s", err.text);
    }
    of3_train_log *log = open_log(*state, RESUMED, &err);
    if (!log) fail_msg("%s", err.text);
    log_steps(log, RESUMED + 1, N_STEP);
    of3_train_log_close(log);
    check_like_whole(arena, *state, whole);
  }
  of3_arena_free(arena);
}

static void another_log_is_refused(void **state) {
  of3_arena *arena = of3_arena_new(0);
  of3_error err = {0};
  const char *path = of3_path_join(arena, *state, name[0]);
  assert_int_equal(of3_write_file(path, "step,speed\n1,2\n", 15, &err), OF3_OK);
  assert_null(open_log(*state, RESUMED, &err));
  assert_int_equal(err.code, OF3_ERR_INPUT);
  assert_non_null(strstr(err.text, "does not begin as the log of this run does"));
  of3_train_log *log = open_log(*state, 0, &err); /* a run that begins writes it anew */
  assert_non_null(log);
  of3_train_log_close(log);
  of3_arena_free(arena);
}

/* The first bytes are those of a file that TensorBoard's own writer began: length, its check sum, time. */
static void events_are_tensorboards(void **state) {
  (void)state;
  of3_str s = {0};
  of3_event_version(&s);
  static const uint8_t version[] = {0x18, 0, 0, 0, 0, 0, 0, 0, 0xa3, 0x7f, 0x4b, 0x22, 0x09, 0};
  assert_memory_equal(s.text, version, sizeof version);
  assert_int_equal(s.len, 12 + 0x18 + 4);
  const size_t head = s.len;
  of3_event_scalars(&s, 1.5, 300, "train/", &(of3_scalar){"loss", 0.5}, 1);
  assert_int_equal(of3_event_kept((const uint8_t *)s.text + head, s.len - head, 300), s.len - head);
  assert_int_equal(of3_event_kept((const uint8_t *)s.text + head, s.len - head, 299), 0);
  assert_int_equal(of3_event_kept((const uint8_t *)s.text + head, s.len - head - 1, 300), 0);
  s.text[s.len - 7] ^= 1; /* damaged */
  assert_int_equal(of3_event_kept((const uint8_t *)s.text + head, s.len - head, 300), 0);
  of3_str_free(&s);
}

static void the_line_says_it(void **state) {
  (void)state;
  of3_str s = {0};
  of3_step_record r = record_of(2);
  r.gradient_norm = 2.3456;
  r.skipped = 1;
  of3_train_log_line(&r, 5000, 15600, &s);
  assert_string_equal(s.text, "step 2 of 5000: loss 1.2500, lDDT 0.500, learning rate 3.6e-06, gradient norm "
                              "2.35, 1 skipped, 1.50 s, 4 h 20 min left");
  of3_str_free(&s);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(rows_are_what_was_logged), cmocka_unit_test(a_resumed_log_is_the_same),
      cmocka_unit_test(another_log_is_refused), cmocka_unit_test(events_are_tensorboards),
      cmocka_unit_test(the_line_says_it)};
  return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
