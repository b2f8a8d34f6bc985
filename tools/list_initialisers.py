#!/usr/bin/env python3
"""Print how OpenFold3 initialises each of its linears, those of its Evoformer too: law and name, blocks written N.

    list_initialisers.py > part.txt        with a Python that imports openfold3 (0.3.1, 0.4.5 or 0.5.0)

tests/fixtures/training/initialisers.txt is what the three releases print, sorted, each line once.
"""
import re

import openfold3.core.model.primitives.linear as linear
from openfold3.core.model.latent.evoformer import EvoformerStack
from openfold3.core.model.layers.msa import MSAColumnGlobalAttention
from openfold3.projects.of3_all_atom.config.model_config import model_config
from openfold3.projects.of3_all_atom.model import OpenFold3

laws, original = {}, linear.Linear.__init__


def note(self, in_dim, out_dim, bias=True, init='default', init_fn=None, precision=None):
    assert init_fn is None
    original(self, in_dim, out_dim, bias, 'final', None, precision)  # drawing numbers takes minutes
    laws[self] = init


linear.Linear.__init__ = note
model_config.architecture.pairformer.no_blocks = 2
sizes = dict(c_m=4, c_z=4, c_hidden_msa_att=2, c_hidden_opm=2, c_hidden_mul=2, c_hidden_pair_att=2, c_s=4, no_heads_msa=2,
             no_heads_pair=2, no_blocks=1, transition_n=1, msa_dropout=0, pair_dropout=0, opm_first=False, blocks_per_ckpt=None,
             inf=1e9, eps=1e-10, no_column_attention=False)
networks = {'': OpenFold3(model_config),
            'evoformer.': EvoformerStack(transition_type='relu', fuse_projection_weights=False, **sizes),
            'evoformer. fused': EvoformerStack(transition_type='swiglu', fuse_projection_weights=True, **sizes),
            'evoformer.blocks.0.msa_att_col.': MSAColumnGlobalAttention(4, 2, 2)}
blocks = re.compile(r'(?<!pair_mlp)\.\d+(?=\.)')
print('\n'.join(sorted({f'{laws[m]} ' + blocks.sub('.N', prefix.split(' ')[0] + name + '.')[:-1]
                        for prefix, net in networks.items() for name, m in net.named_modules() if isinstance(m, linear.Linear)})))
