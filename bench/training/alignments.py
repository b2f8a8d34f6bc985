#!/usr/bin/env python3
"""Made-up alignments for the proteins of a training set: alignments.py SET FOLDER. 2,000 rows each, of which every residue is
another with the probability 0.4, or a gap with 0.1; headers name 400 species, so that rows of chains are paired."""
import pathlib
import random
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / 'tools'))
from compare_data import read_set  # noqa: E402

ROWS, SPECIES, LETTERS = 2000, 400, 'ACDEFGHIKLMNPQRSTVWY'


def main():
    out = pathlib.Path(sys.argv[2])
    for name, (chains, _) in read_set(sys.argv[1]).items():
        for chain in chains:
            if chain['kind'] != 'protein':
                continue
            g = random.Random(chain['letters'])
            folder = out / f'{name}_{chain["id"]}'
            folder.mkdir(parents=True, exist_ok=True)
            rows = [f'>q\n{chain["letters"]}\n']
            for k in range(ROWS):
                row = ''.join('-' if g.random() < 0.1 else g.choice(LETTERS) if g.random() < 0.4 else c for c in chain['letters'])
                rows.append(f'>tr|Q{k}|Q{k}_S{k % SPECIES}/1-{len(row)}\n{row}\n')
            (folder / 'uniref90_hits.a3m').write_text(''.join(rows))
            (folder / 'uniprot_hits.a3m').write_text(''.join(rows[:1 + ROWS // 2]))


if __name__ == '__main__':
    main()
