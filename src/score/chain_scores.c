#include "score/chain_scores.h"

#include <math.h>

static float *pair_at(const of3_scores *s, float *of, int row, int column) {
  return &of[(size_t)row * (size_t)s->n_chain + (size_t)column];
}

/* Mean over the atoms of each chain. */
static void put_plddt(const of3_complex *c, const float *plddt, of3_scores *out) {
  for (int k = 0; k < c->n_chain; k++) {
    const of3_residue *first = &c->residue[c->chain[k].first_residue],
                      *last = first + c->chain[k].n_residue - 1;
    const int begin = first->first_atom, end = last->first_atom + last->n_atom;
    double sum = 0;
    for (int a = begin; a < end; a++) sum += (double)plddt[a];
    out->chain_plddt[c->chain[k].asym_id - 1] = end > begin ? (float)(sum / (end - begin)) : NAN;
  }
}

/* Mean over the other chains. */
static void put_iptm(of3_scores *out) {
  for (int a = 0; a < out->n_chain; a++) {
    double sum = 0;
    for (int b = 0; b < out->n_chain; b++)
      if (b != a) sum += (double)*pair_at(out, out->chain_pair_iptm, a, b);
    out->chain_iptm[a] = out->n_chain > 1 ? (float)(sum / (out->n_chain - 1)) : NAN;
  }
}

/* Over rows, of tokens that have a frame to align, of one chain, and columns of the other: not symmetric. */
static of3_status put_pae(const of3_features *f, const float *pae, const uint8_t *frames,
                          of3_cancel *opt_cancel, of3_scores *out, of3_error *err) {
  const int n = f->n_token;
  for (int k = 0; k < out->n_chain * out->n_chain; k++) out->chain_pair_pae_min[k] = NAN;
  for (int i = 0; i < n; i++) {
    if (!frames[i]) continue;
    OF3_TRY(of3_go_on(opt_cancel, err));
    const float *row = pae + (size_t)i * (size_t)n;
    float *least = pair_at(out, out->chain_pair_pae_min, f->asym_id[i] - 1, 0);
    for (int k = 0; k < n; k++)
      if (f->token_mask[k] > 0) least[f->asym_id[k] - 1] = fminf(least[f->asym_id[k] - 1], row[k]);
  }
  return OF3_OK;
}

/* The last ligand with the polymers; NAN: there is none of the one or the other. */
static void put_ligand(const of3_complex *c, of3_scores *out) {
  int ligand = -1;
  out->ligand_iptm = out->ligand_plddt = out->ligand_pae_min = NAN;
  for (int k = 0; k < c->n_chain; k++)
    if (c->chain[k].type == OF3_LIGAND) ligand = c->chain[k].asym_id - 1;
  if (ligand < 0) return;
  out->ligand_plddt = out->chain_plddt[ligand];
  for (int k = 0; k < c->n_chain; k++) {
    const int other = c->chain[k].asym_id - 1;
    if (c->chain[k].type == OF3_LIGAND) continue;
    out->ligand_iptm = fmaxf(out->ligand_iptm, *pair_at(out, out->chain_pair_iptm, ligand, other));
    out->ligand_pae_min = fminf(out->ligand_pae_min, *pair_at(out, out->chain_pair_pae_min, ligand, other));
    out->ligand_pae_min = fminf(out->ligand_pae_min, *pair_at(out, out->chain_pair_pae_min, other, ligand));
  }
}

of3_status of3_chain_scores(const of3_complex *complex, const of3_features *f, const of3_prediction *p,
                            int sample, const uint8_t *frames, of3_cancel *opt_cancel, of3_scores *out,
                            of3_error *err) {
  const size_t s = (size_t)sample, n = (size_t)f->n_token;
  put_plddt(complex, p->plddt + s * (size_t)f->n_atom, out);
  put_iptm(out);
  OF3_TRY(put_pae(f, p->pae + s * n * n, frames, opt_cancel, out, err));
  put_ligand(complex, out);
  return OF3_OK;
}
