#!/usr/bin/env python3
"""Fixtures of test_sample: crops as OpenFold3's own dataset code makes them.

    make_sample_fixtures.py --oracle ../shared/oracle [--structures FOLDER --out FILE]

With a folder of mmCIF files the answers are for these, and 'build/tests/test_sample FILE SET [CCD]' compares a set of them. Run by a Python with openfold3 0.5.0, networkx, func_timeout. Writes tests/fixtures/training/structures/dimer.cif, a made-up structure
whose molecules are copies of each other in several ways, and tests/fixtures/training/samples.safetensors: for crops of it, and of
tests/fixtures/data/clean.cif, the features of the crop, the truth and the labels of both that openfold3.core.data makes of the
cleaned structure when these tokens are kept. Conformers are not compared: both draw them at random.

The structure: A and B are one protein with two sugars each, C D on A and E F on B, which the file has in opposite orders, so that
OpenFold3 changes the order of E and F; A lacks residue 9, B some atoms. G, H: benzamidines; I, J: phosphates; K, L: zinc; M: RNA;
O, P: tert-butanols. X: a sugar without bonds.
"""
import argparse
import pathlib
import sys
import warnings
from types import SimpleNamespace

import numpy as np

ROOT = pathlib.Path(__file__).resolve().parent.parent
OUT = ROOT / 'tests' / 'fixtures' / 'training'
PROTEIN = 'LEU ASN PHE TYR VAL ARG ASN ASP SEP GLU GLY ALA'.split()
RNA = 'A G C U A'.split()
SUGARS = {'C': ('A', 2), 'D': ('A', 7), 'E': ('B', 7), 'F': ('B', 2)}
LIGANDS = {'G': 'BEN', 'H': 'BEN', 'I': 'PO4', 'J': 'PO4', 'K': 'ZN', 'L': 'ZN', 'O': 'TBU', 'P': 'TBU', 'X': 'NAG'}
ENTITY = {'A': 1, 'B': 1, 'M': 2} | {c: 3 for c in 'CDEFX'} | dict(zip('GHIJKLOP', (4, 4, 5, 5, 6, 6, 7, 7)))
ONE = dict(LEU='L', ASN='N', PHE='F', TYR='Y', VAL='V', ARG='R', ASP='D', SEP='S', GLU='E', GLY='G', ALA='A')


def heavy_atoms(code):
    from biotite.structure import info
    array = info.residue(code)
    return [(str(a.atom_name), str(a.element)) for a in array if a.element != 'H' and a.atom_name not in ('OXT', 'OP3')]


def layout():
    """(chain, residue, code, name, element, place) of all atoms: residues along x, their atoms upwards along z, zigzag in y."""
    start = {'A': (0, 0, 0), 'B': (0, 60, 0), 'M': (0, 120, 0)}
    out = []
    for chain, (x, y, z) in start.items():
        for k, code in enumerate(RNA if chain == 'M' else PROTEIN):
            for i, (name, element) in enumerate(heavy_atoms(code)):
                level = 0.0 if name in ('N', 'CA', 'C', 'O') else 1.4 * i
                dx = {'N': -1.2, 'C': 1.2, 'O': 1.2}.get(name, 0.0)
                out.append((chain, k + 1, code, name, element, (x + (6.5 if chain == 'M' else 3.8) * k + dx, y + 0.4 * (i % 2), z + level)))
    places = {(c, r, n): p for c, r, _, n, _, p in out}
    for chain, (on, residue) in SUGARS.items():
        x, y, z = places[on, residue, 'ND2']
        for i, (name, element) in enumerate(heavy_atoms('NAG')):
            if name != 'O1':
                out.append((chain, '.', 'NAG', name, element, (x + 0.3 * (i % 2), y, z + 1.4 * (i + 1))))
    for k, (chain, code) in enumerate(LIGANDS.items()):
        for i, (name, element) in enumerate(heavy_atoms(code)):
            out.append((chain, '.', code, name, element, (4.0 * (k // 2), 60 * (k % 2) - 9 + 0.3 * (i % 3), 1.4 * i)))
    return sorted(out, key=lambda a: 'ABMCDEFGHIJKLOPX'.index(a[0]))


def write_dimer(path):
    hidden = {('A', 9)} | {('B', 3, n) for n in ('CE1', 'CE2', 'CZ')} | {('B', 12, 'CB')}
    rows = []
    for chain, residue, code, name, element, place in layout():
        if (chain, residue) in hidden or (chain, residue, name) in hidden:
            continue
        x, y, z = (f'{v:.3f}' for v in place)
        author = residue if residue != '.' else 100 + ord(chain)
        name = f'"{name}"' if "'" in name else name
        group = 'ATOM' if residue != '.' and code != 'SEP' else 'HETATM'
        rows.append(f'{group} {len(rows) + 1} {element} {name} . {code} {chain} {ENTITY[chain]} {residue} ? {x} {y} {z} 1.00 20.00 {author} {chain} 1')
    scheme = [(c, ENTITY[c], k, code) for c in 'ABM' for k, code in enumerate(RNA if c == 'M' else PROTEIN, 1)]
    links = [f'covale{k} covale {on} {r} ASN ND2 {c} . NAG C1 {r} {100 + ord(c)}' for k, (c, (on, r)) in enumerate(SUGARS.items(), 1)]
    kinds = {c: 'L-peptide linking' for c in PROTEIN} | {'GLY': 'peptide linking', 'NAG': 'D-saccharide, beta linking'}
    kinds |= {c: 'RNA linking' for c in RNA} | {c: 'non-polymer' for c in ('BEN', 'PO4', 'ZN', 'TBU')}
    lines = ['data_DIMER', '# A made-up structure (tools/make_sample_fixtures.py).', '_entry.id DIMER', '_exptl.entry_id DIMER',
             "_exptl.method 'SOLUTION NMR'", '_refine.ls_d_res_high 2.50']

    def loop(category, items, table):
        lines.extend(['loop_', *(f'_{category}.{i}' for i in items.split()), *table])
    loop('pdbx_audit_revision_history', 'ordinal revision_date', ['1 2015-01-01', '2 2016-01-01'])
    loop('chem_comp', 'id type', [f"{c} '{t}'" for c, t in kinds.items()])
    loop('entity_poly', 'entity_id type pdbx_seq_one_letter_code_can',
         ['1 polypeptide(L) ' + ''.join(ONE[c] for c in PROTEIN), '2 polyribonucleotide ' + ''.join(RNA)])
    loop('entity_poly_seq', 'entity_id num mon_id', [f'{e} {k} {code}' for c, e, k, code in scheme if c != 'B'])
    loop('pdbx_poly_seq_scheme', 'asym_id entity_id seq_id mon_id', [' '.join(map(str, row)) for row in scheme])
    loop('struct_conn', 'id conn_type_id ptnr1_label_asym_id ptnr1_label_seq_id ptnr1_label_comp_id ptnr1_label_atom_id ptnr2_label_asym_id '
         'ptnr2_label_seq_id ptnr2_label_comp_id ptnr2_label_atom_id ptnr1_auth_seq_id ptnr2_auth_seq_id', links)
    loop('atom_site', 'group_PDB id type_symbol label_atom_id label_alt_id label_comp_id label_asym_id label_entity_id label_seq_id '
         'pdbx_PDB_ins_code Cartn_x Cartn_y Cartn_z occupancy B_iso_or_equiv auth_seq_id auth_asym_id pdbx_PDB_model_num', rows)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text('\n'.join(lines) + '\n')


# ---- What OpenFold3 makes of it

def cleaned(path):
    sys.path.insert(0, str(ROOT / 'tools'))
    from compare_data import Components, clean_by_reference
    return clean_by_reference(path, Components())


def molecule(code, cache={}):
    """As preprocessing writes it: heavy atoms of the dictionary's component with one conformer."""
    from biotite.structure import info
    from openfold3.core.data.primitives.structure import component, conformer
    from rdkit import Chem
    if code not in cache:
        mol = Chem.RemoveAllHs(component.mol_from_atomarray(info.residue(code)))
        cache[code] = conformer.add_conformer_atom_mask(conformer.set_single_conformer(mol, Chem.Conformer(mol.GetNumAtoms())))
    return cache[code]


def labelled(path):
    """The whole structure with the labels of copies, and its chains' data."""
    from openfold3.core.data.primitives.permutation.mol_labels import assign_mol_permutation_ids
    from openfold3.core.data.primitives.structure.component import assign_component_ids_from_metadata
    from openfold3.core.data.primitives.structure.labels import assign_uniquified_atom_names
    from openfold3.core.data.primitives.structure.tokenization import tokenize_atom_array
    array = cleaned(path)
    chains = {}
    for c in np.unique(array.chain_id):
        part = array[array.chain_id == c]
        ligand = part.molecule_type_id[0] == 3
        chains[c] = SimpleNamespace(reference_mol_id=str(part.res_name[0]) if ligand else None)
    assign_component_ids_from_metadata(array, chains)
    tokenize_atom_array(array)
    array = assign_mol_permutation_ids(array, retokenize=True)
    return assign_uniquified_atom_names(array), chains


def crop_of(array, chains, keep, kind):
    from openfold3.core.data.pipelines.featurization.conformer import featurize_reference_conformers_of3
    from openfold3.core.data.pipelines.featurization.structure import featurize_target_gt_structure_of3
    from openfold3.core.data.pipelines.sample_processing.conformer import get_processed_reference_conformer
    from openfold3.core.data.primitives.permutation.mol_labels import separate_cropped_and_gt
    from openfold3.core.data.primitives.structure.labels import component_view_iter
    array = array.copy()
    array.set_annotation('crop_mask', np.isin(array.token_id, keep))
    molecules = []
    for view in component_view_iter(array):
        if view.crop_mask.any():
            code = chains[view.chain_id[0]].reference_mol_id or view.res_name[0]
            molecules.append(get_processed_reference_conformer(molecule(str(code)), view, 'use_fallback'))
    crop, truth = separate_cropped_and_gt(array, kind, molecules)
    f = featurize_target_gt_structure_of3(crop, truth, len(keep))
    f.update(featurize_reference_conformers_of3(molecules))
    return f


def tensors_of(f):
    import torch
    g = f['ground_truth']
    i32 = torch.int32
    out = {'restype': f['restype'].argmax(-1), 'element': f['ref_element'].argmax(-1), 'name_chars': f['ref_atom_name_chars'].argmax(-1),
           'charge': f['ref_charge'], 'uid': f['ref_space_uid'], 'bonds': torch.triu(f['token_bonds'], 1).nonzero()}
    for name in ('token_index residue_index asym_id entity_id sym_id is_protein is_rna is_dna is_ligand is_atomized num_atoms_per_token '
                 'mol_entity_id mol_sym_id mol_sym_component_id mol_sym_token_index').split():
        out[name] = f[name]
    for name in 'token_index num_atoms_per_token is_ligand mol_entity_id mol_sym_id mol_sym_component_id mol_sym_token_index'.split():
        out[f'truth/{name}'] = g[name]
    out = {k: v.to(i32) for k, v in out.items()}
    out['truth/x'] = g['atom_positions'].float()
    out['truth/resolved'] = g['atom_resolved_mask'].float()
    rows = [f['ref_space_uid_to_perm'][u] for u in sorted(f['ref_space_uid_to_perm'])]
    out['permutation_shapes'] = torch.tensor([list(r.shape) for r in rows], dtype=i32)
    out['permutations'] = torch.cat([r.reshape(-1) for r in rows]).to(i32)
    return out


def answers(name, path, table):
    import torch
    array, chains = labelled(path)
    n = int(array.token_id.max()) + 1
    g = np.random.default_rng(1)
    for k, kind in enumerate(('whole', 'contiguous', 'spatial', 'contiguous', 'spatial_interface', 'spatial')):
        keep = np.sort(g.permutation(n)[:n // (2 + k)]) if kind != 'whole' else np.arange(n)
        found = tensors_of(crop_of(array, chains, keep, kind))
        found |= {'keep': torch.tensor(keep, dtype=torch.int32), 'kind': torch.tensor([kind.startswith('spatial')], dtype=torch.int32)}
        table.update({f'{name}_{k}/{key}': value.contiguous() for key, value in found.items()})
    print(name, n, 'tokens', len(array), 'atoms')


def main():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument('--oracle', required=True)
    p.add_argument('--structures', type=pathlib.Path)
    p.add_argument('--out', type=pathlib.Path, default=OUT / 'samples.safetensors')
    args = p.parse_args()
    sys.path.insert(0, str(pathlib.Path(args.oracle).resolve()))
    from of3_files import save_safetensors
    warnings.simplefilter('ignore')
    table = {}
    if not args.structures:
        write_dimer(OUT / 'structures' / 'dimer.cif')
        answers('dimer', OUT / 'structures' / 'dimer.cif', table)
        answers('clean', ROOT / 'tests/fixtures/data/clean.cif', table)
    for path in sorted(args.structures.glob('*.cif')) if args.structures else ():
        try:
            answers(path.stem, path, table)
        except Exception as problem:
            print(f'{path.stem}: OpenFold3 does not take it ({type(problem).__name__}: {str(problem)[:100]})')
    save_safetensors(args.out, table, dict(made_by='tools/make_sample_fixtures.py'))


if __name__ == '__main__':
    main()
