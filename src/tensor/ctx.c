#define _GNU_SOURCE
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/threads.h"
#include "tensor/by_reference.h"
#include "tensor/tape.h"

enum { ALIGN = 64, MAX_HANDLES = 1 << 20 };

static void *ctx_reserve(size_t bytes) {
  int flags = MAP_PRIVATE | MAP_ANONYMOUS;
#ifdef MAP_NORESERVE
  flags |= MAP_NORESERVE;
#endif
  void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, flags, -1, 0);
  return p == MAP_FAILED ? NULL : p;
}

/* cx holds what the caller chose; the rest is to be. */
static of3_status open_ctx(of3_ctx *cx, int threads, size_t limit, of3_error *err) {
  const of3_backend *backend = cx->backend;
  const bool planning = cx->planning;
  cx->limit = (limit + ALIGN - 1) / ALIGN * ALIGN;
  cx->handle = ctx_reserve(MAX_HANDLES * sizeof(of3_tensor));
  cx->storage = ctx_reserve(MAX_HANDLES * sizeof(of3_storage));
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
  if (cx->handle) munmap(cx->handle, MAX_HANDLES * sizeof(of3_tensor));
  if (cx->storage) munmap(cx->storage, MAX_HANDLES * sizeof(of3_storage));
  *cx = (of3_ctx){0};
}

of3_status of3_ctx_status(const of3_ctx *cx, of3_error *err) {
  if (err && cx->error.code != OF3_OK) *err = cx->error;
  return cx->error.code;
}

/* Without room, an error and the last handle again. */
static of3_tensor *new_handle(of3_ctx *cx) {
  if (cx->n_handle == MAX_HANDLES) {
    of3_ctx_fail(cx, OF3_ERR_INTERNAL, "more than %d tensors at a time; a scope is missing", MAX_HANDLES);
    cx->n_handle--;
  }
  of3_tensor *t = &cx->handle[cx->n_handle++];
  *t = (of3_tensor){0};
  return t;
}

/* Bytes of a shape, or SIZE_MAX if they do not fit. */
static size_t ctx_bytes_of(of3_dtype dtype, int rank, const int64_t *shape) {
  size_t n = of3_dtype_size(dtype);
  for (int i = 0; i < rank; i++)
    if (__builtin_mul_overflow(n, (size_t)shape[i], &n)) return SIZE_MAX;
  return n;
}

bool of3_reserve(of3_ctx *cx, size_t bytes) {
  const size_t left = cx->limit - cx->top;
  if (cx->error.code != OF3_OK) return false;
  if (bytes > left || bytes + ALIGN > left) {
    of3_ctx_fail(
        cx, OF3_ERR_MEMORY,
        "the query needs more than the %.2f GB of memory allowed for it; allow more or use a smaller query",
        (double)cx->limit / 1e9);
    return false;
  }
  cx->top += (bytes + ALIGN - 1) / ALIGN * ALIGN;
  if (cx->top > cx->peak) cx->peak = cx->top;
  return true;
}

/* Memory for t of n bytes, as the backend keeps it. */
static bool place_tensor(of3_ctx *cx, of3_tensor *t, size_t n) {
  const size_t at = cx->top;
  if (!of3_reserve(cx, n)) return false;
  t->storage->bytes = n;
  t->storage->place = cx->n_buffer++;
  if (!cx->planning && cx->backend->alloc)
    cx->backend->alloc(cx, t);
  else if (!cx->planning)
    t->storage->buffer = cx->base + at;
  return cx->error.code == OF3_OK;
}

bool of3_storage_place(of3_ctx *cx, of3_tensor *t) { return place_tensor(cx, t, t->storage->bytes); }

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
    top += (s[i]->bytes + ALIGN - 1) / ALIGN * ALIGN;
  }
  if (cx->backend->keep && !cx->planning) cx->backend->keep(cx, s, n);
  of3_unwind(cx, (of3_scope){top, cx->n_handle, begin.buffer + n});
}

enum { AS_GIVEN, RESULT, EXACT_RESULT }; /* what will be in a tensor, and so how it is kept */

static of3_tensor *new_tensor(of3_ctx *cx, of3_dtype dtype, int rank, const int64_t *shape, int content) {
  assert(rank <= OF3_MAX_RANK);
  of3_tensor *t = new_handle(cx);
  t->dtype = dtype;
  t->rank = rank;
  memcpy(t->shape, shape, (size_t)rank * sizeof *shape);
  t->storage = &cx->storage[t - cx->handle];
  *t->storage = (of3_storage){0};
  if (cx->error.code != OF3_OK) return t;
  const bool other = content != AS_GIVEN && cx->backend->stored;
  const of3_dtype kept = other ? cx->backend->stored(cx, t, content == EXACT_RESULT) : dtype;
  place_tensor(cx, t, ctx_bytes_of(kept, rank, shape));
  return t;
}

of3_tensor *of3_new(of3_ctx *cx, of3_dtype dtype, int rank, const int64_t *shape) {
  return new_tensor(cx, dtype, rank, shape, RESULT);
}

of3_tensor *of3_new_exact(of3_ctx *cx, of3_dtype dtype, int rank, const int64_t *shape) {
  return new_tensor(cx, dtype, rank, shape, EXACT_RESULT);
}

of3_tensor *of3_new_like(of3_ctx *cx, const of3_tensor *t) {
  return of3_new(cx, t->dtype, t->rank, t->shape);
}

/* Whether tensors may lie in memory that is not the context's. Not while a tape records: that memory may go
 * before the tape does. */
static bool may_share(const of3_ctx *cx) { return cx->backend->host_memory && !cx->tape; }

/* A tensor in memory of the host's, which nobody else writes. */
static of3_tensor *new_in_host(of3_ctx *cx, of3_dtype dtype, int rank, const int64_t *shape, void *host) {
  of3_tensor *t = new_handle(cx);
  t->dtype = dtype;
  t->rank = rank;
  memcpy(t->shape, shape, (size_t)rank * sizeof *shape);
  t->storage = &cx->storage[t - cx->handle];
  *t->storage =
      (of3_storage){.buffer = cx->planning ? NULL : host, .bytes = ctx_bytes_of(dtype, rank, shape)};
  return t;
}

of3_tensor *of3_share_host(of3_ctx *cx, of3_dtype dtype, int rank, const int64_t *shape, const void *host) {
  if (!may_share(cx)) return of3_from_host(cx, dtype, rank, shape, host);
  return new_in_host(cx, dtype, rank, shape, (void *)(uintptr_t)host);
}

of3_tensor *of3_new_result(of3_ctx *cx, int rank, const int64_t *shape, float *host) {
  if (!may_share(cx)) return new_tensor(cx, OF3_F32, rank, shape, EXACT_RESULT);
  return new_in_host(cx, OF3_F32, rank, shape, host);
}

/* Memory for the host image of a tensor on a backend with memory of its own. */
static void *staging_buffer(of3_ctx *cx, size_t bytes) {
  if (bytes > cx->staging) {
    cx->staging = bytes;
    free(cx->stage);
    cx->stage = NULL;
  }
  if (cx->planning) return NULL;
  if (!cx->stage) cx->stage = malloc(cx->staging);
  if (!cx->stage)
    of3_ctx_fail(cx, OF3_ERR_MEMORY, "no memory for a copy of %.2f GB to the device; use a smaller query",
                 (double)bytes * 1e-9);
  return cx->stage;
}

of3_tensor *of3_stage(of3_ctx *cx, of3_dtype dtype, int rank, const int64_t *shape, void *image) {
  of3_tensor *t = new_tensor(cx, dtype, rank, shape, AS_GIVEN);
  void *at = NULL;
  if (cx->error.code == OF3_OK && of3_bytes(t)) {
    if (!cx->backend->host_memory)
      at = staging_buffer(cx, of3_bytes(t));
    else if (!cx->planning)
      at = of3_host(t);
  }
  if (at) memset(at, 0, of3_bytes(t));
  memcpy(image, &at, sizeof at);
  return t;
}

void of3_staged(of3_ctx *cx, of3_tensor *t) {
  if (!cx->backend->host_memory) of3_upload(cx, t, cx->stage);
}

of3_tensor *of3_from_host(of3_ctx *cx, of3_dtype dtype, int rank, const int64_t *shape, const void *host) {
  of3_tensor *t = new_tensor(cx, dtype, rank, shape, AS_GIVEN);
  of3_upload(cx, t, host);
  return t;
}

/* What a region does must be repeatable without the host. */
static void refuse_in_region(of3_ctx *cx) {
  if (cx->in_region) of3_ctx_fail(cx, OF3_ERR_INTERNAL, "a region copies to or from host memory");
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

void of3_upload(of3_ctx *cx, of3_tensor *t, const void *host) {
  refuse_in_region(cx);
  of3_refuse_recorded(cx, t);
  if (cx->tape && cx->error.code == OF3_OK) of3_tape_upload(cx, t);
  of3_write_host(cx, t, host);
}

void of3_download(of3_ctx *cx, const of3_tensor *t, void *host) {
  refuse_in_region(cx);
  if (cx->error.code != OF3_OK || cx->planning || !of3_bytes(t)) return;
  if (cx->backend->download)
    cx->backend->download(cx, t, host);
  else if (host != of3_host(t))
    memcpy(host, of3_host(t), of3_bytes(t));
}

static void to_f32(float *to, const void *from, of3_dtype dtype, int64_t n) {
  const uint16_t *half = from;
  if (dtype == OF3_F32)
    memcpy(to, from, (size_t)n * sizeof *to);
  else if (dtype == OF3_BF16)
    for (int64_t i = 0; i < n; i++) to[i] = of3_bf16_to_f32(half[i]);
  else
    for (int64_t i = 0; i < n; i++) to[i] = of3_f16_to_f32(half[i]);
}

/* From f32 or f16. */
static void ctx_to_bf16(of3_ctx *cx, uint16_t *to, const void *from, of3_dtype dtype, int64_t n) {
  const uint16_t *half = from;
  if (dtype == OF3_F32 && cx->backend->to_bf16)
    cx->backend->to_bf16(cx, to, from, n);
  else if (dtype == OF3_F32)
    for (int64_t i = 0; i < n; i++) to[i] = of3_f32_to_bf16(((const float *)from)[i]);
  else
    for (int64_t i = 0; i < n; i++) to[i] = of3_f32_to_bf16(of3_f16_to_f32(half[i]));
}

/* In host memory: where it lies if it is of type `as` already, else a copy in the arena. */
static void *plain_constant(of3_ctx *cx, of3_arena *arena, of3_dtype dtype, of3_dtype as, int64_t n,
                            const void *host) {
  const size_t size = of3_dtype_size(as);
  if (cx->planning || (dtype == as && (uintptr_t)host % size == 0)) return (void *)(uintptr_t)host;
  void *copy = of3_arena_alloc(arena, (size_t)n, size);
  if (!copy)
    of3_ctx_fail(cx, OF3_ERR_MEMORY, "out of memory while converting weights to %s", of3_dtype_name(as));
  else if (dtype == as)
    memcpy(copy, host, (size_t)n * size);
  else if (as == OF3_F32)
    to_f32(copy, host, dtype, n);
  else
    ctx_to_bf16(cx, copy, host, dtype, n);
  return copy;
}

/* A weight stored as `dtype`, wanted as `as`. */
static of3_tensor *wrap(of3_ctx *cx, of3_arena *arena, of3_dtype dtype, of3_dtype as, int rank,
                        const int64_t *shape, const void *host) {
  assert(dtype == OF3_F32 || dtype == OF3_BF16 || dtype == OF3_F16);
  struct weight {
    of3_tensor t;
    of3_storage storage;
  } *w = OF3_ARENA_NEW(arena, struct weight, 1);
  if (!w) {
    of3_ctx_fail(cx, OF3_ERR_MEMORY, "out of memory while binding weights");
    return NULL;
  }
  of3_tensor *t = &w->t;
  t->storage = &w->storage;
  t->dtype = as;
  t->rank = rank;
  memcpy(t->shape, shape, (size_t)rank * sizeof *shape);
  w->storage.bytes = of3_bytes(t);
  if (cx->backend->constant && !cx->planning)
    cx->backend->constant(cx, t, dtype, host);
  else
    w->storage.buffer = plain_constant(cx, arena, dtype, as, of3_count(t), host);
  return t;
}

of3_tensor *of3_constant(of3_ctx *cx, of3_arena *arena, of3_dtype dtype, int rank, const int64_t *shape,
                         const void *host) {
  return wrap(cx, arena, dtype, OF3_F32, rank, shape, host);
}

of3_tensor *of3_matrix(of3_ctx *cx, of3_arena *arena, of3_dtype dtype, int64_t rows, int64_t columns,
                       const void *host) {
  const of3_backend *b = cx->backend;
  of3_dtype as = b->operand == OF3_F32 && b->widens && dtype == OF3_BF16 ? OF3_BF16 : b->operand;
  return wrap(cx, arena, dtype, as, 2, (int64_t[]){rows, columns}, host);
}

of3_scope of3_mark(const of3_ctx *cx) { return (of3_scope){cx->top, cx->n_handle, cx->n_buffer}; }

void of3_unwind(of3_ctx *cx, of3_scope s) {
  cx->top = s.top;
  cx->n_handle = s.handle;
  cx->n_buffer = s.buffer;
  if (cx->backend->release && !cx->planning) cx->backend->release(cx);
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

of3_tensor *of3_reshape(of3_ctx *cx, const of3_tensor *t, int rank, const int64_t *shape) {
  of3_tensor *v = new_handle(cx);
  *v = *t;
  v->rank = rank;
  memcpy(v->shape, shape, (size_t)rank * sizeof *shape);
  assert(of3_count(v) == of3_count(t));
  return v;
}

of3_tensor *of3_narrow(of3_ctx *cx, const of3_tensor *t, int64_t first, int64_t n) {
  assert(first >= 0 && n >= 0 && first + n <= t->shape[0]);
  of3_tensor *v = new_handle(cx);
  *v = *t;
  v->offset += first * (t->shape[0] ? of3_count(t) / t->shape[0] : 0);
  v->shape[0] = n;
  return v;
}

void of3_flush(of3_ctx *cx, of3_tensor *const *t, int n) {
  if (cx->error.code == OF3_OK && !cx->planning && cx->backend->flush) cx->backend->flush(cx, t, n);
}

void of3_wait(of3_ctx *cx) {
  if (cx->error.code == OF3_OK && !cx->planning && cx->backend->wait) cx->backend->wait(cx);
}
