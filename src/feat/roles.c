/* Centre, representative and frame atoms of features that came without them. */
#include "feat/build.h"

/* The standard residue that a token of a polymer is; a strand of RNA may have nucleotides of DNA. A class
 * that the kind of polymer cannot have is an unknown residue. */
static const of3_component *residue_of_token(const of3_features *f, int t) {
  const int class_ = f->restype[t];
  const int first = f->is_protein[t] ? 0 : OF3_CLASS_UNK + 1,
            last = f->is_protein[t] ? OF3_CLASS_UNK : OF3_CLASS_DN;
  const int unknown = f->is_protein[t] ? OF3_CLASS_UNK : f->is_rna[t] ? OF3_CLASS_N : OF3_CLASS_DN;
  return &of3_standard_residues[class_ >= first && class_ <= last ? class_ : unknown];
}

/* The place of an atom of the component among those of the token; -1 if the token has none. */
static int place_in_token(const of3_component *c, int atom, of3_molecule kind, int n_atom) {
  int place = 0;
  if (atom < 0) return -1;
  for (int a = 0; a < atom; a++) place += !of3_component_loses(c, a, kind, false);
  return place < n_atom ? place : -1;
}

static void set_token(of3_features *f, int t) {
  const bool polymer = f->is_protein[t] || f->is_rna[t] || f->is_dna[t], real = f->token_mask[t] > 0;
  const int first = f->start_atom_index[t], n = f->num_atoms_per_token[t];
  int32_t *to[5] = {&f->center_atom[t], &f->representative_atom[t], &f->frame_atoms[3 * t],
                    &f->frame_atoms[3 * t + 1], &f->frame_atoms[3 * t + 2]};
  for (int k = 0; k < 5; k++) *to[k] = -1;
  if (!real || n < 1 || first < 0 || first > f->n_atom - n) return; /* not validated yet */
  if (f->is_atomized[t] || !polymer) {
    *to[0] = *to[1] = first;
    return;
  }
  const of3_component *c = residue_of_token(f, t);
  const of3_molecule chain = f->is_protein[t] ? OF3_PROTEIN : f->is_rna[t] ? OF3_RNA : OF3_DNA;
  const int atom[5] = {c->center, of3_component_representative(c, chain), c->frame[0], c->frame[1],
                       c->frame[2]};
  for (int k = 0; k < 5; k++) {
    const int place = place_in_token(c, atom[k], chain, n);
    *to[k] = place < 0 ? -1 : first + place;
  }
}

of3_status of3_features_set_roles(of3_features *f, of3_error *err) {
  const size_t n = (size_t)f->n_token;
  f->center_atom = OF3_ARENA_NEW(f->arena, int32_t, n);
  f->representative_atom = OF3_ARENA_NEW(f->arena, int32_t, n);
  f->frame_atoms = OF3_ARENA_NEW(f->arena, int32_t, 3 * n);
  if (!f->center_atom || !f->representative_atom || !f->frame_atoms)
    return of3_fail_memory(err, "the features");
  for (int t = 0; t < f->n_token; t++) set_token(f, t);
  return OF3_OK;
}
