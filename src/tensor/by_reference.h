/* Inside src/tensor: which calls the plain C reference does, and how where it cannot reach the tensors.
 *
 * A backend with memory of its own keeps tensors where the host has no addresses. For a call that none of its
 * kernels takes, each argument gets an image in host memory, the reference works on these, and the image of
 * the output is uploaded:
 *
 *   device    z       mask    weights             z
 *             | download      |                   ^ upload
 *   host      z'      mask'   w'  -> reference -> z'
 *
 * On the way back all arguments, the result and its gradient are read, and the gradients of arguments come
 * back. Arguments at the same place share an image, so that what works in place on the device works in place
 * here. Images are counted on the context's stack while the call lasts, in plans too. It is slow, and right.
 */
#ifndef OF3_TENSOR_BY_REFERENCE_H
#define OF3_TENSOR_BY_REFERENCE_H

#include "tensor/backend.h"

/* The kernel of backend b that takes the call; NULL: none does. */
const of3_kernel *of3_kernel_for(const of3_backend *b, const of3_ctx *cx, const of3_call *c,
                                 of3_direction direction);

/* Does the call by the reference; counts its memory on the context's stack, while planning too: images, and
 * on the way back the sums in double. In a scope of the caller's. The first call of its operation and shape
 * is logged, at the level of debugging. */
void of3_by_reference(of3_ctx *cx, const of3_call *c, of3_direction direction);

/* Bytes that the reference takes for the way back through a call, beside its arguments. */
size_t of3_backward_room(const of3_call *c);

/* Logs how often the reference did what, if anything, and frees the count. */
void of3_by_reference_close(of3_ctx *cx);

#endif
