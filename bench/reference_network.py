#!/usr/bin/env python3
"""Seconds of each phase of the reference's network, PyPI openfold3==0.5.0, on features that of3 wrote.

  reference_network.py CHECKPOINT [FEATURES...] [--device cuda|cpu] [--modes 32/high,...] [--passes 2] [--steps 5]
                       [--samples 5] [--cold]

CHECKPOINT: made if it does not exist, with random weights of the published size, for this and for of3.
FEATURES: `of3 features QUERY --out FEATURES`. The package's network is run as its runner does it (preset `predict`, no
gradients), its pipeline for features and files is not. --modes: precision, 32 or bf16-mixed (autocast), and that of float32
products, high or highest; high, the package's default, means tf32 on a GPU. Triton kernels are on for cuda, as by default, and
off for cpu, which has none.
Phases: first (a fold of one pass and one step that comes before, to compile and tune; not with --cold), inputs, trunk pass
(mean of --passes), denoiser step (mean of --steps; there is no preparation: what does not change is made in every step),
heads. Needs torch and what the package's
network imports: biotite, gemmi, ml_collections, numpy, scipy."""
import argparse
import json
import math
import os
import pathlib
import resource
import struct
import time

START = time.perf_counter()
import numpy as np  # noqa: E402
import torch  # noqa: E402
from openfold3.core.model.primitives import linear  # noqa: E402

for name in ('lecun_normal_init_', 'he_normal_init_', 'glorot_uniform_init_', 'kaiming_normal_init_'):
    setattr(linear, name, lambda w: None)               # weights come from the file; making them up is slow
from openfold3.projects.of3_all_atom.config.model_config import model_config  # noqa: E402
from openfold3.projects.of3_all_atom.model import OpenFold3  # noqa: E402

IMPORTED = time.perf_counter()


def arguments():
    a = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    a.add_argument('checkpoint')
    a.add_argument('features', nargs='*')
    a.add_argument('--device', default='cuda', choices=['cuda', 'cpu'])
    a.add_argument('--modes', default='32/high')
    a.add_argument('--passes', type=int, default=2)
    a.add_argument('--steps', type=int, default=5)
    a.add_argument('--samples', type=int, default=5)
    a.add_argument('--cold', action='store_true')
    return a.parse_args()


def make(path):
    """Uniform on +-1/sqrt(inputs), so that products keep the size of their input; scales 1, biases 0."""
    net = OpenFold3(model_config).to('cuda' if torch.cuda.is_available() else 'cpu')
    with torch.no_grad():
        for name, p in net.named_parameters():
            if p.ndim > 1:
                p.uniform_(-1, 1).mul_(1 / math.sqrt(p.shape[-1]))
            elif 'fourier' not in name:
                p.fill_(1 if name.endswith('weight') else 0)
    torch.save({k: v.cpu() for k, v in net.state_dict().items() if not k.startswith('sample_diffusion.')}, path)


def read_features(path, device):
    """feat/NAME of a safetensors file: indices as i64, all else f32, with a batch axis."""
    data = pathlib.Path(path).read_bytes()
    size, = struct.unpack('<Q', data[:8])
    feats = {}
    for name, t in json.loads(data[8:8 + size]).items():
        if name.startswith('feat/'):
            a, b = (8 + size + at for at in t['data_offsets'])
            x = np.frombuffer(data[a:b], {'I32': np.int32, 'F32': np.float32, 'U8': np.uint8}[t['dtype']]).reshape(t['shape'])
            to = torch.long if t['dtype'] == 'I32' else torch.bool if name == 'feat/cyclic_mask' else torch.float
            feats[name[5:]] = torch.tensor(x)[None].to(device, to)
    return feats


def build(o):
    c = model_config
    c.settings.memory.eval.chunk_size = 1024             # the preset `predict`
    c.settings.memory.eval.use_triton_triangle_kernels = o.device == 'cuda'
    c.architecture.shared.diffusion.no_full_rollout_samples = o.samples
    net = OpenFold3(c).eval()
    table = torch.load(o.checkpoint, mmap=True)
    missing, left = net.load_state_dict(table, strict=False)
    left += [k for k in missing if not k.startswith('sample_diffusion.')]
    assert not left, left                                # sample_diffusion holds the same denoiser again
    return net.to(o.device)


class Clock:
    """Seconds spent in methods of the network's parts."""

    def __init__(self, device):
        self.wait = torch.cuda.synchronize if device == 'cuda' else lambda: None
        self.spent = {}

    def now(self):
        self.wait()
        return time.perf_counter()

    def watch(self, owner, method, name):
        inner = getattr(owner, method)

        def timed(*args, **kwargs):
            begin = self.now()
            out = inner(*args, **kwargs)
            self.spent[name] = self.now() - begin
            return out
        setattr(owner, method, timed)


def fold(net, batch, o, mode, passes, steps):
    precision, products = mode.split('/')
    torch.set_float32_matmul_precision(products)
    net.shared.num_recycles = passes - 1
    net.shared.diffusion.no_full_rollout_steps = steps
    with torch.no_grad(), torch.autocast(o.device, dtype=torch.bfloat16, enabled=precision == 'bf16-mixed'):
        x = net(dict(batch))[1]['atom_positions_predicted']
    assert torch.isfinite(x).all()


def measure(net, clock, path, o, mode):
    batch = read_features(path, o.device)
    begin = clock.now()
    if not o.cold:
        fold(net, batch, o, mode, 1, 1)
    first = clock.now() - begin
    if o.device == 'cuda':
        torch.cuda.reset_peak_memory_stats()
    fold(net, batch, o, mode, o.passes, o.steps)
    memory = torch.cuda.max_memory_allocated() if o.device == 'cuda' else 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    s = clock.spent
    phases = dict(first=first, inputs=s['inputs'], trunk_pass=(s['trunk'] - s['inputs']) / o.passes,
                  denoiser_step=s['diffusion'] / o.steps, heads=s['heads'])
    print(f'{mode}, {batch["restype"].shape[1]} tokens, {batch["msa"].shape[1]} MSA rows, {o.samples} samples, '
          f'{memory / 1e9:.2f} GB; ms: ' + ', '.join(f'{k} {1e3 * v:.1f}' for k, v in phases.items()), flush=True)


def main():
    o = arguments()
    if not os.path.exists(o.checkpoint):
        make(o.checkpoint)
    if not o.features:
        return
    torch.manual_seed(1)
    clock = Clock(o.device)
    begin = clock.now()
    net = build(o)
    device = torch.cuda.get_device_name() if o.device == 'cuda' else f'cpu, {torch.get_num_threads()} threads'
    print(f'openfold3 on {device}: imports {IMPORTED - START:.1f} s, building and weights {clock.now() - begin:.1f} s', flush=True)
    for owner, method, name in ((net.input_embedder, 'forward', 'inputs'), (net, 'run_trunk', 'trunk'),
                                (net.sample_diffusion, 'forward', 'diffusion'), (net.aux_heads, 'forward', 'heads')):
        clock.watch(owner, method, name)
    for path in o.features:
        for mode in o.modes.split(','):
            measure(net, clock, path, o, mode)


if __name__ == '__main__':
    main()
