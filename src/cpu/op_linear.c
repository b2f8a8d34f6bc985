/* LINEAR   y = [y +] [mask] [gate] act([norm](x) W^T [+ b])
 * PROJECT  y[i] = x' W_i^T [+ b_i], x' = norm(x) or gate norm(x) + shift: the same with several weights
 *
 * Many rows: each thread takes panels; one panel of x goes through all outputs, a block at a time:
 *
 *   x rows -> panel [K][48] -> norm -> product [block][48] -> act -> rows of y (gate, mask, sum)
 *
 * Few rows, or weights larger than caches (both in the token transformer): all panels become operands first,
 * then threads share panels and outputs, so that a piece of weights serves several panels.
 *
 * Measured, GFLOP/s of one thread, AVX-512 (AMD EPYC, Zen 5, peak 266; AVX2 reaches 124 of 133):
 *   rows 380, 768 -> 768, 1536, 2304   252, 249, 246      rows 76, 384 -> 384   240
 *   rows 5776 (in cache), 128 -> 128 227, with norm and sum 207, 128 -> 512 195; rows 65536 (not) 179 */
#include <string.h>

#include "cpu/panel.h"
#include "cpu/state.h"

enum { BLOCK = OF3_TILE_MOST, WEIGHTS_IN_CACHE = 1 << 19 };

typedef struct linear {
  const of3_cpu_kernels *k;
  const of3_call *c;
  const of3_tensor *x;
  int64_t rows, depth, n;
  int count; /* of weights */
  const of3_tensor *w[PROJECT_MOST], *b[PROJECT_MOST];
  of3_tiling tiling;       /* few rows */
  float *operands;         /* few rows: of all panels */
  float *panels, *product; /* a thread: a panel, and rows of x if adaptive; a block of outputs */
} linear;

static bool is_project(const linear *t) { return t->c->op == OF3_OP_PROJECT; }
static bool is_adaptive(const linear *t) { return is_project(t) && t->c->in[PROJECT_GATE]; }

static linear setup(const of3_ctx *cx, const of3_call *c) {
  linear t = {.k = of3_cpu_state(cx)->kernels, .c = c};
  const int w = is_project(&t) ? PROJECT_W : LINEAR_W, b = is_project(&t) ? PROJECT_B : LINEAR_B;
  const int64_t most = is_project(&t) ? c->out->shape[0] : 1;
  t.x = c->in[is_project(&t) ? PROJECT_X : LINEAR_X];
  do {
    t.w[t.count] = c->in[w + t.count];
    t.b[t.count] = c->in[b + t.count];
  } while (++t.count < most);
  t.rows = of3_rows(t.x);
  t.n = t.w[0]->shape[0];
  t.depth = t.w[0]->shape[1];
  const int threads = of3_cpu_threads(cx);
  const int64_t weights = t.count * t.n * t.depth;
  if (weights > WEIGHTS_IN_CACHE || of3_few_panels(of3_panels(t.rows), weights, threads))
    t.tiling = of3_tile(of3_panels(t.rows), t.n, t.count, threads);
  return t;
}

static int64_t operand_floats(const linear *t) {
  return of3_operand_rows(t->k, t->w[0], t->depth) * OF3_LANES;
}
static int64_t panel_floats(const linear *t) { return (is_adaptive(t) ? 2 : 1) * t->depth * OF3_LANES; }

static size_t workspace(const of3_ctx *cx, const of3_call *c) {
  linear t = setup(cx, c);
  int64_t floats =
      t.tiling.panels * operand_floats(&t) + of3_cpu_threads(cx) * (panel_floats(&t) + BLOCK * OF3_LANES);
  return (size_t)floats * sizeof(float);
}

/* Into `panel`; `line` is used if adaptive. */
static void read_panel(const linear *t, float *panel, float *line, int64_t p) {
  const of3_tensor *const *in = t->c->in;
  if (is_adaptive(t)) {
    of3_read_adaptive_panel(t->k, panel, line, t->x, in[PROJECT_GATE], in[PROJECT_SHIFT], p);
    return;
  }
  of3_read_panel(t->k, panel, t->x, p);
  if (is_project(t) || t->c->attr.norm)
    of3_norm_panel(t->k, panel, of3_lanes(of3_panel_rows(t->rows, p)), t->depth,
                   in[is_project(t) ? PROJECT_SCALE : LINEAR_SCALE],
                   in[is_project(t) ? PROJECT_OFFSET : LINEAR_OFFSET]);
}

/* Outputs first .. of weight i. */
static void do_block(const linear *t, const float *panel, float *product, int64_t p, int i, int64_t first,
                     int64_t outputs) {
  const int lanes = of3_lanes(of3_panel_rows(t->rows, p));
  of3_gemm g = of3_weights_times(t->w[i], first, outputs, panel, lanes, product);
  g.opt_bias = t->b[i] ? of3_f32(t->b[i]) + first : NULL;
  of3_product(t->k, &g);
  if (!is_project(t)) {
    const of3_panel_target to = {t->c->out, t->c->in[LINEAR_GATE], t->c->in[LINEAR_MASK],
                                 t->c->attr.accumulate};
    t->k->act(product, outputs * lanes, (of3_act)t->c->attr.act);
    of3_write_panel(t->k, &to, p, first, outputs, product);
    return;
  }
  of3_tensor y = *t->c->out;
  y.offset += i * t->rows * t->n;
  y.rank--;
  memmove(y.shape, y.shape + 1, (size_t)y.rank * sizeof y.shape[0]);
  of3_write_panel(t->k, &(of3_panel_target){.y = &y}, p, first, outputs, product);
}

static void do_panels(void *arg, int64_t begin, int64_t end, int thread) {
  const linear *t = arg;
  float *panel = t->panels + thread * panel_floats(t), *product = t->product + thread * BLOCK * OF3_LANES;
  for (int64_t p = begin; p < end; p++) {
    read_panel(t, panel, panel + t->depth * OF3_LANES, p);
    of3_make_operand(t->k, t->w[0], panel, of3_lanes(of3_panel_rows(t->rows, p)), t->depth);
    for (int i = 0; i < t->count; i++)
      for (int64_t o = 0; o < t->n; o += BLOCK)
        do_block(t, panel, product, p, i, o, t->n - o < BLOCK ? t->n - o : BLOCK);
  }
}

static void make_operands(void *arg, int64_t begin, int64_t end, int thread) {
  const linear *t = arg;
  float *panel = t->panels + thread * panel_floats(t), *line = panel + t->depth * OF3_LANES;
  for (int64_t p = begin; p < end; p++) {
    float *operand = t->operands + p * operand_floats(t);
    if (!of3_is_paired(t->k, t->w[0])) {
      read_panel(t, operand, line, p);
      continue;
    }
    read_panel(t, panel, line, p);
    t->k->pair(operand, panel, of3_lanes(of3_panel_rows(t->rows, p)), t->depth);
  }
}

static void do_items(void *arg, int64_t begin, int64_t end, int thread) {
  const linear *t = arg;
  for (int64_t i = begin; i < end;) {
    of3_tile_item e = of3_tile_next(&t->tiling, &i, end);
    for (int64_t p = e.p; p < e.p_end; p++)
      do_block(t, t->operands + p * operand_floats(t), t->product + thread * BLOCK * OF3_LANES, p,
               (int)e.which, e.first, e.n);
  }
}

static void run(of3_ctx *cx, const of3_call *c, void *memory) {
  of3_pool *pool = of3_cpu_state(cx)->pool;
  linear t = setup(cx, c);
  t.operands = memory;
  t.panels = t.operands + t.tiling.panels * operand_floats(&t);
  t.product = t.panels + of3_cpu_threads(cx) * panel_floats(&t);
  if (t.tiling.panels) {
    of3_pool_run(pool, make_operands, &t, of3_panels(t.rows));
    of3_pool_run(pool, do_items, &t, t.tiling.items);
  } else
    of3_pool_run(pool, do_panels, &t, of3_panels(t.rows));
}

const of3_kernel of3_cpu_linear = {.workspace = workspace, .run = run};
const of3_kernel of3_cpu_project = {.workspace = workspace, .run = run};
