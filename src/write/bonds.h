/* What the structure writers ask about bonds. */
#ifndef OF3_WRITE_BONDS_H
#define OF3_WRITE_BONDS_H

#include <stdbool.h>

#include "chem/complex.h"

/* The bond joins two residues. */
static inline bool of3_bond_links(const of3_complex *c, const of3_bond *b) {
  return c->atom[b->a].residue != c->atom[b->b].residue;
}

#endif
