/* Chains of a structure file as templates see them: residues in the order of the entity, their names, and
 * where N, CA, C and the pseudo-beta atom (CB, of GLY CA) are. */
#ifndef OF3_TEMPLATE_STRUCTURE_H
#define OF3_TEMPLATE_STRUCTURE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/log.h"
#include "base/status.h"

enum { OF3_TEMPLATE_N, OF3_TEMPLATE_CA, OF3_TEMPLATE_C, OF3_TEMPLATE_CB, OF3_N_TEMPLATE_ATOM };

typedef struct of3_template_residue {
  char name[8];
  uint8_t restype; /* class of docs/features.md 5; UNK if it is no standard residue */
  bool standard;
  uint8_t found;                      /* bit of each atom that has coordinates */
  float atom[OF3_N_TEMPLATE_ATOM][3]; /* Angstrom; CB of all residues, GLY has none */
} of3_template_residue;

typedef struct of3_template_chain {
  const char *id, *author; /* label_asym_id, auth_asym_id; alike if the file has one of them */
  int n;
  of3_template_residue *residue;
  char *letters; /* [n] canonical one-letter codes, X: unknown */
} of3_template_chain;

typedef struct of3_template_structure {
  int n;
  of3_template_chain *chain;
  const char *opt_date; /* of its release, the earliest revision: "2021-09-30" */
} of3_template_structure;

/* mmCIF, text or BinaryCIF, packed or not; its first data block, and of that the first model. Of alternative
 * locations a residue has the one whose occupancies sum up to most, the first of equal ones. Residues that
 * have no coordinates are there, if the file says what the chain is made of (pdbx_poly_seq_scheme, or
 * entity_poly_seq); else chains consist of the residues that are in atom_site, numbered by label_seq_id or,
 * in files without it, one after the other. opt_text: the content of the file, text and not packed; path is
 * its name in messages then. most: bytes that the file may take. */
OF3_MUST_CHECK of3_status of3_template_structure_read(const char *path, const char *opt_text, size_t most,
                                                      of3_arena *arena, of3_template_structure *out,
                                                      of3_error *err);

#endif
