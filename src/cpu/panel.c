#include "cpu/panel.h"

#include "tensor/pairs.h"

void of3_read_panel(const of3_cpu_kernels *k, float *panel, const of3_tensor *x, int64_t p) {
  const float *row[OF3_LANES];
  int64_t channels = of3_dim(x, 0);
  int n = of3_panel_rows(of3_rows(x), p), lanes = of3_lanes(n);
  of3_rows_at(row, of3_f32(x) + p * OF3_LANES * channels, channels, n);
  k->pack(panel, lanes, lanes, row, n, channels);
}

/* A row-major bf16 tensor of an even number of channels as one of bf16x2, which move like floats. */
static float *pairs_of(const of3_tensor *t) { return of3_host(t); }

void of3_read_bf16x2(const of3_cpu_kernels *k, void *bf16x2, const of3_tensor *x, int64_t p) {
  const float *row[OF3_LANES];
  const int64_t width = of3_dim(x, 0) / 2;
  const int n = of3_panel_rows(of3_rows(x), p), lanes = of3_lanes(n);
  of3_rows_at(row, pairs_of(x) + p * OF3_LANES * width, width, n);
  k->pack(bf16x2, lanes, lanes, row, n, width);
}

void of3_read_adaptive_panel(const of3_cpu_kernels *k, float *panel, float *line, const of3_tensor *x,
                             const of3_tensor *gate, const of3_tensor *shift, int64_t p) {
  const float *row[OF3_LANES];
  const int64_t width = of3_dim(x, 0);
  const int n = of3_panel_rows(of3_rows(x), p);
  for (int i = 0; i < n; i++) {
    const int64_t r = p * OF3_LANES + i, from = r % of3_rows(gate) * width;
    k->ada_norm_row(line + i * width, of3_f32(x) + r * width, width, of3_f32(gate) + from,
                    of3_f32(shift) + from);
  }
  of3_rows_at(row, line, width, n);
  k->pack(panel, of3_lanes(n), of3_lanes(n), row, n, width);
}

static void write_pairs(const of3_cpu_kernels *k, const of3_tensor *to, int64_t p, int64_t first,
                        int64_t channels, float *product) {
  const int64_t width = of3_dim(to, 0) / 2;
  const int n = of3_panel_rows(of3_rows(to), p), lanes = of3_lanes(n);
  float *y[OF3_LANES];
  for (int i = 0; i < n; i++) y[i] = pairs_of(to) + (p * OF3_LANES + i) * width + first / 2;
  k->to_bf16x2(product, product, lanes, channels);
  k->unpack(&(of3_unpack){.panel = product, .ld = lanes, .n_row = n, .channels = channels / 2, .y = y});
}

void of3_write_panel(const of3_cpu_kernels *k, const of3_panel_target *to, int64_t p, int64_t first,
                     int64_t channels, float *product) {
  if (to->y->dtype == OF3_BF16) {
    write_pairs(k, to->y, p, first, channels, product);
    return;
  }
  const int64_t width = of3_dim(to->y, 0);
  const int n = of3_panel_rows(of3_rows(to->y), p);
  float *y[OF3_LANES], mask[OF3_LANES];
  const float *gate[OF3_LANES];
  for (int i = 0; i < n; i++) {
    int64_t r = p * OF3_LANES + i;
    y[i] = of3_f32(to->y) + r * width + first;
    if (to->opt_gate) gate[i] = of3_f32(to->opt_gate) + r % of3_rows(to->opt_gate) * width + first;
    if (to->opt_mask && to->pairs)
      mask[i] = of3_row_pair_mask(to->opt_mask, of3_dim(to->y, 1), r);
    else if (to->opt_mask)
      mask[i] = of3_f32(to->opt_mask)[r % of3_count(to->opt_mask)];
  }
  k->unpack(&(of3_unpack){.panel = product,
                          .ld = of3_lanes(n),
                          .n_row = n,
                          .channels = channels,
                          .y = y,
                          .opt_gate = to->opt_gate ? gate : NULL,
                          .opt_mask = to->opt_mask ? mask : NULL,
                          .add = to->add});
}

void of3_make_operand(const of3_cpu_kernels *k, const of3_tensor *w, float *x, int lanes, int64_t depth) {
  if (of3_takes_bf16x2(k, w)) k->to_bf16x2(x, x, lanes, depth);
}

bool of3_takes_bf16x2(const of3_cpu_kernels *k, const of3_tensor *w) {
  return w->dtype == OF3_BF16 && k->operand == OF3_BF16;
}

int64_t of3_operand_rows(const of3_cpu_kernels *k, const of3_tensor *w, int64_t n) {
  return of3_takes_bf16x2(k, w) ? (n + 1) / 2 : n;
}

enum { TILE_STEP = 16 }; /* outputs */

static int64_t steps(const of3_tiling *t) { return (t->outputs + TILE_STEP - 1) / TILE_STEP; }

of3_tiling of3_tile(int64_t panels, int64_t outputs, int64_t count, int threads) {
  of3_tiling t = {.panels = panels, .outputs = outputs, .count = count, .groups = 1};
  const int64_t rows = panels * OF3_LANES;
  /* groups = sqrt(rows threads / outputs), rounded */
  while (t.groups < panels && (2 * t.groups + 1) * (2 * t.groups + 1) * outputs * count < 4 * rows * threads)
    t.groups++;
  t.items = t.groups * count * steps(&t);
  return t;
}

of3_tile_item of3_tile_next(const of3_tiling *t, int64_t *i, int64_t end) {
  const int64_t group = *i / steps(t) / t->count, step = *i % steps(t);
  int64_t n = steps(t) - step;
  if (n > OF3_TILE_MOST / TILE_STEP) n = OF3_TILE_MOST / TILE_STEP;
  if (n > end - *i) n = end - *i;
  of3_tile_item e = {.which = *i / steps(t) % t->count,
                     .p = t->panels * group / t->groups,
                     .p_end = t->panels * (group + 1) / t->groups,
                     .first = step * TILE_STEP,
                     .n = n * TILE_STEP};
  if (e.n > t->outputs - e.first) e.n = t->outputs - e.first;
  *i += n;
  return e;
}

of3_gemm of3_weights_times(const of3_tensor *w, int64_t first, int64_t outputs, const float *x, int lanes,
                           float *y) {
  const int64_t depth = w->shape[1];
  return (of3_gemm){.a = (const char *)of3_host(w) + (size_t)(first * depth) * of3_dtype_size(w->dtype),
                    .a_type = w->dtype,
                    .a_row = depth,
                    .a_col = 1,
                    .x = x,
                    .ldx = lanes,
                    .y = y,
                    .ldy = lanes,
                    .rows = outputs,
                    .depth = depth,
                    .lanes = lanes};
}

void of3_gemm_terms(of3_gemm *g, int64_t first, int64_t n) {
  g->a = (const char *)g->a + (size_t)(first * g->a_col) * of3_dtype_size(g->a_type);
  g->depth = n;
}

void of3_norm_panel(const of3_cpu_kernels *k, float *panel, int lanes, int64_t channels,
                    const of3_tensor *opt_scale, const of3_tensor *opt_offset) {
  k->norm(panel, lanes, lanes, channels, opt_scale ? of3_f32(opt_scale) : NULL,
          opt_offset ? of3_f32(opt_offset) : NULL);
}
