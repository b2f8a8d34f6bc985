/* The operations: one table (ops.def), one C function for each row (op_calls.c).
 *
 * Types: floating-point arguments are f32, with two exceptions. Weights of products may be bf16. And on
 * backends with bf16 operands PROJECT returns bf16, and attention takes and returns it: the next operation
 * would round these values anyway, and they are half as large so.
 *
 * Shapes are given without leading batch axes: ops_axes.def says for every argument what they may be.
 * Functions that work in place return nothing; the others return a new tensor on the context's stack. Errors
 * are sticky in the context (tensor.h). */
#ifndef OF3_TENSOR_OPS_H
#define OF3_TENSOR_OPS_H

#include "base/random.h"
#include "tensor/tensor.h"

typedef enum of3_op {
#define OF3_OP(id, name, ...) OF3_OP_##id,
#include "tensor/ops.def"
#undef OF3_OP
  OF3_N_OP
} of3_op;

typedef enum of3_act { OF3_ACT_NONE, OF3_ACT_RELU, OF3_ACT_SIGMOID, OF3_ACT_SILU } of3_act;

enum { OF3_MAX_IN = 16, OF3_MAX_SAVED = 4, OF3_WINDOW_QUERIES = 32, OF3_WINDOW_KEYS = 128 };

typedef struct of3_attr {
  int act;         /* of3_act */
  int norm;        /* LINEAR, PAIR_BIAS: normalise the input first */
  int accumulate;  /* LINEAR, GATHER: add to y */
  int heads;       /* attentions */
  int outgoing;    /* TRIANGLE_MUL: 1 Alg. 12, 0 Alg. 13 */
  int passes;      /* TRIANGLE_MUL: number of passes over the hidden channels; 0 and 1: one. Each pass needs
                    * only its share of the scratch for a and b. The result is the same, bit by bit */
  int ending;      /* TRIANGLE_ATTENTION: 1 Alg. 15 (columns), 0 Alg. 14 (rows) */
  int bias_from_z; /* ending node: bias b[i,k] of the untransposed z (OB); else b[k,i] (P1, P2) */
  int64_t first, rows; /* RELPOS_ONE_HOT, EXPECT with chains: rows i of pairs (i,j) from `first` on */
  int bf16;            /* PROJECT: the result is bf16 */
  int chain_equal;     /* TEMPLATE_ADD: f and g of its formula by equality of chains */
  int pairs;           /* TRANSITION: x is over pairs of tokens, the mask over tokens */
  int columns;         /* DROPOUT: keep is of the first axis of y, not of the second */
  int purpose, count;  /* RANDOM_NORMAL: of3_purpose; numbers for each key */
} of3_attr;

/* What an operation does to its output (ops.def): an operation in place reads argument `arg` where it lies
 * and leaves the result there. */
typedef struct of3_writes {
  enum { OF3_WRITE_NEW, OF3_WRITE_OVER, OF3_WRITE_SUM, OF3_WRITE_UPDATE } how;
  int arg;
} of3_writes;
#define OF3_NO_ARG (-1)
#define OF3_MAKES                                                                                            \
  { OF3_WRITE_NEW, OF3_NO_ARG }
#define OF3_OVERWRITES(arg)                                                                                  \
  { OF3_WRITE_OVER, arg }
#define OF3_ADDS_TO(arg)                                                                                     \
  { OF3_WRITE_SUM, arg }
#define OF3_UPDATES(arg)                                                                                     \
  { OF3_WRITE_UPDATE, arg }

/* One operation to be done. in: numbered per operation below; NULL where absent. out: for operations in place
 * it is the same handle as the input changed. */
typedef struct of3_call {
  of3_op op;
  of3_ctx *cx; /* for the plain C reference: where it reports that memory is out. NULL elsewhere */
  const of3_tensor *in[OF3_MAX_IN];
  of3_tensor *out;
  of3_attr attr;

  /* While a tape records: where the kernel leaves what its backward will want, statistics of norms, say
   * (of3_kernel.saves); NULL else. On the way back it has that again, or NULL if another kernel came before.
   */
  of3_tensor *saved[OF3_MAX_SAVED];
  /* On the way back (of3_backward): the gradient of out, and of each argument that to which it is added, in
   * the argument's shape; NULL where none is wanted. All are f32. */
  const of3_tensor *dy;
  of3_tensor *dx[OF3_MAX_IN];
} of3_call;

typedef enum of3_direction { OF3_FORWARD, OF3_BACKWARD } of3_direction;

/* Argument numbers. */
enum { LINEAR_X, LINEAR_SCALE, LINEAR_OFFSET, LINEAR_W, LINEAR_B, LINEAR_GATE, LINEAR_MASK, LINEAR_Y };
enum { NORM_X, NORM_SCALE, NORM_OFFSET };
enum { ACT_Y };
enum { ADD_Y, ADD_X };
enum { COMBINE_X, COMBINE_A, COMBINE_Y, COMBINE_B, COMBINE_MASK };
enum { MASK_ROWS_Y, MASK_ROWS_MASK };
enum { DROPOUT_Y, DROPOUT_X, DROPOUT_KEEP };
enum { COPY_Y, COPY_X };
enum { CONCAT_A, CONCAT_B };
enum { OUTER_SUM_A, OUTER_SUM_B };
enum { EMBED_Y, EMBED_INDEX, EMBED_TABLE, EMBED_WEIGHT };
enum { GATHER_X, GATHER_INDEX, GATHER_MASK, GATHER_Y };
enum { TAKE_ROWS_X, TAKE_ROWS_INDEX };
enum { SEGMENT_X, SEGMENT_START, SEGMENT_COUNT, SEGMENT_MASK };
enum { SYMMETRIZE_X };
enum { EXPECT_X, EXPECT_TABLE, EXPECT_CHAIN, EXPECT_SET_OF_SIZE };
enum { RELPOS_ADD_Z, RELPOS_ADD_PLACE, RELPOS_ADD_TABLE };
enum { RELPOS_ONE_HOT_PLACE };
enum {
  TEMPLATE_ADD_V,
  TEMPLATE_ADD_BETA,
  TEMPLATE_ADD_FRAME,
  TEMPLATE_ADD_ASYM,
  TEMPLATE_ADD_UNIT,
  TEMPLATE_ADD_BIN,
  TEMPLATE_ADD_PLACE,
  TEMPLATE_ADD_W,
  TEMPLATE_ADD_TABLE
};
enum { BOND_ADD_Z, BOND_ADD_PAIR, BOND_ADD_ROW };
enum { FOURIER_T, FOURIER_W, FOURIER_B };
enum { AUGMENT_X, AUGMENT_MASK, AUGMENT_POSE };
enum { RANDOM_KEY, RANDOM_STEP };
enum { TAKE_ROW_TABLE, TAKE_ROW_INDEX };
enum { DISTANCE_X, DISTANCE_REP };
enum {
  ATOM_PAIR_POS,
  ATOM_PAIR_UID,
  ATOM_PAIR_MASK,
  ATOM_PAIR_LOW,
  ATOM_PAIR_WD,
  ATOM_PAIR_WI,
  ATOM_PAIR_WV
};
enum { WINDOW_ADD_P, WINDOW_ADD_ROW, WINDOW_ADD_COL, WINDOW_ADD_MASK, WINDOW_ADD_LOW };
enum { WINDOW_GATHER_P, WINDOW_GATHER_Z, WINDOW_GATHER_TOKEN, WINDOW_GATHER_MASK, WINDOW_GATHER_LOW };
enum { WINDOW_ATT_Q, WINDOW_ATT_K, WINDOW_ATT_V, WINDOW_ATT_G, WINDOW_ATT_BIAS, WINDOW_ATT_LOW };
enum { PAIR_BIAS_Z, PAIR_BIAS_SCALE, PAIR_BIAS_OFFSET, PAIR_BIAS_W, PAIR_BIAS_MASK };
enum { ATT_Q, ATT_K, ATT_V, ATT_G, ATT_BIAS, ATT_KEY_MASK };
enum { TRANS_X, TRANS_SCALE, TRANS_OFFSET, TRANS_WA, TRANS_WB, TRANS_WO, TRANS_MASK };
enum {
  PROJECT_X,
  PROJECT_SCALE,
  PROJECT_OFFSET,
  PROJECT_GATE,
  PROJECT_SHIFT,
  PROJECT_W,
  PROJECT_B = PROJECT_W + 4
};
enum { PROJECT_MOST = PROJECT_B - PROJECT_W };
enum { /* of modulation i: from MODULATE_SCALE + i MODULATE_STRIDE on */
       MODULATE_S,
       MODULATE_SCALE,
       MODULATE_WG,
       MODULATE_BG,
       MODULATE_WS,
       MODULATE_WO,
       MODULATE_BO,
       MODULATE_STRIDE = MODULATE_BO
};
enum { MODULATE_MOST = 2 }; /* modulations */
enum { GTRANS_A, GTRANS_GATE, GTRANS_SHIFT, GTRANS_WA, GTRANS_WB, GTRANS_WO, GTRANS_OUT_GATE, GTRANS_MASK };
enum {
  TRI_MUL_Z,
  TRI_MUL_MASK,
  TRI_MUL_IN_SCALE,
  TRI_MUL_IN_OFFSET,
  TRI_MUL_WAP,
  TRI_MUL_WAG,
  TRI_MUL_WBP,
  TRI_MUL_WBG,
  TRI_MUL_OUT_SCALE,
  TRI_MUL_OUT_OFFSET,
  TRI_MUL_WZ,
  TRI_MUL_WG
};
enum {
  TRI_ATT_Z,
  TRI_ATT_MASK,
  TRI_ATT_SCALE,
  TRI_ATT_OFFSET,
  TRI_ATT_WZ,
  TRI_ATT_WQ,
  TRI_ATT_WK,
  TRI_ATT_WV,
  TRI_ATT_WG,
  TRI_ATT_WO
};
enum { OPM_Z, OPM_M, OPM_MASK, OPM_SCALE, OPM_OFFSET, OPM_W1, OPM_W2, OPM_WO, OPM_BO };
enum {
  PWA_M,
  PWA_Z,
  PWA_MASK,
  PWA_M_SCALE,
  PWA_M_OFFSET,
  PWA_Z_SCALE,
  PWA_Z_OFFSET,
  PWA_WZ,
  PWA_WV,
  PWA_WG,
  PWA_WO
};

/* ---- groups of weights, as the model binds them and the operations take them */

typedef struct of3_norm_w {
  of3_tensor *scale, *offset; /* [c]; both NULL: neither */
} of3_norm_w;

typedef struct of3_linear_w {
  of3_tensor *w, *b; /* [n,k], [n] or NULL */
} of3_linear_w;

typedef struct of3_mha_w { /* gated multi-head attention */
  of3_linear_w q, k, v, g, o;
} of3_mha_w;

typedef struct of3_modulation_w {
  of3_norm_w norm;          /* scale only */
  of3_linear_w gate, shift; /* gate has a bias, shift has none */
  of3_linear_w out;         /* with a bias; w NULL: no out_gate */
} of3_modulation_w;

typedef struct of3_transition_w {
  of3_norm_w norm;
  of3_linear_w a, b, out;
} of3_transition_w;

typedef struct of3_triangle_mul_w {
  of3_norm_w norm_in, norm_out;
  of3_linear_w a_p, a_g, b_p, b_g, z, g;
} of3_triangle_mul_w;

typedef struct of3_triangle_attention_w {
  of3_norm_w norm;
  of3_linear_w z; /* [H,c] */
  of3_mha_w mha;
} of3_triangle_attention_w;

typedef struct of3_outer_product_mean_w {
  of3_norm_w norm;
  of3_linear_w a, b, out;
} of3_outer_product_mean_w;

typedef struct of3_pair_weighted_average_w {
  of3_norm_w norm_m, norm_z;
  of3_linear_w z, v, g, o;
} of3_pair_weighted_average_w;

/* ---- primitives */

/* y [..,n] = act(x W^T + b). */
of3_tensor *of3_linear(of3_ctx *cx, const of3_tensor *x, of3_linear_w w, of3_act act);
/* The same of the normalised x. */
of3_tensor *of3_norm_linear(of3_ctx *cx, const of3_tensor *x, of3_norm_w norm, of3_linear_w w, of3_act act);
/* gate * act(norm(x) W^T + b); gate [..,n] may have fewer rows. */
of3_tensor *of3_gated_linear(of3_ctx *cx, const of3_tensor *x, of3_norm_w norm, of3_linear_w w, of3_act act,
                             const of3_tensor *gate);
/* y += mask * gate * (x W^T + b). gate [..,n] and mask [..] may be NULL or have fewer rows. */
void of3_linear_add(of3_ctx *cx, of3_tensor *y, const of3_tensor *x, of3_linear_w w,
                    const of3_tensor *opt_gate, const of3_tensor *opt_mask);
/* y += norm(x) W^T + b. */
void of3_norm_linear_add(of3_ctx *cx, of3_tensor *y, const of3_tensor *x, of3_norm_w norm, of3_linear_w w);

of3_tensor *of3_norm(of3_ctx *cx, const of3_tensor *x, of3_norm_w w);
void of3_activate(of3_ctx *cx, of3_tensor *y, of3_act act);
void of3_add(of3_ctx *cx, of3_tensor *y, const of3_tensor *x);
/* out[s,..] = (a[s] x[s,..] + b[s] y[s,..]) * mask; a, b [S] or [1]; y and b may be NULL; mask over the rows
 * of one s, or NULL. */
of3_tensor *of3_combine(of3_ctx *cx, const of3_tensor *x, const of3_tensor *a, const of3_tensor *opt_y,
                        const of3_tensor *opt_b, const of3_tensor *opt_mask);
/* y [..,R,S,c] = x + keep (y - x), x being what y was before an update: parts of the update are dropped, and
 * the others grow. keep [..,S,c], or with `columns` [..,R,c]: 0, or one over the part that is kept. */
void of3_dropout_update(of3_ctx *cx, of3_tensor *y, const of3_tensor *x, const of3_tensor *keep,
                        bool columns);
/* Nothing is done without a mask. */
void of3_mask_rows(of3_ctx *cx, of3_tensor *y, const of3_tensor *opt_mask);
void of3_copy(of3_ctx *cx, of3_tensor *y, const of3_tensor *x);
of3_tensor *of3_concat(of3_ctx *cx, const of3_tensor *a, const of3_tensor *b);
/* z [N,N,c] = a [N,c], b [N,c]. */
void of3_outer_sum(of3_ctx *cx, of3_tensor *z, const of3_tensor *a, const of3_tensor *b);
/* index [..,n] i32 or u8; table [classes,c]; opt_weight [..]. */
void of3_embed_add(of3_ctx *cx, of3_tensor *y, const of3_tensor *index, const of3_tensor *table,
                   const of3_tensor *opt_weight);
/* x [..,N,c], index [A] i32, mask [A] or NULL -> [..,A,c]. */
of3_tensor *of3_gather(of3_ctx *cx, const of3_tensor *x, const of3_tensor *index, const of3_tensor *opt_mask);
/* y [..,A,c] += gathered x [..,N,c], with equal leading axes, or y has more of them
 * and x is used again and again. */
void of3_gather_add(of3_ctx *cx, of3_tensor *y, const of3_tensor *x, const of3_tensor *index,
                    const of3_tensor *opt_mask);
/* x [M,w], index [R] i32 -> [R,w]. */
of3_tensor *of3_take_rows(of3_ctx *cx, const of3_tensor *x, const of3_tensor *index);
/* x [..,A,c], start and count [N] i32, mask [A] or NULL -> [..,N,c]. */
of3_tensor *of3_segment_mean(of3_ctx *cx, const of3_tensor *x, const of3_tensor *start,
                             const of3_tensor *count, const of3_tensor *opt_mask);
of3_tensor *of3_symmetrize(of3_ctx *cx, const of3_tensor *x); /* [..,N,N,c] */
/* x [..,bins] -> y [..], which is given, by row 0 of table [sets,bins]. */
void of3_expect(of3_ctx *cx, of3_tensor *y, const of3_tensor *x, const of3_tensor *table);
/* x [R,N,bins], pairs (i,j) with i from `first` on -> y [R,N]: by the row of table that set_of_size [N+1] i32
 * has for the number of tokens in the chains of i and j. chain [N,2] i32: a number of the token's chain, and
 * how many tokens it has. */
void of3_expect_chains(of3_ctx *cx, of3_tensor *y, const of3_tensor *x, const of3_tensor *table,
                       const of3_tensor *chain, const of3_tensor *set_of_size, int64_t first);
/* z [..,N,N,c], place [~,N,OF3_N_PLACE] i32 (pairs.h), table [OF3_RELPOS_CLASSES,c]. */
void of3_relpos_add(of3_ctx *cx, of3_tensor *z, const of3_tensor *place, const of3_tensor *table);
/* place [..,N,OF3_N_PLACE] -> [..,rows,N,OF3_RELPOS_CLASSES] of the rows i from `first` on. */
of3_tensor *of3_relpos_one_hot(of3_ctx *cx, const of3_tensor *place, int64_t first, int64_t rows);
/* What a template slot has: masks of its pseudo-beta atoms and backbone frames [~,N]; the places of its
 * tokens
 * [~,N,OF3_N_TEMPLATE_PLACE] (template_pairs.h), or, from files that have them, unit vectors [~,N,N,3] and
 * bins of distances
 * [~,N,N] u8 (255: none). In a batch that has both, a complex has the one or the other. */
typedef struct of3_template_slot {
  of3_tensor *beta, *frame, *opt_place, *opt_unit, *opt_bin;
} of3_template_slot;
/* v [..,N,N,c], asym [~,N] i32; w [c,5] f32: beta, frame, unit vector; distogram [39,c] f32. */
void of3_template_add(of3_ctx *cx, of3_tensor *v, const of3_template_slot *slot, const of3_tensor *asym,
                      const of3_tensor *w, const of3_tensor *distogram, bool chain_equal);
/* z [..,N,N,c], bond [~,P,2] i32, each pair of tokens once, row [c]. */
void of3_bond_add(of3_ctx *cx, of3_tensor *z, const of3_tensor *bond, const of3_tensor *row);
/* w, b [n] or [n,1], as checkpoints have them. */
of3_tensor *of3_fourier(of3_ctx *cx, const of3_tensor *t, const of3_tensor *w, const of3_tensor *b);
/* x [S,A,3], mask [A] or NULL, pose [S,7]: quaternion w,x,y,z of any length but zero, and shift. */
void of3_augment(of3_ctx *cx, of3_tensor *x, const of3_tensor *opt_mask, const of3_tensor *pose);
/* Standard normals [S,n] of the streams whose keys are key [S,3] i32: the seed's low and high half, and the
 * sample; step [1] i32. The numbers are those of of3_random_normal, on every backend up to the last bits of
 * logarithm and cosine. */
of3_tensor *of3_draw_normal(of3_ctx *cx, const of3_tensor *key, const of3_tensor *step, of3_purpose purpose,
                            int64_t n);
/* table [R,k], index [..] i32 -> [..,k]; f32 on every backend. */
of3_tensor *of3_take_row(of3_ctx *cx, const of3_tensor *table, const of3_tensor *index);
of3_tensor *of3_distance_bin(of3_ctx *cx, const of3_tensor *x,
                             const of3_tensor *representative); /* -> [S,N,N] i32 */

/* ---- atom windows: B blocks of 32 queries and 128 keys; low [B] i32, mask
 * [B,32,128] */

typedef struct of3_windows {
  of3_tensor *low, *mask;
} of3_windows;

/* The atom that is read for index i of a window among n: the nearest one there is. What it gives is masked.
 */
static inline int64_t of3_window_atom(int64_t i, int64_t n) { return i < 0 ? 0 : i < n ? i : n - 1; }

/* pos [A,3], uid [A] i32 -> p [B,32,128,c]; w_d [c,3], w_i [c,1], w_v [c,1]. */
of3_tensor *of3_atom_pair(of3_ctx *cx, const of3_tensor *pos, const of3_tensor *uid, of3_windows w,
                          const of3_tensor *w_d, const of3_tensor *w_i, const of3_tensor *w_v);
void of3_window_add(of3_ctx *cx, of3_tensor *p, const of3_tensor *row, const of3_tensor *col, of3_windows w);
/* z [N,N,c], token [A] i32. */
void of3_window_gather(of3_ctx *cx, of3_tensor *p, const of3_tensor *z, const of3_tensor *token,
                       of3_windows w);
/* q, k, v, g [..,A,H*d]; bias [B,H,128,32] with the mask in it -> [..,A,H*d]. */
of3_tensor *of3_window_attention(of3_ctx *cx, const of3_tensor *q, const of3_tensor *k, const of3_tensor *v,
                                 const of3_tensor *g, const of3_tensor *bias, const of3_tensor *low,
                                 int heads);

/* ---- fused */

/* bias [..,H,K,Q] from z [..,Q,K,c]. norm: NULL for none. opt_mask [..,Q,K]. */
void of3_pair_bias(of3_ctx *cx, of3_tensor *bias, const of3_tensor *z, const of3_norm_w *opt_norm,
                   of3_linear_w w, const of3_tensor *opt_mask);
/* q, g [..,Q,H*d], k, v [..,K,H*d]; bias [~,H,K,Q], its leading axes may be fewer;
 * key_mask [K] or NULL. */
of3_tensor *of3_attention(of3_ctx *cx, const of3_tensor *q, const of3_tensor *k, const of3_tensor *v,
                          const of3_tensor *g, const of3_tensor *bias, const of3_tensor *opt_key_mask,
                          int heads);
/* x [..,c], mask [..] or NULL. */
void of3_transition(of3_ctx *cx, of3_tensor *x, const of3_transition_w *w, const of3_tensor *opt_mask);
/* z [..,N,N,c], mask of tokens [~,N] or NULL: that of pair (i,j) is mask[i] mask[j]. */
void of3_pair_transition(of3_ctx *cx, of3_tensor *z, const of3_transition_w *w, const of3_tensor *opt_mask);
/* What adaptive norms and their residual branches take from the conditioning s [..,c_s], already activated:
 * [..,c] each. count <= MODULATE_MOST at a time, of one c. */
typedef struct of3_modulation {
  of3_tensor *gate, *shift, *out_gate; /* out_gate: NULL if w has no out */
} of3_modulation;
void of3_modulate(of3_ctx *cx, const of3_tensor *s, int count, const of3_modulation_w *const *w,
                  of3_modulation *m);
/* y[i] [..,n] = x' W_i^T [+ b_i] for the queries, keys ... that an attention takes from one x: count <= 4
 * weights of one shape [heads d,..]. x' is x normalised by opt_norm or, with opt_m, by its gate and shift. y
 * is bf16 where the weights and what they are multiplied by are, and d is even: half the bytes. */
void of3_project(of3_ctx *cx, const of3_tensor *x, const of3_norm_w *opt_norm, const of3_modulation *opt_m,
                 int heads, int count, const of3_linear_w *w, of3_tensor **y);
void of3_gated_transition(of3_ctx *cx, of3_tensor *a, of3_modulation m, of3_linear_w wa, of3_linear_w wb,
                          of3_linear_w wo, const of3_tensor *opt_mask);
/* z [..,N,N,c], mask of tokens [~,N] or NULL; passes: of3_attr. */
void of3_triangle_mul(of3_ctx *cx, of3_tensor *z, const of3_tensor *opt_mask, const of3_triangle_mul_w *w,
                      bool outgoing, int passes);
void of3_triangle_attention(of3_ctx *cx, of3_tensor *z, const of3_tensor *opt_mask,
                            const of3_triangle_attention_w *w, bool ending, bool bias_from_z);
/* z [N,N,c], m [M,N,c_m], mask [M,N] or NULL. */
void of3_outer_product_mean(of3_ctx *cx, of3_tensor *z, const of3_tensor *m, const of3_tensor *opt_mask,
                            const of3_outer_product_mean_w *w);
/* m [M,N,c_m], z [N,N,c], mask of tokens [N] or NULL. */
void of3_pair_weighted_average(of3_ctx *cx, of3_tensor *m, const of3_tensor *z, const of3_tensor *opt_mask,
                               const of3_pair_weighted_average_w *w);

/* ---- the table itself, for backends, tests, benchmarks */

typedef struct of3_shape {
  of3_dtype dtype;
  int rank;
  int64_t dim[OF3_MAX_RANK];
} of3_shape;

typedef struct of3_op_info {
  const char *name, *formula;
  of3_writes writes;
  void (*reference)(const of3_call *c); /* buffers must be host memory */
  double (*cost)(const of3_call *c);
  /* The same of the way back; NULL: no gradient goes through it. */
  void (*backward_reference)(const of3_call *c);
  double (*cost_backward)(const of3_call *c);
  unsigned constants; /* bit i: no gradient goes to argument i (ops_backward.def) */
} of3_op_info;

const of3_op_info *of3_op_table(void); /* [OF3_N_OP] */

/* A call in a few words, "5x76x768 768x768, norm": input, weights, what is fused. Returns out. */
enum { OF3_CALL_TEXT = 80 };
const char *of3_call_text(const of3_call *c, char out[OF3_CALL_TEXT]);

/* Does one call: shape rule, memory, cost, then the backend's kernel or the
 * reference. Sets c->out if it is NULL. */
of3_tensor *of3_apply(of3_ctx *cx, of3_call *c);
/* The part of it, and of of3_backward, that computes: cost, workspace, kernel or reference. */
void of3_run_call(of3_ctx *cx, const of3_call *c, of3_direction direction);

/* The way back through a call that was done: adds what c->dy, the gradient of its result, means for its
 * arguments to c->dx. Of an operation in place c->in has what was before, as entries of a tape do. An error,
 * which names the operation, if no gradient goes through it. */
void of3_backward(of3_ctx *cx, const of3_call *c);

#endif
