#!/usr/bin/env python3
"""Write tests/fixtures/rdkit/conformers.txt and query.json, query.txt: conformers as OpenFold3 makes them, for
tests/unit/test_rdkit.c. Needs the openfold3 package (0.5.0, with RDKit 2025.9.6 and biotite).

    make_conformer_fixtures.py

conformers.txt: of each molecule its kind (a ligand by code, with the hand of the dictionary's coordinates; a modified residue, of
any hand; SMILES), code or SMILES, the seeds that were drawn, the strategy that found the conformer, the positions.
query.txt: of each residue of query.json, made with Python's generator set to SEED, how many atoms of it there are, and their positions.
pocket.json, pocket.txt: queries with a pocket, and of each how many conformers its ligand has, all equal, how many atoms, and the positions.
"""

import json
import pathlib
import random

from biotite.interface.rdkit import to_mol
from biotite.structure.info import residue
from openfold3.core.data.pipelines.featurization.pocket_constraints import create_pocket_sampling_features
from openfold3.core.data.primitives.structure import conformer, query
from openfold3.projects.of3_all_atom.config.inference_query_format import Query
from rdkit import Chem, RDLogger

HERE = pathlib.Path(__file__).resolve().parent.parent
CODES = ['ATP', 'NAG', 'HEM', 'SEP', 'PLP', 'GLC', 'FAD', 'SAM', 'STI', 'CIT', 'GOL', 'SO4', 'BTN', 'CLR', 'TYR', 'A', 'NAD', 'MAN',
         'ZN', 'MG', 'RET', 'SF4', 'FES', 'GTP', 'COA', 'EPE']
RESIDUES = ['SEP', 'TPO', 'PTR', 'MSE', 'HYP', 'DAL', 'ACE', 'NH2', 'PCA', 'CSO', 'MLY', 'M3L', 'PSU', '5MC', 'OMG', '2MG']
SMILES = ['CC(=O)Oc1ccccc1C(=O)O', 'N[C@@H](C)C(=O)O', 'CC[C@H](Cl)Br', 'F/C=C/F', 'OB(O)c1ccccc1', '[NH4+]',
          'C1CC2CCC1C2', 'O=C1NC(=O)c2ccccc12', 'C[S@](=O)CC', 'CCN.CCS(=O)(=O)O', '[2H]C([2H])([2H])O', 'C[N+](C)(C)C',
          'ClC(Cl)c1ccc(Br)c(F)c1', 'N[C@@H](CC(=O)N[C@H](C)C(=O)O)C(=O)O']
SEED = 7
QUERY = {'chains': [
    {'molecule_type': 'protein', 'chain_ids': ['A', 'B'], 'sequence': 'GSAG', 'non_canonical_residues': {'2': 'SEP'}},
    {'molecule_type': 'ligand', 'chain_ids': ['C', 'D'], 'ccd_codes': 'BTN'},
    {'molecule_type': 'ligand', 'chain_ids': 'E', 'smiles': 'N[C@@H](C)C(=O)O'},
    {'molecule_type': 'rna', 'chain_ids': 'F', 'sequence': 'AUG', 'non_canonical_residues': {'2': 'PSU'}},
    {'molecule_type': 'ligand', 'chain_ids': 'G', 'ccd_codes': 'HEM'},
    {'molecule_type': 'ligand', 'chain_ids': 'H', 'smiles': 'CC[C@H](Cl)Br'}]}
POCKET_LIGANDS = {'smiles': {'smiles': 'CC(C)Cc1ccc(cc1)[C@@H](C)C(=O)O'}, 'code': {'ccd_codes': 'BTN'}, 'salt': {'smiles': 'CCN.CCS(=O)(=O)O'},
                  'uff': {'smiles': 'OB(O)c1ccc(F)cc1'}, 'ion': {'ccd_codes': 'ZN'}}
STRATEGIES = [s.name for s in conformer.CONFORMER_STRATEGIES]


def molecule(what, kind):
    if kind == 'smiles':
        return Chem.MolFromSmiles(what)
    atoms = residue(what)
    atoms = atoms[(atoms.element != 'H') & (atoms.element != 'D')]
    mol = to_mol(atoms, kekulize=True)
    Chem.SanitizeMol(mol)
    if kind == 'code':
        Chem.AssignStereochemistryFrom3D(mol)
    mol.RemoveConformer(0)
    return mol


def write(file, what, kind):
    drawn = []
    draw = random.randint

    def recorded(low, high):
        drawn.append(draw(low, high))
        return drawn[-1]

    random.seed(f'of3 {what}')
    random.randint = recorded
    try:
        found = conformer.multistrategy_compute_conformer(molecule(what, kind))
    finally:
        random.randint = draw
    xyz = found.mol.GetConformer(found.conf_id).GetPositions()
    seeds = (drawn + [0, 0])[:3]
    file.write(f'{kind} {what} {len(xyz)} {STRATEGIES.index(found.strategy)} '
               f'{seeds[0]} {seeds[1]} {seeds[2]}\n')
    for p in xyz:
        file.write(f'{p[0]:.7f} {p[1]:.7f} {p[2]:.7f}\n')


RDLogger.DisableLog('rdApp.*')
out = HERE / 'tests/fixtures/rdkit'
out.mkdir(parents=True, exist_ok=True)
with open(out / 'conformers.txt', 'w') as f:
    for kind, all_of_it in ('code', CODES), ('residue', RESIDUES), ('smiles', SMILES):
        for what in all_of_it:
            write(f, what, kind)
(out / 'query.json').write_text(json.dumps({'seeds': [SEED], 'queries': {'q': QUERY}}, indent=1) + '\n')
random.seed(SEED)
made = query.structure_with_ref_mols_from_query(Query(query_name='q', **QUERY))
with open(out / 'query.txt', 'w') as f:
    for m in made.processed_reference_mols:
        xyz = m.mol.GetConformer().GetPositions()[list(m.in_crop_mask)]
        f.write(f'{len(xyz)}\n')
        for p in xyz:
            f.write(f'{p[0]:.7f} {p[1]:.7f} {p[2]:.7f}\n')

queries = {name: {'chains': [{'molecule_type': 'protein', 'chain_ids': ['A'], 'sequence': 'GSAGK'},
                             {'molecule_type': 'ligand', 'chain_ids': ['L'], **ligand}],
                  'pocket_constraint': {'ligand_chain_id': 'L', 'pocket_residues': [['A', 2]]}}
           for name, ligand in POCKET_LIGANDS.items()}
(out / 'pocket.json').write_text(json.dumps({'queries': queries}, indent=1) + '\n')
with open(out / 'pocket.txt', 'w') as f:
    for name, q in queries.items():
        asked = Query(query_name=name, **q)
        made = query.structure_with_ref_mols_from_query(asked)
        features = create_pocket_sampling_features(asked, made.atom_array, made.processed_reference_mols)
        shapes = features.get('pocket_sampling_conformer_rels')
        if shapes is None:
            f.write(f'{name} 0 0\n')
            continue
        assert (shapes == shapes[0]).all()  # the seed of each is a multiple of 0
        f.write(f'{name} {shapes.shape[0]} {shapes.shape[1]}\n')
        for p in shapes[0].tolist():
            f.write(f'{p[0]:.7f} {p[1]:.7f} {p[2]:.7f}\n')
