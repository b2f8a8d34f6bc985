#include "chem/complex.h"

int of3_residue_atom(const of3_complex *c, const of3_residue *r, int component_atom) {
  for (int a = r->first_atom; a < r->first_atom + r->n_atom; a++)
    if (c->atom[a].component_atom == component_atom) return a;
  return -1;
}
