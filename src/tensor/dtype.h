/* Element types. */
#ifndef OF3_TENSOR_DTYPE_H
#define OF3_TENSOR_DTYPE_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum { OF3_MAX_RANK = 8 };

typedef enum of3_dtype {
  OF3_F32,
  OF3_BF16,
  OF3_F16,
  OF3_F64,
  OF3_I32,
  OF3_I64,
  OF3_U8,
  OF3_N_DTYPE
} of3_dtype;

size_t of3_dtype_size(of3_dtype t);
const char *of3_dtype_name(of3_dtype t); /* "f32", ... */

/* Round to nearest, ties to even; NaN stays NaN. Inline, as the reference rounds each factor of a product. */
static inline uint16_t of3_f32_to_bf16(float x) {
  uint32_t u;
  memcpy(&u, &x, sizeof u);
  if ((u & 0x7fffffffu) > 0x7f800000u) return (uint16_t)(u >> 16 | 0x40u);
  return (uint16_t)((u + 0x7fffu + (u >> 16 & 1u)) >> 16);
}
static inline float of3_bf16_to_f32(uint16_t x) {
  const uint32_t u = (uint32_t)x << 16;
  float y;
  memcpy(&y, &u, sizeof y);
  return y;
}
uint16_t of3_f32_to_f16(float x);
float of3_f16_to_f32(uint16_t x);

#endif
