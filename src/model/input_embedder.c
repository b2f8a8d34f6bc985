/* AF3 SI Alg. 2 (InputFeatureEmbedder and the initial pair representation), docs/model.md 4. */
#include <string.h>

#include "model/run.h"

/* AF3 SI Alg. 5 without coordinates: [B,N,c_token_in]. */
static of3_tensor *input_atom_encoder(const of3_run *r) {
  of3_ctx *cx = r->cx;
  const of3_atom_encoder_w *w = &r->w->encoder;
  const char *name = "input_embedder.atom_attn_enc";
  of3_tensor *c = of3_atom_single(r, w), *p = of3_atom_pair_features(r, w);
  of3_note(r, c, "%s/c", name);
  of3_atom_pair_update(r, p, c, w);
  of3_note(r, p, "%s/pair", name);
  of3_dit_state *block = OF3_RUN_NEW(r, of3_dit_state, r->c->blocks_atom);
  of3_atom_modulations(r, c, w->block, block);
  of3_atom_biases(r, p, w->block, block);
  of3_tensor *q = of3_new_like(cx, c);
  of3_copy(cx, q, c);
  of3_atom_transformer(r, q, w->block, block, name);
  of3_mask_rows(cx, q, r->in.atom_mask);
  of3_tensor *a = of3_atoms_to_tokens(r, q, w);
  of3_note(r, a, "%s/a", name);
  return a;
}

/* restype one-hot (32), profile (32), deletion_mean (1) of each token of a complex: [N,65]. */
enum { TOKEN_FEATURES = 2 * OF3_N_RESTYPE + 1 };
static void write_token_features(const of3_features *f, float *row) {
  for (int i = 0; i < f->n_token; i++, row += TOKEN_FEATURES) {
    if (f->restype[i] != OF3_NO_CLASS) row[f->restype[i]] = 1;
    memcpy(row + OF3_N_RESTYPE, f->profile + (int64_t)i * OF3_N_RESTYPE, OF3_N_RESTYPE * sizeof *row);
    row[TOKEN_FEATURES - 1] = f->deletion_mean[i];
  }
}

static of3_tensor *token_features(const of3_run *r) {
  const of3_inputs *in = &r->in;
  float *host;
  of3_tensor *t = OF3_STAGE(r->cx, &host, OF3_F32, in->n, in->n_token, TOKEN_FEATURES);
  for (int b = 0; host && b < in->n; b++)
    write_token_features(in->f[b], host + b * in->n_token * TOKEN_FEATURES);
  of3_staged(r->cx, t);
  return t;
}

of3_tensor *of3_s_input(const of3_run *r) {
  of3_ctx *cx = r->cx;
  of3_tensor *s_input = OF3_NEW(cx, OF3_F32, r->in.n, r->in.n_token, of3_c_s_input(r->c));
  of3_scope scope = of3_scope_begin(cx);
  of3_copy(cx, s_input, of3_concat(cx, input_atom_encoder(r), token_features(r)));
  of3_scope_end(cx, scope);
  of3_note(r, s_input, "input_embedder/s_input");
  return s_input;
}

void of3_z_init(const of3_run *r, const of3_tensor *s_input, of3_tensor *z) {
  of3_ctx *cx = r->cx;
  of3_scope scope = of3_scope_begin(cx);
  of3_outer_sum(cx, z, of3_linear(cx, s_input, r->w->z_i, OF3_ACT_NONE),
                of3_linear(cx, s_input, r->w->z_j, OF3_ACT_NONE));
  of3_relpos_add(cx, z, r->in.place, r->w->relpos);
  if (r->in.token_bonds) of3_bond_add(cx, z, r->in.token_bonds, r->w->token_bonds.w);
  of3_scope_end(cx, scope);
}
