/* Backward of TRIANGLE_ATTENTION (op_triangle_attention.c), one batch entry after the other. A line is a row
 * of pairs, of an ending node a column; x' is the normalised z of its n pairs.
 *
 *   bias [H,keys,queries] of all pairs (back_logits.h)
 *   LINES lines at a time, threads share them:
 *     q, k, v, g = W x';  dgated = dy W_o
 *     each head: attention backwards (back_attend.h); dbias of the line's slot
 *     dz += dy + norm'(dq W_q + dk W_k + dv W_v + dg W_g)
 *   then threads share the numbers of the weights, and add up these lines
 *   dbias: the slots' sum; through W_z and the norm to z once more
 *
 * The last may be done apart, since what goes back through a norm is linear in the gradient. Slot s has lines
 * s, s + LINES, .., in this order whatever the number of threads. */
#include <string.h>

#include "cpu/attention.h"
#include "cpu/back_attend.h"
#include "cpu/back_logits.h"
#include "tensor/pairs.h"

enum { LINES = 16 };
enum { PART_Q, PART_K, PART_V, PART_G, PARTS }; /* in the order of the weights' arguments */

typedef struct job {
  const of3_cpu_kernels *k;
  const of3_call *c;
  int64_t n, width, hd, d, heads;
  int64_t rows; /* of all slots: LINES n */
  const float *mask;
  int64_t entry, line;               /* the first line at hand */
  of3_source x;                      /* rows of the slots; dz is written here, since a column of
                                        pairs does not lie together */
  float *dy;                         /* [rows,width] */
  float *part[PARTS], *dpart[PARTS]; /* [rows,hd] q, k, v, g and their gradients */
  float *dgated, *gated;             /* [rows,hd] */
  float *bias, *dbias;               /* [H,n,n], [LINES][H,n,n] */
  float *thread;                     /* each: of3_matmul_do, attention, dk and dv of a head, mask of
                                        keys */
  int64_t each;
  float *logits; /* work of back_logits.h */
  float *work;   /* [threads][OF3_MATMUL_WORK] of the sums */
} job;

static const of3_pair_args LOGITS = {TRI_ATT_Z, TRI_ATT_SCALE, TRI_ATT_OFFSET, TRI_ATT_WZ};

static job describe(const of3_ctx *cx, const of3_call *c) {
  const int64_t hd = c->in[TRI_ATT_WQ]->shape[0];
  job t = {.k = of3_cpu_state(cx)->kernels,
           .c = c,
           .n = of3_dim(c->out, 1),
           .width = of3_dim(c->out, 0),
           .hd = hd,
           .heads = c->attr.heads,
           .d = hd / c->attr.heads};
  t.rows = LINES * t.n;
  t.each = of3_aligned(of3_attend_back_work(t.n, t.d)) + 2 * of3_aligned(t.n * t.d) + of3_aligned(t.n);
  t.x = (of3_source){.norm = true,
                     .x = c->in[TRI_ATT_Z],
                     .dx = c->dx[TRI_ATT_Z],
                     .width = t.width,
                     .gate = c->in[TRI_ATT_SCALE],
                     .shift = c->in[TRI_ATT_OFFSET],
                     .dgate = c->dx[TRI_ATT_SCALE],
                     .dshift = c->dx[TRI_ATT_OFFSET]};
  return t;
}

static job setup(const of3_ctx *cx, const of3_call *c, of3_room *room) {
  job t = describe(cx, c);
  const int threads = of3_cpu_threads(cx);
  of3_pair_logits l;
  t.x.hat = of3_room_take(room, t.rows * t.width);
  t.x.value = of3_room_take(room, t.rows * t.width);
  t.x.u = of3_room_take(room, t.rows * t.width);
  t.x.inv = of3_room_take(room, t.rows);
  t.dy = of3_room_take(room, t.rows * t.width);
  for (int i = 0; i < PARTS; i++) {
    t.part[i] = of3_room_take(room, t.rows * t.hd);
    t.dpart[i] = of3_room_take(room, t.rows * t.hd);
  }
  t.dgated = of3_room_take(room, t.rows * t.hd);
  t.gated = of3_room_take(room, t.rows * t.hd);
  t.bias = of3_room_take(room, t.heads * t.n * t.n);
  t.dbias = of3_room_take(room, LINES * t.heads * t.n * t.n);
  t.thread = of3_room_take(room, threads * t.each);
  of3_pair_logits_of(&l, c, LOGITS, 0);
  t.logits = of3_room_take(room, of3_pair_logits_work(cx, &l));
  t.work = of3_room_take(room, (int64_t)threads * OF3_MATMUL_WORK);
  return t;
}

static size_t workspace(const of3_ctx *cx, const of3_call *c) {
  of3_room room = {0};
  if (of3_count(c->out)) (void)setup(cx, c, &room);
  return (size_t)room.used * sizeof(float);
}

/* ---- one line */

/* Where pair i of a line lies in z. */
static int64_t pair_at(const job *t, int64_t line, int64_t i) {
  return (t->entry * t->n + (t->c->attr.ending ? i : line)) * t->n + (t->c->attr.ending ? line : i);
}

/* x' and dy of the line, which is rows first .. of the slots. */
static void read_line(const job *t, int64_t line, int64_t first) {
  const int64_t w = t->width;
  for (int64_t i = 0; i < t->n; i++) {
    const int64_t r = first + i, at = pair_at(t, line, i) * w;
    t->x.inv[r] = t->k->back->unit_row(t->x.hat + r * w, of3_f32(t->c->in[TRI_ATT_Z]) + at, w);
    t->k->back->affine(t->x.value + r * w, t->x.hat + r * w, of3_f32(t->x.gate), of3_f32(t->x.shift), w);
    memcpy(t->dy + r * w, of3_f32(t->c->dy) + at, (size_t)w * sizeof(float));
  }
}

/* Keys of a line that counts none cancel: NULL. */
static const float *key_mask(const job *t, int64_t line, float *out) {
  bool any = false;
  for (int64_t j = 0; t->mask && j < t->n; j++) {
    out[j] = of3_pair_mask(t->mask, line, j);
    any |= out[j] != 0;
  }
  return any ? out : NULL;
}

/* One head of a line: to dpart, gated and dbias of its slot. memory: of the
 * thread, behind attention's. */
static void back_head(const job *t, const float *mask, int64_t slot, int64_t h, float *work, float *memory) {
  const int64_t at = slot * t->n * t->hd + h * t->d, biases = t->n * t->n;
  float *dk = memory, *dv = memory + of3_aligned(t->n * t->d);
  const of3_attend_back a = {.q = t->part[PART_Q] + at,
                             .g = t->part[PART_G] + at,
                             .dy = t->dgated + at,
                             .opt_dq = t->dpart[PART_Q] + at,
                             .opt_dg = t->dpart[PART_G] + at,
                             .opt_y = t->gated + at,
                             .k = t->part[PART_K] + at,
                             .v = t->part[PART_V] + at,
                             .opt_dk = dk,
                             .opt_dv = dv,
                             .bias = t->bias + h * biases,
                             .opt_dbias = t->dbias + (slot * t->heads + h) * biases,
                             .opt_key_mask = mask,
                             .stride = t->hd,
                             .key_stride = t->hd,
                             .ld_bias = t->n,
                             .queries = t->n,
                             .keys = t->n,
                             .d = t->d};
  memset(dk, 0, (size_t)(t->n * t->d) * sizeof *dk);
  memset(dv, 0, (size_t)(t->n * t->d) * sizeof *dv);
  of3_attend_back_do(t->k, &a, work);
  for (int64_t j = 0; j < t->n; j++) {
    memcpy(t->dpart[PART_K] + at + j * t->hd, dk + j * t->d, (size_t)t->d * sizeof *dk);
    memcpy(t->dpart[PART_V] + at + j * t->hd, dv + j * t->d, (size_t)t->d * sizeof *dv);
  }
}

/* dz of the line from u and dy. */
static void write_line(const job *t, int64_t line, int64_t first) {
  const int64_t w = t->width;
  for (int64_t i = 0; i < t->n && t->c->dx[TRI_ATT_Z]; i++) {
    const int64_t r = first + i;
    float *dz = of3_f32(t->c->dx[TRI_ATT_Z]) + pair_at(t, line, i) * w;
    t->k->back->norm_row(dz, t->x.u + r * w, of3_f32(t->x.gate), t->x.hat + r * w, t->x.inv[r], w);
    t->k->add(dz, t->dy + r * w, w);
  }
}

static void back_line(const job *t, int64_t slot, int thread) {
  const int64_t line = t->line + slot, first = slot * t->n, end = first + t->n, w = t->width;
  float *work = t->thread + thread * t->each, *memory = work + of3_aligned(of3_attend_back_work(t->n, t->d));
  const float *mask = key_mask(t, line, memory + 2 * of3_aligned(t->n * t->d));
  read_line(t, line, first);
  for (int i = 0; i < PARTS; i++)
    of3_rows_times(t->k, t->x.value, t->c->in[TRI_ATT_WQ + i], t->part[i], first, end, work);
  const of3_matmul through_out = {.a = of3_rows_of(t->dy + first * w, w),
                                  .b = of3_rows_of(of3_f32(t->c->in[TRI_ATT_WO]), t->hd),
                                  .y = t->dgated + first * t->hd,
                                  .ldy = t->hd,
                                  .m = t->n,
                                  .n = t->hd,
                                  .k = w};
  of3_matmul_do(t->k, &through_out, work);
  memset(t->dpart[PART_Q] + first * t->hd, 0, (size_t)(t->n * t->hd) * sizeof(float));
  memset(t->dpart[PART_G] + first * t->hd, 0, (size_t)(t->n * t->hd) * sizeof(float));
  for (int64_t h = 0; h < t->heads; h++) back_head(t, mask, slot, h, work, memory);
  for (int i = 0; i < PARTS; i++)
    of3_source_add(t->k, &t->x, t->dpart[i], t->c->in[TRI_ATT_WQ + i], first, end, i > 0, work);
  write_line(t, line, first);
}

static void back_lines(void *arg, int64_t begin, int64_t end, int thread) {
  for (int64_t slot = begin; slot < end; slot++) back_line(arg, slot, thread);
}

/* ---- all lines */

static void add_up(of3_ctx *cx, const job *t, int64_t lines) {
  of3_row_sums s = {.k = t->k, .rows = lines * t->n, .work = t->work};
  for (int i = 0; i < PARTS; i++) of3_sum_product(&s, t->c->dx[TRI_ATT_WQ + i], t->dpart[i], t->x.value);
  of3_sum_product(&s, t->c->dx[TRI_ATT_WO], t->dy, t->gated);
  of3_sum_source(&s, &t->x);
  of3_sums_run(cx, &s);
}

/* [H,n,n]: each head's matrix transposed, in place. */
static void transpose_heads(const job *t, float *x) {
  for (int64_t h = 0; h < t->heads; h++, x += t->n * t->n)
    for (int64_t i = 0; i < t->n; i++)
      for (int64_t j = 0; j < i; j++) {
        const float at = x[i * t->n + j];
        x[i * t->n + j] = x[j * t->n + i];
        x[j * t->n + i] = at;
      }
}

static void add_slots(void *arg, int64_t begin, int64_t end, int thread) {
  const job *t = arg;
  const int64_t each = t->heads * t->n * t->n, row = t->n;
  (void)thread;
  for (int64_t slot = 1; slot < LINES; slot++)
    t->k->add(t->dbias + begin * row, t->dbias + slot * each + begin * row, (end - begin) * row);
}

static void back_entry(of3_ctx *cx, job *t) {
  const bool swapped = t->c->attr.ending && !t->c->attr.bias_from_z;
  of3_pool *pool = of3_cpu_state(cx)->pool;
  of3_pair_logits l;
  of3_pair_logits_of(&l, t->c, LOGITS, t->entry);
  of3_pair_logits_make(cx, &l, t->bias, t->logits);
  if (swapped) transpose_heads(t, t->bias);
  memset(t->dbias, 0, (size_t)(LINES * t->heads * t->n * t->n) * sizeof(float));
  for (t->line = 0; t->line < t->n; t->line += LINES) {
    const int64_t lines = t->n - t->line < LINES ? t->n - t->line : LINES;
    of3_pool_run(pool, back_lines, t, lines);
    add_up(cx, t, lines);
  }
  of3_pool_run(pool, add_slots, t, t->heads * t->n);
  if (swapped) transpose_heads(t, t->dbias);
  of3_pair_logits_back(cx, &l, t->dbias, t->logits);
}

static void run(of3_ctx *cx, const of3_call *c, void *memory) {
  of3_room room = {.at = memory};
  if (of3_count(c->out) == 0) return;
  job t = setup(cx, c, &room);
  for (t.entry = 0; t.entry < of3_rows(c->out) / (t.n * t.n); t.entry++) {
    t.mask = of3_entry_mask(c->in[TRI_ATT_MASK], t.n, t.entry);
    back_entry(cx, &t);
  }
}

const of3_kernel of3_cpu_back_triangle_attention = {
    .accepts = of3_back_accepts, .workspace = workspace, .run = run};
