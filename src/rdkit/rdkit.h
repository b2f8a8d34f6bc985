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

/* The molecule of a SMILES, or of the first entry of an SDF or mol file, as an entry of the dictionary: heavy
 * atoms in the order of the text, then hydrogens without coordinates. Atoms are named by element and number,
 * C1, C2, CL1 (OpenFold3). Coordinates: none but a flat drawing, in `model`. OF3_ERR_INPUT: what RDKit has
 * against it. */
OF3_MUST_CHECK of3_status of3_rdkit_smiles_entry(const of3_rdkit *rdkit, const char *smiles, of3_arena *arena,
                                                 of3_ccd_entry **ret_entry, of3_error *err);
OF3_MUST_CHECK of3_status of3_rdkit_file_entry(const of3_rdkit *rdkit, const char *path, of3_arena *arena,
                                               of3_ccd_entry **ret_entry, of3_error *err);

/* The molecule of a component's heavy atoms. stereo: as the component's coordinates show it, else left open
 * (residues of polymers, as OpenFold3 has it). Ownership: rdkit->free. */
OF3_MUST_CHECK of3_status of3_rdkit_component(const of3_rdkit *rdkit, const of3_component *component,
                                              bool stereo, of3_rdkit_mol **ret_mol, of3_error *err);

/* A conformer of the component, xyz [n_atom, 3] Angstrom: strategies one after the other, the k-th with
 * seed[k], each for at most `seconds`. If none finds one, or RDKit refuses the molecule, the coordinates of
 * the dictionary, which the log says. OF3_ERR_INPUT: there are none either. */
OF3_MUST_CHECK of3_status of3_rdkit_conformer(const of3_rdkit *rdkit, const of3_component *component,
                                              bool stereo, const int seed[OF3_RDKIT_N_STRATEGY],
                                              unsigned seconds, const of3_log *opt_log, float *xyz,
                                              of3_error *err);

#endif
