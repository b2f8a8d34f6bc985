/* The operation table: ops.def with the functions that bear its names. */
#include "tensor/op_functions.h"

const of3_op_info *of3_op_table(void) {
  static const of3_op_info table[OF3_N_OP] = {
/* NOLINTBEGIN(bugprone-macro-parentheses): writes is a list in braces */
#define OF3_OP(id, name_, writes_, formula_)                                                                 \
  [OF3_OP_##id].name = #name_, [OF3_OP_##id].formula = (formula_), [OF3_OP_##id].writes = writes_,           \
  [OF3_OP_##id].reference = of3_ref_##name_, [OF3_OP_##id].cost = of3_cost_##name_,
/* NOLINTEND(bugprone-macro-parentheses) */
#include "tensor/ops.def"
#undef OF3_OP
#define OF3_ARG(number) (1u << (number))
#define OF3_BACKWARD(id, name_, constants_, formula_)                                                        \
  [OF3_OP_##id].backward_reference = of3_backward_##name_,                                                   \
  [OF3_OP_##id].cost_backward = of3_cost_backward_##name_, [OF3_OP_##id].constants = (constants_),
#include "tensor/ops_backward.def"
#undef OF3_BACKWARD
#undef OF3_ARG
  };
  return table;
}

bool of3_is_exact(of3_op op) {
  return op == OF3_OP_COMBINE || op == OF3_OP_AUGMENT || op == OF3_OP_FOURIER || op == OF3_OP_EXPECT ||
         op == OF3_OP_RANDOM_NORMAL || op == OF3_OP_TAKE_ROW;
}
