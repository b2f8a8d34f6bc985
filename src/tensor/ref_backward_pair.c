/* Plain C reference of backwards: operations on the pair tensor, and between it and the alignment. Each goes
 * through its batch entries one by one: what a row of pairs needs of other rows (the operands of a triangle,
 * the keys of a line) is kept for one entry, in double. */
#include "tensor/ref_backward.h"
#include "tensor/ref_pair.h"

/* dx [w], the gradient of norm(x) of row r of an argument, to that argument and the norm's weights. */
static void norm_row_back(const ref_sums *s, int arg, int scale, int offset, int64_t r, double *work,
                          double *dx) {
  const int64_t w = of3_dim(s->call->in[arg], 0);
  ref_norm_back(s, scale, offset, of3_f32(s->call->in[arg]) + r * w, w, work, dx);
  for (int64_t i = 0; i < w; i++) ref_put(s, arg, r * w + i, dx[i]);
}

/* ---- AF3 SI Alg. 12, 13 */

/* One batch entry: its first row of z, number of tokens, width and hidden width; a, b, and dp, da, db
 * [N,N,h], the gradients of p = sum_k a b and of a and b; dx [N,N,w], that of the normalised z. */
typedef struct triangle {
  int64_t first, n, w, h;
  const float *mask;
  double *a, *b, *dp, *da, *db, *dx;
  double *row; /* room: 3 w + 3 h */
} triangle;

static int64_t operand_at(const of3_call *c, const triangle *t, int64_t i, int64_t k) {
  return (c->attr.outgoing ? i * t->n + k : k * t->n + i) * t->h;
}

/* z_ij += W_z norm(p_ij) sigmoid(W_g x_ij): to W_z, W_g, the norm of p, dp_ij and dx_ij. */
static void triangle_out_back(const ref_sums *s, const triangle *t, int64_t i, int64_t j) {
  const of3_call *c = s->call;
  const int64_t pair = i * t->n + j;
  double *x = t->row, *norm = x + t->w, *work = norm + t->h, *dnorm = t->dp + pair * t->h;
  void *rest = work + t->h;
  float *p = rest; /* [h], where h doubles have room */
  for (int64_t ch = 0; ch < t->h; ch++) {
    double sum = 0;
    for (int64_t k = 0; k < t->n; k++)
      sum += t->a[operand_at(c, t, i, k) + ch] * t->b[operand_at(c, t, j, k) + ch];
    p[ch] = (float)sum;
  }
  ref_norm_row(p, t->h, c->in[TRI_MUL_OUT_SCALE], c->in[TRI_MUL_OUT_OFFSET], norm);
  ref_norm_row(of3_f32(c->in[TRI_MUL_Z]) + (t->first + pair) * t->w, t->w, c->in[TRI_MUL_IN_SCALE],
               c->in[TRI_MUL_IN_OFFSET], x);
  for (int64_t o = 0; o < t->w; o++) {
    const double dy = ref_dy(c, (t->first + pair) * t->w + o), g = ref_dot(c->in[TRI_MUL_WG], o, x),
                 y = ref_dot(c->in[TRI_MUL_WZ], o, norm);
    ref_put(s, TRI_MUL_Z, (t->first + pair) * t->w + o, dy);
    ref_product_back(s, TRI_MUL_WZ, o, norm, dy * ref_sigmoid(g), dnorm);
    ref_product_back(s, TRI_MUL_WG, o, x, dy * y * ref_slope(g, OF3_ACT_SIGMOID), t->dx + pair * t->w);
  }
  ref_norm_back(s, TRI_MUL_OUT_SCALE, TRI_MUL_OUT_OFFSET, p, t->h, work, dnorm);
}

static void triangle_product_back(const of3_call *c, const triangle *t) {
  for (int64_t i = 0; i < t->n; i++)
    for (int64_t j = 0; j < t->n; j++)
      for (int64_t k = 0; k < t->n; k++) {
        const int64_t ik = operand_at(c, t, i, k), jk = operand_at(c, t, j, k), ij = (i * t->n + j) * t->h;
        for (int64_t ch = 0; ch < t->h; ch++) {
          t->da[ik + ch] += t->dp[ij + ch] * t->b[jk + ch];
          t->db[jk + ch] += t->dp[ij + ch] * t->a[ik + ch];
        }
      }
}

/* a = mask sigmoid(W_g x) W_p x of one pair, da [h] its gradient: to W_p, W_g and dx. */
static void gated_projection_back(const ref_sums *s, int wp, int wg, const double *x, double mask,
                                  const double *da, double *dx) {
  const of3_call *c = s->call;
  for (int64_t h = 0; h < c->in[wp]->shape[0]; h++) {
    const double g = ref_dot(c->in[wg], h, x), p = ref_dot(c->in[wp], h, x);
    ref_product_back(s, wp, h, x, mask * da[h] * ref_sigmoid(g), dx);
    ref_product_back(s, wg, h, x, mask * da[h] * p * ref_slope(g, OF3_ACT_SIGMOID), dx);
  }
}

static void triangle_entry_back(const ref_sums *s, const triangle *t) {
  const of3_call *c = s->call;
  const float *z = of3_f32(c->in[TRI_MUL_Z]) + t->first * t->w;
  memset(t->dp, 0, (size_t)(t->n * t->n * (3 * t->h + t->w)) * sizeof *t->dp);
  ref_triangle_operands(c, z, t->mask, t->n, t->a, t->b);
  for (int64_t i = 0; i < t->n; i++)
    for (int64_t j = 0; j < t->n; j++) triangle_out_back(s, t, i, j);
  triangle_product_back(c, t);
  for (int64_t r = 0; r < t->n * t->n; r++) {
    const double m = (double)of3_pair_mask(t->mask, r / t->n, r % t->n);
    double *x = t->row, *dx = t->dx + r * t->w;
    ref_norm_row(z + r * t->w, t->w, c->in[TRI_MUL_IN_SCALE], c->in[TRI_MUL_IN_OFFSET], x);
    gated_projection_back(s, TRI_MUL_WAP, TRI_MUL_WAG, x, m, t->da + r * t->h, dx);
    gated_projection_back(s, TRI_MUL_WBP, TRI_MUL_WBG, x, m, t->db + r * t->h, dx);
    norm_row_back(s, TRI_MUL_Z, TRI_MUL_IN_SCALE, TRI_MUL_IN_OFFSET, t->first + r, x + t->w, dx);
  }
}

void of3_backward_triangle_mul(const of3_call *c) {
  const int64_t n = of3_dim(c->out, 1), w = of3_dim(c->out, 0), h = c->in[TRI_MUL_WAP]->shape[0],
                pairs = n * n;
  double *a = ref_alloc(c, pairs * (5 * h + w) + 3 * w + 3 * h);
  ref_sums s;
  if (!a || !ref_sums_begin(c, &s)) {
    free(a);
    return;
  }
  triangle t = {.n = n, .w = w, .h = h, .a = a, .b = a + pairs * h, .dp = a + 2 * pairs * h};
  t.da = t.dp + pairs * h;
  t.db = t.da + pairs * h;
  t.dx = t.db + pairs * h;
  t.row = t.dx + pairs * w;
  for (int64_t b = 0; b < of3_rows(c->out) / pairs; b++) {
    t.first = b * pairs;
    t.mask = of3_entry_mask(c->in[TRI_MUL_MASK], n, b);
    triangle_entry_back(&s, &t);
  }
  ref_sums_end(&s);
  free(a);
}

/* ---- AF3 SI Alg. 14, 15 */

/* One batch entry: x [N,N,w] the normalised z and bias [N,N,H], dx and dbias their gradients; for one line q,
 * k, v [N,h d] and theirs. */
typedef struct lines {
  int64_t first, n, w, hd, d, heads;
  const float *mask;
  double *x, *bias, *dx, *dbias;
  double *q, *k, *v, *dq, *dk, *dv; /* [n,hd] */
  double *p, *dp;                   /* [n] weights of a query, and their gradient */
  double *o, *gated, *u;            /* [hd] what attention gives, times its gate, and the gradient of o */
  double *work;                     /* [w] */
} lines;

/* Number of the bias of query i and key j in [N,N,H]. */
static int64_t line_bias_at(const of3_call *c, const lines *t, int64_t i, int64_t j, int64_t h) {
  const bool swap = c->attr.ending && !c->attr.bias_from_z; /* b[k,i] instead of b[i,k] */
  return (swap ? j * t->n + i : i * t->n + j) * t->heads + h;
}

static void line_weights(const of3_call *c, const lines *t, int64_t line, int64_t i, int64_t h) {
  const bool masked = ref_any_pair(t->mask, t->n, line);
  for (int64_t j = 0; j < t->n; j++) {
    double dot = 0;
    for (int64_t e = h * t->d; e < (h + 1) * t->d; e++) dot += t->q[i * t->hd + e] * t->k[j * t->hd + e];
    const float add = masked ? (float)(REF_INF * ((double)of3_pair_mask(t->mask, line, j) - 1)) : 0;
    t->p[j] = (double)((float)(dot / sqrt((double)t->d) + t->bias[line_bias_at(c, t, i, j, h)]) + add);
  }
  ref_softmax(t->p, t->n);
}

/* One query and head, u being known. */
static void line_query_back(const of3_call *c, const lines *t, int64_t line, int64_t i, int64_t h) {
  line_weights(c, t, line, i, h);
  memset(t->dp, 0, (size_t)t->n * sizeof *t->dp);
  for (int64_t e = h * t->d; e < (h + 1) * t->d; e++)
    for (int64_t j = 0; j < t->n; j++) {
      t->dp[j] += t->u[e] * t->v[j * t->hd + e];
      t->dv[j * t->hd + e] += t->u[e] * t->p[j];
    }
  ref_softmax_back(t->p, t->dp, t->n);
  for (int64_t j = 0; j < t->n; j++) {
    t->dbias[line_bias_at(c, t, i, j, h)] += t->dp[j];
    for (int64_t e = h * t->d; e < (h + 1) * t->d; e++) {
      t->dq[i * t->hd + e] += t->dp[j] / sqrt((double)t->d) * t->k[j * t->hd + e];
      t->dk[j * t->hd + e] += t->dp[j] / sqrt((double)t->d) * t->q[i * t->hd + e];
    }
  }
}

/* What query i of a line gives before its gate, to o [hd]. */
static void line_attend(const of3_call *c, const lines *t, int64_t line, int64_t i) {
  memset(t->o, 0, (size_t)t->hd * sizeof *t->o);
  for (int64_t h = 0; h < t->heads; h++) {
    line_weights(c, t, line, i, h);
    for (int64_t e = h * t->d; e < (h + 1) * t->d; e++)
      for (int64_t j = 0; j < t->n; j++) t->o[e] += t->p[j] * t->v[j * t->hd + e];
  }
}

/* Through W_o and the gate of query i: makes o, gated and u. */
static void line_gate_back(const ref_sums *s, const lines *t, int64_t line, int64_t i) {
  const of3_call *c = s->call;
  const int64_t pair = ref_pair_at(c, t->n, line, i);
  const double *x = t->x + pair * t->w;
  line_attend(c, t, line, i);
  for (int64_t e = 0; e < t->hd; e++) t->gated[e] = t->o[e] * ref_sigmoid(ref_dot(c->in[TRI_ATT_WG], e, x));
  memset(t->u, 0, (size_t)t->hd * sizeof *t->u);
  for (int64_t ch = 0; ch < t->w; ch++) {
    const double dy = ref_dy(c, (t->first + pair) * t->w + ch);
    ref_put(s, TRI_ATT_Z, (t->first + pair) * t->w + ch, dy);
    ref_product_back(s, TRI_ATT_WO, ch, t->gated, dy, t->u);
  }
  for (int64_t e = 0; e < t->hd; e++) {
    const double g = ref_dot(c->in[TRI_ATT_WG], e, x);
    ref_product_back(s, TRI_ATT_WG, e, x, t->u[e] * t->o[e] * ref_slope(g, OF3_ACT_SIGMOID),
                     t->dx + pair * t->w);
    t->u[e] *= ref_sigmoid(g);
  }
}

/* Pairs (line, at): their numbers of q, k and v of the line, which become gradients of W and x. */
static void line_back(const ref_sums *s, const lines *t, int64_t line) {
  const of3_call *c = s->call;
  for (int64_t i = 0; i < t->n; i++) {
    const double *x = t->x + ref_pair_at(c, t->n, line, i) * t->w;
    ref_matvec(c->in[TRI_ATT_WQ], x, t->q + i * t->hd);
    ref_matvec(c->in[TRI_ATT_WK], x, t->k + i * t->hd);
    ref_matvec(c->in[TRI_ATT_WV], x, t->v + i * t->hd);
  }
  memset(t->dq, 0, (size_t)(3 * t->n * t->hd) * sizeof *t->dq);
  for (int64_t i = 0; i < t->n; i++) {
    line_gate_back(s, t, line, i);
    for (int64_t h = 0; h < t->heads; h++) line_query_back(c, t, line, i, h);
  }
  for (int64_t i = 0; i < t->n; i++) {
    const int64_t pair = ref_pair_at(c, t->n, line, i);
    ref_matvec_back(s, TRI_ATT_WQ, t->x + pair * t->w, t->dq + i * t->hd, t->dx + pair * t->w);
    ref_matvec_back(s, TRI_ATT_WK, t->x + pair * t->w, t->dk + i * t->hd, t->dx + pair * t->w);
    ref_matvec_back(s, TRI_ATT_WV, t->x + pair * t->w, t->dv + i * t->hd, t->dx + pair * t->w);
  }
}

static void lines_back(const ref_sums *s, const lines *t) {
  const of3_call *c = s->call;
  const float *z = of3_f32(c->in[TRI_ATT_Z]) + t->first * t->w;
  const int64_t pairs = t->n * t->n;
  for (int64_t r = 0; r < pairs; r++) {
    ref_norm_row(z + r * t->w, t->w, c->in[TRI_ATT_SCALE], c->in[TRI_ATT_OFFSET], t->x + r * t->w);
    ref_matvec(c->in[TRI_ATT_WZ], t->x + r * t->w, t->bias + r * t->heads);
  }
  memset(t->dx, 0, (size_t)(pairs * (t->w + t->heads)) * sizeof *t->dx);
  for (int64_t line = 0; line < t->n; line++) line_back(s, t, line);
  for (int64_t r = 0; r < pairs; r++) {
    ref_matvec_back(s, TRI_ATT_WZ, t->x + r * t->w, t->dbias + r * t->heads, t->dx + r * t->w);
    norm_row_back(s, TRI_ATT_Z, TRI_ATT_SCALE, TRI_ATT_OFFSET, t->first + r, t->work, t->dx + r * t->w);
  }
}

/* Lays the arrays of t out in one piece of memory; false: there is none. */
static bool lines_take_memory(const of3_call *c, lines *t) {
  const int64_t pairs = t->n * t->n, line = t->n * t->hd;
  double *at = ref_alloc(c, 2 * pairs * (t->w + t->heads) + 6 * line + 2 * t->n + 3 * t->hd + t->w);
  if (!at) return false;
  t->x = at;
  t->bias = t->x + pairs * t->w;
  t->dx = t->bias + pairs * t->heads;
  t->dbias = t->dx + pairs * t->w;
  t->q = t->dbias + pairs * t->heads;
  t->k = t->q + line;
  t->v = t->k + line;
  t->dq = t->v + line;
  t->dk = t->dq + line;
  t->dv = t->dk + line;
  t->p = t->dv + line;
  t->dp = t->p + t->n;
  t->o = t->dp + t->n;
  t->gated = t->o + t->hd;
  t->u = t->gated + t->hd;
  t->work = t->u + t->hd;
  return true;
}

void of3_backward_triangle_attention(const of3_call *c) {
  const int64_t n = of3_dim(c->out, 1), hd = c->in[TRI_ATT_WQ]->shape[0], heads = c->attr.heads;
  lines t = {.n = n, .w = of3_dim(c->out, 0), .hd = hd, .d = hd / heads, .heads = heads};
  ref_sums s;
  if (!lines_take_memory(c, &t)) return;
  if (ref_sums_begin(c, &s)) {
    for (int64_t b = 0; b < of3_rows(c->out) / (n * n); b++) {
      t.first = b * n * n;
      t.mask = of3_entry_mask(c->in[TRI_ATT_MASK], n, b);
      lines_back(&s, &t);
    }
    ref_sums_end(&s);
  }
  free(t.x);
}

/* ---- AF3 SI Alg. 9 */

/* One batch entry: first rows of z and m; a, b [M,N,h] and their gradients; o [h h] of a pair. */
typedef struct outer_mean {
  int64_t z, m, rows, n, cm, h, w;
  const float *mask;
  double *a, *b, *da, *db, *o, *dout, *u; /* o, dout [h h], u [w] */
  double *x, *dx, *work;                  /* [cm] */
} outer_mean;

static double outer_mask(const outer_mean *t, int64_t r) { return t->mask ? (double)t->mask[r] : 1; }

/* z_ij += (W_o sum_r a_ri x b_rj + b_o) / (sum_r mask_ri mask_rj + 1e-3). */
static void outer_pair_back(const ref_sums *s, const outer_mean *t, int64_t i, int64_t j) {
  const of3_call *c = s->call;
  double both = 1e-3;
  memset(t->o, 0, (size_t)(2 * t->h * t->h) * sizeof *t->o); /* and dout, which lies behind it */
  for (int64_t r = 0; r < t->rows; r++) {
    const double *a = t->a + (r * t->n + i) * t->h, *b = t->b + (r * t->n + j) * t->h;
    both += outer_mask(t, r * t->n + i) * outer_mask(t, r * t->n + j);
    for (int64_t e = 0; e < t->h * t->h; e++) t->o[e] += a[e / t->h] * b[e % t->h];
  }
  for (int64_t ch = 0; ch < t->w; ch++) {
    t->u[ch] = ref_dy(c, (t->z + i * t->n + j) * t->w + ch) / both;
    ref_put(s, OPM_BO, ch, t->u[ch]);
  }
  ref_matvec_back(s, OPM_WO, t->o, t->u, t->dout);
  for (int64_t r = 0; r < t->rows; r++) {
    const int64_t at_a = (r * t->n + i) * t->h, at_b = (r * t->n + j) * t->h;
    for (int64_t e = 0; e < t->h * t->h; e++) {
      t->da[at_a + e / t->h] += t->dout[e] * t->b[at_b + e % t->h];
      t->db[at_b + e % t->h] += t->dout[e] * t->a[at_a + e / t->h];
    }
  }
}

static void outer_entry_back(const ref_sums *s, const outer_mean *t) {
  const of3_call *c = s->call;
  const float *m = of3_f32(c->in[OPM_M]) + t->m * t->cm;
  const int64_t all = t->rows * t->n;
  ref_outer_operands(c, m, t->mask, t->a, t->b);
  memset(t->da, 0, (size_t)(2 * all * t->h) * sizeof *t->da);
  for (int64_t i = 0; i < t->n; i++)
    for (int64_t j = 0; j < t->n; j++) outer_pair_back(s, t, i, j);
  for (int64_t r = 0; r < all; r++) {
    for (int64_t e = 0; e < t->h; e++) {
      t->da[r * t->h + e] *= outer_mask(t, r);
      t->db[r * t->h + e] *= outer_mask(t, r);
    }
    ref_norm_row(m + r * t->cm, t->cm, c->in[OPM_SCALE], c->in[OPM_OFFSET], t->x);
    memset(t->dx, 0, (size_t)t->cm * sizeof *t->dx);
    ref_matvec_back(s, OPM_W1, t->x, t->da + r * t->h, t->dx);
    ref_matvec_back(s, OPM_W2, t->x, t->db + r * t->h, t->dx);
    norm_row_back(s, OPM_M, OPM_SCALE, OPM_OFFSET, t->m + r, t->work, t->dx);
  }
}

void of3_backward_outer_product_mean(const of3_call *c) {
  const of3_tensor *m = c->in[OPM_M];
  outer_mean t = {.rows = of3_dim(m, 2),
                  .n = of3_dim(m, 1),
                  .cm = of3_dim(m, 0),
                  .h = c->in[OPM_W1]->shape[0],
                  .w = of3_dim(c->out, 0)};
  const int64_t cells = t.rows * t.n, all = cells * t.h, pairs = t.n * t.n;
  ref_sums s;
  if (of3_count(c->out) == 0) return;
  t.a = ref_alloc(c, 4 * all + 2 * t.h * t.h + t.w + 3 * t.cm);
  if (!t.a) return;
  t.b = t.a + all;
  t.da = t.b + all;
  t.db = t.da + all;
  t.o = t.db + all;
  t.dout = t.o + t.h * t.h;
  t.u = t.dout + t.h * t.h;
  t.x = t.u + t.w;
  t.dx = t.x + t.cm;
  t.work = t.dx + t.cm;
  if (ref_sums_begin(c, &s)) {
    for (int64_t e = 0; e < of3_rows(c->out) / pairs; e++) {
      t.z = e * pairs;
      t.m = e * cells;
      t.mask = cells ? of3_entry_mask(c->in[OPM_MASK], cells, e) : NULL;
      outer_entry_back(&s, &t);
    }
    ref_sums_end(&s);
  }
  free(t.a);
}

/* ---- AF3 SI Alg. 10 */

/* One batch entry: weights [N,N,H] and their gradient; of one row of the alignment the
 * normalised m [N,cm] and v [N,h d], and their gradients. */
typedef struct average {
  int64_t z, n, cm, cz, hd, heads; /* z: its first row of that argument */
  const float *mask;
  double *weight, *dweight;
  double *x, *dx, *v, *dv;
  double *o, *gated, *du; /* [hd] */
  double *p, *dp;         /* [n] */
  double *work;           /* cm + 3 cz */
} average;

/* m_i += W_o (sigmoid(W_g x_i) o_i), o_i = sum_j weight_ij v_j: to W_o, W_g, x_i, v and the weights. */
static void average_token_back(const ref_sums *s, const average *t, int64_t row, int64_t i) {
  const of3_call *c = s->call;
  const int64_t per_head = t->hd / t->heads, at = (row * t->n + i) * t->cm;
  memset(t->o, 0, (size_t)t->hd * sizeof *t->o);
  for (int64_t e = 0; e < t->hd; e++) {
    for (int64_t j = 0; j < t->n; j++)
      t->o[e] += t->weight[(i * t->n + j) * t->heads + e / per_head] * t->v[j * t->hd + e];
    t->gated[e] = t->o[e] * ref_sigmoid(ref_dot(c->in[PWA_WG], e, t->x + i * t->cm));
  }
  memset(t->du, 0, (size_t)t->hd * sizeof *t->du);
  for (int64_t ch = 0; ch < t->cm; ch++) {
    ref_put(s, PWA_M, at + ch, ref_dy(c, at + ch));
    ref_product_back(s, PWA_WO, ch, t->gated, ref_dy(c, at + ch), t->du);
  }
  for (int64_t e = 0; e < t->hd; e++) {
    const double g = ref_dot(c->in[PWA_WG], e, t->x + i * t->cm), u = t->du[e] * ref_sigmoid(g);
    ref_product_back(s, PWA_WG, e, t->x + i * t->cm, t->du[e] * t->o[e] * ref_slope(g, OF3_ACT_SIGMOID),
                     t->dx + i * t->cm);
    for (int64_t j = 0; j < t->n; j++) {
      const int64_t pair = (i * t->n + j) * t->heads + e / per_head;
      t->dv[j * t->hd + e] += u * t->weight[pair];
      t->dweight[pair] += u * t->v[j * t->hd + e];
    }
  }
}

static void average_row_back(const ref_sums *s, const average *t, int64_t row) {
  const of3_call *c = s->call;
  const float *m = of3_f32(c->in[PWA_M]) + row * t->n * t->cm;
  memset(t->dx, 0, (size_t)(t->n * t->cm) * sizeof *t->dx);
  memset(t->dv, 0, (size_t)(t->n * t->hd) * sizeof *t->dv);
  for (int64_t j = 0; j < t->n; j++) {
    ref_norm_row(m + j * t->cm, t->cm, c->in[PWA_M_SCALE], c->in[PWA_M_OFFSET], t->x + j * t->cm);
    ref_matvec(c->in[PWA_WV], t->x + j * t->cm, t->v + j * t->hd);
  }
  for (int64_t i = 0; i < t->n; i++) average_token_back(s, t, row, i);
  for (int64_t j = 0; j < t->n; j++) {
    ref_matvec_back(s, PWA_WV, t->x + j * t->cm, t->dv + j * t->hd, t->dx + j * t->cm);
    norm_row_back(s, PWA_M, PWA_M_SCALE, PWA_M_OFFSET, row * t->n + j, t->work, t->dx + j * t->cm);
  }
}

/* From the gradient of the weights to that of z. Where the mask swallows a logit its weight is 0, or there
 * is no other. */
static void average_weights_back(const ref_sums *s, const average *t) {
  const of3_call *c = s->call;
  double *x = t->work, *dx = x + t->cz, *work = dx + t->cz;
  for (int64_t i = 0; i < t->n; i++)
    for (int64_t h = 0; h < t->heads; h++) {
      for (int64_t j = 0; j < t->n; j++) {
        t->p[j] = t->weight[(i * t->n + j) * t->heads + h];
        t->dp[j] = t->dweight[(i * t->n + j) * t->heads + h];
      }
      ref_softmax_back(t->p, t->dp, t->n);
      for (int64_t j = 0; j < t->n; j++) t->dweight[(i * t->n + j) * t->heads + h] = t->dp[j];
    }
  for (int64_t r = 0; r < t->n * t->n; r++) {
    ref_norm_row(of3_f32(c->in[PWA_Z]) + (t->z + r) * t->cz, t->cz, c->in[PWA_Z_SCALE], c->in[PWA_Z_OFFSET],
                 x);
    memset(dx, 0, (size_t)t->cz * sizeof *dx);
    ref_matvec_back(s, PWA_WZ, x, t->dweight + r * t->heads, dx);
    norm_row_back(s, PWA_Z, PWA_Z_SCALE, PWA_Z_OFFSET, t->z + r, work, dx);
  }
}

static bool average_take_memory(const of3_call *c, average *t) {
  const int64_t weights = t->n * t->n * t->heads;
  double *at =
      ref_alloc(c, 2 * weights + 2 * t->n * (t->cm + t->hd) + 3 * t->hd + t->cm + 3 * t->cz + 2 * t->n);
  if (!at) return false;
  t->weight = at;
  t->dweight = t->weight + weights;
  t->x = t->dweight + weights;
  t->dx = t->x + t->n * t->cm;
  t->v = t->dx + t->n * t->cm;
  t->dv = t->v + t->n * t->hd;
  t->o = t->dv + t->n * t->hd;
  t->gated = t->o + t->hd;
  t->du = t->gated + t->hd;
  t->p = t->du + t->hd;
  t->dp = t->p + t->n;
  t->work = t->dp + t->n;
  return true;
}

void of3_backward_pair_weighted_average(const of3_call *c) {
  const int64_t rows = of3_dim(c->out, 2), n = of3_dim(c->out, 1);
  average t = {.n = n,
               .cm = of3_dim(c->out, 0),
               .cz = of3_dim(c->in[PWA_Z], 0),
               .hd = c->in[PWA_WV]->shape[0],
               .heads = c->attr.heads};
  ref_sums s;
  if (of3_count(c->out) == 0 || !average_take_memory(c, &t)) return;
  if (ref_sums_begin(c, &s)) {
    for (int64_t e = 0; e < of3_rows(c->out) / (rows * n); e++) {
      t.z = e * n * n;
      t.mask = of3_entry_mask(c->in[PWA_MASK], n, e);
      ref_average_weights(c, of3_f32(c->in[PWA_Z]) + t.z * t.cz, t.mask, n, t.weight);
      memset(t.dweight, 0, (size_t)(n * n * t.heads) * sizeof *t.dweight);
      for (int64_t r = 0; r < rows; r++) average_row_back(&s, &t, e * rows + r);
      average_weights_back(&s, &t);
    }
    ref_sums_end(&s);
  }
  free(t.weight);
}
