#include "base/str.h"

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/number.h"

void of3_str_free(of3_str *s) {
  free(s->text);
  *s = (of3_str){0};
}

void of3_str_clear(of3_str *s) {
  s->len = 0;
  if (s->text) s->text[0] = 0;
}

static bool str_reserve(of3_str *s, size_t more) {
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
  if (!str_reserve(s, n)) return;
  if (n) memcpy(s->text + s->len, bytes, n); /* bytes may be NULL */
  s->len += n;
  s->text[s->len] = 0;
}

void of3_str_add(of3_str *s, const char *text) { of3_str_addn(s, text, strlen(text)); }

void of3_str_addc(of3_str *s, char c, size_t times) {
  if (!str_reserve(s, times)) return;
  memset(s->text + s->len, c, times);
  s->len += times;
  s->text[s->len] = 0;
}

void of3_str_addf(of3_str *s, const char *fmt, ...) {
  va_list ap, again;
  va_start(ap, fmt);
  va_copy(again, ap);
  int n = of3_vformat(NULL, 0, fmt, ap);
  if (n < 0)
    s->failed = true;
  else if (str_reserve(s, (size_t)n)) {
    of3_vformat(s->text + s->len, (size_t)n + 1, fmt, again);
    s->len += (size_t)n;
  }
  va_end(again);
  va_end(ap);
}

/* |x| = d.ddd * 10^exponent */
typedef struct decimal {
  char digit[24];
  int n, exponent;
} decimal;

static decimal decimal_of(double a, int digits) {
  decimal d = {.n = digits};
  char e[64];
  of3_format(e, sizeof e, "%.*e", digits - 1, a);
  d.digit[0] = e[0];
  memcpy(d.digit + 1, e + 2, (size_t)(digits - 1));
  d.exponent = atoi(strchr(e, 'e') + 1);
  return d;
}

typedef bool same_fn(const char *text, double x);
static bool same_f32(const char *text, double x) { return of3_parse_f32(text, NULL) == (float)x; }
static bool same_f64(const char *text, double x) { return of3_parse_f64(text, NULL) == x; }

static bool reads_back(const decimal *d, double a, same_fn *same) {
  char text[64];
  snprintf(text, sizeof text, "%se%d", d->digit, d->exponent - (d->n - 1));
  return same(text, a);
}

/* The fewest digits that read back as a >= 0, the nearest such decimal. The rounding interval of a power of
 * two is narrower below: there the nearest decimal may fall out while its upper neighbour of the same length
 * is inside. */
static decimal shortest(double a, int most_digits, same_fn *same) {
  int two;
  bool power_of_two = frexp(a, &two) == 0.5;
  for (int digits = 1;; digits++) {
    decimal d = decimal_of(a, digits);
    if (digits >= most_digits || reads_back(&d, a, same)) return d;
    if (!power_of_two || d.digit[digits - 1] == '9') continue;
    d.digit[digits - 1]++;
    if (reads_back(&d, a, same)) return d;
  }
}

static int scientific(char out[OF3_F32_TEXT], const decimal *d, bool negative) {
  return snprintf(out, OF3_F32_TEXT, "%s%c%s%se%c%02d", negative ? "-" : "", d->digit[0], d->n > 1 ? "." : "",
                  d->digit + 1, d->exponent < 0 ? '-' : '+', abs(d->exponent));
}

/* At least one digit on both sides of the point. -4 <= exponent < 16. */
static int positional(char out[OF3_F32_TEXT], const decimal *d, bool negative) {
  char *o = out;
  if (negative) *o++ = '-';
  for (int place = d->exponent < 0 ? 0 : d->exponent; place >= -1 || d->exponent - place < d->n; place--) {
    int k = d->exponent - place;
    if (place == -1) *o++ = '.';
    *o++ = k >= 0 && k < d->n ? d->digit[k] : '0';
  }
  *o = 0;
  return (int)(o - out);
}

/* Positional text of 1e-4 <= |x| < 1e6 without trying digits one by one through snprintf. The quotient of two
 * exact doubles is within 2^-53 of the decimal: the read-back at the end settles the cases where that is not
 * enough. */
static int format_common_f32(char out[OF3_F32_TEXT], float x) {
  static const double power[] = {1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13};
  double a = fabs((double)x), m = 0;
  int p = 0;
  for (;; p++) {
    if (p > 13) return 0;
    m = rint(a * power[p]);
    if ((float)(m / power[p]) == (float)a) break;
  }
  if (p == 0) m *= 10, p = 1;
  char digit[24] = {0};
  int n = 0;
  for (uint64_t v = (uint64_t)m; v || n <= p; v /= 10) digit[n++] = (char)('0' + v % 10);
  char *o = out;
  if (signbit(x)) *o++ = '-';
  while (n > p) *o++ = digit[--n];
  *o++ = '.';
  while (n > 0) *o++ = digit[--n];
  *o = 0;
  return of3_parse_f32(out, NULL) == x ? (int)(o - out) : 0;
}

int of3_format_f32(char out[OF3_F32_TEXT], float x) {
  if (isnan(x)) return snprintf(out, OF3_F32_TEXT, "nan");
  if (isinf(x)) return snprintf(out, OF3_F32_TEXT, x < 0 ? "-inf" : "inf");
  double a = fabs((double)x);
  bool common = a >= 1e-4 && a < 1e6;
  int n = common ? format_common_f32(out, x) : 0;
  if (n) return n;
  decimal d = shortest(a, 9, same_f32);
  return common || a == 0 ? positional(out, &d, signbit(x)) : scientific(out, &d, signbit(x));
}

int of3_format_f64(char out[OF3_F32_TEXT], double x) {
  if (isnan(x)) return snprintf(out, OF3_F32_TEXT, "NaN");
  if (isinf(x)) return snprintf(out, OF3_F32_TEXT, x < 0 ? "-Infinity" : "Infinity");
  decimal d = shortest(fabs(x), 17, same_f64);
  return d.exponent >= -4 && d.exponent < 16 ? positional(out, &d, signbit(x))
                                             : scientific(out, &d, signbit(x));
}

int of3_text_order(const void *a, const void *b) {
  return strcmp(*(const char *const *)a, *(const char *const *)b);
}
