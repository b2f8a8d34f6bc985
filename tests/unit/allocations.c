#include "allocations.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

void *__real_malloc(size_t n);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *p, size_t n);
void *__real_aligned_alloc(size_t align, size_t n);
void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *p, size_t n);
void *__wrap_aligned_alloc(size_t align, size_t n);

static atomic_int calls;
static int countdown; /* calls until one fails; 0: none fails */

bool allocation_fails(void) {
  atomic_fetch_add(&calls, 1);
  return countdown > 0 && --countdown == 0;
}

void *__wrap_malloc(size_t n) { return allocation_fails() ? NULL : __real_malloc(n); }
void *__wrap_calloc(size_t count, size_t size) {
  return allocation_fails() ? NULL : __real_calloc(count, size);
}
void *__wrap_realloc(void *p, size_t n) { return allocation_fails() ? NULL : __real_realloc(p, n); }
void *__wrap_aligned_alloc(size_t align, size_t n) {
  return allocation_fails() ? NULL : __real_aligned_alloc(align, n);
}

void allocation_fail_at(int n) { countdown = n; }

bool allocation_failed(void) {
  bool failed = countdown == 0;
  countdown = 0;
  return failed;
}

int allocation_calls(void) { return atomic_load(&calls); }

int allocation_exhaust(of3_status (*attempt)(const char *path, of3_error *err), const char *path) {
  for (int n = 1; n < 10000; n++) {
    of3_error err = {0};
    allocation_fail_at(n);
    of3_status status = attempt(path, &err);
    if (!allocation_failed()) {
      if (status != OF3_OK) fail_msg("%s", err.text);
      return n - 1;
    }
    if (status != OF3_ERR_MEMORY) fail_msg("allocation %d gives status %d: %s", n, status, err.text);
  }
  fail_msg("allocations without end");
  return 0;
}
