#!/usr/bin/env python3
"""Write tests/fixtures/alignments: queries whose chains have several alignments, paired ones above all, and the features that the
reference makes of them. Used as make_feature_fixtures.py, which says what the files are:

    make_alignment_fixtures.py --oracle ../shared/oracle --python P1=PY031 P2=PY045 OB=PY050 [--only NAME ...]

Not every release can do every query: NOT_IN says which fail there, and why.
"""

import importlib.util
import json
import pathlib
import random
import sys

HERE = pathlib.Path(__file__).resolve().parent
spec = importlib.util.spec_from_file_location('make_feature_fixtures', HERE / 'make_feature_fixtures.py')
base = importlib.util.module_from_spec(spec)
spec.loader.exec_module(base)
AMINO, UBI, GCN4, TRNA = base.AMINO, base.UBI, base.GCN4, base.TRNA
A, B, C = UBI[:40], GCN4, 'GSWLPEQDAAVKRLMNCTYFHIGSDEWPQ'

KEY_ERROR = 'a chain with an MSA, but without paired files, fails'
NOT_IN = {
    'paired_rna': {'P1': KEY_ERROR, 'P2': KEY_ERROR},
    'paired_missing': {'P1': KEY_ERROR, 'P2': KEY_ERROR},
    'paired_depths': {'P2': 'as paired_files', 'OB': 'refused: depths differ'},
    'pair_dummy': {'P1': 'a chain without uniprot_hits fails'},
    'pair_without': {'P1': 'a chain without uniprot_hits fails'},
    'pair_npz': {'P2': 'two keys to be paired fail'},
    'pair_many': {'P1': 'order of rows of one identity depends on the processor'},
    'pair_deep': {'P1': 'order of rows of one identity depends on the processor'},
    'new_names': {'P1': 'names it does not know: not read, of3 reads them', 'P2': 'names it does not know: not read, of3 reads them'},
    'empty_list': {'P1': 'no dummy MSA'},
    'shared_letters': {'P1': 'no dummy MSA'},
}


def changed(query, n, g):
    """The query with n substitutions."""
    row = list(query)
    for i in g.sample(range(len(query)), n):
        row[i] = g.choice([c for c in AMINO if c != row[i]])
    return ''.join(row)


def hits(query, species, seed):
    """The query and a row for each species, the k-th with k + 1 substitutions: no two of one identity."""
    g = random.Random(seed)
    rows = [('query', query)]
    for k, s in enumerate(species):
        n = min(k + 1, len(query))
        rows.append((f'tr|Q{seed}X{k}|Q{seed}X{k}_{s}/{k + 1}-{k + len(query)}' if s is not None else f'UniRef100_Q{k}', changed(query, n, g)))
    return rows


def write(path, rows, insert=0):
    """A3M; every `insert`-th row has lower-case letters before its columns."""
    path.parent.mkdir(parents=True, exist_ok=True)
    g = random.Random(len(rows))
    text = ''
    for i, (name, row) in enumerate(rows):
        if insert and i % insert == 1:
            row = ''.join(('ac' * g.randrange(1, 4) if g.random() < .1 else '') + c for c in row)
        text += f'>{name}\n{row}\n'
    path.write_text(text)
    return path


def write_sto(path, rows):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text('# STOCKHOLM 1.0\n\n' + ''.join(f'{n.split()[0]:<40} {r}\n' for n, r in rows) + '//\n')
    return path


def write_npz(path, **alignments):
    import numpy as np
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(path, **{k: {
        'msa': np.array([list(row) for _, row in rows], dtype='<U1'),
        'deletion_matrix': np.zeros((len(rows), len(rows[0][1])), dtype=int),
        'metadata': np.array([n for n, _ in rows])} for k, rows in alignments.items()})
    return path


def make_queries(folder):
    def main(path, query, rows, seed): return base.write_a3m(folder / path, base.made_up(query, rows, seed)).relative_to(folder)
    def pair(path, query, species, seed, insert=3):
        return write(folder / path, hits(query, species.split(), seed), insert).relative_to(folder)
    def put(path, rows, insert=0): return write(folder / path, rows, insert).relative_to(folder)
    protein, molecule = base.protein, base.molecule
    q = {}

    def two(name, a, b, **keys):
        """Chains A and B with hits of these species, and main rows."""
        return [protein('A', A, main(f'{name}/a/uniref90_hits.a3m', A, 3, 1), pair(f'{name}/a/uniprot_hits.a3m', A, a, 2), **keys),
                protein('B', B, main(f'{name}/b/uniref90_hits.a3m', B, 5, 3), pair(f'{name}/b/uniprot_hits.a3m', B, b, 4), **keys)]

    q['pair_two'] = two('pair_two', 'ECOLI HUMAN ECOLI BACSU MOUSE', 'YEAST BACSU ECOLI ECOLI ECOLI HUMAN')
    q['pair_none'] = two('pair_none', 'ECOLI HUMAN', 'YEAST BACSU')
    q['pair_off'] = two('pair_off', 'ECOLI HUMAN', 'ECOLI BACSU')
    three = two('pair_three', 'E H E B M R', 'Y B E E E H')
    three[1]['chain_ids'] = ['B', 'D']
    q['pair_three'] = three + [protein('C', C, main('pair_three/c/mgnify_hits.a3m', C, 4, 5), pair('pair_three/c/uniprot_hits.a3m', C, 'H B R R M E Y', 6))]
    q['pair_rna'] = two('pair_rna', 'ECOLI HUMAN ECOLI', 'HUMAN ECOLI') + [
        molecule('rna', 'R', TRNA[:20], base.write_a3m(folder / 'pair_rna/r/rfam_hits.a3m', base.made_up(TRNA[:20], 6, 7, letters=base.BASES, odd='N')).relative_to(folder)),
        molecule('dna', 'X', 'GATTACA'), molecule('ligand', 'L', ccd_codes='GOL')]
    q['pair_sto'] = [protein('A', A, main('pair_sto/a/uniref90_hits.a3m', A, 3, 1),
                             write_sto(folder / 'pair_sto/a/uniprot_hits.sto', hits(A, 'ECOLI HUMAN ECOLI'.split(), 8)).relative_to(folder)),
                     protein('B', B, main('pair_sto/b/uniref90_hits.a3m', B, 3, 1),
                             write_sto(folder / 'pair_sto/b/uniprot_hits.sto', hits(B, 'HUMAN YEAST ECOLI'.split(), 9)).relative_to(folder))]
    q['pair_npz'] = [protein('A', A, write_npz(folder / 'pair_npz/one.npz', uniref90_hits=hits(A, 'A B C'.split(), 10),
                                               uniprot_hits=hits(A, 'HUMAN ECOLI'.split(), 11),
                                               uniprot=hits(A, 'YEAST YEAST ECOLI BACSU YEAST'.split(), 12)[:1] + hits(A, 'X Y YEAST ECOLI BACSU'.split(), 12)[3:]).relative_to(folder)),
                     protein('B', B, write_npz(folder / 'pair_npz/two.npz', colabfold_main=hits(B, 'A B C'.split(), 13),
                                               uniprot_hits=hits(B, 'BACSU ECOLI ECOLI HUMAN YEAST'.split(), 14)).relative_to(folder))]
    q['pair_main_too'] = [protein('A', A, put('pair_main_too/a/uniref90_hits.a3m', hits(A, 'A B C'.split(), 15) + hits(A, 'ECOLI HUMAN'.split(), 16)[1:] + [('gaps', '-' * len(A))] * 2),
                                  put('pair_main_too/a/uniprot_hits.a3m', hits(A, 'ECOLI HUMAN'.split(), 16))),
                          protein('B', B, put('pair_main_too/b/uniref90_hits.a3m', hits(B, 'A B'.split(), 17) + [('gaps', '-' * len(B))]),
                                  put('pair_main_too/b/uniprot_hits.a3m', hits(B, 'HUMAN MOUSE ECOLI'.split(), 18))),
                          protein('C', C, put('pair_main_too/c/uniref90_hits.a3m', hits(C, 'A B'.split(), 17) + [('gaps', '-' * len(C))]),
                                  put('pair_main_too/c/uniprot_hits.a3m', hits(C, 'MOUSE X'.split(), 18)))]
    q['pair_headers'] = [protein('A', A, put('pair_headers/a/uniref90_hits.a3m', hits(A, ['A'], 19)), put('pair_headers/a/uniprot_hits.a3m', [
        ('q', A)] + [(n, changed(A, i + 1, random.Random(i))) for i, n in enumerate(['|||HUMAN||', 'tr|X|X_ECOLI/1-8 of [Escherichia coli]', 'a|b|c_/1-2'])])),
        protein('B', B, put('pair_headers/b/uniref90_hits.a3m', hits(B, ['A'], 19)), put('pair_headers/b/uniprot_hits.a3m', [
            ('q', B)] + [(n, changed(B, i + 1, random.Random(i))) for i, n in enumerate(['x|y|z_/3-4', 'sp|P1|N_HUMAN/3-50', 'A_B_C_ECOLI/5-6'])]))]
    q['pair_dummy'] = two('pair_dummy', 'ECOLI HUMAN', 'ECOLI BACSU')[:1] + [protein('B', B)]
    q['pair_without'] = two('pair_without', 'ECOLI HUMAN', 'ECOLI BACSU HUMAN') + [protein('C', C, main('pair_without/c/uniref90_hits.a3m', C, 9, 20))]
    q['pair_modified'] = [protein('A', 'GMSYPGTK', put('pair_modified/a/uniref90_hits.a3m', hits('GMSYPGTK', 'A B'.split(), 21)),
                                  put('pair_modified/a/uniprot_hits.a3m', hits('GMSYPGTK', 'ECOLI HUMAN'.split(), 22), 2), non_canonical_residues={'3': 'SEP', '8': 'MLY'}),
                          protein('B', B, put('pair_modified/b/uniref90_hits.a3m', hits(B, 'A B'.split(), 21)), put('pair_modified/b/uniprot_hits.a3m', hits(B, 'HUMAN ECOLI'.split(), 23)))]
    many = [f'S{k % 3}' for k in range(1900)]
    g = random.Random(24)
    short = ('MKTAYI', 'GSWLPE')
    q['pair_many'] = [protein(i, s, put(f'pair_many/{i}/mgnify_hits.a3m', hits(s, ['A'], 25)),
                              put(f'pair_many/{i}/uniprot_hits.a3m', [('q', s)] + [(f'||_{x}//', changed(s, 1 + g.randrange(5), g)) for x in many[k * 40:]]))
                      for k, (i, s) in enumerate(zip('AB', short))]
    order = [list(range(8400)), list(range(8400))]
    random.Random(26).shuffle(order[1])
    q['pair_deep'] = [protein(i, s, put(f'pair_deep/{i}/mgnify_hits.a3m', hits(s, ['A'], 25)),
                              put(f'pair_deep/{i}/uniprot_hits.a3m', [('q', s)] + [(f'||_{x}//', AMINO[x % 20] + AMINO[x // 20 % 20] + AMINO[x // 400 % 20]) for x in o]))
                      for i, s, o in zip('AB', ('MKT', 'GSW'), ([x for x in order[0]], [x for x in range(8400)]))]

    def files(name, rows_a, rows_b, b_ids='B'):
        return [protein('A', A, main(f'{name}/a/colabfold_main.a3m', A, 4, 30), paired_msa_file_paths=[str(put(f'{name}/a/colabfold_paired.a3m', rows_a, 2))]),
                protein(b_ids, B, main(f'{name}/b/colabfold_main.a3m', B, 6, 31), paired_msa_file_paths=[str(put(f'{name}/b/colabfold_paired.a3m', rows_b, 3))])]
    rows_a, rows_b = hits(A, list('abcde'), 32), hits(B, list('abcde'), 33)
    rows_b[3] = ('gaps', '-' * len(B))
    q['paired_files'] = files('paired_files', rows_a, rows_b)
    q['paired_homomer'] = files('paired_homomer', rows_a, rows_b, ['B', 'C', 'D'])
    q['paired_depths'] = files('paired_depths', rows_a, rows_b[:4])
    q['paired_rna'] = files('paired_rna', rows_a, rows_b) + [molecule('rna', 'R', TRNA[:20])]
    q['paired_missing'] = files('paired_missing', rows_a, rows_b) + [protein('C', C)]
    q['paired_off'] = files('paired_off', rows_a, rows_b)
    q['paired_one'] = [protein(['A', 'B'], A, main('paired_one/a/colabfold_main.a3m', A, 4, 30), paired_msa_file_paths=[str(put('paired_one/a/colabfold_paired.a3m', rows_a))])]
    q['paired_in_main'] = files('paired_in_main', rows_a, rows_b)
    for chain, rows in zip(q['paired_in_main'], (rows_a, rows_b)):   # main rows that are paired rows too
        path = folder / chain['main_msa_file_paths'][0]
        path.write_text(path.read_text() + ''.join(f'>{n}\n{r}\n' for n, r in rows[2:]))
    q['paired_npz'] = [protein('A', A, main('paired_npz/a/colabfold_main.a3m', A, 4, 30), paired_msa_file_paths=[str(write_npz(folder / 'paired_npz/a.npz', colabfold_paired=rows_a).relative_to(folder))]),
                       protein('B', B, main('paired_npz/b/colabfold_main.a3m', B, 4, 30), paired_msa_file_paths=[str(write_npz(folder / 'paired_npz/b.npz', colabfold_paired=rows_b).relative_to(folder))])]
    q['several'] = [protein('A', A, main('several/x/mgnify_hits.a3m', A, 4, 40), pathlib.Path('several/folder'), main('several/x/bfd_uniclust_hits.a3m', A, 4, 41),
                            base.write_stockholm(folder / 'several/folder/uniref90_hits.sto', base.made_up(A, 6, 42)).relative_to(folder)),
                    molecule('rna', 'R', TRNA[:30], *(base.write_a3m(folder / f'several/r/{n}.a3m', base.made_up(TRNA[:30], 3, 43 + i, letters=base.BASES, odd='TN')).relative_to(folder)
                                                      for i, n in enumerate(('rnacentral_hits', 'rfam_hits', 'nt_hits'))))]
    q['several'][0]['main_msa_file_paths'].pop()
    q['long_insertions'] = [protein('A', B, put('long_insertions/a/uniref90_hits.a3m', [('q', B)] + [
        (f'r{n}', B[:5] + 'a' * n + B[5:20] + 'c' * (2 * n) + B[20:-1] + AMINO[n % 20]) for n in (1, 126, 127, 128, 254, 255, 256, 300, 1000, 7000)]))]
    q['shared'] = [protein('A', A, main('shared/a/uniref90_hits.a3m', A, 7, 50)), protein('C', B, main('shared/b/uniref90_hits.a3m', B, 9, 51)),
                   protein('B', A, pathlib.Path('shared/a/uniref90_hits.a3m'))]
    q['shared_letters'] = [molecule('rna', 'A', 'GACUGACN'), protein('B', 'GACUGACN'), molecule('rna', 'C', 'GACUGACN')]
    q['empty_list'] = [protein('A', A, main('empty_list/a/uniref90_hits.a3m', A, 4, 52)), {**protein('B', B), 'main_msa_file_paths': []}]
    q['new_names'] = [protein('A', A, *(main(f'new_names/a/{n}.a3m', A, 2, 60 + i) for i, n in enumerate(
        ('mmseqs_colabfold', 'cfdb_hits', 'uniref90_hits', 'colabfold_main', 'nucleotide_collection_hits', 'concat_cfdb_uniref100_filtered'))))]
    queries = {name: {'chains': chains} for name, chains in q.items()}
    queries['pair_off']['use_paired_msas'] = queries['paired_off']['use_paired_msas'] = False
    for name, query in queries.items():
        (folder / f'{name}.json').write_text(json.dumps({'queries': {name: query}}, indent=1) + '\n')
    return queries


def for_reference(query, variant, folder, work):
    query = json.loads(json.dumps(query))
    for i, chain in enumerate(query['chains']):
        for key in ('main_msa_file_paths', 'paired_msa_file_paths'):
            if chain.get(key):
                chain[key] = [str((folder / f).resolve()) for f in chain[key]]
        if variant == 'P1' and chain['molecule_type'] in ('protein', 'rna') and 'main_msa_file_paths' not in chain:
            chain['main_msa_file_paths'] = [str(base.write_a3m(work / f'dummy{i}' / 'colabfold_main.a3m', base.made_up(chain['sequence'], 0, 0)))]
    if variant == 'P1' and not any('hits' in f and 'uniprot' in f or f.endswith('.npz') for c in query['chains'] for f in c.get('main_msa_file_paths', [])) \
            and not any('paired_msa_file_paths' in c for c in query['chains']):
        query['use_paired_msas'] = False                    # raises without uniprot_hits
    return query


def run_reference(variant, oracle, folder, out, names):
    import tempfile
    sys.path.insert(0, str(oracle))
    import warnings

    import reference_features
    warnings.filterwarnings('ignore')
    for name in names:
        if variant in NOT_IN.get(name, {}):
            continue
        query = json.loads((folder / f'{name}.json').read_text())['queries'][name]
        with tempfile.TemporaryDirectory() as work:
            work = pathlib.Path(work)
            path = work / 'query.json'
            path.write_text(json.dumps({'queries': {name: for_reference(query, variant, folder, work)}}))
            try:
                reference_features.run(path, name, 42, out / f'{name}.{variant}.npz', None, {}, True)
            except Exception as e:
                print('FAILED', variant, name, type(e).__name__, e)


def main():
    base.make_queries = make_queries
    base.run_reference = run_reference
    base.__file__ = __file__
    base.__doc__ = __doc__
    if '--out' not in sys.argv:
        sys.argv += ['--out', 'tests/fixtures/alignments']
    base.main()


if __name__ == '__main__':
    main()
