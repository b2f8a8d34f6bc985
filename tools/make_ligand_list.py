"""Write a list of drug-like molecules as SMILES, for bench/screen_features.c.

    PYTHON make_ligand_list.py [-n 1000] > ligands.smi

PYTHON has RDKit (its PyPI wheel), whose own data are the source: `Data/NCI/first_5K.smi` and `Data/Pains/test_data/wehi_mols.csv`
(compounds of screening libraries), `Contrib/fraggle/data/ChEMBL_11265_actives.smi` and `Contrib/Fastcluster/cdk2.smi` (ligands of
targets). Of these the molecules of one part, of 15 heavy atoms or more of the elements of drugs, that Lipinski's rule passes (250 to 500 Da, logP to 5, at most 5 donors and 10
acceptors, at most 10 rotatable bonds), each once, in an order that a hash of the SMILES gives; the first of them are written.
"""
import argparse
import hashlib
import pathlib
import statistics
import sys

import rdkit
from rdkit import Chem, RDLogger
from rdkit.Chem import Crippen, Descriptors, Lipinski

SOURCES = ('Data/NCI/first_5K.smi', 'Data/Pains/test_data/wehi_mols.csv', 'Contrib/fraggle/data/ChEMBL_11265_actives.smi',
           'Contrib/Fastcluster/cdk2.smi')
ELEMENTS = {'C', 'N', 'O', 'F', 'P', 'S', 'Cl', 'Br', 'I'}


def smiles_of(path):
    """The first field of each line that is a SMILES."""
    for line in path.read_text().splitlines():
        for field in line.replace(',', ' ').replace('"', ' ').split():
            if len(field) > 10 and Chem.MolFromSmiles(field, sanitize=False):
                yield field
                break


def is_drug_like(mol):
    if mol.GetNumHeavyAtoms() < 15 or any(a.GetSymbol() not in ELEMENTS for a in mol.GetAtoms()):
        return False
    return (250 <= Descriptors.MolWt(mol) <= 500 and Crippen.MolLogP(mol) <= 5 and Lipinski.NumHDonors(mol) <= 5
            and Lipinski.NumHAcceptors(mol) <= 10 and Lipinski.NumRotatableBonds(mol) <= 10 and len(Chem.GetMolFrags(mol)) == 1)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('-n', type=int, default=1000)
    n = parser.parse_args().n
    RDLogger.DisableLog('rdApp.*')
    found = set()
    for source in SOURCES:
        for text in smiles_of(pathlib.Path(rdkit.__file__).parent / source):
            mol = Chem.MolFromSmiles(text)
            if mol and is_drug_like(mol):
                found.add(Chem.MolToSmiles(mol))
    chosen = sorted(found, key=lambda s: hashlib.sha256(s.encode()).digest())[:n]
    for k, text in enumerate(chosen):
        print(text, f'l{k:04d}')
    atoms = [Chem.MolFromSmiles(s).GetNumHeavyAtoms() for s in chosen]
    print(f'{len(chosen)} of {len(found)}; {min(atoms)} to {max(atoms)} heavy atoms, mean {statistics.mean(atoms):.1f}', file=sys.stderr)


if __name__ == '__main__':
    main()
