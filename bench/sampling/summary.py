#!/usr/bin/env python3
"""What sweep.sh measured, over all chains: a table of every setting and a picture.

    summary.py FOLDER OUT.csv OUT.svg        FOLDER: TYPE-GROUP.csv of sweep.sh

A row is one element type and setting. lDDT and its difference to the reference's 200 steps are means over chains, with the standard
error of the difference, which is taken chain by chain; what is counted in residues is weighted by them.
"""
import collections
import csv
import math
import pathlib
import sys

REFERENCE = ('reference', 200, 1.003, 1.5)
COLUMNS = ('dtype', 'sampler', 'steps', 'noise_scale', 'step_scale', 'lddt', 'difference', 'standard_error', 'lddt_ranked',
           'lddt_plddt', 'lddt_best', 'spread', 'peptide', 'peptide_sd', 'angle', 'angle_sd', 'side_chain_bonds', 'contacts',
           'wrong_hand_percent', 'chains')
SERIES = (('reference', 1.003, 1.5, '#000000', ''), ('ode', 1.0, 1.5, '#c1272d', ''), ('ode', 1.0, 1.25, '#0072b2', '6 3'),
          ('ode', 1.0, 1.75, '#009e73', '2 3'), ('reference', 0.5, 1.5, '#888888', '6 3'))
PANELS = (('lddt', 'lDDT-Cα, mean of samples', 0.44, 0.52), ('contacts', 'contacts below 1.8 Å a residue', 0.7, 1.3),
          ('side_chain_bonds', 'side-chain bonds, r.m.s. error, Å', 0.45, 0.7), ('spread', 'r.m.s.d. between samples, Å', 6, 9.5))


def read(folder):
    """{(dtype, sampler, steps, noise scale, step scale): rows of chains}"""
    rows = collections.defaultdict(list)
    for path in sorted(folder.glob('*-*.csv')):
        for r in csv.DictReader(open(path)):
            key = (path.name.split('-')[0], r['sampler'], int(r['steps']), float(r['noise_scale']), float(r['step_scale']))
            rows[key].append({k: float(v) for k, v in r.items() if k not in ('chain', 'sampler')})
    return rows


def mean(values, weights=None):
    weights = weights or [1] * len(values)
    return sum(v * w for v, w in zip(values, weights)) / sum(weights)


def summarise(chains, reference):
    n = [c['residues'] for c in chains]
    column = lambda name: [c[name] for c in chains]
    weighted = lambda name: mean(column(name), n)
    d = [a['lddt'] - b['lddt'] for a, b in zip(chains, reference)]
    error = math.sqrt(mean([(x - mean(d)) ** 2 for x in d]) / (len(d) - 1))
    sd = lambda name: math.sqrt(max(0.0, weighted(name + '2') - weighted(name) ** 2))
    return {'lddt': mean(column('lddt')), 'difference': mean(d), 'standard_error': error,
            'lddt_ranked': mean(column('lddt_ranked')), 'lddt_plddt': mean(column('lddt_plddt')),
            'lddt_best': mean(column('lddt_best')), 'spread': mean(column('spread')), 'peptide': weighted('peptide'),
            'peptide_sd': sd('peptide'), 'angle': weighted('angle'), 'angle_sd': sd('angle'),
            'side_chain_bonds': math.sqrt(weighted('side')), 'contacts': weighted('contacts'),
            'wrong_hand_percent': 100 * weighted('wrong_hand'), 'chains': len(chains)}


def panel(table, name, title, low, high, left, top):
    """One panel of f32 by steps: lines of SVG."""
    width, height = 300, 190
    x = lambda steps: left + width * math.log(steps / 7) / math.log(230 / 7)
    y = lambda v: top + height * (1 - (min(max(v, low), high) - low) / (high - low))
    out = [f'<rect x="{left}" y="{top}" width="{width}" height="{height}" fill="none" stroke="#999"/>',
           f'<text x="{left}" y="{top - 8}" font-weight="bold">{title}</text>']
    for steps in (8, 10, 20, 50, 200):
        out.append(f'<text x="{x(steps):.1f}" y="{top + height + 15}" text-anchor="middle">{steps}</text>')
    for i in range(5):
        v = low + (high - low) * i / 4
        out.append(f'<line x1="{left}" x2="{left + width}" y1="{y(v):.1f}" y2="{y(v):.1f}" stroke="#ddd"/>'
                   f'<text x="{left - 5}" y="{y(v) + 4:.1f}" text-anchor="end">{v:.3g}</text>')
    for sampler, noise, step, colour, dash in SERIES:
        points = sorted((k[2], v[name]) for k, v in table.items()
                        if k[:2] == ('f32', sampler) and k[3:] == (noise, step) and k[2] >= 8 and low <= v[name] <= high)
        path = ' '.join(f'{x(s):.1f},{y(v):.1f}' for s, v in points)
        out.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="1.8" stroke-dasharray="{dash}"/>')
        out += [f'<circle cx="{x(s):.1f}" cy="{y(v):.1f}" r="2.6" fill="{colour}"/>' for s, v in points]
    return out


def picture(table):
    out = ['<svg xmlns="http://www.w3.org/2000/svg" width="780" height="600" viewBox="0 0 780 600" font-family="sans-serif" '
           'font-size="11">', '<rect width="780" height="600" fill="#fff"/>']
    for i, (name, title, low, high) in enumerate(PANELS):
        out += panel(table, name, title, low, high, 60 + 370 * (i % 2), 30 + 245 * (i // 2))
    for i, (sampler, noise, step, colour, dash) in enumerate(SERIES):
        left, top = 60 + 370 * (i % 2), 515 + 20 * (i // 2)
        label = f'{sampler}, step scale {step:g}' + (f', noise scale {noise:g}' if sampler == 'reference' else '')
        out.append(f'<line x1="{left}" x2="{left + 28}" y1="{top}" y2="{top}" stroke="{colour}" stroke-width="1.8" '
                   f'stroke-dasharray="{dash}"/><text x="{left + 34}" y="{top + 4}">{label}</text>')
    return '\n'.join(out + ['<text x="60" y="590">denoising steps (logarithmic); 150 chains, 3 samples, f32</text>', '</svg>', ''])


def main():
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    rows = read(pathlib.Path(sys.argv[1]))
    table = {k: summarise(v, rows[(k[0], *REFERENCE)]) for k, v in sorted(rows.items())}
    with open(sys.argv[2], 'w', newline='') as f:
        out = csv.writer(f, lineterminator='\n')
        out.writerow(COLUMNS)
        out.writerows((*k, *(f'{v[c]:.4g}' if c not in ('lddt', 'chains') else f'{v[c]:.4f}' if c == 'lddt' else v[c]
                             for c in COLUMNS[5:])) for k, v in table.items())
    pathlib.Path(sys.argv[3]).write_text(picture(table))


if __name__ == '__main__':
    main()
