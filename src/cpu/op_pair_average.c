/* PAIR_WEIGHTED_AVERAGE, AF3 SI Alg. 10, one batch entry at a time: m[r,i] += W_o (sigmoid(g[r,i]) * sum_j
 * w_h(i,j) v[r,j]).
 *
 *   1 weights  panels of 48 i for one j: norm -> W_z -> w [panel of i][head][j][48], then softmax over j; a
 *              row i without any unmasked j goes unmasked, as the mask cancels in exact arithmetic
 *   then for ROWS rows of m at a time, so that v stays small:
 *   2 values   panels of 48 j: norm -> W_v -> v [r][H d][j]
 *   3 average  for R_BLOCK rows r and a panel of i, head by head:
 *
 *                o[h d + e][i] = sum_j v[r][h d + e][j] w[h][j][i]   lanes = i
 *                panel of m -> norm -> W_g -> sigmoid * o -> W_o -> m[r, i ..]
 *
 * Row r of m changes after its values have been taken. The products are short (8 rows, depth N): norms and
 * gates take a third of the time. */
#include <string.h>

#include "cpu/panel.h"
#include "cpu/state.h"
#include "tensor/pairs.h"

enum { ROWS = 128, R_BLOCK = 8 };

typedef struct average {
  const of3_cpu_kernels *k;
  const of3_call *c;
  float *m_rows;                             /* m of one batch entry, as are */
  const float *z, *opt_mask;                 /* z and the mask of tokens [N] */
  int64_t m, n, c_m, c_z, heads, hidden, ld; /* ld: j of v */
  int64_t first, rows;                       /* rows of m in this pass */
  float *masked; /* [N]: 1e9 where any pair of i counts; unless nothing is masked */
  float *w, *v;
  float *scratch; /* a thread: x, then product [max(c_m,c_z)][48]; gate [H d][48]; o [R_BLOCK][H d][48] */
} average;

static int64_t pair_average_wider(const average *t) { return t->c_m > t->c_z ? t->c_m : t->c_z; }
static int64_t pair_average_scratch_floats(const average *t) {
  return (2 * pair_average_wider(t) + (1 + R_BLOCK) * t->hidden) * OF3_LANES;
}
static int64_t w_floats(const average *t) { return t->heads * t->n * OF3_LANES; } /* of one panel of i */
static int64_t pass_rows(const average *t) { return t->m < ROWS ? t->m : ROWS; }

static average pair_average_setup(const of3_ctx *cx, const of3_call *c) {
  average t = {.k = of3_cpu_state(cx)->kernels,
               .c = c,
               .m = of3_dim(c->out, 2),
               .n = of3_dim(c->out, 1),
               .c_m = of3_dim(c->out, 0),
               .c_z = of3_dim(c->in[PWA_Z], 0),
               .heads = c->attr.heads,
               .hidden = c->in[PWA_WV]->shape[0]};
  t.ld = of3_aligned(t.n);
  return t;
}

static size_t pair_average_workspace(const of3_ctx *cx, const of3_call *c) {
  average t = pair_average_setup(cx, c);
  int64_t floats = of3_aligned(t.n) + of3_panels(t.n) * w_floats(&t) + pass_rows(&t) * t.hidden * t.ld +
                   of3_cpu_threads(cx) * pair_average_scratch_floats(&t);
  return (size_t)floats * sizeof(float);
}

/* ---- 1 */

/* masked [N], from the mask of tokens. */
static void find_masked(const average *t) {
  bool any = false;
  for (int64_t j = 0; j < t->n; j++) any = any || t->opt_mask[j] != 0;
  for (int64_t i = 0; i < t->n; i++) t->masked[i] = any && t->opt_mask[i] != 0 ? 1e9f : 0;
}

static void weights_of_key(const average *t, int64_t p, int64_t j, float *x) {
  const int n = of3_panel_rows(t->n, p), lanes = of3_lanes(n);
  const int64_t first = p * OF3_LANES * t->n + j; /* pair (i,j) of the first lane */
  const float *row[OF3_LANES];
  float add[OF3_LANES] = {0};
  of3_rows_at(row, t->z + first * t->c_z, t->n * t->c_z, n);
  t->k->pack(x, lanes, lanes, row, n, t->c_z);
  of3_norm_panel(t->k, x, lanes, t->c_z, t->c->in[PWA_Z_SCALE], t->c->in[PWA_Z_OFFSET]);
  of3_make_operand(t->k, t->c->in[PWA_WZ], x, lanes, t->c_z);
  of3_gemm g = of3_weights_times(t->c->in[PWA_WZ], 0, t->heads, x, lanes, t->w + p * w_floats(t) + j * lanes);
  g.ldy = t->n * lanes;
  of3_product(t->k, &g);
  if (!t->opt_mask) return;
  for (int i = 0; i < n; i++) {
    const int64_t q = p * OF3_LANES + i;
    add[i] = t->masked[q] * (of3_pair_mask(t->opt_mask, q, j) - 1.0f);
  }
  for (int64_t h = 0; h < t->heads; h++) t->k->add(g.y + h * g.ldy, add, lanes);
}

/* Items are (panel of i, j). */
static void weight_task(void *arg, int64_t begin, int64_t end, int thread) {
  const average *t = arg;
  for (int64_t i = begin; i < end; i++)
    weights_of_key(t, i / t->n, i % t->n, t->scratch + thread * pair_average_scratch_floats(t));
}

/* Items are (panel of i, head). */
static void softmax_task(void *arg, int64_t begin, int64_t end, int thread) {
  const average *t = arg;
  (void)thread;
  for (int64_t i = begin; i < end; i++) {
    int64_t p = i / t->heads, h = i % t->heads;
    int lanes = of3_lanes(of3_panel_rows(t->n, p));
    t->k->softmax(t->w + p * w_floats(t) + h * t->n * lanes, lanes, lanes, t->n);
  }
}

/* ---- 2 and 3 */

/* x [c_m][lanes] = norm of the panel p of row r of m. */
static void pair_average_read_row(const average *t, int64_t r, int64_t p, float *x) {
  const int n = of3_panel_rows(t->n, p), lanes = of3_lanes(n);
  const float *row[OF3_LANES];
  of3_rows_at(row, t->m_rows + (r * t->n + p * OF3_LANES) * t->c_m, t->c_m, n);
  t->k->pack(x, lanes, lanes, row, n, t->c_m);
  of3_norm_panel(t->k, x, lanes, t->c_m, t->c->in[PWA_M_SCALE], t->c->in[PWA_M_OFFSET]);
}

/* Items are (row of the pass, panel of j). */
static void value_task(void *arg, int64_t begin, int64_t end, int thread) {
  const average *t = arg;
  const int64_t panels = of3_panels(t->n);
  float *x = t->scratch + thread * pair_average_scratch_floats(t);
  for (int64_t i = begin; i < end; i++) {
    int64_t r = i / panels, p = i % panels;
    pair_average_read_row(t, t->first + r, p, x);
    of3_make_operand(t->k, t->c->in[PWA_WV], x, of3_lanes(of3_panel_rows(t->n, p)), t->c_m);
    of3_gemm g = of3_weights_times(t->c->in[PWA_WV], 0, t->hidden, x, of3_lanes(of3_panel_rows(t->n, p)),
                                   t->v + r * t->hidden * t->ld + p * OF3_LANES);
    g.ldy = t->ld;
    of3_product(t->k, &g);
  }
}

/* o [n_r][hidden][lanes] of rows r .. of the pass. */
static void average_heads(const average *t, int64_t r, int64_t n_r, int64_t p, float *o) {
  const int lanes = of3_lanes(of3_panel_rows(t->n, p));
  const int64_t d = t->hidden / t->heads;
  for (int64_t h = 0; h < t->heads; h++)
    for (int64_t i = 0; i < n_r; i++)
      t->k->gemm(&(of3_gemm){.a = t->v + ((r + i) * t->hidden + h * d) * t->ld,
                             .a_row = t->ld,
                             .a_col = 1,
                             .x = t->w + p * w_floats(t) + h * t->n * lanes,
                             .ldx = lanes,
                             .y = o + (i * t->hidden + h * d) * lanes,
                             .ldy = lanes,
                             .rows = d,
                             .depth = t->n,
                             .lanes = lanes});
}

/* m[row] += W_o (sigmoid(W_g norm(m)) * o). x [c_m][48] and the product and gate lie behind one another. */
static void update_row(const average *t, int64_t row, int64_t p, float *o, float *x) {
  const int n = of3_panel_rows(t->n, p), lanes = of3_lanes(n);
  float *product = x + pair_average_wider(t) * OF3_LANES, *gate = product + pair_average_wider(t) * OF3_LANES,
        *y[OF3_LANES];
  pair_average_read_row(t, row, p, x);
  of3_make_operand(t->k, t->c->in[PWA_WG], x, lanes, t->c_m);
  of3_gemm g = of3_weights_times(t->c->in[PWA_WG], 0, t->hidden, x, lanes, gate);
  of3_product(t->k, &g);
  t->k->between->sigmoid_mul(o, gate, t->hidden * lanes);
  of3_make_operand(t->k, t->c->in[PWA_WO], o, lanes, t->hidden);
  of3_gemm out = of3_weights_times(t->c->in[PWA_WO], 0, t->c_m, o, lanes, product);
  of3_product(t->k, &out);
  for (int i = 0; i < n; i++) y[i] = t->m_rows + (row * t->n + p * OF3_LANES + i) * t->c_m;
  t->k->unpack(
      &(of3_unpack){.panel = product, .ld = lanes, .n_row = n, .channels = t->c_m, .y = y, .add = true});
}

/* Items are (block of rows of the pass, panel of i): panels vary fastest, as the last one is narrower. */
static void average_task(void *arg, int64_t begin, int64_t end, int thread) {
  const average *t = arg;
  const int64_t panels = of3_panels(t->n);
  float *x = t->scratch + thread * pair_average_scratch_floats(t),
        *o = x + (2 * pair_average_wider(t) + t->hidden) * OF3_LANES;
  for (int64_t b = begin; b < end; b++) {
    int64_t r = b / panels * R_BLOCK, p = b % panels;
    int64_t n_r = t->rows - r < R_BLOCK ? t->rows - r : R_BLOCK;
    average_heads(t, r, n_r, p, o);
    for (int64_t i = 0; i < n_r; i++)
      update_row(t, t->first + r + i, p, o + i * t->hidden * of3_lanes(of3_panel_rows(t->n, p)), x);
  }
}

/* One batch entry: its weights, then its rows pass by pass. */
static void average_entry(of3_ctx *cx, average *t, int64_t panels) {
  of3_pool *pool = of3_cpu_state(cx)->pool;
  if (t->opt_mask) find_masked(t);
  of3_pool_run(pool, weight_task, t, panels * t->n);
  of3_pool_run(pool, softmax_task, t, panels * t->heads);
  for (t->first = 0; t->first < t->m; t->first += ROWS) {
    t->rows = t->m - t->first < ROWS ? t->m - t->first : ROWS;
    of3_pool_run(pool, value_task, t, t->rows * panels);
    of3_pool_run(pool, average_task, t, (t->rows + R_BLOCK - 1) / R_BLOCK * panels);
  }
}

static void pair_average_run(of3_ctx *cx, const of3_call *c, void *memory) {
  average t = pair_average_setup(cx, c);
  const int64_t panels = of3_panels(t.n);
  t.masked = memory;
  t.w = t.masked + of3_aligned(t.n);
  t.v = t.w + panels * w_floats(&t);
  t.scratch = t.v + pass_rows(&t) * t.hidden * t.ld;
  const int64_t cells = t.m * t.n, pairs = t.n * t.n;
  for (int64_t e = 0; e * cells < of3_rows(c->out); e++) {
    t.m_rows = of3_f32(c->out) + e * cells * t.c_m;
    t.z = of3_f32(c->in[PWA_Z]) + e * pairs * t.c_z;
    t.opt_mask = of3_entry_mask(c->in[PWA_MASK], t.n, e);
    average_entry(cx, &t, panels);
  }
}

const of3_kernel of3_cpu_pair_weighted_average = {.workspace = pair_average_workspace,
                                                  .run = pair_average_run};
