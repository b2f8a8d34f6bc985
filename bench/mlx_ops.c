/* Single operations on MLX at the shapes of the model, beside the CPU backend.
 *
 *   of3_bench_mlx [--dtype f32|bf16|f16] [--threads N] [--seconds S] [OPERATION...]
 *
 * For each shape of ops_shapes.inc, tab-separated: operation, where it occurs, best milliseconds of MLX and
 * of the CPU backend in S seconds each (default 0.3), megabytes that MLX held at most and that the plan
 * allowed. For whole blocks beside MLX-Python: bench/mlx_blocks.py. */
#define _POSIX_C_SOURCE 200809L
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cpu/cpu.h"
#include "mlx/open.h"
#include "ops_inputs.h"

typedef struct bench_case {
  of3_op op;
  const char *where;
  int64_t param[OPS_MAX_PARAM];
} bench_case;

static const bench_case cases[] = {
#include "ops_shapes.inc"
};
enum { N_CASE = sizeof cases / sizeof *cases };

typedef struct options {
  int threads;
  double seconds;
  of3_dtype dtype;
  char **names;
  int n_name;
} options;

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Best time of one call; the result is computed each time. */
static double best_time(of3_ctx *cx, of3_call *call, double seconds) {
  double best = 1e30, start = now();
  bool in_place = call->out != NULL;
  do {
    of3_scope scope = of3_scope_begin(cx);
    double from = now();
    if (!in_place) call->out = NULL;
    of3_apply(cx, call);
    of3_wait(cx);
    double took = now() - from;
    if (took < best) best = took;
    of3_scope_end(cx, scope);
  } while (now() - start < seconds && cx->error.code == OF3_OK);
  return best;
}

/* The planned peak in bytes; *best: time of one call, if it is wanted. */
static size_t measure(const of3_device *d, const options *o, const bench_case *k, size_t limit,
                      double *best) {
  of3_ctx cx;
  of3_error err = {0};
  if (of3_ctx_open(&cx, d, o->threads, limit, best == NULL, &err) != OF3_OK) {
    fprintf(stderr, "%s\n", err.text);
    exit(1);
  }
  ops_env e = {.cx = &cx};
  of3_call call;
  ops_make(&e, k->op, k->param, &call);
  if (best)
    *best = best_time(&cx, &call, o->seconds);
  else
    of3_apply(&cx, &call);
  if (of3_ctx_status(&cx, &err) != OF3_OK) fprintf(stderr, "%s\n", err.text);
  size_t peak = cx.peak;
  of3_ctx_close(&cx);
  return peak;
}

static void run(const of3_device *mlx, const of3_device *cpu, const options *o, const bench_case *k) {
  enum { ROUNDING = 64 };
  double on_mlx, on_cpu;
  size_t plan = measure(mlx, o, k, SIZE_MAX / 4, NULL), plan_cpu = measure(cpu, o, k, SIZE_MAX / 4, NULL);
  mlx->backend->held(mlx, true);
  measure(mlx, o, k, plan + ROUNDING, &on_mlx);
  size_t held = mlx->backend->held(mlx, false).most;
  measure(cpu, o, k, plan_cpu + ROUNDING, &on_cpu);
  printf("%s\t%s\t%.3f\t%.3f\t%.1f\t%.1f\n", of3_op_table()[k->op].name, k->where, on_mlx * 1e3, on_cpu * 1e3,
         (double)held * 1e-6, (double)plan * 1e-6);
  fflush(stdout);
}

static bool wanted(const options *o, const char *name) {
  for (int i = 0; i < o->n_name; i++)
    if (!strcmp(o->names[i], name)) return true;
  return o->n_name == 0;
}

int main(int argc, char **argv) {
  options o = {.seconds = 0.3};
  int first = 1;
  for (; first + 1 < argc && !strncmp(argv[first], "--", 2); first += 2) {
    const char *value = argv[first + 1];
    if (!strcmp(argv[first], "--dtype"))
      o.dtype = !strcmp(value, "bf16") ? OF3_BF16 : !strcmp(value, "f16") ? OF3_F16 : OF3_F32;
    else if (!strcmp(argv[first], "--threads"))
      o.threads = atoi(value);
    else if (!strcmp(argv[first], "--seconds"))
      o.seconds = atof(value);
  }
  o.names = argv + first;
  o.n_name = argc - first;
  of3_error err = {0};
  const of3_backend *on_mlx, *on_cpu;
  of3_device mlx, cpu;
  if (of3_mlx_backend(o.dtype, &on_mlx, &err) != OF3_OK || of3_device_open(&mlx, on_mlx, 0, &err) != OF3_OK ||
      of3_cpu_backend(NULL, OF3_F32, &on_cpu, &err) != OF3_OK ||
      of3_device_open(&cpu, on_cpu, 0, &err) != OF3_OK) {
    fprintf(stderr, "%s\n", err.text);
    return 1;
  }
  fprintf(stderr, "MLX %s on %s, %s; CPU backend cpu-%s, f32\n", mlx.version, mlx.name,
          of3_dtype_name(o.dtype), on_cpu->isa);
  for (int i = 0; i < N_CASE; i++)
    if (wanted(&o, of3_op_table()[cases[i].op].name)) run(&mlx, &cpu, &o, &cases[i]);
  return 0;
}
