/* Residue names of ligands given by SMILES or a file. */
#ifndef OF3_FEAT_LIGAND_NAMES_H
#define OF3_FEAT_LIGAND_NAMES_H

#include "feat/query.h"

/* Whether the chain is such a ligand. */
static inline bool of3_query_is_own_ligand(const of3_query_chain *c) { return c->smiles || c->sdf_path; }

/* Makes the name that the user gave as it is used: in capital letters, in the arena. 1 to 5 ASCII
 * letters and digits, no standard residue's. */
OF3_MUST_CHECK of3_status of3_query_ligand_name(of3_arena *arena, const char *given, const char **ret_name,
                                                of3_error *err);

/* name[i][8] of each chain i of the query: its own, else LIG and the rank of what it is of among the distinct
 * SMILES of the query, sorted; files follow the SMILES. "" for other chains. Ownership: free. NULL: out of
 * memory. */
char (*of3_query_ligand_names(const of3_query *query))[8];

/* Of one molecule one name, of two molecules two, and none that is the code of another residue of the query.
 */
OF3_MUST_CHECK of3_status of3_query_check_ligand_names(const of3_query *query, of3_error *err);

#endif
