/* AVX-512 (F, DQ, VL, BW). Interface: simd.h. */
#ifndef OF3_CPU_SIMD_AVX512_H
#define OF3_CPU_SIMD_AVX512_H

#include <immintrin.h>
#include <stdint.h>

typedef __m512 vf;
enum { VF = 16, GEMM_ROWS = 8 };

#define OF3_VEC static inline __attribute__((always_inline, unused))
OF3_VEC vf v_set1(float x) { return _mm512_set1_ps(x); }
OF3_VEC vf v_zero(void) { return _mm512_setzero_ps(); }
OF3_VEC vf v_load(const float *p) { return _mm512_loadu_ps(p); }
OF3_VEC void v_store(float *p, vf v) { _mm512_storeu_ps(p, v); }
OF3_VEC __mmask16 v_first(int64_t n) { return (__mmask16)((1u << n) - 1); }
OF3_VEC vf v_load_n(const float *p, int64_t n) { return _mm512_maskz_loadu_ps(v_first(n), p); }
OF3_VEC void v_store_n(float *p, vf v, int64_t n) { _mm512_mask_storeu_ps(p, v_first(n), v); }
OF3_VEC vf v_fma(vf a, vf b, vf c) { return _mm512_fmadd_ps(a, b, c); }
OF3_VEC vf v_max(vf a, vf b) { return _mm512_max_ps(a, b); }
OF3_VEC vf v_min(vf a, vf b) { return _mm512_min_ps(a, b); }
OF3_VEC vf v_round(vf x) { return _mm512_roundscale_ps(x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }
OF3_VEC vf v_exp2i(vf n) { return _mm512_scalef_ps(_mm512_set1_ps(1.0f), n); }
OF3_VEC vf v_below(vf x, vf y, vf v) { return _mm512_maskz_mov_ps(_mm512_cmp_ps_mask(x, y, _CMP_NLT_UQ), v); }
OF3_VEC vf v_sqrt(vf x) { return _mm512_sqrt_ps(x); }
OF3_VEC float v_sum(vf v) { return _mm512_reduce_add_ps(v); }

/* Pairs, then fours inside 128 bits, then the 128-bit blocks as a 4 x 4 matrix in two steps. */
OF3_VEC void v_transpose(vf v[16]) {
  vf t[16];
  for (int i = 0; i < 16; i += 2) {
    t[i] = _mm512_unpacklo_ps(v[i], v[i + 1]);
    t[i + 1] = _mm512_unpackhi_ps(v[i], v[i + 1]);
  }
  for (int i = 0; i < 16; i += 4) {
    v[i] = _mm512_shuffle_ps(t[i], t[i + 2], 0x44);
    v[i + 1] = _mm512_shuffle_ps(t[i], t[i + 2], 0xee);
    v[i + 2] = _mm512_shuffle_ps(t[i + 1], t[i + 3], 0x44);
    v[i + 3] = _mm512_shuffle_ps(t[i + 1], t[i + 3], 0xee);
  }
  for (int i = 0; i < 4; i++) {
    t[i] = _mm512_shuffle_f32x4(v[i], v[i + 4], 0x88);
    t[i + 4] = _mm512_shuffle_f32x4(v[i + 8], v[i + 12], 0x88);
    t[i + 8] = _mm512_shuffle_f32x4(v[i], v[i + 4], 0xdd);
    t[i + 12] = _mm512_shuffle_f32x4(v[i + 8], v[i + 12], 0xdd);
  }
  for (int i = 0; i < 4; i++) {
    v[i] = _mm512_shuffle_f32x4(t[i], t[i + 4], 0x88);
    v[i + 4] = _mm512_shuffle_f32x4(t[i + 8], t[i + 12], 0x88);
    v[i + 8] = _mm512_shuffle_f32x4(t[i], t[i + 4], 0xdd);
    v[i + 12] = _mm512_shuffle_f32x4(t[i + 8], t[i + 12], 0xdd);
  }
}
#undef OF3_VEC

#include "cpu/simd.h"

#endif
