#!/usr/bin/env python3
"""A training set beside OpenFold3's own clean-up of the same structures.

    compare_data.py SET FOLDER > bench/results/training_data.txt

Run by a Python that imports openfold3 0.5.0. SET was made by 'of3 data build FOLDER'. Every structure is parsed and
cleaned by the reference (asymmetric unit, cleanup_structure_of3, a dictionary of components from the package biotite)
and compared: chains by label_asym_id with their kind, residues with their codes, which atoms are resolved, and where
(Angstrom). One line for each file; a set is read by this script alone, as docs/training-data.md describes the file.
"""
import gzip
import pathlib
import struct
import sys
import tempfile

import numpy as np

KINDS = ('protein', 'rna', 'dna', 'ligand')


class Cursor:
    def __init__(self, data):
        self.data, self.at = data, 0

    def u32(self):
        self.at += 4
        return struct.unpack_from('<I', self.data, self.at - 4)[0]

    def f32(self):
        self.at += 4
        return struct.unpack_from('<f', self.data, self.at - 4)[0]

    def text(self):
        n = self.u32()
        self.at += n + 1
        return self.data[self.at - n - 1:self.at - 1].decode()


def read_entry(record):
    c = Cursor(record)
    name, _, _ = c.text(), c.text(), c.f32()
    chains = []
    for _ in range(c.u32()):
        chain = {'id': c.text(), 'kind': KINDS[c.u32()], 'alignment': c.u32(), 'atoms': {}}
        if chain['kind'] == 'ligand':
            chain['codes'] = [c.text() for _ in range(c.u32())]
        else:
            chain['letters'] = c.text()
            chain['modified'] = {(c.u32()): c.text() for _ in range(c.u32())}
        chains.append(chain)
    bonds = [tuple((c.u32(), c.u32(), c.text()) for _ in range(2)) for _ in range(c.u32())]
    left = c.u32()
    while left:
        chain, residue, n = c.u32(), c.u32(), c.u32()
        for _ in range(n):
            atom = c.text()
            x = (c.f32(), c.f32(), c.f32())
            if c.f32() > 0:
                chains[chain]['atoms'][residue, atom] = x
        left -= n
    return name, chains, bonds


def read_set(path):
    data = pathlib.Path(path).read_bytes()
    assert data[:8] == b'OF3SET\x1a\n'
    n = struct.unpack_from('<I', data, 12)[0]
    table = struct.unpack_from('<Q', data, 32)[0]
    out = {}
    for i in range(n):
        at, size = struct.unpack_from('<QI', data, table + 40 * i)
        name, chains, bonds = read_entry(data[at:at + size])
        out[name] = chains, bonds
    return out


def clean_by_reference(path, ccd):
    from openfold3.core.data.io.structure.cif import parse_mmcif
    from openfold3.core.data.pipelines.preprocessing.structure import cleanup_structure_of3
    from openfold3.core.data.primitives.structure.metadata import get_cif_block
    parsed = parse_mmcif(path, expand_bioassembly=False, include_bonds=True, renumber_chain_ids=True)
    return cleanup_structure_of3(parsed.atom_array, get_cif_block(parsed.structure_file), ccd)


def chains_of(array):
    """label_asym_id -> kind, codes by number, coordinates of resolved atoms by (place, name); and the bonds of ligands to
    other residues, between resolved atoms."""
    out, named = {}, [None] * len(array)
    for chain in dict.fromkeys(array.chain_id):
        part = array[array.chain_id == chain]
        kind = KINDS[int(part.molecule_type_id[0])]
        numbers = list(dict.fromkeys(part.res_id.tolist()))
        place = {n: (k + 1 if kind == 'ligand' else n) for k, n in enumerate(numbers)}
        codes = {place[n]: str(part.res_name[part.res_id == n][0]) for n in numbers}
        atoms = {(place[int(a.res_id)], str(a.atom_name)): tuple(float(v) for v in a.coord)
                 for a in part if a.occupancy > 0 and not np.isnan(a.coord).any()}
        label = next(str(v) for v in part.label_asym_id if str(v) not in ('.', ''))
        out[label] = kind, codes, atoms
        for i in np.nonzero(array.chain_id == chain)[0]:
            named[i] = label, place[int(array.res_id[i])], str(array.atom_name[i])
    bonds = {frozenset((named[a], named[b])) for a, b in array.bonds.as_array()[:, :2].tolist()
             if named[a][:2] != named[b][:2] and 'ligand' in (out[named[a][0]][0], out[named[b][0]][0])
             and all(named[k][1:] in out[named[k][0]][2] for k in (a, b))}
    return out, bonds


LETTERS = dict(zip('ARNDCQEGHILKMFPSTWYVX', ('ALA ARG ASN ASP CYS GLN GLU GLY HIS ILE LEU LYS MET PHE PRO SER THR TRP TYR '
                                             'VAL UNK').split()))


def codes_of(chain):
    if chain['kind'] == 'ligand':
        return {k + 1: c for k, c in enumerate(chain['codes'])}
    table = {'protein': LETTERS, 'rna': {c: c for c in 'AGCUN'}, 'dna': {'T': 'DT', **{c: 'D' + c for c in 'AGCN'}}}
    out = {k + 1: table[chain['kind']].get(c, c) for k, c in enumerate(chain['letters'])}
    return out | chain['modified']


def compare(mine, my_bonds, theirs, their_bonds):
    """What differs, in words; the largest distance of an atom."""
    said, worst = [], 0.0
    my_bonds = {frozenset((mine[chain]['id'], residue, name) for chain, residue, name in bond) for bond in my_bonds}
    if my_bonds != their_bonds:
        said.append(f'bonds only in of3 {[sorted(b) for b in my_bonds - their_bonds][:3]}, '
                    f'only in OpenFold3 {[sorted(b) for b in their_bonds - my_bonds][:3]}')
    mine = {c['id']: c for c in mine}
    for label in sorted(set(mine) | set(theirs)):
        if label not in mine or label not in theirs:
            said.append(f'chain {label} only in {"of3" if label in mine else "OpenFold3"}')
            continue
        kind, codes, atoms = theirs[label]
        c = mine[label]
        if c['kind'] != kind:
            said.append(f'chain {label}: {c["kind"]}, OpenFold3 {kind}')
        if codes_of(c) != codes:
            said.append(f'chain {label}: other residues')
        extra, lost = set(c['atoms']) - set(atoms), set(atoms) - set(c['atoms'])
        if extra or lost:
            said.append(f'chain {label}: atoms only in of3 {sorted(extra)[:4]}, only in OpenFold3 {sorted(lost)[:4]}')
        for key in set(atoms) & set(c['atoms']):
            worst = max(worst, float(np.abs(np.array(atoms[key]) - np.array(c['atoms'][key])).max()))
    return said, worst


class Components:
    """The dictionary of the package biotite, as a components.cif that was read."""

    def __getitem__(self, code):
        from biotite.structure.info.ccd import get_from_ccd

        class Component:
            def __getitem__(self, category):
                found = get_from_ccd(category, code)
                if found is None:
                    raise KeyError(category)
                return found

            def __contains__(self, category):
                return get_from_ccd(category, code) is not None

            def get(self, category, default=None):
                found = get_from_ccd(category, code)
                return default if found is None else found
        return Component()


def unpacked(path):
    """The reference knows files by their ending and reads no packed ones."""
    if path.suffix != '.gz':
        return path
    plain = pathlib.Path(tempfile.mkdtemp()) / path.stem
    plain.write_bytes(gzip.decompress(path.read_bytes()))
    return plain


def main():
    import warnings
    warnings.simplefilter('ignore')
    mine = read_set(sys.argv[1])
    total = worst_of_all = equal = 0
    print('file\tatoms\tbonds of ligands\tlargest difference, A\twhat differs')
    for path in sorted(pathlib.Path(sys.argv[2]).iterdir()):
        name = path.name.split('.')[0]
        try:
            theirs, bonds = chains_of(clean_by_reference(unpacked(path), Components()))
        except Exception as problem:
            both = '' if name in mine else ', nor is it in the set'
            print(f'{name}\t-\t-\t-\tOpenFold3 does not take it ({type(problem).__name__}: {str(problem)[:80]}){both}')
            continue
        if name not in mine:
            print(f'{name}\t-\t-\t-\tnot in the set; OpenFold3 has {len(theirs)} chains')
            continue
        said, worst = compare(*mine[name], theirs, bonds)
        atoms = sum(len(c['atoms']) for c in mine[name][0])
        total, equal, worst_of_all = total + 1, equal + (not said), max(worst, worst_of_all)
        print(f'{name}\t{atoms}\t{len(bonds)}\t{worst:.1e}\t{"; ".join(said) or "nothing"}')
    print(f'{equal} of {total} equal; largest difference of an atom {worst_of_all:.1e} A')


if __name__ == '__main__':
    main()
