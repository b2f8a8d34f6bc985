/* Inside src/tensor: the functions that the operation table names. */
#ifndef OF3_TENSOR_OPS_TABLE_H
#define OF3_TENSOR_OPS_TABLE_H

#include "tensor/ops.h"

#define OF3_OP(id, name, ...)                                                                                \
  of3_shape of3_shape_##name(const of3_call *c);                                                             \
  void of3_ref_##name(const of3_call *c);                                                                    \
  double of3_cost_##name(const of3_call *c);
#include "tensor/ops.def"
#undef OF3_OP

#endif
