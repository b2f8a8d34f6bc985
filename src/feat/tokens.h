/* The tokens of a complex (AF3 SI 2.6): one for a standard residue of a polymer, else one for each atom. */
#ifndef OF3_FEAT_TOKENS_H
#define OF3_FEAT_TOKENS_H

#include "base/arena.h"
#include "base/status.h"
#include "chem/complex.h"

enum { OF3_MAX_TOKENS = 100000 }; /* of one query */

/* Atoms are numbers in the complex, -1: none. */
typedef struct of3_token {
  int residue;
  int first_atom, n_atom;
  int center;         /* CA, C1'; of an atomised token its atom */
  int representative; /* CB (GLY: CA), C4 of purines, C2 of pyrimidines; of an atomised token its atom */
  int frame[3];       /* N CA C, or C3' C1' C4'; of an atomised token -1: the coordinates decide */
  uint8_t restype;    /* class of docs/features.md 5 */
  bool atomized;
} of3_token;

typedef struct of3_tokens {
  int n, n_bond;
  of3_token *token; /* in the order of the atoms */
  int32_t *bond;    /* [n_bond,2] bonds between atomised tokens i < j, ordered by i, then j */
  of3_arena *arena; /* owns everything */
} of3_tokens;

/* Ownership: of3_tokens_free. */
OF3_MUST_CHECK of3_status of3_tokens_build(const of3_complex *complex, of3_tokens *out, of3_error *err);
void of3_tokens_free(of3_tokens *tokens); /* {0} is allowed */

#endif
