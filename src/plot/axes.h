/* Axes of a chart: a frame with ticks and labels, and places in it. */
#ifndef OF3_PLOT_AXES_H
#define OF3_PLOT_AXES_H

#include "plot/picture.h"

typedef struct of3_axes {
  of3_picture *picture;
  double box[4];     /* of the frame: x, y, width, height in pixels */
  double x[2], y[2]; /* what its left and right, lower and upper edges are; unequal */
} of3_axes;

double of3_axes_x(const of3_axes *a, double x);
double of3_axes_y(const of3_axes *a, double y);
void of3_axes_draw(const of3_axes *a, const char *x_label, const char *y_label);
/* Points that are not finite interrupt the curve; what lies outside the frame is drawn at its edge. */
void of3_axes_curve(const of3_axes *a, const double *x, const double *y, int n, of3_pen pen);
/* A line and its name, in row `row` right of the frame. */
void of3_axes_legend(const of3_axes *a, int row, const char *name, of3_pen pen);

/* Colours and dashes that are told apart with any colour vision (Okabe and Ito), also in grey. */
of3_pen of3_series_pen(int series);

/* Widens a range to hold x, but not what is no number or beyond 1e100; ranges begin as {INFINITY, -INFINITY}.
 */
void of3_range_add(double range[2], double x);
/* Makes it one that axes can have: not empty, and with some room. */
void of3_range_close(double range[2]);

#endif
