#!/usr/bin/env python3
"""Write tests/fixtures/pocket/*.safetensors: samples, random numbers, and what the oracle makes of them (docs/sampling.md, "A ligand in a pocket").

    PYTHON make_pocket_fixture.py --oracle ../shared/oracle

PYTHON has PyTorch. The oracle's `pocket_seeds` equals OpenFold3 0.5.0 to 1e-15 with the same draws. Of each case:

    x [S,A,3]          samples                ligand, site [A]   masks          atom_mask, radius [A]
    conformers [C,L,3] of the ligand; not in `own`
    draws [n,10]       standard normals of a candidate: quaternion, shift, and three whose probabilities choose conformer, coin and atom
    jitter [S,3]       standard normals       settings           parents, candidates, contact, buffer, diversity, jitters of centre, surface, ligand
    out [S,A,3]        in f64, rounded
"""

import argparse
import pathlib
import sys

import torch

S, A, L, C, N = 6, 70, 11, 5, 96
SETTINGS = dict(contact=4.0, parents=4, candidates=N, ligand_jitter=.25, centre_jitter=4.0, surface_jitter=1.5, buffer=.225, diversity=.5)


def case(oracle, seed, own, **changed):
    g = torch.Generator().manual_seed(seed)
    x = (8 * torch.randn(S, A, 3, generator=g)).float()
    ligand = torch.zeros(A, dtype=torch.bool)
    ligand[A - L:] = True
    site = torch.zeros(A, dtype=torch.bool)
    site[5:17] = True
    mask = torch.ones(A)
    mask[3] = 0
    radius = torch.tensor([1.7, 1.55, 1.52, 1.8])[torch.randint(4, (A,), generator=g)]
    conformers = (3 * torch.randn(C, L, 3, generator=g)).float()
    conformers = conformers - conformers.mean(1, keepdim=True)
    settings = {**SETTINGS, **changed}
    n = max(S, settings['candidates'])
    draws, jitter = torch.randn(n, 10, generator=g), torch.randn(S, 3, generator=g)
    u = .5 * torch.special.erfc(-draws[:, 7:].double() / 2 ** .5)
    noise = oracle.PocketNoise(conformer=(u[:, 0] * C).long(), quaternion=draws[:, :4], to_centre=(u[:, 1] * 2).long() == 0,
                               atom=(u[:, 2] * int(site.sum())).long(), shift=draws[:, 4:7], jitter=jitter, noise=None)
    p = oracle.Pocket(ligand=ligand, site=site, radius=radius, conformers=None if own else conformers, **settings)
    out = oracle.pocket_seeds(p, x.double(), mask, noise)
    out[:, ligand] += settings['ligand_jitter'] * jitter.double()[:, None]
    tensors = {'x': x, 'ligand': ligand.to(torch.uint8), 'site': site.to(torch.uint8), 'atom_mask': mask, 'radius': radius, 'draws': draws,
               'jitter': jitter, 'out': out.float(),
               'settings': torch.tensor([settings[k] for k in ('parents', 'candidates', 'contact', 'buffer', 'diversity', 'centre_jitter',
                                                               'surface_jitter', 'ligand_jitter')])}
    if not own:
        tensors['conformers'] = conformers
    return {k: v.contiguous() for k, v in tensors.items()}


def main():
    a = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    a.add_argument('--oracle', required=True)
    args = a.parse_args()
    sys.path.insert(0, args.oracle)
    import of3_oracle
    from of3_files import save_safetensors as save_file
    folder = pathlib.Path(__file__).parent.parent / 'tests' / 'fixtures' / 'pocket'
    save_file(folder / 'conformers.safetensors', case(of3_oracle, 1, False))
    save_file(folder / 'own.safetensors', case(of3_oracle, 2, True))
    # few candidates and poses that must differ much: filled up with the first ones
    save_file(folder / 'few.safetensors', case(of3_oracle, 3, False, candidates=7, parents=16, diversity=9.0))


if __name__ == '__main__':
    main()
