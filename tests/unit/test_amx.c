/* The product in AMX (cpu_amx.c) with tiles made of plain C (amx_plain_tiles.c), as few machines have any:
 * right for every depth, number of lanes and beginning of the sums, and the same bits in one call as in one
 * for each block of terms, which is what the number of threads decides (kernels.h, OF3_GEMM_DEPTH). Skipped
 * (exit 77) where the processor lacks what is between the tiles: this file is compiled for every processor.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cpu/kernels.h"

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
    of3_bf16_kernels_amx()->gemm(&block);
  }
}

static double check(int depth, int lanes, bool accumulate, bool biased) {
  product p = make_product(depth, lanes, accumulate, biased);
  of3_bf16_kernels_amx()->to_bf16x2(p.pairs, p.x, lanes, depth);
  memcpy(p.once, p.before, sizeof p.once);
  memcpy(p.blocks, p.before, sizeof p.blocks);
  p.g.a = p.a;
  p.g.x = p.pairs;
  p.g.y = p.once;
  p.g.opt_bias = biased ? p.bias : NULL;
  of3_bf16_kernels_amx()->gemm(&p.g);
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
  for (size_t i = 0; i < sizeof depths / sizeof *depths; i++)
    for (int lanes = OF3_LANE_STEP; lanes <= OF3_LANES; lanes += OF3_LANE_STEP)
      for (int begin = 0; begin < 4; begin++)
        worst = fmax(worst, check(depths[i], lanes, begin & 1, begin & 2));
  print_message("largest error %.1e\n", worst);
  assert_true(worst < 4 * measured);
}

/* What amx_plain_tiles.c is compiled for (tests/tensor.cmake). */
static bool can_run(void) {
  return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
         __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512bw") &&
         __builtin_cpu_supports("fma") && __builtin_cpu_supports("avx512bf16");
}

int main(void) {
  enum { SKIPPED = 77 };
  const struct CMUnitTest tests[] = {cmocka_unit_test(products_are_right)};
  if (!can_run()) return puts("skipped: this processor has no AVX512-BF16"), SKIPPED;
  return cmocka_run_group_tests(tests, NULL, NULL);
}
