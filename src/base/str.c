#include "base/str.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void of3_str_free(of3_str *s) {
  free(s->text);
  *s = (of3_str){0};
}

void of3_str_clear(of3_str *s) {
  s->len = 0;
  if (s->text) s->text[0] = 0;
}

static bool reserve(of3_str *s, size_t more) {
  if (s->failed) return false;
  if (more >= (size_t)-1 / 4 - s->len) {
    s->failed = true;
    return false;
  }
  size_t need = s->len + more + 1;
  if (need <= s->cap) return true;
  size_t cap = s->cap ? s->cap * 2 : 256;
  if (cap < need) cap = need;
  char *p = realloc(s->text, cap);
  if (!p) {
    s->failed = true;
    return false;
  }
  s->text = p;
  s->cap = cap;
  return true;
}

void of3_str_addn(of3_str *s, const char *bytes, size_t n) {
  if (!reserve(s, n)) return;
  memcpy(s->text + s->len, bytes, n);
  s->len += n;
  s->text[s->len] = 0;
}

void of3_str_add(of3_str *s, const char *text) { of3_str_addn(s, text, strlen(text)); }

void of3_str_addc(of3_str *s, char c, size_t times) {
  if (!reserve(s, times)) return;
  memset(s->text + s->len, c, times);
  s->len += times;
  s->text[s->len] = 0;
}

void of3_str_addf(of3_str *s, const char *fmt, ...) {
  va_list ap, again;
  va_start(ap, fmt);
  va_copy(again, ap);
  int n = vsnprintf(NULL, 0, fmt, ap);
  if (n < 0)
    s->failed = true;
  else if (reserve(s, (size_t)n)) {
    vsnprintf(s->text + s->len, (size_t)n + 1, fmt, again);
    s->len += (size_t)n;
  }
  va_end(again);
  va_end(ap);
}

/* Digits and decimal exponent of the shortest %e form that `same` accepts. */
typedef bool same_fn(const char *text, double x);
static bool same_f32(const char *text, double x) { return strtof(text, NULL) == (float)x; }
static bool same_f64(const char *text, double x) { return strtod(text, NULL) == x; }

/* Positional from 1e-4 up to 10^top, else scientific with at least two exponent digits: the rule of Python
 * and NumPy. */
static int format_shortest(char out[OF3_F32_TEXT], double x, int most_digits, same_fn *same, int top) {
  char e[64];
  int digits = 1;
  for (;; digits++) {
    snprintf(e, sizeof e, "%.*e", digits - 1, x);
    if (digits >= most_digits || same(e, x)) break;
  }
  int exponent = atoi(strchr(e, 'e') + 1);
  if (x != 0 && (exponent < -4 || exponent >= top)) {
    char *at = strchr(e, 'e');
    return snprintf(out, OF3_F32_TEXT, "%.*se%c%02d", (int)(at - e), e, exponent < 0 ? '-' : '+',
                    abs(exponent));
  }
  int decimals = digits - 1 - exponent;
  return snprintf(out, OF3_F32_TEXT, "%.*f", decimals < 1 ? 1 : decimals, strtod(e, NULL));
}

int of3_format_f32(char out[OF3_F32_TEXT], float x) {
  if (isnan(x)) return snprintf(out, OF3_F32_TEXT, "nan");
  if (isinf(x)) return snprintf(out, OF3_F32_TEXT, x < 0 ? "-inf" : "inf");
  return format_shortest(out, (double)x, 9, same_f32, 16);
}

int of3_format_f64(char out[OF3_F32_TEXT], double x) {
  if (isnan(x)) return snprintf(out, OF3_F32_TEXT, "NaN");
  if (isinf(x)) return snprintf(out, OF3_F32_TEXT, x < 0 ? "-Infinity" : "Infinity");
  return format_shortest(out, x, 17, same_f64, 16);
}
