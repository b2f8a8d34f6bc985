/* The Evoformer: the trunk of AlphaFold 2 in OpenFold3's library of layers, which the published network does
 * not use (docs/model.md 16). Its blocks go both ways between the alignment m and the pairs z:
 *
 *   m [B,M,N,c_m] --row attention, biased by z--> --column attention--> --transition--> m
 *                                                                        |
 *                                          outer product mean            v
 *   z [B,N,N,c_z] <------------------------------------------------------+
 *                 --pair block--> z
 *
 * All of it is composed from the operation table, so that it runs on every backend, can be planned, recorded
 * on a tape and gone through backwards, as the published network is. The form for extra sequences (AF2 SI
 * Alg. 18) has global attention along columns, whose queries are means over the sequences, and gives no
 * single representation.
 *
 * To use it: describe the network in an of3_evoformer_config, bind weights from a table of tensors or have
 * them made up, and run it in an of3_run, of which only cx, dropout, economy, observer, scope and of `in` n,
 * n_token and token_mask count. Training takes gradients from the tape and the table of parameters, and first
 * values from train/initialise.h where the stack is bound under a name that ends in "evoformer". */
#ifndef OF3_MODEL_EVOFORMER_H
#define OF3_MODEL_EVOFORMER_H

#include "model/run.h"

typedef enum of3_evoformer_columns {
  OF3_COLUMNS_ATTENTION, /* AF2 SI Alg. 8 */
  OF3_COLUMNS_GLOBAL,    /* Alg. 19: the form for extra sequences */
  OF3_COLUMNS_NONE       /* for embeddings of single sequences */
} of3_evoformer_columns;

/* What the modules of OpenFold3 are made with, under its names in parentheses. */
typedef struct of3_evoformer_config {
  int blocks;
  int c_m, c_z;
  int c_s;                       /* width of the single representation; 0: the stack gives none */
  int h_msa, d_msa;              /* heads of row and column attention, and channels of each */
  int c_opm, c_tri;              /* hidden channels of outer product mean, triangle multiplication */
  int h_pair, d_pair;            /* heads of triangle attention, and channels of each */
  int widening;                  /* (transition_n) */
  of3_evoformer_columns columns; /* (no_column_attention) */
  bool relu;                     /* (transition_type) one hidden layer with relu and biases; else swiglu */
  bool opm_first;         /* outer product mean begins the block; else it follows the transition of m */
  bool fused_projections; /* (fuse_projection_weights) a and b of triangle multiplication in one tensor */
  bool mask_transitions;  /* (_mask_trans) masked entries get nothing from transitions */
  bool end_bias_from_z;   /* of the ending node, as in of3_switches: releases from 0.5.0 on */
  double msa_dropout, pair_dropout; /* of row attention, of the triangle operations */
} of3_evoformer_config;

/* AF2 SI Alg. 7, 8, 19. */
typedef struct of3_msa_attention_w {
  of3_norm_w norm_m, norm_z; /* norm_z and z: of rows */
  of3_linear_w z;
  of3_mha_w mha; /* of global attention k and v are [d_msa,c_m], for all heads */
} of3_msa_attention_w;

/* One of the two. AF2 SI Alg. 9, 15: out relu(hidden norm(x)); AF3 SI Alg. 11. */
typedef struct of3_evoformer_transition_w {
  of3_norm_w norm;
  of3_linear_w hidden, out;
  of3_transition_w swiglu;
} of3_evoformer_transition_w;

typedef struct of3_evoformer_block_w {
  of3_msa_attention_w row, column;
  of3_evoformer_transition_w msa_transition, pair_transition;
  of3_outer_product_mean_w outer_product_mean;
  of3_pair_block_w pair; /* without its transition */
} of3_evoformer_block_w;

typedef struct of3_evoformer_w {
  of3_evoformer_block_w *block; /* [blocks] */
  of3_linear_w single;
} of3_evoformer_w;

/* Binds the tensors PREFIX.* of the table, named as OpenFold3's EvoformerStack names them, and appends them
 * to *parameters, to be sorted when all parts of a network are bound (of3_parameters_sort). A tensor that is
 * missing, misshapen or left over under the prefix is an error that names it. Without a table weights are
 * random, on a context that plans shapes alone. table and arena must outlive the weights. */
OF3_MUST_CHECK of3_status of3_evoformer_bind(of3_ctx *cx, const of3_table *opt_table, const char *prefix,
                                             const of3_evoformer_config *c, of3_arena *arena,
                                             of3_evoformer_w *out, of3_parameters *parameters,
                                             of3_error *err);

/* m [B,M,N,c_m] and z [B,N,N,c_z] in place; opt_mask [B,M,N] of the alignment's entries. The mask of pairs is
 * that of their tokens, r->in.token_mask. Returns the single representation [B,N,c_s], of the first
 * sequence's row of m; NULL if c_s is 0. Errors are those of the context. */
of3_tensor *of3_evoformer(const of3_run *r, const of3_evoformer_config *c, const of3_evoformer_w *w,
                          of3_tensor *m, of3_tensor *z, const of3_tensor *opt_mask);

#endif
