#!/usr/bin/env python3
"""tests/fixtures/data/clean.cif: a made-up structure in which every step of the clean-up for training has something to
do (src/data/clean.h). Its geometry is that of strands, far from each other; what is wrong with each chain is said
below. test_data knows what must be left of it; tools/compare_data.py says that OpenFold3 leaves the same.

    make_data_fixtures.py
"""
import pathlib

OUT = pathlib.Path(__file__).resolve().parent.parent / 'tests' / 'fixtures' / 'data' / 'clean.cif'
SIDE = {'GLY': [], 'ALA': ['CB'], 'UNK': [], 'MSE': ['CB', 'CG', 'SE', 'CE'], 'CYS': ['CB', 'SG'],
        'ASN': ['CB', 'CG', 'OD1', 'ND2'], 'ARG': ['CB', 'CG', 'CD', 'NE', 'CZ', 'NH2', 'NH1']}
LETTER = {'GLY': 'G', 'ALA': 'A', 'UNK': 'X', 'MSE': 'M', 'CYS': 'C', 'ASN': 'N', 'ARG': 'R'}
ELEMENT = {'SE': 'SE', 'SG': 'S'}

# chain: entity, residues, which of them are resolved, where the chain begins, step along x
CHAINS = {
    'A': (1, 'MSE ARG ASN CYS GLY ALA CYS GLY GLY'.split(), (1, 2, 3, 4, 5, 6, 7, 9), (0, 0, 0), 3.8),
    'B': (2, 'GLY ALA GLY ALA GLY'.split(), range(1, 4), (0, 40, 0), 3.8),  # three resolved residues: goes, and the ligand on it
    'C': (3, ['UNK'] * 6, range(1, 7), (0, 80, 0), 3.8),  # unknown residues only: goes
    'D': (4, 'ALA GLY ALA GLY ALA GLY'.split(), range(1, 7), (0, 120, 0), 3.8),  # clashes with E, which is larger: goes
    'E': (5, 'ALA GLY ALA GLY ALA GLY ALA GLY ALA GLY ALA GLY'.split(), range(1, 13), (0, 120.6, 0), 3.8),
    'F': (6, 'ALA GLY ALA GLY CYS'.split(), range(1, 6), (0, 160, 0), 12.0),  # CA 12 Angstrom apart: goes
}


def atoms_of(code, x, y, z):
    """Names and places of the atoms of a residue; those of the backbone in a plane, the others above."""
    place = {'N': (x - 1.2, y + 0.6, z), 'CA': (x, y, z), 'C': (x + 1.2, y + 0.6, z), 'O': (x + 1.2, y + 1.8, z)}
    for k, name in enumerate(SIDE[code]):
        place[name] = (x, y, z + 1.5 * (k + 1))
    return place


def main():
    rows, scheme, number = [], [], 0

    def atom(group, name, code, chain, entity, seq, author, place, occupancy=1.0, alt='.'):
        nonlocal number
        number += 1
        element = ELEMENT.get(name, 'H' if name.startswith('H') and code != 'HOH' else name[0])
        x, y, z = (f'{v:.3f}' for v in place)
        rows.append(f'{group} {number} {element} {name} {alt} {code} {chain} {entity} {seq} ? {x} {y} {z} {occupancy:.2f} '
                    f'20.00 {author} {chain} 1')

    for chain, (entity, codes, resolved, (x, y, z), step) in CHAINS.items():
        for k, code in enumerate(codes, 1):
            scheme.append(f'{chain} {entity} {k} {code}')
            if k not in resolved:
                continue
            group = 'HETATM' if code in ('MSE', 'UNK') else 'ATOM'
            for name, place in atoms_of(code, x + step * (k - 1), y, z).items():
                if chain == 'A' and k == 5 and name == 'O':
                    # two places: A has the larger occupancy
                    atom(group, name, code, chain, entity, k, k, place, 0.6, 'A')
                    atom(group, name, code, chain, entity, k, k, (place[0], place[1] + 0.7, place[2]), 0.4, 'B')
                    continue
                atom(group, name, code, chain, entity, k, k, place)
            if chain == 'A' and k == 6:
                atom('ATOM', 'HA', code, chain, entity, k, k, (x + step * (k - 1), y, z - 1.0))  # hydrogen: goes
                atom('ATOM', 'QX', code, chain, entity, k, k, (x + step * (k - 1), y, z - 2.5))  # no atom of ALA: goes
            if chain == 'A' and k == 9:
                atom('ATOM', 'OXT', code, chain, entity, k, k, (x + step * (k - 1), y, z - 3.0))  # terminal: goes
    # ligands: a sugar on ASN 3 of A (stays, and the bond), one on B (goes with it), glycerol of the crystal (goes), zinc
    # bonded to A (stays, the dative bond goes), a sugar that is said to be bonded to A from too far away (the bond goes)
    a3 = atoms_of('ASN', 3.8 * 2, 0, 0)['ND2']
    b1 = atoms_of('GLY', 0, 40, 0)['N']
    sugars = {'G': (a3[0], a3[1], a3[2] + 1.4), 'H': (b1[0], b1[1], b1[2] + 1.4), 'K': (30, 0, 20)}
    for chain, (x, y, z) in sugars.items():
        for k, name in enumerate('C1 C2 C3 C4 C5 O5'.split()):
            atom('HETATM', name, 'NAG', chain, 7, '.', 100 + ord(chain), (x + 1.5 * k, y, z))
    for k, name in enumerate('C1 O1 C2 O2 C3 O3'.split()):
        atom('HETATM', name, 'GOL', 'I', 8, '.', 201, (1.4 * k, 200, 0))
    sg = atoms_of('CYS', 3.8 * 3, 0, 0)['SG']
    atom('HETATM', 'ZN', 'ZN', 'J', 9, '.', 301, (sg[0], sg[1], sg[2] + 2.3))
    for k in range(2):
        atom('HETATM', 'O', 'HOH', 'W', 10, '.', 401 + k, (5.0 * k, 240, 0))

    links = ['covale1 covale A 3 ASN ND2 G . NAG C1 3 171', 'covale2 covale B 1 GLY N H . NAG C1 1 172',
             'disulf1 disulf A 4 CYS SG A 7 CYS SG 4 7', 'metalc1 metalc A 4 CYS SG J . ZN ZN 4 301',
             'covale3 covale A 6 ALA CB K . NAG C1 6 175']
    polymers = ''.join(f'{e} polypeptide(L) {"".join(LETTER[c] for c in codes)}\n' for e, codes, *_ in CHAINS.values())
    types = {c: 'L-peptide linking' for c in SIDE} | {'GLY': 'peptide linking', 'NAG': 'D-saccharide, beta linking',
                                                      'GOL': 'non-polymer', 'ZN': 'non-polymer', 'HOH': 'non-polymer'}
    text = f'''data_CLEAN
# A made-up structure (tools/make_data_fixtures.py).
_entry.id CLEAN
_exptl.entry_id CLEAN
_exptl.method 'X-RAY DIFFRACTION'
_refine.ls_d_res_high 1.90
loop_
_pdbx_audit_revision_history.ordinal
_pdbx_audit_revision_history.revision_date
1 2001-12-31
2 2011-07-13
loop_
_chem_comp.id
_chem_comp.type
{"".join(f"{c} '{t}'" + chr(10) for c, t in types.items())}loop_
_entity_poly.entity_id
_entity_poly.type
_entity_poly.pdbx_seq_one_letter_code_can
{polymers}loop_
_entity_poly_seq.entity_id
_entity_poly_seq.num
_entity_poly_seq.mon_id
{"".join(f"{row.split()[1]} {row.split()[2]} {row.split()[3]}" + chr(10) for row in scheme)}loop_
_pdbx_poly_seq_scheme.asym_id
_pdbx_poly_seq_scheme.entity_id
_pdbx_poly_seq_scheme.seq_id
_pdbx_poly_seq_scheme.mon_id
{chr(10).join(scheme)}
loop_
_struct_conn.id
_struct_conn.conn_type_id
_struct_conn.ptnr1_label_asym_id
_struct_conn.ptnr1_label_seq_id
_struct_conn.ptnr1_label_comp_id
_struct_conn.ptnr1_label_atom_id
_struct_conn.ptnr2_label_asym_id
_struct_conn.ptnr2_label_seq_id
_struct_conn.ptnr2_label_comp_id
_struct_conn.ptnr2_label_atom_id
_struct_conn.ptnr1_auth_seq_id
_struct_conn.ptnr2_auth_seq_id
{chr(10).join(links)}
loop_
_atom_site.group_PDB
_atom_site.id
_atom_site.type_symbol
_atom_site.label_atom_id
_atom_site.label_alt_id
_atom_site.label_comp_id
_atom_site.label_asym_id
_atom_site.label_entity_id
_atom_site.label_seq_id
_atom_site.pdbx_PDB_ins_code
_atom_site.Cartn_x
_atom_site.Cartn_y
_atom_site.Cartn_z
_atom_site.occupancy
_atom_site.B_iso_or_equiv
_atom_site.auth_seq_id
_atom_site.auth_asym_id
_atom_site.pdbx_PDB_model_num
{chr(10).join(rows)}
'''
    OUT.parent.mkdir(parents=True, exist_ok=True)
    OUT.write_text(text)


if __name__ == '__main__':
    main()
