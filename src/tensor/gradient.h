/* The way back through a tape: gradients of all that was recorded.
 *
 *   of3_tape_begin(&tape, cx);  loss = f(x, weights);  of3_tape_stop(&tape, cx);
 *   of3_gradient_of_result(&tape, loss, dloss);      what the way back begins with
 *   of3_gradient_of_argument(&tape, x, dx);          where a gradient is to go, besides those of weights
 *   of3_tape_back(&tape, cx, weights);
 *
 * It goes through the entries from the last to the first, and through the blocks as they lie inside each
 * other: a block whose memory was given back is done again (of3_block_redo) just before its entries are gone
 * through, and dropped after. Each version that depends on something whose gradient is wanted has a gradient:
 * f32, of its whole tensor, made when the first entry adds to it and gone with the block that made the
 * version. So beside one block there are the gradients of what lies between blocks, and no others.
 *
 * An operation in place takes z from version 0 to version 1. Nothing reads version 0 after that, so that on
 * the way back nothing has been added to its gradient yet: it takes over the memory of version 1's gradient.
 * Where an operation writes a part of z only, the rest of the gradient is thereby passed on as it is:
 *
 *   z v0 | row 0 | row 1 |          dz | dy of row 0 | dy of row 1 |   of v1
 *          add to row 0                     same          same         y + f: passes dy on
 *          transition of row 0           f'(dy)           same         y' = f(y): dy of row 0 is kept aside
 * first copy to row 0                   0              same         y is not read z v1 | row 0'| row 1 |
 *
 * Results are the same for any choice of blocks that are done again, bit by bit. */
#ifndef OF3_TENSOR_GRADIENT_H
#define OF3_TENSOR_GRADIENT_H

#include "tensor/tape.h"

/* Where the gradients of weights are summed: the tensor for that of the weight in this storage, f32, with as
 * many numbers; NULL: none is wanted. Gradients are added. */
typedef struct of3_weight_gradients {
  of3_tensor *(*find)(void *user, const of3_storage *weight);
  void *user;
} of3_weight_gradients;

/* After of3_tape_stop. dt: f32 in the shape of t, a whole tensor that the tape made; its memory is used on
 * the way back. */
void of3_gradient_of_result(of3_tape *tape, const of3_tensor *t, of3_tensor *dt);

/* After of3_tape_stop: to dt [shape of t] is added the gradient of what t held when the tape began, or when
 * it was uploaded. */
void of3_gradient_of_argument(of3_tape *tape, const of3_tensor *t, of3_tensor *dt);

/* Goes back through the whole tape, once. Errors: sticky in cx. */
void of3_tape_back(of3_tape *tape, of3_ctx *cx, of3_weight_gradients weights);

#endif
