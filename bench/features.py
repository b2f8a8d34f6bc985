#!/usr/bin/env python3
"""A large query for features: two proteins of 1,000 residues, an MSA of 16,000 rows for each, four templates for each.

    features.py FOLDER [--rows N] [--length N] [--chains N] [--no-templates]

writes FOLDER/query.json, msa/, hits/ and structures/. Then, on two processors, each with one pass before:

    /usr/bin/time -v of3 features FOLDER/query.json --structures FOLDER/structures --out f.safetensors
    /usr/bin/time -v python reference_features.py FOLDER/query.json r.npz --structures FOLDER/structures --index
"""

import argparse
import json
import math
import pathlib
import random

THREE = dict(zip('ARNDCQEGHILKMFPSTWYV', 'ALA ARG ASN ASP CYS GLN GLU GLY HIS ILE LEU LYS MET PHE PRO SER THR TRP TYR VAL'.split()))


def msa(path, query, rows, g):
    """Rows of 40 to 90 % identity, some with insertions."""
    letters = ''.join(THREE)
    with open(path, 'w') as f:
        f.write(f'>query\n{query}\n')
        for i in range(rows - 1):
            keep = g.uniform(.4, .9)
            other = g.choices(letters + '---', k=len(query))
            row = [q if g.random() < keep else o for q, o in zip(query, other)]
            if i % 4 == 0:
                row[g.randrange(len(row))] += 'acdef'
            f.write(f'>UniRef100_{i:06d}\n{"".join(row)}\n')


def cif(path, name, sequence, g):
    rows = []
    for i, c in enumerate(sequence, 1):
        for a, atom in enumerate(['N', 'CA', 'C', 'O'] + ['CB'] * (c != 'G')):
            angle = math.radians(100 * i + 28 * a)
            rows.append(f'ATOM {len(rows) + 1} {atom[0]} {atom} . {THREE[c]} A 1 {i} ? {2 * math.cos(angle):.3f} {2 * math.sin(angle):.3f} '
                        f'{1.5 * i + g.gauss(0, .3):.3f} 1.00 20.00 ? {i} {THREE[c]} A {atom} 1')
    fields = ('group_PDB id type_symbol label_atom_id label_alt_id label_comp_id label_asym_id label_entity_id label_seq_id pdbx_PDB_ins_code '
              'Cartn_x Cartn_y Cartn_z occupancy B_iso_or_equiv pdbx_formal_charge auth_seq_id auth_comp_id auth_asym_id auth_atom_id pdbx_PDB_model_num').split()
    path.write_text('\n'.join([f'data_{name}', '#', 'loop_', '_pdbx_audit_revision_history.ordinal', '_pdbx_audit_revision_history.revision_date', '1 2001-01-01', '#',
                               'loop_', '_entity.id', '_entity.type', '1 polymer', '#', 'loop_', '_entity_poly.entity_id', '_entity_poly.type',
                               '_entity_poly.pdbx_seq_one_letter_code_can', f'1 polypeptide(L) {sequence}', '#',
                               'loop_', '_entity_poly_seq.entity_id', '_entity_poly_seq.num', '_entity_poly_seq.mon_id', '_entity_poly_seq.hetero',
                               *(f'1 {i} {THREE[c]} n' for i, c in enumerate(sequence, 1)), '#',
                               'loop_', '_struct_asym.id', '_struct_asym.entity_id', 'A 1', '#',
                               'loop_', '_pdbx_poly_seq_scheme.asym_id', '_pdbx_poly_seq_scheme.entity_id', '_pdbx_poly_seq_scheme.seq_id', '_pdbx_poly_seq_scheme.mon_id',
                               *(f'A 1 {i} {THREE[c]}' for i, c in enumerate(sequence, 1)), '#',
                               'loop_', '_chem_comp.id', '_chem_comp.type', *(f"{r} 'L-peptide linking'" for r in THREE.values()), '#',
                               'loop_', *(f'_atom_site.{f}' for f in fields), *rows, '#', '']))


def main():
    a = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    a.add_argument('folder', type=pathlib.Path)
    a.add_argument('--rows', type=int, default=16000)
    a.add_argument('--length', type=int, default=1000)
    a.add_argument('--chains', type=int, default=2)
    a.add_argument('--no-templates', action='store_true')
    o = a.parse_args()
    g = random.Random(1)
    chains = []
    for sub in ('msa', 'hits', 'structures'):
        (o.folder / sub).mkdir(parents=True, exist_ok=True)
    for k in range(o.chains):
        query = ''.join(g.choices(list(THREE), k=o.length))
        own = o.folder / 'msa' / f'chain{k}'
        own.mkdir(exist_ok=True)
        msa(own / 'colabfold_main.a3m', query, o.rows, g)
        chain = {'molecule_type': 'protein', 'chain_ids': chr(65 + k), 'sequence': query, 'main_msa_file_paths': [f'{own.resolve()}/colabfold_main.a3m']}
        if not o.no_templates:
            hits = [('query_A', query)] + [(f'{t + 1}ch{k}_A', ''.join(c if g.random() < .7 else g.choice(list(THREE)) for c in query)) for t in range(4)]
            for name, sequence in hits[1:]:
                cif(o.folder / 'structures' / f'{name[:-2]}.cif', name[:-2], sequence, g)
            path = o.folder / 'hits' / f'chain{k}.a3m'
            path.write_text(''.join(f'>{n}/1-{len(s)}\n{s}\n' for n, s in hits))
            chain['template_alignment_file_path'] = str(path.resolve())
        chains.append(chain)
    (o.folder / 'query.json').write_text(json.dumps({'queries': {'large': {'chains': chains}}}))


if __name__ == '__main__':
    main()
