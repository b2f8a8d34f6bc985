/* Tensors, and the context in which operations on them run.
 *
 * A tensor is a handle: shape, element type and a place in a storage, dense and row-major. Handles that are
 * views of each other share the storage, which knows the backend's buffer. Leading dimensions are batch
 * dimensions in every operation (ops_axes.def). Model code never looks behind the handle; it calls
 * operations.
 *
 * Three lifetimes:
 *   model  weights, wrapped by of3_constant; they live as long as the store they came from
 *   run    what is made before the first scope: features, the trunk's results
 *   step   what is made inside of3_scope_begin .. of3_scope_end; gone at its end, without a call to malloc
 *
 * Run and step share one stack of memory, reserved once:
 *
 *   | features | s z | scope: z_hidden | scope: ...   ->            | limit
 *
 * An error is sticky: after the first one every operation does nothing, so that model code reads like
 * mathematics and one look at of3_ctx_status at the end is enough.
 *
 * Gradients: of3_apply (ops.h) is the only way to an operation, so a tape records there (tape.h), and every
 * row of the table has a place for its backward. While a tape records, an operation in place moves the
 * storage to a new buffer, with all handles and views on it, and what it held stays where it was: model code
 * is the same for inference and training.
 *
 * Planning: with `planning` set, operations make shapes, move the top of the stack and add up their cost, but
 * neither touch memory nor compute. The same model code thus says beforehand what a run will need. */
#ifndef OF3_TENSOR_TENSOR_H
#define OF3_TENSOR_TENSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/cancel.h"
#include "base/log.h"
#include "base/status.h"
#include "tensor/dtype.h"

typedef struct of3_backend of3_backend;
typedef struct of3_device of3_device;
typedef struct of3_reference_count of3_reference_count; /* by_reference.c */
typedef struct of3_pool of3_pool;                       /* base/threads.h */

/* What a tensor and its views share. */
typedef struct of3_storage {
  void *buffer;                       /* the backend's; the CPU's is host memory. NULL while planning */
  size_t bytes;                       /* as the backend keeps it */
  int64_t place;                      /* number of the buffer on the stack, from 0 */
  struct of3_tensor_version *version; /* what a tape calls its present content (tape.h); NULL: nothing */
} of3_storage;

typedef struct of3_tensor {
  of3_dtype dtype;
  int rank;
  int64_t shape[OF3_MAX_RANK];
  of3_storage *storage; /* never NULL */
  int64_t offset;       /* elements */
} of3_tensor;

typedef struct of3_ctx {
  const of3_device *device;
  const of3_backend *backend; /* the device's */
  void *state;                /* the backend's own */
  of3_pool *opt_pool;         /* threads of the caller's; NULL: the backend starts its own, if it uses any */
  const of3_log *log;
  of3_cancel *opt_cancel;
  int threads; /* that were asked for; 0: all that the process may use */
  bool planning;
  bool in_region; /* a region's body runs, or a record of it */
  bool recording; /* the backend runs the body or its record: no operation may go to the reference */

  /* the stack of step memory */
  char *base; /* reserved address space; NULL while planning */
  size_t limit, top, peak;
  size_t staging; /* bytes of the staging buffer, the most so far (of3_stage) */
  void *stage;
  of3_tensor *handle;   /* the handles, a second stack */
  of3_storage *storage; /* of each handle that is not a view, under its index */
  int64_t n_handle;
  int64_t n_buffer;      /* buffers on the stack of memory */
  struct of3_tape *tape; /* records what is done (tape.h); NULL: nobody does */

  double flops, bytes; /* cost of the operations so far, from the table */
  int64_t n_ops;
  int64_t n_by_reference;               /* of these the reference did, for want of a kernel */
  of3_reference_count *reference_count; /* which these were, if they are logged */
  of3_error error;
} of3_ctx;

/* A context on a device (tensor/backend.h), which outlives it. limit: bytes of step memory that may be used;
 * address space is reserved, pages are taken when touched. threads: 0 = all that the process may use. */
OF3_MUST_CHECK of3_status of3_ctx_open(of3_ctx *cx, const of3_device *device, int threads, size_t limit,
                                       bool planning, of3_error *err);
/* The same on the threads of a pool, which outlives the context and works for nobody else meanwhile. */
OF3_MUST_CHECK of3_status of3_ctx_open_on(of3_ctx *cx, const of3_device *device, of3_pool *pool, size_t limit,
                                          bool planning, of3_error *err);
void of3_ctx_close(of3_ctx *cx); /* {0} is allowed */

/* The sticky error; copies its sentence to err. */
OF3_MUST_CHECK of3_status of3_ctx_status(const of3_ctx *cx, of3_error *err);
void of3_ctx_fail(of3_ctx *cx, of3_status code, const char *fmt, ...) OF3_PRINTF(3, 4);

/* A tensor of undefined content on top of the stack. Always returns a handle that may be passed on: after an
 * error it is one without memory. */
of3_tensor *of3_new(of3_ctx *cx, of3_dtype dtype, int rank, const int64_t *shape);
#define OF3_NEW(cx, dtype, ...)                                                                              \
  of3_new((cx), (dtype), (int)(sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t)), (int64_t[]){__VA_ARGS__})
/* The same for coordinates, noise levels and scores, which are f32 whatever type a backend computes in. */
of3_tensor *of3_new_exact(of3_ctx *cx, of3_dtype dtype, int rank, const int64_t *shape);
of3_tensor *of3_new_like(of3_ctx *cx, const of3_tensor *t);

/* A new tensor with the content of host memory (dense, row-major). */
of3_tensor *of3_from_host(of3_ctx *cx, of3_dtype dtype, int rank, const int64_t *shape, const void *host);
#define OF3_FROM_HOST(cx, dtype, host, ...)                                                                  \
  of3_from_host((cx), (dtype), (int)(sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t)),                    \
                (int64_t[]){__VA_ARGS__}, (host))
/* The same of memory that stays as it is as long as the tensor is used: where buffers are host memory the
 * tensor lies in it, and takes none of the stack; while a tape records it is a copy. */
of3_tensor *of3_share_host(of3_ctx *cx, of3_dtype dtype, int rank, const int64_t *shape, const void *host);
#define OF3_SHARE_HOST(cx, dtype, host, ...)                                                                 \
  of3_share_host((cx), (dtype), (int)(sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t)),                   \
                 (int64_t[]){__VA_ARGS__}, (host))
/* A tensor [shape] of f32 for results that go to host memory: where buffers are host memory, and no tape
 * records, it lies in `host` itself and takes none of the stack. Operations write it through views;
 * of3_download brings it to host once it is complete. */
of3_tensor *of3_new_result(of3_ctx *cx, int rank, const int64_t *shape, float *host);
#define OF3_RESULT(cx, host, ...)                                                                            \
  of3_new_result((cx), (int)(sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t)), (int64_t[]){__VA_ARGS__},  \
                 (host))

/* A tensor whose values the host makes: *image is memory for them, filled with zeros, to be written until
 * of3_staged is called. It is the tensor's own where buffers are host memory, else a buffer of the context,
 * which the plan counts (cx->staging); one tensor at a time. NULL while planning and after an error: then
 * there is nothing to write. */
of3_tensor *of3_stage(of3_ctx *cx, of3_dtype dtype, int rank, const int64_t *shape, void *image);
#define OF3_STAGE(cx, image, dtype, ...)                                                                     \
  of3_stage((cx), (dtype), (int)(sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t)),                        \
            (int64_t[]){__VA_ARGS__}, (image))
void of3_staged(of3_ctx *cx, of3_tensor *t);

void of3_upload(of3_ctx *cx, of3_tensor *t, const void *host);
void of3_download(of3_ctx *cx, const of3_tensor *t,
                  void *host); /* waits until the values exist; no-op while planning */

/* A weight in f32: the backend wraps host memory that outlives the context, or copies it. Stored as f32, bf16
 * or f16. The handle and copies live in the arena. */
of3_tensor *of3_constant(of3_ctx *cx, of3_arena *arena, of3_dtype dtype, int rank, const int64_t *shape,
                         const void *host);
/* The same for a matrix that products only use, in the type that the backend multiplies: bf16 if its operands
 * are bf16, or if it is stored as bf16 and the backend widens it on the way; else f32. */
of3_tensor *of3_matrix(of3_ctx *cx, of3_arena *arena, of3_dtype dtype, int64_t rows, int64_t columns,
                       const void *host);

/* Everything made since begin is gone after end. While a tape records only the handles go: tape.h. */
typedef struct of3_scope {
  size_t top;
  int64_t handle, buffer;
} of3_scope;
of3_scope of3_scope_begin(of3_ctx *cx);
void of3_scope_end(of3_ctx *cx, of3_scope scope);

/* Views: same memory, other shape. narrow takes n entries from `first` on of the first axis. */
of3_tensor *of3_reshape(of3_ctx *cx, const of3_tensor *t, int rank, const int64_t *shape);
#define OF3_RESHAPE(cx, t, ...)                                                                              \
  of3_reshape((cx), (t), (int)(sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t)), (int64_t[]){__VA_ARGS__})
of3_tensor *of3_narrow(of3_ctx *cx, const of3_tensor *t, int64_t first, int64_t n);

/* The same values, through which no gradient goes: t itself where no tape records, else a copy. */
of3_tensor *of3_detached(of3_ctx *cx, of3_tensor *t);

/* Values that will be needed: an asynchronous backend starts the work that leads to t[0..n) and returns; of
 * others they exist already. Said at the end of a block, so that the device has work while the next one is
 * asked for. Only a download waits, and of3_wait: for all that lives, where time is to be told. */
void of3_flush(of3_ctx *cx, of3_tensor *const *t, int n);
void of3_wait(of3_ctx *cx);

/* A region: operations that are done again and again in the same order and shapes, as a step of the denoiser
 * is. A backend may record what body does and repeat that instead; others run body each time. body applies
 * operations, makes views and scopes, but neither uploads nor downloads. The body may read any tensor,
 * but a tensor whose values change between runs must be listed in `in`: a record takes the others for
 * constants. Of the tensors made before the region, the body writes those in `out` and no others.
 *
 * Equal addresses: each run begins with the stack at the same height as the first one, which is checked; so
 * what body makes lies at the same place in every run, and so does what is in `in` and `out`, if it is made
 * in the same order. A record may hold these places.
 *
 * Where the reference did an operation of the first run, body runs each time: copies to and from the host
 * cannot be recorded. */
typedef struct of3_region {
  void (*body)(void *user);
  void *user;
  of3_tensor *const *in, *const *out; /* whole tensors, not views; of the same shapes in each run */
  int n_in, n_out;
  void *record;      /* the backend's; NULL before the first run */
  size_t top;        /* of the stack, where each run begins */
  bool by_reference; /* the reference did an operation */
  int64_t n_run, n_ops;
  double flops; /* of one run */
} of3_region;
void of3_region_run(of3_ctx *cx, of3_region *region); /* errors: sticky, as of operations */
void of3_region_close(of3_ctx *cx, of3_region *region);

int64_t of3_count(const of3_tensor *t);              /* elements */
int64_t of3_dim(const of3_tensor *t, int from_last); /* of3_dim(t,0) is the last axis; 1 beyond the first */
int64_t of3_rows(const of3_tensor *t);               /* count / last axis */
size_t of3_bytes(const of3_tensor *t);

/* Host pointer of a tensor of a backend with host memory (CPU, reference). */
static inline void *of3_host(const of3_tensor *t) {
  return (char *)t->storage->buffer + (size_t)t->offset * of3_dtype_size(t->dtype);
}
static inline float *of3_f32(const of3_tensor *t) { return (float *)of3_host(t); }
static inline int32_t *of3_i32(const of3_tensor *t) { return (int32_t *)of3_host(t); }

#endif
