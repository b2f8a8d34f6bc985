/* Every operation on the MLX backend against the plain C reference (the cases of test_ops.c):
 *   - the largest difference, relative to the largest value of the reference, is within 4 times the measured
 *     one; integers are equal; a second run gives the same bytes;
 *   - a batch of three gives each what it gets alone, within these bounds;
 *   - the plan counts the same operations and FLOPs, and the bytes that MLX held at most are within it
 *     (on the CPU device f32 only: it widens half-precision operands of products, which no GPU does).
 *
 * --declined: MLX declines every call, so that the reference computes on images of MLX's memory; --support:
 * lists what the kernels accept.
 *
 *   test_ops_mlx [--measure | --declined | --support] [--dtype f32|bf16|f16] [NAME...]      exits with 77
 * where there is no MLX */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mlx/open.h"
#include "ops_batch.h"

/* Largest error over the cases on MLX 0.32.4's CPU device with OpenBLAS (x86-64); 0: exact. */
static const double measured_f32[OF3_N_OP] = {
#include "ops_measured_mlx.inc"
};

/* Buffers of MLX are rounded up to pages. On a GPU libraries have workspaces, and arrays live until the
 * device has finished with them; measured on an H100: 40 MB at these sizes. */
static size_t memory_slack(const of3_device *mlx) {
  return strcmp(mlx->name, "cpu") == 0 ? (size_t)1 << 20 : (size_t)1 << 27;
}

static bool check_memory(const ops_case *k, const of3_device *mlx, const ops_result *plan, size_t *most) {
  char text[96];
  size_t held = mlx->backend->held(mlx, false).most;
  if (held > plan->peak && held - plan->peak > *most) *most = held - plan->peak;
  if (held <= plan->peak + memory_slack(mlx)) return true;
  snprintf(text, sizeof text, "MLX held %.1f MB, the plan says %.1f", (double)held * 1e-6,
           (double)plan->peak * 1e-6);
  return ops_complain(k, "mlx", 0, text);
}

static bool check_case(const ops_case *k, const of3_device *mlx, bool check_peak, const double *measured,
                       double *worst, size_t *most) {
  enum { ROUNDING = 64 };
  const of3_device reference_device = {.backend = &of3_reference_backend};
  ops_result plan = {0}, reference_plan, reference = {0}, first = {0}, second = {0};
  bool ok = ops_run(&reference_device, 1, k, true, SIZE_MAX / 4, &reference_plan) &&
            ops_run(&reference_device, 1, k, false, reference_plan.peak + ROUNDING, &reference) &&
            ops_run(mlx, 0, k, true, SIZE_MAX / 4, &plan);
  mlx->backend->held(mlx, true);
  ok = ok && ops_run(mlx, 0, k, false, plan.peak + ROUNDING, &first) &&
       (!check_peak || check_memory(k, mlx, &plan, most)) &&
       ops_run(mlx, 0, k, false, plan.peak + ROUNDING, &second) &&
       ops_check_plan(k, "mlx", 0, &plan, &first) &&
       ops_compare(k, "mlx", &first, &reference, measured, worst) && ops_check_recorded(mlx, 0, k, &first);
  if (ok && memcmp(first.value, second.value, first.bytes) != 0)
    ok = ops_complain(k, "mlx", 0, "other bytes in a second run");
  ok = ok && ops_check_batch(mlx, 0, k, false, measured) && ops_check_batch(mlx, 0, k, true, measured);
  free(reference.value);
  free(first.value);
  free(second.value);
  return ok;
}

static const of3_kernel *no_kernel(const of3_ctx *cx, of3_op op, of3_direction direction) {
  (void)cx, (void)op, (void)direction;
  return NULL;
}

int main(int argc, char **argv) {
  double worst[OF3_N_OP] = {0}, half[OF3_N_OP]; /* measured at most: 0.021 in bf16, 0.0012 in f16 */
  const double *measured = measured_f32;
  of3_dtype dtype = OF3_F32;
  of3_error err = {0};
  const of3_backend *backend;
  of3_device mlx;
  int failed = 0, done = 0, first = 1;
  size_t most[OF3_N_OP] = {0}; /* bytes held beyond the plan */
  bool measure = argc > 1 && !strcmp(argv[1], "--measure"),
       support = argc > 1 && !strcmp(argv[1], "--support"),
       declined = argc > 1 && !strcmp(argv[1], "--declined");
  if (measure || declined || support) first++;
  if (first + 1 < argc && !strcmp(argv[first], "--dtype")) {
    dtype = !strcmp(argv[first + 1], "bf16") ? OF3_BF16 : !strcmp(argv[first + 1], "f16") ? OF3_F16 : OF3_F32;
    for (int op = 0; op < OF3_N_OP; op++) half[op] = dtype == OF3_BF16 ? 0.015 : 0.001;
    half[OF3_OP_RANDOM_NORMAL] = measured_f32[OF3_OP_RANDOM_NORMAL]; /* f32 whatever else is */
    half[OF3_OP_TAKE_ROW] = 0;
    if (dtype != OF3_F32) measured = half;
    first += 2;
  }
  if (of3_mlx_backend(dtype, &backend, &err) != OF3_OK || of3_device_open(&mlx, backend, 0, &err) != OF3_OK) {
    printf("skipped: %s\n", err.text);
    return 77;
  }
  of3_backend declining = *backend;
  declining.kernel = no_kernel;
  if (declined) mlx.backend = &declining;
  if (support) return ops_print_support(&mlx, "mlx", argc, argv, first), 0;
  for (int i = 0; i < ops_n_case(); i++) {
    const ops_case *k = &ops_cases()[i];
    if (!ops_selected(of3_op_table()[k->op].name, argc, argv, first)) continue;
    bool check_peak = dtype == OF3_F32 || strcmp(mlx.name, "cpu") != 0;
    failed += !check_case(k, &mlx, check_peak, measured, &worst[k->op], &most[k->op]);
    done++;
  }
  for (int op = 0; measure && op < OF3_N_OP; op++)
    if (ops_selected(of3_op_table()[op].name, argc, argv, first))
      printf("%-24s %.1e  (table: %.1e), %.2f MB beyond the plan\n", of3_op_table()[op].name, worst[op],
             measured[op], (double)most[op] * 1e-6);
  printf("MLX %s on %s: %d cases, %d failed\n", mlx.version, mlx.name, done, failed);
  return failed || done == 0;
}
