/* The denoiser: AF3 SI Alg. 20-25, docs/model.md 9 and 10. of3_prepare_denoiser does once per
 * query what depends neither on the coordinates nor on the noise level; of3_denoise does the rest for all
 * samples together. */
#include "model/run.h"
#include "tensor/pairs.h"

/* zc = linear_z(LNs([z, relative positions])) of complex b. In blocks of rows, as its 267 channels are wide.
 */
static void condition_pair_of(const of3_run *r, int b, const of3_tensor *z, of3_tensor *zc) {
  of3_ctx *cx = r->cx;
  const of3_conditioning_w *w = &r->w->denoiser.conditioning;
  const int64_t n = r->in.n_token, step = of3_block_rows(r, n, n * (r->c->c_z + OF3_RELPOS_CLASSES));
  const of3_tensor *from = OF3_RESHAPE(cx, of3_narrow(cx, z, b, 1), n, n, r->c->c_z),
                   *place = OF3_RESHAPE(cx, of3_narrow(cx, r->in.place, b, 1), n, OF3_N_PLACE);
  const of3_tensor *to = OF3_RESHAPE(cx, of3_narrow(cx, zc, b, 1), n, n, r->c->c_z);
  for (int64_t i = 0; i < n; i += step) {
    int64_t rows = i + step < n ? step : n - i;
    of3_scope scope = of3_scope_begin(cx);
    of3_tensor *relpos = of3_relpos_one_hot(cx, place, i, rows);
    of3_tensor *x = of3_concat(cx, of3_narrow(cx, from, i, rows), relpos);
    of3_copy(cx, of3_narrow(cx, to, i, rows), of3_norm_linear(cx, x, w->norm_z, w->z, OF3_ACT_NONE));
    of3_scope_end(cx, scope);
  }
}

/* AF3 SI Alg. 21 lines 1-5: zc [B,N,N,c_z]. */
static void condition_pair(const of3_run *r, const of3_tensor *z, of3_tensor *zc) {
  const of3_conditioning_w *w = &r->w->denoiser.conditioning;
  for (int b = 0; b < r->in.n; b++) condition_pair_of(r, b, z, zc);
  for (int i = 0; i < 2; i++) of3_pair_transition(r->cx, zc, &w->transition_z[i], r->in.token_mask);
  of3_note(r, zc, "diffusion_module.diffusion_conditioning/z");
}

/* Pair features of the denoiser's atom encoder (docs/model.md 5.1, 5.2, 5.4). */
static of3_tensor *noisy_atom_pair(const of3_run *r, const of3_tensor *c, const of3_tensor *zc) {
  of3_ctx *cx = r->cx;
  const of3_atom_encoder_w *w = &r->w->denoiser.encoder;
  of3_tensor *p = of3_atom_pair_features(r, w);
  of3_scope scope = of3_scope_begin(cx);
  of3_tensor *zp = of3_norm_linear(cx, zc, w->noisy_norm_z, w->noisy_z, OF3_ACT_NONE);
  of3_window_gather(cx, p, zp, r->in.atom_token, r->in.windows);
  of3_scope_end(cx, scope);
  of3_atom_pair_update(r, p, c, w);
  of3_note(r, p, "diffusion_module.atom_attn_enc/pair");
  return p;
}

/* c += gather(linear_s(LNs(s))), from the raw trunk single (docs/model.md 5.2). */
static of3_tensor *noisy_atom_single(const of3_run *r, const of3_tensor *s) {
  of3_ctx *cx = r->cx;
  const of3_atom_encoder_w *w = &r->w->denoiser.encoder;
  of3_tensor *c = of3_atom_single(r, w);
  of3_scope scope = of3_scope_begin(cx);
  of3_tensor *sp = of3_norm_linear(cx, s, w->noisy_norm_s, w->noisy_s, OF3_ACT_NONE);
  of3_gather_add(cx, c, sp, r->in.atom_token, r->in.atom_token_mask);
  of3_scope_end(cx, scope);
  of3_note(r, c, "diffusion_module.atom_attn_enc/c");
  return c;
}

/* AF3 SI Alg. 21 line 6, first half: linear_s(LNs([s, s_input])). */
static of3_tensor *condition_single_base(const of3_run *r, const of3_tensor *s_trunk,
                                         const of3_tensor *s_input) {
  of3_ctx *cx = r->cx;
  const of3_conditioning_w *w = &r->w->denoiser.conditioning;
  of3_tensor *base = OF3_NEW(cx, OF3_F32, r->in.n, r->in.n_token, r->c->c_s);
  of3_scope scope = of3_scope_begin(cx);
  of3_copy(cx, base, of3_norm_linear(cx, of3_concat(cx, s_trunk, s_input), w->norm_s, w->s, OF3_ACT_NONE));
  of3_scope_end(cx, scope);
  return base;
}

/* Bias [B,H,N,N] of token block i. */
static void make_token_bias(const of3_run *r, const of3_tensor *zc, int i, of3_tensor *bias) {
  const of3_dit_block_w *w = &r->w->denoiser.block[i];
  of3_pair_bias(r->cx, bias, zc, &w->norm_z, w->z, NULL);
}

static of3_tensor *new_token_bias(const of3_run *r) {
  return OF3_NEW(r->cx, OF3_F32, r->in.n, r->c->h_token, r->in.n_token, r->in.n_token);
}

/* The biases that are kept, zc, and what the atom transformers take from it. */
static void prepare_pairs(const of3_run *r, const of3_tensor *z, of3_denoiser_state *d) {
  of3_ctx *cx = r->cx;
  const of3_denoiser_w *w = &r->w->denoiser;
  const int kept = r->c->blocks_token - r->economy.remade_biases;
  for (int i = 0; i < kept; i++) d->token_bias[i] = new_token_bias(r);
  if (kept < r->c->blocks_token) d->zc = of3_new_like(cx, z);
  of3_scope scope = of3_scope_begin(cx);
  of3_tensor *zc = d->zc ? d->zc : of3_new_like(cx, z);
  condition_pair(r, z, zc);
  for (int i = 0; i < kept; i++) make_token_bias(r, zc, i, d->token_bias[i]);
  of3_tensor *p = noisy_atom_pair(r, d->c, zc);
  of3_atom_biases(r, p, w->encoder.block, d->encoder);
  of3_atom_biases(r, p, w->decoder.block, d->decoder);
  of3_scope_end(cx, scope);
}

/* z and s: what is conditioned on. */
static of3_denoiser_state prepare(const of3_run *r, const of3_trunk *t, const of3_tensor *s,
                                  const of3_tensor *z) {
  const of3_denoiser_w *w = &r->w->denoiser;
  of3_denoiser_state d = {.s_base = condition_single_base(r, s, t->s_input), .c = noisy_atom_single(r, t->s)};
  d.encoder = OF3_RUN_NEW(r, of3_dit_state, r->c->blocks_atom);
  d.decoder = OF3_RUN_NEW(r, of3_dit_state, r->c->blocks_atom);
  d.token_bias = OF3_RUN_NEW(r, of3_tensor *, r->c->blocks_token);
  if (!d.encoder || !d.decoder || !d.token_bias) return d;
  of3_atom_modulations(r, d.c, w->encoder.block, d.encoder);
  of3_atom_modulations(r, d.c, w->decoder.block, d.decoder);
  prepare_pairs(r, z, &d);
  return d;
}

of3_denoiser_state of3_prepare_denoiser(const of3_run *r, const of3_trunk *t) {
  return prepare(r, t, t->s, t->z);
}

of3_tensor *of3_zero_like(const of3_run *r, const of3_tensor *t) {
  const float zero = 0;
  of3_tensor *y = of3_new_like(r->cx, t);
  of3_copy(r->cx, y, OF3_FROM_HOST(r->cx, OF3_F32, &zero, 1));
  return y;
}

of3_denoiser_state of3_prepare_unconditioned(const of3_run *r, const of3_trunk *t) {
  return prepare(r, t, of3_zero_like(r, t->s), of3_zero_like(r, t->z));
}

/* AF3 SI Alg. 21 lines 6-12: [T,B,N,c_s] for T noise levels t [T,1], or [T,B] of each complex. */
static of3_tensor *condition_single(const of3_run *r, const of3_denoiser_state *d, const of3_tensor *t) {
  of3_ctx *cx = r->cx;
  const int64_t n_t = t->shape[0], all = of3_count(t);
  const of3_conditioning_w *w = &r->w->denoiser.conditioning;
  of3_tensor *s = OF3_NEW(cx, OF3_F32, n_t, r->in.n, r->in.n_token, r->c->c_s);
  of3_scope scope = of3_scope_begin(cx);
  of3_copy(cx, s, d->s_base);
  of3_tensor *noise = of3_fourier(cx, t, w->fourier_w, w->fourier_b);
  noise = OF3_RESHAPE(cx, of3_norm_linear(cx, noise, w->norm_n, w->n, OF3_ACT_NONE), all, r->c->c_s);
  of3_tensor *of_level = OF3_RESHAPE(cx, s, all, n_t * r->in.n / all, r->in.n_token, r->c->c_s);
  for (int64_t i = 0; i < all; i++) of3_add(cx, of3_narrow(cx, of_level, i, 1), of3_narrow(cx, noise, i, 1));
  for (int i = 0; i < 2; i++) of3_transition(cx, s, &w->transition_s[i], r->in.token_mask);
  of3_scope_end(cx, scope);
  of3_note(r, s, "diffusion_module.diffusion_conditioning/s");
  return s;
}

/* ---- What is wide goes through for some samples at a time (of3_economy). */

/* How many of the samples from `first` on. */
static int64_t batch(const of3_run *r, int64_t samples, int64_t first) {
  const int64_t most = r->economy.denoiser_samples, left = samples - first;
  return most && most < left ? most : left;
}

/* Samples first .. of t [S,..]; of t [1,..] the one that all share. */
static of3_tensor *part(const of3_run *r, const of3_tensor *t, int64_t first, int64_t n) {
  return of3_narrow(r->cx, t, t->shape[0] == 1 ? 0 : first, t->shape[0] == 1 ? 1 : n);
}

/* AF3 SI Alg. 24: a [S,B,N,c_token] in place. */
static void attend(const of3_run *r, of3_tensor *a, const of3_modulation *m, const of3_tensor *bias,
                   const of3_mha_w *w) {
  of3_ctx *cx = r->cx;
  of3_scope scope = of3_scope_begin(cx);
  of3_tensor *y[4]; /* q, k, v, g */
  of3_project(cx, a, NULL, m, r->c->h_token, 4, (of3_linear_w[]){w->q, w->k, w->v, w->g}, y);
  of3_tensor *o = of3_attention(cx, y[0], y[1], y[2], y[3], bias, r->in.token_mask, r->c->h_token);
  of3_linear_add(cx, a, o, w->o, m->out_gate, NULL);
  of3_scope_end(cx, scope);
}

void of3_token_block(const of3_run *r, of3_tensor *a, const of3_tensor *s, const of3_tensor *bias,
                     const of3_dit_block_w *w, int index) {
  of3_ctx *cx = r->cx;
  const int64_t samples = a->shape[0];
  of3_scope scope = of3_scope_begin(cx);
  of3_modulation m[2]; /* of attention and transition */
  of3_modulate(cx, s, 2, (const of3_modulation_w *[]){&w->query, &w->transition}, m);
  for (int64_t first = 0, n; first < samples; first += n) {
    n = batch(r, samples, first);
    const of3_modulation of_part = {.gate = part(r, m[0].gate, first, n),
                                    .shift = part(r, m[0].shift, first, n),
                                    .out_gate = part(r, m[0].out_gate, first, n)};
    attend(r, part(r, a, first, n), &of_part, bias, &w->mha);
  }
  of3_note(r, a, "diffusion_module.diffusion_transformer.blocks.%d/a.attention", index);
  of3_gated_transition(cx, a, m[1], w->transition_a, w->transition_b, w->transition_out, r->in.token_mask);
  of3_scope_end(cx, scope);
  of3_note(r, a, "diffusion_module.diffusion_transformer.blocks.%d/a", index);
}

/* AF3 SI Alg. 5 on noisy coordinates x/sqrt(t^2+256): q [S,B,A,c_atom] and its token means
 * a [S,B,N,c_token]. */
static void diffusion_encode(const of3_run *r, const of3_denoiser_state *d, const of3_tensor *scaled,
                             of3_tensor *q, of3_tensor *a) {
  of3_ctx *cx = r->cx;
  const of3_atom_encoder_w *w = &r->w->denoiser.encoder;
  const char *name = "diffusion_module.atom_attn_enc";
  of3_scope scope = of3_scope_begin(cx);
  of3_copy(cx, q, d->c);
  of3_linear_add(cx, q, scaled, w->noisy_r, NULL, NULL);
  of3_atom_transformer(r, q, w->block, d->encoder, name);
  of3_mask_rows(cx, q, r->in.atom_mask);
  of3_note(r, q, "%s/q", name);
  of3_copy(cx, a, of3_atoms_to_tokens(r, q, w));
  of3_note(r, a, "%s/a", name);
  of3_scope_end(cx, scope);
}

/* AF3 SI Alg. 6: update of the coordinates [S,B,A,3]; q is changed. */
static void decode(const of3_run *r, const of3_denoiser_state *d, const of3_tensor *a, of3_tensor *q,
                   of3_tensor *update) {
  of3_ctx *cx = r->cx;
  const of3_atom_decoder_w *w = &r->w->denoiser.decoder;
  const char *name = "diffusion_module.atom_attn_dec";
  of3_scope scope = of3_scope_begin(cx);
  of3_tensor *x = of3_norm(cx, a, r->w->denoiser.norm_a);
  of3_gather_add(cx, q, of3_linear(cx, x, w->q_in, OF3_ACT_NONE), r->in.atom_token, r->in.atom_token_mask);
  of3_atom_transformer(r, q, w->block, d->decoder, name);
  of3_copy(cx, update, of3_norm_linear(cx, q, w->norm, w->q_out, OF3_ACT_NONE));
  of3_note(r, update, "%s/update", name);
  of3_scope_end(cx, scope);
}

of3_noise_levels of3_upload_levels(const of3_run *r, const double *t, int n_level, int each) {
  of3_ctx *cx = r->cx;
  const int n = n_level * each;
  of3_tensor *all = OF3_NEW(cx, OF3_F32, OF3_LEVEL_COLUMNS, n), *column[OF3_LEVEL_COLUMNS];
  float *host = OF3_ARENA_NEW(r->arena, float, OF3_LEVEL_COLUMNS *(size_t)n);
  if (!host) of3_ctx_fail(cx, OF3_ERR_MEMORY, "out of memory for %d noise levels", n);
  for (int i = 0; host && i < n; i++) {
    float one[OF3_LEVEL_COLUMNS];
    of3_level_coefficients(t[i], one);
    for (int k = 0; k < OF3_LEVEL_COLUMNS; k++) host[k * n + i] = one[k];
  }
  of3_upload(cx, all, host);
  for (int k = 0; k < OF3_LEVEL_COLUMNS; k++)
    column[k] = OF3_RESHAPE(cx, of3_narrow(cx, all, k, 1), n_level, each);
  return (of3_noise_levels){.t = column[0], .in = column[1], .skip = column[2], .out = column[3]};
}

/* AF3 SI Alg. 23 on a [S,B,N,c_token], s [T,B,N,c_s]: all blocks. */
static void token_transformer(const of3_run *r, const of3_denoiser_state *d, of3_tensor *a,
                              const of3_tensor *s) {
  of3_ctx *cx = r->cx;
  for (int i = 0; i < r->c->blocks_token; i++) {
    of3_scope scope = of3_scope_begin(cx);
    of3_tensor *bias = d->token_bias[i] ? d->token_bias[i] : new_token_bias(r);
    if (!d->token_bias[i]) make_token_bias(r, d->zc, i, bias);
    of3_token_block(r, a, s, bias, &r->w->denoiser.block[i], i);
    of3_scope_end(cx, scope);
  }
}

/* AF3 SI Alg. 20 lines 3-7: update [S,B,A,3] of the scaled coordinates. */
static void denoise_scaled(const of3_run *r, const of3_denoiser_state *d, const of3_tensor *scaled,
                           const of3_tensor *s, of3_tensor *update) {
  of3_ctx *cx = r->cx;
  const of3_denoiser_w *w = &r->w->denoiser;
  int64_t samples = scaled->shape[0];
  of3_tensor *q = OF3_NEW(cx, OF3_F32, samples, r->in.n, r->in.n_atom, r->c->c_atom);
  of3_tensor *a = OF3_NEW(cx, OF3_F32, samples, r->in.n, r->in.n_token, r->c->c_token);
  for (int64_t first = 0, n; first < samples; first += n) {
    n = batch(r, samples, first);
    diffusion_encode(r, d, part(r, scaled, first, n), part(r, q, first, n), part(r, a, first, n));
  }
  of3_add(cx, a, of3_norm_linear(cx, s, w->norm_s, w->s, OF3_ACT_NONE));
  token_transformer(r, d, a, s);
  for (int64_t first = 0, n; first < samples; first += n) {
    n = batch(r, samples, first);
    decode(r, d, part(r, a, first, n), part(r, q, first, n), part(r, update, first, n));
  }
}

of3_tensor *of3_denoise(const of3_run *r, const of3_denoiser_state *d, const of3_tensor *x,
                        const of3_noise_levels *levels) {
  of3_ctx *cx = r->cx;
  of3_tensor *out = of3_new_like(cx, x);
  of3_scope scope = of3_scope_begin(cx);
  of3_tensor *s = condition_single(r, d, levels->t), *update = of3_new_like(cx, x);
  const of3_tensor *mask = d->coordinates ? d->coordinates : r->in.atom_mask;
  of3_tensor *scaled = of3_combine(cx, x, levels->in, NULL, NULL, mask);
  denoise_scaled(r, d, scaled, s, update);
  of3_copy(cx, out, of3_combine(cx, x, levels->skip, update, levels->out, mask));
  of3_scope_end(cx, scope);
  of3_note(r, out, "diffusion_module/x");
  return out;
}
