/* The Evoformer and its form for extra sequences: evoformer.h, docs/model.md 16. */
#include "model/evoformer.h"

#include <stdio.h>
#include <string.h>

#include "model/bind.h"

/* ---- binding */

static of3_msa_attention_w bind_row_attention(of3_binder *b, const of3_evoformer_config *c) {
  const size_t at = of3_enter(b, "msa_att_row");
  const of3_msa_attention_w w = {.norm_m = of3_bind_norm(b, "layer_norm_m", c->c_m, true),
                                 .norm_z = of3_bind_norm(b, "layer_norm_z", c->c_z, true),
                                 .z = of3_bind_linear(b, "linear_z", c->h_msa, c->c_z, false),
                                 .mha = of3_bind_mha(b, "mha", c->c_m, c->h_msa * c->d_msa, false)};
  of3_leave(b, at);
  return w;
}

/* Keys and values of global attention are narrow: all heads share them. */
static of3_mha_w bind_global_attention(of3_binder *b, const of3_evoformer_config *c) {
  const int wide = c->h_msa * c->d_msa;
  const size_t at = of3_enter(b, "global_attention");
  const of3_mha_w w = {.q = of3_bind_linear(b, "linear_q", wide, c->c_m, false),
                       .k = of3_bind_linear(b, "linear_k", c->d_msa, c->c_m, false),
                       .v = of3_bind_linear(b, "linear_v", c->d_msa, c->c_m, false),
                       .g = of3_bind_linear(b, "linear_g", wide, c->c_m, false),
                       .o = of3_bind_linear(b, "linear_o", c->c_m, wide, false)};
  of3_leave(b, at);
  return w;
}

static of3_msa_attention_w bind_column_attention(of3_binder *b, const of3_evoformer_config *c) {
  of3_msa_attention_w w = {0};
  if (c->columns == OF3_COLUMNS_NONE) return w;
  const bool global = c->columns == OF3_COLUMNS_GLOBAL;
  const size_t at = of3_enter(b, global ? "msa_att_col" : "msa_att_col._msa_att");
  w.norm_m = of3_bind_norm(b, "layer_norm_m", c->c_m, true);
  w.mha = global ? bind_global_attention(b, c) : of3_bind_mha(b, "mha", c->c_m, c->h_msa * c->d_msa, false);
  of3_leave(b, at);
  return w;
}

static of3_evoformer_transition_w bind_transition(of3_binder *b, const of3_evoformer_config *c,
                                                  const char *name, int width) {
  of3_evoformer_transition_w w = {0};
  if (!c->relu) {
    w.swiglu = of3_bind_transition(b, name, width, c->widening);
    return w;
  }
  const size_t at = of3_enter(b, "%s", name);
  w.norm = of3_bind_norm(b, "layer_norm", width, true);
  w.hidden = of3_bind_linear(b, "transition_mlp.layers.0.0", c->widening * width, width, true);
  w.out = of3_bind_linear(b, "transition_mlp.linear_out", width, c->widening * width, true);
  of3_leave(b, at);
  return w;
}

static of3_evoformer_block_w bind_block(of3_binder *b, const of3_evoformer_config *c, int i) {
  const size_t at = of3_enter(b, "blocks.%d", i);
  of3_evoformer_block_w w = {.row = bind_row_attention(b, c),
                             .column = bind_column_attention(b, c),
                             .msa_transition = bind_transition(b, c, "msa_transition", c->c_m),
                             .outer_product_mean = of3_bind_outer_product(b, c->c_m, c->c_z, c->c_opm)};
  const size_t inner = of3_enter(b, "pair_stack");
  w.pair = of3_bind_triangles(b, c->c_z, c->c_tri, c->h_pair, c->d_pair, c->fused_projections);
  w.pair_transition = bind_transition(b, c, "pair_transition", c->c_z);
  of3_leave(b, inner);
  of3_leave(b, at);
  return w;
}

of3_status of3_evoformer_bind(of3_ctx *cx, const of3_table *table, const char *prefix,
                              const of3_evoformer_config *c, of3_arena *arena, of3_evoformer_w *w,
                              of3_parameters *parameters, of3_error *err) {
  of3_binder b = {.cx = cx, .table = table, .arena = arena, .parameters = parameters};
  *w = (of3_evoformer_w){0};
  b.used = of3_bind_array(&b, table ? table->n : 0, sizeof *b.used);
  const size_t at = of3_enter(&b, "%s", prefix);
  w->block = b.used ? of3_bind_array(&b, c->blocks, sizeof *w->block) : NULL;
  for (int i = 0; w->block && i < c->blocks; i++) w->block[i] = bind_block(&b, c, i);
  if (w->block && c->c_s) w->single = of3_bind_linear(&b, "linear", c->c_s, c->c_m, true);
  of3_leave(&b, at);
  return of3_bind_end(&b, prefix, err);
}

/* ---- what all blocks of a stack use */

typedef struct stack {
  const of3_run *r;
  const of3_evoformer_config *c;
  int64_t rows, n;                  /* M, N */
  const of3_tensor *row_mask;       /* [B,M,N] or NULL */
  const of3_tensor *column_mask;    /* the same as [B,N,M] */
  const of3_tensor *pair_mask;      /* [B,N,N]; NULL: nothing is masked, or operations take that of tokens */
  of3_tensor *to_columns, *to_rows; /* [M N] i32: places of [N,M] in [M,N], and of [M,N] in [N,M] */
  of3_tensor *no_bias;              /* zeros: of columns [H,M,M], global [1,M,H] */
  of3_tensor *open;                 /* [B,N,H,d]: gates that let all through; global */
  of3_tensor *start, *count;        /* [N] i32: the entries of a column; global */
} stack;

/* Places of the entries of [columns,rows] in [rows,columns]. */
static of3_tensor *transposition(of3_ctx *cx, int64_t rows, int64_t columns) {
  int32_t *index;
  of3_tensor *t = OF3_STAGE(cx, &index, OF3_I32, rows * columns);
  for (int64_t i = 0; index && i < rows * columns; i++) index[i] = (int32_t)(i % rows * columns + i / rows);
  of3_staged(cx, t);
  return t;
}

static of3_tensor *filled(of3_ctx *cx, float value, int64_t b, int64_t i, int64_t j, int64_t k) {
  float *x;
  of3_tensor *t = OF3_STAGE(cx, &x, OF3_F32, b, i, j, k);
  for (int64_t e = 0; x && e < b * i * j * k; e++) x[e] = value;
  of3_staged(cx, t);
  return t;
}

static of3_tensor *first_of_columns(of3_ctx *cx, int64_t n, int64_t rows, bool counts) {
  int32_t *x;
  of3_tensor *t = OF3_STAGE(cx, &x, OF3_I32, n);
  for (int64_t i = 0; x && i < n; i++) x[i] = (int32_t)(counts ? rows : i * rows);
  of3_staged(cx, t);
  return t;
}

/* [B,R,C,width] -> [B,C,R,width]. */
static of3_tensor *transposed(const stack *s, const of3_tensor *x) {
  of3_ctx *cx = s->r->cx;
  const int64_t b = s->r->in.n, width = of3_dim(x, 0);
  const of3_tensor *flat = OF3_RESHAPE(cx, x, b, s->rows * s->n, width);
  return OF3_RESHAPE(cx, of3_gather(cx, flat, s->to_columns, NULL), b, s->n, s->rows, width);
}

/* [B,N,N] from the mask of tokens. */
static of3_tensor *mask_of_pairs(const of3_run *r) {
  of3_ctx *cx = r->cx;
  const int64_t n = r->in.n_token;
  of3_tensor *mask = OF3_NEW(cx, OF3_F32, r->in.n, n, n);
  for (int b = 0; b < r->in.n; b++) {
    const of3_tensor *of_tokens = OF3_RESHAPE(cx, of3_narrow(cx, r->in.token_mask, b, 1), n);
    of3_tensor *of_pairs = OF3_RESHAPE(cx, of3_narrow(cx, mask, b, 1), n, n);
    of3_copy(cx, of_pairs, of_tokens);
    of3_mask_rows(cx, of_pairs, of_tokens);
  }
  return mask;
}

static void prepare_columns(stack *s) {
  const of3_evoformer_config *c = s->c;
  of3_ctx *cx = s->r->cx;
  const int64_t b = s->r->in.n;
  if (c->columns == OF3_COLUMNS_NONE) return;
  s->to_columns = transposition(cx, s->rows, s->n);
  if (s->row_mask)
    s->column_mask =
        OF3_RESHAPE(cx, transposed(s, OF3_RESHAPE(cx, s->row_mask, b, s->rows, s->n, 1)), b, s->n, s->rows);
  if (c->columns == OF3_COLUMNS_ATTENTION) {
    s->to_rows = transposition(cx, s->n, s->rows);
    s->no_bias = OF3_RESHAPE(cx, filled(cx, 0, 1, c->h_msa, s->rows, s->rows), c->h_msa, s->rows, s->rows);
    return;
  }
  s->no_bias = OF3_RESHAPE(cx, filled(cx, 0, 1, 1, s->rows, c->h_msa), 1, s->rows, c->h_msa);
  s->open = filled(cx, 64, b, s->n, c->h_msa, c->d_msa); /* in f32 sigmoid(64) is 1 */
  s->start = first_of_columns(cx, s->n, s->rows, false);
  s->count = first_of_columns(cx, s->n, s->rows, true);
}

static stack prepare(const of3_run *r, const of3_evoformer_config *c, const of3_tensor *m,
                     const of3_tensor *opt_mask) {
  stack s = {.r = r, .c = c, .rows = of3_dim(m, 2), .n = of3_dim(m, 1), .row_mask = opt_mask};
  if (c->relu && c->mask_transitions && r->in.token_mask) s.pair_mask = mask_of_pairs(r);
  prepare_columns(&s);
  return s;
}

/* Complex b of a tensor [B,..], without that axis. */
static of3_tensor *of_complex(of3_ctx *cx, const of3_tensor *t, int b) {
  return t ? of3_reshape(cx, of3_narrow(cx, t, b, 1), t->rank - 1, t->shape + 1) : NULL;
}

/* ---- the parts of a block */

/* AF2 SI Alg. 7: m += attention along each sequence, with a bias from z that all sequences share. */
static void row_attention(const stack *s, of3_tensor *m, const of3_tensor *z, const of3_msa_attention_w *w) {
  of3_ctx *cx = s->r->cx;
  const int heads = s->c->h_msa;
  const of3_scope scope = of3_scope_begin(cx);
  of3_tensor *bias = OF3_NEW(cx, OF3_F32, s->r->in.n, heads, s->n, s->n), *y[4];
  of3_pair_bias(cx, bias, z, &w->norm_z, w->z, NULL);
  of3_project(cx, m, &w->norm_m, NULL, heads, 4, (of3_linear_w[]){w->mha.q, w->mha.k, w->mha.v, w->mha.g}, y);
  for (int b = 0; b < s->r->in.n; b++) {
    const of3_tensor *o = of3_attention(cx, of_complex(cx, y[0], b), of_complex(cx, y[1], b),
                                        of_complex(cx, y[2], b), of_complex(cx, y[3], b),
                                        of_complex(cx, bias, b), of_complex(cx, s->row_mask, b), heads);
    of3_linear_add(cx, of_complex(cx, m, b), o, w->mha.o, NULL, NULL);
  }
  of3_scope_end(cx, scope);
}

/* AF2 SI Alg. 8: m += attention along each column. */
static void column_attention(const stack *s, of3_tensor *m, const of3_msa_attention_w *w) {
  of3_ctx *cx = s->r->cx;
  const int64_t b = s->r->in.n, all = s->rows * s->n;
  const of3_scope scope = of3_scope_begin(cx);
  of3_tensor *y[4];
  of3_project(cx, transposed(s, m), &w->norm_m, NULL, s->c->h_msa, 4,
              (of3_linear_w[]){w->mha.q, w->mha.k, w->mha.v, w->mha.g}, y);
  const of3_tensor *o = of3_attention(cx, y[0], y[1], y[2], y[3], s->no_bias, s->column_mask, s->c->h_msa);
  const of3_tensor *update = of3_linear(cx, o, w->mha.o, OF3_ACT_NONE);
  of3_gather_add(cx, OF3_RESHAPE(cx, m, b, all, s->c->c_m), OF3_RESHAPE(cx, update, b, all, s->c->c_m),
                 s->to_rows, NULL);
  of3_scope_end(cx, scope);
}

/* AF2 SI Alg. 19: each column has one query a head, of the mean over its sequences, and heads share keys and
 * values. Heads are thus the queries of one attention; its result is gated for each sequence. */
static void global_attention(const stack *s, of3_tensor *m, const of3_msa_attention_w *w) {
  of3_ctx *cx = s->r->cx;
  const int64_t b = s->r->in.n, heads = s->c->h_msa, d = s->c->d_msa, all = s->rows * s->n;
  const of3_scope scope = of3_scope_begin(cx);
  const of3_tensor *x = transposed(s, of3_norm(cx, m, w->norm_m)),
                   *mask = s->column_mask ? OF3_RESHAPE(cx, s->column_mask, b, all) : NULL,
                   *mean =
                       of3_segment_mean(cx, OF3_RESHAPE(cx, x, b, all, s->c->c_m), s->start, s->count, mask),
                   *q = OF3_RESHAPE(cx, of3_linear(cx, mean, w->mha.q, OF3_ACT_NONE), b, s->n, heads, d),
                   *k = of3_linear(cx, x, w->mha.k, OF3_ACT_NONE),
                   *v = of3_linear(cx, x, w->mha.v, OF3_ACT_NONE),
                   *o = of3_attention(cx, q, k, v, s->open, s->no_bias, s->column_mask, 1),
                   *flat = OF3_RESHAPE(cx, o, b, s->n, heads * d);
  for (int i = 0; i < s->r->in.n; i++) {
    of3_tensor *own = of_complex(cx, m, i);
    const of3_tensor *gated =
        of3_gated_linear(cx, own, w->norm_m, w->mha.g, OF3_ACT_SIGMOID, of_complex(cx, flat, i));
    of3_linear_add(cx, own, gated, w->mha.o, NULL, NULL);
  }
  of3_scope_end(cx, scope);
}

/* x += mask ⊙ transition(x). */
static void relu_transition(of3_ctx *cx, of3_tensor *x, const of3_evoformer_transition_w *w,
                            const of3_tensor *opt_mask) {
  const of3_scope scope = of3_scope_begin(cx);
  const of3_tensor *hidden = of3_norm_linear(cx, x, w->norm, w->hidden, OF3_ACT_RELU);
  of3_linear_add(cx, x, hidden, w->out, NULL, opt_mask);
  of3_scope_end(cx, scope);
}

static void msa_transition(const stack *s, of3_tensor *m, const of3_evoformer_transition_w *w) {
  const of3_tensor *mask = s->c->mask_transitions ? s->row_mask : NULL;
  if (s->c->relu)
    relu_transition(s->r->cx, m, w, mask);
  else
    of3_transition(s->r->cx, m, &w->swiglu, mask);
}

static void pair_transition(const stack *s, of3_tensor *z, const of3_evoformer_transition_w *w) {
  if (s->c->relu)
    relu_transition(s->r->cx, z, w, s->pair_mask);
  else
    of3_pair_transition(s->r->cx, z, &w->swiglu, s->c->mask_transitions ? s->r->in.token_mask : NULL);
}

/* ---- AF2 SI Alg. 6, 18 */

static void evoformer_block(const stack *s, of3_tensor *m, of3_tensor *z, const of3_evoformer_block_w *w,
                            int i) {
  const of3_run *r = s->r;
  char name[64];
  const of3_scope scope = of3_scope_begin(r->cx); /* a block that training computes again (tensor/tape.h) */
  if (s->c->opm_first) of3_outer_product_mean(r->cx, z, m, s->row_mask, &w->outer_product_mean);
  of3_tensor *before = of3_before_update(r, m);
  row_attention(s, m, z, &w->row);
  of3_drop_update(r, m, before, false, s->c->msa_dropout, "blocks.%d.msa_att_row", i);
  if (s->c->columns == OF3_COLUMNS_ATTENTION) column_attention(s, m, &w->column);
  if (s->c->columns == OF3_COLUMNS_GLOBAL) global_attention(s, m, &w->column);
  msa_transition(s, m, &w->msa_transition);
  if (!s->c->opm_first) of3_outer_product_mean(r->cx, z, m, s->row_mask, &w->outer_product_mean);
  snprintf(name, sizeof name, "blocks.%d.pair_stack", i);
  of3_triangles(
      r, z, &w->pair,
      (of3_triangles_options){.dropout = s->c->pair_dropout, .end_bias_from_z = s->c->end_bias_from_z}, name);
  pair_transition(s, z, &w->pair_transition);
  of3_scope_end(r->cx, scope);
  of3_note(r, m, "blocks.%d/m", i);
  of3_note(r, z, "blocks.%d/z", i);
  of3_flush(r->cx, (of3_tensor *[]){m, z}, 2);
}

/* The first row of each complex's m through a linear. */
static of3_tensor *single(const stack *s, const of3_tensor *m, of3_linear_w w) {
  of3_ctx *cx = s->r->cx;
  of3_tensor *first = OF3_NEW(cx, OF3_F32, s->r->in.n, s->n, s->c->c_m);
  for (int b = 0; b < s->r->in.n; b++)
    of3_copy(cx, of3_narrow(cx, first, b, 1), of3_narrow(cx, of_complex(cx, m, b), 0, 1));
  return of3_linear(cx, first, w, OF3_ACT_NONE);
}

of3_tensor *of3_evoformer(const of3_run *r, const of3_evoformer_config *c, const of3_evoformer_w *w,
                          of3_tensor *m, of3_tensor *z, const of3_tensor *opt_mask) {
  const stack s = prepare(r, c, m, opt_mask);
  for (int i = 0; i < c->blocks; i++) evoformer_block(&s, m, z, &w->block[i], i);
  return c->c_s ? single(&s, m, w->single) : NULL;
}
