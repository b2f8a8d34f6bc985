#include "write/decimal6.h"

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/number.h"

double of3_round6(float x) {
  char text[64];
  if (!isfinite(x)) return (double)x;
  of3_format(text, sizeof text, "%.6f", (double)x);
  return of3_parse_f64(text, NULL);
}

static char *add_integer(char *o, uint32_t v) {
  char digit[10];
  int n = 0;
  do digit[n++] = (char)('0' + v % 10);
  while (v /= 10);
  while (n) *o++ = digit[--n];
  return o;
}

/* v/1e6 with v < 100: 1e-06, 2.5e-05 */
static char *add_tiny(char *o, uint32_t v) {
  int exponent = v < 10 ? 6 : 5;
  if (v % 10 == 0) v /= 10;
  if (v >= 10) {
    *o++ = (char)('0' + v / 10);
    *o++ = '.';
  }
  *o++ = (char)('0' + v % 10);
  *o++ = 'e';
  *o++ = '-';
  *o++ = '0';
  *o++ = (char)('0' + exponent);
  return o;
}

/* .ffffff without trailing zeros, one digit at least */
static char *add_fraction(char *o, uint32_t fraction) {
  *o++ = '.';
  for (int k = 5; k >= 0; k--, fraction /= 10) o[k] = (char)('0' + fraction % 10);
  int n = 6;
  while (n > 1 && o[n - 1] == '0') n--;
  return o + n;
}

int of3_format_decimal6(char *out, float x) {
  double scaled = rint((double)x * 1e6);
  if (!(fabs(scaled) < 1e15)) {
    char text[OF3_F32_TEXT];
    int n = of3_format_f64(text, scaled / 1e6);
    memcpy(out, text, (size_t)n);
    return n;
  }
  char *o = out;
  if (signbit(scaled)) *o++ = '-';
  uint64_t v = (uint64_t)fabs(scaled);
  if (v > 0 && v < 100)
    o = add_tiny(o, (uint32_t)v);
  else {
    o = add_integer(o, (uint32_t)(v / 1000000));
    o = add_fraction(o, (uint32_t)(v % 1000000));
  }
  return (int)(o - out);
}
