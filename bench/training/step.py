#!/usr/bin/env python3
"""The same step as step.c with the PyTorch oracle (a folder with of3_oracle.py): forward of one cycle, confidence heads and
denoised copies, and backward of random gradients. Writes the features that step.c reads.

    step.py ORACLE --features OUT.safetensors [--tokens N] [--msa M]                   write features
    step.py ORACLE --time FILE [--copies S] [--blocks B] [--transformer B] [--threads T] [--times K] [--checkpointing]

Printed as step.c does: seconds of forward and backward by the clock, both in processor time, the most memory of the process.
--checkpointing: blocks of the pairformer and the token transformer are done again, as step.c's are."""
import argparse
import resource
import sys
import time
from dataclasses import replace

import torch


def main():
    a = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    a.add_argument('oracle')
    a.add_argument('--features')
    a.add_argument('--time')
    for name, value in dict(tokens=64, msa=64, copies=8, blocks=48, transformer=24, threads=1, times=1).items():
        a.add_argument(f'--{name}', type=int, default=value)
    a.add_argument('--checkpointing', action='store_true')
    o = a.parse_args()
    sys.path.insert(0, o.oracle)
    import make_fixtures
    from of3_files import save_safetensors
    from of3_oracle import OB, Config
    if o.features:
        feats = make_fixtures.make_features(0, o.tokens, o.msa, 0, OB)
        table = {f'feat/{k}': v.to(torch.uint8) if k in make_fixtures.ONE_HOT_OR_MASK else v for k, v in feats.items()}
        save_safetensors(o.features, table, {})
    if o.time:
        torch.set_num_threads(o.threads)
        measure(o, replace(Config(), blocks_pairformer=o.blocks, blocks_token=o.transformer), OB)


def again(model, name):
    """Has a method of the model computed again on the way back."""
    from torch.utils.checkpoint import checkpoint
    method = getattr(model, name)
    setattr(model, name, lambda *args, **named: checkpoint(method, *args, use_reentrant=False, **named))


def measure(o, cfg, var):
    import make_checkpoint
    import make_fixtures
    from of3_oracle import Model
    feats = make_fixtures.read_features(o.time)
    weights = {k: t.requires_grad_() for k, t in make_checkpoint.random_weights(cfg, var, 0).items()}
    net = Model(weights, cfg, var)
    if o.checkpointing:
        again(net, 'pairformer_block')
    n_atom = len(feats['atom_mask'])
    g = torch.Generator().manual_seed(1)
    structure = 10 * torch.randn(1, n_atom, 3, generator=g)
    noisy, t = 10 * torch.randn(o.copies, n_atom, 3, generator=g), torch.arange(1., o.copies + 1)
    print(f'{len(feats["token_mask"])} tokens, {n_atom} atoms, {o.copies} copies, {o.threads} threads, torch {torch.__version__}')
    print(f'{"forward s":>10} {"back s":>10} {"forward cpu":>11} {"back cpu":>10} {"most MiB":>10}')
    for _ in range(o.times):
        for w in weights.values():
            w.grad = None
        wall, cpu = [time.monotonic()], [time.process_time()]
        inp = net.inputs(feats)
        s_input, s, z = net.trunk(inp, 1, [torch.arange(len(feats['msa_mask']))])
        fixed = net.prepare_denoiser(inp, s_input, s, z)
        heads = net.confidence(inp, s_input, s, z, structure)
        out = [net.distogram(z), net.denoise(noisy, t, inp, fixed), *(heads[k] for k in ('plddt', 'pde', 'resolved'))]
        wall.append(time.monotonic())
        cpu.append(time.process_time())
        torch.autograd.backward(out, [0.01 * torch.randn(x.shape, generator=g) for x in out])
        wall.append(time.monotonic())
        cpu.append(time.process_time())
        most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(f'{wall[1] - wall[0]:10.2f} {wall[2] - wall[1]:10.2f} {cpu[1] - cpu[0]:11.2f} {cpu[2] - cpu[1]:10.2f} {most:10.0f}',
              flush=True)


if __name__ == '__main__':
    main()
