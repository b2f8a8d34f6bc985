/* Backward of PAIR_WEIGHTED_AVERAGE (op_pair_average.c), one batch entry after the other:
 *
 *   p_ij = softmax_j(W_z norm(z_ij) + mask),  v = W_v x', g = W_g x'
 *   o_i = sum_j p_ij v_j,  m += W_o (sigmoid(g) o)
 *
 * The weights p are matrices [keys j][queries i] for each head. Rows of the alignment go ROWS at a time:
 *
 *   rows      x', v, g, o;  dgated = dy W_o, du = sigmoid(g) dgated, dg;  dv_j = sum_i p_ij du_i
 *             dm += dy + norm'(dv W_v + dg W_g)
 *   numbers   of the weights' gradients, and of dp_ij += sum_e v_je du_ie
 *
 * At last dp goes through the softmax, W_z and the norm to z (back_logits.h). */
#include <string.h>

#include "cpu/attention.h"
#include "cpu/back_logits.h"
#include "tensor/pairs.h"

enum { ROWS = 8, TILE = 96 };

typedef struct job {
  const of3_cpu_kernels *k;
  const of3_call *c;
  int64_t n, width, hd, d, heads;
  int64_t entry, row, now; /* the first row of the alignment at hand, and how many */
  const float *mask;
  of3_source x;
  float *p, *dp;                          /* [H,n,n] */
  float *v, *g, *o, *dgated, *gated, *dv; /* [ROWS n,hd]; g and dgated become dg and du */
  float *thread;                          /* each: of3_matmul_do, a panel [n][48], a row [n] */
  int64_t each;
  float *logits;
} job;

static const of3_pair_args LOGITS = {PWA_Z, PWA_Z_SCALE, PWA_Z_OFFSET, PWA_WZ};

static job describe(const of3_ctx *cx, const of3_call *c) {
  const int64_t hd = c->in[PWA_WV]->shape[0];
  return (job){.k = of3_cpu_state(cx)->kernels,
               .c = c,
               .n = of3_dim(c->out, 1),
               .width = of3_dim(c->out, 0),
               .hd = hd,
               .heads = c->attr.heads,
               .d = hd / c->attr.heads,
               .x = {.norm = true,
                     .x = c->in[PWA_M],
                     .dx = c->dx[PWA_M],
                     .width = of3_dim(c->out, 0),
                     .gate = c->in[PWA_M_SCALE],
                     .shift = c->in[PWA_M_OFFSET],
                     .dgate = c->dx[PWA_M_SCALE],
                     .dshift = c->dx[PWA_M_OFFSET]}};
}

static job setup(const of3_ctx *cx, const of3_call *c, of3_room *room) {
  job t = describe(cx, c);
  const int threads = of3_cpu_threads(cx);
  const int64_t rows = ROWS * t.n;
  of3_pair_logits l;
  of3_source_lay_out(&t.x, rows, room);
  t.p = of3_room_take(room, t.heads * t.n * t.n);
  t.dp = of3_room_take(room, t.heads * t.n * t.n);
  t.v = of3_room_take(room, rows * t.hd);
  t.g = of3_room_take(room, rows * t.hd);
  t.o = of3_room_take(room, rows * t.hd);
  t.dgated = of3_room_take(room, rows * t.hd);
  t.gated = of3_room_take(room, rows * t.hd);
  t.dv = of3_room_take(room, rows * t.hd);
  t.each = OF3_MATMUL_WORK + of3_aligned((OF3_LANES + 1) * t.n);
  t.thread = of3_room_take(room, threads * t.each);
  of3_pair_logits_of(&l, c, LOGITS, 0);
  t.logits = of3_room_take(room, of3_pair_logits_work(cx, &l));
  return t;
}

static size_t workspace(const of3_ctx *cx, const of3_call *c) {
  of3_room room = {0};
  if (of3_count(c->out)) (void)setup(cx, c, &room);
  return (size_t)room.used * sizeof(float);
}

/* ---- weights */

/* Whether any pair of query i counts; where none does, the mask of the keys is
 * the same for all and cancels. */
static bool any_pair(const job *t, int64_t i) {
  for (int64_t j = 0; t->mask && j < t->n; j++)
    if (of3_pair_mask(t->mask, i, j) != 0) return true;
  return false;
}

/* Item: (head, 48 queries). */
static void make_weights(void *arg, int64_t begin, int64_t end, int thread) {
  const job *t = arg;
  const int64_t panels = of3_panels(t->n);
  float *panel = t->thread + thread * t->each + OF3_MATMUL_WORK;
  for (int64_t item = begin; item < end; item++) {
    const int n = of3_panel_rows(t->n, item % panels), lanes = of3_lanes(n);
    const int64_t first = item % panels * OF3_LANES;
    float *p = t->p + item / panels * t->n * t->n + first;
    memset(panel, 0, (size_t)(t->n * lanes) * sizeof *panel);
    for (int64_t j = 0; j < t->n; j++) memcpy(panel + j * lanes, p + j * t->n, (size_t)n * sizeof *p);
    for (int i = 0; i < n; i++)
      for (int64_t j = 0; any_pair(t, first + i) && j < t->n; j++)
        panel[j * lanes + i] += of3_mask_bias(of3_pair_mask(t->mask, first + i, j));
    t->k->softmax(panel, lanes, lanes, t->n);
    for (int64_t j = 0; j < t->n; j++) memcpy(p + j * t->n, panel + j * lanes, (size_t)n * sizeof *p);
  }
}

/* dp becomes the gradient of the logits: p (dp - sum_j p dp). Item: head. */
static void weights_back(void *arg, int64_t begin, int64_t end, int thread) {
  const job *t = arg;
  const int64_t n = t->n;
  float *sum = t->thread + thread * t->each + OF3_MATMUL_WORK;
  for (int64_t h = begin; h < end; h++) {
    const float *p = t->p + h * n * n;
    float *dp = t->dp + h * n * n;
    memset(sum, 0, (size_t)n * sizeof *sum);
    for (int64_t j = 0; j < n; j++) t->k->back->mul_add(sum, p + j * n, dp + j * n, n);
    for (int64_t j = 0; j < n; j++) {
      t->k->axpy(dp + j * n, -1, sum, n);
      t->k->back->act(dp + j * n, 1, p + j * n, NULL, dp + j * n, n, OF3_ACT_NONE);
    }
  }
}

/* ---- rows */

/* y [n,d] of a head = p or its transpose times x [n,d] of that head. */
static void average(const job *t, int64_t h, bool transposed, const float *x, float *y, float *work) {
  const float *p = t->p + h * t->n * t->n;
  const of3_matmul a = {.a = transposed ? of3_transposed(p, t->n) : of3_rows_of(p, t->n),
                        .b = of3_rows_of(x + h * t->d, t->hd),
                        .y = y + h * t->d,
                        .ldy = t->hd,
                        .m = t->n,
                        .n = t->d,
                        .k = t->n};
  of3_matmul_do(t->k, &a, work);
}

static int64_t first_of(const job *t) { return (t->entry * of3_dim(t->c->out, 2) + t->row) * t->n; }

static void back_row(const job *t, int64_t row, float *work) {
  const of3_call *c = t->c;
  const int64_t from = row * t->n, to = from + t->n, at = from * t->hd;
  const float *dy = of3_f32(c->dy) + (first_of(t) + from) * t->width;
  of3_source_read(t->k, &t->x, first_of(t), from, to);
  of3_rows_times(t->k, t->x.value, c->in[PWA_WV], t->v, from, to, work);
  of3_rows_times(t->k, t->x.value, c->in[PWA_WG], t->g, from, to, work);
  for (int64_t h = 0; h < t->heads; h++) average(t, h, true, t->v + at, t->o + at, work);
  const of3_matmul through_out = {.a = of3_rows_of(dy, t->width),
                                  .b = of3_rows_of(of3_f32(c->in[PWA_WO]), t->hd),
                                  .y = t->dgated + at,
                                  .ldy = t->hd,
                                  .m = t->n,
                                  .n = t->hd,
                                  .k = t->width};
  of3_matmul_do(t->k, &through_out, work);
  const of3_gate_back g = {.g = t->g + at,
                           .o = t->o + at,
                           .dy = t->dgated + at,
                           .du = t->dgated + at,
                           .opt_dg = t->g + at,
                           .opt_y = t->gated + at};
  t->k->back->gate(&g, t->n * t->hd);
  for (int64_t h = 0; h < t->heads; h++) average(t, h, false, t->dgated + at, t->dv + at, work);
  of3_source_add(t->k, &t->x, t->dv, c->in[PWA_WV], from, to, false, work);
  of3_source_add(t->k, &t->x, t->g, c->in[PWA_WG], from, to, true, work);
  of3_source_back(t->k, &t->x, first_of(t), from, to);
  if (t->x.dx) t->k->add(of3_f32(t->x.dx) + (first_of(t) + from) * t->width, dy, t->n * t->width);
}

static void back_rows(void *arg, int64_t begin, int64_t end, int thread) {
  const job *t = arg;
  for (int64_t row = begin; row < end; row++) back_row(t, row, t->thread + thread * t->each);
}

static int64_t tiles(const job *t) { return (t->n + TILE - 1) / TILE; }
static int64_t tile_end(const job *t, int64_t first) { return first + TILE < t->n ? first + TILE : t->n; }

/* dp[j,i] += v_j du_i over the rows at hand. Item: (head, tile of j, tile of
 * i). */
static void add_to_weights(void *arg, int64_t begin, int64_t end, int thread) {
  const job *t = arg;
  for (int64_t item = begin; item < end; item++) {
    const int64_t i = item % tiles(t) * TILE, j = item / tiles(t) % tiles(t) * TILE,
                  h = item / tiles(t) / tiles(t);
    for (int64_t row = 0; row < t->now; row++) {
      const float *v = t->v + row * t->n * t->hd + h * t->d, *du = t->dgated + row * t->n * t->hd + h * t->d;
      const of3_matmul p = {.a = of3_rows_of(v + j * t->hd, t->hd),
                            .b = of3_transposed(du + i * t->hd, t->hd),
                            .y = t->dp + (h * t->n + j) * t->n + i,
                            .ldy = t->n,
                            .m = tile_end(t, j) - j,
                            .n = tile_end(t, i) - i,
                            .k = t->d,
                            .add = true};
      of3_matmul_do(t->k, &p, t->thread + thread * t->each);
    }
  }
}

static void add_up(of3_ctx *cx, const job *t) {
  const of3_call *c = t->c;
  of3_row_sums s = {.k = t->k, .rows = t->now * t->n, .work = t->thread};
  of3_sum_product(&s, c->dx[PWA_WV], t->dv, t->x.value);
  of3_sum_product(&s, c->dx[PWA_WG], t->g, t->x.value);
  of3_sum_product(&s, c->dx[PWA_WO], of3_f32(c->dy) + first_of(t) * t->width, t->gated);
  of3_sum_source(&s, &t->x);
  of3_sums_run(cx, &s);
}

/* ---- all of it */

static void back_entry(of3_ctx *cx, job *t) {
  of3_pool *pool = of3_cpu_state(cx)->pool;
  const int64_t rows = of3_dim(t->c->out, 2);
  of3_pair_logits l;
  of3_pair_logits_of(&l, t->c, LOGITS, t->entry);
  of3_pair_logits_make(cx, &l, t->p, t->logits);
  of3_pool_run(pool, make_weights, t, t->heads * of3_panels(t->n));
  memset(t->dp, 0, (size_t)(t->heads * t->n * t->n) * sizeof(float));
  for (t->row = 0; t->row < rows; t->row += ROWS) {
    t->now = rows - t->row < ROWS ? rows - t->row : ROWS;
    of3_pool_run(pool, back_rows, t, t->now);
    of3_pool_run(pool, add_to_weights, t, t->heads * tiles(t) * tiles(t));
    add_up(cx, t);
  }
  of3_pool_run(pool, weights_back, t, t->heads);
  of3_pair_logits_back(cx, &l, t->dp, t->logits);
}

static void run(of3_ctx *cx, const of3_call *c, void *memory) {
  of3_room room = {.at = memory};
  if (of3_count(c->out) == 0) return;
  job t = setup(cx, c, &room);
  for (t.entry = 0; t.entry < of3_rows(c->out) / (of3_dim(c->out, 2) * t.n); t.entry++) {
    t.mask = of3_entry_mask(c->in[PWA_MASK], t.n, t.entry);
    back_entry(cx, &t);
  }
}

const of3_kernel of3_cpu_back_pair_average = {
    .accepts = of3_back_accepts, .workspace = workspace, .run = run};
