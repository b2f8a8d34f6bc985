/* The stacks of a context: see stack.h. */
#include "tensor/stack.h"

#include <assert.h>
#include <string.h>

/* Without room, an error and the last handle again. */
static of3_tensor *stack_handle(of3_ctx *cx) {
  if (cx->n_handle == OF3_MOST_HANDLES) {
    of3_ctx_fail(cx, OF3_ERR_INTERNAL, "more than %d tensors at a time; a scope is missing",
                 OF3_MOST_HANDLES);
    cx->n_handle--;
  }
  of3_tensor *t = &cx->handle[cx->n_handle++];
  *t = (of3_tensor){0};
  return t;
}

/* Bytes of a shape, or SIZE_MAX if they do not fit. */
static size_t stack_bytes_of(of3_dtype dtype, int rank, const int64_t *shape) {
  size_t n = of3_dtype_size(dtype);
  for (int i = 0; i < rank; i++)
    if (__builtin_mul_overflow(n, (size_t)shape[i], &n)) return SIZE_MAX;
  return n;
}

bool of3_reserve(of3_ctx *cx, size_t bytes) {
  const size_t left = cx->limit - cx->top;
  if (cx->error.code != OF3_OK) return false;
  if (bytes > left || bytes + OF3_STACK_ALIGN > left) {
    of3_ctx_fail(
        cx, OF3_ERR_MEMORY,
        "the query needs more than the %.2f GB of memory allowed for it; allow more or use a smaller query",
        (double)cx->limit / 1e9);
    return false;
  }
  cx->top += (bytes + OF3_STACK_ALIGN - 1) / OF3_STACK_ALIGN * OF3_STACK_ALIGN;
  if (cx->top > cx->peak) cx->peak = cx->top;
  return true;
}

bool of3_storage_place(of3_ctx *cx, of3_tensor *t) {
  const size_t at = cx->top;
  if (!of3_reserve(cx, t->storage->bytes)) return false;
  t->storage->place = cx->n_buffer++;
  if (!cx->planning && cx->backend->alloc)
    cx->backend->alloc(cx, t);
  else if (!cx->planning)
    t->storage->buffer = cx->base + at;
  return cx->error.code == OF3_OK;
}

void of3_copy_buffer(of3_ctx *cx, const of3_storage *to, const of3_storage *from) {
  if (cx->planning || cx->error.code != OF3_OK) return;
  if (cx->backend->copy_buffer)
    cx->backend->copy_buffer(cx, to->buffer, from->buffer);
  else
    memcpy(to->buffer, from->buffer, to->bytes);
}

bool of3_storage_move(of3_ctx *cx, of3_storage *s, bool copy) {
  of3_tensor t = cx->handle[s - cx->storage];
  of3_storage to = {.bytes = s->bytes};
  t.storage = &to;
  if (!of3_storage_place(cx, &t)) return false;
  if (copy) of3_copy_buffer(cx, &to, s);
  *s = to;
  return true;
}

void of3_storage_keep(of3_ctx *cx, of3_scope begin, of3_storage *const *s, int64_t n) {
  size_t top = begin.top;
  for (int64_t i = 0; i < n; i++) {
    s[i]->place = begin.buffer + i;
    if (cx->base) s[i]->buffer = memmove(cx->base + top, s[i]->buffer, s[i]->bytes);
    top += (s[i]->bytes + OF3_STACK_ALIGN - 1) / OF3_STACK_ALIGN * OF3_STACK_ALIGN;
  }
  if (cx->backend->keep && !cx->planning) cx->backend->keep(cx, s, n);
  of3_unwind(cx, (of3_scope){top, cx->n_handle, begin.buffer + n});
}

/* A handle with the storage of its own index, of nothing yet. */
static of3_tensor *stack_whole(of3_ctx *cx, of3_dtype dtype, int rank, const int64_t *shape) {
  assert(rank <= OF3_MAX_RANK);
  of3_tensor *t = stack_handle(cx);
  t->dtype = dtype;
  t->rank = rank;
  memcpy(t->shape, shape, (size_t)rank * sizeof *shape);
  t->storage = &cx->storage[t - cx->handle];
  *t->storage = (of3_storage){0};
  return t;
}

of3_tensor *of3_stack_tensor(of3_ctx *cx, of3_dtype dtype, int rank, const int64_t *shape,
                             of3_content content) {
  of3_tensor *t = stack_whole(cx, dtype, rank, shape);
  if (cx->error.code != OF3_OK) return t;
  const bool other = content != OF3_CONTENT_GIVEN && cx->backend->stored;
  const of3_dtype kept = other ? cx->backend->stored(cx, t, content == OF3_CONTENT_EXACT) : dtype;
  t->storage->bytes = stack_bytes_of(kept, rank, shape);
  of3_storage_place(cx, t);
  return t;
}

of3_tensor *of3_stack_host_tensor(of3_ctx *cx, of3_dtype dtype, int rank, const int64_t *shape, void *host) {
  of3_tensor *t = stack_whole(cx, dtype, rank, shape);
  t->storage->buffer = cx->planning ? NULL : host;
  t->storage->bytes = stack_bytes_of(dtype, rank, shape);
  return t;
}

of3_tensor *of3_new(of3_ctx *cx, of3_dtype dtype, int rank, const int64_t *shape) {
  return of3_stack_tensor(cx, dtype, rank, shape, OF3_CONTENT_RESULT);
}

of3_tensor *of3_new_exact(of3_ctx *cx, of3_dtype dtype, int rank, const int64_t *shape) {
  return of3_stack_tensor(cx, dtype, rank, shape, OF3_CONTENT_EXACT);
}

of3_tensor *of3_new_like(of3_ctx *cx, const of3_tensor *t) {
  return of3_new(cx, t->dtype, t->rank, t->shape);
}

void of3_write_host(of3_ctx *cx, of3_tensor *t, const void *host) {
  if (cx->error.code != OF3_OK || cx->planning || !of3_bytes(t)) return;
  if (cx->backend->upload)
    cx->backend->upload(cx, t, host, t->dtype);
  else
    memcpy(of3_host(t), host, of3_bytes(t));
}

void of3_refuse_recorded(of3_ctx *cx, const of3_tensor *t) {
  if (!cx->tape && t->storage->version)
    of3_ctx_fail(cx, OF3_ERR_INTERNAL,
                 "a tensor is written that a tape knows, while the tape does not record");
}

of3_scope of3_mark(const of3_ctx *cx) { return (of3_scope){cx->top, cx->n_handle, cx->n_buffer}; }

void of3_unwind(of3_ctx *cx, of3_scope s) {
  cx->top = s.top;
  cx->n_handle = s.handle;
  cx->n_buffer = s.buffer;
  if (cx->backend->release && !cx->planning) cx->backend->release(cx);
}

of3_tensor *of3_reshape(of3_ctx *cx, const of3_tensor *t, int rank, const int64_t *shape) {
  of3_tensor *v = stack_handle(cx);
  *v = *t;
  v->rank = rank;
  memcpy(v->shape, shape, (size_t)rank * sizeof *shape);
  assert(of3_count(v) == of3_count(t));
  return v;
}

of3_tensor *of3_narrow(of3_ctx *cx, const of3_tensor *t, int64_t first, int64_t n) {
  assert(first >= 0 && n >= 0 && first + n <= t->shape[0]);
  of3_tensor *v = stack_handle(cx);
  *v = *t;
  v->offset += first * (t->shape[0] ? of3_count(t) / t->shape[0] : 0);
  v->shape[0] = n;
  return v;
}
