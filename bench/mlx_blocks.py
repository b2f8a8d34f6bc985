#!/usr/bin/env python3
"""Whole blocks of the network, of3 through MLX beside a plain composition in MLX-Python, in one run.

  bench/mlx_blocks.py BUILD [--tokens 76,256] [--blocks pairformer,...] [--rows 128] [--dtype f32|bf16] [--seconds S]

BUILD holds bench/of3_mlx_blocks and of3_mlx.so (or OF3_MLX_PLUGIN names it). Needs `pip install mlx` (mlx[cpu] on Linux) of the
version that of3 was built with. Both work on the same random weights of the published widths and the same input; what comes out
is compared first (largest deviation over largest value, at most BOUND). Times are milliseconds, the best of S seconds. The
compositions are written as one would by hand: channel-last linears, fast.layer_norm, fast.scaled_dot_product_attention with the
bias as mask, everything lazy until the block's end; masks are left out where all is 1. What of3 makes once per query is given
to both. step: a whole denoiser step of 5 samples; --rows: of the alignment."""
import argparse
import math
import os
import pathlib
import subprocess
import sys
import tempfile
import time

import mlx.core as mx

SAMPLES, SIGMA, EPS = 5, 16.0, 1e-5
HEADS = dict(pair=4, msa=8, single=16, token=16, atom=4)
BOUND = dict(f32=1e-6, bf16=0.04)                       # measured on the CPU device: 2.7e-7, 1.1e-2


class Weights:
    """The tensors below a path: w['tri_mul_out.z'] is a matrix, w.at('tri_mul_out') has the tensors below it."""

    def __init__(self, table, path=''):
        self.table, self.path = table, path

    def at(self, path):
        return Weights(self.table, f'{self.path}{path}.')

    def __getitem__(self, name):
        return self.table[self.path + name]

    def get(self, name):
        return self.table.get(self.path + name)


def linear(x, w, name):
    m, b = w[name + '.w'], w.get(name + '.b')
    y = x.astype(m.dtype) @ m.T
    return y if b is None else y + b.astype(y.dtype)


def norm(x, w=None, name=''):
    scale, offset = (w.get(name + '.scale'), w.get(name + '.offset')) if w else (None, None)
    return mx.fast.layer_norm(x, scale, offset, EPS)


def silu(x):
    return x * mx.sigmoid(x)


def attend(q, k, v, heads, bias):
    """q, k, v [B,N,H*d], bias [1 or B,H,N,N]."""
    q, k, v = (x.reshape(*x.shape[:-1], heads, -1).swapaxes(1, 2) for x in (q, k, v))
    o = mx.fast.scaled_dot_product_attention(q, k, v, scale=q.shape[-1] ** -0.5, mask=bias.astype(q.dtype))
    return o.swapaxes(1, 2).flatten(-2)


# ---- pairs

def transition(x, w):
    y = norm(x, w, 'norm')
    return x + linear(silu(linear(y, w, 'a')) * linear(y, w, 'b'), w, 'out')


def triangle_mul(z, w, outgoing):
    x = norm(z, w, 'norm_in')
    a = mx.sigmoid(linear(x, w, 'a_g')) * linear(x, w, 'a_p')
    b = mx.sigmoid(linear(x, w, 'b_g')) * linear(x, w, 'b_p')
    a, b = a.transpose(2, 0, 1), b.transpose(2, 0, 1)
    p = a @ b.swapaxes(1, 2) if outgoing else a.swapaxes(1, 2) @ b
    return z + linear(norm(p.transpose(1, 2, 0), w, 'norm_out'), w, 'z') * mx.sigmoid(linear(x, w, 'g'))


def triangle_attention(z, w, ending):
    x = norm(z, w, 'norm')
    bias = linear(x, w, 'z').transpose(2, 0, 1)[None]
    x = x.swapaxes(0, 1) if ending else x
    w = w.at('mha')
    o = attend(linear(x, w, 'q'), linear(x, w, 'k'), linear(x, w, 'v'), HEADS['pair'], bias)
    o = linear(mx.sigmoid(linear(x, w, 'g')) * o, w, 'o')
    return z + (o.swapaxes(0, 1) if ending else o)


def pair_block(z, w):
    z = triangle_mul(z, w.at('tri_mul_out'), True)
    z = triangle_mul(z, w.at('tri_mul_in'), False)
    z = triangle_attention(z, w.at('tri_att_start'), False)
    z = triangle_attention(z, w.at('tri_att_end'), True)
    return transition(z, w.at('pair_transition'))


def pairformer(x, w):
    z = pair_block(x['z'], w.at('pair'))
    s, wa = x['s'], w.at('attention')
    bias = linear(norm(z, wa, 'norm_z'), wa, 'z').transpose(2, 0, 1)[None]
    a, wm = norm(s, wa, 'norm_a')[None], wa.at('mha')
    o = attend(linear(a, wm, 'q'), linear(a, wm, 'k'), linear(a, wm, 'v'), HEADS['single'], bias)
    s = s + linear(mx.sigmoid(linear(a, wm, 'g')) * o, wm, 'o')[0]
    return dict(s=transition(s, w.at('single_transition')), z=z)


def template(x, w):
    return dict(z=mx.stack([pair_block(z, w.at('pair')) for z in x['z']]))


# ---- alignment

def outer_product_mean(m, z, w):
    x = norm(m, w, 'norm')
    a, b = linear(x, w, 'a'), linear(x, w, 'b')
    return z + linear(mx.einsum('rie,rjf->ijef', a, b).flatten(-2), w, 'out') / (m.shape[0] + 1e-3)


def pair_weighted_average(m, z, w):
    share = mx.softmax(linear(norm(z, w, 'norm_z'), w, 'z').transpose(2, 0, 1), axis=-1, precise=True)
    x = norm(m, w, 'norm_m')
    v = linear(x, w, 'v').reshape(*m.shape[:2], HEADS['msa'], -1)
    o = mx.einsum('hij,rjhd->rihd', share, v).flatten(-2)
    return m + linear(mx.sigmoid(linear(x, w, 'g')) * o, w, 'o')


def msa(x, w):
    z = outer_product_mean(x['m'], x['z'], w.at('opm'))
    m = pair_weighted_average(x['m'], z, w.at('average'))
    m = transition(m, w.at('transition'))
    return dict(m=m, z=pair_block(z, w.at('pair')))


# ---- denoiser

def modulation(s, w, name):
    n = norm(s, w, name + '.norm')
    return mx.sigmoid(linear(n, w, name + '.gate')), linear(n, w, name + '.shift')


def ada_norm(a, m):
    return m[0] * norm(a) + m[1]


def gated_transition(a, m, gate, w):
    x = ada_norm(a, m)
    return a + gate * linear(silu(linear(x, w, 'transition_a')) * linear(x, w, 'transition_b'), w, 'transition_out')


def token_block(a, s, bias, w):
    x, wm = ada_norm(a, modulation(s, w, 'query')), w.at('mha')
    o = attend(linear(x, wm, 'q'), linear(x, wm, 'k'), linear(x, wm, 'v'), HEADS['token'], bias.swapaxes(-1, -2)[None])
    a = a + mx.sigmoid(linear(s, w, 'query.out')) * linear(mx.sigmoid(linear(x, wm, 'g')) * o, wm, 'o')
    return gated_transition(a, modulation(s, w, 'transition'), mx.sigmoid(linear(s, w, 'transition.out')), w)


def atom_conditioning(c, w):
    """What an atom block takes from c, which no step changes."""
    return dict(query=modulation(c, w, 'query'), key=modulation(c, w, 'key'), transition=modulation(c, w, 'transition'),
                gate=mx.sigmoid(linear(c, w, 'query.out')), transition_gate=mx.sigmoid(linear(c, w, 'transition.out')))


def atom_block(q, fixed, bias, low, w):
    """Windows of 32 queries, each with 128 keys from low on; bias [windows,H,keys,queries] has the mask in it."""
    x, y, wm = ada_norm(q, fixed['query']), ada_norm(q, fixed['key']), w.at('mha')
    n, windows, heads = q.shape[1], len(low), HEADS['atom']

    def split(t, rows):
        return t.reshape(SAMPLES, windows, rows, heads, -1).swapaxes(2, 3)
    query = split(mx.pad(linear(x, wm, 'q'), [(0, 0), (0, 32 * windows - n), (0, 0)]), 32)
    keys = (low[:, None] + mx.arange(128)).flatten()
    k, v = (split(linear(y, wm, name)[:, keys], 128) for name in ('k', 'v'))
    logits = query @ k.swapaxes(-1, -2) * k.shape[-1] ** -0.5 + bias.swapaxes(-1, -2).astype(k.dtype)
    o = (mx.softmax(logits, axis=-1, precise=True) @ v).swapaxes(2, 3).reshape(SAMPLES, 32 * windows, -1)[:, :n]
    q = q + fixed['gate'] * linear(mx.sigmoid(linear(x, wm, 'g')) * o, wm, 'o')
    return gated_transition(q, fixed['transition'], fixed['transition_gate'], w)


def token(x, w):
    return dict(a=token_block(x['a'], x['s'], x['bias'], w.at('token.0')))


def atom(x, w):
    return dict(q=atom_block(x['q'], x['fixed.encoder.0'], x['encoder.0'], x['low'], w.at('encoder.block.0')))


def step(x, w):
    t, owner = x['t'].reshape(1, 1, 1), x['atom_token']
    wc = w.at('conditioning')
    noise = mx.cos(2 * math.pi * (mx.log(t / SIGMA) / 4 * wc['fourier_w'].flatten() + wc['fourier_b']))
    s = x['s_base'][None] + linear(norm(noise, wc, 'norm_n'), wc, 'n')
    for i in range(2):
        s = transition(s, wc.at(str(i)))
    q = x['c'] + linear(x['x'] / mx.sqrt(t * t + SIGMA**2), w, 'encoder.noisy_r').astype(x['c'].dtype)
    for i in range(3):
        q = atom_block(q, x[f'fixed.encoder.{i}'], x[f'encoder.{i}'], x['low'], w.at(f'encoder.block.{i}'))
    y = mx.maximum(linear(q, w, 'encoder.q'), 0)
    a = mx.zeros((SAMPLES, s.shape[1], y.shape[-1]), y.dtype).at[:, owner].add(y) / x['token_count'][:, None].astype(y.dtype)
    a = a + linear(norm(s, w, 'denoiser.norm_s'), w, 'denoiser.s')
    for i in range(24):
        a = token_block(a, s, x[f'token.{i}'], w.at(f'token.{i}'))
    q = q + linear(norm(a, w, 'denoiser.norm_a'), w, 'decoder.q_in')[:, owner]
    for i in range(3):
        q = atom_block(q, x[f'fixed.decoder.{i}'], x[f'decoder.{i}'], x['low'], w.at(f'decoder.block.{i}'))
    update = linear(norm(q, w, 'decoder.norm'), w, 'decoder.q_out')
    all_ = t * t + SIGMA**2
    return dict(x=SIGMA**2 / all_ * x['x'] + SIGMA * t / mx.sqrt(all_) * update)


BLOCKS = dict(pairformer=pairformer, msa=msa, template=template, token=token, atom=atom, step=step)


# ---- both

def read(path, dtype):
    """(weights, input, expected output): matrices and activations in the type of products, but what coordinates go through."""
    weights, given, expected = {}, {}, {}
    for name, x in mx.load(str(path)).items():
        kind, name = name.split('.', 1)
        exact = x.dtype != mx.float32 or name in ('x', 't') or (kind == 'w' and (x.ndim == 1 or min(x.shape) < 4))
        (weights if kind == 'w' else given if kind == 'in' else expected)[name] = x if exact or kind == 'out' else x.astype(dtype)
    w = Weights(weights)
    for name in [n for n in given if n.startswith(('encoder.', 'decoder.'))]:
        side, i = name.split('.')
        given['fixed.' + name] = atom_conditioning(given['c'], w.at(f'{side}.block.{i}'))
    mx.eval(weights, given)
    return w, given, expected


def best(f, seconds):
    least, start = math.inf, time.perf_counter()
    while time.perf_counter() - start < seconds:
        begin = time.perf_counter()
        mx.eval(f())
        least = min(least, time.perf_counter() - begin)
    return 1e3 * least


def compare(block, tokens, o, folder):
    path = folder / 'block.safetensors'
    env = dict(OF3_MLX_PLUGIN=str(o.build / 'of3_mlx.so')) | dict(os.environ)
    command = [o.build / 'bench' / 'of3_mlx_blocks', block, tokens, path, '--dtype', o.dtype, '--rows', o.rows, '--seconds', o.seconds]
    own = float(subprocess.run([str(c) for c in command], check=True, stdout=subprocess.PIPE, env=env, text=True).stdout)
    w, given, expected = read(path, dict(f32=mx.float32, bf16=mx.bfloat16)[o.dtype])
    got = BLOCKS[block](given, w)
    off = max(float(mx.abs(got[k] - x).max() / mx.abs(x).max()) for k, x in expected.items())
    other = best(lambda: BLOCKS[block](given, w), o.seconds)
    print(f'| {block}, {tokens} tokens | {own:.2f} | {other:.2f} | {own / other:.2f} | {off:.1e} |', flush=True)
    return off <= BOUND[o.dtype]


def main():
    a = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    a.add_argument('build', type=pathlib.Path)
    a.add_argument('--tokens', default='76,256')
    a.add_argument('--blocks', default=','.join(BLOCKS))
    a.add_argument('--rows', default=128, type=int)
    a.add_argument('--dtype', default='f32', choices=list(BOUND))
    a.add_argument('--seconds', default=1.0, type=float)
    o = a.parse_args()
    o.build = o.build.resolve()
    os.environ.setdefault('MLX_ENABLE_TF32', '0')        # as of3 does: products of f32 in full
    print(f'MLX {mx.__version__} on {mx.default_device()}, {o.dtype}, {o.rows} rows\n\n'
          '| block | of3, ms | MLX-Python, ms | ratio | deviation |\n|---|---|---|---|---|')
    with tempfile.TemporaryDirectory() as folder:
        fits = [compare(b, int(n), o, pathlib.Path(folder)) for n in o.tokens.split(',') for b in o.blocks.split(',')]
    sys.exit(0 if all(fits) else f'a deviation is above {BOUND[o.dtype]}')


if __name__ == '__main__':
    main()
