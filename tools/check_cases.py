#!/usr/bin/env python3
"""Compare the features of of3 with the numbers of shared/cases/*/reference.json (OB, seed 42).

    check_cases.py build/of3 [CASES] [--ccd FILE] [--only CASE ...]

Of every query that the reference serves: tokens, atoms and their names, classes, chains, masks, bonds between tokens, rows of the alignment,
charges and templates are compared. Cases in which the reference is wrong or
fails are listed as what of3 does. CASES: the folder shared/cases beside the repository, or where $SHARED says.
"""
import argparse
import json
import os
import pathlib
import struct
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
CLASSES = ('ALA ARG ASN ASP CYS GLN GLU GLY HIS ILE LEU LYS MET PHE PRO SER THR TRP TYR VAL UNK '
           'A G C U N DA DG DC DT DN GAP').split()
LETTERS = 'ARNDCQEGHILKMFPSTWYVXagcunagctn-'
KINDS = {'F32': 'f', 'I32': 'i', 'U8': 'B'}


def read(path):
    data = path.read_bytes()
    size, = struct.unpack('<Q', data[:8])
    header = json.loads(data[8:8 + size])
    header.pop('__metadata__', None)
    out = {}
    for k, h in header.items():
        raw = data[8 + size + h['data_offsets'][0]:8 + size + h['data_offsets'][1]]
        out[k.removeprefix('feat/')] = h['shape'], memoryview(raw).cast(KINDS[h['dtype']]) if raw else []
    return out


def classes(feature):
    """One-hot rows -> class, -1 for none."""
    shape, values = feature
    n, raw = shape[-1], bytes(values)
    return [raw[at:at + n].find(1) for at in range(0, len(raw), n)]


def rows(flat, n):
    return [flat[at:at + n] for at in range(0, len(flat), n)]


def summary(f):
    n = len(f['token_index'][1])
    out = {'n_token': n, 'n_atom': len(f['atom_to_token_index'][1]),
           'restype': ' '.join(CLASSES[c] for c in classes(f['restype'])),
           'num_paired_seqs': int(f['num_paired_seqs'][1][0]), 'ref_charge_sum': float(sum(f['ref_charge'][1]))}
    for k in ('asym_id', 'entity_id', 'sym_id', 'residue_index'):
        out[k] = ' '.join(str(v) for v in f[k][1])
    for k in ('is_protein', 'is_rna', 'is_dna', 'is_ligand', 'is_atomized', 'cyclic_mask'):
        out[k] = ''.join(str(int(v)) for v in f[k][1]) if k in f else '0' * n
    bonds = bytes(bytearray(int(v != 0) for v in f['token_bonds'][1]))
    out['token_bonds'] = [[i, j] for i in range(n) for j in range(i + 1, n) if bonds[i * n + j]]
    out['msa'] = [''.join(LETTERS[c] for c in row) for row in rows(classes(f['msa']), n)]
    out['msa_rows'] = len(out['msa'])
    out['has_deletion_at'] = [[i // n, i % n] for i, v in enumerate(f['has_deletion'][1]) if v]
    out['deletion_value'] = [round(f['deletion_value'][1][i * n + j], 6) for i, j in out['has_deletion_at']]
    names = rows(classes(f['ref_atom_name_chars']), 4)
    out['residues'] = ' '.join(''.join(chr(32 + c) for c in name).strip() for name in names)
    for k in ('template_pseudo_beta_mask', 'template_backbone_frame_mask'):
        out[k] = [''.join(str(int(v)) for v in row) for row in rows(list(f[k][1]), n)]
    out['template_restype'] = [' '.join(CLASSES[c] for c in row) for row in rows(classes(f['template_restype']), n)]
    out['template_distogram_class'] = [rows(t, n) for t in rows(classes(f['template_distogram']), n * n)]
    return out


def differences(want, have):
    for k, v in want.items():
        if k in ('atom_bonds', 'n_bonds', 'conformers', 'reference_fails'):
            continue
        mine = have[k]
        if k == 'residues':
            v = ' '.join(r['atoms'] for r in v)           # residues side by side
        if k.startswith('template_'):                     # only the slots that are filled
            mine = mine[:len(v)]
        if mine != v:
            yield f'{k} is {str(mine)[:120]}, expected {str(v)[:120]}'


def main():
    a = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    a.add_argument('of3', type=pathlib.Path)
    a.add_argument('cases', nargs='?', type=pathlib.Path,
                   default=pathlib.Path(os.environ.get('SHARED') or ROOT.parent / 'shared') / 'cases')
    a.add_argument('--ccd', type=pathlib.Path)
    a.add_argument('--only', nargs='*')
    o = a.parse_args()
    equal = wrong = 0
    for folder in sorted(p.parent for p in o.cases.glob('*/reference.json')):
        if o.only and folder.name not in o.only:
            continue
        for name, want in json.loads((folder / 'reference.json').read_text()).items():
            with tempfile.TemporaryDirectory() as work:
                out = pathlib.Path(work) / 'f.safetensors'
                command = [o.of3.resolve(), 'features', 'query.json', '--query', name, '--variant', 'OB', '--seed', '42', '--out', out]
                run = subprocess.run(command + (['--ccd', o.ccd.resolve()] if o.ccd else []), cwd=folder, stdout=subprocess.PIPE,
                                     stderr=subprocess.STDOUT, text=True)
                said = run.stdout.strip().splitlines()
                if 'reference_fails' in want:
                    print(f'{folder.name}/{name}: the reference fails; of3: {"serves it" if run.returncode == 0 else (said or [""])[-1][:200]}')
                    continue
                found = [f'refused: {(said or [""])[-1][:250]}'] if run.returncode else list(differences(want, summary(read(out))))
            equal += not found
            wrong += bool(found)
            for text in found:
                print(f'{folder.name}/{name}: {text}')
    print(f'{equal} queries equal, {wrong} not')
    sys.exit(wrong != 0)


if __name__ == '__main__':
    main()
