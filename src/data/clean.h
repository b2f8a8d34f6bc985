/* What is taken out of a structure before a network learns from it (AF3 SI 2.5.4), in the order of OpenFold3:
 *
 *   1  selenomethionine becomes methionine
 *   2  NH1 of an arginine is the one nearer CD
 *   3  water (left out by the reader)
 *   4  what a crystal was grown with, if it is one
 *   5  hydrogen
 *   6  polymers with at most 3 residues that have coordinates
 *   7  proteins of unknown residues only
 *   8  of two chains that clash (more than 30 % of the atoms of one within 1.7 Angstrom of the other) the one
 *      with the larger part of clashing atoms
 *   9  atoms that the component does not have; UNL altogether. And 14: OXT, OP3 of standard residues
 *  11  proteins with neighbouring CA more than 10 Angstrom apart
 *  12  connections: dative between chains, between polymers but for neighbours in a chain, longer than 2.4
 *      Angstrom
 *
 * Steps 6, 7, 8 and 11 take the ligands that are bonded to the chain with it. The order of atoms (10) and
 * those without coordinates (13) follow from components when the complex is built. */
#ifndef OF3_DATA_CLEAN_H
#define OF3_DATA_CLEAN_H

#include "base/cancel.h"
#include "chem/component.h"
#include "structure/structure.h"

/* A structure that was cleaned. Chains that are gone have no residues; connections that are left are those
 * that no polymer has of itself. */
typedef struct of3_clean {
  of3_structure *structure;
  of3_molecule *type; /* [n_chain] polymers by the types of their components; the rest is a ligand */
  const of3_component **component; /* [n_residue]; NULL: UNL */
} of3_clean;

/* How many of each were changed or taken out. */
typedef struct of3_clean_counts {
  int selenium, arginines, aids, hydrogens, small_chains, unknown_chains, clashing_chains, foreign_atoms,
      broken_chains, connections;
} of3_clean_counts;

/* Changes the structure in place. OF3_ERR_INPUT: a component is not in the library, or nothing is left. What
 * is returned lives in the arena. */
OF3_MUST_CHECK of3_status of3_structure_clean(of3_structure *structure, const of3_library *library,
                                              of3_cancel *opt_cancel, of3_arena *arena, of3_clean *out,
                                              of3_clean_counts *counts, of3_error *err);

#endif
