/* Attention backwards. A panel of queries is 48 lanes; scores and probabilities of all keys are [keys][48],
 * computed again:
 *
 *   s = k q^T / sqrt d + bias, p = softmax(s)        [keys][lanes]
 *   o^T = v^T p                                      [d][lanes]
 *   u = sigmoid(g) dy                                rows of queries
 *   dp = v u^T, ds = p (dp - sum p dp)               [keys][lanes]
 *   dv += p u, dk += ds q / sqrt d, dq += ds^T k / sqrt d, dbias += ds
 *
 * sum p dp equals o u, but is not taken from it: the gradients of a query's logits then add up to 0, and so
 * does what a norm's offset gets that moves all of them alike. */
#include "cpu/back_attend.h"

#include <math.h>
#include <string.h>

#include "cpu/attention.h"

/* One panel. */
typedef struct panel {
  const of3_cpu_kernels *k;
  const of3_attend_back *a;
  int n, lanes;
  int64_t first;    /* query */
  float *p, *s;     /* [keys][lanes] probabilities; scores, later dp and ds */
  float *qt, *ot;   /* [d][lanes] q / sqrt d; o, later other things of that shape */
  float *q, *u, *o; /* [lanes][d] rows: q / sqrt d, u, o */
  float *work;      /* of3_matmul_do */
} panel;

int64_t of3_attend_back_work(int64_t keys, int64_t d) {
  return 2 * keys * OF3_LANES + 5 * of3_aligned(d * OF3_LANES) + OF3_MATMUL_WORK;
}

/* y [rows][lanes] = a x, x [depth][lanes]; a(r,k) = a[r row + k col]. */
static void times_lanes(const panel *t, of3_factor a, int64_t rows, int64_t depth, const float *x, float *y) {
  const of3_gemm g = {.a = a.at,
                      .a_type = OF3_F32,
                      .a_row = a.row,
                      .a_col = a.col,
                      .x = x,
                      .ldx = t->lanes,
                      .y = y,
                      .ldy = t->lanes,
                      .rows = rows,
                      .depth = depth,
                      .lanes = t->lanes};
  t->k->gemm(&g);
}

/* [d][lanes] of rows [n][d] that are `stride` apart. */
static void transpose_in(const panel *t, const float *rows, ptrdiff_t stride, float *out) {
  const float *row[OF3_LANES];
  of3_rows_at(row, rows, stride, t->n);
  t->k->pack(out, t->lanes, t->lanes, row, t->n, t->a->d);
}

static void transpose_out(const panel *t, const float *in, float *rows, ptrdiff_t stride, bool add) {
  float *row[OF3_LANES];
  for (int i = 0; i < t->n; i++) row[i] = rows + i * stride;
  t->k->unpack(
      &(of3_unpack){.panel = in, .ld = t->lanes, .n_row = t->n, .channels = t->a->d, .y = row, .add = add});
}

static of3_factor key_rows(const of3_attend_back *a, const float *at) {
  return (of3_factor){at, a->key_stride, 1};
}
static of3_factor key_columns(const of3_attend_back *a, const float *at) {
  return (of3_factor){at, 1, a->key_stride};
}

static void make_probabilities(const panel *t) {
  const of3_attend_back *a = t->a;
  const float scale = 1.0f / sqrtf((float)a->d);
  for (int i = 0; i < t->n; i++) {
    memcpy(t->q + i * a->d, a->q + (t->first + i) * a->stride, (size_t)a->d * sizeof *t->q);
    t->k->scale(t->q + i * a->d, scale, a->d);
  }
  transpose_in(t, t->q, a->d, t->qt);
  times_lanes(t, key_rows(a, a->k), a->keys, a->d, t->qt, t->p);
  for (int64_t j = 0; j < a->keys; j++) {
    float *row = t->p + j * t->lanes;
    t->k->add(row, a->bias + j * a->ld_bias + t->first, t->n);
    for (int l = 0; a->opt_key_mask && l < t->lanes; l++) row[l] += of3_mask_bias(a->opt_key_mask[j]);
  }
  t->k->softmax(t->p, t->lanes, t->lanes, a->keys);
}

/* o, u, and what the gate gets. */
static void make_gated(const panel *t) {
  const of3_attend_back *a = t->a;
  times_lanes(t, key_columns(a, a->v), a->d, a->keys, t->p, t->ot);
  transpose_out(t, t->ot, t->o, a->d, false);
  for (int i = 0; i < t->n; i++) {
    const int64_t at = (t->first + i) * a->stride;
    const of3_gate_back g = {.g = a->g + at,
                             .o = t->o + i * a->d,
                             .dy = a->dy + at,
                             .du = t->u + i * a->d,
                             .opt_dg = a->opt_dg ? a->opt_dg + at : NULL,
                             .opt_y = a->opt_y ? a->opt_y + at : NULL,
                             .add_to_dg = true};
    t->k->back->gate(&g, a->d);
  }
}

/* Logits that a mask swallows have no gradient. */
static void clear_masked(const panel *t) {
  const of3_attend_back *a = t->a;
  for (int64_t j = 0; j < a->keys; j++) {
    float *row = t->s + j * t->lanes;
    const float *bias = a->bias + j * a->ld_bias + t->first;
    if (a->opt_key_mask && a->opt_key_mask[j] == 0) memset(row, 0, (size_t)t->lanes * sizeof *row);
    for (int l = 0; a->bias_masks && l < t->n; l++)
      if (bias[l] < of3_mask_bias(0.5f)) row[l] = 0;
  }
}

static void make_logit_gradients(const panel *t) {
  const of3_attend_back *a = t->a;
  transpose_in(t, t->u, a->d, t->ot);
  times_lanes(t, key_rows(a, a->v), a->keys, a->d, t->ot, t->s);
  t->k->back->softmax(t->s, t->p, t->s, a->keys, t->lanes);
  if (a->bias_masks || a->opt_key_mask) clear_masked(t);
  for (int64_t j = 0; a->opt_dbias && j < a->keys; j++)
    t->k->add(a->opt_dbias + j * a->ld_bias + t->first, t->s + j * t->lanes, t->n);
}

/* to [keys,d] += x [keys][lanes] rows [n][d] */
static void add_to_keys(const panel *t, const float *x, const float *rows, float *to) {
  const int64_t d = t->a->d;
  const of3_matmul p = {.a = of3_rows_of(x, t->lanes),
                        .b = of3_rows_of(rows, d),
                        .y = to,
                        .ldy = d,
                        .m = t->a->keys,
                        .n = d,
                        .k = t->n,
                        .add = true};
  of3_matmul_do(t->k, &p, t->work);
}

static void back_panel(const panel *t) {
  const of3_attend_back *a = t->a;
  make_probabilities(t);
  make_gated(t);
  make_logit_gradients(t);
  if (a->opt_dv) add_to_keys(t, t->p, t->u, a->opt_dv);
  if (a->opt_dk) add_to_keys(t, t->s, t->q, a->opt_dk);
  if (!a->opt_dq) return;
  times_lanes(t, key_columns(a, a->k), a->d, a->keys, t->s, t->ot);
  t->k->scale(t->ot, 1.0f / sqrtf((float)a->d), a->d * t->lanes);
  transpose_out(t, t->ot, a->opt_dq + t->first * a->stride, a->stride, true);
}

void of3_attend_back_do(const of3_cpu_kernels *k, const of3_attend_back *a, float *work) {
  const int64_t scores = a->keys * OF3_LANES, rows = of3_aligned(a->d * OF3_LANES);
  panel t = {.k = k, .a = a, .p = work, .s = work + scores, .qt = work + 2 * scores};
  t.ot = t.qt + rows;
  t.q = t.ot + rows;
  t.u = t.q + rows;
  t.o = t.u + rows;
  t.work = t.o + rows;
  for (t.first = 0; t.first < a->queries; t.first += OF3_LANES) {
    t.n = of3_panel_rows(a->queries - t.first, 0);
    t.lanes = of3_lanes(t.n);
    back_panel(&t);
  }
}
