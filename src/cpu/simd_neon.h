/* NEON of 64-bit Arm. Interface: simd.h. */
#ifndef OF3_CPU_SIMD_NEON_H
#define OF3_CPU_SIMD_NEON_H

#include <arm_neon.h>
#include <stdint.h>

typedef float32x4_t vf;
enum { VF = 4, GEMM_ROWS = 8 };

#define OF3_VEC static inline __attribute__((always_inline, unused))
OF3_VEC vf v_set1(float x) { return vdupq_n_f32(x); }
OF3_VEC vf v_zero(void) { return vdupq_n_f32(0.0f); }
OF3_VEC vf v_load(const float *p) { return vld1q_f32(p); }
OF3_VEC void v_store(float *p, vf v) { vst1q_f32(p, v); }
OF3_VEC vf v_load_n(const float *p, int64_t n) {
  float t[4] = {0};
  for (int i = 0; i < n; i++) t[i] = p[i];
  return vld1q_f32(t);
}
OF3_VEC void v_store_n(float *p, vf v, int64_t n) {
  float t[4];
  vst1q_f32(t, v);
  for (int i = 0; i < n; i++) p[i] = t[i];
}
OF3_VEC vf v_fma(vf a, vf b, vf c) { return vfmaq_f32(c, a, b); }
OF3_VEC vf v_max(vf a, vf b) { return vbslq_f32(vcgtq_f32(a, b), a, b); }
OF3_VEC vf v_min(vf a, vf b) { return vbslq_f32(vcltq_f32(a, b), a, b); }
OF3_VEC vf v_round(vf x) { return vrndnq_f32(x); }
OF3_VEC vf v_exp2i(vf n) {
  return vreinterpretq_f32_s32(vshlq_n_s32(vaddq_s32(vcvtq_s32_f32(n), vdupq_n_s32(127)), 23));
}
OF3_VEC vf v_below(vf x, vf y, vf v) {
  return vreinterpretq_f32_u32(vbicq_u32(vreinterpretq_u32_f32(v), vcltq_f32(x, y)));
}
OF3_VEC vf v_sqrt(vf x) { return vsqrtq_f32(x); }
OF3_VEC float v_sum(vf v) { return vaddvq_f32(v); }
OF3_VEC void v_transpose(vf v[4]) {
  float32x4x2_t a = vtrnq_f32(v[0], v[1]), b = vtrnq_f32(v[2], v[3]);
  v[0] = vcombine_f32(vget_low_f32(a.val[0]), vget_low_f32(b.val[0]));
  v[1] = vcombine_f32(vget_low_f32(a.val[1]), vget_low_f32(b.val[1]));
  v[2] = vcombine_f32(vget_high_f32(a.val[0]), vget_high_f32(b.val[0]));
  v[3] = vcombine_f32(vget_high_f32(a.val[1]), vget_high_f32(b.val[1]));
}
#undef OF3_VEC

#include "cpu/simd.h"

#endif
