/* A chemical component: one residue type, ligand or ion as the PDB chemical component dictionary (CCD)
 * describes it, or as a user does. Heavy atoms only, in the order of the dictionary, leaving atoms included;
 * which of them a residue of a chain has is decided where the chain is built (of3_component_loses).
 *
 * Components are constant and outlive the complexes that point to them: the built-in ones are static data,
 * those of a library belong to the library. */
#ifndef OF3_CHEM_COMPONENT_H
#define OF3_CHEM_COMPONENT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/cancel.h"
#include "base/log.h"
#include "base/status.h"
#include "of3.h"

/* How residues of a chain are linked: by the type of the component in the dictionary. */
typedef enum of3_link {
  OF3_LINK_NONE,    /* ligands, ions, caps, saccharides */
  OF3_LINK_PEPTIDE, /* PEPTIDE LINKING, L-PEPTIDE LINKING, D-PEPTIDE LINKING: C to N */
  OF3_LINK_RNA,     /* RNA LINKING: O3' to P; RNA and DNA may follow each other */
  OF3_LINK_DNA      /* DNA LINKING */
} of3_link;

typedef struct of3_component_atom {
  char name[8];       /* as in the dictionary */
  char element[4];    /* capital letters: "C", "SE" */
  int8_t charge;      /* formal */
  uint8_t hydrogens;  /* bonded to it in the whole component, leaving ones included */
  uint8_t neighbours; /* atoms bonded to it in the whole component, hydrogens included */
  bool leaving;       /* pdbx_leaving_atom_flag */
} of3_component_atom;

typedef struct of3_component_bond {
  uint16_t a, b; /* atoms, a < b */
  uint8_t order; /* 1, 2, 3 */
  bool aromatic;
} of3_component_bond;

typedef struct of3_component {
  char code[8];     /* at most 5 characters in the dictionary */
  char letter;      /* one-letter code of a standard residue, else 0 */
  uint8_t link;     /* of3_link */
  uint8_t restype;  /* class of docs/features.md 5; UNK for everything but the 31 standard residues */
  bool standard;    /* one of those 31: one token in a polymer */
  bool has_leaving; /* an atom is flagged as leaving, hydrogens counted */
  const char *name; /* chem_comp.name, or NULL */
  const char *type; /* chem_comp.type in capital letters, or NULL */
  int n_atom, n_bond, n_conformer;
  const of3_component_atom *atom;
  const of3_component_bond *bond; /* in the order of the dictionary, which files keep */
  /* [n_conformer, n_atom, 3] Angstrom; n_conformer 0: one has to be made before features are. */
  const float *conformer;
  const float *ideal; /* [n_atom, 3] Angstrom: coordinates of the dictionary, which show the stereochemistry;
                         or NULL */
  /* Atoms with a part to play, -1: the component has no such atom. */
  int16_t link_from,
      link_to; /* the bond to the next residue leaves from, that of the one before arrives at */
  int16_t center,
      representative; /* of the token of a standard residue: CA or C1'; CB, C4 or C2 (AF3 SI 2.6) */
  int16_t frame[3];   /* N CA C, or C3' C1' C4' */
  const char *parent; /* the standard residues that it is a modification of, "MET", "SER,TYR,GLY"; or NULL */
  const char *smiles; /* what a ligand that is in no dictionary was made from, as it was written; or NULL */
  bool own;           /* the user's, not the PDB's: by SMILES, by a file, by a description of his own */
} of3_component;

/* A ligand that is given by what it is made of. */
typedef struct of3_ligand_source {
  const char *name;              /* the code of the component: LIG0 */
  const char *opt_smiles, *path; /* SMILES; or, if there is none, an SDF or mol file */
  const char *opt_block;         /* what is in the file, which path then only names */
} of3_ligand_source;

enum { OF3_EMBED_ATTEMPTS = 3, OF3_EMBED_MOST_SEED = 1000000000 };

/* How a conformer is sought, as a generation of OpenFold3 does (docs/components.md). */
typedef struct of3_embedding {
  bool stereo;                  /* of the hand that the component's coordinates show; else of any hand */
  bool small_rings;             /* the second attempt is with torsions of small rings */
  int seed[OF3_EMBED_ATTEMPTS]; /* of the attempts, the last of which begins at random coordinates */
  of3_cancel *opt_cancel;
  const of3_log *opt_log;
} of3_embedding;

/* A source of components beyond the built-in ones (a mapped dictionary, the user's own, texts of chemistry),
 * and of conformers of all components. One call at a time, unless it says otherwise. */
typedef struct of3_library {
  /* *ret_component is NULL if there is none of that code; an error is about the source itself. */
  of3_status (*find)(void *user, const char *code, const of3_component **ret_component, of3_error *err);
  /* This library with components of a user's, CIF text, before its own; it lives as long as this one. name:
   * for messages. NULL: there is no such. */
  of3_status (*with)(void *user, const char *name, const char *cif, const of3_log *opt_log,
                     const struct of3_library **ret_library, of3_error *err);
  /* The component of a ligand; its atoms are named C1, C2, CL1. NULL: there is no chemistry. */
  of3_status (*ligand)(void *user, const of3_ligand_source *source, const of3_component **ret_component,
                       of3_error *err);
  /* A conformer, xyz [n_atom, 3] Angstrom, and how many attempts it took (and seeds with them). Where none
   * is found, the coordinates of the dictionary, which the log says. NULL: there is no chemistry. */
  of3_status (*embed)(void *user, const of3_component *component, const of3_embedding *how, float *xyz,
                      int *ret_attempts, of3_error *err);
  /* A conformer with the first seed, relaxed in a force field; *ret_found false: there is none, which the log
   * says. NULL: there is no chemistry. */
  of3_status (*relax)(void *user, const of3_component *component, const of3_embedding *how, float *xyz,
                      bool *ret_found, of3_error *err);
  /* Mappings of the component on itself, at most `most`: index [most, n_atom], the identity first. *ret_n 0:
   * the chemistry has none. Several threads may call it. NULL: there is no chemistry. */
  of3_status (*symmetries)(void *user, const of3_component *component, int most, int32_t *index, int *ret_n,
                           of3_error *err);
  void *user;
  const char *opt_date; /* of a dictionary of its own: that of the component changed last, "2026-01-16" */
} of3_library;

enum { OF3_N_STANDARD = 31, OF3_CLASS_UNK = 20, OF3_CLASS_N = 25, OF3_CLASS_DN = 30, OF3_N_CONFORMER = 24 };
enum { OF3_MOST_SYMMETRIES = 1000 }; /* of a component: OpenFold3's number */

/* The standard residues, indexed by class: 20 amino acids, UNK, RNA A G C U N, DNA DA DG DC DT DN. Each has
 * OF3_N_CONFORMER conformers of the natural hand. */
extern const of3_component of3_standard_residues[OF3_N_STANDARD];

/* The standard residue of that code, or NULL. */
const of3_component *of3_standard_residue(const char *code);

/* Class of a letter in a sequence or an alignment of a polymer; UNK, N or DN for every other letter. Case
 * matters. */
int of3_letter_class(of3_molecule polymer, char letter);

/* A component by its code (case matters): the standard residues, then opt_library. *ret_component is NULL if
 * it is in neither. */
OF3_MUST_CHECK of3_status of3_component_find(const of3_library *opt_library, const char *code,
                                             const of3_component **ret_component, of3_error *err);

/* The index of the atom of that name, or -1. */
int of3_component_atom_named(const of3_component *component, const char *name);

/* Fills link_from, link_to, center, representative and frame from the names of the atoms, link and standard.
 */
void of3_component_set_roles(of3_component *component);

/* Which atoms may change places so that elements, charges and bonds stay what they are, chirality aside: row
 * k of *ret_index [*ret_n, n_atom] has the atom that takes each one's place. The first row changes nothing;
 * without chemistry it is the only one, standard residues excepted. At most OF3_MOST_SYMMETRIES rows. In the
 * arena. */
OF3_MUST_CHECK of3_status of3_component_symmetries(const of3_library *opt_library,
                                                   const of3_component *component, of3_arena *arena,
                                                   int32_t **ret_index, int *ret_n, of3_error *err);

/* Whether a residue of a chain of that kind lacks this atom, wherever in the chain it stands: OXT in
 * proteins, OP3 and O3P in nucleic acids; of a residue that the user put in place of a letter (`modified`)
 * the atoms that the dictionary calls leaving, if it names any. Ligands keep all. */
bool of3_component_loses(const of3_component *component, int atom, of3_molecule chain, bool modified);

/* The representative atom of a standard residue in a chain of that kind; -1: none. A nucleotide of DNA in a
 * chain of RNA has none, nor the other way round (OpenFold3). */
int of3_component_representative(const of3_component *component, of3_molecule chain);

/* 1 ... 118, or 0 for a symbol that is no element; capital letters ("C", "SE"). */
int of3_element_number(const char *symbol);

/* The symbol in capital letters, "" for another number. Returns out. */
const char *of3_element_symbol(int number, char out[4]);

#endif
