#!/usr/bin/env python3
"""Make tests/fixtures/training/metrics_N.safetensors: made-up complexes with samples, and the metrics that the package openfold3
0.5.0 computes for them in float64.

    make_metric_fixtures.py --reference FOLDER [--shared DIR]

FOLDER holds the package (site-packages). Complexes are those of the oracle in shared/oracle/check_losses.py, whose chains are put
near each other. Exposure (rasa) is left out: it is compared in tests/unit/test_metrics.c with the areas of src/score, which are the
package's. Needs PyTorch and numpy.
"""
import argparse
import os
import pathlib
import sys
from unittest import mock

import numpy as np
import torch

import make_training_fixtures as M

ROOT = pathlib.Path(__file__).resolve().parent.parent
OUT = ROOT / 'tests' / 'fixtures' / 'training'
F64 = torch.float64
SAMPLES = 3


def made_up(C, rng, **keywords):
    f, label = map(M.round32, C.random_entry(rng, spread=0.35, **keywords))
    x = C.structures(rng, label, SAMPLES, 0.7).float().to(F64)
    truth = label['atom_positions'].expand(SAMPLES, -1, -1).clone()
    truth[1, :40] = truth[1, :40].flip(0)  # a sample has its own order of symmetric atoms
    resolved = label['atom_resolved_mask'].expand(SAMPLES, -1).clone()
    resolved[1, :40] = resolved[1, :40].flip(0)
    return f, x, truth, resolved


def reference_metrics(R, C, f, x, truth, resolved, logits, filters):
    batch = {k: v[None, None] for k, v in f.items() if torch.is_tensor(v)}
    batch['atom_mask'] = batch['atom_mask'].bool()
    batch['ground_truth'] = {'atom_positions': truth[None], 'atom_resolved_mask': resolved[None]}
    if filters is not None:
        chain = f['asym_id'].long()[f['atom_to_token_index'].long()] - 1
        counts, pairs = filters
        S, A = len(x), x.shape[1]
        batch['ground_truth']['intra_filter_atomized'] = counts[chain][None, None].expand(1, S, A)
        batch['ground_truth']['inter_filter_atomized'] = pairs[chain][:, chain][None, None].expand(1, S, A, A)
    out = {'atom_positions_predicted': x[None], 'plddt_logits': logits[None]}
    nan = torch.full((1, SAMPLES), float('nan'))
    with mock.patch.object(R.metrics, 'compute_rasa_batch', lambda *a: nan):
        values = R.metrics.get_metrics(batch, out, compute_extra_val_metrics=True)
    gpde = torch.tensor([[3.0, 1.0, 2.0]])
    config = C.Config(dict(low_mem_validation=False, per_sample_atom_cutoff=None,
                           pde=dict(bin_min=0, bin_max=32, no_bins=64), distogram={}))
    pde = torch.zeros(1, SAMPLES, 2, 2, 64)
    with mock.patch.object(R.selection, 'compute_global_predicted_distance_error', lambda **k: (gpde, None)):
        entry = R.selection.compute_valid_model_selection_metrics(config, dict(out, pde_logits=pde, distogram_logits=pde), values)
    return {k: v[0].to(F64) for k, v in values.items()}, {k: v[0].to(F64) for k, v in entry.items()}


def main():
    p = argparse.ArgumentParser()
    p.add_argument('--reference', required=True)
    p.add_argument('--shared', default=os.environ.get('SHARED', str(ROOT.parent / 'shared')))
    a = p.parse_args()
    sys.path.insert(0, str(pathlib.Path(a.shared) / 'oracle'))
    import check_losses as C
    from of3_files import save_safetensors
    R = C.load_reference(a.reference)
    from openfold3.core.metrics.confidence import compute_plddt
    rng = np.random.default_rng(20)
    torch.manual_seed(20)
    for n, keywords in enumerate((dict(), dict(with_nucleic=False))):
        f, x, truth, resolved = made_up(C, rng, **keywords)
        A, chains = x.shape[1], int(f['asym_id'].max())
        logits = (2 * torch.randn(SAMPLES, A, 50)).to(F64)
        counts = torch.tensor(rng.random(chains) < 0.7)
        pairs = torch.tensor(rng.random((chains, chains)) < 0.6)
        pairs = pairs | pairs.T
        out = M.features_of(f)
        out['feat/residue_index'] = f['residue_index'].int()
        out['feat/ref_atom_name_chars'] = f['ref_atom_name_chars'].argmax(-1).to(torch.uint8)
        out.update({'x': x.float(), 'truth': truth.float(), 'resolved': resolved.float(),
                    'plddt': (100 * compute_plddt(logits)).float(), 'chain_counts': counts.to(torch.uint8),
                    'pair_counts': pairs.to(torch.uint8)})
        for name, filters in (('all', None), ('some', (counts, pairs))):
            values, entry = reference_metrics(R, C, f, x, truth, resolved, logits, filters)
            out.update({f'{name}/{k}': torch.cat([v, entry[k][None]]) for k, v in values.items()})
        OUT.mkdir(exist_ok=True)
        save_safetensors(OUT / f'metrics_{n}.safetensors', out)
        print(n, A, 'atoms', chains, 'chains', sum(k.startswith('all/') for k in out), 'and', sum(k.startswith('some/') for k in out), 'metrics')


if __name__ == '__main__':
    main()
