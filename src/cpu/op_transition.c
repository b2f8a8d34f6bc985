/* TRANSITION        x += mask W_o (silu(W_a x') * W_b x'),          x' = norm(x)            AF3 SI Alg. 11
 * GATED_TRANSITION  a += mask out_gate W_o (silu(W_a a') * W_b a'), a' = gate norm(a) + shift    Alg. 25
 *
 * Many rows: one thread takes one panel through everything, the hidden axis in blocks of OF3_GEMM_DEPTH:
 *
 *   x' [c][48]  -> W_a, W_b -> silu * -> hidden [256][48] -> W_o -> sum [c][48] -> rows of x
 *
 * so the wide middle exists for one block of one panel and stays in the second-level cache.
 *
 * Few rows: three rounds with all panels in memory, x', hidden and the output; in each threads share panels
 * and channels. Both ways add the blocks of the hidden axis in the same order. */
#include "cpu/panel.h"
#include "cpu/state.h"

enum { BLOCK = OF3_GEMM_DEPTH, STEP = OF3_TILE_MOST };

typedef struct swiglu {
  const of3_cpu_kernels *k;
  const of3_call *c;
  const of3_tensor *wa, *wb, *wo;
  of3_panel_target to;
  int64_t rows, width, hidden;
  of3_tiling hidden_tiling, out_tiling; /* few rows */
  float *x, *middle; /* operands; few rows: of all panels, else of the thread's: [c], [hidden or BLOCK] */
  float *wide;       /* a thread: [max(c,BLOCK)][48], rows of x, then W_o ... */
  float *work;       /* a thread: [max(c,2 STEP)][48], x', then W_a x', W_b x' of STEP channels */
} swiglu;

static swiglu transition_setup(const of3_ctx *cx, const of3_call *c) {
  bool gated = c->op == OF3_OP_GATED_TRANSITION;
  swiglu t = {.k = of3_cpu_state(cx)->kernels,
              .c = c,
              .wa = c->in[gated ? GTRANS_WA : TRANS_WA],
              .wb = c->in[gated ? GTRANS_WB : TRANS_WB],
              .wo = c->in[gated ? GTRANS_WO : TRANS_WO],
              .to = {.y = c->out,
                     .opt_gate = gated ? c->in[GTRANS_OUT_GATE] : NULL,
                     .opt_mask = c->in[gated ? GTRANS_MASK : TRANS_MASK],
                     .add = true,
                     .pairs = c->attr.pairs},
              .rows = of3_rows(c->out)};
  t.hidden = t.wa->shape[0];
  t.width = t.wa->shape[1];
  const int threads = of3_cpu_threads(cx);
  if (of3_few_panels(of3_panels(t.rows), t.hidden * t.width, threads)) {
    t.hidden_tiling = of3_tile(of3_panels(t.rows), t.hidden, 1, threads);
    t.out_tiling = of3_tile(of3_panels(t.rows), t.width, 1, threads);
  }
  return t;
}

static bool transition_few(const swiglu *t) { return t->out_tiling.panels > 0; }
static int64_t transition_wider(const swiglu *t, int64_t n) { return t->width > n ? t->width : n; }
static int64_t wide_floats(const swiglu *t) { return transition_wider(t, BLOCK) * OF3_LANES; }
static int64_t work_floats(const swiglu *t) { return transition_wider(t, 2 * STEP) * OF3_LANES; }
static int64_t x_floats(const swiglu *t) { return of3_operand_rows(t->k, t->wa, t->width) * OF3_LANES; }
static int64_t middle_floats(const swiglu *t) {
  return of3_operand_rows(t->k, t->wo, transition_few(t) || t->hidden < BLOCK ? t->hidden : BLOCK) *
         OF3_LANES;
}

static size_t transition_workspace(const of3_ctx *cx, const of3_call *c) {
  swiglu t = transition_setup(cx, c);
  int64_t threads = of3_cpu_threads(cx), panels = transition_few(&t) ? of3_panels(t.rows) : threads;
  int64_t floats =
      panels * (x_floats(&t) + middle_floats(&t)) + threads * (wide_floats(&t) + work_floats(&t));
  return (size_t)floats * sizeof(float);
}

static int transition_lanes_of(const swiglu *t, int64_t p) { return of3_lanes(of3_panel_rows(t->rows, p)); }

/* The operand x' of panel p. */
static void read_input(const swiglu *t, float *x, int64_t p, int thread) {
  const bool bf16x2 = of3_takes_bf16x2(t->k, t->wa);
  float *panel = bf16x2 ? t->work + thread * work_floats(t) : x;
  if (t->c->op == OF3_OP_GATED_TRANSITION)
    of3_read_adaptive_panel(t->k, panel, t->wide + thread * wide_floats(t), t->c->out, t->c->in[GTRANS_GATE],
                            t->c->in[GTRANS_SHIFT], p);
  else {
    of3_read_panel(t->k, panel, t->c->out, p);
    of3_norm_panel(t->k, panel, transition_lanes_of(t, p), t->width, t->c->in[TRANS_SCALE],
                   t->c->in[TRANS_OFFSET]);
  }
  if (bf16x2) t->k->to_bf16x2(x, panel, transition_lanes_of(t, p), t->width);
}

/* middle = the operand silu(W_a x) * W_b x, hidden channels e->first .. of panel p, e->n <= STEP of them. */
static void make_hidden(const swiglu *t, const float *x, float *middle, int64_t p, const of3_tile_item *e,
                        int thread) {
  const int64_t first = e->first, n = e->n;
  const int lanes = transition_lanes_of(t, p);
  const bool bf16x2 = of3_takes_bf16x2(t->k, t->wo);
  float *work = t->work + thread * work_floats(t), *a = bf16x2 ? work : middle, *b = work + STEP * OF3_LANES;
  of3_gemm product_a = of3_weights_times(t->wa, first, n, x, lanes, a),
           product_b = of3_weights_times(t->wb, first, n, x, lanes, b);
  of3_product(t->k, &product_a);
  of3_product(t->k, &product_b);
  if (bf16x2)
    t->k->between->silu_operand(middle, a, b, lanes, n);
  else
    t->k->silu_mul(a, b, n * lanes);
}

/* ---- many rows */

static void transition_do_panel(const swiglu *t, int64_t p, int thread) {
  float *x = t->x + thread * x_floats(t), *middle = t->middle + thread * middle_floats(t),
        *sum = t->wide + thread * wide_floats(t);
  const int lanes = transition_lanes_of(t, p);
  read_input(t, x, p, thread);
  for (int64_t h = 0; h < t->hidden; h += BLOCK) {
    const int64_t n = t->hidden - h < BLOCK ? t->hidden - h : BLOCK;
    for (int64_t s = 0; s < n; s += STEP) {
      const of3_tile_item e = {.first = h + s, .n = n - s < STEP ? n - s : STEP};
      make_hidden(t, x, middle + of3_operand_rows(t->k, t->wo, s) * lanes, p, &e, thread);
    }
    of3_gemm o = of3_weights_times(t->wo, 0, t->width, middle, lanes, sum);
    of3_gemm_terms(&o, h, n);
    o.accumulate = h > 0;
    of3_product(t->k, &o);
  }
  of3_write_panel(t->k, &t->to, p, 0, t->width, sum);
}

static void transition_do_panels(void *arg, int64_t begin, int64_t end, int thread) {
  for (int64_t p = begin; p < end; p++) transition_do_panel(arg, p, thread);
}

/* ---- few rows */

static void read_panels(void *arg, int64_t begin, int64_t end, int thread) {
  const swiglu *t = arg;
  for (int64_t p = begin; p < end; p++) read_input(t, t->x + p * x_floats(t), p, thread);
}

static void share_hidden(void *arg, int64_t begin, int64_t end, int thread) {
  const swiglu *t = arg;
  for (int64_t i = begin; i < end;) {
    of3_tile_item e = of3_tile_next(&t->hidden_tiling, &i, end);
    for (int64_t p = e.p; p < e.p_end; p++)
      make_hidden(t, t->x + p * x_floats(t),
                  t->middle + p * middle_floats(t) +
                      of3_operand_rows(t->k, t->wo, e.first) * transition_lanes_of(t, p),
                  p, &e, thread);
  }
}

static void share_outputs(void *arg, int64_t begin, int64_t end, int thread) {
  const swiglu *t = arg;
  float *sum = t->wide + thread * wide_floats(t);
  for (int64_t i = begin; i < end;) {
    of3_tile_item e = of3_tile_next(&t->out_tiling, &i, end);
    for (int64_t p = e.p; p < e.p_end; p++) {
      of3_gemm g = of3_weights_times(t->wo, e.first, e.n, t->middle + p * middle_floats(t),
                                     transition_lanes_of(t, p), sum);
      of3_product(t->k, &g);
      of3_write_panel(t->k, &t->to, p, e.first, e.n, sum);
    }
  }
}

static void transition_run(of3_ctx *cx, const of3_call *c, void *memory) {
  of3_pool *pool = of3_cpu_state(cx)->pool;
  swiglu t = transition_setup(cx, c);
  int64_t threads = of3_cpu_threads(cx), panels = transition_few(&t) ? of3_panels(t.rows) : threads;
  t.x = memory;
  t.middle = t.x + panels * x_floats(&t);
  t.wide = t.middle + panels * middle_floats(&t);
  t.work = t.wide + threads * wide_floats(&t);
  if (transition_few(&t)) {
    of3_pool_run(pool, read_panels, &t, of3_panels(t.rows));
    of3_pool_run(pool, share_hidden, &t, t.hidden_tiling.items);
    of3_pool_run(pool, share_outputs, &t, t.out_tiling.items);
  } else
    of3_pool_run(pool, transition_do_panels, &t, of3_panels(t.rows));
}

const of3_kernel of3_cpu_transition = {.workspace = transition_workspace, .run = transition_run};
const of3_kernel of3_cpu_gated_transition = {.workspace = transition_workspace, .run = transition_run};
