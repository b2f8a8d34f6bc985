#!/usr/bin/env python3
"""Write src/chem/standard_residues.c: the 31 standard residues as of3 needs them, from the CCD and RDKit.

    make_components.py src/chem/standard_residues.c

Needs biotite (its copy of the PDB chemical component dictionary) and RDKit: the environment of openfold3 0.5.0. Run once;
the output is committed, so that proteins, RNA and DNA need no chemical dictionary at run time.

Atoms are all heavy atoms in the order of the CCD. Charges, bond orders, flags of aromatic bonds and of leaving atoms are the
CCD's; hydrogens and neighbours are counted in the whole component. Conformers are made as OpenFold3 makes them (ETKDGv3 on
the isolated residue with OXT or OP3 and hydrogens, no force field), except that chirality is taken from the CCD's ideal
coordinates, so that all amino acids are L and all sugars D; OpenFold3 leaves it unspecified.
"""

import sys

import biotite.structure.info as info
import numpy as np
from biotite.interface import rdkit as biotite_rdkit
from biotite.structure.info.ccd import get_from_ccd
from rdkit import Chem
from rdkit.Chem import AllChem

# in the order of the classes of docs/features.md 5
AMINO = ('ALA ARG ASN ASP CYS GLN GLU GLY HIS ILE LEU LYS MET PHE PRO SER THR TRP TYR VAL UNK').split()
RNA, DNA = 'A G C U N'.split(), 'DA DG DC DT DN'.split()
LETTERS = 'ARNDCQEGHILKMFPSTWYVXAGCUNAGCTN'
N_CONFORMER = 24
SEED = 20251124
LOST = ('OXT', 'OP3')                                     # by every residue of a chain


def conformers(residue, code):
    """[N_CONFORMER, heavy atoms, 3], centred on the atoms that residues of a chain have."""
    heavy = residue[residue.element != 'H']
    heavy.bonds.remove_aromaticity()                      # kekulised
    mol = biotite_rdkit.to_mol(heavy)
    Chem.SanitizeMol(mol)
    Chem.AssignStereochemistryFrom3D(mol)
    mol = Chem.AddHs(mol)
    options = AllChem.ETKDGv3()
    options.randomSeed = SEED
    options.clearConfs = True
    ids = AllChem.EmbedMultipleConfs(mol, N_CONFORMER, options)
    assert len(ids) == N_CONFORMER, code
    pos = np.stack([mol.GetConformer(i).GetPositions() for i in ids])[:, :len(heavy)]
    kept = ~np.isin(heavy.atom_name, LOST)
    return pos - pos[:, kept].mean(1, keepdims=True)


# a stereocentre and three of its neighbours
CENTRES = [('CA', 'N', 'C', 'CB'), ("C4'", "C5'", "O4'", "C3'"), ("C3'", "C4'", "O3'", "C2'"), ("C2'", "C3'", "O2'", "C1'"),
           ("C1'", "O4'", "C2'", 'N9'), ("C1'", "O4'", "C2'", 'N1')]


def hand(at, x, centre, around):
    """Sign of the volume that the neighbours span."""
    a, b, c = (x[at[k]] - x[at[centre]] for k in around)
    return np.sign(np.dot(np.cross(a, b), c))


def check_hand(code, names, pos, ideal):
    """Every conformer has the stereocentres of the ideal coordinates; of amino acids the volume (N, C, CB) is positive: L."""
    at = {n: i for i, n in enumerate(names)}
    for centre, *around in CENTRES:
        if centre not in at or any(n not in at for n in around):
            continue
        right = hand(at, ideal, centre, around)
        assert centre != 'CA' or right > 0, code
        for p in pos:
            assert hand(at, p, centre, around) == right, (code, centre)


def component(code, letter, link):
    residue = info.residue(code)
    names, elements = residue.atom_name.tolist(), residue.element.tolist()
    table = get_from_ccd('chem_comp_bond', code)
    bonds = [(a, b, {'SING': 1, 'DOUB': 2, 'TRIP': 3}[o], int(f == 'Y')) for a, b, o, f in
             zip(*(table[k].as_array() for k in ('atom_id_1', 'atom_id_2', 'value_order', 'pdbx_aromatic_flag')))]
    table = get_from_ccd('chem_comp_atom', code)
    flags = dict(zip(table['atom_id'].as_array().tolist(), table['pdbx_leaving_atom_flag'].as_array().tolist()))
    element = dict(zip(names, elements))
    neighbours = {n: [b if a == n else a for a, b, _, _ in bonds if n in (a, b)] for n in names}
    heavy = [n for n in names if element[n] != 'H']
    at = {n: i for i, n in enumerate(heavy)}
    atoms = [(n, element[n], int(residue.charge[names.index(n)]), sum(element[m] == 'H' for m in neighbours[n]),
              len(neighbours[n]), int(flags[n] == 'Y')) for n in heavy]
    inside = [(*sorted((at[a], at[b])), o, f) for a, b, o, f in bonds if a in at and b in at]
    pos = conformers(residue, code)
    ideal = residue.coord[residue.element != 'H']
    check_hand(code, heavy, pos, ideal)

    out = [f'static const of3_component_atom atoms_{code}[] = {{']
    out += wrap(f'{{"{n}", "{e}", {q}, {h}, {k}, {f}}}' for n, e, q, h, k, f in atoms)
    out += ['};', f'static const of3_component_bond bonds_{code}[] = {{']
    out += wrap('{%d, %d, %d, %d}' % b for b in inside)
    out += ['};', f'static const float ideal_{code}[] = {{']
    out += wrap(number(v) for v in ideal.ravel())
    out += ['};', f'static const float conformers_{code}[OF3_N_CONFORMER * {len(heavy)} * 3] = {{']
    for p in pos:
        out += wrap(number(v) for v in p.ravel())
    out += ['};', '']

    def place(name):
        return at.get(name, -1)
    sugar = link != 'PEPTIDE'
    representative = (place('CB' if code != 'GLY' else 'CA') if not sugar else
                      place('C4') if 'N9' in at else place('C2'))
    frame = ("C3'", "C1'", "C4'") if sugar else ('N', 'CA', 'C')
    roles = [place("O3'" if sugar else 'C'), place('P' if sugar else 'N'), place("C1'" if sugar else 'CA'), representative]
    comp = get_from_ccd('chem_comp', code)
    name, kind = (comp[k].as_array()[0] for k in ('name', 'type'))
    row = (f'{{"{code}", \'{letter}\', OF3_LINK_{link}, CLASS, true, {str("Y" in flags.values()).lower()}, "{name}", "{kind.upper()}", '
           f'{len(heavy)}, {len(inside)}, OF3_N_CONFORMER, atoms_{code}, bonds_{code}, conformers_{code}, ideal_{code}, '
           f'{", ".join(str(r) for r in roles)}, {{{", ".join(str(place(n)) for n in frame)}}}}, NULL, NULL, false}},')
    return out, row


def number(v):
    """Angstrom with three decimals."""
    v = round(float(v), 3) + 0.0
    text = f'{v:.3f}'.rstrip('0')
    return text + ('0F' if text.endswith('.') else 'F')


def wrap(items, width=108):
    lines, line = [], ' '
    for item in items:
        if len(line) + len(item) + 2 > width:
            lines.append(line)
            line = ' '
        line += f' {item},'
    return lines + [line]


def main():
    lines = ['/* Generated by tools/make_components.py from the PDB chemical component dictionary and RDKit. Do not edit. */',
             '/* clang-format off */', '#include "chem/component.h"', '']
    rows = []
    links = ['PEPTIDE'] * len(AMINO) + ['RNA'] * len(RNA) + ['DNA'] * len(DNA)
    for class_, (code, letter, link) in enumerate(zip(AMINO + RNA + DNA, LETTERS, links)):
        body, row = component(code, letter, link)
        lines += body
        rows.append('  ' + row.replace('CLASS', str(class_)))
    lines += ['const of3_component of3_standard_residues[OF3_N_STANDARD] = {'] + rows + ['};']
    with open(sys.argv[1], 'w') as f:
        f.write('\n'.join(lines) + '\n')


main()
