#!/usr/bin/env python3
"""Whole folds of mixed complexes by the reference package and by of3: coordinates and scores side by side.

    mixed_folds.py --parity build/tests/parity --work DIR [--config full] [--device cuda] [--only NAME ...] > bench/results/mixed_folds.txt
    mixed_folds.py --work DIR --features-only     the package's features alone, for a machine that has only its network

Run by a Python that imports openfold3 0.5.0. Weights of the published size, random (make_checkpoint.py); features of ten queries of
tests/fixtures/queries by the package; its own trunk, sampler, heads and scores, plain attention, float32 (no TF32), with noise
that is recorded. build/tests/parity then does the same with the same weights, features and noise, from the features to the
coordinates, and the confidence of the reference's coordinates. One line for each query: largest deviation over the largest value
of what the reference has; of coordinates also in Angstrom. What is there already in --work (features, weights, folds) is taken;
the package's network imports torch, numpy, scipy, biotite, gemmi and ml_collections.
"""
import argparse
import contextlib
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import time

import torch

ROOT = pathlib.Path(__file__).resolve().parent.parent
QUERIES = ROOT / 'tests' / 'fixtures' / 'queries'
NAMES = ('everything_rna_first', 'in_a_row', 'strand_of_both', 'ions', 'heme', 'rna_psu_5mc', 'ring_changed', 'copies', 'nucleotides',
         'smiles_drug')
SEED, CYCLES, STEPS, SAMPLES = 42, 2, 15, 2
COLUMNS = {'coordinates': 'out/x_sampled', 'pair': 'out/z', 'pLDDT': 'out/value/plddt', 'PAE': 'out/value/pae', 'PDE': 'out/value/pde',
           'contact': 'out/value/contact', 'gPDE': 'out/value/gpde', 'pTM': 'out/value/ptm', 'ipTM': 'out/value/iptm',
           'chain pTM': 'out/value/chain_ptm', 'pair ipTM': 'out/value/chain_pair_iptm'}


def weights_of(config, path):
    """The file, made if it is not there: one denoiser, as of3 reads it."""
    import make_checkpoint
    from of3_files import load_safetensors, save_safetensors
    from of3_oracle import CONFIGS, VARIANTS
    if not path.exists():
        table = make_checkpoint.random_weights(CONFIGS[config](), VARIANTS['OB'], 0)
        save_safetensors(path, table, {})
        return table
    return load_safetensors(path)[0]


def open_model(config, path, device):
    import check_against_reference as check
    import make_checkpoint
    from of3_oracle import CONFIGS
    check.open_reference(str(pathlib.Path(__import__('openfold3').__file__).parent.parent), [])
    model_config, model = check.build_reference(CONFIGS[config](), SAMPLES, STEPS)
    model.load_state_dict(make_checkpoint.with_second_denoiser(weights_of(config, path), share=True), strict=True)
    model_config.settings.memory.eval.chunk_size = None
    return model.to(device)


def make_features(name, work):
    """Features as tensors, and packed as in a file of reference_features.py."""
    import reference_features as rf
    query = json.loads((QUERIES / 'queries.json').read_text())['queries'][name]
    for chain in query['chains']:
        if 'main_msa_file_paths' in chain:
            chain['main_msa_file_paths'] = [str(QUERIES / f) for f in chain['main_msa_file_paths']]
    path = work / 'query.json'
    path.write_text(json.dumps({'queries': {name: query}}))
    out = work / 'features.safetensors'
    feats, _, _ = rf.run(path, name, SEED, out, None, {}, False)
    return {k: v for k, v in feats.items() if torch.is_tensor(v)}, rf.pack(feats, False)


def features_of(name, folder):
    """The same from the file of an earlier run, if there is one."""
    path = folder / f'features_{name}.pt'
    if not path.exists():
        with tempfile.TemporaryDirectory() as work:
            torch.save(make_features(name, pathlib.Path(work)), path)
    return torch.load(path)


@contextlib.contextmanager
def noise_of_the_cpu(device):
    """Random numbers are drawn by the CPU's generator, whose order is recorded, on any device."""
    drawn, like = torch.randn, torch.randn_like
    torch.randn = lambda *size, device=None, **kw: drawn(*size, **kw).to(device)
    torch.randn_like = lambda x: drawn(x.shape, dtype=x.dtype).to(x.device)
    try:
        yield
    finally:
        torch.randn, torch.randn_like = drawn, like


def scores_of(feats, x, logits):
    """By the package, where it has a function for it."""
    import openfold3.core.metrics.confidence as cm
    import openfold3.core.metrics.sample_ranking as rank
    import openfold3.core.utils.atomize_utils as at
    value = {'plddt': 100 * cm.compute_plddt(logits['plddt'])}
    for k in ('pae', 'pde'):
        value[k] = cm.probs_to_expected_error(logits[k].softmax(-1), 0, 32, 64)
    gpde, contact = cm.compute_global_predicted_distance_error(value['pde'], logits['distogram'][None], 2, 22, 64)
    value.update(gpde=gpde.flatten(), contact=contact[0])
    _, frames = at.get_token_frame_atoms(feats, x, feats['atom_mask'])
    value['frames'] = frames.bool().float()
    tokens, asym = feats['token_mask'], feats['asym_id']
    for k, chain in (('ptm', False), ('iptm', True)):
        value[k] = cm.compute_ptm(logits['pae'], frames, 0, 32, 64, tokens, asym, interface=chain)
    pairs = rank.compute_chain_pair_iptm(feats, logits['pae'], frames.bool(), bin_min=0, bin_max=32, no_bins=64)['chain_pair_iptm']
    ids = sorted(set(asym.tolist()))
    table = torch.zeros(len(x), len(ids), len(ids))
    for i, a in enumerate(ids):
        for j, b in enumerate(ids):
            if i != j:
                table[:, i, j] = pairs[f'({min(a, b)},{max(a, b)})'].flatten()
    value['chain_pair_iptm'] = table
    value['chain_ptm'] = torch.stack([
        cm.compute_ptm(logits['pae'], frames, 0, 32, 64, tokens * (asym == a), asym, interface=False) for a in ids], -1)
    return {f'out/value/{k}': v for k, v in value.items()}


@torch.no_grad()
def run_network(model, feats, device):
    """What comes before the sampler, and the whole output, on the CPU; the seconds they took."""
    batch = {k: v[None].to(device) for k, v in feats.items()}
    begin = time.time()
    trunk = model.run_trunk({k: v.clone() for k, v in batch.items()}, CYCLES, inplace_safe=True)
    lifted = {k: v.unsqueeze(1) for k, v in batch.items()}
    kw = dict(batch=lifted, si_input=trunk[0].unsqueeze(1), si_trunk=trunk[1].unsqueeze(1), zij_trunk=trunk[2].unsqueeze(1))
    torch.manual_seed(SEED)
    with noise_of_the_cpu(device):
        got = model._rollout(**kw, inplace_safe=False)
    got.update(si_trunk=kw['si_trunk'], zij_trunk=kw['zij_trunk'])
    got.update(model.aux_heads(batch=lifted, si_input=kw['si_input'], output=got, use_zij_trunk_embedding=True))
    trunk, got = [t.cpu() for t in trunk], {k: v.cpu() for k, v in got.items() if torch.is_tensor(v)}
    return trunk, got, time.time() - begin


def fold(model, name, device, out):
    from of3_files import save_safetensors
    from of3_oracle import Noise
    feats, packed = features_of(name, out.parent)
    trunk, got, seconds = run_network(model, feats, device)
    torch.manual_seed(SEED)
    noise = Noise.draw(STEPS, SAMPLES, len(feats['atom_mask']))
    x = got['atom_positions_predicted'][0]
    logits = {k: got[f'{k}_logits'][0] for k in ('plddt', 'pae', 'pde')} | {'distogram': got['distogram_logits'][0, 0]}
    table = packed | {f'rand/noise.{k}': v for k, v in vars(noise).items()}
    table |= {f'rand/msa_rows.{c}': torch.arange(len(feats['msa']), dtype=torch.int32) for c in range(CYCLES)}
    table |= {'out/s_input': trunk[0][0], 'out/s': trunk[1][0], 'out/z': trunk[2][0], 'out/x_sampled': x}
    table |= {f'out/{k}': v for k, v in logits.items()} | scores_of(feats, x, logits)
    meta = {'variant': 'OB', 'cycles': str(CYCLES), 'weights': 'random', 'seconds': f'{seconds:.1f}',
            'size': f'{len(feats["token_mask"])} {len(feats["atom_mask"])} {float(x.abs().max())}'}
    part = out.with_name('part-' + out.name)
    save_safetensors(part, {k: v.contiguous() for k, v in table.items()}, meta)
    part.rename(out)


def compare(parity, checkpoint, fixture, threads):
    """Deviations by tensor, and the seconds of of3."""
    begin = time.time()
    run = subprocess.run([parity, '--checkpoint', checkpoint, '--fixture', fixture, '--threads', str(threads)], stdout=subprocess.PIPE,
                         stderr=subprocess.STDOUT, text=True)
    rows = dict(re.findall(r'^(\S+) +(\d\.\d+e[-+]\d+) ', run.stdout, re.M))
    if not rows or 'above their bound' not in run.stdout:
        raise SystemExit(f'{fixture}: {run.stdout[-800:]}')
    last = run.stdout.strip().splitlines()[-1]
    return {k: float(v) for k, v in rows.items()}, last, time.time() - begin


def main():
    a = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    a.add_argument('--parity', type=pathlib.Path)
    a.add_argument('--work', type=pathlib.Path, required=True)
    a.add_argument('--oracle', type=pathlib.Path,
                   default=pathlib.Path(os.environ.get('SHARED') or ROOT.parent / 'shared') / 'oracle')
    a.add_argument('--config', default='full')
    a.add_argument('--device', default='cpu', help='of the reference')
    a.add_argument('--threads', type=int, default=2, help='of of3')
    a.add_argument('--features-only', action='store_true')
    a.add_argument('--only', nargs='*')
    o = a.parse_args()
    if not o.parity and not o.features_only:
        a.error('--parity is needed')
    sys.path.insert(0, str(o.oracle))
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
    o.work.mkdir(parents=True, exist_ok=True)
    names = o.only or NAMES
    if o.features_only:
        for name in names:
            features_of(name, o.work)
    else:
        make_folds(o, names)
        table_of(o, names)


def make_folds(o, names):
    missing = [n for n in names if not (o.work / f'{o.config}_{n}.safetensors').exists()]
    if missing:
        model = open_model(o.config, o.work / f'{o.config}.safetensors', o.device)
        for name in missing:
            fold(model, name, o.device, o.work / f'{o.config}_{name}.safetensors')


def table_of(o, names):
    from of3_files import load_safetensors
    print('| query | tokens | atoms | ' + ' | '.join(COLUMNS) + ' | coordinates, A | bounds of tests/parity | reference, s |')
    print('|---' * (len(COLUMNS) + 6) + '|')
    worst = dict.fromkeys(COLUMNS, 0.0)
    for name in names:
        fixture = o.work / f'{o.config}_{name}.safetensors'
        meta = load_safetensors(fixture)[1]
        tokens, atoms, size = meta['size'].split()
        rows, last, _ = compare(o.parity, o.work / f'{o.config}.safetensors', fixture, o.threads)
        worst = {k: max(worst[k], rows[v]) for k, v in COLUMNS.items()}
        print(f'| {name} | {tokens} | {atoms} | ' + ' | '.join(f'{rows[v]:.1e}' for v in COLUMNS.values())
              + f' | {rows["out/x_sampled"] * float(size):.1e} | {last} | {meta["seconds"]} |', flush=True)
    print('| worst | | | ' + ' | '.join(f'{v:.1e}' for v in worst.values()) + ' | | | |')


if __name__ == '__main__':
    main()
