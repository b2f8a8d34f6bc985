#!/usr/bin/env python3
"""Opens structure files with the programs that people open them with, and says what these complain of.

    check_output.py [--dictionary FILE.dic ...] [--js FOLDER] FILE.cif FILE.pdb ...

Readers that are installed in this Python are used: gemmi, biotite, biopython, modelcif, pymol. --js is a folder where `npm
install molstar 3dmol` was run. --dictionary validates mmCIF files with gemmi; Debian's libcifpp-data has mmcif_pdbx.dic and
mmcif_ma.dic. Of each reader a line is printed: atoms, and what else it found; any warning of it counts as a failure.
Ends with 1 if a reader failed, or if two readers found different numbers of atoms.
"""

import argparse
import io
import json
import pathlib
import subprocess
import sys
import warnings

# What gemmi says of any file of the PDB too: the dictionary has no place in a sequence for atoms of ligands, contributed
# categories are those of mmcif_ma.dic itself, and the dictionaries do not fit together in two places.
USUAL = ('category indicated as CONTRIBUTED', 'item-linked-group atom_site', 'Bad DDL2', '  1st miss: ',
         '  child:  _atom_site.', '  parent: _entity_poly_seq.', '  parent: _pdbx_poly_seq_scheme.',
         # of files without a polymer
         'parent tag of _atom_site.label_seq_id is absent', 'missing _entity_poly_seq.', 'missing _pdbx_poly_seq_scheme.',
         '  parent of _atom_site.')
# Items of mmcif_ma.dic that mmcif_pdbx.dic does not know.
MODELCIF = ('unknown tag _ma_', 'unknown tag _chem_comp.ma_provenance', 'unknown tag _pdbx_entity_nonpoly.ma_model_mode')


def read_gemmi(path):
    import gemmi
    structure = gemmi.read_structure(str(path))
    structure.setup_entities()
    model = structure[0]
    for entity in structure.entities:
        for sub in entity.subchains if entity.entity_type == gemmi.EntityType.Polymer and entity.full_sequence else []:
            names = [r.name for r in model.get_subchain(sub)]
            if names != list(entity.full_sequence):
                raise ValueError(f'subchain {sub} has {names}, its entity {entity.full_sequence}')
    atoms = sum(len(r) for chain in model for r in chain)
    lost = [c.name for c in structure.connections if not model.find_cra(c.partner1).atom or not model.find_cra(c.partner2).atom]
    if lost:
        raise ValueError(f'connections without atoms: {lost}')
    return atoms, {'chains': len(model), 'entities': len(structure.entities), 'connections': len(structure.connections)}


def read_biotite(path):
    if path.suffix == '.pdb':
        from biotite.structure.io import pdb
        array = pdb.PDBFile.read(path).get_structure(model=1, include_bonds=True, extra_fields=['b_factor', 'charge'])
        return len(array), {'bonds': array.bonds.get_bond_count()}
    from biotite.structure.io import pdbx
    file = pdbx.CIFFile.read(path)
    array = pdbx.get_structure(file, model=1, include_bonds=True, extra_fields=['b_factor', 'occupancy', 'charge'])
    label = pdbx.get_structure(file, model=1, use_author_fields=False)
    assert len(label) == len(array)
    found = {'bonds': array.bonds.get_bond_count()}
    if 'entity_poly' in file.block:
        found['sequences'] = len(pdbx.get_sequence(file))
    return len(array), found


def read_biopython(path):
    from Bio.PDB import MMCIFParser, PDBParser
    parser = PDBParser(PERMISSIVE=False) if path.suffix == '.pdb' else MMCIFParser(auth_residues=True)
    structure = parser.get_structure('x', str(path))
    return sum(1 for _ in structure.get_atoms()), {'chains': sum(1 for _ in structure.get_chains())}


def read_modelcif(path):
    import modelcif.reader
    with open(path) as f:
        system, = modelcif.reader.read(f)
    models = [m for g in system.model_groups for m in g]
    return sum(1 for m in models for _ in m.get_atoms()), {
        'entities': len(system.entities), 'metrics': sum(len(m.qa_metrics) for m in models)}


def read_pymol(path):
    from pymol import cmd
    cmd.reinitialize()
    cmd.load(str(path), 'loaded')
    found = {'bonds': len(cmd.get_model('loaded').bond), 'polymer': cmd.count_atoms('polymer')}
    return cmd.count_atoms('loaded'), found


MOLSTAR = '''
const { CIF } = require('molstar/lib/commonjs/mol-io/reader/cif');
const { trajectoryFromMmCIF } = require('molstar/lib/commonjs/mol-model-formats/structure/mmcif');
const { Structure } = require('molstar/lib/commonjs/mol-model/structure');
const text = require('fs').readFileSync(process.argv[2], 'utf8');
(async () => {
  const parsed = await CIF.parse(text).run();
  if (parsed.isError) throw new Error(parsed.message);
  const trajectory = await trajectoryFromMmCIF(parsed.result.blocks[0]).run();
  const structure = Structure.ofModel(trajectory.representative);
  let bonds = structure.interUnitBonds.edgeCount;
  for (const u of structure.units) bonds += u.bonds ? u.bonds.edgeCount : 0;
  console.log(JSON.stringify([structure.elementCount, {bonds: bonds, units: structure.units.length}]));
})();
'''
# It asks for a browser when it is loaded, not when it reads.
DMOL = '''
const nothing = () => {};
globalThis.self = globalThis.window = globalThis;
globalThis.addEventListener = nothing;
globalThis.navigator ||= {};
globalThis.navigator.userAgent ||= '';
globalThis.document = {readyState: 'loading', addEventListener: nothing, getElementsByClassName: () => [], 
  head: {appendChild: nothing}, body: {appendChild: nothing},
  createElement: () => ({getContext: () => null, style: {}, appendChild: nothing, setAttribute: nothing}),
  querySelector: () => null, querySelectorAll: () => []};
const dmol = require('3dmol');
const path = process.argv[2], text = require('fs').readFileSync(path, 'utf8');
const atoms = dmol.Parsers[path.endsWith('.pdb') ? 'pdb' : 'cif'](text, {})[0];
console.log(JSON.stringify([atoms.length, {bonds: atoms.reduce((n, a) => n + a.bonds.length, 0) / 2}]));
'''


def run_js(program):
    def read(path):
        done = subprocess.run(['node', '-', str(path.resolve())], input=program, cwd=OPTIONS.js, capture_output=True, text=True)
        if done.returncode or done.stderr:
            raise ValueError(' '.join(line for line in done.stderr.splitlines() if 'Error' in line))
        atoms, found = json.loads(done.stdout.splitlines()[-1])
        return atoms, found
    return read


def validate(path, dictionary):
    from gemmi import cif
    said = io.StringIO()
    ddl = cif.Ddl(said)
    ddl.read_ddl(cif.read(str(dictionary)))
    ddl.validate_cif(cif.read(str(path)))
    usual = USUAL if 'ma' in dictionary.stem.split('_') else USUAL + MODELCIF
    return [line for line in said.getvalue().splitlines() if not any(u in line for u in usual)]


def attempt(read, path):
    """(atoms or None, what it says)"""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter('always')
        try:
            atoms, found = read(path)
        except ImportError as e:
            return None, f'not installed ({e.name})', True
        except Exception as e:
            return None, f'FAILED: {type(e).__name__}: {e}', False
    said = sorted({str(w.message) for w in caught if not issubclass(w.category, DeprecationWarning)})
    return atoms, ' '.join(f'{k} {v}' for k, v in found.items()) + ''.join(f'; WARNING: {s}' for s in said), not said


def check(path):
    readers = {'gemmi': read_gemmi, 'biotite': read_biotite, 'biopython': read_biopython, 'pymol': read_pymol}
    if path.suffix == '.cif':
        readers['modelcif'] = read_modelcif
    if OPTIONS.js:
        readers['3dmol'] = run_js(DMOL)
        if path.suffix == '.cif':
            readers['molstar'] = run_js(MOLSTAR)
    counts, good = {}, True
    print(path.name)
    for name, read in readers.items():
        atoms, said, fine = attempt(read, path)
        good &= fine
        if atoms is not None:
            counts[name] = atoms
        print(f'  {name:10} {"-" if atoms is None else atoms:>6} atoms  {said}')
    for dictionary in OPTIONS.dictionary if path.suffix == '.cif' else []:
        lines = validate(path, dictionary)
        good &= not lines
        print(f'  {dictionary.name}: ' + ('valid' if not lines else '\n    '.join(['', *lines])))
    if len(set(counts.values())) > 1:
        print('  DIFFERENT numbers of atoms')
        good = False
    return good


if __name__ == '__main__':
    a = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    a.add_argument('files', nargs='+', type=pathlib.Path)
    a.add_argument('--dictionary', action='append', default=[], type=pathlib.Path)
    a.add_argument('--js', type=pathlib.Path)
    OPTIONS = a.parse_args()
    results = [check(f) for f in OPTIONS.files]
    print(f'{sum(results)} of {len(results)} files opened without complaint')
    sys.exit(not all(results))
