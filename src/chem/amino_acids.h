/* The 20 amino acids and UNK: atoms, bonds and conformers, from the PDB chemical component dictionary and
 * RDKit. */
#ifndef OF3_CHEM_AMINO_ACIDS_H
#define OF3_CHEM_AMINO_ACIDS_H

#include <stdbool.h>
#include <stdint.h>

enum { OF3_N_AMINO_ACID = 21, OF3_AMINO_UNK = 20, OF3_N_CONFORMER = 24 };

typedef struct of3_component_atom {
  char name[5], element[3];      /* element in capital letters */
  int8_t charge;                 /* formal, as in the dictionary */
  uint8_t hydrogens, neighbours; /* bonded in the whole component, OXT and hydrogens included */
} of3_component_atom;

typedef struct of3_component_bond {
  uint8_t a, b, order; /* a < b */
  bool aromatic;
} of3_component_bond;

/* Heavy atoms without OXT, in dictionary order: N, CA, C, O, CB, ... */
typedef struct of3_component {
  char code[4], letter;
  uint8_t n_atom, n_bond;
  const of3_component_atom *atom;
  const of3_component_bond *bond;
  const int16_t *conformer; /* [OF3_N_CONFORMER, n_atom, 3] in 0.001 Angstrom; L form */
} of3_component;

/* Indexed by restype class (docs/features.md 5). */
extern const of3_component of3_amino_acids[OF3_N_AMINO_ACID];

/* Class of a letter of a protein sequence or alignment; everything but the 20 letters is UNK. */
int of3_amino_class(char letter);

/* 1 ... 118, or 0 for a symbol that is no element; capital letters ("C", "SE"). */
int of3_element_number(const char *symbol);

#endif
