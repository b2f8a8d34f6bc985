/* Philox4x32-10 against the vectors of its authors (Random123, kat_vectors), and what is made of it. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/python_random.h"
#include "base/random.h"

static void known_answers(void **state) {
  static const struct {
    uint32_t counter[4], key[2], words[4];
  } known[] = {
      {{0}, {0}, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
      {{0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff},
       {0xffffffff, 0xffffffff},
       {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
      {{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
       {0xa4093822, 0x299f31d0},
       {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
  };
  (void)state;
  for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
    const uint32_t *c = known[i].counter;
    uint32_t out[4];
    of3_random_block((of3_stream){.seed = (uint64_t)known[i].key[1] << 32 | known[i].key[0],
                                  .step = c[1],
                                  .sample = c[2],
                                  .purpose = (of3_purpose)c[3]},
                     c[0], out);
    assert_memory_equal(out, known[i].words, sizeof out);
  }
}

/* Python: random.seed(s); [random.randint(0, 10**9) for _ in range(6)] */
static void python_draws_the_same(void **state) {
  static const struct {
    uint64_t seed;
    uint32_t drawn[6];
  } known[] = {
      {42, {686579303, 119540831, 26855092, 796233790, 295310485, 262950628}},
      {(1ULL << 40) + 7, {658959414, 802433304, 875009709, 686683280, 612452349, 757626720}},
  };
  (void)state;
  for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
    of3_python_random g;
    of3_python_seed(&g, known[i].seed);
    for (int k = 0; k < 6; k++) assert_int_equal(of3_python_randint(&g, 1000000000), known[i].drawn[k]);
  }
}

static const of3_stream stream = {.seed = 42, .purpose = OF3_RANDOM_TEST, .sample = 3, .step = 5};

/* Any stretch of a stream is the stream's. */
static void stretches_are_parts(void **state) {
  enum { N = 103 };
  float all[N], part[N];
  (void)state;
  of3_random_normal(stream, all, N);
  for (size_t first = 0; first < N; first += 4)
    for (size_t n = 0; first + n <= N; n++) {
      of3_random_normal_from(stream, first, part, n);
      assert_memory_equal(part, all + first, n * sizeof *part);
    }
}

/* Moments of 2^18 numbers, within five standard errors. */
static void numbers_are_normal(void **state) {
  enum { N = 1 << 18 };
  static float x[N];
  double m1 = 0, m2 = 0, m3 = 0, m4 = 0, next = 0;
  const double e = 5 / sqrt(N);
  (void)state;
  of3_random_normal(stream, x, N);
  for (int i = 0; i < N; i++) {
    const double y = (double)x[i], y2 = y * y;
    m1 += y / N, m2 += y2 / N, m3 += y * y2 / N, m4 += y2 * y2 / N;
    next += y * (double)x[(i + 1) % N] / N;
  }
  assert_true(fabs(m1) < e && fabs(m2 - 1) < e * sqrt(2) && fabs(m3) < e * sqrt(15));
  assert_true(fabs(m4 - 3) < e * sqrt(96) && fabs(next) < e);
}

static void rotations_are_rotations(void **state) {
  (void)state;
  for (uint32_t step = 0; step < 100; step++) {
    float q[4], r[9];
    of3_random_normal((of3_stream){.purpose = OF3_RANDOM_TEST, .step = step}, q, 4);
    of3_rotation_of(q, r);
    for (int i = 0; i < 3; i++)
      for (int j = 0; j < 3; j++) {
        double dot = 0;
        for (int k = 0; k < 3; k++) dot += (double)r[3 * i + k] * (double)r[3 * j + k];
        assert_true(fabs(dot - (i == j)) < 1e-6);
      }
    const double det = (double)(r[0] * (r[4] * r[8] - r[5] * r[7]) - r[1] * (r[3] * r[8] - r[5] * r[6]) +
                                r[2] * (r[3] * r[7] - r[4] * r[6]));
    assert_true(fabs(det - 1) < 1e-5);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(known_answers), cmocka_unit_test(python_draws_the_same),
                                     cmocka_unit_test(stretches_are_parts),
                                     cmocka_unit_test(numbers_are_normal),
                                     cmocka_unit_test(rotations_are_rotations)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
