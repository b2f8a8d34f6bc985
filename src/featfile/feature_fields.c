#include "featfile/feature_fields.h"

#include <string.h>

#define FIELD(name, kind, axes, classes, optional)                                                           \
  { #name, OF3_FIELD_##kind, axes, classes, optional, offsetof(of3_features, name) }

#define ROWS(name, kind, member, classes)                                                                    \
  { #name, OF3_FIELD_##kind, "MN", classes, false, offsetof(of3_msa_cells, member) }

const of3_field of3_fields[OF3_N_FIELD] = {
    FIELD(residue_index, INDEX, "N", 0, false),
    FIELD(token_index, INDEX, "N", 0, false),
    FIELD(asym_id, INDEX, "N", 0, false),
    FIELD(entity_id, INDEX, "N", 0, false),
    FIELD(sym_id, INDEX, "N", 0, false),
    FIELD(restype, CLASS, "N", OF3_N_RESTYPE, false),
    FIELD(is_protein, FLAG, "N", 0, false),
    FIELD(is_rna, FLAG, "N", 0, false),
    FIELD(is_dna, FLAG, "N", 0, false),
    FIELD(is_ligand, FLAG, "N", 0, false),
    FIELD(is_atomized, FLAG, "N", 0, false),
    FIELD(token_mask, MASK, "N", 0, false),
    FIELD(num_atoms_per_token, INDEX, "N", 0, false),
    FIELD(start_atom_index, INDEX, "N", 0, false),
    FIELD(center_atom, INDEX, "N", 0, true),
    FIELD(representative_atom, INDEX, "N", 0, true),
    FIELD(frame_atoms, INDEX, "N3", 0, true),
    FIELD(cyclic_mask, FLAG, "N", 0, true),
    FIELD(token_bonds, PAIRS, "NN", 0, true),
    FIELD(atom_to_token_index, INDEX, "A", 0, false),
    FIELD(atom_mask, MASK, "A", 0, false),
    FIELD(ref_pos, REAL, "A3", 0, false),
    FIELD(ref_mask, MASK, "A", 0, false),
    FIELD(ref_charge, REAL, "A", 0, false),
    FIELD(ref_element, CLASS, "A", OF3_N_ELEMENT, false),
    FIELD(ref_atom_name_chars, CLASS, "A4", OF3_N_NAME_CHAR, false),
    FIELD(ref_space_uid, INDEX, "A", 0, false),
    ROWS(msa, CLASS, class_, OF3_N_RESTYPE),
    ROWS(has_deletion, FLAG, has_deletion, 0),
    ROWS(deletion_value, REAL, deletion_value, 0),
    ROWS(msa_mask, FLAG, mask, 0),
    FIELD(profile, REAL, "NC", 0, false),
    FIELD(deletion_mean, REAL, "N", 0, false),
    FIELD(template_restype, CLASS, "TN", OF3_N_RESTYPE, false),
    FIELD(template_pseudo_beta_mask, MASK, "TN", 0, false),
    FIELD(template_backbone_frame_mask, MASK, "TN", 0, false),
    FIELD(template_distogram, CLASS, "TNN", OF3_N_DISTOGRAM, true),
    FIELD(template_unit_vector, REAL, "TNN3", 0, true),
};

int64_t of3_axis_size(const of3_features *f, char axis) {
  switch (axis) {
  case 'N':
    return f->n_token;
  case 'A':
    return f->n_atom;
  case 'M':
    return f->n_msa;
  case 'T':
    return f->n_templ;
  case 'C':
    return OF3_N_RESTYPE;
  default:
    return axis - '0';
  }
}

int64_t of3_field_count(const of3_features *f, const of3_field *field) {
  int64_t n = 1;
  if (field->kind == OF3_FIELD_PAIRS) return 2 * (int64_t)f->n_bond;
  for (const char *a = field->axes; *a; a++) n *= of3_axis_size(f, *a);
  return n;
}

bool of3_field_is_msa(const of3_field *field) { return field->axes[0] == 'M'; }

void of3_field_msa_row(const of3_features *f, const of3_field *field, int row, void *out) {
  of3_msa_cells cells = {0};
  memcpy((char *)&cells + field->offset, &out, sizeof out);
  of3_msa_row_cells(f, row, cells);
}

bool of3_field_is_of_places(const of3_features *f, const of3_field *field) {
  return strncmp(field->axes, "TNN", 3) == 0 && !of3_field_get(f, field) && f->template_beta;
}

void of3_field_template_places(const of3_features *f, int t, float *place) {
  const size_t slot = (size_t)t * (size_t)f->n_token;
  const of3_template_atoms atoms = {.beta_mask = f->template_pseudo_beta_mask + slot,
                                    .frame_mask = f->template_backbone_frame_mask + slot,
                                    .beta = f->template_beta + 3 * slot,
                                    .frame = f->template_frame + 9 * slot,
                                    .opt_asym = f->template_across_chains ? NULL : f->asym_id};
  of3_template_places(&atoms, f->n_token, place);
}

void of3_field_template_row(const of3_features *f, const of3_field *field, const float *place, int i,
                            void *out) {
  const float *at = place + (size_t)i * OF3_N_TEMPLATE_PLACE;
  const bool bins = field->kind == OF3_FIELD_CLASS;
  if (!bins) memset(out, 0, 3 * (size_t)f->n_token * sizeof(float));
  for (int j = 0; j < f->n_token; j++, place += OF3_N_TEMPLATE_PLACE)
    if (bins) {
      const int bin = of3_template_distance_bin(at, place);
      ((uint8_t *)out)[j] = bin < 0 ? OF3_NO_CLASS : (uint8_t)bin;
    } else {
      of3_template_add_unit(at, place, (float *)out + 3 * (size_t)j);
    }
}

void *of3_field_get(const of3_features *f, const of3_field *field) {
  void *p;
  if (of3_field_is_msa(field)) return NULL;
  memcpy(&p, (const char *)f + field->offset, sizeof p);
  return p;
}

void of3_field_set(of3_features *f, const of3_field *field, void *data) {
  memcpy((char *)f + field->offset, &data, sizeof data);
}

size_t of3_field_size(const of3_field *field) {
  return field->kind == OF3_FIELD_FLAG || field->kind == OF3_FIELD_CLASS ? 1 : 4;
}
