/* The rate of a backend that computes on a device of its own: what a large product of matrices reaches. */
#include <math.h>
#include <stdlib.h>

#include "api/handles.h"

enum { LEAST_N = 1024, MOST_N = 8192, REPEATS = 5, SLACK = 1 << 20 };
static const double long_enough = 0.02; /* seconds: starting the work is then next to nothing */

/* Seconds of y W^T, the fastest of several, for y = x W^T, which has the type that the backend stores. */
static double time_product(of3_ctx *cx, of3_tensor *x, of3_linear_w w) {
  double best = INFINITY;
  of3_tensor *y = of3_linear(cx, x, w, OF3_ACT_NONE);
  of3_wait(cx);
  for (int i = 0; i < REPEATS; i++) {
    of3_scope scope = of3_scope_begin(cx);
    double begin = of3_seconds();
    of3_linear(cx, y, w, OF3_ACT_NONE);
    of3_wait(cx);
    best = fmin(best, of3_seconds() - begin);
    of3_scope_end(cx, scope);
  }
  return best;
}

/* The same for n x n random numbers of the size that weights have. */
static of3_status time_square(const of3_engine *e, int64_t n, double *ret_seconds, of3_error *err) {
  const size_t count = (size_t)(n * n), bytes = count * sizeof(float);
  of3_ctx cx = {0};
  of3_arena *arena = of3_arena_new(0);
  float *host = malloc(bytes);
  of3_status status =
      arena && host ? OF3_OK : of3_fail_memory(err, "the product that the peak is taken from");
  /* x, y, their product and what a kernel wants beside them */
  if (status == OF3_OK) status = of3_ctx_open(&cx, &e->device, e->threads, 8 * bytes + SLACK, false, err);
  if (status == OF3_OK) {
    of3_random_normal((of3_stream){.purpose = OF3_RANDOM_TEST}, host, count);
    for (size_t i = 0; i < count; i++) host[i] /= sqrtf((float)n);
    of3_linear_w w = {.w = of3_matrix(&cx, arena, OF3_F32, n, n, host)};
    *ret_seconds = time_product(&cx, OF3_FROM_HOST(&cx, OF3_F32, host, n, n), w);
    status = of3_ctx_status(&cx, err);
  }
  of3_ctx_close(&cx);
  of3_arena_free(arena);
  free(host);
  return status;
}

of3_status of3_product_peak(const of3_engine *e, int *ret_n, double *ret_rate, of3_error *err) {
  double seconds = 0;
  int n = LEAST_N;
  OF3_TRY(time_square(e, n, &seconds, err));
  while (seconds < long_enough && n < MOST_N) {
    n *= 2;
    OF3_TRY(time_square(e, n, &seconds, err));
  }
  *ret_n = n;
  *ret_rate = 2.0 * n * n * n / seconds;
  return OF3_OK;
}
