/* What stands in a row of a column, as text or as a number. */
#include <math.h>
#include <string.h>

#include "base/number.h"
#include "base/str.h"
#include "cif/cif.h"

/* -1: there is none. */
static int64_t cif_string_of(const of3_cif_column *c, int64_t row) {
  if (c->string_bytes == 1) {
    const uint8_t index = ((const uint8_t *)c->string)[row];
    return index == UINT8_MAX ? -1 : index;
  }
  if (c->string_bytes == 2) {
    const uint16_t index = ((const uint16_t *)c->string)[row];
    return index == UINT16_MAX ? -1 : index;
  }
  const uint32_t index = ((const uint32_t *)c->string)[row];
  return index == UINT32_MAX ? -1 : (int64_t)index;
}

of3_cif_null of3_cif_null_of(const of3_cif_column *c, int64_t row) {
  if (!c->found || row < 0 || row >= c->n_row) return OF3_CIF_UNKNOWN;
  if (c->cell) return (of3_cif_null)(c->cell[(size_t)row * c->stride].length_kind & 3);
  if (c->mask && c->mask[row] != OF3_CIF_VALUE)
    return c->mask[row] == OF3_CIF_INAPPLICABLE ? OF3_CIF_INAPPLICABLE : OF3_CIF_UNKNOWN;
  return c->string && cif_string_of(c, row) < 0 ? OF3_CIF_UNKNOWN : OF3_CIF_VALUE;
}

/* Of a column of numbers. */
static double cif_number(const of3_cif_column *c, int64_t row) {
  if (c->real) return c->real[row];
  return c->factor != 0 ? c->integer[row] / c->factor : c->integer[row];
}

bool of3_cif_get_text(of3_cif_column *c, int64_t row, of3_cif_slice *out) {
  *out = (of3_cif_slice){"", 0};
  if (of3_cif_null_of(c, row) != OF3_CIF_VALUE) return false;
  if (c->cell) {
    const of3_cif_cell *cell = &c->cell[(size_t)row * c->stride];
    *out = (of3_cif_slice){c->base + cell->at, cell->length_kind >> 2};
  } else if (c->string) {
    const int64_t s = cif_string_of(c, row);
    *out = (of3_cif_slice){c->base + c->offset[s], (size_t)(c->offset[s + 1] - c->offset[s])};
  } else if (c->integer || c->real) {
    int n = c->integer && c->factor == 0 ? of3_format(c->number, sizeof c->number, "%d", (int)c->integer[row])
                                         : of3_format_f64(c->number, cif_number(c, row));
    *out = (of3_cif_slice){c->number, (size_t)n};
  }
  return true;
}

/* What strtod would take and CIF does not know: hexadecimal, "inf", "nan". Uncertainties, "1.23(4)", end the
 * number. Returns its length, 0: not a number. */
static size_t cif_number_length(of3_cif_slice s) {
  size_t n = 0;
  while (n < s.n && s.text[n] && strchr("+-.0123456789eE", s.text[n])) n++;
  if (n == s.n) return n;
  if (s.text[n] != '(' || s.text[s.n - 1] != ')') return 0;
  for (size_t i = n + 1; i + 1 < s.n; i++)
    if (s.text[i] < '0' || s.text[i] > '9') return 0;
  return n;
}

/* Decimals of up to 15 digits are the quotient of two exact doubles, rounded once. false: another number. */
static bool cif_short_decimal(const char *p, size_t n, double *out) {
  static const double power[] = {1,   1e1, 1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15};
  size_t i = n && (p[0] == '-' || p[0] == '+'), digits = 0, decimals = 0;
  int64_t mantissa = 0;
  bool point = false;
  if (n > 17) return false;
  for (; i < n; i++) {
    if (p[i] == '.' && !point) {
      point = true;
      continue;
    }
    if (p[i] < '0' || p[i] > '9') return false;
    mantissa = mantissa * 10 + (p[i] - '0');
    decimals += point;
    digits++;
  }
  if (digits == 0 || digits > 15) return false;
  *out = (double)mantissa / power[decimals];
  if (p[0] == '-') *out = -*out;
  return true;
}

static bool cif_parse_real(of3_cif_slice s, double *out) {
  char text[64], *end = NULL;
  size_t n = s.n ? cif_number_length(s) : 0;
  if (n == 0) return false;
  if (cif_short_decimal(s.text, n, out)) return true;
  if (n >= sizeof text) return false;
  memcpy(text, s.text, n);
  text[n] = 0;
  *out = of3_parse_f64(text, &end);
  return end == text + n && isfinite(*out);
}

bool of3_cif_get_real(of3_cif_column *c, int64_t row, double *out) {
  of3_cif_slice s;
  *out = 0;
  if (of3_cif_null_of(c, row) != OF3_CIF_VALUE) return false;
  if (c->integer || c->real) {
    *out = cif_number(c, row);
    return isfinite(*out);
  }
  return of3_cif_get_text(c, row, &s) && cif_parse_real(s, out);
}

bool of3_cif_get_integer(of3_cif_column *c, int64_t row, int64_t *out) {
  double x;
  *out = 0;
  if (!of3_cif_get_real(c, row, &x) || x != floor(x) || fabs(x) > 9e15) return false;
  *out = (int64_t)x;
  return true;
}

size_t of3_cif_copy(of3_cif_column *c, int64_t row, char *out, size_t size) {
  of3_cif_slice s;
  of3_cif_get_text(c, row, &s);
  size_t n = s.n < size ? s.n : size - 1;
  memcpy(out, s.text, n);
  out[n] = 0;
  return s.n;
}

bool of3_cif_is(of3_cif_column *c, int64_t row, const char *text) {
  of3_cif_slice s;
  return of3_cif_get_text(c, row, &s) && s.n == strlen(text) && memcmp(s.text, text, s.n) == 0;
}
