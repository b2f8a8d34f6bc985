#!/usr/bin/env python3
"""Write tests/fixtures/bonds/expected.json: what OpenFold3 0.5.0's own tokenizer and featuriser make of atom arrays with bonds.

    PY050 make_bond_fixtures.py

PY050: a Python interpreter with openfold3 0.5.0. That release reads `covalent_bonds` and makes no bond, and takes one code for a ligand.
So the atom array of each query in tests/fixtures/bonds/queries.json is built by its functions, one residue of a ligand after the other,
then leaving atoms are removed and bonds added by biotite, and its `tokenize_atom_array` and `featurize_structure_of3` do the rest. For each query:

    atoms        "chain residue name element charge" of each atom
    token        of each atom
    restype      class of each token
    is_atomized  0 or 1 of each token
    residue      residue_index of each token
    bonds        pairs of tokens i < j
"""

import json
import pathlib

import numpy as np
from openfold3.core.data.pipelines.featurization.structure import featurize_structure_of3
from openfold3.core.data.primitives.structure.query import structure_with_ref_mol_from_ccd_code, structure_with_ref_mols_from_query
from openfold3.core.data.primitives.structure.tokenization import tokenize_atom_array
from openfold3.projects.of3_all_atom.config.inference_query_format import Query

FOLDER = pathlib.Path(__file__).parent.parent / 'tests' / 'fixtures' / 'bonds'


def chain_array(chain, chain_id):
    """Atoms of one copy; residues of a ligand of several codes are numbered 1 to n."""
    codes = chain.get('ccd_codes')
    if not isinstance(codes, list) or len(codes) == 1:
        one = {**chain, 'chain_ids': [chain_id]}
        return structure_with_ref_mols_from_query(Query(query_name='q', chains=[one])).atom_array
    array = None
    for k, code in enumerate(codes):
        part = structure_with_ref_mol_from_ccd_code(ccd_code=code, chain_id=chain_id).atom_array
        part.res_id[:] = k + 1
        part.set_annotation('entity_id', np.ones(len(part), int))
        part.set_annotation('is_cyclic', np.zeros(len(part), bool))
        array = part if array is None else array + part
    return array


def find(array, chain, residue, name):
    hit = np.flatnonzero((array.chain_id == chain) & (array.res_id == residue) & (array.atom_name == name))
    assert len(hit) == 1, (chain, residue, name, len(hit))
    return hit[0]


def expected(query):
    array = None
    for chain in query['chains']:
        ids = chain['chain_ids']
        for chain_id in [ids] if isinstance(ids, str) else ids:
            part = chain_array(chain, chain_id)
            array = part if array is None else array + part
    stays = np.ones(len(array), bool)
    for atom in query.get('leaving_atoms', []):
        stays[find(array, *atom)] = False
    array = array[stays]
    for a, b in query['covalent_bonds']:
        array.bonds.add_bond(find(array, *a), find(array, *b), 1)
    tokenize_atom_array(array)
    n = len(np.unique(array.token_id))
    f = featurize_structure_of3(array, n, is_gt=False, add_perm_features=False)
    bonds = np.argwhere(np.triu(f['token_bonds'].numpy()[:n, :n], 1))
    return {'atoms': [f'{a.chain_id} {a.res_id} {a.atom_name} {a.element} {int(a.charge)}' for a in array],
            'token': array.token_id.tolist(),
            'restype': f['restype'].argmax(-1).tolist(),
            'is_atomized': f['is_atomized'].int().tolist(),
            'residue': f['residue_index'].tolist(),
            'bonds': bonds.tolist()}


def main():
    queries = json.loads((FOLDER / 'queries.json').read_text())['queries']
    out = {name: expected(q) for name, q in queries.items()}
    text = ',\n'.join(f'{json.dumps(name)}: {json.dumps(value, separators=(",", ":"))}' for name, value in out.items())
    (FOLDER / 'expected.json').write_text('{\n' + text + '\n}\n')
    for name, value in out.items():
        print(name, len(value['restype']), 'tokens', len(value['atoms']), 'atoms', len(value['bonds']), 'bonds')


if __name__ == '__main__':
    main()
