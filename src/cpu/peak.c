#define _POSIX_C_SOURCE 200809L
#include "cpu/peak.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Loops that only multiply and add in registers: 12 chains hide the latency of 4 to 6 cycles of two units,
 * products of bf16 take 8. No chain begins at the fixed point 1, which compilers see. */
enum { CHAINS = 12, CHAINS_BF16 = 16, ROUNDS = 200000, WARM_UP = 10, REPEATS = 80 };

typedef float plain4 __attribute__((vector_size(16)));

/* acc = FMA(acc, a, b) over and over, a and b of type OPERAND. */
#define LOOP(NAME, TARGET, TYPE, OPERAND, SET1, A, B, FMA, N)                                                \
  TARGET static float NAME(void) {                                                                           \
    TYPE acc[N];                                                                                             \
    OPERAND a = (A), b = (B);                                                                                \
    _Pragma("GCC unroll 16") for (int i = 0; i < (N); i++) acc[i] = SET1((float)(i + 2));                    \
    for (int r = 0; r < ROUNDS; r++) {                                                                       \
      _Pragma("GCC unroll 16") for (int i = 0; i < (N); i++) acc[i] = FMA(acc[i], a, b);                     \
    }                                                                                                        \
    float sum = 0;                                                                                           \
    for (int i = 0; i < (N); i++) {                                                                          \
      float lane;                                                                                            \
      memcpy(&lane, &acc[i], sizeof lane);                                                                   \
      sum += lane;                                                                                           \
    }                                                                                                        \
    return sum;                                                                                              \
  }
#define LOOP_F32(NAME, TARGET, TYPE, SET1, FMA)                                                              \
  LOOP(NAME, TARGET, TYPE, TYPE, SET1, SET1(0.999f), SET1(1e-3f), FMA, CHAINS)

#define PLAIN_SET1(x)      ((plain4){(x), (x), (x), (x)})
#define PLAIN_FMA(x, a, b) ((x) * (a) + (b))
LOOP_F32(loop_plain, , plain4, PLAIN_SET1, PLAIN_FMA)

#if defined(__x86_64__)
#include <immintrin.h>

LOOP_F32(loop_avx512, __attribute__((target("avx512f"))), __m512, _mm512_set1_ps, _mm512_fmadd_ps)
LOOP_F32(loop_avx2, __attribute__((target("avx2,fma"))), __m256, _mm256_set1_ps, _mm256_fmadd_ps)

enum { BF16_PAIR = 0x3c003c00 }; /* 2^-7 twice */
#define PAIRS ((__m512bh)_mm512_set1_epi32(BF16_PAIR))
LOOP(loop_avx512bf16, __attribute__((target("avx512f,avx512bf16"))), __m512, __m512bh, _mm512_set1_ps, PAIRS,
     PAIRS, _mm512_dpbf16_ps, CHAINS_BF16)

/* Four sums of 16 x 16, each of 32 terms at a time. */
enum { TILES = 4 };
__attribute__((target("amx-tile,amx-bf16"))) static float loop_amx(void) {
  struct {
    uint8_t palette, start, reserved[14];
    uint16_t row_bytes[16];
    uint8_t rows[16];
  } config = {.palette = 1};
  float sum[16 * 16];
  for (int i = 0; i < 8; i++) {
    config.row_bytes[i] = 64;
    config.rows[i] = 16;
  }
  __asm__ volatile("" ::: "memory"); /* compilers do not know that tile instructions read memory */
  _tile_loadconfig(&config);
  for (int r = 0; r < ROUNDS / 16; r++) {
    _tile_dpbf16ps(0, 4, 5);
    _tile_dpbf16ps(1, 4, 6);
    _tile_dpbf16ps(2, 7, 5);
    _tile_dpbf16ps(3, 7, 6);
  }
  _tile_stored(0, sum, 64);
  __asm__ volatile("" ::: "memory");
  _tile_release();
  return sum[0];
}
#elif defined(__aarch64__)
#include <arm_neon.h>

#define NEON_FMA(x, a, b) vfmaq_f32((b), (x), (a))
LOOP_F32(loop_neon, , float32x4_t, vdupq_n_f32, NEON_FMA)
/* The instruction itself: not every compiler knows it without flags. */
static inline float32x4_t neon_dot(float32x4_t acc, uint16x8_t a, uint16x8_t b) {
  __asm__(".arch armv8.2-a+bf16\n\tbfdot %0.4s, %1.8h, %2.8h" : "+w"(acc) : "w"(a), "w"(b));
  return acc;
}
enum { BF16_ONE = 0x3f80 };
LOOP(loop_neonbf16, , float32x4_t, uint16x8_t, vdupq_n_f32, vdupq_n_u16(BF16_ONE), vdupq_n_u16(BF16_ONE),
     neon_dot, CHAINS_BF16)
#endif

typedef struct loop {
  const char *isa;
  of3_dtype operand;
  float (*run)(void);
  double flops; /* of one run */
} loop;

#define VECTORS(floats)  (2.0 * (floats)*CHAINS * ROUNDS)
#define PAIRS_OF(floats) (2.0 * 2 * (floats)*CHAINS_BF16 * ROUNDS)
static const loop loops[] = {
#if defined(__x86_64__)
    {"amx", OF3_BF16, loop_amx, 2.0 * 16 * 16 * 2 * TILES *ROUNDS},
    {"avx512bf16", OF3_BF16, loop_avx512bf16, PAIRS_OF(16)},
    {"amx", OF3_F32, loop_avx512, VECTORS(16)},
    {"avx512bf16", OF3_F32, loop_avx512, VECTORS(16)},
    {"avx512", OF3_F32, loop_avx512, VECTORS(16)},
    {"avx2", OF3_F32, loop_avx2, VECTORS(8)},
#elif defined(__aarch64__)
    {"neonbf16", OF3_BF16, loop_neonbf16, PAIRS_OF(4)},
    {"neonbf16", OF3_F32, loop_neon, VECTORS(4)},
    {"neon", OF3_F32, loop_neon, VECTORS(4)},
#endif
    {"plain", OF3_F32, loop_plain, VECTORS(4)},
};

static const loop *peak_find(const char *isa, of3_dtype operand) {
  const int n = sizeof loops / sizeof *loops;
  for (int i = 0; i < n; i++)
    if (strcmp(loops[i].isa, isa) == 0 && loops[i].operand == operand) return &loops[i];
  return operand == OF3_F32 ? &loops[n - 1] : peak_find(isa, OF3_F32);
}

typedef struct peak {
  const loop *loop;
  double *seconds; /* [threads]: of REPEATS runs, one item for each thread */
  clockid_t clock;
} peak;

static double peak_now(clockid_t clock) {
  struct timespec t;
  clock_gettime(clock, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* The mean of many runs, not the fastest: two threads of one core can be fast while the other one rests. */
static void peak_task(void *arg, int64_t begin, int64_t end, int thread) {
  const peak *p = arg;
  volatile float sink = 0;
  (void)thread;
  for (int64_t item = begin; item < end; item++) {
    for (int i = 0; i < WARM_UP; i++) sink = p->loop->run();
    double from = peak_now(p->clock);
    for (int i = 0; i < REPEATS; i++) sink = p->loop->run();
    p->seconds[item] = peak_now(p->clock) - from;
  }
  (void)sink;
}

/* One try. */
static double rate_of(of3_pool *pool, peak *p) {
  double rate = 0;
  const int threads = of3_pool_size(pool);
  of3_pool_run(pool, peak_task, p, threads);
  for (int i = 0; i < threads; i++) rate += REPEATS * p->loop->flops / p->seconds[i];
  return rate;
}

double of3_cpu_peak(const char *isa, of3_dtype operand, of3_pool *pool, bool processor_time) {
  enum { TRIES = 3 };
  double best = 0;
  peak p = {.loop = peak_find(isa, operand),
            .clock = processor_time ? CLOCK_THREAD_CPUTIME_ID : CLOCK_MONOTONIC,
            .seconds = calloc((size_t)of3_pool_size(pool), sizeof *p.seconds)};
  for (int i = 0; p.seconds && i < TRIES; i++) {
    double rate = rate_of(pool, &p);
    if (rate > best) best = rate;
  }
  free(p.seconds);
  return best;
}
