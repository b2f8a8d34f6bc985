/* The weights, bound once: one struct for each group of parameter names, in the words of the AF3 supplement.
 */
#ifndef OF3_MODEL_WEIGHTS_H
#define OF3_MODEL_WEIGHTS_H

#include "model/config.h"
#include "model/parameters.h"
#include "tensor/ops.h"

/* Alg. 17, pair half. */
typedef struct of3_pair_block_w {
  of3_triangle_mul_w tri_mul_out, tri_mul_in;
  of3_triangle_attention_w tri_att_start, tri_att_end;
  of3_transition_w pair_transition;
} of3_pair_block_w;

/* Alg. 24 without conditioning. */
typedef struct of3_attention_pair_bias_w {
  of3_norm_w norm_a, norm_z;
  of3_linear_w z;
  of3_mha_w mha;
} of3_attention_pair_bias_w;

/* Alg. 17. */
typedef struct of3_pairformer_block_w {
  of3_pair_block_w pair;
  of3_attention_pair_bias_w attention;
  of3_transition_w single_transition;
} of3_pairformer_block_w;

/* Alg. 23 with 24 and 25: a block of the token transformer, or (with key) of an atom transformer. */
typedef struct of3_dit_block_w {
  of3_modulation_w query, key, transition; /* key: atom transformer only, without out */
  of3_norm_w norm_z;                       /* of the block, or the stack's; scale only */
  of3_linear_w z;
  of3_mha_w mha;
  of3_linear_w transition_a, transition_b, transition_out;
} of3_dit_block_w;

/* Alg. 5; noisy_* only in the denoiser. */
typedef struct of3_atom_encoder_w {
  of3_linear_w ref_pos, ref_charge, ref_mask;
  of3_tensor *ref_classes; /* [119 + 4*64, c_atom]: element and name characters, transposed */
  of3_tensor *ref_offset, *inv_sq_dists, *valid_mask;
  of3_norm_w noisy_norm_s, noisy_norm_z;
  of3_linear_w noisy_s, noisy_z, noisy_r;
  of3_linear_w l, m, pair_mlp[3], q;
  of3_dit_block_w *block; /* [blocks_atom] */
} of3_atom_encoder_w;

/* Alg. 6. */
typedef struct of3_atom_decoder_w {
  of3_linear_w q_in, q_out;
  of3_norm_w norm;
  of3_dit_block_w *block;
} of3_atom_decoder_w;

/* Alg. 16. */
typedef struct of3_template_w {
  of3_tensor *distogram;             /* [39,c_t] transposed */
  of3_tensor *restype_i, *restype_j; /* [32,c_t] transposed */
  of3_linear_w geometry;             /* [c_t,5]: pseudo-beta mask, frame mask, unit vector x, y, z */
  of3_norm_w norm_z, norm_out;
  of3_linear_w z, t;
  of3_pair_block_w *block; /* [blocks_templ] */
} of3_template_w;

/* Alg. 8. */
typedef struct of3_msa_block_w {
  of3_outer_product_mean_w outer_product_mean;
  of3_pair_weighted_average_w average; /* not in the last block */
  of3_transition_w transition;         /* not in the last block */
  of3_pair_block_w pair;
} of3_msa_block_w;

typedef struct of3_msa_w {
  of3_tensor *restype;    /* [32,c_m] transposed */
  of3_linear_w deletions; /* [c_m,2]: has_deletion, deletion_value */
  of3_linear_w s_input;
  of3_msa_block_w *block; /* [blocks_msa] */
} of3_msa_w;

/* Alg. 21, 22. */
typedef struct of3_conditioning_w {
  of3_norm_w norm_z, norm_s, norm_n;
  of3_linear_w z, s, n;
  of3_transition_w transition_z[2], transition_s[2];
  of3_tensor *fourier_w, *fourier_b;
} of3_conditioning_w;

/* Alg. 20. */
typedef struct of3_denoiser_w {
  of3_conditioning_w conditioning;
  of3_atom_encoder_w encoder;
  of3_atom_decoder_w decoder;
  of3_norm_w norm_s, norm_a;
  of3_linear_w s;
  of3_dit_block_w *block; /* [blocks_token] */
} of3_denoiser_w;

typedef struct of3_head_w {
  of3_norm_w norm;
  of3_linear_w linear;
} of3_head_w;

/* Alg. 31 and the distogram. */
typedef struct of3_confidence_w {
  of3_linear_w i, j;
  of3_tensor *distance;          /* [39,c_z] transposed */
  of3_pairformer_block_w *block; /* [blocks_conf] */
  of3_head_w pae, pde, plddt, resolved;
  of3_linear_w distogram;
} of3_confidence_w;

/* Alg. 1, 2. */
typedef struct of3_weights {
  of3_atom_encoder_w encoder;
  of3_linear_w s, z_i, z_j, token_bonds;
  of3_tensor *relpos; /* [139,c_z] transposed */
  of3_norm_w recycle_norm_z, recycle_norm_s;
  of3_linear_w recycle_z, recycle_s;
  of3_template_w templates;
  of3_msa_w msa;
  of3_pairformer_block_w *pairformer; /* [blocks_pairformer] */
  of3_denoiser_w denoiser;
  of3_confidence_w confidence;
} of3_weights;

/* Binds every weight of the table to its place, and notes in out_parameters where each tensor of the
 * checkpoint went: a tensor that is missing, misshapen or left over is an error that names it. Weights stay
 * in the table's memory where the backend can use them there; handles and transposed copies of small tables
 * live in the arena. table and arena must outlive the weights. Without a table the weights are random numbers
 * in the arena; on a context that plans they are shapes alone. */
OF3_MUST_CHECK of3_status of3_weights_bind(of3_ctx *cx, const of3_table *opt_table, const of3_config *config,
                                           const of3_switches *switches, of3_arena *arena, of3_weights *out,
                                           of3_parameters *out_parameters, of3_error *err);

#endif
