/* Pairs of bf16 in AVX512-BF16. After simd_avx512.h; interface: kernels_dot.inc,
 * kernels_bf16.inc. */
#ifndef OF3_CPU_PAIRS_AVX512_H
#define OF3_CPU_PAIRS_AVX512_H

#include <immintrin.h>

typedef __m512bh vp;

OF3_INLINE vp p_load(const uint32_t *p) { return (vp)_mm512_loadu_si512(p); }
OF3_INLINE void p_store(uint32_t *p, vp v) { _mm512_storeu_si512(p, (__m512i)v); }
OF3_INLINE vp p_set1(uint32_t x) { return (vp)_mm512_set1_epi32((int)x); }
OF3_INLINE vf p_dot(vf acc, vp a, vp b) { return _mm512_dpbf16_ps(acc, a, b); }

/* Rounded to nearest, ties to even. The conversion gives 16 even terms, then 16 odd ones. */
OF3_INLINE vp p_join(vf even, vf odd) {
  const __m512i order = _mm512_add_epi32(
      _mm512_set1_epi32(16 << 16),
      _mm512_mullo_epi32(_mm512_set1_epi32(0x10001),
                         _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15)));
  return (vp)_mm512_permutexvar_epi16(order, (__m512i)_mm512_cvtne2ps_pbh(odd, even));
}

OF3_INLINE vf p_inverse(vf x) {
  vf r = _mm512_rcp14_ps(x);
  return v_fma(r, v_fma(-x, r, v_set1(1.0f)), r);
}

/* Below -126 the instruction makes denormal numbers, which the product takes for zero. */
OF3_INLINE vf p_scale(vf x, vf n) { return _mm512_scalef_ps(x, n); }

#endif
