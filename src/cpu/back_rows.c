#include "cpu/back_rows.h"

#include <string.h>

/* ---- runs */

enum { RUN_FLOATS = 6 << 20, RUN_MOST = 12 * OF3_GEMM_DEPTH, BLOCK_MOST = 96, BLOCK_STEP = 8 };

int64_t of3_rows_of_run(int64_t rows, int64_t floats) {
  int64_t n = RUN_FLOATS / floats / OF3_GEMM_DEPTH * OF3_GEMM_DEPTH;
  if (n < OF3_GEMM_DEPTH) n = OF3_GEMM_DEPTH;
  if (n > RUN_MOST) n = RUN_MOST;
  return rows < n ? rows : n;
}

int64_t of3_rows_of_block(int64_t rows, int threads) {
  const int64_t each = (rows / (2 * threads) + BLOCK_STEP) / BLOCK_STEP * BLOCK_STEP;
  return each < BLOCK_MOST ? each : BLOCK_MOST;
}

bool of3_back_accepts(const of3_call *c) {
  for (int i = 0; i < OF3_MAX_IN; i++)
    if (c->in[i] && (c->in[i]->dtype == OF3_BF16 || c->in[i]->dtype == OF3_F16)) return false;
  return c->out->dtype == OF3_F32;
}

/* ---- sources */

void of3_source_lay_out(of3_source *s, int64_t run, of3_room *room) {
  if (!s->norm) return;
  s->hat = of3_room_take(room, run * s->width);
  s->value = s->gate || s->shift ? of3_room_take(room, run * s->width) : s->hat;
  s->inv = of3_room_take(room, run);
  if (of3_source_wants(s)) s->u = of3_room_take(room, run * s->width);
}

bool of3_source_wants(const of3_source *s) { return s->dx || s->dgate || s->dshift; }

void of3_source_begin(of3_source *s, int64_t first) {
  if (s->norm) return;
  s->value = of3_f32(s->x) + first * s->width;
  if (s->dx) s->u = of3_f32(s->dx) + first * s->width;
}

/* The row of a gate or a shift that row r of the tensor has; NULL without one.
 */
static const float *repeated_row(const of3_tensor *t, int64_t r, int64_t width) {
  return t ? of3_f32(t) + r % (of3_count(t) / width) * width : NULL;
}

void of3_source_read(const of3_cpu_kernels *k, const of3_source *s, int64_t first, int64_t begin,
                     int64_t end) {
  const int64_t w = s->width;
  for (int64_t r = begin; s->norm && r < end; r++) {
    s->inv[r] = k->back->unit_row(s->hat + r * w, of3_f32(s->x) + (first + r) * w, w);
    if (s->value != s->hat)
      k->back->affine(s->value + r * w, s->hat + r * w, repeated_row(s->gate, first + r, w),
                      repeated_row(s->shift, first + r, w), w);
  }
}

void of3_source_back(const of3_cpu_kernels *k, const of3_source *s, int64_t first, int64_t begin,
                     int64_t end) {
  const int64_t w = s->width;
  for (int64_t r = begin; s->norm && s->dx && r < end; r++)
    k->back->norm_row(of3_f32(s->dx) + (first + r) * w, s->u + r * w, repeated_row(s->gate, first + r, w),
                      s->hat + r * w, s->inv[r], w);
}

void of3_source_add(const of3_cpu_kernels *k, const of3_source *s, const float *a, const of3_tensor *w,
                    int64_t begin, int64_t end, bool add, float *work) {
  const int64_t n = w->shape[0];
  if (!of3_source_wants(s)) return;
  const of3_matmul p = {.a = of3_rows_of(a + begin * n, n),
                        .b = of3_rows_of(of3_f32(w), s->width),
                        .y = s->u + begin * s->width,
                        .ldy = s->width,
                        .m = end - begin,
                        .n = s->width,
                        .k = n,
                        .add = add || !s->norm};
  of3_matmul_do(k, &p, work);
}

void of3_rows_times(const of3_cpu_kernels *k, const float *x, const of3_tensor *w, float *y, int64_t begin,
                    int64_t end, float *work) {
  const int64_t n = w->shape[0], depth = w->shape[1];
  const of3_matmul p = {.a = of3_rows_of(x + begin * depth, depth),
                        .b = of3_transposed(of3_f32(w), depth),
                        .y = y + begin * n,
                        .ldy = n,
                        .m = end - begin,
                        .n = n,
                        .k = depth};
  of3_matmul_do(k, &p, work);
}

/* ---- sums */

static void add_sum(of3_row_sums *s, const of3_row_sum *sum) {
  if (s->n < OF3_ROW_SUMS_MOST) s->sum[s->n++] = *sum;
}

void of3_sum_product(of3_row_sums *s, of3_tensor *opt_dw, const float *u, const float *x) {
  if (!opt_dw) return;
  add_sum(s, &(of3_row_sum){.to = of3_f32(opt_dw),
                            .u = u,
                            .x = x,
                            .n = opt_dw->shape[0],
                            .k = of3_count(opt_dw) / opt_dw->shape[0]});
}

void of3_sum_rows(of3_row_sums *s, of3_tensor *opt_to, const float *u, const float *opt_x, int64_t width) {
  if (!opt_to) return;
  add_sum(s,
          &(of3_row_sum){
              .to = of3_f32(opt_to), .u = u, .x = opt_x, .n = width, .to_rows = of3_count(opt_to) / width});
}

void of3_sum_source(of3_row_sums *s, const of3_source *source) {
  of3_sum_rows(s, source->dgate, source->u, source->hat, source->width);
  of3_sum_rows(s, source->dshift, source->u, NULL, source->width);
}

/* A tile of numbers that the rows add to. */
enum { TILE = 96 };
static int64_t tiles(int64_t n) { return (n + TILE - 1) / TILE; }
static int64_t shorter(int64_t a, int64_t b) { return a < b ? a : b; }

static int64_t items_of(const of3_row_sum *s) { return tiles(s->n) * (s->k ? tiles(s->k) : 1); }

static void sum_products(const of3_row_sums *all, const of3_row_sum *s, int64_t tile, float *work) {
  const int64_t o = tile / tiles(s->k) * TILE, i = tile % tiles(s->k) * TILE;
  const of3_matmul p = {.a = of3_transposed(s->u + o, s->n),
                        .b = of3_rows_of(s->x + i, s->k),
                        .y = s->to + o * s->k + i,
                        .ldy = s->k,
                        .m = shorter(TILE, s->n - o),
                        .n = shorter(TILE, s->k - i),
                        .k = all->rows,
                        .add = true};
  of3_matmul_do(all->k, &p, work);
}

static void sum_columns(const of3_row_sums *all, const of3_row_sum *s, int64_t tile) {
  const int64_t i = tile * TILE, n = shorter(TILE, s->n - i);
  for (int64_t r = 0; r < all->rows; r++) {
    float *to = s->to + (all->first + r) % s->to_rows * s->n + i;
    if (s->x)
      all->k->back->mul_add(to, s->u + r * s->n + i, s->x + r * s->n + i, n);
    else
      all->k->add(to, s->u + r * s->n + i, n);
  }
}

static void do_sums(void *arg, int64_t begin, int64_t end, int thread) {
  const of3_row_sums *all = arg;
  int which = 0;
  int64_t before = 0;
  for (int64_t i = begin; i < end; i++) {
    while (i >= before + items_of(&all->sum[which])) before += items_of(&all->sum[which++]);
    const of3_row_sum *s = &all->sum[which];
    if (s->k)
      sum_products(all, s, i - before, all->work + (int64_t)thread * OF3_MATMUL_WORK);
    else
      sum_columns(all, s, i - before);
  }
}

void of3_sums_run(of3_ctx *cx, of3_row_sums *s) {
  int64_t items = 0;
  for (int i = 0; i < s->n; i++) items += items_of(&s->sum[i]);
  if (items) of3_pool_run(of3_cpu_state(cx)->pool, do_sums, s, items);
}
