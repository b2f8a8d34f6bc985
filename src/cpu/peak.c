#define _POSIX_C_SOURCE 200809L
#include "cpu/peak.h"

#include <stdint.h>
#include <string.h>
#include <time.h>

#include "base/threads.h"

/* Loops that only multiply and add in registers: 12 chains hide the latency of 4 to 6 cycles of two units. No
 * chain begins at the fixed point 1, which compilers see. */
enum { CHAINS = 12, ROUNDS = 200000 };

typedef float plain4 __attribute__((vector_size(16)));

#define LOOP(NAME, TARGET, TYPE, SET1, FMA)                                                                  \
  TARGET static float NAME(void) {                                                                           \
    TYPE acc[CHAINS], a = SET1(0.999f), b = SET1(1e-3f);                                                     \
    _Pragma("GCC unroll 12") for (int i = 0; i < CHAINS; i++) acc[i] = SET1((float)(i + 2));                 \
    for (int r = 0; r < ROUNDS; r++) {                                                                       \
      _Pragma("GCC unroll 12") for (int i = 0; i < CHAINS; i++) acc[i] = FMA(acc[i], a, b);                  \
    }                                                                                                        \
    float sum = 0;                                                                                           \
    for (int i = 0; i < CHAINS; i++) {                                                                       \
      float lane;                                                                                            \
      memcpy(&lane, &acc[i], sizeof lane);                                                                   \
      sum += lane;                                                                                           \
    }                                                                                                        \
    return sum;                                                                                              \
  }

#define PLAIN_SET1(x)      ((plain4){(x), (x), (x), (x)})
#define PLAIN_FMA(x, a, b) ((x) * (a) + (b))
LOOP(loop_plain, , plain4, PLAIN_SET1, PLAIN_FMA)
#if defined(__x86_64__)
#include <immintrin.h>
LOOP(loop_avx512, __attribute__((target("avx512f"))), __m512, _mm512_set1_ps, _mm512_fmadd_ps)
LOOP(loop_avx2, __attribute__((target("avx2,fma"))), __m256, _mm256_set1_ps, _mm256_fmadd_ps)
#elif defined(__aarch64__)
#include <arm_neon.h>
#define NEON_FMA(x, a, b) vfmaq_f32((b), (x), (a))
LOOP(loop_neon, , float32x4_t, vdupq_n_f32, NEON_FMA)
#endif

typedef struct peak {
  float (*loop)(void);
  volatile float sink;
} peak;

static void peak_task(void *arg, int64_t begin, int64_t end, int thread) {
  peak *p = arg;
  (void)thread;
  for (int64_t i = begin; i < end; i++) p->sink = p->loop();
}

double of3_cpu_peak(const char *isa, int threads) {
  int floats = 4;
  peak p = {.loop = loop_plain};
#if defined(__x86_64__)
  if (!strcmp(isa, "avx512")) p.loop = loop_avx512, floats = 16;
  if (!strcmp(isa, "avx2")) p.loop = loop_avx2, floats = 8;
#elif defined(__aarch64__)
  if (!strcmp(isa, "neon")) p.loop = loop_neon;
#endif
  of3_pool *pool = of3_pool_new(threads);
  if (!pool) return 0;
  double best = 0;
  for (int i = 0; i < 20; i++) {
    struct timespec a, b;
    clock_gettime(CLOCK_MONOTONIC, &a);
    of3_pool_run(pool, peak_task, &p, threads);
    clock_gettime(CLOCK_MONOTONIC, &b);
    double seconds = (double)(b.tv_sec - a.tv_sec) + 1e-9 * (double)(b.tv_nsec - a.tv_nsec);
    double rate = 2.0 * floats * CHAINS * ROUNDS * threads / seconds;
    if (rate > best) best = rate;
  }
  of3_pool_free(pool);
  return best;
}
