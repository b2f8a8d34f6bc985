#!/usr/bin/env python3
"""Write tests/fixtures/evoformer: the Evoformer of OpenFold3's library of layers, forward and gradients (docs/model.md 16).

    PYTHON make_evoformer_fixtures.py          with a Python that imports openfold3 0.5.0

    plain.safetensors     relu, column attention, outer product mean after the transition of m
    multimer.safetensors  swiglu, outer product mean first, fused projections, transitions not masked, dropout
    sequence.safetensors  relu, no column attention, transitions masked; without any mask
    extra.safetensors     relu, global attention along columns, outer product mean first: the form for extra sequences, which is the
                          package's block with its MSAColumnGlobalAttention

Each is a stack of two blocks on two complexes. Weights are evoformer.*, as the package names them, of random numbers, also those
that it begins at 0. out/m and out/z are multiplied by their masks: what is masked is not compared. L is the sum of the outputs
times dy/*; grad/NAME are its derivatives by weights, m and z. keep/PLACE: what dropout keeps at a place of the network.
Computed in float64 from numbers that float32 holds.
"""
import json
import pathlib
import struct

import torch
from openfold3.core.model.latent.evoformer import EvoformerStack
from openfold3.core.model.layers.msa import MSAColumnGlobalAttention
from openfold3.core.model.primitives import DropoutRowwise

OUT = pathlib.Path(__file__).resolve().parent.parent / 'tests' / 'fixtures' / 'evoformer'
B, M, N = 2, 5, 6
SIZES = dict(c_m=12, c_z=10, c_s=7, c_hidden_msa_att=6, c_hidden_opm=5, c_hidden_mul=9, c_hidden_pair_att=4, no_heads_msa=2,
             no_heads_pair=3, no_blocks=2, transition_n=2, msa_dropout=0.15, pair_dropout=0.25, inf=1e9, eps=1e-10, blocks_per_ckpt=None)
CASES = dict(
    plain=dict(transition_type='relu', no_column_attention=False, opm_first=False, fuse_projection_weights=False),
    multimer=dict(transition_type='swiglu', no_column_attention=False, opm_first=True, fuse_projection_weights=True, mask_trans=False,
                  dropout=True),
    sequence=dict(transition_type='relu', no_column_attention=True, opm_first=False, fuse_projection_weights=False, masked=False),
    extra=dict(transition_type='relu', no_column_attention=True, opm_first=True, fuse_projection_weights=False, extra=True),
)


class GlobalColumns(MSAColumnGlobalAttention):
    """Takes the arguments that the block gives to attention along columns."""

    def forward(self, m, mask=None, chunk_size=None, **_):
        return super().forward(m, mask=mask, chunk_size=chunk_size)


def make_stack(mask_trans=True, dropout=False, masked=True, extra=False, **options):
    stack = EvoformerStack(**SIZES, **options)
    if extra:
        for block in stack.blocks:
            block.no_column_attention = False
            block.msa_att_col = GlobalColumns(SIZES['c_m'], SIZES['c_hidden_msa_att'], SIZES['no_heads_msa'])
        del stack.linear
        stack._wrap_up = lambda m, z: (m, z)
    return stack.double()


def random_weights(stack):
    with torch.no_grad():
        for name, p in stack.named_parameters():
            scale = 0.3 if p.dim() == 1 else p.shape[-1] ** -0.5
            p.copy_((scale * torch.randn(p.shape) + (1.0 if 'layer_norm' in name and name.endswith('weight') else 0.0)).float())


def given_dropout(stack):
    """Dropout multiplies by masks that are drawn here; returns them by place."""
    keep = {}

    def multiply(place):
        def forward(x):
            keep[place] = (torch.rand(B, 1, *x.shape[2:]) >= stack_rate(place)).double()
            return x * keep[place] / (1 - stack_rate(place))
        return forward

    def stack_rate(place):
        return SIZES['msa_dropout' if place.endswith('msa_att_row') else 'pair_dropout']

    for i, block in enumerate(stack.blocks):
        assert isinstance(block.msa_dropout_layer, DropoutRowwise)
        block.msa_dropout_layer.forward = multiply(f'blocks.{i}.msa_att_row')
        places = [f'blocks.{i}.pair_stack.{n}' for n in ('tri_mul_out', 'tri_mul_in', 'tri_att_start', 'tri_att_end')]
        calls = iter([multiply(p) for p in places])
        block.pair_stack.ps_dropout_row_layer.forward = lambda x, calls=calls: next(calls)(x)
    return keep


def masks(masked):
    token, msa = torch.ones(B, N).double(), torch.ones(B, M, N).double()
    if masked:
        token[1, N - 2:] = 0  # a complex of fewer tokens
        msa = (torch.rand(B, M, N) > 0.2).double() * token[:, None]
        msa[:, 0] = token
        msa[0, M - 1] = 0  # and of fewer sequences
    return token, msa


def make(name, options):
    torch.manual_seed(sum(map(ord, name)))
    stack = make_stack(**options)
    random_weights(stack)
    stack.train(bool(options.get('dropout')))
    keep = given_dropout(stack) if options.get('dropout') else {}
    token, msa = masks(options.get('masked', True))
    pair = token[:, :, None] * token[:, None, :]
    m = torch.randn(B, M, N, SIZES['c_m']).float().double().requires_grad_()
    z = torch.randn(B, N, N, SIZES['c_z']).float().double().requires_grad_()
    out = dict(zip('mzs', stack(m, z, msa_mask=msa, pair_mask=pair, _mask_trans=options.get('mask_trans', True))))
    seen = dict(m=msa, z=pair, s=token)
    out = {k: v * seen[k][..., None] for k, v in out.items()}
    dy = {k: torch.randn(v.shape).float().double() for k, v in out.items()}
    sum((out[k] * dy[k]).sum() for k in out).backward()
    tensors = {'evoformer.' + k: p for k, p in stack.named_parameters()}
    tensors.update({'grad/evoformer.' + k: p.grad for k, p in stack.named_parameters()})
    tensors.update({'in/m': m, 'in/z': z, 'grad/m': m.grad, 'grad/z': z.grad})
    if options.get('masked', True):
        tensors.update({'in/token_mask': token, 'in/msa_mask': msa})
    tensors.update({f'out/{k}': v for k, v in out.items()})
    tensors.update({f'dy/{k}': v * seen[k][..., None] for k, v in dy.items()})
    tensors.update({f'keep/{k}': v.reshape(B, -1) for k, v in keep.items()})
    save(OUT / f'{name}.safetensors', {k: v.detach().float().contiguous() for k, v in tensors.items()})


def save(path, tensors):
    header, at = {}, 0
    for k, t in tensors.items():
        header[k] = dict(dtype='F32', shape=list(t.shape), data_offsets=[at, at + 4 * t.numel()])
        at += 4 * t.numel()
    text = json.dumps(header, separators=(',', ':')).encode()
    text += b' ' * (-len(text) % 8)
    path.write_bytes(struct.pack('<Q', len(text)) + text + b''.join(t.numpy().tobytes() for t in tensors.values()))


if __name__ == '__main__':
    OUT.mkdir(exist_ok=True)
    for case, chosen in CASES.items():
        make(case, chosen)
