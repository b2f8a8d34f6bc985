#include "base/log.h"

#include <stdio.h>

void of3_logf(const of3_log *log, of3_level level, const char *fmt, ...) {
  if (!log || !log->sink || level < log->least) return;
  char line[1024];
  va_list ap;
  va_start(ap, fmt);
  vsnprintf(line, sizeof line, fmt, ap);
  va_end(ap);
  log->sink(log->user, level, line);
}
