/* Inside src/train: between flat arrays of parameters and the tensors of the bound network that they lie in
 * (model/parameters.h). Several parameters may share a tensor, and one may lie in two. */
#ifndef OF3_TRAIN_TRAINED_WEIGHTS_H
#define OF3_TRAIN_TRAINED_WEIGHTS_H

#include "model/network.h"
#include "tensor/gradient.h"
#include "train/optimiser.h"

typedef struct of3_trained_weights of3_trained_weights;

/* In the arena. tensor [parameters of net]: which numbers of the arrays are whose; one that is not trained
 * gets no gradient. */
OF3_MUST_CHECK of3_status of3_trained_weights_new(const of3_network *net, const of3_trained *tensor,
                                                  of3_arena *arena, of3_trained_weights **ret,
                                                  of3_error *err);
/* values -> network. Errors: sticky in cx. */
void of3_write_weights(of3_trained_weights *w, of3_ctx *cx, const float *values);
/* Zero gradients for all tensors that something trained lies in, on the stack of cx. */
of3_weight_gradients of3_new_weight_gradients(of3_trained_weights *w, of3_ctx *cx);
/* gradients -> values. */
void of3_read_gradients(of3_trained_weights *w, of3_ctx *cx, float *values);

#endif
