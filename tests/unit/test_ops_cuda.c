/* Every operation on the CUDA backend against the plain C reference (the cases of test_ops.c): the results
 * agree, a second run and a recorded one give the same bytes, a batch gives each member what it gets alone,
 * and the plan counts the same operations and FLOPs, and no less memory than was held.
 *
 *   test_ops_cuda [--measure | --declined] [NAME...]      exits with 77 where there is no CUDA
 * --declined: CUDA declines every call, so that the reference computes on images of the device's memory. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cuda/open.h"
#include "ops_batch.h"
#include "ops_run.h"

/* Largest error over the cases on an H200 (sm_90a); 0: exact. */
static const double measured_f32[OF3_N_OP] = {
#include "ops_measured_cuda.inc"
};

static bool check_held(const ops_case *k, const of3_device *cuda, const ops_result *plan) {
  char text[80];
  const size_t held = cuda->backend->held(cuda, false).most;
  if (held <= plan->peak) return true;
  snprintf(text, sizeof text, "%zu bytes were held, the plan says %zu", held, plan->peak);
  return ops_complain(k, "cuda", 0, text);
}

static bool check_case(const ops_case *k, const of3_device *cuda, const double *measured, double *worst) {
  enum { ROUNDING = 64 };
  const of3_device host = {.backend = &of3_reference_backend};
  ops_result plan = {0}, host_plan, reference = {0}, first = {0}, second = {0};
  bool ok = ops_run(&host, 1, k, true, SIZE_MAX / 4, &host_plan) &&
            ops_run(&host, 1, k, false, host_plan.peak + ROUNDING, &reference) &&
            ops_run(cuda, 0, k, true, SIZE_MAX / 4, &plan);
  cuda->backend->held(cuda, true);
  ok = ok && ops_run(cuda, 0, k, false, plan.peak + ROUNDING, &first) && check_held(k, cuda, &plan) &&
       ops_run(cuda, 0, k, false, plan.peak + ROUNDING, &second) &&
       ops_check_plan(k, "cuda", 0, &plan, &first) &&
       ops_compare(k, "cuda", &first, &reference, measured, worst) && ops_check_recorded(cuda, 0, k, &first);
  if (ok && memcmp(first.value, second.value, first.bytes) != 0)
    ok = ops_complain(k, "cuda", 0, "other bytes in a second run");
  ok = ok && ops_check_batch(cuda, 0, k, false, measured) && ops_check_batch(cuda, 0, k, true, measured);
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
  double worst[OF3_N_OP] = {0}, loose[OF3_N_OP];
  of3_error err = {0};
  const of3_backend *backend;
  of3_device cuda;
  int failed = 0, done = 0, first = 1;
  const bool measure = argc > 1 && !strcmp(argv[1], "--measure"),
             declined = argc > 1 && !strcmp(argv[1], "--declined");
  if (measure || declined) first++;
  if (of3_cuda_backend(OF3_F32, &backend, &err) != OF3_OK ||
      of3_device_open(&cuda, backend, 0, &err) != OF3_OK) {
    printf("skipped: %s\n", err.text);
    return 77;
  }
  of3_backend declining = *backend;
  declining.kernel = no_kernel;
  if (declined) cuda.backend = &declining;
  for (int op = 0; op < OF3_N_OP; op++) loose[op] = 1;
  const double *measured = measure ? loose : measured_f32;
  for (int i = 0; i < ops_n_case(); i++) {
    const ops_case *k = &ops_cases()[i];
    if (!ops_selected(of3_op_table()[k->op].name, argc, argv, first)) continue;
    failed += !check_case(k, &cuda, measured, &worst[k->op]);
    done++;
  }
  for (int op = 0; measure && op < OF3_N_OP; op++)
    if (ops_selected(of3_op_table()[op].name, argc, argv, first))
      printf("%-24s %.1e\n", of3_op_table()[op].name, worst[op]);
  printf("CUDA %s on %s: %d cases, %d failed\n", cuda.version, cuda.name, done, failed);
  of3_device_close(&cuda);
  return failed || done == 0;
}
