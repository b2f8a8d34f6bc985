/* The product in AMX: tiles of 16 rows of a, where it lies, times bf16x2 as in kernels_dot.inc.
 *
 *        32 terms         16 lanes            16 lanes
 *      +----------+     +---------+         +---------+
 *   16 |  a, bf16 |  16 |  bf16x2 |  ->  16 |  y, f32 |
 *      +----------+     +---------+         +---------+
 *
 * Three tiles of lanes share a tile of a: three sums, one a, three x. Sums go on from what y holds, so
 * that they are the same however long the blocks of terms are. What is left of the last 32 terms is copied
 * with zeros behind it; rows beyond a multiple of 16, and blocks of fewer than 32 terms, are done by
 * kernels_dot.inc. */
#include "cpu/kernels.h"

#if defined(__x86_64__)
#include "cpu/simd_avx512.h"

#include "cpu/bf16x2_avx512.h"

#include "cpu/kernels_dot.inc"
#include "cpu/kernels_bf16.inc"

enum { ROWS = 16, TERMS = 32 };

typedef struct tile_config {
  uint8_t palette, start, reserved[14];
  uint16_t row_bytes[16];
  uint8_t rows[16];
} tile_config;

/* Compilers do not know that tile instructions read and write memory. */
OF3_INLINE void settle_memory(void) { __asm__ volatile("" ::: "memory"); }

static void configure(void) {
  tile_config c = {.palette = 1};
  for (int i = 0; i < 7; i++) {
    c.row_bytes[i] = 64;
    c.rows[i] = ROWS;
  }
  settle_memory();
  _tile_loadconfig(&c);
}

/* One tile of a times V tiles of x; a_bytes between the rows of a, x_bytes between rows of bf16x2. */
#define STEP(a, a_bytes, x, x_bytes, V)                                                                      \
  do {                                                                                                       \
    _tile_loadd(3, (a), (a_bytes));                                                                          \
    _tile_loadd(4, (x), (x_bytes));                                                                          \
    _tile_dpbf16ps(0, 3, 4);                                                                                 \
    if ((V) > 1) {                                                                                           \
      _tile_loadd(5, (x) + 16, (x_bytes));                                                                   \
      _tile_dpbf16ps(1, 3, 5);                                                                               \
    }                                                                                                        \
    if ((V) > 2) {                                                                                           \
      _tile_loadd(6, (x) + 32, (x_bytes));                                                                   \
      _tile_dpbf16ps(2, 3, 6);                                                                               \
    }                                                                                                        \
  } while (0)

/* n terms of 16 rows, with zeros behind them. */
static void copy_rows(uint16_t to[ROWS][TERMS], const char *a, ptrdiff_t a_bytes, int64_t n) {
  memset(to, 0, sizeof(uint16_t) * ROWS * TERMS);
  for (int i = 0; i < ROWS; i++) memcpy(to[i], a + i * a_bytes, (size_t)n * sizeof to[i][0]);
}

/* Tiles 0 .. V-1 begin the sums of rows r .. r+15: with nothing, the bias, or what y holds. */
OF3_INLINE void begin_sums(const dot_block *b, int64_t r, const int V) {
  const of3_gemm *g = b->g;
  float bias[ROWS][VF] __attribute__((aligned(64)));
  const float *from = g->y + r * g->ldy;
  ptrdiff_t bytes = 4 * g->ldy, step = VF;
  if (b->first && !g->accumulate) {
    if (!g->opt_bias) {
      _tile_zero(0);
      if (V > 1) _tile_zero(1);
      if (V > 2) _tile_zero(2);
      return;
    }
    for (int i = 0; i < ROWS; i++) v_store(bias[i], v_set1(g->opt_bias[r + i]));
    from = bias[0];
    bytes = sizeof bias[0];
    step = 0;
  }
  settle_memory();
  _tile_loadd(0, from, bytes);
  if (V > 1) _tile_loadd(1, from + step, bytes);
  if (V > 2) _tile_loadd(2, from + 2 * step, bytes);
}

/* Rows r .. r+15 of y. */
OF3_INLINE void tile_rows(const dot_block *b, int64_t r, const uint32_t *x_rest, const int V) {
  const of3_gemm *g = b->g;
  float *y = g->y + r * g->ldy;
  const ptrdiff_t y_bytes = 4 * g->ldy, x_bytes = 4 * g->lanes;
  const char *a = b->a + r * b->a_bytes;
  const uint32_t *x = b->x;
  uint16_t rest[ROWS][TERMS];
  const int64_t left = b->depth % TERMS;
  if (left) copy_rows(rest, a + 2 * (b->depth - left), b->a_bytes, left);
  settle_memory();
  begin_sums(b, r, V);
  for (int64_t k = 0; k + TERMS <= b->depth; k += TERMS, a += 2 * TERMS, x += TERMS / 2 * g->lanes)
    STEP(a, b->a_bytes, x, x_bytes, V);
  if (left) STEP(rest, sizeof rest[0], x_rest, x_bytes, V);
  _tile_stored(0, y, y_bytes);
  if (V > 1) _tile_stored(1, y + 16, y_bytes);
  if (V > 2) _tile_stored(2, y + 32, y_bytes);
  settle_memory();
}

/* y += bias, where sums begin with both. */
static void add_bias(const of3_gemm *g, int64_t rows) {
  if (!g->accumulate || !g->opt_bias) return;
  for (int64_t r = 0; r < rows; r++) {
    float *y = g->y + r * g->ldy;
    for (int l = 0; l < g->lanes; l += VF) v_store(y + l, v_set1(g->opt_bias[r]) + v_load(y + l));
  }
}

/* The bf16x2 of the last depth % TERMS terms, with zeros behind them. */
static void copy_rest(const dot_block *b, uint32_t *rest) {
  const int lanes = b->g->lanes;
  const int64_t whole = b->depth / TERMS * TERMS, rows = (b->depth - whole + 1) / 2;
  memset(rest, 0, (size_t)(TERMS / 2 * lanes) * sizeof *rest);
  memcpy(rest, b->x + whole / 2 * lanes, (size_t)(rows * lanes) * sizeof *rest);
}

/* All rows of a block, a multiple of 16. */
static void tile_block(const dot_block *b) {
  uint32_t rest[TERMS / 2 * OF3_LANES] __attribute__((aligned(64)));
  if (b->depth % TERMS) copy_rest(b, rest);
  for (int64_t r = 0; r < b->g->rows; r += ROWS) {
    if (b->g->lanes == 48)
      tile_rows(b, r, rest, 3);
    else if (b->g->lanes == 32)
      tile_rows(b, r, rest, 2);
    else
      tile_rows(b, r, rest, 1);
  }
}

static void amx_gemm(const of3_gemm *g) {
  of3_gemm whole = *g; /* tiles of rows */
  whole.rows = g->depth < TERMS ? 0 : g->rows / ROWS * ROWS;
  if (whole.rows) {
    add_bias(g, whole.rows);
    configure();
    for (int64_t k0 = 0; k0 < g->depth; k0 += OF3_GEMM_DEPTH) {
      const dot_block b = dot_terms(&whole, k0, OF3_GEMM_DEPTH);
      if (b.depth < TERMS) /* as if it were a product of its own */
        dot_rows(&b, 0);
      else
        tile_block(&b);
    }
    _tile_release();
  }
  if (whole.rows < g->rows) dot_all(g, whole.rows);
}

const of3_bf16_kernels *of3_bf16_kernels_amx(void) {
  static const of3_bf16_kernels table = {.gemm = amx_gemm, .to_bf16x2 = dot_join, .between = &bf16_table};
  return &table;
}
#else
const of3_bf16_kernels *of3_bf16_kernels_amx(void) { return NULL; }
#endif
