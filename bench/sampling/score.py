#!/usr/bin/env python3
"""Scores of the structures that of3_sampling (sampling.c) made of the held-out chains: a row for each chain and setting.

    score.py FOLDER SETTINGS OUT.csv [--jobs N]

FOLDER: the files of of3_sampling. Columns, of one chain and setting; of samples means unless said otherwise:
  lddt, lddt_ranked, lddt_plddt, lddt_best   lDDT-CA (../heldout/score.py): mean, of the sample that ranks first, of the
                                       one with the highest pLDDT, of the best
  plddt, spread                        mean pLDDT of CA; r.m.s.d. of CA between samples, superposed, mean of pairs
  peptide, peptide2, angle, angle2     C-N between residues (A) and N-CA-C (degrees): mean, and mean of squares
  side                                 mean square of what bonds beyond CA are longer or shorter than in the reference
                                       conformer (A^2)
  contacts                             pairs of atoms of two residues closer than 1.8 A, but for peptide bonds, a residue
  wrong_hand                           share of residues with CB whose CA has the hand of D-amino acids
  residues
"""
import argparse
import csv
import itertools
import json
import multiprocessing
import pathlib
import sys

import numpy as np

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / 'heldout'))
import score as heldout  # noqa: E402

COLUMNS = ('lddt', 'lddt_ranked', 'lddt_plddt', 'lddt_best', 'plddt', 'spread', 'peptide', 'peptide2', 'angle', 'angle2',
           'side', 'contacts', 'wrong_hand', 'residues')
NEAR = 1.8
BACKBONE = ('N', 'CA', 'C', 'O')


def read(path):
    """The tensors of a safetensors file."""
    types = {'F32': np.float32, 'I32': np.int32, 'U8': np.uint8}
    with open(path, 'rb') as f:
        header = json.loads(f.read(int.from_bytes(f.read(8), 'little')))
        body = f.read()
    return {k: np.frombuffer(body[slice(*v['data_offsets'])], types[v['dtype']]).reshape(v['shape'])
            for k, v in header.items() if k != '__metadata__'}


def rmsd(x, y):
    """After the best proper rotation (Kabsch)."""
    x, y = x - x.mean(0), y - y.mean(0)
    u, s, v = np.linalg.svd(x.T @ y)
    s[-1] *= np.sign(np.linalg.det(u @ v))
    return np.sqrt(max(0.0, ((x ** 2).sum() + (y ** 2).sum() - 2 * s.sum()) / len(x)))


class Chain:
    """Which atoms are what."""

    def __init__(self, t):
        names = [bytes(n).rstrip(b'\0').decode() for n in t['name']]
        self.residue, self.n = t['residue'], int(t['residue'].max()) + 1
        place = {(int(r), n): i for i, (r, n) in enumerate(zip(self.residue, names))}
        self.backbone = np.array([[place[r, n] for n in BACKBONE[:3]] for r in range(self.n)])  # N CA C
        with_cb = [r for r in range(self.n) if (r, 'CB') in place]
        self.hand = np.array([[*self.backbone[r], place[r, 'CB']] for r in with_cb])
        beyond = [not (names[a] in BACKBONE and names[b] in BACKBONE) for a, b in t['bond']]
        self.bond, self.length = t['bond'][beyond], t['length'][beyond]
        other = self.residue[:, None] < self.residue[None]
        other[self.backbone[:-1, 2], self.backbone[1:, 0]] = False
        self.pairs = np.nonzero(other)

    def geometry(self, x):
        """Of one structure [A,3]: from `peptide` to `wrong_hand`."""
        n, ca, c = (x[self.backbone[:, k]] for k in range(3))
        peptide = np.linalg.norm(n[1:] - c[:-1], axis=1)
        a, b = n - ca, c - ca
        angle = np.degrees(np.arccos(np.clip((a * b).sum(1) / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1), -1, 1)))
        side = np.linalg.norm(x[self.bond[:, 0]] - x[self.bond[:, 1]], axis=1) - self.length
        near = (((x[self.pairs[0]] - x[self.pairs[1]]) ** 2).sum(1) < NEAR ** 2).sum() / self.n
        hn, hca, hc, hcb = (x[self.hand[:, k]] for k in range(4))
        hand = (np.cross(hn - hca, hc - hca) * (hcb - hca)).sum(1)
        return [peptide.mean(), (peptide ** 2).mean(), angle.mean(), (angle ** 2).mean(), (side ** 2).mean(), near,
                (hand < 0).mean()]


def score_setting(chain, x, ranking, plddt, truth, known):
    """x [S,A,3]: the columns."""
    ca = x[:, chain.backbone[:, 1]]
    lddt = [heldout.lddt_ca(c, truth, known) for c in ca]
    spread = np.mean([rmsd(a, b) for a, b in itertools.combinations(ca, 2)]) if len(ca) > 1 else 0
    geometry = np.mean([chain.geometry(s) for s in x], axis=0)
    return [np.mean(lddt), lddt[int(np.argmax(ranking))], lddt[int(np.argmax(plddt))], max(lddt), plddt.mean(), spread,
            *geometry, chain.n]


def score_file(path):
    data = np.load(heldout.HELDOUT)
    i = list(data['ids']).index(path.stem)
    raw = data['backbone'][data['start'][i]:data['start'][i + 1], 1]
    t = read(path)
    chain, x = Chain(t), t['x'].astype(np.float64)
    return [(path.stem, k, score_setting(chain, x[k], t['ranking'][k], t['plddt'][k], raw / 100.0,
                                         (raw != heldout.MISSING).all(-1))) for k in range(len(x))]


def main():
    a = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    a.add_argument('folder', type=pathlib.Path)
    a.add_argument('settings', type=pathlib.Path)
    a.add_argument('out', type=pathlib.Path)
    a.add_argument('--jobs', type=int, default=1)
    o = a.parse_args()
    settings = [line.split() for line in o.settings.read_text().splitlines() if line.strip()]
    files = sorted(o.folder.glob('*.safetensors'))
    with multiprocessing.Pool(o.jobs) as pool, open(o.out, 'w', newline='') as f:
        out = csv.writer(f, lineterminator='\n')
        out.writerow(('chain', 'sampler', 'steps', 'noise_scale', 'step_scale', *COLUMNS))
        for rows in pool.imap(score_file, files):
            out.writerows((c, *settings[k], *(f'{v:.6g}' for v in values)) for c, k, values in rows)
    print(f'{o.out}: {len(files)} chains, {len(settings)} settings')


if __name__ == '__main__':
    main()
