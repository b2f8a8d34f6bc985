/* What the operation files of the CPU backend share: the state behind of3_ctx,
 * the kernels they register. */
#ifndef OF3_CPU_STATE_H
#define OF3_CPU_STATE_H

#include "base/threads.h"
#include "cpu/kernels.h"
#include "tensor/backend.h"

typedef struct of3_cpu {
  of3_pool *pool; /* the context's, or its own; NULL while planning */
  int threads;
  const of3_cpu_kernels *kernels; /* the table */
  of3_cpu_kernels table;          /* the instruction set's, with gemm_bf16 by the type of operands */
} of3_cpu;

static inline const of3_cpu *of3_cpu_state(const of3_ctx *cx) { return cx->state; }
static inline int of3_cpu_threads(const of3_ctx *cx) { return of3_cpu_state(cx)->threads; }

/* Floats rounded up to whole cache lines, so that scratch pieces stay aligned.
 */
static inline int64_t of3_aligned(int64_t floats) { return (floats + 15) / 16 * 16; }

/* Does items 0 .. n-1 of about `floats` floats each; alone if waking the other
 * threads would take longer. */
static inline void of3_cpu_share(const of3_ctx *cx, of3_task *task, void *arg, int64_t n, int64_t floats) {
  const int64_t worth_sharing = 1 << 15;
  if (n * floats >= worth_sharing)
    of3_pool_run(of3_cpu_state(cx)->pool, task, arg, n);
  else if (n > 0)
    task(arg, 0, n, 0);
}

/* The kernels, one per operation (ops.def); each is defined in its op_*.c and
 * registered in cpu.c. */
extern const of3_kernel of3_cpu_linear, of3_cpu_norm, of3_cpu_act, of3_cpu_add, of3_cpu_combine,
    of3_cpu_mask_rows, of3_cpu_dropout, of3_cpu_copy, of3_cpu_concat, of3_cpu_outer_sum, of3_cpu_embed_add,
    of3_cpu_relpos_add, of3_cpu_relpos_one_hot, of3_cpu_template_add, of3_cpu_take_rows, of3_cpu_gather,
    of3_cpu_segment_mean, of3_cpu_symmetrize, of3_cpu_expect, of3_cpu_distance_bin, of3_cpu_random_normal;
extern const of3_kernel of3_cpu_transition, of3_cpu_project, of3_cpu_modulate, of3_cpu_gated_transition,
    of3_cpu_pair_bias, of3_cpu_outer_product_mean, of3_cpu_pair_weighted_average;
extern const of3_kernel of3_cpu_atom_pair, of3_cpu_window_add, of3_cpu_window_gather,
    of3_cpu_window_attention, of3_cpu_attention, of3_cpu_triangle_mul, of3_cpu_triangle_attention;

/* Those of backwards (back_*.c). */
extern const of3_kernel of3_cpu_back_linear, of3_cpu_back_norm, of3_cpu_back_transition,
    of3_cpu_back_attention, of3_cpu_back_triangle_mul, of3_cpu_back_triangle_attention,
    of3_cpu_back_outer_product, of3_cpu_back_pair_average, of3_cpu_back_add, of3_cpu_back_copy,
    of3_cpu_back_act, of3_cpu_back_mask_rows, of3_cpu_back_dropout;

#endif
