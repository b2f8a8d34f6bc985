/* The attention kernels of one instruction set (kernels_attention.inc), and what their callers share. */
#ifndef OF3_CPU_ATTENTION_H
#define OF3_CPU_ATTENTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cpu/kernels.h"

enum { OF3_ATTEND_KEYS = 128, OF3_ATTEND_SCRATCH = 2 * OF3_ATTEND_KEYS * OF3_LANES /* floats */ };

/* One head, one panel of queries, all keys:
 *
 *   s[key][l] = sum_c k(key,c) q[c][l] + bias[key][l] + key_bias[key]
 *   o[c][l]   = sum_key softmax_key(s)[key][l] v(key,c)
 *
 * Keys are taken in runs of OF3_ATTEND_KEYS with a running maximum and sum (Milakov and Gimelshein 2018), so
 * that scores of one run only exist. Keys and values are the broadcast operands and lie anywhere:
 * k(key,c) = k[key k_key + c k_dim]. A query whose scores are all -1e9 gets the plain average of v, as from a
 * softmax over the whole row.
 *
 * bf16: products of bf16 numbers. q is bf16x2 [(d+1)/2][lanes], k and v are bf16 with k_dim = 1, v_key = 1:
 * keys are rows [key][d], values columns [d][keys]. Probabilities are rounded too; maxima, sums and o are
 * f32. q has no 1/sqrt d in it; scores are multiplied by it as `scale`. */
typedef struct of3_attend {
  const void *q, *k, *v; /* q [d][lanes] with 1/sqrt d in it */
  bool bf16;
  float scale; /* bf16 */
  ptrdiff_t ldq, k_key, k_dim, v_key, v_dim;
  const float *bias; /* [keys][bias_lanes], row stride ld_bias; lanes beyond get 0 */
  ptrdiff_t ld_bias;
  int bias_lanes;
  const float *opt_key_bias; /* [keys] */
  int64_t keys, d;
  int lanes;
  float *o; /* [d][lanes] */
  ptrdiff_t ldo;
  float *scratch; /* [OF3_ATTEND_SCRATCH] */
} of3_attend;

/* y[r][l] = p[r][l] sigmoid(g[r][l]) mask[l]; p and g [rows][lanes] without gaps, y with row stride ldy. */
typedef struct of3_gate_mask {
  float *y;
  ptrdiff_t ldy;
  const float *p, *g, *mask;
  int64_t rows;
  int lanes;
} of3_gate_mask;

/* Of each lane: the largest score so far, and the sum of probabilities relative to it. */
typedef struct of3_attend_state {
  float top[OF3_LANES], sum[OF3_LANES];
} of3_attend_state;

typedef struct of3_attention_kernels {
  void (*attend)(const of3_attend *a); /* not bf16 */
  /* o /= sum */
  void (*attend_end)(const of3_attend *a, const of3_attend_state *state);
  /* p[k][:] += mask[k] ([row[:] +] col_k[:]) for n rows of c channels; rows with mask 0 stay as they are. */
  void (*add_masked)(float *p, int64_t c, const float *opt_row, const float *const *col, const float *mask,
                     int n);
  /* p[k][:] = sum_j f[j][k] w[j][:], f [5][n], w [5][c]: the five features of an atom pair. */
  void (*atom_pair)(float *p, int64_t c, const float *w, const float *f, int n);
} of3_attention_kernels;

/* Whether the backend has bf16 operands, so that attention within an operation multiplies bf16. */
static inline bool of3_attend_bf16(const of3_cpu_kernels *kernels) { return kernels->operand == OF3_BF16; }

/* Attention of n rows of row-major q, gated by rows of g, into rows of y; heads lie next to each other in a
 * row. All are f32, or bf16 if a says so. Sets q, o, lanes and scale of a, whose k, v and bias are those of
 * the first head. */
typedef struct of3_attend_rows {
  const void *q, *g;
  void *y;
  ptrdiff_t stride; /* between rows, bytes */
  int n;
  int64_t heads;
  ptrdiff_t bias_head; /* between the biases of two heads */
  float *scratch;      /* [3 heads d OF3_LANES] */
} of3_attend_rows;

/* Either kind. */
void of3_attend_panel(const of3_cpu_kernels *kernels, const of3_attend *a);

void of3_attend_heads(const of3_cpu_kernels *kernels, of3_attend a, const of3_attend_rows *r);

/* Values as products read them: columns v [width][ld] of n rows of `width` bf16 numbers. */
typedef struct of3_attend_values {
  const void *rows;
  ptrdiff_t stride; /* bytes between rows */
  int64_t n, width;
  uint16_t *v;
  ptrdiff_t ld;   /* >= n rounded up to OF3_LANE_STEP */
  float *scratch; /* [width / 2 OF3_LANES] */
} of3_attend_values;
void of3_attend_columns(const of3_cpu_kernels *kernels, const of3_attend_values *c);

/* The additive mask of docs/model.md 1: 0 or -1e9. */
static inline float of3_mask_bias(float mask) { return 1e9f * (mask - 1.0f); }

/* Keys up to the last one that counts, of n; all where none does. */
static inline int64_t of3_keys_that_count(const float *mask, int64_t n) {
  int64_t last = n;
  while (last > 0 && mask[last - 1] == 0) last--;
  return last > 0 ? last : n;
}

#endif
