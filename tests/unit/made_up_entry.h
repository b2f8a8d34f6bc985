/* A training entry of a made-up chain: a protein whose residues lie 3.8 Angstrom apart on a line. */
#ifndef OF3_TESTS_MADE_UP_ENTRY_H
#define OF3_TESTS_MADE_UP_ENTRY_H

#include "feat/build.h"
#include "train/trainer.h"

typedef struct made_up {
  of3_features f;
  of3_train_entry entry; /* of 0.5.0, first stage; points into f: do not copy the struct */
} made_up;

/* rows: of the MSA, all of them the sequence. Ends the program if that cannot be. Ownership:
 * of3_features_free of m->f. */
void make_up_entry(made_up *m, int tokens, int rows);

#endif
