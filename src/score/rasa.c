#include "score/rasa.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/cells.h"

#define PI 3.14159265358979323846

enum { N_POINT = 1000, WINDOW = 25 };
static const float probe = 1.4f;
static const double threshold = 0.581;

/* Tsai et al. 1999: element, bonded atoms, hydrogens among them. The reference takes the first letter of the
 * atom's name for its element. */
static float protor_radius(const of3_atom *a) {
  static const struct {
    char element;
    int neighbours, hydrogens;
    float radius;
  } group[] = {{'C', 3, 0, 1.61f}, {'C', 3, 1, 1.76f}, {'C', 4, 1, 1.88f}, {'C', 4, 2, 1.88f},
               {'C', 4, 3, 1.88f}, {'N', 3, 0, 1.64f}, {'N', 3, 1, 1.64f}, {'N', 3, 2, 1.64f},
               {'N', 4, 3, 1.64f}, {'O', 1, 0, 1.42f}, {'O', 2, 1, 1.46f}, {'S', 1, 0, 1.77f},
               {'S', 2, 0, 1.77f}, {'S', 2, 1, 1.77f}};
  for (size_t g = 0; g < sizeof group / sizeof *group; g++)
    if (a->name[0] == group[g].element && a->neighbours == group[g].neighbours &&
        a->hydrogens == group[g].hydrogens)
      return group[g].radius;
  return 1.8f;
}

/* Golden-section spiral on the unit sphere. */
static void fibonacci_points(float point[N_POINT][3]) {
  for (int k = 0; k < N_POINT; k++) {
    double z = 1 - (2.0 * k + 1) / N_POINT, angle = k * PI * (3 - sqrt(5)), r = sqrt(1 - z * z);
    point[k][0] = (float)(r * cos(angle));
    point[k][1] = (float)(r * sin(angle));
    point[k][2] = (float)z;
  }
}

/* A sphere that hides points: centre, squared radius. */
typedef struct occluder {
  float x, y, z, r2;
} occluder;

typedef struct neighbourhood {
  const float *x, *radius; /* of the chain */
  int centre, n;
  occluder *occluder;
} neighbourhood;

static float distance2(const float *p, float x, float y, float z) {
  float dx = x - p[0], dy = y - p[1], dz = z - p[2];
  return dx * dx + dy * dy + dz * dz;
}

static bool collect(void *user, int j) {
  neighbourhood *h = user;
  const float *q = h->x + 3 * (size_t)j;
  float d2 = distance2(h->x + 3 * (size_t)h->centre, q[0], q[1], q[2]);
  float reach = h->radius[j] + h->radius[h->centre];
  if (d2 != 0 && d2 < reach * reach)
    h->occluder[h->n++] = (occluder){q[0], q[1], q[2], h->radius[j] * h->radius[j]};
  return true;
}

/* Neighbouring points tend to be hidden by the same sphere: the last one is tried first. */
static int visible_points(const neighbourhood *h, const float point[N_POINT][3]) {
  const float *c = h->x + 3 * (size_t)h->centre;
  float r = h->radius[h->centre];
  int visible = N_POINT, last = 0;
  for (int k = 0; k < N_POINT && h->n; k++) {
    float p[3] = {point[k][0] * r + c[0], point[k][1] * r + c[1], point[k][2] * r + c[2]};
    const occluder *o = h->occluder;
    bool hidden = distance2(p, o[last].x, o[last].y, o[last].z) < o[last].r2;
    for (int i = 0; i < h->n && !hidden; i++)
      if (distance2(p, o[i].x, o[i].y, o[i].z) < o[i].r2) {
        hidden = true;
        last = i;
      }
    visible -= hidden;
  }
  return visible;
}

static of3_status sasa_of(neighbourhood *h, int n, float largest, of3_cancel *opt_cancel, float *out,
                          of3_error *err) {
  float point[N_POINT][3];
  fibonacci_points(point);
  const float area = (float)(4 * PI / N_POINT);
  of3_cells cells = {0};
  OF3_TRY(of3_cells_build(h->x, n, 2 * largest, &cells, err));
  for (int a = 0; a < n && !of3_cancelled(opt_cancel); a++) {
    h->centre = a;
    h->n = 0;
    of3_cells_near(&cells, a, collect, h);
    float r2 = h->radius[a] * h->radius[a];
    out[a] = area * (float)visible_points(h, point) * r2;
  }
  of3_cells_free(&cells);
  return of3_go_on(opt_cancel, err);
}

of3_status of3_chain_sasa(const of3_complex *c, int chain, const float *x, of3_cancel *opt_cancel, float *out,
                          of3_error *err) {
  const of3_chain *ch = &c->chain[chain];
  const of3_residue *first = &c->residue[ch->first_residue], *last = first + ch->n_residue - 1;
  int begin = first->first_atom, n = last->first_atom + last->n_atom - begin;
  float *radius = malloc((size_t)n * sizeof *radius);
  occluder *list = malloc((size_t)n * sizeof *list);
  of3_status status = OF3_OK;
  if (!radius || !list)
    status = of3_fail_memory(err, "the accessible surface");
  else {
    float largest = 0;
    for (int a = 0; a < n; a++) {
      radius[a] = protor_radius(&c->atom[begin + a]) + probe;
      if (radius[a] > largest) largest = radius[a];
    }
    neighbourhood h = {.x = x + 3 * (size_t)begin, .radius = radius, .occluder = list};
    status = sasa_of(&h, n, largest, opt_cancel, out, err);
  }
  free(radius);
  free(list);
  return status;
}

/* Sander & Rost 1994, square Angstrom. */
static double largest_area(const char *residue) {
  static const struct {
    char name[4];
    double area;
  } table[] = {{"ALA", 106}, {"ARG", 248}, {"ASN", 157}, {"ASP", 163}, {"CYS", 135},
               {"GLN", 198}, {"GLU", 194}, {"GLY", 84},  {"HIS", 184}, {"ILE", 169},
               {"LEU", 164}, {"LYS", 205}, {"MET", 188}, {"PHE", 197}, {"PRO", 136},
               {"SER", 130}, {"THR", 142}, {"TRP", 227}, {"TYR", 222}, {"VAL", 142}};
  for (size_t i = 0; i < sizeof table / sizeof *table; i++)
    if (strcmp(table[i].name, residue) == 0) return table[i].area;
  return 113;
}

/* Index -n .. 2n of a sequence mirrored at its ends without repeating them, again and again: period 2(n-1).
 */
static int mirrored(int i, int n) {
  if (n == 1) return 0;
  int period = 2 * (n - 1);
  i = (i % period + period) % period;
  return i < n ? i : period - i;
}

static void relative_areas(const of3_complex *c, const of3_chain *ch, const float *sasa, double *rasa) {
  const of3_residue *residue = &c->residue[ch->first_residue];
  const int begin = residue->first_atom;
  for (int r = 0; r < ch->n_residue; r++) {
    float area = 0;
    for (int a = 0; a < residue[r].n_atom; a++) area += sasa[residue[r].first_atom - begin + a];
    double relative = (double)area / largest_area(residue[r].name);
    rasa[r] = relative > 1 ? 1 : relative;
  }
}

of3_status of3_chain_rasa(const of3_complex *c, int chain, const float *x, of3_cancel *opt_cancel,
                          double *out, of3_error *err) {
  const of3_chain *ch = &c->chain[chain];
  const int n = ch->n_residue;
  float *sasa = malloc((size_t)(c->n_atom + 1) * sizeof *sasa);
  double *rasa = malloc((size_t)(n + 1) * sizeof *rasa);
  of3_status status = sasa && rasa ? OF3_OK : of3_fail_memory(err, "the accessible surface");
  if (status == OF3_OK) status = of3_chain_sasa(c, chain, x, opt_cancel, sasa, err);
  if (status == OF3_OK) relative_areas(c, ch, sasa, rasa);
  for (int r = 0; status == OF3_OK && r < n; r++) {
    double sum = 0;
    for (int k = -(WINDOW / 2); k <= WINDOW / 2; k++) sum += rasa[mirrored(r + k, n)];
    out[r] = sum / WINDOW;
  }
  free(sasa);
  free(rasa);
  return status;
}

of3_status of3_disorder(const of3_complex *c, const float *x, of3_cancel *opt_cancel, float *out,
                        of3_error *err) {
  double *rasa = malloc((size_t)(c->n_residue + 1) * sizeof *rasa);
  of3_status status = rasa ? OF3_OK : of3_fail_memory(err, "the disorder score");
  int n_residue = 0, exposed = 0;
  for (int k = 0; status == OF3_OK && k < c->n_chain; k++) {
    if (c->chain[k].type != OF3_PROTEIN) continue;
    status = of3_chain_rasa(c, k, x, opt_cancel, rasa, err);
    for (int r = 0; status == OF3_OK && r < c->chain[k].n_residue; r++) exposed += rasa[r] > threshold;
    n_residue += c->chain[k].n_residue;
  }
  if (status == OF3_OK) *out = n_residue ? (float)((double)exposed / n_residue) : 0.0f;
  free(rasa);
  return status;
}
