/* Inside src/tensor: the memory of a context, which is three stacks that grow and shrink together.
 *
 *   memory    | f0   | f1  | z                | x    | h    |   free                       | limit
 *                                                           ^ top (bytes, multiples of 64)
 *   buffers     0      1     2                  3      4    ^ n_buffer: counts them; `place` is a number
 *
 *   handles   | f0 | f1 | z | row of z | x | h |
 *   storages  | f0 | f1 | z |    -     | x | h |
 *                                              ^ n_handle: of both
 *
 * handle[i] is a tensor: type, shape, a pointer to its storage. storage[i] is where that lies: the buffer,
 * its bytes, its place. A view, as `row of z`, has a handle of its own and uses the storage of z; the storage
 * under its index is unused. So a storage, a pointer into the array, also names the tensor that it is all of:
 * handle[s - storage].
 *
 * A scope remembers the three heights (of3_mark), and its end goes back to them (of3_unwind): nothing is
 * freed one by one, and nothing is searched. Addresses depend only on what was asked for before, so that a
 * step which does the same twice finds its tensors at the same places.
 *
 * Where buffers are host memory, a buffer is an address in the reserved space; pages are taken when first
 * touched. A backend with memory of its own makes the buffers itself (of3_backend.alloc) and drops those from
 * n_buffer on when a scope ends (release); the first stack then only counts bytes. While planning it only
 * counts bytes, too: so a plan is true to the byte. Tensors in memory of the caller's (of3_share_host) and
 * weights take nothing of it. */
#ifndef OF3_TENSOR_STACK_H
#define OF3_TENSOR_STACK_H

#include "tensor/backend.h"

enum { OF3_STACK_ALIGN = 64, OF3_MOST_HANDLES = 1 << 20 };

/* Counts bytes on the stack, which belong to nobody; false, and an error, beyond the limit. */
bool of3_reserve(of3_ctx *cx, size_t bytes);

/* Who fills a tensor, which decides the type in which it is kept. */
typedef enum of3_content {
  OF3_CONTENT_GIVEN,  /* the host: in the tensor's own type */
  OF3_CONTENT_RESULT, /* an operation: a backend may keep it in half precision (of3_backend.stored) */
  OF3_CONTENT_EXACT   /* an operation whose result stays f32: coordinates, noise levels, scores */
} of3_content;

/* A tensor on top of the stacks. Always returns a handle: after an error it is one without memory. */
of3_tensor *of3_stack_tensor(of3_ctx *cx, of3_dtype dtype, int rank, const int64_t *shape,
                             of3_content content);
/* A tensor in memory of the host's, which is the caller's: it takes only a handle. */
of3_tensor *of3_stack_host_tensor(of3_ctx *cx, of3_dtype dtype, int rank, const int64_t *shape, void *host);

/* Where the stacks are; and back to there, whether a tape records or not. */
of3_scope of3_mark(const of3_ctx *cx);
void of3_unwind(of3_ctx *cx, of3_scope s);

/* Memory on top for all of a tensor, storage->bytes of it. false: an error. */
bool of3_storage_place(of3_ctx *cx, of3_tensor *t);
/* The storage of a handle moves to new memory, with what it holds if `copy`. false: an error. */
bool of3_storage_move(of3_ctx *cx, of3_storage *s, bool copy);
void of3_copy_buffer(of3_ctx *cx, const of3_storage *to, const of3_storage *from);
/* Back to `begin`, but for the buffers of s[0..n), in the order of their places, which move down to there. */
void of3_storage_keep(of3_ctx *cx, of3_scope begin, of3_storage *const *s, int64_t n);

/* of3_upload without a look at a tape or region. */
void of3_write_host(of3_ctx *cx, of3_tensor *t, const void *host);
/* An error if t is a version of a tape that does not record at present. */
void of3_refuse_recorded(of3_ctx *cx, const of3_tensor *t);

#endif
