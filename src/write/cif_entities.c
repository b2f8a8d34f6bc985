#include <string.h>

#include "write/cif_writer.h"

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
