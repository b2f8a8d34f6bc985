/* Calls of every operation with random inputs, for tests (test_ops.c, test_ops_mlx.c) and bench/mlx_ops.c. */
#ifndef OF3_TESTS_OPS_INPUTS_H
#define OF3_TESTS_OPS_INPUTS_H

#include "tensor/ops.h"

enum { OPS_MAX_PARAM = 8, OPS_MAX_GUARD = 128, OPS_GUARD = 16 };

/* Makes inputs in a context. They depend on the order of creation only, so that two contexts get the same.
 * Behind each input lies a guard that nobody may write. */
typedef struct ops_env {
  of3_ctx *cx;
  of3_dtype matrix;      /* type of weights that are matrices: OF3_F32 or OF3_BF16 */
  uint32_t next, member; /* member: of a batch (ops_batch.c); each has other numbers */
  of3_tensor *guard[OPS_MAX_GUARD];
  int n_guard;
} ops_env;

/* The parameters of a case are listed with each operation in ops_inputs.c. */
void ops_make(ops_env *e, of3_op op, const int64_t *param, of3_call *call);
bool ops_guards_intact(const ops_env *e);

#endif
