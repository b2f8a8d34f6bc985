/* What a backend is: memory, and kernels for operations it does better than the reference. */
#ifndef OF3_TENSOR_BACKEND_H
#define OF3_TENSOR_BACKEND_H

#include "tensor/ops.h"

/* One operation of one backend. */
typedef struct of3_kernel {
  /* NULL: every call. A declined call goes to the reference. */
  bool (*accepts)(const of3_call *c);
  /* Bytes of step memory it wants beside its arguments; NULL: none. Called while planning too. */
  size_t (*workspace)(const of3_ctx *cx, const of3_call *c);
  void (*run)(of3_ctx *cx, const of3_call *c, void *workspace);
} of3_kernel;

/* Bytes that a backend with memory of its own holds, in all contexts and for weights. */
typedef struct of3_held {
  size_t now, kept; /* in tensors; and freed, to be used again */
  size_t most;      /* in tensors, at most since it was last asked to restart */
} of3_held;

struct of3_backend {
  const char *name;
  of3_dtype operand; /* OF3_F32; OF3_BF16: weights are bf16, and products with them round x to bf16 */
  bool widens;       /* operand OF3_F32: products take bf16 weights as they lie, x unrounded */
  OF3_MUST_CHECK of3_status (*open)(of3_ctx *cx, int threads, of3_error *err); /* sets cx->state */
  void (*close)(of3_ctx *cx);
  bool plain_memory; /* buffers are host memory on the context's stack */
  /* The kernel of an operation, or one with run NULL. */
  const of3_kernel *(*kernel)(const of3_ctx *cx, of3_op op);
  void (*eval)(of3_ctx *cx, of3_tensor *const *t, int n); /* NULL: values always exist */
  /* n numbers rounded to bf16; NULL: by plain C. */
  void (*to_bf16)(of3_ctx *cx, uint16_t *to, const float *from, int64_t n);

  /* Memory of a backend without plain memory; NULL otherwise. Called for contexts that compute, not while
   * planning; they report by of3_ctx_fail. The stack of the context counts bytes all the same. */
  void (*alloc)(of3_ctx *cx, of3_tensor *t); /* sets the buffer of the storage of the newest handle */
  void (*release)(of3_ctx *cx);              /* handles from n_handle on are gone */
  void (*upload)(of3_ctx *cx, of3_tensor *t, const void *host);
  void (*download)(of3_ctx *cx, const of3_tensor *t, void *host);
  /* Sets the buffer of a weight, which is stored as `stored` and lives until the context is closed. */
  void (*constant)(of3_ctx *cx, of3_tensor *t, of3_dtype stored, const void *host);
  /* Type in which a result t is kept, so that the context counts its bytes; NULL: its own. exact:
   * coordinates, noise levels and scores, which are f32 everywhere. What is uploaded is kept as it is given.
   */
  of3_dtype (*stored)(const of3_ctx *cx, const of3_tensor *t, bool exact);

  /* Runs r->body(r->user), or repeats what it recorded when it did so before. NULL: the body, each time. */
  void (*region)(of3_ctx *cx, of3_region *r);
  void (*region_close)(of3_ctx *cx, of3_region *r); /* r->record is not NULL */
};

/* of3_new for a result that is exact. */
of3_tensor *of3_new_exact(of3_ctx *cx, of3_dtype dtype, int rank, const int64_t *shape);

/* Every operation by its plain C reference, one thread; products of f32, and of bf16. */
extern const of3_backend of3_reference_backend, of3_reference_backend_bf16;

#endif
