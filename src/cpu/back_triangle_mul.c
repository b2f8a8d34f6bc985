/* Backward of TRIANGLE_MUL (op_triangle_mul.c), one batch entry after the other:
 *
 *   a = mask sigmoid(W_ag x') W_ap x', b alike
 *   p_ij = sum_k a_ik b_jk (outgoing) or sum_k a_ki b_kj,  z += sigmoid(W_g x') W_z norm(p)
 *
 * a, b and p are matrices [n][ld] for each hidden channel, since channels are multiplied apart; ld is n
 * rounded up to whole vectors. What goes through a norm is linear in the gradient, so that x' may get its
 * gradient in two parts.
 *
 *   operands   pairs      a, b from z
 *   products   channels   p = a b
 *   outputs    pairs      dp in the place of p; dz += dy + norm'(dg W_g)
 *                         then sums for W_z, W_g and both norms
 *   factors    channels   da, db in the place of a, b
 *   inputs     pairs      dz += norm'(..) through the four projections
 *                         then their sums and the norm's
 *
 * Pairs go in runs of whole rows i; an item is up to 48 pairs (i, j ..), a panel of a row of a matrix. */
#include <string.h>

#include "cpu/back_rows.h"
#include "tensor/pairs.h"

enum { A, B, P, MATRICES };
enum { FACTORS = 2 };

typedef struct job {
  const of3_cpu_kernels *k;
  const of3_call *c;
  int64_t n, ld, width, hidden;
  int64_t entry, first, rows; /* of a run: the first row i, their number */
  int64_t run;
  const float *mask;
  of3_source x;
  float *matrix[MATRICES]; /* [hidden][n][ld] */
  /* of a run, pairs by numbers: */
  float *proj[FACTORS], *gate[FACTORS]; /* [pairs,hidden] W_p x', W_g x' and their gradients */
  float *factor;                        /* [pairs,hidden] p or a */
  float *hat, *normed, *inv, *dnorm;    /* [pairs,hidden] norm of p, without and
                                           with its weights; [pairs]; gradient */
  float *out, *out_gate;                /* [pairs,width] W_z norm(p), W_g x' and their gradients */
  float *thread;                        /* each: [2][n][ld] and of3_matmul_do */
  int64_t each;
} job;

static job setup(const of3_ctx *cx, const of3_call *c, of3_room *room) {
  job t = {.k = of3_cpu_state(cx)->kernels,
           .c = c,
           .n = of3_dim(c->out, 1),
           .width = of3_dim(c->out, 0),
           .hidden = c->in[TRI_MUL_WAP]->shape[0]};
  const int threads = of3_cpu_threads(cx);
  t.ld = of3_aligned(t.n);
  t.x = (of3_source){.norm = true,
                     .x = c->in[TRI_MUL_Z],
                     .dx = c->dx[TRI_MUL_Z],
                     .width = t.width,
                     .gate = c->in[TRI_MUL_IN_SCALE],
                     .shift = c->in[TRI_MUL_IN_OFFSET],
                     .dgate = c->dx[TRI_MUL_IN_SCALE],
                     .dshift = c->dx[TRI_MUL_IN_OFFSET]};
  t.run = of3_rows_of_run(t.n * t.n, 5 * t.width + 8 * t.hidden + 2) / t.n;
  if (t.run < 1) t.run = 1;
  const int64_t pairs = t.run * t.n;
  for (int i = 0; i < MATRICES; i++) t.matrix[i] = of3_room_take(room, t.hidden * t.n * t.ld);
  of3_source_lay_out(&t.x, pairs, room);
  for (int i = 0; i < FACTORS; i++) {
    t.proj[i] = of3_room_take(room, pairs * t.hidden);
    t.gate[i] = of3_room_take(room, pairs * t.hidden);
  }
  t.factor = of3_room_take(room, pairs * t.hidden);
  t.hat = of3_room_take(room, pairs * t.hidden);
  t.normed = of3_room_take(room, pairs * t.hidden);
  t.dnorm = of3_room_take(room, pairs * t.hidden);
  t.inv = of3_room_take(room, pairs);
  t.out = of3_room_take(room, pairs * t.width);
  t.out_gate = of3_room_take(room, pairs * t.width);
  t.each = 2 * t.n * t.ld + OF3_MATMUL_WORK;
  t.thread = of3_room_take(room, threads * t.each);
  return t;
}

static size_t workspace(const of3_ctx *cx, const of3_call *c) {
  of3_room room = {0};
  if (of3_count(c->out)) (void)setup(cx, c, &room);
  return (size_t)room.used * sizeof(float);
}

static float *work_of(const job *t, int thread) { return t->thread + thread * t->each; }

/* ---- an item of pairs: rows begin .. end-1 of the run, which are pairs (i, j)
 * .. (i, j + lanes) */

typedef struct item {
  int64_t begin, end, i, j;
} item;

static item item_of(const job *t, int64_t number) {
  const int64_t panels = of3_panels(t->n), i = number / panels, j = number % panels * OF3_LANES;
  return (item){.begin = i * t->n + j,
                .end = i * t->n + j + of3_panel_rows(t->n, number % panels),
                .i = t->first + i,
                .j = j};
}

static int64_t first_row(const job *t) { return (t->entry * t->n + t->first) * t->n; }

static float mask_of(const job *t, const item *e, int64_t r) {
  return of3_pair_mask(t->mask, e->i, e->j + r - e->begin);
}

/* Between rows [pairs,hidden] and the matrices of the channels. */
static void to_matrix(const job *t, const item *e, const float *rows, float *matrix) {
  const float *row[OF3_LANES];
  const int n = (int)(e->end - e->begin);
  of3_rows_at(row, rows + e->begin * t->hidden, t->hidden, n);
  t->k->pack(matrix + e->i * t->ld + e->j, t->n * t->ld, of3_lanes(n), row, n, t->hidden);
}

static void from_matrix(const job *t, const item *e, const float *matrix, float *rows) {
  float *row[OF3_LANES];
  const int n = (int)(e->end - e->begin);
  for (int i = 0; i < n; i++) row[i] = rows + (e->begin + i) * t->hidden;
  t->k->unpack(&(of3_unpack){.panel = matrix + e->i * t->ld + e->j,
                             .ld = t->n * t->ld,
                             .n_row = n,
                             .channels = t->hidden,
                             .y = row});
}

/* x', and the projections of factor f and their gates. */
static void project(const job *t, const item *e, int f, float *work) {
  of3_rows_times(t->k, t->x.value, t->c->in[TRI_MUL_WAP + 2 * f], t->proj[f], e->begin, e->end, work);
  of3_rows_times(t->k, t->x.value, t->c->in[TRI_MUL_WAG + 2 * f], t->gate[f], e->begin, e->end, work);
}

static void make_operands(void *arg, int64_t begin, int64_t end, int thread) {
  const job *t = arg;
  const int64_t h = t->hidden;
  for (int64_t number = begin; number < end; number++) {
    const item e = item_of(t, number);
    of3_source_read(t->k, &t->x, first_row(t), e.begin, e.end);
    for (int f = 0; f < FACTORS; f++) {
      project(t, &e, f, work_of(t, thread));
      t->k->between->sigmoid_mul(t->proj[f] + e.begin * h, t->gate[f] + e.begin * h, (e.end - e.begin) * h);
      for (int64_t r = e.begin; t->mask && r < e.end; r++)
        t->k->scale(t->proj[f] + r * h, mask_of(t, &e, r), h);
      to_matrix(t, &e, t->proj[f], t->matrix[f]);
    }
  }
}

/* ---- channels */

/* y [n][ld] = a b or their transposes. */
static void multiply(const job *t, of3_factor a, of3_factor b, float *y, float *work) {
  const of3_matmul p = {.a = a, .b = b, .y = y, .ldy = t->ld, .m = t->n, .n = t->n, .k = t->n};
  of3_matmul_do(t->k, &p, work);
}

static void make_products(void *arg, int64_t begin, int64_t end, int thread) {
  const job *t = arg;
  for (int64_t ch = begin; ch < end; ch++) {
    const int64_t at = ch * t->n * t->ld;
    const float *a = t->matrix[A] + at, *b = t->matrix[B] + at;
    if (t->c->attr.outgoing)
      multiply(t, of3_rows_of(a, t->ld), of3_transposed(b, t->ld), t->matrix[P] + at, work_of(t, thread));
    else
      multiply(t, of3_transposed(a, t->ld), of3_rows_of(b, t->ld), t->matrix[P] + at, work_of(t, thread));
  }
}

/* outgoing: da = dp b, db = dp^T a; else da = b dp^T, db = a dp. */
static void make_factors(void *arg, int64_t begin, int64_t end, int thread) {
  const job *t = arg;
  const int64_t size = t->n * t->ld;
  float *da = work_of(t, thread), *db = da + size, *work = db + size;
  for (int64_t ch = begin; ch < end; ch++) {
    float *a = t->matrix[A] + ch * size, *b = t->matrix[B] + ch * size;
    const float *dp = t->matrix[P] + ch * size;
    if (t->c->attr.outgoing) {
      multiply(t, of3_rows_of(dp, t->ld), of3_rows_of(b, t->ld), da, work);
      multiply(t, of3_transposed(dp, t->ld), of3_rows_of(a, t->ld), db, work);
    } else {
      multiply(t, of3_rows_of(b, t->ld), of3_transposed(dp, t->ld), da, work);
      multiply(t, of3_rows_of(a, t->ld), of3_rows_of(dp, t->ld), db, work);
    }
    memcpy(a, da, (size_t)size * sizeof *a);
    memcpy(b, db, (size_t)size * sizeof *b);
  }
}

/* ---- outputs */

/* norm(p) of an item. */
static void norm_products(const job *t, const item *e) {
  const int64_t h = t->hidden;
  from_matrix(t, e, t->matrix[P], t->factor);
  for (int64_t r = e->begin; r < e->end; r++) {
    t->inv[r] = t->k->back->unit_row(t->hat + r * h, t->factor + r * h, h);
    t->k->back->affine(t->normed + r * h, t->hat + r * h, of3_f32(t->c->in[TRI_MUL_OUT_SCALE]),
                       of3_f32(t->c->in[TRI_MUL_OUT_OFFSET]), h);
  }
}

/* dp of an item from the gradient of norm(p). */
static void products_back(const job *t, const item *e, float *work) {
  const int64_t h = t->hidden;
  const of3_matmul p = {.a = of3_rows_of(t->out + e->begin * t->width, t->width),
                        .b = of3_rows_of(of3_f32(t->c->in[TRI_MUL_WZ]), h),
                        .y = t->dnorm + e->begin * h,
                        .ldy = h,
                        .m = e->end - e->begin,
                        .n = h,
                        .k = t->width};
  of3_matmul_do(t->k, &p, work);
  memset(t->factor + e->begin * h, 0, (size_t)((e->end - e->begin) * h) * sizeof(float));
  for (int64_t r = e->begin; r < e->end; r++)
    t->k->back->norm_row(t->factor + r * h, t->dnorm + r * h, of3_f32(t->c->in[TRI_MUL_OUT_SCALE]),
                         t->hat + r * h, t->inv[r], h);
  to_matrix(t, e, t->factor, t->matrix[P]);
}

static void back_outputs(void *arg, int64_t begin, int64_t end, int thread) {
  const job *t = arg;
  const of3_call *c = t->c;
  const int64_t w = t->width;
  float *work = work_of(t, thread);
  for (int64_t number = begin; number < end; number++) {
    const item e = item_of(t, number);
    const int64_t numbers = (e.end - e.begin) * w, at = (first_row(t) + e.begin) * w;
    float *out = t->out + e.begin * w, *gate = t->out_gate + e.begin * w;
    of3_source_read(t->k, &t->x, first_row(t), e.begin, e.end);
    norm_products(t, &e);
    of3_rows_times(t->k, t->normed, c->in[TRI_MUL_WZ], t->out, e.begin, e.end, work);
    of3_rows_times(t->k, t->x.value, c->in[TRI_MUL_WG], t->out_gate, e.begin, e.end, work);
    const of3_gate_back g = {.g = gate, .o = out, .dy = of3_f32(c->dy) + at, .du = out, .opt_dg = gate};
    t->k->back->gate(&g, numbers);
    products_back(t, &e, work);
    of3_source_add(t->k, &t->x, t->out_gate, c->in[TRI_MUL_WG], e.begin, e.end, false, work);
    of3_source_back(t->k, &t->x, first_row(t), e.begin, e.end);
    if (t->x.dx) t->k->add(of3_f32(t->x.dx) + at, of3_f32(c->dy) + at, numbers);
  }
}

static void add_up_outputs(of3_ctx *cx, const job *t) {
  const of3_call *c = t->c;
  of3_row_sums s = {.k = t->k, .rows = t->rows * t->n, .work = t->thread};
  of3_sum_product(&s, c->dx[TRI_MUL_WZ], t->out, t->normed);
  of3_sum_product(&s, c->dx[TRI_MUL_WG], t->out_gate, t->x.value);
  of3_sum_rows(&s, c->dx[TRI_MUL_OUT_SCALE], t->dnorm, t->hat, t->hidden);
  of3_sum_rows(&s, c->dx[TRI_MUL_OUT_OFFSET], t->dnorm, NULL, t->hidden);
  of3_sum_source(&s, &t->x);
  of3_sums_run(cx, &s);
}

/* ---- inputs */

/* a = mask sigmoid(g) p of factor f: both become their gradients. */
static void gate_back(const job *t, const item *e, int f) {
  const int64_t h = t->hidden;
  from_matrix(t, e, t->matrix[f], t->factor);
  for (int64_t r = e->begin; t->mask && r < e->end; r++) t->k->scale(t->factor + r * h, mask_of(t, e, r), h);
  float *proj = t->proj[f] + e->begin * h, *gate = t->gate[f] + e->begin * h;
  const of3_gate_back g = {.g = gate, .o = proj, .dy = t->factor + e->begin * h, .du = proj, .opt_dg = gate};
  t->k->back->gate(&g, (e->end - e->begin) * h);
}

static void back_inputs(void *arg, int64_t begin, int64_t end, int thread) {
  const job *t = arg;
  float *work = work_of(t, thread);
  for (int64_t number = begin; number < end; number++) {
    const item e = item_of(t, number);
    of3_source_read(t->k, &t->x, first_row(t), e.begin, e.end);
    for (int f = 0; f < FACTORS; f++) {
      project(t, &e, f, work);
      gate_back(t, &e, f);
      of3_source_add(t->k, &t->x, t->proj[f], t->c->in[TRI_MUL_WAP + 2 * f], e.begin, e.end, f > 0, work);
      of3_source_add(t->k, &t->x, t->gate[f], t->c->in[TRI_MUL_WAG + 2 * f], e.begin, e.end, true, work);
    }
    of3_source_back(t->k, &t->x, first_row(t), e.begin, e.end);
  }
}

static void add_up_inputs(of3_ctx *cx, const job *t) {
  of3_row_sums s = {.k = t->k, .rows = t->rows * t->n, .work = t->thread};
  for (int f = 0; f < FACTORS; f++) {
    of3_sum_product(&s, t->c->dx[TRI_MUL_WAP + 2 * f], t->proj[f], t->x.value);
    of3_sum_product(&s, t->c->dx[TRI_MUL_WAG + 2 * f], t->gate[f], t->x.value);
  }
  of3_sum_source(&s, &t->x);
  of3_sums_run(cx, &s);
}

/* ---- all of it */

/* The task over all pairs, run by run, and what is added up after each. */
static void over_pairs(of3_ctx *cx, job *t, of3_task *task, void (*add_up)(of3_ctx *, const job *)) {
  for (t->first = 0; t->first < t->n; t->first += t->run) {
    t->rows = t->n - t->first < t->run ? t->n - t->first : t->run;
    of3_pool_run(of3_cpu_state(cx)->pool, task, t, t->rows * of3_panels(t->n));
    if (add_up) add_up(cx, t);
  }
}

static void run(of3_ctx *cx, const of3_call *c, void *memory) {
  of3_room room = {.at = memory};
  of3_pool *pool = of3_cpu_state(cx)->pool;
  if (of3_count(c->out) == 0) return;
  job t = setup(cx, c, &room);
  for (t.entry = 0; t.entry < of3_rows(c->out) / (t.n * t.n); t.entry++) {
    t.mask = of3_entry_mask(c->in[TRI_MUL_MASK], t.n, t.entry);
    over_pairs(cx, &t, make_operands, NULL);
    of3_pool_run(pool, make_products, &t, t.hidden);
    over_pairs(cx, &t, back_outputs, add_up_outputs);
    of3_pool_run(pool, make_factors, &t, t.hidden);
    over_pairs(cx, &t, back_inputs, add_up_inputs);
  }
}

const of3_kernel of3_cpu_back_triangle_mul = {
    .accepts = of3_back_accepts, .workspace = workspace, .run = run};
