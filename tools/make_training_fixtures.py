#!/usr/bin/env python3
"""Make the fixtures of tests/fixtures/training from the PyTorch oracle in shared/oracle: what src/train is compared with.

    make_training_fixtures.py [losses alignment optimiser steps unseen] [--shared DIR]

    losses   loss_N.safetensors, two made-up complexes with every kind of token: losses, target bins and gradients in the three
             protocols; loss_total.safetensors, batches of the two with the weights of stages
    alignment  alignment.safetensors, made-up assemblies, whole and cropped: the atoms of the truth that the oracle chooses
    optimiser  optimiser.safetensors: ten steps along given gradients of two entries, in the three protocols
    steps      steps_entry_N.safetensors, steps.safetensors: ten training steps of the configuration `tiny` on the committed parity
               checkpoints, in the three protocols; random numbers are those of src/base/random.h
    unseen     unseen.safetensors: one step of 0.5.0 with entry 0 whose copies are not conditioned on the trunk, and one whose
               confidence heads do not see its pairs: total, norm of the gradient, losses

Values are computed in float64 from numbers that float32 holds. Logits are not in the files: logit number i of a head is
6 u - 3, u = ((2654435761 i + salt) mod 2^32) / 2^32. Of gradients by logits the files hold every STRIDE-th number and the norm.
Needs PyTorch and numpy. The folder shared lies beside the repository, or where $SHARED says.
"""
import argparse
import os
import pathlib
import sys

import numpy as np
import torch

ROOT = pathlib.Path(__file__).resolve().parent.parent
OUT = ROOT / 'tests' / 'fixtures' / 'training'
STRIDE = 997
SALT = dict(plddt=1, pde=2, pae=3, experimentally_resolved=4, distogram=5)
BINS = dict(plddt=50, pde=64, pae=64, experimentally_resolved=2, distogram=64)
NAMES = ('mse', 'bond', 'smooth_lddt', 'distogram', 'plddt', 'pde', 'experimentally_resolved', 'pae')  # enum of3_loss
F64 = torch.float64


def logits(name, *shape):
    i = np.arange(int(np.prod(shape)), dtype=np.uint64)
    u = (i * np.uint64(2654435761) + np.uint64(SALT[name] * 1000003)) & np.uint64(0xffffffff)
    return torch.tensor((u.astype(np.float64) * (6 / 2**32) - 3).astype(np.float32)).to(F64).reshape(1, *shape)


def round32(tree):
    return {k: v.float().to(F64) if torch.is_tensor(v) and v.is_floating_point() else v for k, v in tree.items()}


def slope(value, x):
    (g,) = torch.autograd.grad(value, x)
    return g


def sampled(g):
    g = g.flatten()
    return torch.cat([g.norm()[None], g[::STRIDE]])


def features_of(f):
    """What the C struct has."""
    out = {f'feat/{k}': f[k].int() for k in ('asym_id', 'num_atoms_per_token', 'start_atom_index', 'atom_to_token_index')}
    out.update({f'feat/{k}': f[k].to(torch.uint8) for k in ('is_protein', 'is_rna', 'is_dna', 'is_ligand', 'is_atomized')})
    out['feat/restype'] = f['restype'].argmax(-1).to(torch.uint8)
    out.update({f'feat/{k}': f[k].float() for k in ('token_mask', 'atom_mask')})
    i, j = torch.nonzero(torch.triu(f['token_bonds'], 1), as_tuple=True)
    out['feat/token_bonds'] = torch.stack([i, j], -1).int()
    return out


def loss_complexes(C, L):
    rng = np.random.default_rng(16)
    for n, keywords in enumerate((dict(pad_tokens=3), dict(with_nucleic=False))):
        f, label = C.random_entry(rng, **keywords)
        f, label = round32(f), round32(label)
        x = C.structures(rng, label, 1, 0.8).float().to(F64)
        copies = C.structures(rng, label, 3, 1.5).float().to(F64)
        noise = torch.tensor([0.3, 4.0, 60.0]).to(F64)
        yield f, label, x, copies, noise


def one_complex(L, f, label, x, copies):
    """Values, bins and gradients of each loss by itself."""
    out, T, A = {}, len(f['token_mask']), len(f['atom_mask'])
    for protein_only in (False, True):
        only = f['is_protein'] if protein_only else None
        suffix = '/protein_only' if protein_only else ''
        for name, fn in (('mse', lambda v: L.mse_loss(f, label, v, only)), ('bond', lambda v: L.bond_loss(f, label, v)),
                         ('smooth_lddt', lambda v: L.smooth_lddt_loss(f, label, v, only))):
            if protein_only and name == 'bond':
                continue
            v = copies.clone().requires_grad_()
            value = fn(v)
            out[f'loss/{name}{suffix}'] = value.detach()
            out[f'grad/{name}{suffix}'] = slope(value.sum(), v).float()
    g = logits('distogram', T, T, 64).requires_grad_()
    value = L.distogram_loss(f, label, g)
    out.update({'loss/distogram': value.detach(), 'grad/distogram': sampled(slope(value.sum(), g))})
    for release, rules in (('0.3.1', L.V031), ('0.4', L.V04), ('0.5.0', L.V05)):
        fns = dict(plddt=(lambda g: L.plddt_loss(f, label, x, g, rules=rules), (A, 50)),
                   pde=(lambda g: L.pde_loss(f, label, x, g, rules=rules), (T, T, 64)),
                   pae=(lambda g: L.pae_loss(f, label, x, g, rules=rules), (T, T, 64)),
                   experimentally_resolved=(lambda g: L.resolved_loss(f, label, g), (A, 2)))
        for name, (fn, shape) in fns.items():
            g = logits(name, *shape).requires_grad_()
            value = fn(g)
            out[f'loss/{name}/{release}'] = value.detach()
            out[f'grad/{name}/{release}'] = sampled(slope(value.sum(), g))
    return out


def make_losses(C, L, save):
    cases = list(loss_complexes(C, L))
    for n, (f, label, x, copies, noise) in enumerate(cases):
        out = features_of(f)
        out.update({'truth': label['atom_positions'].float(), 'resolved': label['atom_resolved_mask'].float(),
                    'x': x[0].float(), 'copies': copies.float(), 'noise': noise.float()})
        out.update(one_complex(L, f, label, x, copies))
        save(f'loss_{n}', out)

    ones = dict(mse=4.0, bond=4.0, smooth_lddt=4.0, distogram=0.03, plddt=1e-4, pde=1e-4, pae=1e-4, experimentally_resolved=1e-4)
    batches = {
        'all_on': ('0.5.0', [ones, ones], False, False),
        'stage_1': ('0.5.0', [L.entry_weights('initial', 2.0), L.entry_weights('initial', None)], False, False),
        'stage_1_031': ('0.3.1', [L.entry_weights('initial', 2.0, release='0.3.1')] * 2, False, False),
        'stage_2': ('0.4', [L.entry_weights('fine_tune_1', 5.0), L.entry_weights('fine_tune_1', 3.0)], False, False),
        'entry_off': ('0.5.0', [ones, {k: 0.0 for k in ones}], False, False),
        'stage_3': ('0.5.0', [L.entry_weights('fine_tune_3', 2.0)] * 2, True, False),
        'protein_only': ('0.5.0', [ones, ones], False, True)}
    rules = {'0.3.1': L.V031, '0.4': L.V04, '0.5.0': L.V05}
    out = {}
    for case, (release, weights, confidence_only, protein_only) in batches.items():
        entries, leaves = [], []
        pae = release != '0.3.1' or confidence_only
        for (f, label, x, copies, noise), w in zip(cases, weights):
            T, A = len(f['token_mask']), len(f['atom_mask'])
            shape = dict(plddt=(A, 50), experimentally_resolved=(A, 2))
            o = {f'{k}_logits': logits(k, *shape.get(k, (T, T, 64))).requires_grad_() for k in SALT}
            o['atom_positions_diffusion'] = copies.clone().requires_grad_()
            leaves.append(dict(o))
            entries.append(dict(f=f, label=label, w=w, protein_only=protein_only,
                                out=dict(o, atom_positions_predicted=x, noise_level=noise)))
        loss, log = L.total_loss(entries, confidence_only, pae, rules[release])
        loss.backward()
        value = lambda k: float(log.get(k, float('nan')))
        out[f'{case}/values'] = torch.tensor([float(loss)] + [value(f'{k}_loss') for k in NAMES] +
                                             [value(k) for k in ('confidence_loss', 'diffusion_loss', 'scaled_distogram_loss')], dtype=F64)
        out[f'{case}/weights'] = torch.tensor([[w[k] for k in NAMES] for w in weights], dtype=F64)
        out[f'{case}/flags'] = torch.tensor([('0.3.1', '0.4', '0.5.0').index(release), confidence_only, protein_only, pae]).int()
        for e, leaf in enumerate(leaves):
            for k, v in leaf.items():
                g = torch.zeros_like(v) if v.grad is None else v.grad
                out[f'{case}/{e}/{k}'] = sampled(g)
    save('loss_total', out)


ASSEMBLIES = 36  # all behind each other in each tensor; sizes [36,7] say where each begins


def alignment_side(prefix, f):
    out = {f'{prefix}/{k}': f[k].int() for k in ('num_atoms_per_token', 'start_atom_index', 'token_index', 'mol_entity_id', 'mol_sym_id',
                                                 'mol_sym_component_id', 'mol_sym_token_index')}
    out.update({f'{prefix}/{k}': f[k].to(torch.uint8) for k in ('is_protein', 'is_ligand', 'token_mask')})
    out[f'{prefix}/restype'] = f['restype'].argmax(-1).to(torch.uint8)
    return out


def make_alignment(C, L, save):
    rng, out, kept, raised, undefined = np.random.default_rng(14), {}, 0, 0, 0
    while kept < ASSEMBLIES:
        crop, gt, x, _ = C.random_assembly(rng, kept % 3 != 0)
        pad, T = 2 * (kept % 2), len(crop['token_mask'])
        crop = {k: torch.cat([v, torch.zeros(pad, *v.shape[1:], dtype=v.dtype)]) if torch.is_tensor(v) and len(v) == T and
                k not in ('atom_mask', 'ref_space_uid') else v for k, v in crop.items()}
        gt, x = round32(gt), x.float()
        sizes, spy = C.candidate_sizes(crop, gt, L.UPSTREAM)
        try:
            with spy:
                index = L.permutation_align(crop, {k: v.float() if v.is_floating_point() else v for k, v in gt.items()}, x)
            how = 0
        except Exception:
            index, how = L.naive_align(crop, gt), 1
        if any(0 < n and rank < 2 for n, rank in sizes):  # on a line: the rotation is not determined
            continue
        raised, undefined = raised + how, undefined + any(n == 0 for n, _ in sizes)
        perms = [crop['ref_space_uid_to_perm'][u] for u in range(len(crop['ref_space_uid_to_perm']))]
        one = dict(alignment_side('crop', crop), **alignment_side('gt', gt), uid=crop['ref_space_uid'].int(), x=x,
                   truth=gt['atom_positions'].float(), resolved=gt['atom_resolved_mask'].to(torch.uint8), index=torch.tensor(index).int(),
                   permutation_shapes=torch.tensor([v.shape for v in perms]).int(),
                   permutations=torch.cat([v.flatten() for v in perms]).to(torch.uint8))
        one['sizes'] = torch.tensor([[len(crop['token_mask']), len(x), len(gt['token_mask']), len(gt['atom_mask']), len(perms),
                                      len(one['permutations']), how]]).int()
        for k, v in one.items():
            out.setdefault(k, []).append(v)
        kept += 1
    print(f'{kept} assemblies; {raised} that the oracle refuses, {undefined} with an undefined superposition')
    save('alignment', {k: torch.cat(v) for k, v in out.items()})


def make_optimiser(T, save):
    """Three tensors, the last of the confidence heads; the second entry has no confidence losses; one gradient in three is long."""
    from dataclasses import replace
    shapes = {'a': (5, 3), 'b': (4,), 'confidence': (7,)}
    flat = lambda d: torch.cat([d[k].flatten() for k in shapes])
    out = {}
    for release in ('0.3.1', '0.4', '0.5.0'):
        r = np.random.default_rng(15)
        h = replace(T.Hyper(), protocol=release, warmup=4, decay_start=7, decay_every=2)
        number = lambda *s: torch.tensor(r.standard_normal(s).astype(np.float32)).to(F64)
        params = {k: number(*s) for k, s in shapes.items()}
        state, rows = T.new_state(params), {k: [] for k in ('gradients', 'values', 'averages', 'lr', 'norms')}
        out[f'{release}/start'] = flat(params).float()
        for step in range(10):
            grads = [{k: number(*s) * (20.0 if (step + e) % 3 == 0 else 0.3) for k, s in shapes.items()} for e in range(2)]
            grads[1]['confidence'].zero_()
            rows['gradients'].append(torch.stack([flat(g).float() for g in grads]))
            if release == '0.3.1':
                T.ema_update(state, params, h)
                total = {k: (grads[0][k] + grads[1][k]) / 2 for k in shapes}
                norms = [T.clip_global(total, h.clip)]
            else:
                total, norms = T.clip_each(grads, {k: [True, k != 'confidence'] for k in shapes}, h.clip)
            lr = T.learning_rate(state['step'], h)
            T.adam_step(state, params, total, lr, h)
            state['step'] += 1
            if release != '0.3.1':
                T.ema_update(state, params, h)
            rows['values'].append(flat(params).clone())
            rows['averages'].append(flat(state['ema']).clone())
            rows['lr'].append(torch.tensor(lr, dtype=F64))
            rows['norms'].append(torch.stack(list(norms)))
        out.update({f'{release}/{k}': torch.stack(v) for k, v in rows.items()})
    save('optimiser', out)


# ---- ten steps
STEPS, COPIES, ROLLOUT, RECYCLES = 10, 4, 5, (0, 2, 1, 0, 2, 1, 0, 1, 2, 0)
NOISE_INIT, NOISE_POSE, NOISE_STEP, COPY_LEVEL, COPY_POSE, COPY_NOISE = 4, 5, 7, 12, 13, 14  # of3_purpose


def normals(seed, purpose, sample, step, n):
    """of3_random_normal: Philox4x32-10, Box-Muller on 24-bit uniforms, float32."""
    m = np.uint64(0xffffffff)
    blocks = (n + 3) // 4
    c = [np.arange(blocks, dtype=np.uint64)] + [np.full(blocks, v, dtype=np.uint64) for v in (step, sample, purpose)]
    k0, k1 = seed & 0xffffffff, seed >> 32
    for _ in range(10):
        p0, p1 = np.uint64(0xD2511F53) * c[0], np.uint64(0xCD9E8D57) * c[2]
        c = [(p1 >> np.uint64(32)) ^ c[1] ^ np.uint64(k0), p1 & m, (p0 >> np.uint64(32)) ^ c[3] ^ np.uint64(k1), p0 & m]
        k0, k1 = (k0 + 0x9E3779B9) & 0xffffffff, (k1 + 0xBB67AE85) & 0xffffffff
    u = [((w >> np.uint64(8)).astype(np.float64) + 1) * 2.0**-24 for w in c]
    out = []
    for a, b in ((u[0], u[1]), (u[2], u[3])):
        r = np.sqrt(-2 * np.log(a))
        out += [r * np.cos(2 * np.pi * b), r * np.sin(2 * np.pi * b)]
    return torch.tensor(np.stack(out, -1).reshape(-1)[:n].astype(np.float32)).to(F64)


def draws_of(seed, atoms):
    n = lambda what, sample, step, *shape: normals(seed, what, sample, step, int(np.prod(shape))).reshape(shape)
    steps, copies = range(ROLLOUT), range(COPIES)
    pose, own = [n(NOISE_POSE, 0, i, 7) for i in steps], [n(COPY_POSE, s, 0, 7) for s in copies]
    return {'x0': n(NOISE_INIT, 0, 0, 1, atoms, 3), 'quaternion': torch.stack([p[None, :4] for p in pose]),
            'shift': torch.stack([p[None, 4:] for p in pose]), 'noise': torch.stack([n(NOISE_STEP, 0, i, 1, atoms, 3) for i in steps]),
            't': torch.cat([n(COPY_LEVEL, s, 0, 1) for s in copies]), 't_quaternion': torch.stack([p[:4] for p in own]),
            't_shift': torch.stack([p[4:] for p in own]), 't_noise': torch.stack([n(COPY_NOISE, s, 0, atoms, 3) for s in copies]),
            'last_resort': torch.zeros(1, atoms, 3, dtype=F64)}


def step_features(f, seed):
    """What the network reads beside the features of demo_entry; no deletions and no templates, so that all generations have the same."""
    r = np.random.default_rng(seed)
    T, A, rows = len(f['token_mask']), len(f['atom_mask']), 5
    real, hot = f['token_mask'], lambda k, *shape: torch.nn.functional.one_hot(torch.tensor(r.integers(0, k, shape)), k).to(F64)
    f['restype'] = f['restype'] * real[:, None].long()
    msa = hot(31, rows, T)
    msa = torch.cat([msa, torch.zeros(rows, T, 1, dtype=F64)], -1) * real[:, None]
    zero = lambda *shape: torch.zeros(shape, dtype=F64)
    f.update(residue_index=(f['mol_sym_token_index'] + 1) * real.long(), entity_id=f['mol_entity_id'], sym_id=f['mol_sym_id'], msa=msa,
             msa_mask=torch.ones(rows, T, dtype=F64) * real, has_deletion=zero(rows, T), deletion_value=zero(rows, T),
             profile=msa.mean(0), deletion_mean=zero(T), num_paired_seqs=torch.tensor([1]), template_restype=zero(4, T, 32),
             template_pseudo_beta_mask=zero(4, T), template_backbone_frame_mask=zero(4, T), template_distogram=zero(4, T, T, 39),
             template_unit_vector=zero(4, T, T, 3), ref_pos=torch.tensor(r.standard_normal((A, 3)).astype(np.float32)).to(F64),
             ref_mask=torch.ones(A, dtype=F64), ref_element=hot(119, A), ref_charge=torch.tensor(r.integers(-1, 2, A)).to(F64),
             ref_atom_name_chars=hot(64, A, 4))


def save_step_entry(entry, name, save, flags):
    f, gt = entry['f'], entry['gt']
    out = {f'feat/{k}': v.to(torch.uint8) if k in flags else v.float() if v.is_floating_point() else v for k, v in f.items()
           if torch.is_tensor(v) and not k.startswith('mol_') and k not in ('template_distogram', 'template_unit_vector')}
    out.update({f'crop/{k}': f[k].int() for k in f if k.startswith('mol_')})
    out.update({f'gt/{k}': gt[k].int() for k in ('num_atoms_per_token', 'start_atom_index', 'token_index') + tuple(k for k in gt if k.startswith('mol_'))})
    out.update({f'gt/{k}': gt[k].to(torch.uint8) for k in ('is_protein', 'is_rna', 'is_dna', 'is_ligand', 'is_atomized')})
    out['gt/restype'] = gt['restype'].argmax(-1).to(torch.uint8)
    out.update({'gt/token_mask': gt['token_mask'].float(), 'truth': gt['atom_positions'].float(), 'resolved': gt['atom_resolved_mask'].float()})
    perms = [f['ref_space_uid_to_perm'][u] for u in range(len(f['ref_space_uid_to_perm']))]
    out.update(permutation_shapes=torch.tensor([v.shape for v in perms]).int(), permutations=torch.cat([v.flatten() for v in perms]).int())
    save(name, out)


def step_entry(T, n):
    e = T.demo_entry(11 + n, None, F64)
    step_features(e['f'], 21 + n)
    e['f']['token_bonds'] = e['f']['token_bonds'].to(F64)
    e['gt']['atom_positions'] = e['gt']['atom_positions'].float().to(F64)
    return e


def make_unseen(T, L, save):
    import of3_oracle
    from dataclasses import replace
    from of3_files import load_weights

    class Unseen(T.OracleModel):
        what = ''

        def denoise(self, p, f, x, t, s_input, s, z, mask=None):  # the rollout has no mask
            inp = self.features(f)
            seen = mask is None or self.what != 'copies'
            return self.net.denoise(x, t, inp, self.net.prepare_denoiser(inp, s_input, s, z, seen), mask)

        def confidence(self, p, f, s_input, s, z, x):
            return super().confidence(p, f, s_input, s, z * 0 if self.what == 'heads' else z, x)

    entry, out = step_entry(T, 0), {}
    entry['w'] = L.entry_weights('initial', 2.0, release='0.5.0')
    h = replace(T.Hyper(), protocol='0.5.0', rollout_steps=ROLLOUT, copies=COPIES)
    for what in ('copies', 'heads'):
        params = {k: v.to(F64) for k, v in load_weights(ROOT / 'tests/fixtures/parity/checkpoint_ob.safetensors').items()}
        model = Unseen(of3_oracle.Model(params, of3_oracle.CONFIGS['tiny'](), of3_oracle.VARIANTS['OB'], F64))
        model.what = what
        log = T.train_step(model, params, T.new_state(params), [entry], 1, [draws_of(0, len(entry['f']['atom_mask']))], h, 'initial')
        out[what] = torch.tensor([log['loss'], log['norms'][0]] + [log.get(f'{k}_loss', float('nan')) for k in NAMES], dtype=F64)
        print(what, out[what].tolist(), flush=True)
    save('unseen', out)


def make_steps(T, L, save):
    import of3_oracle
    from dataclasses import replace
    from make_fixtures import ONE_HOT_OR_MASK
    from of3_files import load_weights
    entries = []
    for n in range(2):
        entries.append(step_entry(T, n))
        save_step_entry(entries[n], f'steps_entry_{n}', save, ONE_HOT_OR_MASK)
    out = {}
    for release, variant in (('0.3.1', 'P1t'), ('0.4', 'P2'), ('0.5.0', 'OB')):
        h = replace(T.Hyper(), protocol=release, warmup=4, decay_start=7, decay_every=2, rollout_steps=ROLLOUT, copies=COPIES)
        entries[0]['w'] = L.entry_weights('initial', 2.0, release=release)
        entries[1]['w'] = L.entry_weights('initial', None, True, release)
        var = of3_oracle.VARIANTS[variant]
        params = {k: v.to(F64) for k, v in load_weights(ROOT / 'tests/fixtures/parity' / f'checkpoint_{variant[:2].lower()}.safetensors').items()}
        model = T.OracleModel(of3_oracle.Model(params, of3_oracle.CONFIGS['tiny'](), var, F64))
        state, rows = T.new_state(params), {k: [] for k in ('losses', 'lr', 'norms', 'sizes')}
        flat = lambda d: torch.cat([d[k].detach().flatten() for k in sorted(params)])
        for step in range(STEPS):
            draws = [draws_of(1000 * step + n, len(e['f']['atom_mask'])) for n, e in enumerate(entries)]
            log = T.train_step(model, params, state, entries, RECYCLES[step], draws, h, 'initial')
            rows['losses'].append([log['loss']] + [log.get(f'{k}_loss', float('nan')) for k in NAMES])
            rows['lr'].append(log['lr'])
            rows['norms'].append(log['norms'])
            rows['sizes'].append([float(flat(params).norm()), float(flat(state['ema']).norm())])
            print(release, step, log['loss'], log['norms'], log['alignment'], flush=True)
        out.update({f'{release}/{k}': torch.tensor(v, dtype=F64) for k, v in rows.items()})
        out[f'{release}/values'], out[f'{release}/averages'] = flat(params)[::401], flat(state['ema'])[::401]
        out[f'{release}/recycles'] = torch.tensor(RECYCLES).int()
    save('steps', out)


def main():
    a = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    a.add_argument('what', nargs='*', help='default: all')
    a.add_argument('--shared', type=pathlib.Path, default=pathlib.Path(os.environ.get('SHARED') or ROOT.parent / 'shared'))
    o = a.parse_args()
    sys.path.insert(0, str(o.shared / 'oracle'))
    torch.set_num_threads(1)
    import check_losses
    import of3_losses
    import of3_train_step
    from of3_files import save_safetensors

    def save(name, table):
        path = OUT / f'{name}.safetensors'
        save_safetensors(path, {k: v.detach().contiguous() for k, v in table.items()}, dict(made_by='tools/make_training_fixtures.py'))
        print(f'{path.relative_to(ROOT)}: {len(table)} tensors, {path.stat().st_size} bytes')

    makers = dict(losses=lambda: make_losses(check_losses, of3_losses, save),
                  alignment=lambda: make_alignment(check_losses, of3_losses, save),
                  optimiser=lambda: make_optimiser(of3_train_step, save), steps=lambda: make_steps(of3_train_step, of3_losses, save),
                  unseen=lambda: make_unseen(of3_train_step, of3_losses, save))
    for what in o.what or makers:
        makers[what]()


if __name__ == '__main__':
    main()
