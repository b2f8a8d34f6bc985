/* A tape: what of3_apply did, so that it can be done again and gone through backwards.
 *
 * Model code is the same with a tape and without. What changes is what "in place" means. A handle and its
 * views share a storage; while a tape records, an operation in place moves the storage to new memory, and
 * what it held stays where it was, as the version before:
 *
 *   z = linear(x)       z ---\                        version 0 [ linear(x)   ]  <- entry 0: out
 *   row = narrow(z, 0)  row --> storage of z                                     <- entry 1: y before
 *   add(row, b)                     |     add moves it:
 *                                   \------------->   version 1 [ row 0 + b,  ]  <- entry 1: out
 *                                                               [ the others  ]
 *
 * z and row both mean version 1 from then on. An entry holds the call with its tensors by value: each is a
 * handle on a version, which no later operation changes. Kernels take it as they take any other tensor.
 *
 * Blocks. Every scope is a block: the entries made in it, in it or in scopes inside, and the memory that it
 * took. At the end of a scope its handles go, its memory stays, for entries point there. But where the tape's
 * owner says so (`recomputes`) the memory is given back, and the block can be done again when its gradient is
 * due:
 *
 *   | z v0 |  block 7: x, h, z v1, z v2 |     the stack while it runs
 *   | z v0 | z v2 |                           given back: what outlives it moves down
 *   | z v0 | z v2 | .. | x, h, z v1 |         of3_block_redo: on top of what came since
 *   | z v0 | z v2 | .. |                      of3_block_drop: after its gradients
 *
 * What outlives a block: the last versions of tensors older than it, and what was uploaded in it. What it
 * needs to be done again are versions made before it (of3_block_inputs), which the tape keeps, and weights.
 *
 * What a tape costs: no tensor is written twice, so that memory grows with each entry; about 1 KB of host
 * memory for each, in an arena; and copies, where an operation reads what it updates. Nothing while no tape
 * records. Row blocks (of3_economy) would copy a pair tensor for each block of its rows: leave them out. */
#ifndef OF3_TENSOR_TAPE_H
#define OF3_TENSOR_TAPE_H

#include "tensor/ops.h"

/* What a storage holds from one update to the next. */
typedef struct of3_tensor_version {
  of3_storage storage; /* of the tensors of entries; its version is this one */
  of3_tensor whole;    /* the tensor that it is all of */
  struct of3_tensor_version *was;
  int64_t number; /* updates before it */
  int64_t entry;  /* that made it; -1: none, it was given: uploaded, or older than the tape */
  int64_t owner;  /* index of the storage in the context, while that lives */
  int64_t mark;   /* of3_block_inputs */
  bool held;      /* its memory is there */
  /* On the way back (gradient.h). */
  of3_tensor *gradient; /* f32, of the whole; NULL: nothing was added yet */
  bool wanted;          /* the caller wants it */
  bool detached;        /* no gradient goes through it (of3_detached) */
  bool needs;           /* it depends on something whose gradient is wanted */
  int64_t takes;        /* the mark of the block in which it will take over the gradient of a later version */
} of3_tensor_version;

/* call.in and call.out are tensors on versions, or weights, and live as long as the tape. Of an operation in
 * place, call.in holds the version before. An argument that is overwritten unread is NULL there. */
typedef struct of3_tape_entry {
  of3_call call;
  bool moved; /* out began as a copy of the version before */
} of3_tape_entry;

typedef struct of3_tape_block {
  int64_t parent;     /* block; -1: none */
  int64_t first, end; /* entries */
  int64_t version;    /* of tape->version: the first that was made in it */
  of3_scope begin;    /* what is on the stacks below it is older */
  bool released;      /* its memory was given back */
} of3_tape_block;

typedef struct of3_tape {
  /* The owner's choice, before of3_tape_begin. */
  bool poison; /* a test: every write makes a version, and the one before becomes NaN */
  /* Whether the memory of a block that ends shall be given back; NULL: none is. Of a block inside another
   * that is, too: the outer one takes all with it. */
  bool (*recomputes)(void *user, const struct of3_tape *tape, const of3_tape_block *b);
  /* On the way back: the gradient of version v (v->gradient) is complete, and about to be passed on. NULL:
   * nobody looks. */
  void (*opt_gradient)(void *user, of3_ctx *cx, const of3_tensor_version *v);
  void *user;

  /* What was recorded; valid until of3_tape_end. */
  of3_tape_entry *entry;
  of3_tape_block *block;
  of3_tensor_version **version; /* in the order in which they were made */
  int64_t n_entry, n_block, n_version;

  /* The tape's own. */
  int64_t most_entry, most_block, most_version;
  int64_t current; /* block; -1 */
  int64_t mark;
  of3_scope begin;
  of3_arena *arena;
} of3_tape;

/* Records what of3_apply does on cx from here on; tensors made from here on go with of3_tape_end. One tape at
 * a time. Errors: sticky in cx. */
void of3_tape_begin(of3_tape *tape, of3_ctx *cx);
/* Records no more. Scopes give back memory again; a version that an entry names cannot be written. */
void of3_tape_stop(of3_tape *tape, of3_ctx *cx);
/* Records again, after of3_tape_stop. What was made meanwhile is given to what is recorded now. */
void of3_tape_resume(of3_tape *tape, of3_ctx *cx);
/* Frees it, with all tensors made since of3_tape_begin. Older ones that were updated keep their last content,
 * in the memory that they had. */
void of3_tape_end(of3_tape *tape, of3_ctx *cx);

/* Bytes of host memory that the record takes, without tensors. */
size_t of3_tape_bytes(const of3_tape *tape);

/* Versions that entries of a block read and that were made before it, or given: at most `most` are written to
 * out; returns how many there are. */
int64_t of3_block_inputs(of3_tape *tape, const of3_tape_block *b, of3_tensor_version **out, int64_t most);

/* After of3_tape_stop: makes the versions of a released block again, on top of the stack. */
of3_scope of3_block_redo(of3_tape *tape, of3_ctx *cx, int64_t block);
/* Gives back what of3_block_redo made, and all that was made since. */
void of3_block_drop(of3_tape *tape, of3_ctx *cx, int64_t block, of3_scope scope);

/* ---- inside src/tensor */

/* Takes down a call that is about to be done; moves the storage of its output if that is due. w: what ops.def
 * says of it; `given`: the caller gave the output. */
void of3_tape_record(of3_ctx *cx, of3_call *c, of3_writes w, bool given);
/* t is about to be written by the host. */
void of3_tape_upload(of3_ctx *cx, const of3_tensor *t);
void of3_tape_scope_begin(of3_ctx *cx);
void of3_tape_scope_end(of3_ctx *cx, of3_scope scope);
/* Versions from number `first` on of those made lost their memory, if it was buffer number `place` or later.
 */
void of3_tape_drop(const of3_tape *tape, int64_t first, int64_t place);

#endif
