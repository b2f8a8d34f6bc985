#!/usr/bin/env python3
"""Write one query file with the held-out chains: each a protein from its sequence alone.

    make_queries.py OUT.json [--limit N] [--split 1|2]      split 1: the 150 validation chains, 2: 9 chains of known folds
    make_queries.py OUT.json --chains ID ...                these
"""
import argparse
import json
import pathlib

import numpy as np

HELDOUT = pathlib.Path(__file__).with_name('heldout.npz')


def main():
    a = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    a.add_argument('out', type=pathlib.Path)
    a.add_argument('--limit', type=int, help='only the first N chains')
    a.add_argument('--split', type=int, choices=(1, 2), default=1)
    a.add_argument('--chains', nargs='+', help='ids of chains, of either split')
    o = a.parse_args()
    data = np.load(HELDOUT)
    chosen = (np.flatnonzero(np.isin(data['ids'], o.chains)) if o.chains
              else np.flatnonzero(data['split'] == o.split)[:o.limit])
    queries = {str(data['ids'][i]): {'chains': [{'molecule_type': 'protein', 'chain_ids': ['A'],
                                                 'sequence': str(data['sequence'][i])}]} for i in chosen}
    o.out.write_text(json.dumps({'queries': queries}, indent=1) + '\n')
    print(f'{o.out}: {len(queries)} queries, {sum(len(str(data["sequence"][i])) for i in chosen)} residues')


if __name__ == '__main__':
    main()
