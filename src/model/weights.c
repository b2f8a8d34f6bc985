/* Binding from the top: the input embedder, templates, MSA module, pairformer and heads. */
#include "model/weights.h"

#include <string.h>

#include "feat/features.h"
#include "model/bind.h"
#include "tensor/pairs.h"

/* The columns of a linear over one-hot classes as a table of rows. */
static of3_tensor *bind_table(of3_binder *b, const char *name, int c, int classes) {
  size_t at = of3_enter(b, "%s", name);
  const of3_bind_part all = {
      .leaf = "weight", .rows = c, .columns = classes, .n = classes, .transposed = true};
  of3_tensor *table = of3_bind_joined(b, classes, c, 1, &all);
  of3_leave(b, at);
  return table;
}

static void bind_input_embedder(of3_binder *b, const of3_config *c, const of3_switches *s, of3_weights *w) {
  size_t at = of3_enter(b, "input_embedder");
  int c_in = of3_c_s_input(c);
  w->encoder = of3_bind_atom_encoder(b, c, s, c->c_token_in, false);
  w->s = of3_bind_linear(b, "linear_s", c->c_s, c_in, false);
  w->z_i = of3_bind_linear(b, "linear_z_i", c->c_z, c_in, false);
  w->z_j = of3_bind_linear(b, "linear_z_j", c->c_z, c_in, false);
  w->relpos = bind_table(b, "linear_relpos", c->c_z, OF3_RELPOS_CLASSES);
  w->token_bonds = of3_bind_linear(b, "linear_token_bonds", c->c_z, 1, false);
  of3_leave(b, at);
}

/* Five linears of one column each, side by side. */
static of3_linear_w bind_template_geometry(of3_binder *b, int c) {
  static const char *const leaf[5] = {"pseudo_beta_mask_linear.weight", "backbone_mask_linear.weight",
                                      "x_linear.weight", "y_linear.weight", "z_linear.weight"};
  of3_bind_part part[5];
  for (int i = 0; i < 5; i++)
    part[i] = (of3_bind_part){.leaf = leaf[i], .rows = c, .columns = 1, .n = 1, .at = i};
  return (of3_linear_w){.w = of3_bind_joined(b, c, 5, 5, part)};
}

static of3_template_w bind_templates(of3_binder *b, const of3_config *c) {
  size_t at = of3_enter(b, "template_embedder"), inner = of3_enter(b, "template_pair_embedder");
  of3_template_w w = {.distogram = bind_table(b, "dgram_linear", c->c_t, OF3_N_DISTOGRAM),
                      .restype_i = bind_table(b, "aatype_linear_1", c->c_t, OF3_N_RESTYPE),
                      .restype_j = bind_table(b, "aatype_linear_2", c->c_t, OF3_N_RESTYPE),
                      .geometry = bind_template_geometry(b, c->c_t),
                      .norm_z = of3_bind_norm(b, "layer_norm_z", c->c_z, true),
                      .z = of3_bind_linear(b, "linear_z", c->c_t, c->c_z, false)};
  of3_leave(b, inner);
  w.block = of3_bind_array(b, c->blocks_templ, sizeof *w.block);
  for (int i = 0; w.block && i < c->blocks_templ; i++) {
    inner = of3_enter(b, "template_pair_stack.blocks.%d", i);
    w.block[i] = of3_bind_pair_block(b, c->c_t, c->c_tri_templ, c->h_templ, c->d_templ, c->n_trans_templ);
    of3_leave(b, inner);
  }
  w.norm_out = of3_bind_norm(b, "template_pair_stack.layer_norm", c->c_t, true);
  w.t = of3_bind_linear(b, "linear_t", c->c_z, c->c_t, false);
  of3_leave(b, at);
  return w;
}

static of3_pair_weighted_average_w bind_average(of3_binder *b, const of3_config *c) {
  size_t at = of3_enter(b, "msa_att_row");
  int hidden = c->h_msa * c->d_msa;
  of3_pair_weighted_average_w w = {.norm_m = of3_bind_norm(b, "layer_norm_m", c->c_m, true),
                                   .norm_z = of3_bind_norm(b, "layer_norm_z", c->c_z, true),
                                   .z = of3_bind_linear(b, "linear_z", c->h_msa, c->c_z, false),
                                   .v = of3_bind_linear(b, "linear_v", hidden, c->c_m, false),
                                   .g = of3_bind_linear(b, "linear_g", hidden, c->c_m, false),
                                   .o = of3_bind_linear(b, "linear_o", c->c_m, hidden, false)};
  of3_leave(b, at);
  return w;
}

static of3_msa_block_w bind_msa_block(of3_binder *b, const of3_config *c, int i) {
  of3_msa_block_w w = {0};
  size_t at = of3_enter(b, "msa_module.blocks.%d", i);
  w.outer_product_mean = of3_bind_outer_product(b, c->c_m, c->c_z, c->c_opm);
  if (i < c->blocks_msa - 1) {
    w.average = bind_average(b, c);
    w.transition = of3_bind_transition(b, "msa_transition", c->c_m, c->n_trans_msa);
  }
  size_t inner = of3_enter(b, "pair_stack");
  w.pair = of3_bind_pair_block(b, c->c_z, c->c_tri, c->h_pair, c->d_pair, c->n_trans);
  of3_leave(b, inner);
  of3_leave(b, at);
  return w;
}

static of3_msa_w bind_msa(of3_binder *b, const of3_config *c) {
  const int columns = OF3_N_RESTYPE + 2;
  size_t at = of3_enter(b, "msa_module_embedder");
  const of3_bind_part restype = {
      .leaf = "linear_m.weight", .rows = c->c_m, .columns = columns, .n = OF3_N_RESTYPE, .transposed = true};
  const of3_bind_part deletions = {
      .leaf = "linear_m.weight", .rows = c->c_m, .columns = columns, .first = OF3_N_RESTYPE, .n = 2};
  of3_msa_w w = {.restype = of3_bind_joined(b, OF3_N_RESTYPE, c->c_m, 1, &restype),
                 .deletions.w = of3_bind_joined(b, c->c_m, 2, 1, &deletions),
                 .s_input = of3_bind_linear(b, "linear_s_input", c->c_m, of3_c_s_input(c), false)};
  of3_leave(b, at);
  w.block = of3_bind_array(b, c->blocks_msa, sizeof *w.block);
  for (int i = 0; w.block && i < c->blocks_msa; i++) w.block[i] = bind_msa_block(b, c, i);
  return w;
}

static of3_head_w bind_head(of3_binder *b, const char *name, int c, int n) {
  size_t at = of3_enter(b, "%s", name);
  of3_head_w w = {.norm = of3_bind_norm(b, "layer_norm", c, true),
                  .linear = of3_bind_linear(b, "linear", n, c, false)};
  of3_leave(b, at);
  return w;
}

static of3_confidence_w bind_confidence(of3_binder *b, const of3_config *c) {
  size_t at = of3_enter(b, "aux_heads"), inner = of3_enter(b, "pairformer_embedding");
  of3_confidence_w w = {.i = of3_bind_linear(b, "linear_i", c->c_z, of3_c_s_input(c), false),
                        .j = of3_bind_linear(b, "linear_j", c->c_z, of3_c_s_input(c), false),
                        .distance = bind_table(b, "linear_distance", c->c_z, OF3_N_DISTOGRAM),
                        .block = of3_bind_pairformer(b, c, c->blocks_conf)};
  of3_leave(b, inner);
  w.pae = bind_head(b, "pae", c->c_z, c->bins_pae);
  w.pde = bind_head(b, "pde", c->c_z, c->bins_pde);
  w.plddt = bind_head(b, "plddt", c->c_s, c->max_atoms_per_token * c->bins_plddt);
  w.resolved = bind_head(b, "experimentally_resolved", c->c_s, c->max_atoms_per_token * 2);
  w.distogram = of3_bind_linear(b, "distogram.linear", c->bins_distogram, c->c_z, false);
  of3_leave(b, at);
  return w;
}

/* version_tensor: absent from P1, and allowed to be absent elsewhere, as the reference allows it. */
static void bind_version(of3_binder *b, const of3_switches *s) {
  const of3_entry *e = b->table ? of3_table_find(b->table, "version_tensor") : NULL;
  if (!s->version[0] || (b->table && !e)) return;
  if (!b->table) {
    of3_bind_given(b, "version_tensor", 3, s->version);
    return;
  }
  if (!of3_bind_tensor(b, "version_tensor", 3, 0)) return;
  float v[3] = {0};
  bool same = true;
  for (int i = 0; i < 3; i++) {
    v[i] = of3_entry_value(e, i);
    same = same && v[i] == s->version[i];
  }
  if (!same)
    of3_fail(&b->error, OF3_ERR_INPUT,
             "the checkpoint's version_tensor is [%g,%g,%g]; its layout is that of [%g,%g,%g]", (double)v[0],
             (double)v[1], (double)v[2], (double)s->version[0], (double)s->version[1], (double)s->version[2]);
}

of3_status of3_weights_bind(of3_ctx *cx, const of3_table *table, const of3_config *c, const of3_switches *s,
                            of3_arena *arena, of3_weights *w, of3_parameters *parameters, of3_error *err) {
  of3_binder b = {.cx = cx, .table = table, .arena = arena, .parameters = parameters};
  b.used = of3_bind_array(&b, table ? table->n : 0, sizeof *b.used);
  *w = (of3_weights){0};
  *parameters = (of3_parameters){0};
  if (b.used) {
    bind_version(&b, s);
    bind_input_embedder(&b, c, s, w);
    w->recycle_norm_z = of3_bind_norm(&b, "layer_norm_z", c->c_z, true);
    w->recycle_z = of3_bind_linear(&b, "linear_z", c->c_z, c->c_z, false);
    w->templates = bind_templates(&b, c);
    w->msa = bind_msa(&b, c);
    w->recycle_norm_s = of3_bind_norm(&b, "layer_norm_s", c->c_s, true);
    w->recycle_s = of3_bind_linear(&b, "linear_s", c->c_s, c->c_s, false);
    w->pairformer = of3_bind_pairformer(&b, c, c->blocks_pairformer);
    w->denoiser = of3_bind_denoiser(&b, c, s);
    w->confidence = bind_confidence(&b, c);
  }
  OF3_TRY(of3_bind_end(&b, NULL, err));
  of3_parameters_sort(parameters);
  return OF3_OK;
}
