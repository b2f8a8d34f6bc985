/* One entry of a training set: a query, and where the atoms of its molecules are.
 *
 *   query   chains A, B, LIG ..        what the network is told, built into a complex as for a prediction
 *   atoms   (chain, residue, name) -> coordinates     of those that are resolved; found by name, so that an
 *                                                     entry does not depend on the order of atoms
 *
 * Each chain of the structure is an entry of the query of its own; copies are known by their sequence or
 * codes. */
#ifndef OF3_DATA_ENTRY_H
#define OF3_DATA_ENTRY_H

#include "base/arena.h"
#include "chem/complex.h"
#include "data/clean.h"
#include "feat/query.h"

/* Atoms are ordered by chain, then by residue; a residue's atoms have distinct names. */
typedef struct of3_set_atom {
  int32_t chain, residue; /* of the query; from 1 */
  char name[8];
  float xyz[3];    /* Angstrom */
  float occupancy; /* 0: not resolved after all */
} of3_set_atom;

typedef struct of3_set_entry {
  char released[12]; /* "2001-12-31", or "" */
  float resolution;  /* Angstrom, 0: unknown */
  of3_query query;   /* named as the entry; bonds between residues that no polymer has */
  int n_atom;
  of3_set_atom *atom;
} of3_set_entry;

/* What is left of a structure. Texts and arrays live in the arena. */
OF3_MUST_CHECK of3_status of3_set_entry_of_structure(const char *name, const of3_clean *clean,
                                                     of3_arena *arena, of3_set_entry *out, of3_error *err);

/* The entry with n of its chains, in this order. In the arena, texts excepted. */
OF3_MUST_CHECK of3_status of3_set_entry_select(const of3_set_entry *entry, const int32_t *chain, int n,
                                               of3_arena *arena, of3_set_entry *out, of3_error *err);

/* The complex of an entry, whose query gets as leaving the atoms without coordinates of ligands that are
 * bonded to another chain or have several residues: nobody says which of them left when the bonds were made
 * (OpenFold3). The list is in the arena. Ownership of *out: of3_complex_free. */
OF3_MUST_CHECK of3_status of3_set_entry_build(of3_set_entry *entry, const of3_library *opt_library,
                                              of3_arena *arena, of3_complex *out, of3_error *err);

/* Where the atoms of a complex are that was built from the query: xyz [n_atom,3], zero where `resolved` is
 * false. Returns how many atoms of the entry the complex does not have. */
int of3_set_entry_place(const of3_set_entry *entry, const of3_complex *complex, float *xyz, bool *resolved);

#endif
