/* Molecules as the fixtures of tests/fixtures/write and structures describe them. */
#ifndef OF3_TEST_MOLECULES_JSON_H
#define OF3_TEST_MOLECULES_JSON_H

#include <jansson.h>
#include <stddef.h>

#include "base/arena.h"
#include "ccd/ccd_library.h"
#include "chem/complex.h"

/* "chains", "residues", "atoms", "bonds" of doc; texts stay with doc. Residues have no components. */
void molecules_from_json(const json_t *doc, of3_arena *arena, of3_complex *out);

/* Gives the residues of `complex` their components: of the library; those called LIG0, LIG1, ... are made of
 * the residue itself, as ligands by SMILES. */
void molecules_find_components(of3_ccd_library *library, of3_arena *arena, of3_complex *complex);

/* The content of a gzipped file, terminated, in the arena; NULL if there is none. */
char *gunzip(of3_arena *arena, const char *path, size_t *ret_size);

#endif
