#include "cpu/cpu.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/machine.h"
#include "cpu/isa.h"
#include "cpu/state.h"

/* The kernels of the way back; what has none is left to the reference. */
static const of3_kernel *backward_kernel(of3_op op) {
  static const of3_kernel *const table[OF3_N_OP] = {
      [OF3_OP_LINEAR] = &of3_cpu_back_linear,
      [OF3_OP_NORM] = &of3_cpu_back_norm,
      [OF3_OP_ACT] = &of3_cpu_back_act,
      [OF3_OP_ADD] = &of3_cpu_back_add,
      [OF3_OP_MASK_ROWS] = &of3_cpu_back_mask_rows,
      [OF3_OP_DROPOUT] = &of3_cpu_back_dropout,
      [OF3_OP_COPY] = &of3_cpu_back_copy,
      [OF3_OP_WINDOW_ATTENTION] = &of3_cpu_back_attention,
      [OF3_OP_PAIR_BIAS] = &of3_cpu_back_linear,
      [OF3_OP_ATTENTION] = &of3_cpu_back_attention,
      [OF3_OP_TRANSITION] = &of3_cpu_back_transition,
      [OF3_OP_PROJECT] = &of3_cpu_back_linear,
      [OF3_OP_MODULATE] = &of3_cpu_back_linear,
      [OF3_OP_GATED_TRANSITION] = &of3_cpu_back_transition,
      [OF3_OP_TRIANGLE_MUL] = &of3_cpu_back_triangle_mul,
      [OF3_OP_TRIANGLE_ATTENTION] = &of3_cpu_back_triangle_attention,
      [OF3_OP_OUTER_PRODUCT_MEAN] = &of3_cpu_back_outer_product,
      [OF3_OP_PAIR_WEIGHTED_AVERAGE] = &of3_cpu_back_pair_average,
  };
  return table[op];
}

/* An operation without an entry is left to the reference. */
static const of3_kernel *cpu_kernel(const of3_ctx *cx, of3_op op, of3_direction direction) {
  (void)cx;
  static const of3_kernel *const table[OF3_N_OP] = {
      [OF3_OP_LINEAR] = &of3_cpu_linear,
      [OF3_OP_NORM] = &of3_cpu_norm,
      [OF3_OP_ACT] = &of3_cpu_act,
      [OF3_OP_ADD] = &of3_cpu_add,
      [OF3_OP_COMBINE] = &of3_cpu_combine,
      [OF3_OP_MASK_ROWS] = &of3_cpu_mask_rows,
      [OF3_OP_DROPOUT] = &of3_cpu_dropout,
      [OF3_OP_COPY] = &of3_cpu_copy,
      [OF3_OP_CONCAT] = &of3_cpu_concat,
      [OF3_OP_OUTER_SUM] = &of3_cpu_outer_sum,
      [OF3_OP_EMBED_ADD] = &of3_cpu_embed_add,
      [OF3_OP_TEMPLATE_ADD] = &of3_cpu_template_add,
      [OF3_OP_TAKE_ROWS] = &of3_cpu_take_rows,
      [OF3_OP_RELPOS_ADD] = &of3_cpu_relpos_add,
      [OF3_OP_RELPOS_ONE_HOT] = &of3_cpu_relpos_one_hot,
      [OF3_OP_GATHER] = &of3_cpu_gather,
      [OF3_OP_SEGMENT_MEAN] = &of3_cpu_segment_mean,
      [OF3_OP_SYMMETRIZE] = &of3_cpu_symmetrize,
      [OF3_OP_EXPECT] = &of3_cpu_expect,
      [OF3_OP_RANDOM_NORMAL] = &of3_cpu_random_normal,
      [OF3_OP_DISTANCE_BIN] = &of3_cpu_distance_bin,
      [OF3_OP_ATOM_PAIR] = &of3_cpu_atom_pair,
      [OF3_OP_WINDOW_ADD] = &of3_cpu_window_add,
      [OF3_OP_WINDOW_GATHER] = &of3_cpu_window_gather,
      [OF3_OP_WINDOW_ATTENTION] = &of3_cpu_window_attention,
      [OF3_OP_PAIR_BIAS] = &of3_cpu_pair_bias,
      [OF3_OP_ATTENTION] = &of3_cpu_attention,
      [OF3_OP_TRANSITION] = &of3_cpu_transition,
      [OF3_OP_PROJECT] = &of3_cpu_project,
      [OF3_OP_MODULATE] = &of3_cpu_modulate,
      [OF3_OP_GATED_TRANSITION] = &of3_cpu_gated_transition,
      [OF3_OP_TRIANGLE_MUL] = &of3_cpu_triangle_mul,
      [OF3_OP_TRIANGLE_ATTENTION] = &of3_cpu_triangle_attention,
      [OF3_OP_OUTER_PRODUCT_MEAN] = &of3_cpu_outer_product_mean,
      [OF3_OP_PAIR_WEIGHTED_AVERAGE] = &of3_cpu_pair_weighted_average,
  };
  return direction == OF3_FORWARD ? table[op] : backward_kernel(op);
}

/* Rounds n numbers to bf16, threads each a share. */
typedef struct rounding {
  const of3_cpu_kernels *k;
  uint16_t *to;
  const float *from;
  int64_t n;
} rounding;

enum { CHUNK = 1 << 14 };

static void round_task(void *arg, int64_t begin, int64_t end, int thread) {
  const rounding *t = arg;
  (void)thread;
  int64_t first = begin * CHUNK, last = end * CHUNK < t->n ? end * CHUNK : t->n;
  t->k->to_bf16(t->to + first, t->from + first, last - first);
}

static void cpu_to_bf16(of3_ctx *cx, uint16_t *to, const float *from, int64_t n) {
  rounding t = {of3_cpu_state(cx)->kernels, to, from, n};
  of3_cpu_share(cx, round_task, &t, (n + CHUNK - 1) / CHUNK, CHUNK);
}

static void set_table(of3_cpu_kernels *table, const of3_isa *isa, of3_dtype operand) {
  *table = *isa->kernels();
  table->operand = operand;
  if (operand == OF3_F32)
    table->gemm_bf16 = table->gemm_wide;
  else if (isa->bf16) {
    table->gemm_bf16 = isa->bf16()->gemm;
    table->to_bf16x2 = isa->bf16()->to_bf16x2;
    table->between = isa->bf16()->between;
  }
}

static of3_status cpu_open(of3_ctx *cx, int threads, of3_error *err, const of3_isa *isa) {
  of3_cpu *s = calloc(1, sizeof *s);
  if (!s) return of3_fail_memory(err, "the CPU backend");
  set_table(&s->table, isa, cx->backend->operand);
  s->kernels = &s->table;
  s->threads = threads > 0 ? threads : of3_usable_processors();
  if (!cx->planning) s->pool = cx->opt_pool ? cx->opt_pool : of3_pool_new(s->threads);
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
  if (!cx->opt_pool) of3_pool_free(s->pool);
  free(s);
  cx->state = NULL;
}

static void describe_cpu(const of3_device *d, int threads, char *text, size_t size) {
  snprintf(text, size, "cpu-%s on %d thread%s", d->backend->isa, threads, threads > 1 ? "s" : "");
}

#define BACKEND(set, type)                                                                                   \
  {                                                                                                          \
    .name = "cpu", .isa = #set, .operand = (type), .widens = true, .projects_bf16 = (type) == OF3_BF16,      \
    .host_memory = true, .concurrent = true, .batch_tokens = 64, .describe = describe_cpu,                   \
    .open = open_##set, .close = close_cpu, .kernel = cpu_kernel, .to_bf16 = cpu_to_bf16                     \
  }
/* Two backends of an instruction set: products of f32, and of bf16. */
#define ISA(isa)                                                                                             \
  static of3_status open_##isa(of3_ctx *cx, int threads, of3_error *err) {                                   \
    return cpu_open(cx, threads, err, &of3_isa_##isa);                                                       \
  }                                                                                                          \
  static const of3_backend backend_##isa[2] = {BACKEND(isa, OF3_F32), BACKEND(isa, OF3_BF16)};
ISA(amx)
ISA(avx512bf16)
ISA(avx512)
ISA(avx2)
ISA(neonbf16)
ISA(neon)
ISA(plain)

typedef struct choice {
  const of3_isa *isa;
  const of3_backend *backend; /* [2] */
} choice;

/* Best first. */
static const choice choices[] = {
    {&of3_isa_amx, backend_amx},           {&of3_isa_avx512bf16, backend_avx512bf16},
    {&of3_isa_avx512, backend_avx512},     {&of3_isa_avx2, backend_avx2},
    {&of3_isa_neonbf16, backend_neonbf16}, {&of3_isa_neon, backend_neon},
    {&of3_isa_plain, backend_plain}};
enum { N_CHOICE = sizeof choices / sizeof *choices };

of3_status of3_cpu_backend(const char *name, of3_dtype operand, const of3_backend **out, of3_error *err) {
  bool any = !name || !strcmp(name, "auto");
  for (int i = 0; i < N_CHOICE; i++) {
    const of3_isa *isa = choices[i].isa;
    if (any ? operand == OF3_F32 && isa->bf16 : strcmp(name, isa->name) != 0) continue;
    *out = &choices[i].backend[operand == OF3_BF16];
    if (isa->can_run()) return OF3_OK;
    if (!any)
      return of3_fail(err, OF3_ERR_USAGE, "this processor cannot run the instruction set %s; use --isa auto",
                      name);
  }
  return of3_fail(err, OF3_ERR_USAGE,
                  "unknown instruction set \"%s\"; expected auto, amx, "
                  "avx512bf16, avx512, avx2, neonbf16, "
                  "neon or plain",
                  name);
}

int of3_cpu_isas(const char **names, int max) {
  int n = 0;
  for (int i = 0; i < N_CHOICE; i++)
    if (choices[i].isa->can_run()) {
      if (n < max) names[n] = choices[i].isa->name;
      n++;
    }
  return n;
}
