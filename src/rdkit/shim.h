/* RDKit behind a table of C functions: what the plugin of3_rdkit exports (src/rdkit/shim.cpp). No exception
 * leaves it; a function that fails writes a clause into why [size]. Several threads may call them at a time.
 */
#ifndef OF3_RDKIT_SHIM_H
#define OF3_RDKIT_SHIM_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Atoms and bonds below are those of heavy atoms; hydrogens are counted at them. */
typedef struct of3_rdkit_mol of3_rdkit_mol;

typedef struct of3_rdkit_atom {
  int element; /* atomic number */
  int charge, hydrogens;
  bool aromatic;
  char stereo; /* 'R', 'S', or 'N' */
} of3_rdkit_atom;

enum { OF3_RDKIT_DATIVE = 17 }; /* order of a bond from the atom that gives both electrons */

typedef struct of3_rdkit_bond {
  int a, b;
  int order; /* 1 ... 4, OF3_RDKIT_DATIVE */
  bool aromatic;
} of3_rdkit_bond;

/* How a conformer is sought, in this order (OpenFold3): ETKDGv3; with torsions of small rings; from random
 * coordinates. */
typedef enum of3_rdkit_strategy {
  OF3_RDKIT_PLAIN,
  OF3_RDKIT_SMALL_RINGS,
  OF3_RDKIT_RANDOM,
  OF3_RDKIT_N_STRATEGY
} of3_rdkit_strategy;

/* When a search gives up. */
typedef struct of3_rdkit_limits {
  unsigned steps;   /* tries to place the atoms; 0: as many as RDKit wants, ten for each atom */
  unsigned seconds; /* 0: any number */
} of3_rdkit_limits;

enum { OF3_RDKIT_ABI = 5 };

typedef struct of3_rdkit {
  uint32_t abi;        /* OF3_RDKIT_ABI: changes with this struct */
  const char *version; /* "2025.09.6" */
  /* Sanitised molecules; NULL: they cannot be. Bonds to metals that break a valence become dative. */
  of3_rdkit_mol *(*from_smiles)(const char *smiles, char *why, size_t size);
  of3_rdkit_mol *(*from_mol_block)(const char *text, char *why,
                                   size_t size); /* MDL mol file, one entry of an SDF */
  /* Heavy atoms. opt_xyz [n_atom, 3] shows the stereochemistry; NULL leaves it open. */
  of3_rdkit_mol *(*from_graph)(int n_atom, const of3_rdkit_atom *atom, int n_bond, const of3_rdkit_bond *bond,
                               const float *opt_xyz, char *why, size_t size);
  void (*free)(of3_rdkit_mol *opt_mol);
  void (*count)(const of3_rdkit_mol *mol, int *ret_atoms, int *ret_bonds);
  void (*describe)(const of3_rdkit_mol *mol, of3_rdkit_atom *atom,
                   of3_rdkit_bond *bond); /* double bonds, no aromatic ones */
  /* xyz [n_atom, 3] Angstrom, as the mol file has them; false: it has none in space. */
  bool (*positions)(const of3_rdkit_mol *mol, float *xyz);
  /* xyz [n_atom, 3] Angstrom. Hydrogens are added for the search. It ends without a conformer at one of the
   * limits, and soon after *opt_cancel has become other than 0. SIGINT stays the program's. */
  bool (*conformer)(const of3_rdkit_mol *mol, of3_rdkit_strategy strategy, int seed, of3_rdkit_limits limits,
                    const volatile sig_atomic_t *opt_cancel, float *xyz, char *why, size_t size);
  /* The same of the first strategy, then relaxed: at most 200 steps in the force field MMFF94, or UFF where
   * that has no parameters for an atom. */
  bool (*relaxed)(const of3_rdkit_mol *mol, int seed, of3_rdkit_limits limits,
                  const volatile sig_atomic_t *opt_cancel, float *xyz, char *why, size_t size);
  void (*flat)(const of3_rdkit_mol *mol, float *xy); /* [n_atom, 2] of a drawing */
  /* Mappings of a molecule of heavy atoms alone on itself, chirality aside: index [most, n_atom], at most as
   * many, *ret_n. */
  bool (*symmetries)(const of3_rdkit_mol *mol, int most, int32_t *index, int *ret_n, char *why, size_t size);
} of3_rdkit;

#define OF3_RDKIT_ENTRY "of3_rdkit_entry"
typedef const of3_rdkit *of3_rdkit_entry_function(void);

#ifdef __cplusplus
}
#endif

#endif
