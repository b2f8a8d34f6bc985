#!/usr/bin/env python3
"""Two foldings of the held-out chains, for instance in f32 and in bf16, chain by chain and structure by structure.

    compare.py A B [--limit N] [--seed 42]          A, B: output trees of `of3 predict` on the queries of make_queries.py

Prints B - A of the scores of score.py: mean, standard deviation over chains and largest size; how often another sample comes
first; and the r.m.s.d. of all atoms of each structure of A, superposed, to the one of the same sample of B.
"""
import argparse
import pathlib

import numpy as np

import score


def positions(path):
    """All atoms [n,3] of an uncompressed mmCIF file."""
    return np.array([[float(w) for w in row[2:5]] for row in score.atom_site(path)])


def rmsd(x, y):
    """After the best proper rotation (Kabsch)."""
    x, y = x - x.mean(0), y - y.mean(0)
    u, s, v = np.linalg.svd(x.T @ y)
    s[-1] *= np.sign(np.linalg.det(u @ v))
    return float(np.sqrt(max(0.0, ((x ** 2).sum() + (y ** 2).sum() - 2 * s.sum()) / len(x))))


def scores(files, truth, known):
    """(lDDT-CA and mean pLDDT by sample, index of the sample with the highest pLDDT)."""
    atoms = [score.ca_atoms(p, len(truth)) for p in files]
    plddt = np.array([p for _, p in atoms])
    return np.array([score.lddt_ca(x, truth, known) for x, _ in atoms]), plddt, int(np.argmax(plddt))


def compare(a, b, limit, seed):
    """Differences by chain [chains,4], number of chains with another first sample, r.m.s.d. of all structures."""
    data = np.load(score.HELDOUT)
    rows, other, deviations = [], 0, []
    for i in np.flatnonzero(data['split'] == 1)[:limit]:
        raw = data['backbone'][data['start'][i]:data['start'][i + 1], 1]
        known, chain = (raw != score.MISSING).all(-1), str(data['ids'][i])
        files = [sorted((tree / chain / f'seed_{seed}').glob('*_sample_*_model.cif')) for tree in (a, b)]
        if not files[0] or len(files[0]) != len(files[1]):
            raise SystemExit(f'{chain}: {len(files[0])} structures in {a}, {len(files[1])} in {b}')
        (la, pa, first_a), (lb, pb, first_b) = (scores(f, raw / 100.0, known) for f in files)
        rows.append((lb[first_b] - la[first_a], lb.mean() - la.mean(), lb.max() - la.max(), pb[first_b] - pa[first_a]))
        other += first_a != first_b
        deviations += [rmsd(positions(p), positions(q)) for p, q in zip(*files)]
    return np.array(rows), other, np.array(deviations)


def main():
    a = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    a.add_argument('a', type=pathlib.Path)
    a.add_argument('b', type=pathlib.Path)
    a.add_argument('--limit', type=int, help='only the first N chains')
    a.add_argument('--seed', type=int, default=42)
    o = a.parse_args()
    rows, other, d = compare(o.a, o.b, o.limit, o.seed)
    for name, x in zip(('lDDT-CA by pLDDT', 'lDDT-CA, mean of samples', 'lDDT-CA, highest', 'pLDDT'), rows.T):
        print(f'{name:25} {x.mean():8.4f} +- {x.std(ddof=1):.4f}, at most {abs(x).max():.4f}')
    print(f'another sample comes first in {other} of {len(rows)} chains')
    print(f'r.m.s.d. of {len(d)} structures: median {np.median(d):.2f}, below 0.5 A {(d < 0.5).mean():.0%}, below 1 A '
          f'{(d < 1).mean():.0%}, largest {d.max():.1f}')


if __name__ == '__main__':
    main()
