#include "tensor/profile.h"

#include <stdio.h>
#include <string.h>

#include "tensor/ops_table.h"

/* ---- Names of shapes */

static size_t put_shape(char *out, size_t at, const of3_tensor *t) {
  for (int i = 0; t && i < t->rank && at + 24 < OF3_PROFILE_SHAPE; i++)
    at += (size_t)snprintf(out + at, OF3_PROFILE_SHAPE - at, "%s%lld",
                           i    ? "x"
                           : at ? " "
                                : "",
                           (long long)t->shape[i]);
  return at;
}

static size_t put_word(char *out, size_t at, bool holds, const char *word) {
  if (!holds || at + strlen(word) + 3 > OF3_PROFILE_SHAPE) return at;
  return at + (size_t)snprintf(out + at, OF3_PROFILE_SHAPE - at, ", %s", word);
}

/* The argument that with the first one tells the shape; 0: none. */
static int second_argument(of3_op op) {
  switch (op) {
  case OF3_OP_LINEAR:
    return LINEAR_W;
  case OF3_OP_PROJECT:
    return PROJECT_W;
  case OF3_OP_MODULATE:
    return MODULATE_WG;
  case OF3_OP_PAIR_BIAS:
    return PAIR_BIAS_W;
  case OF3_OP_ATTENTION:
    return ATT_K;
  case OF3_OP_TRANSITION:
    return TRANS_WA;
  case OF3_OP_GATED_TRANSITION:
    return GTRANS_WA;
  case OF3_OP_TRIANGLE_MUL:
    return TRI_MUL_WAP;
  case OF3_OP_TRIANGLE_ATTENTION:
    return TRI_ATT_WQ;
  case OF3_OP_PAIR_WEIGHTED_AVERAGE:
    return PWA_WV;
  case OF3_OP_OUTER_PRODUCT_MEAN:
    return OPM_W1;
  default:
    return 0;
  }
}

static void name_shape(const of3_call *c, char out[OF3_PROFILE_SHAPE]) {
  const int second = second_argument(c->op);
  out[0] = 0;
  size_t at = put_shape(out, 0, c->in[c->op == OF3_OP_OUTER_PRODUCT_MEAN ? OPM_M : 0]);
  if (second) at = put_shape(out, at, c->in[second]);
  at = put_word(out, at, c->op == OF3_OP_LINEAR && c->attr.norm, "norm");
  at = put_word(out, at, c->op == OF3_OP_LINEAR && c->attr.act != OF3_ACT_NONE, "act");
  at = put_word(out, at, c->op == OF3_OP_LINEAR && c->in[LINEAR_GATE], "gate");
  at = put_word(out, at, c->op == OF3_OP_LINEAR && c->attr.accumulate, "sum");
  at = put_word(out, at, c->op == OF3_OP_TRIANGLE_MUL, c->attr.outgoing ? "outgoing" : "incoming");
  put_word(out, at, c->op == OF3_OP_TRIANGLE_ATTENTION, c->attr.ending ? "ending" : "starting");
}

/* ---- Rows */

static of3_profile_row *row_of(of3_profile *p, const of3_call *c) {
  char shape[OF3_PROFILE_SHAPE];
  name_shape(c, shape);
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

/* The inner backend's kernel if it takes this call, else NULL: the reference does it. */
static const of3_kernel *inner_kernel(const of3_ctx *cx, const of3_call *c) {
  const of3_kernel *k = ((const of3_profile *)cx->backend)->inner->kernel(cx, c->op);
  return k && k->run && (!k->accepts || k->accepts(c)) ? k : NULL;
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
  else if (cx->backend->plain_memory)
    op->reference(c);
  else
    of3_ctx_fail(cx, OF3_ERR_INTERNAL, "the backend %s has no kernel for %s at this shape", cx->backend->name,
                 op->name);
  of3_eval(cx, (of3_tensor *[]){c->out}, 1);
  of3_profile_row *r = row_of(p, c);
  r->calls++;
  r->seconds += p->seconds() - begin;
  r->flops += op->cost(c);
  r->bytes += profile_bytes_of(c);
}

static const of3_kernel *profile_kernel(const of3_ctx *cx, of3_op op) {
  (void)op;
  return &((const of3_profile *)cx->backend)->kernel;
}

void of3_profile_begin(of3_profile *p, const of3_backend *inner, double (*seconds)(void)) {
  *p = (of3_profile){.backend = *inner,
                     .inner = inner,
                     .kernel = {.workspace = profile_workspace, .run = profile_run},
                     .seconds = seconds,
                     .phase = ""};
  p->backend.kernel = profile_kernel;
  p->backend.region = NULL; /* operation by operation */
}
