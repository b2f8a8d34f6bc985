/* The way back through a tape: see gradient.h. */
#include "tensor/gradient.h"

#include "tensor/stack.h"

/* What all steps share. */
typedef struct way_back {
  of3_tape *tape;
  of3_ctx *cx;
  of3_weight_gradients weights;
} way_back;

void of3_gradient_of_result(of3_tape *tape, const of3_tensor *t, of3_tensor *dt) {
  (void)tape;
  if (t->storage->version) t->storage->version->gradient = dt;
}

void of3_gradient_of_argument(of3_tape *tape, const of3_tensor *t, of3_tensor *dt) {
  of3_tensor_version *v = t->storage->version;
  (void)tape;
  while (v && v->was) v = v->was;
  if (!v) return; /* no entry has read it */
  v->gradient = dt;
  v->wanted = true;
}

of3_tensor *of3_detached(of3_ctx *cx, of3_tensor *t) {
  if (!cx->tape) return t;
  of3_tensor *copy = of3_new_like(cx, t);
  of3_copy(cx, copy, t);
  if (copy->storage->version) copy->storage->version->detached = true;
  return copy;
}

/* ---- which versions need a gradient */

static bool is_constant(const of3_call *c, int arg) {
  const of3_dtype t = c->in[arg]->dtype;
  return (t != OF3_F32 && t != OF3_BF16 && t != OF3_F16) || of3_op_table()[c->op].constants >> arg & 1;
}

/* Where the gradient of an argument's weight goes; NULL: nowhere, or it is no weight. */
static of3_tensor *weight_gradient(const way_back *w, const of3_tensor *t) {
  return t->storage->version ? NULL : w->weights.find(w->weights.user, t->storage);
}

static bool entry_needs(const way_back *w, const of3_tape_entry *e) {
  const of3_call *c = &e->call;
  if (e->moved && c->out->storage->version->was->needs) return true;
  if (!of3_op_table()[c->op].backward_reference) return false;
  for (int i = 0; i < OF3_MAX_IN; i++)
    if (c->in[i] && !is_constant(c, i) &&
        (c->in[i]->storage->version ? c->in[i]->storage->version->needs
                                    : weight_gradient(w, c->in[i]) != NULL))
      return true;
  return false;
}

static void mark_needs(const way_back *w) {
  for (int64_t i = 0; i < w->tape->n_version; i++) w->tape->version[i]->needs = w->tape->version[i]->wanted;
  for (int64_t i = 0; i < w->tape->n_entry; i++) {
    const of3_tape_entry *e = &w->tape->entry[i];
    of3_tensor_version *out = e->call.out->storage->version;
    out->needs = !out->detached && entry_needs(w, e);
  }
}

/* ---- gradients as tensors */

static void fill_zero(of3_ctx *cx, of3_tensor *t) {
  const of3_scope mark = of3_mark(cx);
  void *image = NULL;
  of3_tensor *zero = OF3_STAGE(cx, &image, OF3_F32, of3_dim(t, 0)); /* filled with zeros */
  of3_staged(cx, zero);
  of3_copy(cx, t, zero);
  of3_unwind(cx, mark);
}

static of3_tensor *new_gradient(of3_ctx *cx, const of3_tensor *whole) {
  of3_tensor *t = of3_new_exact(cx, OF3_F32, whole->rank, whole->shape);
  fill_zero(cx, t);
  return t;
}

/* The part of a gradient that belongs to a handle on the tensor that it is the gradient of. */
static of3_tensor part_of(const of3_tensor *gradient, const of3_tensor *t) {
  of3_tensor part = *t;
  part.dtype = OF3_F32;
  part.storage = gradient->storage;
  part.offset = gradient->offset + t->offset;
  return part;
}

static of3_tensor *gradient_of_version(const way_back *w, of3_tensor_version *v) {
  if (!v->gradient) v->gradient = new_gradient(w->cx, &v->whole);
  return v->gradient;
}

/* The gradient to which that of an argument is added; NULL: none is wanted. */
static of3_tensor *gradient_of_argument(const way_back *w, const of3_call *c, int arg) {
  of3_tensor_version *v = c->in[arg]->storage->version;
  if (is_constant(c, arg)) return NULL;
  if (!v) return weight_gradient(w, c->in[arg]);
  return v->needs ? gradient_of_version(w, v) : NULL;
}

/* ---- one entry */

/* Whether an argument that is not updated is of the version that the entry updates. */
static bool reads_what_it_updates(const of3_call *c, const of3_tensor_version *was, int updated) {
  for (int i = 0; i < OF3_MAX_IN; i++)
    if (c->in[i] && i != updated && c->in[i]->storage->version == was) return true;
  return false;
}

/* Passes the gradient of a tensor that the entry updated on to the version before, but for what goes through
 * the operation: dy is what that begins with, in memory of its own unless it is passed on as it is. */
static of3_tensor *pass_to_version_before(const way_back *w, const of3_tape_entry *e, const of3_tensor *dy) {
  const of3_writes writes = of3_op_table()[e->call.op].writes;
  of3_tensor_version *v = e->call.out->storage->version, *was = v->was;
  const bool sum = writes.how == OF3_WRITE_SUM;
  of3_tensor *aside = NULL;
  if (!sum || reads_what_it_updates(&e->call, was, writes.arg)) {
    aside = of3_new_exact(w->cx, OF3_F32, dy->rank, dy->shape);
    of3_copy(w->cx, aside, dy);
  }
  of3_tensor part = *dy;
  if (!sum) fill_zero(w->cx, &part);
  if (was->gradient)
    of3_add(w->cx, was->gradient, v->gradient);
  else
    was->gradient = v->gradient;
  return aside;
}

static void entry_back(const way_back *w, const of3_tape_entry *e) {
  const of3_writes writes = of3_op_table()[e->call.op].writes;
  of3_tensor_version *v = e->call.out->storage->version;
  if (!v->gradient || !v->needs || w->cx->error.code != OF3_OK) return;
  if (w->tape->opt_gradient) w->tape->opt_gradient(w->tape->user, w->cx, v);
  const bool through = e->moved && v->was->needs;
  of3_tensor dy = part_of(v->gradient, e->call.out), dx[OF3_MAX_IN], *aside = NULL;
  of3_call call = e->call;
  for (int i = 0; i < OF3_MAX_IN; i++) /* made first: what is made after the mark goes with the entry */
    if (call.in[i] && !(through && call.in[i]->storage->version == v->was))
      (void)gradient_of_argument(w, &call, i);
  const of3_scope mark = of3_mark(w->cx);
  if (through) aside = pass_to_version_before(w, e, &dy);
  for (int i = 0; i < OF3_MAX_IN; i++) {
    if (!call.in[i] || (through && i == writes.arg && writes.how == OF3_WRITE_SUM)) continue;
    const of3_tensor *gradient = gradient_of_argument(w, &call, i);
    if (!gradient) continue;
    dx[i] = part_of(gradient, call.in[i]);
    call.dx[i] = &dx[i];
  }
  call.dy = aside ? aside : &dy;
  if (of3_op_table()[call.op].backward_reference) of3_backward(w->cx, &call);
  of3_unwind(w->cx, mark);
  v->gradient = NULL;
}

/* ---- blocks */

/* The last block inside `block` of index below `below` that has entries; -1: none. */
static int64_t child_before(const of3_tape *tape, int64_t block, int64_t below) {
  int64_t i = below - 1;
  while (i > block && (tape->block[i].parent != block || tape->block[i].end == tape->block[i].first)) i--;
  return i > block ? i : -1;
}

/* Marks the versions, older than the block, that will take over the gradient of one that outlives it. */
static void mark_takers(of3_tape *tape, const of3_tape_block *b, int64_t end) {
  for (int64_t i = b->version; i < end; i++) {
    of3_tensor_version *v = tape->version[i];
    if (!v->gradient) continue;
    while (v->was && v->entry >= b->first && v->entry < b->end && tape->entry[v->entry].moved) v = v->was;
    v->takes = tape->mark;
  }
}

/* Gradients of what the block reads are made before it, since they outlive it. */
static void make_input_gradients(const way_back *w, const of3_tape_block *b) {
  of3_tape *tape = w->tape;
  const int64_t n = of3_block_inputs(tape, b, NULL, 0);
  of3_tensor_version **v = OF3_ARENA_NEW(tape->arena, of3_tensor_version *, n);
  if (!v) {
    of3_ctx_fail(w->cx, OF3_ERR_MEMORY, "out of memory for the tape");
    return;
  }
  of3_block_inputs(tape, b, v, n);
  mark_takers(tape, b, tape->n_version);
  for (int64_t i = 0; i < n; i++)
    if (v[i]->needs && v[i]->takes != tape->mark) (void)gradient_of_version(w, v[i]);
}

/* What the block made has lost its gradient with the memory of the block. */
static void forget_gradients(of3_tape *tape, const of3_tape_block *b) {
  for (int64_t e = b->first; e < b->end; e++) tape->entry[e].call.out->storage->version->gradient = NULL;
}

static void block_back(const way_back *w, int64_t block);

/* Entries first .. end-1, which are of `block` or of blocks inside. */
static void entries_back(const way_back *w, int64_t block, int64_t first, int64_t end) {
  int64_t child = child_before(w->tape, block, w->tape->n_block);
  for (int64_t e = end - 1; e >= first; e--) {
    if (child < 0 || w->tape->block[child].end != e + 1) {
      entry_back(w, &w->tape->entry[e]);
      continue;
    }
    block_back(w, child);
    e = w->tape->block[child].first;
    child = child_before(w->tape, block, child);
  }
}

static void block_back(const way_back *w, int64_t block) {
  const of3_tape_block *b = &w->tape->block[block];
  make_input_gradients(w, b);
  const of3_scope scope = b->released ? of3_block_redo(w->tape, w->cx, block) : of3_scope_begin(w->cx);
  entries_back(w, block, b->first, b->end);
  forget_gradients(w->tape, b);
  if (b->released)
    of3_block_drop(w->tape, w->cx, block, scope);
  else
    of3_scope_end(w->cx, scope);
}

void of3_tape_back(of3_tape *tape, of3_ctx *cx, of3_weight_gradients weights) {
  const way_back w = {tape, cx, weights};
  if (cx->tape) of3_ctx_fail(cx, OF3_ERR_INTERNAL, "the way back begins while a tape records");
  mark_needs(&w);
  entries_back(&w, -1, 0, tape->n_entry);
}
