#!/usr/bin/env python3
"""Write tests/fixtures/features: queries and the features that the reference makes of them.

    make_feature_fixtures.py --oracle ../shared/oracle --python P1=PY031 P2=PY045 OB=PY050 [--only NAME ...]

PY031, PY045, PY050 are Python interpreters with openfold3 0.3.1, 0.4.5 and 0.5.0. For each query:

    NAME.json, NAME/...   the query and its alignments, made up here from fixed seeds
    NAME.npz              plain arrays: the features of reference_features.py, one-hots as class index u8 (255: no class).
                          A feature that differs between the variants has the suffix @P1, @P2 or @OB. Left out:
                          ref_pos (random), template_distogram, template_unit_vector and token_bonds that are all zero.

conformers.safetensors: conf/*, feat/ref_pos and atom/bonds of the query `heteromer` by 0.5.0; conformers_mixed.safetensors
of `mixed`.
made_up.safetensors: features made by make_fixtures.py (padding, several kinds of molecule, templates, i64 indices).

0.3.1 needs help to say what it means: it has no dummy MSA (the repository at that release has), so chains without files are
given one in a file colabfold_main.a3m; it has no `description`; it raises for several
sequences without uniprot_hits, where later releases do not pair: it runs with `use_paired_msas` false.
No release can do `use_main_msas` false without paired rows (0.3.1: maximum of an empty list; 0.4.5, 0.5.0: padding to 0 rows).
"""

import argparse
import json
import pathlib
import random
import subprocess
import sys
import tempfile

AMINO = 'ACDEFGHIKLMNPQRSTVWY'
BASES = 'ACGU'
TRNA = 'GCGGAUUUAGCUCAGUUGGGAGAGCGCCAGACUGAAGAUCUGGAGGUCCUGUGUUCGAUCCACAGAAUUCGCACCA'
UBI = 'MQIFVKTLTGKTITLEVEPSDTIENVKAKIQDKEGIPPDQQRLIFAGKQLEDGRTLSDYNIQKESTLHLVLRLRGG'
GCN4 = 'RMKQLEDKVEELLSKNYHLENEVARLKKLVGER'
PSD_LONG = ('MLNSFKLSLQYILPKLWLTRLAGWGASKRAGWLTKLVIDLFVKYYKVDMKEAQKPDTASYRTFNEFFVRPLRDEVRPIDTDPNVLVMPADGVISQLGKIEEDKILQAKGHNYSLEALLAGNYLM'
            'ADLFRNGTFVTTYLSPRDYHRVHMPCNGILREMIYVPGDLFSVNHLTAQNVPNLFARNERVICLFDTEFGPMAQILVGATIVGSIETVWAGTITPPREGIIKRWTWPAGENDGSVALLKGQEM'
            'GRFKLG')
PSD_SHORT = 'XTVINLFAPGKVNLVEQLESLSVTKIGQPLAVSTGHHHHHHG'


# known to 0.3.1 and all later releases, in no particular order
NAMES = ('concat_cfdb_uniref100_filtered', 'nt_hits', 'colabfold_main', 'cfdb_uniref30', 'rnacentral_hits', 'bfd_uniref_hits', 'mgnify_hits',
         'rfam_hits', 'bfd_uniclust_hits', 'uniref90_hits', 'colabfold_paired')


def made_up(query, rows, seed, lower=False, letters=AMINO, odd='XBZ'):
    """Aligned rows with substitutions, gaps, X, B and duplicates, and for each the insertions before its columns."""
    g = random.Random(seed)
    out = [(query, [''] * len(query))]
    for i in range(rows):
        row = ''.join((g.choice(letters + odd) if g.random() < .4 else c) if g.random() > .15 else '-' for c in query)
        inserted = [''.join(g.choice(letters) for _ in range(g.randrange(1, 9))) if g.random() < .03 else '' for _ in query]
        if lower and i % 3 == 0:
            row = row.lower()
        out.append((row, inserted))
        if i % 5 == 4:
            out.append((row, [''] * len(query)))
    return out


def write_a3m(path, alignment):
    path.parent.mkdir(parents=True, exist_ok=True)
    text = ['#made up', '']
    for i, (row, inserted) in enumerate(alignment):
        body = ''.join(s.lower() + c for s, c in zip(inserted, row))
        body += 'ac' * (i % 4 == 1)                       # behind the last column: lost
        text += [f'>row{i} made up'] + ([body] if i % 3 else [body[:31], body[31:]])
    path.write_text('\n'.join(t for t in text) + '\n')
    return path


def write_stockholm(path, alignment):
    """Insertions become columns where the query has '.', in blocks of 60 columns."""
    path.parent.mkdir(parents=True, exist_ok=True)
    width = [max(len(a[1][j]) for a in alignment) for j in range(len(alignment[0][0]))]
    rows = [''.join((s.lower() if i % 2 else s).ljust(w, '-' if i % 3 else '.') + c for s, w, c in zip(inserted, width, row))
            for i, (row, inserted) in enumerate(alignment)]
    text = ['# STOCKHOLM 1.0', '#=GF ID made up', '']
    for at in range(0, len(rows[0]), 60):
        text += [f'row{i:<12} {row[at:at + 60]}' for i, row in enumerate(rows)] + ['#=GC RF xxx', '']
    path.write_text('\n'.join(text + ['//']) + '\n')
    return path


def write_npz(path, **alignments):
    import numpy as np
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(path, **{k: {
        'msa': np.array([list(row) for row, _ in a], dtype='<U1'),
        'deletion_matrix': np.array([[len(s) for s in inserted] for _, inserted in a]),
        'metadata': np.array([f'row{i}' for i in range(len(a))])} for k, a in alignments.items()})
    return path


def counting_rows(query, rows):
    """Distinct rows of the letters of a counter."""
    return [(query, [''] * len(query))] + [
        (''.join(AMINO[i // 20 ** k % 20] for k in range(len(query))), [''] * len(query)) for i in range(rows)]


def protein(ids, sequence, *files, **keys):
    out = {'molecule_type': 'protein', 'chain_ids': ids, 'sequence': sequence, **keys}
    if files:
        out['main_msa_file_paths'] = [str(f) for f in files]
    return out


def molecule(kind, ids, sequence=None, *files, **keys):
    return {**protein(ids, sequence, *files, **keys), 'molecule_type': kind} if sequence else {
        'molecule_type': kind, 'chain_ids': ids, **keys}


def make_queries(folder):
    """name -> query; alignments are written, paths are relative to the folder."""
    def a3m(path, *args, **keys): return write_a3m(folder / path, made_up(*args, **keys)).relative_to(folder)
    def sto(path, *args, **keys): return write_stockholm(folder / path, made_up(*args, **keys)).relative_to(folder)
    def rna(write, path, query, rows, seed):
        return write(folder / path, made_up(query, rows, seed, letters=BASES, odd='TNX')).relative_to(folder)
    long_chain = ''.join(random.Random(11).choice(AMINO) for _ in range(1040))
    q = {
        'ubiquitin': [protein('A', UBI, description='no MSA: the dummy')],
        'homodimer': [protein(['A', 'B'], GCN4)],
        'heteromer': [protein('A', UBI[:31]), protein(['C', 'B'], GCN4), protein('D', UBI[:31])],
        'psd_7cnx': [protein(['A', 'C'], PSD_LONG), protein(['B', 'D'], PSD_SHORT)],
        'order': [protein(['B', 'AA'], GCN4), protein('A', UBI[:20]), protein('a', 'ACDEFGHIKLMNPQRSTVWYX')],
        'letters': [protein('A', 'MUOBZXJ*K')],
        'a3m': [protein('A', UBI, a3m('a3m/ubi/uniref90_hits.a3m', UBI, 9, 1), a3m('a3m/ubi/colabfold_main.a3m', UBI, 5, 2),
                        a3m('a3m/ubi/bfd_uniclust_hits.a3m', UBI, 9, 1), a3m('a3m/ubi/uniprot_hits.a3m', UBI, 5, 3),
                        a3m('a3m/ubi/mgnify_hits.a3m', UBI, 5, 4))],
        'sto': [protein(['A', 'B'], GCN4, sto('sto/gcn4/uniref90_hits.sto', GCN4, 14, 5, lower=True))],
        'npz': [protein('A', UBI, write_npz(folder / 'npz/ubi.npz', mgnify_hits=made_up(UBI, 6, 6, lower=True), uniref90_hits=made_up(UBI, 5, 7),
                                            colabfold_main=made_up(UBI, 3, 8), uniprot=made_up(UBI, 3, 22)).relative_to(folder))],
        'folder': [protein('A', UBI, pathlib.Path('folder/ubi'))],
        'depths': [protein('A', UBI[:40], a3m('depths/one/uniref90_hits.a3m', UBI[:40], 12, 9)),
                   protein(['B', 'C'], GCN4, a3m('depths/two/colabfold_main.a3m', GCN4, 3, 10)), protein('D', UBI[:11])],
        'no_msas': [protein('A', UBI[:40], a3m('no_msas/ubi/uniref90_hits.a3m', UBI[:40], 3, 12)), protein('B', GCN4)],
        'long': [protein('A', long_chain, a3m('long/one/uniref90_hits.a3m', long_chain, 5, 14))],
        'caps': [protein('A', 'MKT', write_a3m(folder / 'caps/one/mgnify_hits.a3m', counting_rows('MKT', 5100)).relative_to(folder),
                         a3m('caps/one/uniref90_hits.a3m', 'MKT', 3, 15))],
        'names': [protein('A', GCN4[:20], *(a3m(f'names/one/{n}.a3m', GCN4[:20], 2, 30 + i) for i, n in enumerate(NAMES)))],
    }
    q |= {
        'rna': [molecule('rna', ['A', 'B'], TRNA)],
        'dna': [molecule('dna', 'A', 'GATTACAN'), molecule('dna', 'B', 'NTGTAATC')],
        'bases': [molecule('rna', 'A', 'GATXNRYC'), molecule('dna', 'B', 'GAUXNRYC'), molecule('rna', 'C', 'G')],
        'duplex': [molecule('dna', 'A', 'GGCC'), molecule('rna', 'B', 'GGCC'), protein('C', 'GGCC')],
        'chimera': [molecule('rna', 'A', 'GACU', non_canonical_residues={'3': 'DC'}),
                    molecule('dna', 'B', 'AUUT', non_canonical_residues={'2': 'U', '3': 'DN'})],
        'rna_msa': [molecule('rna', 'A', TRNA[:40], rna(write_a3m, 'rna_msa/one/rfam_hits.a3m', TRNA[:40], 9, 51),
                             rna(write_a3m, 'rna_msa/one/nt_hits.a3m', TRNA[:40], 5, 52)),
                    molecule('rna', 'B', TRNA[40:], rna(write_stockholm, 'rna_msa/two/rnacentral_hits.sto', TRNA[40:], 14, 53))],
        'mixed': [molecule('dna', 'C', 'CGCGAATTCGCG'), protein(['A', 'D'], GCN4, a3m('mixed/gcn4/uniref90_hits.a3m', GCN4, 12, 54)),
                  molecule('rna', 'B', TRNA[:30], rna(write_a3m, 'mixed/rna/rfam_hits.a3m', TRNA[:30], 6, 55)),
                  molecule('ligand', ['F', 'E'], ccd_codes='TRP'), protein('G', 'MKSYP', non_canonical_residues={'3': 'THR'})],
        'residues_as_ligands': [molecule('ligand', 'A', ccd_codes='ALA'), molecule('ligand', ['B', 'C'], ccd_codes=['DG']),
                                molecule('ligand', 'D', ccd_codes='N')],
        'modified': [protein(['A', 'B'], 'GMSYPGTK', a3m('modified/one/uniref90_hits.a3m', 'GMSYPGTK', 9, 56),
                             non_canonical_residues={'2': 'MSE', '3': 'SEP', '4': 'PTR', '5': 'HYP', '7': 'TPO'})],
        'modified_bases': [molecule('rna', 'A', 'GUCAUG', non_canonical_residues={'2': 'PSU', '3': '5MC', '4': '6MZ', '5': 'H2U'}),
                           molecule('dna', 'B', 'GATC', non_canonical_residues={'2': '8OG'})],
        'ligands': [protein('A', 'MKSYP'), molecule('ligand', ['B', 'C'], ccd_codes='ATP'), molecule('ligand', 'D', ccd_codes='ZN'),
                    molecule('ligand', ['E', 'F'], ccd_codes='MG'), molecule('ligand', 'G', ccd_codes='NAG'),
                    molecule('ligand', 'H', ccd_codes='SAH'), molecule('ligand', 'I', ccd_codes='CL')],
        'ring': [protein(['A', 'B'], 'CTKSIPPICFPD', cyclic=True), molecule('rna', 'C', 'GAUC', cyclic=True), protein('D', 'MKV')],
    }
    a3m('folder/ubi/uniref90_hits.a3m', UBI, 4, 19)
    sto('folder/ubi/mgnify_hits.sto', UBI, 4, 20)
    sto('folder/ubi/hmm_output.sto', UBI, 4, 21)
    queries = {name: {'chains': chains} for name, chains in q.items()}
    queries['no_msas']['use_msas'] = False
    for name, query in queries.items():
        (folder / f'{name}.json').write_text(json.dumps({'queries': {name: query}}, indent=1) + '\n')
    return queries


def for_reference(query, variant, folder, work):
    """The query as this release can read it: absolute paths, and the help that 0.3.1 needs."""
    query = json.loads(json.dumps(query))
    if variant == 'P1':
        query['use_paired_msas'] = False
    for i, chain in enumerate(query['chains']):
        if 'main_msa_file_paths' in chain:
            chain['main_msa_file_paths'] = [str((folder / f).resolve()) for f in chain['main_msa_file_paths']]
        elif variant == 'P1' and chain['molecule_type'] in ('protein', 'rna'):
            chain['main_msa_file_paths'] = [str(write_a3m(work / f'dummy{i}' / 'colabfold_main.a3m', made_up(chain['sequence'], 0, 0)))]
        if variant == 'P1':
            chain.pop('description', None)
    return query


def run_reference(variant, oracle, folder, out, names):
    """Under the interpreter of one release."""
    sys.path.insert(0, str(oracle))
    import warnings

    import reference_features
    warnings.filterwarnings('ignore')
    for name in names:
        if variant == 'P1' and name == 'ring':            # 0.3.1 knows no cyclic chains
            continue
        query = json.loads((folder / f'{name}.json').read_text())['queries'][name]
        with tempfile.TemporaryDirectory() as work:
            work = pathlib.Path(work)
            path = work / 'query.json'
            path.write_text(json.dumps({'queries': {name: for_reference(query, variant, folder, work)}}))
            reference_features.run(path, name, 42, out / f'{name}.{variant}.npz', None, {}, True)


DROPPED = ('ref_pos', 'template_distogram', 'template_unit_vector', 'token_bonds')


def pack(raw, folder, name):
    import numpy as np
    found = {}
    for variant in ('P1', 'P2', 'OB'):
        path = raw / f'{name}.{variant}.npz'
        if not path.exists():
            continue
        arrays = np.load(path)
        for key in arrays.files:
            if not key.startswith('feat/'):
                continue
            short = key[5:].removesuffix('.index')
            if short == 'ref_pos' or short in DROPPED and not arrays[key].any():
                continue
            assert short not in DROPPED or short == 'token_bonds', (name, short)
            found.setdefault(short, {})[variant] = arrays[key]
    out = {}
    for short, by in found.items():
        first = next(iter(by.values()))
        same = all(np.array_equal(v, first) for v in by.values())
        out.update({short: first} if same and len(by) == 3 else {f'{short}@{v}': a for v, a in by.items()})
    np.savez_compressed(folder / f'{name}.npz', **out)


def keep_conformers(raw, folder, oracle, query, out):
    import numpy as np
    import torch
    sys.path.insert(0, str(oracle))
    from of3_files import save_safetensors
    arrays = np.load(raw / f'{query}.OB.npz')
    keep = [k for k in arrays.files if k.startswith('conf/') or k in ('feat/ref_pos', 'atom/bonds')]
    save_safetensors(folder / out, {k: torch.from_numpy(arrays[k]).contiguous() for k in keep})


def extra_files(folder, oracle):
    import torch
    sys.path.insert(0, str(oracle))
    import make_fixtures
    from of3_files import save_safetensors
    from of3_oracle import VARIANTS
    made = make_fixtures.make_features(3, 14, 4, 1, VARIANTS['P1'], pad=2)
    one_hot = make_fixtures.ONE_HOT_OR_MASK
    save_safetensors(folder / 'made_up.safetensors', {
        'feat/' + k: (v.to(torch.uint8) if k in one_hot else v.float() if v.is_floating_point() else v.long()).contiguous()
        for k, v in made.items()})


def main():
    a = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    a.add_argument('--oracle', type=pathlib.Path, default=pathlib.Path('../shared/oracle'))
    a.add_argument('--out', type=pathlib.Path, default=pathlib.Path('tests/fixtures/features'))
    a.add_argument('--python', nargs='*', default=[], metavar='VARIANT=PYTHON')
    a.add_argument('--only', nargs='*')
    a.add_argument('--raw', type=pathlib.Path, help='keep the files of the reference here')
    a.add_argument('--run', help=argparse.SUPPRESS)
    o = a.parse_args()
    if o.run:
        return run_reference(o.run, o.oracle, o.out, o.raw, o.only)
    o.out.mkdir(parents=True, exist_ok=True)
    names = [n for n in make_queries(o.out) if not o.only or n in o.only]
    raw = o.raw or pathlib.Path(tempfile.mkdtemp())
    raw.mkdir(parents=True, exist_ok=True)
    for pair in o.python:
        variant, python = pair.split('=')
        subprocess.run([python, __file__, '--run', variant, '--oracle', o.oracle, '--out', o.out, '--raw', raw, '--only', *names], check=True)
    for name in names:
        pack(raw, o.out, name)
    if 'heteromer' in names:
        keep_conformers(raw, o.out, o.oracle, 'heteromer', 'conformers.safetensors')
        extra_files(o.out, o.oracle)
    if 'mixed' in names:
        keep_conformers(raw, o.out, o.oracle, 'mixed', 'conformers_mixed.safetensors')


if __name__ == '__main__':
    main()
