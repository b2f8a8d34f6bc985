#include "model/config.h"

#include <stdio.h>
#include <string.h>

of3_switches of3_switches_of(of3_variant v) {
  of3_switches s = {.atom_norm_per_block = v == OF3_P1,
                    .token_norm_per_block = v != OF3_OB,
                    .end_bias_from_z = v == OF3_OB,
                    .window_slides = v != OF3_P1,
                    .template_chain_equal = v != OF3_P1,
                    .template_truncated = v == OF3_P1,
                    .conf_mask_token = v == OF3_OB,
                    .cyclic = v != OF3_P1,
                    .fourier_column = v == OF3_P1};
  if (v != OF3_P1) s.version[0] = v == OF3_P2 ? 1 : 2;
  return s;
}

of3_config of3_config_published(void) {
  return (of3_config){.c_s = 384,
                      .c_z = 128,
                      .c_m = 64,
                      .c_t = 64,
                      .c_atom = 128,
                      .c_atom_pair = 16,
                      .c_token_in = 384,
                      .c_token = 768,
                      .c_noise = 256,
                      .c_opm = 32,
                      .c_tri = 128,
                      .c_tri_templ = 64,
                      .h_pair = 4,
                      .d_pair = 32,
                      .h_templ = 4,
                      .d_templ = 16,
                      .h_msa = 8,
                      .d_msa = 8,
                      .h_single = 16,
                      .d_single = 24,
                      .h_token = 16,
                      .d_token = 48,
                      .h_atom = 4,
                      .d_atom = 32,
                      .n_trans = 4,
                      .n_trans_msa = 4,
                      .n_trans_single = 4,
                      .n_trans_templ = 2,
                      .n_trans_cond = 2,
                      .n_trans_token = 2,
                      .n_trans_atom = 2,
                      .blocks_pairformer = 48,
                      .blocks_msa = 4,
                      .blocks_templ = 2,
                      .blocks_token = 24,
                      .blocks_atom = 3,
                      .blocks_conf = 4,
                      .max_atoms_per_token = 23,
                      .bins_pae = 64,
                      .bins_pde = 64,
                      .bins_distogram = 64,
                      .bins_plddt = 50};
}

/* One walk over the shapes that matter; the first that is missing is remembered. */
typedef struct finder {
  const of3_table *table;
  const char *missing;
} finder;

static int extent(finder *f, const char *name, int rank, int axis) {
  const of3_entry *e = of3_table_find(f->table, name);
  if (e && e->rank == rank && e->shape[axis] > 0 && e->shape[axis] < 1 << 24) return (int)e->shape[axis];
  if (!f->missing) f->missing = name;
  return 1;
}

static int config_rows_of(finder *f, const char *name) { return extent(f, name, 2, 0); }
static int columns_of(finder *f, const char *name) { return extent(f, name, 2, 1); }

/* How many of PREFIX.0LEAF, PREFIX.1LEAF, ... there are. */
static int count_blocks(const of3_table *t, const char *prefix, const char *leaf) {
  for (int n = 0;; n++) {
    char name[256];
    snprintf(name, sizeof name, "%s.%d.%s", prefix, n, leaf);
    if (!of3_table_find(t, name)) return n;
  }
}

static of3_variant variant_of(const of3_table *t) {
  if (of3_table_find(t, "diffusion_module.diffusion_transformer.layer_norm_z.weight")) return OF3_OB;
  return of3_table_find(t, "input_embedder.atom_attn_enc.atom_transformer.layer_norm_z.weight") ? OF3_P2
                                                                                                : OF3_P1;
}

static void find_widths(finder *f, of3_config *c) {
  c->c_s = config_rows_of(f, "input_embedder.linear_s.weight");
  c->c_z = config_rows_of(f, "input_embedder.linear_z_i.weight");
  c->c_m = config_rows_of(f, "msa_module_embedder.linear_m.weight");
  c->c_t = config_rows_of(f, "template_embedder.template_pair_embedder.linear_z.weight");
  c->c_atom =
      config_rows_of(f, "input_embedder.atom_attn_enc.ref_atom_feature_embedder.linear_ref_pos.weight");
  c->c_atom_pair = config_rows_of(f, "input_embedder.atom_attn_enc.linear_l.weight");
  c->c_token_in = config_rows_of(f, "input_embedder.atom_attn_enc.linear_q.0.weight");
  c->c_token = config_rows_of(f, "diffusion_module.linear_s.weight");
  c->c_noise = extent(f, "diffusion_module.diffusion_conditioning.fourier_emb.b", 1, 0);
  c->c_opm = config_rows_of(f, "msa_module.blocks.0.outer_product_mean.linear_1.weight");
  c->c_tri = config_rows_of(f, "pairformer_stack.blocks.0.pair_stack.tri_mul_out.linear_a_p.weight");
  c->c_tri_templ =
      config_rows_of(f, "template_embedder.template_pair_stack.blocks.0.tri_mul_out.linear_a_p.weight");
}

/* Heads from the bias projection [H,..], width of a head from the query projection [H d,..]. */
static void find_heads(finder *f, const char *bias, const char *query, int *heads, int *width) {
  *heads = config_rows_of(f, bias);
  int hd = config_rows_of(f, query);
  *width = hd / *heads;
  if (hd % *heads && !f->missing) f->missing = query;
}

#define ATTENTION "pairformer_stack.blocks.0."
#define TEMPLATE  "template_embedder.template_pair_stack.blocks.0."
#define ATOM      "input_embedder.atom_attn_enc.atom_transformer.blocks.0."
#define TOKEN     "diffusion_module.diffusion_transformer.blocks.0."
#define MSA       "msa_module.blocks.0."

static void find_all_heads(finder *f, of3_config *c) {
  find_heads(f, ATTENTION "pair_stack.tri_att_start.linear_z.weight",
             ATTENTION "pair_stack.tri_att_start.mha.linear_q.weight", &c->h_pair, &c->d_pair);
  find_heads(f, TEMPLATE "tri_att_start.linear_z.weight", TEMPLATE "tri_att_start.mha.linear_q.weight",
             &c->h_templ, &c->d_templ);
  find_heads(f, ATTENTION "attn_pair_bias.linear_z.weight", ATTENTION "attn_pair_bias.mha.linear_q.weight",
             &c->h_single, &c->d_single);
  find_heads(f, TOKEN "attention_pair_bias.linear_z.weight", TOKEN "attention_pair_bias.mha.linear_q.weight",
             &c->h_token, &c->d_token);
  find_heads(f, ATOM "attention_pair_bias.linear_z.weight", ATOM "attention_pair_bias.mha.linear_q.weight",
             &c->h_atom, &c->d_atom);
  if (c->blocks_msa > 1)
    find_heads(f, MSA "msa_att_row.linear_z.weight", MSA "msa_att_row.linear_v.weight", &c->h_msa, &c->d_msa);
}

/* Widening of a transition: rows of linear_a over its columns. */
static int widening(finder *f, const char *name) {
  int rows = config_rows_of(f, name), columns = columns_of(f, name);
  if (rows % columns && !f->missing) f->missing = name;
  return rows / columns;
}

static void find_transitions(finder *f, of3_config *c) {
  c->n_trans = widening(f, ATTENTION "pair_stack.pair_transition.swiglu.linear_a.weight");
  c->n_trans_single = widening(f, ATTENTION "single_transition.swiglu.linear_a.weight");
  c->n_trans_templ = widening(f, TEMPLATE "pair_transition.swiglu.linear_a.weight");
  c->n_trans_cond =
      widening(f, "diffusion_module.diffusion_conditioning.transition_z.0.swiglu.linear_a.weight");
  c->n_trans_token = widening(f, TOKEN "conditioned_transition.swiglu.linear_a.weight");
  c->n_trans_atom = widening(f, ATOM "conditioned_transition.swiglu.linear_a.weight");
  if (c->blocks_msa > 1) c->n_trans_msa = widening(f, MSA "msa_transition.swiglu.linear_a.weight");
}

static void find_blocks(const of3_table *t, of3_config *c) {
  c->blocks_pairformer = count_blocks(t, "pairformer_stack.blocks", "attn_pair_bias.linear_z.weight");
  c->blocks_msa = count_blocks(t, "msa_module.blocks", "outer_product_mean.linear_1.weight");
  c->blocks_templ =
      count_blocks(t, "template_embedder.template_pair_stack.blocks", "tri_mul_out.linear_z.weight");
  c->blocks_token =
      count_blocks(t, "diffusion_module.diffusion_transformer.blocks", "attention_pair_bias.linear_z.weight");
  c->blocks_atom = count_blocks(t, "diffusion_module.atom_attn_enc.atom_transformer.blocks",
                                "attention_pair_bias.linear_z.weight");
  c->blocks_conf = count_blocks(t, "aux_heads.pairformer_embedding.pairformer_stack.blocks",
                                "attn_pair_bias.linear_z.weight");
}

static void find_heads_of_output(finder *f, of3_config *c) {
  c->max_atoms_per_token = config_rows_of(f, "aux_heads.experimentally_resolved.linear.weight") / 2;
  int plddt = config_rows_of(f, "aux_heads.plddt.linear.weight");
  if (c->max_atoms_per_token < 1 || plddt % c->max_atoms_per_token)
    f->missing = "aux_heads.plddt.linear.weight";
  else
    c->bins_plddt = plddt / c->max_atoms_per_token;
  c->bins_pae = config_rows_of(f, "aux_heads.pae.linear.weight");
  c->bins_pde = config_rows_of(f, "aux_heads.pde.linear.weight");
  c->bins_distogram = config_rows_of(f, "aux_heads.distogram.linear.weight");
}

of3_status of3_config_find(const of3_table *weights, of3_variant *variant, of3_config *config,
                           of3_error *err) {
  finder f = {.table = weights};
  memset(config, 0, sizeof *config);
  *variant = variant_of(weights);
  find_blocks(weights, config);
  find_widths(&f, config);
  find_all_heads(&f, config);
  find_transitions(&f, config);
  find_heads_of_output(&f, config);
  if (!f.missing) return OF3_OK;
  const of3_entry *e = of3_table_find(weights, f.missing);
  return of3_fail(
      err, OF3_ERR_INPUT,
      "this is not an OpenFold3 checkpoint of a known layout: the tensor %s is %s (%d tensors were found)",
      f.missing, e ? "of an unexpected shape" : "missing", weights->n);
}
