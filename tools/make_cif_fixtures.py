#!/usr/bin/env python3
"""Write tests/fixtures/cif and the seeds of tests/fuzz/fuzz_cif.c. Needs biotite and numpy.

    make_cif_fixtures.py

components.cif, components.bcif   a cut of the chemical component dictionary that biotite carries (CC0): the same tables as
                                  text, a data block for each component as wwPDB writes it, and as BinaryCIF, one block for all
encodings.cif, encodings.bcif     a table whose columns use each encoding of BinaryCIF; the text has the same values
"""

import pathlib
import shutil

import biotite.structure.info as info
import numpy as np
from biotite.structure.io import pdbx

HERE = pathlib.Path(__file__).resolve().parent.parent
OUT = HERE / 'tests/fixtures/cif'
SEEDS = HERE / 'tests/fuzz/corpus/fuzz_cif'
CODES = ['0AF', 'A1AAA', 'ALA', 'ATP', 'DG', 'GLC', 'HEM', 'PSU', 'SEP', 'ZN']


def cut(column, keep):
    mask = None if column.mask is None else column.mask.array[keep]
    return pdbx.CIFColumn(pdbx.CIFData(column.as_array(str)[keep]), mask)


def components():
    whole = pdbx.BinaryCIFFile.read(pathlib.Path(info.__file__).parent / 'components.bcif').block
    key = {'chem_comp': 'id', 'chem_comp_atom': 'comp_id', 'chem_comp_bond': 'comp_id'}
    ids = {name: whole[name][key[name]].as_array(str) for name in key}
    text, binary = pdbx.CIFFile(), pdbx.BinaryCIFFile()
    for code in CODES:
        text[code] = pdbx.CIFBlock({
            name: pdbx.CIFCategory({c: cut(whole[name][c], ids[name] == code) for c in whole[name]})
            for name in key if (ids[name] == code).any()})
    block = {}
    for name in key:
        keep = np.isin(ids[name], CODES)
        block[name] = pdbx.BinaryCIFCategory({
            c: pdbx.BinaryCIFColumn(pdbx.BinaryCIFData(whole[name][c].data.array[keep]),
                                    None if whole[name][c].mask is None else
                                    pdbx.BinaryCIFData(whole[name][c].mask.array[keep]))
            for c in whole[name]})
    binary['components'] = pdbx.BinaryCIFBlock(block)
    text.write(OUT / 'components.cif')
    pdbx.compress(binary).write(OUT / 'components.bcif')


def encodings():
    n = 40
    counting, runs = np.arange(n, dtype=np.int32) + 7, np.repeat([3, -1, 100000, 0], 10).astype(np.int32)
    large = np.where(np.arange(n) % 7 == 0, 70000, np.arange(n) - 5).astype(np.int32)
    fixed, steps = (np.arange(n) * 0.125 - 2).astype(np.float64), np.linspace(-1, 1, n)
    words = np.array(['alpha', 'beta', "it's", 'two words', ''])[np.arange(n) % 5]
    mask = (np.arange(n) % 3).astype(np.uint8)
    byte = pdbx.ByteArrayEncoding
    columns = {
        'counting': (counting, [pdbx.DeltaEncoding(), pdbx.RunLengthEncoding(), pdbx.IntegerPackingEncoding(1), byte()]),
        'runs': (runs, [pdbx.RunLengthEncoding(), byte()]),
        'packed8': (large, [pdbx.IntegerPackingEncoding(1), byte()]),
        'packed16': (large, [pdbx.IntegerPackingEncoding(2), byte()]),
        'unsigned': (np.abs(large), [pdbx.IntegerPackingEncoding(1, is_unsigned=True), byte()]),
        'bytes8': ((large % 100).astype(np.int8), [byte()]),
        'bytes16': (counting.astype(np.uint16), [byte()]),
        'real32': (fixed.astype(np.float32), [byte()]),
        'real64': (fixed, [byte()]),
        'fixed': (fixed, [pdbx.FixedPointEncoding(1000), pdbx.DeltaEncoding(), byte()]),
        'interval': (steps, [pdbx.IntervalQuantizationEncoding(-1, 1, n), byte()]),
        'words': (words, [pdbx.StringArrayEncoding()]),
    }
    table = {name: pdbx.BinaryCIFColumn(pdbx.BinaryCIFData(a, e)) for name, (a, e) in columns.items()}
    table['masked'] = pdbx.BinaryCIFColumn(pdbx.BinaryCIFData(counting, [byte()]), pdbx.BinaryCIFData(mask, [byte()]))
    file = pdbx.BinaryCIFFile({'encodings': pdbx.BinaryCIFBlock({'table': pdbx.BinaryCIFCategory(table)})})
    file.write(OUT / 'encodings.bcif')
    with open(OUT / 'encodings.cif', 'w') as f:
        f.write('# Same as encodings.bcif\ndata_encodings\nloop_\n')
        for name in table:
            f.write(f'_Table.{name}\n')
        for i in range(n):
            row = [str(a[i]) if e[0].__class__ is not pdbx.StringArrayEncoding else f'"{a[i]}"'
                   for a, e in columns.values()]
            f.write(' '.join([*row, [str(counting[i]), '.', '?'][mask[i]]]) + '\n')


OUT.mkdir(parents=True, exist_ok=True)
SEEDS.mkdir(parents=True, exist_ok=True)
components()
encodings()
shutil.copy(OUT / 'encodings.bcif', SEEDS)
shutil.copy(OUT / 'encodings.cif', SEEDS)
