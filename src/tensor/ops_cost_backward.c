/* Floating-point operations of the way back through each call (ops_cost.c: those of the way there). */
#include "tensor/op_functions.h"

/* Once for each number of the result. */
static double each(const of3_call *c) { return (double)of3_count(c->dy); }

/* Gradients of x and W; and the product once more, where what it gave is needed. */
double of3_cost_backward_linear(const of3_call *c) {
  const bool again = c->attr.act || c->in[LINEAR_GATE] || c->in[LINEAR_MASK];
  return (again ? 3 : 2) * of3_cost_linear(c);
}

/* Products give two: the gradients of both factors. */
double of3_cost_backward_pair_bias(const of3_call *c) { return 2 * of3_cost_pair_bias(c); }
double of3_cost_backward_project(const of3_call *c) { return 2 * of3_cost_project(c); }

/* And the way there once more, since what lies between the products was not kept. */
double of3_cost_backward_modulate(const of3_call *c) { return 3 * of3_cost_modulate(c); }
double of3_cost_backward_attention(const of3_call *c) { return 3 * of3_cost_attention(c); }
double of3_cost_backward_window_attention(const of3_call *c) { return 3 * of3_cost_window_attention(c); }
double of3_cost_backward_transition(const of3_call *c) { return 3 * of3_cost_transition(c); }
double of3_cost_backward_gated_transition(const of3_call *c) { return 3 * of3_cost_gated_transition(c); }
double of3_cost_backward_triangle_mul(const of3_call *c) { return 3 * of3_cost_triangle_mul(c); }
double of3_cost_backward_triangle_attention(const of3_call *c) { return 3 * of3_cost_triangle_attention(c); }
double of3_cost_backward_outer_product_mean(const of3_call *c) { return 3 * of3_cost_outer_product_mean(c); }
double of3_cost_backward_pair_weighted_average(const of3_call *c) {
  return 3 * of3_cost_pair_weighted_average(c);
}

/* What is linear in the numbers. */
double of3_cost_backward_norm(const of3_call *c) { return 16 * each(c); }
double of3_cost_backward_act(const of3_call *c) { return 2 * each(c); }
double of3_cost_backward_add(const of3_call *c) { return each(c); }
double of3_cost_backward_combine(const of3_call *c) { return 2 * of3_cost_combine(c); }
double of3_cost_backward_mask_rows(const of3_call *c) { return each(c); }
double of3_cost_backward_dropout(const of3_call *c) { return 3 * each(c); }
double of3_cost_backward_copy(const of3_call *c) { return each(c); }
double of3_cost_backward_concat(const of3_call *c) { return each(c); }
double of3_cost_backward_outer_sum(const of3_call *c) { return 2 * each(c); }
double of3_cost_backward_embed_add(const of3_call *c) {
  return (c->in[EMBED_WEIGHT] ? 4 : 2) * of3_cost_embed_add(c);
}
double of3_cost_backward_gather(const of3_call *c) { return each(c); }
double of3_cost_backward_take_rows(const of3_call *c) { return each(c); }
double of3_cost_backward_segment_mean(const of3_call *c) { return of3_cost_segment_mean(c); }
double of3_cost_backward_symmetrize(const of3_call *c) { return each(c); }
double of3_cost_backward_expect(const of3_call *c) { return 2 * of3_cost_expect(c); }
double of3_cost_backward_relpos_add(const of3_call *c) { return of3_cost_relpos_add(c); }
double of3_cost_backward_bond_add(const of3_call *c) { return of3_cost_bond_add(c); }
double of3_cost_backward_template_add(const of3_call *c) { return of3_cost_template_add(c); }
double of3_cost_backward_fourier(const of3_call *c) { return 3 * of3_cost_fourier(c); }
double of3_cost_backward_augment(const of3_call *c) { return of3_cost_augment(c); }
double of3_cost_backward_take_row(const of3_call *c) { return each(c); }
double of3_cost_backward_atom_pair(const of3_call *c) { return of3_cost_atom_pair(c); }
double of3_cost_backward_window_add(const of3_call *c) { return 2 * each(c); }
double of3_cost_backward_window_gather(const of3_call *c) { return 2 * each(c); }
