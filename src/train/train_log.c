#include "train/train_log.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/file.h"
#include "base/number.h"
#include "plot/charts.h"
#include "train/append_file.h"
#include "train/event_file.h"

enum { LOG_FILES = 4, MOST_FIELDS = 256 };
enum { FILE_STEPS, FILE_VALIDATIONS, FILE_OBJECTS, FILE_EVENTS };
static const char *const file_name[LOG_FILES] = {"train.csv", "validation.csv", "train.jsonl",
                                                 "events.out.tfevents.of3"};

struct of3_train_log {
  of3_train_log_options o;
  of3_arena *arena;
  of3_append_file file[LOG_FILES];
  double pace; /* seconds of a step, a moving mean; 0: none was seen */
};

/* ---- a row: the numbers of a step in their order */

typedef struct row {
  int n;
  of3_scalar field[MOST_FIELDS];
} row;

static void add(row *r, const char *name, double value) {
  if (r->n < MOST_FIELDS) r->field[r->n++] = (of3_scalar){name, value};
}

static void add_all(row *r, of3_log_names names, const double *opt_value) {
  for (int i = 0; i < names.n; i++) add(r, names.name[i], opt_value ? opt_value[i] : NAN);
}

/* Names of losses as OpenFold3 logs them. */
static void step_row(const of3_train_log_options *o, const of3_step_record *s, row *r) {
  static const char *const loss[OF3_N_LOSS] = {"mse_loss",
                                               "bond_loss",
                                               "smooth_lddt_loss",
                                               "distogram_loss",
                                               "plddt_loss",
                                               "pde_loss",
                                               "experimentally_resolved_loss",
                                               "pae_loss"};
  r->n = 0;
  add(r, "loss", s->loss.total);
  for (int i = 0; i < OF3_N_LOSS; i++) add(r, loss[i], s->loss.of[i]);
  add(r, "confidence_loss", s->loss.confidence);
  add(r, "diffusion_loss", s->loss.diffusion);
  add(r, "scaled_distogram_loss", s->loss.distogram);
  add(r, "lddt", s->lddt);
  add(r, "learning_rate", s->learning_rate);
  add(r, "gradient_norm", s->gradient_norm);
  add(r, "entries", s->entries);
  add(r, "skipped", s->skipped);
  add(r, "seconds", s->seconds);
  add_all(r, o->step_metrics, s->opt_metric);
}

static void validation_row(const of3_train_log_options *o, double seconds, const double *opt_metric, row *r) {
  r->n = 0;
  add(r, "seconds", seconds);
  add_all(r, o->validation_metrics, opt_metric);
}

static void put_number(of3_str *out, double x, const char *unknown) {
  char text[OF3_F32_TEXT];
  if (!isfinite(x)) {
    of3_str_add(out, unknown);
  } else if (x == floor(x) && fabs(x) < 1e15) {
    of3_str_addf(out, "%.0f", x);
  } else {
    of3_format_f64(text, x);
    of3_str_add(out, text);
  }
}

static void put_csv_head(of3_str *out, const row *r) {
  of3_str_add(out, "step");
  for (int i = 0; i < r->n; i++) of3_str_addf(out, ",%s", r->field[i].tag);
  of3_str_add(out, "\n");
}

static void put_csv(of3_str *out, int64_t step, const row *r) {
  of3_str_addf(out, "%" PRId64, step);
  for (int i = 0; i < r->n; i++) {
    of3_str_add(out, ",");
    put_number(out, r->field[i].value, "");
  }
  of3_str_add(out, "\n");
}

static void put_object(of3_str *out, const char *event, int64_t step, const row *r) {
  of3_str_addf(out, "{\"step\": %" PRId64 ", \"event\": \"%s\"", step, event);
  for (int i = 0; i < r->n; i++) {
    of3_str_addf(out, ", \"%s\": ", r->field[i].tag);
    put_number(out, r->field[i].value, "null");
  }
  of3_str_add(out, "}\n");
}

/* ---- open: what is kept of files that are there */

/* Lines that are whole and whose number behind the prefix is at most `step`. */
static size_t kept_lines(const uint8_t *bytes, size_t n, const char *prefix, int64_t step) {
  const size_t skip = strlen(prefix);
  size_t at = 0;
  while (at < n) {
    const uint8_t *end = memchr(bytes + at, '\n', n - at);
    int64_t of = 0;
    size_t i = at + skip;
    if (!end || (size_t)(end - bytes) < i || memcmp(bytes + at, prefix, skip) != 0) break;
    const size_t first = i;
    for (; bytes[i] >= '0' && bytes[i] <= '9' && i - first < 18; i++) of = 10 * of + (bytes[i] - '0');
    if (i == first || of > step) break;
    at = (size_t)(end - bytes) + 1;
  }
  return at;
}

static size_t kept_rows(const uint8_t *bytes, size_t n, int64_t step) {
  return kept_lines(bytes, n, "", step);
}

static size_t kept_objects(const uint8_t *bytes, size_t n, int64_t step) {
  return kept_lines(bytes, n, "{\"step\": ", step);
}

static of3_status open_file(of3_train_log *log, int i, const of3_str *head, of3_error *err) {
  static of3_kept_bytes *const kept[LOG_FILES] = {kept_rows, kept_rows, kept_objects, of3_event_kept};
  const char *path = of3_path_join(log->arena, log->o.folder, file_name[i]);
  if (!path || head->failed) return of3_fail_memory(err, file_name[i]);
  return of3_append_open(&log->file[i], path, head, log->o.step, kept[i], err);
}

static of3_status open_files(of3_train_log *log, of3_error *err) {
  of3_str head[LOG_FILES] = {{0}};
  row r;
  of3_status status = OF3_OK;
  step_row(&log->o, &(of3_step_record){0}, &r);
  put_csv_head(&head[FILE_STEPS], &r);
  validation_row(&log->o, 0, NULL, &r);
  put_csv_head(&head[FILE_VALIDATIONS], &r);
  of3_event_version(&head[FILE_EVENTS]);
  for (int i = 0; i < LOG_FILES; i++) {
    if (status == OF3_OK) status = open_file(log, i, &head[i], err);
    of3_str_free(&head[i]);
  }
  return status;
}

of3_status of3_train_log_open(const of3_train_log_options *options, of3_train_log **ret_log, of3_error *err) {
  of3_train_log *log = calloc(1, sizeof *log);
  *ret_log = NULL;
  if (!log) return of3_fail_memory(err, "the log of the run");
  log->o = *options;
  log->arena = of3_arena_new(0);
  for (int i = 0; i < LOG_FILES; i++) log->file[i].fd = -1;
  of3_status status = log->arena ? of3_make_folder(options->folder, err) : of3_fail_memory(err, "the log");
  if (status == OF3_OK) status = open_files(log, err);
  if (status == OF3_OK)
    *ret_log = log;
  else
    of3_train_log_close(log);
  return status;
}

void of3_train_log_close(of3_train_log *log) {
  if (!log) return;
  for (int i = 0; i < LOG_FILES; i++) of3_append_close(&log->file[i]);
  of3_arena_free(log->arena);
  free(log);
}

/* ---- rows */

static of3_status put_row(of3_train_log *log, int csv, int64_t step, const row *r, of3_error *err) {
  static const char *const event[] = {"step", "validation"}, *const prefix[] = {"train/", "val/"};
  of3_str text[LOG_FILES] = {{0}};
  put_csv(&text[csv], step, r);
  put_object(&text[FILE_OBJECTS], event[csv], step, r);
  of3_event_scalars(&text[FILE_EVENTS], (double)time(NULL), step, prefix[csv], r->field, r->n);
  of3_status status = OF3_OK;
  for (int i = 0; i < LOG_FILES; i++) {
    if (status == OF3_OK) status = of3_append(&log->file[i], &text[i], err);
    of3_str_free(&text[i]);
  }
  return status;
}

of3_status of3_train_log_step(of3_train_log *log, const of3_step_record *s, of3_error *err) {
  row r;
  log->pace = log->pace > 0 ? 0.9 * log->pace + 0.1 * s->seconds : s->seconds;
  if (log->o.line_every > 0 && (s->step % log->o.line_every == 0 || s->step == log->o.last_step)) {
    of3_str line = {0};
    of3_train_log_line(s, log->o.last_step, log->pace * (double)(log->o.last_step - s->step), &line);
    if (line.text) of3_logf(log->o.opt_log, OF3_LOG_INFO, "%s", line.text);
    of3_str_free(&line);
  }
  step_row(&log->o, s, &r);
  return put_row(log, FILE_STEPS, s->step, &r, err);
}

of3_status of3_train_log_validation(of3_train_log *log, int64_t step, double seconds, const double *metric,
                                    of3_error *err) {
  row r;
  validation_row(&log->o, seconds, metric, &r);
  OF3_TRY(put_row(log, FILE_VALIDATIONS, step, &r, err));
  return of3_train_log_draw(log, err);
}

of3_status of3_train_log_sync(of3_train_log *log, of3_error *err) {
  for (int i = 0; i < LOG_FILES; i++) OF3_TRY(of3_append_sync(&log->file[i], err));
  return OF3_OK;
}

/* ---- the curves */

static of3_status read_table(of3_arena *arena, const char *path, char **ret_text, of3_error *err) {
  size_t n;
  return of3_read_file(path, SIZE_MAX, arena, ret_text, &n, err);
}

static of3_status write_curves(const of3_train_log *log, of3_arena *arena, of3_error *err) {
  const char *path = of3_path_join(arena, log->o.folder, "loss.svg");
  char *steps, *validations;
  of3_picture *picture;
  of3_str svg = {0};
  if (!path) return of3_fail_memory(err, "loss.svg");
  OF3_TRY(read_table(arena, log->file[FILE_STEPS].path, &steps, err));
  OF3_TRY(read_table(arena, log->file[FILE_VALIDATIONS].path, &validations, err));
  OF3_TRY(of3_chart_training("training", steps, validations, &picture, err));
  of3_status status = of3_picture_svg(picture, &svg, err);
  if (status == OF3_OK) status = of3_write_file(path, svg.text, svg.len, err);
  of3_str_free(&svg);
  of3_picture_free(picture);
  return status;
}

of3_status of3_train_log_draw(const of3_train_log *log, of3_error *err) {
  of3_arena *arena = of3_arena_new(0);
  const of3_status status = arena ? write_curves(log, arena, err) : of3_fail_memory(err, "loss.svg");
  of3_arena_free(arena);
  return status;
}

/* ---- the line */

/* "45 s", "12 min", "3 h 20 min", "2 d 4 h" */
static void put_duration(of3_str *out, double seconds) {
  const int64_t s = (int64_t)ceil(fmin(seconds, 1e12)), m = (s + 59) / 60;
  if (s < 120)
    of3_str_addf(out, "%" PRId64 " s", s);
  else if (m < 60)
    of3_str_addf(out, "%" PRId64 " min", m);
  else if (m < 24 * 60)
    of3_str_addf(out, "%" PRId64 " h %" PRId64 " min", m / 60, m % 60);
  else
    of3_str_addf(out, "%" PRId64 " d %" PRId64 " h", m / 1440, m % 1440 / 60);
}

void of3_train_log_line(const of3_step_record *s, int64_t last_step, double seconds_left, of3_str *out) {
  of3_str_addf(out, "step %" PRId64 " of %" PRId64 ": ", s->step, last_step);
  if (s->entries)
    of3_str_addf(out, "loss %.4f", s->loss.total);
  else
    of3_str_add(out, "no entry counts");
  if (isfinite(s->lddt)) of3_str_addf(out, ", lDDT %.3f", s->lddt);
  of3_str_addf(out, ", learning rate %.3g", s->learning_rate);
  if (isfinite(s->gradient_norm)) of3_str_addf(out, ", gradient norm %.3g", s->gradient_norm);
  if (s->skipped) of3_str_addf(out, ", %d skipped", s->skipped);
  of3_str_addf(out, ", %.2f s", s->seconds);
  if (seconds_left < 0) return;
  of3_str_add(out, ", ");
  put_duration(out, seconds_left);
  of3_str_add(out, " left");
}
