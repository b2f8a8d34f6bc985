/* Blocks of a tape done again: see tape.h. */
#include "tensor/stack.h"
#include "tensor/tape.h"

static bool is_held(const of3_tensor *t) { return t->storage->version->held; }

static bool is_all_held(const of3_tape_entry *e) {
  bool held = is_held(e->call.out);
  for (int i = 0; i < OF3_MAX_SAVED; i++)
    if (e->call.saved[i]) held = held && is_held(e->call.saved[i]);
  return held;
}

/* Memory on top of the stack for the version that t is on, if it has none. */
static void hold(of3_ctx *cx, const of3_tensor *t) {
  of3_tensor_version *v = t->storage->version;
  if (!v->held) v->held = of3_storage_place(cx, &v->whole);
}

/* What outlived the block is there still; if it has to be written again, for what the kernel keeps beside,
 * that goes to memory that nobody looks at: *t, on *s. */
static void write_aside(of3_ctx *cx, const of3_tensor *out, of3_tensor *t, of3_storage *s) {
  const of3_tensor_version *v = out->storage->version;
  of3_tensor whole = v->whole;
  *s = (of3_storage){.bytes = v->storage.bytes};
  whole.storage = s;
  of3_storage_place(cx, &whole);
  *t = *out;
  t->storage = s;
}

/* An operation in place finds its argument where it leaves the result. */
static void in_place(of3_call *c) {
  const of3_writes w = of3_op_table()[c->op].writes;
  if (w.arg != OF3_NO_ARG && (c->in[w.arg] || w.how == OF3_WRITE_OVER)) c->in[w.arg] = c->out;
}

static void redo_entry(of3_ctx *cx, const of3_tape_entry *e) {
  of3_call call = e->call;
  of3_tensor aside;
  of3_storage storage;
  if (is_all_held(e) || cx->error.code != OF3_OK) return;
  if (is_held(e->call.out)) {
    write_aside(cx, e->call.out, &aside, &storage);
    call.out = &aside;
  }
  in_place(&call);
  hold(cx, e->call.out);
  for (int i = 0; i < OF3_MAX_SAVED; i++)
    if (e->call.saved[i]) hold(cx, e->call.saved[i]);
  if (e->moved) of3_copy_buffer(cx, call.out->storage, &e->call.out->storage->version->was->storage);
  if (cx->error.code == OF3_OK) of3_run_call(cx, &call, OF3_FORWARD);
}

of3_scope of3_block_redo(of3_tape *tape, of3_ctx *cx, int64_t block) {
  const of3_tape_block *b = &tape->block[block];
  const of3_scope scope = of3_scope_begin(cx);
  if (cx->tape) of3_ctx_fail(cx, OF3_ERR_INTERNAL, "a block is done again while a tape records");
  for (int64_t e = b->first; e < b->end; e++) redo_entry(cx, &tape->entry[e]);
  return scope;
}

void of3_block_drop(of3_tape *tape, of3_ctx *cx, int64_t block, of3_scope scope) {
  of3_tape_drop(tape, tape->block[block].version, scope.buffer);
  of3_scope_end(cx, scope);
}
