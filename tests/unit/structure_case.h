/* A case of tests/fixtures/structures (made by tools/make_structure_fixtures.py). */
#ifndef OF3_TEST_STRUCTURE_CASE_H
#define OF3_TEST_STRUCTURE_CASE_H

#include <jansson.h>

#include "chem/complex.h"
#include "feat/query.h"
#include "rdkit/chemistry.h"

extern const char *const structure_case_name[];
extern const int structure_case_count;

typedef struct structure_case {
  const char *name;
  of3_arena *arena; /* owns everything but doc and what is built */
  json_t *doc;
  of3_chemistry *chemistry; /* has the built-in components, and RDKit if it is there */
  of3_complex complex; /* as the fixture describes it; residues have their components if the library has */
  float *x, *plddt;    /* [A,3], [A]: made up */
  of3_query_set set;
  of3_complex built; /* as of3 builds it from the query */
} structure_case;

/* Fail the test if anything is wrong. */
void structure_case_open(structure_case *s, const char *name);
void structure_case_close(structure_case *s);

/* Fills s->built. False: the query has ligands by SMILES and there is no RDKit. */
bool structure_case_build(structure_case *s);

/* The reference's file, terminated; NULL if it wrote none. */
char *structure_case_file(const structure_case *s, const char *ending);

#endif
