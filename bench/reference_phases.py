"""Run the command line of the installed package openfold3 and print, at its end, the seconds of each phase.

    PYTHON reference_phases.py predict ...          the options of run_openfold

Nothing is changed but that six functions note when they begin and end. Phases: import (until the package is loaded), load
(building the network, reading the checkpoint), prepare (trainer, loader workers, features: until the forward pass begins),
trunk (input embedder and all cycles), diffusion, heads, scores and files, exit.
"""
import os
import sys
import time


def process_start():
    """When this process began, on the clock of time.monotonic (Linux: both count from boot, without suspended time)."""
    with open('/proc/self/stat') as f:
        ticks = int(f.read().rsplit(')', 1)[1].split()[19])
    return ticks / os.sysconf('SC_CLK_TCK')


def note(owner, name, spans):
    inner = getattr(owner, name)

    def timed(*args, **kwargs):
        begin = time.monotonic()
        try:
            return inner(*args, **kwargs)
        finally:
            spans[name if name != 'forward' else owner.__name__] = (begin, time.monotonic())
    setattr(owner, name, timed)


def report(start, loaded, spans, end):
    run, model, step = spans['setup'], spans['OpenFold3'], spans['predict_step']
    phases = [('import', loaded - start), ('load', run[1] - run[0]),
              ('prepare', model[0] - loaded - (run[1] - run[0])),
              ('trunk', spans['run_trunk'][1] - spans['run_trunk'][0]),
              ('diffusion', spans['SampleDiffusion'][1] - spans['SampleDiffusion'][0]),
              ('heads', spans['AuxiliaryHeadsAllAtom'][1] - spans['AuxiliaryHeadsAllAtom'][0])]
    rest = model[1] - model[0] - sum(s for _, s in phases[3:])
    phases += [('other in the network', rest), ('scores', step[1] - model[1]), ('files and exit', end - step[1])]
    print('phases, s: ' + ', '.join(f'{k} {s:.1f}' for k, s in phases) + f'; total {end - start:.1f}, '
          f'until the forward pass {model[0] - start:.1f}', flush=True)


def main():
    start = process_start()
    from openfold3.core.model.heads.head_modules import AuxiliaryHeadsAllAtom
    from openfold3.core.model.structure.diffusion_module import SampleDiffusion
    from openfold3.entry_points.experiment_runner import InferenceExperimentRunner
    from openfold3.projects.of3_all_atom.model import OpenFold3
    from openfold3.projects.of3_all_atom.runner import OpenFold3AllAtom
    from openfold3.run_openfold import cli
    loaded, spans = time.monotonic(), {}
    for owner, name in ((InferenceExperimentRunner, 'setup'), (OpenFold3, 'forward'), (OpenFold3, 'run_trunk'),
                        (SampleDiffusion, 'forward'), (AuxiliaryHeadsAllAtom, 'forward'), (OpenFold3AllAtom, 'predict_step')):
        note(owner, name, spans)
    try:
        cli()
    finally:
        if 'predict_step' in spans:
            report(start, loaded, spans, time.monotonic())


if __name__ == '__main__':
    sys.exit(main())
