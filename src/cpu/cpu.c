#include "cpu/cpu.h"

#include <stdlib.h>
#include <string.h>

#include "cpu/state.h"

static bool can_run_plain(void) { return true; }

#if defined(__x86_64__)
static bool can_run_avx512(void) {
  return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
         __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512bw") &&
         __builtin_cpu_supports("fma");
}
static bool can_run_avx2(void) { return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"); }
static bool can_run_neon(void) { return false; }
#else
static bool can_run_avx512(void) { return false; }
static bool can_run_avx2(void) { return false; }
#if defined(__aarch64__)
static bool can_run_neon(void) { return true; }
#else
static bool can_run_neon(void) { return false; }
#endif
#endif

/* An operation without an entry is left to the reference. */
static const of3_kernel *kernel(const of3_ctx *cx, of3_op op) {
  (void)cx;
  static const of3_kernel *const table[OF3_N_OP] = {
      [OF3_OP_LINEAR] = &of3_cpu_linear,
      [OF3_OP_NORM] = &of3_cpu_norm,
      [OF3_OP_ACT] = &of3_cpu_act,
      [OF3_OP_ADD] = &of3_cpu_add,
      [OF3_OP_COMBINE] = &of3_cpu_combine,
      [OF3_OP_MASK_ROWS] = &of3_cpu_mask_rows,
      [OF3_OP_COPY] = &of3_cpu_copy,
      [OF3_OP_CONCAT] = &of3_cpu_concat,
      [OF3_OP_OUTER_SUM] = &of3_cpu_outer_sum,
      [OF3_OP_EMBED_ADD] = &of3_cpu_embed_add,
      [OF3_OP_ONE_HOT] = &of3_cpu_one_hot,
      [OF3_OP_GATHER] = &of3_cpu_gather,
      [OF3_OP_SEGMENT_MEAN] = &of3_cpu_segment_mean,
      [OF3_OP_SYMMETRIZE] = &of3_cpu_symmetrize,
      [OF3_OP_EXPECT] = &of3_cpu_expect,
      [OF3_OP_DISTANCE_BIN] = &of3_cpu_distance_bin,
      [OF3_OP_ATOM_PAIR] = &of3_cpu_atom_pair,
      [OF3_OP_WINDOW_ADD] = &of3_cpu_window_add,
      [OF3_OP_WINDOW_GATHER] = &of3_cpu_window_gather,
      [OF3_OP_WINDOW_ATTENTION] = &of3_cpu_window_attention,
      [OF3_OP_PAIR_BIAS] = &of3_cpu_pair_bias,
      [OF3_OP_ATTENTION] = &of3_cpu_attention,
      [OF3_OP_TRANSITION] = &of3_cpu_transition,
      [OF3_OP_ADA_NORM] = &of3_cpu_ada_norm,
      [OF3_OP_GATED_TRANSITION] = &of3_cpu_gated_transition,
      [OF3_OP_TRIANGLE_MUL] = &of3_cpu_triangle_mul,
      [OF3_OP_TRIANGLE_ATTENTION] = &of3_cpu_triangle_attention,
      [OF3_OP_OUTER_PRODUCT_MEAN] = &of3_cpu_outer_product_mean,
      [OF3_OP_PAIR_WEIGHTED_AVERAGE] = &of3_cpu_pair_weighted_average,
  };
  return table[op];
}

static of3_status open_cpu(of3_ctx *cx, int threads, of3_error *err, const of3_cpu_kernels *kernels) {
  of3_cpu *s = calloc(1, sizeof *s);
  if (!s) return of3_fail_memory(err, "the CPU backend");
  s->kernels = kernels;
  s->threads = threads > 0 ? threads : of3_usable_processors();
  if (!cx->planning) s->pool = of3_pool_new(s->threads);
  if (!cx->planning && !s->pool) {
    int wanted = s->threads;
    free(s);
    return of3_fail(err, OF3_ERR_MEMORY, "cannot start %d threads; ask for fewer with --threads", wanted);
  }
  cx->state = s;
  return OF3_OK;
}

static void close_cpu(of3_ctx *cx) {
  of3_cpu *s = cx->state;
  if (!s) return;
  of3_pool_free(s->pool);
  free(s);
  cx->state = NULL;
}

#define ISA(isa)                                                                                             \
  static of3_status open_##isa(of3_ctx *cx, int threads, of3_error *err) {                                   \
    return open_cpu(cx, threads, err, of3_cpu_kernels_##isa());                                              \
  }                                                                                                          \
  static const of3_backend backend_##isa = {                                                                 \
      .name = "cpu-" #isa, .open = open_##isa, .close = close_cpu, .plain_memory = true, .kernel = kernel};
ISA(avx512)
ISA(avx2)
ISA(neon)
ISA(plain)

typedef struct isa {
  const char *name;
  const of3_backend *backend;
  bool (*can_run)(void);
} isa;

/* Best first. */
static const isa isas[] = {{"avx512", &backend_avx512, can_run_avx512},
                           {"avx2", &backend_avx2, can_run_avx2},
                           {"neon", &backend_neon, can_run_neon},
                           {"plain", &backend_plain, can_run_plain}};
enum { N_ISA = sizeof isas / sizeof *isas };

of3_status of3_cpu_backend(const char *name, const of3_backend **out, of3_error *err) {
  bool any = !name || !strcmp(name, "auto");
  for (int i = 0; i < N_ISA; i++) {
    if (!any && strcmp(name, isas[i].name) != 0) continue;
    *out = isas[i].backend;
    if (isas[i].can_run()) return OF3_OK;
    if (!any)
      return of3_fail(err, OF3_ERR_USAGE, "this processor cannot run the instruction set %s; use --isa auto",
                      name);
  }
  return of3_fail(err, OF3_ERR_USAGE,
                  "unknown instruction set \"%s\"; expected auto, avx512, avx2, neon or plain", name);
}

int of3_cpu_isas(const char **names, int max) {
  int n = 0;
  for (int i = 0; i < N_ISA; i++)
    if (isas[i].can_run()) {
      if (n < max) names[n] = isas[i].name;
      n++;
    }
  return n;
}
