/* A picture as pixels. A line covers a pixel as far as the pixel's middle lies within half its width, with an
 * edge one pixel wide. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "plot/picture_parts.h"

enum { SCALE = 2 }; /* pixels of the file for one of the picture, in each direction */

typedef struct raster {
  int width, height;
  uint8_t *rgb;
} raster;

static void blend(raster *r, int x, int y, uint32_t color, double part) {
  if (x < 0 || y < 0 || x >= r->width || y >= r->height || part <= 0) return;
  uint8_t *p = r->rgb + 3 * ((size_t)y * (size_t)r->width + (size_t)x);
  for (int k = 0; k < 3; k++) {
    const double to = color >> (16 - 8 * k) & 255;
    p[k] = (uint8_t)lround(p[k] + (to - p[k]) * fmin(part, 1));
  }
}

static double distance_to(const double a[2], const double b[2], double x, double y) {
  const double dx = b[0] - a[0], dy = b[1] - a[1], length2 = dx * dx + dy * dy;
  double t = length2 > 0 ? ((x - a[0]) * dx + (y - a[1]) * dy) / length2 : 0;
  t = fmin(fmax(t, 0), 1);
  return hypot(x - a[0] - t * dx, y - a[1] - t * dy);
}

static int clipped(double x, int most) { return (int)fmin(fmax(x, -1), most); }

/* a, b in pixels of the file. */
static void stroke(raster *r, const double a[2], const double b[2], double half, uint32_t color) {
  const int left = clipped(fmin(a[0], b[0]) - half - 1, r->width),
            right = clipped(fmax(a[0], b[0]) + half + 1, r->width),
            top = clipped(fmin(a[1], b[1]) - half - 1, r->height),
            bottom = clipped(fmax(a[1], b[1]) + half + 1, r->height);
  for (int y = top; y <= bottom; y++)
    for (int x = left; x <= right; x++)
      blend(r, x, y, color, half + 0.5 - distance_to(a, b, x + 0.5, y + 0.5));
}

/* Dashes go on over the points of a line: *phase is how far along the pattern it begins. */
static void stroke_dashed(raster *r, const double a[2], const double b[2], const of3_pen *pen,
                          double *phase) {
  const double dash = SCALE * pen->dash, length = hypot(b[0] - a[0], b[1] - a[1]);
  for (double at = 0; at < length;) {
    const double to_edge = dash - fmod(*phase, dash), next = fmin(length, at + fmax(to_edge, 1e-6));
    double p[2], q[2];
    for (int k = 0; k < 2; k++) {
      p[k] = a[k] + (b[k] - a[k]) * at / length;
      q[k] = a[k] + (b[k] - a[k]) * next / length;
    }
    if (fmod(*phase, 2 * dash) < dash) stroke(r, p, q, SCALE * pen->width / 2, pen->color);
    *phase += next - at;
    at = next;
  }
}

static void draw_line(raster *r, const of3_shape *s) {
  double phase = 0;
  for (int i = 1; i < s->n; i++) {
    const double a[2] = {SCALE * s->at[2 * i - 2], SCALE * s->at[2 * i - 1]},
                 b[2] = {SCALE * s->at[2 * i], SCALE * s->at[2 * i + 1]};
    if (s->pen.dash > 0)
      stroke_dashed(r, a, b, &s->pen, &phase);
    else
      stroke(r, a, b, SCALE * s->pen.width / 2, s->pen.color);
  }
}

static void draw_box(raster *r, const of3_shape *s) {
  const int left = (int)lround(SCALE * s->box[0]), top = (int)lround(SCALE * s->box[1]),
            width = (int)lround(SCALE * s->box[2]), height = (int)lround(SCALE * s->box[3]);
  for (int y = 0; y < height; y++)
    for (int x = 0; x < width; x++) {
      uint32_t color = s->color;
      if (s->kind == OF3_SHAPE_IMAGE) {
        const size_t column = (size_t)x * (size_t)s->columns / (size_t)width,
                     row = (size_t)y * (size_t)s->rows / (size_t)height;
        const uint8_t *p = s->rgb + 3 * (row * (size_t)s->columns + column);
        color = (uint32_t)p[0] << 16 | (uint32_t)p[1] << 8 | p[2];
      }
      blend(r, left + x, top + y, color, 1);
    }
}

#define GLYPH_UNIT    0.115 /* of the size of the text */
#define GLYPH_ADVANCE 5.1   /* units from one character to the next */

static double text_length(const char *text) {
  int n = 0;
  size_t bytes;
  for (; *text; text += bytes, n++) of3_glyph(text, &bytes);
  return n ? GLYPH_ADVANCE * n - 1 : 0;
}

/* From the grid of a text that begins at `along` to pixels of the file. */
static void place(const of3_shape *s, double along, const char *point, double out[2]) {
  const double unit = GLYPH_UNIT * s->style.size, x = unit * (along + point[0] - '0'),
               y = unit * (point[1] - '2');
  out[0] = SCALE * (s->box[0] + (s->style.turned ? -y : x));
  out[1] = SCALE * (s->box[1] - (s->style.turned ? x : y));
}

static void draw_text(raster *r, const of3_shape *s) {
  size_t bytes;
  double along = -text_length(s->text) * (s->style.anchor == OF3_ANCHOR_MIDDLE ? 0.5
                                          : s->style.anchor == OF3_ANCHOR_END  ? 1
                                                                               : 0);
  for (const char *c = s->text; *c; c += bytes, along += GLYPH_ADVANCE) {
    const char *g = of3_glyph(c, &bytes);
    for (; g[0] && g[1]; g += 2) {
      double a[2], b[2];
      if (g[0] == ' ') g++;
      place(s, along, g, a);
      if (!g[2] || g[2] == ' ') continue;
      place(s, along, g + 2, b);
      stroke(r, a, b, SCALE * s->style.size * 0.045, 0x222222);
    }
  }
}

of3_status of3_picture_png(const of3_picture *p, of3_str *out, of3_error *err) {
  if (!p || p->failed) return of3_fail_memory(err, "a picture");
  raster r = {.width = SCALE * p->width, .height = SCALE * p->height};
  const size_t n = 3 * (size_t)r.width * (size_t)r.height;
  r.rgb = malloc(n);
  if (!r.rgb) return of3_fail_memory(err, "a picture");
  memset(r.rgb, 255, n);
  for (const of3_shape *s = p->first; s; s = s->next) {
    if (s->kind == OF3_SHAPE_LINE)
      draw_line(&r, s);
    else if (s->kind == OF3_SHAPE_TEXT)
      draw_text(&r, s);
    else
      draw_box(&r, s);
  }
  const of3_status status = of3_png_encode(r.rgb, r.width, r.height, out, err);
  free(r.rgb);
  return status;
}
