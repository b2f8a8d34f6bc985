#include <stdio.h>

#include "model/run.h"

void of3_note(const of3_run *r, const of3_tensor *t, const char *fmt, ...) {
  if (!r->observer || !r->observer->trace || r->cx->planning || r->cx->error.code != OF3_OK) return;
  char name[256];
  int n = snprintf(name, sizeof name, "%s", r->scope);
  va_list ap;
  va_start(ap, fmt);
  vsnprintf(name + n, sizeof name - (size_t)n, fmt, ap);
  va_end(ap);
  r->observer->trace(r->observer->user, r->cx, name, t);
}

void of3_progress(const of3_run *r, const char *phase, int done, int total) {
  if (r->observer && r->observer->progress && !r->cx->planning && r->cx->error.code == OF3_OK)
    r->observer->progress(r->observer->user, phase, done, total);
}
