#!/usr/bin/env python3
"""Write tests/fixtures/templates: queries with templates, made-up structures, and the features that the reference makes of them. Used
as make_feature_fixtures.py, which says what the files are:

    make_template_fixtures.py --oracle ../shared/oracle --python P1=PY031 P2=PY045 OB=PY050 [--only NAME ...]

structures/ID.cif are helices with noise, of made-up sequences. In NAME.npz the templates are written as they are: bins as class
index, unit vectors as f32. 0.3.1 knows no template_cif_paths; releases look for the structures of these in the folder by their
names, so that all of them lie there, too.

af3_NAME.json is the query NAME in AlphaFold 3's JSON, its templates with the maps of residues that the hits of NAME say, some in the
file itself and some by path: its features are those of NAME.npz.
"""

import importlib.util
import json
import math
import pathlib
import random
import sys

HERE = pathlib.Path(__file__).resolve().parent
spec = importlib.util.spec_from_file_location('make_feature_fixtures', HERE / 'make_feature_fixtures.py')
base = importlib.util.module_from_spec(spec)
spec.loader.exec_module(base)

THREE = dict(zip('ARNDCQEGHILKMFPSTWYVX', 'ALA ARG ASN ASP CYS GLN GLU GLY HIS ILE LEU LYS MET PHE PRO SER THR TRP TYR VAL UNK'.split()))
# Components of nucleic acids and the chains that they are of; 5MC is a modified base of RNA, 5CM of DNA.
NUCLEIC = {**dict.fromkeys(('DA', 'DC', 'DG', 'DT', '5CM'), 'polydeoxyribonucleotide'), **dict.fromkeys(('A', 'C', 'G', 'U', '5MC'), 'polyribonucleotide')}
A = 'MKTAYIAGKQRQISFVKWDE'
B = 'GSWLPEQDAAVKRLMNCTYFHIG'
NEEDS_KALIGN = {'a3m_realigned', 'm8'}                  # the program, in 0.3.1
DOTS = {'sto_insert'}                                   # 0.3.1 counts '.' as residues: hits are shifted
ONLY_NEW = DOTS | NEEDS_KALIGN | {'cif', 'cif_chain', 'cif_two', 'cif_homomer'}


def residues(sequence, changes=()):
    out = [THREE[c] for c in sequence]
    for at, name in dict(changes).items():
        out[at - 1] = name
    return out


def cif(name, chains, seed):
    """mmCIF. chains: (label, author, residues, letters, {number: what is missing}, {number: author number})"""
    g = random.Random(seed)
    rows, n = [], 0
    for k, (label, author, names, letters, missing, numbers) in enumerate(chains):
        for i, residue in enumerate(names, 1):
            gone = missing.get(i, ())
            if gone == 'all':
                continue
            if residue in NUCLEIC:
                atoms = ['P', "C4'", "C3'", "C1'", 'N1']
            else:
                atoms = ['N', 'CA', 'C', 'O'] + ([] if residue == 'GLY' else ['CB'])
            for a, atom in enumerate(atoms):
                if atom in gone:
                    continue
                angle = math.radians(100 * i + 28 * a)
                r = (1.5, 2.3, 1.7, 2.1, 3.3)[a]
                x, y, z = (r * math.cos(angle) + g.gauss(0, .4) + 12 * k, r * math.sin(angle) + g.gauss(0, .4), 1.5 * i + .4 * a + g.gauss(0, .3))
                for alt, occupancy, shift in (('A', .4, 0), ('B', .6, .7)) if gone == 'alt' else (('.', 1., 0),):
                    n += 1
                    number = numbers.get(i, i)
                    rows.append(f'{"ATOM" if residue in THREE.values() else "HETATM"} {n} {atom[0]} {atom} {alt} {residue} {label} {k + 1} {i} ? '
                                f'{x + shift:.3f} {y:.3f} {z:.3f} {occupancy:.2f} 20.00 ? {number} {residue} {author} {atom} 1')
    kinds = sorted({r for c in chains for r in c[2]})
    linking = {'GLY': 'peptide linking', **{r: 'DNA linking' if kind == 'polydeoxyribonucleotide' else 'RNA linking' for r, kind in NUCLEIC.items()}}
    poly = [NUCLEIC.get(c[2][0], 'polypeptide(L)') for c in chains]
    text = [f'data_{name}', '#', f'_entry.id {name}', '#', 'loop_', *(f'_pdbx_audit_revision_history.{i}' for i in (
        'ordinal', 'data_content_type', 'major_revision', 'minor_revision', 'revision_date')), "1 'Structure model' 1 0 2001-01-01", '#',
        'loop_', '_entity.id', '_entity.type', '_entity.pdbx_description', *(f"{k + 1} polymer 'chain {k}'" for k in range(len(chains))), '#',
        'loop_', '_chem_comp.id', '_chem_comp.type', '_chem_comp.name', *(f"{r} '{linking.get(r, 'L-peptide linking')}' {r}" for r in kinds), '#',
        'loop_', *(f'_entity_poly.{i}' for i in ('entity_id', 'type', 'nstd_linkage', 'nstd_monomer', 'pdbx_seq_one_letter_code', 'pdbx_seq_one_letter_code_can', 'pdbx_strand_id')),
        *(f"{k + 1} '{poly[k]}' no no {c[3]} {c[3]} {c[1]}" for k, c in enumerate(chains)), '#',
        'loop_', *(f'_entity_poly_seq.{i}' for i in ('entity_id', 'num', 'mon_id', 'hetero')),
        *(f'{k + 1} {i} {r} n' for k, c in enumerate(chains) for i, r in enumerate(c[2], 1)), '#',
        'loop_', '_struct_asym.id', '_struct_asym.entity_id', *(f'{c[0]} {k + 1}' for k, c in enumerate(chains)), '#',
        'loop_', *(f'_pdbx_poly_seq_scheme.{i}' for i in ('asym_id', 'entity_id', 'seq_id', 'mon_id', 'ndb_seq_num', 'pdb_seq_num', 'auth_seq_num', 'pdb_mon_id', 'auth_mon_id', 'pdb_strand_id', 'pdb_ins_code', 'hetero')),
        *(f'{c[0]} {k + 1} {i} {r} {i} {c[5].get(i, i)} {c[5].get(i, i)} {r} {r} {c[1]} . n' for k, c in enumerate(chains) for i, r in enumerate(c[2], 1)), '#',
        'loop_', *(f'_atom_site.{i}' for i in ('group_PDB', 'id', 'type_symbol', 'label_atom_id', 'label_alt_id', 'label_comp_id', 'label_asym_id', 'label_entity_id', 'label_seq_id', 'pdbx_PDB_ins_code',
                                                 'Cartn_x', 'Cartn_y', 'Cartn_z', 'occupancy', 'B_iso_or_equiv', 'pdbx_formal_charge', 'auth_seq_id', 'auth_comp_id', 'auth_asym_id', 'auth_atom_id', 'pdbx_PDB_model_num')),
        *rows, '#']
    return '\n'.join(text) + '\n'


def chain(label, sequence, author=None, changes=(), missing=None, numbers=None):
    letters = ''.join(c for c in sequence)
    return label, author or label, residues(sequence, changes), letters, missing or {}, numbers or {}


def nucleic(label, letters, dna, changes=()):
    names = [('D' if dna else '') + c for c in letters]
    for at, name in dict(changes).items():
        names[at - 1] = name
    return label, label, names, letters, {}, {}


def make_structures(folder):
    folder.mkdir(parents=True, exist_ok=True)
    near = A[:7] + 'LV' + A[9:15] + 'M' + A[16:]
    made = {
        '1aaa': [chain('A', A)],
        '2aaa': [chain('A', B), chain('B', near, 'H', {5: 'TPO'} and (), {4: 'all', 9: ('CB',), 12: ('C', 'O')})],
        '3aaa': [chain('A', A, 'X', {1: 'MSE'}, {6: 'alt'}, {i: i - 5 for i in range(1, 21)})],
        '4aaa': [chain('A', 'GG' + A[3:17] + 'PP')],
        '5aaa': [chain('A', A[:8] + A[11:])],
        '6aaa': [chain('A', A[:8] + 'GGSG' + A[8:])],
        '7aaa': [chain('A', A, changes={3: 'SEP'}, missing={3: ('CB',), 11: 'all', 12: 'all'})],
        '1bbb': [chain('A', B), chain('C', B[:20], 'A')],
        '2bbb': [chain('A', 'K' + B[1:12] + 'DD' + B[14:])],
        '1dna': [nucleic('A', 'GATTACAGATTACAGATTAC', True)],
        '2dna': [nucleic('A', 'GATTACAGATTACAGATTAC', True, {3: '5CM'})],
        '1rna': [nucleic('A', 'GACUUACAGACUUACAGACU', False)],
    }
    for k, (name, chains) in enumerate(made.items()):
        (folder / f'{name}.cif').write_text(cif(name, chains, k))
    return near


def make_queries(folder):
    near = make_structures(folder / 'structures')
    protein = base.protein

    def write(name, text):
        (folder / name).write_text(text)
        return name

    def a3m(name, *rows): return write(name, ''.join(f'>{h}\n{r}\n' for h, r in rows))

    def sto(name, *rows):
        return write(name, '# STOCKHOLM 1.0\n\n' + ''.join(f'#=GS {h} DE [subseq from] mol:protein length:{len(r)}\n' for h, r in rows) +
                     '\n' + ''.join(f'{h:<20} {r}\n' for h, r in rows) + '//\n')

    def hits(sequence, path, ids='A', **keys): return protein(ids, sequence, template_alignment_file_path=path, **keys)
    full = f'1-{len(A)}'
    q = {
        'a3m_ranges': [hits(A, a3m('a3m_ranges.a3m', (f'query_A/{full}', A), (f'1aaa_A/{full}', A), (f'2aaa_B/{full}', near)))],
        'a3m_realigned': [hits(A, a3m('a3m_realigned.a3m', ('1aaa_A', A), ('2aaa_B', near)))],
        'sto': [hits(A, sto('sto.sto', (f'query_A/{full}', A), (f'3aaa_A/{full}', A), (f'1aaa_A/{full}', A), (f'2aaa_B/{full}', near)))],
        'sto_gaps': [hits(A, sto('sto_gaps.sto', (f'query_A/{full}', A), (f'4aaa_A/3-16', '---' + A[3:17] + '---'), ('5aaa_A/1-17', A[:8] + '---' + A[11:])))],
        'sto_insert': [hits(A, sto('sto_insert.sto', (f'query_A/{full}', A[:8] + '....' + A[8:]), ('6aaa_A/1-24', A[:8] + 'GGSG' + A[8:]), (f'1aaa_A/{full}', A[:8] + '----' + A[8:])))],
        'm8': [hits(A, write('m8.m8', ''.join(f'q\t{t}\t0.9\t20\t0\t0\t1\t20\t1\t20\t{e}\t50\n' for t, e in (('1aaa_A', '1e-5'), ('2aaa_B', '1e-9'), ('3aaa_A', '2.5e-7')))))],
        'other_chain': [hits(A, a3m('other_chain.a3m', (f'query_A/{full}', A), (f'2aaa_H/{full}', near)))],
        'missing': [hits(A, a3m('missing.a3m', (f'query_A/{full}', A), (f'9zzz_A/{full}', A), (f'1aaa_A/{full}', A)))],
        'five': [hits(A, a3m('five.a3m', (f'query_A/{full}', A), *((f'{n}aaa_A/{full}', A) for n in (3, 7, 1)), (f'2aaa_B/{full}', near), (f'1aaa_B/{full}', A)))],
        'modified': [hits(A, a3m('modified.a3m', (f'query_A/{full}', A), (f'7aaa_A/{full}', A)))],
        'two_chains': [hits(A, a3m('two_a.a3m', (f'query_A/{full}', A), (f'1aaa_A/{full}', A), (f'3aaa_A/{full}', A))),
                       hits(B, a3m('two_b.a3m', ('query_B/1-23', B), ('1bbb_A/1-23', B)), ids=['B', 'D']), protein('C', 'MKVLW'),
                       base.molecule('ligand', 'L', ccd_codes='GOL')],
        'atomised': [hits(A, a3m('atomised.a3m', (f'query_A/{full}', A), (f'1aaa_A/{full}', A)), non_canonical_residues={'3': 'TPO', '16': 'MLY'})],
        'short': [hits('MKTA', a3m('short.a3m', ('query_A/1-4', 'MKTA'), ('1aaa_A/1-4', 'MKTA')))],
        'partial': [hits(A, a3m('partial.a3m', ('query_A/5-18', A[4:18]), ('1aaa_A/5-18', A[4:18]), ('3aaa_A/5-18', A[4:18])))],
        # hits on nucleic acids: names that stay, below a template with residues elsewhere; a slot that stays empty
        'dna': [hits(A, sto('dna.sto', (f'query_A/{full}', A), (f'1dna_A/{full}', 'GATTACAGATTACAGATTAC')))],
        'dna_below': [hits(A, sto('dna_below.sto', (f'query_A/{full}', A), (f'1dna_A/{full}', 'GATTACAGATTACAGATTAC'), ('3aaa_A/1-12', A[:12] + '-' * 8), (f'1aaa_A/{full}', A)))],
        'dna_modified': [hits(A, sto('dna_modified.sto', (f'query_A/{full}', A), (f'2dna_A/{full}', 'GATTACAGATTACAGATTAC'), (f'1aaa_A/{full}', A)))],
        'rna': [hits(A, sto('rna.sto', (f'query_A/{full}', A), (f'1aaa_A/{full}', A), ('1rna_A/3-12', '-' * 5 + 'CUUACAGACU' + '-' * 5)))],
        'cif': [protein('A', A, template_cif_paths=['structures/2aaa.cif'])],
        'cif_chain': [protein('A', B, template_cif_paths=['structures/1bbb.cif'], template_cif_chain_ids=['C'])],
        'cif_two': [protein('A', A, template_cif_paths=['structures/5aaa.cif', 'structures/1aaa.cif', 'structures/2bbb.cif'], template_cif_chain_ids=[None, 'A', None])],
        'cif_homomer': [protein(['A', 'B'], A, template_cif_paths=['structures/1aaa.cif']), protein('C', B, template_cif_paths='structures/1bbb.cif')],
    }
    queries = {name: {'chains': chains} for name, chains in q.items()}
    for name, query in queries.items():
        (folder / f'{name}.json').write_text(json.dumps({'queries': {name: query}}, indent=1) + '\n')
    make_af3(folder)
    return queries


def one_chain(text, label):
    """The mmCIF of one of two chains: AlphaFold 3 takes no others."""
    def other(line):
        f = line.split()
        return (f[0] in ('ATOM', 'HETATM') and f[6] != label) or (len(f) in (2, 12) and f[0] in 'ABC' and f[0] != label)
    return ''.join(line + '\n' for line in text.splitlines() if not other(line))


def make_af3(folder):
    """Maps count from 0; of the pairs some are out of order."""
    def text(name, label=None):
        whole = (folder / 'structures' / f'{name}.cif').read_text()
        return {'mmcif': one_chain(whole, label) if label else whole}

    def path(name): return {'mmcif': None, 'mmcifPath': f'structures/{name}.cif'}

    def template(source, query, its): return {**source, 'queryIndices': list(query), 'templateIndices': list(its)}

    def protein(ids, sequence, templates, **keys):
        return {'protein': {'id': ids, 'sequence': sequence, 'unpairedMsa': '', 'pairedMsa': '', 'templates': templates, **keys}}
    whole = range(len(A))
    same = lambda source: template(source, whole, whole)  # noqa: E731
    jobs = {
        'five': [protein('A', A, [same(path('3aaa')), same(text('7aaa')), template(text('1aaa'), [1, 0, *range(2, 20)], [1, 0, *range(2, 20)]), same(text('2aaa', 'B'))])],
        'modified': [protein('A', A, [same(path('7aaa'))])],
        'two_chains': [protein('A', A, [same(text('1aaa')), same(path('3aaa'))]), protein(['B', 'D'], B, [template(text('1bbb', 'A'), range(23), range(23))]),
                       protein('C', 'MKVLW', []), {'ligand': {'id': 'L', 'ccdCodes': ['GOL']}}],
        'atomised': [protein('A', A, [same(text('1aaa'))], modifications=[{'ptmType': 'TPO', 'ptmPosition': 3}, {'ptmType': 'MLY', 'ptmPosition': 16}])],
        'partial': [protein('A', A, [template(text(n), range(4, 18), range(4, 18)) for n in ('1aaa', '3aaa')])],
        'sto_insert': [protein('A', A, [template(text('6aaa'), whole, [*range(8), *range(12, 24)]), same(path('1aaa'))])],
    }
    for name, molecules in jobs.items():
        job = {'name': name, 'modelSeeds': [42], 'sequences': molecules, 'dialect': 'alphafold3', 'version': 2}
        (folder / f'af3_{name}.json').write_text(json.dumps(job) + '\n')


def run_reference(variant, oracle, folder, out, names):
    import tempfile
    import warnings
    sys.path.insert(0, str(oracle))
    import reference_features
    warnings.filterwarnings('ignore')
    for name in names:
        if variant == 'P1' and name in ONLY_NEW:
            continue
        query = json.loads((folder / f'{name}.json').read_text())['queries'][name]
        with tempfile.TemporaryDirectory() as work:
            work = pathlib.Path(work)
            for i, c in enumerate(query['chains']):
                if 'template_alignment_file_path' in c:
                    c['template_alignment_file_path'] = str((folder / c['template_alignment_file_path']).resolve())
                if 'template_cif_paths' in c:
                    paths = c['template_cif_paths']
                    c['template_cif_paths'] = [str((folder / p).resolve()) for p in ([paths] if isinstance(paths, str) else paths)]
                if variant == 'P1' and c['molecule_type'] == 'protein':
                    c['main_msa_file_paths'] = [str(base.write_a3m(work / f'dummy{i}' / 'colabfold_main.a3m', base.made_up(c['sequence'], 0, 0)))]
            if variant == 'P1':
                query['use_paired_msas'] = False
            path = work / 'query.json'
            path.write_text(json.dumps({'queries': {name: query}}))
            try:
                reference_features.run(path, name, 42, out / f'{name}.{variant}.npz', (folder / 'structures').resolve(), {}, True)
            except Exception as e:
                print('FAILED', variant, name, type(e).__name__, e)


def main():
    base.make_queries, base.run_reference, base.__file__, base.__doc__ = make_queries, run_reference, __file__, __doc__
    base.DROPPED = ('ref_pos', 'token_bonds')
    if '--out' not in sys.argv:
        sys.argv += ['--out', 'tests/fixtures/templates']
    base.main()


if __name__ == '__main__':
    main()
