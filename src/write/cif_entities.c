/* ModelCIF: the distinct molecules (entity) and the chains that are copies of them (struct_asym). */
#include <string.h>

#include "write/cif_writer.h"

/* ---- Numbers */

static bool same_molecules(const of3_complex *c, const of3_chain *a, const of3_chain *b) {
  if (a->type != b->type || a->n_residue != b->n_residue) return false;
  for (int k = 0; k < a->n_residue; k++)
    if (strcmp(c->residue[a->first_residue + k].name, c->residue[b->first_residue + k].name) != 0)
      return false;
  return true;
}

/* An entity of the features is a text: of its chains, those that are other molecules than all before become
 * entities of their own. first [n_chain]: the first chains of the entities so far, of which those from
 * `begin` on are of this text. */
static int entity_of(const of3_complex *c, int chain, int *first, int begin, int *n) {
  for (int e = begin; e < *n; e++)
    if (same_molecules(c, &c->chain[first[e]], &c->chain[chain])) return e + 1;
  first[*n] = chain;
  return ++*n;
}

of3_status of3_cif_number_entities(const of3_complex *c, of3_arena *arena, of3_complex *out, of3_error *err) {
  of3_chain *chain = OF3_ARENA_NEW(arena, of3_chain, c->n_chain);
  int *first = OF3_ARENA_NEW(arena, int, c->n_chain), most = 0, n = 0;
  if (!chain || !first) return of3_fail_memory(err, "the entities of a structure");
  memcpy(chain, c->chain, (size_t)c->n_chain * sizeof *chain);
  for (int k = 0; k < c->n_chain; k++)
    if (chain[k].entity_id > most) most = chain[k].entity_id;
  for (int e = 1; e <= most; e++) {
    const int begin = n;
    for (int k = 0; k < c->n_chain; k++)
      if (c->chain[k].entity_id == e) chain[k].entity_id = entity_of(c, k, first, begin, &n);
  }
  *out = *c;
  out->chain = chain;
  return OF3_OK;
}

of3_status of3_cif_find_entities(const of3_cif_writer *w, of3_cif_entities *out) {
  const of3_complex *c = w->c;
  *out = (of3_cif_entities){0};
  for (int k = 0; k < c->n_chain; k++)
    if (c->chain[k].entity_id > out->n) out->n = c->chain[k].entity_id;
  out->first = OF3_ARENA_NEW(w->arena, const of3_chain *, out->n);
  out->copies = OF3_ARENA_NEW(w->arena, int, out->n);
  if (!out->first || !out->copies) return of3_cif_no_memory(w);
  for (int k = c->n_chain - 1; k >= 0; k--) {
    out->first[c->chain[k].entity_id - 1] = &c->chain[k];
    out->copies[c->chain[k].entity_id - 1]++;
  }
  return OF3_OK;
}

of3_cif_entity of3_cif_entity_of(const of3_chain *chain) {
  if (chain->type != OF3_LIGAND) return OF3_CIF_POLYMER;
  return chain->n_residue > 1 ? OF3_CIF_BRANCHED : OF3_CIF_NON_POLYMER;
}

/* ---- Categories */

/* What a ligand of several components is called: "NAG-NAG-BMA". */
static const char *codes_of(const of3_cif_writer *w, const of3_chain *chain) {
  of3_str text = {0};
  for (int k = 0; k < chain->n_residue; k++)
    of3_str_addf(&text, "%s%s", k ? "-" : "", w->c->residue[chain->first_residue + k].name);
  const char *kept = text.failed ? NULL : of3_arena_strdup(w->arena, text.text);
  of3_str_free(&text);
  return kept;
}

static const char *description_of(const of3_cif_writer *w, const of3_chain *chain) {
  switch (of3_cif_entity_of(chain)) {
  case OF3_CIF_POLYMER:
    return "?";
  case OF3_CIF_BRANCHED:
    return codes_of(w, chain);
  default:
    return of3_cif_component_name(w->c->residue[chain->first_residue].component);
  }
}

of3_status of3_cif_add_entities(const of3_cif_writer *w, const of3_cif_entities *all) {
  static const char *const column[] = {"id", "type", "pdbx_description", "pdbx_number_of_molecules"};
  static const char *const type[] = {"polymer", "non-polymer", "branched"}; /* by of3_cif_entity */
  of3_cif_table t = of3_cif_table_of("entity", column, OF3_CIF_COUNT(column), w->arena, w->opt_cancel);
  for (int e = 0; e < all->n; e++)
    OF3_TRY(
        of3_cif_fill(w, &t,
                     OF3_CIF_VALUES(of3_cif_number(w, e + 1), type[of3_cif_entity_of(all->first[e])],
                                    description_of(w, all->first[e]), of3_cif_number(w, all->copies[e]))));
  return of3_cif_table_add(&t, w->out, w->err);
}

of3_status of3_cif_add_chains(const of3_cif_writer *w) {
  static const char *const column[] = {"id", "entity_id", "pdbx_blank_PDB_chainid_flag", "pdbx_modified",
                                       "details"};
  of3_cif_table t = of3_cif_table_of("struct_asym", column, OF3_CIF_COUNT(column), w->arena, w->opt_cancel);
  for (int k = 0; k < w->c->n_chain; k++)
    OF3_TRY(of3_cif_fill(
        w, &t,
        OF3_CIF_VALUES(w->c->chain[k].id, of3_cif_number(w, w->c->chain[k].entity_id), "N", "N", "?")));
  return of3_cif_table_add(&t, w->out, w->err);
}
