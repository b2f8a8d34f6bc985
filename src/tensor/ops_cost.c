/* Floating-point operations of each call: a multiply and an add count two; what is linear in the data counts
 * little and is left out where a product dominates. The totals agree with docs/model.md 13. */
#include "tensor/op_functions.h"

static double ops_cost_count(const of3_call *c, int arg) {
  return c->in[arg] ? (double)of3_count(c->in[arg]) : 0;
}
static double rows(const of3_call *c, int arg) { return (double)of3_rows(c->in[arg]); }
/* Products of all rows of x with these weights. */
static double ops_cost_product(const of3_call *c, int x, int w) {
  return 2 * rows(c, x) * ops_cost_count(c, w);
}
static double batch_of_pairs(const of3_tensor *z) {
  return (double)of3_rows(z) / (double)(of3_dim(z, 1) * of3_dim(z, 2));
}

double of3_cost_linear(const of3_call *c) { return ops_cost_product(c, LINEAR_X, LINEAR_W); }
double of3_cost_norm(const of3_call *c) { return 8 * ops_cost_count(c, NORM_X); }
double of3_cost_act(const of3_call *c) { return ops_cost_count(c, ACT_Y); }
double of3_cost_add(const of3_call *c) { return ops_cost_count(c, ADD_Y); }
double of3_cost_combine(const of3_call *c) { return 3 * ops_cost_count(c, COMBINE_X); }
double of3_cost_mask_rows(const of3_call *c) { return ops_cost_count(c, MASK_ROWS_Y); }
double of3_cost_dropout(const of3_call *c) { return 3 * ops_cost_count(c, DROPOUT_Y); }
double of3_cost_copy(const of3_call *c) { return 0 * ops_cost_count(c, COPY_Y); }
double of3_cost_concat(const of3_call *c) { return 0 * ops_cost_count(c, CONCAT_A); }
double of3_cost_outer_sum(const of3_call *c) { return (double)of3_count(c->out); }
double of3_cost_embed_add(const of3_call *c) {
  return ops_cost_count(c, EMBED_Y) * (double)of3_dim(c->in[EMBED_INDEX], 0);
}
double of3_cost_gather(const of3_call *c) { return (double)of3_count(c->out); }
double of3_cost_segment_mean(const of3_call *c) { return 2 * ops_cost_count(c, SEGMENT_X); }
double of3_cost_symmetrize(const of3_call *c) { return ops_cost_count(c, SYMMETRIZE_X); }
double of3_cost_expect(const of3_call *c) { return 6 * ops_cost_count(c, EXPECT_X); }
double of3_cost_relpos_add(const of3_call *c) { return 4 * ops_cost_count(c, RELPOS_ADD_Z); }
double of3_cost_relpos_one_hot(const of3_call *c) {
  return 4 * rows(c, RELPOS_ONE_HOT_PLACE) * (double)c->attr.rows;
}
double of3_cost_bond_add(const of3_call *c) {
  return ops_cost_count(c, BOND_ADD_PAIR) * ops_cost_count(c, BOND_ADD_ROW);
}
double of3_cost_template_add(const of3_call *c) { return 12 * ops_cost_count(c, TEMPLATE_ADD_V); }
double of3_cost_take_rows(const of3_call *c) {
  return ops_cost_count(c, TAKE_ROWS_INDEX) * (double)of3_dim(c->in[TAKE_ROWS_X], 0);
}
double of3_cost_fourier(const of3_call *c) {
  return 4 * ops_cost_count(c, FOURIER_T) * ops_cost_count(c, FOURIER_W);
}
double of3_cost_augment(const of3_call *c) { return 8 * ops_cost_count(c, AUGMENT_X); }
double of3_cost_random_normal(const of3_call *c) { return 8 * (double)of3_count(c->out); }
double of3_cost_take_row(const of3_call *c) { return 0 * ops_cost_count(c, TAKE_ROW_INDEX); }
double of3_cost_distance_bin(const of3_call *c) { return 10 * (double)of3_count(c->out); }
double of3_cost_atom_pair(const of3_call *c) { return 10 * (double)of3_count(c->out); }
double of3_cost_window_add(const of3_call *c) { return 3 * ops_cost_count(c, WINDOW_ADD_P); }
double of3_cost_window_gather(const of3_call *c) { return 2 * ops_cost_count(c, WINDOW_GATHER_P); }
double of3_cost_window_attention(const of3_call *c) {
  const of3_tensor *q = c->in[WINDOW_ATT_Q];
  double batch = rows(c, WINDOW_ATT_Q) / (double)of3_dim(q, 1),
         blocks = (double)of3_dim(c->in[WINDOW_ATT_LOW], 0);
  return 4 * batch * blocks * OF3_WINDOW_QUERIES * OF3_WINDOW_KEYS * (double)of3_dim(q, 0);
}
double of3_cost_pair_bias(const of3_call *c) { return ops_cost_product(c, PAIR_BIAS_Z, PAIR_BIAS_W); }
double of3_cost_attention(const of3_call *c) {
  return 4 * ops_cost_count(c, ATT_Q) * (double)of3_dim(c->in[ATT_K], 1);
}
double of3_cost_transition(const of3_call *c) { return 3 * ops_cost_product(c, TRANS_X, TRANS_WA); }
double of3_cost_project(const of3_call *c) {
  double sum = 0;
  for (int i = 0; i < PROJECT_MOST; i++) sum += 2 * rows(c, PROJECT_X) * ops_cost_count(c, PROJECT_W + i);
  return sum;
}
double of3_cost_modulate(const of3_call *c) {
  double sum = 0;
  for (int i = MODULATE_WG; i < 1 + MODULATE_MOST * MODULATE_STRIDE; i += MODULATE_STRIDE)
    sum += 2 * ops_cost_product(c, MODULATE_S, i) +
           ops_cost_product(c, MODULATE_S, i + MODULATE_WO - MODULATE_WG);
  return sum;
}
double of3_cost_gated_transition(const of3_call *c) { return 3 * ops_cost_product(c, GTRANS_A, GTRANS_WA); }

double of3_cost_triangle_mul(const of3_call *c) {
  const of3_tensor *z = c->in[TRI_MUL_Z];
  double n = (double)of3_dim(z, 1), hidden = (double)c->in[TRI_MUL_WAP]->shape[0];
  double projections = 4 * ops_cost_product(c, TRI_MUL_Z, TRI_MUL_WAP) +
                       ops_cost_product(c, TRI_MUL_Z, TRI_MUL_WZ) +
                       ops_cost_product(c, TRI_MUL_Z, TRI_MUL_WG);
  return projections + 2 * hidden * n * n * n * batch_of_pairs(z);
}

double of3_cost_triangle_attention(const of3_call *c) {
  const of3_tensor *z = c->in[TRI_ATT_Z];
  double n = (double)of3_dim(z, 1), hidden = (double)c->in[TRI_ATT_WQ]->shape[0];
  return 5 * ops_cost_product(c, TRI_ATT_Z, TRI_ATT_WQ) + ops_cost_product(c, TRI_ATT_Z, TRI_ATT_WZ) +
         4 * hidden * n * n * n * batch_of_pairs(z);
}

double of3_cost_outer_product_mean(const of3_call *c) {
  double pairs = rows(c, OPM_Z), m = (double)of3_dim(c->in[OPM_M], 2), h = (double)c->in[OPM_W1]->shape[0];
  return 2 * ops_cost_product(c, OPM_M, OPM_W1) + 2 * m * pairs * h * h + ops_cost_product(c, OPM_Z, OPM_WO) +
         2 * m * pairs;
}

double of3_cost_pair_weighted_average(const of3_call *c) {
  double pairs = rows(c, PWA_Z), m = (double)of3_dim(c->in[PWA_M], 2), h = (double)c->in[PWA_WV]->shape[0];
  return 3 * ops_cost_product(c, PWA_M, PWA_WV) + ops_cost_product(c, PWA_Z, PWA_WZ) + 2 * m * pairs * h;
}
