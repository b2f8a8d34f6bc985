/* The molecules of one query: chains, residues, atoms, bonds. Heavy atoms only, in the order of the output
 * file. */
#ifndef OF3_CHEM_COMPLEX_H
#define OF3_CHEM_COMPLEX_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "chem/component.h"
#include "of3.h"

typedef struct of3_chain {
  const char *id;       /* as in the query; any length, mmCIF label_asym_id */
  const char *sequence; /* one-letter codes of a polymer, else NULL */
  const char *key;      /* what the chain is of: its sequence, CCD code, SMILES, file */
  of3_molecule type;
  bool cyclic;
  int number_shift; /* author number of a residue less its number here; in files only */
  int entity_id;    /* rank of the key among the sorted distinct keys, from 1 */
  int asym_id;      /* rank of the id among the sorted ids, from 1 */
  int sym_id;       /* 1, 2, ... among the chains of an entity, in file order */
  int first_residue, n_residue;
} of3_chain;

typedef struct of3_residue {
  const of3_component *component; /* what it is made of; lives longer than the complex */
  char name[8];                   /* its code */
  int number;                     /* 1-based in the chain */
  int chain;
  int first_atom, n_atom;
  bool hetero;   /* HETATM: not one of the standard residues with a letter of their own */
  bool standard; /* one token for the residue; otherwise one for each atom */
} of3_residue;

typedef struct of3_atom {
  char name[8];
  char element[4];    /* upper case, "C", "SE" */
  int8_t charge;      /* formal */
  uint8_t hydrogens;  /* attached in the whole component (OXT included): ProtOr radii need them */
  uint8_t neighbours; /* all atoms bonded in the whole component, hydrogens and OXT included */
  int residue;
  int component_atom; /* which atom of the component it is */
} of3_atom;

typedef enum of3_bond_kind {
  OF3_BOND_INSIDE, /* of a component */
  OF3_BOND_LINK,   /* of a residue to the next one of its polymer: C to N, O3' to P */
  OF3_BOND_USER,   /* the query asks for it: between residues, which are then a token for each atom */
  /* Bonds that chemistry has and the network never saw, in files only (docs/features.md 2): */
  OF3_BOND_CYCLE, /* of the last residue of a cyclic chain to its first */
  OF3_BOND_CAP    /* of a cap (ACE, NH2) to its neighbour */
} of3_bond_kind;

typedef struct of3_bond {
  int a, b; /* atoms; a < b but for OF3_BOND_CYCLE and OF3_BOND_USER, whose a is named first */
  uint8_t order;
  bool aromatic;
  uint8_t kind; /* of3_bond_kind */
} of3_bond;

/* Whether features and OpenFold3's own files have the bond. */
static inline bool of3_bond_is_known(const of3_bond *b) { return b->kind < OF3_BOND_CYCLE; }

typedef struct of3_complex {
  const char *name; /* of the query */
  int n_chain, n_residue, n_atom, n_bond;
  of3_chain *chain;
  of3_residue *residue;
  of3_atom *atom;
  of3_bond *bond;                 /* inside residues in component order, links, cycles, caps, the user's */
  const of3_library *opt_library; /* where components came from, and conformers come from; lives longer */
  of3_arena *arena;               /* owns everything else */
} of3_complex;

/* The atom of the complex that is this atom of the residue's component; -1 if the component (component_atom
 * -1) or the residue has none. */
int of3_residue_atom(const of3_complex *complex, const of3_residue *residue, int component_atom);

#endif
