#include "base/status.h"

#include <stdio.h>
#include <string.h>

#include "base/cancel.h"
#include "base/number.h"
#include "base/printable.h"

of3_status(of3_fail)(of3_error *err, of3_status code, const char *fmt, ...) {
  if (!err) return code;
  va_list ap;
  va_start(ap, fmt);
  of3_vformat(err->text, sizeof err->text, fmt, ap);
  va_end(ap);
  of3_make_printable(err->text, sizeof err->text);
  err->code = code;
  return code;
}

of3_status(of3_fail_memory)(of3_error *err, const char *what) {
  return of3_fail(err, OF3_ERR_MEMORY,
                  "out of memory while allocating %s; close other programs or use a smaller query", what);
}

of3_status of3_go_on(of3_cancel *opt_cancel, of3_error *err) {
  if (!of3_cancelled(opt_cancel)) return OF3_OK;
  return of3_fail(err, OF3_ERR_CANCELLED, "interrupted; nothing was written");
}

of3_status of3_prefix(of3_error *err, const char *fmt, ...) {
  if (!err) return OF3_ERR_INPUT;
  char old[OF3_ERROR_TEXT];
  memcpy(old, err->text, sizeof old);
  va_list ap;
  va_start(ap, fmt);
  int n = of3_vformat(err->text, sizeof err->text, fmt, ap);
  va_end(ap);
  bool fits = n >= 0 && (size_t)n < sizeof err->text;
  if (fits && snprintf(err->text + n, sizeof err->text - (size_t)n, ": %s", old) < 0) err->text[n] = 0;
  of3_make_printable(err->text, sizeof err->text);
  return err->code;
}
