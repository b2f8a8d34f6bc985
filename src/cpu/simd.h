/* Vectors of floats: one interface, implemented by simd_avx512.h, simd_avx2.h, simd_neon.h, simd_plain.h. A
 * translation unit includes exactly one of them, then the kernels_*.inc.
 *
 *   VF               floats in a vector: 16, 8 or 4 (a divisor of OF3_LANE_STEP)
 *   GEMM_ROWS        rows of the product's register tile, which is GEMM_ROWS x 3 vectors
 *   vf               the vector; + - * / and unary - work on it
 *   v_set1(x)  v_zero()
 *   v_load(p)  v_store(p,v)          p need not be aligned
 *   v_load_n(p,n)  v_store_n(p,v,n)  the first n < VF floats only; load gives 0 for the others
 *   v_fma(a,b,c)     a b + c (fused where the set has it)
 *   v_max(a,b) v_min(a,b)            b if either is NaN
 *   v_round(x)       to nearest integer, |x| < 2^22
 *   v_exp2i(n)       2^n for integral n in [-126,127]
 *   v_below(x,y,v)   x < y ? 0 : v, lane by lane
 *   v_sqrt(x)
 *   v_sum(v)         over the lanes, in a fixed order
 *   v_transpose(v)   vf v[VF] as a VF x VF matrix, in place
 *
 * On top of these, here: v_exp, v_sigmoid, v_silu. NaN passes through all of them. */
#ifndef OF3_CPU_SIMD_H
#define OF3_CPU_SIMD_H

#define OF3_INLINE static inline __attribute__((always_inline, unused))
#ifdef __clang__
#define OF3_UNROLL _Pragma("clang loop unroll(full)")
#else
#define OF3_UNROLL _Pragma("GCC unroll 16")
#endif

/* e^x; 0 below -87.33 (no denormals), e^88.37 above 88.37. x = n ln 2 + r, |r| <= ln 2 / 2, Taylor to degree
 * 7: truncation 7e-9. ln 2 is split so that n hi is exact. Measured: at most 1.07 ulp; v_sigmoid and v_silu
 * 2.5 ulp. */
OF3_INLINE vf v_exp(vf x) {
  const float low = -87.33654f, high = 88.37f;
  vf y = v_max(v_set1(low), v_min(v_set1(high), x));
  vf n = v_round(y * v_set1(1.44269504f));
  vf r = v_fma(n, v_set1(-0.693359375f), y);
  r = v_fma(n, v_set1(2.12194440e-4f), r);
  vf p = v_set1(1.0f / 5040);
  p = v_fma(p, r, v_set1(1.0f / 720));
  p = v_fma(p, r, v_set1(1.0f / 120));
  p = v_fma(p, r, v_set1(1.0f / 24));
  p = v_fma(p, r, v_set1(1.0f / 6));
  p = v_fma(p, r, v_set1(0.5f));
  p = v_fma(p * r, r, r) + v_set1(1.0f);
  return v_below(x, v_set1(low), p * v_exp2i(n));
}

OF3_INLINE vf v_sigmoid(vf x) { return v_set1(1.0f) / (v_set1(1.0f) + v_exp(-x)); }
OF3_INLINE vf v_silu(vf x) { return x / (v_set1(1.0f) + v_exp(-x)); }

#endif
