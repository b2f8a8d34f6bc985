/* Pairs of bf16 in NEON with the bf16 extension of Armv8.6. After simd_neon.h; interface: kernels_dot.inc,
 * kernels_bf16.inc. */
#ifndef OF3_CPU_PAIRS_NEON_H
#define OF3_CPU_PAIRS_NEON_H

#include <arm_neon.h>

typedef bfloat16x8_t vp;

OF3_INLINE vp p_load(const uint32_t *p) { return vreinterpretq_bf16_u32(vld1q_u32(p)); }
OF3_INLINE void p_store(uint32_t *p, vp v) { vst1q_u32(p, vreinterpretq_u32_bf16(v)); }
OF3_INLINE vp p_set1(uint32_t x) { return vreinterpretq_bf16_u32(vdupq_n_u32(x)); }
OF3_INLINE vf p_dot(vf acc, vp a, vp b) { return vbfdotq_f32(acc, a, b); }

/* Rounded to nearest, ties to even. */
OF3_INLINE vp p_join(vf even, vf odd) {
  uint16x8_t e = vreinterpretq_u16_bf16(vcvtq_low_bf16_f32(even)),
             o = vreinterpretq_u16_bf16(vcvtq_low_bf16_f32(odd));
  return vreinterpretq_bf16_u16(vzip1q_u16(e, o));
}

OF3_INLINE vf p_inverse(vf x) { return v_set1(1.0f) / x; }
OF3_INLINE vf p_scale(vf x, vf n) {
  const vf low = v_set1(-126.0f);
  return v_below(n, low, x * v_exp2i(v_max(low, n)));
}

#endif
