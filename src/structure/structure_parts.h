/* The stations of of3_structure_read, in this order; each works on what the one before has put there. */
#ifndef OF3_STRUCTURE_STRUCTURE_PARTS_H
#define OF3_STRUCTURE_STRUCTURE_PARTS_H

#include "cif/cif.h"
#include "structure/structure.h"

enum { STRUCTURE_MOST_RESIDUES = 100000, STRUCTURE_MOST_CHAINS = 100000, STRUCTURE_MOST_LETTERS = 8 };

/* Occupancies of the alternative locations of a residue, in the order of the file. */
typedef struct occupancies {
  int n;
  char letter[STRUCTURE_MOST_LETTERS];
  double sum[STRUCTURE_MOST_LETTERS];
  bool named; /* the residue's code is that of an atom that was taken */
} occupancies;

/* A residue while the file is read. */
typedef struct residue_in {
  of3_structure_residue of;
  occupancies occupancy;
} residue_in;

/* A chain while the file is read. */
typedef struct chain_in {
  of3_structure_chain of;
  bool listed; /* the file lists its residues */
  int n, room;
  residue_in *residue;             /* [n] */
  char last[2 * OF3_STRUCTURE_ID]; /* author number and insertion code of the residue read last */
} chain_in;

typedef struct structure_in {
  of3_cif *cif;
  of3_cancel *opt_cancel;
  of3_arena *arena;   /* of the result */
  of3_arena *scratch; /* of what is gone afterwards */
  int n, room;
  chain_in *chain;
  int last; /* chain found last */
} structure_in;

chain_in *structure_find_chain(structure_in *s, const char *id);
OF3_MUST_CHECK of3_status structure_add_chain(structure_in *s, const char *id, chain_in **ret_chain,
                                              of3_error *err);
/* Makes residues up to number n. */
OF3_MUST_CHECK of3_status structure_reach_residue(structure_in *s, chain_in *c, int64_t n, of3_error *err);
OF3_MUST_CHECK of3_status structure_open_columns(of3_cif *cif, const char *category, const char *const *item,
                                                 int n, of3_cif_column *out, of3_error *err);

/* structure_chains.c: polymers and their residues, from the lists of the file. */
OF3_MUST_CHECK of3_status structure_read_polymers(structure_in *s, of3_error *err);
/* The canonical letters of a polymer; NULL if there are not as many as residues. */
OF3_MUST_CHECK of3_status structure_read_letters(structure_in *s, of3_structure_chain *c, of3_error *err);

/* structure_atoms.c: atoms, and with them the residues that no list has. */
OF3_MUST_CHECK of3_status structure_read_atoms(structure_in *s, of3_structure *out, of3_error *err);

#endif
