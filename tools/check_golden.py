#!/usr/bin/env python3
"""Check of3 with the golden data inside the reference's wheel (openfold3 0.5.0, tests/test_data), where they lie.

    check_golden.py build/of3 [--rdkit build/of3_rdkit.so] [--counts build/bench/of3_cif_counts] [--hits build/bench/of3_template_hits]
        > bench/results/golden.txt

Run by a Python that imports openfold3 0.5.0, with gemmi. One line for each file: what was compared, or why it is not.

    snapshots/test_structure_from_query   atoms, elements, charges, residues, which atoms conformers lack, of3's features
    snapshots/test_conformer              positions that of3's RDKit plugin finds with the same seed, to 1e-5; if the package itself
                                          does not find them on this machine, against what it finds
    alignments                            rows, deletions of each file that of3 reads, against the package's parser
    template_alignments                   hits of a file and, where its columns give them, residues that face each other, identity, coverage
    mmcifs                                models, chains, residues, atoms, against gemmi (tools/count_structures.py)
"""
import argparse
import ctypes
import json
import pathlib
import subprocess
import sys
import tempfile

import numpy as np

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from check_cases import classes, read  # noqa: E402
from count_structures import by_gemmi  # noqa: E402

RDKIT_SEED = 424242                                       # of the package's test
MOLECULES = {'ethanol': 'CCO', 'benzene': 'c1ccccc1', 'paracetamol': 'CC(=O)Nc1ccc(O)cc1'}
PEPTIDE = {'molecule_type': 'protein', 'chain_ids': 'A', 'sequence': 'MACHINELEARNING'}
TEMPLATE_QUERY = ('MLNSFKLSLQYILPKLWLTRLAGWGASKRAGWLTKLVIDLFVKYYKVDMKEAQKPDTASYRTFNEFFVRPLRDEVRPIDTDPNVLVMPADGVISQLGKIEEDKILQAK'
                  'GHNYSLEALLAGNYLMADLFRNGTFVTTYLSPRDYHRVHMPCNGILREMIYVPGDLFSVNHLTAQNVPNLFARNERVICLFDTEFGPMAQILVGATIVGSIETVWAGTI'
                  'TPPREGIIKRWTWPAGENDGSVALLKGQEMGRFKLG')     # of the package's test
SEQUENCE_2Q2K = 'MGSSHHHHHHSSGLVPGSHMDKKETKHLLKIKKEDYPQIFDFLENVPRGTKTAHIREALRRYIEEIGENP'


def say(name, wrong):
    print(f'{name}: {wrong or "equal"}', flush=True)
    return bool(wrong)


def features(of3, chain, variant='OB'):
    with tempfile.TemporaryDirectory() as work:
        query, out = pathlib.Path(work) / 'q.json', pathlib.Path(work) / 'f.safetensors'
        query.write_text(json.dumps({'queries': {'q': {'chains': [chain]}}}))
        run = subprocess.run([of3, 'features', query, '--variant', variant, '--out', out], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        return (read(out), '') if run.returncode == 0 else (None, run.stdout.strip())


def names_of(f):
    flat = classes(f['ref_atom_name_chars'])
    return [''.join(chr(32 + c) for c in flat[at:at + 4]).strip() for at in range(0, len(flat), 4)]


def structure(of3, path):
    from rdkit import Chem
    gold = np.load(path)
    extra = {'non_canonical_residues': {'1': 'MHO', '3': 'SEC'}} if 'non_canonical' in path.name else {}
    f, said = features(of3, PEPTIDE | extra)
    if not f:
        return said
    table = Chem.GetPeriodicTable()
    owner, index = list(f['atom_to_token_index'][1]), list(f['residue_index'][1])
    mine = {'atom_name': names_of(f), 'element': [table.GetElementSymbol(c + 1).upper() for c in classes(f['ref_element'])],
            'charge': [int(v) for v in f['ref_charge'][1]], 'res_id': [index[t] for t in owner]}
    for k, v in mine.items():
        if v != [x.upper() if k == 'element' else x for x in gold[f'aa__{k}'].tolist()]:
            return f'{k} differs: {v} {gold[f"aa__{k}"].tolist()}'
    kept = sum(int(gold[k].sum()) for k in gold.files if k.endswith('in_crop_mask'))
    if kept != len(owner):
        return f'{len(owner)} atoms, the conformers have {kept}'
    atomized = [f['is_atomized'][1][t] for t in owner]
    bonds = {tuple(sorted(b[:2])) for b in gold['aa__bonds'].tolist() if atomized[b[0]] and atomized[b[1]]}
    n = len(index)
    pairs = {tuple(sorted((owner.index(i), owner.index(j)))) for i in range(n) for j in range(i) if f['token_bonds'][1][i * n + j]}
    return '' if pairs == bonds else f'bonds between tokens {sorted(pairs ^ bonds)} differ'


class Limits(ctypes.Structure):
    _fields_ = [('steps', ctypes.c_uint), ('seconds', ctypes.c_uint)]


class Rdkit(ctypes.Structure):                            # src/rdkit/shim.h: struct of3_rdkit, as far as it is used
    _fields_ = [('abi', ctypes.c_uint32), ('version', ctypes.c_char_p),
                ('from_smiles', ctypes.CFUNCTYPE(ctypes.c_void_p, ctypes.c_char_p, ctypes.c_char_p, ctypes.c_size_t)),
                ('from_mol_block', ctypes.c_void_p), ('from_graph', ctypes.c_void_p), ('free', ctypes.c_void_p),
                ('count', ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.POINTER(ctypes.c_int), ctypes.POINTER(ctypes.c_int))),
                ('describe', ctypes.c_void_p), ('positions', ctypes.c_void_p),
                ('conformer', ctypes.CFUNCTYPE(ctypes.c_bool, ctypes.c_void_p, ctypes.c_int, ctypes.c_int, Limits, ctypes.c_void_p,
                                               ctypes.POINTER(ctypes.c_float), ctypes.c_char_p, ctypes.c_size_t))]


def conformer(plugin, path):
    molecule = path.stem.split('snapshot_')[1].split('_')[0]
    if 'keep_hs' in path.name:
        return 'not compared: of3 keeps no hydrogens'
    library = ctypes.CDLL(str(plugin.resolve()))
    library.of3_rdkit_entry.restype = ctypes.POINTER(Rdkit)
    table, why = library.of3_rdkit_entry().contents, ctypes.create_string_buffer(400)
    mol, n, bonds = table.from_smiles(MOLECULES[molecule].encode(), why, 400), ctypes.c_int(), ctypes.c_int()
    table.count(mol, ctypes.byref(n), ctypes.byref(bonds))
    xyz = (ctypes.c_float * (3 * n.value))()
    if not table.conformer(mol, 2 if 'random_init' in path.name else 0, RDKIT_SEED, Limits(0, 0), None, xyz, why, 400):
        return why.value.decode()
    mine = np.array(xyz).reshape(-1, 3)
    gold, here = np.load(path)['coords'], of_package(molecule, 'random_init' in path.name)
    if np.abs(mine - here).max() > 1e-5:
        return f'differs by {np.abs(mine - here).max():.1e} from what the package finds here'
    return '' if np.abs(mine - gold).max() <= 1e-5 else f'not compared: equal to what the package finds here, {np.abs(here - gold).max():.1e} off its file'


def of_package(molecule, random_start):
    """Positions that the package finds on this machine: RDKit's depend on the processor a little."""
    from unittest.mock import patch

    from openfold3.core.data.primitives.structure import conformer as package
    from rdkit import Chem
    with patch.object(package.random, 'randint', return_value=RDKIT_SEED):
        mol, k = package._compute_conformer(Chem.MolFromSmiles(MOLECULES[molecule]), use_random_coord_init=random_start, remove_hs=True,
                                            timeout=None)
    return mol.GetConformer(k).GetPositions()


def alignment(of3, path):
    from openfold3.core.data.io.sequence.msa import parse_a3m, parse_stockholm
    gold = (parse_a3m if path.suffix == '.a3m' else parse_stockholm)(path.read_text())
    rows, deletions = np.asarray(gold.msa), np.asarray(gold.deletion_matrix)
    f, said = features(of3, {'molecule_type': 'protein', 'chain_ids': 'A', 'sequence': SEQUENCE_2Q2K, 'main_msa_file_paths': str(path)}, 'P2')
    if not f:
        return said
    n = len(SEQUENCE_2Q2K)
    letters = np.array(list('ARNDCQEGHILKMFPSTWYVXagcunagctn-'))
    mine = letters[np.array(classes(f['msa']))].reshape(-1, n)[1:]
    known = np.where(np.isin(rows, letters[:21].tolist() + ['-']), rows, 'X')
    if mine.shape != rows.shape:
        return f'{mine.shape[0]} rows, the package reads {rows.shape[0]}'
    deleted = np.array(f['has_deletion'][1]).reshape(-1, n)[1:]
    return '' if (mine == known).all() and ((deletions > 0) == deleted).all() else 'rows or deletions differ'


def template_hits(program, path):
    """Where the package aligns again (kalign), of3 does so with the structure's letters, later: hits alone are compared."""
    gold = np.load(path.parent.parent / 'outputs' / f'{path.stem}.npz', allow_pickle=True)['templates'].item().values()
    run = subprocess.run([program, path, TEMPLATE_QUERY], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    lines = [line.split(' ') for line in run.stdout.splitlines()]
    if [line[:2] for line in lines] != [[t.entry_id, t.chain_id] for t in gold]:
        return f'the hits are {run.stdout[:200]}'
    for (_, _, identity, coverage, letters, pairs), t in zip(lines, gold):
        if pairs == '-':
            continue
        want = ','.join(f'{q}:{a}' for q, a in zip(t.query_aln_pos, t.aln_pos) if q > 0 and a > 0)
        if pairs != want or letters != t.seq:
            return f'{t.entry_id}: {letters} {pairs}, expected {t.seq} {want}'
        if abs(float(identity) - t.seq_id) > 1e-6 or abs(float(coverage) - t.q_cov) > 1e-6:
            return f'{t.entry_id}: identity {identity}, coverage {coverage}, expected {t.seq_id}, {t.q_cov}'
    return ''


def main():
    a = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    a.add_argument('of3')
    a.add_argument('--rdkit', type=pathlib.Path)
    a.add_argument('--counts')
    a.add_argument('--hits')
    o = a.parse_args()
    import openfold3
    data, failed = pathlib.Path(openfold3.__file__).parent / 'tests' / 'test_data', 0
    for path in sorted((data / 'snapshots' / 'test_structure_from_query').glob('*.npz')):
        failed += say(path.name, structure(o.of3, path))
    for path in sorted((data / 'snapshots' / 'test_conformer').glob('*.npz')) if o.rdkit else []:
        wrong = conformer(o.rdkit, path)
        failed += say(path.name, wrong) and not wrong.startswith('not compared')
    for path in sorted((data / 'alignments' / '2q2k_A').glob('*')):
        if path.stem not in ('hmm_output', 'uniprot_hits'):   # templates and pairing
            failed += say(f'2q2k_A/{path.name}', alignment(o.of3, path))
    for path in sorted((data / 'template_alignments' / 'inputs').glob('*')) if o.hits else []:
        failed += say(f'template_alignments/{path.name}', template_hits(o.hits, path))
    for path in sorted((data / 'mmcifs').glob('*.cif')) if o.counts else []:
        line = subprocess.run([o.counts, path], stdout=subprocess.PIPE, text=True).stdout
        ours, theirs = line.split(' ')[:4], by_gemmi(path)
        failed += say(f'mmcifs/{path.name}', '' if ours == [str(x) for x in theirs] else f'{ours}, gemmi {theirs}')
    print(f'{failed} differ')
    sys.exit(failed != 0)


if __name__ == '__main__':
    main()
