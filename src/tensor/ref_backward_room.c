/* Memory that the plain C reference of a backward takes for the time of the call. */
#include "tensor/by_reference.h"
#include "tensor/op_functions.h"

/* Numbers beside the sums, of operations that keep more than a few rows. */
static int64_t numbers_kept(const of3_call *c) {
  const int64_t n = of3_dim(c->out, 1), w = of3_dim(c->out, 0), pairs = n * n;
  switch (c->op) {
  case OF3_OP_TRIANGLE_MUL:
    return pairs * (5 * c->in[TRI_MUL_WAP]->shape[0] + w);
  case OF3_OP_TRIANGLE_ATTENTION:
    return 2 * pairs * (w + c->in[TRI_ATT_WZ]->shape[0]) + 6 * n * c->in[TRI_ATT_WQ]->shape[0];
  case OF3_OP_OUTER_PRODUCT_MEAN:
    return 4 * of3_dim(c->in[OPM_M], 2) * of3_dim(c->in[OPM_M], 1) * c->in[OPM_W1]->shape[0];
  case OF3_OP_PAIR_WEIGHTED_AVERAGE:
    return 2 * pairs * c->in[PWA_WZ]->shape[0] + 2 * n * (w + c->in[PWA_WV]->shape[0]);
  default:
    return 0;
  }
}

size_t of3_backward_room(const of3_call *c) {
  int64_t numbers = numbers_kept(c);
  for (int i = 0; i < OF3_MAX_IN; i++)
    if (c->dx[i]) numbers += of3_count(c->in[i]);
  return (size_t)numbers * sizeof(double);
}
