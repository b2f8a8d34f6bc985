#!/usr/bin/env python3
"""Makes tests/fixtures/structures/: structure files of mixed complexes as the reference package writes them.

    PYTHON tools/make_structure_fixtures.py --of045 PYTHON --of031 PYTHON [--only CASE] [--work FOLDER]

Run it with the Python of an installed openfold3 0.5.0; --of045 and --of031 are those of 0.4.5 and 0.3.1. Of a case there are

    CASE.json         "query": as the user writes it; "chains", "residues", "atoms", "bonds": the molecules, in the layout of
                      make_output_fixtures.py; "pdb": why the reference wrote no PDB file
    CASE.cif.gz       the files of 0.5.0 (gzipped here, without time)
    CASE.pdb.gz

Those of 0.4.5 are the same, which is checked here. So are those of 0.3.1, but for auth_seq_id of ligands, where 0.3.1 has "."
instead of the number: a defect, since the dictionary and its readers want a number there. of3 writes the number.

Coordinates and pLDDT are made up by formula(), which tests/unit/test_structures.c has too: no network, no features.
"""

import argparse
import gzip
import json
import pathlib
import subprocess
import sys
import tempfile

BASE = pathlib.Path(__file__).resolve().parent.parent
OUT = BASE / 'tests/fixtures/structures'


def polymer(kind, ids, sequence, **more):
    return {'molecule_type': kind, 'chain_ids': ids, 'sequence': sequence, **more}


def protein(ids, sequence, **more):
    return polymer('protein', ids, sequence, **more)


def ccd(ids, code):
    return {'molecule_type': 'ligand', 'chain_ids': ids, 'ccd_codes': code}


def smiles(ids, text):
    return {'molecule_type': 'ligand', 'chain_ids': ids, 'smiles': text}


ASPIRIN = 'CC(=O)Oc1ccccc1C(=O)O'
CASES = {
    'phospho': [protein('A', 'GSTYPMK', non_canonical_residues={'2': 'SEP', '3': 'TPO', '4': 'PTR', '5': 'HYP', '6': 'MSE'})],
    'caps': [protein('A', 'GAWKG', non_canonical_residues={'1': 'ACE', '5': 'NH2'}), protein('B', 'AKA')],
    'd_residues': [protein('A', 'GALFG', non_canonical_residues={'2': 'DAL', '3': 'DLE', '4': 'AIB', '5': 'BAL'})],
    'rare_letters': [protein('A', 'MXUOBZG', non_canonical_residues={'6': 'SEC', '7': 'PYL'})],
    'rna_modified': [polymer('rna', 'R', 'GUAGCN', non_canonical_residues={'1': 'GTP', '2': 'PSU', '5': '5MC'})],
    'dna_modified': [polymer('dna', ['D', 'E'], 'GCTAGCN', non_canonical_residues={'1': '8OG', '6': '5CM'})],
    'hybrid': [polymer('dna', 'D', 'GCTA', non_canonical_residues={'2': 'C', '3': 'U'}), polymer('rna', 'R', 'UAGC')],
    'shared_letters': [protein('P', 'AGC'), polymer('rna', 'R', 'AGC'), polymer('dna', 'D', 'AGC'),
                       protein('Q', 'AGC', non_canonical_residues={'3': 'CSO'})],
    'copies': [protein(['B', 'A'], 'GSHM'), ccd(['Z', 'C', 'AA'], 'MG'), smiles(['X', 'L'], 'CCO'), ccd('D', 'GOL')],
    'ions': [protein('A', 'GHC'), *[ccd(chr(ord('B') + k), code) for k, code in
                                    enumerate(['ZN', 'CL', 'NA', 'K', 'CA', 'FE', 'FE2', 'CU', 'MN', 'SO4', 'PO4', 'NH4'])]],
    'heme': [protein('A', 'HGCH'), ccd('H', 'HEM')],
    'cluster': [protein('A', 'CGC'), ccd('F', 'SF4'), ccd('G', 'FES')],
    'cofactors': [protein('A', 'GGK'), ccd('B', 'ATP'), ccd('C', 'NAD'), ccd('D', 'FAD'), ccd('E', 'SAM')],
    'sugars': [protein('A', 'NGS'), ccd('B', 'NAG'), ccd('C', 'BGC'), ccd('D', 'MAN'), ccd('E', 'FUC')],
    'residue_as_ligand': [protein('A', 'AG'), ccd('B', 'ALA'), ccd('C', 'A'), ccd('D', 'DG'), ccd('E', 'SEP'), ccd('F', 'UNK')],
    'five_letters': [protein('A', 'GA'), ccd('L', 'A1AAA')],
    'smiles_alone': [smiles('A', ASPIRIN)],
    'smiles_copies': [smiles(['B', 'A'], ASPIRIN), smiles('C', 'CCO'), smiles('D', '[Zn+2]')],
    'smiles_stereo': [protein('A', 'GG'), smiles('L', 'C[C@H](N)C(=O)O'), smiles('M', r'F/C=C\Cl')],
    'smiles_aromatic': [protein('A', 'GG'), smiles('L', 'c1ccc2[nH]ccc2c1'), smiles('M', 'c1ncc2nc[nH]c2n1'),
                        smiles('N', 'C1=CC=C[N+]([O-])=C1')],
    'smiles_halogens': [protein('A', 'GG'), smiles('L', 'FC(Cl)(Br)I'), smiles('M', 'C[Si](C)(C)Cl'), smiles('N', '[Se]=C=[Se]')],
    'smiles_salt': [protein('A', 'GG'), smiles('L', '[Na+].CC(=O)[O-]'), smiles('M', 'C[N+](C)(C)C.[Cl-]')],
    'smiles_dative': [protein('A', 'GG'), smiles('L', 'N->[Pt](Cl)(Cl)<-N'), ccd('M', 'GOL')],
    'smiles_dative_alone': [smiles('L', 'N->[Pt](Cl)(Cl)<-N')],
    'smiles_charged': [protein('A', 'GG'), smiles('L', 'OP(=O)([O-])OP(=O)([O-])[O-]'), smiles('M', '[13CH3][NH3+]'),
                       smiles('N', '[2H]C([2H])([2H])O')],
    'smiles_one_atom': [protein('A', 'GG'), smiles('L', '[Cl-]'), smiles('M', 'C'), smiles('N', '[Fe+3]')],
    'cyclic': [protein('A', 'GFGWC', cyclic=True), protein('B', 'CGC')],
    'long_ids': [polymer('dna', 'D-1', 'GC'), ccd('L2', 'GOL'), smiles("M'", 'CCO')],
    'chromophore': [protein('A', 'GXG', non_canonical_residues={'2': 'CRO'}), ccd('B', 'GTP')],
    'mixed': [protein('P', 'GSTK', non_canonical_residues={'2': 'SEP'}), polymer('rna', 'R', 'AGC'), polymer('dna', 'D', 'TAG'),
              ccd('L', 'GOL'), smiles(['M', 'N'], ASPIRIN), ccd('I', 'MG'), smiles('W', 'O=C=O')],
    'ligands_alone': [ccd('A', 'ATP'), ccd('B', 'MG')],
}


def formula(n):
    """x [n,3] in -30 .. 30, pLDDT [n] in 0 .. 100, f32; the same in tests/unit/structure_cases.c."""
    import numpy as np
    k = np.arange(3 * n, dtype=np.int64)
    x = ((k * 7919 % 9973) / 9973.0 - 0.5) * 60.0
    b = (np.arange(n, dtype=np.int64) * 4243 + 1000) % 9973 / 9973.0 * 100.0
    return x.reshape(n, 3).astype(np.float32), b.astype(np.float32)


ORDER = {0: (0, 0), 1: (1, 0), 2: (2, 0), 3: (3, 0), 4: (4, 0), 5: (1, 1), 6: (2, 1), 7: (3, 1), 8: (1, 0), 9: (0, 1)}
STANDARD = {'ALA', 'ARG', 'ASN', 'ASP', 'CYS', 'GLN', 'GLU', 'GLY', 'HIS', 'ILE', 'LEU', 'LYS', 'MET', 'PHE', 'PRO', 'SER', 'THR',
            'TRP', 'TYR', 'VAL', 'UNK', 'A', 'G', 'C', 'U', 'N', 'DA', 'DG', 'DC', 'DT', 'DN'}


def molecules(a):
    """The molecules of an atom array in the layout of src/chem/complex.h. Dative bonds are single, as the files have them."""
    import numpy as np
    chains, residues, atoms, copies = [], [], [], {}
    asym = {c: k + 1 for k, c in enumerate(np.unique(a.chain_id).tolist())}
    for k in range(len(a)):
        new_chain = k == 0 or a.chain_id[k] != a.chain_id[k - 1]
        if new_chain:
            kind, entity = int(a.molecule_type_id[k]), int(a.entity_id[k])
            copies[entity] = copies.get(entity, 0) + 1
            chains.append([str(a.chain_id[k]), kind, entity, asym[a.chain_id[k]], copies[entity]])
        if new_chain or a.res_id[k] != a.res_id[k - 1]:
            residues.append([str(a.res_name[k]), int(a.res_id[k]), len(chains) - 1, k, bool(a.hetero[k]),
                             kind != 3 and str(a.res_name[k]) in STANDARD])
        atoms.append([str(a.atom_name[k]), str(a.element[k]), int(a.charge[k]), 0, 0])
    residue = np.searchsorted([r[3] for r in residues], np.arange(len(a)), side='right') - 1
    rows = [[int(p), int(q), *ORDER[int(kind)]] for p, q, kind in a.bonds.as_array()]
    inside = [b for b in rows if residue[b[0]] == residue[b[1]]]
    return {'chains': chains, 'residues': residues, 'atoms': atoms,
            'bonds': inside + [b for b in rows if residue[b[0]] != residue[b[1]]]}


def write(queries, out):
    """What one release makes of the queries (this runs inside its Python)."""
    import logging
    import warnings

    import openfold3.core.data.primitives.structure.query as q
    from openfold3.core.data.io.structure.cif import write_structure
    from openfold3.projects.of3_all_atom.config.inference_query_format import Query
    warnings.filterwarnings('ignore')
    logging.disable(logging.CRITICAL)
    for name, chains in json.loads(queries.read_text()).items():
        try:
            array = q.structure_with_ref_mols_from_query(Query(query_name=name, chains=chains)).atom_array
        except Exception as e:
            (out / f'{name}.failed').write_text(f'{type(e).__name__}: {e}')
            continue
        (out / f'{name}.json').write_text(json.dumps(molecules(array)))
        x, b = formula(len(array))
        array.coord = x
        array.set_annotation('b_factor', b)
        for ending in ('cif', 'pdb'):
            try:
                write_structure(array, out / f'{name}.{ending}', include_bonds=True, make_ost_compatible=True)
            except Exception as e:
                (out / f'{name}.{ending}.failed').write_text(f'{type(e).__name__}: {e}')


def text_of(path):
    return path.read_text() if path.exists() else None


def numbers_of_ligands(cif):
    """auth_seq_id of ligands as 0.3.1 wrote it; columns as wide as they need to be."""
    rows = [line.split() for line in cif.splitlines()]
    at = [r[0] for r in rows if r and r[0].startswith('_atom_site.')].index('_atom_site.auth_seq_id')
    for r in rows:
        if r and r[0] in ('ATOM', 'HETATM') and r[7] == '.':
            r[at] = '.'
    return rows


def check_releases(name, folders):
    usual = {e: text_of(folders['0.5.0'] / f'{name}.{e}') for e in ('cif', 'pdb')}
    for release in ('0.4.5', '0.3.1'):
        if why := text_of(folders[release] / f'{name}.failed'):
            print(f'{name}: {release} fails: {why.splitlines()[0]}')
            continue
        for ending, wanted in usual.items():
            found = text_of(folders[release] / f'{name}.{ending}')
            if release == '0.3.1' and ending == 'cif':
                found, wanted = [line.split() for line in found.splitlines()], numbers_of_ligands(wanted)
            assert found == wanted, f'{name}.{ending} of {release} differs'


def keep(name, chains, folder):
    doc = {'query': {'queries': {name: {'chains': chains}}}, **json.loads((folder / f'{name}.json').read_text())}
    doc['pdb'] = text_of(folder / f'{name}.pdb.failed')
    for old in OUT.glob(f'{name}.*'):
        old.unlink()
    for ending in ('cif', 'pdb'):
        if content := text_of(folder / f'{name}.{ending}'):
            (OUT / f'{name}.{ending}.gz').write_bytes(gzip.compress(content.encode(), 9, mtime=0))
    (OUT / f'{name}.json').write_text(json.dumps(doc, separators=(',', ':')).replace('],"', '],\n"') + '\n')
    print(name, len(doc['atoms']), 'atoms', doc['pdb'] or '')


def main():
    a = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    a.add_argument('--of045', help='a Python that imports openfold3 0.4.5')
    a.add_argument('--of031', help='a Python that imports openfold3 0.3.1')
    a.add_argument('--only', choices=CASES)
    a.add_argument('--work', help='a folder for what the releases write; what is there is taken')
    a.add_argument('--write', nargs=2, type=pathlib.Path, help=argparse.SUPPRESS)
    options = a.parse_args()
    if options.write:
        return write(*options.write)
    OUT.mkdir(parents=True, exist_ok=True)
    cases = {options.only: CASES[options.only]} if options.only else CASES
    with tempfile.TemporaryDirectory() as work:
        work, folders = pathlib.Path(options.work or work), {}
        (work / 'queries.json').write_text(json.dumps(cases))
        for release, python in (('0.5.0', sys.executable), ('0.4.5', options.of045), ('0.3.1', options.of031)):
            folders[release] = work / release
            if not folders[release].exists():
                folders[release].mkdir()
                subprocess.run([python, __file__, '--write', work / 'queries.json', folders[release]], check=True)
        for name, chains in cases.items():
            if why := text_of(folders['0.5.0'] / f'{name}.failed'):
                raise SystemExit(f'{name}: {why}')
            check_releases(name, folders)
            keep(name, chains, folders['0.5.0'])


if __name__ == '__main__':
    main()
