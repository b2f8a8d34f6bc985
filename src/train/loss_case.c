#include <math.h>

#include "train/losses.h"

static bool nucleic_token(const of3_features *f, int t) { return f->is_rna[t] || f->is_dna[t]; }

/* AF3 SI 3.7.1: atoms of DNA and RNA weigh 5 more, those of ligands 10 more. */
static void set_atoms(of3_loss_case *c, bool protein_only) {
  const of3_features *f = c->f;
  for (int a = 0; a < f->n_atom; a++) {
    const int t = f->atom_to_token_index[a];
    const bool real = f->atom_mask[a] > 0;
    c->nucleic[a] = real && nucleic_token(f, t);
    c->weight[a] = real ? 1 + 5 * (float)nucleic_token(f, t) + 10 * (float)f->is_ligand[t] : 0;
    c->counts[a] = c->resolved[a] > 0 && (!protein_only || (real && f->is_protein[t]));
  }
}

/* A residue that is bonded to a ligand is atomised, so that each of the two tokens is one atom; where it is
 * not, all pairs of their atoms count, as in OpenFold3. */
static int bonds_of_tokens(const of3_loss_case *c, int ligand, int polymer, int32_t (*out)[2]) {
  const of3_features *f = c->f;
  int n = 0;
  for (int a = 0; a < f->num_atoms_per_token[ligand]; a++)
    for (int b = 0; b < f->num_atoms_per_token[polymer]; b++) {
      const int l = f->start_atom_index[ligand] + a, m = f->start_atom_index[polymer] + b;
      if (!(f->atom_mask[l] > 0 && f->atom_mask[m] > 0 && c->resolved[l] > 0 && c->resolved[m] > 0)) continue;
      if (out) {
        out[n][0] = l;
        out[n][1] = m;
      }
      n++;
    }
  return n;
}

static int bonds(const of3_loss_case *c, int32_t (*out)[2]) {
  const of3_features *f = c->f;
  int n = 0;
  for (int k = 0; k < f->n_bond; k++)
    for (int way = 0; way < 2; way++) {
      const int l = f->token_bonds[2 * k + way], m = f->token_bonds[2 * k + 1 - way];
      if (f->is_ligand[l] && (f->is_protein[m] || nucleic_token(f, m)))
        n += bonds_of_tokens(c, l, m, out ? out + n : NULL);
    }
  return n;
}

/* The near pairs of atom l; returns how many. */
static int64_t near_pairs(const of3_loss_case *c, int l, of3_near_pair *out) {
  const float *p = c->truth + 3 * (size_t)l;
  const double far = 30;
  int64_t n = 0;
  if (!c->counts[l]) return 0;
  for (int m = l + 1; m < c->f->n_atom; m++) {
    if (!c->counts[m]) continue;
    const float *q = c->truth + 3 * (size_t)m;
    double d2 = 1e-8;
    for (int k = 0; k < 3; k++) d2 += ((double)p[k] - (double)q[k]) * ((double)p[k] - (double)q[k]);
    if (d2 > far * far) continue;
    const double d = sqrt(d2);
    const int times = (d < (c->nucleic[l] ? 30 : 15)) + (d < (c->nucleic[m] ? 30 : 15));
    if (times && out) out[n] = (of3_near_pair){d, m, times};
    n += times > 0;
  }
  return n;
}

static of3_status list_near(of3_loss_case *c, of3_arena *arena, of3_error *err) {
  const int n_atom = c->f->n_atom;
  double n = 0;
  for (int l = 0; l < n_atom; l++) {
    c->first[l + 1] = c->first[l] + near_pairs(c, l, NULL);
    n += c->counts[l];
  }
  c->n_pair = n * (n - 1);
  c->near = OF3_ARENA_NEW(arena, of3_near_pair, c->first[n_atom]);
  if (!c->near) return of3_fail_memory(err, "the near pairs of atoms");
  for (int l = 0; l < n_atom; l++) near_pairs(c, l, c->near + c->first[l]);
  for (int64_t k = 0; k < c->first[n_atom]; k++) c->n_near += c->near[k].times;
  return OF3_OK;
}

of3_status of3_loss_case_new(const of3_features *f, const float *truth, const float *resolved,
                             bool protein_only, of3_arena *arena, of3_loss_case *out, of3_error *err) {
  *out = (of3_loss_case){.f = f,
                         .truth = truth,
                         .resolved = resolved,
                         .weight = OF3_ARENA_NEW(arena, float, f->n_atom),
                         .counts = OF3_ARENA_NEW(arena, uint8_t, f->n_atom),
                         .nucleic = OF3_ARENA_NEW(arena, uint8_t, f->n_atom),
                         .first = OF3_ARENA_NEW(arena, int64_t, f->n_atom + 1)};
  if (!out->weight || !out->counts || !out->nucleic || !out->first) return of3_fail_memory(err, "the losses");
  set_atoms(out, protein_only);
  out->n_bond = bonds(out, NULL);
  out->bond = (int32_t(*)[2])of3_arena_alloc(arena, (size_t)out->n_bond, sizeof *out->bond);
  if (!out->bond) return of3_fail_memory(err, "the losses");
  bonds(out, out->bond);
  return list_near(out, arena, err);
}
