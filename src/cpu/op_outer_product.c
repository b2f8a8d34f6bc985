/* OUTER_PRODUCT_MEAN, AF3 SI Alg. 9, one batch entry at a time:
 *
 *   a, b    = mask W_1 norm(m), mask W_2 norm(m)              [M,N,h] of the alignment m [M,N,c_m]
 *   o(i,j)  = sum_r a[r,i] x b[r,j]                           [h h], all products of a channel with a channel
 *   z[i,j] += (W_o o(i,j) + b_o) / (sum_r mask_ri mask_rj + 1e-3)
 *
 * o of all pairs of tokens would take h h = 1,024 numbers for each where z has 128, so it is never there as a
 * whole: it is made for I_BLOCK tokens i and one panel of 48 tokens j, and at once multiplied by W_o.
 *
 *   1 project   item (row r, panel of columns): norm of 48 columns of a row of m, then
 *                 a [N][M][h]             rows, as the broadcast operand is read
 *                 b [panel of j][h][M][lanes]
 *   2 outer     item (block of i, panel of j): for each channel e of b one product over the rows r,
 *
 *                     a of one i: [M][h]        b of one panel and channel e: [M][lanes = j]
 *                       r0 | c0 c1 .. |           r0 | j0 j1 .. j47 |
 *                       r1 | c0 c1 .. |           r1 | j0 j1 .. j47 |
 *
 *                     o[c h + e][j] = sum_r a[r][c] b[r][j]        rows e, h + e, 2 h + e, .. of o
 *
 *               and when all e are done o [h h][lanes] is, as it stands, the input panel of W_o. The product
 *               [c_z][lanes] is scaled by a number for each lane and added to the rows z[i, j].
 *
 * b of a panel and channel, M x 48 floats, is read once for all i of a block, and stays in the caches
 * meanwhile. Items write different pairs of z. Memory: a and b together take 2 h / c_m of m.
 *
 * With bf16 operands both are half as large. b has a row of bf16x2 for two neighbouring rows r, so ROWS rows
 * of m are projected at a time; a becomes [N][h][M], so that the numbers that gemm_bf16 reads one after the
 * other, those of neighbouring r, lie together. An odd last row gets a row of zeros behind it. */
#include <string.h>

#include "cpu/panel.h"
#include "cpu/state.h"
#include "tensor/pairs.h"

enum { I_BLOCK = 2, ROWS = 32 };

typedef struct outer {
  const of3_cpu_kernels *k;
  const of3_call *c;
  float *z;                     /* of one batch entry, as are */
  const float *rows, *opt_mask; /* m and its mask, if there is one */
  int64_t m, n, c_m, c_z, h;
  bool bf16;
  int64_t terms; /* rows of b of a channel: M; bf16: of bf16x2, (M + 1) / 2 */
  float *a, *b;
  float *mask;    /* [panel][M][48], if there is one */
  float *scratch; /* a thread: o [I_BLOCK][h h][48], product [max(c_m + h, c_z)][48], count [I_BLOCK][48];
                     bf16: and x [c_m][48], a and b of ROWS rows [h][ROWS][48], rows of a [48][ROWS] */
} outer;

static int64_t product_floats(const outer *t) {
  return (t->c_m + t->h > t->c_z ? t->c_m + t->h : t->c_z) * OF3_LANES;
}
static int64_t outer_floats(const outer *t) { return t->h * t->h * OF3_LANES; }
static int64_t outer_product_scratch_floats(const outer *t) {
  int64_t block = I_BLOCK * (outer_floats(t) + OF3_LANES) + product_floats(t),
          project = t->bf16 ? (t->c_m + (2 * t->h + 1) * ROWS) * OF3_LANES : 0;
  return block > project ? block : project;
}
static int64_t outer_mask_floats(const outer *t) {
  return t->c->in[OPM_MASK] ? t->m * OF3_LANES : 0;
} /* of a panel */
static int64_t b_floats(const outer *t) { return t->h * t->terms * OF3_LANES; } /* of one panel of j */

static outer outer_product_setup(const of3_ctx *cx, const of3_call *c) {
  const of3_tensor *m = c->in[OPM_M];
  outer t = {.k = of3_cpu_state(cx)->kernels,
             .c = c,
             .m = of3_dim(m, 2),
             .n = of3_dim(m, 1),
             .c_m = of3_dim(m, 0),
             .c_z = of3_dim(c->out, 0),
             .h = c->in[OPM_W1]->shape[0]};
  t.bf16 = of3_takes_bf16x2(t.k, c->in[OPM_W1]);
  t.terms = t.bf16 ? (t.m + 1) / 2 : t.m;
  return t;
}

static size_t outer_product_workspace(const of3_ctx *cx, const of3_call *c) {
  outer t = outer_product_setup(cx, c);
  int64_t floats = of3_aligned(t.n * t.terms * t.h) +
                   of3_panels(t.n) * (b_floats(&t) + outer_mask_floats(&t)) +
                   of3_cpu_threads(cx) * outer_product_scratch_floats(&t);
  return (size_t)floats * sizeof(float);
}

/* ---- 1: a, b, mask of row r and columns of panel p */

/* The operand x, and the mask; returns the mask [lanes]. */
static const float *outer_product_read_row(const outer *t, int64_t r, int64_t p, float *x) {
  const int64_t first = r * t->n + p * OF3_LANES;
  const int n = of3_panel_rows(t->n, p), lanes = of3_lanes(n);
  const float *row[OF3_LANES];
  float *mask = t->mask + p * outer_mask_floats(t) + (t->opt_mask ? r * lanes : 0);
  of3_rows_at(row, t->rows + first * t->c_m, t->c_m, n);
  t->k->pack(x, lanes, lanes, row, n, t->c_m);
  of3_norm_panel(t->k, x, lanes, t->c_m, t->c->in[OPM_SCALE], t->c->in[OPM_OFFSET]);
  if (t->opt_mask) {
    memset(mask, 0, (size_t)lanes * sizeof *mask);
    memcpy(mask, t->opt_mask + first, (size_t)n * sizeof *mask);
  }
  of3_make_operand(t->k, t->c->in[OPM_W1], x, lanes, t->c_m);
  return mask;
}

/* y [h][lanes], ldy between channels, = mask W x. */
static void project_side(const outer *t, int weight, const float *x, const float *mask, int lanes, float *y,
                         ptrdiff_t ldy) {
  of3_gemm g = of3_weights_times(t->c->in[weight], 0, t->h, x, lanes, y);
  g.ldy = ldy;
  of3_product(t->k, &g);
  if (t->opt_mask) t->k->mask_lanes(y, ldy, lanes, t->h, mask);
}

static void project(const outer *t, int64_t r, int64_t p, float *x) {
  const int n = of3_panel_rows(t->n, p), lanes = of3_lanes(n);
  float *y[OF3_LANES], *product = x + t->c_m * OF3_LANES;
  const float *mask = outer_product_read_row(t, r, p, x);
  project_side(t, OPM_W1, x, mask, lanes, product, lanes);
  for (int i = 0; i < n; i++) y[i] = t->a + ((p * OF3_LANES + i) * t->m + r) * t->h;
  t->k->unpack(&(of3_unpack){.panel = product, .ld = lanes, .n_row = n, .channels = t->h, .y = y});
  project_side(t, OPM_W2, x, mask, lanes, t->b + p * b_floats(t) + r * lanes, t->m * lanes);
}

/* Rows r .. r+n-1 of one channel c of a panel, a [n][lanes], as bf16; rows: [48][ROWS]. */
static void store_a(const outer *t, const float *a, int64_t p, int64_t c, int64_t r, int64_t n, float *rows) {
  const int columns = of3_panel_rows(t->n, p);
  float *y[OF3_LANES];
  for (int i = 0; i < columns; i++) y[i] = rows + i * ROWS;
  t->k->unpack(
      &(of3_unpack){.panel = a, .ld = of3_lanes(columns), .n_row = columns, .channels = n + n % 2, .y = y});
  uint16_t *to = (uint16_t *)(void *)t->a + r;
  for (int i = 0; i < columns; i++)
    t->k->to_bf16(to + ((p * OF3_LANES + i) * t->h + c) * 2 * t->terms, y[i], n + n % 2);
}

/* Rows r .. r+n-1; a row of zeros follows the last one of an odd number. */
static void project_rows(const outer *t, int64_t r, int64_t n, int64_t p, float *x) {
  const int lanes = of3_lanes(of3_panel_rows(t->n, p));
  float *a = x + t->c_m * OF3_LANES, *b = a + t->h * ROWS * lanes, *rows = b + t->h * ROWS * lanes;
  for (int64_t i = 0; i < n; i++) {
    const float *mask = outer_product_read_row(t, r + i, p, x);
    project_side(t, OPM_W1, x, mask, lanes, a + i * lanes, ROWS * lanes);
    project_side(t, OPM_W2, x, mask, lanes, b + i * lanes, ROWS * lanes);
  }
  for (int64_t c = 0; c < t->h; c++) {
    if (n % 2) memset(a + (c * ROWS + n) * lanes, 0, (size_t)lanes * sizeof *a);
    store_a(t, a + c * ROWS * lanes, p, c, r, n, rows);
    t->k->to_bf16x2(t->b + p * b_floats(t) + (c * t->terms + r / 2) * lanes, b + c * ROWS * lanes, lanes, n);
  }
}

/* Items are (row, or ROWS of them, and panel). */
static void outer_product_project_task(void *arg, int64_t begin, int64_t end, int thread) {
  const outer *t = arg;
  float *x = t->scratch + thread * outer_product_scratch_floats(t);
  const int64_t panels = of3_panels(t->n);
  for (int64_t i = begin; i < end; i++) {
    const int64_t r = i / panels * (t->bf16 ? ROWS : 1), p = i % panels;
    if (t->bf16)
      project_rows(t, r, t->m - r < ROWS ? t->m - r : ROWS, p, x);
    else
      project(t, r, p, x);
  }
}

/* ---- 2 */

/* The products of channel e of b, bf16x2, with all channels of n_i tokens of a. */
static void outer_bf16x2(const outer *t, int64_t i0, int n_i, int64_t p, int64_t e, float *o) {
  const int lanes = of3_lanes(of3_panel_rows(t->n, p));
  t->k->gemm_bf16(&(of3_gemm){.a = (const uint16_t *)(const void *)t->a + i0 * t->h * 2 * t->terms,
                              .a_type = OF3_BF16,
                              .a_row = 2 * t->terms,
                              .a_col = 1,
                              .x = t->b + p * b_floats(t) + e * t->terms * lanes,
                              .ldx = lanes,
                              .y = o + e * lanes,
                              .ldy = t->h * lanes,
                              .rows = n_i * t->h,
                              .depth = 2 * t->terms,
                              .lanes = lanes});
}

/* o [n_i][h h][lanes]. */
static void outer_products(const outer *t, int64_t i0, int n_i, int64_t p, float *o) {
  const int lanes = of3_lanes(of3_panel_rows(t->n, p));
  for (int64_t e = 0; e < t->h; e++) {
    if (t->bf16) {
      outer_bf16x2(t, i0, n_i, p, e, o);
      continue;
    }
    for (int i = 0; i < n_i; i++)
      t->k->gemm(&(of3_gemm){.a = t->a + (i0 + i) * t->m * t->h,
                             .a_row = 1,
                             .a_col = t->h,
                             .x = t->b + p * b_floats(t) + e * t->m * lanes,
                             .ldx = lanes,
                             .y = o + i * t->h * t->h * lanes + e * lanes,
                             .ldy = t->h * lanes,
                             .rows = t->h,
                             .depth = t->m,
                             .lanes = lanes});
  }
}

/* weight[i][j] = 1 / (sum_r mask[r,i] mask[r,j] + 1e-3). */
static void outer_product_weights(const outer *t, int64_t i0, int n_i, int64_t p, float *weight) {
  const int lanes = of3_lanes(of3_panel_rows(t->n, p));
  if (!t->opt_mask) {
    for (int i = 0; i < n_i * lanes; i++) weight[i] = 1.0f / ((float)t->m + 1e-3f);
    return;
  }
  t->k->gemm(&(of3_gemm){.a = t->opt_mask + i0,
                         .a_row = 1,
                         .a_col = t->n,
                         .x = t->mask + p * t->m * OF3_LANES,
                         .ldx = lanes,
                         .y = weight,
                         .ldy = lanes,
                         .rows = n_i,
                         .depth = t->m,
                         .lanes = lanes});
  for (int i = 0; i < n_i * lanes; i++) weight[i] = 1.0f / (weight[i] + 1e-3f);
}

static void outer_product_do_block(const outer *t, int64_t i0, int n_i, int64_t p, float *o) {
  const int n = of3_panel_rows(t->n, p), lanes = of3_lanes(n);
  float *product = o + I_BLOCK * outer_floats(t), *weight = product + product_floats(t), *y[OF3_LANES];
  outer_products(t, i0, n_i, p, o);
  outer_product_weights(t, i0, n_i, p, weight);
  for (int i = 0; i < n_i; i++) {
    float *x = o + i * t->h * t->h * lanes;
    of3_make_operand(t->k, t->c->in[OPM_WO], x, lanes, t->h * t->h);
    of3_gemm g = of3_weights_times(t->c->in[OPM_WO], 0, t->c_z, x, lanes, product);
    g.opt_bias = of3_f32(t->c->in[OPM_BO]);
    of3_product(t->k, &g);
    for (int j = 0; j < n; j++) y[j] = t->z + ((i0 + i) * t->n + p * OF3_LANES + j) * t->c_z;
    t->k->unpack(&(of3_unpack){.panel = product,
                               .ld = lanes,
                               .n_row = n,
                               .channels = t->c_z,
                               .y = y,
                               .opt_mask = weight + i * lanes,
                               .add = true});
  }
}

/* Items are (block of i, panel of j): panels vary fastest, as the last one is narrower. */
static void outer_task(void *arg, int64_t begin, int64_t end, int thread) {
  const outer *t = arg;
  int64_t panels = of3_panels(t->n);
  for (int64_t b = begin; b < end; b++) {
    int64_t i0 = b / panels * I_BLOCK, left = t->n - i0;
    outer_product_do_block(t, i0, left < I_BLOCK ? (int)left : I_BLOCK, b % panels,
                           t->scratch + thread * outer_product_scratch_floats(t));
  }
}

static void outer_product_run(of3_ctx *cx, const of3_call *c, void *memory) {
  of3_pool *pool = of3_cpu_state(cx)->pool;
  outer t = outer_product_setup(cx, c);
  int64_t panels = of3_panels(t.n);
  t.a = memory;
  t.b = t.a + of3_aligned(t.n * t.terms * t.h);
  t.mask = t.b + panels * b_floats(&t);
  t.scratch = t.mask + panels * outer_mask_floats(&t);
  const int64_t projected = t.bf16 ? (t.m + ROWS - 1) / ROWS : t.m, pairs = t.n * t.n, cells = t.m * t.n;
  for (int64_t e = 0; e * pairs < of3_rows(c->out); e++) {
    t.z = of3_f32(c->out) + e * pairs * t.c_z;
    t.rows = of3_f32(c->in[OPM_M]) + e * cells * t.c_m;
    if (cells) t.opt_mask = of3_entry_mask(c->in[OPM_MASK], cells, e);
    of3_pool_run(pool, outer_product_project_task, &t, projected * panels);
    of3_pool_run(pool, outer_task, &t, (t.n + I_BLOCK - 1) / I_BLOCK * panels);
  }
}

const of3_kernel of3_cpu_outer_product_mean = {.workspace = outer_product_workspace,
                                               .run = outer_product_run};
