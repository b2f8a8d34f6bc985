/* Which chains and tokens a crop keeps. */
#include "data/crop.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "data/build_parts.h"

/* Words of the stream, one after the other. */
typedef struct draws {
  of3_stream stream;
  uint32_t next;
} draws;

static int draw_below(draws *d, int below) {
  return (int)of3_random_below(d->stream, d->next++, (uint32_t)below);
}

/* Uniform in [0,1), 32 bits. */
static double draw_part(draws *d) {
  return (double)of3_random_below(d->stream, d->next++, UINT32_MAX) / 4294967296.0;
}

typedef struct cropper {
  const of3_crop_input *in;
  const of3_crop_rules *rules;
  draws draws;
  bool *keep;
  int *scratch; /* [n_token] */
} cropper;

static int chain_of(const cropper *c, int token) {
  return c->in->complex->residue[c->in->tokens->token[token].residue].chain;
}

static bool is_resolved(const cropper *c, int token) {
  const int center = c->in->tokens->token[token].center;
  return center >= 0 && c->in->resolved[center];
}

static double distance2(const cropper *c, int a, int b) {
  const float *x = c->in->xyz + 3 * (size_t)c->in->tokens->token[a].center,
              *y = c->in->xyz + 3 * (size_t)c->in->tokens->token[b].center;
  double sum = 0;
  for (int d = 0; d < 3; d++) sum += ((double)x[d] - (double)y[d]) * ((double)x[d] - (double)y[d]);
  return sum;
}

/* ---- Contiguous (AF-Multimer Alg. 1): of each chain, in random order, a random stretch; later chains have
 * to fill what is left of the budget. */

static int tokens_of_chain(const cropper *c, int chain, int *first) {
  int n = 0;
  for (int t = 0; t < c->in->tokens->n; t++)
    if (chain_of(c, t) == chain && n++ == 0) *first = t;
  return n;
}

static void crop_contiguous(cropper *c) {
  const int n = c->in->complex->n_chain;
  int *order = c->scratch, added = 0, remaining = c->in->tokens->n;
  for (int i = 0; i < n; i++) order[i] = i;
  for (int i = n - 1; i > 0; i--) {
    const int k = draw_below(&c->draws, i + 1), kept = order[i];
    order[i] = order[k];
    order[k] = kept;
  }
  for (int i = 0; i < n; i++) {
    int first = 0;
    const int length = tokens_of_chain(c, order[i], &first), left = c->rules->budget - added;
    remaining -= length;
    const int most = left < length ? left : length;
    int least = left - remaining > 0 ? left - remaining : 0;
    if (least > length) least = length;
    const int size = least + draw_below(&c->draws, most - least + 1);
    const int start = draw_below(&c->draws, length - size + 1);
    for (int t = first + start; t < first + start + size; t++) c->keep[t] = true;
    added += size;
  }
}

/* ---- Spatial: the tokens nearest to one of those that the sample is about. */

static bool is_preferred(const cropper *c, int token) {
  const int chain = chain_of(c, token);
  return chain == c->in->chain[0] || chain == c->in->chain[1];
}

/* Whether the token has a resolved one of another chain near; if the sample is about an interface, of its
 * other chain. */
static bool is_near_other(const cropper *c, int token) {
  const bool pair = c->in->chain[1] != OF3_SET_NO_CHAIN;
  for (int t = 0; t < c->in->tokens->n; t++) {
    if (chain_of(c, t) == chain_of(c, token) || !is_resolved(c, t) || (pair && !is_preferred(c, t))) continue;
    if (distance2(c, t, token) < c->rules->near * c->rules->near) return true;
  }
  return false;
}

/* Collects the resolved tokens that pass into scratch; how many. */
static int collect(cropper *c, bool preferred, bool at_interface) {
  int n = 0;
  for (int t = 0; t < c->in->tokens->n; t++)
    if (is_resolved(c, t) && (!preferred || is_preferred(c, t)) && (!at_interface || is_near_other(c, t)))
      c->scratch[n++] = t;
  return n;
}

typedef struct near_token {
  double distance;
  int token;
} near_token;

static int by_distance(const void *pa, const void *pb) {
  const near_token *a = pa, *b = pb;
  if (a->distance != b->distance) return a->distance < b->distance ? -1 : 1;
  return (a->token > b->token) - (a->token < b->token);
}

static of3_status keep_nearest(cropper *c, int center, of3_error *err) {
  const int n = collect(c, false, false);
  near_token *near = malloc(((size_t)n + 1) * sizeof *near);
  if (!near) return of3_fail_memory(err, "a crop");
  for (int i = 0; i < n; i++) near[i] = (near_token){distance2(c, c->scratch[i], center), c->scratch[i]};
  qsort(near, (size_t)n, sizeof *near, by_distance);
  for (int i = 0; i < n && i < c->rules->budget; i++) c->keep[near[i].token] = true;
  free(near);
  return OF3_OK;
}

/* The kind of crop becomes what can be had: interface, spatial, contiguous. A sample about an interface has
 * its centre at that interface in spatial crops too (OpenFold3 0.5). */
static of3_status crop_spatial(cropper *c, of3_crop_kind *kind, of3_error *err) {
  const bool pair = c->in->chain[1] != OF3_SET_NO_CHAIN;
  int n = *kind == OF3_CROP_INTERFACE || pair ? collect(c, true, true) : 0;
  if (n == 0 && *kind == OF3_CROP_INTERFACE) *kind = OF3_CROP_SPATIAL;
  if (n == 0) n = collect(c, true, false);
  if (n == 0) n = collect(c, false, false);
  if (n > 0) return keep_nearest(c, c->scratch[draw_below(&c->draws, n)], err);
  *kind = OF3_CROP_CONTIGUOUS;
  crop_contiguous(c);
  return OF3_OK;
}

/* ---- Chains of large assemblies */

static bool is_ligand_chain(const cropper *c, int chain) {
  return c->in->complex->chain[chain].type == OF3_LIGAND;
}

/* The polymers whose resolved tokens are nearest to the center. */
static of3_status keep_nearest_chains(cropper *c, int center, of3_error *err) {
  const int n = collect(c, false, false);
  near_token *near = malloc(((size_t)n + 1) * sizeof *near);
  if (!near) return of3_fail_memory(err, "a crop");
  for (int i = 0; i < n; i++) near[i] = (near_token){distance2(c, c->scratch[i], center), c->scratch[i]};
  qsort(near, (size_t)n, sizeof *near, by_distance);
  for (int i = 0, kept = 0; i < n && kept < c->rules->chains; i++) {
    const int chain = chain_of(c, near[i].token);
    if (is_ligand_chain(c, chain) || c->keep[chain]) continue;
    c->keep[chain] = true;
    kept++;
  }
  free(near);
  return OF3_OK;
}

static of3_status keep_ligands(cropper *c, of3_error *err) {
  int32_t *pair;
  int n;
  OF3_TRY(of3_touching_chains(c->in->complex, c->in->xyz, c->in->resolved, &pair, &n, err));
  for (int i = 0; i < 2 * n; i++) {
    const int32_t chain = pair[i], other = pair[i ^ 1];
    if (is_ligand_chain(c, chain) && !is_ligand_chain(c, other) && c->keep[other]) c->keep[chain] = true;
  }
  free(pair);
  return OF3_OK;
}

static of3_status crop_chains(cropper *c, of3_error *err) {
  int n = c->in->chain[1] != OF3_SET_NO_CHAIN ? collect(c, true, true) : 0;
  if (n == 0) n = collect(c, true, false);
  if (n == 0) n = collect(c, false, false);
  if (n > 0) {
    OF3_TRY(keep_nearest_chains(c, c->scratch[draw_below(&c->draws, n)], err));
    OF3_TRY(keep_ligands(c, err));
  }
  for (int k = 0; k < 2; k++)
    if (c->in->chain[k] != OF3_SET_NO_CHAIN) c->keep[c->in->chain[k]] = true;
  return OF3_OK;
}

of3_status of3_crop_choose_chains(const of3_crop_input *in, const of3_crop_rules *rules, of3_stream random,
                                  bool *keep, of3_error *err) {
  cropper c = {.in = in, .rules = rules, .draws = {.stream = random}, .keep = keep};
  int polymers = 0;
  for (int i = 0; i < in->complex->n_chain; i++) polymers += !is_ligand_chain(&c, i);
  const bool all = rules->chains == 0 || polymers <= rules->chains;
  for (int i = 0; i < in->complex->n_chain; i++) keep[i] = all;
  if (all) return OF3_OK;
  c.scratch = malloc((size_t)in->tokens->n * sizeof *c.scratch);
  if (!c.scratch) return of3_fail_memory(err, "a crop");
  const of3_status status = crop_chains(&c, err);
  free(c.scratch);
  return status;
}

/* ---- */

static of3_crop_kind draw_kind(cropper *c) {
  const of3_crop_rules *r = c->rules;
  const double at = draw_part(&c->draws) * (r->contiguous + r->spatial + r->interface);
  if (at < r->contiguous) return OF3_CROP_CONTIGUOUS;
  return at < r->contiguous + r->spatial ? OF3_CROP_SPATIAL : OF3_CROP_INTERFACE;
}

of3_status of3_crop_choose(const of3_crop_input *in, const of3_crop_rules *rules, of3_stream random,
                           bool *keep, of3_crop_kind *ret_kind, of3_error *err) {
  const int n = in->tokens->n, room = n > in->complex->n_chain ? n : in->complex->n_chain;
  cropper c = {.in = in, .rules = rules, .draws = {.stream = random}, .keep = keep};
  if (n <= rules->budget) {
    for (int t = 0; t < n; t++) keep[t] = true;
    *ret_kind = OF3_CROP_WHOLE;
    return OF3_OK;
  }
  memset(keep, 0, (size_t)n * sizeof *keep);
  c.scratch = malloc((size_t)room * sizeof *c.scratch);
  if (!c.scratch) return of3_fail_memory(err, "a crop");
  of3_status status = OF3_OK;
  *ret_kind = draw_kind(&c);
  if (*ret_kind == OF3_CROP_CONTIGUOUS)
    crop_contiguous(&c);
  else
    status = crop_spatial(&c, ret_kind, err);
  free(c.scratch);
  return status;
}
