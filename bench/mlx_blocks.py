#!/usr/bin/env python3
"""of3's MLX backend beside a plain composition of the same blocks in MLX-Python, in one run.

  bench/mlx_blocks.py BUILD/bench/of3_bench_mlx [--seconds S] [--dtype f32|bf16]

Needs `pip install mlx` (with mlx[cpu] on Linux) of the version that of3 was built with. The compositions are
written as one would by hand: channel-last linears, fast.layer_norm, fast.scaled_dot_product_attention with the
bias as mask where the logits fit. Prints milliseconds, best of S seconds (default 1)."""
import argparse
import math
import subprocess
import time

import mlx.core as mx

args = argparse.ArgumentParser()
args.add_argument("bench")
args.add_argument("--seconds", type=float, default=1.0)
args.add_argument("--dtype", default="f32", choices=["f32", "bf16"])
args = args.parse_args()
TYPE = {"f32": mx.float32, "bf16": mx.bfloat16}[args.dtype]


def normal(*shape):
    return mx.random.normal(shape).astype(TYPE)


def weight(n, k):
    return normal(n, k) / math.sqrt(k)


def norm(x, c):
    return mx.fast.layer_norm(x, mx.ones((c,)), mx.zeros((c,)), 1e-5).astype(TYPE)


def silu(x):
    return x * mx.sigmoid(x)


def heads(x, h):
    return x.reshape(*x.shape[:-1], h, -1).swapaxes(-2, -3)


def transition(rows, m, c, hidden):
    a, b, o = weight(hidden, c), weight(hidden, c), weight(c, hidden)

    def f(x):
        n = norm(x, c)
        return x + (silu(n @ a.T) * (n @ b.T)) @ o.T

    return f, normal(rows, m, c)


def triangle_mul(n, c, h, outgoing):
    ap, ag, bp, bg = (weight(h, c) for _ in range(4))
    z, g = weight(c, h), weight(c, c)
    mask = mx.ones((n, n, 1), dtype=TYPE)

    def f(x):
        y = norm(x, c)
        a = mask * mx.sigmoid(y @ ag.T) * (y @ ap.T)
        b = mask * mx.sigmoid(y @ bg.T) * (y @ bp.T)
        a, b = a.transpose(2, 0, 1), b.transpose(2, 0, 1)
        p = a @ b.swapaxes(1, 2) if outgoing else a.swapaxes(1, 2) @ b
        return x + mx.sigmoid(y @ g.T) * (norm(p.transpose(1, 2, 0), h) @ z.T)

    return f, normal(n, n, c)


def triangle_attention(n, c, h, d, ending):
    q, k, v, g = (weight(h * d, c) for _ in range(4))
    o, wz = weight(c, h * d), weight(h, c)
    mask = mx.ones((n, n), dtype=TYPE)

    def f(x):
        y = norm(x.swapaxes(0, 1) if ending else x, c)
        bias = (y @ wz.T).transpose(2, 0, 1)[None] + (1e9 * (mask - 1))[:, None, None, :]
        a = mx.fast.scaled_dot_product_attention(
            heads(y @ q.T, h), heads(y @ k.T, h), heads(y @ v.T, h), scale=d**-0.5, mask=bias
        )
        a = a.swapaxes(1, 2).reshape(n, n, h * d) * mx.sigmoid(y @ g.T)
        u = a @ o.T
        return x + (u.swapaxes(0, 1) if ending else u)

    return f, normal(n, n, c)


def attention(s, n, h, d):
    q, k, v, g = (normal(s, n, h * d) for _ in range(4))
    bias = normal(1, h, n, n)

    def f(x):
        a = mx.fast.scaled_dot_product_attention(heads(x, h), heads(k, h), heads(v, h), scale=d**-0.5, mask=bias)
        return mx.sigmoid(g) * a.swapaxes(1, 2).reshape(s, n, h * d)

    return f, q


def outer_product_mean(m, n, c, h, cz):
    w1, w2, wo = weight(h, c), weight(h, c), weight(cz, h * h)
    msa, mask = normal(m, n, c), mx.ones((m, n), dtype=TYPE)

    def f(z):
        y = norm(msa, c)
        a, b = (y @ w1.T) * mask[..., None], (y @ w2.T) * mask[..., None]
        o = mx.einsum("rie,rjf->ijef", a, b).reshape(n, n, h * h)
        return z + (o @ wo.T) / (mx.einsum("ri,rj->ij", mask, mask)[..., None] + 1e-3)

    return f, normal(n, n, cz)


def pair_weighted_average(m, n, c, cz, h, d):
    wz, wv, wg, wo = weight(h, cz), weight(h * d, c), weight(h * d, c), weight(c, h * d)
    z = normal(n, n, cz)

    def f(x):
        w = mx.softmax((norm(z, cz) @ wz.T).transpose(2, 0, 1), axis=-1, precise=True)
        y = norm(x, c)
        v = (y @ wv.T).reshape(m, n, h, d)
        o = mx.einsum("hij,rjhd->rihd", w, v).reshape(m, n, h * d)
        return x + (mx.sigmoid(y @ wg.T) * o) @ wo.T

    return f, normal(m, n, c)


# (operation, where) of bench/ops_shapes.inc
BLOCKS = {
    ("transition", "pair 76^2 x 128, n 4"): lambda: transition(76, 76, 128, 512),
    ("transition", "pair 256^2 x 128, n 4"): lambda: transition(256, 256, 128, 512),
    ("triangle_mul", "76, outgoing"): lambda: triangle_mul(76, 128, 128, True),
    ("triangle_mul", "76, incoming"): lambda: triangle_mul(76, 128, 128, False),
    ("triangle_mul", "256, outgoing"): lambda: triangle_mul(256, 128, 128, True),
    ("triangle_attention", "76, starting, 4 x 32"): lambda: triangle_attention(76, 128, 4, 32, False),
    ("triangle_attention", "76, ending, 4 x 32"): lambda: triangle_attention(76, 128, 4, 32, True),
    ("triangle_attention", "256, starting, 4 x 32"): lambda: triangle_attention(256, 128, 4, 32, False),
    ("attention", "denoiser 5 x 76, 16 x 48"): lambda: attention(5, 76, 16, 48),
    ("attention", "denoiser 5 x 384, 16 x 48"): lambda: attention(5, 384, 16, 48),
    ("outer_product_mean", "1024 x 76"): lambda: outer_product_mean(1024, 76, 64, 32, 128),
    ("outer_product_mean", "128 x 256"): lambda: outer_product_mean(128, 256, 64, 32, 128),
    ("pair_weighted_average", "1024 x 76, 8 x 8"): lambda: pair_weighted_average(1024, 76, 64, 128, 8, 8),
}


def best(make):
    f, x = make()
    mx.eval(x)
    least, start = math.inf, time.perf_counter()
    while time.perf_counter() - start < args.seconds:
        begin = time.perf_counter()
        mx.eval(f(x))
        least = min(least, time.perf_counter() - begin)
    return 1e3 * least


operations = sorted({op for op, _ in BLOCKS})
table = subprocess.run(
    [args.bench, "--dtype", args.dtype, "--seconds", str(args.seconds), *operations],
    check=True, capture_output=True, text=True,
).stdout
print(f"MLX {mx.__version__} on {mx.default_device()}, {args.dtype}")
print(f"{'operation':24}{'shape':28}{'of3 ms':>10}{'python ms':>11}{'ratio':>7}")
for line in table.splitlines():
    operation, where, milliseconds, *_ = line.split("\t")
    if (operation, where) in BLOCKS:
        own, other = float(milliseconds), best(BLOCKS[operation, where])
        print(f"{operation:24}{where:28}{own:10.2f}{other:11.2f}{own / other:7.2f}")
