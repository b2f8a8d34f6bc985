/* How one operation is done. Every operation of model code ends here:
 *
 *   of3_linear, of3_attention, ..   op_calls.c      numbers the arguments
 *   of3_apply                       here            checks shapes (ops_shape.c), makes the output if none
 *                                                   is given, looks whether somebody wants to stop
 *     of3_tape_record               tape.c          only while a tape records: takes the call down, and
 *                                                   moves an output that is updated in place to new memory
 *     of3_run_call                  here            adds up the cost, makes workspace for the kernel
 *       kernel->run                 backend         if the backend has a kernel that accepts the call
 *       of3_by_reference            by_reference.c  else: plain C, on copies where the host cannot reach
 *                                                   tensors
 *
 * While planning all of it happens but the last two lines. After an error nothing does: of3_apply returns a
 * handle without memory, which the operations that follow pass on.
 *
 * Doing a block again (tape_redo.c) and going backwards (backward.c) begin at of3_run_call: their calls were
 * checked when they were recorded, and are not to be recorded again. */
#include "base/threads.h"
#include "tensor/by_reference.h"
#include "tensor/op_functions.h"
#include "tensor/stack.h"
#include "tensor/tape.h"

/* Looks at the wish to stop between pieces of so much work: some tens of ms of a processor's vector units. */
static const double FLOPS_OF_A_PIECE = 4e9;

/* A kernel on the threads of the context. What is left out when somebody asks to stop fails the context, so
 * that nobody reads it. */
static void run_kernel(of3_ctx *cx, const of3_kernel *k, const of3_call *c, double flops, void *workspace) {
  if (cx->opt_pool) of3_pool_watch(cx->opt_pool, cx->opt_cancel, (int64_t)(flops / FLOPS_OF_A_PIECE));
  k->run(cx, c, workspace);
  if (cx->opt_pool && of3_pool_unwatch(cx->opt_pool)) of3_ctx_fail(cx, OF3_ERR_CANCELLED, "interrupted");
}

void of3_run_call(of3_ctx *cx, const of3_call *c, of3_direction direction) {
  const of3_op_info *op = &of3_op_table()[c->op];
  const double flops = (direction == OF3_FORWARD ? op->cost : op->cost_backward)(c);
  cx->flops += flops;
  cx->n_ops++;
  const of3_kernel *k = of3_kernel_for(cx->backend, cx, c, direction);
  const of3_scope mark = of3_mark(cx);
  size_t bytes = k && k->workspace ? k->workspace(cx, c) : 0;
  of3_tensor *work = bytes ? OF3_NEW(cx, OF3_U8, (int64_t)bytes) : NULL;
  if (!k)
    of3_by_reference(cx, c, direction);
  else if (cx->error.code == OF3_OK && !cx->planning)
    run_kernel(cx, k, c, flops, work ? work->storage->buffer : NULL);
  of3_unwind(cx, mark);
}

/* Takes the call down, and makes what its kernel keeps for the way back. */
static void record_call(of3_ctx *cx, of3_call *c, bool given) {
  of3_shape s[OF3_MAX_SAVED];
  const of3_kernel *k = of3_kernel_for(cx->backend, cx, c, OF3_FORWARD);
  const int n = k && k->saves ? k->saves(cx, c, s) : 0;
  for (int i = 0; i < n; i++) c->saved[i] = of3_new_exact(cx, s[i].dtype, s[i].rank, s[i].dim);
  of3_tape_record(cx, c, of3_op_table()[c->op].writes, given);
}

of3_tensor *of3_apply(of3_ctx *cx, of3_call *c) {
  const of3_op_info *op = &of3_op_table()[c->op];
  of3_shape s = {
      .dtype = OF3_F32, .rank = 2, .dim = {OF3_MAX_RANK, 0}}; /* a stand-in if arguments are wrong */
  char complaint[OF3_AXES_TEXT];
  const char *wrong = of3_shape_rule(c, &s, complaint);
  if (wrong) of3_ctx_fail(cx, OF3_ERR_INTERNAL, "operation %s: %s", op->name, wrong);
  const bool given = c->out != NULL;
  if (!c->out) c->out = (of3_is_exact(c->op) ? of3_new_exact : of3_new)(cx, s.dtype, s.rank, s.dim);
  if (of3_cancelled(cx->opt_cancel)) of3_ctx_fail(cx, OF3_ERR_CANCELLED, "interrupted");
  of3_refuse_recorded(cx, c->out);
  if (cx->error.code != OF3_OK) return c->out;
  if (cx->tape) record_call(cx, c, given);
  if (cx->error.code == OF3_OK) of3_run_call(cx, c, OF3_FORWARD);
  return c->out;
}
