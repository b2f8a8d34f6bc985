/* The stations of of3_structure_clean. An atom that is taken out loses its name, a chain is marked; the
 * arrays are closed at the end. */
#ifndef OF3_DATA_CLEAN_PARTS_H
#define OF3_DATA_CLEAN_PARTS_H

#include "data/clean.h"

typedef struct cleaner {
  of3_structure *s;
  const of3_library *library;
  of3_cancel *opt_cancel;
  of3_arena *arena;
  of3_molecule *type;              /* [chain] */
  const of3_component **component; /* [residue] */
  bool *gone, *with;               /* [chain]; with: of remove_chain */
  int32_t *residue_of, *chain_of;  /* [atom], [residue] */
  of3_clean_counts *counts;
} cleaner;

static inline bool clean_is_there(const of3_structure_atom *a) { return a->name[0] != 0; }

/* clean_parts.c: what all stations ask. */
/* Atoms of the chain that are there. */
int clean_count_atoms(const cleaner *c, int chain);
/* The atom of that name in a residue, or NULL. */
of3_structure_atom *clean_atom_named(const cleaner *c, const of3_structure_residue *r, const char *name);
/* Square of the distance of two atoms. */
double clean_distance2(const of3_structure_atom *a, const of3_structure_atom *b);

/* clean_chains.c: steps 6, 7, 8 and 11. */
void clean_small_chains(cleaner *c);
void clean_unknown_chains(cleaner *c);
OF3_MUST_CHECK of3_status clean_clashing_chains(cleaner *c, of3_error *err);
void clean_broken_chains(cleaner *c);

#endif
