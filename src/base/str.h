/* A growable byte string, and text forms of numbers. */
#ifndef OF3_BASE_STR_H
#define OF3_BASE_STR_H

#include <stdbool.h>
#include <stddef.h>

#include "base/status.h"

/* Start with {0}. `text` is NULL or terminated. After a failed allocation `failed` stays set and appends do
 * nothing, so that one check at the end is enough. */
typedef struct of3_str {
  char *text;
  size_t len, cap;
  bool failed;
} of3_str;

void of3_str_free(of3_str *s);
void of3_str_clear(of3_str *s); /* keeps the memory */
void of3_str_add(of3_str *s, const char *text);
void of3_str_addn(of3_str *s, const char *bytes, size_t n);
void of3_str_addc(of3_str *s, char c, size_t times);
void of3_str_addf(of3_str *s, const char *fmt, ...) OF3_PRINTF(2, 3);

/* For qsort and bsearch of const char *: by bytes. */
int of3_text_order(const void *a, const void *b);

static inline bool of3_is_space(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

enum { OF3_F32_TEXT = 32 };

/* Shortest decimal that reads back as the same float32, written as str(float32) of NumPy 2.4 (earlier ones
 * stay positional up to 1e16): "12.345678", "-0.5"; outside 1e-4 <= |x| < 1e6 "1e-05", "1.5e+06"; "nan".
 * Returns the length. */
int of3_format_f32(char out[OF3_F32_TEXT], float x);

/* Shortest decimal that reads back as the same double, written as Python's repr(float): "0.06781", "1e-07",
 * "NaN" (as Python's json module writes it). Returns the length. */
int of3_format_f64(char out[OF3_F32_TEXT], double x);

#endif
