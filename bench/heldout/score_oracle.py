#!/usr/bin/env python3
"""lDDT-CA of a held-out chain that the PyTorch version of the network folded: chain, residues, mean and highest of its samples.

    score_oracle.py CHAIN ORACLE FEATURES FIXTURE        files of ORACLE/reference_features.py and ORACLE/make_fixtures.py --fold
"""
import json
import sys

import numpy as np
import score


def main():
    chain, oracle, features, fixture = sys.argv[1:]
    sys.path.insert(0, oracle)
    from of3_files import load_safetensors
    loaded = load_safetensors(features)
    loaded = loaded[0] if isinstance(loaded, tuple) else loaded
    meta = json.loads(bytes(np.asarray(loaded['meta'])).decode())
    atoms = meta.get('atoms') or meta.get('atom') or meta
    ca = np.array([name == 'CA' for name in atoms['atom_name']])
    data = np.load(score.HELDOUT)
    i = list(data['ids']).index(chain)
    raw = data['backbone'][data['start'][i]:data['start'][i + 1], 1]
    known = (raw != score.MISSING).all(-1)
    lddt = [score.lddt_ca(x[ca], raw / 100.0, known) for x in np.load(fixture)['out/x_sampled']]
    print(chain, len(raw), f'{np.mean(lddt):.4f} {max(lddt):.4f}')


if __name__ == '__main__':
    main()
