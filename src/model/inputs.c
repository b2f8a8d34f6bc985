/* The features as tensors, and what follows from them alone: masks, relative positions, atom windows. */
#include <string.h>

#include "model/run.h"
#include "tensor/pairs.h"

enum { Q = OF3_WINDOW_QUERIES, K = OF3_WINDOW_KEYS };

/* The rank of each token in its ring and the ring's length (docs/model.md 4.1), into places [N]; those of
 * tokens in no ring stay 0. */
static void find_rings(const of3_features *f, int32_t *place) {
  for (int i = 0; i < f->n_token; i++, place += OF3_N_PLACE) {
    if (!f->cyclic_mask[i]) continue;
    for (int j = 0; j < f->n_token; j++) {
      const bool same = f->cyclic_mask[j] && f->asym_id[j] == f->asym_id[i];
      place[OF3_PLACE_RANK] += same && j < i;
      place[OF3_PLACE_LENGTH] += same;
    }
  }
}

/* What relative positions (AF3 SI Alg. 3) follow from: [N,OF3_N_PLACE]. */
static of3_tensor *make_places(const of3_run *r, const of3_features *f) {
  int32_t *place;
  of3_tensor *t = OF3_STAGE(r->cx, &place, OF3_I32, f->n_token, OF3_N_PLACE);
  for (int i = 0; place && i < f->n_token; i++) {
    int32_t *at = place + (int64_t)i * OF3_N_PLACE;
    at[OF3_PLACE_RESIDUE] = f->residue_index[i];
    at[OF3_PLACE_TOKEN] = f->token_index[i];
    at[OF3_PLACE_ASYM] = f->asym_id[i];
    at[OF3_PLACE_ENTITY] = f->entity_id[i];
    at[OF3_PLACE_SYM] = f->sym_id[i];
  }
  if (place && r->net->switches.cyclic && f->cyclic_mask) find_rings(f, place);
  of3_staged(r->cx, t);
  return t;
}

/* First key of block b (docs/model.md 5.3). real: number of real atoms. */
static int first_key(int b, int real, bool slides) {
  int low = Q * b - (K - Q) / 2;
  if (!slides) return low;
  if (low < 0) return 0;
  return low + K > real ? real - K : low;
}

static void window_mask(const of3_features *f, int b, int low, int end, float *out) {
  for (int q = 0; q < Q; q++)
    for (int k = 0; k < K; k++) {
      int l = Q * b + q, m = low + k;
      bool real = l < f->n_atom && m >= 0 && m < end;
      out[q * K + k] = real ? f->atom_mask[l] * f->atom_mask[m] : 0;
    }
}

static of3_windows make_windows(const of3_run *r, const of3_features *f) {
  const int blocks = (f->n_atom + Q - 1) / Q;
  const bool slides = r->net->switches.window_slides;
  int real = 0;
  int32_t *low;
  float *mask;
  for (int a = 0; a < f->n_atom; a++) real += f->atom_mask[a] > 0;
  of3_windows w = {.low = OF3_STAGE(r->cx, &low, OF3_I32, blocks)};
  for (int b = 0; low && b < blocks; b++) low[b] = first_key(b, real, slides);
  of3_staged(r->cx, w.low);
  w.mask = OF3_STAGE(r->cx, &mask, OF3_F32, blocks, Q, K);
  for (int b = 0; mask && b < blocks; b++)
    window_mask(f, b, first_key(b, real, slides), slides ? real : f->n_atom, mask + (int64_t)b * Q * K);
  of3_staged(r->cx, w.mask);
  return w;
}

/* [A]: atom_mask * token_mask of the atom's token, or NULL. */
static of3_tensor *make_atom_token_mask(const of3_run *r, const of3_features *f) {
  float *mask;
  if (!r->in.token_mask) return r->in.atom_mask;
  of3_tensor *t = OF3_STAGE(r->cx, &mask, OF3_F32, f->n_atom);
  for (int a = 0; mask && a < f->n_atom; a++)
    mask[a] = f->atom_mask[a] * f->token_mask[f->atom_to_token_index[a]];
  of3_staged(r->cx, t);
  return t;
}

of3_tensor *of3_make_mask(const of3_run *r, const float *mask, int64_t n) {
  for (int64_t i = 0; i < n; i++)
    if (mask[i] != 1) return OF3_SHARE_HOST(r->cx, OF3_F32, mask, n);
  return NULL;
}

/* ---- the alignment */

/* Whether anything is; an alignment that is only estimated has no mask yet. */
static bool alignment_is_masked(const of3_features *f) {
  for (int64_t i = 0; f->msa_mask && i < (int64_t)f->n_msa * f->n_token; i++)
    if (!f->msa_mask[i]) return true;
  return !f->msa_mask;
}

static void make_alignment(of3_run *r, const of3_features *f) {
  of3_ctx *cx = r->cx;
  const int64_t rows = f->n_msa, n = f->n_token;
  r->in.msa = OF3_SHARE_HOST(cx, OF3_U8, f->msa, rows, n);
  r->in.has_deletion = OF3_SHARE_HOST(cx, OF3_U8, f->has_deletion, rows, n);
  r->in.deletion_value = OF3_SHARE_HOST(cx, OF3_F32, f->deletion_value, rows, n);
  if (alignment_is_masked(f)) r->in.msa_mask = OF3_SHARE_HOST(cx, OF3_U8, f->msa_mask, rows, n);
}

/* ---- templates */

static bool same_slot(const of3_features *f, int a, int b) {
  size_t n = (size_t)f->n_token, pairs = n * n;
#define SAME(array, width)                                                                                   \
  (!memcmp((array) + (size_t)a * (width), (array) + (size_t)b * (width), (width) * sizeof *(array)))
  return SAME(f->template_restype, n) && SAME(f->template_pseudo_beta_mask, n) &&
         SAME(f->template_backbone_frame_mask, n) &&
         (!f->template_distogram || SAME(f->template_distogram, pairs)) &&
         (!f->template_unit_vector || SAME(f->template_unit_vector, 3 * pairs));
#undef SAME
}

/* How many of the slots from t on equal slot t; 0 if an earlier one does. */
static int multiplicity(const of3_features *f, int t) {
  int n = 0;
  for (int u = 0; u < f->n_templ; u++)
    if (same_slot(f, t, u)) {
      if (u < t) return 0;
      n++;
    }
  return n;
}

static bool slot_is_empty(const of3_features *f, int t) {
  const float *beta = f->template_pseudo_beta_mask + (int64_t)t * f->n_token,
              *frame = f->template_backbone_frame_mask + (int64_t)t * f->n_token;
  if (f->template_distogram || f->template_unit_vector) return false;
  for (int i = 0; i < f->n_token; i++)
    if (beta[i] != 0 || frame[i] != 0) return false;
  return true;
}

static void make_slot(of3_run *r, const of3_features *f, int t, struct of3_slot_inputs *slot) {
  of3_ctx *cx = r->cx;
  const int64_t n = f->n_token, at = t * n;
  slot->times = multiplicity(f, t);
  slot->empty = slot_is_empty(f, t);
  if (!slot->times) return;
  slot->restype = OF3_SHARE_HOST(cx, OF3_U8, f->template_restype + at, n, 1);
  if (slot->empty) return;
  slot->shape.beta = OF3_SHARE_HOST(cx, OF3_F32, f->template_pseudo_beta_mask + at, n);
  slot->shape.frame = OF3_SHARE_HOST(cx, OF3_F32, f->template_backbone_frame_mask + at, n);
  if (f->template_unit_vector)
    slot->shape.opt_unit = OF3_SHARE_HOST(cx, OF3_F32, f->template_unit_vector + at * n * 3, n, n, 3);
  if (f->template_distogram)
    slot->shape.opt_bin = OF3_SHARE_HOST(cx, OF3_U8, f->template_distogram + at * n, n, n);
}

void of3_make_inputs(of3_run *r, const of3_features *f) {
  of3_ctx *cx = r->cx;
  of3_inputs *in = &r->in;
  *in = (of3_inputs){.f = f, .n_token = f->n_token, .n_atom = f->n_atom};
  in->token_mask = of3_make_mask(r, f->token_mask, f->n_token);
  in->place = make_places(r, f);
  if (f->n_bond) in->token_bonds = OF3_SHARE_HOST(cx, OF3_I32, f->token_bonds, f->n_bond, 2);
  in->asym = OF3_SHARE_HOST(cx, OF3_I32, f->asym_id, f->n_token);
  in->atom_mask = of3_make_mask(r, f->atom_mask, f->n_atom);
  in->atom_token = OF3_SHARE_HOST(cx, OF3_I32, f->atom_to_token_index, f->n_atom);
  in->token_start = OF3_SHARE_HOST(cx, OF3_I32, f->start_atom_index, f->n_token);
  in->token_count = OF3_SHARE_HOST(cx, OF3_I32, f->num_atoms_per_token, f->n_token);
  in->atom_token_mask = make_atom_token_mask(r, f);
  in->windows = make_windows(r, f);
  make_alignment(r, f);
  in->slot = OF3_RUN_NEW(r, struct of3_slot_inputs, f->n_templ);
  for (int t = 0; in->slot && t < f->n_templ; t++) make_slot(r, f, t, &in->slot[t]);
}
