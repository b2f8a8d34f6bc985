#!/usr/bin/env python3
"""Make the fixtures that build/tests/parity compares with, from the PyTorch oracle in shared/oracle.

    make_parity.py OUT [--sets detail,wide,full,grad,demo] [--shared DIR] [--checkpoints DIR]
    make_parity.py --committed [--reference-python PYTHON]
    make_parity.py --mixed P1=PY031 P2=PY045 OB=PY050

The first form makes the large fixtures of `make parity` under OUT, and their random checkpoints under OUT/ckpt; what is
there already is kept. OUT/list.txt then has one line per fixture: fixture, checkpoint.

    detail   tiny configuration, P1 P2 OB, 40 tokens, every sub-layer of every block                          16 MB each
    wide     published widths and small depths, P1 P2 OB, 40 tokens                                              32 MB each
    full     the published size, OB, 40 tokens, 4 cycles, 20 steps (the checkpoint takes 2.3 GB)                93 MB
    grad     gradients of every parameter, tiny P1t P2 OB and wide OB, 40 tokens                              10 to 60 MB
    demo     the trained checkpoint on its ubiquitin query: 4 cycles, 200 steps, 5 samples, seed 0            101 MB

The second form makes the small fixtures of tests/fixtures/parity, which are committed, with their checkpoints. The
features of ubiquitin are computed by the package openfold3==0.5.0 that PYTHON imports, or else kept as committed.

The third form makes those of tests/fixtures/parity/mixed.json, a query of RNA, DNA, a cyclic protein with a modified residue, a
second protein, a ligand and an ion, with an alignment: each generation's features by the release that PYTHON imports (openfold3
0.3.1, 0.4.5, 0.5.0; make_feature_fixtures.py says how they are helped), on the committed checkpoints.

Random numbers, features and results are all in the files; results are computed in float64 and stored as float32, except
in `demo`, which repeats the float32 run of the demonstration weights (examples/demo/README.md). Needs PyTorch >= 1.13 (tools/make_parity.sh finds or
installs one). The folder shared lies beside the repository, or where $SHARED says.
"""
import argparse
import json
import os
import pathlib
import re
import struct
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
COMMITTED = ROOT / 'tests' / 'fixtures' / 'parity'
DEMO = ROOT / 'examples' / 'demo'
VARIANTS = ('P1', 'P2', 'OB')
# 22 tokens are 178 atoms: more than one window of 128 keys, and the windows slide at both ends
SMALL = '--tokens 22 --pad 2 --msa 9 --templates 2 --steps 12 --samples 2 --cycles 2'
LARGE = '--tokens 40 --pad 2 --msa 12 --templates 2'
FOLD = '--fold --cycles 4'
GRAD = '--steps 1 --samples 2 --cycles 2 --grad --margin 1e-6'
SETS = {
    'detail': [(v, 'tiny', f'{LARGE} --steps 12 --samples 2 --cycles 2 --detail') for v in VARIANTS],
    'wide': [(v, 'wide', f'{LARGE} --steps 12 --samples 2 --cycles 2') for v in VARIANTS],
    'full': [('OB', 'full', f'{LARGE} --steps 20 --samples 2 --cycles 4')],
    'grad': [(v, 'tiny', f'{LARGE} {GRAD}') for v in ('P1t', 'P2', 'OB')] + [('OB', 'tiny', f'{LARGE} {GRAD} --dropout')] + [('OB', 'wide', f'{LARGE} {GRAD}')],
    'demo': [('OB', 'demo', f'{FOLD} --seed 0 --steps 200 --samples 5 --dtype f32')],
}
# What the committed fixtures leave out, because the large ones have it: the pair tensors of all atom windows (half of the
# file), one of two equal template slots and the confidence blocks of the second sample, most positions on the way.
SMALL_DROPS = r'act/.*atom_attn_enc/pair|act/cycle0/template[13]/.*|act/confidence/sample1/.*|act/trunk/.*|out/x_step\.([1-9]|10)'
# Gradients: what they are of, and themselves. 16 tokens.
GRAD_SMALL = f'--tokens 16 --pad 1 --msa 6 --templates 2 {GRAD}'
# With dropout: gradients of what has it, and of what lies before.
DROPOUT_SMALL = f'--tokens 12 --pad 1 --msa 5 --templates 2 {GRAD} --dropout'
DROPOUT_DROPS = r'act/.*|gradact/.*|out/(?!loss).*|grad/(diffusion_module|input_embedder\.atom_attn_enc|aux_heads\.(plddt|pae|pde|experimentally_resolved))\..*|grad/.*blocks\.1\..*'
GRAD_DROPS = r'act/.*|gradact/(.*/pair|.*/template[13]/.*|confidence/sample1/.*)|out/(?!loss|x_denoised|distogram|resolved).*'
# ubiquitin keeps its features, its random numbers and what comes out at the end
DEMO_DROPS = r'act/.*|out/(z|distogram|pae|pde|resolved|x_step\..*)|out/value/(pde|contact)'

# A real query shows what the features decide: sub-layers are those of the made-up complex.
MIXED = '--steps 12 --samples 2 --cycles 2 --seed 5'
MIXED_DROPS = SMALL_DROPS + r'|act/(input_embedder|cycle0|confidence)/.*|act/.*(_transformer|atom_attn_dec)\..*|feat/template_(distogram|unit_vector)'


class Oracle:
    def __init__(self, shared, python=sys.executable):
        self.folder, self.python = shared / 'oracle', python
        if not (self.folder / 'make_fixtures.py').is_file():
            raise SystemExit(f'{self.folder} has no make_fixtures.py: name the folder shared with --shared or SHARED')

    def run(self, script, *words, python=None, cwd=None):
        env = dict(os.environ, PYTHONDONTWRITEBYTECODE='1', PYTHONPATH=str(self.folder))
        command = [python or self.python, str(self.folder / script), *map(str, words)]
        done = subprocess.run(command, env=env, cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        if done.returncode:
            raise SystemExit(f'{" ".join(command)} failed:\n{done.stdout[-2000:]}')

    def fixture(self, out, variant, config, checkpoint, options):
        part = out.with_name('part-' + out.name)          # never a half-written fixture under the right name
        self.run('make_fixtures.py', part, '--variant', variant, '--config', config, '--checkpoint', checkpoint, '--quiet',
                 *options.split())
        part.rename(out)


def read_safetensors(path):
    """({name: (dtype, shape, bytes)}, metadata)."""
    data = path.read_bytes()
    size, = struct.unpack('<Q', data[:8])
    header, base = json.loads(data[8:8 + size]), 8 + size
    meta = header.pop('__metadata__', {})
    return {k: (h['dtype'], h['shape'], data[base + h['data_offsets'][0]:base + h['data_offsets'][1]])
            for k, h in header.items()}, meta


def write_safetensors(path, tensors, meta):
    header, at = {'__metadata__': meta}, 0
    for k, (dtype, shape, data) in tensors.items():
        header[k] = {'dtype': dtype, 'shape': shape, 'data_offsets': [at, at + len(data)]}
        at += len(data)
    text = json.dumps(header, separators=(',', ':')).encode()
    text += b' ' * (-len(text) % 8)
    path.write_bytes(struct.pack('<Q', len(text)) + text + b''.join(data for _, _, data in tensors.values()))


def drop(source, out, names):
    tensors, meta = read_safetensors(source)
    write_safetensors(out, {k: t for k, t in tensors.items() if not re.fullmatch(names, k)}, meta)


def report(path, begin):
    print(f'{path}: {path.stat().st_size / 1e6:.1f} MB, {time.time() - begin:.0f} s', flush=True)


def checkpoint_for(oracle, folder, variant, config):
    if config == 'demo':
        return DEMO / 'of3-demo.safetensors'
    path = folder / f'{config}_{variant.lower()}.pt'
    if not path.exists():
        begin, part = time.time(), folder / f'part_{config}_{variant.lower()}'
        folder.mkdir(parents=True, exist_ok=True)
        oracle.run('make_checkpoint.py', part, '--variant', variant, '--config', config, '--no-safetensors')
        part.with_suffix('.json').rename(path.with_suffix('.json'))
        part.with_suffix('.pt').rename(path)
        report(path, begin)
    return path


def make_large(oracle, out, checkpoints, sets):
    out.mkdir(parents=True, exist_ok=True)
    lines = []
    for kind in sets:
        for variant, config, options in SETS[kind]:
            name = f'{kind}_{variant.lower()}' + ('_wide' if kind == 'grad' and config == 'wide' else '') + ('_dropout' if '--dropout' in options else '')
            path, begin = out / f'{name}.safetensors', time.time()
            checkpoint = checkpoint_for(oracle, checkpoints, variant, config)
            if config == 'demo':
                config = DEMO / 'of3-demo.json'
                options += f' --features {COMMITTED / "fixture_demo.safetensors"}'
            if not path.exists():
                oracle.fixture(path, variant, str(config), checkpoint, options)
                report(path, begin)
            lines.append(f'{path} {checkpoint}\n')
    (out / 'list.txt').write_text(''.join(lines))


def make_committed(oracle, work, reference_python):
    COMMITTED.mkdir(parents=True, exist_ok=True)
    for variant in VARIANTS:
        name, begin = variant.lower(), time.time()
        oracle.run('make_checkpoint.py', work / name, '--variant', variant, '--config', 'tiny')
        checkpoint = COMMITTED / f'checkpoint_{name}.safetensors'
        drop(work / f'{name}.safetensors', checkpoint, r'sample_diffusion\..*')        # the denoiser once, not twice
        oracle.fixture(work / f'fixture_{name}.safetensors', variant, 'tiny', checkpoint, SMALL)
        path = COMMITTED / f'fixture_{name}.safetensors'
        drop(work / f'fixture_{name}.safetensors', path, SMALL_DROPS)
        report(path, begin)
    path, begin = COMMITTED / 'gradients_ob.safetensors', time.time()
    oracle.fixture(work / 'gradients.safetensors', 'OB', 'tiny', COMMITTED / 'checkpoint_ob.safetensors', GRAD_SMALL)
    drop(work / 'gradients.safetensors', path, GRAD_DROPS)
    oracle.fixture(work / 'dropout.safetensors', 'OB', 'tiny', COMMITTED / 'checkpoint_ob.safetensors', DROPOUT_SMALL)
    drop(work / 'dropout.safetensors', COMMITTED / 'dropout_ob.safetensors', DROPOUT_DROPS)
    report(path, begin)
    path, features, begin = COMMITTED / 'fixture_demo.safetensors', work / 'features.safetensors', time.time()
    if reference_python:
        oracle.run('reference_features.py', DEMO / 'ubiquitin.json', features, '--seed', 1, python=reference_python,
                   cwd=DEMO)                              # the reference looks for MSA files in the working directory
    else:
        features.write_bytes(path.read_bytes())
    oracle.fixture(work / 'demo.safetensors', 'OB', str(DEMO / 'of3-demo.json'), DEMO / 'of3-demo.safetensors',
                   f'--features {features} {FOLD} --seed 0 --steps 20 --samples 1')
    drop(work / 'demo.safetensors', path, DEMO_DROPS)
    report(path, begin)


def mixed_features(variant, oracle, out):
    """Under the interpreter of one release."""
    sys.path[:0] = [str(oracle), str(ROOT / 'tools')]
    import warnings

    import make_feature_fixtures
    import reference_features
    warnings.filterwarnings('ignore')
    query = json.loads((COMMITTED / 'mixed.json').read_text())['queries']['mixed']
    if variant != 'OB':                                   # 0.3.1 knows no cyclic chains, nor does the oracle's P2
        for chain in query['chains']:
            chain.pop('cyclic', None)
    with tempfile.TemporaryDirectory() as work:
        work = pathlib.Path(work)
        (work / 'query.json').write_text(json.dumps({'queries': {
            'mixed': make_feature_fixtures.for_reference(query, variant, COMMITTED, work)}}))
        reference_features.run(work / 'query.json', 'mixed', 1, out, None, {}, False)


def make_mixed(oracle, work, pythons):
    for variant, python in pythons.items():
        name, begin = variant.lower(), time.time()
        features = work / f'{name}.safetensors'
        subprocess.run([python, __file__, '--mixed-features', variant, oracle.folder, features], check=True)
        oracle.fixture(work / f'fixture_{name}.safetensors', variant, 'tiny', COMMITTED / f'checkpoint_{name}.safetensors',
                       f'--features {features} {MIXED}')
        path = COMMITTED / f'fixture_{name}_mixed.safetensors'
        drop(work / f'fixture_{name}.safetensors', path, MIXED_DROPS)
        report(path, begin)


def main():
    if sys.argv[1:2] == ['--mixed-features']:             # of make_mixed
        return mixed_features(sys.argv[2], *map(pathlib.Path, sys.argv[3:]))
    a = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    a.add_argument('out', nargs='?', type=pathlib.Path)
    a.add_argument('--sets', default=','.join(SETS), help=f'of {", ".join(SETS)} (default: all)')
    a.add_argument('--shared', type=pathlib.Path, default=pathlib.Path(os.environ.get('SHARED') or ROOT.parent / 'shared'))
    a.add_argument('--checkpoints', type=pathlib.Path, help='folder of the random checkpoints (default: OUT/ckpt)')
    a.add_argument('--committed', action='store_true', help='the fixtures under tests/fixtures/parity')
    a.add_argument('--reference-python', help='a Python that imports openfold3 0.5.0')
    a.add_argument('--mixed', nargs='+', metavar='VARIANT=PYTHON')
    o = a.parse_args()
    unknown = [s for s in o.sets.split(',') if s not in SETS]
    if unknown or bool(o.out) + o.committed + bool(o.mixed) != 1:
        a.error(f'unknown set {unknown[0]}' if unknown else 'one of OUT, --committed and --mixed is needed')
    oracle = Oracle(o.shared.resolve())
    if o.mixed:
        pythons = dict(pair.split('=') for pair in o.mixed)
        with tempfile.TemporaryDirectory() as work:
            make_mixed(Oracle(o.shared.resolve(), pythons['OB']), pathlib.Path(work), pythons)
    elif o.committed:
        with tempfile.TemporaryDirectory() as work:
            make_committed(oracle, pathlib.Path(work), o.reference_python)
    else:
        out = o.out.resolve()
        make_large(oracle, out, (o.checkpoints or out / 'ckpt').resolve(), o.sets.split(','))


if __name__ == '__main__':
    main()
