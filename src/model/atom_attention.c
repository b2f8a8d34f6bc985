/* Atom attention (AF3 SI Alg. 5-7): features of the reference conformers, the atom transformer, and the way
 * to tokens. docs/model.md 5.1 to 5.6. */
#include "model/run.h"

#include <math.h>
#include <stddef.h>

/* Classes of an atom in ref_classes: element, then its four name characters; none: -1. */
enum { ATOM_CLASSES = 1 + OF3_NAME_CHARS };
static void write_atom_classes(const of3_features *f, int32_t *at) {
  for (int a = 0; a < f->n_atom; a++, at += ATOM_CLASSES) {
    at[0] = f->ref_element[a] == OF3_NO_CLASS ? -1 : f->ref_element[a];
    for (int k = 0; k < OF3_NAME_CHARS; k++) {
      int ch = f->ref_atom_name_chars[OF3_NAME_CHARS * a + k];
      at[1 + k] = ch == OF3_NO_CLASS ? -1 : OF3_N_ELEMENT + OF3_N_NAME_CHAR * k + ch;
    }
  }
}

static of3_tensor *atom_classes(const of3_run *r) {
  const of3_inputs *in = &r->in;
  int32_t *host;
  of3_tensor *t = OF3_STAGE(r->cx, &host, OF3_I32, in->n, in->n_atom, ATOM_CLASSES);
  for (int b = 0; host && b < in->n; b++) write_atom_classes(in->f[b], host + b * in->n_atom * ATOM_CLASSES);
  of3_staged(r->cx, t);
  return t;
}

/* asinh of the charges: [B,A,1]. */
static of3_tensor *atom_charges(const of3_run *r) {
  const of3_inputs *in = &r->in;
  float *host;
  of3_tensor *t = OF3_STAGE(r->cx, &host, OF3_F32, in->n, in->n_atom, 1);
  for (int b = 0; host && b < in->n; b++)
    for (int a = 0; a < in->f[b]->n_atom; a++) host[b * in->n_atom + a] = asinhf(in->f[b]->ref_charge[a]);
  of3_staged(r->cx, t);
  return t;
}

static of3_tensor *atom_positions(const of3_run *r) {
  return of3_share_feature(r, OF3_F32, offsetof(of3_features, ref_pos), OF3_OF_ATOMS, 3);
}

of3_tensor *of3_atom_single(const of3_run *r, const of3_atom_encoder_w *w) {
  of3_ctx *cx = r->cx;
  of3_tensor *c = of3_linear(cx, atom_positions(r), w->ref_pos, OF3_ACT_NONE);
  of3_scope scope = of3_scope_begin(cx);
  of3_linear_add(cx, c, atom_charges(r), w->ref_charge, NULL, NULL);
  of3_linear_add(cx, c, of3_share_feature(r, OF3_F32, offsetof(of3_features, ref_mask), OF3_OF_ATOMS, 1),
                 w->ref_mask, NULL, NULL);
  of3_embed_add(cx, c, atom_classes(r), w->ref_classes, NULL);
  of3_scope_end(cx, scope);
  return c;
}

of3_tensor *of3_atom_pair_features(const of3_run *r, const of3_atom_encoder_w *w) {
  const of3_tensor *uid =
      of3_share_feature(r, OF3_I32, offsetof(of3_features, ref_space_uid), OF3_OF_ATOMS, 0);
  return of3_atom_pair(r->cx, atom_positions(r), uid, r->in.windows, w->ref_offset, w->inv_sq_dists,
                       w->valid_mask);
}

/* p += the small MLP of docs/model.md 5.4. */
static void pair_mlp(const of3_run *r, of3_tensor *p, const of3_atom_encoder_w *w) {
  of3_ctx *cx = r->cx;
  of3_scope scope = of3_scope_begin(cx);
  of3_tensor *h = of3_new_like(cx, p);
  of3_copy(cx, h, p);
  of3_activate(cx, h, OF3_ACT_RELU);
  h = of3_linear(cx, h, w->pair_mlp[0], OF3_ACT_RELU);
  h = of3_linear(cx, h, w->pair_mlp[1], OF3_ACT_RELU);
  of3_linear_add(cx, p, h, w->pair_mlp[2], NULL, NULL);
  of3_scope_end(cx, scope);
}

void of3_atom_pair_update(const of3_run *r, of3_tensor *p, const of3_tensor *c, const of3_atom_encoder_w *w) {
  of3_ctx *cx = r->cx;
  of3_scope scope = of3_scope_begin(cx);
  of3_tensor *x = of3_new_like(cx, c);
  of3_copy(cx, x, c);
  of3_activate(cx, x, OF3_ACT_RELU);
  of3_tensor *row = of3_linear(cx, x, w->l, OF3_ACT_NONE), *col = of3_linear(cx, x, w->m, OF3_ACT_NONE);
  of3_window_add(cx, p, row, col, r->in.windows);
  const int64_t windows = of3_count(r->in.windows.low), /* of all complexes */
      step = windows ? of3_block_rows(r, windows, of3_count(p) / windows) : 1;
  const of3_tensor *of_all =
      OF3_RESHAPE(cx, p, windows, OF3_WINDOW_QUERIES, OF3_WINDOW_KEYS, r->c->c_atom_pair);
  for (int64_t b = 0; b < windows; b += step)
    pair_mlp(r, of3_narrow(cx, of_all, b, b + step < windows ? step : windows - b), w);
  of3_mask_rows(cx, p, r->in.windows.mask);
  of3_scope_end(cx, scope);
}

void of3_atom_modulations(const of3_run *r, const of3_tensor *c, const of3_dit_block_w *w,
                          of3_dit_state *block) {
  const int64_t windows = of3_dim(r->in.windows.low, 0);
  for (int i = 0; block && i < r->c->blocks_atom; i++) {
    of3_modulation m[2];
    of3_modulate(r->cx, c, 2, (const of3_modulation_w *[]){&w[i].query, &w[i].transition}, m);
    block[i] = (of3_dit_state){
        .query = m[0],
        .transition = m[1],
        .bias = OF3_NEW(r->cx, OF3_F32, r->in.n, windows, r->c->h_atom, OF3_WINDOW_KEYS, OF3_WINDOW_QUERIES)};
    of3_modulate(r->cx, c, 1, (const of3_modulation_w *[]){&w[i].key}, &block[i].key);
  }
}

void of3_atom_biases(const of3_run *r, const of3_tensor *p, const of3_dit_block_w *w,
                     const of3_dit_state *block) {
  for (int i = 0; block && i < r->c->blocks_atom; i++)
    of3_pair_bias(r->cx, block[i].bias, p, &w[i].norm_z, w[i].z, r->in.windows.mask);
}

/* The attention half of a block; the transition follows. */
static void atom_block_attention(const of3_run *r, of3_tensor *q, const of3_dit_block_w *w,
                                 const of3_dit_state *b) {
  of3_ctx *cx = r->cx;
  of3_scope scope = of3_scope_begin(cx);
  of3_tensor *x[2], *y[2]; /* queries and gates, keys and values */
  of3_project(cx, q, NULL, &b->query, r->c->h_atom, 2, (of3_linear_w[]){w->mha.q, w->mha.g}, x);
  of3_project(cx, q, NULL, &b->key, r->c->h_atom, 2, (of3_linear_w[]){w->mha.k, w->mha.v}, y);
  of3_tensor *o = of3_window_attention(cx, x[0], y[0], y[1], x[1], b->bias, r->in.windows.low, r->c->h_atom);
  of3_linear_add(cx, q, o, w->mha.o, b->query.out_gate, NULL);
  of3_scope_end(cx, scope);
}

void of3_atom_transformer(const of3_run *r, of3_tensor *q, const of3_dit_block_w *w,
                          const of3_dit_state *block, const char *name) {
  for (int i = 0; block && i < r->c->blocks_atom; i++) {
    of3_scope scope = of3_scope_begin(r->cx); /* a block that training computes again (tensor/tape.h) */
    atom_block_attention(r, q, &w[i], &block[i]);
    of3_note(r, q, "%s.atom_transformer.blocks.%d/q.attention", name, i);
    of3_gated_transition(r->cx, q, block[i].transition, w[i].transition_a, w[i].transition_b,
                         w[i].transition_out, r->in.atom_mask);
    of3_scope_end(r->cx, scope);
    of3_note(r, q, "%s.atom_transformer.blocks.%d/q", name, i);
  }
}

of3_tensor *of3_atoms_to_tokens(const of3_run *r, const of3_tensor *q, const of3_atom_encoder_w *w) {
  of3_ctx *cx = r->cx;
  of3_tensor *y = of3_linear(cx, q, w->q, OF3_ACT_RELU);
  return of3_segment_mean(cx, y, r->in.token_start, r->in.token_count, r->in.atom_mask);
}
