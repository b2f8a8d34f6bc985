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

of3_status of3_features_pocket(const of3_complex *c, const of3_query *query, of3_features *out,
                               of3_error *err) {
  const of3_query_pocket *asked = query->pocket;
  if (!asked) return OF3_OK;
  of3_pocket *p = OF3_ARENA_NEW(out->arena, of3_pocket, 1);
  if (!p) return of3_fail_memory(err, "the pocket");
  *p = (of3_pocket){.ligand = OF3_ARENA_NEW(out->arena, uint8_t, c->n_atom),
                    .site = OF3_ARENA_NEW(out->arena, uint8_t, c->n_atom),
                    .radius = OF3_ARENA_NEW(out->arena, float, c->n_atom),
                    .contact = (float)asked->max_distance,
                    .n_parent = 16,
                    .n_candidate = 1024,
                    .start = 0.75F,
                    .ligand_jitter = 0.25F,
                    .center_jitter = 4,
                    .surface_jitter = 1.5F,
                    .buffer = 0.225F,
                    .diversity = 0.5F};
  if (!p->ligand || !p->site || !p->radius) return of3_fail_memory(err, "the pocket");
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
  return OF3_OK;
}
