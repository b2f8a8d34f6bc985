#include "base/log.h"

#include <stdio.h>

#include "base/number.h"
#include "base/printable.h"

void of3_logf(const of3_log *log, of3_level level, const char *fmt, ...) {
  if (!log || !log->sink || level < log->least) return;
  char line[1024];
  va_list ap;
  va_start(ap, fmt);
  of3_vformat(line, sizeof line, fmt, ap);
  va_end(ap);
  of3_make_printable(line, sizeof line);
  log->sink(log->user, level, line);
}
