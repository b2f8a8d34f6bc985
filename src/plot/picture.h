/* Pictures as a list of lines, rectangles, texts and images, written as SVG or as PNG.
 *
 *   of3_picture_new, then what is in it from back to front, then of3_picture_svg or of3_picture_png
 *
 * Places and sizes are in pixels from the upper left corner, colours 0xRRGGBB. The same calls give the same
 * bytes. A picture for which there was no memory stays empty, and writing it is an error. In a PNG each pixel
 * is four, lines have smooth edges, and text is drawn in strokes (glyphs.c), characters that it does not have
 * as boxes; no library for fonts or drawing is needed for labels of axes. */
#ifndef OF3_PLOT_PICTURE_H
#define OF3_PLOT_PICTURE_H

#include <stdint.h>

#include "base/str.h"

typedef struct of3_picture of3_picture;

typedef enum of3_anchor { OF3_ANCHOR_START, OF3_ANCHOR_MIDDLE, OF3_ANCHOR_END } of3_anchor;

typedef struct of3_pen {
  uint32_t color;
  double width;
  double dash; /* length of dashes and of gaps; 0: a whole line */
} of3_pen;

typedef struct of3_text_style {
  double size;
  of3_anchor anchor;
  bool turned; /* reads upwards */
} of3_text_style;

of3_picture *of3_picture_new(int width, int height); /* white; NULL: no memory */
void of3_picture_free(of3_picture *opt_picture);

/* Points that are not finite interrupt the line. at [n,2]. */
void of3_picture_line(of3_picture *p, const double *at, int n, of3_pen pen);
void of3_picture_rect(of3_picture *p, const double box[4], uint32_t color); /* x, y, width, height */
/* (x, y): where the base line of the text begins, is in the middle, or ends. */
void of3_picture_text(of3_picture *p, double x, double y, const char *text, of3_text_style style);
/* rgb [rows,columns,3], copied, in a box as it is, without smoothing. */
void of3_picture_image(of3_picture *p, const double box[4], const uint8_t *rgb, int columns, int rows);

/* Append the file to out. */
OF3_MUST_CHECK of3_status of3_picture_svg(const of3_picture *p, of3_str *out, of3_error *err);
OF3_MUST_CHECK of3_status of3_picture_png(const of3_picture *p, of3_str *out, of3_error *err);

#endif
