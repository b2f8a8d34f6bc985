/* TRIANGLE_MUL (AF3 SI Alg. 12, 13), one batch entry at a time.
 *
 * Both directions are one product of planes, once z is read the right way round: with
 * u(i,k) = z[i,k] (outgoing) or z[k,i] (incoming), a and b projected from u,
 *
 *   p_ij = sum_k a(i,k) b(j,k)
 *
 * a and b lie channel by channel, and in each channel panel by panel of 48 i:
 *
 *   plane [panel of i][k][lanes]     a panel is the vector operand [k][lanes] as it stands,
 *                                    and b(j,k) = panel[k lanes + j] the broadcast operand
 *
 *   1 project   item (panel of i, k): norm, a, b = mask sigmoid(W_g x) W_p x
 *   2 multiply  item channel: p overwrites a, panel by panel, as [panel of i][j][lanes]
 *   3 output    item (panel of i, j): norm of p, z_ij += W_z p sigmoid(W_g norm(z_ij))
 *
 * Memory: two pair tensors of the hidden width.
 * Speed (AMD EPYC, Zen 5, c = h = 128, share of the peak of multiply-adds): AVX-512 82 % at N = 76, 79 % at
 * 256 and 384; AVX2 73 % and 80 %. */
#include <string.h>

#include "cpu/attention.h"
#include "cpu/panel.h"
#include "cpu/state.h"

typedef struct triangle_mul {
  const of3_cpu_kernels *kernels;
  const of3_call *call;
  float *z;
  const float *mask;
  ptrdiff_t i_stride, k_stride; /* of u, in pairs */
  int64_t n, c, hidden, panels;
  float *a, *b;  /* [hidden] planes */
  int64_t plane; /* floats between planes */
  float *scratch;
  int64_t scratch_floats; /* per thread */
} triangle_mul;

/* An odd number of cache lines, so that the planes of one pair do not fall on the same cache sets. */
static int64_t plane_floats(int64_t n) {
  int64_t lanes = 0;
  for (int64_t p = 0; p < of3_panels(n); p++) lanes += of3_lanes(of3_panel_rows(n, p));
  return n * lanes / 16 % 2 ? n * lanes : n * lanes + 16;
}

/* project: x [c], p and g [hidden]; multiply: a panel [n]; output: x, gate [c], p [hidden], y [c]. */
static int64_t scratch_floats(int64_t n, int64_t c, int64_t hidden) {
  int64_t rows = c + 2 * hidden;
  if (rows < n) rows = n;
  if (rows < 3 * c + hidden) rows = 3 * c + hidden;
  return rows * OF3_LANES;
}

static size_t workspace(const of3_ctx *cx, const of3_call *c) {
  int64_t n = of3_dim(c->in[TRI_MUL_Z], 1), hidden = c->in[TRI_MUL_WAP]->shape[0];
  int64_t scratch = scratch_floats(n, of3_dim(c->in[TRI_MUL_Z], 0), hidden);
  return (size_t)(2 * hidden * plane_floats(n) + of3_cpu_threads(cx) * scratch) * sizeof(float);
}

static const float *weights(const of3_call *c, int arg) { return c->in[arg] ? of3_f32(c->in[arg]) : NULL; }

/* Panel p of plane 0; its row `at` [lanes] belongs to k (a, b) or j (p). */
static float *plane_row(const triangle_mul *t, float *planes, int64_t p, int64_t at) {
  return planes + p * OF3_LANES * t->n + at * of3_lanes(of3_panel_rows(t->n, p));
}

static void product(const triangle_mul *t, int weight, const float *x, int lanes, float *y) {
  of3_gemm g = of3_weights_times(t->call->in[weight], 0, t->call->in[weight]->shape[0], x, lanes, y);
  of3_product(t->kernels, &g);
}

/* The normalised panel of n pairs of z from `first` on, `stride` pairs apart. */
static void normed(const triangle_mul *t, int64_t first, ptrdiff_t stride, int n, float *x) {
  const float *row[OF3_LANES];
  int lanes = of3_lanes(n);
  of3_rows_at(row, t->z + first * t->c, stride * t->c, n);
  t->kernels->pack(x, lanes, lanes, row, n, t->c);
  t->kernels->norm(x, lanes, lanes, t->c, weights(t->call, TRI_MUL_IN_SCALE),
                   weights(t->call, TRI_MUL_IN_OFFSET));
}

static void project_panel(const triangle_mul *t, int64_t p, int64_t k, float *scratch) {
  int n = of3_panel_rows(t->n, p), lanes = of3_lanes(n);
  int64_t first = p * OF3_LANES * t->i_stride + k * t->k_stride;
  float *x = scratch, *value = x + t->c * lanes, *gate = value + t->hidden * lanes, mask[OF3_LANES] = {0};
  for (int l = 0; l < n; l++) mask[l] = t->mask[first + l * t->i_stride];
  normed(t, first, t->i_stride, n, x);
  of3_make_operand(t->kernels, t->call->in[TRI_MUL_WAP], x, lanes, t->c);
  for (int side = 0; side < 2; side++) {
    product(t, side ? TRI_MUL_WBP : TRI_MUL_WAP, x, lanes, value);
    product(t, side ? TRI_MUL_WBG : TRI_MUL_WAG, x, lanes, gate);
    t->kernels->attention->gate_mask(&(of3_gate_mask){.y = plane_row(t, side ? t->b : t->a, p, k),
                                                      .ldy = t->plane,
                                                      .p = value,
                                                      .g = gate,
                                                      .mask = mask,
                                                      .rows = t->hidden,
                                                      .lanes = lanes});
  }
}

static void project_task(void *arg, int64_t begin, int64_t end, int thread) {
  const triangle_mul *t = arg;
  for (int64_t i = begin; i < end; i++)
    project_panel(t, i % t->panels, i / t->panels, t->scratch + thread * t->scratch_floats);
}

/* All j of one panel of i of a channel. The panel of a is moved away first: p takes its place. */
static void multiply_panel(const triangle_mul *t, float *a, float *b, int64_t p, float *x) {
  int lanes = of3_lanes(of3_panel_rows(t->n, p));
  memcpy(x, plane_row(t, a, p, 0), (size_t)(t->n * lanes) * sizeof *x);
  for (int64_t q = 0; q < t->panels; q++) {
    int rows = of3_panel_rows(t->n, q);
    t->kernels->gemm(&(of3_gemm){.a = plane_row(t, b, q, 0),
                                 .a_row = 1,
                                 .a_col = of3_lanes(rows),
                                 .x = x,
                                 .ldx = lanes,
                                 .y = plane_row(t, a, p, q * OF3_LANES),
                                 .ldy = lanes,
                                 .rows = rows,
                                 .depth = t->n,
                                 .lanes = lanes});
  }
}

static void multiply_task(void *arg, int64_t begin, int64_t end, int thread) {
  const triangle_mul *t = arg;
  float *x = t->scratch + thread * t->scratch_floats;
  for (int64_t h = begin; h < end; h++)
    for (int64_t p = 0; p < t->panels; p++) multiply_panel(t, t->a + h * t->plane, t->b + h * t->plane, p, x);
}

/* Pairs (i,j), i of one panel. */
static void output_panel(const triangle_mul *t, int64_t p, int64_t j, float *scratch) {
  const of3_cpu_kernels *kernels = t->kernels;
  int n = of3_panel_rows(t->n, p), lanes = of3_lanes(n);
  float *x = scratch, *gate = x + t->c * lanes, *y = gate + t->c * lanes, *hidden = y + t->c * lanes;
  const float *from = plane_row(t, t->a, p, j);
  for (int64_t h = 0; h < t->hidden; h++)
    memcpy(hidden + h * lanes, from + h * t->plane, (size_t)lanes * sizeof *from);
  kernels->norm(hidden, lanes, lanes, t->hidden, weights(t->call, TRI_MUL_OUT_SCALE),
                weights(t->call, TRI_MUL_OUT_OFFSET));
  of3_make_operand(kernels, t->call->in[TRI_MUL_WZ], hidden, lanes, t->hidden);
  product(t, TRI_MUL_WZ, hidden, lanes, y);
  int64_t first = p * OF3_LANES * t->n + j;
  normed(t, first, t->n, n, x);
  of3_make_operand(kernels, t->call->in[TRI_MUL_WG], x, lanes, t->c);
  product(t, TRI_MUL_WG, x, lanes, gate);
  kernels->sigmoid_mul(y, gate, t->c * lanes);
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

static void run(of3_ctx *cx, const of3_call *c, void *work) {
  const of3_tensor *mask = c->in[TRI_MUL_MASK];
  triangle_mul t = {.kernels = of3_cpu_state(cx)->kernels,
                    .call = c,
                    .n = of3_dim(c->out, 1),
                    .c = of3_dim(c->out, 0),
                    .hidden = c->in[TRI_MUL_WAP]->shape[0],
                    .a = work};
  if (of3_count(c->out) == 0) return;
  t.panels = of3_panels(t.n);
  t.plane = plane_floats(t.n);
  t.b = t.a + t.hidden * t.plane;
  t.scratch = t.b + t.hidden * t.plane;
  t.scratch_floats = scratch_floats(t.n, t.c, t.hidden);
  t.i_stride = c->attr.outgoing ? t.n : 1;
  t.k_stride = c->attr.outgoing ? 1 : t.n;
  int64_t pairs = t.n * t.n;
  of3_pool *pool = of3_cpu_state(cx)->pool;
  for (int64_t first = 0; first < of3_rows(c->out); first += pairs) {
    t.z = of3_f32(c->out) + first * t.c;
    t.mask = of3_f32(mask) + first % of3_count(mask);
    of3_pool_run(pool, project_task, &t, t.panels * t.n);
    of3_pool_run(pool, multiply_task, &t, t.hidden);
    of3_pool_run(pool, output_task, &t, t.panels * t.n);
  }
}

const of3_kernel of3_cpu_triangle_mul = {.workspace = workspace, .run = run};
