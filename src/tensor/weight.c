/* Weights: tensors of a model, in an arena and not on the stack of a context.
 *
 * A checkpoint is mapped into memory, and weights are used where they lie in it wherever that is possible:
 *
 *   stored   wanted       here
 *   f32      f32          the mapped bytes themselves
 *   bf16     bf16         the mapped bytes (backends that multiply bf16, or widen it as they read it)
 *   f32      bf16         rounded once, by the backend's own loop if it has one
 *   f16      f32, bf16    converted once
 *   any      any          copied if it does not begin at a multiple of the size of its numbers
 *
 * Matrices that only products read are wanted in the type that the backend multiplies (of3_matrix), all else
 * in f32 (of3_constant). A backend with memory of its own makes its copy itself (of3_backend.constant). While
 * planning no copy is made. */
#include <assert.h>
#include <string.h>

#include "tensor/backend.h"

static void weight_to_f32(float *to, const void *from, of3_dtype dtype, int64_t n) {
  const uint16_t *bits = from;
  if (dtype == OF3_F32)
    memcpy(to, from, (size_t)n * sizeof *to);
  else if (dtype == OF3_BF16)
    for (int64_t i = 0; i < n; i++) to[i] = of3_bf16_to_f32(bits[i]);
  else
    for (int64_t i = 0; i < n; i++) to[i] = of3_f16_to_f32(bits[i]);
}

/* From f32 or f16. */
static void weight_to_bf16(of3_ctx *cx, uint16_t *to, const void *from, of3_dtype dtype, int64_t n) {
  const uint16_t *bits = from;
  if (dtype == OF3_F32 && cx->backend->to_bf16)
    cx->backend->to_bf16(cx, to, from, n);
  else if (dtype == OF3_F32)
    for (int64_t i = 0; i < n; i++) to[i] = of3_f32_to_bf16(((const float *)from)[i]);
  else
    for (int64_t i = 0; i < n; i++) to[i] = of3_f32_to_bf16(of3_f16_to_f32(bits[i]));
}

/* In host memory: where it lies if it is of type `as` already, else a copy in the arena. */
static void *weight_in_host(of3_ctx *cx, of3_arena *arena, of3_dtype dtype, of3_dtype as, int64_t n,
                            const void *host) {
  const size_t size = of3_dtype_size(as);
  if (cx->planning || (dtype == as && (uintptr_t)host % size == 0)) return (void *)(uintptr_t)host;
  void *copy = of3_arena_alloc(arena, (size_t)n, size);
  if (!copy)
    of3_ctx_fail(cx, OF3_ERR_MEMORY, "out of memory while converting weights to %s", of3_dtype_name(as));
  else if (dtype == as)
    memcpy(copy, host, (size_t)n * size);
  else if (as == OF3_F32)
    weight_to_f32(copy, host, dtype, n);
  else
    weight_to_bf16(cx, copy, host, dtype, n);
  return copy;
}

/* A weight stored as `dtype`, wanted as `as`. */
static of3_tensor *weight_wrap(of3_ctx *cx, of3_arena *arena, of3_dtype dtype, of3_dtype as, int rank,
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
    w->storage.buffer = weight_in_host(cx, arena, dtype, as, of3_count(t), host);
  return t;
}

of3_tensor *of3_constant(of3_ctx *cx, of3_arena *arena, of3_dtype dtype, int rank, const int64_t *shape,
                         const void *host) {
  return weight_wrap(cx, arena, dtype, OF3_F32, rank, shape, host);
}

of3_tensor *of3_matrix(of3_ctx *cx, of3_arena *arena, of3_dtype dtype, int64_t rows, int64_t columns,
                       const void *host) {
  const of3_backend *b = cx->backend;
  of3_dtype as = b->operand == OF3_F32 && b->widens && dtype == OF3_BF16 ? OF3_BF16 : b->operand;
  return weight_wrap(cx, arena, dtype, as, 2, (int64_t[]){rows, columns}, host);
}
