/* The product in AMX (cpu_amx.c) with tiles made of plain C, as few machines have any: right for every depth,
 * number of lanes and beginning of the sums, and the same bits in one call as in one for each block of terms,
 * which is what the number of threads decides (kernels.h, OF3_GEMM_DEPTH). */
#include <immintrin.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static float tile[8][16][16];

static void load_tile(int t, const void *from, ptrdiff_t bytes) {
  for (int i = 0; i < 16; i++) memcpy(tile[t][i], (const char *)from + i * bytes, sizeof tile[t][i]);
}

static void store_tile(int t, void *to, ptrdiff_t bytes) {
  for (int i = 0; i < 16; i++) memcpy((char *)to + i * bytes, tile[t][i], sizeof tile[t][i]);
}

static float upper_half(uint32_t bits) {
  float f;
  memcpy(&f, &bits, sizeof f);
  return f;
}

static void multiply_tiles(int c, int a, int b) {
  for (int m = 0; m < 16; m++)
    for (int k = 0; k < 16; k++)
      for (int n = 0; n < 16; n++) {
        uint32_t x, y;
        memcpy(&x, &tile[a][m][k], sizeof x);
        memcpy(&y, &tile[b][k][n], sizeof y);
        tile[c][m][n] += upper_half(x << 16) * upper_half(y << 16);
        tile[c][m][n] += upper_half(x & 0xffff0000u) * upper_half(y & 0xffff0000u);
      }
}

#undef _tile_loadconfig
#undef _tile_release
#undef _tile_zero
#undef _tile_loadd
#undef _tile_stored
#undef _tile_dpbf16ps
#define _tile_loadconfig(c)         ((void)(c))
#define _tile_release()             ((void)0)
#define _tile_zero(t)               memset(tile[t], 0, sizeof tile[t])
#define _tile_loadd(t, from, bytes) load_tile((t), (from), (bytes))
#define _tile_stored(t, to, bytes)  store_tile((t), (to), (bytes))
#define _tile_dpbf16ps(c, a, b)     multiply_tiles((c), (a), (b))
#include "cpu/cpu_amx.c"

enum { OUTPUTS = 37, MOST_DEPTH = 768 }; /* two tiles of rows, and five rows */

typedef struct product {
  uint16_t a[OUTPUTS * MOST_DEPTH];
  float x[MOST_DEPTH * OF3_LANES], bias[OUTPUTS];
  uint32_t pairs[MOST_DEPTH / 2 * OF3_LANES];
  float before[OUTPUTS * OF3_LANES], once[OUTPUTS * OF3_LANES], blocks[OUTPUTS * OF3_LANES];
  of3_gemm g;
} product;

static float any(void) { return (float)rand() / (float)RAND_MAX - 0.5f; }

static product make_product(int depth, int lanes, bool accumulate, bool biased) {
  product p = {.g = {.a_type = OF3_BF16,
                     .a_row = depth,
                     .a_col = 1,
                     .ldx = lanes,
                     .ldy = lanes,
                     .rows = OUTPUTS,
                     .depth = depth,
                     .lanes = lanes,
                     .accumulate = accumulate}};
  for (int i = 0; i < OUTPUTS * depth; i++) p.a[i] = of3_f32_to_bf16(any());
  for (int i = 0; i < depth * lanes; i++) p.x[i] = of3_bf16_to_f32(of3_f32_to_bf16(any()));
  for (int i = 0; i < OUTPUTS; i++) p.bias[i] = biased ? any() : 0;
  for (int i = 0; i < OUTPUTS * lanes; i++) p.before[i] = accumulate ? any() : NAN;
  return p;
}

/* Largest error relative to the largest value. */
static double error_of(const product *p) {
  const int lanes = p->g.lanes;
  double worst = 0, largest = 0;
  for (int i = 0; i < OUTPUTS * lanes; i++) {
    double sum = p->bias[i / lanes] + (p->g.accumulate ? (double)p->before[i] : 0);
    for (int64_t k = 0; k < p->g.depth; k++)
      sum += (double)of3_bf16_to_f32(p->a[i / lanes * p->g.depth + k]) * (double)p->x[k * lanes + i % lanes];
    worst = fmax(worst, fabs(sum - (double)p->once[i]));
    largest = fmax(largest, fabs(sum));
  }
  return worst / largest;
}

static void multiply_in_blocks(const product *p, float *y) {
  for (int64_t k = 0; k < p->g.depth; k += OF3_GEMM_DEPTH) {
    of3_gemm block = p->g;
    block.a = p->a + k;
    block.x = p->pairs + k / 2 * p->g.lanes;
    block.y = y;
    block.depth = p->g.depth - k < OF3_GEMM_DEPTH ? p->g.depth - k : OF3_GEMM_DEPTH;
    if (k) block.accumulate = true, block.opt_bias = NULL;
    amx_gemm(&block);
  }
}

static double check(int depth, int lanes, bool accumulate, bool biased) {
  product p = make_product(depth, lanes, accumulate, biased);
  dot_join(p.pairs, p.x, lanes, depth);
  memcpy(p.once, p.before, sizeof p.once);
  memcpy(p.blocks, p.before, sizeof p.blocks);
  p.g.a = p.a;
  p.g.x = p.pairs;
  p.g.y = p.once;
  p.g.opt_bias = biased ? p.bias : NULL;
  amx_gemm(&p.g);
  multiply_in_blocks(&p, p.blocks);
  if (memcmp(p.once, p.blocks, (size_t)(OUTPUTS * lanes) * sizeof p.once[0]) != 0)
    fail_msg("depth %d, %d lanes: other bits in blocks of %d terms", depth, lanes, OF3_GEMM_DEPTH);
  return error_of(&p);
}

static void products_are_right(void **state) {
  static const int depths[] = {1,   2,   24,  31,  32,  33,  48,  76,  127, 128,       255,
                               256, 257, 260, 272, 287, 288, 300, 512, 528, MOST_DEPTH};
  const double measured = 5.8e-7;
  double worst = 0;
  (void)state;
  if (!__builtin_cpu_supports("avx512bf16")) skip();
  for (size_t i = 0; i < sizeof depths / sizeof *depths; i++)
    for (int lanes = OF3_LANE_STEP; lanes <= OF3_LANES; lanes += OF3_LANE_STEP)
      for (int begin = 0; begin < 4; begin++)
        worst = fmax(worst, check(depths[i], lanes, begin & 1, begin & 2));
  print_message("largest error %.1e\n", worst);
  assert_true(worst < 4 * measured);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(products_are_right)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
