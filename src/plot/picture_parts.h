/* Inside pictures: what their files share. */
#ifndef OF3_PLOT_PICTURE_PARTS_H
#define OF3_PLOT_PICTURE_PARTS_H

#include "base/arena.h"
#include "plot/picture.h"

typedef enum of3_shape_kind {
  OF3_SHAPE_LINE,
  OF3_SHAPE_RECT,
  OF3_SHAPE_TEXT,
  OF3_SHAPE_IMAGE
} of3_shape_kind;

typedef struct of3_shape {
  struct of3_shape *next;
  of3_shape_kind kind;
  double box[4]; /* of rectangles and images; of texts x, y */
  uint32_t color;
  /* lines */
  double *at; /* [n,2] */
  int n;
  of3_pen pen;
  /* texts */
  char *text;
  of3_text_style style;
  /* images */
  uint8_t *rgb;
  int columns, rows;
} of3_shape;

struct of3_picture {
  int width, height;
  of3_arena *arena;
  of3_shape *first, **last;
  bool failed;
};

/* png.c: rgb [height,width,3] as a PNG file. */
OF3_MUST_CHECK of3_status of3_png_encode(const uint8_t *rgb, int width, int height, of3_str *out,
                                         of3_error *err);

/* glyphs.c: the strokes of the character that text begins with, on a grid 4 wide whose base line is 2 and
 * whose capitals end at 8: two digits a point, a blank between strokes. *ret_bytes: of the character. */
const char *of3_glyph(const char *text, size_t *ret_bytes);

#endif
