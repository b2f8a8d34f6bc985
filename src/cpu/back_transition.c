/* Backwards of TRANSITION and GATED_TRANSITION (op_transition.c):
 *
 *   x += mask [out_gate~] W_o (silu(W_a x') * W_b x'),   x' a source (back_rows.h)
 *
 *   rows   a = W_a x', b = W_b x';  u = mask out_gate dy,  dh = u W_o
 *          da = dh b silu'(a), db = dh silu(a), h = silu(a) b
 *          dx += dy + source'(da W_a + db W_b)
 *   sums   dW_a += da^T x', dW_b += db^T x', dW_o += u^T h, dout_gate~ += mask dy (W_o h) */
#include "cpu/back_rows.h"
#include "tensor/pairs.h"

typedef struct job {
  const of3_cpu_kernels *k;
  const of3_call *c;
  bool gated;
  int wa, wb, wo; /* numbers of the arguments */
  of3_source source;
  int64_t rows, width, hidden, run, block;
  float *a, *b, *h; /* [run,hidden]; h is dh first */
  float *u;         /* [run,width] */
  float *of_gate;   /* [run,width] mask dy (W_o h), or NULL */
  int64_t first, now;
  float *work;
} job;

static void describe(job *t) {
  const of3_call *c = t->c;
  t->gated = c->op == OF3_OP_GATED_TRANSITION;
  t->wa = t->gated ? GTRANS_WA : TRANS_WA;
  t->wb = t->gated ? GTRANS_WB : TRANS_WB;
  t->wo = t->gated ? GTRANS_WO : TRANS_WO;
  const int x = t->gated ? GTRANS_A : TRANS_X, gate = t->gated ? GTRANS_GATE : TRANS_SCALE,
            shift = t->gated ? GTRANS_SHIFT : TRANS_OFFSET;
  t->source = (of3_source){.norm = true,
                           .x = c->in[x],
                           .dx = c->dx[x],
                           .width = of3_dim(c->in[x], 0),
                           .gate = c->in[gate],
                           .shift = c->in[shift],
                           .dgate = c->dx[gate],
                           .dshift = c->dx[shift]};
}

static job setup(const of3_ctx *cx, const of3_call *c, of3_room *room) {
  job t = {.k = of3_cpu_state(cx)->kernels, .c = c, .rows = of3_rows(c->out)};
  const int threads = of3_cpu_threads(cx);
  describe(&t);
  t.width = t.source.width;
  t.hidden = c->in[t.wa]->shape[0];
  t.run = of3_rows_of_run(t.rows, 5 * t.width + 3 * t.hidden);
  t.block = of3_rows_of_block(t.run, threads);
  of3_source_lay_out(&t.source, t.run, room);
  t.a = of3_room_take(room, t.run * t.hidden);
  t.b = of3_room_take(room, t.run * t.hidden);
  t.h = of3_room_take(room, t.run * t.hidden);
  t.u = of3_room_take(room, t.run * t.width);
  if (t.gated && c->dx[GTRANS_OUT_GATE]) t.of_gate = of3_room_take(room, t.run * t.width);
  t.work = of3_room_take(room, (int64_t)threads * OF3_MATMUL_WORK);
  return t;
}

static size_t workspace(const of3_ctx *cx, const of3_call *c) {
  of3_room room = {0};
  (void)setup(cx, c, &room);
  return (size_t)room.used * sizeof(float);
}

static float mask_of(const job *t, int64_t r) {
  const of3_tensor *mask = t->c->in[t->gated ? GTRANS_MASK : TRANS_MASK];
  if (!mask) return 1;
  return t->c->attr.pairs && !t->gated ? of3_row_pair_mask(mask, of3_dim(t->c->out, 1), r)
                                       : of3_f32(mask)[r % of3_count(mask)];
}

/* u of row r of the run. */
static void make_u(const job *t, int64_t r) {
  const of3_tensor *gate = t->gated ? t->c->in[GTRANS_OUT_GATE] : NULL;
  const int64_t w = t->width, row = t->first + r;
  t->k->back->act(t->u + r * w, mask_of(t, row), gate ? of3_f32(gate) + row % of3_rows(gate) * w : NULL, NULL,
                  of3_f32(t->c->dy) + row * w, w, OF3_ACT_NONE);
}

/* What the gate of the output gets. */
static void make_of_gate(const job *t, int64_t begin, int64_t end, float *work) {
  const int64_t w = t->width;
  of3_rows_times(t->k, t->h, t->c->in[t->wo], t->of_gate, begin, end, work);
  for (int64_t r = begin; r < end; r++)
    t->k->back->act(t->of_gate + r * w, mask_of(t, t->first + r), t->of_gate + r * w, NULL,
                    of3_f32(t->c->dy) + (t->first + r) * w, w, OF3_ACT_NONE);
}

static void make_dh(const job *t, int64_t begin, int64_t end, float *work) {
  const of3_matmul p = {.a = of3_rows_of(t->u + begin * t->width, t->width),
                        .b = of3_rows_of(of3_f32(t->c->in[t->wo]), t->hidden),
                        .y = t->h + begin * t->hidden,
                        .ldy = t->hidden,
                        .m = end - begin,
                        .n = t->hidden,
                        .k = t->width};
  of3_matmul_do(t->k, &p, work);
}

static void back_blocks(void *arg, int64_t begin, int64_t end, int thread) {
  const job *t = arg;
  const int64_t w = t->width, h = t->hidden;
  float *work = t->work + (int64_t)thread * OF3_MATMUL_WORK;
  for (int64_t b = begin; b < end; b++) {
    const int64_t from = b * t->block, to = from + t->block < t->now ? from + t->block : t->now;
    of3_source_read(t->k, &t->source, t->first, from, to);
    of3_rows_times(t->k, t->source.value, t->c->in[t->wa], t->a, from, to, work);
    of3_rows_times(t->k, t->source.value, t->c->in[t->wb], t->b, from, to, work);
    for (int64_t r = from; r < to; r++) make_u(t, r);
    make_dh(t, from, to, work);
    t->k->back->swiglu(t->a + from * h, t->b + from * h, t->h + from * h, (to - from) * h);
    if (t->of_gate) make_of_gate(t, from, to, work);
    of3_source_add(t->k, &t->source, t->a, t->c->in[t->wa], from, to, false, work);
    of3_source_add(t->k, &t->source, t->b, t->c->in[t->wb], from, to, true, work);
    of3_source_back(t->k, &t->source, t->first, from, to);
    if (t->source.dx)
      t->k->add(of3_f32(t->source.dx) + (t->first + from) * w, of3_f32(t->c->dy) + (t->first + from) * w,
                (to - from) * w);
  }
}

static void add_up(of3_ctx *cx, const job *t) {
  of3_row_sums s = {.k = t->k, .first = t->first, .rows = t->now, .work = t->work};
  of3_sum_product(&s, t->c->dx[t->wa], t->a, t->source.value);
  of3_sum_product(&s, t->c->dx[t->wb], t->b, t->source.value);
  of3_sum_product(&s, t->c->dx[t->wo], t->u, t->h);
  if (t->of_gate) of3_sum_rows(&s, t->c->dx[GTRANS_OUT_GATE], t->of_gate, NULL, t->width);
  of3_sum_source(&s, &t->source);
  of3_sums_run(cx, &s);
}

static void run(of3_ctx *cx, const of3_call *c, void *memory) {
  of3_room room = {.at = memory};
  job t = setup(cx, c, &room);
  for (t.first = 0; t.first < t.rows; t.first += t.run) {
    t.now = t.rows - t.first < t.run ? t.rows - t.first : t.run;
    of3_pool_run(of3_cpu_state(cx)->pool, back_blocks, &t, (t.now + t.block - 1) / t.block);
    add_up(cx, &t);
  }
}

const of3_kernel of3_cpu_back_transition = {.accepts = of3_back_accepts, .workspace = workspace, .run = run};
