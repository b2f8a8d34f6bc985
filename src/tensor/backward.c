/* The way back through one call: what is the same for all operations. */
#include "tensor/ops.h"

static bool is_gradient_of(const of3_tensor *gradient, const of3_tensor *t) {
  return gradient->dtype == OF3_F32 && of3_count(gradient) == of3_count(t);
}

static bool gradients_fit(const of3_call *c) {
  for (int i = 0; i < OF3_MAX_IN; i++)
    if (c->dx[i] && (!c->in[i] || !is_gradient_of(c->dx[i], c->in[i]))) return false;
  return c->dy && is_gradient_of(c->dy, c->out);
}

/* The number of an argument whose gradient is wanted though none goes to it; -1: none. */
static int wanted_constant(const of3_call *c, unsigned constants) {
  for (int i = 0; i < OF3_MAX_IN; i++)
    if (c->dx[i] && constants >> i & 1) return i;
  return -1;
}

static bool wants_any(const of3_call *c) {
  for (int i = 0; i < OF3_MAX_IN; i++)
    if (c->dx[i]) return true;
  return false;
}

/* y after = y before + ..: both have the same gradient. */
static void pass_gradient(of3_ctx *cx, const of3_tensor *dy, of3_tensor *dx) {
  const of3_tensor *in[OF3_MAX_IN] = {[ADD_Y] = dx, [ADD_X] = dy};
  of3_call add = {.op = OF3_OP_ADD, .out = dx};
  for (int i = 0; i < OF3_MAX_IN; i++) add.in[i] = in[i];
  of3_run_call(cx, &add, OF3_FORWARD);
}

void of3_backward(of3_ctx *cx, const of3_call *c) {
  const of3_op_info *op = &of3_op_table()[c->op];
  of3_call rest = *c;
  if (cx->error.code != OF3_OK) return;
  if (!gradients_fit(c)) {
    of3_ctx_fail(cx, OF3_ERR_INTERNAL, "gradients of a call of %s are not f32 in the shapes of its arguments",
                 op->name);
    return;
  }
  if (wanted_constant(c, op->constants) >= 0) {
    of3_ctx_fail(cx, OF3_ERR_INTERNAL,
                 "a gradient is asked for of argument %d of %s, which is a constant there",
                 wanted_constant(c, op->constants), op->name);
    return;
  }
  if (op->writes.how == OF3_WRITE_SUM && c->dx[op->writes.arg]) {
    pass_gradient(cx, c->dy, c->dx[op->writes.arg]);
    rest.dx[op->writes.arg] = NULL;
  }
  if (!wants_any(&rest)) return;
  if (op->backward_reference)
    of3_run_call(cx, &rest, OF3_BACKWARD);
  else
    of3_ctx_fail(cx, OF3_ERR_INTERNAL,
                 "a gradient is asked for through the operation %s, which has no backward "
                 "(src/tensor/ops_backward.def)",
                 op->name);
}
