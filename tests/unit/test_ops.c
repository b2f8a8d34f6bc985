/* Every operation, on the CPU backend with every instruction set that this processor has and on 1 to 4
 * threads, against the plain C reference:
 *   - the largest difference, relative to the largest value of the reference, is within 4 times the measured
 * one;
 *   - integers are equal; all numbers of threads give the same bytes;
 *   - the plan's peak of memory suffices, and the plan counts the same operations and FLOPs;
 *   - nobody writes behind the inputs; memory that nobody wrote is NaN.
 *
 *   test_ops [--list | --measure | NAME...]     NAME: operations, or ISAs after --isa */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cpu/cpu.h"
#include "ops_inputs.h"

typedef struct ops_case {
  of3_op op;
  int64_t param[OPS_MAX_PARAM];
} ops_case;

static const ops_case cases[] = {
#include "ops_cases.inc"
};
enum { N_CASE = sizeof cases / sizeof *cases, MAX_THREADS = 4, MAX_ISA = 8 };

/* Largest error over the cases and instruction sets (x86-64, gcc 12 and clang 14); 0: exact. */
static const double measured[OF3_N_OP] = {
#include "ops_measured.inc"
};

typedef struct result {
  of3_dtype dtype;
  int64_t count;
  size_t bytes;
  void *value;
  double flops;
  int64_t n_ops;
  size_t peak;
} result;

static bool complain(const ops_case *k, const char *isa, int threads, const char *what) {
  printf("FAIL %s, case %d, %s, %d threads: %s\n", of3_op_table()[k->op].name, (int)(k - cases), isa, threads,
         what);
  return false;
}

/* Runs a case in a context of `limit` bytes whose memory is NaN. */
static bool run(const of3_backend *backend, int threads, const ops_case *k, bool planning, size_t limit,
                result *r) {
  of3_ctx cx;
  of3_error err = {0};
  if (of3_ctx_open(&cx, backend, threads, limit, planning, &err) != OF3_OK)
    return complain(k, backend->name, threads, err.text);
  if (!planning) memset(cx.base, 0xff, cx.limit);
  ops_env e = {.cx = &cx};
  of3_call call;
  ops_make(&e, k->op, k->param, &call);
  of3_tensor *out = of3_apply(&cx, &call);
  *r = (result){out->dtype, of3_count(out), of3_bytes(out), NULL, cx.flops, cx.n_ops, cx.peak};
  bool ok = of3_ctx_status(&cx, &err) == OF3_OK;
  if (!ok) complain(k, backend->name, threads, err.text);
  if (ok && !planning) {
    r->value = malloc(r->bytes ? r->bytes : 1);
    if (!r->value) abort();
    of3_download(&cx, out, r->value);
    if (!ops_guards_intact(&e)) ok = complain(k, backend->name, threads, "wrote behind an input");
  }
  of3_ctx_close(&cx);
  return ok;
}

/* Largest difference over largest reference value; NaN if any is. */
static double error_of(const result *r, const result *reference) {
  const float *x = r->value, *y = reference->value;
  double worst = 0, top = 1e-30;
  for (int64_t i = 0; i < r->count; i++) {
    double d = fabs((double)x[i] - (double)y[i]);
    if (!(d <= worst)) worst = d;
    if (isnan(d)) return NAN;
    if (fabs((double)y[i]) > top) top = fabs((double)y[i]);
  }
  return worst / top;
}

static bool compare(const ops_case *k, const char *isa, const result *r, const result *reference,
                    double *worst) {
  if (r->bytes != reference->bytes) return complain(k, isa, 1, "shape");
  if (r->dtype != OF3_F32)
    return memcmp(r->value, reference->value, r->bytes) == 0 || complain(k, isa, 1, "integers differ");
  double error = error_of(r, reference);
  char text[80];
  snprintf(text, sizeof text, "relative error %.3g, allowed %.3g", error, 4 * measured[k->op]);
  if (!(error <= *worst)) *worst = error;
  return error <= 4 * measured[k->op] || complain(k, isa, 1, text);
}

static bool check_plan(const ops_case *k, const char *isa, int threads, const result *plan,
                       const result *real) {
  if (plan->bytes != real->bytes) return complain(k, isa, threads, "the plan has another shape");
  if (plan->flops != real->flops || plan->n_ops != real->n_ops)
    return complain(k, isa, threads, "the plan has another cost");
  return plan->peak >= real->peak || complain(k, isa, threads, "the plan's peak is lower");
}

static bool check_isa(const ops_case *k, const char *isa, const result *reference, double *worst) {
  const of3_backend *backend;
  of3_error err = {0};
  if (of3_cpu_backend(isa, &backend, &err) != OF3_OK) return complain(k, isa, 1, err.text);
  result first = {0};
  bool ok = true;
  for (int threads = 1; ok && threads <= MAX_THREADS; threads++) {
    result plan = {0}, r = {0};
    ok = run(backend, threads, k, true, SIZE_MAX / 4, &plan) &&
         run(backend, threads, k, false, plan.peak + 64, &r) && check_plan(k, isa, threads, &plan, &r);
    if (ok && threads == 1) ok = compare(k, isa, &r, reference, worst);
    if (ok && threads > 1 && memcmp(first.value, r.value, r.bytes) != 0)
      ok = complain(k, isa, threads, "other bytes than on one thread");
    if (threads == 1)
      first = r;
    else
      free(r.value);
  }
  free(first.value);
  return ok;
}

static bool check_case(const ops_case *k, const char *const *isa, int n_isa, double *worst) {
  result plan, reference = {0};
  bool ok = run(&of3_reference_backend, 1, k, true, SIZE_MAX / 4, &plan) &&
            run(&of3_reference_backend, 1, k, false, plan.peak + 64, &reference) &&
            check_plan(k, "reference", 1, &plan, &reference);
  for (int i = 0; ok && i < n_isa; i++) ok = check_isa(k, isa[i], &reference, worst) && ok;
  free(reference.value);
  return ok;
}

static bool selected(const char *name, int argc, char **argv, int first) {
  for (int i = first; i < argc; i++)
    if (!strcmp(argv[i], name)) return true;
  return first >= argc;
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
  for (int i = 0; i < N_CASE; i++) {
    const char *name = of3_op_table()[cases[i].op].name;
    if (!selected(name, argc, argv, first)) continue;
    if (list)
      printf("%d %s\n", i, name);
    else
      failed += !check_case(&cases[i], isa, n_isa, &worst[cases[i].op]);
    done++;
  }
  for (int op = 0; measure && op < OF3_N_OP; op++)
    if (selected(of3_op_table()[op].name, argc, argv, first))
      printf("%-24s %.1e  (table: %.1e)\n", of3_op_table()[op].name, worst[op], measured[op]);
  if (!list) printf("%d cases, %d instruction sets, %d failed\n", done, n_isa, failed);
  return failed || done == 0;
}
