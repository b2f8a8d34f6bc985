/* What backwards share that go through rows: tokens, pairs, atoms.
 *
 * Rows are taken in runs, whose length follows from the shapes alone. What lies between the products of a run
 * is in memory for its rows only. A run has two rounds:
 *
 *   rows   threads share blocks of rows: forward once more, then back to the gradients of the rows
 *            x' = norm(x), z = W x', ..      u = dy act'(z), ..      dx += norm'(W^T u)
 *   sums   threads share the numbers that all rows add to, gradients of weights, norms and gates, and add up
 *          the rows of the run in their order
 *            dW += u^T x', db += sum u, dgate~ += sum u x'
 *
 * So every sum has one order, whatever the number of threads, and no gradient exists once for each thread. */
#ifndef OF3_CPU_BACK_ROWS_H
#define OF3_CPU_BACK_ROWS_H

#include "cpu/back_kernels.h"
#include "cpu/matrix.h"
#include "cpu/state.h"

/* ---- memory: the same function lays it out, with a beginning or to count */

typedef struct of3_room {
  float *at; /* NULL: to count */
  int64_t used;
} of3_room;

/* n floats; NULL while counting. */
static inline float *of3_room_take(of3_room *r, int64_t n) {
  float *p = r->at ? r->at + r->used : NULL;
  r->used += of3_aligned(n);
  return p;
}

/* ---- runs */

/* Rows of a run, of `floats` floats each, and of all: a multiple of
 * OF3_GEMM_DEPTH unless they are all. */
int64_t of3_rows_of_run(int64_t rows, int64_t floats);

/* Rows of a block, so that n_thread threads have enough of them. */
int64_t of3_rows_of_block(int64_t rows, int threads);

/* ---- sources: the x' that products multiply */

/* x' = x, or gate~ norm(x) + shift~. Scale and offset of a norm are a gate and
 * a shift of one row. */
typedef struct of3_source {
  bool norm;
  const of3_tensor *x, *gate, *shift;
  of3_tensor *dx, *dgate, *dshift; /* NULL: not wanted */
  int64_t width;
  /* of a run */
  float *hat, *value; /* [rows,width] norm(x) and x'; the same where there is
                         neither gate nor shift */
  float *inv;         /* [rows] factor of the norm */
  float *u;           /* [rows,width] the gradient of x'; without norm it is part of dx */
} of3_source;

void of3_source_lay_out(of3_source *s, int64_t run, of3_room *room);
bool of3_source_wants(const of3_source *s); /* any gradient */
/* Before a run from row `first` on. */
void of3_source_begin(of3_source *s, int64_t first);
/* Rows begin .. end-1 of the run that begins with row `first`: makes x'. */
void of3_source_read(const of3_cpu_kernels *k, const of3_source *s, int64_t first, int64_t begin,
                     int64_t end);
/* The same rows: u is complete, and goes to dx. */
void of3_source_back(const of3_cpu_kernels *k, const of3_source *s, int64_t first, int64_t begin,
                     int64_t end);
/* u += or = a W for rows [begin, end) of a [..,n] with row stride ld. add:
 * something was added to u before.
 */
void of3_source_add(const of3_cpu_kernels *k, const of3_source *s, const float *a, const of3_tensor *w,
                    int64_t begin, int64_t end, bool add, float *work);

/* y [rows,n] = x W^T for rows [begin, end) of x [..,k]. */
void of3_rows_times(const of3_cpu_kernels *k, const float *x, const of3_tensor *w, float *y, int64_t begin,
                    int64_t end, float *work);

/* ---- sums over the rows of a run */

/* to[n,k] += sum_r u[r]^T x[r]; or, without a k, to[r mod rows of to][n] +=
 * u[r] [x[r]]. */
typedef struct of3_row_sum {
  float *to;
  const float *u, *x; /* [rows,n], and [rows,k] or [rows,n] or NULL; dense */
  int64_t n, k;
  int64_t to_rows; /* without k */
} of3_row_sum;

enum { OF3_ROW_SUMS_MOST = 24 };
typedef struct of3_row_sums {
  const of3_cpu_kernels *k;
  int n;
  of3_row_sum sum[OF3_ROW_SUMS_MOST];
  int64_t first, rows; /* of the run */
  float *work;         /* [threads][OF3_MATMUL_WORK] */
} of3_row_sums;

/* dw += u^T x; dw [n,k] or NULL: nothing. */
void of3_sum_product(of3_row_sums *s, of3_tensor *opt_dw, const float *u, const float *x);
/* to += sum u [x], to has as many numbers a row as u; NULL: nothing. */
void of3_sum_rows(of3_row_sums *s, of3_tensor *opt_to, const float *u, const float *opt_x, int64_t width);
/* What the gate and the shift of a source get. */
void of3_sum_source(of3_row_sums *s, const of3_source *source);
void of3_sums_run(of3_ctx *cx, of3_row_sums *s);

/* ---- a backward over rows */

/* f32 throughout. */
bool of3_back_accepts(const of3_call *c);

#endif
