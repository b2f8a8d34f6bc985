#include "plot/axes.h"

#include <math.h>

#include "base/number.h"

enum { TICKS = 6 };
static const of3_pen grid = {0xDDDDDD, 0.7, 0}, frame = {0x444444, 1, 0};

double of3_axes_x(const of3_axes *a, double x) {
  return a->box[0] + a->box[2] * (x - a->x[0]) / (a->x[1] - a->x[0]);
}

double of3_axes_y(const of3_axes *a, double y) {
  return a->box[1] + a->box[3] * (1 - (y - a->y[0]) / (a->y[1] - a->y[0]));
}

/* The distance of ticks: 1, 2 or 5 times a power of ten, for at most TICKS of them. */
static double tick_step(const double range[2]) {
  const double least = fabs(range[1] - range[0]) / TICKS, power = pow(10, floor(log10(least)));
  const double part = least / power;
  return power * (part <= 1 ? 1 : part <= 2 ? 2 : part <= 5 ? 5 : 10);
}

static void tick_text(double at, double step, char out[32]) {
  if (fabs(at) < step / 1000) at = 0;
  of3_format(out, 32, fabs(at) >= 1e6 || (at != 0 && step < 1e-4) ? "%.2g" : "%.6g", at);
}

static void draw_ticks(const of3_axes *a, bool of_y) {
  const double *range = of_y ? a->y : a->x, step = tick_step(range), low = fmin(range[0], range[1]),
               high = fmax(range[0], range[1]);
  const of3_text_style style = {11, of_y ? OF3_ANCHOR_END : OF3_ANCHOR_MIDDLE, false};
  const double first = ceil(low / step - 1e-9);
  for (int i = 0; i <= TICKS; i++) {
    const double k = first + i;
    char text[32];
    if (k * step > high + 1e-9 * step) break;
    tick_text(k * step, step, text);
    if (of_y) {
      const double y = of3_axes_y(a, k * step), at[4] = {a->box[0], y, a->box[0] + a->box[2], y};
      of3_picture_line(a->picture, at, 2, grid);
      of3_picture_text(a->picture, a->box[0] - 6, y + 4, text, style);
    } else {
      const double x = of3_axes_x(a, k * step), at[4] = {x, a->box[1], x, a->box[1] + a->box[3]};
      of3_picture_line(a->picture, at, 2, grid);
      of3_picture_text(a->picture, x, a->box[1] + a->box[3] + 15, text, style);
    }
  }
}

void of3_axes_draw(const of3_axes *a, const char *x_label, const char *y_label) {
  const double *b = a->box, around[10] = {b[0],        b[1], b[0] + b[2], b[1], b[0] + b[2],
                                          b[1] + b[3], b[0], b[1] + b[3], b[0], b[1]};
  draw_ticks(a, false);
  draw_ticks(a, true);
  of3_picture_line(a->picture, around, 5, frame);
  of3_picture_text(a->picture, b[0] + b[2] / 2, b[1] + b[3] + 34, x_label,
                   (of3_text_style){12, OF3_ANCHOR_MIDDLE, false});
  of3_picture_text(a->picture, b[0] - 48, b[1] + b[3] / 2, y_label,
                   (of3_text_style){12, OF3_ANCHOR_MIDDLE, true});
}

void of3_axes_curve(const of3_axes *a, const double *x, const double *y, int n, of3_pen pen) {
  enum { PIECE = 256 };
  double at[2 * PIECE];
  for (int first = 0; first < n; first += PIECE - 1) {
    const int count = n - first < PIECE ? n - first : PIECE;
    for (int i = 0; i < count; i++) {
      const double v = of3_axes_y(a, y[first + i]);
      at[2 * i] = of3_axes_x(a, x[first + i]);
      at[2 * i + 1] = isfinite(v) ? fmin(fmax(v, a->box[1]), a->box[1] + a->box[3]) : v;
    }
    of3_picture_line(a->picture, at, count, pen);
    if (first + count >= n) break;
  }
}

void of3_axes_legend(const of3_axes *a, int row, const char *name, of3_pen pen) {
  const double x = a->box[0] + a->box[2] + 12, y = a->box[1] + 10 + 18 * row, at[4] = {x, y, x + 26, y};
  of3_picture_line(a->picture, at, 2, pen);
  of3_picture_text(a->picture, x + 32, y + 4, name, (of3_text_style){11, OF3_ANCHOR_START, false});
}

of3_pen of3_series_pen(int series) {
  static const uint32_t color[] = {0x000000, 0x0072B2, 0xD55E00, 0x009E73, 0xCC79A7, 0xE69F00};
  static const double dash[] = {0, 6, 3, 10, 2, 14};
  return (of3_pen){color[series % 6], 1.6, dash[series % 6]};
}

void of3_range_add(double range[2], double x) {
  if (!(fabs(x) <= 1e100)) return;
  range[0] = fmin(range[0], x);
  range[1] = fmax(range[1], x);
}

void of3_range_close(double range[2]) {
  if (!(range[0] <= range[1])) range[0] = range[1] = 0;
  const double size = range[1] - range[0], most = fmax(fabs(range[0]), fabs(range[1]));
  const double room = size > 1e-9 * most && size > 0 ? 0.05 * size : fmax(0.5, 0.1 * most);
  range[1] += room;
  range[0] = range[0] >= 0 && range[0] < room ? 0 : range[0] - room;
}
