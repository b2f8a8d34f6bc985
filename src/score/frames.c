#include "score/frames.h"

#include <math.h>
#include <stdlib.h>

#include "base/cells.h"

static const float eps = 1e-8f;

static float distance(const float *p, const float *q) {
  float d = 0;
  for (int k = 0; k < 3; k++) d += eps + (p[k] - q[k]) * (p[k] - q[k]);
  return sqrtf(d);
}

typedef struct frame_job {
  const of3_features *f;
  const float *x, *mask;
  int first, end; /* atoms of the chain */
} frame_job;

/* The atoms of ranks 2 and 3 by distance from `atom` among the unmasked atoms of its chain; -1: none. Rank 1
 * is the atom itself, or one on the same spot with a smaller index. */
static void two_nearest(const frame_job *job, int atom, int *ret_a, int *ret_c) {
  int best[3] = {-1, -1, -1};
  float near[3] = {INFINITY, INFINITY, INFINITY};
  for (int k = job->first; k < job->end; k++) {
    if (!(job->mask[k] > 0)) continue;
    float d = distance(job->x + 3 * (size_t)atom, job->x + 3 * (size_t)k);
    if (!(d < near[2])) continue;
    int at = 2;
    for (; at > 0 && d < near[at - 1]; at--) {
      near[at] = near[at - 1];
      best[at] = best[at - 1];
    }
    near[at] = d;
    best[at] = k;
  }
  *ret_a = best[1];
  *ret_c = best[2];
}

/* The angle a-b-c is between 25 and 155 degrees. */
static bool bent(const float *a, const float *b, const float *c) {
  const float limit = 0.90630778703665f; /* cos 25 */
  float uv = 0, u2 = eps, v2 = eps;
  for (int k = 0; k < 3; k++) {
    float u = a[k] - b[k], v = c[k] - b[k];
    uv += u * v;
    u2 += u * u;
    v2 += v * v;
  }
  float cosine = uv / (sqrtf(u2) * sqrtf(v2));
  return cosine < limit && cosine > -limit;
}

static bool atom_token_frame(const frame_job *job, int atom, int32_t out[3]) {
  int a, c;
  if (!(job->mask[atom] > 0)) return false;
  two_nearest(job, atom, &a, &c);
  out[0] = a;
  out[1] = atom;
  out[2] = c;
  return c >= 0 && bent(job->x + 3 * (size_t)a, job->x + 3 * (size_t)atom, job->x + 3 * (size_t)c);
}

static bool residue_frame(const frame_job *job, int token, int32_t out[3]) {
  for (int k = 0; k < 3; k++) {
    out[k] = job->f->frame_atoms[3 * (size_t)token + (size_t)k];
    if (out[k] < 0 || !(job->mask[out[k]] > 0)) return false;
  }
  return true;
}

/* Atoms of one chain are contiguous: those of the token's chain, found once for all of its tokens. */
static void find_chain_atoms(frame_job *job, int token) {
  const of3_features *f = job->f;
  if (token > 0 && f->asym_id[token] == f->asym_id[token - 1]) return;
  int last = token;
  while (last + 1 < f->n_token && f->asym_id[last + 1] == f->asym_id[token]) last++;
  job->first = f->start_atom_index[token];
  job->end = f->start_atom_index[last] + f->num_atoms_per_token[last];
}

static bool token_frame(frame_job *job, int t, int32_t out[3]) {
  find_chain_atoms(job, t);
  if (!(job->f->token_mask[t] > 0)) return false;
  return job->f->is_atomized[t] ? atom_token_frame(job, job->f->start_atom_index[t], out)
                                : residue_frame(job, t, out);
}

void of3_frame_atoms(const of3_features *f, const float *x, const float *atom_mask, int32_t *out) {
  frame_job job = {f, x, atom_mask, 0, 0};
  for (int t = 0; t < f->n_token; t++) {
    int32_t *to = out + 3 * (size_t)t;
    if (!token_frame(&job, t, to)) to[0] = to[1] = to[2] = -1;
  }
}

void of3_token_frames(const of3_features *f, const float *x, uint8_t *out) {
  frame_job job = {f, x, f->atom_mask, 0, 0};
  int32_t unused[3];
  for (int t = 0; t < f->n_token; t++) out[t] = token_frame(&job, t, unused);
}

/* ---- Clashes */

enum { MOST_CLOSE_PAIRS = 100 };
static const float clash_distance = 1.1f;

typedef struct clash_count {
  const of3_complex *c;
  const float *x;
  of3_cancel *opt_cancel;
  int atom, chain; /* the atom at hand */
  int *chain_of;   /* [A] */
  int *pairs;      /* [C] close pairs of the chain at hand with each later chain */
} clash_count;

static bool count_pair(void *user, int j) {
  clash_count *k = user;
  int other = k->chain_of[j];
  if (other <= k->chain || k->c->chain[other].type == OF3_LIGAND) return true;
  const float *p = k->x + 3 * (size_t)k->atom, *q = k->x + 3 * (size_t)j;
  float dx = p[0] - q[0], dy = p[1] - q[1], dz = p[2] - q[2];
  if (dx * dx + dy * dy + dz * dz < clash_distance * clash_distance) k->pairs[other]++;
  return k->pairs[other] <= MOST_CLOSE_PAIRS;
}

static int n_atom_of(const of3_complex *c, int chain) {
  const of3_residue *first = &c->residue[c->chain[chain].first_residue],
                    *last = first + c->chain[chain].n_residue - 1;
  return last->first_atom + last->n_atom - first->first_atom;
}

/* Whether chain k->chain clashes with a later one. */
static bool chain_clashes(clash_count *k, const of3_cells *cells) {
  const of3_complex *c = k->c;
  int begin = c->residue[c->chain[k->chain].first_residue].first_atom, n = n_atom_of(c, k->chain);
  for (int other = 0; other < c->n_chain; other++) k->pairs[other] = 0;
  for (k->atom = begin; k->atom < begin + n && !of3_cancelled(k->opt_cancel); k->atom++)
    if (!of3_cells_near(cells, k->atom, count_pair, k)) return true;
  for (int other = k->chain + 1; other < c->n_chain; other++) {
    int m = n_atom_of(c, other);
    if (2 * k->pairs[other] > (n < m ? n : m)) return true;
  }
  return false;
}

of3_status of3_has_clash(const of3_complex *c, const float *x, of3_cancel *opt_cancel, bool *out,
                         of3_error *err) {
  *out = false;
  if (c->n_chain < 2) return OF3_OK;
  of3_cells cells = {0};
  OF3_TRY(of3_cells_build(x, c->n_atom, clash_distance, &cells, err));
  clash_count k = {.c = c, .x = x, .opt_cancel = opt_cancel};
  k.chain_of = malloc((size_t)c->n_atom * sizeof *k.chain_of);
  k.pairs = malloc((size_t)c->n_chain * sizeof *k.pairs);
  of3_status status = OF3_OK;
  if (!k.chain_of || !k.pairs)
    status = of3_fail_memory(err, "the clash score");
  else {
    for (int a = 0; a < c->n_atom; a++) k.chain_of[a] = c->residue[c->atom[a].residue].chain;
    for (; k.chain < c->n_chain && !*out; k.chain++)
      *out = c->chain[k.chain].type != OF3_LIGAND && chain_clashes(&k, &cells);
  }
  free(k.chain_of);
  free(k.pairs);
  of3_cells_free(&cells);
  return status == OF3_OK ? of3_go_on(opt_cancel, err) : status;
}
