/* Which molecules of a complex are copies of each other (AF3 SI 4.2).
 *
 * A molecule is a set of chains that bonds hold together. Two are copies if their chains can be paired so
 * that paired chains are of one entity with the same residues and atoms, and bonds between chains join the
 * same atoms. Chains of a copy may have to change places, so that tokens of all copies come in one order. */
#ifndef OF3_TRAIN_MOLECULES_H
#define OF3_TRAIN_MOLECULES_H

#include "chem/complex.h"

typedef struct of3_molecules {
  int n, n_entity;
  int32_t *of_chain;      /* [n_chain] the chain's molecule */
  int32_t *entity, *copy; /* [n], both from 1; copies in the order of their first chains */
  int32_t *order;         /* [n_chain] which chain belongs at each place */
  bool moves;             /* whether any is not where it belongs */
} of3_molecules;

/* In the arena. */
OF3_MUST_CHECK of3_status of3_molecules_find(const of3_complex *complex, of3_arena *arena, of3_molecules *out,
                                             of3_error *err);

#endif
