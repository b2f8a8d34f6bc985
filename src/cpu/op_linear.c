/* LINEAR   y = [y +] [mask] [gate] act([norm](x) W^T [+ b])
 * PROJECT  y[i] = x' W_i^T [+ b_i], x' = norm(x) or gate norm(x) + shift
 * MODULATE y[i] = act_i(x'_i W_i^T [+ b_i]), x'_i = s or norm(s) scale
 *
 * The last two are linears of the same rows: x is made into one or a few sources x', and each output is a
 * product with one of them.
 *
 * Many rows: each thread takes panels; one panel of x goes through all outputs, a block at a time:
 *
 *   x rows -> panel [K][48] -> norm -> product [block][48] -> act -> rows of y (gate, mask, sum)
 *
 * Few rows, or weights larger than caches (both in the token transformer): all panels become operands first,
 * then threads share panels and outputs, so that a piece of weights serves several panels. */
#include <string.h>

#include "cpu/panel.h"
#include "cpu/state.h"

enum { BLOCK = OF3_TILE_MOST, WEIGHTS_IN_CACHE = 1 << 19 };
enum { MOST_SOURCES = MODULATE_MOST + 1, MOST_OUTPUTS = 3 * MODULATE_MOST };

typedef struct source {
  bool norm;
  const of3_tensor *scale, *offset; /* of the norm */
  const of3_tensor *gate, *shift;   /* adaptive norm */
} source;

typedef struct output {
  const of3_tensor *w, *b;
  int source;
  of3_act act;
} output;

typedef struct linear {
  const of3_cpu_kernels *k;
  const of3_call *c;
  const of3_tensor *x;
  int64_t rows, depth, n, panels;
  int n_source, n_output;
  source source[MOST_SOURCES];
  output output[MOST_OUTPUTS];
  of3_tiling tiling;      /* few rows */
  float *operands;        /* few rows: of all sources and panels */
  float *panel, *product; /* a thread: a source's panel, and rows of x if adaptive; a block of outputs */
} linear;

static bool linear_few(const linear *t) { return t->tiling.panels > 0; }

static void describe_linear(linear *t) {
  const of3_call *c = t->c;
  t->source[t->n_source++] =
      (source){.norm = c->attr.norm, .scale = c->in[LINEAR_SCALE], .offset = c->in[LINEAR_OFFSET]};
  t->output[t->n_output++] = (output){c->in[LINEAR_W], c->in[LINEAR_B], 0, (of3_act)c->attr.act};
}

static void describe_project(linear *t) {
  const of3_tensor *const *in = t->c->in;
  t->source[t->n_source++] =
      (source){true, in[PROJECT_SCALE], in[PROJECT_OFFSET], in[PROJECT_GATE], in[PROJECT_SHIFT]};
  int i = 0;
  do t->output[t->n_output++] = (output){in[PROJECT_W + i], in[PROJECT_B + i], 0, OF3_ACT_NONE};
  while (++i < PROJECT_MOST && in[PROJECT_W + i]);
}

/* Source 0 is s itself. */
static void describe_modulate(linear *t) {
  const of3_tensor *const *in = t->c->in;
  const int most = in[MODULATE_STRIDE + MODULATE_WG] ? MODULATE_MOST : 1;
  t->source[t->n_source++] = (source){0};
  for (int i = 0; i < most; i++, in += MODULATE_STRIDE) {
    const int norm = t->n_source++;
    t->source[norm] = (source){.norm = true, .scale = in[MODULATE_SCALE]};
    t->output[t->n_output++] = (output){in[MODULATE_WG], in[MODULATE_BG], norm, OF3_ACT_SIGMOID};
    t->output[t->n_output++] = (output){in[MODULATE_WS], NULL, norm, OF3_ACT_NONE};
    if (in[MODULATE_WO])
      t->output[t->n_output++] = (output){in[MODULATE_WO], in[MODULATE_BO], 0, OF3_ACT_SIGMOID};
  }
}

static linear linear_setup(const of3_ctx *cx, const of3_call *c) {
  linear t = {.k = of3_cpu_state(cx)->kernels, .c = c, .x = c->in[0]};
  if (c->op == OF3_OP_LINEAR)
    describe_linear(&t);
  else if (c->op == OF3_OP_PROJECT)
    describe_project(&t);
  else
    describe_modulate(&t);
  t.rows = of3_rows(t.x);
  t.n = t.output[0].w->shape[0];
  t.depth = t.output[0].w->shape[1];
  t.panels = of3_panels(t.rows);
  const int threads = of3_cpu_threads(cx);
  const int64_t weights = t.n_output * t.n * t.depth;
  if (weights > WEIGHTS_IN_CACHE || of3_few_panels(t.panels, weights, threads))
    t.tiling = of3_tile(t.panels, t.n, t.n_output, threads);
  return t;
}

static int64_t operand_floats(const linear *t) {
  return of3_operand_rows(t->k, t->output[0].w, t->depth) * OF3_LANES;
}
static int64_t operands_floats(const linear *t) {
  return linear_few(t) ? t->n_source * t->panels * operand_floats(t) : 0;
}
static int64_t panel_floats(const linear *t) { return (t->source[0].gate ? 2 : 1) * t->depth * OF3_LANES; }

static size_t linear_workspace(const of3_ctx *cx, const of3_call *c) {
  linear t = linear_setup(cx, c);
  const int64_t thread = panel_floats(&t) + BLOCK * OF3_LANES;
  return (size_t)(operands_floats(&t) + of3_cpu_threads(cx) * thread) * sizeof(float);
}

static int linear_lanes_of(const linear *t, int64_t p) { return of3_lanes(of3_panel_rows(t->rows, p)); }

/* Panel p of a source; behind it the thread has room for rows. */
static void read_source(const linear *t, const source *s, float *panel, int64_t p, int thread) {
  if (s->gate) {
    float *line = t->panel + thread * panel_floats(t) + t->depth * OF3_LANES;
    of3_read_adaptive_panel(t->k, panel, line, t->x, s->gate, s->shift, p);
    return;
  }
  of3_read_panel(t->k, panel, t->x, p);
  if (s->norm) of3_norm_panel(t->k, panel, linear_lanes_of(t, p), t->depth, s->scale, s->offset);
}

/* The operand of panel p of a source, into the thread's panel or elsewhere. */
static void make_operand(const linear *t, const source *s, float *to, int64_t p, int thread) {
  if (t->x->dtype == OF3_BF16) {
    of3_read_bf16x2(t->k, to, t->x, p);
    return;
  }
  const bool bf16x2 = of3_takes_bf16x2(t->k, t->output[0].w);
  float *panel = bf16x2 ? t->panel + thread * panel_floats(t) : to;
  read_source(t, s, panel, p, thread);
  if (bf16x2) t->k->to_bf16x2(to, panel, linear_lanes_of(t, p), t->depth);
}

/* Where output i goes: into y itself or one of the tensors that it consists of. */
static of3_tensor part_of_y(const linear *t, int i) {
  of3_tensor y = *t->c->out;
  if (t->c->op == OF3_OP_LINEAR) return y;
  y.offset += i * t->rows * t->n;
  y.rank--;
  memmove(y.shape, y.shape + 1, (size_t)y.rank * sizeof y.shape[0]);
  return y;
}

/* Channels e->first .. of output e->which, of panel p, which is x. */
static void linear_do_block(const linear *t, const float *x, int64_t p, const of3_tile_item *e, int thread) {
  const output *o = &t->output[e->which];
  const int64_t first = e->first, n = e->n;
  const int lanes = linear_lanes_of(t, p);
  float *product = t->product + thread * BLOCK * OF3_LANES;
  of3_gemm g = of3_weights_times(o->w, first, n, x, lanes, product);
  g.opt_bias = o->b ? of3_f32(o->b) + first : NULL;
  of3_product(t->k, &g);
  t->k->act(product, n * lanes, o->act);
  const of3_tensor y = part_of_y(t, (int)e->which);
  of3_panel_target to = {.y = &y};
  if (t->c->op == OF3_OP_LINEAR)
    to = (of3_panel_target){.y = &y,
                            .opt_gate = t->c->in[LINEAR_GATE],
                            .opt_mask = t->c->in[LINEAR_MASK],
                            .add = t->c->attr.accumulate};
  of3_write_panel(t->k, &to, p, first, n, product);
}

/* ---- many rows */

static void linear_do_panels(void *arg, int64_t begin, int64_t end, int thread) {
  const linear *t = arg;
  float *panel = t->panel + thread * panel_floats(t);
  for (int64_t p = begin; p < end; p++)
    for (int s = 0; s < t->n_source; s++) {
      make_operand(t, &t->source[s], panel, p, thread);
      for (int i = 0; i < t->n_output; i++)
        for (int64_t o = 0; o < t->n && t->output[i].source == s; o += BLOCK) {
          const of3_tile_item e = {.which = i, .first = o, .n = t->n - o < BLOCK ? t->n - o : BLOCK};
          linear_do_block(t, panel, p, &e, thread);
        }
    }
}

/* ---- few rows */

static float *operand(const linear *t, int s, int64_t p) {
  return t->operands + (s * t->panels + p) * operand_floats(t);
}

/* Item: (source, panel). */
static void make_operands(void *arg, int64_t begin, int64_t end, int thread) {
  const linear *t = arg;
  for (int64_t i = begin; i < end; i++) {
    const int64_t p = i % t->panels;
    const int s = (int)(i / t->panels);
    make_operand(t, &t->source[s], operand(t, s, p), p, thread);
  }
}

static void do_items(void *arg, int64_t begin, int64_t end, int thread) {
  const linear *t = arg;
  for (int64_t i = begin; i < end;) {
    const of3_tile_item e = of3_tile_next(&t->tiling, &i, end);
    for (int64_t p = e.p; p < e.p_end; p++)
      linear_do_block(t, operand(t, t->output[e.which].source, p), p, &e, thread);
  }
}

static void linear_run(of3_ctx *cx, const of3_call *c, void *memory) {
  of3_pool *pool = of3_cpu_state(cx)->pool;
  linear t = linear_setup(cx, c);
  t.operands = memory;
  t.panel = t.operands + operands_floats(&t);
  t.product = t.panel + of3_cpu_threads(cx) * panel_floats(&t);
  if (linear_few(&t)) {
    of3_pool_run(pool, make_operands, &t, t.n_source * t.panels);
    of3_pool_run(pool, do_items, &t, t.tiling.items);
  } else
    of3_pool_run(pool, linear_do_panels, &t, t.panels);
}

const of3_kernel of3_cpu_linear = {.workspace = linear_workspace, .run = linear_run};
const of3_kernel of3_cpu_project = {.workspace = linear_workspace, .run = linear_run};
const of3_kernel of3_cpu_modulate = {.workspace = linear_workspace, .run = linear_run};
