/* What a backend is: devices, memory, and kernels for operations that it does better than the reference.
 *
 *   of3_backend   what is the same for all who use it: a table of functions and flags
 *   of3_device    one place where it computes; opened once, by the engine
 *   of3_ctx       one computation on a device (tensor.h): a stack of tensors, a sticky error
 *
 * What a backend has no kernel for, or what the kernel declines, the plain C reference does: on the tensors
 * themselves where these are host memory, else on copies (by_reference.h). So a backend may begin with no
 * kernels at all; with --log debug the context says what went to the reference. */
#ifndef OF3_TENSOR_BACKEND_H
#define OF3_TENSOR_BACKEND_H

#include "tensor/ops.h"

/* One operation of one backend, or its backward: both have one form. A backward finds arguments, output and
 * what was saved in the call, and adds to c->dx (ops.h). */
typedef struct of3_kernel {
  /* NULL: every call. A declined call goes to the reference. It may look at types, shapes and attributes, and
   * not at places: a call is accepted in each run of a region or in none. */
  bool (*accepts)(const of3_call *c);
  /* Bytes of step memory it wants beside its arguments; NULL: none. Called while planning too. */
  size_t (*workspace)(const of3_ctx *cx, const of3_call *c);
  void (*run)(of3_ctx *cx, const of3_call *c, void *workspace);
  /* Forward only: the shapes of what it leaves in c->saved for the backward while a tape records; returns how
   * many there are. NULL: nothing. Without a tape c->saved is NULL. */
  int (*saves)(const of3_ctx *cx, const of3_call *c, of3_shape shape[OF3_MAX_SAVED]);
} of3_kernel;

/* Bytes that a backend with memory of its own holds, in all contexts and for weights. */
typedef struct of3_held {
  size_t now, kept; /* in tensors; and freed, to be used again */
  size_t most;      /* in tensors, at most since it was last asked to restart */
} of3_held;

/* A place where a backend computes. The engine opens it once, contexts are opened on it, and it is closed
 * after them. */
struct of3_device {
  const of3_backend *backend;
  int index;           /* among the devices of the backend, from 0 */
  const char *name;    /* what it is: "cpu", "metal", "cuda" */
  const char *version; /* of the library through which the backend computes; "": it needs none */
  uint64_t memory;     /* bytes that only it has; 0: it uses the machine's */
  void *state;         /* the backend's own */
};

/* Functions that are NULL have the meaning said beside them. A backend whose devices need nothing opened has
 * contexts on &(of3_device){.backend = b}. */
struct of3_backend {
  const char *name;   /* "cpu", "mlx", "reference" */
  const char *isa;    /* instruction set; "": there is no choice */
  of3_dtype operand;  /* OF3_F32; OF3_BF16: weights are bf16, and products with them round x to bf16 */
  bool widens;        /* with operand OF3_F32 only: products multiply f32 activations by bf16 weights, and
                       * widen each weight to f32 as it is read; weights may then stay bf16 */
  bool projects_bf16; /* PROJECT gives bf16, attention takes and gives it; operand is OF3_BF16 */
  bool host_memory;   /* buffers are addresses of the host, on the context's stack */
  bool concurrent;    /* several contexts may compute at the same time, each on its threads */
  int batch_tokens;   /* folds with no more tokens together gain by being one batch; 0: none do */
  bool asynchronous;  /* operations return before they are done; flush and wait are not NULL */

  /* Devices. */
  int (*count_devices)(const of3_backend *b); /* NULL: one */
  /* Sets all of d but backend and index, which are valid. NULL: nothing is to be opened. */
  OF3_MUST_CHECK of3_status (*open_device)(of3_device *d, of3_error *err);
  void (*close_device)(of3_device *d); /* NULL: nothing is to be closed */
  /* What computes, for a sentence: "cpu-avx2 on 2 threads", "MLX 0.32.4 on metal". */
  void (*describe)(const of3_device *d, int threads, char *text, size_t size);
  /* Bytes that may be in use in all, weights and all else, if `machine` bytes of the machine's memory may be
   * (0: unknown, both ways). NULL: these. */
  uint64_t (*usable_memory)(const of3_device *d, uint64_t machine);
  /* restart: what is kept is given back, and `most` begins anew. NULL: it holds the contexts' stacks. */
  of3_held (*held)(const of3_device *d, bool restart);

  /* Contexts. */
  OF3_MUST_CHECK of3_status (*open)(of3_ctx *cx, int threads, of3_error *err); /* sets cx->state */
  void (*close)(of3_ctx *cx);
  /* The kernel of an operation; NULL: none, the reference does it. */
  const of3_kernel *(*kernel)(const of3_ctx *cx, of3_op op, of3_direction direction);
  /* Of an asynchronous backend; NULL otherwise. flush starts what t[0..n) need and returns; wait returns when
   * all that was asked for is done. Operations are done in the order in which they were asked for, or as if.
   */
  void (*flush)(of3_ctx *cx, of3_tensor *const *t, int n);
  void (*wait)(of3_ctx *cx);
  /* n numbers rounded to bf16; NULL: by plain C. */
  void (*to_bf16)(of3_ctx *cx, uint16_t *to, const float *from, int64_t n);

  /* Memory of a backend without host memory; NULL otherwise. Called for contexts that compute, not while
   * planning; they report by of3_ctx_fail. The stack of the context counts bytes all the same. */
  void (*alloc)(of3_ctx *cx, of3_tensor *t); /* sets the buffer of the storage of the newest handle */
  void (*release)(of3_ctx *cx);              /* buffers from number n_buffer of the stack on are gone */
  /* Called while a tape records (tape.h); without both a backend does not record. copy_buffer: one buffer
   * gets the content of another of its size. keep: the buffers of s[0..n) go to their new places on the
   * stack, s[i]->place, which are in order and not above the old ones; it sets s[i]->buffer. */
  void (*copy_buffer)(of3_ctx *cx, void *to, const void *from);
  void (*keep)(of3_ctx *cx, of3_storage *const *s, int64_t n);
  /* host has t's type. kept: the type in which the device keeps it, t's own or what `stored` says. */
  void (*upload)(of3_ctx *cx, of3_tensor *t, const void *host, of3_dtype kept);
  void (*download)(of3_ctx *cx, const of3_tensor *t, void *host); /* in t's type, when its values exist */
  /* Sets the buffer of a weight, which is stored as `stored` and lives until the context is closed. */
  void (*constant)(of3_ctx *cx, of3_tensor *t, of3_dtype stored, const void *host);
  /* Type in which a result t is kept, so that the context counts its bytes; NULL: its own. exact:
   * coordinates, noise levels and scores, which are f32 everywhere. What is uploaded is kept as it is given.
   */
  of3_dtype (*stored)(const of3_ctx *cx, const of3_tensor *t, bool exact);

  /* Runs r->body(r->user), or repeats what it recorded when it did so before. Called from the second run on,
   * and only if the kernels did all of the first. NULL: the body, each time. */
  void (*region)(of3_ctx *cx, of3_region *r);
  void (*region_close)(of3_ctx *cx, of3_region *r); /* r->record is not NULL */
};

/* Opens a device of a backend; OF3_ERR_USAGE if there is none of that index. */
OF3_MUST_CHECK of3_status of3_device_open(of3_device *out, const of3_backend *backend, int index,
                                          of3_error *err);
void of3_device_close(of3_device *d); /* {0} is allowed */
int of3_device_count(const of3_backend *backend);
enum { OF3_DEVICE_TEXT = 128 };
const char *of3_device_text(const of3_device *d, int threads, char out[OF3_DEVICE_TEXT]);
/* of3_backend.usable_memory. */
uint64_t of3_device_usable(const of3_device *d, uint64_t machine);

/* The stream of key r of a RANDOM_NORMAL in plain memory. */
static inline of3_stream of3_stream_of(const of3_call *c, int64_t r) {
  const int32_t *key = of3_i32(c->in[RANDOM_KEY]) + 3 * r;
  of3_stream s;
  s.seed = (uint64_t)(uint32_t)key[1] << 32 | (uint32_t)key[0];
  s.purpose = (of3_purpose)c->attr.purpose;
  s.sample = (uint32_t)key[2];
  s.step = (uint32_t)of3_i32(c->in[RANDOM_STEP])[0];
  return s;
}

/* Every operation by its plain C reference, one thread; products of f32, and of bf16. */
extern const of3_backend of3_reference_backend, of3_reference_backend_bf16;

#endif
