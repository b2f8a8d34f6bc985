/* The table of CPU kernels, one instance per instruction set, and the panels that they work on.
 *
 * A panel holds up to 48 rows (tokens, pairs, atoms ...) of a row-major tensor, transposed: channel-major
 * [channels][lanes], lane = row, lanes = 16, 32 or 48, lanes without a row are zero:
 *
 *        rows of x [.., K]                panel [K][lanes]
 *        r0: c0 c1 c2 ...                 c0: r0 r1 r2 ... r47
 *        r1: c0 c1 c2 ...       ->        c1: r0 r1 r2 ... r47
 *
 * Weights [n,k] are the broadcast operand of the product and are read where they lie; a product's output
 * panel [n][lanes] is the input panel of the next product:
 *
 *        y[r][l] = sum_k w(r,k) x[k][l]      one number of w times a row of lanes of x
 *
 * With bf16 operands the panel that a product reads is a panel of bf16x2: two neighbouring channels of a lane
 * in 32 bits, the even one in the lower half. Instructions that multiply bf16 take it so:
 *
 *        panel of f32 [K][lanes]          panel of bf16x2 [(K+1)/2][lanes]
 *        c0: r0 r1 ... r47                c0 c1: r0 r1 ... r47     32 bits each: c1 | c0
 *        c1: r0 r1 ... r47       ->       c2 c3: r0 r1 ... r47     (with an odd K, 0 behind the last)
 *        c2: ..                           ..
 *
 * A row of 2 K bf16 in memory is K numbers of 32 bits, which are the bf16x2 of its channels in order. So pack
 * and unpack move rows of bf16 as rows of half as many floats, and no number is touched.
 *
 * All else (norm, softmax, activations) runs down the lanes. A lane's result depends neither on its position
 * nor on the other lanes, and sums over k are done in one fixed order, so that no result depends on the
 * number of threads. */
#ifndef OF3_CPU_KERNELS_H
#define OF3_CPU_KERNELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tensor/ops.h"

enum { OF3_LANES = 48, OF3_LANE_STEP = 16 };

/* Lanes of a panel of n rows, 1 <= n <= OF3_LANES. */
static inline int of3_lanes(int64_t n) {
  return n >= OF3_LANES ? OF3_LANES : (int)((n + OF3_LANE_STEP - 1) / OF3_LANE_STEP * OF3_LANE_STEP);
}

/* Panels of `rows` rows: all of 48 lanes but the last. */
static inline int64_t of3_panels(int64_t rows) { return (rows + OF3_LANES - 1) / OF3_LANES; }

/* Rows in panel p. */
static inline int of3_panel_rows(int64_t rows, int64_t p) {
  int64_t left = rows - p * OF3_LANES;
  return left < OF3_LANES ? (int)left : OF3_LANES;
}

/* row[i] = first + i stride, for pack and unpack. */
static inline void of3_rows_at(const float **row, const float *first, ptrdiff_t stride, int n) {
  for (int i = 0; i < n; i++) row[i] = first + i * stride;
}

/* Products sum in blocks of this many terms: a sum over a longer depth equals, bit by bit, products over its
 * blocks that accumulate. */
enum { OF3_GEMM_DEPTH = 256 };

/* y[r][l] = [y[r][l] +] [bias[r] +] sum_k a(r,k) x[k][l], a(r,k) = a[r a_row + k a_col]. y overlaps nothing.
 * Sums are f32 in all cases.
 *
 *   a_type     x
 *   OF3_F32    f32 [depth][lanes], row stride ldx
 *   OF3_BF16   the same; or, on a backend whose operands are bf16, bf16x2 [(depth+1)/2][lanes]: terms 2p and
 *              2p+1 in the lower and upper half of 32 bits, the last one with 0 if depth is odd. a_col = 1 */
typedef struct of3_gemm {
  const void *a;
  of3_dtype a_type;
  ptrdiff_t a_row, a_col;
  const void *x;
  ptrdiff_t ldx;
  float *y; /* [rows][lanes], row stride ldy */
  ptrdiff_t ldy;
  int64_t rows, depth;
  int lanes; /* 16, 32, 48 */
  bool accumulate;
  const float *opt_bias; /* [rows] */
} of3_gemm;

/* y_i[c] = [y_i[c] +] [mask[i]] [gate_i[c]] panel[c][i] for rows i < n_row and channels c < channels. */
typedef struct of3_unpack {
  const float *panel; /* row stride ld */
  ptrdiff_t ld;
  int n_row;
  int64_t channels;
  float *const *y;
  const float *const *opt_gate; /* [n_row] pointers; they may repeat */
  const float *opt_mask;        /* [n_row] */
  bool add;
} of3_unpack;

struct of3_attend;
struct of3_attend_state;
struct of3_gate_mask;

/* What happens between two products (attention.h has the structs): for f32 operands to the accuracy of v_exp
 * (simd.h), for bf16 operands as kernels_bf16.inc says where the instruction set has it. */
typedef struct of3_between_kernels {
  /* The operand, bf16x2 [(depth+1)/2][lanes], of silu(a) b; a and b [depth][lanes]. a is used up. */
  void (*silu_operand)(void *bf16x2, float *a, const float *b, int lanes, int64_t depth);
  void (*sigmoid_mul)(float *y, const float *g, int64_t n); /* y *= sigmoid(g) */
  void (*gate_mask)(const struct of3_gate_mask *g);
  /* One run of an attention of bf16 numbers: a->keys scores in a->scratch become, with bias (of all lanes)
   * and key bias, probabilities, as bf16x2; o is scaled to the new maximum unless these are the first keys.
   */
  void (*attend_run)(const struct of3_attend *a, struct of3_attend_state *state, bool first);
} of3_between_kernels;

typedef struct of3_cpu_kernels {
  const char *isa; /* "avx512", ... */

  /* ---- panels */
  of3_dtype operand;                    /* of the backend; set by its state (cpu.c), as gemm_bf16 is */
  void (*gemm)(const of3_gemm *g);      /* a is f32 */
  void (*gemm_wide)(const of3_gemm *g); /* a is bf16, x f32 */
  void (*gemm_bf16)(const of3_gemm *g); /* a is bf16, x bf16x2; if operands are f32: gemm_wide */
  /* x [depth][lanes] f32 to bf16x2, rounded to nearest, ties to even; they may begin where x does. */
  void (*to_bf16x2)(void *bf16x2, const float *x, int lanes, int64_t depth);
  /* Back, depth even: f32 panel x [depth][lanes]; or the bf16 of term k in row k of x, row stride ldx. */
  void (*from_bf16x2)(float *x, const void *bf16x2, int lanes, int64_t depth);
  void (*split_bf16x2)(uint16_t *x, ptrdiff_t ldx, const void *bf16x2, int lanes, int64_t depth);
  /* panel[c][i] = row[i][c]; lanes i >= n_row become 0. row[i] has `channels` floats. */
  void (*pack)(float *panel, ptrdiff_t ld, int lanes, const float *const *row, int n_row, int64_t channels);
  void (*unpack)(const of3_unpack *u);
  /* Layer norm of every lane over the channels, in place; scale and offset [channels] or NULL. */
  void (*norm)(float *panel, ptrdiff_t ld, int lanes, int64_t channels, const float *opt_scale,
               const float *opt_offset);
  /* Softmax of every lane over n rows, in place. */
  void (*softmax)(float *panel, ptrdiff_t ld, int lanes, int64_t n);
  /* panel[c][l] *= mask[l]; mask [lanes]. */
  void (*mask_lanes)(float *panel, ptrdiff_t ld, int lanes, int64_t channels, const float *mask);

  /* ---- n contiguous floats, any n >= 0 */
  void (*act)(float *y, int64_t n, of3_act act);
  void (*silu_mul)(float *a, const float *b, int64_t n);                                  /* a = silu(a) b */
  void (*add)(float *y, const float *x, int64_t n);                                       /* y += x */
  void (*scale)(float *y, float s, int64_t n);                                            /* y *= s */
  void (*axpy)(float *y, float s, const float *x, int64_t n);                             /* y += s x */
  void (*combine)(float *y, float a, const float *p, float b, const float *q, int64_t n); /* y = a p + b q */
  /* sum_i softmax(x)_i t_i */
  float (*softmax_dot)(const float *x, const float *t, int64_t n);
  void (*to_bf16)(uint16_t *y, const float *x, int64_t n); /* rounded to nearest, ties to even */

  /* ---- one row-major row of c channels */
  void (*norm_row)(float *y, const float *x, int64_t c, const float *opt_scale, const float *opt_offset);
  /* y = gate norm(x) + shift */
  void (*ada_norm_row)(float *y, const float *x, int64_t c, const float *gate, const float *shift);

  const of3_between_kernels *between; /* of the backend, as operand is */

  /* ---- attention (kernels_attention.inc) */
  const struct of3_attention_kernels *attention;

  /* ---- backwards (back_kernels.h) */
  const struct of3_back_kernels *back;
} of3_cpu_kernels;

/* The product by the type of a. */
static inline void of3_product(const of3_cpu_kernels *k, const of3_gemm *g) {
  (g->a_type == OF3_BF16 ? k->gemm_bf16 : k->gemm)(g);
}

/* What instruction sets that multiply bf16 have in place of gemm_bf16 and to_bf16x2 (kernels_dot.inc,
 * cpu_amx.c); NULL where not compiled in. */
typedef struct of3_bf16_kernels {
  void (*gemm)(const of3_gemm *g);
  void (*to_bf16x2)(void *bf16x2, const float *x, int lanes, int64_t depth);
  const of3_between_kernels *between;
} of3_bf16_kernels;

const of3_bf16_kernels *of3_bf16_kernels_avx512bf16(void);
const of3_bf16_kernels *of3_bf16_kernels_amx(void);
const of3_bf16_kernels *of3_bf16_kernels_neonbf16(void);

/* NULL where the instruction set is not compiled in. Whether the processor has it is cpu.c's to ask. */
const of3_cpu_kernels *of3_cpu_kernels_avx512(void);
const of3_cpu_kernels *of3_cpu_kernels_avx2(void);
const of3_cpu_kernels *of3_cpu_kernels_neon(void);
const of3_cpu_kernels *of3_cpu_kernels_plain(void);

#endif
