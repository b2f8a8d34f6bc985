#ifndef __APPLE__ /* where POSIX alone hides newlocale */
#define _POSIX_C_SOURCE 200809L
#endif
#include "base/number.h"

#include <locale.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#ifdef __APPLE__
#include <xlocale.h>
#endif

/* Made once, and used until the program ends; 0: there is no memory for it, and the thread's own stays. */
static locale_t c_locale;
static pthread_once_t c_locale_once = PTHREAD_ONCE_INIT;

static void make_c_locale(void) { c_locale = newlocale(LC_ALL_MASK, "C", (locale_t)0); }

of3_locale of3_locale_enter(void) {
  pthread_once(&c_locale_once, make_c_locale);
  return (of3_locale){(void *)uselocale(c_locale)};
}

void of3_locale_leave(of3_locale locale) { uselocale((locale_t)locale.before); }

int of3_vformat(char *out, size_t size, const char *fmt, va_list ap) {
  of3_locale locale = of3_locale_enter();
  int n = vsnprintf(out, size, fmt, ap);
  of3_locale_leave(locale);
  return n;
}

int of3_format(char *out, size_t size, const char *fmt, ...) {
  va_list ap;
  va_start(ap, fmt);
  int n = of3_vformat(out, size, fmt, ap);
  va_end(ap);
  return n;
}

double of3_parse_f64(const char *text, char **opt_end) {
  of3_locale locale = of3_locale_enter();
  double x = strtod(text, opt_end);
  of3_locale_leave(locale);
  return x;
}

float of3_parse_f32(const char *text, char **opt_end) {
  of3_locale locale = of3_locale_enter();
  float x = strtof(text, opt_end);
  of3_locale_leave(locale);
  return x;
}
