#!/usr/bin/env python3
"""Print how OpenFold3 initialises each of its linears: law and name, blocks written N.

    list_initialisers.py > part.txt        with a Python that imports openfold3 (0.3.1, 0.4.5 or 0.5.0)

tests/fixtures/training/initialisers.txt is what the three releases print, sorted, each line once.
"""
import re

import openfold3.core.model.primitives.linear as linear
from openfold3.projects.of3_all_atom.config.model_config import model_config
from openfold3.projects.of3_all_atom.model import OpenFold3

laws, original = {}, linear.Linear.__init__


def note(self, in_dim, out_dim, bias=True, init='default', init_fn=None, precision=None):
    assert init_fn is None
    original(self, in_dim, out_dim, bias, 'final', None, precision)  # drawing numbers takes minutes
    laws[self] = init


linear.Linear.__init__ = note
model_config.architecture.pairformer.no_blocks = 2
net = OpenFold3(model_config)
blocks = re.compile(r'(?<!pair_mlp)\.\d+(?=\.)')
print('\n'.join(sorted({f'{laws[m]} ' + blocks.sub('.N', name + '.')[:-1] for name, m in net.named_modules() if isinstance(m, linear.Linear)})))
