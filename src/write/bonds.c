#include "write/bonds.h"

#include <string.h>

/* All but hydrogen, boron to fluorine, silicon to chlorine, germanium to bromine, tellurium, iodine, astatine
 * and noble gases. */
static bool is_metal(const char *element) {
  static const char *const other[] = {"H",  "D",  "HE", "B",  "C",  "N",  "O",  "F",  "NE", "SI", "P",  "S",
                                      "CL", "AR", "GE", "AS", "SE", "BR", "KR", "TE", "I",  "XE", "AT", "RN"};
  for (size_t k = 0; k < sizeof other / sizeof *other; k++)
    if (strcmp(element, other[k]) == 0) return false;
  return of3_element_number(element) > 0;
}

static bool is_cysteine_sulphur(const of3_complex *c, int atom) {
  return strcmp(c->atom[atom].name, "SG") == 0 && strcmp(c->residue[c->atom[atom].residue].name, "CYS") == 0;
}

of3_conn of3_bond_conn(const of3_complex *c, const of3_bond *b) {
  if (is_cysteine_sulphur(c, b->a) && is_cysteine_sulphur(c, b->b)) return OF3_CONN_DISULF;
  const bool metal = is_metal(c->atom[b->a].element) || is_metal(c->atom[b->b].element);
  return metal ? OF3_CONN_METALC : OF3_CONN_COVALE;
}

bool of3_bond_is_implied(const of3_complex *c, const of3_bond *b) {
  return b->kind == OF3_BOND_LINK && c->residue[c->atom[b->a].residue].component->standard &&
         c->residue[c->atom[b->b].residue].component->standard;
}
