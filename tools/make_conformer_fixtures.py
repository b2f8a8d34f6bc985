#!/usr/bin/env python3
"""Write tests/fixtures/rdkit/conformers.txt: conformers as OpenFold3 makes them, for tests/unit/test_rdkit.c. Needs the
openfold3 package (0.5.0, with RDKit 2025.9.6 and biotite).

    make_conformer_fixtures.py

Of each molecule: its code or SMILES, the seeds that were drawn, the strategy that found the conformer, the positions.
"""

import pathlib
import random

from biotite.interface.rdkit import to_mol
from biotite.structure.info import residue
from openfold3.core.data.primitives.structure import conformer
from rdkit import Chem, RDLogger

HERE = pathlib.Path(__file__).resolve().parent.parent
CODES = ['ATP', 'NAG', 'HEM', 'SEP', 'PLP', 'GLC', 'FAD', 'SAM', 'STI', 'CIT', 'GOL', 'SO4', 'BTN', 'CLR', 'TYR', 'A']
SMILES = ['CC(=O)Oc1ccccc1C(=O)O', 'N[C@@H](C)C(=O)O', 'CC[C@H](Cl)Br', 'F/C=C/F', 'OB(O)c1ccccc1', '[NH4+]',
          'C1CC2CCC1C2', 'O=C1NC(=O)c2ccccc12']
STRATEGIES = [s.name for s in conformer.CONFORMER_STRATEGIES]


def molecule(what, code):
    if not code:
        return Chem.MolFromSmiles(what)
    atoms = residue(what)
    atoms = atoms[(atoms.element != 'H') & (atoms.element != 'D')]
    mol = to_mol(atoms, kekulize=True)
    Chem.SanitizeMol(mol)
    Chem.AssignStereochemistryFrom3D(mol)
    mol.RemoveConformer(0)
    return mol


def write(file, what, code):
    drawn = []
    draw = random.randint

    def recorded(low, high):
        drawn.append(draw(low, high))
        return drawn[-1]

    random.seed(f'of3 {what}')
    random.randint = recorded
    try:
        found = conformer.multistrategy_compute_conformer(molecule(what, code))
    finally:
        random.randint = draw
    xyz = found.mol.GetConformer(found.conf_id).GetPositions()
    seeds = (drawn + [0, 0])[:3]
    file.write(f'{"code" if code else "smiles"} {what} {len(xyz)} {STRATEGIES.index(found.strategy)} '
               f'{seeds[0]} {seeds[1]} {seeds[2]}\n')
    for p in xyz:
        file.write(f'{p[0]:.7f} {p[1]:.7f} {p[2]:.7f}\n')


RDLogger.DisableLog('rdApp.*')
out = HERE / 'tests/fixtures/rdkit'
out.mkdir(parents=True, exist_ok=True)
with open(out / 'conformers.txt', 'w') as f:
    for c in CODES:
        write(f, c, True)
    for s in SMILES:
        write(f, s, False)
