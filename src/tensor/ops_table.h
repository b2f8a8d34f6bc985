/* Inside src/tensor: the functions that the operation table names. */
#ifndef OF3_TENSOR_OPS_TABLE_H
#define OF3_TENSOR_OPS_TABLE_H

#include "tensor/ops_axes.h"

#define OF3_OP(id, name, ...)                                                                                \
  void of3_ref_##name(const of3_call *c);                                                                    \
  double of3_cost_##name(const of3_call *c);
#include "tensor/ops.def"
#undef OF3_OP
#define OF3_BACKWARD(id, name, formula)                                                                      \
  void of3_backward_##name(const of3_call *c);                                                               \
  double of3_cost_backward_##name(const of3_call *c);
#include "tensor/ops_backward.def"
#undef OF3_BACKWARD

/* ops_shape.c: the shape of what a call gives. Returns NULL, or what is wrong with its arguments. */
const char *of3_shape_rule(const of3_call *c, of3_shape *out, char complaint[OF3_AXES_TEXT]);

#endif
