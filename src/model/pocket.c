/* A ligand into the pocket where it is wanted (docs/sampling.md, "A ligand in a pocket"): from samples of the
 * whole complex to others, whose ligand sits in the pocket and from which the sampler goes on.
 *
 *   samples [S]      -- first key of the score --> parents, at most n_parent
 *   candidates       a parent and a pose of the ligand in it: the parent's own, then random ones
 *   kept [S]         the best in the order of the score that differ from each other
 *   out [S]          the parent with the pose in the place of its ligand
 *
 * The score is five numbers, compared in order, smaller is better. The first, a distance of means, hardly
 * ever ties, so the two that look at all other atoms are computed when they are asked for. Everything here is
 * on the host and in one thread: distances of some ten thousand poses of a ligand to a pocket, beside
 * hundreds of passes of the denoiser. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "model/run.h"

enum { N_KEY = 5, ALL_ATOMS = 3 /* keys from here on look at all atoms */ };
enum { DRAW_SHIFT = 4, DRAW_SHAPE = 7, DRAW_COIN, DRAW_ATOM, N_DRAW }; /* numbers of a candidate */

/* Atoms by their part; of the ligand and the site in order. */
typedef struct placing {
  const of3_run *r;
  const of3_pocket *p;
  const float *x; /* [S,A,3] */
  int n_sample, n_atom;
  int *ligand, *site, *other;
  int n_ligand, n_site, n_other;
} placing;

typedef struct pose {
  const placing *of;
  int parent, index;
  bool is_whole; /* all keys are known */
  double key[N_KEY];
  float *x; /* [n_ligand,3] */
} pose;

static const float *atom_of(const placing *p, int sample, int atom) {
  return p->x + 3 * ((size_t)sample * (size_t)p->n_atom + (size_t)atom);
}

static double squared(const float *a, const float *b) {
  const double x = (double)a[0] - (double)b[0], y = (double)a[1] - (double)b[1],
               z = (double)a[2] - (double)b[2];
  return x * x + y * y + z * z;
}

/* ---- Score */

static void mean_of(const float *x, int n, double out[3]) {
  for (int d = 0; d < 3; d++) {
    out[d] = 0;
    for (int k = 0; k < n; k++) out[d] += (double)x[3 * k + d] / n;
  }
}

static void mean_of_site(const placing *p, int sample, double out[3]) {
  for (int d = 0; d < 3; d++) {
    out[d] = 0;
    for (int k = 0; k < p->n_site; k++) out[d] += (double)atom_of(p, sample, p->site[k])[d] / p->n_site;
  }
}

/* What is no number is worse than any. */
static double ordered(double x) { return isnan(x) ? INFINITY : x; }

/* The distance of the means; how many atoms touch the pocket, negative; the mean square of what they are too
 * far from it. */
static void score_site(pose *c) {
  const placing *p = c->of;
  const double contact = (double)p->p->contact;
  double center[3], site[3], excess = 0, apart = 0;
  int touching = 0;
  mean_of(c->x, p->n_ligand, center);
  mean_of_site(p, c->parent, site);
  for (int d = 0; d < 3; d++) apart += (center[d] - site[d]) * (center[d] - site[d]);
  for (int k = 0; k < p->n_ligand; k++) {
    double nearest = INFINITY;
    for (int j = 0; j < p->n_site; j++)
      nearest = fmin(nearest, squared(c->x + 3 * k, atom_of(p, c->parent, p->site[j])));
    nearest = sqrt(nearest);
    touching += nearest < contact;
    if (nearest > contact) excess += (nearest - contact) * (nearest - contact);
  }
  c->key[0] = ordered(sqrt(apart));
  c->key[1] = -touching;
  c->key[2] = ordered(excess / p->n_ligand);
}

/* How far atoms reach into each other; the smallest distance to an atom that is not the ligand's, negative.
 */
static void score_others(pose *c) {
  const placing *p = c->of;
  const double scale = 1 - (double)p->p->buffer;
  double overlap = 0, nearest = INFINITY;
  for (int k = 0; k < p->n_ligand; k++)
    for (int j = 0; j < p->n_other; j++) {
      const double d = sqrt(squared(c->x + 3 * k, atom_of(p, c->parent, p->other[j])));
      const double touch = scale * ((double)p->p->radius[p->ligand[k]] + (double)p->p->radius[p->other[j]]);
      if (d < touch) overlap += (touch - d) * (touch - d);
      nearest = fmin(nearest, d);
    }
  c->key[ALL_ATOMS] = ordered(overlap);
  c->key[ALL_ATOMS + 1] = ordered(-nearest);
  c->is_whole = true;
}

static int compare_poses(const void *pa, const void *pb) {
  pose *a = *(pose *const *)pa, *b = *(pose *const *)pb;
  for (int k = 0; k < N_KEY; k++) {
    if (k >= ALL_ATOMS && !a->is_whole) score_others(a);
    if (k >= ALL_ATOMS && !b->is_whole) score_others(b);
    if (a->key[k] != b->key[k]) return a->key[k] < b->key[k] ? -1 : 1;
  }
  return (a->index > b->index) - (a->index < b->index);
}

/* By the first key alone. */
static int compare_parents(const void *pa, const void *pb) {
  const pose *a = *(pose *const *)pa, *b = *(pose *const *)pb;
  if (a->key[0] != b->key[0]) return a->key[0] < b->key[0] ? -1 : 1;
  return (a->index > b->index) - (a->index < b->index);
}

/* ---- Poses */

/* n standard normals of the candidate, or with step 1 of the sample. */
static void draw_normals(const placing *p, int step, int number, float *out, size_t n) {
  const of3_random_source *random = &p->r->random[0];
  if (random->opt_normal)
    random->opt_normal(random->user, OF3_RANDOM_POCKET, step, number, out, n);
  else
    of3_random_normal((of3_stream){random->seed, OF3_RANDOM_POCKET, (uint32_t)number, (uint32_t)step}, out,
                      n);
}

/* A choice of n by a standard normal: by the probability of a smaller one. */
static int choose(float normal, int n) {
  const int k = (int)(0.5 * erfc(-(double)normal / sqrt(2)) * n);
  return k < n ? k : n - 1;
}

static void own_pose(pose *c) {
  for (int k = 0; k < c->of->n_ligand; k++)
    memcpy(c->x + 3 * k, atom_of(c->of, c->parent, c->of->ligand[k]), 3 * sizeof(float));
}

/* Turned at random, around the middle of the pocket or around one of its atoms. */
static void random_pose(pose *c) {
  const placing *p = c->of;
  float z[N_DRAW], rotation[9];
  double mean[3] = {0}, target[3];
  draw_normals(p, 0, c->index, z, N_DRAW);
  of3_rotation_of(z, rotation);
  own_pose(c);
  const float *shape = c->x;
  if (p->p->n_conformer)
    shape = p->p->conformer + 3 * (size_t)choose(z[DRAW_SHAPE], p->p->n_conformer) * (size_t)p->n_ligand;
  else
    mean_of(c->x, p->n_ligand, mean);
  const bool to_center = choose(z[DRAW_COIN], 2) == 0;
  const float *near = atom_of(p, c->parent, p->site[choose(z[DRAW_ATOM], p->n_site)]);
  mean_of_site(p, c->parent, target);
  for (int d = 0; d < 3; d++) {
    if (!to_center) target[d] = (double)near[d];
    target[d] += (double)(to_center ? p->p->center_jitter : p->p->surface_jitter) * (double)z[DRAW_SHIFT + d];
  }
  for (int k = 0; k < p->n_ligand; k++) {
    double from[3];
    for (int d = 0; d < 3; d++) from[d] = (double)shape[3 * k + d] - mean[d];
    for (int d = 0; d < 3; d++) {
      double sum = target[d];
      for (int e = 0; e < 3; e++) sum += (double)rotation[3 * d + e] * from[e];
      c->x[3 * k + d] = (float)sum;
    }
  }
}

/* Without superposition. */
static double rms_distance(const pose *a, const pose *b) {
  double sum = 0;
  for (int k = 0; k < a->of->n_ligand; k++) sum += squared(a->x + 3 * k, b->x + 3 * k);
  return sqrt(sum / a->of->n_ligand);
}

/* ---- Stations */

static bool take_atoms(placing *p) {
  const float *mask = p->r->in.f[0]->atom_mask;
  p->ligand = OF3_RUN_NEW(p->r, int, p->n_atom);
  p->site = OF3_RUN_NEW(p->r, int, p->n_atom);
  p->other = OF3_RUN_NEW(p->r, int, p->n_atom);
  if (!p->ligand || !p->site || !p->other) return false;
  for (int a = 0; a < p->n_atom; a++) {
    if (p->p->ligand[a]) p->ligand[p->n_ligand++] = a;
    if (p->p->site[a]) p->site[p->n_site++] = a;
    if (mask[a] > 0 && !p->p->ligand[a]) p->other[p->n_other++] = a;
  }
  return true;
}

/* n poses without coordinates, and an array of pointers to them; NULL: no memory. */
static pose **new_poses(const placing *p, int n) {
  pose *all = OF3_RUN_NEW(p->r, pose, n), **list = OF3_RUN_NEW(p->r, pose *, n);
  float *x = OF3_RUN_NEW(p->r, float, 3 * (size_t)n * (size_t)p->n_ligand);
  if (!all || !list || !x) return NULL;
  for (int i = 0; i < n; i++) {
    all[i] = (pose){.of = p, .index = i, .x = x + 3 * (size_t)i * (size_t)p->n_ligand};
    list[i] = &all[i];
  }
  return list;
}

/* The samples, best first. */
static pose **find_parents(const placing *p) {
  pose **list = new_poses(p, p->n_sample);
  for (int s = 0; list && s < p->n_sample; s++) {
    list[s]->parent = s;
    own_pose(list[s]);
    score_site(list[s]);
  }
  if (list) qsort(list, (size_t)p->n_sample, sizeof *list, compare_parents);
  return list;
}

static pose **make_candidates(const placing *p, pose *const *parent, int n_parent, int n) {
  pose **list = new_poses(p, n);
  for (int i = 0; list && i < n; i++) {
    list[i]->parent = parent[i % n_parent]->parent;
    if (i < n_parent)
      own_pose(list[i]);
    else
      random_pose(list[i]);
    score_site(list[i]);
  }
  if (list) qsort(list, (size_t)n, sizeof *list, compare_poses);
  return list;
}

/* Moves p->n_sample of the n sorted ones to kept: those that differ, then the first ones again. */
static void keep_different(const placing *p, pose *const *list, int n, pose **kept) {
  int found = 0;
  for (int i = 0; i < n && found < p->n_sample; i++) {
    bool differs = true;
    for (int k = 0; k < found && differs; k++)
      differs = rms_distance(list[i], kept[k]) >= (double)p->p->diversity;
    if (differs) kept[found++] = list[i];
  }
  for (int i = 0; found < p->n_sample; i++) kept[found++] = list[i];
}

static void put_samples(const placing *p, pose *const *kept, float *out) {
  const size_t size = 3 * (size_t)p->n_atom;
  for (int s = 0; s < p->n_sample; s++) {
    float shift[3], *to = out + (size_t)s * size;
    draw_normals(p, 1, s, shift, 3);
    memcpy(to, p->x + (size_t)kept[s]->parent * size, size * sizeof *to);
    for (int k = 0; k < p->n_ligand; k++)
      for (int d = 0; d < 3; d++)
        to[3 * (size_t)p->ligand[k] + (size_t)d] = kept[s]->x[3 * k + d] + p->p->ligand_jitter * shift[d];
  }
}

void of3_pocket_place(const of3_run *r, const of3_pocket *pocket, int n_sample, const float *x, float *out) {
  placing p = {.r = r, .p = pocket, .x = x, .n_sample = n_sample, .n_atom = r->in.f[0]->n_atom};
  const int n = n_sample > pocket->n_candidate ? n_sample : pocket->n_candidate,
            n_parent = n_sample < pocket->n_parent ? n_sample : pocket->n_parent;
  pose **parent = take_atoms(&p) ? find_parents(&p) : NULL,
       **candidate = parent ? make_candidates(&p, parent, n_parent, n) : NULL,
       **kept = candidate ? OF3_RUN_NEW(r, pose *, n_sample) : NULL;
  if (!kept) return; /* the context has the error */
  keep_different(&p, candidate, n, kept);
  put_samples(&p, kept, out);
}

int of3_pocket_start(const of3_pocket *pocket, int n_step) {
  const int k = (int)nearbyint((double)pocket->start * n_step); /* half to even, as Python rounds */
  return k < 0 ? 0 : k > n_step - 1 ? n_step - 1 : k;
}
