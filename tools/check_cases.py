#!/usr/bin/env python3
"""Compare of3 with shared/cases: the numbers of */reference.json (OB, seed 42), and what */expected.md calls right.

    check_cases.py build/of3 [CASES] [--ccd FILE] [--only CASE ...]

Of every query that the reference serves: tokens, atoms and their names, classes, chains, masks, bonds between tokens, rows of the alignment,
charges and templates are compared. Where the reference is wrong or fails, and of files that it does not read, what `of3 inputs` says is held
against SAID, which has expected.md in short. CASES: the folder shared/cases beside the repository, or where $SHARED says.
"""
import argparse
import json
import os
import pathlib
import re
import struct
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
CLASSES = ('ALA ARG ASN ASP CYS GLN GLU GLY HIS ILE LEU LYS MET PHE PRO SER THR TRP TYR VAL UNK '
           'A G C U N DA DG DC DT DN GAP').split()
LETTERS = 'ARNDCQEGHILKMFPSTWYVXagcunagctn-'
KINDS = {'F32': 'f', 'I32': 'i', 'U8': 'B'}
# Case, file, query (None: the file as a whole) -> what `of3 inputs` has to say of it.
SAID = [
    *(('a3m_oddities', 'query.json', q, ' 3 MSA rows') for q in (
        'nul_end', 'nul_between', 'wrapped', 'crlf', 'no_final_newline', 'lower_h', 'dots', 'ss_pred', 'twice', 'a3m_named_sto', 'sto_named_a3m', 'gz')),
    ('a3m_oddities', 'query.json', 'quoted', 'error: .*quotation mark'),
    ('a3m_oddities', 'query.json', 'complex', "error: .*ColabFold's alignment of a complex"),
    ('af3_v1_basic', 'af3.json', None, 'seeds 7, 8'),
    ('af3_v1_basic', 'af3.json', None, 'protein A,B .*21 tokens.*alignment of 2 rows, 1 modified'),
    ('af3_v1_basic', 'af3.json', None, 'rna +R .*1 modified'),
    ('af3_v1_basic', 'af3.json', None, 'dna +D .*1 modified'),
    ('af3_v1_basic', 'af3.json', None, 'ligand +L,M .*ATP'),
    ('af3_v1_basic', 'af3.json', None, 'ligand +G +2 residues.*NAG, NAG'),
    ('af3_v1_basic', 'af3.json', None, '2 bonds asked for'),
    ('af3_v3_userccd', 'af3.json', None, 'ligand +L .*3 atoms +MYL'),
    ('af3_v3_userccd', 'af3.json', None, 'note: the atom OZ .*stays on CY'),
    ('bond_cys_inhibitor', 'query.json', 'saturated_adduct', '14 tokens, 20 atoms.* 1 bond asked for'),
    ('bond_cys_inhibitor', 'query.json', 'chloride', '11 tokens, 17 atoms'),
    ('bond_cys_inhibitor', 'query.json', 'ccd_0e6', '1 residue, 35 tokens'),
    ('bond_nag_asn', 'query.json', 'q', '38 tokens, 46 atoms.* 2 bonds asked for'),
    ('bond_nag_asn', 'query.json', 'kept', 'note: the atom O1 .*stays on C1'),
    ('ccd_errors', 'query.json', 'unknown', "error: .*'ZZZZZ' is not in the dictionary, whose newest component is of 20"),
    ('ccd_errors', 'query.json', 'lower', "error: .*'atp' is no code.*capital letters"),
    ('ccd_errors', 'query.json', 'blank', "error: .*' ATP ' is no code.*without blanks"),
    ('ccd_errors', 'query.json', 'two', '2 residues.*NAG, NAG'),     # expected.md wants it refused; several codes in a chain are served
    ('ccd_errors', 'query.json', 'both', "error: .*'ccd_codes' and 'smiles'"),
    ('ccd_errors', 'query.json', 'none', "error: .*'ccd_codes'"),
    ('chain_ids', 'query.json', 'five', 'HEAVY,LIGHT(.|\\n)*AAAAA,AAAAB'),
    ('chain_ids', 'query.json', 'duplicate', "error: .*'A' is given twice"),
    ('colabfold_server_folder', 'query.json', 'q', ' 4 MSA rows'),
    ('fasta_dialects', 'colabfold.fasta', 'complex_1', 'protein A +8 res(.|\\n)*protein B +8 res'),
    ('fasta_dialects', 'boltz.fasta', None, '1 query\\n(.|\\n)*protein A(.|\\n)*rna +B(.|\\n)*dna +C(.|\\n)*ligand +D(.|\\n)*ligand +E .*SAH'),
    ('fasta_dialects', 'boltz.fasta', None, 'alignment of 2 rows'),
    ('fasta_dialects', 'chai.fasta', None, '1 query\\n(.|\\n)*protein A(.|\\n)*ligand +B(.|\\n)*ligand +C(.|\\n)*rna +D'),
    ('fasta_dialects', 'rcsb.fasta', None, '1 query\\n(.|\\n)*protein A(.|\\n)*dna +B,C(.|\\n)*rna +D'),
    ('fasta_dialects', 'letters.fasta', 'a', '10 residues'),
    ('fasta_dialects', 'letters.fasta', 'b', '10 residues.*MKTAYIAKQR'),
    ('fasta_dialects', 'letters.fasta', 'c', "error: .*'-'"),
    ('fasta_dialects', 'letters.fasta', 'd', "error: .*'1'"),
    ('fasta_dialects', 'letters.fasta', 'e', 'error: .*empty'),
    ('fasta_dialects', 'headers.fasta', None, 'sequence_1\\n(.|\\n)*given twice(.|\\n)*differ in case'),
    ('many_ligands_one_bad', 'query.json', None, '1 of which cannot be folded(.|\\n)*q3\\n(.|\\n)*atom 1 .C. has 5 bonds where 4'),
    *(('pair_header_forms', 'query.json', q, ' 3 MSA rows') for q in ('norange', 'hyphen', 'uniref')),
    ('query_file_edges', 'old_docs.json', None, "unknown key 'ccd_file_path'"),
    ('query_file_edges', 'switches_on_chain.json', None, "'use_msas'.*belongs to the query"),
    ('query_file_edges', 'written_set.json', None, '3 tokens'),
    ('query_file_edges', 'trailing_comma.json', None, 'line 1, column 96'),
    ('query_file_edges', 'utf16.json', None, '3 tokens'),            # expected.md allows a refusal; it is read
    ('query_file_edges', 'bom.json', None, '3 tokens'),
    ('residue_numbering', 'query.json', None, '6 tokens'),
    ('rna_letters', 'query.json', 'T', "note: .*'T'. becomes N; for U write U, or give the chain as DNA"),
    ('rna_letters', 'query.json', 'lower', '4 tokens'),
    ('rna_letters', 'query.json', 'one', '1 token'),
    ('smiles_odd_valence', 'query.json', 'bad', r'error: .*chain L.*CN\(C\)\(C\)C.*atom 2 .N. has 4 bonds where 3 are allowed.*charge is missing'),
    ('smiles_odd_valence', 'query.json', 'good', '8 tokens'),
    ('smiles_salt', 'query.json', 'salt', 'note: .*2 unconnected parts.*counter-ion'),
    *(('template_atom_site_only', 'query.json', q, ' 1 template') for q in ('viewer', 'phenix')),
]
# Queries that expected.md wants otherwise than the reference has them; SAID has them.
OTHERWISE = {'a3m_oddities/ss_pred', 'a3m_oddities/complex', 'chain_ids/duplicate'}


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


def section(text, query):
    """What stands below the name of a query; the whole text for None."""
    lines = text.splitlines()
    if query is None:
        return text
    at = lines.index(query) + 1 if query in lines else len(lines)
    end = next((i for i in range(at, len(lines)) if not lines[i].startswith(' ')), len(lines))
    return '\n'.join(lines[at:end])


def compare_with_reference(o, run):
    """Case/query and what differs, of each that the reference serves."""
    for folder in sorted(p.parent for p in o.cases.glob('*/reference.json')):
        for name, want in json.loads((folder / 'reference.json').read_text()).items():
            label = f'{folder.name}/{name}'
            if 'reference_fails' in want or label in OTHERWISE or (o.only and folder.name not in o.only):
                continue
            with tempfile.TemporaryDirectory() as work:
                out = pathlib.Path(work) / 'f.safetensors'
                code, said = run(folder, 'features', 'query.json', '--query', name, '--variant', 'OB', '--seed', '42', '--out', out)
                yield label, 'the features are the reference\'s', [f'refused: {said[-250:]}'] if code else list(differences(want, summary(read(out))))


def compare_with_expected(o, run):
    said = {}
    for case, file, query, pattern in SAID:
        if o.only and case not in o.only:
            continue
        if (case, file) not in said:
            said[case, file] = run(o.cases / case, 'inputs', file)
        code, text = said[case, file]
        found = re.search(pattern, section(text, query))
        wrong = [] if found else [section(text, query).strip()[:250] or 'nothing is said of it']
        if 'error' in pattern and code == 0:
            wrong.append('the exit code is 0')
        yield f'{case}/{query or file}', pattern.replace('(.|\\n)*', ' ').replace('.*', ' ').replace('\\', ''), wrong


def main():
    a = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    a.add_argument('of3', type=pathlib.Path)
    a.add_argument('cases', nargs='?', type=pathlib.Path,
                   default=pathlib.Path(os.environ.get('SHARED') or ROOT.parent / 'shared') / 'cases')
    a.add_argument('--ccd', type=pathlib.Path)
    a.add_argument('--only', nargs='*')
    o = a.parse_args()

    def run(folder, *words):
        command = [o.of3.resolve(), *words] + (['--ccd', o.ccd.resolve()] if o.ccd else [])
        done = subprocess.run(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        return done.returncode, done.stdout.strip()

    count = {True: 0, False: 0}
    print('| case | what | holds |\n|---|---|---|')
    for part in (compare_with_reference, compare_with_expected):
        for label, what, wrong in part(o, run):
            count[not wrong] += 1
            print(f'| {label} | {what} | {"no: " + "; ".join(wrong) if wrong else "yes"} |', flush=True)
    print(f'{count[True]} hold, {count[False]} do not')
    sys.exit(count[False] != 0)


if __name__ == '__main__':
    main()
