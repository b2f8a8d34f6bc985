/* What every part of a run uses: names of tensors for an observer, progress, sizes of blocks of rows. */
#include <stdio.h>

#include "model/run.h"

/* Shows a tensor, or that of slot `slot`. */
static void show(const of3_run *r, const of3_tensor *t, int slot, const char *fmt, va_list ap) {
  char name[256];
  int n = snprintf(name, sizeof name, "%s", r->scope);
  if (slot >= 0)
    n += snprintf(name + n, sizeof name - (size_t)n, "template%d/", r->in.of_complex[0].first[slot]);
  vsnprintf(name + n, sizeof name - (size_t)n, fmt, ap);
  r->observer->trace(r->observer->user, r->cx, name, t);
}

void of3_note(const of3_run *r, const of3_tensor *t, const char *fmt, ...) {
  if (!r->observer || !r->observer->trace || r->cx->planning || r->cx->error.code != OF3_OK) return;
  for (int i = 0; i == 0 || i < r->slots.n; i++) {
    va_list ap;
    va_start(ap, fmt);
    if (r->slots.n)
      show(r, of3_narrow(r->cx, t, i, 1), r->slots.first + i, fmt, ap);
    else
      show(r, t, -1, fmt, ap);
    va_end(ap);
  }
}

void of3_progress(const of3_run *r, const char *phase, int done, int total) {
  if (r->observer && r->observer->progress && !r->cx->planning && r->cx->error.code == OF3_OK)
    r->observer->progress(r->observer->user, phase, done, total);
}

void *of3_run_objects(const of3_run *r, size_t n, size_t size) {
  void *p = of3_arena_alloc(r->arena, n, size);
  if (!p)
    of3_ctx_fail(r->cx, OF3_ERR_MEMORY, "out of memory for %zu bytes beside the tensors of a run", n * size);
  return p;
}

int64_t of3_block_rows(const of3_run *r, int64_t n, int64_t floats) {
  const int64_t rows = ((int64_t)1 << (r->economy.narrow_blocks ? 18 : 22)) / floats + 1;
  return rows < n ? rows : n;
}
