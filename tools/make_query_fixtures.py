#!/usr/bin/env python3
"""Write tests/fixtures/queries: queries of all kinds of molecule and the features that the reference makes of them.

    make_query_fixtures.py --python P1=PY031 P2=PY045 OB=PY050 --of3 build/of3 [--oracle DIR] [--raw DIR] [--only NAME ...]
    make_query_fixtures.py --check build/of3 --raw DIR [--oracle DIR]

The first form, run by a Python that has numpy, writes

    queries.json            all queries, in one file (make_feature_fixtures.py has those of alignments and plain proteins)
    components.of3ccd       the components that they name and of3 does not have built in, from the dictionary that PY050's
                            biotite holds
    NAME.npz                features, as in tests/fixtures/features: one-hots as classes, @P1, @P2, @OB where they differ
    NAME.safetensors        conformers of 0.5.0 with what the reference drew, ref_pos, bonds between atoms

and leaves the reference's own files in --raw as NAME.VARIANT.safetensors. What a release refuses has no features: 0.3.1
knows no cyclic chains. `seed` is 42 throughout.

The second form runs `of3 features` on every query and the oracle's compare_features.py on the two files, for each variant.
"""
import argparse
import json
import os
import pathlib
import subprocess
import sys
import tempfile

from make_feature_fixtures import BASES, for_reference, made_up, molecule, protein, write_a3m

ROOT = pathlib.Path(__file__).resolve().parent.parent
FOLDER = ROOT / 'tests' / 'fixtures' / 'queries'
VARIANTS = ('P1', 'P2', 'OB')
SEED = 42
LONG = ('heme',)                                          # 0.3.1 seeks a conformer of it for many minutes
HELIX = 'MKQLEDKVEEL'
# at most of them a query: the reference takes seconds for some
LIGANDS = ('GOL', 'SO4', 'NAD', 'FAD', 'SAM', 'CIT', 'CFF', 'RET', 'BTN', 'PLP', 'TPP', 'COA', 'CLR', 'HC3', 'FK5', 'B3P', 'SF4',
           'F3S', 'AF3', 'VO4', 'ALF', 'BEF')


def rna(ids, sequence, *files, **keys):
    return molecule('rna', ids, sequence, *files, **keys)


def dna(ids, sequence, **keys):
    return molecule('dna', ids, sequence, **keys)


def ligand(ids, code=None, **keys):
    return molecule('ligand', ids, **({'ccd_codes': code} if code else {}), **keys)


def changed(kind, sequence, *codes, first=1, ids='A', **keys):
    """A chain in which `codes` stand from position `first` on."""
    return molecule(kind, ids, sequence, non_canonical_residues={str(first + i): c for i, c in enumerate(codes)}, **keys)


def letters(n):
    """n chain ids: A ... Z, AA, AB, ..."""
    out = []
    while len(out) < n:
        k = len(out)
        out.append(chr(65 + k) if k < 26 else chr(64 + k // 26) + chr(65 + k % 26))
    return out


def polymers():
    return {
        'rna_letters': [rna('A', 'GATC'), rna('B', 'GNUC'), rna('C', 'XRYG')],
        'rna_one': [rna('A', 'G')],
        'rna_ends': [rna('A', 'ACGU'), rna('B', 'U'), rna(['C', 'D'], 'CC')],
        'dna_letters': [dna('A', 'GATC'), dna('B', 'GNUC'), dna('C', 'XRYG')],
        'dna_one': [dna('A', 'T')],
        'dna_duplex': [dna('A', 'GGATCC'), dna('B', 'GGATCC')],
        'hybrid': [dna('A', 'GGCC'), rna('B', 'GGCC')],
        'strand_of_both': [changed('rna', 'GACUG', 'DC', 'DT', first=3), changed('dna', 'AUUT', 'U', 'A', first=2, ids='B')],
        'nucleic_protein': [rna('A', 'GGAC'), dna('B', 'GGAC'), protein('C', 'GGAC')],
        'same_letters': [protein('A', 'GACU'), rna('B', 'GACU'), dna('C', 'GACU')],
        'same_letters_rna_first': [rna('A', 'GAC'), protein('B', 'GAC'), rna('C', 'GAC')],
        'unknown_letters': [protein('A', 'MUOBZXJK'), protein('B', 'X'), protein('C', 'GX*A')],
        'glycines': [protein('A', 'GGG'), protein('B', 'GAG')],
        'copies': [protein(['A', 'C', 'E'], 'MKV'), rna(['B', 'D'], 'GA'), ligand(['F', 'G', 'H'], 'GOL')],
        'copies_apart': [protein('A', 'MKV'), ligand('B', 'MG'), protein('C', 'MKV'), ligand('D', 'MG'), protein(['F', 'E'], 'MKV')],
        'chain_order': [protein(['B', 'AA'], 'MKT'), protein('A', 'MKTA'), protein('10', 'MKT'), protein('a', 'MKTAY'),
                        ligand(['Z', '9'], 'ZN')],
        'chains_27': [protein(letters(27), 'MK')],
        'chains_70': [protein(letters(70), 'GA')],
        'long_ids': [dna(['HEAVY'], 'GA'), ligand(['LIGHT'], 'GOL'), protein('ABCD', 'MK')],
    }


def modifications():
    return {
        'in_a_row': [changed('protein', 'GMSYPG', 'MSE', 'SEP', 'PTR', 'HYP', first=2)],
        'phospho': [changed('protein', 'GSTYHG', 'SEP', 'TPO', 'PTR', 'NEP', first=2)],
        'methyl_lysines': [changed('protein', 'GKGKGKG', 'MLZ', first=2), changed('protein', 'GKG', 'MLY', first=2, ids='B'),
                           changed('protein', 'GKG', 'M3L', first=2, ids='C')],
        'acetylated': [changed('protein', 'SGKG', 'SAC'), changed('protein', 'AGKG', 'AYA', ids='B')],
        'oxidised': [changed('protein', 'GCCCG', 'CSO', 'CSD', 'OCS', first=2), changed('protein', 'GMG', 'SME', first=2, ids='B')],
        'selenium': [changed('protein', 'GMCG', 'MSE', 'SEC', first=2), changed('protein', 'GKG', 'PYL', first=2, ids='B')],
        'chromophore': [changed('protein', 'GLTYGVQ', 'CRO', first=3)],
        'chromophores': [changed('protein', 'GQG', 'CRQ', first=2), changed('protein', 'GAG', 'CR2', first=2, ids='B')],
        'cap_ace_nme': [changed('protein', 'XGAX', 'ACE') | {'non_canonical_residues': {'1': 'ACE', '4': 'NME'}}],
        'cap_ace_nh2': [changed('protein', 'XGAX', 'ACE') | {'non_canonical_residues': {'1': 'ACE', '4': 'NH2'}}],
        'cap_for_pca': [changed('protein', 'XMA', 'FOR'), changed('protein', 'EGA', 'PCA', ids='B')],
        'd_residues': [changed('protein', 'GAVLG', 'DAL', 'DVA', 'DLE', first=2)],
        'd_residues_all': [changed('protein', 'RNDCQEH', 'DAR', 'DSG', 'DAS', 'DCY', 'DGN', 'DGL', 'DHI')],
        'd_residues_rest': [changed('protein', 'IKMFPSTWY', 'DIL', 'DLY', 'MED', 'DPN', 'DPR', 'DSN', 'DTH', 'DTR', 'DTY')],
        'not_natural': [changed('protein', 'GAAAAG', 'AIB', 'ORN', 'NLE', 'DAB', first=2), changed('protein', 'ABA', 'ABA', 'BAL', ids='B')],
        'standard_in_place': [changed('protein', 'MKSYP', 'THR', first=3), changed('protein', 'MK', 'ALA', 'DG', ids='B')],
        'two_of_one': [changed('protein', 'SSS', 'SEP', 'SEP', 'SEP'), changed('protein', 'SSS', 'SEP', first=2, ids=['B', 'C'])],
        'outside': [changed('protein', 'MKS', 'SEP', first=3) | {'non_canonical_residues': {'3': 'SEP', '7': 'TPO'}}],
        'kcx_llp': [changed('protein', 'GKKG', 'KCX', 'LLP', first=2)],
        'rna_h2u': [changed('rna', 'GUC', 'H2U', first=2)],
        'rna_6mz': [changed('rna', 'GAC', '6MZ', first=2)],
        'rna_psu_5mc': [changed('rna', 'GUCG', 'PSU', '5MC', first=2)],
        'rna_omc_4su': [changed('rna', 'GCUG', 'OMC', '4SU', first=2)],
        'rna_gtp_cap': [changed('rna', 'GAC', 'GTP')],
        'rna_trna': [changed('rna', 'GUGAAC', 'M2G', '7MG', '1MA', first=3), changed('rna', 'GUCG', 'OMU', 'OMG', first=2, ids='B')],
        'rna_5oc_gx1': [changed('rna', 'GCGG', '5OC', first=2), changed('rna', 'GGC', 'GX1', first=2, ids='B')],
        'rna_2au': [changed('rna', 'GUC', '2AU', first=2), changed('rna', 'CAG', 'A23', first=2, ids='B')],
        'rna_ends_changed': [changed('rna', 'UGU', 'PSU') | {'non_canonical_residues': {'1': 'PSU', '3': 'PSU'}}],
        'dna_5cm': [changed('dna', 'ACUG', '5CM', 'PSU', first=2)],
        'dna_8og': [changed('dna', 'GATC', '8OG', first=2)],
        'dna_bru': [changed('dna', 'GTTC', 'BRU', '5HC', first=2)],
        'dna_3dr': [changed('dna', 'GTTC', '3DR', first=2)],
    }


def ligands():
    gag = protein('A', 'GAG')
    q = {
        'ions': [gag] + [ligand(i, c) for i, c in zip('BCDEFGH', ('ZN', 'MG', 'CA', 'NA', 'CL', 'FE2', 'XE'))],
        'ions_more': [gag] + [ligand(i, c) for i, c in zip('BCDEFGHI', ('K', 'MN', 'CU', 'FE', 'CO', 'IOD', 'YB', 'F'))],
        'ion_and_base': [rna('A', 'G'), ligand(['B', 'C'], 'K')],
        'heme': [gag, ligand('B', 'HEM')],
        'one_letter': [gag, ligand('B', 'U'), ligand('C', 'N'), ligand('D', 'DA')],
        'residue_as_ligand': [ligand('A', 'ALA'), ligand(['B', 'C'], ['DG']), ligand('D', 'TRP'), ligand('E', 'UNK')],
        'modified_as_ligand': [gag, ligand('B', 'SEP'), ligand('C', 'PSU')],
        'five_letters': [gag, ligand('B', 'A1JBI')],
        'four_letters': [gag, ligand('B', '0E6'), ligand('C', '1N1')],
        'sugars': [gag, ligand(['B', 'C'], 'NAG'), ligand('D', 'BMA'), ligand('E', 'MAN'), ligand('F', 'FUC')],
        'nucleotides': [gag, ligand('B', 'ATP'), ligand('C', 'GDP'), ligand('D', 'AMP')],
        'lipid': [gag, ligand('B', 'PLM'), ligand('C', 'OLA')],
        'clusters': [gag, ligand('B', 'SF4'), ligand('C', 'FES')],
        'water': [gag, ligand(['B', 'C'], 'HOH')],
        'ligands_alone': [ligand('A', 'GOL'), ligand('B', 'SO4')],
    }
    for i in range(0, len(LIGANDS), 4):
        q[f'codes_{i // 4}'] = [gag] + [ligand(chr(66 + k), c) for k, c in enumerate(LIGANDS[i:i + 4])]
    return q


def by_smiles():
    gag = protein('A', 'GAG')
    return {
        'smiles_salt': [gag, ligand('B', smiles='C[NH+](C)CC.OS(=O)(=O)[O-]')],
        'smiles_hcl': [gag, ligand('B', smiles='CC[NH3+].[Cl-]')],
        'smiles_charges': [gag, ligand('B', smiles='C[N+](C)(C)CC(=O)[O-]'), ligand('C', smiles='[O-][N+](=O)c1ccccc1')],
        'smiles_isotopes': [gag, ligand('B', smiles='[13CH3][15NH2]'), ligand('C', smiles='[2H]OC')],
        'smiles_hands': [gag, ligand('B', smiles='C[C@H](N)C(=O)O'), ligand('C', smiles='C[C@@H](N)C(=O)O')],
        'smiles_sulfoxide': [gag, ligand('B', smiles='C[S@](=O)CC'), ligand('C', smiles='C[S@@](=O)CC')],
        'smiles_double_bond': [gag, ligand('B', smiles='F/C=C/Cl'), ligand('C', smiles='F/C=C\\Cl')],
        'smiles_halogens': [gag, ligand('B', smiles='ClC(Cl)c1cc(Br)cc(F)c1I')],
        'smiles_explicit_h': [gag, ligand('B', smiles='[H]C([H])([H])O[H]'), ligand('C', smiles='[CH3][CH2][OH]')],
        'smiles_copies': [gag, ligand(['B', 'C'], smiles='CCO'), ligand('D', smiles='OCC'), ligand('E', smiles='CCO')],
        'smiles_one_atom': [gag, ligand('B', smiles='C'), ligand('C', smiles='[Zn+2]'), ligand('D', smiles='[Cl-]')],
        'smiles_rings': [gag, ligand('B', smiles='C1CC1'), ligand('C', smiles='c1ccc2[nH]ccc2c1'), ligand('D', smiles='C12C3C4C1C5C2C3C45')],
        'smiles_odd_elements': [gag, ligand('B', smiles='C[Si](C)(C)C'), ligand('C', smiles='OB(O)c1ccccc1'), ligand('D', smiles='C[Se]C')],
        'smiles_drug': [gag, ligand('B', smiles='CC(=O)Oc1ccccc1C(=O)O')],
        'smiles_macrocycle': [gag, ligand('B', smiles='C1CCCCCCCCCCC(=O)O1')],
        'smiles_alone': [ligand('A', smiles='CCO'), ligand('B', smiles='c1ccccc1')],
    }


def others(folder):
    def a3m(path, *args, **keys): return write_a3m(folder / path, made_up(*args, **keys)).relative_to(folder)
    def plain(path, text):
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(text.encode())
        return path
    rows = ('MKTAYIAKQRQISF', 'MKTAYIAKQRQISF', 'MRTA-IAKQKQLSF')
    return {
        'ring': [protein('A', 'GCPRILMRCK', cyclic=True)],
        'ring_off': [protein('A', 'GCPRILMRCK', cyclic=False)],
        'ring_two': [protein(['A', 'B'], 'CTKSIPPICF', cyclic=True), rna('C', 'GAUC', cyclic=True), protein('D', 'MKV')],
        'ring_changed': [changed('protein', 'GMGAK', 'MSE', first=2, cyclic=True)],
        'ring_ligand': [protein('A', 'GAG'), ligand('B', 'GOL', cyclic=True)],
        'msa_changed': [changed('protein', 'GMSYPGTK', 'SEP', first=3, ids=['A', 'B'],
                                main_msa_file_paths=[str(a3m('msa/changed/uniref90_hits.a3m', 'GMSYPGTK', 9, 61))])],
        'msa_rna': [rna(['A', 'B'], 'GGCUAGCCAAGC', a3m('msa/rna/rfam_hits.a3m', 'GGCUAGCCAAGC', 9, 62, letters=BASES, odd='TNX'))],
        'msa_rna_changed': [changed('rna', 'GGCUAGCC', 'PSU', first=4,
                                    main_msa_file_paths=[str(a3m('msa/psu/rfam_hits.a3m', 'GGCUAGCC', 6, 63, letters=BASES, odd='TNX'))])],
        'msa_depths': [protein('A', HELIX, a3m('msa/deep/uniref90_hits.a3m', HELIX, 12, 64)), rna('B', 'GGAC'), dna('C', 'GG'),
                       protein('D', 'MKV', a3m('msa/flat/mgnify_hits.a3m', 'MKV', 2, 65)), ligand('E', 'GOL')],
        'msa_wrapped': [protein('A', rows[0], plain('msa/wrapped/uniref90_hits.a3m', ''.join(
            f'>r{i}\n{r[:5]}\n{r[5:]}\n' for i, r in enumerate(rows))))],
        'msa_crlf': [protein('A', rows[0], plain('msa/crlf/uniref90_hits.a3m', ''.join(f'>r{i}\r\n{r}\r\n' for i, r in enumerate(rows))))],
        'msa_no_end': [protein('A', rows[0], plain('msa/no_end/uniref90_hits.a3m', '\n'.join(f'>r{i}\n{r}' for i, r in enumerate(rows))))],
        'msa_insert': [protein('A', rows[0], plain('msa/insert/uniref90_hits.a3m', f'>q\n{rows[0]}\n>h\nMRTaaA-IAKQKQLSF\n'))],
        'msa_twice': [protein('A', rows[0], plain('msa/twice/uniref90_hits.a3m', f'>q\n{rows[0]}\n>h\n{rows[2]}\n>q\n{rows[0]}\n'))],
        'everything': [protein(['A', 'B'], HELIX, a3m('msa/all/uniref90_hits.a3m', HELIX, 8, 66)), rna('R', 'GGAC'), dna('D', 'GTCC'),
                       changed('protein', 'GSPG', 'SEP', 'HYP', first=2, ids='P'), ligand(['E', 'F'], 'ADP'), ligand('G', 'MG'),
                       ligand('H', 'GOL')],
        'everything_rna_first': [rna('A', 'GGAC'), ligand('B', 'ZN'), changed('dna', 'GATC', '8OG', first=2, ids='C'),
                                 protein('D', 'MKV'), rna('E', 'GGAC')],
    }


def make_queries(folder):
    q = polymers() | modifications() | ligands() | by_smiles() | others(folder)
    queries = {name: {'chains': chains} for name, chains in q.items()}
    queries['msa_changed_unused'] = {'chains': q['msa_changed'], 'use_msas': False}
    return queries


def write_queries(folder):
    folder.mkdir(parents=True, exist_ok=True)
    queries = make_queries(folder)
    text = ',\n'.join(f' {json.dumps(n)}: {json.dumps(q)}' for n, q in queries.items())
    (folder / 'queries.json').write_text('{"queries": {\n' + text + '\n}}\n')
    return queries


def run_reference(variant, oracle, raw, names):
    """Under the interpreter of one release."""
    sys.path.insert(0, str(oracle))
    import warnings

    import reference_features
    warnings.filterwarnings('ignore')
    queries = json.loads((FOLDER / 'queries.json').read_text())['queries']
    for name in names:
        out = raw / f'{name}.{variant}.safetensors'
        if out.exists() or variant == 'P1' and (name in LONG or 'cyclic' in json.dumps(queries[name])):
            continue
        with tempfile.TemporaryDirectory() as work:
            work = pathlib.Path(work)
            path = work / 'query.json'
            path.write_text(json.dumps({'queries': {name: for_reference(queries[name], variant, FOLDER, work)}}))
            try:
                reference_features.run(path, name, SEED, out, None, {}, True)
            except Exception as e:                        # what a release refuses is a result
                print(f'{name}, {variant}: {type(e).__name__}: {(str(e).strip().splitlines() or [""])[0][:150]}', flush=True)


def read_safetensors(path):
    import numpy as np
    kinds = {'F32': 'f4', 'F64': 'f8', 'I32': 'i4', 'I64': 'i8', 'U8': 'u1', 'BOOL': 'u1'}
    data = path.read_bytes()
    size = int.from_bytes(data[:8], 'little')
    header, base = json.loads(data[8:8 + size]), 8 + size
    header.pop('__metadata__', None)
    return {k: np.frombuffer(data[base + h['data_offsets'][0]:base + h['data_offsets'][1]], '<' + kinds[h['dtype']]).reshape(h['shape'])
            for k, h in header.items()}


def write_safetensors(path, arrays):
    kinds = {'float32': 'F32', 'float64': 'F64', 'int32': 'I32', 'int64': 'I64', 'uint8': 'U8'}
    header, at = {}, 0
    for k, v in arrays.items():
        header[k] = {'dtype': kinds[str(v.dtype)], 'shape': list(v.shape), 'data_offsets': [at, at + v.nbytes]}
        at += v.nbytes
    text = json.dumps(header, separators=(',', ':')).encode()
    text += b' ' * (-len(text) % 8)
    path.write_bytes(len(text).to_bytes(8, 'little') + text + b''.join(v.tobytes() for v in arrays.values()))


LEFT_OUT = ('ref_pos', 'template_distogram', 'template_unit_vector')


def pack(raw, name):
    """Features by variant. Of those left out all but ref_pos, which is random, are zero."""
    import numpy as np
    by = {v: read_safetensors(p) for v in VARIANTS if (p := raw / f'{name}.{v}.safetensors').exists()}
    if 'OB' not in by:
        return print(f'{name}: no features of 0.5.0')
    found = {}
    for variant, arrays in by.items():
        for key, a in arrays.items():
            short = key.removeprefix('feat/').removesuffix('.index')
            if key.startswith('feat/') and short != 'ref_pos' and not key.endswith('.zeros'):
                assert short not in LEFT_OUT, (name, short)
                found.setdefault(short, {})[variant] = a
    out = {}
    for short, of in found.items():
        same = len(of) == len(by) == 3 and all(np.array_equal(a, of['OB']) for a in of.values())
        out.update({short: of['OB']} if same else {f'{short}@{v}': a for v, a in of.items()})
    np.savez_compressed(FOLDER / f'{name}.npz', **out)
    keep = ('conf/pos', 'conf/start', 'conf/used', 'conf/element', 'conf/rotation', 'conf/translation', 'feat/ref_pos', 'atom/bonds')
    write_safetensors(FOLDER / f'{name}.safetensors', {k: by['OB'][k] for k in keep})


def codes_of(queries):
    for q in queries.values():
        for c in q['chains']:
            code = c.get('ccd_codes', [])
            yield from [code] if isinstance(code, str) else code
            yield from c.get('non_canonical_residues', {}).values()


def write_components(of3, python, queries):
    builtin = set((ROOT / 'tools' / 'builtin_components.txt').read_text().split())
    missing = sorted(set(codes_of(queries)) - builtin)
    source = subprocess.run([python, '-c', 'import biotite.structure.info as i, pathlib; print(pathlib.Path(i.__file__).parent / "components.bcif")'],
                            check=True, stdout=subprocess.PIPE, text=True).stdout.strip()
    with tempfile.TemporaryDirectory() as work:
        only = pathlib.Path(work) / 'only.txt'
        only.write_text('\n'.join(missing) + '\n')
        (FOLDER / 'components.of3ccd').unlink(missing_ok=True)
        subprocess.run([of3, 'ccd', 'build', source, '--only', only, '--compact', '-o', FOLDER / 'components.of3ccd'], check=True)
    print('not built in:', ' '.join(missing))


def check(of3, oracle, raw, only):
    failed = done = 0
    for name in json.loads((FOLDER / 'queries.json').read_text())['queries']:
        for variant in VARIANTS:
            reference = raw / f'{name}.{variant}.safetensors'
            if not reference.exists() or only and name not in only:
                continue
            with tempfile.TemporaryDirectory() as work:
                ours = pathlib.Path(work) / 'ours.safetensors'
                run = subprocess.run([of3, 'features', FOLDER / 'queries.json', '--query', name, '--variant', variant, '--seed', str(SEED), '--ccd',
                                      FOLDER / 'components.of3ccd', '--conformers', reference, '--out', ours], stdout=subprocess.PIPE,
                                     stderr=subprocess.STDOUT, text=True)
                said = run.stdout.strip()
                if run.returncode == 0:
                    run = subprocess.run([sys.executable, oracle / 'compare_features.py', reference, ours], stdout=subprocess.PIPE, text=True)
                    said = run.stdout.strip()
            done += 1
            failed += run.returncode != 0
            if run.returncode:
                print(f'{name}, {variant}: {said}', flush=True)
    print(f'{done} compared, {failed} differ')
    return failed != 0


def main():
    a = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    a.add_argument('--oracle', type=pathlib.Path, default=pathlib.Path(os.environ.get('SHARED') or ROOT.parent / 'shared') / 'oracle')
    a.add_argument('--python', nargs='*', default=[], metavar='VARIANT=PYTHON')
    a.add_argument('--of3', type=pathlib.Path)
    a.add_argument('--check', type=pathlib.Path, metavar='OF3')
    a.add_argument('--only', nargs='*')
    a.add_argument('--raw', type=pathlib.Path, help='keep the files of the reference here; what is there already is taken')
    a.add_argument('--run', help=argparse.SUPPRESS)
    o = a.parse_args()
    if o.run:
        return run_reference(o.run, o.oracle, o.raw, o.only)
    if o.check:
        return sys.exit(check(o.check, o.oracle, o.raw, o.only))
    queries = write_queries(FOLDER)
    names = [n for n in queries if not o.only or n in o.only]
    raw = o.raw or pathlib.Path(tempfile.mkdtemp())
    raw.mkdir(parents=True, exist_ok=True)
    pythons = dict(pair.split('=') for pair in o.python)
    if o.of3:
        write_components(o.of3, pythons['OB'], queries)
    for variant, python in pythons.items():
        subprocess.run([python, __file__, '--run', variant, '--oracle', o.oracle, '--raw', raw, '--only', *names], check=True)
    for name in names:
        pack(raw, name)


if __name__ == '__main__':
    main()
