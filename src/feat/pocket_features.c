/* The pocket of a query as numbers of its atoms, and the settings of OpenFold3 for them. */
#include <string.h>

#include "feat/parts.h"

/* Angstrom, as OpenFold3 has them; carbon's for all others. */
static float radius_of(const char *element) {
  static const struct {
    const char *element;
    float radius;
  } known[] = {{"H", 1.20F}, {"N", 1.55F},  {"O", 1.52F},  {"F", 1.47F}, {"P", 1.80F},
               {"S", 1.80F}, {"CL", 1.75F}, {"BR", 1.85F}, {"I", 1.98F}};
  for (size_t k = 0; k < sizeof known / sizeof *known; k++)
    if (strcmp(known[k].element, element) == 0) return known[k].radius;
  return 1.70F;
}

static const of3_chain *chain_named(const of3_complex *c, const char *id) {
  for (int k = 0; k < c->n_chain; k++)
    if (strcmp(c->chain[k].id, id) == 0) return &c->chain[k];
  return NULL;
}

static void mark(const of3_complex *c, const of3_chain *chain, int first, int n, uint8_t *mask) {
  const of3_residue *r = &c->residue[chain->first_residue + first];
  for (int k = 0; k < n; k++, r++) memset(mask + r->first_atom, 1, (size_t)r->n_atom);
}

of3_pocket_settings of3_pocket_defaults(void) {
  return (of3_pocket_settings){.enabled = true,
                               .parents = 16,
                               .candidates = 1024,
                               .noise_fraction = 0.75,
                               .ligand_jitter = 0.25,
                               .center_jitter = 4,
                               .surface_jitter = 1.5,
                               .buffer = 0.225,
                               .diversity = 0.5,
                               .conformers = 32};
}

static void pocket_numbers(const of3_pocket_settings *s, of3_pocket *p) {
  p->n_parent = s->parents;
  p->n_candidate = s->candidates;
  p->start = (float)s->noise_fraction;
  p->ligand_jitter = (float)s->ligand_jitter;
  p->center_jitter = (float)s->center_jitter;
  p->surface_jitter = (float)s->surface_jitter;
  p->buffer = (float)s->buffer;
  p->diversity = (float)s->diversity;
}

/* The atoms that the residue has, with a mean of 0. */
static void put_centred(const of3_complex *c, const of3_residue *r, const float *xyz, float *out) {
  const of3_atom *atom = c->atom + r->first_atom;
  double mean[3] = {0};
  for (int a = 0; a < r->n_atom; a++)
    for (int d = 0; d < 3; d++) mean[d] += (double)xyz[3 * atom[a].component_atom + d] / r->n_atom;
  for (int a = 0; a < r->n_atom; a++)
    for (int d = 0; d < 3; d++)
      out[3 * a + d] = (float)((double)xyz[3 * atom[a].component_atom + d] - mean[d]);
}

/* The shape of a ligand of one component; *ret_shape is NULL if there is none. */
static of3_status shape_of(const of3_complex *c, const of3_residue *r, const of3_embedding *how,
                           of3_arena *arena, float **ret_shape, of3_error *err) {
  const of3_library *l = c->opt_library;
  bool found = false;
  *ret_shape = NULL;
  if (!l || !l->relax) return OF3_OK;
  float *xyz = OF3_ARENA_NEW(arena, float, 3 * (size_t)r->component->n_atom);
  float *shape = OF3_ARENA_NEW(arena, float, 3 * (size_t)r->n_atom);
  if (!xyz || !shape) return of3_fail_memory(err, "the pocket");
  OF3_TRY(l->relax(l->user, r->component, how, xyz, &found, err));
  if (!found) return OF3_OK;
  put_centred(c, r, xyz, shape);
  *ret_shape = shape;
  return OF3_OK;
}

/* OpenFold3 asks RDKit for n conformers, but all with the seed 0, so that they are the same. Ligands of
 * several components, which it does not take, get none. */
static of3_status put_shapes(const of3_complex *c, const of3_chain *ligand, const of3_embedding *how, int n,
                             of3_features *out, of3_error *err) {
  float *shape = NULL;
  if (n == 0 || ligand->n_residue != 1) return OF3_OK;
  const of3_residue *r = &c->residue[ligand->first_residue];
  const size_t size = 3 * (size_t)r->n_atom;
  OF3_TRY(shape_of(c, r, how, out->arena, &shape, err));
  float *all = shape ? OF3_ARENA_NEW(out->arena, float, (size_t)n *size) : NULL;
  if (!shape) return OF3_OK;
  if (!all) return of3_fail_memory(err, "the pocket");
  for (int k = 0; k < n; k++) memcpy(all + (size_t)k * size, shape, size * sizeof *all);
  out->pocket->conformer = all;
  out->pocket->n_conformer = n;
  return OF3_OK;
}

of3_status of3_features_pocket(const of3_complex *c, const of3_query *query, const of3_feature_mode *mode,
                               const of3_log *log, of3_features *out, of3_error *err) {
  const of3_query_pocket *asked = query->pocket;
  const of3_pocket_settings settings =
      mode->opt_settings ? mode->opt_settings->pocket : of3_pocket_defaults();
  if (!asked || !settings.enabled) return OF3_OK;
  of3_pocket *p = OF3_ARENA_NEW(out->arena, of3_pocket, 1);
  if (!p) return of3_fail_memory(err, "the pocket");
  *p = (of3_pocket){.ligand = OF3_ARENA_NEW(out->arena, uint8_t, c->n_atom),
                    .site = OF3_ARENA_NEW(out->arena, uint8_t, c->n_atom),
                    .radius = OF3_ARENA_NEW(out->arena, float, c->n_atom),
                    .contact = (float)asked->max_distance};
  if (!p->ligand || !p->site || !p->radius) return of3_fail_memory(err, "the pocket");
  pocket_numbers(&settings, p);
  const of3_chain *ligand = chain_named(c, asked->ligand);
  if (ligand) mark(c, ligand, 0, ligand->n_residue, p->ligand);
  for (int k = 0; k < asked->n_residue; k++) {
    const of3_chain *chain = chain_named(c, asked->residue[k].chain);
    if (chain) mark(c, chain, asked->residue[k].residue - 1, 1, p->site);
  }
  for (int a = 0; a < c->n_atom; a++) {
    p->radius[a] = radius_of(c->atom[a].element);
    p->n_ligand += p->ligand[a];
  }
  out->pocket = p;
  const of3_embedding how = {.stereo = mode->ligand_stereo, .opt_cancel = mode->opt_cancel, .opt_log = log};
  return ligand ? put_shapes(c, ligand, &how, settings.conformers, out, err) : OF3_OK;
}
