/* The C functions of the operations (ops.h): each makes an of3_call of its arguments, in the order of their
 * numbers, and applies it. Those with an output that is given return nothing. */
#include "tensor/ops.h"

#include <assert.h>
#include <limits.h>

#include "tensor/backend.h"

#define APPLY(cx, op_, out_, attr_, ...)                                                                     \
  of3_apply((cx), &(of3_call){.op = (op_), .in = {__VA_ARGS__}, .out = (out_), .attr = attr_})
#define ATTR(...) ((of3_attr){__VA_ARGS__})
#define NO_ATTR   ((of3_attr){0})

/* ---- primitives */

of3_tensor *of3_linear(of3_ctx *cx, const of3_tensor *x, of3_linear_w w, of3_act act) {
  return APPLY(cx, OF3_OP_LINEAR, NULL, ATTR(.act = act), x, NULL, NULL, w.w, w.b);
}

of3_tensor *of3_norm_linear(of3_ctx *cx, const of3_tensor *x, of3_norm_w n, of3_linear_w w, of3_act act) {
  return APPLY(cx, OF3_OP_LINEAR, NULL, ATTR(.act = act, .norm = 1), x, n.scale, n.offset, w.w, w.b);
}

of3_tensor *of3_gated_linear(of3_ctx *cx, const of3_tensor *x, of3_norm_w n, of3_linear_w w, of3_act act,
                             const of3_tensor *gate) {
  return APPLY(cx, OF3_OP_LINEAR, NULL, ATTR(.act = act, .norm = 1), x, n.scale, n.offset, w.w, w.b, gate);
}

void of3_linear_add(of3_ctx *cx, of3_tensor *y, const of3_tensor *x, of3_linear_w w, const of3_tensor *gate,
                    const of3_tensor *mask) {
  APPLY(cx, OF3_OP_LINEAR, y, ATTR(.accumulate = 1), x, NULL, NULL, w.w, w.b, gate, mask, y);
}

void of3_norm_linear_add(of3_ctx *cx, of3_tensor *y, const of3_tensor *x, of3_norm_w n, of3_linear_w w) {
  APPLY(cx, OF3_OP_LINEAR, y, ATTR(.norm = 1, .accumulate = 1), x, n.scale, n.offset, w.w, w.b, NULL, NULL,
        y);
}

of3_tensor *of3_norm(of3_ctx *cx, const of3_tensor *x, of3_norm_w w) {
  return APPLY(cx, OF3_OP_NORM, NULL, NO_ATTR, x, w.scale, w.offset);
}

void of3_activate(of3_ctx *cx, of3_tensor *y, of3_act act) { APPLY(cx, OF3_OP_ACT, y, ATTR(.act = act), y); }

void of3_add(of3_ctx *cx, of3_tensor *y, const of3_tensor *x) { APPLY(cx, OF3_OP_ADD, y, NO_ATTR, y, x); }

of3_tensor *of3_combine(of3_ctx *cx, const of3_tensor *x, const of3_tensor *a, const of3_tensor *y,
                        const of3_tensor *b, const of3_tensor *mask) {
  return APPLY(cx, OF3_OP_COMBINE, NULL, NO_ATTR, x, a, y, b, mask);
}

void of3_mask_rows(of3_ctx *cx, of3_tensor *y, const of3_tensor *mask) {
  if (mask) APPLY(cx, OF3_OP_MASK_ROWS, y, NO_ATTR, y, mask);
}

void of3_dropout_update(of3_ctx *cx, of3_tensor *y, const of3_tensor *x, const of3_tensor *keep,
                        bool columns) {
  APPLY(cx, OF3_OP_DROPOUT, y, ATTR(.columns = columns), y, x, keep);
}

void of3_copy(of3_ctx *cx, of3_tensor *y, const of3_tensor *x) { APPLY(cx, OF3_OP_COPY, y, NO_ATTR, y, x); }

of3_tensor *of3_concat(of3_ctx *cx, const of3_tensor *a, const of3_tensor *b) {
  return APPLY(cx, OF3_OP_CONCAT, NULL, NO_ATTR, a, b);
}

void of3_outer_sum(of3_ctx *cx, of3_tensor *z, const of3_tensor *a, const of3_tensor *b) {
  APPLY(cx, OF3_OP_OUTER_SUM, z, NO_ATTR, a, b);
}

void of3_embed_add(of3_ctx *cx, of3_tensor *y, const of3_tensor *index, const of3_tensor *table,
                   const of3_tensor *weight) {
  APPLY(cx, OF3_OP_EMBED_ADD, y, NO_ATTR, y, index, table, weight);
}

of3_tensor *of3_gather(of3_ctx *cx, const of3_tensor *x, const of3_tensor *index, const of3_tensor *mask) {
  return APPLY(cx, OF3_OP_GATHER, NULL, NO_ATTR, x, index, mask);
}

void of3_gather_add(of3_ctx *cx, of3_tensor *y, const of3_tensor *x, const of3_tensor *index,
                    const of3_tensor *mask) {
  APPLY(cx, OF3_OP_GATHER, y, ATTR(.accumulate = 1), x, index, mask, y);
}

of3_tensor *of3_segment_mean(of3_ctx *cx, const of3_tensor *x, const of3_tensor *start,
                             const of3_tensor *count, const of3_tensor *mask) {
  return APPLY(cx, OF3_OP_SEGMENT_MEAN, NULL, NO_ATTR, x, start, count, mask);
}

of3_tensor *of3_symmetrize(of3_ctx *cx, const of3_tensor *x) {
  return APPLY(cx, OF3_OP_SYMMETRIZE, NULL, NO_ATTR, x);
}

void of3_expect(of3_ctx *cx, of3_tensor *y, const of3_tensor *x, const of3_tensor *table) {
  APPLY(cx, OF3_OP_EXPECT, y, NO_ATTR, x, table);
}

void of3_expect_chains(of3_ctx *cx, of3_tensor *y, const of3_tensor *x, const of3_tensor *table,
                       const of3_tensor *chain, const of3_tensor *set_of_size, int64_t first) {
  APPLY(cx, OF3_OP_EXPECT, y, ATTR(.first = first), x, table, chain, set_of_size);
}

of3_tensor *of3_take_rows(of3_ctx *cx, const of3_tensor *x, const of3_tensor *index) {
  return APPLY(cx, OF3_OP_TAKE_ROWS, NULL, NO_ATTR, x, index);
}

void of3_template_add(of3_ctx *cx, of3_tensor *v, const of3_template_slot *s, const of3_tensor *asym,
                      const of3_tensor *w, const of3_tensor *distogram, bool chain_equal) {
  APPLY(cx, OF3_OP_TEMPLATE_ADD, v, ATTR(.chain_equal = chain_equal), v, s->beta, s->frame, asym, s->opt_unit,
        s->opt_bin, s->opt_place, w, distogram);
}

void of3_relpos_add(of3_ctx *cx, of3_tensor *z, const of3_tensor *place, const of3_tensor *table) {
  APPLY(cx, OF3_OP_RELPOS_ADD, z, NO_ATTR, z, place, table);
}

of3_tensor *of3_relpos_one_hot(of3_ctx *cx, const of3_tensor *place, int64_t first, int64_t rows) {
  return APPLY(cx, OF3_OP_RELPOS_ONE_HOT, NULL, ATTR(.first = first, .rows = rows), place);
}

void of3_bond_add(of3_ctx *cx, of3_tensor *z, const of3_tensor *bond, const of3_tensor *row) {
  APPLY(cx, OF3_OP_BOND_ADD, z, NO_ATTR, z, bond, row);
}

of3_tensor *of3_fourier(of3_ctx *cx, const of3_tensor *t, const of3_tensor *w, const of3_tensor *b) {
  return APPLY(cx, OF3_OP_FOURIER, NULL, NO_ATTR, t, OF3_RESHAPE(cx, w, of3_count(w)),
               OF3_RESHAPE(cx, b, of3_count(b)));
}

void of3_augment(of3_ctx *cx, of3_tensor *x, const of3_tensor *mask, const of3_tensor *pose) {
  APPLY(cx, OF3_OP_AUGMENT, x, NO_ATTR, x, mask, pose);
}

of3_tensor *of3_draw_normal(of3_ctx *cx, const of3_tensor *key, const of3_tensor *step, of3_purpose purpose,
                            int64_t n) {
  assert(n <= INT_MAX);
  return APPLY(cx, OF3_OP_RANDOM_NORMAL, NULL, ATTR(.purpose = (int)purpose, .count = (int)n), key, step);
}

of3_tensor *of3_take_row(of3_ctx *cx, const of3_tensor *table, const of3_tensor *index) {
  return APPLY(cx, OF3_OP_TAKE_ROW, NULL, NO_ATTR, table, index);
}

of3_tensor *of3_distance_bin(of3_ctx *cx, const of3_tensor *x, const of3_tensor *representative) {
  return APPLY(cx, OF3_OP_DISTANCE_BIN, NULL, NO_ATTR, x, representative);
}

/* ---- atom windows */

of3_tensor *of3_atom_pair(of3_ctx *cx, const of3_tensor *pos, const of3_tensor *uid, of3_windows w,
                          const of3_tensor *w_d, const of3_tensor *w_i, const of3_tensor *w_v) {
  return APPLY(cx, OF3_OP_ATOM_PAIR, NULL, NO_ATTR, pos, uid, w.mask, w.low, w_d, w_i, w_v);
}

void of3_window_add(of3_ctx *cx, of3_tensor *p, const of3_tensor *row, const of3_tensor *col, of3_windows w) {
  APPLY(cx, OF3_OP_WINDOW_ADD, p, NO_ATTR, p, row, col, w.mask, w.low);
}

void of3_window_gather(of3_ctx *cx, of3_tensor *p, const of3_tensor *z, const of3_tensor *token,
                       of3_windows w) {
  APPLY(cx, OF3_OP_WINDOW_GATHER, p, NO_ATTR, p, z, token, w.mask, w.low);
}

of3_tensor *of3_window_attention(of3_ctx *cx, const of3_tensor *q, const of3_tensor *k, const of3_tensor *v,
                                 const of3_tensor *g, const of3_tensor *bias, const of3_tensor *low,
                                 int heads) {
  return APPLY(cx, OF3_OP_WINDOW_ATTENTION, NULL, ATTR(.heads = heads), q, k, v, g, bias, low);
}

/* ---- fused */

void of3_pair_bias(of3_ctx *cx, of3_tensor *bias, const of3_tensor *z, const of3_norm_w *norm, of3_linear_w w,
                   const of3_tensor *mask) {
  of3_norm_w n = norm ? *norm : (of3_norm_w){0};
  APPLY(cx, OF3_OP_PAIR_BIAS, bias, ATTR(.norm = norm != NULL), z, n.scale, n.offset, w.w, mask);
}

of3_tensor *of3_attention(of3_ctx *cx, const of3_tensor *q, const of3_tensor *k, const of3_tensor *v,
                          const of3_tensor *g, const of3_tensor *bias, const of3_tensor *key_mask,
                          int heads) {
  return APPLY(cx, OF3_OP_ATTENTION, NULL, ATTR(.heads = heads), q, k, v, g, bias, key_mask);
}

void of3_transition(of3_ctx *cx, of3_tensor *x, const of3_transition_w *w, const of3_tensor *mask) {
  APPLY(cx, OF3_OP_TRANSITION, x, NO_ATTR, x, w->norm.scale, w->norm.offset, w->a.w, w->b.w, w->out.w, mask);
}

void of3_pair_transition(of3_ctx *cx, of3_tensor *z, const of3_transition_w *w, const of3_tensor *mask) {
  APPLY(cx, OF3_OP_TRANSITION, z, ATTR(.pairs = 1), z, w->norm.scale, w->norm.offset, w->a.w, w->b.w,
        w->out.w, mask);
}

/* Tensor i of t, whose first axis goes. */
static of3_tensor *ops_element(of3_ctx *cx, const of3_tensor *t, int64_t i) {
  return of3_reshape(cx, of3_narrow(cx, t, i, 1), t->rank - 1, t->shape + 1);
}

void of3_project(of3_ctx *cx, const of3_tensor *x, const of3_norm_w *norm, const of3_modulation *m, int heads,
                 int count, const of3_linear_w *w, of3_tensor **y) {
  const of3_backend *b = cx->backend;
  const of3_tensor *first = w->w;
  const bool bf16 = b->projects_bf16 && first->dtype == OF3_BF16 && first->shape[0] / heads % 2 == 0;
  of3_call c = {.op = OF3_OP_PROJECT, .in = {x}, .attr.bf16 = bf16};
  if (norm) c.in[PROJECT_SCALE] = norm->scale, c.in[PROJECT_OFFSET] = norm->offset;
  if (m) c.in[PROJECT_GATE] = m->gate, c.in[PROJECT_SHIFT] = m->shift;
  for (int i = 0; i < count; i++) c.in[PROJECT_W + i] = w[i].w, c.in[PROJECT_B + i] = w[i].b;
  const of3_tensor *all = of3_apply(cx, &c);
  for (int i = 0; i < count; i++) y[i] = ops_element(cx, all, i);
}

static void take_modulation(of3_call *c, int i, const of3_modulation_w *w) {
  const of3_tensor **in = c->in + i * MODULATE_STRIDE;
  in[MODULATE_SCALE] = w->norm.scale;
  in[MODULATE_WG] = w->gate.w;
  in[MODULATE_BG] = w->gate.b;
  in[MODULATE_WS] = w->shift.w;
  in[MODULATE_WO] = w->out.w;
  in[MODULATE_BO] = w->out.b;
}

void of3_modulate(of3_ctx *cx, const of3_tensor *s, int count, const of3_modulation_w *const *w,
                  of3_modulation *m) {
  of3_call c = {.op = OF3_OP_MODULATE, .in = {s}};
  for (int i = 0; i < count; i++) take_modulation(&c, i, w[i]);
  const of3_tensor *all = of3_apply(cx, &c);
  for (int i = 0, at = 0; i < count; i++) {
    m[i].gate = ops_element(cx, all, at++);
    m[i].shift = ops_element(cx, all, at++);
    m[i].out_gate = w[i]->out.w ? ops_element(cx, all, at++) : NULL;
  }
}

void of3_gated_transition(of3_ctx *cx, of3_tensor *a, of3_modulation m, of3_linear_w wa, of3_linear_w wb,
                          of3_linear_w wo, const of3_tensor *mask) {
  APPLY(cx, OF3_OP_GATED_TRANSITION, a, NO_ATTR, a, m.gate, m.shift, wa.w, wb.w, wo.w, m.out_gate, mask);
}

void of3_triangle_mul(of3_ctx *cx, of3_tensor *z, const of3_tensor *mask, const of3_triangle_mul_w *w,
                      bool outgoing, int passes) {
  APPLY(cx, OF3_OP_TRIANGLE_MUL, z, ATTR(.outgoing = outgoing, .passes = passes), z, mask, w->norm_in.scale,
        w->norm_in.offset, w->a_p.w, w->a_g.w, w->b_p.w, w->b_g.w, w->norm_out.scale, w->norm_out.offset,
        w->z.w, w->g.w);
}

void of3_triangle_attention(of3_ctx *cx, of3_tensor *z, const of3_tensor *mask,
                            const of3_triangle_attention_w *w, bool ending, bool bias_from_z) {
  of3_attr attr = {.heads = (int)w->z.w->shape[0], .ending = ending, .bias_from_z = bias_from_z};
  APPLY(cx, OF3_OP_TRIANGLE_ATTENTION, z, attr, z, mask, w->norm.scale, w->norm.offset, w->z.w, w->mha.q.w,
        w->mha.k.w, w->mha.v.w, w->mha.g.w, w->mha.o.w);
}

void of3_outer_product_mean(of3_ctx *cx, of3_tensor *z, const of3_tensor *m, const of3_tensor *mask,
                            const of3_outer_product_mean_w *w) {
  APPLY(cx, OF3_OP_OUTER_PRODUCT_MEAN, z, NO_ATTR, z, m, mask, w->norm.scale, w->norm.offset, w->a.w, w->b.w,
        w->out.w, w->out.b);
}

void of3_pair_weighted_average(of3_ctx *cx, of3_tensor *m, const of3_tensor *z, const of3_tensor *mask,
                               const of3_pair_weighted_average_w *w) {
  of3_attr attr = {.heads = (int)w->z.w->shape[0]};
  APPLY(cx, OF3_OP_PAIR_WEIGHTED_AVERAGE, m, attr, m, z, mask, w->norm_m.scale, w->norm_m.offset,
        w->norm_z.scale, w->norm_z.offset, w->z.w, w->v.w, w->g.w, w->o.w);
}
