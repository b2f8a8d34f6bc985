/* Backward of OUTER_PRODUCT_MEAN (op_outer_product.c), one batch entry after the other:
 *
 *   a = mask W_1 x', b = mask W_2 x' [M,n,h];  o_ij = sum_r a_ri x b_rj [h,h]
 *   z_ij += (W_o o_ij + b_o) / both_ij,  both_ij = 1e-3 + sum_r mask_ri mask_rj
 *
 * Tokens i go TOKENS at a time; o of the pairs (i, all j) is [n][h h], and as a matrix [h][n h] it is a_i^T
 * b:
 *
 *   tokens    o_i = a_i^T b;  u = dy / both;  do = u W_o;  da_i = b do_i^T
 *   numbers   dW_o += u^T o, db_o += sum u;  db += sum_i a_i do_i
 *
 * Then da and db go through W_1, W_2 and the norm as the gradients of a PROJECT do (back_linear.c). */
#include <string.h>

#include "cpu/back_rows.h"
#include "tensor/pairs.h"

enum { TOKENS = 8, TILE = 96 };

typedef struct job {
  const of3_cpu_kernels *k;
  const of3_call *c;
  int64_t members, n, h, width; /* members: rows of the alignment */
  int64_t entry, first, now;    /* of tokens at hand */
  const float *mask;            /* [members,n] */
  float *ab, *dab;              /* a, then b [members,n,h]; their gradients */
  float *both;                  /* [n,n] */
  float *u;                     /* [TOKENS n, width] */
  float *o;                     /* [TOKENS n, h h] */
  float *dout;                  /* [TOKENS h, n h] */
  float *thread;                /* each: of3_matmul_do, and [n][h h] */
  int64_t each;
  /* the projections */
  of3_call project;
  of3_tensor m, dm, y;
  of3_storage memory;
  float *work;
} job;

/* PROJECT of the entry: x' W_1, x' W_2. t is not to be copied then. */
static void make_project(job *t) {
  const of3_call *c = t->c;
  const int64_t cells = t->members * t->n, width = of3_dim(c->in[OPM_M], 0);
  t->m = (of3_tensor){.dtype = OF3_F32, .rank = 2, .shape = {cells, width}, .storage = c->in[OPM_M]->storage};
  t->m.offset = c->in[OPM_M]->offset + t->entry * cells * width;
  t->y = (of3_tensor){.dtype = OF3_F32, .rank = 3, .shape = {2, cells, t->h}, .storage = &t->memory};
  t->project = (of3_call){.op = OF3_OP_PROJECT, .cx = c->cx, .out = &t->y, .dy = &t->y, .attr = {.heads = 1}};
  t->project.in[PROJECT_X] = &t->m;
  if (c->dx[OPM_M]) {
    t->dm = t->m;
    t->dm.storage = c->dx[OPM_M]->storage;
    t->dm.offset = c->dx[OPM_M]->offset + t->entry * cells * width;
    t->project.dx[PROJECT_X] = &t->dm;
  }
  const int to[] = {PROJECT_SCALE, PROJECT_OFFSET, PROJECT_W, PROJECT_W + 1},
            from[] = {OPM_SCALE, OPM_OFFSET, OPM_W1, OPM_W2};
  for (int i = 0; i < 4; i++) {
    t->project.in[to[i]] = c->in[from[i]];
    t->project.dx[to[i]] = c->dx[from[i]];
  }
}

static int64_t project_work(const of3_ctx *cx, job *t) {
  make_project(t);
  const size_t there = of3_cpu_project.workspace(cx, &t->project),
               back = of3_cpu_back_linear.workspace(cx, &t->project);
  return of3_aligned((int64_t)((there > back ? there : back) / sizeof(float)));
}

static void setup(const of3_ctx *cx, const of3_call *c, of3_room *room, job *t) {
  *t = (job){.k = of3_cpu_state(cx)->kernels,
             .c = c,
             .members = of3_dim(c->in[OPM_M], 2),
             .n = of3_dim(c->in[OPM_M], 1),
             .h = c->in[OPM_W1]->shape[0],
             .width = of3_dim(c->out, 0)};
  const int threads = of3_cpu_threads(cx);
  const int64_t all = t->members * t->n * t->h, pairs = TOKENS * t->n;
  t->ab = of3_room_take(room, 2 * all);
  t->dab = of3_room_take(room, 2 * all);
  t->both = of3_room_take(room, t->n * t->n);
  t->u = of3_room_take(room, pairs * t->width);
  t->o = of3_room_take(room, pairs * t->h * t->h);
  t->dout = of3_room_take(room, pairs * t->h * t->h);
  t->each = OF3_MATMUL_WORK + of3_aligned(t->n * t->h * t->h);
  t->thread = of3_room_take(room, threads * t->each);
  t->work = of3_room_take(room, project_work(cx, t));
}

static size_t workspace(const of3_ctx *cx, const of3_call *c) {
  of3_room room = {0};
  job t;
  if (of3_count(c->out)) setup(cx, c, &room, &t);
  return (size_t)room.used * sizeof(float);
}

static float *work_of(const job *t, int thread) { return t->thread + thread * t->each; }
static int64_t all_of(const job *t) { return t->members * t->n * t->h; }

/* ---- masks */

static void mask_rows(const job *t, float *x) {
  for (int64_t r = 0; t->mask && r < 2 * t->members * t->n; r++)
    t->k->scale(x + r * t->h, t->mask[r % (t->members * t->n)], t->h);
}

static void count_both(const job *t) {
  const of3_matmul p = {.a = of3_transposed(t->mask, t->n),
                        .b = of3_rows_of(t->mask, t->n),
                        .y = t->both,
                        .ldy = t->n,
                        .m = t->n,
                        .n = t->n,
                        .k = t->members};
  for (int64_t i = 0; i < t->n * t->n; i++) t->both[i] = (float)t->members;
  if (t->mask) of3_matmul_do(t->k, &p, t->thread);
  for (int64_t i = 0; i < t->n * t->n; i++) t->both[i] += 1e-3f;
}

/* ---- tokens */

/* Between [h][n h] and, for each pair, [n][h h]. */
static void swap_axes(const job *t, const float *from, float *to, bool to_pairs) {
  const size_t bytes = (size_t)t->h * sizeof *to;
  for (int64_t e = 0; e < t->h; e++)
    for (int64_t j = 0; j < t->n; j++) {
      const int64_t matrix = (e * t->n + j) * t->h, pair = (j * t->h + e) * t->h;
      memcpy(to + (to_pairs ? pair : matrix), from + (to_pairs ? matrix : pair), bytes);
    }
}

static void make_outer(const job *t, int64_t token, float *work) {
  const int64_t i = t->first + token, row = t->n * t->h;
  float *matrix = work + OF3_MATMUL_WORK;
  const of3_matmul p = {.a = of3_transposed(t->ab + i * t->h, row),
                        .b = of3_rows_of(t->ab + all_of(t), row),
                        .y = matrix,
                        .ldy = row,
                        .m = t->h,
                        .n = row,
                        .k = t->members};
  of3_matmul_do(t->k, &p, work);
  swap_axes(t, matrix, t->o + token * row * t->h, true);
}

static void make_u(const job *t, int64_t token) {
  const int64_t w = t->width, i = t->first + token;
  const float *dy = of3_f32(t->c->dy) + (t->entry * t->n + i) * t->n * w;
  float *u = t->u + token * t->n * w;
  memcpy(u, dy, (size_t)(t->n * w) * sizeof *u);
  for (int64_t j = 0; j < t->n; j++) t->k->scale(u + j * w, 1 / t->both[i * t->n + j], w);
}

static void outer_back(const job *t, int64_t token, float *work) {
  const int64_t i = t->first + token, row = t->n * t->h;
  float *pairs = work + OF3_MATMUL_WORK, *dout = t->dout + token * t->h * row;
  const of3_matmul through_out = {.a = of3_rows_of(t->u + token * t->n * t->width, t->width),
                                  .b = of3_rows_of(of3_f32(t->c->in[OPM_WO]), t->h * t->h),
                                  .y = pairs,
                                  .ldy = t->h * t->h,
                                  .m = t->n,
                                  .n = t->h * t->h,
                                  .k = t->width};
  of3_matmul_do(t->k, &through_out, work);
  swap_axes(t, pairs, dout, false);
  const of3_matmul to_a = {.a = of3_rows_of(t->ab + all_of(t), row),
                           .b = of3_transposed(dout, row),
                           .y = t->dab + i * t->h,
                           .ldy = row,
                           .m = t->members,
                           .n = t->h,
                           .k = row};
  of3_matmul_do(t->k, &to_a, work);
}

static void back_tokens(void *arg, int64_t begin, int64_t end, int thread) {
  const job *t = arg;
  for (int64_t token = begin; token < end; token++) {
    make_outer(t, token, work_of(t, thread));
    make_u(t, token);
    outer_back(t, token, work_of(t, thread));
  }
}

static int64_t tiles(int64_t n) { return (n + TILE - 1) / TILE; }
static int64_t tile_of(int64_t n, int64_t first) { return n - first < TILE ? n - first : TILE; }

/* db [members,n h] += sum over the tokens at hand of a_i do_i. Item: a tile. */
static void add_to_b(void *arg, int64_t begin, int64_t end, int thread) {
  const job *t = arg;
  const int64_t row = t->n * t->h;
  for (int64_t item = begin; item < end; item++) {
    const int64_t r = item / tiles(row) * TILE, j = item % tiles(row) * TILE;
    const of3_matmul p = {.a = of3_rows_of(t->ab + r * row + t->first * t->h, row),
                          .b = of3_rows_of(t->dout + j, row),
                          .y = t->dab + all_of(t) + r * row + j,
                          .ldy = row,
                          .m = tile_of(t->members, r),
                          .n = tile_of(row, j),
                          .k = t->now * t->h,
                          .add = true};
    of3_matmul_do(t->k, &p, work_of(t, thread));
  }
}

/* ---- all of it */

static void add_up(of3_ctx *cx, const job *t) {
  of3_row_sums s = {.k = t->k, .rows = t->now * t->n, .work = t->thread};
  of3_sum_product(&s, t->c->dx[OPM_WO], t->u, t->o);
  of3_sum_rows(&s, t->c->dx[OPM_BO], t->u, NULL, t->width);
  of3_sums_run(cx, &s);
}

static void back_entry(of3_ctx *cx, job *t) {
  of3_pool *pool = of3_cpu_state(cx)->pool;
  make_project(t);
  t->memory.buffer = t->ab;
  of3_cpu_project.run(cx, &t->project, t->work);
  mask_rows(t, t->ab);
  count_both(t);
  memset(t->dab, 0, (size_t)(2 * all_of(t)) * sizeof(float));
  for (t->first = 0; t->first < t->n; t->first += TOKENS) {
    t->now = t->n - t->first < TOKENS ? t->n - t->first : TOKENS;
    of3_pool_run(pool, back_tokens, t, t->now);
    of3_pool_run(pool, add_to_b, t, tiles(t->members) * tiles(t->n * t->h));
    add_up(cx, t);
  }
  mask_rows(t, t->dab);
  t->memory.buffer = t->dab;
  of3_cpu_back_linear.run(cx, &t->project, t->work);
}

static void run(of3_ctx *cx, const of3_call *c, void *memory) {
  of3_room room = {.at = memory};
  job t;
  if (of3_count(c->out) == 0) return;
  setup(cx, c, &room, &t);
  for (t.entry = 0; t.entry < of3_rows(c->out) / (t.n * t.n); t.entry++) {
    t.mask = c->in[OPM_MASK] ? of3_entry_mask(c->in[OPM_MASK], t.members * t.n, t.entry) : NULL;
    back_entry(cx, &t);
  }
}

const of3_kernel of3_cpu_back_outer_product = {
    .accepts = of3_back_accepts, .workspace = workspace, .run = run};
