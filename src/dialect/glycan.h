/* Sugars as people write them: one ligand whose residues follow the order of the text, with the bonds between
 * them. A residue follows in brackets the one that it is bound to:
 *
 *   OF3_GLYCAN_NUMBERED  Chai's, "NAG(4-1 NAG)": O4 of the first is bound to C1 of the second
 *   OF3_GLYCAN_PLAIN     the AlphaFold server's, "NAG(NAG)": glycan_links.c says which atoms are bound
 *
 * The oxygen of the carbon that is bound, O1 for C1, leaves. */
#ifndef OF3_DIALECT_GLYCAN_H
#define OF3_DIALECT_GLYCAN_H

#include "dialect/build.h"

enum { OF3_MOST_SUGARS = 200 }; /* residues of a glycan */

typedef enum of3_glycan_form { OF3_GLYCAN_NUMBERED, OF3_GLYCAN_PLAIN } of3_glycan_form;

typedef struct of3_sugar {
  const char *code;
  int parent; /* index of the one that it is bound to, before its own; -1: the first */
  int from;   /* the parent's oxygen, O4: 4 */
  int to;     /* its own carbon, C1: 1 */
} of3_sugar;

/* The residues of a text, at most OF3_MOST_SUGARS. In the builder's arena. */
OF3_MUST_CHECK of3_status of3_glycan_parse(const of3_query_builder *b, of3_span text, of3_glycan_form form,
                                           of3_sugar **ret_sugar, int *ret_n, of3_error *err);

/* glycan_links.c: `from` and `to` of all sugars, by the bonds that are commonest between two components. */
OF3_MUST_CHECK of3_status of3_glycan_link(of3_sugar *sugar, int n, of3_error *err);

/* The carbon by which a sugar is bound to what it stands on: 2 of sialic acid, else 1. */
int of3_glycan_carbon(const char *code);

/* A ligand of n_id copies with the bonds between its residues; ids stay where they are. */
OF3_MUST_CHECK of3_status of3_glycan_add(of3_query_builder *b, const of3_sugar *sugar, int n,
                                         const char *const *id, int n_id, of3_error *err);

/* Atom O`to` of a residue, which is bound by C`to`, leaves. */
OF3_MUST_CHECK of3_status of3_glycan_leave(of3_query_builder *b, const char *chain, int residue, int to,
                                           of3_error *err);

#endif
