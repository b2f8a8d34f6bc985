/* Regions: see tensor.h. */
#include "tensor/backend.h"

void of3_region_run(of3_ctx *cx, of3_region *r) {
  const of3_backend *b = cx->backend;
  const double flops = cx->flops;
  const int64_t n_ops = cx->n_ops, n_by_reference = cx->n_by_reference;
  if (of3_cancelled(cx->opt_cancel)) of3_ctx_fail(cx, OF3_ERR_CANCELLED, "interrupted");
  if (cx->error.code != OF3_OK) return;
  if (r->n_run == 0 || cx->tape) r->top = cx->top; /* a tape keeps what runs leave on the stack */
  if (r->top != cx->top) {
    of3_ctx_fail(cx, OF3_ERR_INTERNAL, "a region begins at another height of the stack than before");
    return;
  }
  of3_scope scope = of3_scope_begin(cx);
  cx->in_region = true;
  cx->recording = b->region && !cx->planning && !cx->tape && r->n_run > 0 && !r->by_reference;
  if (cx->recording)
    b->region(cx, r);
  else
    r->body(r->user);
  cx->in_region = cx->recording = false;
  of3_scope_end(cx, scope);
  if (r->n_run++ == 0) {
    r->by_reference = cx->n_by_reference > n_by_reference;
    r->flops = cx->flops - flops;
    r->n_ops = cx->n_ops - n_ops;
  }
  cx->flops = flops + r->flops; /* a record counts as much as what it repeats */
  cx->n_ops = n_ops + r->n_ops;
}

void of3_region_close(of3_ctx *cx, of3_region *r) {
  if (r->record) cx->backend->region_close(cx, r);
  *r = (of3_region){0};
}
