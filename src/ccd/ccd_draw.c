/* SVG of a component. The coordinates are projected on the plane of their two main axes: the eigenvectors of
 * the largest eigenvalues of the covariance matrix, found by cyclic Jacobi rotations. Rings and chains lie
 * flat that way; what is round overlaps. */
#include "ccd/ccd_draw.h"

#include <math.h>
#include <string.h>

enum { DRAW_SCALE = 44, DRAW_MARGIN = 40 }; /* pixels for an Angstrom, around the drawing */

typedef struct drawing {
  const of3_ccd_entry *e;
  const float *xyz;
  bool *shown;
  double *at; /* [n_atom, 2] pixels */
  double width, height;
} drawing;

static bool draw_is_hydrogen(const of3_ccd_atom *a) {
  return a->element[1] == 0 && (a->element[0] == 'H' || a->element[0] == 'D');
}

/* Rotates a, symmetric, until it is diagonal; the columns of v become its eigenvectors. */
static void draw_jacobi(double a[3][3], double v[3][3]) {
  for (int sweep = 0; sweep < 30; sweep++)
    for (int p = 0; p < 2; p++)
      for (int q = p + 1; q < 3; q++) {
        if (fabs(a[p][q]) < 1e-12) continue;
        const double angle = 0.5 * atan2(2 * a[p][q], a[q][q] - a[p][p]), c = cos(angle), s = sin(angle);
        for (int k = 0; k < 3; k++) {
          const double x = a[k][p], y = a[k][q];
          a[k][p] = c * x - s * y;
          a[k][q] = s * x + c * y;
        }
        for (int k = 0; k < 3; k++) {
          const double x = a[p][k], y = a[q][k], u = v[k][p], w = v[k][q];
          a[p][k] = c * x - s * y;
          a[q][k] = s * x + c * y;
          v[k][p] = c * u - s * w;
          v[k][q] = s * u + c * w;
        }
      }
}

static void draw_project(drawing *d) {
  double mean[3] = {0}, a[3][3] = {{0}}, v[3][3] = {{1, 0, 0}, {0, 1, 0}, {0, 0, 1}}, low[2] = {1e9, 1e9},
         high[2] = {-1e9, -1e9};
  int n = 0, axis[2] = {0, 1};
  for (int i = 0; i < d->e->n_atom; i++)
    if (d->shown[i] && ++n)
      for (int k = 0; k < 3; k++) mean[k] += d->xyz[3 * i + k];
  for (int k = 0; k < 3; k++) mean[k] /= n ? n : 1;
  for (int i = 0; i < d->e->n_atom; i++)
    for (int k = 0; d->shown[i] && k < 9; k++)
      a[k / 3][k % 3] += (d->xyz[3 * i + k / 3] - mean[k / 3]) * (d->xyz[3 * i + k % 3] - mean[k % 3]);
  draw_jacobi(a, v);
  int least = 0;
  for (int k = 1; k < 3; k++)
    if (a[k][k] < a[least][least]) least = k;
  axis[0] = least == 0 ? 1 : 0;
  axis[1] = least == 2 ? 1 : 2;
  if (a[axis[1]][axis[1]] > a[axis[0]][axis[0]]) {
    int swapped = axis[0];
    axis[0] = axis[1];
    axis[1] = swapped;
  }
  for (int i = 0; i < d->e->n_atom; i++)
    for (int k = 0; d->shown[i] && k < 2; k++) {
      double x = 0;
      for (int j = 0; j < 3; j++) x += (d->xyz[3 * i + j] - mean[j]) * v[j][axis[k]];
      d->at[2 * i + k] = DRAW_SCALE * x;
      low[k] = fmin(low[k], DRAW_SCALE * x);
      high[k] = fmax(high[k], DRAW_SCALE * x);
    }
  for (int i = 0; i < d->e->n_atom; i++)
    for (int k = 0; k < 2; k++) d->at[2 * i + k] += DRAW_MARGIN - low[k];
  d->width = high[0] - low[0] + 2 * DRAW_MARGIN;
  d->height = high[1] - low[1] + 2 * DRAW_MARGIN;
}

static void draw_line(const drawing *d, const of3_ccd_bond *b, double shift, const char *style,
                      of3_str *out) {
  const double *p = &d->at[2 * b->a], *q = &d->at[2 * b->b];
  const double dx = q[0] - p[0], dy = q[1] - p[1], length = sqrt(dx * dx + dy * dy) + 1e-9;
  const double sx = -dy / length * shift, sy = dx / length * shift;
  of3_str_addf(out, "<line x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\"%s/>\n", p[0] + sx, p[1] + sy,
               q[0] + sx, q[1] + sy, style);
}

/* Aromatic bonds have a dashed second line, bonds of atoms that leave are grey. */
static void draw_bonds(const drawing *d, of3_str *out) {
  of3_str_add(out, "<g stroke=\"#333\" stroke-width=\"1.6\">\n");
  for (int i = 0; i < d->e->n_bond; i++) {
    const of3_ccd_bond *b = &d->e->bond[i];
    const bool leaves = d->e->atom[b->a].leaving || d->e->atom[b->b].leaving;
    const char *plain = leaves ? " stroke=\"#aaa\"" : "";
    if (!d->shown[b->a] || !d->shown[b->b]) continue;
    if (b->aromatic) {
      draw_line(d, b, -2, plain, out);
      draw_line(d, b, 2, " stroke-dasharray=\"3 3\"", out);
    } else
      for (int k = 0; k < b->order; k++) draw_line(d, b, 4.0 * k - 2.0 * (b->order - 1), plain, out);
  }
  of3_str_add(out, "</g>\n");
}

static const char *draw_color(const of3_ccd_atom *a) {
  static const struct {
    const char *element, *color;
  } colors[] = {{"C", "#333"},    {"N", "#2040d0"},  {"O", "#d02020"},  {"S", "#a08000"}, {"P", "#d07000"},
                {"F", "#209020"}, {"CL", "#209020"}, {"BR", "#904020"}, {"I", "#702090"}, {"H", "#777"}};
  if (a->leaving) return "#aaa";
  for (size_t i = 0; i < sizeof colors / sizeof *colors; i++)
    if (strcmp(a->element, colors[i].element) == 0) return colors[i].color;
  return "#108080";
}

static void draw_escaped(of3_str *out, const char *text) {
  for (; *text; text++) {
    const char *entity = *text == '&' ? "&amp;" : *text == '<' ? "&lt;" : *text == '>' ? "&gt;" : NULL;
    if (entity)
      of3_str_add(out, entity);
    else
      of3_str_addc(out, (unsigned char)*text < ' ' ? ' ' : *text, 1);
  }
}

static void draw_atoms(const drawing *d, of3_str *out) {
  of3_str_add(out, "<g font-family=\"sans-serif\" font-size=\"12\" text-anchor=\"middle\">\n");
  for (int i = 0; i < d->e->n_atom; i++) {
    const of3_ccd_atom *a = &d->e->atom[i];
    if (!d->shown[i]) continue;
    of3_str_addf(
        out,
        "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"9\" fill=\"#fff\"/><text x=\"%.1f\" y=\"%.1f\" fill=\"%s\">",
        d->at[2 * i], d->at[2 * i + 1], d->at[2 * i], d->at[2 * i + 1] + 4, draw_color(a));
    draw_escaped(out, a->name);
    if (a->charge)
      of3_str_addf(out, "<tspan dy=\"-5\" font-size=\"9\">%d%c</tspan>",
                   a->charge < 0 ? -a->charge : a->charge, a->charge < 0 ? '-' : '+');
    of3_str_add(out, "</text>\n");
  }
  of3_str_add(out, "</g>\n");
}

static of3_status draw_choose(drawing *d, of3_error *err) {
  int n = 0;
  for (int i = 0; i < d->e->n_atom; i++) {
    d->shown[i] = !draw_is_hydrogen(&d->e->atom[i]);
    n += d->shown[i];
  }
  for (int i = 0; n == 0 && i < d->e->n_atom; i++) d->shown[i] = true;
  const float *kinds[] = {d->e->ideal, d->e->model};
  for (int k = 0; k < 2; k++) {
    bool all = kinds[k];
    for (int i = 0; all && i < d->e->n_atom; i++) all = !d->shown[i] || !isnan(kinds[k][3 * i]);
    d->xyz = all ? kinds[k] : NULL;
    if (all) return OF3_OK;
  }
  return of3_fail(err, OF3_ERR_INPUT, "component '%s' cannot be drawn: not all of its atoms have coordinates",
                  d->e->code);
}

of3_status of3_ccd_draw(const of3_ccd_entry *e, of3_str *out, of3_error *err) {
  of3_arena *arena = of3_arena_new(0);
  drawing d = {.e = e};
  if (arena) {
    d.shown = OF3_ARENA_NEW(arena, bool, e->n_atom);
    d.at = OF3_ARENA_NEW(arena, double, 2 * (size_t)e->n_atom);
  }
  of3_status status = d.shown && d.at ? draw_choose(&d, err) : of3_fail_memory(err, "a drawing");
  if (status == OF3_OK) {
    draw_project(&d);
    of3_str_addf(out, "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%.0f\" height=\"%.0f\">\n<title>",
                 d.width, d.height);
    draw_escaped(out, e->code);
    of3_str_add(out, " ");
    draw_escaped(out, e->name);
    of3_str_add(out, "</title>\n<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n");
    draw_bonds(&d, out);
    draw_atoms(&d, out);
    of3_str_add(out, "</svg>\n");
    if (out->failed) status = of3_fail_memory(err, "a drawing");
  }
  of3_arena_free(arena);
  return status;
}
