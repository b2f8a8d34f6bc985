#!/usr/bin/env python3
"""lDDT-CA of folded held-out chains: reads the output tree of `of3 predict` on the queries of make_queries.py.

    score.py OUTPUT_DIR [--limit N | --chains ID ...] [--expect 0.491 --within 0.01] [--csv FILE]

Per chain the sample with the highest mean pLDDT (B-factor) of its CA atoms counts; all seeds found are samples alike.
lDDT-CA: over ordered pairs of residues whose true CA distance is below 15 A, the share of pairs whose predicted distance
is off by less than 0.5, 1, 2 and 4 A, averaged over the four. The result is the mean over chains. Exits with 1 if a chain
has no structure, or if the mean is further than --within from --expect.
"""
import argparse
import csv
import gzip
import pathlib
import sys

import numpy as np

HELDOUT = pathlib.Path(__file__).with_name('heldout.npz')
MISSING = -32768
RADIUS = 15.0
THRESHOLDS = (0.5, 1.0, 2.0, 4.0)
COLUMNS = ('label_atom_id', 'label_seq_id', 'Cartn_x', 'Cartn_y', 'Cartn_z', 'B_iso_or_equiv')


def atom_site(path):
    """Yield the wanted columns of every row of the atom_site loop."""
    opened = gzip.open(path, 'rt') if path.suffix == '.gz' else open(path)
    names, at = [], None
    with opened as lines:
        for line in lines:
            word = line.split()
            if line.startswith('_atom_site.'):
                names.append(word[0][len('_atom_site.'):])
            elif names and (not word or line[0] in '#_' or word[0] == 'loop_'):
                return
            elif names:
                at = at or [names.index(c) for c in COLUMNS]
                yield [word[k].strip('"\'') for k in at]


def ca_atoms(path, length):
    """CA positions [length,3] in A and their mean pLDDT."""
    x, plddt = np.full((length, 3), np.nan), np.full(length, np.nan)
    for name, number, *numbers in atom_site(path):
        if name == 'CA':
            *xyz, b = map(float, numbers)
            x[int(number) - 1], plddt[int(number) - 1] = xyz, b
    if np.isnan(x).any():
        raise SystemExit(f'{path}: {int(np.isnan(x[:, 0]).sum())} of {length} residues have no CA')
    return x, float(plddt.mean())


def distances(x):
    return np.sqrt(((x[:, None] - x[None]) ** 2).sum(-1))


def lddt_ca(x, truth, known):
    dx, dt = distances(x), distances(truth)
    keep = known[:, None] & known[None] & (dt < RADIUS) & ~np.eye(len(x), dtype=bool)
    error = np.abs(dx - dt)[keep]
    return float(np.mean([(error < t).mean() for t in THRESHOLDS])) if len(error) else 0.0


def score_chain(folder, chain, truth, known):
    """(lDDT-CA of the chosen sample, its mean pLDDT, lDDT-CA of all samples), or None without structures."""
    files = sorted(p for p in folder.glob(f'{chain}/seed_*/{chain}_seed_*_sample_*_model.cif*'))
    if not files:
        return None
    atoms = [ca_atoms(p, len(truth)) for p in files]
    lddt = [lddt_ca(x, truth, known) for x, _ in atoms]
    best = int(np.argmax([p for _, p in atoms]))
    return lddt[best], atoms[best][1], lddt


def score_all(folder, limit, chains):
    data = np.load(HELDOUT)
    rows, missing = [], []
    chosen = np.flatnonzero(np.isin(data['ids'], chains)) if chains else np.flatnonzero(data['split'] == 1)[:limit]
    for i in chosen:
        raw = data['backbone'][data['start'][i]:data['start'][i + 1], 1]
        known = (raw != MISSING).all(-1)
        chain = str(data['ids'][i])
        scored = score_chain(folder, chain, raw / 100.0, known)
        if scored is None:
            missing.append(chain)
        else:
            rows.append((chain, len(raw), *scored))
    return rows, missing


def main():
    a = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    a.add_argument('output', type=pathlib.Path)
    a.add_argument('--limit', type=int, help='only the first N chains')
    a.add_argument('--chains', nargs='+', help='only these, of either split')
    a.add_argument('--expect', type=float)
    a.add_argument('--within', type=float, default=0.01)
    a.add_argument('--csv', type=pathlib.Path, help='a row per chain')
    o = a.parse_args()
    rows, missing = score_all(o.output, o.limit, o.chains)
    if not rows:
        raise SystemExit(f'{o.output}: no structures of held-out chains found')
    if o.csv:
        with open(o.csv, 'w', newline='') as f:
            out = csv.writer(f, lineterminator='\n')
            out.writerow(('chain', 'residues', 'lddt_ca', 'plddt_ca', 'highest_lddt_ca', 'samples'))
            out.writerows((c, n, f'{v:.4f}', f'{p:.2f}', f'{max(every):.4f}', len(every)) for c, n, v, p, every in rows)
    value = float(np.mean([v for _, _, v, _, _ in rows]))
    plddt = np.array([p for _, _, _, p, _ in rows])
    mean, highest = (float(np.mean([f(every) for *_, every in rows])) for f in (np.mean, np.max))
    print(f'{len(rows)} held-out chains, lDDT-CA by pLDDT {value:.4f}, mean of samples {mean:.4f}, highest {highest:.4f}, '
          f'pLDDT {plddt.mean():.1f}')
    if missing:
        print(f'{len(missing)} chains without a structure: {" ".join(missing[:10])}{" ..." if len(missing) > 10 else ""}')
    far = o.expect is not None and abs(value - o.expect) > o.within
    if far:
        print(f'further than {o.within} from {o.expect}')
    sys.exit(1 if far or missing else 0)


if __name__ == '__main__':
    main()
