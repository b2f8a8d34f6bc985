/* A backend whose memory the host cannot address, and which has no kernels: everything goes to the reference,
 * on images of the tensors (tensor/by_reference.h).
 *
 * Buffers are numbers of blocks of the device, which no pointer of the host's is, so that whoever follows one
 * crashes. Blocks are full of NaN until something is uploaded, and stand between guards that are checked when
 * they are freed. A block that was freed is not found again. What goes wrong is a sticky error of the
 * context. */
#ifndef OF3_TESTS_OWN_MEMORY_H
#define OF3_TESTS_OWN_MEMORY_H

#include "tensor/backend.h"

/* Products of f32, and of bf16. Open a device: of3_device_open. */
extern const of3_backend own_memory_backend, own_memory_backend_bf16;

#endif
