#include "chem/component.h"

#include <string.h>

const of3_component *of3_standard_residue(const char *code) {
  for (int i = 0; i < OF3_N_STANDARD; i++)
    if (strcmp(of3_standard_residues[i].code, code) == 0) return &of3_standard_residues[i];
  return NULL;
}

int of3_letter_class(of3_molecule polymer, char letter) {
  static const struct {
    int first, unknown;
  } range[] = {[OF3_PROTEIN] = {0, OF3_CLASS_UNK},
               [OF3_RNA] = {OF3_CLASS_UNK + 1, OF3_CLASS_N},
               [OF3_DNA] = {OF3_CLASS_N + 1, OF3_CLASS_DN},
               [OF3_LIGAND] = {OF3_CLASS_UNK, OF3_CLASS_UNK}};
  for (int i = range[polymer].first; i < range[polymer].unknown; i++)
    if (of3_standard_residues[i].letter == letter) return i;
  return range[polymer].unknown;
}

of3_status of3_component_find(const of3_library *opt_library, const char *code,
                              const of3_component **ret_component, of3_error *err) {
  *ret_component = of3_standard_residue(code);
  return *ret_component || !opt_library ? OF3_OK
                                        : opt_library->find(opt_library->user, code, ret_component, err);
}

int of3_component_atom_named(const of3_component *c, const char *name) {
  for (int a = 0; a < c->n_atom; a++)
    if (strcmp(c->atom[a].name, name) == 0) return a;
  return -1;
}

void of3_component_set_roles(of3_component *c) {
  static const char *const peptide[] = {"C", "N", "CA", "CB", "N", "CA", "C"}, *const nucleotide[] = {
                                                                                   "O3'", "P",   "C1'", NULL,
                                                                                   "C3'", "C1'", "C4'"};
  const char *const *name = c->link == OF3_LINK_PEPTIDE ? peptide : c->link ? nucleotide : NULL;
  int16_t *role[] = {&c->link_from, &c->link_to,  &c->center,  &c->representative,
                     &c->frame[0],  &c->frame[1], &c->frame[2]};
  for (int k = 0; k < 7; k++) {
    const bool wanted = name && name[k] && (k < 2 || c->standard);
    *role[k] = (int16_t)(wanted ? of3_component_atom_named(c, name[k]) : -1);
  }
  if (!name || !c->standard) return;
  if (name == peptide && c->representative < 0) c->representative = c->center; /* GLY */
  if (name == nucleotide)
    c->representative =
        (int16_t)of3_component_atom_named(c, of3_component_atom_named(c, "N9") >= 0 ? "C4" : "C2");
}

bool of3_component_loses(const of3_component *c, int atom, of3_molecule chain, bool modified) {
  const char *name = c->atom[atom].name;
  if (chain == OF3_LIGAND) return false;
  if (modified && c->has_leaving) return c->atom[atom].leaving;
  if (chain == OF3_PROTEIN) return strcmp(name, "OXT") == 0;
  return strcmp(name, "OP3") == 0 || strcmp(name, "O3P") == 0;
}

int of3_component_representative(const of3_component *c, of3_molecule chain) {
  const bool other =
      (c->link == OF3_LINK_DNA && chain == OF3_RNA) || (c->link == OF3_LINK_RNA && chain == OF3_DNA);
  return other ? -1 : c->representative;
}
