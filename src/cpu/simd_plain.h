/* Plain C: vectors of 4 floats by the compilers' vector extension, for any processor. Interface: simd.h. */
#ifndef OF3_CPU_SIMD_PLAIN_H
#define OF3_CPU_SIMD_PLAIN_H

#include <math.h>
#include <stdint.h>
#include <string.h>

typedef float vf __attribute__((vector_size(16)));
typedef int32_t vi __attribute__((vector_size(16)));
enum { VF = 4, GEMM_ROWS = 4 };

#define OF3_VEC static inline __attribute__((always_inline, unused))
OF3_VEC vf v_set1(float x) { return (vf){x, x, x, x}; }
OF3_VEC vf v_zero(void) { return v_set1(0.0f); }
OF3_VEC vf v_load(const float *p) {
  vf v;
  memcpy(&v, p, sizeof v);
  return v;
}
OF3_VEC void v_store(float *p, vf v) { memcpy(p, &v, sizeof v); }
OF3_VEC vf v_load_n(const float *p, int64_t n) {
  vf v = v_zero();
  for (int i = 0; i < n; i++) v[i] = p[i];
  return v;
}
OF3_VEC void v_store_n(float *p, vf v, int64_t n) {
  for (int i = 0; i < n; i++) p[i] = v[i];
}
OF3_VEC vf v_fma(vf a, vf b, vf c) { return a * b + c; }
OF3_VEC vf v_pick(vi mask, vf a, vf b) { return (vf)(((vi)a & mask) | ((vi)b & ~mask)); }
OF3_VEC vf v_max(vf a, vf b) { return v_pick((vi)(a > b), a, b); }
OF3_VEC vf v_min(vf a, vf b) { return v_pick((vi)(a < b), a, b); }
OF3_VEC vf v_round(vf x) { /* adding 1.5 2^23 leaves no fraction bits; ties to even */
  const vf big = v_set1(12582912.0f);
  return (x + big) - big;
}
OF3_VEC vf v_exp2i(vf n) {
  typedef uint32_t vu __attribute__((vector_size(16)));
  return (vf)((vu)(n + v_set1(12582912.0f + 127.0f)) << 23); /* the exponent from the low mantissa bits */
}
OF3_VEC vf v_below(vf x, vf y, vf v) { return (vf)((vi)v & ~(vi)(x < y)); }
OF3_VEC vf v_sqrt(vf x) { return (vf){sqrtf(x[0]), sqrtf(x[1]), sqrtf(x[2]), sqrtf(x[3])}; }
OF3_VEC float v_sum(vf v) { return (v[0] + v[2]) + (v[1] + v[3]); }
OF3_VEC void v_transpose(vf v[4]) {
  for (int i = 0; i < 4; i++)
    for (int j = 0; j < i; j++) {
      float t = v[i][j];
      v[i][j] = v[j][i];
      v[j][i] = t;
    }
}
#undef OF3_VEC

#include "cpu/simd.h"

#endif
