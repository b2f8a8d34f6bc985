/* TRIANGLE_MUL (AF3 SI Alg. 12, 13): z_ij += W_z norm(sum_k a_ik b_jk) * sigmoid(W_g x_ij), x = norm(z).
 * Batch entries are done one after the other; what follows is one of them, z [N,N,c], H hidden channels.
 *
 * Both directions are the same work, once z is read the right way round. With u(i,k) = x[i,k] (outgoing) or
 * x[k,i] (incoming), and a and b made of u,
 *
 *   a(i,k) = mask_i mask_k sigmoid(W_ag u(i,k)) W_ap u(i,k)     [H]; b likewise, with weights of its own
 *   p_ij   = sum_k a(i,k) b(j,k)                                [H], channel by channel
 *
 * So for each hidden channel p = a b^T, a product of two N x N matrices: N^3 multiply-adds for each of H
 * channels, where the projections take 4 c H N^2. It is done where a and b of one channel lie together. Such
 * a plane is cut into panels of 48 i, and of each panel row k is one row of lanes:
 *
 *   plane of channel h: panel 0                  panel 1                 ..   last panel: 16, 32 or 48 lanes
 *        k = 0    | a(0,0)   .. a(47,0)   |      | a(48,0)   ..
 *        k = 1    | a(0,1)   .. a(47,1)   |      | a(48,1)   ..
 *        ..       |                       |
 *        k = N-1  | a(0,N-1) .. a(47,N-1) |
 *
 * A panel of a is the vector operand [k][lanes] of a product as it stands; and the broadcast operand is
 * b(j,k) = panel[k lanes + j], of the panel that j is in. The result, panel of i, is [j][lanes].
 *
 *   in each pass, for its hidden channels:
 *     1 project   item (panel of i, k): 48 rows of z -> norm -> x [c][lanes] -> a, b [channels][lanes];
 *                 row k of one panel in the planes of all these channels
 *     2 multiply  item channel: panel by panel of a, moved aside first, so that p takes its place
 *   3 output      item (panel of i, j): row j of this panel out of all H planes of p -> norm -> W_z;
 *                 the gate from the 48 z_ij once more -> added to z
 *
 * z is changed in step 3 only, when all passes have read it, and there each item reads and writes its own
 * 48 pairs.
 *
 * With bf16 operands a plane of a or b has a row for two neighbours k, as bf16x2, and is half as large:
 *
 *   k = 0, 1  | a(0,0) a(0,1) | a(1,0) a(1,1) | ..     32 bits for each lane
 *
 * p is f32 and has planes of its own. gemm_bf16 reads its broadcast operand as rows, so step 2 first turns
 * the plane of b into rows [j][k] in the thread's scratch.
 *
 * Memory, in floats: H planes of p and, f32, H / passes planes of b (a lies where p will be); bf16, H /
 * passes half planes each of a and b. So H N^2 (1 + 1 / passes) either way, and scratch of each thread. */
#include <string.h>

#include "cpu/attention.h"
#include "cpu/panel.h"
#include "cpu/state.h"
#include "tensor/pairs.h"

typedef struct triangle_mul {
  const of3_cpu_kernels *kernels;
  const of3_call *call;
  float *z;
  const float *opt_mask;        /* [n] */
  ptrdiff_t i_stride, k_stride; /* of u, in pairs of tokens */
  int64_t n, c, hidden, panels;
  int64_t channels;       /* hidden channels of a pass, the last one may have fewer */
  int64_t first, now;     /* this pass's */
  bool bf16;              /* a and b are bf16 */
  float *a, *b;           /* [now] planes; bf16: of bf16x2, else a is where p will be */
  float *p;               /* [hidden] planes */
  int64_t terms;          /* rows of a panel of a plane of a and b: n, or (n + 1) / 2 of bf16x2 */
  int64_t plane, plane_p; /* floats or bf16x2 between planes of a and b, and of p */
  float *scratch;
  int64_t scratch_floats; /* per thread */
} triangle_mul;

/* Rows of all panels: an odd number of cache lines, so that the planes of one pair of tokens do not fall on
 * the same cache sets. */
static int64_t plane_floats(int64_t n, int64_t rows) {
  int64_t lanes = 0;
  for (int64_t p = 0; p < of3_panels(n); p++) lanes += of3_lanes(of3_panel_rows(n, p));
  return rows * lanes / 16 % 2 ? rows * lanes : rows * lanes + 16;
}

/* project: x [c], p and g [hidden], bf16: a and b of two k [2 hidden] as well; multiply: a
 * panel [n], bf16: b of a channel; output: x, gate [c], p [hidden], y [c]. */
static int64_t triangle_mul_scratch_floats(const triangle_mul *t) {
  int64_t rows = t->c + (t->bf16 ? 6 : 2) * t->hidden, b = t->bf16 ? of3_aligned(t->n * t->terms) : 0;
  if (rows < t->n) rows = t->n;
  if (rows < 3 * t->c + t->hidden) rows = 3 * t->c + t->hidden;
  return rows * OF3_LANES > b ? rows * OF3_LANES : b;
}

/* Whole blocks of 16, as the products of weights are blocked. */
static int64_t channels_of_pass(int64_t hidden, int passes) {
  const int64_t block = 16, n = passes > 1 ? (hidden + passes - 1) / passes : hidden;
  const int64_t whole = (n + block - 1) / block * block;
  return whole < hidden ? whole : hidden;
}

static triangle_mul triangle_mul_setup(const of3_ctx *cx, const of3_call *c) {
  triangle_mul t = {.kernels = of3_cpu_state(cx)->kernels,
                    .call = c,
                    .n = of3_dim(c->out, 1),
                    .c = of3_dim(c->out, 0),
                    .hidden = c->in[TRI_MUL_WAP]->shape[0]};
  t.bf16 = t.kernels->operand == OF3_BF16 && c->in[TRI_MUL_WAP]->dtype == OF3_BF16;
  t.channels = channels_of_pass(t.hidden, c->attr.passes);
  t.panels = of3_panels(t.n);
  t.terms = t.bf16 ? (t.n + 1) / 2 : t.n;
  t.plane = plane_floats(t.n, t.terms);
  t.plane_p = plane_floats(t.n, t.n);
  t.scratch_floats = triangle_mul_scratch_floats(&t);
  return t;
}

static size_t triangle_mul_workspace(const of3_ctx *cx, const of3_call *c) {
  triangle_mul t = triangle_mul_setup(cx, c);
  int64_t planes = t.hidden * t.plane_p + (t.bf16 ? 2 : 1) * t.channels * t.plane;
  return (size_t)(planes + of3_cpu_threads(cx) * t.scratch_floats) * sizeof(float);
}

/* Row `at` [lanes] of panel p of a plane whose panels have `rows` rows: t->terms (a, b), n (p). */
static float *plane_row(const triangle_mul *t, float *plane, int64_t p, int64_t rows, int64_t at) {
  return plane + p * OF3_LANES * rows + at * of3_lanes(of3_panel_rows(t->n, p));
}

/* y [n][lanes] = rows first .. first+n-1 of a weight times x. */
static void triangle_mul_product(const triangle_mul *t, int weight, int64_t first, int64_t n, const float *x,
                                 int lanes, float *y) {
  of3_gemm g = of3_weights_times(t->call->in[weight], first, n, x, lanes, y);
  of3_product(t->kernels, &g);
}

/* The normalised panel of n pairs of z from `first` on, `stride` pairs apart. */
static void triangle_mul_normed(const triangle_mul *t, int64_t first, ptrdiff_t stride, int n, float *x) {
  const float *row[OF3_LANES];
  int lanes = of3_lanes(n);
  of3_rows_at(row, t->z + first * t->c, stride * t->c, n);
  t->kernels->pack(x, lanes, lanes, row, n, t->c);
  of3_norm_panel(t->kernels, x, lanes, t->c, t->call->in[TRI_MUL_IN_SCALE], t->call->in[TRI_MUL_IN_OFFSET]);
}

/* a and b of k and a panel of i, of this pass's channels, to a[h] and b[h], ld apart. */
static void project_k(const triangle_mul *t, int64_t p, int64_t k, float *a, float *b, ptrdiff_t ld,
                      float *scratch) {
  int n = of3_panel_rows(t->n, p), lanes = of3_lanes(n);
  int64_t first = p * OF3_LANES * t->i_stride + k * t->k_stride;
  float *x = scratch, *value = x + t->c * lanes, *gate = value + t->now * lanes, mask[OF3_LANES] = {0};
  for (int l = 0; l < n; l++) mask[l] = of3_pair_mask(t->opt_mask, p * OF3_LANES + l, k);
  triangle_mul_normed(t, first, t->i_stride, n, x);
  of3_make_operand(t->kernels, t->call->in[TRI_MUL_WAP], x, lanes, t->c);
  for (int side = 0; side < 2; side++) {
    triangle_mul_product(t, side ? TRI_MUL_WBP : TRI_MUL_WAP, t->first, t->now, x, lanes, value);
    triangle_mul_product(t, side ? TRI_MUL_WBG : TRI_MUL_WAG, t->first, t->now, x, lanes, gate);
    t->kernels->between->gate_mask(&(of3_gate_mask){
        .y = side ? b : a, .ldy = ld, .p = value, .g = gate, .mask = mask, .rows = t->now, .lanes = lanes});
  }
}

/* terms [now][2][lanes] of two k as a row of bf16x2 in every plane. */
static void store_bf16x2(const triangle_mul *t, float *planes, int64_t p, int64_t at, float *terms) {
  const int lanes = of3_lanes(of3_panel_rows(t->n, p));
  float *to = plane_row(t, planes, p, t->terms, at);
  t->kernels->to_bf16x2(terms, terms, lanes, 2 * t->now);
  for (int64_t h = 0; h < t->now; h++)
    memcpy(to + h * t->plane, terms + h * lanes, (size_t)lanes * sizeof *to);
}

static void project_two_k(const triangle_mul *t, int64_t p, int64_t at, float *scratch) {
  const int lanes = of3_lanes(of3_panel_rows(t->n, p));
  float *a = scratch, *b = a + 2 * t->now * lanes, *rest = b + 2 * t->now * lanes;
  project_k(t, p, 2 * at, a, b, 2 * lanes, rest);
  if (2 * at + 1 < t->n)
    project_k(t, p, 2 * at + 1, a + lanes, b + lanes, 2 * lanes, rest);
  else
    for (int64_t h = 0; h < t->now; h++) {
      memset(a + (2 * h + 1) * lanes, 0, (size_t)lanes * sizeof *a);
      memset(b + (2 * h + 1) * lanes, 0, (size_t)lanes * sizeof *b);
    }
  store_bf16x2(t, t->a, p, at, a);
  store_bf16x2(t, t->b, p, at, b);
}

static void triangle_mul_project_task(void *arg, int64_t begin, int64_t end, int thread) {
  const triangle_mul *t = arg;
  float *scratch = t->scratch + thread * t->scratch_floats;
  for (int64_t i = begin; i < end; i++) {
    int64_t p = i % t->panels, at = i / t->panels;
    if (t->bf16)
      project_two_k(t, p, at, scratch);
    else
      project_k(t, p, at, plane_row(t, t->a, p, t->n, at), plane_row(t, t->b, p, t->n, at), t->plane,
                scratch);
  }
}

/* All j of one panel of i of a channel. The panel of a is moved away first: p takes its place. */
static void multiply_panel(const triangle_mul *t, float *a, float *b, int64_t p, float *x) {
  int lanes = of3_lanes(of3_panel_rows(t->n, p));
  memcpy(x, plane_row(t, a, p, t->n, 0), (size_t)(t->n * lanes) * sizeof *x);
  for (int64_t q = 0; q < t->panels; q++) {
    int rows = of3_panel_rows(t->n, q);
    t->kernels->gemm(&(of3_gemm){.a = plane_row(t, b, q, t->n, 0),
                                 .a_row = 1,
                                 .a_col = of3_lanes(rows),
                                 .x = x,
                                 .ldx = lanes,
                                 .y = plane_row(t, a, p, t->n, q * OF3_LANES),
                                 .ldy = lanes,
                                 .rows = rows,
                                 .depth = t->n,
                                 .lanes = lanes});
  }
}

/* rows [j][terms] = a plane of b; bf16x2 are moved as if they were floats. */
static void rows_of_b(const triangle_mul *t, float *b, float *rows) {
  for (int64_t q = 0; q < t->panels; q++) {
    const int n = of3_panel_rows(t->n, q);
    float *row[OF3_LANES];
    for (int l = 0; l < n; l++) row[l] = rows + (q * OF3_LANES + l) * t->terms;
    t->kernels->unpack(&(of3_unpack){.panel = plane_row(t, b, q, t->terms, 0),
                                     .ld = of3_lanes(n),
                                     .n_row = n,
                                     .channels = t->terms,
                                     .y = row});
  }
}

static void multiply_bf16x2(const triangle_mul *t, int64_t h, float *rows) {
  rows_of_b(t, t->b + h * t->plane, rows);
  for (int64_t p = 0; p < t->panels; p++) {
    const int lanes = of3_lanes(of3_panel_rows(t->n, p));
    t->kernels->gemm_bf16(&(of3_gemm){.a = rows,
                                      .a_type = OF3_BF16,
                                      .a_row = 2 * t->terms,
                                      .a_col = 1,
                                      .x = plane_row(t, t->a + h * t->plane, p, t->terms, 0),
                                      .ldx = lanes,
                                      .y = plane_row(t, t->p + (t->first + h) * t->plane_p, p, t->n, 0),
                                      .ldy = lanes,
                                      .rows = t->n,
                                      .depth = 2 * t->terms,
                                      .lanes = lanes});
  }
}

static void multiply_task(void *arg, int64_t begin, int64_t end, int thread) {
  const triangle_mul *t = arg;
  float *x = t->scratch + thread * t->scratch_floats;
  for (int64_t h = begin; h < end; h++) {
    if (t->bf16)
      multiply_bf16x2(t, h, x);
    else
      for (int64_t p = 0; p < t->panels; p++)
        multiply_panel(t, t->a + h * t->plane, t->b + h * t->plane, p, x);
  }
}

/* Pairs (i,j), i of one panel. */
static void output_panel(const triangle_mul *t, int64_t p, int64_t j, float *scratch) {
  const of3_cpu_kernels *kernels = t->kernels;
  int n = of3_panel_rows(t->n, p), lanes = of3_lanes(n);
  float *x = scratch, *gate = x + t->c * lanes, *y = gate + t->c * lanes, *hidden = y + t->c * lanes;
  const float *from = plane_row(t, t->p, p, t->n, j);
  for (int64_t h = 0; h < t->hidden; h++)
    memcpy(hidden + h * lanes, from + h * t->plane_p, (size_t)lanes * sizeof *from);
  of3_norm_panel(kernels, hidden, lanes, t->hidden, t->call->in[TRI_MUL_OUT_SCALE],
                 t->call->in[TRI_MUL_OUT_OFFSET]);
  of3_make_operand(kernels, t->call->in[TRI_MUL_WZ], hidden, lanes, t->hidden);
  triangle_mul_product(t, TRI_MUL_WZ, 0, t->c, hidden, lanes, y);
  int64_t first = p * OF3_LANES * t->n + j;
  triangle_mul_normed(t, first, t->n, n, x);
  of3_make_operand(kernels, t->call->in[TRI_MUL_WG], x, lanes, t->c);
  triangle_mul_product(t, TRI_MUL_WG, 0, t->c, x, lanes, gate);
  kernels->between->sigmoid_mul(y, gate, t->c * lanes);
  float *row[OF3_LANES];
  for (int l = 0; l < n; l++) row[l] = t->z + (first + l * t->n) * t->c;
  kernels->unpack(
      &(of3_unpack){.panel = y, .ld = lanes, .n_row = n, .channels = t->c, .y = row, .add = true});
}

static void output_task(void *arg, int64_t begin, int64_t end, int thread) {
  const triangle_mul *t = arg;
  for (int64_t i = begin; i < end; i++)
    output_panel(t, i % t->panels, i / t->panels, t->scratch + thread * t->scratch_floats);
}

/* p of one batch entry, pass by pass. */
static void make_products(triangle_mul *t, of3_pool *pool) {
  for (t->first = 0; t->first < t->hidden; t->first += t->now) {
    t->now = t->hidden - t->first < t->channels ? t->hidden - t->first : t->channels;
    if (!t->bf16) t->a = t->p + t->first * t->plane;
    of3_pool_run(pool, triangle_mul_project_task, t, t->panels * t->terms);
    of3_pool_run(pool, multiply_task, t, t->now);
  }
}

static void triangle_mul_run(of3_ctx *cx, const of3_call *c, void *work) {
  triangle_mul t = triangle_mul_setup(cx, c);
  if (of3_count(c->out) == 0) return;
  t.p = work;
  t.b = t.p + t.hidden * t.plane_p;
  t.a = t.bf16 ? t.b + t.channels * t.plane : NULL;
  t.scratch = (t.bf16 ? t.a : t.b) + t.channels * t.plane;
  t.i_stride = c->attr.outgoing ? t.n : 1;
  t.k_stride = c->attr.outgoing ? 1 : t.n;
  int64_t pairs = t.n * t.n;
  of3_pool *pool = of3_cpu_state(cx)->pool;
  for (int64_t first = 0; first < of3_rows(c->out); first += pairs) {
    t.z = of3_f32(c->out) + first * t.c;
    t.opt_mask = of3_entry_mask(c->in[TRI_MUL_MASK], t.n, first / pairs);
    make_products(&t, pool);
    of3_pool_run(pool, output_task, &t, t.panels * t.n);
  }
}

const of3_kernel of3_cpu_triangle_mul = {.workspace = triangle_mul_workspace, .run = triangle_mul_run};
