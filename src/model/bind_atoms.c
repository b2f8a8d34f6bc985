/* Binding of the atom encoders and of the denoiser. */
#include "feat/features.h"
#include "model/bind.h"
#include "tensor/pairs.h"

static of3_modulation_w bind_ada_norm(of3_binder *b, const char *name, int c_a, int c_s) {
  size_t at = of3_enter(b, "%s", name);
  of3_modulation_w w = {.norm = of3_bind_norm(b, "layer_norm_s", c_s, false),
                        .gate = of3_bind_linear(b, "linear_g", c_a, c_s, true),
                        .shift = of3_bind_linear(b, "linear_s", c_a, c_s, false)};
  of3_leave(b, at);
  return w;
}

typedef struct stack_shape {
  int blocks, c_a, c_s, c_z, heads, width, widening;
  bool atoms;          /* two adaptive norms: queries and keys */
  bool norm_per_block; /* pair norm of each block, or of the stack */
} stack_shape;

static void bind_dit_attention(of3_binder *b, const stack_shape *s, of3_dit_block_w *w) {
  size_t at = of3_enter(b, "attention_pair_bias");
  w->query = bind_ada_norm(b, s->atoms ? "layer_norm_a_q" : "layer_norm_a", s->c_a, s->c_s);
  if (s->atoms) w->key = bind_ada_norm(b, "layer_norm_a_k", s->c_a, s->c_s);
  w->query.out = of3_bind_linear(b, "linear_ada_out", s->c_a, s->c_s, true);
  if (s->norm_per_block) w->norm_z = of3_bind_norm(b, "layer_norm_z", s->c_z, false);
  w->z = of3_bind_linear(b, "linear_z", s->heads, s->c_z, false);
  w->mha = of3_bind_mha(b, "mha", s->c_a, s->heads * s->width, true);
  of3_leave(b, at);
}

static void bind_dit_transition(of3_binder *b, const stack_shape *s, of3_dit_block_w *w) {
  size_t at = of3_enter(b, "conditioned_transition");
  w->transition = bind_ada_norm(b, "layer_norm", s->c_a, s->c_s);
  w->transition_a = of3_bind_linear(b, "swiglu.linear_a", s->widening * s->c_a, s->c_a, false);
  w->transition_b = of3_bind_linear(b, "swiglu.linear_b", s->widening * s->c_a, s->c_a, false);
  w->transition.out = of3_bind_linear(b, "linear_g", s->c_a, s->c_s, true);
  w->transition_out = of3_bind_linear(b, "linear_out", s->c_a, s->widening * s->c_a, false);
  of3_leave(b, at);
}

/* A diffusion transformer; where the pair norm belongs to the stack, every block points to it. */
static of3_dit_block_w *bind_dit(of3_binder *b, const char *name, const stack_shape *s) {
  size_t at = of3_enter(b, "%s", name);
  of3_dit_block_w *w = of3_bind_array(b, s->blocks, sizeof *w);
  of3_norm_w shared = {0};
  if (!s->norm_per_block) shared = of3_bind_norm(b, "layer_norm_z", s->c_z, false);
  for (int i = 0; w && i < s->blocks; i++) {
    size_t inner = of3_enter(b, "blocks.%d", i);
    bind_dit_attention(b, s, &w[i]);
    if (!s->norm_per_block) w[i].norm_z = shared;
    bind_dit_transition(b, s, &w[i]);
    of3_leave(b, inner);
  }
  of3_leave(b, at);
  return w;
}

static stack_shape atom_stack(const of3_config *c, const of3_switches *s) {
  return (stack_shape){.blocks = c->blocks_atom,
                       .c_a = c->c_atom,
                       .c_s = c->c_atom,
                       .c_z = c->c_atom_pair,
                       .heads = c->h_atom,
                       .width = c->d_atom,
                       .widening = c->n_trans_atom,
                       .atoms = true,
                       .norm_per_block = s->atom_norm_per_block};
}

static stack_shape token_stack(const of3_config *c, const of3_switches *s) {
  return (stack_shape){.blocks = c->blocks_token,
                       .c_a = c->c_token,
                       .c_s = c->c_s,
                       .c_z = c->c_z,
                       .heads = c->h_token,
                       .width = c->d_token,
                       .widening = c->n_trans_token,
                       .norm_per_block = s->token_norm_per_block};
}

static void bind_reference_features(of3_binder *b, const of3_config *c, of3_atom_encoder_w *w) {
  const int chars = OF3_NAME_CHARS * OF3_N_NAME_CHAR, classes = OF3_N_ELEMENT + chars;
  size_t at = of3_enter(b, "ref_atom_feature_embedder");
  w->ref_pos = of3_bind_linear(b, "linear_ref_pos", c->c_atom, 3, false);
  w->ref_charge = of3_bind_linear(b, "linear_ref_charge", c->c_atom, 1, false);
  w->ref_mask = of3_bind_linear(b, "linear_ref_mask", c->c_atom, 1, false);
  const of3_bind_part part[2] = {{.leaf = "linear_ref_element.weight",
                                  .rows = c->c_atom,
                                  .columns = OF3_N_ELEMENT,
                                  .n = OF3_N_ELEMENT,
                                  .transposed = true},
                                 {.leaf = "linear_ref_atom_chars.weight",
                                  .rows = c->c_atom,
                                  .columns = chars,
                                  .n = chars,
                                  .at = OF3_N_ELEMENT,
                                  .transposed = true}};
  w->ref_classes = of3_bind_joined(b, classes, c->c_atom, 2, part);
  w->ref_offset = of3_bind_tensor(b, "linear_ref_offset.weight", c->c_atom_pair, 3);
  w->inv_sq_dists = of3_bind_tensor(b, "linear_inv_sq_dists.weight", c->c_atom_pair, 1);
  w->valid_mask = of3_bind_tensor(b, "linear_valid_mask.weight", c->c_atom_pair, 1);
  of3_leave(b, at);
}

static void bind_noisy_position(of3_binder *b, const of3_config *c, of3_atom_encoder_w *w) {
  size_t at = of3_enter(b, "noisy_position_embedder");
  w->noisy_norm_s = of3_bind_norm(b, "layer_norm_s", c->c_s, false);
  w->noisy_s = of3_bind_linear(b, "linear_s", c->c_atom, c->c_s, false);
  w->noisy_norm_z = of3_bind_norm(b, "layer_norm_z", c->c_z, false);
  w->noisy_z = of3_bind_linear(b, "linear_z", c->c_atom_pair, c->c_z, false);
  w->noisy_r = of3_bind_linear(b, "linear_r", c->c_atom, 3, false);
  of3_leave(b, at);
}

of3_atom_encoder_w of3_bind_atom_encoder(of3_binder *b, const of3_config *c, const of3_switches *s,
                                         int c_token, bool noisy) {
  size_t at = of3_enter(b, "atom_attn_enc");
  of3_atom_encoder_w w = {0};
  bind_reference_features(b, c, &w);
  if (noisy) bind_noisy_position(b, c, &w);
  w.l = of3_bind_linear(b, "linear_l", c->c_atom_pair, c->c_atom, false);
  w.m = of3_bind_linear(b, "linear_m", c->c_atom_pair, c->c_atom, false);
  static const char *const mlp[3] = {"pair_mlp.1", "pair_mlp.3", "pair_mlp.5"};
  for (int i = 0; i < 3; i++)
    w.pair_mlp[i] = of3_bind_linear(b, mlp[i], c->c_atom_pair, c->c_atom_pair, false);
  stack_shape stack = atom_stack(c, s);
  w.block = bind_dit(b, "atom_transformer", &stack);
  w.q = of3_bind_linear(b, "linear_q.0", c_token, c->c_atom, false);
  of3_leave(b, at);
  return w;
}

static of3_conditioning_w bind_conditioning(of3_binder *b, const of3_config *c, const of3_switches *s) {
  size_t at = of3_enter(b, "diffusion_conditioning");
  int c_z_in = c->c_z + OF3_RELPOS_CLASSES, c_s_in = c->c_s + of3_c_s_input(c);
  of3_conditioning_w w = {.norm_z = of3_bind_norm(b, "layer_norm_z", c_z_in, false),
                          .z = of3_bind_linear(b, "linear_z", c->c_z, c_z_in, false),
                          .norm_s = of3_bind_norm(b, "layer_norm_s", c_s_in, false),
                          .s = of3_bind_linear(b, "linear_s", c->c_s, c_s_in, false),
                          .norm_n = of3_bind_norm(b, "layer_norm_n", c->c_noise, false),
                          .n = of3_bind_linear(b, "linear_n", c->c_s, c->c_noise, false)};
  for (int i = 0; i < 2; i++) {
    w.transition_z[i] =
        of3_bind_transition(b, i ? "transition_z.1" : "transition_z.0", c->c_z, c->n_trans_cond);
    w.transition_s[i] =
        of3_bind_transition(b, i ? "transition_s.1" : "transition_s.0", c->c_s, c->n_trans_cond);
  }
  w.fourier_w = of3_bind_tensor(b, "fourier_emb.w", c->c_noise, s->fourier_column ? 1 : 0);
  w.fourier_b = of3_bind_tensor(b, "fourier_emb.b", c->c_noise, 0);
  of3_leave(b, at);
  return w;
}

static of3_atom_decoder_w bind_decoder(of3_binder *b, const of3_config *c, const of3_switches *s) {
  size_t at = of3_enter(b, "atom_attn_dec");
  stack_shape stack = atom_stack(c, s);
  of3_atom_decoder_w w = {.q_in = of3_bind_linear(b, "linear_q_in", c->c_atom, c->c_token, false),
                          .block = bind_dit(b, "atom_transformer", &stack),
                          .norm = of3_bind_norm(b, "layer_norm", c->c_atom, false),
                          .q_out = of3_bind_linear(b, "linear_q_out", 3, c->c_atom, false)};
  of3_leave(b, at);
  return w;
}

of3_denoiser_w of3_bind_denoiser(of3_binder *b, const of3_config *c, const of3_switches *s) {
  size_t at = of3_enter(b, "diffusion_module");
  stack_shape tokens = token_stack(c, s);
  of3_denoiser_w w = {.conditioning = bind_conditioning(b, c, s),
                      .encoder = of3_bind_atom_encoder(b, c, s, c->c_token, true),
                      .norm_s = of3_bind_norm(b, "layer_norm_s", c->c_s, false),
                      .s = of3_bind_linear(b, "linear_s", c->c_token, c->c_s, false),
                      .block = bind_dit(b, "diffusion_transformer", &tokens),
                      .norm_a = of3_bind_norm(b, "layer_norm_a", c->c_token, false),
                      .decoder = bind_decoder(b, c, s)};
  of3_leave(b, at);
  return w;
}
