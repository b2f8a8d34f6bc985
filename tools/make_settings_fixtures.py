#!/usr/bin/env python3
"""Write tests/fixtures/settings: CASE.yml, a runner YAML, and CASE.npz, the features that the reference makes with it of a query of
tests/fixtures/alignments or templates, which the first line of the YAML names. Used as make_feature_fixtures.py, which says what
the files are:

    make_settings_fixtures.py --oracle ../shared/oracle --python P1=PY031 P2=PY045 OB=PY050 [--only NAME ...]

The reference switches to random rows and random templates where a section is given; the YAML that it gets says that it should not.
"""

import importlib.util
import json
import pathlib
import sys

HERE = pathlib.Path(__file__).resolve().parent


def load(name):
    spec = importlib.util.spec_from_file_location(name, HERE / f'{name}.py')
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


alignments, templates = load('make_alignment_fixtures'), load('make_template_fixtures')
base = alignments.base

# case: (query, the variants whose release has the setting, YAML)
ALL, NEW, MSA, TEMPLATE = ('P1', 'P2', 'OB'), ('P2', 'OB'), 'dataset_config_kwargs:\n  msa:\n    ', 'template_preprocessor_settings:\n  '
CASES = {
    'rows': ('alignments/several', ALL, MSA + 'max_rows: 7\n'),
    'rows_paired': ('alignments/pair_two', ALL, MSA + 'max_rows_paired: 5\n    max_rows: 9\n'),
    'order': ('alignments/several', ALL, MSA + 'aln_order: [mgnify_hits, bfd_uniclust_hits, rnacentral_hits, rfam_hits]\n'),
    'counts': ('alignments/several', NEW, MSA + 'max_seq_counts: {bfd_uniclust_hits: 3, mgnify_hits: 2, rfam_hits: 2}\n'),
    'chains_three': ('alignments/pair_three', ALL, MSA + 'min_chains_paired_partial: 3\n'),
    'chains_one': ('alignments/pair_three', NEW, MSA + 'min_chains_paired_partial: 1\n    pairing_mask_keys: []\n'),
    'species': ('alignments/pair_two', NEW, MSA + 'max_seq_per_species: 1\n'),
    'hits_and_main': ('alignments/pair_two', NEW, MSA + 'msas_to_pair: [uniprot_hits]\n    aln_order: [uniref90_hits, uniprot_hits]\n'),
    'proteins': ('alignments/pair_rna', ALL, MSA + 'moltypes: [PROTEIN]\n'),
    'paired_rows': ('alignments/paired_files', ALL, MSA + 'max_rows_paired: 4\n'),
    'npz_order': ('alignments/pair_npz', NEW, MSA + 'aln_order: [mgnify_hits, uniref90_hits]\n    max_rows: 12\n'),
    'kept_two': ('templates/five', NEW, TEMPLATE + 'max_templates: 2\n'),
    'read_two': ('templates/five', NEW, TEMPLATE + 'max_sequences_parse: 2\n'),
    'identity': ('templates/five', NEW, TEMPLATE + 'max_seq_id: 0.95\n'),
    'coverage': ('templates/sto_gaps', NEW, TEMPLATE + 'min_align: 0.8\n'),
    'length': ('templates/sto_gaps', NEW, TEMPLATE + 'min_len: 15\n'),
    'date': ('templates/five', NEW, TEMPLATE + 'max_release_date: 2003-01-01\n'),
    'date_day': ('templates/five', NEW, TEMPLATE + 'max_release_date: 2001-01-01\n'),
    'slots': ('templates/five', NEW, 'dataset_config_kwargs:\n  template:\n    n_templates: 2\n'),
    'least_tokens': ('templates/two_chains', NEW, 'dataset_config_kwargs:\n  template:\n    min_n_tokens_per_chain: 22\n'),
}


def make_queries(folder):
    for name, (query, _, text) in CASES.items():
        (folder / f'{name}.yml').write_text(f'# {query}\n{text}')
    return CASES


def settings_of(text):
    import yaml
    settings = yaml.safe_load(text)
    kwargs = settings.get('dataset_config_kwargs', {})
    if 'msa' in kwargs:
        kwargs['msa']['subsample_main'] = False
    if 'template' in kwargs:
        kwargs['template']['take_top_k'] = True
    return settings


def run_reference(variant, oracle, folder, out, names):
    import tempfile
    import warnings
    sys.path.insert(0, str(oracle))
    import reference_features
    warnings.filterwarnings('ignore')
    for name in names:
        path, variants, text = CASES[name]
        if variant not in variants:
            continue
        source = (folder / '..' / f'{path}.json').resolve()
        query = json.loads(source.read_text())['queries'][source.stem]
        with tempfile.TemporaryDirectory() as work:
            work = pathlib.Path(work)
            query = alignments.for_reference(query, variant, source.parent, work)
            for c in query['chains']:
                if 'template_alignment_file_path' in c:
                    c['template_alignment_file_path'] = str((source.parent / c['template_alignment_file_path']).resolve())
            changed = work / 'query.json'
            changed.write_text(json.dumps({'queries': {source.stem: query}}))
            try:
                reference_features.run(changed, source.stem, 42, out / f'{name}.{variant}.npz',
                                       (folder / '../templates/structures').resolve(), settings_of(text), True)
            except Exception as e:
                print('FAILED', variant, name, type(e).__name__, e)


def main():
    base.make_queries, base.run_reference, base.__file__, base.__doc__ = make_queries, run_reference, __file__, __doc__
    base.DROPPED = ('ref_pos', 'token_bonds')
    if '--out' not in sys.argv:
        sys.argv += ['--out', 'tests/fixtures/settings']
    base.main()


if __name__ == '__main__':
    main()
