/* What the structure writers ask about bonds. */
#ifndef OF3_WRITE_BONDS_H
#define OF3_WRITE_BONDS_H

#include <stdbool.h>

#include "chem/complex.h"

/* The bond joins two residues. */
static inline bool of3_bond_links(const of3_complex *c, const of3_bond *b) {
  return c->atom[b->a].residue != c->atom[b->b].residue;
}

/* What kind of link it is: conn_type_id of mmCIF. */
typedef enum of3_conn { OF3_CONN_COVALE, OF3_CONN_DISULF, OF3_CONN_METALC } of3_conn;

of3_conn of3_bond_conn(const of3_complex *c, const of3_bond *b);

/* Whoever reads the sequence knows of the bond: it joins neighbours that are standard residues. */
bool of3_bond_is_implied(const of3_complex *c, const of3_bond *b);

/* Every molecule is a ligand by SMILES. OpenFold3 takes such a complex from another library than all others,
 * and so its files of it differ: occupancies of 0, B-factors in double precision. */
static inline bool of3_only_smiles(const of3_complex *c) {
  for (int k = 0; k < c->n_residue; k++)
    if (!c->residue[k].component || !c->residue[k].component->smiles) return false;
  return true;
}

#endif
