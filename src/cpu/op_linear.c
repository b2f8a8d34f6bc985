/* LINEAR: y = [y +] [mask] [gate] act([norm](x) W^T [+ b]).
 *
 * Many rows: each thread takes panels; one panel of x goes through all outputs, a block at a time:
 *
 *   x rows -> panel [K][48] -> norm -> product [block][48] -> act -> rows of y (gate, mask, sum)
 *
 * Few rows (the token transformer: 8 panels for 2 and more threads): all panels are packed first, then each
 * thread takes a share of the outputs for all panels, so that every thread is busy and reads its own weights.
 *
 * Measured, GFLOP/s of one thread, AVX-512 (AMD EPYC, Zen 5, peak 266; AVX2 reaches 124 of 133):
 *   rows 380, 768 -> 768, 1536, 2304   252, 249, 246      rows 76, 384 -> 384   240
 *   rows 5776 (in cache), 128 -> 128 227, with norm and sum 207, 128 -> 512 195; rows 65536 (not) 179 */
#include "cpu/panel.h"
#include "cpu/state.h"

enum { BLOCK = 128, OUTPUT_STEP = 16, FEW_PANELS = 8 };

typedef struct linear {
  const of3_cpu_kernels *k;
  const of3_call *c;
  int64_t rows, depth, n;
  of3_panel_target to;
  float *panels;  /* few rows: all of x; else one panel a thread */
  float *product; /* a block a thread */
} linear;

static bool few_rows(const of3_ctx *cx, const of3_call *c) {
  int64_t threads = of3_cpu_threads(cx);
  return of3_panels(of3_rows(c->in[LINEAR_X])) < FEW_PANELS * threads &&
         c->in[LINEAR_W]->shape[0] >= OUTPUT_STEP * threads;
}

static int64_t panel_floats(const of3_call *c) { return c->in[LINEAR_W]->shape[1] * OF3_LANES; }

static int64_t panels_kept(const of3_ctx *cx, const of3_call *c) {
  return few_rows(cx, c) ? of3_panels(of3_rows(c->in[LINEAR_X])) : of3_cpu_threads(cx);
}

static size_t workspace(const of3_ctx *cx, const of3_call *c) {
  int64_t floats = panels_kept(cx, c) * panel_floats(c) + of3_cpu_threads(cx) * BLOCK * OF3_LANES;
  return (size_t)floats * sizeof(float);
}

static void read_panel(const linear *t, float *panel, int64_t p) {
  int lanes = of3_lanes(of3_panel_rows(t->rows, p));
  of3_read_panel(t->k, panel, t->c->in[LINEAR_X], p);
  if (t->c->attr.norm)
    of3_norm_panel(t->k, panel, lanes, t->depth, t->c->in[LINEAR_SCALE], t->c->in[LINEAR_OFFSET]);
  of3_make_operand(t->k, t->c->in[LINEAR_W], panel, lanes, t->depth);
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
  float *panel = t->panels + thread * panel_floats(t->c), *product = t->product + thread * BLOCK * OF3_LANES;
  for (int64_t p = begin; p < end; p++) {
    read_panel(t, panel, p);
    for (int64_t o = 0; o < t->n; o += BLOCK)
      do_block(t, panel, product, p, o, t->n - o < BLOCK ? t->n - o : BLOCK);
  }
}

static void read_panels(void *arg, int64_t begin, int64_t end, int thread) {
  const linear *t = arg;
  (void)thread;
  for (int64_t p = begin; p < end; p++) read_panel(t, t->panels + p * panel_floats(t->c), p);
}

/* Outputs begin OUTPUT_STEP .. of all panels. */
static void do_outputs(void *arg, int64_t begin, int64_t end, int thread) {
  const linear *t = arg;
  int64_t last = end * OUTPUT_STEP < t->n ? end * OUTPUT_STEP : t->n;
  for (int64_t o = begin * OUTPUT_STEP; o < last; o += BLOCK)
    for (int64_t p = 0; p < of3_panels(t->rows); p++)
      do_block(t, t->panels + p * panel_floats(t->c), t->product + thread * BLOCK * OF3_LANES, p, o,
               last - o < BLOCK ? last - o : BLOCK);
}

static void run(of3_ctx *cx, const of3_call *c, void *memory) {
  of3_pool *pool = of3_cpu_state(cx)->pool;
  linear t = {.k = of3_cpu_state(cx)->kernels,
              .c = c,
              .rows = of3_rows(c->in[LINEAR_X]),
              .depth = c->in[LINEAR_W]->shape[1],
              .n = c->in[LINEAR_W]->shape[0],
              .to = {c->out, c->in[LINEAR_GATE], c->in[LINEAR_MASK], c->attr.accumulate},
              .panels = memory};
  t.product = t.panels + panels_kept(cx, c) * panel_floats(c);
  if (few_rows(cx, c)) {
    of3_pool_run(pool, read_panels, &t, of3_panels(t.rows));
    of3_pool_run(pool, do_outputs, &t, (t.n + OUTPUT_STEP - 1) / OUTPUT_STEP);
  } else
    of3_pool_run(pool, do_panels, &t, of3_panels(t.rows));
}

const of3_kernel of3_cpu_linear = {.workspace = workspace, .run = run};
