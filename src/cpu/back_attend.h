/* The way back through softmax attention with a bias for pairs: one head and up to 48 queries at a time
 * against all keys (back_attend.c). Used by ATTENTION, WINDOW_ATTENTION and TRIANGLE_ATTENTION. */
#ifndef OF3_CPU_BACK_ATTEND_H
#define OF3_CPU_BACK_ATTEND_H

#include "cpu/back_rows.h"

/* One head of queries and keys of width d:
 *
 *   p = softmax(q k^T / sqrt d + bias + key mask),  o = p v,  y = sigmoid(g) o
 *
 * Rows are row-major, `stride` floats apart; a pointer is at the first number
 * of the head. Gradients are added to those that are given. Where a key is
 * masked, or a bias is one of of3_mask_bias (with bias_masks), no gradient goes
 * to the logit. */
typedef struct of3_attend_back {
  const float *q, *g, *dy; /* [queries], stride */
  float *opt_dq, *opt_dg;  /* the same */
  float *opt_y;            /* the same: becomes y */
  const float *k, *v;      /* [keys], key_stride */
  float *opt_dk, *opt_dv;  /* [keys,d], dense */
  const float *bias;       /* [keys][queries], row stride ld_bias */
  float *opt_dbias;
  const float *opt_key_mask; /* [keys] 0/1 */
  ptrdiff_t stride, key_stride, ld_bias;
  int64_t queries, keys, d;
  bool bias_masks;
} of3_attend_back;

/* Floats of work. */
int64_t of3_attend_back_work(int64_t keys, int64_t d);
void of3_attend_back_do(const of3_cpu_kernels *k, const of3_attend_back *a, float *work);

#endif
