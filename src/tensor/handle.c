/* What a handle says of itself, and the sticky error: what plugins bring a copy of. */
#include <stdio.h>

#include "base/number.h"
#include "tensor/tensor.h"

void of3_ctx_fail(of3_ctx *cx, of3_status code, const char *fmt, ...) {
  if (cx->error.code != OF3_OK) return;
  va_list ap;
  va_start(ap, fmt);
  of3_vformat(cx->error.text, sizeof cx->error.text, fmt, ap);
  va_end(ap);
  cx->error.code = code;
}

int64_t of3_count(const of3_tensor *t) {
  int64_t n = 1;
  for (int i = 0; i < t->rank; i++) n *= t->shape[i];
  return n;
}

int64_t of3_dim(const of3_tensor *t, int from_last) {
  return from_last < t->rank ? t->shape[t->rank - 1 - from_last] : 1;
}

int64_t of3_rows(const of3_tensor *t) {
  int64_t n = 1;
  for (int i = 0; i + 1 < t->rank; i++) n *= t->shape[i];
  return n;
}

size_t of3_bytes(const of3_tensor *t) { return (size_t)of3_count(t) * of3_dtype_size(t->dtype); }
