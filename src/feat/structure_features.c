#include <string.h>

#include "chem/component.h"
#include "feat/parts.h"

static void put_token(const of3_complex *c, const of3_tokens *tokens, int t, of3_features *out) {
  const of3_token *token = &tokens->token[t];
  const of3_residue *r = &c->residue[token->residue];
  const of3_chain *chain = &c->chain[r->chain];
  out->token_index[t] = t;
  out->residue_index[t] = r->number;
  out->asym_id[t] = chain->asym_id;
  out->entity_id[t] = chain->entity_id;
  out->sym_id[t] = chain->sym_id;
  out->restype[t] = token->restype;
  out->is_protein[t] = chain->type == OF3_PROTEIN;
  out->is_rna[t] = chain->type == OF3_RNA;
  out->is_dna[t] = chain->type == OF3_DNA;
  out->is_ligand[t] = chain->type == OF3_LIGAND;
  out->is_atomized[t] = token->atomized;
  if (out->cyclic_mask) out->cyclic_mask[t] = chain->cyclic;
  out->token_mask[t] = 1;
  out->num_atoms_per_token[t] = token->n_atom;
  out->start_atom_index[t] = token->first_atom;
  out->center_atom[t] = token->center;
  out->representative_atom[t] = token->representative;
  for (int k = 0; k < 3; k++) out->frame_atoms[3 * t + k] = token->frame[k];
  for (int a = 0; a < token->n_atom; a++) out->atom_to_token_index[token->first_atom + a] = t;
}

/* The first four characters of the name, in capitals; class = code - 32. */
static void put_atom(const of3_complex *c, int a, of3_features *out) {
  const of3_atom *atom = &c->atom[a];
  int z = of3_element_number(atom->element);
  out->ref_space_uid[a] = atom->residue;
  out->atom_mask[a] = out->ref_mask[a] = 1;
  out->ref_charge[a] = atom->charge;
  out->ref_element[a] = (uint8_t)(z ? z - 1 : OF3_N_ELEMENT - 1);
  for (int k = 0; k < OF3_NAME_CHARS && atom->name[k]; k++)
    out->ref_atom_name_chars[a * OF3_NAME_CHARS + k] =
        (uint8_t)((atom->name[k] & 0x60) == 0x60 ? atom->name[k] - 0x40 : atom->name[k] - ' ');
}

void of3_features_structure(const of3_complex *c, const of3_tokens *tokens, const of3_feature_mode *mode,
                            of3_features *out) {
  for (int t = 0; t < out->n_token; t++) put_token(c, tokens, t, out);
  for (int a = 0; a < out->n_atom; a++) put_atom(c, a, out);
  if (out->n_bond) memcpy(out->token_bonds, tokens->bond, 2 * (size_t)out->n_bond * sizeof *tokens->bond);
  memset(out->template_restype, mode->template_gap ? OF3_RESTYPE_GAP : OF3_NO_CLASS,
         (size_t)out->n_templ * (size_t)out->n_token);
}
