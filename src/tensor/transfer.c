/* Between host memory and tensors: see tensor.h.
 *
 *                       buffers are host memory              the backend has memory of its own
 *   of3_from_host       copy                                 upload
 *   of3_share_host      the tensor lies in the caller's      upload
 *   of3_stage, _staged  the caller fills the tensor itself   the caller fills cx->stage; upload
 *   of3_new_result      the tensor lies in the caller's      a tensor; of3_download at the end
 *
 * cx->stage is one buffer, as large as the largest image so far; a plan counts it (cx->staging). While a tape
 * records nothing lies in memory of the caller's, since that may go before the tape does. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tensor/stack.h"
#include "tensor/tape.h"

/* Whether tensors may lie in memory that is not the context's. */
static bool may_share(const of3_ctx *cx) { return cx->backend->host_memory && !cx->tape; }

of3_tensor *of3_share_host(of3_ctx *cx, of3_dtype dtype, int rank, const int64_t *shape, const void *host) {
  if (!may_share(cx)) return of3_from_host(cx, dtype, rank, shape, host);
  return of3_stack_host_tensor(cx, dtype, rank, shape, (void *)(uintptr_t)host);
}

of3_tensor *of3_new_result(of3_ctx *cx, int rank, const int64_t *shape, float *host) {
  if (!may_share(cx)) return of3_new_exact(cx, OF3_F32, rank, shape);
  return of3_stack_host_tensor(cx, OF3_F32, rank, shape, host);
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
  of3_tensor *t = of3_stack_tensor(cx, dtype, rank, shape, OF3_CONTENT_GIVEN);
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
  of3_tensor *t = of3_stack_tensor(cx, dtype, rank, shape, OF3_CONTENT_GIVEN);
  of3_upload(cx, t, host);
  return t;
}

/* What a region does must be repeatable without the host. */
static void refuse_in_region(of3_ctx *cx) {
  if (cx->in_region) of3_ctx_fail(cx, OF3_ERR_INTERNAL, "a region copies to or from host memory");
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
