#include "plot/picture.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/number.h"
#include "plot/picture_parts.h"

of3_picture *of3_picture_new(int width, int height) {
  of3_arena *arena = of3_arena_new(0);
  of3_picture *p = arena ? OF3_ARENA_NEW(arena, of3_picture, 1) : NULL;
  if (!p) {
    of3_arena_free(arena);
    return NULL;
  }
  *p = (of3_picture){.width = width, .height = height, .arena = arena};
  p->last = &p->first;
  return p;
}

void of3_picture_free(of3_picture *p) {
  if (p) of3_arena_free(p->arena);
}

static of3_shape *add_shape(of3_picture *p, of3_shape_kind kind) {
  of3_shape *s = p ? OF3_ARENA_NEW(p->arena, of3_shape, 1) : NULL;
  if (!s) {
    if (p) p->failed = true;
    return NULL;
  }
  s->kind = kind;
  *p->last = s;
  p->last = &s->next;
  return s;
}

static void *keep(of3_picture *p, const void *bytes, size_t n) {
  void *copy = of3_arena_alloc(p->arena, n, 1);
  if (copy)
    memcpy(copy, bytes, n);
  else
    p->failed = true;
  return copy;
}

static void add_piece(of3_picture *p, const double *at, int n, of3_pen pen) {
  of3_shape *s = n ? add_shape(p, OF3_SHAPE_LINE) : NULL;
  if (!s) return;
  s->at = keep(p, at, 2 * (size_t)n * sizeof *at);
  s->n = s->at ? n : 0;
  s->pen = pen;
}

void of3_picture_line(of3_picture *p, const double *at, int n, of3_pen pen) {
  int first = 0;
  for (int i = 0; i <= n; i++) {
    if (i < n && isfinite(at[2 * i]) && isfinite(at[2 * i + 1])) continue;
    add_piece(p, at + 2 * first, i - first, pen);
    first = i + 1;
  }
}

void of3_picture_rect(of3_picture *p, const double box[4], uint32_t color) {
  of3_shape *s = add_shape(p, OF3_SHAPE_RECT);
  if (!s) return;
  memcpy(s->box, box, sizeof s->box);
  s->color = color;
}

void of3_picture_text(of3_picture *p, double x, double y, const char *text, of3_text_style style) {
  of3_shape *s = add_shape(p, OF3_SHAPE_TEXT);
  of3_str printable = {0};
  if (!s) return;
  s->box[0] = x;
  s->box[1] = y;
  s->style = style;
  of3_str_add(&printable, text);
  s->text = keep(p, printable.text ? printable.text : "", printable.len + 1);
  of3_str_free(&printable);
}

void of3_picture_image(of3_picture *p, const double box[4], const uint8_t *rgb, int columns, int rows) {
  of3_shape *s = add_shape(p, OF3_SHAPE_IMAGE);
  if (!s) return;
  memcpy(s->box, box, sizeof s->box);
  s->rgb = keep(p, rgb, 3 * (size_t)columns * (size_t)rows);
  s->columns = s->rgb ? columns : 0;
  s->rows = s->rgb ? rows : 0;
}

/* ---- SVG */

static void put_number(of3_str *out, double x) {
  char text[32];
  of3_format(text, sizeof text, "%.2f", x);
  size_t n = strlen(text);
  while (n && text[n - 1] == '0') n--;
  if (n && text[n - 1] == '.') n--;
  of3_str_addn(out, text, n);
}

static void put_attribute(of3_str *out, const char *name, double x) {
  of3_str_addf(out, " %s=\"", name);
  put_number(out, x);
  of3_str_add(out, "\"");
}

static void put_box(of3_str *out, const double box[4]) {
  static const char *const name[] = {"x", "y", "width", "height"};
  for (int k = 0; k < 4; k++) put_attribute(out, name[k], box[k]);
}

static void put_escaped(of3_str *out, const char *text) {
  for (; *text; text++) {
    const char *entity = *text == '&' ? "&amp;" : *text == '<' ? "&lt;" : *text == '>' ? "&gt;" : NULL;
    if (entity)
      of3_str_add(out, entity);
    else
      of3_str_addc(out, (unsigned char)*text < ' ' ? ' ' : *text, 1);
  }
}

static void put_line(of3_str *out, const of3_shape *s) {
  of3_str_add(out, "<polyline points=\"");
  for (int i = 0; i < s->n; i++) {
    if (i) of3_str_add(out, " ");
    put_number(out, s->at[2 * i]);
    of3_str_add(out, ",");
    put_number(out, s->at[2 * i + 1]);
  }
  of3_str_addf(out, "\" fill=\"none\" stroke=\"#%06x\" stroke-linejoin=\"round\"", (unsigned)s->pen.color);
  put_attribute(out, "stroke-width", s->pen.width);
  if (s->pen.dash > 0) put_attribute(out, "stroke-dasharray", s->pen.dash);
  of3_str_add(out, "/>\n");
}

static void put_text(of3_str *out, const of3_shape *s) {
  static const char *const anchor[] = {"start", "middle", "end"};
  of3_str_add(out, "<text");
  put_attribute(out, "x", s->box[0]);
  put_attribute(out, "y", s->box[1]);
  put_attribute(out, "font-size", s->style.size);
  of3_str_addf(out, " text-anchor=\"%s\"", anchor[s->style.anchor]);
  if (s->style.turned) {
    of3_str_add(out, " transform=\"rotate(-90 ");
    put_number(out, s->box[0]);
    of3_str_add(out, " ");
    put_number(out, s->box[1]);
    of3_str_add(out, ")\"");
  }
  of3_str_add(out, ">");
  put_escaped(out, s->text ? s->text : "");
  of3_str_add(out, "</text>\n");
}

static void put_base64(of3_str *out, const of3_str *bytes) {
  static const char digit[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  for (size_t i = 0; i < bytes->len; i += 3) {
    uint32_t v = 0;
    const size_t n = bytes->len - i < 3 ? bytes->len - i : 3;
    for (size_t k = 0; k < 3; k++) v = v << 8 | (k < n ? (uint8_t)bytes->text[i + k] : 0);
    for (size_t k = 0; k < 4; k++) of3_str_addc(out, k <= n ? digit[v >> (18 - 6 * k) & 63] : '=', 1);
  }
}

static of3_status put_image(of3_str *out, const of3_shape *s, of3_error *err) {
  of3_str png = {0};
  const of3_status status = of3_png_encode(s->rgb, s->columns, s->rows, &png, err);
  if (status == OF3_OK) {
    of3_str_add(out, "<image");
    put_box(out, s->box);
    of3_str_add(out, " preserveAspectRatio=\"none\" style=\"image-rendering:pixelated\" "
                     "href=\"data:image/png;base64,");
    put_base64(out, &png);
    of3_str_add(out, "\"/>\n");
  }
  of3_str_free(&png);
  return status;
}

of3_status of3_picture_svg(const of3_picture *p, of3_str *out, of3_error *err) {
  if (!p || p->failed) return of3_fail_memory(err, "a picture");
  of3_str_addf(out,
               "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" viewBox=\"0 0 %d %d\" "
               "font-family=\"sans-serif\">\n<rect width=\"100%%\" height=\"100%%\" fill=\"#fff\"/>\n",
               p->width, p->height, p->width, p->height);
  for (const of3_shape *s = p->first; s; s = s->next) {
    if (s->kind == OF3_SHAPE_LINE) put_line(out, s);
    if (s->kind == OF3_SHAPE_TEXT) put_text(out, s);
    if (s->kind == OF3_SHAPE_IMAGE) OF3_TRY(put_image(out, s, err));
    if (s->kind != OF3_SHAPE_RECT) continue;
    of3_str_add(out, "<rect");
    put_box(out, s->box);
    of3_str_addf(out, " fill=\"#%06x\"/>\n", (unsigned)s->color);
  }
  of3_str_add(out, "</svg>\n");
  return out->failed ? of3_fail_memory(err, "a picture") : OF3_OK;
}
