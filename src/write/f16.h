/* float32 to IEEE half precision. */
#ifndef OF3_WRITE_F16_H
#define OF3_WRITE_F16_H

#include <stdint.h>
#include <string.h>

/* Rounds to nearest, ties to even; overflow gives infinity, a NaN stays one. */
static inline uint16_t of3_half(float x) {
  uint32_t u;
  memcpy(&u, &x, sizeof u);
  uint32_t sign = u >> 16 & 0x8000u, magnitude = u & 0x7fffffffu;
  if (magnitude > 0x7f800000u) return (uint16_t)(sign | 0x7e00u);
  if (magnitude >= 0x477ff000u) return (uint16_t)(sign | 0x7c00u); /* 65520 and more */
  if (magnitude < 0x33000001u) return (uint16_t)sign;              /* 2^-25 and less */
  uint32_t exponent = magnitude >> 23;
  uint32_t mantissa = (magnitude & 0x7fffffu) | 0x800000u;
  uint32_t shift = exponent >= 113 ? 13 : 126 - exponent; /* subnormal halves lose more bits */
  uint32_t rounded = mantissa >> shift, rest = mantissa & ((1u << shift) - 1), tie = 1u << (shift - 1);
  rounded += rest > tie || (rest == tie && (rounded & 1));
  if (exponent >= 113) rounded += (exponent - 113) << 10; /* the implicit bit adds 1 to the exponent */
  return (uint16_t)(sign | rounded);
}

#endif
