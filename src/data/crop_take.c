/* The part of a complex that the tokens of a crop are. */
#include <stdlib.h>
#include <string.h>

#include "data/crop.h"
#include "feat/build.h"

static of3_status take_memory(const of3_complex *whole, of3_complex *out, int32_t **atom_of, of3_error *err) {
  *out = (of3_complex){.name = whole->name, .opt_library = whole->opt_library, .arena = of3_arena_new(0)};
  if (!out->arena) return of3_fail_memory(err, "a crop");
  out->chain = OF3_ARENA_NEW(out->arena, of3_chain, whole->n_chain);
  out->residue = OF3_ARENA_NEW(out->arena, of3_residue, whole->n_residue);
  out->atom = OF3_ARENA_NEW(out->arena, of3_atom, whole->n_atom);
  out->bond = OF3_ARENA_NEW(out->arena, of3_bond, whole->n_bond);
  *atom_of = OF3_ARENA_NEW(out->arena, int32_t, whole->n_atom);
  return out->chain && out->residue && out->atom && out->bond && *atom_of ? OF3_OK
                                                                          : of3_fail_memory(err, "a crop");
}

/* The residue with those of its atoms that stay; none: it does not. */
static void take_residue(const of3_complex *whole, int residue, const bool *stays, of3_complex *out,
                         int32_t *atom_of) {
  const of3_residue *from = &whole->residue[residue];
  of3_residue *to = &out->residue[out->n_residue];
  *to = *from;
  to->chain = out->n_chain - 1;
  to->first_atom = out->n_atom;
  for (int a = from->first_atom; a < from->first_atom + from->n_atom; a++) {
    if (!stays[a]) continue;
    out->atom[out->n_atom] = whole->atom[a];
    out->atom[out->n_atom].residue = out->n_residue;
    atom_of[out->n_atom++] = a;
  }
  to->n_atom = out->n_atom - to->first_atom;
  out->n_residue += to->n_atom > 0;
}

static void take_chains(const of3_complex *whole, const bool *stays, of3_complex *out, int32_t *atom_of) {
  for (int i = 0; i < whole->n_chain; i++) {
    const of3_chain *from = &whole->chain[i];
    of3_chain *to = &out->chain[out->n_chain++];
    *to = *from;
    to->first_residue = out->n_residue;
    for (int k = from->first_residue; k < from->first_residue + from->n_residue; k++)
      take_residue(whole, k, stays, out, atom_of);
    to->n_residue = out->n_residue - to->first_residue;
    out->n_chain -= to->n_residue == 0;
  }
}

/* asym_id is the rank of the chain's number in the whole; sym_id counts the chains of an entity.
 */
static void number_chains(of3_complex *out, int32_t *rank) {
  for (int i = 0; i < out->n_chain; i++) {
    rank[i] = out->chain[i].sym_id = 1;
    for (int k = 0; k < out->n_chain; k++) {
      rank[i] += out->chain[k].asym_id < out->chain[i].asym_id;
      out->chain[i].sym_id += k < i && out->chain[k].entity_id == out->chain[i].entity_id;
    }
  }
  for (int i = 0; i < out->n_chain; i++) out->chain[i].asym_id = rank[i];
}

static void take_bonds(const of3_complex *whole, const int32_t *new_of, of3_complex *out) {
  for (int b = 0; b < whole->n_bond; b++) {
    of3_bond bond = whole->bond[b];
    bond.a = new_of[bond.a];
    bond.b = new_of[bond.b];
    if (bond.a >= 0 && bond.b >= 0) out->bond[out->n_bond++] = bond;
  }
}

of3_status of3_crop_take(const of3_complex *whole, const of3_tokens *tokens, const bool *keep,
                         of3_complex *out, int32_t **ret_atom_of, of3_error *err) {
  of3_status status = take_memory(whole, out, ret_atom_of, err);
  bool *stays = calloc((size_t)whole->n_atom + 1, sizeof *stays);
  int32_t *new_of = malloc(((size_t)whole->n_atom + 1) * sizeof *new_of);
  if (status == OF3_OK && (!stays || !new_of)) status = of3_fail_memory(err, "a crop");
  if (status == OF3_OK) {
    for (int t = 0; t < tokens->n; t++)
      for (int a = 0; keep[t] && a < tokens->token[t].n_atom; a++)
        stays[tokens->token[t].first_atom + a] = true;
    take_chains(whole, stays, out, *ret_atom_of);
    for (int a = 0; a < whole->n_atom; a++) new_of[a] = -1;
    for (int a = 0; a < out->n_atom; a++) new_of[(*ret_atom_of)[a]] = a;
    take_bonds(whole, new_of, out);
    number_chains(out, new_of);
  } else
    of3_complex_free(out);
  free(stays);
  free(new_of);
  return status;
}

of3_status of3_crop_query(const of3_query *whole, const of3_complex *crop, of3_arena *arena, of3_query *out,
                          of3_error *err) {
  *out = *whole;
  out->n_chain = out->n_bond = 0; /* bonds are in the complex */
  out->chain = OF3_ARENA_NEW(arena, of3_query_chain, crop->n_chain);
  if (!out->chain) return of3_fail_memory(err, "a crop");
  for (int i = 0; i < whole->n_chain && out->n_chain < crop->n_chain; i++)
    if (strcmp(whole->chain[i].id[0], crop->chain[out->n_chain].id) == 0)
      out->chain[out->n_chain++] = whole->chain[i];
  return OF3_OK;
}
