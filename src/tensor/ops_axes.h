/* Which axes the arguments of a call have, from one table (ops_axes.def): read once for each call, checked,
 * and what shape rules make results of. */
#ifndef OF3_TENSOR_OPS_AXES_H
#define OF3_TENSOR_OPS_AXES_H

#include "tensor/ops.h"

/* A row of the table; every operation has one. */
typedef struct of3_op_axes {
  const char *result;
  struct {
    const char *name, *axes; /* of the argument's number; NULL: there is no such argument */
  } in[OF3_MAX_IN];
} of3_op_axes;

const of3_op_axes *of3_op_axes_of(const of3_call *c);

/* The lengths in one call. */
typedef struct of3_axes {
  int n_lead;
  int64_t lead[OF3_MAX_RANK]; /* the leading axes */
  int64_t length[128];        /* of the axis with this letter; -1: none has it */
} of3_axes;

/* Finds them and checks every argument. False: `complaint` says which one does not fit, as part of a
 * sentence. */
enum { OF3_AXES_TEXT = 160 };
bool of3_axes_read(const of3_call *c, of3_axes *out, char complaint[OF3_AXES_TEXT]);

/* The shape with these axes; every letter must have a length. */
of3_shape of3_axes_shape(const of3_axes *a, const char *axes, of3_dtype dtype);

#endif
