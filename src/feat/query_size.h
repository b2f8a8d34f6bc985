/* How large a query is, known without building it: queries are put in order of it, and workers are chosen and
 * batches are made by it. Memory is planned from the features themselves. */
#ifndef OF3_FEAT_QUERY_SIZE_H
#define OF3_FEAT_QUERY_SIZE_H

#include "chem/component.h"
#include "feat/query.h"

typedef struct of3_query_size {
  int n_token, n_atom; /* heavy atoms */
} of3_query_size;

/* Copies counted. Of polymers and of ligands by code it is exact but for bonds between chains, which take
 * atoms away and make tokens of others; of ligands by SMILES and files the atoms of the text are counted,
 * hydrogens left out. What cannot be built (an unknown component) counts as one token. */
of3_query_size of3_query_measure(const of3_query *query, const of3_library *opt_library);

#endif
