/* The widths, depths and head counts of a network, found from the names and shapes of its checkpoint. What
 * these cannot tell is the same in all published files (docs/model.md 1) and stands
 * here as constants. */
#ifndef OF3_MODEL_CONFIG_H
#define OF3_MODEL_CONFIG_H

#include "feat/variant.h"
#include "io/safetensors.h"

enum {
  OF3_MSA_ROWS = 1024 /* rows that one trunk cycle uses at most */
};

#define OF3_SIGMA_DATA 16.0

typedef struct of3_config {
  int c_s, c_z, c_m, c_t, c_atom, c_atom_pair;
  int c_token_in; /* token width of the input embedder's atom encoder */
  int c_token;    /* of the denoiser */
  int c_noise, c_opm, c_tri, c_tri_templ;
  int h_pair, d_pair, h_templ, d_templ, h_msa, d_msa, h_single, d_single, h_token, d_token, h_atom, d_atom;
  int n_trans, n_trans_msa, n_trans_single, n_trans_templ, n_trans_cond, n_trans_token, n_trans_atom;
  int blocks_pairformer, blocks_msa, blocks_templ, blocks_token, blocks_atom, blocks_conf;
  int max_atoms_per_token, bins_pae, bins_pde, bins_distogram, bins_plddt;
} of3_config;

/* s_input: atom aggregate, residue type, profile, mean deletion count. */
static inline int of3_c_s_input(const of3_config *c) { return c->c_token_in + 2 * 32 + 1; }

/* How the published generations differ as networks (docs/model.md 14). */
typedef struct of3_switches {
  bool atom_norm_per_block; /* pair norm of the atom transformers: one for each block, or one for the stack */
  bool token_norm_per_block; /* of the token transformer */
  bool end_bias_from_z;      /* ending-node bias: b[i,k] of z, or b[k,i] */
  bool window_slides;        /* atom windows slide inside the real atoms, or are cut at the ends */
  bool template_chain_equal; /* template chain factor: equality on the masks, or the product of asym_ids on
                                everything */
  bool template_truncated;   /* no ending attention and transition in template blocks (what release 0.3.1
                                computes) */
  bool conf_mask_token; /* single mask of the confidence stack: token mask, or "has a representative atom" */
  bool cyclic;          /* cyclic_mask is honoured */
  bool fourier_column;  /* w stored as [c,1] */
  float version[3];     /* content of version_tensor; all 0: the file has none */
} of3_switches;

of3_switches of3_switches_of(of3_variant variant);

/* What all published checkpoints have. */
of3_config of3_config_published(void);

/* Variant and configuration of a table of weights; an error says which tensor is missing or does not fit. */
OF3_MUST_CHECK of3_status of3_config_find(const of3_table *weights, of3_variant *variant, of3_config *config,
                                          of3_error *err);

#endif
