/* Inside src/train: between flat arrays of parameters and the tensors of the bound network that they lie in
 * (model/parameters.h). Several parameters may share a tensor, and one may lie in two. */
#ifndef OF3_TRAIN_TRAINED_WEIGHTS_H
#define OF3_TRAIN_TRAINED_WEIGHTS_H

#include "model/network.h"
#include "tensor/gradient.h"
#include "train/losses.h"
#include "train/optimiser.h"

typedef struct of3_trained_weights of3_trained_weights;

/* Whether a parameter is of the confidence heads. */
bool of3_is_confidence(const of3_parameter *p);
/* Whether a stage trains a parameter: all but constants, or the confidence heads; PAE where it has a head. */
bool of3_is_trained(const of3_parameter *p, of3_train_stage stage, const of3_protocol *protocol);

/* In the arena. tensor [parameters of net]: which numbers of the arrays are whose; one that is not trained
 * gets no gradient. */
OF3_MUST_CHECK of3_status of3_trained_weights_new(const of3_network *net, const of3_trained *tensor,
                                                  of3_arena *arena, of3_trained_weights **ret,
                                                  of3_error *err);
/* values -> network, rounded where its operands are bf16. What lies in `values` itself, since the network was
 * bound to it, is there already. Errors: sticky in cx. */
void of3_write_weights(of3_trained_weights *w, of3_ctx *cx, const float *values);
/* Gradients, all 0, for all tensors that something trained lies in. gradient: zeros, as many as there are
 * parameters; NULL while planning. That of a tensor that is a parameter as it stands lies in there if the
 * host reaches the memory of cx; the others are on its stack. */
of3_weight_gradients of3_new_weight_gradients(of3_trained_weights *w, of3_ctx *cx, float *gradient);
/* What lies elsewhere of them -> gradient, the same array. Nothing while planning. */
void of3_read_gradients(of3_trained_weights *w, of3_ctx *cx, float *gradient);
/* Bytes of tensors of the network that are not parameters as they stand in host memory: rounded, transposed,
 * joined, or a device's. */
size_t of3_weight_copies(const of3_trained_weights *w, const of3_ctx *cx);

#endif
