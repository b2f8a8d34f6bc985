/* The complex of an entry. A ligand that is bonded to another chain, or has several residues, consists of the
 * atoms that have coordinates: nobody says which of the others left when the bonds were made (OpenFold3). */
#include <string.h>

#include "data/entry.h"
#include "feat/build.h"

static bool has_bond(const of3_query *q, const char *chain) {
  for (int i = 0; i < q->n_bond; i++)
    if ((strcmp(q->bond[i].a.chain, chain) == 0) != (strcmp(q->bond[i].b.chain, chain) == 0)) return true;
  return false;
}

static bool is_end(const of3_query *q, const of3_query_atom *atom) {
  for (int i = 0; i < 2 * q->n_bond; i++) {
    const of3_query_atom *end = i % 2 ? &q->bond[i / 2].b : &q->bond[i / 2].a;
    if (end->residue == atom->residue && strcmp(end->name, atom->name) == 0 &&
        strcmp(end->chain, atom->chain) == 0)
      return true;
  }
  return false;
}

/* Adds the atoms of a residue that have no coordinates to those that leave, unless none has any. */
static void leave_residue(const of3_complex *c, int residue, const bool *resolved, of3_query *q) {
  const of3_residue *r = &c->residue[residue];
  bool any = false;
  for (int a = r->first_atom; a < r->first_atom + r->n_atom; a++) any |= resolved[a];
  for (int a = r->first_atom; any && a < r->first_atom + r->n_atom; a++) {
    const of3_component_atom *named = &r->component->atom[c->atom[a].component_atom];
    const of3_query_atom atom = {c->chain[r->chain].id, r->number, named->name};
    if (!resolved[a] && !is_end(q, &atom)) q->leaving[q->n_leaving++] = atom;
  }
}

/* Ids and names live in the query and the components. */
static of3_status find_leaving(of3_set_entry *entry, const of3_complex *c, of3_arena *arena, of3_error *err) {
  float *xyz = OF3_ARENA_NEW(arena, float, 3 * (size_t)c->n_atom);
  bool *resolved = OF3_ARENA_NEW(arena, bool, c->n_atom);
  of3_query *q = &entry->query;
  q->n_leaving = 0;
  q->leaving = OF3_ARENA_NEW(arena, of3_query_atom, c->n_atom);
  if (!xyz || !resolved || !q->leaving) return of3_fail_memory(err, "an entry");
  of3_set_entry_place(entry, c, xyz, resolved);
  for (int i = 0; i < c->n_chain; i++) {
    const of3_chain *chain = &c->chain[i];
    if (chain->type != OF3_LIGAND || (chain->n_residue == 1 && !has_bond(q, chain->id))) continue;
    for (int k = 0; k < chain->n_residue; k++) leave_residue(c, chain->first_residue + k, resolved, q);
  }
  for (int k = 0; k < q->n_leaving; k++)
    for (int i = 0; i < q->n_chain; i++)
      if (strcmp(q->chain[i].id[0], q->leaving[k].chain) == 0) q->leaving[k].chain = q->chain[i].id[0];
  return OF3_OK;
}

of3_status of3_set_entry_build(of3_set_entry *entry, const of3_library *opt_library, of3_arena *arena,
                               of3_complex *out, of3_error *err) {
  entry->query.n_leaving = 0;
  OF3_TRY(of3_complex_build(&entry->query, opt_library, NULL, out, err));
  const of3_status status = find_leaving(entry, out, arena, err);
  if (status == OF3_OK && entry->query.n_leaving == 0) return OF3_OK;
  of3_complex_free(out);
  return status == OF3_OK ? of3_complex_build(&entry->query, opt_library, NULL, out, err) : status;
}
