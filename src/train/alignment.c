#include "train/alignment.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "train/superpose.h"

/* A crop or its truth without padding. */
typedef struct side {
  int n, n_atom;                                          /* tokens, atoms */
  int *entity, *copy, *component, *token, *first, *count; /* [n]; the first atom and how many */
  bool *ligand, *resolved;                                /* [n]; the centre atom is */
  double (*x)[3];                                         /* [n] centre atoms */
  int *atom;                                              /* [n_atom] in the features */
} side;

/* A predicted copy and the copy of the truth that it is. */
typedef struct choice {
  int entity, copy, of;
  double distance2; /* of centroids */
} choice;

typedef struct job {
  side p, g; /* prediction, truth */
  const of3_symmetric *crop, *truth;
  const float *x, *truth_x, *resolved;
  of3_arena *arena;
  int n_choice;
  bool failed; /* something is undefined that has no rule */
  bool no_memory;
} job;

static void *take(job *j, size_t n, size_t size) {
  void *p = of3_arena_alloc(j->arena, n + 1, size);
  if (!p) j->no_memory = j->failed = true;
  return p;
}
#define TAKE(j, type, n) ((type *)take((j), (size_t)(n), sizeof(type)))

static void make_side(job *j, side *s, const of3_symmetric *of, const float *x, const float *resolved) {
  const of3_features *f = of->f;
  int **ints[] = {&s->entity, &s->copy, &s->component, &s->token, &s->first, &s->count};
  for (int k = 0; k < 6; k++) *ints[k] = TAKE(j, int, f->n_token);
  s->ligand = TAKE(j, bool, f->n_token);
  s->resolved = TAKE(j, bool, f->n_token);
  s->x = (double(*)[3])take(j, (size_t)f->n_token, sizeof *s->x);
  s->atom = TAKE(j, int, f->n_atom);
  if (j->failed) return;
  for (int t = 0; t < f->n_token; t++) {
    const int a = f->center_atom[t] < 0 ? 0 : f->center_atom[t], to = s->n;
    if (!(f->token_mask[t] > 0)) continue;
    s->entity[to] = of->entity[t];
    s->copy[to] = of->copy[t];
    s->component[to] = of->component[t];
    s->token[to] = of->token[t];
    s->first[to] = s->n_atom;
    s->count[to] = f->num_atoms_per_token[t];
    s->ligand[to] = f->is_ligand[t];
    s->resolved[to] = f->center_atom[t] >= 0 && (!resolved || resolved[a] > 0);
    for (size_t k = 0; k < 3; k++) s->x[to][k] = (double)x[3 * (size_t)a + k];
    for (int k = 0; k < s->count[to]; k++) s->atom[s->n_atom++] = f->start_atom_index[t] + k;
    s->n++;
  }
}

/* ---- sets of numbers */

static int compare_int(const void *a, const void *b) {
  const int x = *(const int *)a, y = *(const int *)b;
  return (x > y) - (x < y);
}

/* Sorts and keeps one of equals; returns how many. */
static int unique(int *x, int n) {
  int kept = 0;
  qsort(x, (size_t)n, sizeof *x, compare_int);
  for (int i = 0; i < n; i++)
    if (!kept || x[i] != x[kept - 1]) x[kept++] = x[i];
  return kept;
}

static bool is_in(int value, const int *sorted, int n) {
  return n > 0 && bsearch(&value, sorted, (size_t)n, sizeof *sorted, compare_int) != NULL;
}

/* A list of numbers, in the arena. */
typedef struct list {
  int n;
  int *at;
} list;

/* Tokens of a copy of an entity, in order. copy -1: of all. */
static list tokens_of(job *j, const side *s, int entity, int copy) {
  list l = {0, TAKE(j, int, s->n)};
  for (int t = 0; t < s->n && l.at; t++)
    if (s->entity[t] == entity && (copy < 0 || s->copy[t] == copy)) l.at[l.n++] = t;
  return l;
}

/* What these tokens have in `field`, each number once, ascending. */
static list values_of(job *j, const int *field, list tokens) {
  list l = {tokens.n, TAKE(j, int, tokens.n)};
  for (int i = 0; i < tokens.n && l.at; i++) l.at[i] = field[tokens.at[i]];
  l.n = l.at ? unique(l.at, l.n) : 0;
  return l;
}

static list all_entities(job *j, const side *s) {
  list l = {s->n, TAKE(j, int, s->n)};
  for (int t = 0; t < s->n && l.at; t++) l.at[t] = s->entity[t];
  l.n = l.at ? unique(l.at, l.n) : 0;
  return l;
}

/* Those of `tokens` whose number in the molecule is that of one of `wanted`, tokens of another side. */
static list same_tokens(job *j, const side *s, list tokens, const side *other, list wanted) {
  const list numbers = values_of(j, other->token, wanted);
  list l = {0, TAKE(j, int, tokens.n)};
  for (int i = 0; i < tokens.n && l.at; i++)
    if (is_in(s->token[tokens.at[i]], numbers.at, numbers.n)) l.at[l.n++] = tokens.at[i];
  return l;
}

/* ---- superposition */

/* The motion that brings `moving` nearest to `target`, over the points with use[i]; without any its shift is
 * NaN and its rotation none. */
static of3_rigid superpose(const double (*moving)[3], const double (*target)[3], const bool *use, int n) {
  double mean[2][3] = {{0}}, h[3][3] = {{0}}, count = 0;
  of3_rigid g = {{{1, 0, 0}, {0, 1, 0}, {0, 0, 1}}, {NAN, NAN, NAN}};
  for (int i = 0; i < n; i++)
    for (int k = 0; k < 3 && use[i]; k++) {
      mean[0][k] += moving[i][k];
      mean[1][k] += target[i][k];
      count += k == 0;
    }
  if (count == 0) return g;
  for (int k = 0; k < 3; k++) {
    mean[0][k] /= count;
    mean[1][k] /= count;
  }
  for (int i = 0; i < n; i++)
    for (int a = 0; a < 3 && use[i]; a++)
      for (int b = 0; b < 3; b++) h[a][b] += (target[i][a] - mean[1][a]) * (moving[i][b] - mean[0][b]);
  of3_best_rotation(h, g.rotation);
  for (int a = 0; a < 3; a++) {
    g.shift[a] = mean[1][a];
    for (int b = 0; b < 3; b++) g.shift[a] -= g.rotation[a][b] * mean[0][b];
  }
  return g;
}

/* Of the centre atoms of tokens of one side on those of another, both in order, where the truth's are
 * resolved. */
static of3_rigid superpose_tokens(job *j, const side *from, list moving, const side *to, list target) {
  double(*a)[3] = (double(*)[3])take(j, (size_t)moving.n, sizeof *a),
  (*b)[3] = (double(*)[3])take(j, (size_t)moving.n, sizeof *b);
  bool *use = TAKE(j, bool, moving.n);
  of3_rigid g = {0};
  if (moving.n != target.n) j->failed = true;
  if (j->failed) return g;
  for (int i = 0; i < moving.n; i++) {
    memcpy(a[i], from->x[moving.at[i]], sizeof a[i]);
    memcpy(b[i], to->x[target.at[i]], sizeof b[i]);
    use[i] = from == &j->g ? from->resolved[moving.at[i]] : to->resolved[target.at[i]];
  }
  return superpose((const double(*)[3])a, (const double(*)[3])b, use, moving.n);
}

/* ---- 1. the anchor */

typedef struct anchor {
  int n, entity, copy; /* resolved centre atoms; 0: there is no such molecule */
} anchor;

static list resolved_tokens(job *j, int entity, int copy) {
  list l = tokens_of(j, &j->g, entity, copy), kept = {0, l.at};
  for (int i = 0; i < l.n; i++)
    if (j->g.resolved[l.at[i]]) kept.at[kept.n++] = l.at[i];
  return kept;
}

static bool all_ligand(job *j, int entity) {
  const list l = tokens_of(j, &j->g, entity, -1);
  bool all = true;
  for (int i = 0; i < l.n; i++) all = all && j->g.ligand[l.at[i]];
  return all;
}

/* The copy of an entity with most resolved centre atoms, the first of equals; n_copy: copies that have any.
 */
static anchor best_copy(job *j, int entity, int *n_copy) {
  const list copies = values_of(j, j->g.copy, resolved_tokens(j, entity, -1));
  anchor best = {0, entity, 0};
  for (int c = 0; c < copies.n; c++) {
    const int n = resolved_tokens(j, entity, copies.at[c]).n;
    if (n > best.n) best = (anchor){n, entity, copies.at[c]};
  }
  *n_copy = copies.n;
  return best;
}

/* Of the entities that are ligands, or are not: fewest copies first, of these the one with most resolved; the
 * first that has more than three, or else the first of all. */
static anchor best_entity(job *j, list entities, bool ligands) {
  anchor fallback = {0};
  for (int count = 1, left = 1; left > 0; count++) {
    anchor best = {0};
    left = 0;
    for (int e = 0; e < entities.n; e++) {
      int n_copy;
      if (all_ligand(j, entities.at[e]) != ligands) continue;
      const anchor a = best_copy(j, entities.at[e], &n_copy);
      left += n_copy > count;
      if (n_copy == count && a.n > best.n) best = a;
    }
    if (best.n > 3) return best;
    if (!fallback.n) fallback = best;
  }
  return fallback;
}

static anchor choose_anchor(job *j) {
  const list entities = all_entities(j, &j->g);
  const anchor polymer = best_entity(j, entities, false);
  if (polymer.n >= 3) return polymer;
  const anchor ligand = best_entity(j, entities, true);
  if (ligand.n && (ligand.n > 3 || !polymer.n)) return ligand;
  if (!polymer.n) j->failed = true; /* nothing is resolved */
  return polymer;
}

/* ---- 3. copies under a superposition */

typedef struct copies {
  int entity;
  list g, p;                /* copies */
  list *g_tokens;           /* of each */
  list *segment, *p_tokens; /* of each predicted copy: positions in a copy of the truth, and its own tokens */
  int *order, *n_resolved;  /* of predicted copies: those come first whose segments are resolved most */
  bool *taken;
} copies;

/* Copies of the truth have equal lists of tokens. */
static void check_equal_tokens(job *j, const copies *c) {
  for (int k = 0; k < c->g.n && !j->failed; k++) {
    if (c->g_tokens[k].n != c->g_tokens[0].n) j->failed = true;
    for (int i = 0; i < c->g_tokens[0].n && !j->failed; i++)
      if (j->g.token[c->g_tokens[k].at[i]] != j->g.token[c->g_tokens[0].at[i]]) j->failed = true;
  }
}

static void find_segment(job *j, copies *c, int p) {
  const list mine = tokens_of(j, &j->p, c->entity, c->p.at[p]);
  const list numbers = values_of(j, j->p.token, mine);
  list l = {0, TAKE(j, int, c->g_tokens[0].n)};
  for (int i = 0; i < c->g_tokens[0].n && l.at; i++)
    if (is_in(j->g.token[c->g_tokens[0].at[i]], numbers.at, numbers.n)) l.at[l.n++] = i;
  c->segment[p] = l;
  c->p_tokens[p] = mine;
  if (l.n != mine.n) j->failed = true;
  for (int k = 0; k < c->g.n; k++)
    for (int i = 0; i < l.n; i++) c->n_resolved[p] += j->g.resolved[c->g_tokens[k].at[l.at[i]]];
}

static void order_copies(copies *c) {
  for (int p = 0; p < c->p.n; p++) {
    int at = p;
    for (; at > 0 && c->n_resolved[c->order[at - 1]] < c->n_resolved[p]; at--)
      c->order[at] = c->order[at - 1];
    c->order[at] = p;
  }
}

static copies find_copies(job *j, int entity) {
  copies c = {.entity = entity};
  c.g = values_of(j, j->g.copy, tokens_of(j, &j->g, entity, -1));
  c.p = values_of(j, j->p.copy, tokens_of(j, &j->p, entity, -1));
  c.g_tokens = TAKE(j, list, c.g.n);
  c.segment = TAKE(j, list, c.p.n);
  c.p_tokens = TAKE(j, list, c.p.n);
  c.order = TAKE(j, int, c.p.n);
  c.n_resolved = TAKE(j, int, c.p.n);
  c.taken = TAKE(j, bool, c.g.n);
  if (c.g.n == 0) j->failed = true;
  for (int k = 0; k < c.g.n && !j->failed; k++) c.g_tokens[k] = tokens_of(j, &j->g, entity, c.g.at[k]);
  check_equal_tokens(j, &c);
  for (int p = 0; p < c.p.n && !j->failed; p++) find_segment(j, &c, p);
  if (!j->failed) order_copies(&c);
  return c;
}

/* The squared distance of the centroids of predicted copy p and of copy k of the truth, where this is
 * resolved; FLT_MAX: it is nowhere. */
static double centroid_distance2(const job *j, const copies *c, int p, int k, const of3_rigid *g) {
  double sum[2][3] = {{0}}, n = 0, d2 = 0;
  for (int i = 0; i < c->segment[p].n; i++) {
    const int t = c->g_tokens[k].at[c->segment[p].at[i]];
    double moved[3];
    if (!j->g.resolved[t]) continue;
    of3_rigid_apply(g, j->g.x[t], moved);
    for (int a = 0; a < 3; a++) {
      sum[0][a] += j->p.x[c->p_tokens[p].at[i]][a];
      sum[1][a] += moved[a];
    }
    n++;
  }
  for (int a = 0; a < 3; a++) d2 += pow((sum[0][a] - sum[1][a]) / (n + 1e-4), 2);
  return n > 0 ? d2 : (double)FLT_MAX;
}

/* The place of the least number; NaN is less than any. */
static int least(const double *x, int n) {
  int best = 0;
  for (int i = 0; i < n; i++) {
    if (isnan(x[i])) return i;
    if (x[i] < x[best]) best = i;
  }
  return best;
}

static void assign_copies(job *j, copies *c, const of3_rigid *g, choice *out, int *n) {
  double *d2 = TAKE(j, double, c->g.n);
  if (j->failed) return;
  memset(c->taken, 0, (size_t)c->g.n * sizeof *c->taken);
  for (int i = 0; i < c->p.n; i++) {
    const int p = c->order[i];
    for (int k = 0; k < c->g.n; k++) {
      d2[k] = centroid_distance2(j, c, p, k, g);
      if (c->taken[k] && !(d2[k] == (double)FLT_MAX)) d2[k] = INFINITY;
    }
    const int k = least(d2, c->g.n);
    c->taken[k] = true;
    out[(*n)++] = (choice){c->entity, c->p.at[p], c->g.at[k], d2[k]};
  }
}

/* ---- 2. candidates */

typedef struct candidates {
  int n, n_choice; /* candidates, predicted molecules */
  choice *choice;  /* [n,n_choice] */
} candidates;

static void make_candidates(job *j, candidates *out) {
  const anchor a = choose_anchor(j);
  const list entities = all_entities(j, &j->p), anchors = tokens_of(j, &j->g, a.entity, a.copy),
             predicted = values_of(j, j->p.copy, tokens_of(j, &j->p, a.entity, -1));
  copies *c = TAKE(j, copies, entities.n);
  if (predicted.n == 0) j->failed = true; /* the crop has no copy of the anchor */
  for (int e = 0; e < entities.n && !j->failed; e++) {
    c[e] = find_copies(j, entities.at[e]);
    out->n_choice += c[e].p.n;
  }
  out->choice = TAKE(j, choice, (size_t)predicted.n * (size_t)out->n_choice);
  for (; out->n < predicted.n && !j->failed; out->n++) {
    int n = 0;
    const list mine = tokens_of(j, &j->p, a.entity, predicted.at[out->n]);
    const of3_rigid g = superpose_tokens(j, &j->g, same_tokens(j, &j->g, anchors, &j->p, mine), &j->p, mine);
    for (int e = 0; e < entities.n; e++)
      assign_copies(j, &c[e], &g, out->choice + (size_t)out->n * (size_t)out->n_choice, &n);
  }
}

/* Where a copy is resolved nowhere, one more than the largest distance counts. */
static const choice *best_candidate(job *j, const candidates *c) {
  const size_t all = (size_t)c->n * (size_t)c->n_choice;
  double most = -1, *mean = TAKE(j, double, c->n);
  for (size_t i = 0; i < all && !j->failed; i++) {
    const double d2 = c->choice[i].distance2;
    if (d2 != (double)FLT_MAX && !(d2 <= most)) most = isnan(most) ? most : d2;
  }
  if (most == -1) j->failed = true;
  if (j->failed) return NULL;
  for (int k = 0; k < c->n; k++) {
    for (int i = 0; i < c->n_choice; i++) {
      const double d2 = c->choice[k * c->n_choice + i].distance2;
      mean[k] += d2 == (double)FLT_MAX ? most + 1 : d2;
    }
    mean[k] = sqrt(mean[k] / c->n_choice);
  }
  return c->choice + (ptrdiff_t)least(mean, c->n) * c->n_choice;
}

/* ---- 4. atoms */

/* Tokens of the chosen copies of the truth, for each predicted token; they belong to choice[i] alone. */
static list chosen_tokens(job *j, const choice *c) {
  list order = {j->p.n, TAKE(j, int, j->p.n)};
  for (int t = 0; t < order.n && order.at; t++) order.at[t] = -1;
  for (int i = 0; i < j->n_choice && !j->failed; i++) {
    const list mine = tokens_of(j, &j->p, c[i].entity, c[i].copy),
               theirs = same_tokens(j, &j->g, tokens_of(j, &j->g, c[i].entity, c[i].of), &j->p, mine);
    if (mine.n != theirs.n) j->failed = true;
    for (int k = 0; k < mine.n && !j->failed; k++) order.at[mine.at[k]] = theirs.at[k];
  }
  return order;
}

static list atoms_of(job *j, const side *s, list tokens) {
  list l = {0, TAKE(j, int, s->n_atom)};
  for (int i = 0; i < tokens.n && l.at; i++)
    for (int k = 0; k < s->count[tokens.at[i]]; k++) l.at[l.n++] = s->first[tokens.at[i]] + k;
  return l;
}

static list tokens_of_component(job *j, const side *s, list tokens, int component) {
  list l = {0, TAKE(j, int, tokens.n)};
  for (int i = 0; i < tokens.n && l.at; i++)
    if (s->component[tokens.at[i]] == component) l.at[l.n++] = tokens.at[i];
  return l;
}

/* The r.m.s.d. between atoms of the crop and atoms of the truth in the order of a permutation; NaN if none of
 * these is resolved. */
static double permuted_rmsd(const job *j, const of3_rigid *g, list mine, list theirs, const int32_t *order) {
  double sum = 0, n = 0;
  for (int i = 0; i < mine.n; i++) {
    const float *x = j->x + 3 * (size_t)j->p.atom[mine.at[i]];
    const size_t to = (size_t)j->g.atom[theirs.at[order[i]]];
    double moved[3];
    if (!(j->resolved[to] > 0)) continue;
    of3_rigid_apply(g, (const double[3]){(double)x[0], (double)x[1], (double)x[2]}, moved);
    for (size_t k = 0; k < 3; k++) sum += pow(moved[k] - (double)j->truth_x[3 * to + k], 2);
    n++;
  }
  return sqrt(sum / n);
}

static void assign_atoms(job *j, const of3_rigid *g, int uid, list mine, list theirs, int32_t *index) {
  const of3_permutations *p = uid >= 0 && uid < j->crop->n_conformer ? &j->crop->conformer[uid] : NULL;
  if (!p || p->n < 1 || p->n_atom != mine.n) j->failed = true;
  for (int i = 0; !j->failed && i < p->n * p->n_atom; i++)
    if (p->index[i] < 0 || p->index[i] >= theirs.n) j->failed = true;
  double *rmsd = j->failed ? NULL : TAKE(j, double, p->n);
  if (j->failed) return;
  for (int k = 0; k < p->n; k++)
    rmsd[k] = p->n > 1 ? permuted_rmsd(j, g, mine, theirs, p->index + (ptrdiff_t)k * p->n_atom) : 0;
  const int32_t *order = p->index + (ptrdiff_t)least(rmsd, p->n) * p->n_atom;
  for (int i = 0; i < mine.n; i++) index[j->p.atom[mine.at[i]]] = j->g.atom[theirs.at[order[i]]];
}

/* The conformers of a molecule in the crop, by uid, are the components of the truth that the crop has, by
 * number. */
static void align_molecule(job *j, const choice *c, const of3_rigid *g, int32_t *index) {
  const list mine = tokens_of(j, &j->p, c->entity, c->copy), theirs = tokens_of(j, &j->g, c->entity, c->of),
             wanted = values_of(j, j->p.component, mine), there = values_of(j, j->g.component, theirs),
             atoms = atoms_of(j, &j->p, mine);
  list uids = {atoms.n, TAKE(j, int, atoms.n)};
  int at = 0;
  if (j->failed) return;
  for (int i = 0; i < atoms.n; i++) uids.at[i] = j->crop->f->ref_space_uid[j->p.atom[atoms.at[i]]];
  uids.n = unique(uids.at, uids.n);
  for (int k = 0; k < there.n && at < uids.n && !j->failed; k++) {
    if (!is_in(there.at[k], wanted.at, wanted.n)) continue;
    list of_uid = {0, TAKE(j, int, atoms.n)};
    for (int i = 0; i < atoms.n && of_uid.at; i++)
      if (j->crop->f->ref_space_uid[j->p.atom[atoms.at[i]]] == uids.at[at])
        of_uid.at[of_uid.n++] = atoms.at[i];
    assign_atoms(j, g, uids.at[at++], of_uid,
                 atoms_of(j, &j->g, tokens_of_component(j, &j->g, theirs, there.at[k])), index);
  }
}

static void align_atoms(job *j, const choice *c, int32_t *index) {
  list all = {j->p.n, TAKE(j, int, j->p.n)};
  const list order = chosen_tokens(j, c);
  if (!all.at || !order.at) return;
  for (int t = 0; t < all.n && !j->failed; t++) {
    all.at[t] = t;
    if (order.at[t] < 0) j->failed = true;
  }
  if (j->failed) return;
  const of3_rigid g = superpose_tokens(j, &j->p, all, &j->g, order);
  for (int i = 0; i < j->n_choice && !j->failed; i++) align_molecule(j, &c[i], &g, index);
  for (int a = 0; a < j->p.n_atom; a++)
    if (index[j->p.atom[a]] < 0) j->failed = true;
}

/* ---- */

static void forget(const of3_features *crop, int32_t *index) {
  for (int a = 0; a < crop->n_atom; a++) index[a] = -1;
}

static void align(job *j, int32_t *index) {
  candidates c = {0};
  forget(j->crop->f, index);
  make_side(j, &j->p, j->crop, j->x, NULL);
  make_side(j, &j->g, j->truth, j->truth_x, j->resolved);
  if (!j->failed) make_candidates(j, &c);
  j->n_choice = c.n_choice;
  const choice *best = j->failed ? NULL : best_candidate(j, &c);
  if (best) align_atoms(j, best, index);
}

/* Tokens by token_index, ascending on both sides. */
static bool align_naively(const job *j, int32_t *index) {
  const of3_features *c = j->crop->f, *g = j->truth->f;
  int at = 0;
  forget(c, index);
  for (int t = 0; t < c->n_token; t++) {
    if (!(c->token_mask[t] > 0)) continue;
    while (at < g->n_token && (!(g->token_mask[at] > 0) || g->token_index[at] < c->token_index[t])) at++;
    if (at == g->n_token || g->token_index[at] != c->token_index[t] ||
        g->num_atoms_per_token[at] != c->num_atoms_per_token[t])
      return false;
    for (int k = 0; k < c->num_atoms_per_token[t]; k++)
      index[c->start_atom_index[t] + k] = g->start_atom_index[at] + k;
    at++;
  }
  return true;
}

of3_status of3_align_truth(const of3_symmetric *crop, const float *x, const of3_symmetric *truth,
                           const float *truth_x, const float *resolved, of3_aligned *ret_how, int32_t *index,
                           of3_error *err) {
  job j = {.crop = crop,
           .truth = truth,
           .x = x,
           .truth_x = truth_x,
           .resolved = resolved,
           .arena = of3_arena_new(0)};
  if (!j.arena) return of3_fail_memory(err, "the symmetry alignment");
  *ret_how = OF3_ALIGNED;
  align(&j, index);
  of3_arena_free(j.arena);
  if (j.no_memory) return of3_fail_memory(err, "the symmetry alignment");
  if (j.failed) *ret_how = align_naively(&j, index) ? OF3_ALIGNED_NAIVE : OF3_ALIGNED_NOT;
  if (*ret_how == OF3_ALIGNED_NOT) forget(crop->f, index);
  return OF3_OK;
}

void of3_take_aligned(const of3_features *crop, const int32_t *index, const float *truth_x,
                      const float *resolved, float *out_x, float *out_resolved) {
  for (int a = 0; a < crop->n_atom; a++) {
    out_resolved[a] = index[a] < 0 ? 0 : resolved[index[a]];
    for (size_t k = 0; k < 3; k++)
      out_x[3 * (size_t)a + k] = index[a] < 0 ? 0 : truth_x[3 * (size_t)index[a] + k];
  }
}
