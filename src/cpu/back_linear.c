/* Backwards of LINEAR, PROJECT, MODULATE and PAIR_BIAS: products of the same rows of x with one or a few
 * weights (op_linear.c).
 *
 *   y_i = [mask~] [gate~] act_i(x'_s W_i^T [+ b_i]),  x'_s a source (back_rows.h)
 *
 *   rows   z_i = x'_s W_i^T + b_i where its value counts
 *          u_i = mask gate act'(z_i) dy_i,  dx += source'(sum_i u_i W_i)
 *   sums   dW_i += u_i^T x'_s, db_i += sum u_i, dgate~ += mask act(z_i) dy_i
 *          and those of the sources' norms */
#include <string.h>

#include "cpu/back_rows.h"

enum { MOST_SOURCES = MODULATE_MOST + 1, MOST_OUTPUTS = 3 * MODULATE_MOST };

typedef struct output {
  const of3_tensor *w, *b;
  of3_tensor *dw, *db;
  int source;
  of3_act act;
  /* of a run */
  const float *dy; /* [rows,n]; NULL: PAIR_BIAS reads its own */
  float *z;        /* [rows,n], which becomes the gradient of the gate */
  const float *u;  /* [rows,n]: dy itself, or made */
  float *made;
} output;

typedef struct job {
  const of3_cpu_kernels *k;
  const of3_call *c;
  const of3_tensor *gate, *mask;
  of3_tensor *dgate;
  int64_t rows, n, run, block;
  int n_source, n_output;
  of3_source source[MOST_SOURCES];
  output output[MOST_OUTPUTS];
  int64_t first, now; /* of the run: first row, number of rows */
  float *work;        /* [threads][OF3_MATMUL_WORK] */
} job;

/* ---- the arguments of each operation */

static void add_source(job *t, bool norm, int scale, int offset) {
  const of3_call *c = t->c;
  t->source[t->n_source++] = (of3_source){.norm = norm,
                                          .x = c->in[0],
                                          .dx = c->dx[0],
                                          .width = of3_dim(c->in[0], 0),
                                          .gate = scale < 0 ? NULL : c->in[scale],
                                          .shift = offset < 0 ? NULL : c->in[offset],
                                          .dgate = scale < 0 ? NULL : c->dx[scale],
                                          .dshift = offset < 0 ? NULL : c->dx[offset]};
}

static void add_output(job *t, int w, int b, int source, of3_act act) {
  const of3_call *c = t->c;
  t->n = c->in[w]->shape[0];
  t->output[t->n_output++] = (output){.w = c->in[w],
                                      .dw = c->dx[w],
                                      .b = b < 0 ? NULL : c->in[b],
                                      .db = b < 0 ? NULL : c->dx[b],
                                      .source = source,
                                      .act = act};
}

static void describe_linear(job *t) {
  const of3_call *c = t->c;
  add_source(t, c->attr.norm, LINEAR_SCALE, LINEAR_OFFSET);
  add_output(t, LINEAR_W, LINEAR_B, 0, (of3_act)c->attr.act);
  t->gate = c->in[LINEAR_GATE];
  t->dgate = c->dx[LINEAR_GATE];
  t->mask = c->in[LINEAR_MASK];
}

static void describe_pair_bias(job *t) {
  add_source(t, t->c->attr.norm, PAIR_BIAS_SCALE, PAIR_BIAS_OFFSET);
  add_output(t, PAIR_BIAS_W, OF3_NO_ARG, 0, OF3_ACT_NONE);
}

static void describe_project(job *t) {
  const of3_call *c = t->c;
  if (c->in[PROJECT_GATE])
    add_source(t, true, PROJECT_GATE, PROJECT_SHIFT);
  else
    add_source(t, true, PROJECT_SCALE, PROJECT_OFFSET);
  int i = 0;
  do add_output(t, PROJECT_W + i, PROJECT_B + i, 0, OF3_ACT_NONE);
  while (++i < PROJECT_MOST && c->in[PROJECT_W + i]);
}

/* Source 0 is s itself. */
static void describe_modulate(job *t) {
  const of3_call *c = t->c;
  add_source(t, false, OF3_NO_ARG, OF3_NO_ARG);
  for (int i = 0; i < MODULATE_MOST && c->in[i * MODULATE_STRIDE + MODULATE_WG]; i++) {
    const int at = i * MODULATE_STRIDE, norm = t->n_source;
    add_source(t, true, at + MODULATE_SCALE, OF3_NO_ARG);
    add_output(t, at + MODULATE_WG, at + MODULATE_BG, norm, OF3_ACT_SIGMOID);
    add_output(t, at + MODULATE_WS, OF3_NO_ARG, norm, OF3_ACT_NONE);
    if (c->in[at + MODULATE_WO]) add_output(t, at + MODULATE_WO, at + MODULATE_BO, 0, OF3_ACT_SIGMOID);
  }
}

/* ---- memory */

static bool needs_z(const job *t, const output *o) { return o->act != OF3_ACT_NONE || t->dgate; }
static bool makes_u(const job *t, const output *o) {
  return t->c->op == OF3_OP_PAIR_BIAS || o->act != OF3_ACT_NONE || t->gate || t->mask;
}

static int64_t floats_of_a_row(const job *t) {
  return t->n_source * 3 * t->source[0].width + t->n_output * 2 * t->n + 1;
}

static job setup(const of3_ctx *cx, const of3_call *c, of3_room *room) {
  job t = {.k = of3_cpu_state(cx)->kernels, .c = c, .rows = of3_rows(c->in[0])};
  const int threads = of3_cpu_threads(cx);
  if (c->op == OF3_OP_LINEAR)
    describe_linear(&t);
  else if (c->op == OF3_OP_PROJECT)
    describe_project(&t);
  else if (c->op == OF3_OP_MODULATE)
    describe_modulate(&t);
  else
    describe_pair_bias(&t);
  t.run = of3_rows_of_run(t.rows, floats_of_a_row(&t));
  t.block = of3_rows_of_block(t.run, threads);
  for (int i = 0; i < t.n_source; i++) of3_source_lay_out(&t.source[i], t.run, room);
  for (int i = 0; i < t.n_output; i++) {
    output *o = &t.output[i];
    if (needs_z(&t, o)) o->z = of3_room_take(room, t.run * t.n);
    if (makes_u(&t, o)) o->made = of3_room_take(room, t.run * t.n);
  }
  t.work = of3_room_take(room, (int64_t)threads * OF3_MATMUL_WORK);
  return t;
}

static size_t workspace(const of3_ctx *cx, const of3_call *c) {
  of3_room room = {0};
  (void)setup(cx, c, &room);
  return (size_t)room.used * sizeof(float);
}

/* ---- rows */

static const float *gate_row(const of3_tensor *gate, int64_t r, int64_t n) {
  return gate ? of3_f32(gate) + r % of3_rows(gate) * n : NULL;
}

/* Row r of the run: u, and in the place of z what the gate gets. */
static void make_row(const job *t, const output *o, int64_t r) {
  const int64_t row = t->first + r, n = t->n;
  const float mask = t->mask ? of3_f32(t->mask)[row % of3_count(t->mask)] : 1, *dy = o->dy + r * n;
  float *z = o->z ? o->z + r * n : NULL;
  if (z && o->b) t->k->add(z, of3_f32(o->b), n);
  t->k->back->act(o->made + r * n, mask, gate_row(t->gate, row, n), z, dy, n, o->act);
  if (!t->dgate) return;
  t->k->act(z, n, o->act);
  t->k->back->act(z, mask, z, NULL, dy, n, OF3_ACT_NONE);
}

/* PAIR_BIAS: dy is [..,H,K,Q], and masked pairs have a constant. */
static void read_bias_row(const job *t, const output *o, int64_t r) {
  const of3_tensor *z = t->c->in[PAIR_BIAS_Z], *mask = t->c->in[PAIR_BIAS_MASK];
  const int64_t nk = of3_dim(z, 1), nq = of3_dim(z, 2), row = t->first + r, k = row % nk, q = row / nk % nq,
                entry = row / (nk * nq);
  const float *dy = of3_f32(t->c->dy) + (entry * t->n * nk + k) * nq + q;
  const bool counts = !mask || of3_f32(mask)[row % of3_count(mask)] != 0;
  for (int64_t h = 0; h < t->n; h++) o->made[r * t->n + h] = counts ? dy[h * nk * nq] : 0;
}

static void back_output(const job *t, const output *o, int64_t begin, int64_t end, float *work) {
  if (o->z) of3_rows_times(t->k, t->source[o->source].value, o->w, o->z, begin, end, work);
  for (int64_t r = begin; o->made && r < end; r++) {
    if (o->dy)
      make_row(t, o, r);
    else
      read_bias_row(t, o, r);
  }
}

static void back_blocks(void *arg, int64_t begin, int64_t end, int thread) {
  const job *t = arg;
  float *work = t->work + (int64_t)thread * OF3_MATMUL_WORK;
  for (int64_t b = begin; b < end; b++) {
    const int64_t from = b * t->block, to = from + t->block < t->now ? from + t->block : t->now;
    bool added[MOST_SOURCES] = {false};
    for (int i = 0; i < t->n_source; i++) of3_source_read(t->k, &t->source[i], t->first, from, to);
    for (int i = 0; i < t->n_output; i++) {
      const output *o = &t->output[i];
      back_output(t, o, from, to, work);
      of3_source_add(t->k, &t->source[o->source], o->u, o->w, from, to, added[o->source], work);
      added[o->source] = true;
    }
    for (int i = 0; i < t->n_source; i++) of3_source_back(t->k, &t->source[i], t->first, from, to);
  }
}

/* ---- runs */

static void begin_run(job *t, int64_t first) {
  t->first = first;
  t->now = t->rows - first < t->run ? t->rows - first : t->run;
  for (int i = 0; i < t->n_source; i++) of3_source_begin(&t->source[i], first);
  for (int i = 0; i < t->n_output; i++) {
    output *o = &t->output[i];
    if (t->c->op != OF3_OP_PAIR_BIAS) o->dy = of3_f32(t->c->dy) + (i * t->rows + first) * t->n;
    o->u = o->made ? o->made : o->dy;
  }
}

static void add_up(of3_ctx *cx, const job *t) {
  of3_row_sums s = {.k = t->k, .first = t->first, .rows = t->now, .work = t->work};
  for (int i = 0; i < t->n_output; i++) {
    const output *o = &t->output[i];
    of3_sum_product(&s, o->dw, o->u, t->source[o->source].value);
    of3_sum_rows(&s, o->db, o->u, NULL, t->n);
    if (t->dgate) of3_sum_rows(&s, t->dgate, o->z, NULL, t->n);
  }
  for (int i = 0; i < t->n_source; i++)
    if (t->source[i].norm) of3_sum_source(&s, &t->source[i]);
  of3_sums_run(cx, &s);
}

static void run(of3_ctx *cx, const of3_call *c, void *memory) {
  of3_room room = {.at = memory};
  job t = setup(cx, c, &room);
  for (int64_t first = 0; first < t.rows; first += t.run) {
    begin_run(&t, first);
    of3_pool_run(of3_cpu_state(cx)->pool, back_blocks, &t, (t.now + t.block - 1) / t.block);
    add_up(cx, &t);
  }
}

const of3_kernel of3_cpu_back_linear = {.accepts = of3_back_accepts, .workspace = workspace, .run = run};
