/* Logits of pairs inside an operation, and the way back to the pairs: PAIR_BIAS of one batch entry, by its
 * kernels.
 *
 *   logits[h,k,q] = W norm(z[q,k])
 *
 * They are the bias of TRIANGLE_ATTENTION, and what PAIR_WEIGHTED_AVERAGE makes its weights of. */
#ifndef OF3_CPU_BACK_LOGITS_H
#define OF3_CPU_BACK_LOGITS_H

#include "cpu/back_rows.h"

typedef struct of3_pair_logits {
  of3_call call;
  of3_tensor z, dz, logits;
  of3_storage memory; /* of logits */
} of3_pair_logits;

/* Arguments of an operation: z [..,N,N,c], scale, offset and W. */
typedef struct of3_pair_args {
  int z, scale, offset, w;
} of3_pair_args;

/* Of batch entry `entry`. l points into itself afterwards: it is not to be
 * copied. */
void of3_pair_logits_of(of3_pair_logits *l, const of3_call *c, of3_pair_args args, int64_t entry);
/* Floats of work. */
int64_t of3_pair_logits_work(const of3_ctx *cx, const of3_pair_logits *l);
void of3_pair_logits_make(of3_ctx *cx, of3_pair_logits *l, float *logits, float *work);
/* d [H,N,N] is the gradient of the logits. */
void of3_pair_logits_back(of3_ctx *cx, of3_pair_logits *l, float *d, float *work);

#endif
