/* The curves of a training run from its tables. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/number.h"
#include "plot/axes.h"
#include "plot/charts.h"

enum { POINTS = 1000 }; /* of a curve: more rows are averaged */

typedef struct series {
  int n;
  double *x, *y; /* [n] steps, values */
} series;

/* The number of a column of the first line; -1: there is none. */
static int find_column(const char *table, const char *name) {
  const size_t length = strlen(name);
  for (int k = 0;; k++) {
    const size_t n = strcspn(table, ",\r\n");
    if (n == length && memcmp(table, name, n) == 0) return k;
    if (table[n] != ',') return -1;
    table += n + 1;
  }
}

/* Cell `column` of a line, NaN if it is empty or no number. */
static double cell_of(const char *line, int column) {
  for (int k = 0; k < column; k++) {
    line += strcspn(line, ",\n");
    if (*line != ',') return NAN;
    line++;
  }
  if (strchr(",\r\n", *line)) return NAN; /* or the number of the next line would be read */
  char *end;
  const double value = of3_parse_f64(line, &end);
  return end == line || (*end != ',' && *end != '\n' && *end != '\r' && *end) ? NAN : value;
}

static const char *next_line(const char *at) {
  at += strcspn(at, "\n");
  return *at ? at + 1 : at;
}

static int count_lines(const char *at) {
  int n = 0;
  for (; *at; at = next_line(at)) n++;
  return n;
}

/* Means over as many rows as make at most POINTS points; of rows without a value there is none. */
static bool read_series(const char *table, const char *name, of3_arena *arena, series *out) {
  const int step = find_column(table, "step"), column = find_column(table, name);
  const char *line = next_line(table);
  const int rows = count_lines(line), bucket = (rows + POINTS - 1) / POINTS;
  *out =
      (series){.x = OF3_ARENA_NEW(arena, double, POINTS + 1), .y = OF3_ARENA_NEW(arena, double, POINTS + 1)};
  if (!out->x || !out->y) return false;
  while (column >= 0 && *line) {
    double sum = 0, last = NAN;
    int n = 0;
    for (int i = 0; i < bucket && *line; i++, line = next_line(line)) {
      const double value = cell_of(line, column);
      last = cell_of(line, step);
      if (!isfinite(value)) continue;
      sum += value;
      n++;
    }
    if (n == 0) continue;
    out->x[out->n] = last;
    out->y[out->n++] = sum / n;
  }
  return true;
}

typedef struct curve {
  const char *column, *label;
  bool of_validation;
} curve;

/* A panel of curves that share their axes; those without a number are left out. */
static bool draw_panel(of3_axes *a, const char *const table[2], const curve *c, int n, const char *y_label,
                       of3_arena *arena) {
  series s[8];
  double x[2] = {INFINITY, -INFINITY}, y[2] = {INFINITY, -INFINITY};
  for (int i = 0; i < n; i++) {
    const char *text = table[c[i].of_validation];
    if (!read_series(text ? text : "", c[i].column, arena, &s[i])) return false;
    for (int k = 0; k < s[i].n; k++) {
      of3_range_add(x, s[i].x[k]);
      of3_range_add(y, s[i].y[k]);
    }
  }
  of3_range_close(x);
  of3_range_close(y);
  memcpy(a->x, x, sizeof x);
  memcpy(a->y, y, sizeof y);
  of3_axes_draw(a, "step", y_label);
  for (int i = 0, row = 0; i < n; i++) {
    if (s[i].n == 0) continue;
    of3_axes_curve(a, s[i].x, s[i].y, s[i].n, of3_series_pen(i));
    of3_axes_legend(a, row++, c[i].label, of3_series_pen(i));
  }
  return true;
}

of3_status of3_chart_training(const char *title, const char *steps, const char *opt_validations,
                              of3_picture **ret_picture, of3_error *err) {
  static const curve losses[] = {{"loss", "loss", false},
                                 {"diffusion_loss", "of that, diffusion", false},
                                 {"confidence_loss", "of that, confidence", false},
                                 {"scaled_distogram_loss", "of that, distogram", false}};
  static const curve quality[] = {{"lddt", "lDDT of steps", false},
                                  {"lddt_intra_complex", "lDDT of validations", true},
                                  {"plddt_complex", "mean pLDDT", true},
                                  {"model_selection", "model selection", true}};
  const char *const table[2] = {steps, opt_validations};
  *ret_picture = NULL;
  if (find_column(steps, "step") < 0 || find_column(steps, "loss") < 0)
    return of3_fail(err, OF3_ERR_INPUT, "the table has no columns 'step' and 'loss', as train.csv has");
  of3_arena *arena = of3_arena_new(0);
  of3_picture *p = of3_picture_new(860, 620);
  of3_axes upper = {.picture = p, .box = {80, 40, 600, 230}},
           lower = {.picture = p, .box = {80, 330, 600, 230}};
  const bool made = arena && p && draw_panel(&upper, table, losses, 4, "loss", arena) &&
                    draw_panel(&lower, table, quality, 4, "lDDT", arena);
  if (p) of3_picture_text(p, 380, 24, title, (of3_text_style){14, OF3_ANCHOR_MIDDLE, false});
  of3_arena_free(arena);
  if (made) {
    *ret_picture = p;
    return OF3_OK;
  }
  of3_picture_free(p);
  return of3_fail_memory(err, "a picture");
}
