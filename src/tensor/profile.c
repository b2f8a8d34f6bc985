#include "tensor/profile.h"

#include <stdio.h>
#include <string.h>

#include "tensor/by_reference.h"
#include "tensor/op_functions.h"

/* ---- Rows */

static of3_profile_row *row_of(of3_profile *p, const of3_call *c, bool by_reference) {
  char call[OF3_CALL_TEXT], shape[OF3_PROFILE_SHAPE];
  snprintf(shape, sizeof shape, "%s%s", of3_call_text(c, call), by_reference ? ", reference" : "");
  for (int i = 0; i < p->n; i++) {
    of3_profile_row *r = &p->row[i];
    if (r->op == c->op && strcmp(r->phase, p->phase) == 0 && strcmp(r->shape, shape) == 0) return r;
  }
  if (p->n == OF3_PROFILE_ROWS) return &p->row[p->n - 1];
  of3_profile_row *r = &p->row[p->n++];
  *r = (of3_profile_row){.phase = p->phase, .op = c->op};
  memcpy(r->shape, shape, sizeof shape);
  return r;
}

static double profile_bytes_of(const of3_call *c) {
  double sum = c->out ? (double)of3_bytes(c->out) : 0;
  for (int i = 0; i < OF3_MAX_IN; i++)
    if (c->in[i]) sum += (double)of3_bytes(c->in[i]);
  return sum;
}

/* ---- The backend */

/* The inner backend's kernel, or NULL: the reference does it. */
static const of3_kernel *inner_kernel(const of3_ctx *cx, const of3_call *c) {
  return of3_kernel_for(((const of3_profile *)cx->backend)->inner, cx, c, OF3_FORWARD);
}

static size_t profile_workspace(const of3_ctx *cx, const of3_call *c) {
  const of3_kernel *k = inner_kernel(cx, c);
  return k && k->workspace ? k->workspace(cx, c) : 0;
}

static void profile_run(of3_ctx *cx, const of3_call *c, void *work) {
  of3_profile *p = (of3_profile *)(uintptr_t)cx->backend;
  const of3_kernel *k = inner_kernel(cx, c);
  const of3_op_info *op = &of3_op_table()[c->op];
  double begin = p->seconds();
  if (k)
    k->run(cx, c, work);
  else
    of3_by_reference(cx, c, OF3_FORWARD);
  of3_wait(cx);
  of3_profile_row *r = row_of(p, c, k == NULL);
  r->calls++;
  r->seconds += p->seconds() - begin;
  r->flops += op->cost(c);
  r->bytes += profile_bytes_of(c);
}

/* What is measured is the way forward. */
static const of3_kernel *profile_kernel(const of3_ctx *cx, of3_op op, of3_direction direction) {
  const of3_profile *p = (const of3_profile *)cx->backend;
  return direction == OF3_FORWARD ? &p->kernel : p->inner->kernel(cx, op, direction);
}

void of3_profile_begin(of3_profile *p, const of3_device *device, double (*seconds)(void)) {
  *p = (of3_profile){.backend = *device->backend,
                     .inner = device->backend,
                     .device = *device,
                     .kernel = {.workspace = profile_workspace, .run = profile_run},
                     .seconds = seconds,
                     .phase = ""};
  p->device.backend = &p->backend;
  p->backend.kernel = profile_kernel;
  p->backend.region = NULL; /* operation by operation */
}
