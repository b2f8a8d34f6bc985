/* AVX2 with FMA. Interface: simd.h. */
#ifndef OF3_CPU_SIMD_AVX2_H
#define OF3_CPU_SIMD_AVX2_H

#include <immintrin.h>
#include <stdint.h>

typedef __m256 vf;
enum { VF = 8, GEMM_ROWS = 4 };

#define OF3_VEC static inline __attribute__((always_inline, unused))
OF3_VEC vf v_set1(float x) { return _mm256_set1_ps(x); }
OF3_VEC vf v_zero(void) { return _mm256_setzero_ps(); }
OF3_VEC vf v_load(const float *p) { return _mm256_loadu_ps(p); }
OF3_VEC void v_store(float *p, vf v) { _mm256_storeu_ps(p, v); }
OF3_VEC __m256i v_first(int64_t n) {
  return _mm256_cmpgt_epi32(_mm256_set1_epi32((int)n), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}
OF3_VEC vf v_load_n(const float *p, int64_t n) { return _mm256_maskload_ps(p, v_first(n)); }
OF3_VEC void v_store_n(float *p, vf v, int64_t n) { _mm256_maskstore_ps(p, v_first(n), v); }
OF3_VEC vf v_fma(vf a, vf b, vf c) { return _mm256_fmadd_ps(a, b, c); }
OF3_VEC vf v_max(vf a, vf b) { return _mm256_max_ps(a, b); }
OF3_VEC vf v_min(vf a, vf b) { return _mm256_min_ps(a, b); }
OF3_VEC vf v_round(vf x) { return _mm256_round_ps(x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }
OF3_VEC vf v_exp2i(vf n) {
  __m256i e = _mm256_add_epi32(_mm256_cvtps_epi32(n), _mm256_set1_epi32(127));
  return _mm256_castsi256_ps(_mm256_slli_epi32(e, 23));
}
OF3_VEC vf v_below(vf x, vf y, vf v) { return _mm256_and_ps(_mm256_cmp_ps(x, y, _CMP_NLT_UQ), v); }
OF3_VEC vf v_sqrt(vf x) { return _mm256_sqrt_ps(x); }
OF3_VEC float v_sum(vf v) {
  __m128 a = _mm_add_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
  a = _mm_add_ps(a, _mm_movehl_ps(a, a));
  return _mm_cvtss_f32(_mm_add_ss(a, _mm_shuffle_ps(a, a, 1)));
}

/* Pairs, then fours inside 128 bits, then the two 128-bit halves. */
OF3_VEC void v_transpose(vf v[8]) {
  vf t[8];
  for (int i = 0; i < 8; i += 2) {
    t[i] = _mm256_unpacklo_ps(v[i], v[i + 1]);
    t[i + 1] = _mm256_unpackhi_ps(v[i], v[i + 1]);
  }
  for (int i = 0; i < 8; i += 4) {
    v[i] = _mm256_shuffle_ps(t[i], t[i + 2], 0x44);
    v[i + 1] = _mm256_shuffle_ps(t[i], t[i + 2], 0xee);
    v[i + 2] = _mm256_shuffle_ps(t[i + 1], t[i + 3], 0x44);
    v[i + 3] = _mm256_shuffle_ps(t[i + 1], t[i + 3], 0xee);
  }
  for (int i = 0; i < 4; i++) {
    vf low = _mm256_permute2f128_ps(v[i], v[i + 4], 0x20);
    v[i + 4] = _mm256_permute2f128_ps(v[i], v[i + 4], 0x31);
    v[i] = low;
  }
}
#undef OF3_VEC

#include "cpu/simd.h"

#endif
