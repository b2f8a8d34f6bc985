/* Products of row-major matrices, for backwards, by the product of panels (kernels.h): a block of 48 columns
 * of b is a panel, copied so that its rows lie together, or transposed on the way.
 *
 *   y = [y +] a b        dX  = U W       a = U [rows,n],   b = W [n,k]
 *                        Z   = X W^T     a = X [rows,k],   b = W^T: transposed
 *                        dW += U^T X     a = U^T,          b = X [rows,k]
 *
 * Sums over the inner axis go on in its order, in blocks of OF3_GEMM_DEPTH: a number of y depends neither on
 * which part of y is computed together with it nor on the thread. */
#ifndef OF3_CPU_MATRIX_H
#define OF3_CPU_MATRIX_H

#include "cpu/kernels.h"

/* Element (i,j) is at[i row + j col]. As b one of row and col is 1. */
typedef struct of3_factor {
  const float *at;
  ptrdiff_t row, col;
} of3_factor;

typedef struct of3_matmul {
  of3_factor a, b; /* [m,k], [k,n] */
  float *y;        /* [m,n], overlaps nothing */
  ptrdiff_t ldy;
  int64_t m, n, k;
  bool add;
} of3_matmul;

/* Floats of work that a product wants. */
enum { OF3_MATMUL_ROWS = 64, OF3_MATMUL_WORK = (OF3_GEMM_DEPTH + OF3_MATMUL_ROWS) * OF3_LANES };

/* By the calling thread. */
void of3_matmul_do(const of3_cpu_kernels *kernels, const of3_matmul *p, float *work);

/* Dense row-major [..,columns] and its transpose. */
static inline of3_factor of3_rows_of(const float *at, ptrdiff_t columns) {
  return (of3_factor){at, columns, 1};
}
static inline of3_factor of3_transposed(const float *at, ptrdiff_t columns) {
  return (of3_factor){at, 1, columns};
}

#endif
