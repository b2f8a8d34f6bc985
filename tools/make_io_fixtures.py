#!/usr/bin/env python3
"""Write tests/fixtures/io: tiny archives as torch and numpy really write them, for tests/unit/test_checkpoint.c and
tests/unit/test_archive.c, and the seeds of the fuzz targets made of them. Needs torch and numpy.

    make_io_fixtures.py [FOLDER]

Element i of every tensor, in row-major order, is START + i; the starts stand beside the tensors below and in the tests.
"""

import argparse
import datetime
import json
import os
import pathlib
import shutil
import struct
import sys
import warnings
import zipfile

import numpy as np
import torch

HERE = pathlib.Path(__file__).resolve().parent.parent
OUT = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else HERE / 'tests/fixtures/io'


def count_from(start, *shape, dtype=torch.float32):
    n = int(np.prod(shape))
    return (start + torch.arange(n, dtype=torch.float64)).reshape(shape).to(dtype)


def weights(start=0):
    return {'linear_z.weight': count_from(start, 2, 3),
            'linear_z.bias': count_from(start + 10, 3),
            'version_tensor': count_from(start + 20, 3)}


def with_prefix(prefix, table):
    return {prefix + k: v for k, v in table.items()}


def dtypes():
    kinds = dict(f32=torch.float32, bf16=torch.bfloat16, f16=torch.float16, f64=torch.float64, i32=torch.int32,
                 i64=torch.int64, u8=torch.uint8)
    table = {k: count_from(1, 2, 3, dtype=t) for k, t in kinds.items()}
    return table | {'scalar': torch.tensor(7.0), 'empty': torch.zeros(0, 4)}


def strided():
    base = count_from(0, 4, 6)
    cube = count_from(100, 2, 3, 4)
    return {'base': base, 'transposed': base.t(), 'row': base[2], 'column': base[:, 1], 'block': base[1:3, 2:5],
            'permuted': cube.permute(2, 0, 1)}


def second_denoiser():
    first = with_prefix('diffusion_module.', weights())
    shared = {'sample_diffusion.' + k: t for k, t in first.items()}
    apart = {'sample_diffusion.diffusion_module.own': count_from(0, 5)}
    return first | shared | apart


class Marker:
    """Its pickle would call os.system when loaded by Python: a file in the current folder betrays it."""

    def __reduce__(self):
        return os.system, ('touch of3-pickle-was-executed',)


def trainer_state():
    """What training files carry beside the weights; none of it may disturb."""
    return {'hyper_parameters': argparse.Namespace(lr=1.8e-3, name='x'), 'path': pathlib.PurePosixPath('/a/b'),
            'when': datetime.datetime(2025, 6, 30), 'array': np.arange(4), 'set': {1, 2}, 'big': 1 << 80,
            'negative': -5, 'bytes': b'\x00\x01', 'malicious': Marker(), 'dtype': torch.bfloat16,
            'epoch': 3, 'loops': {}, 'optimizer_states': [{'state': {0: {'exp_avg': count_from(0, 3)}}}]}


def lightning():
    return {'state_dict': with_prefix('model.', weights(1000)), 'ema': {'params': weights(), 'decay': 0.999}} | trainer_state()


def module():
    """A state_dict() of a module: an OrderedDict with an attribute."""
    m = torch.nn.Module()
    m.linear_z = torch.nn.Linear(3, 2)
    with torch.no_grad():
        m.linear_z.weight.copy_(count_from(0, 2, 3))
        m.linear_z.bias.copy_(count_from(10, 2))
    return m


def repack(source, target, compression=zipfile.ZIP_STORED, replace=None):
    """The same members written by Python's zipfile."""
    with zipfile.ZipFile(source) as a, zipfile.ZipFile(target, 'w') as b:
        for info in a.infolist():
            copy = zipfile.ZipInfo(info.filename)
            copy.compress_type = compression
            with b.open(copy, 'w', force_zip64=True) as f:
                f.write((replace or {}).get(info.filename.split('/', 1)[1], a.read(info)))


def write_zip64(source, target):
    """Sizes, offsets and the count of members only in the Zip64 records, as in files beyond 4 GiB."""
    limit, count = zipfile.ZIP64_LIMIT, zipfile.ZIP_FILECOUNT_LIMIT
    zipfile.ZIP64_LIMIT = zipfile.ZIP_FILECOUNT_LIMIT = 0
    try:
        repack(source, target)
    finally:
        zipfile.ZIP64_LIMIT, zipfile.ZIP_FILECOUNT_LIMIT = limit, count
    data = target.read_bytes()
    target.write_bytes(data[:-14] + b'\xff' * 12 + data[-2:])


def write_deepspeed(folder):
    shutil.rmtree(folder, ignore_errors=True)
    (folder / 'global_step7').mkdir(parents=True)
    (folder / 'latest').write_text('global_step7\n')
    torch.save({'module': with_prefix('model.', weights(1000)), 'ema': {'params': weights(), 'decay': 0.999}, 'global_steps': 7},
               folder / 'global_step7' / 'mp_rank_00_model_states.pt')


def write_msa(path):
    """The NPZ of the reference: one pickled dictionary a key (data.md 6.4)."""
    msa = np.array([list('MKV-'), list('MR-A')])
    entry = {'msa': msa, 'deletion_matrix': np.array([[0, 1, 0, 0], [2, 0, 0, 300]]), 'metadata': np.array(['query', 'hit'])}
    np.savez_compressed(path, uniref90_hits=np.array(entry, dtype=object), plain=np.arange(6.0).reshape(2, 3))


def main():
    OUT.mkdir(parents=True, exist_ok=True)
    warnings.simplefilter('ignore')
    save = lambda table, name, **o: torch.save(table, OUT / f'{name}.pt', **o)
    save(weights(), 'flat')
    save(weights(), 'protocol4', pickle_protocol=4)
    save(dtypes(), 'dtypes')
    save(strided(), 'strided')
    save(second_denoiser(), 'second')
    save(lightning(), 'lightning')
    save({'state_dict': with_prefix('model.', weights()), 'ema': None}, 'state_dict')
    save(module().state_dict(), 'ordered')
    save(dict(module().named_parameters()), 'parameters')
    save(weights() | {'settings': argparse.Namespace(lr=1)}, 'foreign')
    save(weights() | {'bad.weight': Marker()}, 'malicious')
    save(weights() | {'step': 3}, 'number')
    save(module(), 'object')
    torch.save(weights(), OUT / 'legacy.pt', _use_new_zipfile_serialization=False)
    torch.serialization.set_crc32_options(False)
    save(weights(), 'no_crc')
    torch.serialization.set_crc32_options(True)
    write_deepspeed(OUT / 'deepspeed')
    write_zip64(OUT / 'flat.pt', OUT / 'zip64.pt')
    repack(OUT / 'flat.pt', OUT / 'big_endian.pt', replace={'byteorder': b'big'})
    repack(OUT / 'flat.pt', OUT / 'deflated.pt', zipfile.ZIP_DEFLATED)
    write_msa(OUT / 'msa.npz')
    write_seeds()


def write_seeds():
    """The archives, their bare pickles, and safetensors: seeds of the fuzz targets."""
    torch_seeds, plain_seeds = HERE / 'tests/fuzz/corpus/fuzz_checkpoint', HERE / 'tests/fuzz/corpus/fuzz_safetensors'
    for folder in (torch_seeds, plain_seeds):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
    for f in sorted(OUT.glob('*.pt')):
        if f.stem in ('legacy', 'no_crc'):  # no archive; no checksum for Python to read by
            continue
        with zipfile.ZipFile(f) as z:
            (torch_seeds / f'{f.stem}.pkl').write_bytes(z.read(next(n for n in z.namelist() if n.endswith('/data.pkl'))))
    for name in ('flat', 'zip64', 'deflated', 'big_endian'):
        shutil.copy(OUT / f'{name}.pt', torch_seeds)
    shutil.copy(OUT / 'msa.npz', torch_seeds)
    write_safetensors_seeds(plain_seeds)
    shutil.copy(plain_seeds / 'mixed.safetensors', torch_seeds)


def write_safetensors_seeds(folder):
    def file(name, header, data=b''):
        text = json.dumps(header, separators=(',', ':')).encode()
        (folder / name).write_bytes(struct.pack('<Q', len(text)) + text + data)

    t = lambda dtype, shape, a, b: {'dtype': dtype, 'shape': shape, 'data_offsets': [a, b]}
    file('empty.safetensors', {})
    file('one.safetensors', {'linear_z.weight': t('F32', [2, 1], 0, 8)}, bytes(8))
    file('mixed.safetensors', {'__metadata__': {'variant': 'P2'}, 'a': t('F64', [], 0, 8), 'model.b': t('BF16', [3], 8, 14),
                               'sample_diffusion.c': t('F16', [0, 4], 14, 14), 'd': t('I32', [1], 14, 18),
                               'e': t('I64', [1], 18, 26), 'f': t('U8', [2], 26, 28)}, bytes(28))
    file('truncated.safetensors', {'a': t('F32', [100], 0, 400)}, bytes(20))
    file('overflow.safetensors', {'a': t('F32', [1 << 32, 1 << 32], 0, 4)}, bytes(4))


if __name__ == '__main__':
    main()
