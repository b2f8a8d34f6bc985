/* Pictures (plot/picture.h): a PNG unpacks to the pixels that were drawn, an SVG says what was drawn, the
 * same picture gives the same bytes, and every character has strokes. Charts: what is in them, what is
 * refused. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <zlib.h>

#include "plot/axes.h"
#include "plot/charts.h"
#include "plot/picture_parts.h"

static uint32_t be32(const uint8_t *p) {
  return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* The pixels of a PNG of of3's: checks its chunks; the caller frees. */
static uint8_t *unpack_png(const of3_str *png, int *ret_width, int *ret_height) {
  const uint8_t *p = (const uint8_t *)png->text + 8, *idat = NULL;
  uint32_t packed = 0;
  assert_memory_equal(png->text, "\x89PNG\r\n\x1a\n", 8);
  while (p < (const uint8_t *)png->text + png->len) {
    const uint32_t n = be32(p);
    assert_int_equal(crc32(crc32(0, p + 4, 4), p + 8, n), be32(p + 8 + n));
    if (memcmp(p + 4, "IHDR", 4) == 0) {
      *ret_width = (int)be32(p + 8);
      *ret_height = (int)be32(p + 12);
    }
    if (memcmp(p + 4, "IDAT", 4) == 0) {
      idat = p + 8;
      packed = n;
    }
    p += 12 + n;
  }
  const size_t row = 3 * (size_t)*ret_width;
  uLongf size = (row + 1) * (size_t)*ret_height;
  uint8_t *lines = malloc(size), *rgb = malloc(row * (size_t)*ret_height);
  assert_non_null(lines);
  assert_non_null(rgb);
  assert_int_equal(uncompress(lines, &size, idat, packed), Z_OK);
  for (int y = 0; y < *ret_height; y++)
    for (size_t i = 0; i < row; i++)
      rgb[row * (size_t)y + i] =
          (uint8_t)(lines[(row + 1) * (size_t)y + 1 + i] + (y ? rgb[row * (size_t)(y - 1) + i] : 0));
  free(lines);
  return rgb;
}

static void draw_all(of3_picture *p) {
  static const uint8_t rgb[12] = {255, 0, 0, 0, 255, 0, 0, 0, 255, 9, 8, 7};
  const double line[] = {0, 30, 40, 30, NAN, 0, 0, 35, 40, 35};
  of3_picture_rect(p, (double[4]){10, 10, 5, 5}, 0x123456);
  of3_picture_image(p, (double[4]){20, 0, 10, 10}, rgb, 2, 2);
  of3_picture_line(p, line, 5, (of3_pen){0x0072B2, 2, 0});
  of3_picture_text(p, 20, 39, "a<b & c", (of3_text_style){8, OF3_ANCHOR_MIDDLE, false});
}

static void check_pixel(const uint8_t *rgb, int width, int x, int y, uint32_t color) {
  const uint8_t *p = rgb + 3 * ((size_t)y * (size_t)width + (size_t)x);
  assert_int_equal((uint32_t)p[0] << 16 | (uint32_t)p[1] << 8 | p[2], color);
}

static void png_has_the_pixels(void **state) {
  of3_picture *p = of3_picture_new(40, 40);
  of3_str png = {0}, again = {0};
  of3_error err = {0};
  int width = 0, height = 0;
  (void)state;
  draw_all(p);
  assert_int_equal(of3_picture_png(p, &png, &err), OF3_OK);
  assert_int_equal(of3_picture_png(p, &again, &err), OF3_OK);
  assert_int_equal(png.len, again.len);
  assert_memory_equal(png.text, again.text, png.len);
  uint8_t *rgb = unpack_png(&png, &width, &height);
  assert_true(width == 80 && height == 80);
  check_pixel(rgb, width, 22, 22, 0x123456);
  check_pixel(rgb, width, 18, 22, 0xFFFFFF);
  check_pixel(rgb, width, 42, 2, 0xFF0000);
  check_pixel(rgb, width, 58, 2, 0x00FF00);
  check_pixel(rgb, width, 42, 18, 0x0000FF);
  check_pixel(rgb, width, 20, 60, 0x0072B2); /* the line, 4 pixels wide, and nothing far from it */
  check_pixel(rgb, width, 20, 64, 0xFFFFFF);
  free(rgb);
  of3_str_free(&png);
  of3_str_free(&again);
  of3_picture_free(p);
}

static void svg_says_what_was_drawn(void **state) {
  of3_picture *p = of3_picture_new(40, 40);
  of3_str svg = {0};
  of3_error err = {0};
  (void)state;
  draw_all(p);
  assert_int_equal(of3_picture_svg(p, &svg, &err), OF3_OK);
  assert_non_null(strstr(svg.text, "<rect x=\"10\" y=\"10\" width=\"5\" height=\"5\" fill=\"#123456\"/>"));
  assert_non_null(strstr(svg.text, "<polyline points=\"0,30 40,30\""));
  assert_non_null(strstr(svg.text, "<polyline points=\"0,35 40,35\""));
  assert_non_null(strstr(svg.text, ">a&lt;b &amp; c</text>"));
  assert_non_null(strstr(svg.text, "href=\"data:image/png;base64,iVBORw0KGgo"));
  of3_str_free(&svg);
  of3_picture_free(p);
}

static void characters_have_strokes(void **state) {
  (void)state;
  for (int c = '!'; c < 127; c++) {
    const char text[2] = {(char)c, 0};
    size_t bytes;
    const char *g = of3_glyph(text, &bytes);
    assert_int_equal(bytes, 1);
    assert_true(strlen(g) >= 4);
    for (const char *s = g; *s; s += s[2] == ' ' ? 3 : 2)
      assert_true(s[0] >= '0' && s[0] <= '4' && s[1] >= '0' && s[1] <= '9');
  }
  size_t bytes;
  of3_glyph("\xC3\x85", &bytes);
  assert_int_equal(bytes, 2);
}

static void ranges_hold_what_they_are_given(void **state) {
  double range[2] = {INFINITY, -INFINITY}, none[2] = {INFINITY, -INFINITY};
  (void)state;
  of3_range_add(range, 3);
  of3_range_add(range, NAN);
  of3_range_add(range, 7);
  of3_range_close(range);
  assert_true(range[0] < 3 && range[0] > 2 && range[1] > 7 && range[1] < 8);
  of3_range_close(none);
  assert_true(none[0] < none[1]);
}

static void training_curves_are_those_of_the_table(void **state) {
  static const char steps[] = "step,loss,diffusion_loss,lddt\n1,4,3,0.1\n2,3,2.5,\n3,2,1.5,0.2\n";
  of3_picture *p;
  of3_str svg = {0};
  of3_error err = {0};
  (void)state;
  assert_int_equal(of3_chart_training("run", steps, NULL, &p, &err), OF3_OK);
  assert_int_equal(of3_picture_svg(p, &svg, &err), OF3_OK);
  assert_non_null(strstr(svg.text, ">of that, diffusion</text>"));
  assert_non_null(strstr(svg.text, ">lDDT of steps</text>"));
  assert_null(strstr(svg.text, "confidence"));
  int black = 0; /* two curves, each whole although a step has no lDDT, and their names */
  for (const char *at = svg.text; (at = strstr(at, "#000000")); at++) black++;
  assert_int_equal(black, 4);
  of3_str_free(&svg);
  of3_picture_free(p);
  assert_int_equal(of3_chart_training("run", "time,speed\n1,2\n", NULL, &p, &err), OF3_ERR_INPUT);
  assert_null(p);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(png_has_the_pixels), cmocka_unit_test(svg_says_what_was_drawn),
      cmocka_unit_test(characters_have_strokes), cmocka_unit_test(ranges_hold_what_they_are_given),
      cmocka_unit_test(training_curves_are_those_of_the_table)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
