/* Speed of single operations at the shapes of the model.
 *
 *   of3_bench_ops [--isa NAME] [--threads N] [--seconds S] [--cpu] [--bf16] [--reference] [OPERATION...]
 *
 * For each shape: the best time of repeated calls in S seconds (default 0.3), GFLOP/s by the operation
 * table's cost (products only: norms, softmax and moves count nothing), its share of the measured peak of
 * multiply-adds, and GB/s of arguments and result. */
#define _POSIX_C_SOURCE 200809L
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cpu/cpu.h"
#include "cpu/peak.h"
#include "ops_inputs.h"

typedef struct bench_case {
  of3_op op;
  const char *where;
  int64_t param[OPS_MAX_PARAM];
} bench_case;

/* Parameters: tests/unit/ops_inputs.c. N = 76 tokens with 600 atoms, 256, 384 with 3000 atoms; 5 samples. */
static const bench_case cases[] = {
#include "ops_shapes.inc"
};
enum { N_CASE = sizeof cases / sizeof *cases };

typedef struct options {
  const char *isa;
  int threads;
  double seconds;
  bool reference;
  of3_dtype dtype;
  clockid_t clock;
  char **names;
  int n_name;
} options;

static double now(clockid_t clock) {
  struct timespec t;
  clock_gettime(clock, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static double bytes_of(const of3_call *c) {
  double sum = (double)of3_bytes(c->out);
  for (int i = 0; i < OF3_MAX_IN; i++)
    if (c->in[i]) sum += (double)of3_bytes(c->in[i]);
  return sum;
}

/* Calls the operation until the time is up; the best time of one call in seconds. */
static double best_time(of3_ctx *cx, of3_call *call, const options *o) {
  double best = 1e30, start = now(CLOCK_MONOTONIC);
  bool in_place = call->out != NULL;
  do {
    of3_scope scope = of3_scope_begin(cx);
    double from = now(o->clock);
    of3_apply(cx, call);
    double took = now(o->clock) - from;
    if (took < best) best = took;
    of3_scope_end(cx, scope);
    if (!in_place) call->out = NULL;
  } while (now(CLOCK_MONOTONIC) - start < o->seconds);
  return best;
}

static bool measure(const bench_case *k, const of3_backend *backend, const options *o, double peak) {
  of3_ctx cx;
  of3_error err = {0};
  if (of3_ctx_open(&cx, backend, o->threads, (size_t)1 << 36, false, &err) != OF3_OK) {
    fprintf(stderr, "of3_bench_ops: %s\n", err.text);
    return false;
  }
  ops_env e = {.cx = &cx, .matrix = o->dtype};
  of3_call call;
  ops_make(&e, k->op, k->param, &call);
  bool in_place = call.out != NULL;
  of3_scope scope = of3_scope_begin(&cx);
  double before = cx.flops;
  of3_apply(&cx, &call);
  double flops = cx.flops - before, bytes = bytes_of(&call);
  of3_scope_end(&cx, scope);
  if (!in_place) call.out = NULL;
  double t = best_time(&cx, &call, o);
  if (of3_ctx_status(&cx, &err) != OF3_OK)
    fprintf(stderr, "of3_bench_ops: %s\n", err.text);
  else
    printf("%-22s %-34s %9.3f ms %8.1f GFLOP/s %5.1f %% %7.1f GB/s\n", of3_op_table()[k->op].name, k->where,
           1e3 * t, 1e-9 * flops / t, 1e-7 * flops / t / peak, 1e-9 * bytes / t);
  of3_ctx_close(&cx);
  return err.code == OF3_OK;
}

static bool selected(const char *name, const options *o) {
  for (int i = 0; i < o->n_name; i++)
    if (!strcmp(o->names[i], name)) return true;
  return o->n_name == 0;
}

static bool parse(int argc, char **argv, options *o) {
  int i = 1;
  for (; i < argc && argv[i][0] == '-'; i++) {
    bool more = i + 1 < argc;
    if (!strcmp(argv[i], "--isa") && more)
      o->isa = argv[++i];
    else if (!strcmp(argv[i], "--threads") && more)
      o->threads = atoi(argv[++i]);
    else if (!strcmp(argv[i], "--seconds") && more)
      o->seconds = atof(argv[++i]);
    else if (!strcmp(argv[i], "--cpu"))
      o->clock = CLOCK_PROCESS_CPUTIME_ID;
    else if (!strcmp(argv[i], "--bf16"))
      o->dtype = OF3_BF16;
    else if (!strcmp(argv[i], "--reference"))
      o->reference = true;
    else
      return false;
  }
  o->names = argv + i;
  o->n_name = argc - i;
  return o->threads >= 0;
}

int main(int argc, char **argv) {
  const char *best = "plain";
  of3_cpu_isas(&best, 1);
  options o = {.isa = best, .threads = 1, .seconds = 0.3, .clock = CLOCK_MONOTONIC};
  if (!parse(argc, argv, &o)) {
    fprintf(
        stderr,
        "usage: %s [--isa NAME] [--threads N] [--seconds S] [--cpu] [--bf16] [--reference] [OPERATION...]\n",
        argv[0]);
    return 2;
  }
  const of3_backend *backend = &of3_reference_backend;
  of3_error err = {0};
  if (!o.reference && of3_cpu_backend(o.isa, o.dtype, &backend, &err) != OF3_OK) {
    fprintf(stderr, "of3_bench_ops: %s\n", err.text);
    return 2;
  }
  double peak = 1e-9 * of3_cpu_peak(o.isa, backend->operand, o.threads, o.clock != CLOCK_MONOTONIC);
  printf("%s, %d threads, peak of multiply-adds %.1f GFLOP/s\n", backend->name, o.threads, peak);
  int failed = 0;
  for (int i = 0; i < N_CASE; i++)
    if (selected(of3_op_table()[cases[i].op].name, &o)) failed += !measure(&cases[i], backend, &o, peak);
  return failed != 0;
}
