/* Numbers as text, as in the C locale: a program that uses the library may have set one that writes 1,5. */
#ifndef OF3_BASE_NUMBER_H
#define OF3_BASE_NUMBER_H

#include <stdarg.h>
#include <stddef.h>

#include "base/status.h"

/* snprintf, vsnprintf, strtod and strtof. */
int of3_format(char *out, size_t size, const char *fmt, ...) OF3_PRINTF(3, 4);
int of3_vformat(char *out, size_t size, const char *fmt, va_list ap);
double of3_parse_f64(const char *text, char **opt_end);
float of3_parse_f32(const char *text, char **opt_end);

/* For libraries that read or write numbers: between the two the calling thread has the C locale. */
typedef struct of3_locale {
  void *before;
} of3_locale;
of3_locale of3_locale_enter(void);
void of3_locale_leave(of3_locale locale);

#endif
