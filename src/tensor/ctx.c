/* A context opened and closed, its scopes, its waiting. What else a context does:
 *
 *   stack.c         memory: tensors, views, versions of storages
 *   transfer.c      to and from host memory
 *   weight.c        tensors of a model
 *   apply.c         operations
 *   by_reference.c  operations that the backend has no kernel for
 *   tape.c          recording
 *   region.c        steps that are done again and again
 *
 * Of these the first knows none of the others. Address space for the limit is reserved, not taken: a page
 * costs nothing until it is touched. Handles and storages have a fixed number (stack.h), so that pointers to
 * them stay valid as the stack grows. */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "base/threads.h"
#include "tensor/by_reference.h"
#include "tensor/stack.h"
#include "tensor/tape.h"

static void *ctx_reserve(size_t bytes) {
  int flags = MAP_PRIVATE | MAP_ANONYMOUS;
#ifdef MAP_NORESERVE
  flags |= MAP_NORESERVE;
#endif
  void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, flags, -1, 0);
  return p == MAP_FAILED ? NULL : p;
}

/* Opens all that the callers below have not set: the stacks, and the backend's own. */
static of3_status open_ctx(of3_ctx *cx, int threads, size_t limit, of3_error *err) {
  const of3_backend *backend = cx->backend;
  const bool planning = cx->planning;
  cx->threads = threads;
  cx->limit = (limit + OF3_STACK_ALIGN - 1) / OF3_STACK_ALIGN * OF3_STACK_ALIGN;
  cx->handle = ctx_reserve(OF3_MOST_HANDLES * sizeof(of3_tensor));
  cx->storage = ctx_reserve(OF3_MOST_HANDLES * sizeof(of3_storage));
  if (!cx->handle || !cx->storage) {
    cx->backend = NULL;
    of3_ctx_close(cx);
    return of3_fail_memory(err, "tensor handles");
  }
  if (!planning && backend->host_memory) {
    cx->base = ctx_reserve(cx->limit);
    if (!cx->base) {
      of3_ctx_close(cx);
      return of3_fail(err, OF3_ERR_MEMORY,
                      "cannot reserve %.1f GB of address space for tensors; lower the memory limit",
                      (double)limit / 1e9);
    }
#ifdef MADV_HUGEPAGE
    madvise(cx->base, cx->limit, MADV_HUGEPAGE);
#endif
  }
  of3_status status = backend->open(cx, threads, err);
  if (status != OF3_OK) {
    cx->backend = NULL;
    of3_ctx_close(cx);
  }
  return status;
}

of3_status of3_ctx_open(of3_ctx *cx, const of3_device *device, int threads, size_t limit, bool planning,
                        of3_error *err) {
  *cx = (of3_ctx){.device = device, .backend = device->backend, .planning = planning};
  return open_ctx(cx, threads, limit, err);
}

of3_status of3_ctx_open_on(of3_ctx *cx, const of3_device *device, of3_pool *pool, size_t limit, bool planning,
                           of3_error *err) {
  *cx = (of3_ctx){.device = device, .backend = device->backend, .opt_pool = pool, .planning = planning};
  return open_ctx(cx, of3_pool_size(pool), limit, err);
}

void of3_ctx_close(of3_ctx *cx) {
  of3_by_reference_close(cx);
  if (cx->backend) cx->backend->close(cx);
  free(cx->stage);
  if (cx->base) munmap(cx->base, cx->limit);
  if (cx->handle) munmap(cx->handle, OF3_MOST_HANDLES * sizeof(of3_tensor));
  if (cx->storage) munmap(cx->storage, OF3_MOST_HANDLES * sizeof(of3_storage));
  *cx = (of3_ctx){0};
}

of3_status of3_ctx_status(const of3_ctx *cx, of3_error *err) {
  if (err && cx->error.code != OF3_OK) *err = cx->error;
  return cx->error.code;
}

of3_scope of3_scope_begin(of3_ctx *cx) {
  if (cx->tape) of3_tape_scope_begin(cx);
  return of3_mark(cx);
}

void of3_scope_end(of3_ctx *cx, of3_scope s) {
  if (cx->tape)
    of3_tape_scope_end(cx, s);
  else
    of3_unwind(cx, s);
}

void of3_flush(of3_ctx *cx, of3_tensor *const *t, int n) {
  if (cx->error.code == OF3_OK && !cx->planning && cx->backend->flush) cx->backend->flush(cx, t, n);
}

void of3_wait(of3_ctx *cx) {
  if (cx->error.code == OF3_OK && !cx->planning && cx->backend->wait) cx->backend->wait(cx);
}
