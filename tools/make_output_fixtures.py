#!/usr/bin/env python3
"""Makes tests/fixtures/write/: what the reference package scores and writes for made-up coordinates and confidences.

    PYTHON tools/make_output_fixtures.py --of045 PYTHON --of031 PYTHON [--oracle DIR] [--only CASE]

Run it with the Python of an installed openfold3 0.5.0. It calls the oracle's reference_outputs.py with that package (scores and
files) and with 0.4.5 and 0.3.1 (scores alone, for the same coordinates and logits). A case is a folder with

    complex.json      chains, residues, atoms, bonds, features of the tokens; scores of the three releases
    tensors.bin.gz    f32, in the order of complex.json "tensors": x [S,A,3], plddt [S,A], pae, pde [S,N,N] as the reference
                      computed them; contact [N,N], tm, tm_chains [S,N,N] computed here in f64 from the logits (model/prediction.h);
                      sasa: accessible surface of the protein atoms of the first sample, by biotite
    *.gz              files of the reference's writer for the first and the last sample (gzipped here, without time)

The tests need neither Python nor the logits.
"""

import argparse
import gzip
import json
import pathlib
import subprocess
import sys
import tempfile

import numpy as np

BASE = pathlib.Path(__file__).resolve().parent.parent
ALL = 'ACDEFGHIKLMNPQRSTVWY'


def protein(ids, sequence, **more):
    return polymer('protein', ids, sequence, **more)


def polymer(kind, ids, sequence, **more):
    return {'molecule_type': kind, 'chain_ids': ids, 'sequence': sequence, **more}


def ligand(ids, **more):
    return {'molecule_type': 'ligand', 'chain_ids': ids, **more}


def tail_out(x, atoms):
    """From residue 23 on, chain A is pulled out of its globule: some residues are disordered, others are not."""
    far = np.array([max(0, r - 22) if c == 'A' else 0 for c, r in zip(atoms['chain_id'], atoms['res_id'])])
    x[:, :, 0] += 6 * far


def in_line(x, atoms):
    """In the first sample the three atoms of chain W lie on a line: the chain has a frame in the second sample only."""
    at = np.array(atoms['chain_id']) == 'W'
    x[0, at] = x[0, at][:1] + 1.2 * np.arange(3)[:, None] * np.array([1, 0, 0])


# name: chains, samples, options of reference_outputs.py, whether the files are kept, what is done to the coordinates
CASES = {
    'peptide5': ([protein('A', 'MXSWK')], 2, [], True, None),
    'monomer': ([protein('A', ALL)], 2, [], True, None),
    'dimer': ([protein(['B', 'A'], 'GSHMKRFWAE')], 3, [], True, None),
    'clash': ([protein('A1', 'MKLVEAGHRTFW'), protein(['B', "C'"], 'PGSNQDYICLLA')], 2, ['--clash'], True, None),
    'mixed': ([protein('P', 'GSTK', non_canonical_residues={'2': 'SEP'}),
               {'molecule_type': 'rna', 'chain_ids': 'R', 'sequence': 'AGC'},
               {'molecule_type': 'dna', 'chain_ids': 'D', 'sequence': 'TAG'},
               {'molecule_type': 'ligand', 'chain_ids': 'L', 'ccd_codes': 'GOL'},
               {'molecule_type': 'ligand', 'chain_ids': ['M', 'N'], 'smiles': 'CC(=O)Oc1ccccc1C(=O)O'},
               {'molecule_type': 'ligand', 'chain_ids': 'I', 'ccd_codes': 'MG'},
               {'molecule_type': 'ligand', 'chain_ids': 'W', 'smiles': 'O=C=O'}], 2, [], True, in_line),
    'chains60': ([protein('A', 2 * ALL), protein('B', ALL)], 2, [], False, tail_out),
    # scores alone, of complexes as people fold them
    'kinase_site': ([protein('A', 'MKVGSDFGLHRDLKAAN'), ligand('L', ccd_codes='ADN'), ligand(['M', 'N'], ccd_codes='MG')], 2, [],
                    False, None),
    'riboswitch': ([polymer('rna', 'R', 'GGCACGUAGCCU'), ligand('L', smiles='Nc1ncnc2[nH]cnc12'), ligand('K', ccd_codes='K')], 2,
                   [], False, None),
    'zinc_finger': ([polymer('dna', 'X', 'GCGTGGGCG'), polymer('dna', 'Y', 'CGCCCACGC'), protein('A', 'CPECGKSFHRTH'),
                     ligand('Z', ccd_codes='ZN')], 2, [], False, None),
    'modified': ([protein('A', 'GSMKYLA', non_canonical_residues={'2': 'SEP', '3': 'MSE'}),
                  polymer('rna', 'B', 'GUCA', non_canonical_residues={'2': 'PSU'})], 2, [], False, None),
    'copies': ([protein(['A', 'B'], 'MKLVEAGH'), ligand(['C', 'D'], ccd_codes='GOL'), ligand(['E', 'F'], ccd_codes='CL')], 3, [],
               False, None),
    'ligands': ([ligand('A', ccd_codes='BEN'), ligand('B', smiles='OCC(O)CO'), ligand('C', ccd_codes='NA')], 2, [], False, None),
    'polymer_clash': ([protein('A', 'MKLVEAGHRTFW'), polymer('dna', 'D', 'GATTACA'), ligand('L', ccd_codes='GOL')], 2, ['--clash'],
                      False, None),
    'ligand_clash': ([protein('A', 'MKLVEAGHRTFW'), ligand('L', smiles='CC(=O)Oc1ccccc1C(=O)O'), ligand('I', ccd_codes='ZN')], 2,
                     ['--clash'], False, None),
    'order': ([ligand('b', ccd_codes='ACT'), polymer('rna', 'B', 'GAC'), protein('10', 'KWYNPST'), polymer('dna', 'a', 'CTGN'),
               ligand('9', ccd_codes='EDO'), protein('A', 'XXG')], 2, [], False, None),
}


def outputs(python, oracle, query, name, out, samples, options):
    command = [python, oracle / 'reference_outputs.py', query, out, '--query', name, '--samples', samples, *options]
    subprocess.run([str(c) for c in command], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def softmax(x):
    e = np.exp(x.astype(np.float64) - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def tm_term(p, n):
    """sum_b p_b / (1 + (c_b / d0)^2), d0 of n tokens (n may be an array like p without its last axis)."""
    d0 = 1.24 * np.cbrt(np.maximum(n, 19) - 15) - 1.8
    centre = (np.arange(64) + 0.5) * 0.5
    return (p / (1 + (centre / np.asarray(d0)[..., None]) ** 2)).sum(-1)


def decode(t, asym):
    """contact, tm, tm_chains of model/prediction.h from the logits."""
    p = softmax(t['out/pae_logits'])
    size = np.bincount(asym)
    pair = np.where(asym[:, None] == asym[None, :], size[asym][:, None], size[asym][:, None] + size[asym][None, :])
    return {'contact': softmax(t['out/distogram_logits'])[..., :19].sum(-1), 'tm': tm_term(p, len(asym)),
            'tm_chains': tm_term(p, pair)}


def component(name):
    """Bonded atoms and hydrogens of each atom of a component, as biotite counts them for the ProtOr radii."""
    from biotite.structure.info.bonds import bonds_in_residue
    count = {}
    for pair in bonds_in_residue(name):
        for a, b in (pair, pair[::-1]):
            n, h = count.get(a, (0, 0))
            count[a] = n + 1, h + (b[0] == 'H')
    return count


ORDER = {0: (0, 0), 1: (1, 0), 2: (2, 0), 3: (3, 0), 4: (4, 0), 5: (1, 1), 6: (2, 1), 7: (3, 1), 9: (0, 1)}


def complex_of(meta, f, bonds):
    """The molecules in the layout of src/chem/complex.h."""
    a = meta['atoms']
    n = len(a['chain_id'])
    asym, sym = f['asym_id'], f['sym_id']
    token = f['atom_to_token_index']
    chains, residues, atoms, radii = [], [], [], {}
    for k in range(n):
        t = token[k]
        if k == 0 or a['chain_id'][k] != a['chain_id'][k - 1]:
            kind = next(i for i, m in enumerate(('is_protein', 'is_rna', 'is_dna', 'is_ligand')) if f[m][t])
            chains.append([a['chain_id'][k], kind, a['entity_id'][k], int(asym[t]), int(sym[t])])
        if k == 0 or (a['chain_id'][k], a['res_id'][k]) != (a['chain_id'][k - 1], a['res_id'][k - 1]):
            residues.append([a['res_name'][k], a['res_id'][k], len(chains) - 1, k, bool(a['hetero'][k]),
                             not f['is_atomized'][t]])
        name = a['res_name'][k]
        if name not in radii:
            radii[name] = component(name) if not name.startswith('LIG') else {}
        neighbours, hydrogens = radii[name].get(a['atom_name'][k], (0, 0))
        atoms.append([a['atom_name'][k], a['element'][k], a['charge'][k], hydrogens, neighbours])
    residue = np.searchsorted([r[3] for r in residues], np.arange(n), side='right') - 1
    rows = [[int(p), int(q), *ORDER[int(kind)]] for p, q, kind in bonds]
    inside = [b for b in rows if residue[b[0]] == residue[b[1]]]
    return {'chains': chains, 'residues': residues, 'atoms': atoms,
            'bonds': inside + [b for b in rows if residue[b[0]] != residue[b[1]]]}


def sasa(meta, f, bonds, x):
    """Per protein chain, of the chain alone."""
    import biotite.structure as struc
    a = meta['atoms']
    array = struc.AtomArray(len(x))
    for k in ('chain_id', 'res_id', 'res_name', 'atom_name', 'element'):
        array.set_annotation(k, np.array(a[k]))
    array.coord = x
    kind = f['is_protein'][f['atom_to_token_index']] > 0
    out = np.zeros(len(x), np.float32)
    for c in dict.fromkeys(array.chain_id[kind].tolist()):
        at = kind & (array.chain_id == c)
        out[at] = struc.sasa(array[at], point_number=1000)
    return out


def scores(t):
    out = {}
    for k, v in t.items():
        if k.startswith('score/') and k[6:] not in ('plddt', 'pae', 'pde'):
            out[k[6:]] = [float(s) for s in v]
    return out


def pack(text):
    return gzip.compress(text, 9, mtime=0)


def expected_files(out, name, samples):
    """name in the fixture -> bytes"""
    files = {}
    for k in sorted({1, samples}):
        for folder, ending in (('cif', 'model.cif'), ('pdb', 'model.pdb'), ('cif', 'confidences.json'),
                               ('cif', 'confidences_aggregated.json'), ('cif.gz', 'confidences.npz')):
            path = out / folder / name / 'seed_42' / f'{name}_seed_42_sample_{k}_{ending}'
            if path.exists():                             # no PDB file of chain ids it cannot hold
                files[f'sample_{k}_{ending}'] = path.read_bytes()
    return files


def make(case, options, work, load, save):
    chains, samples, more, keep, edit = CASES[case]
    query = work / 'query.json'
    query.write_text(json.dumps({'queries': {case: {'chains': chains}}}))
    outputs(sys.executable, options.oracle, query, case, work / '0.5.0', samples, more)
    feats, meta = load(work / '0.5.0' / 'features.safetensors')
    t, _ = load(work / '0.5.0' / 'tensors.safetensors')
    if edit:
        edit(t['out/positions'], meta['atoms'])
        save(work / 'edited.safetensors', {k: v for k, v in t.items() if k.startswith('out/')})
        outputs(sys.executable, options.oracle, query, case, work / '0.5.0', samples,
                [*more, '--tensors', work / 'edited.safetensors'])
        t, _ = load(work / '0.5.0' / 'tensors.safetensors')
    f = {k[5:]: v for k, v in feats.items() if k.startswith('feat/')}
    by_release = {'0.5.0': scores(t)}
    for release, python in (('0.4.5', options.of045), ('0.3.1', options.of031)):
        outputs(python, options.oracle, query, case, work / release, samples,
                [*more, '--tensors', work / '0.5.0' / 'tensors.safetensors'])
        other, _ = load(work / release / 'tensors.safetensors')
        assert np.array_equal(other['out/positions'], t['out/positions'])
        by_release[release] = scores(other)

    x = t['out/positions']
    tensors = {'x': x, 'plddt': t['score/plddt'], 'pae': t['score/pae'], 'pde': t['score/pde'], **decode(t, f['asym_id']),
               'sasa': sasa(meta, f, feats['atom/bonds'], x[0])}
    for s in by_release.values():
        s['avg_plddt'] = [float(np.mean(p)) for p in t['score/plddt']]
    doc = {'name': case, 'samples': samples, **complex_of(meta, f, feats['atom/bonds']),
           'tokens': {k: f[k].tolist() for k in ('asym_id', 'is_protein', 'is_rna', 'is_dna', 'is_ligand', 'is_atomized',
                                                 'num_atoms_per_token', 'start_atom_index')},
           'tensors': {k: list(v.shape) for k, v in tensors.items()}, 'scores': by_release}
    folder = BASE / 'tests/fixtures/write' / case
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.iterdir():
        old.unlink()
    (folder / 'complex.json').write_text(json.dumps(doc, separators=(',', ':')).replace('],"', '],\n"') + '\n')
    (folder / 'tensors.bin.gz').write_bytes(pack(b''.join(v.astype('<f4').tobytes() for v in tensors.values())))
    if keep:
        for name, content in expected_files(work / '0.5.0', case, samples).items():
            if name.endswith('.npz'):
                with np.load(work / '0.5.0/cif.gz' / case / 'seed_42' / f'{case}_seed_42_{name}') as z:
                    content = b''.join(z[k].tobytes() for k in ('plddt', 'pde', 'pae'))
                name = name[:-4] + '.f16'
            (folder / (name + '.gz')).write_bytes(pack(content))
    print(case, sum(p.stat().st_size for p in folder.iterdir()), 'bytes')


def main():
    a = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    a.add_argument('--oracle', type=pathlib.Path, default=pathlib.Path(__file__).resolve().parents[2] / 'shared' / 'oracle')
    a.add_argument('--of045', required=True, help='a Python that imports openfold3 0.4.5')
    a.add_argument('--of031', required=True, help='a Python that imports openfold3 0.3.1')
    a.add_argument('--only', choices=CASES)
    options = a.parse_args()
    sys.path.insert(0, str(options.oracle))
    import torch
    from of3_files import load_safetensors, save_safetensors

    def save(path, tensors):
        save_safetensors(path, {k: torch.from_numpy(v.copy()) for k, v in tensors.items()})

    def load(path):
        tensors, _ = load_safetensors(path)
        tensors = {k: v.numpy() for k, v in tensors.items()}
        return tensors, json.loads(tensors['meta'].tobytes()) if 'meta' in tensors else None

    for case in [options.only] if options.only else CASES:
        with tempfile.TemporaryDirectory() as work:
            make(case, options, pathlib.Path(work), load, save)


if __name__ == '__main__':
    main()
