/* LINEAR: y = [y +] [mask] [gate] act([norm](x) W^T [+ b]).
 *
 * Many rows: each thread takes panels; one panel of x goes through all outputs, a block at a time:
 *
 *   x rows -> panel [K][48] -> norm -> product [block][48] -> act -> rows of y (gate, mask, sum)
 *
 * Few rows (the token transformer: 8 panels for 2 and more threads): all panels become operands first, then
 * threads share panels and outputs.
 *
 * Measured, GFLOP/s of one thread, AVX-512 (AMD EPYC, Zen 5, peak 266; AVX2 reaches 124 of 133):
 *   rows 380, 768 -> 768, 1536, 2304   252, 249, 246      rows 76, 384 -> 384   240
 *   rows 5776 (in cache), 128 -> 128 227, with norm and sum 207, 128 -> 512 195; rows 65536 (not) 179 */
#include "cpu/panel.h"
#include "cpu/state.h"

enum { BLOCK = 128 };

typedef struct linear {
  const of3_cpu_kernels *k;
  const of3_call *c;
  int64_t rows, depth, n;
  of3_panel_target to;
  of3_tiling tiling;       /* few rows */
  float *operands;         /* few rows: of all panels */
  float *panels, *product; /* one, and a block of outputs, a thread */
} linear;

static linear setup(const of3_ctx *cx, const of3_call *c) {
  linear t = {.k = of3_cpu_state(cx)->kernels,
              .c = c,
              .rows = of3_rows(c->in[LINEAR_X]),
              .depth = c->in[LINEAR_W]->shape[1],
              .n = c->in[LINEAR_W]->shape[0],
              .to = {c->out, c->in[LINEAR_GATE], c->in[LINEAR_MASK], c->attr.accumulate}};
  if (of3_few_panels(of3_panels(t.rows), t.n * t.depth, of3_cpu_threads(cx)))
    t.tiling = of3_tile(of3_panels(t.rows), t.n, of3_cpu_threads(cx));
  return t;
}

static int64_t operand_floats(const linear *t) {
  return of3_operand_rows(t->k, t->c->in[LINEAR_W], t->depth) * OF3_LANES;
}

static size_t workspace(const of3_ctx *cx, const of3_call *c) {
  linear t = setup(cx, c);
  int64_t floats = t.tiling.panels * operand_floats(&t) + of3_cpu_threads(cx) * (t.depth + BLOCK) * OF3_LANES;
  return (size_t)floats * sizeof(float);
}

static void read_panel(const linear *t, float *panel, int64_t p) {
  of3_read_panel(t->k, panel, t->c->in[LINEAR_X], p);
  if (t->c->attr.norm)
    of3_norm_panel(t->k, panel, of3_lanes(of3_panel_rows(t->rows, p)), t->depth, t->c->in[LINEAR_SCALE],
                   t->c->in[LINEAR_OFFSET]);
}

static void do_block(const linear *t, const float *panel, float *product, int64_t p, int64_t first,
                     int64_t outputs) {
  const of3_tensor *b = t->c->in[LINEAR_B];
  int lanes = of3_lanes(of3_panel_rows(t->rows, p));
  of3_gemm g = of3_weights_times(t->c->in[LINEAR_W], first, outputs, panel, lanes, product);
  g.opt_bias = b ? of3_f32(b) + first : NULL;
  of3_product(t->k, &g);
  t->k->act(product, outputs * lanes, (of3_act)t->c->attr.act);
  of3_write_panel(t->k, &t->to, p, first, outputs, product);
}

static void do_panels(void *arg, int64_t begin, int64_t end, int thread) {
  const linear *t = arg;
  float *panel = t->panels + thread * t->depth * OF3_LANES,
        *product = t->product + thread * BLOCK * OF3_LANES;
  for (int64_t p = begin; p < end; p++) {
    read_panel(t, panel, p);
    of3_make_operand(t->k, t->c->in[LINEAR_W], panel, of3_lanes(of3_panel_rows(t->rows, p)), t->depth);
    for (int64_t o = 0; o < t->n; o += BLOCK)
      do_block(t, panel, product, p, o, t->n - o < BLOCK ? t->n - o : BLOCK);
  }
}

static void make_operands(void *arg, int64_t begin, int64_t end, int thread) {
  const linear *t = arg;
  float *panel = t->panels + thread * t->depth * OF3_LANES;
  for (int64_t p = begin; p < end; p++) {
    float *operand = t->operands + p * operand_floats(t);
    if (!of3_is_paired(t->k, t->c->in[LINEAR_W])) {
      read_panel(t, operand, p);
      continue;
    }
    read_panel(t, panel, p);
    t->k->pair(operand, panel, of3_lanes(of3_panel_rows(t->rows, p)), t->depth);
  }
}

static void do_items(void *arg, int64_t begin, int64_t end, int thread) {
  const linear *t = arg;
  for (int64_t i = begin; i < end; i++) {
    of3_tile_item e = of3_tile_at(&t->tiling, i);
    for (int64_t p = e.p; p < e.p_end; p++)
      do_block(t, t->operands + p * operand_floats(t), t->product + thread * BLOCK * OF3_LANES, p, e.first,
               e.n);
  }
}

static void run(of3_ctx *cx, const of3_call *c, void *memory) {
  of3_pool *pool = of3_cpu_state(cx)->pool;
  linear t = setup(cx, c);
  t.operands = memory;
  t.panels = t.operands + t.tiling.panels * operand_floats(&t);
  t.product = t.panels + of3_cpu_threads(cx) * t.depth * OF3_LANES;
  if (t.tiling.panels) {
    of3_pool_run(pool, make_operands, &t, of3_panels(t.rows));
    of3_pool_run(pool, do_items, &t, t.tiling.items);
  } else
    of3_pool_run(pool, do_panels, &t, of3_panels(t.rows));
}

const of3_kernel of3_cpu_linear = {.workspace = workspace, .run = run};
