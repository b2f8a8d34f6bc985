#!/usr/bin/env python3
"""How far gradients of a training entry go off where linears multiply bf16: the PyTorch oracle in float32, plain and with both operands of
each linear rounded, beside itself in float64. The entry is that of the fixtures steps_entry_0 (make_training_fixtures.py), variant OB, two
cycles; bench/results/training_plan.txt has the figures beside those of of3. Needs PyTorch and numpy.

    bf16_gradients.py [--shared DIR]
"""
import argparse
import os
import pathlib
import sys

import torch

import make_training_fixtures as fixtures


def rounded(x):
    """In bf16; the gradient goes through unchanged."""
    return x + (x.bfloat16().to(x.dtype) - x).detach()


def gradients(dtype, rounds):
    import of3_losses as L
    import of3_oracle
    import of3_train_step as T
    from dataclasses import replace
    from of3_files import load_weights
    plain = of3_oracle.linear
    if rounds:
        of3_oracle.linear = lambda x, p: torch.nn.functional.linear(rounded(x), rounded(p('weight')), p('bias') if p.has('bias') else None)
    cast = lambda d: {k: v.to(dtype) if torch.is_tensor(v) and v.is_floating_point() else v for k, v in d.items()}
    entry = fixtures.step_entry(T, 0)
    entry.update(w=L.entry_weights('initial', 2.0, release='0.5.0'), f=cast(entry['f']), gt=cast(entry['gt']))
    params = cast(load_weights(fixtures.ROOT / 'tests/fixtures/parity/checkpoint_ob.safetensors'))
    model = T.OracleModel(of3_oracle.Model(params, of3_oracle.CONFIGS['tiny'](), of3_oracle.VARIANTS['OB'], dtype))
    names = [k for k in sorted(params) if k not in model.buffers]
    for k in names:
        params[k].requires_grad_(True)
    h = replace(T.Hyper(), protocol='0.5.0', rollout_steps=fixtures.ROLLOUT, copies=fixtures.COPIES)
    draws = cast(fixtures.draws_of(0, len(entry['f']['atom_mask'])))
    loss, _ = L.total_loss([T.forward(model, params, entry, 1, draws, h, False, True)], False, True, T.RULES['0.5.0'])
    g = torch.autograd.grad(loss, [params[k] for k in names], allow_unused=True)
    of3_oracle.linear = plain
    return {k: (torch.zeros(1) if v is None else v).double().flatten() for k, v in zip(names, g)}


def main():
    a = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    a.add_argument('--shared', type=pathlib.Path, default=pathlib.Path(os.environ.get('SHARED') or fixtures.ROOT.parent / 'shared'))
    sys.path.insert(0, str(a.parse_args().shared / 'oracle'))
    torch.set_num_threads(1)
    exact = gradients(torch.float64, False)
    norm = torch.cat(list(exact.values())).norm()
    for name, rounds in (('float32', False), ('float32, linears of bf16 operands', True)):
        g = gradients(torch.float32, rounds)
        all_of_them = torch.cat([g[k] - exact[k] for k in exact]).norm() / norm
        of_a_tensor = max((g[k] - exact[k]).norm() / exact[k].norm() for k in exact if exact[k].norm() > norm / 100)
        print(f'{name}: {float(all_of_them):.1e} of all, {float(of_a_tensor):.1e} of a tensor')


if __name__ == '__main__':
    main()
