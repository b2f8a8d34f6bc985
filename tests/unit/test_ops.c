/* Every operation, on the CPU backend with every instruction set that this processor has and on 1 to 4
 * threads, against the plain C reference:
 *   - the largest difference, relative to the largest value of the reference, is within 4 times the measured
 * one;
 *   - integers are equal; all numbers of threads give the same bytes;
 *   - the plan's peak of memory suffices, and the plan counts the same operations and FLOPs;
 *   - nobody writes behind the inputs; memory that nobody wrote is NaN.
 *
 *   test_ops [--list | --measure | NAME...]     NAME: operations, or ISAs after --isa */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cpu/cpu.h"
#include "ops_run.h"

enum { MAX_THREADS = 4, MAX_ISA = 8 };

/* Largest error over the cases and instruction sets (x86-64 with gcc 12 and clang 14, arm64 under qemu); 0:
 * exact. */
static const double measured[OF3_N_OP] = {
#include "ops_measured.inc"
};

static bool check_isa(const ops_case *k, const char *isa, const ops_result *reference, double *worst) {
  const of3_backend *backend;
  of3_error err = {0};
  if (of3_cpu_backend(isa, &backend, &err) != OF3_OK) return ops_complain(k, isa, 1, err.text);
  ops_result first = {0};
  bool ok = true;
  for (int threads = 1; ok && threads <= MAX_THREADS; threads++) {
    ops_result plan = {0}, r = {0};
    ok = ops_run(backend, threads, k, true, SIZE_MAX / 4, &plan) &&
         ops_run(backend, threads, k, false, plan.peak + 64, &r) &&
         ops_check_plan(k, isa, threads, &plan, &r);
    if (ok && threads == 1) ok = ops_compare(k, isa, &r, reference, measured, worst);
    if (ok && threads > 1 && memcmp(first.value, r.value, r.bytes) != 0)
      ok = ops_complain(k, isa, threads, "other bytes than on one thread");
    if (threads == 1)
      first = r;
    else
      free(r.value);
  }
  free(first.value);
  return ok;
}

static bool check_case(const ops_case *k, const char *const *isa, int n_isa, double *worst) {
  ops_result plan, reference = {0};
  bool ok = ops_run(&of3_reference_backend, 1, k, true, SIZE_MAX / 4, &plan) &&
            ops_run(&of3_reference_backend, 1, k, false, plan.peak + 64, &reference) &&
            ops_check_plan(k, "reference", 1, &plan, &reference);
  for (int i = 0; ok && i < n_isa; i++) ok = check_isa(k, isa[i], &reference, worst) && ok;
  free(reference.value);
  return ok;
}

int main(int argc, char **argv) {
  const char *isa[MAX_ISA];
  int n_isa = of3_cpu_isas(isa, MAX_ISA), failed = 0, done = 0, first = 1;
  bool list = argc > 1 && !strcmp(argv[1], "--list"), measure = argc > 1 && !strcmp(argv[1], "--measure");
  if (list || measure) first++;
  if (first + 1 < argc && !strcmp(argv[first], "--isa")) {
    isa[0] = argv[first + 1];
    n_isa = 1;
    first += 2;
  }
  double worst[OF3_N_OP] = {0};
  for (int i = 0; i < ops_n_case(); i++) {
    const char *name = of3_op_table()[ops_cases()[i].op].name;
    if (!ops_selected(name, argc, argv, first)) continue;
    if (list)
      printf("%d %s\n", i, name);
    else
      failed += !check_case(&ops_cases()[i], isa, n_isa, &worst[ops_cases()[i].op]);
    done++;
  }
  for (int op = 0; measure && op < OF3_N_OP; op++)
    if (ops_selected(of3_op_table()[op].name, argc, argv, first))
      printf("%-24s %.1e  (table: %.1e)\n", of3_op_table()[op].name, worst[op], measured[op]);
  if (!list) printf("%d cases, %d instruction sets, %d failed\n", done, n_isa, failed);
  return failed || done == 0;
}
