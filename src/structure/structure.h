/* A structure file as data: chains, residues and atoms of its first model, and what it says of itself.
 *
 *   chain    A (polymer)            B (ligand)
 *   residue  MET 1  LYS 2  VAL 3    HEM 1          those of a polymer that have no coordinates too
 *   atom     N CA C ..              NA NB ..       only those that have coordinates
 *
 * Of alternative locations a residue has the one whose occupancies sum up to most, the first letter of equal
 * ones; digits are never taken. Water is left out. Everything else is as it is in the file: what training
 * takes out (data/clean.h) is taken out there. */
#ifndef OF3_STRUCTURE_STRUCTURE_H
#define OF3_STRUCTURE_STRUCTURE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/cancel.h"
#include "base/status.h"

enum { OF3_STRUCTURE_ID = 32 }; /* bytes of the longest identifier, the final 0 counted */

typedef struct of3_structure_atom {
  char name[8], element[4]; /* element in capital letters; "": the file does not say */
  float xyz[3];             /* Angstrom */
  float occupancy, b_factor;
} of3_structure_atom;

typedef struct of3_structure_residue {
  char code[8];
  int number;        /* in the chain, from 1: label_seq_id of polymers */
  int author;        /* auth_seq_id of its first atom */
  char insertion[4]; /* pdbx_PDB_ins_code of its first atom, or "" */
  int first_atom, n_atom;
} of3_structure_residue;

typedef struct of3_structure_chain {
  char id[OF3_STRUCTURE_ID],
      author[OF3_STRUCTURE_ID]; /* label_asym_id, auth_asym_id; alike if the file has one */
  char entity[OF3_STRUCTURE_ID];
  bool polymer; /* its residues are listed or have label_seq_id; all chains of files without label_seq_id */
  const char *letters; /* pdbx_seq_one_letter_code_can without blanks, one for each residue; or NULL */
  int first_residue, n_residue;
} of3_structure_chain;

/* A connection of struct_conn, in its order, between atoms that are there. */
typedef struct of3_structure_link {
  int a, b;      /* atoms, as the file names them first and second */
  bool covalent; /* covale or disulf; else metalc */
} of3_structure_link;

typedef struct of3_structure {
  const char *id;     /* entry.id, else the name of the data block */
  char released[12];  /* first date of pdbx_audit_revision_history, "2001-12-31"; "": unknown */
  float resolution;   /* Angstrom, the first of refine, em_3d_reconstruction, reflns; 0: unknown */
  const char *method; /* exptl.method in capital letters, or "" */
  int n_chain, n_residue, n_atom, n_link;
  of3_structure_chain *chain; /* in the order in which the file first has them */
  of3_structure_residue *residue;
  of3_structure_atom *atom;
  of3_structure_link *link;
} of3_structure;

/* mmCIF, text or BinaryCIF, packed or not; its first data block. Residues of polymers are those of
 * pdbx_poly_seq_scheme, or of struct_asym and entity_poly_seq; where the file has neither, chains consist of
 * the residues of atom_site, numbered by label_seq_id or one after the other. most: bytes that the file may
 * take. What is returned lives in the arena. */
OF3_MUST_CHECK of3_status of3_structure_read(const char *path, size_t most, of3_cancel *opt_cancel,
                                             of3_arena *arena, of3_structure *out, of3_error *err);

/* The same of a file's content, text and not packed; name: for messages. */
OF3_MUST_CHECK of3_status of3_structure_parse(const char *name, const char *text, size_t most,
                                              of3_cancel *opt_cancel, of3_arena *arena, of3_structure *out,
                                              of3_error *err);

#endif
