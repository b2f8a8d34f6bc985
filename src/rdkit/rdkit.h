/* Chemistry by RDKit, in a plugin (rdkit/shim.h, base/plugin_file.h) that is opened when it is asked for:
 * molecules from SMILES and mol files, conformers. Everything else works without it. */
#ifndef OF3_RDKIT_RDKIT_H
#define OF3_RDKIT_RDKIT_H

#include "base/log.h"
#include "ccd/ccd.h"
#include "chem/component.h"
#include "rdkit/shim.h"

/* OF3_ERR_UNSUPPORTED: it is not installed, or was built from another version of of3; the sentence says what
 * to do. */
OF3_MUST_CHECK of3_status of3_rdkit_open(const of3_rdkit **ret_rdkit, of3_error *err);

/* Molecules of SMILES, and of the first entry of an SDF or mol file, `text`; path: for messages.
 * OF3_ERR_INPUT: what RDKit has against it. Ownership: rdkit->free. */
OF3_MUST_CHECK of3_status of3_rdkit_read_smiles(const of3_rdkit *rdkit, const char *smiles,
                                                of3_rdkit_mol **ret_mol, of3_error *err);
OF3_MUST_CHECK of3_status of3_rdkit_read_block(const of3_rdkit *rdkit, const char *path, const char *text,
                                               of3_rdkit_mol **ret_mol, of3_error *err);
/* The text of such a file, in the arena. */
OF3_MUST_CHECK of3_status of3_rdkit_block_of(const char *path, of3_arena *arena, char **ret_text,
                                             of3_error *err);

/* A molecule as an entry of the dictionary: heavy atoms in the order of the text, then hydrogens without
 * coordinates. Atoms are named by element and number, C1, C2, CL1 (OpenFold3). Coordinates: `ideal`, if the
 * text has some in space, else, if a drawing is asked for, a flat one in `model`. */
OF3_MUST_CHECK of3_status of3_rdkit_entry_of(const of3_rdkit *rdkit, const of3_rdkit_mol *mol, bool drawing,
                                             of3_arena *arena, of3_ccd_entry **ret_entry, of3_error *err);
/* The same of SMILES and a file, with a drawing. */
OF3_MUST_CHECK of3_status of3_rdkit_smiles_entry(const of3_rdkit *rdkit, const char *smiles, of3_arena *arena,
                                                 of3_ccd_entry **ret_entry, of3_error *err);
OF3_MUST_CHECK of3_status of3_rdkit_file_entry(const of3_rdkit *rdkit, const char *path, of3_arena *arena,
                                               of3_ccd_entry **ret_entry, of3_error *err);

/* The molecule of a component's heavy atoms. stereo: as the component's coordinates show it, else left open
 * (residues of polymers, as OpenFold3 has it). Ownership: rdkit->free. */
OF3_MUST_CHECK of3_status of3_rdkit_component(const of3_rdkit *rdkit, const of3_component *component,
                                              bool stereo, of3_rdkit_mol **ret_mol, of3_error *err);

/* Seeks a conformer, xyz [atoms, 3] Angstrom: the strategies one after the other, the next seed for each,
 * and OF3_RANDOM_STEPS from random coordinates. All together they take at most `seconds` (0: any time) and
 * one step of a search more: each has its share of what is left. *ret_attempts is how many were tried.
 * *ret_found false: none found any, and `why`. An error is OF3_ERR_CANCELLED. */
enum { OF3_RANDOM_STEPS = 30 };
OF3_MUST_CHECK of3_status of3_rdkit_search(const of3_rdkit *rdkit, const of3_rdkit_mol *mol,
                                           const of3_embedding *how, unsigned seconds, float *xyz,
                                           int *ret_attempts, bool *ret_found, of3_error *why,
                                           of3_error *err);
/* One conformer with the first seed, relaxed in a force field: as OpenFold3 makes those of a ligand for its
 * pocket. */
OF3_MUST_CHECK of3_status of3_rdkit_relax(const of3_rdkit *rdkit, const of3_rdkit_mol *mol,
                                          const of3_embedding *how, unsigned seconds, float *xyz,
                                          bool *ret_found, of3_error *why, of3_error *err);

#endif
