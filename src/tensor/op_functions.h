/* Inside src/tensor: the functions that the operation table (op_table.c) names, and what of3_apply asks for
 * each operation. */
#ifndef OF3_TENSOR_OP_FUNCTIONS_H
#define OF3_TENSOR_OP_FUNCTIONS_H

#include "tensor/ops_axes.h"

#define OF3_OP(id, name, ...)                                                                                \
  void of3_ref_##name(const of3_call *c);                                                                    \
  double of3_cost_##name(const of3_call *c);
#include "tensor/ops.def"
#undef OF3_OP
#define OF3_BACKWARD(id, name, ...)                                                                          \
  void of3_backward_##name(const of3_call *c);                                                               \
  double of3_cost_backward_##name(const of3_call *c);
#include "tensor/ops_backward.def"
#undef OF3_BACKWARD

/* Whether the result is coordinates, noise levels or scores: f32 whatever type a backend computes in. */
bool of3_is_exact(of3_op op);

/* ops_shape.c: the shape of what a call gives. Returns NULL, or what is wrong with its arguments. */
const char *of3_shape_rule(const of3_call *c, of3_shape *out, char complaint[OF3_AXES_TEXT]);

#endif
