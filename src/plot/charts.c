#include "plot/charts.h"

#include <math.h>
#include <stdlib.h>

#include "plot/axes.h"

enum { MAP = 460, BAR = 14, MOST_MAP_ROWS = 2048 };
#define MOST_PAE 32.0

static void put_title(of3_picture *p, const char *title, double x) {
  of3_picture_text(p, x, 24, title, (of3_text_style){14, OF3_ANCHOR_MIDDLE, false});
}

/* From one colour to another in even steps of lightness; part 0 .. 1. */
static void shade(uint32_t from, uint32_t to, double part, uint8_t out[3]) {
  part = isfinite(part) ? fmin(fmax(part, 0), 1) : 1;
  for (int k = 0; k < 3; k++) {
    const double a = from >> (16 - 8 * k) & 255, b = to >> (16 - 8 * k) & 255;
    out[k] = (uint8_t)lround(a + (b - a) * part);
  }
}

static const uint32_t pae_low = 0x00441B, pae_high = 0xFFFFFF;

/* The scale of the map, right of it: 0 .. MOST_PAE. */
static void put_bar(of3_picture *p, const double box[4], const char *label) {
  static const char *const tick[] = {"0", "8", "16", "24", "32"};
  uint8_t rgb[3 * 64];
  for (int i = 0; i < 64; i++) shade(pae_low, pae_high, 1 - i / 63.0, rgb + (size_t)3 * (size_t)i);
  of3_picture_image(p, box, rgb, 1, 64);
  for (int i = 0; i < 5; i++)
    of3_picture_text(p, box[0] + box[2] + 4, box[1] + box[3] * (1 - i / 4.0) + 4, tick[i],
                     (of3_text_style){11, OF3_ANCHOR_START, false});
  of3_picture_text(p, box[0] + box[2] + 40, box[1] + box[3] / 2, label,
                   (of3_text_style){12, OF3_ANCHOR_MIDDLE, true});
}

/* [rows,columns] of at most MOST_MAP_ROWS each, so that the picture of a large complex stays small. */
static int map_size(int n) { return n < MOST_MAP_ROWS ? n : MOST_MAP_ROWS; }

of3_picture *of3_chart_pae(const char *title, const float *pae, int n) {
  of3_picture *p = of3_picture_new(70 + MAP + 100, 40 + MAP + 50);
  const of3_axes a = {p, {70, 40, MAP, MAP}, {0, n}, {n, 0}};
  const int m = map_size(n);
  uint8_t *rgb = malloc((size_t)m * (size_t)m * 3 + 1);
  if (p && rgb) {
    for (int i = 0; i < m; i++)
      for (int j = 0; j < m; j++) {
        const size_t row = (size_t)i * (size_t)n / (size_t)m, column = (size_t)j * (size_t)n / (size_t)m;
        shade(pae_low, pae_high, (double)pae[row * (size_t)n + column] / MOST_PAE,
              rgb + 3 * ((size_t)i * (size_t)m + (size_t)j));
      }
    of3_axes_draw(&a, "token", "token whose frame is aligned");
    of3_picture_image(p, a.box, rgb, m, m);
    put_bar(p, (double[4]){70 + MAP + 16, 40, BAR, MAP}, "expected error of the position (\xC3\x85)");
    put_title(p, title, 70 + MAP / 2.0);
  }
  free(rgb);
  if (p && rgb) return p;
  of3_picture_free(p);
  return NULL;
}

/* The bands that AlphaFold's colours stand for, as shades of grey with their names. */
static void put_bands(const of3_axes *a) {
  static const struct {
    double low, high;
    uint32_t color;
    const char *name;
  } band[] = {{90, 100, 0xC6D8EE, "very high"},
              {70, 90, 0xE0EBF6, "confident"},
              {50, 70, 0xF4F4F4, "low"},
              {0, 50, 0xE6DED6, "very low"}};
  for (size_t i = 0; i < sizeof band / sizeof *band; i++) {
    const double top = of3_axes_y(a, band[i].high), bottom = of3_axes_y(a, band[i].low);
    of3_picture_rect(a->picture, (double[4]){a->box[0], top, a->box[2], bottom - top}, band[i].color);
    of3_picture_text(a->picture, a->box[0] + a->box[2] + 6, (top + bottom) / 2 + 4, band[i].name,
                     (of3_text_style){11, OF3_ANCHOR_START, false});
  }
}

of3_picture *of3_chart_plddt(const char *title, const double *plddt, const bool *starts, int n) {
  of3_picture *p = of3_picture_new(840, 330);
  const of3_axes a = {p, {70, 40, 680, 240}, {0.5, n + 0.5}, {0, 100}};
  double *x = malloc((size_t)(n + 1) * sizeof *x);
  if (p && x) {
    put_bands(&a);
    of3_axes_draw(&a, "residue, chain after chain", "pLDDT");
    for (int i = 0; i < n; i++) {
      const double at = of3_axes_x(&a, i + 0.5), line[4] = {at, a.box[1], at, a.box[1] + a.box[3]};
      x[i] = i + 1;
      if (starts[i] && i) of3_picture_line(p, line, 2, (of3_pen){0x444444, 1, 4});
    }
    for (int i = 0, first = 0; i <= n; i++)
      if (i == n || (starts[i] && i)) {
        of3_axes_curve(&a, x + first, plddt + first, i - first, (of3_pen){0x0050A0, 1.6, 0});
        first = i;
      }
    put_title(p, title, 70 + 340);
  }
  free(x);
  if (p && x) return p;
  of3_picture_free(p);
  return NULL;
}

/* ---- alignments */

typedef struct ranked_row {
  double identity; /* of the columns of the query */
  int row;
} ranked_row;

static int by_identity(const void *a, const void *b) {
  const ranked_row *p = a, *q = b;
  if (p->identity != q->identity) return p->identity < q->identity ? 1 : -1;
  return (p->row > q->row) - (p->row < q->row);
}

static void rank_rows(const uint8_t *letter, int rows, int columns, ranked_row *out) {
  for (int r = 0; r < rows; r++) {
    const uint8_t *line = letter + (size_t)r * (size_t)columns;
    int same = 0;
    for (int c = 0; c < columns; c++) same += line[c] == letter[c] && line[c] != '-';
    out[r] = (ranked_row){(double)same / columns, r};
  }
  qsort(out, (size_t)rows, sizeof *out, by_identity);
}

/* Rows of the picture; gaps are white. */
static void paint_rows(const uint8_t *letter, int columns, const ranked_row *rank, int rows, int lines,
                       uint8_t *rgb) {
  for (int i = 0; i < lines; i++) {
    const ranked_row *r = &rank[(size_t)i * (size_t)rows / (size_t)lines];
    for (int c = 0; c < columns; c++) {
      const bool gap = letter[(size_t)r->row * (size_t)columns + (size_t)c] == '-';
      shade(0xDCE6F2, 0x08306B, gap ? 0 : r->identity, rgb);
      for (int k = 0; k < 3 && gap; k++) rgb[k] = 255;
      rgb += 3;
    }
  }
}

of3_picture *of3_chart_alignment(const char *title, const uint8_t *letter, int rows, int columns) {
  of3_picture *p = of3_picture_new(860, 420);
  const of3_axes a = {p, {80, 40, 620, 320}, {0.5, columns + 0.5}, {rows, 0}};
  const of3_axes count = {p, {80, 40, 620, 320}, {0.5, columns + 0.5}, {0, rows}};
  const int lines = map_size(rows);
  ranked_row *rank = malloc((size_t)rows * sizeof *rank);
  uint8_t *rgb = malloc(3 * (size_t)lines * (size_t)columns);
  double *x = malloc(2 * (size_t)columns * sizeof *x);
  if (p && rank && rgb && x) {
    rank_rows(letter, rows, columns, rank);
    paint_rows(letter, columns, rank, rows, lines, rgb);
    of3_axes_draw(&count, "residue of the query", "sequences");
    of3_picture_image(p, a.box, rgb, columns, lines);
    for (int c = 0; c < columns; c++) {
      x[c] = c + 1;
      x[columns + c] = 0;
      for (int r = 0; r < rows; r++) x[columns + c] += letter[(size_t)r * (size_t)columns + (size_t)c] != '-';
    }
    of3_axes_curve(&count, x, x + columns, columns, (of3_pen){0xD55E00, 2, 0});
    of3_axes_legend(&count, 0, "with a residue", (of3_pen){0xD55E00, 2, 0});
    of3_axes_legend(&count, 1, "most like query", (of3_pen){0x08306B, 8, 0});
    of3_axes_legend(&count, 2, "least like query", (of3_pen){0xDCE6F2, 8, 0});
    put_title(p, title, 80 + 310);
  }
  const bool made = p && rank && rgb && x;
  free(rank);
  free(rgb);
  free(x);
  if (made) return p;
  of3_picture_free(p);
  return NULL;
}
