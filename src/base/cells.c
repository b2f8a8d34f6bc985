#include "base/cells.h"

#include <math.h>
#include <stdlib.h>

enum { NO_CELL = INT32_MAX };

static uint32_t bucket_of(const of3_cells *c, const int32_t cell[3]) {
  uint32_t h =
      (uint32_t)cell[0] * 0x9e3779b1u ^ (uint32_t)cell[1] * 0x85ebca77u ^ (uint32_t)cell[2] * 0xc2b2ae3du;
  return (h ^ h >> 15) & c->mask;
}

/* Coordinates beyond +-1e9 cells share the outermost cell. */
static int32_t cell_of(float x, float edge) {
  double c = floor((double)x / (double)edge);
  return (int32_t)(c < -1e9 ? -1e9 : c > 1e9 ? 1e9 : c);
}

static bool finite3(const float *x) { return isfinite(x[0]) && isfinite(x[1]) && isfinite(x[2]); }

static bool cells_take_memory(of3_cells *c, int n) {
  uint32_t buckets = 16;
  while (buckets < (uint32_t)n) buckets *= 2;
  c->mask = buckets - 1;
  c->first = calloc((size_t)buckets + 1, sizeof *c->first);
  c->item = malloc(((size_t)n + 1) * sizeof *c->item);
  c->cell = malloc(((size_t)n + 1) * sizeof *c->cell);
  return c->first && c->item && c->cell;
}

void of3_cells_free(of3_cells *c) {
  free(c->first);
  free(c->item);
  free(c->cell);
  *c = (of3_cells){0};
}

/* Counting sort by bucket: first[] holds counts, then the ends of the buckets, at last their beginnings. */
of3_status of3_cells_build(const float *x, int n, float edge, of3_cells *out, of3_error *err) {
  of3_cells c = {.edge = edge};
  if (!cells_take_memory(&c, n)) {
    of3_cells_free(&c);
    return of3_fail_memory(err, "the cell list of atoms");
  }
  for (int a = 0; a < n; a++) {
    const float *p = x + 3 * (size_t)a;
    for (int k = 0; k < 3; k++) c.cell[a][k] = finite3(p) ? cell_of(p[k], edge) : NO_CELL;
    if (finite3(p)) c.first[bucket_of(&c, c.cell[a])]++;
  }
  for (uint32_t b = 0; b <= c.mask; b++) c.first[b + 1] += c.first[b];
  for (int a = n - 1; a >= 0; a--)
    if (c.cell[a][0] != NO_CELL) c.item[--c.first[bucket_of(&c, c.cell[a])]] = a;
  *out = c;
  return OF3_OK;
}

static bool visit_cell(const of3_cells *c, const int32_t cell[3], of3_cell_visit *visit, void *user) {
  uint32_t b = bucket_of(c, cell);
  for (int32_t at = c->first[b]; at < c->first[b + 1]; at++) {
    const int32_t *other = c->cell[c->item[at]];
    bool here = other[0] == cell[0] && other[1] == cell[1] && other[2] == cell[2];
    if (here && !visit(user, c->item[at])) return false;
  }
  return true;
}

bool of3_cells_near(const of3_cells *c, int of, of3_cell_visit *visit, void *user) {
  const int32_t *home = c->cell[of];
  if (home[0] == NO_CELL) return true;
  for (int32_t i = -1; i <= 1; i++)
    for (int32_t j = -1; j <= 1; j++)
      for (int32_t k = -1; k <= 1; k++)
        if (!visit_cell(c, (int32_t[3]){home[0] + i, home[1] + j, home[2] + k}, visit, user)) return false;
  return true;
}
