#include "tensor/dtype.h"

#include <string.h>

size_t of3_dtype_size(of3_dtype t) {
  static const size_t size[OF3_N_DTYPE] = {4, 2, 2, 8, 4, 8, 1};
  return size[t];
}

const char *of3_dtype_name(of3_dtype t) {
  static const char *const name[OF3_N_DTYPE] = {"f32", "bf16", "f16", "f64", "i32", "i64", "u8"};
  return name[t];
}

static uint32_t bits_of(float x) {
  uint32_t u;
  memcpy(&u, &x, sizeof u);
  return u;
}

static float float_of(uint32_t u) {
  float x;
  memcpy(&x, &u, sizeof x);
  return x;
}

float of3_f16_to_f32(uint16_t h) {
  uint32_t sign = (uint32_t)(h & 0x8000u) << 16, e = h >> 10 & 31u, m = h & 0x3ffu;
  if (e == 31) return float_of(sign | 0x7f800000u | m << 13);
  float x = e ? float_of((e + 112u) << 23 | m << 13) : (float)m * 0x1p-24f;
  return sign ? -x : x;
}

uint16_t of3_f32_to_f16(float x) {
  uint32_t u = bits_of(x), sign = u >> 16 & 0x8000u, a = u & 0x7fffffffu;
  if (a >= 0x7f800000u) return (uint16_t)(sign | 0x7c00u | (a > 0x7f800000u ? 0x200u : 0u));
  if (a >= 0x477ff000u) return (uint16_t)(sign | 0x7c00u); /* rounds to infinity */
  if (a < 0x38800000u) {                                   /* subnormal: let the addition round at 2^-24 */
    uint32_t r = bits_of(float_of(a) + 0.5f) - 0x3f000000u;
    return (uint16_t)(sign | r);
  }
  a += 0xfffu + (a >> 13 & 1u);
  return (uint16_t)(sign | (a - 0x38000000u) >> 13);
}
