/* The parts of a PDB file: pdb.c has the atoms and their bonds, pdb_head.c what stands before them in a file
 * that is not in OpenFold3's style. */
#ifndef OF3_WRITE_PDB_PARTS_H
#define OF3_WRITE_PDB_PARTS_H

#include "write/structure.h"

enum { OF3_PDB_ATOM_NAME = 8 };

/* Columns 13-16: a name of a one-letter element starts in the second of them unless it needs all four. */
void of3_pdb_atom_name(const of3_atom *atom, char out[OF3_PDB_ATOM_NAME]);

/* TITLE, SEQRES, MODRES, HETNAM, LINK. x [A,3]. The complex has passed of3_pdb_check. */
void of3_pdb_add_head(const of3_complex *complex, const float *x, const of3_structure_about *about,
                      of3_str *out);

#endif
